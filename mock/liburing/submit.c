/*
 * From what was prepared to the kernel: publishing entries, and the calls that enter it without looking for a CQE.
 */
/* Its header defines io_uring_get_sqe() inline otherwise, which is defined here. */
#define LIBURING_INTERNAL

#include "liburing/kernel.h"
#include "liburing/needs.h"

unsigned sri_uring_flush(struct io_uring *ring)
{
    struct io_uring_sq *sq = &ring->sq;
    unsigned tail = *sq->ktail;
    /* A program whose threads nothing keeps apart may make more of them than there are: that is no reason not to end. */
    unsigned left = sq->sqe_tail - sq->sqe_head;
    if (left > sq->ring_entries)
        left = sq->ring_entries;
    for (; left > 0; left--) {
        sq->array[tail & sq->ring_mask] = sq->sqe_head & sq->ring_mask;
        sq->sqe_head++;
        tail++;
    }
    __atomic_store_n(sq->ktail, tail, __ATOMIC_RELEASE);
    return tail - __atomic_load_n(sq->khead, __ATOMIC_ACQUIRE);
}

static int submit(struct io_uring *ring, unsigned wait_nr, bool looks, const void *frame, const void *site)
{
    unsigned flags = sri_uring_enter_flags(ring);
    unsigned count = sri_uring_flush(ring);
    bool enters = sri_uring_sq_needs_enter(ring, count, &flags);
    if (looks || wait_nr > 0 || sri_uring_cq_needs_enter(ring)) {
        flags |= IORING_ENTER_GETEVENTS;
        enters = true;
    }
    if (!enters)
        return (int)count;
    return sri_uring_enter(ring, ring->enter_ring_fd, count, wait_nr, flags, NULL, SRI_SIGSET_SIZE, frame,
                           site);
}

int io_uring_submit(struct io_uring *ring)
{
    return submit(ring, 0, false, SRI_FRAME, SRI_SITE);
}

int io_uring_submit_and_wait(struct io_uring *ring, unsigned wait_nr)
{
    return submit(ring, wait_nr, false, SRI_FRAME, SRI_SITE);
}

int io_uring_submit_and_get_events(struct io_uring *ring)
{
    return submit(ring, 0, true, SRI_FRAME, SRI_SITE);
}

int io_uring_get_events(struct io_uring *ring)
{
    unsigned flags = sri_uring_enter_flags(ring) | IORING_ENTER_GETEVENTS;
    return sri_uring_enter(ring, ring->enter_ring_fd, 0, 0, flags, NULL, SRI_SIGSET_SIZE, SRI_FRAME,
                           SRI_SITE);
}

int __io_uring_sqring_wait(struct io_uring *ring)
{
    unsigned flags = sri_uring_enter_flags(ring) | IORING_ENTER_SQ_WAIT;
    return sri_uring_enter(ring, ring->enter_ring_fd, 0, 0, flags, NULL, SRI_SIGSET_SIZE, SRI_FRAME,
                           SRI_SITE);
}

struct io_uring_sqe *io_uring_get_sqe(struct io_uring *ring)
{
    return _io_uring_get_sqe(ring);
}

int io_uring_enter(unsigned fd, unsigned to_submit, unsigned min_complete, unsigned flags, sigset_t *mask)
{
    return sri_uring_enter(NULL, (int)fd, to_submit, min_complete, flags, mask, SRI_SIGSET_SIZE, SRI_FRAME,
                           SRI_SITE);
}

int io_uring_enter2(unsigned fd, unsigned to_submit, unsigned min_complete, unsigned flags, sigset_t *arg,
                    size_t size)
{
    return sri_uring_enter(NULL, (int)fd, to_submit, min_complete, flags, arg, size, SRI_FRAME, SRI_SITE);
}

unsigned __io_uring_flush_sq(struct io_uring *ring)
{
    return sri_uring_flush(ring);
}
