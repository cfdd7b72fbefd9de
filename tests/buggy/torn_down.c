/*
 * pattern: 5
 * bug: a pool of readers is shut down by leaving: the ring goes with their reads in flight, then the buffers are freed.
 * fix: cancels each read and waits for its end.
 * finding: queue-exit-in-flight
 */
#include "buggy.h"

#define READERS 3

int main(void)
{
    struct io_uring ring;
    int ends[2];
    char *buffers[READERS];
    CHECK(pipe(ends) == 0);
    open_ring(&ring, 8, 0);
    for (int i = 0; i < READERS; i++) {
        buffers[i] = malloc(4096);
        struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
        io_uring_prep_read(sqe, ends[0], buffers[i], 4096, 0);
        io_uring_sqe_set_data(sqe, buffers[i]);
    }
    submit_all(&ring); /* reported */
#ifdef FIXED
    for (int i = 0; i < READERS; i++)
        cancel_and_finish(&ring, buffers[i]);
#endif
    io_uring_queue_exit(&ring);
    for (int i = 0; i < READERS; i++)
        free(buffers[i]);
    return 0;
}
