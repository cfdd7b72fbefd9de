/*
 * IORING_SETUP_SQPOLL and IORING_SETUP_IOPOLL. With a thread of the true kernel's it is not determined when an entry is
 * consumed, so that what a submission returns is shown only where it does not depend on that.
 */
#include <errno.h>
#include <string.h>

#include "support/conform.h"
#include "support/main.h"

static int enter(struct conform *c, unsigned to_submit, unsigned min_complete, unsigned flags)
{
    const struct sr_backend *backend = &c->ring.backend;
    return backend->vtable->enter(backend->self, c->ring.fd, to_submit, min_complete, flags, NULL, 0);
}

static void submit(struct conform *c)
{
    int rc = raw_ring_submit(&c->ring);
    if (rc < 0)
        conform_value(c, "submit", rc);
}

static void entries_are_consumed_and_completed(struct conform *c)
{
    for (uint64_t i = 1; i <= 3; i++)
        conform_sqe(c, i);
    submit(c);
    conform_take(c, 3);
    conform_say(c, "left: %u\n", io_uring_sq_ready(&c->ring.ring));
}

static void a_submission_returns_what_was_asked_for(struct conform *c)
{
    conform_value(c, "submit five of none", enter(c, 5, 0, IORING_ENTER_SQ_WAKEUP));
    conform_value(c, "submit none", enter(c, 0, 0, IORING_ENTER_SQ_WAKEUP));
    conform_value(c, "wake and look", enter(c, 0, 0, IORING_ENTER_SQ_WAKEUP | IORING_ENTER_GETEVENTS));
    conform_value(c, "submit five and look", enter(c, 5, 0, IORING_ENTER_GETEVENTS));
}

/* The thread goes on behind what it refuses. */
static void a_refused_entry_stops_nothing(struct conform *c)
{
    conform_sqe(c, 1);
    conform_sqe(c, 2)->opcode = 250;
    conform_sqe(c, 3);
    conform_sqe(c, 4)->flags = 0x80;
    conform_sqe(c, 5);
    submit(c);
    conform_take(c, 5);
}

static void a_chain_is_kept_together(struct conform *c)
{
    conform_sqe(c, 1)->flags = IOSQE_IO_LINK;
    conform_sqe(c, 2)->opcode = 250;
    c->ring.ring.sq.sqes[1].flags = IOSQE_IO_LINK;
    conform_sqe(c, 3);
    conform_sqe(c, 4);
    submit(c);
    conform_take(c, 4);
}

static void waiting_for_room_ends(struct conform *c)
{
    for (uint64_t i = 1; i <= 4; i++)
        conform_sqe(c, i);
    submit(c);
    /* Entries may be taken and their places given back a moment later: the wait looks at the first. */
    struct io_uring_sqe *sqe = NULL;
    for (int i = 0; i < 10000 && sqe == NULL; i++) {
        assert_int_equal(enter(c, 0, 0, IORING_ENTER_SQ_WAIT | IORING_ENTER_SQ_WAKEUP), 0);
        sqe = raw_ring_sqe(&c->ring, 5);
    }
    conform_say(c, "room: %s\n", sqe != NULL ? "yes" : "no");
    submit(c);
    conform_take(c, 5);
}

static void descriptors_need_not_be_registered(struct conform *c)
{
    char bytes[3];
    int fd = conform_file(c, "abc");
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), fd, bytes, 3, 0);
    submit(c);
    conform_take(c, 1);
    conform_data(c, bytes, 3);
    io_uring_prep_read(conform_sqe(c, 2), ends[0], bytes, 1, 0);
    submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "x");
    conform_take(c, 1);
    conform_close(c, fd);
    conform_close_both(c, ends);
}

static void a_wait_ends_in_time(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], &byte, 1, 0);
    submit(c);
    conform_value(c, "wait", raw_ring_wait(&c->ring, 1, 1000000));
    conform_write(c, ends[1], "x");
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void a_sleeping_thread_says_so(struct conform *c)
{
    /* One that was never given anything falls asleep within its idle time. */
    const unsigned *flags = c->ring.ring.sq.kflags;
    for (int i = 0; i < 5000 && !(IO_URING_READ_ONCE(*flags) & IORING_SQ_NEED_WAKEUP); i++)
        assert_int_equal(raw_ring_wait(&c->ring, 1, 1000000), -ETIME);
    conform_say(c, "asks to be woken: %s\n", *c->ring.ring.sq.kflags & IORING_SQ_NEED_WAKEUP ? "yes" : "no");
    conform_sqe(c, 1);
    submit(c);
    conform_take(c, 1);
}

