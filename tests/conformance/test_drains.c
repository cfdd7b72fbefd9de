/*
 * Drains and skipped CQEs: what waits for all before it, and what ends in silence.
 */
#include "support/conform.h"
#include "support/main.h"

static struct io_uring_sqe *linked(struct conform *c, uint64_t user_data)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    sqe->flags |= IOSQE_IO_LINK;
    return sqe;
}

/* The prep functions clear the flags. */
static void link_on(struct io_uring_sqe *sqe, unsigned flags)
{
    sqe->flags = (uint8_t)flags;
}

static void a_drain_waits_for_all_before_it(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], &byte, 1, 0);
    conform_sqe(c, 2);
    link_on(conform_sqe(c, 3), IOSQE_IO_DRAIN);
    conform_submit(c);
    conform_take(c, 1);
    conform_take_now(c);
    conform_write(c, ends[1], "x");
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void what_comes_after_a_drain_waits_for_it(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], &byte, 1, 0);
    link_on(conform_sqe(c, 2), IOSQE_IO_DRAIN);
    conform_submit(c);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "x");
    conform_take(c, 2);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void success_may_be_silent(struct conform *c)
{
    char byte;
    link_on(conform_sqe(c, 1), IOSQE_CQE_SKIP_SUCCESS);
    struct io_uring_sqe *sqe = conform_sqe(c, 2);
    io_uring_prep_read(sqe, 12345, &byte, 1, 0);
    link_on(sqe, IOSQE_CQE_SKIP_SUCCESS);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take(c, 2);
    conform_take_now(c);
}

static void a_failed_silent_member_tells_for_its_chain(struct conform *c)
{
    char byte;
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, 12345, &byte, 1, 0);
    link_on(sqe, IOSQE_CQE_SKIP_SUCCESS | IOSQE_IO_LINK);
    linked(c, 2);
    conform_sqe(c, 3);
    conform_sqe(c, 4);
    conform_submit(c);
    conform_take(c, 2);
    conform_take_now(c);
}

static void what_a_failure_ends_is_told_of_silent_or_not(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    char byte;
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, 12345, &byte, 1, 0);
    link_on(sqe, IOSQE_IO_LINK);
    link_on(conform_sqe(c, 2), IOSQE_CQE_SKIP_SUCCESS | IOSQE_IO_LINK);
    sqe = conform_sqe(c, 3);
    io_uring_prep_link_timeout(sqe, &timeout, 0);
    link_on(sqe, IOSQE_IO_LINK);
    link_on(conform_sqe(c, 4), IOSQE_CQE_SKIP_SUCCESS);
    conform_submit(c);
    conform_take(c, 4);
    conform_take_now(c);
}

static void a_silent_success_ends_draining(struct conform *c)
{
    link_on(conform_sqe(c, 1), IOSQE_CQE_SKIP_SUCCESS);
    conform_submit(c);
    link_on(conform_sqe(c, 2), IOSQE_IO_DRAIN);
    conform_submit(c);
    conform_take(c, 1);
}

static const struct conform_case cases[] = {
    {.name = "a drain waits for all before it",
     .run = a_drain_waits_for_all_before_it,
     .expected = "submit: 3\n2: 0\nnothing\nwritten: 1\n1: 1\n3: 0\n"},
    {.name = "what comes after a drain waits for it",
     .run = what_comes_after_a_drain_waits_for_it,
     .expected = "submit: 2\nsubmit: 1\nnothing\nwritten: 1\n1: 1\n2: 0\n3: 0\n"},
    {.name = "success may be silent",
     .run = success_may_be_silent,
     .expected = "submit: 3\n2: EBADF\n3: 0\nnothing\n"},
    {.name = "a failed silent member tells for its chain",
     .run = a_failed_silent_member_tells_for_its_chain,
     .expected = "submit: 4\n1: EBADF\n4: 0\nnothing\n"},
    {.name = "what a failure ends is told of, silent or not",
     .run = what_a_failure_ends_is_told_of_silent_or_not,
     .expected = "submit: 4\n1: EBADF\n2: ECANCELED\n3: ECANCELED\n4: ECANCELED\nnothing\n"},
    {.name = "a silent success ends draining",
     .run = a_silent_success_ends_draining,
     .expected = "submit: 1\nsubmit: 1\n2: EOPNOTSUPP\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void drains_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void drains_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void drains_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(drains_on_io_uring),
    cmocka_unit_test(drains_on_the_engine),
    cmocka_unit_test(drains_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
