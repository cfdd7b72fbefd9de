/*
 * Timers: TIMEOUT (by time, by a count of completions), its removal and update, LINK_TIMEOUT.
 */
#include <errno.h>

#include "engine/guest.h"
#include "engine/multishot.h"
#include "engine/steps.h"

#define NS_PER_S UINT64_C(1000000000)
#define TIMEOUT_FLAGS \
    (IORING_TIMEOUT_ABS | IORING_TIMEOUT_CLOCK_MASK | IORING_TIMEOUT_ETIME_SUCCESS | SRI_TIMEOUT_MULTISHOT)

int sri_copy_time(struct sri_user *door, uint64_t address, uint64_t *time_ns)
{
    struct __kernel_timespec ts;
    if (sri_user_copy_in(door, &ts, (const void *)(uintptr_t)address, sizeof ts) != 0)
        return -EFAULT;
    if (ts.tv_sec < 0 || ts.tv_nsec < 0)
        return -EINVAL;
    uint64_t ns;
    if (__builtin_mul_overflow((uint64_t)ts.tv_sec, NS_PER_S, &ns) ||
        __builtin_add_overflow(ns, (uint64_t)ts.tv_nsec, &ns))
        ns = SRI_NEVER;
    *time_ns = ns;
    return 0;
}

static enum sri_clock clock_of(uint32_t flags)
{
    if (flags & IORING_TIMEOUT_REALTIME)
        return SRI_CLOCK_REALTIME;
    return flags & IORING_TIMEOUT_BOOTTIME ? SRI_CLOCK_BOOTTIME : SRI_CLOCK_MONOTONIC;
}

static uint64_t clock_now(const struct sri_engine *engine, enum sri_clock clock)
{
    const struct sri_world *world = &engine->world;
    if (clock == SRI_CLOCK_MONOTONIC || world->vtable->clock_ns == NULL)
        return sri_now(engine);
    return world->vtable->clock_ns(world->self, clock);
}

/* A moment by another clock is as far away as that clock says now: a clock that is set later is not followed. */
static uint64_t deadline(const struct sri_engine *engine, uint64_t time_ns, uint32_t flags)
{
    uint64_t due_ns;
    if (flags & IORING_TIMEOUT_ABS) {
        uint64_t now_ns = clock_now(engine, clock_of(flags));
        time_ns = time_ns > now_ns ? time_ns - now_ns : 0;
    }
    return __builtin_add_overflow(sri_now(engine), time_ns, &due_ns) ? SRI_NEVER : due_ns;
}

static int prepare(struct sri_request *request, const struct io_uring_sqe *sqe, bool linked)
{
    uint32_t flags = sqe->timeout_flags;
    if (sqe->buf_index != 0 || sqe->len != 1 || sqe->splice_fd_in != 0)
        return -EINVAL;
    if (linked && sqe->off != 0)
        return -EINVAL;
    if ((flags & ~TIMEOUT_FLAGS) || (flags & IORING_TIMEOUT_CLOCK_MASK) == IORING_TIMEOUT_CLOCK_MASK)
        return -EINVAL;
    bool repeats = (flags & SRI_TIMEOUT_MULTISHOT) != 0; /* then the count is of itself */
    if (repeats && (flags & IORING_TIMEOUT_ABS))
        return -EINVAL;
    request->timer =
        (struct sri_timer){.flags = flags, .target = sqe->off, .counts = sqe->off != 0 && !repeats};
    return sri_copy_time(sri_door_of(request), sqe->addr, &request->timer.time_ns);
}

int sri_prepare_timeout(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    return prepare(request, sqe, false);
}

int sri_prepare_link_timeout(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    int error = prepare(request, sqe, true);
    const struct sri_ring *ring = request->ring;
    if (error != 0)
        return error;
    if (ring->chain_head == NULL || ring->chain_last->opcode == IORING_OP_LINK_TIMEOUT)
        return -EINVAL;
    return 0;
}

static void count_no_longer(struct sri_request *request)
{
    if (request->opcode != IORING_OP_TIMEOUT || !request->timer.counts)
        return;
    sri_list_remove(&request->timer.counting);
    request->timer.counts = false;
}

/* Its time has come, or its count is full: the true kernel's timer takes it off the list of those that count at once. */
void sri_timer_over(struct sri_request *request)
{
    count_no_longer(request);
    if (request->opcode == IORING_OP_TIMEOUT && !(request->timer.flags & SRI_TIMEOUT_MULTISHOT))
        request->ring->over++;
}

void sri_timer_arm(struct sri_request *request)
{
    struct sri_engine *engine = request->ring->engine;
    uint64_t due_ns = deadline(engine, request->timer.time_ns, request->timer.flags);
    if (due_ns <= sri_now(engine)) {
        sri_timer_over(request);
        sri_due_push(request, SRI_STEP_EXPIRE);
        return;
    }
    sri_table_list(request);
    sri_later(request, due_ns, SRI_STEP_EXPIRE);
}

static void count_from_now(struct sri_request *request)
{
    struct sri_ring *ring = request->ring;
    struct sri_timer *timer = &request->timer;
    timer->target += ring->flushed - ring->over;
    struct sri_node *after = ring->counting.previous;
    while (after != &ring->counting &&
           SRI_CONTAINER_OF(after, struct sri_request, timer.counting)->timer.target > timer->target)
        after = after->previous;
    sri_list_append(after->next, &timer->counting);
}

