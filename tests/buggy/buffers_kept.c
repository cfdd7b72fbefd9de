/*
 * pattern: 28
 * bug: a chosen buffer is given back after its bytes were used, but not when the answer is one that needs no use: those
 *      trickle away until the group has none.
 * fix: gives back whatever the completion names.
 * finding: buffers-never-returned
 */
#include "buggy.h"

#define BUFFERS 4
#define SIZE 64
#define GROUP 3

static char memory[BUFFERS][SIZE];

static void provide(struct io_uring *ring, unsigned first, int count)
{
    struct io_uring_sqe *sqe = next_entry(ring);
    io_uring_prep_provide_buffers(sqe, memory[first], SIZE, count, GROUP, (int)first);
    io_uring_sqe_set_data64(sqe, 1);
    submit_all(ring);
    finish_one(ring);
}

/* One message; false when there was no buffer for it. */
static bool receive(struct io_uring *ring, int fd)
{
    struct io_uring_sqe *sqe = next_entry(ring);
    io_uring_prep_recv(sqe, fd, NULL, SIZE, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    io_uring_sqe_set_data64(sqe, 2);
    submit_all(ring); /* reported */
    struct io_uring_cqe *cqe = next_cqe(ring);
    int result = cqe->res;
    unsigned flags = cqe->flags;
    io_uring_cqe_seen(ring, cqe);
    unsigned chosen = flags >> IORING_CQE_BUFFER_SHIFT;
    bool has_buffer = (flags & IORING_CQE_F_BUFFER) != 0;
#ifndef FIXED
    has_buffer = has_buffer && memory[chosen][0] != 'k'; /* keep-alive: nothing to do */
#endif
    if (has_buffer)
        provide(ring, chosen, 1);
    return result != -ENOBUFS;
}

int main(void)
{
    struct io_uring ring;
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    open_ring(&ring, 8, 0);
    provide(&ring, 0, BUFFERS);
    for (int i = 0; i < 10; i++) {
        CHECK(write(pair[1], "keep-alive", 10) == 10);
        if (!receive(&ring, pair[0]))
            break;
    }
    io_uring_queue_exit(&ring);
    return 0;
}
