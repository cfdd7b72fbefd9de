/*
 * The attempt in the world. Its commit point is the one place where an operation's result is decided: before it a cancel
 * has no effect on the object, after it only the copy to the program's memory and the CQE may still be late.
 */
#include <errno.h>
#include <limits.h>
#include <sys/socket.h>

#include "engine/groups.h"
#include "engine/multishot.h"
#include "engine/segments.h"
#include "engine/steps.h"

#define DIRECT_BLOCK 4096u /* no device of today wants more */

static uint32_t ask(struct sri_request *request, enum sri_why why, uint32_t n, const int16_t *errnos)
{
    bool asks = request->attempt.file != NULL && !sri_is_kind(request->ring->engine);
    uint32_t object = asks ? sri_object_of(request) : 0;
    struct sri_question question = {.why = why,
                                    .n = n,
                                    .opcode = request->opcode,
                                    .fd = request->fd,
                                    .user_data = request->user_data,
                                    .length = request->length,
                                    .errnos = errnos,
                                    .object = object,
                                    .has_object = request->attempt.file != NULL};
    uint32_t answer = sri_pick(&request->ring->engine->chooser, &question);
    SRI_REQUIRE(answer < n || n == 0);
    return answer;
}

static uint64_t cut(uint64_t length, uint32_t answer)
{
    switch (answer) {
    case 0: return length;
    case 1: return 1;
    case 2: return length / 2;
    case 3: return length - 1;
    default: return length / 4 > 0 ? length / 4 : 1;
    }
}

/* Its memory must lie as the device wants it: staging memory does not. */
static bool is_direct(const struct sri_request *request)
{
    return request->attempt.file != NULL && (sri_object_of(request) & SRI_OBJECT_DIRECT) != 0;
}

/* Direct input and output stops at a block's end: at least one block is moved, or all. */
static uint64_t shortened(const struct sri_request *request, uint32_t answer)
{
    uint64_t length = cut(request->length, answer);
    if (answer == 0 || !is_direct(request))
        return length;
    length -= length % DIRECT_BLOCK;
    if (length == 0)
        length = DIRECT_BLOCK;
    return length < request->length ? length : request->length;
}

/* The program's memory gets the bytes late. Without staging memory: at once. */
static void stage(struct sri_request *request)
{
    struct sri_engine *engine = request->ring->engine;
    if (sri_segments_writable(&engine->user, sri_segments_of(request), request->segment_count,
                              request->length) == 0)
        (void)sri_stage(request);
}

/* The freedoms of one operation, asked once. False: it ended here, before anything was attempted. */
static bool ask_freedoms(struct sri_request *request)
{
    const struct sri_opcode *opcode = sri_opcode_of(request);
    request->marks |= SRI_MARK_ASKED;
    if (opcode->errno_count > 0) {
        uint32_t answer = ask(request, SRI_WHY_ERRNO, opcode->errno_count + 1u, opcode->errnos);
        if (answer > 0) {
            request->result = -opcode->errnos[answer - 1];
            return false;
        }
    }
    bool whole = (opcode->traits & SRI_TRAIT_MESSAGE) && (request->attempt.flags & (MSG_WAITALL | MSG_TRUNC));
    if ((opcode->traits & SRI_TRAIT_SHORT) && request->length > 1 && !whole) {
        uint32_t answer = ask(request, SRI_WHY_SHORT, 5, NULL);
        request->attempt.limit = shortened(request, answer);
    }
    if ((opcode->traits & SRI_TRAIT_TARGET) && request->length > 0 && !whole) {
        request->copy = (uint8_t)ask(request, SRI_WHY_COPY, 3, NULL);
        if (request->copy > 0 && !(request->marks & SRI_MARK_STAGED) && !is_direct(request))
            stage(request);
    }
    return true;
}

/* MSG_TRUNC answers with the true length of a message, which may be more than there is room for. */
static uint64_t moved(const struct sri_request *request, int64_t result)
{
    uint64_t bytes = request->progress + (result > 0 ? (uint64_t)result : 0);
    return bytes < request->length ? bytes : request->length;
}

static bool shows_target(const struct sri_request *request)
{
    return sri_is_watched(request->ring->engine) && (sri_opcode_of(request)->traits & SRI_TRAIT_TARGET);
}

static void touch(struct sri_request *request)
{
    struct sri_engine *engine = request->ring->engine;
    request->marks |= SRI_MARK_TOUCHING;
    if (!(engine->needless & 1u << SRI_EVENT_TOUCH))
        sri_emit_request(request, SRI_EVENT_TOUCH, 0, 0);
    engine->user.known = (struct sri_user_known){.wanted = true};
}

