/*
 * Looking for CQEs and waiting for them.
 */
#include <errno.h>
#include <string.h>

#include "liburing/kernel.h"
#include "liburing/needs.h"

/* One look for a CQE. */
struct look {
    unsigned submit;  /* entries published and not yet taken */
    unsigned wait_nr; /* CQEs wanted */
    unsigned flags;   /* for enter, beside those of the ring */
    const void *arg;
    size_t arg_size;
    bool has_time; /* `arg` bounds the wait, so one enter is all */
    const void *frame;
    const void *site;
};

/* With how little one may be content: what is there and asked for, or nothing and not asked to wait. */
static bool is_content(const struct io_uring *ring, const struct io_uring_cqe *cqe, unsigned ready,
                       const struct look *look, bool entered, unsigned *flags)
{
    bool enters = false;
    if (cqe == NULL && look->wait_nr == 0 && look->submit == 0) {
        if (entered)
            return true;
        enters = sri_uring_cq_needs_enter(ring);
        /* An enter that asks for nothing puts right what is shown, and does no more. */
        if (!enters)
            return !sri_uring_is_shown_readable(ring);
    }
    if (look->wait_nr > ready || enters) {
        *flags |= IORING_ENTER_GETEVENTS | look->flags;
        enters = true;
    }
    if (sri_uring_sq_needs_enter(ring, look->submit, flags))
        enters = true;
    return !enters;
}

/* How many were submitted (0 when none were to be), or -errno; *found is a CQE or NULL. */
static int get_cqe(struct io_uring *ring, struct io_uring_cqe **found, struct look *look)
{
    struct io_uring_cqe *cqe = NULL;
    bool entered = false;
    int result = 0;
    for (;;) {
        unsigned ready = 0;
        unsigned flags = sri_uring_enter_flags(ring);
        int rc = __io_uring_peek_cqe(ring, &cqe, &ready);
        if (rc != 0) {
            result = entered && result < 0 ? result : rc;
            break;
        }
        if (is_content(ring, cqe, ready, look, entered, &flags)) {
            if (cqe == NULL && look->wait_nr == 0 && look->submit == 0 && result == 0)
                result = -EAGAIN;
            break;
        }
        if (entered && look->has_time) {
            if (cqe == NULL && result == 0)
                result = -ETIME;
            break;
        }
        rc = sri_uring_enter(ring, ring->enter_ring_fd, look->submit, look->wait_nr, flags, look->arg,
                             look->arg_size, look->frame, look->site);
        if (rc < 0) {
            result = entered && result > 0 ? result : rc;
            break;
        }
        look->submit -= (unsigned)rc;
        if (cqe != NULL) {
            result = entered ? result : rc;
            break;
        }
        if (!entered)
            result = rc;
        entered = true;
    }
    *found = cqe;
    return result;
}

int __io_uring_get_cqe(struct io_uring *ring, struct io_uring_cqe **cqe, unsigned submit, unsigned wait_nr,
                       sigset_t *mask)
{
    struct look look = {.submit = submit,
                        .wait_nr = wait_nr,
                        .arg = mask,
                        .arg_size = SRI_SIGSET_SIZE,
                        .frame = SRI_FRAME,
                        .site = SRI_SITE};
    return get_cqe(ring, cqe, &look);
}

/* With a kernel that takes the time with the wait. */
static int get_cqe_until(struct io_uring *ring, struct io_uring_cqe **cqe, struct look *look,
                         struct __kernel_timespec *time, sigset_t *mask)
{
    struct io_uring_getevents_arg arg = {.sigmask = (uintptr_t)mask,
                                         .sigmask_sz = SRI_SIGSET_SIZE,
                                         .ts = (uintptr_t)time};
    look->flags = IORING_ENTER_EXT_ARG;
    look->arg = &arg;
    look->arg_size = sizeof arg;
    look->has_time = time != NULL;
    int rc = get_cqe(ring, cqe, look);
    look->arg = NULL;
    return rc;
}

