/*
 * pattern: 22
 * bug: the parts of a message are sent by entries that stand one behind the other, and are taken to arrive in that order.
 * fix: one entry at a time.
 * finding: order-assumed
 * policy: gentle
 */
#include "buggy.h"

#define PARTS 4

static char parts[PARTS][16] = {"first, ", "second, ", "third, ", "last"};

int main(void)
{
    struct io_uring ring;
    int ends[2];
    CHECK(pipe(ends) == 0);
    open_ring(&ring, 8, 0);
    for (int i = 0; i < PARTS; i++) {
        unsigned done = 0;
#ifdef FIXED
        while (done < sizeof parts[i]) {
#endif
            struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
            io_uring_prep_write(sqe, ends[1], parts[i] + done, (unsigned)sizeof parts[i] - done, 0);
            io_uring_sqe_set_data(sqe, parts[i]);
#ifdef FIXED
            submit_all(&ring);
            done += (unsigned)finish_one(&ring);
        }
#endif
    }
#ifndef FIXED
    submit_all(&ring); /* reported */
    for (int i = 0; i < PARTS; i++)
        finish_one(&ring);
#endif
    io_uring_queue_exit(&ring);
    return 0;
}
