/*
 * pattern: 25
 * bug: a retry is to run after a pause, linked behind a timeout; the timeout ends with ETIME, which breaks the chain.
 * fix: a hard link, which no result breaks.
 * finding: chain-broken-by-timeout
 */
#include "buggy.h"

int main(void)
{
    struct io_uring ring;
    struct __kernel_timespec pause = {.tv_nsec = 100000};
    open_ring(&ring, 8, 0);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_timeout(sqe, &pause, 0, 0);
    io_uring_sqe_set_data64(sqe, 1);
#ifdef FIXED
    sqe->flags |= IOSQE_IO_HARDLINK;
#else
    sqe->flags |= IOSQE_IO_LINK;
#endif
    sqe = io_uring_get_sqe(&ring);
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data64(sqe, 2);
    submit_all(&ring); /* reported */
    for (int i = 0; i < 2; i++)
        finish_one(&ring);
    io_uring_queue_exit(&ring);
    return 0;
}
