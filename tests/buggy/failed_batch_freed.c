/*
 * pattern: 17
 * bug: when a submission fails, its buffers are freed and the batch is counted as failed; the entries are still queued, and
 *      the next submission brings them back to life.
 * fix: submits again until all are taken.
 * finding: freed-in-flight
 * policy: refused.policy
 */
#include "buggy.h"

#define BATCH 4

static unsigned flying;

static void write_batch(struct io_uring *ring, int fd)
{
    char *bytes[BATCH];
    for (int i = 0; i < BATCH; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
        bytes[i] = calloc(1, 512);
        io_uring_prep_write(sqe, fd, bytes[i], 512, (unsigned)i * 512ULL);
        io_uring_sqe_set_data(sqe, bytes[i]);
    }
#ifdef FIXED
    flying += BATCH;
    submit_all(ring);
#else
    flying += BATCH;
    if (io_uring_submit(ring) != BATCH) {
        for (int i = 0; i < BATCH; i++)
            free(bytes[i]); /* reported */
        return;
    }
#endif
    for (; flying > 0; flying--)
        finish_one(ring);
    for (int i = 0; i < BATCH; i++)
        free(bytes[i]);
}

int main(void)
{
    struct io_uring ring;
    int fd = make_file("", 0);
    open_ring(&ring, 8, 0);
    for (int i = 0; i < 8; i++)
        write_batch(&ring, fd);
    submit_all(&ring);
    for (; flying > 0; flying--)
        finish_one(&ring);
    io_uring_queue_exit(&ring);
    close(fd);
    return 0;
}
