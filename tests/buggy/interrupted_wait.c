/*
 * pattern: 16
 * bug: a wait that a signal interrupts (a profiler's, a debugger's) aborts the program, as any error does.
 * fix: waits again.
 * finding: retry-missing
 * policy: reads
 * exit: 134
 */
#include "buggy.h"

static int wait_for_one(struct io_uring *ring)
{
    struct io_uring_cqe *cqe;
    int rc;
    do {
        rc = io_uring_wait_cqe(ring, &cqe); /* reported */
#ifdef FIXED
    } while (rc == -EINTR);
#else
    } while (false);
#endif
    if (rc != 0)
        abort();
    rc = cqe->res;
    io_uring_cqe_seen(ring, cqe);
    return rc;
}

int main(void)
{
    static char bytes[64];
    struct io_uring ring;
    int ends[2];
    CHECK(pipe(ends) == 0);
    open_ring(&ring, 8, 0);
    for (int i = 0; i < 32; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
        io_uring_prep_read(sqe, ends[0], bytes, sizeof bytes, 0);
        io_uring_sqe_set_data(sqe, bytes);
        submit_all(&ring);
        CHECK(write(ends[1], "x", 1) == 1);
        wait_for_one(&ring);
    }
    io_uring_queue_exit(&ring);
    return 0;
}
