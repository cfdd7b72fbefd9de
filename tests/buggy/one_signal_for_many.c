/*
 * pattern: 35
 * bug: a loop sleeps on the ring's event descriptor and takes one completion for each time that it wakes up.
 * fix: takes all there are.
 * finding: lost-wakeup
 * exit: 124
 */
#include <sys/eventfd.h>

#include "buggy.h"

#define REQUESTS 4

int main(void)
{
    struct io_uring ring;
    struct io_uring_cqe *cqe;
    uint64_t signals;
    int fd = eventfd(0, 0);
    open_ring(&ring, 8, 0);
    CHECK(io_uring_register_eventfd(&ring, fd) == 0);
    for (unsigned i = 0; i < REQUESTS; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
        io_uring_prep_nop(sqe);
        io_uring_sqe_set_data64(sqe, i);
    }
    submit_all(&ring);
    for (unsigned done = 0; done < REQUESTS;) {
        ssize_t got = read(fd, &signals, sizeof signals); /* reported */
        CHECK(got == sizeof signals);
#ifdef FIXED
        while (io_uring_peek_cqe(&ring, &cqe) == 0) {
#else
        if (io_uring_peek_cqe(&ring, &cqe) == 0) {
#endif
            io_uring_cqe_seen(&ring, cqe);
            done++;
        }
    }
    io_uring_queue_exit(&ring);
    return 0;
}
