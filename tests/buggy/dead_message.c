/*
 * pattern: 4
 * bug: a datagram's header and its segments are on the stack of the function that queues it, and the loop submits later.
 * fix: they stand in the request, which lives until its completion.
 * finding: arguments-dead
 */
#include "buggy.h"

struct request {
    struct msghdr header;
    struct iovec part;
    char text[32];
};

static void queue_answer(struct io_uring *ring, int fd, struct request *request)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    strcpy(request->text, "the answer");
#ifdef FIXED
    request->part = (struct iovec){request->text, sizeof request->text};
    request->header = (struct msghdr){.msg_iov = &request->part, .msg_iovlen = 1};
    io_uring_prep_sendmsg(sqe, fd, &request->header, 0);
#else
    struct iovec part = {request->text, sizeof request->text};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    io_uring_prep_sendmsg(sqe, fd, &header, 0);
#endif
    io_uring_sqe_set_data(sqe, request);
}

int main(void)
{
    struct io_uring ring;
    struct request request;
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    open_ring(&ring, 8, 0);
    queue_answer(&ring, pair[0], &request);
    submit_all(&ring); /* reported */
    finish_one(&ring);
    io_uring_queue_exit(&ring);
    return 0;
}
