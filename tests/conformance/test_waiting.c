/*
 * Polls, timeouts, cancels: what ends a request that waits, and which CQE comes first.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "support/conform.h"
#include "support/main.h"

#define MILLISECOND        \
    {                      \
        .tv_nsec = 1000000 \
    }
#define LONG         \
    {                \
        .tv_sec = 60 \
    }

/* A read of an empty pipe, submitted: user_data 1. */
static void pend(struct conform *c, uint64_t user_data, int fd)
{
    static char bytes[16];
    io_uring_prep_read(conform_sqe(c, user_data), fd, &bytes[user_data], 1, 0);
    conform_submit(c);
}

static void a_poll_tells_what_is_true(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_poll_add(conform_sqe(c, 1), ends[1], POLLOUT);
    conform_submit(c);
    conform_take(c, 1);
    conform_write(c, ends[1], "x");
    io_uring_prep_poll_add(conform_sqe(c, 2), ends[0], POLLIN | POLLOUT);
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void a_poll_waits_and_takes_nothing(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_poll_add(conform_sqe(c, 1), ends[0], POLLIN);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "x");
    conform_take(c, 1);
    conform_value(c, "still there", c->objects->read(c->self, ends[0], &byte, 1));
    conform_close_both(c, ends);
}

static void a_poll_tells_of_a_hang_up(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_poll_add(conform_sqe(c, 1), ends[0], POLLPRI);
    conform_submit(c);
    conform_take_now(c);
    conform_close(c, ends[1]);
    conform_take(c, 1);
    conform_close(c, ends[0]);
}

static void a_poll_of_nothing_is_refused(struct conform *c)
{
    io_uring_prep_poll_add(conform_sqe(c, 1), 12345, POLLIN);
    conform_submit(c);
    conform_take(c, 1);
}

static void a_file_is_always_ready(struct conform *c)
{
    int fd = conform_file(c, "abc");
    io_uring_prep_poll_add(conform_sqe(c, 1), fd, POLLIN | POLLOUT);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, fd);
}

static void a_poll_is_removed(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_poll_add(conform_sqe(c, 1), ends[0], POLLIN);
    conform_submit(c);
    io_uring_prep_poll_remove(conform_sqe(c, 2), 1);
    conform_submit(c);
    conform_take(c, 2);
    io_uring_prep_poll_remove(conform_sqe(c, 3), 1);
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void a_timeout_expires(struct conform *c)
{
    struct __kernel_timespec timeout = MILLISECOND;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 0, 0);
    conform_submit(c);
    conform_take(c, 1);
}

static void a_shorter_timeout_expires_first(struct conform *c)
{
    struct __kernel_timespec longer = {.tv_nsec = 30000000};
    struct __kernel_timespec shorter = MILLISECOND;
    io_uring_prep_timeout(conform_sqe(c, 1), &longer, 0, 0);
    io_uring_prep_timeout(conform_sqe(c, 2), &shorter, 0, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_take(c, 1);
}

/* A wait for more returns when a timeout expires: the program is told of the time at once. */
static void an_expired_timeout_ends_a_wait_for_more(struct conform *c)
{
    struct __kernel_timespec timeout = MILLISECOND;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 0, 0);
    conform_submit(c);
    conform_take(c, 2);
}

static void a_timeout_counts_completions(struct conform *c)
{
    struct __kernel_timespec timeout = LONG;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 2, 0);
    conform_submit(c);
    conform_take_now(c);
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 1);
    conform_take_now(c);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take(c, 2);
}

static void a_counting_timeout_comes_after_its_batch(struct conform *c)
{
    struct __kernel_timespec timeout = LONG;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 1, 0);
    conform_sqe(c, 2);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take(c, 3);
}

static void a_timeout_is_removed(struct conform *c)
{
    struct __kernel_timespec timeout = LONG;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 0, 0);
    conform_submit(c);
    io_uring_prep_timeout_remove(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    conform_take(c, 2);
    io_uring_prep_timeout_remove(conform_sqe(c, 3), 1, 0);
    conform_submit(c);
    conform_take(c, 1);
}

