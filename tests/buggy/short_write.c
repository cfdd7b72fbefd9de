/*
 * pattern: 12
 * bug: a write that does not fail is taken to have written all.
 * fix: writes the rest.
 * finding: short-count-ignored
 * policy: file-short.policy
 */
#include "buggy.h"

static char block[4096];

static void write_block(struct io_uring *ring, int fd, unsigned long long at)
{
    unsigned done = 0;
    do {
        struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
        io_uring_prep_write(sqe, fd, block + done, (unsigned)sizeof block - done, at + done);
        io_uring_sqe_set_data(sqe, block);
        submit_all(ring); /* reported */
        int moved = finish_one(ring);
        CHECK(moved > 0);
        done += (unsigned)moved;
#ifndef FIXED
        break;
#endif
    } while (done < sizeof block);
}

int main(void)
{
    struct io_uring ring;
    int fd = make_file("", 0);
    open_ring(&ring, 8, 0);
    for (unsigned i = 0; i < 8; i++)
        write_block(&ring, fd, i * sizeof block);
    io_uring_queue_exit(&ring);
    close(fd);
    return 0;
}
