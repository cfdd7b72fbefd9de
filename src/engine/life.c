/*
 * The life of one request between consumption and CQE: each step it makes, and its end.
 */
#include <errno.h>
#include <sys/socket.h>

#include "engine/files.h"
#include "engine/groups.h"
#include "engine/guest.h"
#include "engine/multishot.h"
#include "engine/steps.h"

#define MUCH_LATER 5u /* index into sri_delay_ns */

static uint32_t ask_delay(struct sri_request *request)
{
    struct sri_question question = {.why = SRI_WHY_DELAY,
                                    .n = SRI_DELAYS,
                                    .opcode = request->opcode,
                                    .fd = request->fd,
                                    .user_data = request->user_data,
                                    .length = request->length};
    return sri_pick(&request->ring->engine->chooser, &question);
}

/* The descriptor is looked up when the operation is issued, also where its attempt comes later (measured). */
static int find_file(struct sri_request *request)
{
    struct sri_engine *engine = request->ring->engine;
    if (request->sqe_flags & IOSQE_FIXED_FILE)
        return sri_files_use(request);
    request->attempt.file = sri_file_get(engine, request->guest, request->fd);
    return request->attempt.file == NULL ? -EBADF : 0;
}

/* A direct descriptor is none of the world's. */
static void close_slot(struct sri_request *request)
{
    request->result = sri_files_close(request->ring, request->file_slot);
    sri_end(request);
}

static void close_number(struct sri_request *request)
{
    struct sri_engine *engine = request->ring->engine;
    sri_closing_begin(request);
    sri_attempt(request);
    engine->closes = false;
}

void sri_attempt_later(struct sri_request *request)
{
    request->shots &= (uint8_t)~SRI_SHOT_FIRST;
    request->marks &= (uint16_t)~SRI_MARK_INLINE;
    sri_table_list(request);
    sri_due_push(request, SRI_STEP_ATTEMPT);
    if (request->marks & SRI_MARK_GUARDED)
        sri_chain_arm(request);
}

static inline void issue(struct sri_request *request, const struct sri_opcode *opcode)
{
    if (opcode->issue == NULL) {
        if (request->shots & SRI_SHOT_FIRST) {
            sri_attempt_later(request);
            return;
        }
        if ((opcode->traits & SRI_TRAIT_CLOSES) && request->file_slot != 0) {
            close_slot(request);
            return;
        }
        if (opcode->traits & SRI_TRAIT_CLOSES)
            close_number(request);
        else
            sri_attempt(request);
        return;
    }
    if (opcode->issue(request))
        sri_end(request);
    else if (request->marks & SRI_MARK_GUARDED)
        sri_chain_arm(request);
}

/* Refused when it is issued: in the order of all ends, unless there is nobody to choose one. */
static void end_refused(struct sri_request *request, int error)
{
    request->result = error;
    if (sri_is_orderly(request->ring->engine) || !(request->marks & SRI_MARK_INLINE))
        sri_end(request);
    else
        sri_due_push(request, SRI_STEP_END);
}

/* When it is attempted is a freedom of the kernel. */
static void issue_by_choice(struct sri_request *request, const struct sri_opcode *opcode)
{
    bool inline_ = (request->marks & SRI_MARK_INLINE) != 0;
    uint32_t delay = ask_delay(request);
    SRI_REQUIRE(delay <= SRI_HOLD);
    if (delay == 0 && !inline_) {
        issue(request, opcode);
        return;
    }
    sri_table_list(request);
    if (delay == 0)
        sri_due_push(request, SRI_STEP_ATTEMPT);
    else if (delay == SRI_HOLD)
        sri_later(request, SRI_HELD_NS, SRI_STEP_ATTEMPT);
    else
        sri_later(request, sri_now(request->ring->engine) + sri_delay_ns[delay], SRI_STEP_ATTEMPT);
    if (request->marks & SRI_MARK_GUARDED)
        sri_chain_arm(request);
}

/* The answer to SRI_WHY_WORKER. */
static uint32_t ask_worker(struct sri_request *request)
{
    const struct sri_engine *engine = request->ring->engine;
    if (sri_is_kind(engine) || !sri_is_orderly(engine))
        return 0;
    struct sri_question question = {.why = SRI_WHY_WORKER,
                                    .n = 3,
                                    .opcode = request->opcode,
                                    .fd = request->fd,
                                    .user_data = request->user_data,
                                    .length = request->length};
    return sri_pick(&engine->chooser, &question);
}

