/*
 * pattern: 4
 * bug: a helper prepares a timeout with a time on its own stack; the entry is submitted after it has returned.
 * fix: the time lives until the entry was taken.
 * finding: arguments-dead
 */
#include "buggy.h"

static void add_deadline(struct io_uring *ring, unsigned milliseconds)
{
#ifdef FIXED
    static struct __kernel_timespec time;
#else
    struct __kernel_timespec time;
#endif
    time = (struct __kernel_timespec){.tv_nsec = milliseconds * 1000000LL};
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_timeout(sqe, &time, 0, 0);
    io_uring_sqe_set_data(sqe, ring);
}

int main(void)
{
    struct io_uring ring;
    open_ring(&ring, 8, 0);
    add_deadline(&ring, 1);
    int rc;
    do {
        rc = io_uring_submit(&ring); /* reported */
    } while (rc == 0 || rc == -EINTR || rc == -EAGAIN);
    CHECK(rc == 1);
    /* Everything else is done by now. */
    cancel_and_finish(&ring, &ring);
    io_uring_queue_exit(&ring);
    return 0;
}
