/*
 * Cancelling: finding whom, and taking it out of wherever it waits. A request behind its commit point stays.
 */
#include <errno.h>

#include "engine/files.h"
#include "engine/guest.h"
#include "engine/steps.h"

static bool is_timer(const struct sri_request *request)
{
    return request->opcode == IORING_OP_TIMEOUT || request->opcode == IORING_OP_LINK_TIMEOUT;
}

/* Can it still end without effect, as far as the engine knows? */
static bool is_open(const struct sri_request *target)
{
    switch ((enum sri_place)target->place) {
    case SRI_PLACE_WORLD: return true;
    case SRI_PLACE_WHEEL: return target->step != SRI_STEP_REPORT && target->step != SRI_STEP_NOTIFY;
    case SRI_PLACE_DUE:
    case SRI_PLACE_HELD: return target->step == SRI_STEP_START || target->step == SRI_STEP_ATTEMPT;
    case SRI_PLACE_NONE:
    case SRI_PLACE_CHAIN: break;
    }
    return false;
}

static bool stop_in_world(struct sri_request *target)
{
    struct sri_engine *engine = target->ring->engine;
    if (engine->world.vtable->cancel(engine->world.self, &target->attempt) != 0)
        return false;
    target->place = SRI_PLACE_NONE;
    engine->outside--;
    return true;
}

/* A timer is not found any more; another request is, until it is unlisted. */
static bool take_out(struct sri_request *target)
{
    struct sri_engine *engine = target->ring->engine;
    if (is_timer(target)) {
        sri_timer_disarm(target);
        return true;
    }
    if (target->place == SRI_PLACE_WORLD) {
        if (!stop_in_world(target))
            return false;
    } else if (target->place == SRI_PLACE_WHEEL) {
        sri_wheel_remove(&engine->wheel, &target->entry);
        target->place = SRI_PLACE_NONE;
    } else {
        sri_due_remove(target);
    }
    return true;
}

bool sri_withdraw(struct sri_request *target)
{
    if (!is_open(target) || !take_out(target))
        return false;
    sri_table_unlist(target);
    return true;
}

static uint32_t ask(const struct sri_request *target, enum sri_why why, uint32_t n)
{
    struct sri_question question = {.why = why,
                                    .n = n,
                                    .opcode = target->opcode,
                                    .fd = target->fd,
                                    .user_data = target->user_data,
                                    .length = target->length};
    return sri_pick(&target->ring->engine->chooser, &question);
}

/* Its object has woken it: it is on its way already, and ends in that turn (measured). */
static bool is_woken(const struct sri_request *target)
{
    return (target->place == SRI_PLACE_DUE || target->place == SRI_PLACE_HELD) &&
           target->step == SRI_STEP_ATTEMPT;
}

static int told(struct sri_request *target, int answer)
{
    if (sri_is_watched(target->ring->engine))
        sri_emit_request(target, SRI_EVENT_CANCELLING, answer, 0);
    return answer;
}

/*
 * Whoever is cancelled while it waits for its object stays to be found until it has ended: a second cancel before that is
 * told 0 as well, and by a value it finds the same one again, not the next of the same value (measured).
 */
int sri_cancel_one(struct sri_request *target)
{
    if (target->marks & SRI_MARK_CANCELLED)
        return told(target, 0);
    if (!is_open(target)) {
        target->shots &= (uint8_t)~SRI_SHOT_MULTI; /* the CQE on its way is its last */
        return told(target, -EALREADY);
    }
    uint32_t answer = ask(target, SRI_WHY_CANCEL, 3);
    bool woken = is_woken(target);
    if (answer == 1 || !(woken || take_out(target)))
        return told(target, -EALREADY);
    if (answer == 0 && (target->marks & SRI_MARK_LISTED))
        target->marks |= SRI_MARK_CANCELLED;
    else
        sri_table_unlist(target);
    /* What MSG_WAITALL has already moved is told, as by the true kernel. */
    target->result = target->progress > 0 ? (int32_t)target->progress : -ECANCELED;
    int result = told(target, answer == 2 ? -EALREADY : 0);
    if (woken) {
        target->step = SRI_STEP_END;
        return result;
    }
    target->marks &= (uint16_t)~SRI_MARK_INLINE;
    sri_due_push(target, SRI_STEP_END);
    return result;
}

