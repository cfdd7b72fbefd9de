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

static void receive_from_a_group(struct conform *c, uint64_t user_data, int fd, int repeats)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    if (repeats)
        io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    else
        io_uring_prep_recv(sqe, fd, NULL, 4, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 3;
}

static void count_from_here(struct conform *c, uint64_t user_data)
{
    static struct __kernel_timespec hour = {.tv_sec = 3600};
    io_uring_prep_timeout(conform_sqe(c, user_data), &hour, 1, 0);
}

static void count_behind_a_receive(struct conform *c, int repeats)
{
    static char memory[4][4];
    int ends[2];
    conform_socketpair(c, ends);
    io_uring_prep_provide_buffers(conform_sqe(c, 1), memory, 4, 4, 3, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_write(c, ends[1], "ab");
    receive_from_a_group(c, 2, ends[0], repeats);
    count_from_here(c, 3);
    conform_submit(c);
    conform_take_now(c);
    conform_sqe(c, 4);
    conform_submit(c);
    conform_take_now(c);
    conform_close_both(c, ends);
}

static void a_timeout_does_not_count_what_a_receive_that_goes_on_told_before(struct conform *c)
{
    count_behind_a_receive(c, 1);
}

static void a_timeout_counts_what_ended_before_it_in_its_submission(struct conform *c)
{
    count_behind_a_receive(c, 0);
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
    {.name = "a timeout does not count what a receive that goes on told before",
     .run = a_timeout_does_not_count_what_a_receive_that_goes_on_told_before,
     .expected = "submit: 1\n1: 0\nwritten: 2\nsubmit: 2\n2: 2 flags 3\nsubmit: 1\n4: 0\n3: 0\n"},
    {.name = "a timeout counts what ended before it in its submission",
     .run = a_timeout_counts_what_ended_before_it_in_its_submission,
     .expected = "submit: 1\n1: 0\nwritten: 2\nsubmit: 2\n2: 2 flags 1\n3: 0\nsubmit: 1\n4: 0\n"},
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