/* IOSQE_ASYNC, asked for or not: given to a worker, who finds it when the submission is over. True: it is out of the submitter's hands. */
static bool hand_over(struct sri_request *request, uint32_t when)
{
    bool inline_ = (request->marks & SRI_MARK_INLINE) != 0;
    request->marks &= (uint16_t)~SRI_MARK_INLINE;
    request->marks |= SRI_MARK_WORKER;
    if (!inline_ && when < 2)
        return false;
    sri_table_list(request);
    if (when == 2)
        sri_later(request, sri_now(request->ring->engine) + sri_delay_ns[MUCH_LATER], SRI_STEP_START);
    else
        sri_due_push(request, SRI_STEP_START);
    return true;
}

/* Who carries it out? True: a worker, and not now. */
static bool is_handed_over(struct sri_request *request, const struct sri_opcode *opcode)
{
    if (request->marks & SRI_MARK_WORKER)
        return false;
    bool out_of_line = (request->sqe_flags & IOSQE_ASYNC) || (opcode->traits & SRI_TRAIT_WORKER);
    uint32_t when = ask_worker(request);
    return (out_of_line || when > 0) && hand_over(request, when);
}

void sri_start(struct sri_request *request)
{
    const struct sri_opcode *opcode = sri_opcode_of(request);
    if (is_handed_over(request, opcode))
        return;
    int error = request->guest != 0 ? sri_guest_admit(request) : 0;
    if (error == 0 && (opcode->traits & SRI_TRAIT_FILE))
        error = find_file(request);
    if (error == 0)
        error = request->result; /* found at preparation, but told when it is issued */
    if (error == 0 && (request->ring->setup_flags & IORING_SETUP_IOPOLL))
        error = sri_iopoll_admit(request);
    if (error == 0 && opcode->admit != NULL)
        error = opcode->admit(request);
    if (error == 0 && request->guest != 0)
        error = sri_guest_stage(request);
    if (error != 0 && (request->shots & SRI_SHOT_SELECT) && request->attempt.file != NULL)
        error = sri_select_in_vain(request, error);
    if (error != 0)
        end_refused(request, error);
    else if (sri_is_orderly(request->ring->engine) || (opcode->traits & SRI_TRAIT_PROMPT))
        issue(request, opcode);
    else
        issue_by_choice(request, opcode);
}

void sri_step(struct sri_request *request)
{
    struct sri_ring *ring = request->ring;
    sri_ring_enter(ring);
    request->marks &= (uint16_t)~SRI_MARK_INLINE;
    if (ring->closed && request->step != SRI_STEP_REPORT && request->step != SRI_STEP_FINISH) {
        sri_drop(request);
        sri_ring_leave(ring);
        return;
    }
    if (request->guest != 0 && sri_guest_is_too_late(request))
        request->step = SRI_STEP_END;
    switch ((enum sri_step)request->step) {
    case SRI_STEP_START: sri_start(request); break;
    case SRI_STEP_ATTEMPT: issue(request, sri_opcode_of(request)); break;
    case SRI_STEP_REPORT: sri_report(request); break;
    case SRI_STEP_END: sri_end(request); break;
    case SRI_STEP_FINISH: sri_finished(request); break;
    case SRI_STEP_EXPIRE: sri_timer_expired(request); break;
    case SRI_STEP_NOTIFY: sri_notified(request); break;
    }
    if (!ring->consuming)
        sri_counting_advance(ring);
    sri_drain_advance(ring);
    sri_ring_leave(ring);
}

/*
 * What is due together is a batch too, ring by ring, as task work is in the true kernel: with nobody to choose, in the order
 * in which it became due. What becomes due on the way is another one, and so is what a worker does.
 */
struct round {
    struct sri_ring *ring; /* whose batch has begun; NULL: none */
    uint32_t left;         /* of what was due when it began */
};

static void leave_batch(struct round *round)
{
    struct sri_ring *ring = round->ring;
    round->ring = NULL;
    if (ring == NULL)
        return;
    sri_batch_follow(ring);
    sri_batch_end(ring);
    sri_ring_leave(ring);
}

/*
 * Between two of a batch the true kernel lets others run where somebody wants to: what has ended so far is published, and what
 * follows it is due before what the rest of the batch brings. A ring that defers goes through its batch at one go.
 */