/* Without one, a timeout of our own ends the wait; its CQE is passed over by __io_uring_peek_cqe(). */
static int queue_timeout(struct io_uring *ring, unsigned wait_nr, struct __kernel_timespec *time,
                         const struct look *look)
{
    struct io_uring_sqe *sqe = _io_uring_get_sqe(ring);
    if (sqe == NULL) {
        unsigned flags = sri_uring_enter_flags(ring);
        int rc = sri_uring_enter(ring, ring->enter_ring_fd, sri_uring_flush(ring), 0, flags, NULL,
                                 SRI_SIGSET_SIZE, look->frame, look->site);
        if (rc < 0)
            return rc;
        sqe = _io_uring_get_sqe(ring);
        if (sqe == NULL)
            return -EAGAIN;
    }
    io_uring_prep_timeout(sqe, time, wait_nr, 0);
    sqe->user_data = LIBURING_UDATA_TIMEOUT;
    return (int)sri_uring_flush(ring);
}

int io_uring_wait_cqes(struct io_uring *ring, struct io_uring_cqe **cqe, unsigned wait_nr,
                       struct __kernel_timespec *time, sigset_t *mask)
{
    struct look look = {
        .wait_nr = wait_nr, .arg = mask, .arg_size = SRI_SIGSET_SIZE, .frame = SRI_FRAME, .site = SRI_SITE};
    if (time != NULL) {
        if ((ring->features & IORING_FEAT_EXT_ARG) != 0)
            return get_cqe_until(ring, cqe, &look, time, mask);
        int rc = queue_timeout(ring, wait_nr, time, &look);
        if (rc < 0)
            return rc;
        look.submit = (unsigned)rc;
    }
    return get_cqe(ring, cqe, &look);
}

int io_uring_wait_cqe_timeout(struct io_uring *ring, struct io_uring_cqe **cqe,
                              struct __kernel_timespec *time)
{
    return io_uring_wait_cqes(ring, cqe, 1, time, NULL);
}

int io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **cqe, unsigned wait_nr,
                                     struct __kernel_timespec *time, sigset_t *mask)
{
    struct look look = {
        .wait_nr = wait_nr, .arg = mask, .arg_size = SRI_SIGSET_SIZE, .frame = SRI_FRAME, .site = SRI_SITE};
    bool by_kernel = time != NULL && (ring->features & IORING_FEAT_EXT_ARG) != 0;
    if (time != NULL && !by_kernel) {
        int rc = queue_timeout(ring, wait_nr, time, &look);
        if (rc < 0)
            return rc;
    }
    look.submit = sri_uring_flush(ring);
    return by_kernel ? get_cqe_until(ring, cqe, &look, time, mask) : get_cqe(ring, cqe, &look);
}

static unsigned fill(struct io_uring *ring, struct io_uring_cqe **cqes, unsigned most)
{
    const struct io_uring_cq *cq = &ring->cq;
    unsigned ready = io_uring_cq_ready(ring);
    unsigned head = *cq->khead;
    unsigned shift = (ring->flags & IORING_SETUP_CQE32) != 0 ? 1 : 0;
    if (ready < most)
        most = ready;
    for (unsigned i = 0; i < most; i++)
        cqes[i] = &cq->cqes[((head + i) & cq->ring_mask) << shift];
    return most;
}

unsigned io_uring_peek_batch_cqe(struct io_uring *ring, struct io_uring_cqe **cqes, unsigned most)
{
    unsigned count = fill(ring, cqes, most);
    bool flushes = sri_uring_cq_needs_flush(ring);
    if (count != 0 || (!flushes && !sri_uring_is_shown_readable(ring)))
        return count;
    unsigned flags = sri_uring_enter_flags(ring) | (flushes ? IORING_ENTER_GETEVENTS : 0);
    (void)sri_uring_enter(ring, ring->enter_ring_fd, 0, 0, flags, NULL, SRI_SIGSET_SIZE, SRI_FRAME, SRI_SITE);
    return fill(ring, cqes, most);
}
