/*
 * io_uring_enter: its flags and arguments, what is checked when, and what is asked of a ring by itself.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "support/conform.h"
#include "support/main.h"

#define DEFERRED (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
#define GETEVENTS IORING_ENTER_GETEVENTS
#define EXT_ARG (IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG)
#define NOWHERE ((void *)(uintptr_t)16)
#define SIGSET (_NSIG / 8)

static int enter(struct conform *c, unsigned to_submit, unsigned min_complete, unsigned flags,
                 const void *arg, size_t size)
{
    const struct sr_backend *backend = &c->ring.backend;
    return backend->vtable->enter(backend->self, c->ring.fd, to_submit, min_complete, flags, arg, size);
}

static struct io_uring_getevents_arg argument(const struct __kernel_timespec *time)
{
    return (struct io_uring_getevents_arg){.ts = (uint64_t)(uintptr_t)time, .sigmask_sz = SIGSET};
}

static void sizes_of_the_argument(struct conform *c)
{
    struct io_uring_getevents_arg arg = argument(NULL);
    conform_value(c, "right", enter(c, 0, 0, EXT_ARG, &arg, sizeof arg));
    conform_value(c, "one less", enter(c, 0, 0, EXT_ARG, &arg, sizeof arg - 1));
    conform_value(c, "one more", enter(c, 0, 0, EXT_ARG, &arg, sizeof arg + 1));
    conform_value(c, "none", enter(c, 0, 0, EXT_ARG, NULL, sizeof arg));
    conform_value(c, "nowhere", enter(c, 0, 0, EXT_ARG, NOWHERE, sizeof arg));
    conform_value(c, "nowhere, of no size", enter(c, 0, 0, EXT_ARG, NOWHERE, 0));
    conform_value(c, "unused", enter(c, 0, 0, IORING_ENTER_EXT_ARG, NOWHERE, 3));
}

static void times_of_the_argument(struct conform *c)
{
    static const struct __kernel_timespec times[] = {{.tv_sec = 0},
                                                     {.tv_sec = -1},
                                                     {.tv_nsec = -1},
                                                     {.tv_nsec = 1000000000},
                                                     {.tv_sec = -1, .tv_nsec = 5}};
    for (unsigned i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct io_uring_getevents_arg arg = argument(&times[i]);
        conform_value(c, "wait", enter(c, 0, 1, EXT_ARG, &arg, sizeof arg));
    }
    struct io_uring_getevents_arg arg = argument(NOWHERE);
    conform_value(c, "nowhere", enter(c, 0, 1, EXT_ARG, &arg, sizeof arg));
    conform_value(c, "nowhere, for none", enter(c, 0, 0, EXT_ARG, &arg, sizeof arg));
}

/* Who was woken last, by the end of a chain, has ended when the call returns. */
static void a_linked_write_wakes_a_reader(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], &byte, 1, 0);
    struct io_uring_sqe *sqe = conform_sqe(c, 2);
    sqe->flags |= IOSQE_IO_LINK;
    io_uring_prep_write(conform_sqe(c, 3), ends[1], "x", 1, 0);
    (void)raw_ring_publish(&c->ring);
    conform_value(c, "enter", enter(c, 3, 0, IORING_ENTER_GETEVENTS, NULL, 0));
    struct io_uring_cqe cqe;
    while (raw_ring_take(&c->ring, &cqe))
        conform_value(c, cqe.user_data == 1 ? "reader" : "other", cqe.res);
    conform_close_both(c, ends);
}

