/*
 * pattern: 12
 * bug: a send that takes a part of a message is followed by the next message: the peer reads a mixture.
 * fix: sends the rest first.
 * finding: short-count-ignored
 * policy: network
 */
#include "buggy.h"

#define MESSAGES 16

static char message[900];
static char sink[4096];

static int send_message(struct io_uring *ring, int fd, int number)
{
    unsigned done = 0;
    snprintf(message, sizeof message, "message %d, and what it holds: %*d", number, 800, number);
    do {
        struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
        io_uring_prep_send(sqe, fd, message + done, sizeof message - done, MSG_NOSIGNAL);
        io_uring_sqe_set_data(sqe, message);
        submit_all(ring); /* reported */
        int sent = finish_one(ring);
        if (sent <= 0)
            return sent;
        done += (unsigned)sent;
#ifndef FIXED
        break;
#endif
    } while (done < sizeof message);
    return 1;
}

int main(void)
{
    struct io_uring ring;
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    open_ring(&ring, 8, 0);
    for (int i = 0; i < MESSAGES; i++) {
        if (send_message(&ring, pair[0], i) <= 0)
            break;
        while (recv(pair[1], sink, sizeof sink, MSG_DONTWAIT) > 0)
            continue;
    }
    io_uring_queue_exit(&ring);
    close(pair[0]);
    return 0;
}
