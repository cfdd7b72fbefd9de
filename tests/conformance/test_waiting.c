/*
 * Polls and timeouts: what ends a request that waits.
 */
#include <poll.h>

#include "support/conform.h"
#include "support/main.h"

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
    struct __kernel_timespec timeout = CONFORM_MILLISECOND;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 0, 0);
    conform_submit(c);
    conform_take(c, 1);
}

static void a_shorter_timeout_expires_first(struct conform *c)
{
    struct __kernel_timespec longer = {.tv_nsec = 30000000};
    struct __kernel_timespec shorter = CONFORM_MILLISECOND;
    io_uring_prep_timeout(conform_sqe(c, 1), &longer, 0, 0);
    io_uring_prep_timeout(conform_sqe(c, 2), &shorter, 0, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_take(c, 1);
}

/* A wait for more returns when a timeout expires: the program is told of the time at once. */
static void an_expired_timeout_ends_a_wait_for_more(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_MILLISECOND;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 0, 0);
    conform_submit(c);
    conform_take(c, 2);
}

static void a_timeout_counts_completions(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
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
    struct __kernel_timespec timeout = CONFORM_LONG;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 1, 0);
    conform_sqe(c, 2);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take(c, 3);
}

static void a_timeout_is_removed(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
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
    struct __kernel_timespec timeout = CONFORM_LONG;
    struct __kernel_timespec sooner = CONFORM_MILLISECOND;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 0, 0);
    conform_submit(c);
    io_uring_prep_timeout_update(conform_sqe(c, 2), &sooner, 1, 0);
    conform_submit(c);
    conform_take(c, 2);
    io_uring_prep_timeout_update(conform_sqe(c, 3), &sooner, 1, 0);
    conform_submit(c);
    conform_take(c, 1);
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
