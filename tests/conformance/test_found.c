/*
 * What random programs found (tests/differential): each a difference between the engine and the true kernel once.
 */
#include <poll.h>

#include "support/conform.h"
#include "support/main.h"

/* What is in the ring already, without entering. */
static void take_visible(struct conform *c)
{
    struct io_uring_cqe cqe;
    conform_say(c, "visible:");
    while (raw_ring_take(&c->ring, &cqe))
        conform_say(c, " %llu", (unsigned long long)cqe.user_data);
    conform_say(c, "\n");
}

static void a_woken_read_is_done_when_submit_returns(struct conform *c)
{
    static char bytes[4];
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], bytes, 4, 0);
    io_uring_prep_write(conform_sqe(c, 2), ends[1], "abcd", 4, 0);
    conform_submit(c);
    take_visible(c);
    conform_data(c, bytes, sizeof bytes);
    conform_close_both(c, ends);
}

static void a_read_woken_from_outside_is_done_when_an_enter_returns(struct conform *c)
{
    static char byte;
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], &byte, 1, 0);
    conform_submit(c);
    conform_write(c, ends[1], "x");
    conform_sqe(c, 2);
    conform_submit(c);
    /* Whether the write's own return or the enter's showed it, it is there, and once. */
    struct io_uring_cqe cqe;
    int count = 0;
    while (raw_ring_take(&c->ring, &cqe))
        count++;
    conform_value(c, "visible", count);
    conform_close_both(c, ends);
}

static void a_deferring_ring_shows_a_woken_read_when_it_is_asked(struct conform *c)
{
    static char bytes[4];
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], bytes, 4, 0);
    io_uring_prep_write(conform_sqe(c, 2), ends[1], "abcd", 4, 0);
    conform_submit(c);
    take_visible(c);
    conform_take_now(c);
    conform_close_both(c, ends);
}

static void a_file_that_can_not_tell_refuses_a_poll_it_can_not_answer(struct conform *c)
{
    int fd = conform_file(c, "content");
    io_uring_prep_poll_add(conform_sqe(c, 1), fd, POLLHUP);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_poll_add(conform_sqe(c, 2), fd, POLLIN);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, fd);
}

static void a_receive_of_nothing_waits_for_something(struct conform *c)
{
    static char byte;
    int ends[2];
    conform_socketpair(c, ends);
    io_uring_prep_recv(conform_sqe(c, 1), ends[0], &byte, 0, 0);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "x");
    conform_take(c, 1);
    io_uring_prep_recv(conform_sqe(c, 2), ends[0], &byte, 0, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void a_read_of_nothing_from_a_socket_does_not_wait(struct conform *c)
{
    static char byte;
    int ends[2];
    conform_socketpair(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], &byte, 0, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static const struct conform_case cases[] = {
    {.name = "a woken read is done when submit returns",
     .run = a_woken_read_is_done_when_submit_returns,
     .expected = "submit: 2\nvisible: 2 1\ndata: abcd\n"},
    {.name = "a read woken from outside is done when an enter returns",
     .run = a_read_woken_from_outside_is_done_when_an_enter_returns,
     .expected = "submit: 1\nwritten: 1\nsubmit: 1\nvisible: 2\n"},
    {.name = "a deferring ring shows a woken read when it is asked",
     .run = a_deferring_ring_shows_a_woken_read_when_it_is_asked,
     .expected = "submit: 2\nvisible: 2\n1: 4\n",
     .setup_flags = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER},
    {.name = "a file that can not tell refuses a poll it can not answer",
     .run = a_file_that_can_not_tell_refuses_a_poll_it_can_not_answer,
     .expected = "submit: 1\n1: EINVAL\nsubmit: 1\n2: 1\n"},
    {.name = "a receive of nothing waits for something",
     .run = a_receive_of_nothing_waits_for_something,
     .expected = "submit: 1\nnothing\nwritten: 1\n1: 0\nsubmit: 1\n2: 0\n"},
    {.name = "a read of nothing from a socket does not wait",
     .run = a_read_of_nothing_from_a_socket_does_not_wait,
     .expected = "submit: 1\n1: 0\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void found_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void found_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void found_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(found_on_io_uring),
    cmocka_unit_test(found_on_the_engine),
    cmocka_unit_test(found_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
