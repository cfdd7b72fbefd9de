/*
 * pattern: 15
 * bug: a read that a worker's signal interrupts ends with EINTR, and the program with it.
 * fix: reads again.
 * finding: retry-missing
 * policy: eintr.policy
 */
#include "buggy.h"

int main(void)
{
    static char bytes[512];
    struct io_uring ring;
    int fd = make_file(bytes, sizeof bytes);
    open_ring(&ring, 8, 0);
    for (int i = 0; i < 32; i++) {
        int rc;
        do {
            struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
            io_uring_prep_read(sqe, fd, bytes, sizeof bytes, 0);
            io_uring_sqe_set_data(sqe, bytes);
            submit_all(&ring); /* reported */
            rc = finish_one(&ring);
#ifdef FIXED
        } while (rc == -EINTR);
#else
        } while (false);
#endif
        if (rc < 0) {
            fprintf(stderr, "the file can't be read: %s\n", strerror(-rc));
            return 1;
        }
    }
    io_uring_queue_exit(&ring);
    return 0;
}
