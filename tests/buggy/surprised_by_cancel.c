/*
 * pattern: 21
 * bug: a cancel is asserted to have found its target and stopped it; it may come too late, or find nobody.
 * fix: knows all three answers.
 * finding: cancel-answer-unexpected
 * policy: gentle
 * exit: 134
 */
#include <assert.h>

#include "buggy.h"

int main(void)
{
    static char bytes[64];
    struct io_uring ring;
    int ends[2];
    CHECK(pipe(ends) == 0);
    open_ring(&ring, 8, 0);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_read(sqe, ends[0], bytes, sizeof bytes, 0);
    io_uring_sqe_set_data64(sqe, 1);
    submit_all(&ring);
    sqe = io_uring_get_sqe(&ring);
    io_uring_prep_cancel64(sqe, 1, 0);
    io_uring_sqe_set_data64(sqe, 2);
    submit_all(&ring); /* reported */
    for (int i = 0; i < 2; i++) {
        struct io_uring_cqe *cqe = next_cqe(&ring);
#ifdef FIXED
        if (cqe->user_data == 2)
            assert(cqe->res == 0 || cqe->res == -ENOENT || cqe->res == -EALREADY);
#else
        if (cqe->user_data == 2)
            assert(cqe->res == 0);
#endif
        io_uring_cqe_seen(&ring, cqe);
    }
    io_uring_queue_exit(&ring);
    return 0;
}