/* Of timers the one that is to end first by its count, then the oldest; of others the newest (measured). */
struct sri_request *sri_find(struct sri_ring *ring, uint64_t user_data, uint8_t opcode)
{
    struct sri_request *found = NULL;
    struct sri_request *request = sri_table_first(ring->engine, user_data);
    for (; request != NULL; request = request->hash_next) {
        if (request->ring != ring || request->user_data != user_data || request->opcode != opcode ||
            request->place == SRI_PLACE_NONE)
            continue;
        if (!is_timer(request))
            return request;
        if (found == NULL || sri_timer_comes_first(request, found))
            found = request;
    }
    return found;
}

int sri_prepare_cancel(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    uint32_t flags = sqe->cancel_flags;
    if (sqe->off != 0 || sqe->splice_fd_in != 0 || (flags & ~SRI_CANCEL_FLAGS))
        return -EINVAL;
    if ((flags & (IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP)) && (flags & IORING_ASYNC_CANCEL_ANY))
        return -EINVAL;
    request->search = (struct sri_search){.user_data = sqe->addr,
                                          .flags = flags,
                                          .fd = sqe->fd,
                                          .opcode = (uint8_t)sqe->len,
                                          .guest = (uint8_t)request->guest};
    return 0;
}

static bool is_same_file(const struct sri_engine *engine, const struct sri_file *one,
                         const struct sri_file *other)
{
    const struct sri_world *world = &engine->world;
    if (one == other || one == NULL || world->vtable->same_file == NULL)
        return one == other;
    return world->vtable->same_file(world->self, one, other);
}

/*
 * The true kernel's worker looks for the file when it begins, and until then nobody is found by that file. Storage that is
 * with a world's worker is taken to be so: its call takes its time and no more. A splice may wait for ever, and is found.
 */
static bool has_no_file_yet(const struct sri_request *target)
{
    return target->place == SRI_PLACE_WORLD && target->attempt.work != SRI_WORK_SPLICE &&
           (sri_opcode_of(target)->traits & SRI_TRAIT_WORKER) != 0;
}

static bool matches(const struct sri_request *target, const struct sri_search *search,
                    const struct sri_file *file)
{
    if (target->place == SRI_PLACE_NONE || target->opcode == IORING_OP_LINK_TIMEOUT)
        return false;
    if (search->flags & IORING_ASYNC_CANCEL_ANY)
        return true;
    if (search->flags & IORING_ASYNC_CANCEL_FD) {
        if (sri_opcode_of(target)->issue != NULL || has_no_file_yet(target) ||
            !is_same_file(target->ring->engine, target->attempt.file, file))
            return false;
    }
    if ((search->flags & IORING_ASYNC_CANCEL_OP) && target->opcode != search->opcode)
        return false;
    bool keyed = (search->flags & (IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP)) != 0;
    if (!keyed || (search->flags & IORING_ASYNC_CANCEL_USERDATA))
        return target->user_data == search->user_data;
    return true;
}

/* Only one is wanted: either order of the two CQEs. */
static int32_t cancel_single(struct sri_request *target)
{
    bool again = (target->marks & SRI_MARK_CANCELLED) != 0;
    int32_t result = sri_cancel_one(target);
    if (result == 0 && !again && target->place == SRI_PLACE_DUE &&
        ask(target, SRI_WHY_CANCEL_ORDER, 2) == 1) {
        sri_due_remove(target);
        sri_end(target);
    }
    return result;
}

/*
 * The true kernel looks through what its workers have, then through what waits for an object, the newest first, then
 * through the timeouts, in the order in which they will end by their counts, then the oldest first (measured).
 */
enum turn {
    TURN_WORKERS,
    TURN_WAITING,
    TURN_TIMEOUTS,
    TURNS
};