static void touched(struct sri_request *request, int64_t result)
{
    if (!(request->marks & SRI_MARK_TOUCHING))
        return;
    request->marks &= (uint16_t)~SRI_MARK_TOUCHING;
    sri_emit_touched(request, moved(request, result));
}

/* True: it goes on, and is to be attempted again. */
static bool report(struct sri_request *request)
{
    const struct sri_opcode *opcode = sri_opcode_of(request);
    if ((request->marks & SRI_MARK_STAGED) && (opcode->traits & SRI_TRAIT_TARGET) && request->result > 0)
        sri_stage_copy_out(request);
    if (opcode->finish != NULL)
        opcode->finish(request);
    if (request->ring->closed) {
        sri_drop(request);
        return false;
    }
    if ((request->shots & SRI_SHOT_MULTI) && sri_shot(request))
        return true;
    sri_end(request);
    return false;
}

void sri_report(struct sri_request *request)
{
    if (report(request))
        sri_attempt(request);
}

/* What the file refuses before the call is told at once. */
static bool fails_late(const struct sri_request *request)
{
    return (sri_opcode_of(request)->traits & SRI_TRAIT_FAILS_LATE) != 0 && request->result != -EBADF &&
           sri_is_orderly(request->ring->engine);
}

static bool commit(struct sri_request *request, int64_t result)
{
    struct sri_engine *engine = request->ring->engine;
    request->result = result > INT_MAX ? INT_MAX : (int32_t)result;
    request->marks |= SRI_MARK_COMMITTED;
    if (sri_is_watched(engine))
        sri_emit_request(request, SRI_EVENT_COMMITTED, request->result, 0);
    if (result < 0 && fails_late(request)) {
        request->marks &= (uint16_t)~SRI_MARK_INLINE;
        if (request->marks & SRI_MARK_GUARDED) /* until then its limit can be found and changed (measured) */
            sri_chain_arm(request);
        sri_due_push(request, SRI_STEP_REPORT);
        return false;
    }
    if (sri_is_kind(engine) || request->ring->closed)
        return report(request);
    if ((request->marks & SRI_MARK_STAGED) && request->copy == 2 && request->result > 0)
        sri_stage_scribble(request);
    uint32_t delay = ask(request, SRI_WHY_REPORT, SRI_DELAYS, NULL);
    if (delay == 0)
        return report(request);
    sri_table_list(request);
    sri_later(request, sri_now(engine) + sri_delay_ns[delay], SRI_STEP_REPORT);
    return false;
}

/* MSG_WAITALL: the rest of the segments is attempted too, until all is there or there is no more to come. */
static bool goes_on(struct sri_request *request, int64_t result)
{
    if (result <= 0 || !(sri_opcode_of(request)->traits & SRI_TRAIT_MESSAGE) ||
        !(request->attempt.flags & MSG_WAITALL) || request->attempt.whole ||
        (uint64_t)result >= request->attempt.limit)
        return false;
    return sri_segments_advance(request, (uint64_t)result) == 0;
}

static void wait_in_world(struct sri_request *request)
{
    request->place = SRI_PLACE_WORLD;
    request->marks &= (uint16_t)~SRI_MARK_INLINE;
    request->ring->engine->outside++;
    if ((request->marks & SRI_MARK_LISTED) && !(request->shots & SRI_SHOT_MULTI))
        sri_table_take_out(request); /* whoever waits anew is the newest */
    sri_table_list(request);
    if ((request->marks & SRI_MARK_GUARDED))
        sri_chain_arm(request);
}

static bool done(struct sri_request *request, int64_t result)
{
    if (request->progress > 0)
        result = result > 0 ? (int64_t)request->progress + result : (int64_t)request->progress;
    return commit(request, result);
}

/*
 * MSG_WAITALL has moved a part, and the rest can be told at once: that there is no more, as a rule. The true kernel finds it when it
 * begins to wait, and leaves it to the turn of what was woken (measured).
 */
static void finish_in_turn(struct sri_request *request, int64_t result)
{
    request->result = result > INT_MAX ? INT_MAX : (int32_t)result;
    request->marks &= (uint16_t)~SRI_MARK_INLINE;
    if (request->marks & SRI_MARK_GUARDED)
        sri_chain_arm(request);
    sri_due_push(request, SRI_STEP_FINISH);
}

