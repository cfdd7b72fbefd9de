/*
 * IOSQE_ASYNC: what runs out of line ends after what does not, and is shown like any other work; and what
 * IOSQE_CQE_SKIP_SUCCESS leaves of a chain.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "support/conform.h"
#include "support/main.h"

#define DEFERRED (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

static struct io_uring_sqe *async(struct conform *c, uint64_t user_data)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    sqe->flags = IOSQE_ASYNC;
    return sqe;
}

static void what_is_asynchronous_ends_after_its_batch(struct conform *c)
{
    async(c, 1);
    conform_sqe(c, 2);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take(c, 3);
}

static void refusals_are_not_asynchronous(struct conform *c)
{
    async(c, 1)->opcode = 250;
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 1);
    conform_submit(c);
    conform_take(c, 1);
}

static void a_bad_descriptor_is_found_by_the_worker(struct conform *c)
{
    char byte;
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, 12345, &byte, 1, 0);
    sqe->flags = IOSQE_ASYNC;
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 2);
}

static void an_asynchronous_read_of_a_file(struct conform *c)
{
    char bytes[3];
    int fd = conform_file(c, "abc");
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, fd, bytes, 3, 0);
    sqe->flags = IOSQE_ASYNC;
    conform_submit(c);
    conform_take(c, 1);
    conform_data(c, bytes, 3);
    conform_close(c, fd);
}

static void an_asynchronous_read_waits_and_is_cancelled(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    for (uint64_t i = 1; i <= 2; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, i);
        io_uring_prep_read(sqe, ends[0], &byte, 1, 0);
        sqe->flags = IOSQE_ASYNC;
        conform_submit(c);
        conform_value(c, "wait", raw_ring_wait(&c->ring, 1, 2000000));
        if (i == 1)
            conform_write(c, ends[1], "x");
        else
            io_uring_prep_cancel64(conform_sqe(c, 3), 2, 0);
        conform_submit(c);
        conform_take(c, (unsigned)i);
    }
    conform_close_both(c, ends);
}

static void an_asynchronous_chain_keeps_its_order(struct conform *c)
{
    async(c, 1)->flags |= IOSQE_IO_LINK;
    conform_sqe(c, 2)->flags = IOSQE_IO_LINK;
    async(c, 3);
    conform_submit(c);
    conform_take(c, 3);
}

static void an_asynchronous_failure_breaks_its_chain(struct conform *c)
{
    char byte;
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, 12345, &byte, 1, 0);
    sqe->flags = IOSQE_ASYNC | IOSQE_IO_LINK;
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 2);
}

static void an_asynchronous_success_may_be_silent(struct conform *c)
{
    async(c, 1)->flags |= IOSQE_CQE_SKIP_SUCCESS;
    async(c, 2);
    conform_submit(c);
    conform_take(c, 1);
    conform_take_now(c);
}

static void an_asynchronous_read_is_limited(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_MILLISECOND;
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, ends[0], &byte, 1, 0);
    sqe->flags = IOSQE_ASYNC | IOSQE_IO_LINK;
    io_uring_prep_link_timeout(conform_sqe(c, 2), &timeout, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void an_asynchronous_timeout_and_poll(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_MILLISECOND;
    int ends[2];
    conform_pipe(c, ends);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_timeout(sqe, &timeout, 0, 0);
    sqe->flags = IOSQE_ASYNC;
    conform_submit(c);
    conform_take(c, 1);
    sqe = conform_sqe(c, 2);
    io_uring_prep_poll_add(sqe, ends[1], POLLOUT);
    sqe->flags = IOSQE_ASYNC;
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

/* The write is seen at the other end without asking the ring for anything. */
static void deferred_work_of_a_worker_is_asked_for(struct conform *c)
{
    char byte = 0;
    int ends[2];
    conform_pipe(c, ends);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_write(sqe, ends[1], "x", 1, 0);
    sqe->flags = IOSQE_ASYNC;
    conform_submit(c);
    conform_value(c, "read", c->objects->read(c->self, ends[0], &byte, 1));
    conform_say(c, "shown: %u\n", io_uring_cq_ready(&c->ring.ring));
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void what_ends_at_once_is_shown_at_once(struct conform *c)
{
    async(c, 1);
    conform_sqe(c, 2);
    conform_submit(c);
    conform_say(c, "shown: %u\n", io_uring_cq_ready(&c->ring.ring));
    conform_take(c, 2);
}

/* ---- IOSQE_CQE_SKIP_SUCCESS ---- */

static void what_is_behind_a_silent_refusal_is_silent(struct conform *c)
{
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    sqe->opcode = 250;
    sqe->flags = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    conform_sqe(c, 2)->flags = IOSQE_IO_LINK;
    conform_sqe(c, 3);
    conform_sqe(c, 4);
    conform_submit(c);
    conform_take(c, 2);
    conform_take_now(c);
}

static void what_is_behind_a_silent_failure_is_silent(struct conform *c)
{
    char byte;
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, 12345, &byte, 1, 0);
    sqe->flags = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    conform_sqe(c, 2)->flags = IOSQE_IO_LINK;
    conform_sqe(c, 3);
    conform_sqe(c, 4);
    conform_submit(c);
    conform_take(c, 2);
    conform_take_now(c);
}

