/*
 * pattern: 5
 * bug: the last write of a program is submitted, and nobody waits for it: the process ends first.
 * fix: waits for it.
 * finding: exit-in-flight
 * policy: gentle
 */
#include "buggy.h"

int main(void)
{
    static char state[4096];
    struct io_uring ring;
    int fd = make_file("", 0);
    open_ring(&ring, 8, 0);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_write(sqe, fd, state, sizeof state, 0);
    io_uring_sqe_set_data(sqe, state);
    submit_all(&ring); /* reported */
#ifdef FIXED
    CHECK(finish_one(&ring) == sizeof state);
    io_uring_queue_exit(&ring);
#endif
    return 0;
}
