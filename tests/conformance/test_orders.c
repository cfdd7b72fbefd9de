/*
 * Who comes first: among those that a cancel could find, those that it ends, and those that go on in chains.
 */
#include <poll.h>
#include <sys/socket.h>

#include "support/conform.h"
#include "support/main.h"

static char target_bytes[64];

static void pend_read(struct conform *c, uint64_t user_data, int fd)
{
    io_uring_prep_read(conform_sqe(c, user_data), fd, &target_bytes[user_data], 1, 0);
}

static struct io_uring_sqe *pend_timeout(struct conform *c, uint64_t user_data, unsigned count)
{
    static struct __kernel_timespec timeout = {.tv_sec = 3600};
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_timeout(sqe, &timeout, count, 0);
    return sqe;
}

static void cancel(struct conform *c, uint64_t user_data, uint64_t target, unsigned flags)
{
    io_uring_prep_cancel64(conform_sqe(c, user_data), target, (int)flags);
    conform_submit(c);
    conform_take_now(c);
}

static void a_cancel_finds_what_waits_before_a_newer_timeout(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    pend_read(c, 1, ends[0]);
    io_uring_sqe_set_flags(pend_timeout(c, 1, 0), IOSQE_IO_LINK);
    conform_sqe(c, 2); /* ends with the timeout */
    conform_submit(c);
    cancel(c, 3, 1, 0);
    cancel(c, 4, 1, 0);
    cancel(c, 5, 1, 0);
    conform_close_both(c, ends);
}