static enum turn turn_of(const struct sri_request *target)
{
    if (is_timer(target))
        return TURN_TIMEOUTS;
    return (target->marks & SRI_MARK_WORKER) && target->place != SRI_PLACE_WORLD ? TURN_WORKERS
                                                                                 : TURN_WAITING;
}

/* What waits is kept in buckets by a hash of its user_data, which are gone through one by one. */
static uint32_t bucket_bits(const struct sri_ring *ring)
{
    uint32_t bits = 0;
    while (bits < 13 && ring->cq_entries >> (bits + 1) != 0)
        bits++;
    return bits <= 6 ? 1 : bits - 5;
}

static uint32_t bucket_of(const struct sri_request *target, uint32_t bits)
{
    return (uint32_t)(target->user_data * UINT64_C(0x61c8864680b583eb) >> (64 - bits));
}

/* Of two that match: is the one that was listed earlier found first? */
static bool comes_first(const struct sri_request *older, const struct sri_request *newer, uint32_t bits)
{
    enum turn turn = turn_of(older);
    if (turn != turn_of(newer))
        return turn < turn_of(newer);
    if (turn == TURN_TIMEOUTS)
        return sri_timer_comes_first(older, newer);
    return turn == TURN_WORKERS || bucket_of(older, bits) < bucket_of(newer, bits);
}

static struct sri_request *first_by_key(struct sri_ring *ring, const struct sri_search *search)
{
    struct sri_request *found = NULL;
    struct sri_request *target = sri_table_first(ring->engine, search->user_data);
    for (; target != NULL; target = target->hash_next) {
        if (target->ring != ring || !matches(target, search, NULL))
            continue;
        /* The table has the newest first. */
        if (found == NULL || comes_first(target, found, 1))
            found = target;
    }
    return found;
}

int sri_cancel_same(struct sri_ring *ring, uint64_t user_data)
{
    struct sri_search search = {.user_data = user_data};
    struct sri_request *target = first_by_key(ring, &search);
    return target == NULL ? -ENOENT : sri_cancel_one(target);
}

static struct sri_request *first_by_walk(struct sri_ring *ring, const struct sri_search *search,
                                         const struct sri_file *file)
{
    struct sri_request *found = NULL;
    uint32_t bits = bucket_bits(ring);
    for (struct sri_node *node = ring->pending.next; node != &ring->pending; node = node->next) {
        struct sri_request *target = SRI_CONTAINER_OF(node, struct sri_request, ring_node);
        if (matches(target, search, file) && (found == NULL || !comes_first(found, target, bits)))
            found = target;
    }
    return found;
}

static int32_t cancel_turn(struct sri_ring *ring, const struct sri_search *search,
                           const struct sri_file *file, enum turn turn)
{
    struct sri_node *next;
    int32_t count = 0;
    for (struct sri_node *node = ring->pending.next; node != &ring->pending; node = next) {
        next = node->next;
        struct sri_request *target = SRI_CONTAINER_OF(node, struct sri_request, ring_node);
        if (turn_of(target) != turn || !matches(target, search, file) ||
            (turn == TURN_TIMEOUTS && target->timer.counts))
            continue;
        sri_cancel_one(target);
        count++;
    }
    return count;
}

static int32_t cancel_counting(struct sri_ring *ring, const struct sri_search *search,
                               const struct sri_file *file)
{
    struct sri_node *next;
    int32_t count = 0;
    for (struct sri_node *node = ring->counting.next; node != &ring->counting; node = next) {
        next = node->next;
        struct sri_request *target = SRI_CONTAINER_OF(node, struct sri_request, timer.counting);
        if (!matches(target, search, file))
            continue;
        sri_cancel_one(target);
        count++;
    }
    return count;
}

/* Many buckets are gone through as one: their order is worth no walk for each. */
#define BUCKETS_APART 16u

