/*
 * pattern: 34
 * bug: a server opens its ring and then forks its workers, each of which submits to it.
 * fix: each worker opens one of its own.
 * finding: fork
 */
#include <sys/wait.h>

#include "buggy.h"

static void work(struct io_uring *ring)
{
#ifdef FIXED
    open_ring(ring, 8, 0);
#endif
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_nop(sqe);
    int rc;
    do {
        rc = io_uring_submit(ring); /* reported */
    } while (rc == 0 || rc == -EINTR || rc == -EAGAIN);
    if (rc == 1)
        finish_one(ring);
    io_uring_queue_exit(ring);
}

int main(void)
{
    struct io_uring ring;
    int status;
    open_ring(&ring, 8, 0);
    pid_t worker = fork();
    CHECK(worker >= 0);
    if (worker == 0) {
        work(&ring);
        exit(0);
    }
    CHECK(waitpid(worker, &status, 0) == worker && status == 0);
    io_uring_queue_exit(&ring);
    return 0;
}
