/*
 * pattern: 13
 * bug: a reader that wants a whole block asks for the rest until it has it; at the end of a file that is not a multiple of
 *      the block it asks for ever.
 * fix: takes 0 for the end.
 * finding: no-progress
 * exit: 124
 */
#include "buggy.h"

static char block[4096];

static unsigned read_block(struct io_uring *ring, int fd, unsigned long long at)
{
    unsigned have = 0;
    while (have < sizeof block) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
        io_uring_prep_read(sqe, fd, block + have, (unsigned)sizeof block - have, at + have);
        io_uring_sqe_set_data(sqe, block);
        submit_all(ring); /* reported */
        int got = finish_one(ring);
        CHECK(got >= 0);
#ifdef FIXED
        if (got == 0)
            break;
#endif
        have += (unsigned)got;
    }
    return have;
}

int main(void)
{
    static char content[10000];
    struct io_uring ring;
    unsigned long long at = 0;
    unsigned got;
    int fd = make_file(content, sizeof content);
    open_ring(&ring, 8, 0);
    do {
        got = read_block(&ring, fd, at);
        at += got;
    } while (got == sizeof block);
    CHECK(at == sizeof content);
    io_uring_queue_exit(&ring);
    close(fd);
    return 0;
}