static void of_those_that_wait_a_cancel_finds_the_newest(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    pend_read(c, 1, ends[0]);
    io_uring_prep_poll_add(conform_sqe(c, 1), ends[0], POLLIN);
    conform_submit(c);
    cancel(c, 2, 1, 0);
    conform_write(c, ends[1], "x"); /* the read is left */
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void two_cancels_at_once_find_the_same(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    pend_read(c, 1, ends[0]);
    pend_timeout(c, 1, 0);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    io_uring_prep_cancel64(conform_sqe(c, 3), 1, 0);
    conform_submit(c);
    conform_take_now(c);
    cancel(c, 4, 1, 0);
    conform_close_both(c, ends);
}

static void of_timeouts_a_cancel_finds_the_oldest(struct conform *c)
{
    io_uring_sqe_set_flags(pend_timeout(c, 1, 0), IOSQE_IO_LINK);
    conform_sqe(c, 2);
    io_uring_sqe_set_flags(pend_timeout(c, 1, 0), IOSQE_IO_LINK);
    conform_sqe(c, 3);
    conform_submit(c);
    cancel(c, 4, 1, 0);
    cancel(c, 5, 1, 0);
}

static void a_timeout_that_counts_is_found_before_those_that_do_not(struct conform *c)
{
    io_uring_sqe_set_flags(pend_timeout(c, 1, 0), IOSQE_IO_LINK);
    conform_sqe(c, 2);
    io_uring_sqe_set_flags(pend_timeout(c, 1, 40), IOSQE_IO_LINK);
    conform_sqe(c, 3);
    io_uring_sqe_set_flags(pend_timeout(c, 1, 30), IOSQE_IO_LINK);
    conform_sqe(c, 4);
    conform_submit(c);
    cancel(c, 5, 1, 0);
    cancel(c, 6, 1, 0);
    cancel(c, 7, 1, 0);
}

static void a_removal_finds_the_oldest_timeout(struct conform *c)
{
    io_uring_sqe_set_flags(pend_timeout(c, 1, 0), IOSQE_IO_LINK);
    conform_sqe(c, 2);
    io_uring_sqe_set_flags(pend_timeout(c, 1, 0), IOSQE_IO_LINK);
    conform_sqe(c, 3);
    conform_submit(c);
    io_uring_prep_timeout_remove(conform_sqe(c, 4), 1, 0);
    conform_submit(c);
    conform_take_now(c);
    cancel(c, 5, 1, 0);
}

static void a_cancel_of_all_goes_through_what_waits_then_through_timeouts(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    pend_timeout(c, 1, 0);
    for (uint64_t i = 2; i < 10; i++)
        pend_read(c, i, ends[0]);
    pend_timeout(c, 10, 50);
    conform_submit(c);
    cancel(c, 11, 0, IORING_ASYNC_CANCEL_ANY);
    conform_close_both(c, ends);
}

static void a_cancel_of_all_of_a_value_ends_the_newest_first(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    for (int i = 0; i < 3; i++) {
        io_uring_prep_poll_add(conform_sqe(c, 1), ends[0], POLLIN);
        io_uring_sqe_set_flags(pend_timeout(c, 1, 0), IOSQE_IO_LINK);
        conform_sqe(c, 2 + (unsigned)i);
    }
    conform_submit(c);
    cancel(c, 9, 1, IORING_ASYNC_CANCEL_ALL);
    conform_close_both(c, ends);
}

/*
 * Pairs of values whose hashes have the same first 0, 1, 2, … bits, and part then, the first of them to the lower bucket: with more
 * buckets the pair ends in this order, with fewer it shares a bucket, and the newer one is the first.
 */
static const uint8_t values[] = {1, 2, 4, 5, 6, 9, 3, 11, 18, 26, 10, 31, 7, 62, 8, 152, 13, 157};

static void pend_polls(struct conform *c, int fd)
{
    for (size_t i = 0; i < sizeof values; i++) {
        io_uring_prep_poll_add(conform_sqe(c, values[i]), fd, POLLIN);
        if (i % 6 == 5)
            raw_ring_submit(&c->ring);
    }
}

/* The CQEs that are there, but for a cancel's. */
static void say_ended(struct conform *c)
{
    struct io_uring_cqe cqe;
    while (raw_ring_take(&c->ring, &cqe))
        if (cqe.user_data != 50)
            conform_say(c, " %u", (unsigned)cqe.user_data);
}

/* What waits stands in buckets by a hash of its value; how many there are follows from the size of the CQ. */
static void one_after_the_other_of_those_that_wait(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    pend_polls(c, ends[0]);
    conform_say(c, "found:");
    for (size_t i = 0; i < sizeof values; i++) {
        io_uring_prep_cancel_fd(conform_sqe(c, 50), ends[0], 0);
        raw_ring_submit(&c->ring);
        raw_ring_get_events(&c->ring);
        say_ended(c);
    }
    conform_say(c, "\n");
    conform_close_both(c, ends);
}

static void all_of_those_that_wait(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    pend_polls(c, ends[0]);
    conform_say(c, "ended:");
    io_uring_prep_cancel_fd(conform_sqe(c, 50), ends[0], IORING_ASYNC_CANCEL_ALL);
    raw_ring_submit(&c->ring);
    raw_ring_get_events(&c->ring);
    say_ended(c);
    raw_ring_get_events(&c->ring); /* what the CQ had no room for */
    say_ended(c);
    conform_say(c, "\n");
    conform_close_both(c, ends);
}

static void all_bits_of_a_value_say_where_it_waits(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_poll_add(conform_sqe(c, 1), ends[0], POLLIN);
    io_uring_prep_poll_add(conform_sqe(c, UINT64_C(1) << 63), ends[0], POLLIN);
    conform_submit(c);
    for (uint64_t i = 2; i < 4; i++) {
        io_uring_prep_cancel_fd(conform_sqe(c, i), ends[0], 0);
        conform_submit(c);
        conform_take_now(c);
    }
    conform_close_both(c, ends);
}

static void who_was_woken_before_its_cancel_ends_in_its_turn(struct conform *c)
{
    int one[2];
    int other[2];
    conform_pipe(c, one);
    conform_pipe(c, other);
    pend_read(c, 1, one[0]);
    pend_read(c, 2, other[0]);
    io_uring_prep_write(conform_sqe(c, 3), one[1], "x", 1, 0);
    io_uring_prep_cancel64(conform_sqe(c, 4), 2, 0);
    io_uring_prep_cancel64(conform_sqe(c, 5), 1, 0);
    conform_submit(c);
    conform_take_now(c);
    conform_close_both(c, one);
    conform_close_both(c, other);
}

static void who_was_woken_is_found_behind_a_newer_one(struct conform *c)
{
    int one[2];
    int other[2];
    conform_pipe(c, one);
    conform_pipe(c, other);
    pend_read(c, 1, one[0]);
    io_uring_prep_poll_add(conform_sqe(c, 1), other[0], POLLIN);
    io_uring_prep_write(conform_sqe(c, 3), one[1], "x", 1, 0);
    io_uring_prep_cancel64(conform_sqe(c, 4), 1, 0);
    conform_submit(c);
    conform_take_now(c);
    conform_close_both(c, one);
    conform_close_both(c, other);
}

static void the_newest_reader_is_woken_first(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    for (uint64_t i = 1; i <= 3; i++)
        pend_read(c, i, ends[0]);
    conform_submit(c);
    conform_write(c, ends[1], "ab");
    conform_take(c, 2);
    conform_say(c, "2: %c, 3: %c\n", target_bytes[2], target_bytes[3]);
    cancel(c, 4, 1, 0);
    conform_close_both(c, ends);
}

static void who_waits_again_is_the_newest(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    for (uint64_t i = 1; i <= 3; i++)
        pend_read(c, i, ends[0]);
    conform_submit(c);
    conform_write(c, ends[1], "a"); /* wakes three: one reads, two wait again, the oldest of them last */
    conform_take(c, 1);
    conform_write(c, ends[1], "b");
    conform_take(c, 1);
    cancel(c, 4, 2, 0);
    conform_close_both(c, ends);
}

static void a_woken_poll_tells_what_woke_it(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    pend_read(c, 1, ends[0]);
    io_uring_prep_poll_add(conform_sqe(c, 2), ends[0], POLLIN);
    io_uring_prep_write(conform_sqe(c, 3), ends[1], "x", 1, 0);
    pend_read(c, 4, ends[0]);
    conform_submit(c);
    conform_take_now(c);
    cancel(c, 5, 1, 0);
    conform_close_both(c, ends);
}

static void a_woken_poll_is_not_removed_nor_changed(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_poll_add(conform_sqe(c, 1), ends[0], POLLIN);
    io_uring_prep_write(conform_sqe(c, 2), ends[1], "x", 1, 0);
    io_uring_prep_poll_remove(conform_sqe(c, 3), 1);
    io_uring_prep_poll_update(conform_sqe(c, 4), 1, 0, POLLOUT, IORING_POLL_UPDATE_EVENTS);
    conform_submit(c);
    conform_take_now(c);
    conform_close_both(c, ends);
}

static void a_woken_poll_that_somebody_wanted_removed_looks_again(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_poll_add(conform_sqe(c, 1), ends[0], POLLIN);
    io_uring_prep_write(conform_sqe(c, 2), ends[1], "x", 1, 0);
    io_uring_prep_poll_remove(conform_sqe(c, 3), 1);
    pend_read(c, 4, ends[0]);
    conform_submit(c);
    conform_take_now(c);
    cancel(c, 5, 1, 0);
    conform_close_both(c, ends);
}

static void a_poll_changed_to_what_is_true_is_found_no_more(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_poll_add(conform_sqe(c, 1), ends[1], POLLIN);
    io_uring_prep_poll_update(conform_sqe(c, 2), 1, 0, POLLOUT, IORING_POLL_UPDATE_EVENTS);
    io_uring_prep_cancel64(conform_sqe(c, 3), 1, 0);
    conform_submit(c);
    conform_take_now(c);
    conform_close_both(c, ends);
}

static void a_timeout_that_counts_comes_before_what_follows_in_a_chain(struct conform *c)
{
    pend_timeout(c, 1, 1);
    io_uring_sqe_set_flags(conform_sqe(c, 2), IOSQE_IO_LINK);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take_now(c);
}

static void a_failed_write_is_told_behind_its_submission(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    io_uring_prep_write(conform_sqe(c, 1), ends[0], "x", 1, 8);
    io_uring_prep_read(conform_sqe(c, 2), ends[0], target_bytes, 1, 8);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take_now(c);
    conform_close_both(c, ends);
}

static void what_follows_in_a_chain_comes_behind_what_was_ended_with_it(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    pend_read(c, 1, ends[0]);
    io_uring_sqe_set_flags(conform_sqe(c, 2), IOSQE_IO_LINK);
    io_uring_sqe_set_flags(conform_sqe(c, 3), IOSQE_IO_LINK);
    conform_sqe(c, 4);
    io_uring_sqe_set_flags(conform_sqe(c, 5), IOSQE_IO_LINK);
    io_uring_prep_cancel64(conform_sqe(c, 6), 1, 0);
    conform_submit(c);
    conform_take_now(c);
    conform_close_both(c, ends);
}

static void a_time_limit_ends_whom_a_cancel_would_find(struct conform *c)
{
    struct __kernel_timespec soon = CONFORM_MILLISECOND;
    int ends[2];
    conform_pipe(c, ends);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, ends[0], target_bytes, 1, 0);
    io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
    sqe = conform_sqe(c, 2);
    io_uring_prep_link_timeout(sqe, &soon, 0);
    io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
    conform_sqe(c, 3);
    pend_read(c, 1, ends[0]);
    conform_submit(c);
    conform_take(c, 2);
    cancel(c, 4, 1, 0);
    conform_close_both(c, ends);
}

