/*
 * pattern: 9
 * bug: a request's record goes back to its pool when its deadline passes, and its address names the next request while the
 *      first is still in flight.
 * fix: the record is free again when the request has ended.
 * finding: duplicate-user-data
 */
#include "buggy.h"

struct record {
    char bytes[64];
};

static struct record pool[2];

#ifdef FIXED
/* Two of one chain may share a name: they end in the chain's order. Where it was cut, the first has ended before the other is submitted. */
static void run_chain(struct io_uring *ring, struct record *record)
{
    int taken;
    for (int i = 0; i < 2; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
        io_uring_prep_nop(sqe);
        sqe->flags = i == 0 ? IOSQE_IO_LINK : 0;
        io_uring_sqe_set_data(sqe, record);
    }
    do
        taken = io_uring_submit(ring);
    while (taken == 0 || taken == -EAGAIN || taken == -EINTR || taken == -EBUSY);
    CHECK(taken > 0 && finish_one(ring) == 0);
    submit_all(ring);
    CHECK(finish_one(ring) == 0);
}
#endif

static void start(struct io_uring *ring, int fd, struct record *record, char *into)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_read(sqe, fd, into, sizeof record->bytes, 0);
    io_uring_sqe_set_data(sqe, record);
    submit_all(ring); /* reported */
}

int main(void)
{
    static char other[64];
    struct io_uring ring;
    int ends[2];
    CHECK(pipe(ends) == 0);
    open_ring(&ring, 8, 0);
    start(&ring, ends[0], &pool[0], pool[0].bytes);
    /* Too late, says its owner. */
#ifdef FIXED
    cancel_and_finish(&ring, &pool[0]);
#endif
    start(&ring, ends[0], &pool[0], other);
    CHECK(write(ends[1], "0123456789", 10) == 10);
#ifdef FIXED
    CHECK(finish_one(&ring) > 0);
    run_chain(&ring, &pool[1]);
#else
    finish_one(&ring);
    CHECK(write(ends[1], "0123456789", 10) == 10);
    finish_one(&ring);
#endif
    io_uring_queue_exit(&ring);
    return 0;
}
