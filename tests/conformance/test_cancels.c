/*
 * Cancels: what they find, which CQE comes first, and what they leave.
 */
#include <poll.h>

#include "support/conform.h"
#include "support/main.h"

/* A read of a pipe, submitted. */
static void pend(struct conform *c, uint64_t user_data, int fd)
{
    static char bytes[16];
    io_uring_prep_read(conform_sqe(c, user_data), fd, &bytes[user_data], 1, 0);
    conform_submit(c);
}

static void a_timeout_is_cancelled(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
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

/* Two entries of one submission against a read or a poll that waits. */
static void against(struct conform *c, bool polls, void (*first)(struct io_uring_sqe *sqe),
                    void (*second)(struct io_uring_sqe *sqe))
{
    int ends[2];
    conform_pipe(c, ends);
    if (polls)
        io_uring_prep_poll_add(conform_sqe(c, 1), ends[0], POLLIN);
    else
        pend(c, 1, ends[0]);
    if (polls)
        conform_submit(c);
    struct io_uring_sqe *sqe = conform_sqe(c, 2);
    first(sqe);
    io_uring_sqe_set_data64(sqe, 2);
    sqe = conform_sqe(c, 3);
    second(sqe);
    io_uring_sqe_set_data64(sqe, 3);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void cancel_it(struct io_uring_sqe *sqe)
{
    io_uring_prep_cancel64(sqe, 1, 0);
}

static void remove_it(struct io_uring_sqe *sqe)
{
    io_uring_prep_poll_remove(sqe, 1);
}

static void update_it(struct io_uring_sqe *sqe)
{
    io_uring_prep_poll_update(sqe, 1, 0, POLLOUT, IORING_POLL_UPDATE_EVENTS);
}

static void two_cancels_find_the_same(struct conform *c)
{
    against(c, false, cancel_it, cancel_it);
}

static void a_cancelled_poll_is_not_removed(struct conform *c)
{
    against(c, true, cancel_it, remove_it);
}

static void a_cancelled_poll_is_not_updated(struct conform *c)
{
    against(c, true, cancel_it, update_it);
}

static void a_removed_poll_is_not_found_again(struct conform *c)
{
    against(c, true, remove_it, remove_it);
}

static void two_cancels_of_two_equal_ones_end_one(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    pend(c, 1, ends[0]);
    pend(c, 1, ends[0]);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    io_uring_prep_cancel64(conform_sqe(c, 3), 1, 0);
    conform_submit(c);
    conform_take(c, 3);
    io_uring_prep_cancel64(conform_sqe(c, 4), 1, 0);
    io_uring_prep_cancel64(conform_sqe(c, 5), 1, IORING_ASYNC_CANCEL_ALL);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void what_is_about_to_end_is_counted(struct conform *c)
{
    int ends[2];
    int other[2];
    conform_pipe(c, ends);
    conform_pipe(c, other);
    pend(c, 1, ends[0]);
    pend(c, 2, other[0]);
    io_uring_prep_cancel_fd(conform_sqe(c, 3), other[0], 0);
    io_uring_prep_cancel64(conform_sqe(c, 4), 0, IORING_ASYNC_CANCEL_ANY);
    io_uring_prep_cancel64(conform_sqe(c, 5), 1, IORING_ASYNC_CANCEL_ALL);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
    conform_close_both(c, other);
}

/* What it has got by then is not lost. */
static void a_receive_of_all_tells_what_it_has(struct conform *c)
{
    static char bytes[8];
    int ends[2];
    conform_socketpair(c, ends);
    conform_write(c, ends[1], "x");
    io_uring_prep_recv(conform_sqe(c, 1), ends[0], bytes, sizeof bytes, MSG_WAITALL);
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_data(c, bytes, 1);
    conform_close_both(c, ends);
}

static const struct conform_case cases[] = {
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
    {.name = "two cancels find the same",
     .run = two_cancels_find_the_same,
     .expected = "submit: 1\nsubmit: 2\n2: 0\n3: 0\n1: ECANCELED\n"},
    {.name = "what is about to end is counted",
     .run = what_is_about_to_end_is_counted,
     .expected = "submit: 1\nsubmit: 1\nsubmit: 3\n3: 0\n4: 2\n5: 1\n"},
    {.name = "a cancelled poll is not removed",
     .run = a_cancelled_poll_is_not_removed,
     .expected = "submit: 1\nsubmit: 2\n2: 0\n3: EALREADY\n1: ECANCELED\n"},
    {.name = "a cancelled poll is not updated",
     .run = a_cancelled_poll_is_not_updated,
     .expected = "submit: 1\nsubmit: 2\n2: 0\n3: EALREADY\n1: ECANCELED\n"},
    {.name = "a removed poll is not found again",
     .run = a_removed_poll_is_not_found_again,
     .expected = "submit: 1\nsubmit: 2\n2: 0\n3: ENOENT\n1: ECANCELED\n"},
    {.name = "two cancels of two equal ones end one",
     .run = two_cancels_of_two_equal_ones_end_one,
     .expected = "submit: 1\nsubmit: 1\nsubmit: 2\n2: 0\n3: 0\n1: ECANCELED\n"
                 "submit: 2\n4: 0\n5: 1\n1: ECANCELED\n"},
    {.name = "a receive of all tells what it has",
     .run = a_receive_of_all_tells_what_it_has,
     .expected = "written: 1\nsubmit: 1\nnothing\nsubmit: 1\n2: 0\n1: 1\ndata: x\n"},
    {.name = "a poll is cancelled",
     .run = a_poll_is_cancelled,
     .expected = "submit: 1\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void cancels_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void cancels_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void cancels_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(cancels_on_io_uring),
    cmocka_unit_test(cancels_on_the_engine),
    cmocka_unit_test(cancels_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