static void a_disabled_thread_takes_nothing(struct conform *c)
{
    conform_sqe(c, 1);
    conform_submit(c);
    conform_value(c, "enable",
                  c->ring.backend.vtable->register_(c->ring.backend.self, c->ring.fd,
                                                    IORING_REGISTER_ENABLE_RINGS, NULL, 0));
    submit(c);
    conform_take(c, 1);
}

static void two_rings_share_a_thread(struct conform *c)
{
    static struct raw_ring other;
    memset(&other, 0, sizeof other);
    other.params.flags = IORING_SETUP_SQPOLL | IORING_SETUP_ATTACH_WQ;
    other.params.wq_fd = (uint32_t)c->ring.fd;
    conform_value(c, "open", raw_ring_open_params(&other, c->ring.backend, 4) < 0);
    raw_ring_sqe(&other, 7);
    conform_sqe(c, 1);
    submit(c);
    conform_value(c, "other", raw_ring_submit(&other) < 0);
    conform_take(c, 1);
    struct io_uring_cqe cqe = {0};
    conform_value(c, "wait", raw_ring_wait(&other, 1, UINT64_C(10000000000)));
    conform_say(c, "taken: %d", raw_ring_take(&other, &cqe));
    conform_say(c, ", %llu\n", (unsigned long long)cqe.user_data);
    raw_ring_close(&other);
}

/* ---- Completions that are looked for. ---- */

static void what_no_one_can_look_for_is_refused(struct conform *c)
{
    static const uint8_t refused[] = {
        IORING_OP_FSYNC,     IORING_OP_POLL_ADD,     IORING_OP_POLL_REMOVE,  IORING_OP_SYNC_FILE_RANGE,
        IORING_OP_SENDMSG,   IORING_OP_RECVMSG,      IORING_OP_TIMEOUT,      IORING_OP_TIMEOUT_REMOVE,
        IORING_OP_ACCEPT,    IORING_OP_ASYNC_CANCEL, IORING_OP_LINK_TIMEOUT, IORING_OP_CONNECT,
        IORING_OP_FALLOCATE, IORING_OP_OPENAT,       IORING_OP_CLOSE,        IORING_OP_STATX,
        IORING_OP_FADVISE,   IORING_OP_MADVISE,      IORING_OP_SEND,         IORING_OP_RECV,
        IORING_OP_OPENAT2,   IORING_OP_EPOLL_CTL,    IORING_OP_SPLICE,       IORING_OP_TEE,
        IORING_OP_SHUTDOWN,  IORING_OP_RENAMEAT,     IORING_OP_UNLINKAT,     IORING_OP_MKDIRAT,
        IORING_OP_SYMLINKAT, IORING_OP_LINKAT,       IORING_OP_FSETXATTR,    IORING_OP_SETXATTR,
        IORING_OP_FGETXATTR, IORING_OP_GETXATTR,     IORING_OP_SOCKET,       IORING_OP_SEND_ZC,
        IORING_OP_SENDMSG_ZC};
    unsigned count = 0;
    for (unsigned i = 0; i < sizeof refused; i++) {
        struct io_uring_cqe cqe = {0};
        conform_sqe(c, 1)->opcode = refused[i];
        raw_ring_submit(&c->ring);
        raw_ring_get_events(&c->ring);
        count += raw_ring_take(&c->ring, &cqe) && cqe.res == -EINVAL;
    }
    conform_say(c, "EINVAL: %u of %zu\n", count, sizeof refused);
}

static void a_nop_needs_no_file(struct conform *c)
{
    conform_sqe(c, 1);
    conform_submit(c);
    conform_take(c, 1);
}

static void a_file_that_cannot_be_asked_is_refused(struct conform *c)
{
    char bytes[3] = "";
    int fd = conform_file(c, "abc");
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), fd, bytes, 3, 0);
    io_uring_prep_write(conform_sqe(c, 2), fd, bytes, 3, 0);
    io_uring_prep_read(conform_sqe(c, 3), ends[0], bytes, 3, 0);
    io_uring_prep_read(conform_sqe(c, 4), 12345, bytes, 3, 0);
    conform_submit(c);
    conform_take(c, 4);
    conform_close(c, fd);
    conform_close_both(c, ends);
}