static bool end_unattempted(struct sri_request *request, int32_t result)
{
    request->result = result;
    sri_end(request);
    return false;
}

/* Has it a buffer, where it takes one? Else it ended. */
static bool has_buffer(struct sri_request *request)
{
    if (!(request->shots & SRI_SHOT_SELECT) || (request->shots & SRI_SHOT_TAKEN))
        return true;
    int error = sri_select(request);
    if (error == 0)
        return true;
    sri_select_return(request);
    bool woken = request->copy == SRI_COPY_WOKEN;
    request->copy = 0;
    if (error != -ENOBUFS || woken || !sri_shot_watch(request))
        return end_unattempted(request, error);
    wait_in_world(request);
    return false;
}

/* True: to be attempted again at once. */
static bool attempt(struct sri_request *request)
{
    struct sri_engine *engine = request->ring->engine;
    const struct sri_world_vtable *world = engine->world.vtable;
    bool plain = request->shots == 0;
    if (!plain) {
        sri_shot_resume(request);
        if (!has_buffer(request))
            return false;
    }
    if (!sri_is_orderly(engine) && !(request->marks & SRI_MARK_ASKED) && !ask_freedoms(request)) {
        sri_select_settle(request, request->result);
        return end_unattempted(request, request->result);
    }
    bool shown = shows_target(request) && !(request->marks & SRI_MARK_STAGED);
    for (bool again = false;; again = true) {
        if (shown)
            touch(request);
        int64_t result = 0;
        enum sri_answer answer = world->start(engine->world.self, &request->attempt, &result);
        if (answer == SRI_RUNNING) {
            sri_select_keep(request);
            wait_in_world(request);
            return false;
        }
        touched(request, answer == SRI_DONE ? result : 0);
        if (answer == SRI_WAIT) {
            sri_select_return(request);
            wait_in_world(request);
            return false;
        }
        if (!plain)
            sri_select_settle(request, result);
        if (again && sri_is_orderly(engine)) {
            finish_in_turn(request, result);
            return false;
        }
        if (!goes_on(request, result))
            return done(request, result);
    }
}

void sri_attempt(struct sri_request *request)
{
    bool again = attempt(request);
    while (again) {
        if (sri_shot_is_many(request)) {
            sri_attempt_later(request);
            return;
        }
        request->copy = 0;
        again = attempt(request);
        if (again)
            sri_shot_count(request);
    }
}

void sri_poll_again(struct sri_request *request)
{
    struct sri_engine *engine = request->ring->engine;
    int64_t result = 0;
    if (engine->world.vtable->start(engine->world.self, &request->attempt, &result) == SRI_WAIT) {
        wait_in_world(request);
        return;
    }
    request->result = (int32_t)result;
    request->marks |= SRI_MARK_COMMITTED;
    if (sri_is_watched(engine))
        sri_emit_request(request, SRI_EVENT_COMMITTED, request->result, 0);
    sri_due_push(request, SRI_STEP_REPORT);
}

static struct sri_request *come_back(struct sri_attempt *attempt)
{
    struct sri_request *request = SRI_CONTAINER_OF(attempt, struct sri_request, attempt);
    SRI_REQUIRE(request->place == SRI_PLACE_WORLD);
    request->place = SRI_PLACE_NONE;
    request->ring->engine->outside--;
    return request;
}

void sri_engine_ready(struct sri_engine *engine, struct sri_attempt *attempt)
{
    const struct sri_engine_options *options = &engine->options;
    if (options->called_back != NULL)
        options->called_back(options->called_back_self, attempt, NULL);
    struct sri_request *request = come_back(attempt);
    if ((request->shots & SRI_SHOT_MULTI) && sri_is_orderly(engine))
        request->copy = SRI_COPY_WOKEN;
    sri_due_push(request, SRI_STEP_ATTEMPT);
    sri_notify(request->ring);
}

void sri_engine_finish(struct sri_engine *engine, struct sri_attempt *attempt, int64_t result)
{
    const struct sri_engine_options *options = &engine->options;
    if (options->called_back != NULL)
        options->called_back(options->called_back_self, attempt, &result);
    struct sri_request *request = come_back(attempt);
    touched(request, result);
    request->result = result > INT_MAX ? INT_MAX : (int32_t)result;
    sri_due_push(request, SRI_STEP_FINISH);
    sri_notify(request->ring);
}

/* The second half of a running attempt, at a moment when the engine works. */
void sri_finished(struct sri_request *request)
{
    int64_t result = request->result;
    if (goes_on(request, result) || done(request, result))
        sri_attempt(request);
}