static void a_silent_member_behind_a_failure_is_told(struct conform *c)
{
    char byte;
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, 12345, &byte, 1, 0);
    sqe->flags = IOSQE_IO_LINK;
    conform_sqe(c, 2)->flags = IOSQE_CQE_SKIP_SUCCESS;
    conform_submit(c);
    conform_take(c, 2);
}

static void a_silent_refusal_forbids_no_drain(struct conform *c)
{
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    sqe->opcode = 250;
    sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
    conform_submit(c);
    conform_take(c, 1);
    conform_sqe(c, 2)->flags = IOSQE_IO_DRAIN;
    conform_submit(c);
    conform_take(c, 1);
    conform_sqe(c, 3)->flags = IOSQE_CQE_SKIP_SUCCESS;
    conform_submit(c);
    conform_sqe(c, 4)->flags = IOSQE_IO_DRAIN;
    conform_submit(c);
    conform_take(c, 1);
}

/* A timeout that counts completions counts what is not shown too, or not. */
static void a_timeout_counts_silent_ends(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 2, 0);
    conform_submit(c);
    conform_sqe(c, 2)->flags = IOSQE_CQE_SKIP_SUCCESS;
    conform_sqe(c, 3)->flags = IOSQE_CQE_SKIP_SUCCESS;
    conform_submit(c);
    conform_take_now(c);
    conform_sqe(c, 4);
    conform_submit(c);
    conform_take_now(c);
    conform_sqe(c, 5);
    conform_submit(c);
    conform_take_now(c);
}

static void a_silent_limit_and_its_target(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_MILLISECOND;
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    for (unsigned i = 0; i < 2; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, 1);
        io_uring_prep_read(sqe, ends[0], &byte, 1, 0);
        sqe->flags = (uint8_t)(IOSQE_IO_LINK | (i == 0 ? IOSQE_CQE_SKIP_SUCCESS : 0));
        sqe = conform_sqe(c, 2);
        io_uring_prep_link_timeout(sqe, &timeout, 0);
        sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
        conform_submit(c);
        conform_take(c, 2);
    }
    conform_close_both(c, ends);
}

static void a_limit_dismissed_in_silence(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    sqe->flags = IOSQE_IO_LINK;
    sqe = conform_sqe(c, 2);
    io_uring_prep_link_timeout(sqe, &timeout, 0);
    sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
    conform_submit(c);
    conform_take_now(c);
    sqe = conform_sqe(c, 3);
    sqe->flags = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    io_uring_prep_link_timeout(conform_sqe(c, 4), &timeout, 0);
    conform_submit(c);
    conform_take_now(c);
}

static void an_expired_timeout_is_no_silent_success(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_MILLISECOND;
    for (unsigned i = 0; i < 2; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, i + 1);
        io_uring_prep_timeout(sqe, &timeout, 0, i == 0 ? 0 : IORING_TIMEOUT_ETIME_SUCCESS);
        sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
        conform_submit(c);
        conform_value(c, "wait", raw_ring_wait(&c->ring, 1, 20000000));
        conform_take_now(c);
    }
}

