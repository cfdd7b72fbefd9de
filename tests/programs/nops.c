/*
 * Every way to submit and to wait, with operations that do nothing; overflow and its flush; the lowest free descriptor.
 */
#include <fcntl.h>

#include "program.h"

static void queue(struct io_uring *ring, unsigned count, uint64_t first)
{
    for (unsigned i = 0; i < count; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
        CHECK(sqe != NULL);
        io_uring_prep_nop(sqe);
        io_uring_sqe_set_data64(sqe, first + i);
    }
}

static void take(struct io_uring *ring, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        CHECK(finish_one(ring) == 0);
}

static void lowest_number(void)
{
    struct io_uring ring;
    int lowest = dup(0);
    CHECK(lowest >= 0 && close(lowest) == 0);
    open_ring(&ring, 4, 0);
    CHECK(ring.ring_fd == lowest);
    io_uring_queue_exit(&ring);
    CHECK(fcntl(lowest, F_GETFD) == -1 && errno == EBADF);
}

static void full_queue(void)
{
    struct io_uring ring;
    open_ring(&ring, 4, 0);
    queue(&ring, 4, 1);
    CHECK(io_uring_get_sqe(&ring) == NULL);
    CHECK(io_uring_sq_ready(&ring) == 4 && io_uring_sq_space_left(&ring) == 0);
    submit_all(&ring);
    take(&ring, 4);
    io_uring_queue_exit(&ring);
}

static void overflow(void)
{
    struct io_uring ring;
    open_ring(&ring, 8, 0);
    for (unsigned round = 0; round < 3; round++) {
        queue(&ring, 8, 1 + 8 * round);
        submit_all(&ring);
    }
    bool seen[25] = {false};
    for (unsigned i = 0; i < 24; i++) {
        struct io_uring_cqe *cqe = next_cqe(&ring);
        CHECK(cqe->user_data >= 1 && cqe->user_data <= 24 && !seen[cqe->user_data]);
        seen[cqe->user_data] = true;
        io_uring_cqe_seen(&ring, cqe);
    }
    CHECK(!io_uring_cq_has_overflow(&ring));
    io_uring_queue_exit(&ring);
}

static void batches(void)
{
    struct io_uring ring;
    struct io_uring_cqe *cqes[16];
    open_ring(&ring, 16, 0);
    unsigned got = 0;
    queue(&ring, 16, 1);
    submit_all(&ring);
    while (got < 16) {
        unsigned count = io_uring_peek_batch_cqe(&ring, cqes, 16);
        io_uring_cq_advance(&ring, count);
        got += count;
    }
    struct io_uring_cqe *none;
    CHECK(io_uring_peek_cqe(&ring, &none) == -EAGAIN);
    struct __kernel_timespec soon = {.tv_nsec = 1000000};
    int rc = io_uring_wait_cqe_timeout(&ring, &none, &soon);
    CHECK(rc == -ETIME || rc == -EINTR);
    queue(&ring, 1, 1);
    rc = io_uring_submit_and_wait_timeout(&ring, &none, 1, &soon, NULL);
    CHECK(rc >= 0 || rc == -EINTR || rc == -EAGAIN || rc == -EBUSY || rc == -ETIME);
    submit_all(&ring);
    take(&ring, 1);
    io_uring_queue_exit(&ring);
}

static void registered_ring(void)
{
    struct io_uring ring;
    open_ring(&ring, 4, 0);
    int rc = io_uring_register_ring_fd(&ring);
    if (rc == 1) {
        queue(&ring, 2, 1);
        submit_all(&ring);
        take(&ring, 2);
        CHECK(io_uring_unregister_ring_fd(&ring) == 1);
    }
    io_uring_queue_exit(&ring);
}

static void probe(void)
{
    struct io_uring_probe *all = io_uring_get_probe();
    if (all == NULL)
        return;
    CHECK(io_uring_opcode_supported(all, IORING_OP_NOP));
    CHECK(io_uring_opcode_supported(all, IORING_OP_READV));
    io_uring_free_probe(all);
}

int main(void)
{
    lowest_number();
    full_queue();
    overflow();
    batches();
    registered_ring();
    probe();
    return 0;
}
