/*
 * The one place that calls the kernel's enter. In line in whoever waits: on the way back from a system call a processor
 * mispredicts the returns of the frames that stood around it (measured, docs/performance.md), so there are few; and the
 * system call itself where the kernel says that its enter is nothing else.
 */
#ifndef SRI_RING_ENTER_H
#define SRI_RING_ENTER_H

#include "backend/uring_call.h"
#include "ring/ring_private.h"

#define SRI_IN_LINE static inline __attribute__((always_inline))
#define SRI_NS_PER_S UINT64_C(1000000000)
#define SRI_NS_PER_MS UINT64_C(1000000)

/* submit.c */
void sri_mark_each(struct sr_ring *ring);
__attribute__((cold)) void sri_mend_parted_pair(struct sr_ring *ring);

/* After an enter, and what it brought: every operation the kernel took and still has is told so, if there is one. */
static inline void sri_mark_submitted(struct sr_ring *ring)
{
    if (__builtin_expect(sri_queued(ring) != 0 || sri_under_way(ring) != ring->marked, 0))
        sri_mark_each(ring);
    ring->sq_marked = ring->sq_head;
}

/*
 * The clock says since when the kernel has what it goes on having after an enter (RING-2). Not read where nothing can be
 * left: an enter without limit for the only operation under way.
 */
static inline void sri_note_time(struct sr_ring *ring, uint32_t min_complete, uint64_t timeout_ns)
{
    if (min_complete == 1 && timeout_ns == SR_FOREVER && __builtin_expect(sri_under_way(ring) == 1, 1))
        ring->now_ms = SRI_NOT_READ;
    else
        sri_read_clock(ring);
}

/*
 * Submits up to `to_submit` entries and waits for `min_complete` CQEs, at most `timeout_ns` if that is more than 0 of them.
 * Whoever calls it reaps or not, and calls sri_mark_submitted() then.
 */
SRI_IN_LINE int sri_kernel_enter(struct sr_ring *ring, uint32_t to_submit, uint32_t min_complete,
                                 uint32_t flags, uint64_t timeout_ns)
{
    struct __kernel_timespec limit;
    struct io_uring_getevents_arg limited = {.sigmask_sz = 0, .ts = (uint64_t)(uintptr_t)&limit};
    const void *argument = NULL;
    size_t size = 0;
    if (min_complete != 0 && timeout_ns != SR_FOREVER) {
        limit.tv_sec = (long long)(timeout_ns / SRI_NS_PER_S);
        limit.tv_nsec = (long long)(timeout_ns % SRI_NS_PER_S);
        argument = &limited;
        size = sizeof limited;
        flags |= IORING_ENTER_EXT_ARG;
    }
    io_uring_smp_store_release(ring->shared.sq_tail, ring->hot.sq_tail);
    sri_note_time(ring, min_complete, timeout_ns);
    ring->enters++;
    int rc = __builtin_expect(ring->enters_directly, 1)
                 ? sri_uring_enter(ring->fd, to_submit, min_complete, flags, argument, size)
                 : ring->kernel.vtable->enter(ring->kernel.self, ring->fd, to_submit, min_complete, flags,
                                              argument, size);
    sri_set_sq_head(ring, io_uring_smp_load_acquire(ring->shared.sq_head));
    if (__builtin_expect(sri_queued(ring) != 0, 0))
        sri_mend_parted_pair(ring);
    return rc;
}

/* Overflowed completions are handed out only by an enter with GETEVENTS, which every step makes. */
static inline void sri_count_overflow(struct sr_ring *ring)
{
    if ((__atomic_load_n(ring->shared.sq_flags, __ATOMIC_RELAXED) & IORING_SQ_CQ_OVERFLOW) != 0)
        ring->stats.overflows++;
}

SRI_IN_LINE int sri_enter_and_reap(struct sr_ring *ring, uint32_t to_submit, uint64_t timeout_ns)
{
    int rc = sri_kernel_enter(ring, to_submit, timeout_ns != 0 ? 1 : 0, IORING_ENTER_GETEVENTS, timeout_ns);
    sri_reap(ring);
    sri_mark_submitted(ring);
    return rc;
}

/* wait.c: what a step makes of an enter's refusal: 0 to go on, or why not. */
__attribute__((cold)) int sri_refused(struct sr_ring *ring, uint64_t timeout_ns, int rc);

/* The same with something to be done before; and for rings with a polling thread, which always have. */
__attribute__((cold)) int sri_progress_with_errands(struct sr_ring *ring, uint64_t timeout_ns);
/* submit.c: sri_kernel_enter() for whatever ring. */
int sri_enter_any(struct sr_ring *ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                  uint64_t timeout_ns);

SRI_IN_LINE int sri_progress_inline(struct sr_ring *ring, uint64_t timeout_ns)
{
    if (__builtin_expect(ring->errands != 0, 0))
        return sri_progress_with_errands(ring, timeout_ns);
    sri_count_overflow(ring);
    int rc = sri_enter_and_reap(ring, sri_queued(ring), timeout_ns);
    if (__builtin_expect(rc < 0, 0))
        return sri_refused(ring, timeout_ns, rc);
    ring->refusals = 0;
    return 0;
}

/*
 * A step of a wait that ends at the deadline, when it is -ETIME; what the last step brought is still looked at. A callback
 * that another one's peek made due is not waited over: its work may be what the wait is for.
 */
SRI_IN_LINE int sri_progress_until(struct sr_ring *ring, uint64_t deadline_ns)
{
    bool due = ring->callbacks.count != 0;
    if (deadline_ns == SR_FOREVER && !due)
        return sri_progress_inline(ring, SR_FOREVER);
    int rc = sri_progress(ring, due ? 0 : sri_time_left(ring, deadline_ns));
    return rc == 0 && sri_time_left(ring, deadline_ns) == 0 ? -ETIME : rc;
}

/* May the calling thread wait, or look, now? */
static inline int sri_wait_check(const struct sr_ring *ring, const void *a, const void *b, bool waits)
{
    if (ring == NULL || a == NULL || b == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    return !ring->usable || (waits && ring->in_callback) ? SR_EINVALID_STATE : 0;
}

#endif
