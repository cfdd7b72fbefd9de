/*
 * Polls and timeouts that complete more than once, and the change of a poll that waits: the same on every kernel.
 */
#include <poll.h>

#include "support/conform.h"
#include "support/main.h"

/* Newer than the headers this is built with. */
#define TIMEOUT_MULTISHOT (1u << 6)

static void drain_bytes(struct conform *c, int fd)
{
    char bytes[64];
    conform_value(c, "read", c->objects->read(c->self, fd, bytes, sizeof bytes));
}

static void multishot(struct conform *c, uint64_t user_data, int fd, unsigned mask)
{
    io_uring_prep_poll_multishot(conform_sqe(c, user_data), fd, mask);
    conform_submit(c);
}

static void cancel(struct conform *c, uint64_t user_data, uint64_t target)
{
    io_uring_prep_cancel64(conform_sqe(c, user_data), target, 0);
    conform_submit(c);
}

static void each_write_is_told(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    multishot(c, 1, ends[0], POLLIN);
    conform_take_now(c);
    conform_write(c, ends[1], "a");
    conform_take(c, 1);
    conform_take_now(c);
    conform_write(c, ends[1], "b");
    conform_take(c, 1);
    drain_bytes(c, ends[0]);
    conform_take_now(c);
    conform_write(c, ends[1], "c");
    conform_take(c, 1);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void each_message_is_told(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    multishot(c, 1, ends[0], POLLIN);
    conform_take_now(c);
    conform_write(c, ends[1], "a");
    conform_take(c, 1);
    conform_write(c, ends[1], "b");
    conform_take(c, 1);
    drain_bytes(c, ends[0]);
    conform_take_now(c);
    conform_write(c, ends[1], "c");
    conform_take(c, 1);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void what_is_ready_is_told_once(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    conform_write(c, ends[1], "a");
    multishot(c, 1, ends[0], POLLIN);
    conform_take(c, 1);
    conform_take_now(c);
    conform_write(c, ends[1], "b");
    conform_take(c, 1);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void it_is_told_before_what_follows(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    conform_write(c, ends[1], "a");
    conform_sqe(c, 1);
    io_uring_prep_poll_multishot(conform_sqe(c, 2), ends[0], POLLIN);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take(c, 3);
    cancel(c, 4, 2);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void another_end_is_not_told(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    conform_write(c, ends[0], "a");
    multishot(c, 1, ends[0], POLLIN);
    drain_bytes(c, ends[1]);
    conform_take_now(c);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void the_writers_end_goes_on(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    multishot(c, 1, ends[0], POLLIN);
    conform_take_now(c);
    conform_close(c, ends[1]);
    conform_take(c, 1);
    conform_take_now(c);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close(c, ends[0]);
}

static void the_peers_end_goes_on(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    multishot(c, 1, ends[0], POLLIN | POLLRDHUP);
    conform_take_now(c);
    conform_close(c, ends[1]);
    conform_take(c, 1);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close(c, ends[0]);
}

static void the_peers_end_is_told_unasked(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    multishot(c, 1, ends[0], POLLIN);
    conform_take_now(c);
    conform_close(c, ends[1]);
    conform_take(c, 1);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close(c, ends[0]);
}

static void room_is_told_once(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    multishot(c, 1, ends[1], POLLOUT);
    conform_take(c, 1);
    conform_take_now(c);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void two_are_both_told(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    multishot(c, 1, ends[0], POLLIN);
    multishot(c, 1, ends[0], POLLIN);
    conform_take_now(c);
    conform_write(c, ends[1], "a");
    conform_take(c, 2);
    conform_write(c, ends[1], "a");
    conform_take(c, 2);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, IORING_ASYNC_CANCEL_ALL);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void what_a_poll_refuses(struct conform *c)
{
    static const unsigned lengths[] = {2, 4, 8, 9, 16, 1, 0, 0, 0};
    int ends[2];
    conform_pipe(c, ends);
    conform_write(c, ends[1], "a");
    for (unsigned i = 0; i < 9; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, i + 1);
        io_uring_prep_poll_add(sqe, ends[0], POLLIN);
        sqe->len = lengths[i];
        sqe->flags = i == 5 ? IOSQE_CQE_SKIP_SUCCESS : 0;
        sqe->off = i == 6;
        sqe->addr = i == 7;
        sqe->buf_index = i == 8;
        conform_submit(c);
        conform_take(c, 1);
    }
    conform_close_both(c, ends);
}

static void a_file_is_told_once(struct conform *c)
{
    int fd = conform_file(c, "abc");
    multishot(c, 1, fd, POLLIN | POLLOUT);
    conform_take(c, 1);
    conform_take_now(c);
    cancel(c, 2, 1);
    conform_take(c, 1);
    conform_close(c, fd);
}

static void what_a_file_never_is(struct conform *c)
{
    int fd = conform_file(c, "abc");
    multishot(c, 1, fd, POLLPRI);
    conform_take(c, 1);
    io_uring_prep_poll_add(conform_sqe(c, 2), fd, POLLPRI);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, fd);
}

static void the_next_of_a_chain_waits_for_the_end(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_poll_multishot(conform_sqe(c, 1), ends[0], POLLIN);
    c->ring.ring.sq.sqes[(c->ring.ring.sq.sqe_tail - 1) & 7].flags = IOSQE_IO_LINK;
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "a");
    conform_take(c, 1);
    conform_take_now(c);
    cancel(c, 3, 1);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void a_drain_waits_for_the_end(struct conform *c)
{
    struct __kernel_timespec soon = CONFORM_MILLISECOND;
    int ends[2];
    conform_pipe(c, ends);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_poll_multishot(sqe, ends[0], POLLIN);
    sqe->flags = IOSQE_IO_LINK;
    io_uring_prep_link_timeout(conform_sqe(c, 2), &soon, 0);
    sqe = conform_sqe(c, 3);
    sqe->flags = IOSQE_IO_DRAIN;
    conform_submit(c);
    conform_write(c, ends[1], "a");
    conform_take(c, 4);
    conform_close_both(c, ends);
}

static void a_linked_timeout_ends_it(struct conform *c)
{
    struct __kernel_timespec soon = CONFORM_MILLISECOND;
    int ends[2];
    conform_pipe(c, ends);
    conform_write(c, ends[1], "a");
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_poll_multishot(sqe, ends[0], POLLIN);
    sqe->flags = IOSQE_IO_LINK;
    io_uring_prep_link_timeout(conform_sqe(c, 2), &soon, 0);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void a_full_queue_ends_it(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    multishot(c, 1, ends[0], POLLIN);
    conform_sqe(c, 2);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_sqe(c, 4);
    conform_submit(c);
    for (unsigned i = 0; i < 3; i++) {
        conform_write(c, ends[1], "a");
        conform_value(c, "get_events", raw_ring_get_events(&c->ring));
    }
    conform_take(c, 4);
    conform_take_now(c);
    conform_write(c, ends[1], "a");
    conform_take_now(c);
    cancel(c, 6, 1);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void nothing_is_asked_for(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    multishot(c, 1, ends[0], 0);
    conform_write(c, ends[1], "a");
    conform_take_now(c);
    conform_close(c, ends[1]);
    conform_take(c, 1);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close(c, ends[0]);
}

static void the_readers_end_is_an_error(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    multishot(c, 1, ends[1], POLLIN);
    conform_take_now(c);
    conform_close(c, ends[0]);
    conform_take(c, 1);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close(c, ends[1]);
}

static void a_wait_for_several_counts_each(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    multishot(c, 1, ends[0], POLLIN);
    conform_take_now(c);
    conform_write(c, ends[1], "a");
    conform_value(c, "get_events", raw_ring_get_events(&c->ring));
    conform_write(c, ends[1], "a");
    conform_value(c, "wait", raw_ring_wait(&c->ring, 2, 1000000000));
    conform_take(c, 2);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_timeout_counts_each(struct conform *c)
{
    struct __kernel_timespec late = CONFORM_LONG;
    int ends[2];
    conform_pipe(c, ends);
    multishot(c, 1, ends[0], POLLIN);
    io_uring_prep_timeout(conform_sqe(c, 2), &late, 2, 0);
    conform_submit(c);
    conform_write(c, ends[1], "a");
    conform_take(c, 1);
    conform_write(c, ends[1], "a");
    conform_take(c, 2);
    cancel(c, 3, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void removing_ends_it(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    multishot(c, 1, ends[0], POLLIN);
    io_uring_prep_poll_remove(conform_sqe(c, 2), 1);
    conform_submit(c);
    conform_take(c, 2);
    io_uring_prep_poll_remove(conform_sqe(c, 3), 1);
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void update(struct conform *c, uint64_t user_data, uint64_t target, uint64_t name, unsigned mask,
                   unsigned flags)
{
    io_uring_prep_poll_update(conform_sqe(c, user_data), target, name, mask, flags);
    conform_submit(c);
}

static void a_new_mask_is_watched(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    io_uring_prep_poll_add(conform_sqe(c, 1), ends[0], POLLIN);
    conform_submit(c);
    update(c, 2, 1, 0, POLLOUT, IORING_POLL_UPDATE_EVENTS);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_new_name_is_told(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_poll_add(conform_sqe(c, 1), ends[0], POLLIN);
    conform_submit(c);
    update(c, 2, 1, 5, 0, IORING_POLL_UPDATE_USER_DATA);
    conform_take(c, 1);
    update(c, 3, 1, 6, 0, IORING_POLL_UPDATE_USER_DATA);
    conform_take(c, 1);
    conform_write(c, ends[1], "a");
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void a_multishot_is_updated_at_once(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    multishot(c, 1, ends[0], POLLIN);
    for (uint64_t i = 2; i <= 4; i++)
        io_uring_prep_poll_update(conform_sqe(c, i), 1, 0, POLLIN, IORING_POLL_UPDATE_EVENTS);
    conform_submit(c);
    conform_take(c, 3);
    conform_write(c, ends[1], "a");
    conform_take(c, 1);
    cancel(c, 5, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_multishot_stays_one(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    multishot(c, 1, ends[0], POLLIN);
    conform_take_now(c);
    update(c, 2, 1, 5, POLLOUT, IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA);
    conform_take(c, 2);
    conform_write(c, ends[1], "a");
    conform_take_now(c);
    update(c, 3, 5, 0, POLLIN, IORING_POLL_UPDATE_EVENTS);
    conform_take(c, 2);
    conform_write(c, ends[1], "a");
    conform_take(c, 1);
    cancel(c, 4, 5);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_single_one_stays_one(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_poll_add(conform_sqe(c, 1), ends[0], POLLIN);
    conform_submit(c);
    update(c, 2, 1, 0, POLLIN, IORING_POLL_UPDATE_EVENTS | IORING_POLL_ADD_MULTI);
    conform_take(c, 1);
    conform_write(c, ends[1], "a");
    conform_take(c, 1);
    conform_write(c, ends[1], "a");
    conform_take_now(c);
    conform_close_both(c, ends);
}

static void what_an_update_refuses(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_poll_add(conform_sqe(c, 1), ends[0], POLLIN);
    conform_submit(c);
    update(c, 2, 9, 0, POLLIN, IORING_POLL_UPDATE_EVENTS);
    conform_take(c, 1);
    update(c, 3, 1, 0, POLLIN, 0);
    conform_take(c, 1);
    update(c, 4, 1, 8, 0, 0);
    conform_take(c, 1);
    update(c, 5, 1, 0, 0, IORING_POLL_ADD_MULTI);
    conform_take(c, 1);
    update(c, 6, 1, 0, POLLIN, IORING_POLL_UPDATE_EVENTS | IORING_POLL_ADD_LEVEL);
    conform_take(c, 1);
    update(c, 7, 1, 8, POLLIN, IORING_POLL_UPDATE_EVENTS);
    conform_take(c, 1);
    update(c, 8, 1, 0, POLLIN, IORING_POLL_UPDATE_USER_DATA);
    conform_take(c, 1);
    update(c, 9, 1, 0, 0, 16);
    conform_take(c, 1);
    io_uring_prep_cancel64(conform_sqe(c, 10), 0, IORING_ASYNC_CANCEL_ANY);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void only_polls_are_updated(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], &byte, 1, 0);
    conform_submit(c);
    update(c, 2, 1, 0, POLLIN, IORING_POLL_UPDATE_EVENTS);
    conform_take(c, 1);
    io_uring_prep_poll_remove(conform_sqe(c, 3), 1);
    conform_submit(c);
    conform_take(c, 1);
    cancel(c, 4, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void updating_to_what_is_true_ends_a_single_one(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    io_uring_prep_poll_add(conform_sqe(c, 1), ends[0], POLLIN);
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 1);
    update(c, 3, 1, 7, POLLOUT, IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA);
    conform_take(c, 2);
    cancel(c, 4, 7);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void flags_of_epoll(struct conform *c)
{
    static const unsigned masks[] = {1u << 28, 1u << 30, 1u << 31, 1u << 29, 1u << 20};
    int ends[2];
    conform_pipe(c, ends);
    conform_write(c, ends[1], "a");
    for (unsigned i = 0; i < 5; i++) {
        io_uring_prep_poll_add(conform_sqe(c, i + 1), ends[0], POLLIN | masks[i]);
        conform_submit(c);
        conform_take(c, 1);
    }
    io_uring_prep_poll_multishot(conform_sqe(c, 9), ends[0], POLLIN | 1u << 30);
    conform_submit(c);
    conform_take(c, 1);
    conform_write(c, ends[1], "a");
    conform_take_now(c);
    conform_close_both(c, ends);
}

static void writes_come_together_where_work_is_deferred(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    multishot(c, 1, ends[0], POLLIN);
    conform_take_now(c);
    conform_write(c, ends[1], "a");
    conform_write(c, ends[1], "a");
    conform_take_now(c);
    conform_take_now(c);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_timeout_that_repeats(struct conform *c)
{
    struct __kernel_timespec soon = CONFORM_MILLISECOND;
    io_uring_prep_timeout(conform_sqe(c, 1), &soon, 3, TIMEOUT_MULTISHOT);
    conform_submit(c);
    for (unsigned i = 0; i < 3; i++)
        conform_take(c, 1);
    conform_take_now(c);
}

static void a_timeout_that_repeats_once(struct conform *c)
{
    struct __kernel_timespec soon = CONFORM_MILLISECOND;
    io_uring_prep_timeout(conform_sqe(c, 1), &soon, 1, TIMEOUT_MULTISHOT);
    conform_submit(c);
    conform_take(c, 1);
    conform_take_now(c);
}

static void a_timeout_that_repeats_for_ever(struct conform *c)
{
    struct __kernel_timespec late = CONFORM_LONG;
    struct __kernel_timespec period = {
        .tv_nsec = 100000000}; /* so that no third comes before the update on a busy machine */
    io_uring_prep_timeout(conform_sqe(c, 1), &period, 0, TIMEOUT_MULTISHOT);
    conform_submit(c);
    conform_take(c, 1);
    conform_take(c, 1);
    io_uring_prep_timeout_update(conform_sqe(c, 2), &late, 1, 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_timeout_remove(conform_sqe(c, 3), 1, 0);
    conform_submit(c);
    conform_take(c, 2);
}

static void a_repeating_timeout_is_cancelled(struct conform *c)
{
    struct __kernel_timespec late = CONFORM_LONG;
    io_uring_prep_timeout(conform_sqe(c, 1), &late, 0, TIMEOUT_MULTISHOT);
    conform_submit(c);
    cancel(c, 2, 1);
    conform_take(c, 2);
}

static void flags_of_a_repeating_timeout(struct conform *c)
{
    struct __kernel_timespec soon = CONFORM_MILLISECOND;
    io_uring_prep_timeout(conform_sqe(c, 1), &soon, 2, TIMEOUT_MULTISHOT | IORING_TIMEOUT_ETIME_SUCCESS);
    conform_submit(c);
    conform_take(c, 1);
    conform_take(c, 1);
    io_uring_prep_timeout(conform_sqe(c, 2), &soon, 2, TIMEOUT_MULTISHOT | IORING_TIMEOUT_BOOTTIME);
    conform_submit(c);
    conform_take(c, 1);
    conform_take(c, 1);
    io_uring_prep_timeout(conform_sqe(c, 3), &soon, 2, TIMEOUT_MULTISHOT | IORING_TIMEOUT_ABS);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_timeout(conform_sqe(c, 4), &soon, 2, 1u << 7);
    conform_submit(c);
    conform_take(c, 1);
    struct io_uring_sqe *sqe = conform_sqe(c, 5);
    sqe->flags = IOSQE_IO_LINK;
    io_uring_prep_link_timeout(conform_sqe(c, 6), &soon, TIMEOUT_MULTISHOT);
    conform_submit(c);
    conform_take(c, 2);
}

static void a_repeating_timeout_and_a_chain(struct conform *c)
{
    struct __kernel_timespec soon = CONFORM_MILLISECOND;
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_timeout(sqe, &soon, 2, TIMEOUT_MULTISHOT | IORING_TIMEOUT_ETIME_SUCCESS);
    sqe->flags = IOSQE_IO_LINK;
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 1);
    conform_take(c, 2);
}

/* Time passes, whatever is in the ring. */
static void pass_time(struct conform *c)
{
    struct raw_ring other;
    conform_value(c, "open", raw_ring_open(&other, c->ring.backend, 1, 0));
    conform_value(c, "pass", raw_ring_wait(&other, 1, 20000000));
    raw_ring_close(&other);
}

static void a_full_queue_ends_a_repeating_timeout(struct conform *c)
{
    struct __kernel_timespec soon = CONFORM_MILLISECOND;
    conform_sqe(c, 2);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_sqe(c, 4);
    io_uring_prep_timeout(conform_sqe(c, 1), &soon, 0, TIMEOUT_MULTISHOT);
    conform_submit(c);
    pass_time(c);
    conform_take_now(c);
    conform_take_now(c);
    pass_time(c);
    conform_take_now(c);
}

static void a_silent_repeating_timeout(struct conform *c)
{
    struct __kernel_timespec soon = CONFORM_MILLISECOND;
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_timeout(sqe, &soon, 2, TIMEOUT_MULTISHOT);
    sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
    conform_submit(c);
    conform_take(c, 1);
    conform_take(c, 1);
}

static const struct conform_case cases[] = {
    {.name = "each write is told",
     .run = each_write_is_told,
     .expected = "submit: 1\nnothing\nwritten: 1\n1: 1 flags 2\nnothing\nwritten: 1\n1: 1 flags 2\n"
                 "read: 2\nnothing\nwritten: 1\n1: 1 flags 2\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "each message is told",
     .run = each_message_is_told,
     .expected = "submit: 1\nnothing\nwritten: 1\n1: 1 flags 2\nwritten: 1\n1: 1 flags 2\nread: 2\n"
                 "nothing\nwritten: 1\n1: 1 flags 2\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "what is ready is told once",
     .run = what_is_ready_is_told_once,
     .expected = "written: 1\nsubmit: 1\n1: 1 flags 2\nnothing\nwritten: 1\n1: 1 flags 2\nsubmit: 1\n"
                 "2: 0\n1: ECANCELED\n"},
    {.name = "it is told before what follows",
     .run = it_is_told_before_what_follows,
     .expected = "written: 1\nsubmit: 3\n1: 0\n3: 0\n2: 1 flags 2\nsubmit: 1\n4: 0\n2: ECANCELED\n"},
    {.name = "another end is not told",
     .run = another_end_is_not_told,
     .expected = "written: 1\nsubmit: 1\nread: 1\nnothing\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "the writers end goes on",
     .run = the_writers_end_goes_on,
     .expected = "submit: 1\nnothing\n1: 16 flags 2\nnothing\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "the peers end goes on",
     .run = the_peers_end_goes_on,
     .expected = "submit: 1\nnothing\n1: 8209 flags 2\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "the peers end is told unasked",
     .run = the_peers_end_is_told_unasked,
     .expected = "submit: 1\nnothing\n1: 8209 flags 2\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "room is told once",
     .run = room_is_told_once,
     .expected = "submit: 1\n1: 4 flags 2\nnothing\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "two are both told",
     .run = two_are_both_told,
     .expected = "submit: 1\nsubmit: 1\nnothing\nwritten: 1\n1: 1 flags 2\n1: 1 flags 2\nwritten: 1\n"
                 "1: 1 flags 2\n1: 1 flags 2\nsubmit: 1\n2: 2\n1: ECANCELED\n1: ECANCELED\n"},
    {.name = "what a poll refuses",
     .run = what_a_poll_refuses,
     .expected = "written: 1\nsubmit: 1\n1: EINVAL\nsubmit: 1\n2: EINVAL\nsubmit: 1\n3: EINVAL\n"
                 "submit: 1\n4: EINVAL\nsubmit: 1\n5: EINVAL\nsubmit: 1\n6: EINVAL\nsubmit: 1\n7: EINVAL\n"
                 "submit: 1\n8: EINVAL\nsubmit: 1\n9: EINVAL\n"},
    {.name = "a file is told once",
     .run = a_file_is_told_once,
     .expected = "submit: 1\n1: 5\nnothing\nsubmit: 1\n2: ENOENT\n"},
    {.name = "what a file never is",
     .run = what_a_file_never_is,
     .expected = "submit: 1\n1: EINVAL\nsubmit: 1\n2: EINVAL\n"},
    {.name = "the next of a chain waits for the end",
     .run = the_next_of_a_chain_waits_for_the_end,
     .expected = "submit: 2\nnothing\nwritten: 1\n1: 1 flags 2\nnothing\nsubmit: 1\n3: 0\n1: ECANCELED\n"
                 "2: ECANCELED\n"},
    {.name = "a drain waits for the end",
     .run = a_drain_waits_for_the_end,
     .expected = "submit: 3\nwritten: 1\n1: 1 flags 2\n2: ETIME\n1: ECANCELED\n3: 0\n"},
    {.name = "a linked timeout ends it",
     .run = a_linked_timeout_ends_it,
     .expected = "written: 1\nsubmit: 2\n1: 1 flags 2\n2: ETIME\n1: ECANCELED\n"},
    {.name = "a full queue ends it",
     .run = a_full_queue_ends_it,
     .expected = "submit: 1\nsubmit: 2\nsubmit: 1\nwritten: 1\nget_events: 0\nwritten: 1\nget_events: 0\n"
                 "written: 1\nget_events: 0\n2: 0\n3: 0\n4: 0\n1: 1 flags 2\n1: 1\nwritten: 1\nnothing\n"
                 "submit: 1\n6: ENOENT\n",
     .entries = 2},
    {.name = "nothing is asked for",
     .run = nothing_is_asked_for,
     .expected = "submit: 1\nwritten: 1\nnothing\n1: 16 flags 2\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "the readers end is an error",
     .run = the_readers_end_is_an_error,
     .expected = "submit: 1\nnothing\n1: 8 flags 2\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "a wait for several counts each",
     .run = a_wait_for_several_counts_each,
     .expected = "submit: 1\nnothing\nwritten: 1\nget_events: 0\nwritten: 1\nwait: 0\n1: 1 flags 2\n"
                 "1: 1 flags 2\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "a timeout counts each",
     .run = a_timeout_counts_each,
     .expected = "submit: 1\nsubmit: 1\nwritten: 1\n1: 1 flags 2\nwritten: 1\n1: 1 flags 2\n2: 0\n"
                 "submit: 1\n3: 0\n1: ECANCELED\n"},
    {.name = "removing ends it",
     .run = removing_ends_it,
     .expected = "submit: 1\nsubmit: 1\n2: 0\n1: ECANCELED\nsubmit: 1\n3: ENOENT\n"},
    {.name = "a new mask is watched",
     .run = a_new_mask_is_watched,
     .expected = "submit: 1\nsubmit: 1\n2: 0\n1: 4\n"},
    {.name = "a new name is told",
     .run = a_new_name_is_told,
     .expected = "submit: 1\nsubmit: 1\n2: 0\nsubmit: 1\n3: ENOENT\nwritten: 1\n5: 1\n"},
    {.name = "a multishot stays one",
     .run = a_multishot_stays_one,
     .expected = "submit: 1\nnothing\nsubmit: 1\n2: 0\n5: 4 flags 2\nwritten: 1\nnothing\nsubmit: 1\n"
                 "3: 0\n5: 1 flags 2\nwritten: 1\n5: 1 flags 2\nsubmit: 1\n4: 0\n5: ECANCELED\n"},
    {.name = "a single one stays one",
     .run = a_single_one_stays_one,
     .expected = "submit: 1\nsubmit: 1\n2: 0\nwritten: 1\n1: 1\nwritten: 1\nnothing\n"},
    {.name = "what an update refuses",
     .run = what_an_update_refuses,
     .expected = "submit: 1\nsubmit: 1\n2: ENOENT\nsubmit: 1\n3: EINVAL\nsubmit: 1\n4: EINVAL\nsubmit: 1\n"
                 "5: EINVAL\nsubmit: 1\n6: EINVAL\nsubmit: 1\n7: EINVAL\nsubmit: 1\n8: EINVAL\nsubmit: 1\n"
                 "9: EINVAL\nsubmit: 1\n10: 1\n1: ECANCELED\n"},
    {.name = "only polls are updated",
     .run = only_polls_are_updated,
     .expected = "submit: 1\nsubmit: 1\n2: ENOENT\nsubmit: 1\n3: ENOENT\nsubmit: 1\n4: 0\n1: ECANCELED\n"},
    {.name = "updating to what is true ends a single one",
     .run = updating_to_what_is_true_ends_a_single_one,
     .expected = "submit: 2\n2: 0\nsubmit: 1\n3: 0\n7: 4\nsubmit: 1\n4: ENOENT\n"},
    {.name = "flags of epoll",
     .run = flags_of_epoll,
     .expected = "written: 1\nsubmit: 1\n1: 1\nsubmit: 1\n2: 1\nsubmit: 1\n3: 1\nsubmit: 1\n4: 1\n"
                 "submit: 1\n5: 1\nsubmit: 1\n9: 1\nwritten: 1\nnothing\n"},
    {.name = "writes come together where work is deferred",
     .run = writes_come_together_where_work_is_deferred,
     .expected = "submit: 1\nnothing\nwritten: 1\nwritten: 1\n1: 1 flags 2\nnothing\nsubmit: 1\n2: 0\n"
                 "1: ECANCELED\n",
     .setup_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN},
    {.name = "a multishot is updated at once",
     .run = a_multishot_is_updated_at_once,
     .expected = "submit: 1\nsubmit: 3\n2: 0\n3: 0\n4: 0\nwritten: 1\n1: 1 flags 2\nsubmit: 1\n5: 0\n"
                 "1: ECANCELED\n"},
    {.name = "a timeout that repeats",
     .run = a_timeout_that_repeats,
     .expected = "submit: 1\n1: ETIME flags 2\n1: ETIME flags 2\n1: ETIME\nnothing\n"},
    {.name = "a timeout that repeats once",
     .run = a_timeout_that_repeats_once,
     .expected = "submit: 1\n1: ETIME\nnothing\n"},
    {.name = "a timeout that repeats for ever",
     .run = a_timeout_that_repeats_for_ever,
     .expected = "submit: 1\n1: ETIME flags 2\n1: ETIME flags 2\nsubmit: 1\n2: 0\nsubmit: 1\n3: 0\n"
                 "1: ECANCELED\n"},
    {.name = "a repeating timeout is cancelled",
     .run = a_repeating_timeout_is_cancelled,
     .expected = "submit: 1\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "flags of a repeating timeout",
     .run = flags_of_a_repeating_timeout,
     .expected = "submit: 1\n1: ETIME flags 2\n1: ETIME\nsubmit: 1\n2: ETIME flags 2\n2: ETIME\n"
                 "submit: 1\n3: EINVAL\nsubmit: 1\n4: EINVAL\nsubmit: 2\n5: 0\n6: ECANCELED\n"},
    {.name = "a repeating timeout and a chain",
     .run = a_repeating_timeout_and_a_chain,
     .expected = "submit: 2\n1: ETIME flags 2\n1: ETIME\n2: 0\n"},
    {.name = "a full queue ends a repeating timeout",
     .run = a_full_queue_ends_a_repeating_timeout,
     .expected = "submit: 2\nsubmit: 2\nopen: 0\npass: ETIME\n2: 0\n3: 0\n4: 0\n1: ETIME flags 2\n"
                 "1: ETIME\nopen: 0\npass: ETIME\nnothing\n",
     .entries = 2},
    {.name = "a silent repeating timeout",
     .run = a_silent_repeating_timeout,
     .expected = "submit: 1\n1: ETIME flags 2\n1: ETIME\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void multishot_polls_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void multishot_polls_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void multishot_polls_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(multishot_polls_on_io_uring),
    cmocka_unit_test(multishot_polls_on_the_engine),
    cmocka_unit_test(multishot_polls_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
