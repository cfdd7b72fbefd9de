/*
 * The one place that calls the kernel's enter. In line in whoever waits: on the way back from a system call a processor
 * mispredicts the returns of the frames that stood around it (measured, docs/performance.md), so there are few.
 */
#ifndef SRI_RING_ENTER_H
#define SRI_RING_ENTER_H

#include "ring/ring_private.h"

#define SRI_NS_PER_S UINT64_C(1000000000)
#define SRI_NS_PER_MS UINT64_C(1000000)

/* submit.c */
void sri_mark_each(struct sr_ring *ring);
__attribute__((cold)) void sri_mend_parted_pair(struct sr_ring *ring);

/* After an enter, and what it brought: every operation the kernel took and still has is told so, if there is one. */
static inline void sri_mark_submitted(struct sr_ring *ring)
{
    if (sri_queued(ring) != 0 || sri_under_way(ring) != ring->marked)
        sri_mark_each(ring);
    ring->sq_marked = ring->sq_head;
}

/* In whole milliseconds, rounded up, so that a panic shows no operation older than it is (RING-2). */
static inline void sri_read_clock(struct sr_ring *ring)
{
    uint64_t since_open_ns = ring->kernel.vtable->now_ns(ring->kernel.self) - ring->opened_ns;
    ring->now_ms = (uint32_t)((since_open_ns + SRI_NS_PER_MS - 1) / SRI_NS_PER_MS);
}

/*
 * Submits up to `to_submit` entries and waits for `min_complete` CQEs, at most `timeout_ns` if that is more than 0 of them.
 * Whoever calls it reaps or not, and calls sri_mark_submitted() then.
 */
static inline __attribute__((always_inline)) int sri_kernel_enter(struct sr_ring *ring, uint32_t to_submit,
                                                                  uint32_t min_complete, uint32_t flags,
                                                                  uint64_t timeout_ns)
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
    sri_read_clock(ring);
    ring->stats.enters++;
    int rc = ring->kernel.vtable->enter(ring->kernel.self, ring->fd, to_submit, min_complete, flags, argument,
                                        size);
    sri_set_sq_head(ring, io_uring_smp_load_acquire(ring->shared.sq_head));
    if (__builtin_expect(sri_queued(ring) != 0, 0))
        sri_mend_parted_pair(ring);
    return rc;
}

#endif
