/*
 * pattern: 2
 * bug: a block that takes too long is read again by pread(2) into the same buffer, while the first read is still to fill it.
 * fix: cancels the first read and waits for its end.
 * finding: changed-in-flight
 */
#include "buggy.h"

int main(void)
{
    static char block[4096];
    struct io_uring ring;
    struct io_uring_cqe *cqe;
    int ends[2];
    int copy = make_file("the block, from its second place", 32);
    CHECK(pipe(ends) == 0);
    open_ring(&ring, 8, 0);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_read(sqe, ends[0], block, sizeof block, 0);
    io_uring_sqe_set_data(sqe, block);
    submit_all(&ring); /* reported */
    CHECK(io_uring_peek_cqe(&ring, &cqe) == -EAGAIN);
#ifdef FIXED
    cancel_and_finish(&ring, block);
#endif
    CHECK(pread(copy, block, sizeof block, 0) == 32);
#ifndef FIXED
    CHECK(write(ends[1], "late", 4) == 4);
    finish_one(&ring);
#endif
    io_uring_queue_exit(&ring);
    close(copy);
    return 0;
}
