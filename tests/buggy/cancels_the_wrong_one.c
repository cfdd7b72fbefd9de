/*
 * pattern: 9
 * bug: all reads of a connection are named by what they are, not by which one; cancelling one cancels whichever is found.
 * fix: each has a name of its own.
 * finding: duplicate-user-data
 */
#include "buggy.h"

#define READ_TAG 7

static void start(struct io_uring *ring, int fd, char *into, unsigned number)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_read(sqe, fd, into, 64, 0);
#ifdef FIXED
    io_uring_sqe_set_data64(sqe, READ_TAG + number);
#else
    io_uring_sqe_set_data64(sqe, READ_TAG);
    (void)number;
#endif
}

int main(void)
{
    static char bytes[2][64];
    struct io_uring ring;
    int first[2];
    int second[2];
    CHECK(pipe(first) == 0 && pipe(second) == 0);
    open_ring(&ring, 8, 0);
    start(&ring, first[0], bytes[0], 0);
    start(&ring, second[0], bytes[1], 1);
    submit_all(&ring);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_cancel64(sqe, READ_TAG, 0);
    io_uring_sqe_set_data64(sqe, 1);
    submit_all(&ring); /* reported */
    CHECK(write(first[1], "x", 1) == 1 && write(second[1], "x", 1) == 1);
    for (int i = 0; i < 3; i++)
        finish_one(&ring);
    io_uring_queue_exit(&ring);
    return 0;
}