static void a_dismissed_time_limit_may_be_changed_in_its_batch(struct conform *c)
{
    static struct __kernel_timespec hour = {.tv_sec = 3600};
    int ends[2];
    conform_pipe(c, ends);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_recv(sqe, ends[0], target_bytes, 1, 0); /* ENOTSOCK, and armed nevertheless */
    io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
    io_uring_prep_link_timeout(conform_sqe(c, 2), &hour, 0);
    io_uring_prep_timeout_update(conform_sqe(c, 3), &hour, 2, IORING_LINK_TIMEOUT_UPDATE);
    sqe = conform_sqe(c, 4);
    io_uring_prep_recv(sqe, -1, target_bytes, 1, 0); /* never issued */
    io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
    io_uring_prep_link_timeout(conform_sqe(c, 5), &hour, 0);
    io_uring_prep_timeout_update(conform_sqe(c, 6), &hour, 5, IORING_LINK_TIMEOUT_UPDATE);
    conform_submit(c);
    conform_take_now(c);
    conform_close_both(c, ends);
}

/* The ends of a connect and of an accept, whichever comes first. */
static int take_connection(struct conform *c)
{
    struct io_uring_cqe cqe;
    uint64_t accepted = 0;
    int server = -1;
    for (int taken = 0; taken < 2;) {
        if (!raw_ring_take(&c->ring, &cqe)) {
            if (raw_ring_wait(&c->ring, 1, UINT64_C(10000000000)) != 0)
                break;
            continue;
        }
        taken++;
        if (cqe.user_data == 4)
            conform_value(c, "connected", cqe.res);
        else
            accepted = cqe.user_data;
        server = cqe.user_data == 4 ? server : cqe.res;
    }
    conform_value(c, "accepted by", (int64_t)accepted);
    return server;
}

