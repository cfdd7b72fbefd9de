/*
 * pattern: 23
 * bug: a file is copied by pairs of a read and a write that is linked to it; a short read breaks the chain, its write is
 *      cancelled, and only real errors are looked at.
 * fix: copies that block again.
 * finding: short-count-ignored
 * policy: short.policy
 */
#include "buggy.h"

#define BLOCKS 8u

static char block[1024];

static bool copy_block(struct io_uring *ring, int from, int to, unsigned long long at)
{
    bool whole = true;
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_read(sqe, from, block, sizeof block, at);
    sqe->flags |= IOSQE_IO_LINK;
    io_uring_sqe_set_data64(sqe, 1);
    sqe = io_uring_get_sqe(ring);
    io_uring_prep_write(sqe, to, block, sizeof block, at);
    io_uring_sqe_set_data64(sqe, 2);
    submit_all(ring); /* reported */
    for (int i = 0; i < 2; i++) {
        int rc = finish_one(ring);
        whole = whole && rc == sizeof block;
    }
    return whole;
}

int main(void)
{
    static char content[BLOCKS * sizeof block];
    struct io_uring ring;
    int from = make_file(content, sizeof content);
    int to = make_file("", 0);
    open_ring(&ring, 8, 0);
    for (unsigned i = 0; i < BLOCKS; i++) {
#ifdef FIXED
        while (!copy_block(&ring, from, to, i * sizeof block))
            continue;
#else
        copy_block(&ring, from, to, i * sizeof block);
#endif
    }
    io_uring_queue_exit(&ring);
    close(from);
    close(to);
    return 0;
}
