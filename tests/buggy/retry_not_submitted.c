/*
 * pattern: 19
 * bug: the rest of a short read is queued again, and the loop goes back to waiting without submitting it.
 * fix: submits what it queued.
 * finding: wait-cannot-end
 * policy: reads
 * exit: 124
 */
#include "buggy.h"

static char whole[8192];

static void ask(struct io_uring *ring, int fd, unsigned have)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_read(sqe, fd, whole + have, (unsigned)sizeof whole - have, have);
    io_uring_sqe_set_data64(sqe, 1);
}

int main(void)
{
    struct io_uring ring;
    unsigned have = 0;
    int fd = make_file(whole, sizeof whole);
    open_ring(&ring, 8, 0);
    ask(&ring, fd, 0);
    submit_all(&ring);
    while (have < sizeof whole) {
        int got = finish_one(&ring); /* reported */
        CHECK(got > 0);
        have += (unsigned)got;
        if (have == sizeof whole)
            break;
        ask(&ring, fd, have);
#ifdef FIXED
        submit_all(&ring);
#endif
    }
    io_uring_queue_exit(&ring);
    close(fd);
    return 0;
}
