/*
 * Link timeouts, and timeouts in chains.
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

/* A read that waits for its pipe, as 1, and what comes next behind it. */
static void linked_read(struct conform *c, int ends[2], char *byte)
{
    conform_pipe(c, ends);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, ends[0], byte, 1, 0);
    link_on(sqe, IOSQE_IO_LINK);
}

static void a_link_timeout_ends_its_target(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_MILLISECOND;
    char byte;
    int ends[2];
    linked_read(c, ends, &byte);
    io_uring_prep_link_timeout(conform_sqe(c, 2), &timeout, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

/* An error of the call itself is told behind its batch, and until then the limit is there. */
static void the_limit_of_what_has_failed_can_be_changed(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    int ends[2];
    conform_pipe(c, ends);
    conform_close(c, ends[0]);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_write(sqe, ends[1], "x", 1, 0);
    link_on(sqe, IOSQE_IO_LINK);
    io_uring_prep_link_timeout(conform_sqe(c, 2), &timeout, 0);
    io_uring_prep_timeout_update(conform_sqe(c, 3), &timeout, 2, IORING_LINK_TIMEOUT_UPDATE);
    conform_submit(c);
    conform_take(c, 3);
    conform_close(c, ends[1]);
}

static void a_link_timeout_in_time_is_cancelled(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    char byte;
    int ends[2];
    linked_read(c, ends, &byte);
    io_uring_prep_link_timeout(conform_sqe(c, 2), &timeout, 0);
    conform_submit(c);
    conform_write(c, ends[1], "x");
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_silent_link_timeout_in_time_is_silent(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    char byte;
    int ends[2];
    linked_read(c, ends, &byte);
    struct io_uring_sqe *sqe = conform_sqe(c, 2);
    io_uring_prep_link_timeout(sqe, &timeout, 0);
    link_on(sqe, IOSQE_CQE_SKIP_SUCCESS);
    conform_submit(c);
    conform_write(c, ends[1], "x");
    conform_take(c, 1);
    conform_take_now(c);
    conform_close_both(c, ends);
}

static void a_link_timeout_needs_a_target(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    io_uring_prep_link_timeout(conform_sqe(c, 1), &timeout, 0);
    conform_submit(c);
    conform_take(c, 1);
}

static void two_link_timeouts_fail_their_chain(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    linked(c, 1);
    struct io_uring_sqe *sqe = conform_sqe(c, 2);
    io_uring_prep_link_timeout(sqe, &timeout, 0);
    link_on(sqe, IOSQE_IO_LINK);
    io_uring_prep_link_timeout(conform_sqe(c, 3), &timeout, 0);
    conform_submit(c);
    conform_take(c, 3);
}

static void an_expired_link_timeout_ends_the_chain(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_MILLISECOND;
    char byte;
    int ends[2];
    linked_read(c, ends, &byte);
    struct io_uring_sqe *sqe = conform_sqe(c, 2);
    io_uring_prep_link_timeout(sqe, &timeout, 0);
    link_on(sqe, IOSQE_IO_LINK);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void timeout_in_a_chain(struct conform *c, unsigned flags)
{
    struct __kernel_timespec timeout = CONFORM_MILLISECOND;
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_timeout(sqe, &timeout, 0, flags);
    link_on(sqe, IOSQE_IO_LINK);
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 2);
}

static void a_timeout_breaks_its_chain(struct conform *c)
{
    timeout_in_a_chain(c, 0);
}

static void a_timeout_may_count_as_success(struct conform *c)
{
    timeout_in_a_chain(c, IORING_TIMEOUT_ETIME_SUCCESS);
}

static const struct conform_case cases[] = {
    {.name = "a link timeout ends its target",
     .run = a_link_timeout_ends_its_target,
     .expected = "submit: 2\n2: ETIME\n1: ECANCELED\n"},
    {.name = "a link timeout in time is cancelled",
     .run = a_link_timeout_in_time_is_cancelled,
     .expected = "submit: 2\nwritten: 1\n1: 1\n2: ECANCELED\n"},
    {.name = "a silent link timeout in time is silent",
     .run = a_silent_link_timeout_in_time_is_silent,
     .expected = "submit: 2\nwritten: 1\n1: 1\nnothing\n"},
    {.name = "a link timeout needs a target",
     .run = a_link_timeout_needs_a_target,
     .expected = "submit: 1\n1: EINVAL\n"},
    {.name = "two link timeouts fail their chain",
     .run = two_link_timeouts_fail_their_chain,
     .expected = "submit: 3\n1: ECANCELED\n2: ECANCELED\n3: EINVAL\n"},
    {.name = "an expired link timeout ends the chain",
     .run = an_expired_link_timeout_ends_the_chain,
     .expected = "submit: 3\n2: ETIME\n1: ECANCELED\n3: ECANCELED\n"},
    {.name = "the limit of what has failed can be changed",
     .run = the_limit_of_what_has_failed_can_be_changed,
     .expected = "submit: 3\n3: 0\n1: EPIPE\n2: ECANCELED\n"},
    {.name = "a timeout breaks its chain",
     .run = a_timeout_breaks_its_chain,
     .expected = "submit: 2\n1: ETIME\n2: ECANCELED\n"},
    {.name = "a timeout may count as success",
     .run = a_timeout_may_count_as_success,
     .expected = "submit: 2\n1: ETIME\n2: 0\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void link_timeouts_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void link_timeouts_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void link_timeouts_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(link_timeouts_on_io_uring),
    cmocka_unit_test(link_timeouts_on_the_engine),
    cmocka_unit_test(link_timeouts_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
