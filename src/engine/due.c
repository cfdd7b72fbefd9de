/*
 * The due set: what can make its step now. The list keeps age, the array gives any member in one access.
 */
#include "engine/steps.h"

#include <errno.h>

#include "base/alloc.h"

#define SRI_PUT_OFF 3u /* batches: the end of what a timer limits, and of what is behind that in its chain */

void sri_due_init(struct sri_due *due)
{
    sri_list_init(&due->fifo);
    due->count = 0;
}

int sri_due_reserve(struct sri_due *due, uint32_t capacity)
{
    if (capacity <= due->capacity)
        return 0;
    if (capacity < due->capacity + due->capacity / 16)
        capacity = due->capacity + due->capacity / 16;
    struct sri_request **array = sri_realloc(due->array, capacity * sizeof(struct sri_request *));
    if (array == NULL)
        return -ENOMEM;
    due->array = array;
    due->capacity = capacity;
    return 0;
}

static void add(struct sri_due *due, struct sri_request *request)
{
    SRI_REQUIRE(due->count < due->capacity);
    request->place = SRI_PLACE_DUE;
    request->position = due->count;
    due->array[due->count++] = request;
    sri_list_append(&due->fifo, &request->entry.node);
}

static bool may_run(const struct sri_request *request)
{
    const struct sri_ring *ring = request->ring;
    if (!(ring->setup_flags & IORING_SETUP_DEFER_TASKRUN) || ring->closed)
        return true;
    /* A worker begins when it likes: only what it tells waits to be asked for. */
    return (request->marks & SRI_MARK_INLINE) ||
           ((request->marks & SRI_MARK_WORKER) && request->step == SRI_STEP_START);
}

/* Whoever waits for the ring's own eventfd was woken by a signal, and is no cause for another one (measured). */
static bool waits_for_signal(const struct sri_request *request)
{
    const struct sri_world *world = &request->ring->engine->world;
    const struct sri_file *file = sri_opcode_of(request)->issue == NULL ? request->attempt.file : NULL;
    const struct sri_file *eventfd = request->ring->eventfd;
    if (file == NULL || file == eventfd || world->vtable->same_file == NULL)
        return file == eventfd;
    return world->vtable->same_file(world->self, file, eventfd);
}

/* Whoever hears by an eventfd is told that there is something to ask for, once until it was asked for (measured). */
static void hold(struct sri_request *request)
{
    struct sri_ring *ring = request->ring;
    if (ring->eventfd != NULL && !ring->eventfd_only_async && sri_list_empty(&ring->held) &&
        !waits_for_signal(request))
        sri_eventfd_signal(ring);
    request->place = SRI_PLACE_HELD;
    sri_list_append(&request->ring->held, &request->entry.node);
}

void sri_due_push(struct sri_request *request, enum sri_step step)
{
    SRI_REQUIRE(request->place == SRI_PLACE_NONE);
    request->step = (uint8_t)step;
    if (may_run(request))
        add(&request->ring->engine->due, request);
    else
        hold(request);
}

void sri_due_remove(struct sri_request *request)
{
    struct sri_due *due = &request->ring->engine->due;
    sri_list_remove(&request->entry.node);
    if (request->place == SRI_PLACE_DUE) {
        struct sri_request *last = due->array[--due->count];
        due->array[request->position] = last;
        last->position = request->position;
    }
    request->place = SRI_PLACE_NONE;
}

/* Answer 0 is the oldest wherever it stands; whose index it takes, that one stands in for index 0. */
static struct sri_request *choose(struct sri_engine *engine)
{
    struct sri_due *due = &engine->due;
    struct sri_request *oldest = sri_request_of_node(due->fifo.next);
    if (due->count == 1 || sri_is_kind(engine))
        return oldest;
    struct sri_question question = {.why = SRI_WHY_ORDER,
                                    .n = due->count,
                                    .fd = -1,
                                    .opcode = oldest->opcode,
                                    .user_data = oldest->user_data};
    uint32_t answer = sri_pick(&engine->chooser, &question);
    SRI_REQUIRE(answer < due->count);
    if (answer == 0)
        return oldest;
    return due->array[answer == oldest->position ? 0 : answer];
}

