/*
 * pattern: 14
 * bug: a send that says EAGAIN, as it may under load, is taken for a broken connection, and ends the program.
 * fix: sends again.
 * finding: retry-missing
 * policy: eagain.policy
 */
#include "buggy.h"

int main(void)
{
    static char bytes[512];
    struct io_uring ring;
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    open_ring(&ring, 8, 0);
    for (int i = 0; i < 32; i++) {
        int rc;
        do {
            struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
            io_uring_prep_send(sqe, pair[0], bytes, sizeof bytes, MSG_NOSIGNAL);
            io_uring_sqe_set_data(sqe, bytes);
            submit_all(&ring); /* reported */
            rc = finish_one(&ring);
#ifdef FIXED
        } while (rc == -EAGAIN);
#else
        } while (false);
#endif
        if (rc < 0) {
            fprintf(stderr, "connection lost: %s\n", strerror(-rc));
            return 1;
        }
        CHECK(read(pair[1], bytes, sizeof bytes) > 0);
    }
    io_uring_queue_exit(&ring);
    return 0;
}
