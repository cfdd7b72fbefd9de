/*
 * When a call of liburing's enters the kernel, and when memory alone answers; and what liburing's header of 2.3 does not
 * declare, though its users link with it.
 */
#ifndef SRI_LIBURING_NEEDS_H
#define SRI_LIBURING_NEEDS_H

#include "liburing/kernel.h"

#define SRI_SIGSET_SIZE 8u

static inline unsigned sri_uring_enter_flags(const struct io_uring *ring)
{
    return (ring->int_flags & SRI_URING_REGISTERED) != 0 ? IORING_ENTER_REGISTERED_RING : 0;
}

/* CQEs in the kernel's hands alone: those that overflowed, and work that wants to be asked for. */
static inline bool sri_uring_cq_needs_flush(const struct io_uring *ring)
{
    unsigned flags = __atomic_load_n(ring->sq.kflags, __ATOMIC_RELAXED);
    return (flags & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) != 0;
}

static inline bool sri_uring_cq_needs_enter(const struct io_uring *ring)
{
    return (ring->flags & IORING_SETUP_IOPOLL) != 0 || sri_uring_cq_needs_flush(ring);
}

/* Shown as readable: to be looked at where no CQE was found. */
static inline bool sri_uring_is_shown_readable(const struct io_uring *ring)
{
    return __atomic_load_n(ring->sq.kflags + SRI_READABLE_BEHIND_FLAGS, __ATOMIC_ACQUIRE) != 0;
}

static inline bool sri_uring_sq_needs_enter(const struct io_uring *ring, unsigned count, unsigned *flags)
{
    if (count == 0)
        return false;
    if ((ring->flags & IORING_SETUP_SQPOLL) == 0)
        return true;
    /* The thread that polls looks at the tail after it has shown that it sleeps. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if ((__atomic_load_n(ring->sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_NEED_WAKEUP) == 0)
        return false;
    *flags |= IORING_ENTER_SQ_WAKEUP;
    return true;
}

unsigned __io_uring_flush_sq(struct io_uring *ring);
int io_uring_major_version(void);
int io_uring_minor_version(void);
bool io_uring_check_version(int major, int minor);
int io_uring_close_ring_fd(struct io_uring *ring);
struct io_uring_buf_ring *io_uring_setup_buf_ring(struct io_uring *ring, unsigned count, int group,
                                                  unsigned flags, int *error);
int io_uring_free_buf_ring(struct io_uring *ring, struct io_uring_buf_ring *buffers, unsigned count,
                           int group);

#endif