static void a_look_never_waits(struct conform *c)
{
    conform_value(c, "for one of none", enter(c, 0, 1, IORING_ENTER_GETEVENTS));
    conform_value(c, "with a timeout", raw_ring_wait(&c->ring, 1, UINT64_C(60000000000)));
    conform_sqe(c, 1);
    conform_value(c, "for two of one", raw_ring_submit_and_wait(&c->ring, 2));
    conform_take(c, 1);
}

static const struct conform_case cases[] = {
    {.name = "a thread consumes entries",
     .run = entries_are_consumed_and_completed,
     .expected = "1: 0\n2: 0\n3: 0\nleft: 0\n",
     .setup_flags = IORING_SETUP_SQPOLL},
    {.name = "a submission to a thread returns what was asked for",
     .run = a_submission_returns_what_was_asked_for,
     .expected = "submit five of none: 5\nsubmit none: 0\nwake and look: 0\nsubmit five and look: 5\n",
     .setup_flags = IORING_SETUP_SQPOLL},
    {.name = "a refused entry stops no thread",
     .run = a_refused_entry_stops_nothing,
     .expected = "1: 0\n2: EINVAL\n3: 0\n4: EINVAL\n5: 0\n",
     .setup_flags = IORING_SETUP_SQPOLL},
    {.name = "a thread keeps a chain together",
     .run = a_chain_is_kept_together,
     .expected = "1: ECANCELED\n4: 0\n2: EINVAL\n3: ECANCELED\n",
     .setup_flags = IORING_SETUP_SQPOLL},
    {.name = "waiting for room in the SQ ends",
     .run = waiting_for_room_ends,
     .expected = "room: yes\n1: 0\n2: 0\n3: 0\n4: 0\n5: 0\n",
     .setup_flags = IORING_SETUP_SQPOLL,
     .entries = 4},
    {.name = "a thread takes plain descriptors",
     .run = descriptors_need_not_be_registered,
     .expected = "1: 3\ndata: abc\nnothing\nwritten: 1\n2: 1\n",
     .setup_flags = IORING_SETUP_SQPOLL},
    {.name = "a wait beside a thread ends in time",
     .run = a_wait_ends_in_time,
     .expected = "wait: ETIME\nwritten: 1\n1: 1\n",
     .setup_flags = IORING_SETUP_SQPOLL},
    {.name = "a sleeping thread says so",
     .run = a_sleeping_thread_says_so,
     .expected = "asks to be woken: yes\n1: 0\n",
     .setup_flags = IORING_SETUP_SQPOLL},
    {.name = "a disabled thread takes nothing",
     .run = a_disabled_thread_takes_nothing,
     .expected = "submit: EBADFD\nenable: 0\n1: 0\n",
     .setup_flags = IORING_SETUP_SQPOLL | IORING_SETUP_R_DISABLED},
    {.name = "two rings share a thread",
     .run = two_rings_share_a_thread,
     .expected = "open: 0\nother: 0\n1: 0\nwait: 0\ntaken: 1, 7\n",
     .setup_flags = IORING_SETUP_SQPOLL},
    {.name = "what no one can look for is refused",
     .run = what_no_one_can_look_for_is_refused,
     .expected = "EINVAL: 37 of 37\n",
     .setup_flags = IORING_SETUP_IOPOLL},
    {.name = "a NOP needs no file that can be asked",
     .run = a_nop_needs_no_file,
     .expected = "submit: 1\n1: 0\n",
     .setup_flags = IORING_SETUP_IOPOLL},
    {.name = "a file that can't be asked is refused",
     .run = a_file_that_cannot_be_asked_is_refused,
     .expected = "submit: 4\n1: EOPNOTSUPP\n2: EOPNOTSUPP\n3: EOPNOTSUPP\n4: EBADF\n",
     .setup_flags = IORING_SETUP_IOPOLL},
    {.name = "a look for completions never waits",
     .run = a_look_never_waits,
     .expected = "for one of none: 0\nwith a timeout: 0\nfor two of one: 1\n1: 0\n",
     .setup_flags = IORING_SETUP_IOPOLL},
};

/* The true kernel answers as it did when the expectations were written. */
static void polled_rings_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void polled_rings_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void polled_rings_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(polled_rings_on_io_uring),
    cmocka_unit_test(polled_rings_on_the_engine),
    cmocka_unit_test(polled_rings_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
