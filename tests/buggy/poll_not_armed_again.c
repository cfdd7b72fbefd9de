/*
 * pattern: 27
 * bug: a multishot poll is armed once and taken to live for ever; when it ends, with an ordinary completion, nobody looks
 *      for the flag that says so.
 * fix: arms it again when IORING_CQE_F_MORE is missing.
 * finding: wait-cannot-end
 * policy: network
 * exit: 124
 */
#include <poll.h>
#include <sys/eventfd.h>

#include "buggy.h"

#define SIGNALS 60

static void arm(struct io_uring *ring, int fd)
{
    struct io_uring_sqe *sqe = next_entry(ring);
    io_uring_prep_poll_multishot(sqe, fd, POLLIN);
    io_uring_sqe_set_data64(sqe, 1);
    submit_all(ring);
}

int main(void)
{
    struct io_uring ring;
    uint64_t value = 1;
    int fd = eventfd(0, EFD_NONBLOCK);
    open_ring(&ring, 8, 0);
    arm(&ring, fd);
    for (int i = 0; i < SIGNALS; i++) {
        CHECK(write(fd, &value, sizeof value) == sizeof value);
        struct io_uring_cqe *cqe = next_cqe(&ring); /* reported */
#ifdef FIXED
        bool more = (cqe->flags & IORING_CQE_F_MORE) != 0;
#endif
        io_uring_cqe_seen(&ring, cqe);
        CHECK(read(fd, &value, sizeof value) == sizeof value || errno == EAGAIN);
        value = 1;
#ifdef FIXED
        if (!more)
            arm(&ring, fd);
#endif
    }
    struct io_uring_sqe *sqe = next_entry(&ring);
    io_uring_prep_poll_remove(sqe, 1);
    io_uring_sqe_set_data64(sqe, 2);
    submit_all(&ring);
    while (finish_one(&ring) != -ECANCELED)
        continue;
    io_uring_queue_exit(&ring);
    return 0;
}