static const struct conform_case cases[] = {
    {.name = "what is asynchronous ends after its batch",
     .run = what_is_asynchronous_ends_after_its_batch,
     .expected = "submit: 3\n2: 0\n3: 0\n1: 0\n"},
    {.name = "refusals are not asynchronous",
     .run = refusals_are_not_asynchronous,
     .expected = "submit: 1\n1: EINVAL\nsubmit: 1\n2: 0\n"},
    {.name = "a bad descriptor is found by the worker",
     .run = a_bad_descriptor_is_found_by_the_worker,
     .expected = "submit: 2\n2: 0\n1: EBADF\n"},
    {.name = "an asynchronous read of a file",
     .run = an_asynchronous_read_of_a_file,
     .expected = "submit: 1\n1: 3\ndata: abc\n"},
    {.name = "an asynchronous read waits and is cancelled",
     .run = an_asynchronous_read_waits_and_is_cancelled,
     .expected = "submit: 1\nwait: ETIME\nwritten: 1\nsubmit: 0\n1: 1\nsubmit: 1\nwait: ETIME\n"
                 "submit: 1\n3: 0\n2: ECANCELED\n"},
    {.name = "an asynchronous chain keeps its order",
     .run = an_asynchronous_chain_keeps_its_order,
     .expected = "submit: 3\n1: 0\n2: 0\n3: 0\n"},
    {.name = "an asynchronous failure breaks its chain",
     .run = an_asynchronous_failure_breaks_its_chain,
     .expected = "submit: 2\n1: EBADF\n2: ECANCELED\n"},
    {.name = "an asynchronous success may be silent",
     .run = an_asynchronous_success_may_be_silent,
     .expected = "submit: 2\n2: 0\nnothing\n"},
    {.name = "an asynchronous read is limited",
     .run = an_asynchronous_read_is_limited,
     .expected = "submit: 2\n2: ETIME\n1: ECANCELED\n"},
    {.name = "an asynchronous timeout and poll",
     .run = an_asynchronous_timeout_and_poll,
     .expected = "submit: 1\n1: ETIME\nsubmit: 1\n2: 4\n"},
    {.name = "deferred work of a worker is asked for",
     .run = deferred_work_of_a_worker_is_asked_for,
     .expected = "submit: 1\nread: 1\nshown: 0\n1: 1\n",
     .setup_flags = DEFERRED},
    {.name = "deferred, what ends at once is shown at once",
     .run = what_ends_at_once_is_shown_at_once,
     .expected = "submit: 2\nshown: 1\n2: 0\n1: 0\n",
     .setup_flags = DEFERRED},
    {.name = "what is behind a silent refusal is silent",
     .run = what_is_behind_a_silent_refusal_is_silent,
     .expected = "submit: 4\n1: EINVAL\n4: 0\nnothing\n"},
    {.name = "what is behind a silent failure is silent",
     .run = what_is_behind_a_silent_failure_is_silent,
     .expected = "submit: 4\n1: EBADF\n4: 0\nnothing\n"},
    {.name = "a silent member behind a failure is told",
     .run = a_silent_member_behind_a_failure_is_told,
     .expected = "submit: 2\n1: EBADF\n2: ECANCELED\n"},
    {.name = "a silent refusal forbids no drain",
     .run = a_silent_refusal_forbids_no_drain,
     .expected = "submit: 1\n1: EINVAL\nsubmit: 1\n2: 0\nsubmit: 1\nsubmit: 1\n4: EOPNOTSUPP\n"},
    {.name = "a timeout counts silent ends",
     .run = a_timeout_counts_silent_ends,
     .expected = "submit: 1\nsubmit: 2\nnothing\nsubmit: 1\n4: 0\nsubmit: 1\n5: 0\n1: 0\n"},
    {.name = "a silent limit and its target",
     .run = a_silent_limit_and_its_target,
     .expected = "submit: 2\n1: ECANCELED\n1 missing\nsubmit: 2\n1: ECANCELED\n1 missing\n"},
    {.name = "a limit dismissed in silence",
     .run = a_limit_dismissed_in_silence,
     .expected = "submit: 2\n1: 0\nsubmit: 2\n4: ECANCELED\n"},
    {.name = "an expired timeout is no silent success",
     .run = an_expired_timeout_is_no_silent_success,
     .expected = "submit: 1\nwait: 0\n1: ETIME\nsubmit: 1\nwait: 0\nnothing\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void async_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void async_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void async_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(async_on_io_uring),
    cmocka_unit_test(async_on_the_engine),
    cmocka_unit_test(async_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