static bool is_broken_off(const struct round *round, const struct sri_ring *ring)
{
    const struct sri_engine *engine = ring->engine;
    bool matters = !sri_list_empty(&ring->followers) ||
                   (!sri_list_empty(&ring->counting) && ring->posted != ring->flushed);
    if (!matters || round->ring != ring || sri_is_kind(engine) ||
        (ring->setup_flags & IORING_SETUP_DEFER_TASKRUN))
        return false;
    struct sri_question question = {.why = SRI_WHY_BREAK, .n = 2, .fd = ring->fd};
    return sri_pick(&engine->chooser, &question) == 1;
}

static void join_batch(struct round *round, const struct sri_request *request)
{
    struct sri_ring *ring = request->ring;
    bool worker = (request->marks & SRI_MARK_WORKER) != 0;
    SRI_REQUIRE(ring != NULL);
    bool gathers = ring == ring->engine->gathering && ring->gathered < ring->wanted;
    if ((round->left == 0 && !gathers) || worker || ring != round->ring || is_broken_off(round, ring))
        leave_batch(round);
    if (round->left == 0) {
        sri_closing_turn(ring->engine);
        round->left = ring->engine->due.count + 1;
    }
    if (round->ring != NULL || worker || ring->closed)
        return;
    round->ring = ring;
    sri_ring_enter(ring);
    sri_batch_begin(ring);
    ring->consuming = true;
}

/* A ring that defers goes on within the batch while it has not done as much as is waited for (measured). */
static bool gathers_more(struct sri_engine *engine)
{
    struct sri_ring *ring = engine->gathering;
    if (ring == NULL || ring->gathered >= ring->wanted || sri_list_empty(&ring->held))
        return false;
    sri_due_release_held(ring);
    return true;
}

uint64_t sri_run(struct sri_engine *engine, uint64_t limit)
{
    bool in_order = sri_is_orderly(engine);
    struct round round = {NULL, 0};
    uint64_t steps = 0;
    while (limit == 0 || steps < limit) {
        struct sri_request *request = sri_due_take(engine);
        if (request == NULL && gathers_more(engine))
            continue;
        if (request == NULL && round.ring == NULL) {
            if (!sri_closing_next(engine))
                break;
            continue;
        }
        if (request == NULL) {
            leave_batch(&round); /* what follows in its chains is due now */
            continue;
        }
        if (in_order)
            join_batch(&round, request);
        request->ring->gathered++;
        round.left -= in_order;
        engine->batch_left = round.left;
        sri_step(request);
        steps++;
    }
    leave_batch(&round);
    engine->batch_left = 0;
    return steps;
}

/* The true kernel forgets to fail the request where the call it makes for it fails; not where it never came to the call. */
static bool is_forgiven(const struct sri_request *request, const struct sri_opcode *opcode)
{
    return (opcode->traits & SRI_TRAIT_LENIENT) != 0 && request->result != -ECANCELED &&
           (request->marks & (SRI_MARK_ASKED | SRI_MARK_COMMITTED)) != 0;
}

/* What the next of a chain makes of it: an error, or fewer bytes than asked for where that counts. */
static bool has_failed(const struct sri_request *request, const struct sri_opcode *opcode)
{
    if (request->result < 0) {
        if (is_forgiven(request, opcode))
            return false;
        return !(request->opcode == IORING_OP_TIMEOUT && request->result == -ETIME &&
                 (request->timer.flags & IORING_TIMEOUT_ETIME_SUCCESS));
    }
    if (opcode->traits & SRI_TRAIT_SHORT_BREAKS)
        return true;
    return (opcode->traits & SRI_TRAIT_MESSAGE) && (request->attempt.flags & MSG_WAITALL);
}

static bool is_whole(const struct sri_request *request)
{
    return request->result >= 0 && (uint64_t)(uint32_t)request->result >= request->length;
}

static void judge(struct sri_request *request)
{
    if (!has_failed(request, sri_opcode_of(request)))
        return;
    request->marks |= SRI_MARK_FAILED;
    if (request->marks & SRI_MARK_SKIP) {
        request->marks &= (uint16_t)~SRI_MARK_SKIP;
        request->marks |= SRI_MARK_SKIP_CHAIN;
    }
}

