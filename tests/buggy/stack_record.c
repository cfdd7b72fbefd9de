/*
 * pattern: 8
 * bug: a call that waits for its own completion has its record on the stack, and returns early when a deadline passes.
 * fix: cancels, and returns when the completion has come.
 * finding: record-freed
 */
#include "buggy.h"

struct call {
    bool finished;
    int result;
};

static void handle(struct io_uring *ring)
{
    struct io_uring_cqe *cqe = next_cqe(ring); /* in frames that the call has left */
    struct call *call = io_uring_cqe_get_data(cqe);
    if (call != NULL) {
        call->finished = true;
        call->result = cqe->res;
    }
    io_uring_cqe_seen(ring, cqe);
}

static int read_for(struct io_uring *ring, int fd, char *into, unsigned length)
{
    struct __kernel_timespec limit = {.tv_nsec = 1000000};
    struct io_uring_cqe *cqe;
    struct call call = {.finished = false};
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_read(sqe, fd, into, length, 0);
    io_uring_sqe_set_data(sqe, &call);
    submit_all(ring); /* reported */
    if (io_uring_wait_cqe_timeout(ring, &cqe, &limit) != 0) {
#ifdef FIXED
        cancel_and_finish(ring, &call);
#endif
        return -ETIME;
    }
    while (!call.finished)
        handle(ring);
    return call.result;
}

int main(void)
{
    static char bytes[64];
    struct io_uring ring;
    int ends[2];
    CHECK(pipe(ends) == 0);
    open_ring(&ring, 8, 0);
    CHECK(read_for(&ring, ends[0], bytes, sizeof bytes) == -ETIME);
#ifndef FIXED
    CHECK(write(ends[1], "late", 4) == 4);
    io_uring_get_events(&ring);
    struct io_uring_cqe *cqe = NULL;
    while (io_uring_peek_cqe(&ring, &cqe) != 0)
        continue;
    io_uring_cqe_seen(&ring, cqe);
#endif
    io_uring_queue_exit(&ring);
    return 0;
}