static void a_timeout_is_moved(struct conform *c)
{
    struct __kernel_timespec timeout = LONG;
    struct __kernel_timespec sooner = MILLISECOND;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 0, 0);
    conform_submit(c);
    io_uring_prep_timeout_update(conform_sqe(c, 2), &sooner, 1, 0);
    conform_submit(c);
    conform_take(c, 2);
    io_uring_prep_timeout_update(conform_sqe(c, 3), &sooner, 1, 0);
    conform_submit(c);
    conform_take(c, 1);
}

static void a_timeout_is_cancelled(struct conform *c)
{
    struct __kernel_timespec timeout = LONG;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 0, 0);
    conform_submit(c);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    conform_take(c, 2);
}

static void a_waiting_read_is_cancelled(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    pend(c, 1, ends[0]);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_waiting_receive_and_accept_are_cancelled(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    char byte;
    int ends[2];
    conform_socketpair(c, ends);
    int listener = c->objects->listen(c->self, &address, &length);
    io_uring_prep_recv(conform_sqe(c, 1), ends[0], &byte, 1, 0);
    io_uring_prep_accept(conform_sqe(c, 2), listener, NULL, NULL, 0);
    conform_submit(c);
    for (uint64_t i = 1; i <= 2; i++) {
        io_uring_prep_cancel64(conform_sqe(c, i + 2), i, 0);
        conform_submit(c);
        conform_take(c, 2);
    }
    conform_close(c, listener);
    conform_close_both(c, ends);
}

static void a_cancelled_read_takes_nothing(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    pend(c, 1, ends[0]);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_write(c, ends[1], "x");
    conform_value(c, "still there", c->objects->read(c->self, ends[0], &byte, 1));
    conform_close_both(c, ends);
}

static void what_is_not_there_is_not_cancelled(struct conform *c)
{
    conform_sqe(c, 1);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    conform_take(c, 1);
}

static void one_of_two_equal_ones_is_cancelled(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    pend(c, 1, ends[0]);
    pend(c, 1, ends[0]);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_take_now(c);
    conform_write(c, ends[1], "x");
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void all_of_a_kind_are_cancelled_and_counted(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    pend(c, 1, ends[0]);
    pend(c, 1, ends[0]);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, IORING_ASYNC_CANCEL_ALL);
    conform_submit(c);
    conform_take(c, 3);
    io_uring_prep_cancel64(conform_sqe(c, 3), 1, IORING_ASYNC_CANCEL_ALL);
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void any_is_cancelled_by_any(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    pend(c, 1, ends[0]);
    io_uring_prep_cancel64(conform_sqe(c, 2), 0, IORING_ASYNC_CANCEL_ANY);
    conform_submit(c);
    conform_take(c, 2);
    io_uring_prep_cancel64(conform_sqe(c, 3), 0, IORING_ASYNC_CANCEL_ANY);
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void a_descriptors_requests_are_cancelled(struct conform *c)
{
    int ends[2];
    int other[2];
    conform_pipe(c, ends);
    conform_pipe(c, other);
    pend(c, 1, other[0]);
    pend(c, 2, ends[0]);
    io_uring_prep_cancel_fd(conform_sqe(c, 3), ends[0], 0);
    conform_submit(c);
    conform_take(c, 2);
    io_uring_prep_cancel_fd(conform_sqe(c, 4), ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_cancel_fd(conform_sqe(c, 5), 12345, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_write(c, other[1], "x");
    conform_take(c, 1);
    conform_close_both(c, ends);
    conform_close_both(c, other);
}

static void a_poll_is_cancelled(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_poll_add(conform_sqe(c, 1), ends[0], POLLIN);
    conform_submit(c);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static const struct conform_case cases[] = {
    {.name = "a poll tells what is true",
     .run = a_poll_tells_what_is_true,
     .expected = "submit: 1\n1: 4\nwritten: 1\nsubmit: 1\n2: 1\n"},
    {.name = "a poll waits and takes nothing",
     .run = a_poll_waits_and_takes_nothing,
     .expected = "submit: 1\nnothing\nwritten: 1\n1: 1\nstill there: 1\n"},
    {.name = "a poll tells of a hang-up",
     .run = a_poll_tells_of_a_hang_up,
     .expected = "submit: 1\nnothing\n1: 16\n"},
    {.name = "a poll of nothing is refused",
     .run = a_poll_of_nothing_is_refused,
     .expected = "submit: 1\n1: EBADF\n"},
    {.name = "a file is always ready", .run = a_file_is_always_ready, .expected = "submit: 1\n1: 5\n"},
    {.name = "a poll is removed",
     .run = a_poll_is_removed,
     .expected = "submit: 1\nsubmit: 1\n2: 0\n1: ECANCELED\nsubmit: 1\n3: ENOENT\n"},
    {.name = "a timeout expires", .run = a_timeout_expires, .expected = "submit: 1\n1: ETIME\n"},
    {.name = "a shorter timeout expires first",
     .run = a_shorter_timeout_expires_first,
     .expected = "submit: 2\n2: ETIME\n1: ETIME\n"},
    {.name = "an expired timeout ends a wait for more",
     .run = an_expired_timeout_ends_a_wait_for_more,
     .expected = "submit: 1\n1: ETIME\n1 missing\n"},
    {.name = "a timeout counts completions",
     .run = a_timeout_counts_completions,
     .expected = "submit: 1\nnothing\nsubmit: 1\n2: 0\nnothing\nsubmit: 1\n3: 0\n1: 0\n"},
    {.name = "a counting timeout comes after its batch",
     .run = a_counting_timeout_comes_after_its_batch,
     .expected = "submit: 3\n2: 0\n3: 0\n1: 0\n"},
    {.name = "a timeout is removed",
     .run = a_timeout_is_removed,
     .expected = "submit: 1\nsubmit: 1\n2: 0\n1: ECANCELED\nsubmit: 1\n3: ENOENT\n"},
    {.name = "a timeout is moved",
     .run = a_timeout_is_moved,
     .expected = "submit: 1\nsubmit: 1\n2: 0\n1: ETIME\nsubmit: 1\n3: ENOENT\n"},
    {.name = "a timeout is cancelled",
     .run = a_timeout_is_cancelled,
     .expected = "submit: 1\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "a waiting read is cancelled",
     .run = a_waiting_read_is_cancelled,
     .expected = "submit: 1\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "a waiting receive and accept are cancelled",
     .run = a_waiting_receive_and_accept_are_cancelled,
     .expected = "submit: 2\nsubmit: 1\n3: 0\n1: ECANCELED\nsubmit: 1\n4: 0\n2: ECANCELED\n"},
    {.name = "a cancelled read takes nothing",
     .run = a_cancelled_read_takes_nothing,
     .expected = "submit: 1\nsubmit: 1\n2: 0\n1: ECANCELED\nwritten: 1\nstill there: 1\n"},
    {.name = "what is not there is not cancelled",
     .run = what_is_not_there_is_not_cancelled,
     .expected = "submit: 1\n1: 0\nsubmit: 1\n2: ENOENT\n"},
    {.name = "one of two equal ones is cancelled",
     .run = one_of_two_equal_ones_is_cancelled,
     .expected = "submit: 1\nsubmit: 1\nsubmit: 1\n2: 0\n1: ECANCELED\nnothing\nwritten: 1\n1: 1\n"},
    {.name = "all of a kind are cancelled and counted",
     .run = all_of_a_kind_are_cancelled_and_counted,
     .expected = "submit: 1\nsubmit: 1\nsubmit: 1\n2: 2\n1: ECANCELED\n1: ECANCELED\nsubmit: 1\n3: 0\n"},
    {.name = "any is cancelled by any",
     .run = any_is_cancelled_by_any,
     .expected = "submit: 1\nsubmit: 1\n2: 1\n1: ECANCELED\nsubmit: 1\n3: 0\n"},
    {.name = "a descriptor's requests are cancelled",
     .run = a_descriptors_requests_are_cancelled,
     .expected = "submit: 1\nsubmit: 1\nsubmit: 1\n3: 0\n2: ECANCELED\nsubmit: 1\n4: ENOENT\n"
                 "submit: 1\n5: EBADF\nwritten: 1\n1: 1\n"},
    {.name = "a poll is cancelled",
     .run = a_poll_is_cancelled,
     .expected = "submit: 1\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void waiting_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void waiting_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void waiting_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(waiting_on_io_uring),
    cmocka_unit_test(waiting_on_the_engine),
    cmocka_unit_test(waiting_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
