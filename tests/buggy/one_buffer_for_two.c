/*
 * pattern: 3
 * bug: two connections are read at the same time into one scratch buffer.
 * fix: a buffer for each.
 * finding: overlapping-loans
 */
#include "buggy.h"

static char scratch[2][1024];

static void receive(struct io_uring *ring, int fd, unsigned number)
{
#ifdef FIXED
    char *into = scratch[number];
#else
    char *into = scratch[0];
#endif
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_recv(sqe, fd, into, sizeof scratch[0], 0);
    io_uring_sqe_set_data64(sqe, number);
}

int main(void)
{
    struct io_uring ring;
    int first[2];
    int second[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, first) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, second) == 0);
    open_ring(&ring, 8, 0);
    receive(&ring, first[0], 0);
    receive(&ring, second[0], 1);
    submit_all(&ring); /* reported */
    CHECK(write(first[1], "one", 3) == 3 && write(second[1], "two", 3) == 3);
    CHECK(finish_one(&ring) > 0);
    CHECK(finish_one(&ring) > 0);
    io_uring_queue_exit(&ring);
    return 0;
}
