/*
 * pattern: 6
 * bug: the buffer of a zero-copy send is filled with the next message at the send's result; the notification, which says
 *      that the kernel is done with the bytes, is yet to come.
 * fix: waits for the notification too.
 * finding: changed-in-flight
 * policy: network
 */
#include "buggy.h"

#define MESSAGES 8

int main(void)
{
    static char message[2048];
    static char sink[sizeof message];
    struct io_uring ring;
    int pair[2];
    int owed = 0;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    open_ring(&ring, 8, 0);
    for (int i = 0; i < MESSAGES; i++) {
        memset(message, 'a' + i, sizeof message);
        struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
        io_uring_prep_send_zc(sqe, pair[0], message, sizeof message, 0, 0);
        io_uring_sqe_set_data64(sqe, 1);
        submit_all(&ring); /* reported */
        bool done;
        do {
            struct io_uring_cqe *cqe = next_cqe(&ring);
            owed += (cqe->flags & IORING_CQE_F_NOTIF) != 0 ? -1 : (cqe->flags & IORING_CQE_F_MORE) != 0;
#ifdef FIXED
            done = owed == 0;
#else
            done = (cqe->flags & IORING_CQE_F_NOTIF) == 0;
#endif
            io_uring_cqe_seen(&ring, cqe);
        } while (!done);
        while (recv(pair[1], sink, sizeof sink, MSG_DONTWAIT) > 0)
            continue;
    }
    for (; owed > 0; owed--)
        finish_one(&ring);
    io_uring_queue_exit(&ring);
    return 0;
}
