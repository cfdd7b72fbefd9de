/*
 * pattern: 1
 * bug: the buffer of a receive turns out too small for what the header announces and is grown by realloc, which moves it
 *      while the next receive into it is in flight already.
 * fix: grows it between two receives.
 * finding: freed-in-flight
 */
#include "buggy.h"

struct message {
    char *bytes;
    size_t room;
    size_t have;
};

static void receive(struct io_uring *ring, int fd, struct message *message)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_recv(sqe, fd, message->bytes + message->have, message->room - message->have, 0);
    io_uring_sqe_set_data(sqe, message);
    submit_all(ring); /* reported */
}

static void grow(struct message *message)
{
    message->room *= 1024;
    message->bytes = realloc(message->bytes, message->room);
    CHECK(message->bytes != NULL);
}

int main(void)
{
    struct io_uring ring;
    int pair[2];
    struct message message = {.bytes = malloc(64), .room = 64};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(message.bytes != NULL && write(pair[1], "length 5000;", 12) == 12);
    open_ring(&ring, 8, 0);
    receive(&ring, pair[0], &message);
    int got = finish_one(&ring);
    CHECK(got > 0);
    message.have += (size_t)got;
#ifdef FIXED
    grow(&message);
    receive(&ring, pair[0], &message);
#else
    receive(&ring, pair[0], &message);
    grow(&message);
#endif
    CHECK(write(pair[1], "body", 4) == 4);
    CHECK(finish_one(&ring) > 0);
    io_uring_queue_exit(&ring);
    free(message.bytes);
    return 0;
}
