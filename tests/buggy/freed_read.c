/*
 * pattern: 1
 * bug: a read waits for its data; whoever asked for it gives up and frees the buffer, and the kernel fills it all the same.
 * fix: cancels the read, and frees once its own completion has come.
 * finding: freed-in-flight
 */
#include "buggy.h"

static void give_up(struct io_uring *ring, char *buffer)
{
#ifdef FIXED
    cancel_and_finish(ring, buffer);
#else
    (void)ring;
#endif
    free(buffer);
}

int main(void)
{
    struct io_uring ring;
    int ends[2];
    char *buffer = malloc(4096);
    CHECK(buffer != NULL && pipe(ends) == 0);
    open_ring(&ring, 8, 0);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_read(sqe, ends[0], buffer, 4096, 0);
    io_uring_sqe_set_data(sqe, buffer);
    submit_all(&ring); /* reported */
    give_up(&ring, buffer);
#ifndef FIXED
    CHECK(write(ends[1], "late", 4) == 4);
    finish_one(&ring);
#endif
    io_uring_queue_exit(&ring);
    return 0;
}
