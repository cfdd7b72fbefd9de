/*
 * pattern: 17
 * bug: when a submission fails, its buffers are freed and the batch is counted as failed; the entries are still queued, and
 *      the next submission brings them back to life.
 * fix: submits again until all are taken.
 * finding: freed-in-flight
 * policy: cruel
 */
#include "buggy.h"

#define BATCH 4

static int write_batch(struct io_uring *ring, int fd)
{
    char *bytes[BATCH];
    for (int i = 0; i < BATCH; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
        bytes[i] = calloc(1, 512);
        io_uring_prep_write(sqe, fd, bytes[i], 512, (unsigned)i * 512ULL);
        io_uring_sqe_set_data(sqe, bytes[i]);
    }
#ifdef FIXED
    submit_all(ring);
#else
    if (io_uring_submit(ring) != BATCH) {
        for (int i = 0; i < BATCH; i++)
            free(bytes[i]); /* reported */
        return -1;
    }
#endif
    for (int i = 0; i < BATCH; i++)
        finish_one(ring);
    for (int i = 0; i < BATCH; i++)
        free(bytes[i]);
    return 0;
}

int main(void)
{
    struct io_uring ring;
    int fd = make_file("", 0);
    open_ring(&ring, 8, 0);
    for (int i = 0; i < 8; i++) {
        if (write_batch(&ring, fd) != 0)
            break;
    }
    io_uring_queue_exit(&ring);
    close(fd);
    return 0;
}
