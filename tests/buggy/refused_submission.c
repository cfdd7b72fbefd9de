/*
 * pattern: 16
 * bug: a submission that can't be had just now (EAGAIN, EINTR), or that takes a part of the batch, is asserted not to happen.
 * fix: submits again, until nothing is left.
 * finding: retry-missing
 * policy: reads
 */
#include "buggy.h"

#define BATCH 4

int main(void)
{
    struct io_uring ring;
    open_ring(&ring, 8, 0);
    for (unsigned i = 0; i < 64; i++) {
        for (unsigned n = 0; n < BATCH; n++) {
            struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
            io_uring_prep_nop(sqe);
            io_uring_sqe_set_data64(sqe, n);
        }
#ifdef FIXED
        submit_all(&ring);
#else
        int rc = io_uring_submit(&ring); /* reported */
        if (rc != BATCH) {
            fprintf(stderr, "submit: %d\n", rc);
            return 1;
        }
#endif
        for (unsigned n = 0; n < BATCH; n++)
            finish_one(&ring);
    }
    io_uring_queue_exit(&ring);
    return 0;
}