bool sri_issue_timeout(struct sri_request *request)
{
    if (request->timer.counts)
        count_from_now(request);
    request->marks &= (uint16_t)~SRI_MARK_INLINE;
    sri_timer_arm(request);
    return false;
}

bool sri_issue_link_timeout(struct sri_request *request)
{
    /* It is armed with the request before it, and ends with it: it is never started by itself. */
    (void)request;
    SRI_REQUIRE(false);
    return true;
}

void sri_timer_disarm(struct sri_request *request)
{
    struct sri_engine *engine = request->ring->engine;
    if (request->place == SRI_PLACE_WHEEL)
        sri_wheel_remove(&engine->wheel, &request->entry);
    else
        sri_due_remove(request);
    request->place = SRI_PLACE_NONE;
    sri_table_unlist(request);
    count_no_longer(request);
}

bool sri_timer_comes_first(const struct sri_request *older, const struct sri_request *newer)
{
    if (!older->timer.counts || !newer->timer.counts)
        return older->timer.counts || !newer->timer.counts;
    return older->timer.target <= newer->timer.target;
}

/*
 * As measured: the link timeout's -ETIME comes before its target's -ECANCELED. The true kernel cancels by user_data there
 * too, so that another of the same value may be the one that ends.
 */
static int32_t limit_reached(struct sri_request *request)
{
    struct sri_request *target = request->timer.guarded;
    if (target == NULL)
        return -ENOENT;
    target->limiter = NULL;
    request->timer.guarded = NULL;
    int error = sri_cancel_same(target->ring, target->user_data);
    return error != 0 ? error : -ETIME;
}

void sri_timer_expired(struct sri_request *request)
{
    if (request->opcode == IORING_OP_LINK_TIMEOUT) {
        request->marks |= SRI_MARK_SEVERED;
        request->result = limit_reached(request);
    } else {
        request->ring->expired++;
        if (sri_timer_repeats(request))
            return;
        request->result = -ETIME;
    }
    sri_end(request);
}

void sri_counting_advance(struct sri_ring *ring)
{
    ring->over -= ring->over_told;
    ring->over_told = 0;
    uint64_t seen = ring->posted - ring->over; /* for all that are looked at together (measured) */
    while (!sri_list_empty(&ring->counting)) {
        struct sri_request *request =
            SRI_CONTAINER_OF(ring->counting.next, struct sri_request, timer.counting);
        if ((int64_t)(request->timer.target - seen) > 0)
            break;
        sri_timer_disarm(request);
        sri_timer_over(request);
        ring->expired++;
        request->result = 0;
        sri_due_push(request, SRI_STEP_END);
    }
    ring->flushed = ring->posted;
}

int sri_prepare_timeout_remove(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    uint32_t flags = sqe->timeout_flags;
    if (sqe->flags & (IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT))
        return -EINVAL;
    if (sqe->buf_index != 0 || sqe->len != 0 || sqe->splice_fd_in != 0)
        return -EINVAL;
    request->search = (struct sri_search){.user_data = sqe->addr, .flags = flags};
    if (!(flags & IORING_TIMEOUT_UPDATE_MASK))
        return flags != 0 ? -EINVAL : 0;
    if (flags & ~(IORING_TIMEOUT_UPDATE_MASK | IORING_TIMEOUT_ABS)) /* a timer keeps its clock */
        return -EINVAL;
    return sri_copy_time(sri_door_of(request), sqe->addr2, &request->search.time_ns);
}

/* A timeout that is moved counts completions no longer (measured). */
static int32_t update(struct sri_request *target, const struct sri_search *search)
{
    if (target->place != SRI_PLACE_WHEEL)
        return -EALREADY;
    sri_timer_disarm(target);
    target->timer.time_ns = search->time_ns;
    target->timer.flags &= ~IORING_TIMEOUT_ABS;
    target->timer.flags |= search->flags & IORING_TIMEOUT_ABS;
    sri_timer_arm(target);
    return 0;
}

/* A time limit that was dismissed in this batch: it may still be changed, which changes nothing (measured). */
static bool is_dismissed(const struct sri_ring *ring, uint64_t user_data)
{
    for (struct sri_node *node = ring->followers.next; node != &ring->followers; node = node->next) {
        const struct sri_request *request = sri_request_of_node(node);
        if (request->opcode == IORING_OP_LINK_TIMEOUT && request->user_data == user_data &&
            request->timer.counts)
            return true;
    }
    return false;
}

bool sri_issue_timeout_remove(struct sri_request *request)
{
    const struct sri_search *search = &request->search;
    bool limiter = (search->flags & IORING_TIMEOUT_UPDATE_MASK) == IORING_TIMEOUT_UPDATE_MASK;
    uint8_t opcode = limiter ? IORING_OP_LINK_TIMEOUT : IORING_OP_TIMEOUT;
    struct sri_request *target = sri_find(request->ring, search->user_data, opcode);
    if (target == NULL)
        request->result = limiter && is_dismissed(request->ring, search->user_data) ? 0 : -ENOENT;
    else if (search->flags & IORING_TIMEOUT_UPDATE) /* the other flag alone makes it a removal (measured) */
        request->result = update(target, search);
    else
        request->result = sri_cancel_one(target);
    return true;
}
