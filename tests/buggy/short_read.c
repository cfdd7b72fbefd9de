/*
 * pattern: 11
 * bug: a read that does not fail is taken to have read all that was asked for.
 * fix: asks for the rest.
 * finding: short-count-ignored
 * policy: reads
 */
#include "buggy.h"

static char page[4096];

static int read_page(struct io_uring *ring, int fd, unsigned long long at)
{
    unsigned have = 0;
    do {
        struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
        io_uring_prep_read(sqe, fd, page + have, (unsigned)sizeof page - have, at + have);
        io_uring_sqe_set_data(sqe, page);
        submit_all(ring); /* reported */
        int got = finish_one(ring);
        if (got < 0)
            return got;
        have += (unsigned)got;
#ifndef FIXED
        break;
#endif
    } while (have < sizeof page);
    return 0;
}

int main(void)
{
    static char content[8 * sizeof page];
    struct io_uring ring;
    int fd = make_file(content, sizeof content);
    open_ring(&ring, 8, 0);
    for (unsigned i = 0; i < 8; i++)
        CHECK(read_page(&ring, fd, i * sizeof page) == 0);
    io_uring_queue_exit(&ring);
    close(fd);
    return 0;
}