/* A mask is looked at when there is something to wait for. */
static void masks(struct conform *c)
{
    const struct __kernel_timespec soon = CONFORM_MILLISECOND;
    sigset_t set;
    sigemptyset(&set);
    struct io_uring_getevents_arg arg = argument(&soon);
    arg.sigmask = (uint64_t)(uintptr_t)&set;
    conform_value(c, "a mask", enter(c, 0, 1, EXT_ARG, &arg, sizeof arg));
    arg.sigmask_sz = SIGSET - 1;
    conform_value(c, "of another size", enter(c, 0, 1, EXT_ARG, &arg, sizeof arg));
    conform_value(c, "of another size, for none", enter(c, 0, 0, EXT_ARG, &arg, sizeof arg));
    arg.sigmask_sz = SIGSET;
    arg.sigmask = 16;
    conform_value(c, "nowhere", enter(c, 0, 1, EXT_ARG, &arg, sizeof arg));
    conform_value(c, "nowhere, for none", enter(c, 0, 0, EXT_ARG, &arg, sizeof arg));
    arg.sigmask = 0;
    arg.sigmask_sz = 3;
    conform_value(c, "none, of a size", enter(c, 0, 1, EXT_ARG, &arg, sizeof arg));
    conform_value(c, "plain, of another size", enter(c, 0, 1, GETEVENTS, &set, 3));
    conform_value(c, "plain, of another size, for none", enter(c, 0, 0, GETEVENTS, &set, 3));
    conform_value(c, "plain, nowhere", enter(c, 0, 1, GETEVENTS, NOWHERE, SIGSET));
    conform_sqe(c, 1);
    conform_submit(c);
    conform_value(c, "nowhere, and it is there", enter(c, 0, 1, GETEVENTS, NOWHERE, SIGSET));
    conform_take(c, 1);
}

static void a_bad_argument_does_not_hide_a_submission(struct conform *c)
{
    struct io_uring_getevents_arg arg = argument(NOWHERE);
    struct io_uring_sq *sq = &c->ring.ring.sq;
    conform_sqe(c, 1);
    conform_sqe(c, 2);
    sq->array[0] = 0;
    sq->array[1] = 1;
    sq->sqe_head = sq->sqe_tail;
    io_uring_smp_store_release(sq->ktail, 2);
    conform_value(c, "one, and a bad argument", enter(c, 1, 1, EXT_ARG, &arg, 3));
    conform_value(c, "one, and a bad time", enter(c, 1, 5, EXT_ARG, &arg, sizeof arg));
    conform_value(c, "none, and a bad time", enter(c, 1, 5, EXT_ARG, &arg, sizeof arg));
    conform_take(c, 2);
}

static void flags_that_are_unknown(struct conform *c)
{
    struct io_uring_getevents_arg arg = argument(NULL);
    conform_value(c, "the last bit", enter(c, 0, 0, 1u << 31, NULL, 0));
    conform_value(c, "with a known one", enter(c, 0, 0, 1u << 31 | GETEVENTS, NULL, 0));
    conform_value(c, "wake and wait, no thread",
                  enter(c, 0, 0, IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT, NULL, 0));
    conform_value(c, "all that are known",
                  enter(c, 0, 0, EXT_ARG | IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT, &arg, sizeof arg));
}

static void a_wait_of_none_returns(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    struct io_uring_getevents_arg arg = argument(&timeout);
    conform_value(c, "for none", enter(c, 0, 0, EXT_ARG, &arg, sizeof arg));
    conform_value(c, "without GETEVENTS", enter(c, 0, 5, 0, NULL, 0));
    conform_value(c, "submits more than there is", enter(c, 100, 0, 0, NULL, 0));
    conform_value(c, "submits more than there is, and looks", enter(c, 100, 0, GETEVENTS, NULL, 0));
    conform_value(c, "submits one of none, waits for one", enter(c, 1, 1, GETEVENTS, NULL, 0));
}

static void a_wait_for_more_ends_with_its_time(struct conform *c)
{
    struct __kernel_timespec soon = CONFORM_MILLISECOND;
    struct io_uring_getevents_arg arg = argument(&soon);
    conform_sqe(c, 1);
    conform_submit(c);
    conform_value(c, "two of one", enter(c, 0, 2, EXT_ARG, &arg, sizeof arg));
    conform_take(c, 1);
    conform_value(c, "one of none", enter(c, 0, 1, EXT_ARG, &arg, sizeof arg));
}

