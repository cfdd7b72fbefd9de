/*
 * pattern: 30
 * bug: a connection is closed while the answer to it is queued and not submitted; the number is given to the next one that
 *      is accepted, and the answer goes there.
 * fix: submits, and closes afterwards.
 * finding: closed-before-submit
 */
#include "buggy.h"

static void hang_up(struct io_uring *ring, int fd)
{
#ifdef FIXED
    submit_all(ring);
    CHECK(finish_one(ring) == 1);
#else
    (void)ring;
#endif
    close(fd); /* reported */
}

int main(void)
{
    static const char answer[] = "!";
    struct io_uring ring;
    int first[2];
    int second[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, first) == 0);
    open_ring(&ring, 8, 0);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_send(sqe, first[0], answer, 1, MSG_NOSIGNAL);
    io_uring_sqe_set_data64(sqe, 1);
    hang_up(&ring, first[0]);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, second) == 0);
#ifndef FIXED
    submit_all(&ring);
    finish_one(&ring);
#endif
    io_uring_queue_exit(&ring);
    return 0;
}