void sri_later(struct sri_request *request, uint64_t due_ns, enum sri_step step)
{
    struct sri_engine *engine = request->ring->engine;
    SRI_REQUIRE(request->place == SRI_PLACE_NONE);
    if (due_ns <= engine->wheel.now_ns) {
        sri_due_push(request, step);
        return;
    }
    request->step = (uint8_t)step;
    request->marks &= (uint16_t)~SRI_MARK_INLINE;
    request->place = SRI_PLACE_WHEEL;
    sri_wheel_insert(&engine->wheel, &request->entry, due_ns);
}

/* Timers of nearly one moment may be seen one by one: an orderly chooser says how many of these now. */
static uint32_t ask_together(struct sri_engine *engine, const struct sri_node *expired)
{
    uint32_t count = 0;
    if (sri_is_kind(engine) || !sri_is_orderly(engine))
        return UINT32_MAX;
    for (const struct sri_node *node = expired->next; node != expired; node = node->next)
        count++;
    struct sri_question question = {.why = SRI_WHY_TOGETHER, .n = count, .fd = -1};
    uint32_t answer = count > 1 ? sri_pick(&engine->chooser, &question) : 0;
    return answer == 0 ? UINT32_MAX : answer;
}

static void turn_to(struct sri_engine *engine, uint64_t now_ns)
{
    struct sri_node expired;
    sri_list_init(&expired);
    sri_wheel_turn(&engine->wheel, now_ns, &expired);
    if (sri_list_empty(&expired))
        return;
    engine->put_off = 0;
    uint32_t together = ask_together(engine, &expired);
    while (!sri_list_empty(&expired)) {
        struct sri_request *request = sri_request_of_node(expired.next);
        sri_list_remove(&request->entry.node);
        request->place = SRI_PLACE_NONE;
        if (together == 0) {
            engine->put_off = SRI_PUT_OFF;
            sri_later(request, engine->wheel.now_ns + 1, (enum sri_step)request->step);
            continue;
        }
        together--;
        if (request->step == SRI_STEP_EXPIRE) {
            sri_table_unlist(request);
            sri_timer_over(request);
        }
        sri_due_push(request, (enum sri_step)request->step);
    }
}

void sri_turn(struct sri_engine *engine)
{
    if (__builtin_expect(engine->let_go_count > 0, 0))
        sri_let_go(engine);
    if (!sri_wheel_empty(&engine->wheel))
        turn_to(engine, sri_now(engine));
}

/*
 * A timer that was put off comes by itself when nothing is left to do; or between two batches, behind what the earlier
 * one's end has led to by then.
 */
static void ask_after_put_off(struct sri_engine *engine)
{
    struct sri_question question = {.why = SRI_WHY_COMES, .n = 2, .fd = -1};
    engine->put_off--;
    if (sri_pick(&engine->chooser, &question) == 0)
        return;
    engine->put_off = 0;
    turn_to(engine, engine->wheel.now_ns + 1);
}

struct sri_request *sri_due_take(struct sri_engine *engine)
{
    if (__builtin_expect(engine->put_off > 0, 0) && engine->batch_left == 0 && engine->due.count > 0)
        ask_after_put_off(engine);
    while (engine->due.count > 0) {
        struct sri_request *request = choose(engine);
        sri_due_remove(request);
        if (may_run(request))
            return request;
        hold(request);
    }
    return NULL;
}

void sri_due_release_held(struct sri_ring *ring)
{
    sri_letters_open(ring);
    while (!sri_list_empty(&ring->held)) {
        struct sri_request *request = sri_request_of_node(ring->held.next);
        sri_list_remove(&request->entry.node);
        request->marks |= SRI_MARK_INLINE;
        add(&ring->engine->due, request);
    }
}
