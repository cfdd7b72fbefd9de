/*
 * pattern: 29
 * bug: a connection is closed to make its receive end; the operation keeps the connection, and goes on waiting.
 * fix: cancels the receive, and closes then.
 * finding: closed-in-flight
 */
#include "buggy.h"

int main(void)
{
    static char bytes[256];
    struct __kernel_timespec limit = {.tv_nsec = 1000000};
    struct io_uring ring;
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    open_ring(&ring, 8, 0);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_recv(sqe, pair[0], bytes, sizeof bytes, 0);
    io_uring_sqe_set_data(sqe, bytes);
    submit_all(&ring); /* reported */
#ifdef FIXED
    (void)limit;
    cancel_and_finish(&ring, bytes);
    close(pair[0]);
#else
    struct io_uring_cqe *cqe;
    close(pair[0]);
    io_uring_wait_cqe_timeout(&ring, &cqe, &limit);
#endif
    io_uring_queue_exit(&ring);
    return 0;
}