/* What a write from elsewhere has woken ends before what is submitted after it. */
static void what_was_woken_ends_first(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], &byte, 1, 0);
    conform_submit(c);
    conform_write(c, ends[1], "x");
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

/* ---- What is asked of a ring's own descriptor. ---- */

static void a_read_of_the_ring_itself_waits(struct conform *c)
{
    char byte;
    io_uring_prep_read(conform_sqe(c, 1), c->ring.fd, &byte, 1, 0);
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    conform_take(c, 2);
}

static void a_write_of_the_ring_itself_waits(struct conform *c)
{
    char byte = 0;
    io_uring_prep_write(conform_sqe(c, 1), c->ring.fd, &byte, 1, 0);
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    conform_take_now(c);
}

static void a_poll_of_the_ring_itself(struct conform *c)
{
    io_uring_prep_poll_add(conform_sqe(c, 1), c->ring.fd, POLLIN);
    conform_submit(c);
    conform_take_now(c);
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take_now(c);
    conform_take_now(c);
}

static void a_poll_behind_completions_that_were_taken(struct conform *c)
{
    conform_sqe(c, 1);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_poll_add(conform_sqe(c, 2), c->ring.fd, POLLIN);
    conform_submit(c);
    conform_take_now(c);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take_now(c);
    conform_take_now(c);
}

static void a_ring_has_room(struct conform *c)
{
    io_uring_prep_poll_add(conform_sqe(c, 1), c->ring.fd, POLLOUT);
    conform_submit(c);
    conform_take_now(c);
}