static inline void post_end(struct sri_request *request)
{
    struct sri_ring *ring = request->ring;
    bool watched = sri_is_watched(ring->engine);
    if (request->marks & SRI_MARK_SKIP) {
        if (watched)
            sri_emit_request(request, SRI_EVENT_SKIPPED, request->result, 0);
        return;
    }
    sri_post(ring, request->user_data, request->result, request->cqe_flags);
    if (ring->eventfd_only_async && sri_is_workers(request))
        ring->eventfd_due = true;
    /* A timeout's own end is not among the completions that timeouts count. */
    if (request->opcode == IORING_OP_TIMEOUT && (request->result == -ETIME || request->result == 0)) {
        ring->posted--;
        ring->over_told += !(request->timer.flags & SRI_TIMEOUT_MULTISHOT);
    }
    if (watched)
        sri_emit_request(request, SRI_EVENT_COMPLETED, request->result, request->cqe_flags);
}

static void release_blocks(struct sri_request *request)
{
    struct sri_arena *arena = &request->ring->engine->arena;
    if (sri_opcode_of(request)->release != NULL && request->attempt.argument != NULL)
        sri_opcode_of(request)->release(request);
    sri_arena_release(arena, request->attempt.argument);
    if (request->segment_count > 1)
        sri_arena_release(arena, request->segments);
    sri_arena_release(arena, request->staging);
}

static void release_file(struct sri_request *request)
{
    struct sri_engine *engine = request->ring->engine;
    if (request->file_node != 0)
        sri_request_put_file(request);
    else
        engine->world.vtable->file_put(engine->world.self, request->attempt.file);
}

/* A poll that goes on is known to its world between attempts too. */
static void forget_attempt(struct sri_request *request)
{
    const struct sri_world *world = &request->ring->engine->world;
    if (world->vtable->forget != NULL && request->attempt.state != NULL)
        world->vtable->forget(world->self, &request->attempt);
}

static inline void release(struct sri_request *request)
{
    struct sri_engine *engine = request->ring->engine;
    const struct sri_opcode *opcode = sri_opcode_of(request);
    if (opcode->issue == NULL) {
        if (request->attempt.edge != SRI_EDGE_NONE)
            forget_attempt(request);
        if (request->attempt.file != NULL)
            release_file(request);
        if ((opcode->traits & SRI_TRAIT_BUFFER) && request->buffer_node != 0)
            sri_request_put_buffer(request);
        if (request->attempt.argument != NULL || request->segment_count > 1 || request->staging != NULL)
            release_blocks(request);
    }
    request->ring->in_flight--;
    engine->in_flight--;
    sri_slab_give(&engine->slab, request);
}

/* The request stays until its notification. What is linked behind a success starts after that is under way (measured). */
static struct sri_request *end_and_notify(struct sri_request *request)
{
    struct sri_request *next = NULL;
    bool chained = (request->marks & SRI_MARK_CHAINED) != 0;
    bool failed = (request->marks & SRI_MARK_FAILED) != 0;
    sri_notification_announce(request);
    post_end(request);
    bool notifies = (request->shots & SRI_SHOT_NOTIFY) != 0;
    if (notifies && !failed)
        sri_notification_begin(request);
    if (chained)
        next = sri_chain_ended(request);
    if (!notifies)
        release(request);
    else if (failed)
        sri_notification_begin(request);
    return next;
}

static inline struct sri_request *end_one(struct sri_request *request)
{
    SRI_REQUIRE(request->place == SRI_PLACE_NONE);
    if (!is_whole(request) && !(request->marks & SRI_MARK_SEVERED))
        judge(request);
    sri_table_unlist(request);
    if (request->shots & SRI_SHOT_NOTIFY)
        return end_and_notify(request);
    post_end(request);
    struct sri_request *next = (request->marks & SRI_MARK_CHAINED) ? sri_chain_ended(request) : NULL;
    release(request);
    return next;
}

void sri_end(struct sri_request *request)
{
    if (request->marks & SRI_MARK_WORKER) {
        request->marks &= (uint16_t) ~(SRI_MARK_WORKER | SRI_MARK_INLINE);
        sri_due_push(request, SRI_STEP_END);
        return;
    }
    do {
        request = end_one(request);
    } while (request != NULL);
}

void sri_drop(struct sri_request *request)
{
    sri_table_unlist(request);
    release(request);
}
