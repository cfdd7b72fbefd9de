/*
 * pattern: 24
 * bug: the queue is full in the middle of a chain and is emptied by a submission there: the chain ends, and the sync that
 *      should have waited for the write runs beside it.
 * fix: makes room for the whole chain before it begins.
 * finding: chain-cut
 */
#include "buggy.h"

static char block[512];

static void save(struct io_uring *ring, int fd, unsigned number)
{
#ifdef FIXED
    if (io_uring_sq_space_left(ring) < 2)
        submit_all(ring);
#endif
    struct io_uring_sqe *sqe = next_entry(ring);
    io_uring_prep_write(sqe, fd, block, sizeof block, number * sizeof block);
    sqe->flags |= IOSQE_IO_LINK;
    io_uring_sqe_set_data64(sqe, number);
    sqe = next_entry(ring); /* reported */
    io_uring_prep_fsync(sqe, fd, 0);
    io_uring_sqe_set_data64(sqe, 100 + number);
}

int main(void)
{
    struct io_uring ring;
    int fd = make_file("", 0);
    open_ring(&ring, 4, 0);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data64(sqe, 1000);
    for (unsigned i = 0; i < 3; i++)
        save(&ring, fd, i);
    submit_all(&ring);
    for (unsigned i = 0; i < 7; i++)
        finish_one(&ring);
    io_uring_queue_exit(&ring);
    close(fd);
    return 0;
}