static void a_connection_wakes_the_oldest_accept_alone(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    int listener = c->objects->listen(c->self, &address, &length);
    int client = c->objects->socket(c->self);
    for (uint64_t i = 1; i <= 3; i++)
        io_uring_prep_accept(conform_sqe(c, i), listener, NULL, NULL, 0);
    conform_submit(c);
    io_uring_prep_connect(conform_sqe(c, 4), client, (struct sockaddr *)&address, length);
    conform_submit(c);
    int server = take_connection(c);
    cancel(c, 5, 1, 0);
    cancel(c, 6, 3, 0);
    cancel(c, 7, 2, 0);
    conform_close(c, server);
    conform_close(c, client);
    conform_close(c, listener);
}

static void a_read_of_nothing_from_a_listener_is_nothing(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    int listener = c->objects->listen(c->self, &address, &length);
    io_uring_prep_read(conform_sqe(c, 1), listener, target_bytes, 0, 0);
    io_uring_prep_read(conform_sqe(c, 2), listener, target_bytes, 1, 0);
    conform_submit(c);
    conform_take_now(c);
    conform_close(c, listener);
}

static void a_woken_receive_without_a_buffer_ends(struct conform *c)
{
    static char buffers[2][4];
    int ends[2];
    int other[2];
    conform_socketpair(c, ends);
    conform_socketpair(c, other);
    io_uring_prep_provide_buffers(conform_sqe(c, 1), buffers, 4, 2, 7, 0);
    struct io_uring_sqe *sqe = conform_sqe(c, 2);
    io_uring_prep_recv_multishot(sqe, ends[0], NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 7;
    conform_submit(c);
    conform_take(c, 1);
    conform_write(c, ends[1], "a"); /* one buffer goes */
    conform_take(c, 1);
    conform_write(c, other[1], "b");
    sqe = conform_sqe(c, 3);
    io_uring_prep_recv(sqe, other[0], NULL, 4, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 7;
    conform_submit(c);
    conform_take(c, 1); /* and the other */
    io_uring_prep_send(conform_sqe(c, 4), ends[1], "c", 1, 0);
    io_uring_prep_recv(conform_sqe(c, 5), ends[0], target_bytes, 1, 0);
    conform_submit(c);
    conform_take_now(c);
    conform_close_both(c, ends);
    conform_close_both(c, other);
}

static void a_timeout_that_is_over_is_not_counted_from_then_on(struct conform *c)
{
    pend_timeout(c, 1, 2);
    io_uring_sqe_set_flags(conform_sqe(c, 2), IOSQE_IO_LINK);
    pend_timeout(c, 3, 1);
    conform_sqe(c, 4);
    conform_submit(c);
    conform_take_now(c);
}

static void a_request_that_goes_on_ends_what_came_before_it(struct conform *c)
{
    static char buffers[2][4];
    int ends[2];
    int pipe[2];
    conform_socketpair(c, ends);
    conform_pipe(c, pipe);
    io_uring_prep_provide_buffers(conform_sqe(c, 1), buffers, 4, 2, 7, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_write(c, ends[1], "a");
    pend_read(c, 2, pipe[0]);
    io_uring_sqe_set_flags(conform_sqe(c, 3), IOSQE_IO_LINK);
    conform_sqe(c, 4);
    struct io_uring_sqe *sqe = conform_sqe(c, 5);
    io_uring_prep_recv_multishot(sqe, ends[0], NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 7;
    io_uring_prep_write(conform_sqe(c, 6), pipe[1], "x", 1, 0);
    conform_submit(c);
    conform_take_now(c);
    conform_close_both(c, ends);
    conform_close_both(c, pipe);
}

static struct io_uring_sqe *close_later(struct conform *c, uint64_t user_data, int fd)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_close(sqe, fd);
    return sqe;
}

static void a_peer_is_found_until_the_submission_is_over(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    close_later(c, 1, ends[0]);
    io_uring_prep_write(conform_sqe(c, 2), ends[1], "x", 1, 0);
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_write(conform_sqe(c, 3), ends[1], "x", 1, 0);
    conform_submit(c);
    conform_take_now(c);
    conform_close(c, ends[1]);
}

static void what_follows_a_close_still_finds_the_peer(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    io_uring_sqe_set_flags(close_later(c, 1, ends[0]), IOSQE_IO_LINK);
    io_uring_prep_write(conform_sqe(c, 2), ends[1], "x", 1, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_close(c, ends[1]);
}

/* Three readers whose writers are closed in their order, and one that is woken at some place among the closes. */
static void close_three(struct conform *c, int woken_behind)
{
    int ends[3][2];
    int woken[2];
    conform_pipe(c, woken);
    for (uint64_t i = 0; i < 3; i++) {
        conform_pipe(c, ends[i]);
        pend_read(c, 1 + i, ends[i][0]);
    }
    pend_read(c, 4, woken[0]);
    conform_submit(c);
    for (int i = 0; i < 3; i++) {
        close_later(c, 11 + (uint64_t)i, ends[i][1]);
        if (i == woken_behind)
            io_uring_prep_write(conform_sqe(c, 20), woken[1], "x", 1, 0);
    }
    conform_submit(c);
    conform_take_now(c);
    for (int i = 0; i < 3; i++)
        conform_close(c, ends[i][0]);
    conform_close_both(c, woken);
}

static void of_several_that_are_closed_the_last_ends_first(struct conform *c)
{
    close_three(c, -1);
}

static void what_is_woken_stands_among_what_is_closed(struct conform *c)
{
    close_three(c, 1);
}

static void what_a_request_held_last_ends_with_its_batch(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    pend_read(c, 1, ends[0]);
    io_uring_prep_poll_add(conform_sqe(c, 2), ends[1], POLLHUP);
    conform_submit(c);
    close_later(c, 3, ends[0]);
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_write(conform_sqe(c, 4), ends[1], "x", 1, 0);
    conform_submit(c);
    conform_take_now(c);
    conform_take_now(c);
    conform_close(c, ends[1]);
}

static void a_shutdown_tells_its_own_end_before_the_peers(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    pend_read(c, 1, ends[0]);
    pend_read(c, 2, ends[1]);
    conform_submit(c);
    struct io_uring_sqe *sqe = conform_sqe(c, 3);
    io_uring_prep_shutdown(sqe, ends[0], SHUT_RDWR);
    io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS); /* a worker's: told at any moment */
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_receive_of_all_that_finds_the_end_ends_in_its_turn(struct conform *c)
{
    static char all[8];
    int ends[2];
    conform_socketpair(c, ends);
    conform_write(c, ends[1], "x");
    io_uring_prep_shutdown(conform_sqe(c, 1), ends[1], SHUT_WR);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_recv(conform_sqe(c, 2), ends[0], all, sizeof all, MSG_WAITALL);
    conform_sqe(c, 3);
    io_uring_prep_recv(conform_sqe(c, 4), ends[0], all, sizeof all, 0);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void a_timeout_counts_what_overflowed_when_it_is_flushed(struct conform *c)
{
    for (uint64_t i = 1; i <= 8; i++)
        conform_sqe(c, i);
    conform_submit(c);
    for (uint64_t i = 9; i <= 16; i++)
        conform_sqe(c, i);
    conform_submit(c);
    for (uint64_t i = 17; i <= 19; i++)
        conform_sqe(c, i);
    pend_timeout(c, 20, 2);
    conform_submit(c);
    conform_take(c, 19);
    conform_sqe(c, 21);
    conform_submit(c);
    conform_take_now(c);
    conform_take_now(c);
}

static const struct conform_case cases[] = {
    {.name = "one after the other of those that wait, 8 entries",
     .run = one_after_the_other_of_those_that_wait,
     .entries = 8,
     .expected = "found: 152 8 11 3 9 6 1 157 13 62 7 31 10 26 18 5 4 2\n"},
    {.name = "one after the other of those that wait, 32 entries",
     .run = one_after_the_other_of_those_that_wait,
     .entries = 32,
     .expected = "found: 152 8 11 3 9 6 1 157 13 62 7 31 10 26 18 5 4 2\n"},
    {.name = "one after the other of those that wait, 64 entries",
     .run = one_after_the_other_of_those_that_wait,
     .entries = 64,
     .expected = "found: 152 8 11 3 9 6 1 62 7 4 157 13 31 10 26 18 5 2\n"},
    {.name = "one after the other of those that wait, 128 entries",
     .run = one_after_the_other_of_those_that_wait,
     .entries = 128,
     .expected = "found: 152 8 11 3 6 9 1 4 62 7 31 10 2 157 13 26 18 5\n"},
    {.name = "one after the other of those that wait, 256 entries",
     .run = one_after_the_other_of_those_that_wait,
     .entries = 256,
     .expected = "found: 152 8 3 11 6 1 9 4 62 7 2 31 10 26 18 5 157 13\n"},
    {.name = "one after the other of those that wait, 512 entries",
     .run = one_after_the_other_of_those_that_wait,
     .entries = 512,
     .expected = "found: 152 8 3 11 6 1 9 4 62 7 2 31 10 18 26 5 157 13\n"},
    {.name = "one after the other of those that wait, 1024 entries",
     .run = one_after_the_other_of_those_that_wait,
     .entries = 1024,
     .expected = "found: 152 8 3 11 6 1 9 4 62 7 2 10 31 18 5 26 157 13\n"},
    {.name = "one after the other of those that wait, 2048 entries",
     .run = one_after_the_other_of_those_that_wait,
     .entries = 2048,
     .expected = "found: 152 8 3 11 6 1 9 4 7 62 2 10 31 18 5 26 157 13\n"},
    {.name = "one after the other of those that wait, 4096 entries",
     .run = one_after_the_other_of_those_that_wait,
     .entries = 4096,
     .expected = "found: 8 152 3 11 6 1 9 4 7 62 2 10 31 18 5 26 157 13\n"},
    {.name = "one after the other of those that wait, 8192 entries",
     .run = one_after_the_other_of_those_that_wait,
     .entries = 8192,
     .expected = "found: 8 152 3 11 6 1 9 4 7 62 2 10 31 18 5 26 157 13\n"},
    {.name = "all of those that wait, 8 entries",
     .run = all_of_those_that_wait,
     .entries = 8,
     .expected = "ended: 152 8 11 3 9 6 1 157 13 62 7 31 10 26 18 5 4 2\n"},
    {.name = "all of those that wait, 64 entries",
     .run = all_of_those_that_wait,
     .entries = 64,
     .expected = "ended: 152 8 11 3 9 6 1 62 7 4 157 13 31 10 26 18 5 2\n"},
    {.name = "all of those that wait, 128 entries",
     .run = all_of_those_that_wait,
     .entries = 128,
     .expected = "ended: 152 8 11 3 6 9 1 4 62 7 31 10 2 157 13 26 18 5\n"},
    {.name = "all of those that wait, 256 entries",
     .run = all_of_those_that_wait,
     .entries = 256,
     .expected = "ended: 152 8 3 11 6 1 9 4 62 7 2 31 10 26 18 5 157 13\n"},
    {.name = "a cancel finds what waits before a newer timeout",
     .run = a_cancel_finds_what_waits_before_a_newer_timeout,
     .expected =
         "submit: 3\nsubmit: 1\n3: 0\n1: ECANCELED\nsubmit: 1\n4: 0\n1: ECANCELED\n2: ECANCELED\nsubmit: 1\n5: ENOENT\n",
     .entries = 16},
    {.name = "of those that wait a cancel finds the newest",
     .run = of_those_that_wait_a_cancel_finds_the_newest,
     .expected = "submit: 2\nsubmit: 1\n2: 0\n1: ECANCELED\nwritten: 1\n1: 1\n",
     .entries = 16},
    {.name = "two cancels at once find the same",
     .run = two_cancels_at_once_find_the_same,
     .expected = "submit: 4\n2: 0\n3: 0\n1: ECANCELED\nsubmit: 1\n4: 0\n1: ECANCELED\n",
     .entries = 16},
    {.name = "of timeouts a cancel finds the oldest",
     .run = of_timeouts_a_cancel_finds_the_oldest,
     .expected =
         "submit: 4\nsubmit: 1\n4: 0\n1: ECANCELED\n2: ECANCELED\nsubmit: 1\n5: 0\n1: ECANCELED\n3: ECANCELED\n",
     .entries = 16},
    {.name = "a timeout that counts is found before those that do not",
     .run = a_timeout_that_counts_is_found_before_those_that_do_not,
     .expected =
         "submit: 6\nsubmit: 1\n5: 0\n1: ECANCELED\n4: ECANCELED\nsubmit: 1\n6: 0\n1: ECANCELED\n3: ECANCELED\nsubmit: 1\n7: 0\n1: ECANCELED\n2: ECANCELED\n",
     .entries = 16},
    {.name = "a removal finds the oldest timeout",
     .run = a_removal_finds_the_oldest_timeout,
     .expected =
         "submit: 4\nsubmit: 1\n4: 0\n1: ECANCELED\n2: ECANCELED\nsubmit: 1\n5: 0\n1: ECANCELED\n3: ECANCELED\n",
     .entries = 16},
    {.name = "a cancel of all goes through what waits then through timeouts",
     .run = a_cancel_of_all_goes_through_what_waits_then_through_timeouts,
     .expected =
         "submit: 10\nsubmit: 1\n11: 10\n9: ECANCELED\n8: ECANCELED\n6: ECANCELED\n3: ECANCELED\n7: ECANCELED\n5: ECANCELED\n4: ECANCELED\n2: ECANCELED\n10: ECANCELED\n1: ECANCELED\n",
     .entries = 16},
    {.name = "a cancel of all of a value ends the newest first",
     .run = a_cancel_of_all_of_a_value_ends_the_newest_first,
     .expected =
         "submit: 9\nsubmit: 1\n9: 6\n1: ECANCELED\n1: ECANCELED\n1: ECANCELED\n1: ECANCELED\n1: ECANCELED\n1: ECANCELED\n2: ECANCELED\n3: ECANCELED\n4: ECANCELED\n",
     .entries = 16},
    {.name = "who was woken before its cancel ends in its turn",
     .run = who_was_woken_before_its_cancel_ends_in_its_turn,
     .expected = "submit: 5\n3: 1\n4: 0\n5: 0\n1: ECANCELED\n2: ECANCELED\n",
     .entries = 16},
    {.name = "all bits of a value say where it waits",
     .run = all_bits_of_a_value_say_where_it_waits,
     .expected =
         "submit: 2\nsubmit: 1\n2: 0\n1: ECANCELED\nsubmit: 1\n3: 0\n9223372036854775808: ECANCELED\n"},
    {.name = "who was woken is found behind a newer one",
     .run = who_was_woken_is_found_behind_a_newer_one,
     .expected = "submit: 4\n3: 1\n4: 0\n1: 1\n1: ECANCELED\n"},
    {.name = "the newest reader is woken first",
     .run = the_newest_reader_is_woken_first,
     .expected = "submit: 3\nwritten: 2\n3: 1\n2: 1\n2: b, 3: a\nsubmit: 1\n4: 0\n1: ECANCELED\n",
     .entries = 16},
    {.name = "who waits again is the newest",
     .run = who_waits_again_is_the_newest,
     .expected = "submit: 3\nwritten: 1\n3: 1\nwritten: 1\n1: 1\nsubmit: 1\n4: 0\n2: ECANCELED\n",
     .entries = 16},
    {.name = "a woken poll tells what woke it",
     .run = a_woken_poll_tells_what_woke_it,
     .expected = "submit: 4\n3: 1\n4: 1\n2: 1\nsubmit: 1\n5: 0\n1: ECANCELED\n",
     .entries = 16},
    {.name = "a woken poll is not removed nor changed",
     .run = a_woken_poll_is_not_removed_nor_changed,
     .expected = "submit: 4\n2: 1\n3: EALREADY\n4: EALREADY\n1: 1\n",
     .entries = 16},
    {.name = "a woken poll that somebody wanted removed looks again",
     .run = a_woken_poll_that_somebody_wanted_removed_looks_again,
     .expected = "submit: 4\n2: 1\n3: EALREADY\n4: 1\nsubmit: 1\n5: 0\n1: ECANCELED\n",
     .entries = 16},
    {.name = "a poll changed to what is true is found no more",
     .run = a_poll_changed_to_what_is_true_is_found_no_more,
     .expected = "submit: 3\n2: 0\n3: ENOENT\n1: 4\n",
     .entries = 16},
    {.name = "a timeout that counts comes before what follows in a chain",
     .run = a_timeout_that_counts_comes_before_what_follows_in_a_chain,
     .expected = "submit: 3\n2: 0\n1: 0\n3: 0\n",
     .entries = 16},
    {.name = "a failed write is told behind its submission",
     .run = a_failed_write_is_told_behind_its_submission,
     .expected = "submit: 3\n2: ESPIPE\n3: 0\n1: ESPIPE\n",
     .entries = 16},
    {.name = "what follows in a chain comes behind what was ended with it",
     .run = what_follows_in_a_chain_comes_behind_what_was_ended_with_it,
     .expected = "submit: 6\n2: 0\n5: 0\n3: 0\n6: 0\n1: ECANCELED\n4: 0\n",
     .entries = 16},
    {.name = "a time limit ends whom a cancel would find",
     .run = a_time_limit_ends_whom_a_cancel_would_find,
     .expected = "submit: 4\n2: ETIME\n1: ECANCELED\nsubmit: 1\n4: 0\n1: ECANCELED\n3: ECANCELED\n",
     .entries = 16},
    {.name = "a dismissed time limit may be changed in its batch",
     .run = a_dismissed_time_limit_may_be_changed_in_its_batch,
     .expected = "submit: 6\n1: ENOTSOCK\n3: 0\n4: EBADF\n6: ENOENT\n2: ECANCELED\n5: ECANCELED\n",
     .entries = 16},
    {.name = "a connection wakes the oldest accept alone",
     .run = a_connection_wakes_the_oldest_accept_alone,
     .expected =
         "submit: 3\nsubmit: 1\nconnected: 0\naccepted by: 1\nsubmit: 1\n5: ENOENT\nsubmit: 1\n6: 0\n3: ECANCELED\nsubmit: 1\n7: 0\n2: ECANCELED\n",
     .entries = 16},
    {.name = "a read of nothing from a listener is nothing",
     .run = a_read_of_nothing_from_a_listener_is_nothing,
     .expected = "submit: 2\n1: 0\n2: EINVAL\n",
     .entries = 16},
    {.name = "a woken receive without a buffer ends",
     .run = a_woken_receive_without_a_buffer_ends,
     .expected =
         "submit: 2\n1: 0\nwritten: 1\n2: 1 flags 3\nwritten: 1\nsubmit: 1\n3: 1 flags 65537\nsubmit: 2\n4: 1\n5: 1\n2: ENOBUFS\n",
     .entries = 16},
    {.name = "a timeout that is over is not counted from then on",
     .run = a_timeout_that_is_over_is_not_counted_from_then_on,
     .expected = "submit: 4\n2: 0\n4: 0\n1: 0\n3: 0\n",
     .entries = 16},
    {.name = "a request that goes on ends what came before it",
     .run = a_request_that_goes_on_ends_what_came_before_it,
     .expected = "submit: 1\n1: 0\nwritten: 1\nsubmit: 5\n3: 0\n5: 1 flags 3\n6: 1\n4: 0\n2: 1\n",
     .entries = 16},
    {.name = "a peer is found until the submission is over",
     .run = a_peer_is_found_until_the_submission_is_over,
     .expected = "submit: 2\n1: 0\n2: 1\nsubmit: 1\n3: EPIPE\n"},
    {.name = "what follows a close still finds the peer",
     .run = what_follows_a_close_still_finds_the_peer,
     .expected = "submit: 2\n1: 0\n2: 1\n"},
    {.name = "on a ring that defers it does not",
     .run = what_follows_a_close_still_finds_the_peer,
     .expected = "submit: 2\n1: 0\n2: EPIPE\n",
     .setup_flags = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER},
    {.name = "of several that are closed the last ends first",
     .run = of_several_that_are_closed_the_last_ends_first,
     .expected = "submit: 4\nsubmit: 3\n11: 0\n12: 0\n13: 0\n3: 0\n2: 0\n1: 0\n"},
    {.name = "what is woken stands among what is closed",
     .run = what_is_woken_stands_among_what_is_closed,
     .expected = "submit: 4\nsubmit: 4\n11: 0\n12: 0\n20: 1\n13: 0\n4: 1\n3: 0\n2: 0\n1: 0\n"},
    {.name = "what a request held last ends with its batch",
     .run = what_a_request_held_last_ends_with_its_batch,
     .expected = "submit: 2\nsubmit: 1\n3: 0\nsubmit: 1\n4: 1\n1: 1\n2: 8\nnothing\n"},
    {.name = "and is seen the next time on a ring that defers",
     .run = what_a_request_held_last_ends_with_its_batch,
     .expected = "submit: 2\nsubmit: 1\n3: 0\nsubmit: 1\n4: 1\n1: 1\n2: 8\n",
     .setup_flags = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER},
    {.name = "a shutdown tells its own end before the peer's",
     .run = a_shutdown_tells_its_own_end_before_the_peers,
     .expected = "submit: 2\nsubmit: 1\n1: 0\n2: 0\n"},
    {.name = "a receive of all that finds the end ends in its turn",
     .run = a_receive_of_all_that_finds_the_end_ends_in_its_turn,
     .expected = "written: 1\nsubmit: 1\n1: 0\nsubmit: 3\n3: 0\n4: 0\n2: 1\n"},
    {.name = "a timeout counts what overflowed when it is flushed",
     .run = a_timeout_counts_what_overflowed_when_it_is_flushed,
     .expected =
         "submit: 8\nsubmit: 8\nsubmit: 4\n1: 0\n2: 0\n3: 0\n4: 0\n5: 0\n6: 0\n7: 0\n8: 0\n9: 0\n10: 0\n11: 0\n12: 0\n13: 0\n14: 0\n15: 0\n16: 0\n3 missing\nsubmit: 1\n17: 0\n18: 0\n19: 0\n21: 0\n20: 0\nnothing\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void orders_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void orders_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void orders_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(orders_on_io_uring),
    cmocka_unit_test(orders_on_the_engine),
    cmocka_unit_test(orders_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