static void other_operations_on_the_ring_itself(struct conform *c)
{
    char byte = 0;
    io_uring_prep_recv(conform_sqe(c, 1), c->ring.fd, &byte, 1, 0);
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_send(conform_sqe(c, 2), c->ring.fd, &byte, 1, 0);
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_accept(conform_sqe(c, 3), c->ring.fd, NULL, NULL, 0);
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_fsync(conform_sqe(c, 4), c->ring.fd, 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_cancel_fd(conform_sqe(c, 5), c->ring.fd, 0);
    conform_submit(c);
    conform_take_now(c);
}

static void a_read_of_another_ring(struct conform *c)
{
    static struct raw_ring other;
    char byte;
    conform_value(c, "open", raw_ring_open(&other, c->ring.backend, 4, 0));
    io_uring_prep_read(conform_sqe(c, 1), other.fd, &byte, 1, 0);
    conform_submit(c);
    conform_take_now(c);
    raw_ring_sqe(&other, 7);
    conform_value(c, "other", raw_ring_submit(&other));
    conform_take(c, 1);
    io_uring_prep_poll_add(conform_sqe(c, 2), other.fd, POLLIN);
    conform_submit(c);
    conform_take(c, 1);
    raw_ring_close(&other);
}

static const struct conform_case cases[] = {
    {.name = "sizes of enter's argument",
     .run = sizes_of_the_argument,
     .expected = "right: 0\none less: EINVAL\none more: EINVAL\nnone: EFAULT\nnowhere: EFAULT\n"
                 "nowhere, of no size: EINVAL\nunused: 0\n"},
    {.name = "times of enter's argument",
     .run = times_of_the_argument,
     .expected = "wait: ETIME\nwait: ETIME\nwait: ETIME\nwait: ETIME\nwait: ETIME\nnowhere: EFAULT\n"
                 "nowhere, for none: EFAULT\n"},
    {.name = "signal masks of a wait",
     .run = masks,
     .expected = "a mask: ETIME\nof another size: EINVAL\nof another size, for none: 0\nnowhere: EFAULT\n"
                 "nowhere, for none: 0\nnone, of a size: ETIME\nplain, of another size: EINVAL\n"
                 "plain, of another size, for none: 0\nplain, nowhere: EFAULT\nsubmit: 1\n"
                 "nowhere, and it is there: 0\n1: 0\n"},
    {.name = "a bad argument does not hide a submission",
     .run = a_bad_argument_does_not_hide_a_submission,
     .expected = "one, and a bad argument: 1\none, and a bad time: 1\nnone, and a bad time: 0\n1: 0\n"
                 "2: 0\n"},
    {.name = "flags of enter that are unknown",
     .run = flags_that_are_unknown,
     .expected = "the last bit: EINVAL\nwith a known one: EINVAL\nwake and wait, no thread: 0\n"
                 "all that are known: 0\n"},
    {.name = "a wait for none returns",
     .run = a_wait_of_none_returns,
     .expected = "for none: 0\nwithout GETEVENTS: 0\nsubmits more than there is: 0\n"
                 "submits more than there is, and looks: 0\nsubmits one of none, waits for one: 0\n"},
    {.name = "a wait for more ends with its time",
     .run = a_wait_for_more_ends_with_its_time,
     .expected = "submit: 1\ntwo of one: 0\n1: 0\none of none: ETIME\n"},
    {.name = "what was woken ends first",
     .run = what_was_woken_ends_first,
     .expected = "submit: 1\nwritten: 1\nsubmit: 1\n1: 1\n2: 0\n"},
    {.name = "sizes of enter's argument, deferred",
     .run = sizes_of_the_argument,
     .expected = "right: 0\none less: EINVAL\none more: EINVAL\nnone: EFAULT\nnowhere: EFAULT\n"
                 "nowhere, of no size: EINVAL\nunused: 0\n",
     .setup_flags = DEFERRED},
    {.name = "times of enter's argument, deferred",
     .run = times_of_the_argument,
     .expected = "wait: ETIME\nwait: ETIME\nwait: ETIME\nwait: ETIME\nwait: ETIME\nnowhere: EFAULT\n"
                 "nowhere, for none: EFAULT\n",
     .setup_flags = DEFERRED},
    {.name = "a read of the ring itself waits",
     .run = a_read_of_the_ring_itself_waits,
     .expected = "submit: 1\nnothing\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "a write of the ring itself waits",
     .run = a_write_of_the_ring_itself_waits,
     .expected = "submit: 1\n1: EINVAL\nsubmit: 1\n2: ENOENT\n"},
    {.name = "a poll of the ring itself",
     .run = a_poll_of_the_ring_itself,
     .expected = "submit: 1\nnothing\nsubmit: 1\n2: 0\n1: 1\nnothing\n"},
    {.name = "a linked write wakes a reader",
     .run = a_linked_write_wakes_a_reader,
     .expected = "enter: 3\nother: 0\nother: 1\nreader: 1\n"},
    {.name = "a poll behind completions that were taken",
     .run = a_poll_behind_completions_that_were_taken,
     .expected = "submit: 1\n1: 0\nsubmit: 1\nnothing\nsubmit: 1\n3: 0\n2: 1\nnothing\n"},

    {.name = "a ring has room", .run = a_ring_has_room, .expected = "submit: 1\n1: 4\n"},
    {.name = "other operations on the ring itself",
     .run = other_operations_on_the_ring_itself,
     .expected = "submit: 1\n1: ENOTSOCK\nsubmit: 1\n2: ENOTSOCK\nsubmit: 1\n3: ENOTSOCK\nsubmit: 1\n"
                 "4: EINVAL\nsubmit: 1\n5: ENOENT\n"},
    {.name = "a read of another ring",
     .run = a_read_of_another_ring,
     .expected = "open: 0\nsubmit: 1\nnothing\nother: 1\n1: EINVAL\nsubmit: 1\n2: 1\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void enter_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void enter_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void enter_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(enter_on_io_uring),
    cmocka_unit_test(enter_on_the_engine),
    cmocka_unit_test(enter_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
