/*
 * Waiting for completions one step at a time, each of which submits, enters, reaps; and sr_ring_next(). Never loses what
 * arrives for others (OP-4), and never waits for what cannot come (OP-8).
 */
#include "ring/enter.h"

uint64_t sri_deadline(const struct sr_ring *ring, uint64_t timeout_ns)
{
    if (timeout_ns == SR_FOREVER)
        return SR_FOREVER;
    uint64_t now = ring->kernel.vtable->now_ns(ring->kernel.self);
    return timeout_ns >= SR_FOREVER - now ? SR_FOREVER : now + timeout_ns;
}

uint64_t sri_time_left(const struct sr_ring *ring, uint64_t deadline_ns)
{
    if (deadline_ns == SR_FOREVER)
        return SR_FOREVER;
    uint64_t now = ring->kernel.vtable->now_ns(ring->kernel.self);
    return now < deadline_ns ? deadline_ns - now : 0;
}

/* How often in a row a waiting call bears that the kernel takes nothing, and how long it lets the kernel work between. */
#define REFUSALS_MAX 1000u
#define REFUSAL_PAUSE_NS UINT64_C(1000000)

/*
 * -EAGAIN and -EBUSY say that the kernel takes no entries now. What it took before goes on meanwhile, so it is given time
 * and asked again: an operation under way may be waiting for just the entry that was refused.
 */
static int wait_without_submitting(struct sr_ring *ring, uint64_t timeout_ns, int why)
{
    if (ring->refusals++ >= REFUSALS_MAX) {
        ring->refusals = 0;
        return why;
    }
    uint64_t pause = timeout_ns < REFUSAL_PAUSE_NS ? timeout_ns : REFUSAL_PAUSE_NS;
    int rc = sri_enter_any(ring, 0, pause != 0 ? 1 : 0, IORING_ENTER_GETEVENTS, pause);
    sri_reap(ring);
    sri_mark_submitted(ring);
    return rc == -EAGAIN || rc == -EBUSY || rc == -EINTR || rc == -ETIME ? 0 : rc < 0 ? rc : 0;
}

int sri_refused(struct sr_ring *ring, uint64_t timeout_ns, int rc)
{
    if (rc == -EINTR)
        return 0;
    return rc == -EAGAIN || rc == -EBUSY ? wait_without_submitting(ring, timeout_ns, rc) : rc;
}

int sri_progress_with_errands(struct sr_ring *ring, uint64_t timeout_ns)
{
    sri_run_errands(ring);
    sri_count_overflow(ring);
    int rc =
        sri_enter_any(ring, sri_queued(ring), timeout_ns != 0 ? 1 : 0, IORING_ENTER_GETEVENTS, timeout_ns);
    sri_reap(ring);
    sri_mark_submitted(ring);
    if (rc < 0)
        return sri_refused(ring, timeout_ns, rc);
    ring->refusals = 0;
    return 0;
}

int sri_progress(struct sr_ring *ring, uint64_t timeout_ns)
{
    return sri_progress_inline(ring, timeout_ns);
}

/* Anything for sr_ring_next()? Posted values first: they cost nothing and wait for nobody. */
static bool take_next(struct sr_ring *ring, struct sr_completion *done)
{
    if (sri_posts_any(ring) && sri_posts_take(ring, done))
        return true;
    return ring->ready.head != SRI_NO_SLOT &&
           sri_slot_deliver(ring, &ring->hot.slots[ring->ready.head], done) == 0;
}

/* How many are in done[]: `taken` of them already, and what else is there. */
static size_t take_all(struct sr_ring *ring, struct sr_completion done[], size_t room, size_t taken)
{
    while (taken < room && take_next(ring, &done[taken]))
        taken++;
    return taken;
}

/* Waits until something is in done[], where completions arrive without a detour as long as the taker stands. */
SRI_IN_LINE int wait_for_some(struct sr_ring *ring, uint64_t timeout_ns, struct sr_completion done[],
                              size_t room, size_t *taken)
{
    sri_reap(ring);
    uint64_t deadline = sri_deadline(ring, timeout_ns);
    for (int step = 0;;) {
        sri_run_callbacks(ring);
        *taken = take_all(ring, done, room, (size_t)(ring->taker.next - done));
        if (*taken > 0)
            return 0;
        if (step != 0)
            return step;
        if (ring->hot.detached == 0 && !ring->awaits_posts)
            return SR_ENOTHING_IN_FLIGHT;
        if (sri_queue_full(ring))
            return SR_EQUEUE_FULL;
        step = sri_progress_until(ring, deadline);
    }
}

SRI_IN_LINE int next(struct sr_ring *ring, uint64_t timeout_ns, struct sr_completion done[], size_t room,
                     size_t *taken)
{
    int rc = sri_wait_check(ring, done, taken, true);
    if (rc != 0)
        return rc;
    *taken = take_all(ring, done, room, 0);
    if (*taken > 0)
        return 0;
    ring->taker = (struct sri_taker){done, done + room, NULL, true};
    rc = wait_for_some(ring, timeout_ns, done, room, taken);
    ring->taker.detached = false;
    return rc;
}

SR_UNCHECKED int sr_ring_next(struct sr_ring *ring, struct sr_completion *done)
{
    size_t taken;
    return next(ring, SR_FOREVER, done, 1, &taken);
}

SR_UNCHECKED int sr_ring_next_timeout(struct sr_ring *ring, uint64_t timeout_ns, struct sr_completion *done)
{
    size_t taken;
    return next(ring, timeout_ns, done, 1, &taken);
}

SR_UNCHECKED int sr_ring_next_many(struct sr_ring *ring, struct sr_completion done[], size_t room,
                                   size_t *count)
{
    if (room == 0 || count == NULL)
        return -EINVAL;
    size_t taken;
    int rc = next(ring, SR_FOREVER, done, room, &taken);
    if (rc == 0)
        *count = taken;
    return rc;
}
