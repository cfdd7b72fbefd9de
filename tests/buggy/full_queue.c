/*
 * pattern: 18
 * bug: a queue as long as the batch is thought to have room for the next batch always; after a submission that took a part
 *      of one it has not, and there is no entry to be had.
 * fix: submits what is left first.
 * finding: queue-full-unexpected
 * policy: reads
 * exit: 139
 */
#include "buggy.h"

#define BATCH 8u

int main(void)
{
    struct io_uring ring;
    unsigned flying = 0;
    open_ring(&ring, BATCH, 0);
    for (unsigned i = 0; i < 64; i++) {
        for (unsigned n = 0; n < BATCH; n++) {
#ifdef FIXED
            struct io_uring_sqe *sqe = next_entry(&ring);
#else
            struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
#endif
            io_uring_prep_nop(sqe); /* reported */
            io_uring_sqe_set_data64(sqe, n);
            flying++;
        }
        io_uring_submit(&ring);
        for (; flying > io_uring_sq_ready(&ring); flying--)
            finish_one(&ring);
    }
    submit_all(&ring);
    for (; flying > 0; flying--)
        finish_one(&ring);
    io_uring_queue_exit(&ring);
    return 0;
}
