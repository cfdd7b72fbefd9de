/*
 * pattern: 18
 * bug: a request that finds the queue full is passed over in silence, and its completion awaited.
 * fix: empties the queue and tries again.
 * finding: wait-cannot-end
 * exit: 124
 */
#include "buggy.h"

#define REQUESTS 12

static void request(struct io_uring *ring, unsigned number)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
#ifdef FIXED
    if (sqe == NULL) {
        submit_all(ring);
        sqe = io_uring_get_sqe(ring);
    }
#endif
    if (sqe == NULL)
        return;
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data64(sqe, number);
}

int main(void)
{
    struct io_uring ring;
    open_ring(&ring, 8, 0);
    for (unsigned i = 0; i < REQUESTS; i++)
        request(&ring, i);
    submit_all(&ring);
    for (unsigned i = 0; i < REQUESTS; i++)
        finish_one(&ring); /* reported */
    io_uring_queue_exit(&ring);
    return 0;
}
