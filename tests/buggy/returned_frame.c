/*
 * pattern: 1
 * bug: a helper reads into an array of its own, submits, and returns; the completion is awaited elsewhere.
 * fix: the array belongs to whoever waits.
 * finding: freed-in-flight
 */
#include "buggy.h"

#ifdef FIXED
static void start(struct io_uring *ring, int fd, char *line, unsigned length)
{
#else
static void start(struct io_uring *ring, int fd, unsigned length)
{
    char line[256];
#endif
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_read(sqe, fd, line, length, 0);
    io_uring_sqe_set_data64(sqe, 1);
    submit_all(ring); /* reported */
}

int main(void)
{
    struct io_uring ring;
    int ends[2];
    CHECK(pipe(ends) == 0);
    open_ring(&ring, 8, 0);
#ifdef FIXED
    char line[256];
    start(&ring, ends[0], line, sizeof line);
#else
    start(&ring, ends[0], 256);
    /* The kind of luck such a program has: nothing came while it waited. */
#endif
    struct io_uring_cqe *cqe;
    CHECK(io_uring_peek_cqe(&ring, &cqe) == -EAGAIN);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_cancel64(sqe, 1, 0);
    io_uring_sqe_set_data64(sqe, 2);
    submit_all(&ring);
    finish_one(&ring);
    finish_one(&ring);
    io_uring_queue_exit(&ring);
    return 0;
}