static int32_t cancel_waiting(struct sri_ring *ring, const struct sri_search *search,
                              const struct sri_file *file)
{
    uint32_t bits = bucket_bits(ring);
    uint32_t buckets = (1u << bits) <= BUCKETS_APART ? 1u << bits : 1;
    struct sri_node *next;
    int32_t count = 0;
    for (uint32_t bucket = 0; bucket < buckets; bucket++) {
        for (struct sri_node *node = ring->pending.previous; node != &ring->pending; node = next) {
            next = node->previous;
            struct sri_request *target = SRI_CONTAINER_OF(node, struct sri_request, ring_node);
            if (turn_of(target) != TURN_WAITING || !matches(target, search, file) ||
                (buckets > 1 && bucket_of(target, bits) != bucket))
                continue;
            sri_cancel_one(target);
            count++;
        }
    }
    return count;
}

static int32_t cancel_timeouts(struct sri_ring *ring, const struct sri_search *search,
                               const struct sri_file *file)
{
    int32_t count = cancel_counting(ring, search, file);
    return count + cancel_turn(ring, search, file, TURN_TIMEOUTS);
}

static int32_t cancel_all_by_key(struct sri_ring *ring, const struct sri_search *search)
{
    struct sri_request *next;
    int32_t count = 0;
    for (unsigned turn = 0; turn < TURN_TIMEOUTS; turn++) {
        struct sri_request *target = sri_table_first(ring->engine, search->user_data);
        for (; target != NULL; target = next) {
            next = target->hash_next;
            if (target->ring != ring || turn_of(target) != turn || !matches(target, search, NULL))
                continue;
            sri_cancel_one(target);
            count++;
        }
    }
    if (sri_find(ring, search->user_data, IORING_OP_TIMEOUT) != NULL)
        count += cancel_timeouts(ring, search, NULL);
    return count;
}

static int32_t cancel_by_key(struct sri_ring *ring, const struct sri_search *search)
{
    if (search->flags & IORING_ASYNC_CANCEL_ALL)
        return cancel_all_by_key(ring, search);
    struct sri_request *target = first_by_key(ring, search);
    return target == NULL ? -ENOENT : cancel_single(target);
}

static int32_t cancel_by_walk(struct sri_ring *ring, const struct sri_search *search,
                              const struct sri_file *file)
{
    if (!(search->flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY))) {
        struct sri_request *target = first_by_walk(ring, search, file);
        return target == NULL ? -ENOENT : cancel_single(target);
    }
    int32_t count = cancel_turn(ring, search, file, TURN_WORKERS);
    count += cancel_waiting(ring, search, file);
    return count + cancel_timeouts(ring, search, file);
}

static int32_t cancel_by_slot(struct sri_ring *ring, const struct sri_search *search)
{
    const struct sri_file *file = sri_files_at(ring, (uint32_t)search->fd);
    return file == NULL ? -EBADF : cancel_by_walk(ring, search, file);
}

static int32_t cancel_by_file(struct sri_ring *ring, const struct sri_search *search, bool fixed)
{
    const struct sri_world *world = &ring->engine->world;
    if (fixed || (search->flags & IORING_ASYNC_CANCEL_FD_FIXED))
        return cancel_by_slot(ring, search);
    struct sri_file *file = sri_file_get(ring->engine, search->guest, search->fd);
    if (file == NULL)
        return -EBADF;
    int32_t result = cancel_by_walk(ring, search, file);
    world->vtable->file_put(world->self, file);
    return result;
}

int32_t sri_cancel_found(struct sri_ring *ring, const struct sri_search *search, bool fixed)
{
    if (search->flags & IORING_ASYNC_CANCEL_FD)
        return cancel_by_file(ring, search, fixed);
    if (search->flags & (IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_OP))
        return cancel_by_walk(ring, search, NULL);
    return cancel_by_key(ring, search);
}

bool sri_issue_cancel(struct sri_request *request)
{
    bool fixed = (request->sqe_flags & IOSQE_FIXED_FILE) != 0;
    sri_look_unless_told(request->ring->engine);
    request->result = sri_cancel_found(request->ring, &request->search, fixed);
    return true;
}
