/*
 * Cancels by every key and flag, and IORING_REGISTER_SYNC_CANCEL.
 */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "support/conform.h"
#include "support/main.h"

#define ALL IORING_ASYNC_CANCEL_ALL
#define ANY IORING_ASYNC_CANCEL_ANY
#define FD IORING_ASYNC_CANCEL_FD
#define FD_FIXED IORING_ASYNC_CANCEL_FD_FIXED
#define USERDATA (1u << 4) /* of Linux 6.6, as the next */
#define OP (1u << 5)

static char target_bytes[64];

static void pend_read(struct conform *c, uint64_t user_data, int fd)
{
    io_uring_prep_read(conform_sqe(c, user_data), fd, &target_bytes[user_data], 1, 0);
}

static void pend_poll(struct conform *c, uint64_t user_data, int fd)
{
    io_uring_prep_poll_add(conform_sqe(c, user_data), fd, POLLIN);
}

static void pend_timeout(struct conform *c, uint64_t user_data)
{
    static struct __kernel_timespec timeout = {.tv_sec = 60};
    io_uring_prep_timeout(conform_sqe(c, user_data), &timeout, 0, 0);
}

/* Asks for a cancel; what it answers, and what it ended, in the order of user_data where that is not the kernel's to tell. */
static void cancel(struct conform *c, uint64_t user_data, uint64_t target, int fd, unsigned opcode,
                   unsigned flags)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_cancel64(sqe, target, 0);
    sqe->fd = fd;
    sqe->len = opcode;
    sqe->cancel_flags = flags;
    conform_submit(c);
    conform_take_now(c);
}

/* Ends what is still pending, so that each case shows what its cancel left. */
static void the_rest(struct conform *c)
{
    int rest = 0;
    struct io_uring_cqe cqe;
    struct io_uring_sqe *sqe = conform_sqe(c, 99);
    io_uring_prep_cancel64(sqe, 0, ANY);
    raw_ring_submit(&c->ring);
    raw_ring_get_events(&c->ring);
    uint64_t left = 0;
    while (raw_ring_take(&c->ring, &cqe)) {
        if (cqe.user_data == 99)
            rest = cqe.res;
        else
            left |= UINT64_C(1) << cqe.user_data;
    }
    conform_say(c, "left: %d", rest);
    for (unsigned i = 0; i < 64; i++)
        if (left >> i & 1)
            conform_say(c, " %u", i);
    conform_say(c, "\n");
}

/* 1 read and 2 poll of one pipe, 3 read and 4 poll of another, 5 timeout. */
static void pend_five(struct conform *c, int one[2], int other[2])
{
    conform_pipe(c, one);
    conform_pipe(c, other);
    pend_read(c, 1, one[0]);
    pend_poll(c, 2, one[0]);
    pend_read(c, 3, other[0]);
    pend_poll(c, 4, other[0]);
    pend_timeout(c, 5);
    conform_submit(c);
}

static void say_answer(struct conform *c, int32_t answer)
{
    conform_value(c, "answers", answer);
    c->length--;
}

/* One line: what a cancel of these five answers with these flags, and which of them are left. */
static void among_five(struct conform *c, const char *what, uint64_t target, bool by_fd, unsigned opcode,
                       unsigned flags)
{
    int one[2];
    int other[2];
    struct io_uring_cqe cqe;
    size_t length = c->length;
    pend_five(c, one, other);
    c->length = length;
    struct io_uring_sqe *sqe = conform_sqe(c, 50);
    io_uring_prep_cancel64(sqe, target, 0);
    sqe->fd = by_fd ? other[0] : -1;
    sqe->len = opcode;
    sqe->cancel_flags = flags;
    raw_ring_submit(&c->ring);
    raw_ring_get_events(&c->ring);
    uint64_t ended = 0;
    conform_say(c, "%s: ", what);
    for (bool first = true; raw_ring_take(&c->ring, &cqe); first = false) {
        if (first && cqe.user_data != 50)
            conform_say(c, "(late) ");
        if (cqe.user_data == 50)
            say_answer(c, cqe.res);
        else
            ended |= UINT64_C(1) << cqe.user_data;
    }
    conform_say(c, ", ended");
    for (unsigned i = 0; i < 64; i++)
        if (ended >> i & 1)
            conform_say(c, " %u", i);
    conform_say(c, ", ");
    the_rest(c);
    conform_close_both(c, one);
    conform_close_both(c, other);
}

static void keys_among_five(struct conform *c)
{
    among_five(c, "user_data", 3, false, 0, 0);
    among_five(c, "user_data, named", 3, false, 0, USERDATA);
    among_five(c, "user_data, all", 5, false, 0, ALL);
    among_five(c, "user_data of none", 9, false, 0, 0);
    among_five(c, "user_data of none, all", 9, false, 0, ALL);
    among_five(c, "any", 9, false, 0, ANY);
    among_five(c, "any, all", 9, false, 0, ANY | ALL);
    among_five(c, "any, user_data", 3, false, 0, ANY | USERDATA);
}

static void descriptors_among_five(struct conform *c)
{
    among_five(c, "fd, all", 9, true, 0, FD | ALL);
    among_five(c, "fd, user_data", 4, true, 0, FD | USERDATA);
    among_five(c, "fd, user_data of another", 1, true, 0, FD | USERDATA);
    among_five(c, "fd, user_data, all", 3, true, 0, FD | USERDATA | ALL);
    among_five(c, "fd, any", 9, true, 0, FD | ANY);
    among_five(c, "no fd", 9, false, 0, FD | ALL);
    among_five(c, "fixed fd", 9, true, 0, FD | FD_FIXED);
    among_five(c, "fixed alone", 3, true, 0, FD_FIXED);
}

static void opcodes_among_five(struct conform *c)
{
    among_five(c, "reads, all", 9, false, IORING_OP_READ, OP | ALL);
    among_five(c, "polls, all", 9, false, IORING_OP_POLL_ADD, OP | ALL);
    among_five(c, "timeouts", 9, false, IORING_OP_TIMEOUT, OP);
    among_five(c, "timeouts, all", 9, false, IORING_OP_TIMEOUT, OP | ALL);
    among_five(c, "writes", 9, false, IORING_OP_WRITE, OP);
    among_five(c, "writes, all", 9, false, IORING_OP_WRITE, OP | ALL);
    among_five(c, "reads, user_data", 3, false, IORING_OP_READ, OP | USERDATA);
    among_five(c, "reads, user_data of a poll", 4, false, IORING_OP_READ, OP | USERDATA);
    among_five(c, "reads of a fd", 9, true, IORING_OP_READ, OP | FD);
    among_five(c, "timeouts of a fd", 9, true, IORING_OP_TIMEOUT, OP | FD);
    among_five(c, "opcode, any", 9, false, IORING_OP_READ, OP | ANY);
    among_five(c, "an opcode beyond 255", 9, false, 256 + IORING_OP_TIMEOUT, OP);
}

/* Among equal ones who is first is the kernel's; that there is one is not. */
static void one_by_a_key_of_two(struct conform *c)
{
    int ends[2];
    struct io_uring_cqe cqe;
    conform_pipe(c, ends);
    pend_poll(c, 1, ends[0]);
    pend_poll(c, 2, ends[0]);
    conform_submit(c);
    io_uring_prep_cancel_fd(conform_sqe(c, 50), ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_say(c, "ended: %d\n", raw_ring_take(&c->ring, &cqe) + raw_ring_take(&c->ring, &cqe));
    io_uring_prep_cancel_fd(conform_sqe(c, 51), ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_say(c, "ended: %d\n", raw_ring_take(&c->ring, &cqe) + raw_ring_take(&c->ring, &cqe));
    conform_close_both(c, ends);
}

static void entries_of_cancels_are_checked(struct conform *c)
{
    for (unsigned i = 0; i < 6; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, i);
        io_uring_prep_cancel64(sqe, 9, 0);
        sqe->off = i == 0;
        sqe->splice_fd_in = i == 1;
        sqe->cancel_flags = i == 2 ? 1u << 6 : 0;
        sqe->buf_index = i == 3;
        sqe->ioprio = i == 4;
        sqe->flags = i == 5 ? IOSQE_BUFFER_SELECT : 0;
        conform_submit(c);
        conform_take(c, 1);
    }
}

static void a_drained_cancel_waits_for_its_target(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    pend_read(c, 1, ends[0]);
    conform_submit(c);
    struct io_uring_sqe *sqe = conform_sqe(c, 2);
    io_uring_prep_cancel64(sqe, 1, 0);
    sqe->flags = IOSQE_IO_DRAIN;
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "x");
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_cancel_that_finds_nothing_breaks_its_chain(struct conform *c)
{
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_cancel64(sqe, 9, 0);
    sqe->flags = IOSQE_IO_LINK;
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 2);
    sqe = conform_sqe(c, 3);
    io_uring_prep_cancel64(sqe, 9, ALL);
    sqe->flags = IOSQE_IO_LINK;
    conform_sqe(c, 4);
    conform_submit(c);
    conform_take(c, 2);
}

static void a_cancelled_head_ends_its_chain(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    for (unsigned hard = 0; hard < 2; hard++) {
        pend_read(c, 1, ends[0]);
        c->ring.ring.sq.sqes[(c->ring.ring.sq.sqe_tail - 1) & 7].flags =
            hard ? IOSQE_IO_HARDLINK : IOSQE_IO_LINK;
        conform_sqe(c, 2);
        conform_submit(c);
        cancel(c, 50, 1, -1, 0, 0);
    }
    conform_close_both(c, ends);
}

static void a_cancel_does_not_find_itself(struct conform *c)
{
    cancel(c, 7, 7, -1, 0, 0);
    cancel(c, 7, 7, -1, 0, ALL);
    cancel(c, 7, 7, -1, IORING_OP_ASYNC_CANCEL, OP);
}

static void another_descriptor_of_the_same_object_counts(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    io_uring_prep_recv(conform_sqe(c, 1), ends[0], target_bytes, 1, 0);
    conform_submit(c);
    io_uring_prep_cancel_fd(conform_sqe(c, 2), ends[1], 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_cancel_fd(conform_sqe(c, 3), ends[0], 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

/* A timeout has no descriptor, whatever it waits for. */
static void a_timeout_that_counts_is_not_found_by_a_descriptor(struct conform *c)
{
    static struct __kernel_timespec timeout = {.tv_sec = 60};
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_timeout(conform_sqe(c, 1), &timeout, 100, 0);
    pend_read(c, 2, ends[0]);
    conform_submit(c);
    cancel(c, 50, 0, ends[0], 0, FD | ALL);
    cancel(c, 51, 0, ends[0], 0, FD);
    cancel(c, 52, 1, -1, 0, 0);
    conform_close_both(c, ends);
}

static void nothing_of_another_ring_is_found(struct conform *c)
{
    static struct __kernel_timespec timeout = {.tv_sec = 60};
    struct raw_ring other;
    int ends[2];
    conform_pipe(c, ends);
    conform_value(c, "open", raw_ring_open(&other, c->ring.backend, 4, 0));
    io_uring_prep_timeout(raw_ring_sqe(&other, 1), &timeout, 0, 0);
    io_uring_prep_poll_add(raw_ring_sqe(&other, 2), ends[0], POLLIN);
    conform_value(c, "pending there", raw_ring_submit(&other));
    cancel(c, 50, 1, -1, 0, 0);
    cancel(c, 51, 2, -1, 0, 0);
    cancel(c, 52, 1, -1, 0, ALL);
    cancel(c, 53, 0, -1, 0, ANY);
    cancel(c, 54, 0, ends[0], 0, FD);
    io_uring_prep_timeout_remove(conform_sqe(c, 55), 1, 0);
    io_uring_prep_poll_remove(conform_sqe(c, 56), 2);
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_cancel64(raw_ring_sqe(&other, 3), 0, ANY);
    raw_ring_submit(&other);
    struct io_uring_cqe cqe;
    if (raw_ring_take(&other, &cqe))
        conform_value(c, "found there", cqe.res);
    raw_ring_close(&other);
    conform_close_both(c, ends);
}

/* ---- IORING_REGISTER_SYNC_CANCEL ---- */

static int sync_cancel(struct conform *c, struct io_uring_sync_cancel_reg *reg)
{
    const struct sr_backend *backend = &c->ring.backend;
    return backend->vtable->register_(backend->self, c->ring.fd, IORING_REGISTER_SYNC_CANCEL, reg, 1);
}

static struct io_uring_sync_cancel_reg request(uint64_t target, int fd, unsigned flags)
{
    return (struct io_uring_sync_cancel_reg){.addr = target,
                                             .fd = fd,
                                             .flags = flags,
                                             .timeout = {.tv_sec = -1, .tv_nsec = -1}};
}

static void synchronously(struct conform *c, const char *what, uint64_t target, int fd, unsigned flags)
{
    struct io_uring_sync_cancel_reg reg = request(target, fd, flags);
    conform_value(c, what, sync_cancel(c, &reg));
}

static void a_cancel_without_an_entry(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    synchronously(c, "of nothing", 1, -1, 0);
    pend_read(c, 1, ends[0]);
    conform_submit(c);
    synchronously(c, "by user_data", 1, -1, 0);
    conform_take(c, 1);
    pend_poll(c, 2, ends[0]);
    conform_submit(c);
    synchronously(c, "by descriptor", 9, ends[0], FD | ALL);
    conform_take_now(c);
    synchronously(c, "all of none", 9, ends[0], FD | ALL);
    synchronously(c, "by a bad descriptor", 9, 12345, FD);
    synchronously(c, "by a fixed one of none", 9, 0, FD | FD_FIXED);
    pend_timeout(c, 4);
    pend_timeout(c, 5);
    conform_submit(c);
    synchronously(c, "any", 9, -1, ANY);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

/* Neither a later member of a chain nor what a drain holds back. */
static void what_is_not_started_is_not_found(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    pend_read(c, 1, ends[0]);
    c->ring.ring.sq.sqes[0].flags = IOSQE_IO_LINK;
    conform_sqe(c, 2);
    conform_sqe(c, 3)->flags = IOSQE_IO_DRAIN;
    conform_sqe(c, 4);
    conform_submit(c);
    synchronously(c, "linked", 2, -1, 0);
    synchronously(c, "draining", 3, -1, 0);
    synchronously(c, "held back", 4, -1, 0);
    synchronously(c, "any", 9, -1, ANY);
    conform_take(c, 4);
    conform_close_both(c, ends);
}

/* DEFER_TASKRUN: what it ends is shown when asked for. */
static void a_deferred_end_is_shown_when_asked_for(struct conform *c)
{
    pend_timeout(c, 1);
    conform_submit(c);
    synchronously(c, "by user_data", 1, -1, 0);
    conform_say(c, "shown: %u\n", io_uring_cq_ready(&c->ring.ring));
    conform_take_now(c);
}

static void requests_of_sync_cancels_are_checked(struct conform *c)
{
    const struct sr_backend *backend = &c->ring.backend;
    struct io_uring_sync_cancel_reg reg = request(1, -1, 0);
    conform_value(c, "two",
                  backend->vtable->register_(backend->self, c->ring.fd, IORING_REGISTER_SYNC_CANCEL, &reg,
                                             2));
    conform_value(c, "none",
                  backend->vtable->register_(backend->self, c->ring.fd, IORING_REGISTER_SYNC_CANCEL, NULL,
                                             1));
    conform_value(c, "bad memory",
                  backend->vtable->register_(backend->self, c->ring.fd, IORING_REGISTER_SYNC_CANCEL,
                                             (void *)(uintptr_t)16, 1));
    reg.flags = 1u << 6;
    conform_value(c, "a flag", sync_cancel(c, &reg));
    reg = request(1, -1, 0);
    reg.pad[3] = 1;
    conform_value(c, "padding", sync_cancel(c, &reg));
    reg = request(1, -1, FD | ANY);
    conform_value(c, "a descriptor, any", sync_cancel(c, &reg));
    reg = request(1, -1, 0);
    reg.timeout = (struct __kernel_timespec){.tv_sec = 0, .tv_nsec = 0};
    conform_value(c, "no time", sync_cancel(c, &reg));
}

static const struct conform_case cases[] = {
    {.name = "keys of cancels",
     .run = keys_among_five,
     .expected = "user_data: answers: 0, ended 3, left: 4 1 2 4 5\n"
                 "user_data, named: answers: 0, ended 3, left: 4 1 2 4 5\n"
                 "user_data, all: answers: 1, ended 5, left: 4 1 2 3 4\n"
                 "user_data of none: answers: ENOENT, ended, left: 5 1 2 3 4 5\n"
                 "user_data of none, all: answers: 0, ended, left: 5 1 2 3 4 5\n"
                 "any: answers: 5, ended 1 2 3 4 5, left: 0\n"
                 "any, all: answers: 5, ended 1 2 3 4 5, left: 0\n"
                 "any, user_data: answers: 5, ended 1 2 3 4 5, left: 0\n"},
    {.name = "cancels by descriptor",
     .run = descriptors_among_five,
     .expected = "fd, all: answers: 2, ended 3 4, left: 3 1 2 5\n"
                 "fd, user_data: answers: 0, ended 4, left: 4 1 2 3 5\n"
                 "fd, user_data of another: answers: ENOENT, ended, left: 5 1 2 3 4 5\n"
                 "fd, user_data, all: answers: 1, ended 3, left: 4 1 2 4 5\n"
                 "fd, any: answers: EINVAL, ended, left: 5 1 2 3 4 5\n"
                 "no fd: answers: EBADF, ended, left: 5 1 2 3 4 5\n"
                 "fixed fd: answers: EBADF, ended, left: 5 1 2 3 4 5\n"
                 "fixed alone: answers: 0, ended 3, left: 4 1 2 4 5\n"},
    {.name = "cancels by opcode",
     .run = opcodes_among_five,
     .expected = "reads, all: answers: 2, ended 1 3, left: 3 2 4 5\n"
                 "polls, all: answers: 2, ended 2 4, left: 3 1 3 5\n"
                 "timeouts: answers: 0, ended 5, left: 4 1 2 3 4\n"
                 "timeouts, all: answers: 1, ended 5, left: 4 1 2 3 4\n"
                 "writes: answers: ENOENT, ended, left: 5 1 2 3 4 5\n"
                 "writes, all: answers: 0, ended, left: 5 1 2 3 4 5\n"
                 "reads, user_data: answers: 0, ended 3, left: 4 1 2 4 5\n"
                 "reads, user_data of a poll: answers: ENOENT, ended, left: 5 1 2 3 4 5\n"
                 "reads of a fd: answers: 0, ended 3, left: 4 1 2 4 5\n"
                 "timeouts of a fd: answers: ENOENT, ended, left: 5 1 2 3 4 5\n"
                 "opcode, any: answers: EINVAL, ended, left: 5 1 2 3 4 5\n"
                 "an opcode beyond 255: answers: 0, ended 5, left: 4 1 2 3 4\n"},
    {.name = "one of two by its descriptor",
     .run = one_by_a_key_of_two,
     .expected = "submit: 2\nsubmit: 1\n50: 0\nended: 1\nsubmit: 1\n51: 0\nended: 1\n"},
    {.name = "entries of cancels are checked",
     .run = entries_of_cancels_are_checked,
     .expected = "submit: 1\n0: EINVAL\nsubmit: 1\n1: EINVAL\nsubmit: 1\n2: EINVAL\nsubmit: 1\n"
                 "3: ENOENT\nsubmit: 1\n4: EINVAL\nsubmit: 1\n5: EOPNOTSUPP\n"},
    {.name = "what is not started is not found",
     .run = what_is_not_started_is_not_found,
     .expected = "submit: 4\nlinked: ENOENT\ndraining: ENOENT\nheld back: ENOENT\nany: 1\n1: ECANCELED\n"
                 "2: ECANCELED\n3: 0\n4: 0\n"},
    {.name = "a drained cancel waits for its target",
     .run = a_drained_cancel_waits_for_its_target,
     .expected = "submit: 1\nsubmit: 1\nnothing\nwritten: 1\n1: 1\n2: ENOENT\n"},
    {.name = "a cancel that finds nothing breaks its chain",
     .run = a_cancel_that_finds_nothing_breaks_its_chain,
     .expected = "submit: 2\n1: ENOENT\n2: ECANCELED\nsubmit: 2\n3: 0\n4: 0\n"},
    {.name = "a cancelled head ends its chain",
     .run = a_cancelled_head_ends_its_chain,
     .expected = "submit: 2\nsubmit: 1\n50: 0\n1: ECANCELED\n2: ECANCELED\nsubmit: 2\nsubmit: 1\n50: 0\n"
                 "1: ECANCELED\n2: 0\n"},
    {.name = "a cancel does not find itself",
     .run = a_cancel_does_not_find_itself,
     .expected = "submit: 1\n7: ENOENT\nsubmit: 1\n7: 0\nsubmit: 1\n7: ENOENT\n"},
    {.name = "another descriptor of the same object counts",
     .run = another_descriptor_of_the_same_object_counts,
     .expected = "submit: 1\nsubmit: 1\n2: ENOENT\nsubmit: 1\n3: 0\n1: ECANCELED\n"},
    {.name = "a timeout that counts is not found by a descriptor",
     .run = a_timeout_that_counts_is_not_found_by_a_descriptor,
     .expected =
         "submit: 2\nsubmit: 1\n50: 1\n2: ECANCELED\nsubmit: 1\n51: ENOENT\nsubmit: 1\n52: 0\n1: ECANCELED\n"},
    {.name = "nothing of another ring is found",
     .run = nothing_of_another_ring_is_found,
     .expected =
         "open: 0\npending there: 2\nsubmit: 1\n50: ENOENT\nsubmit: 1\n51: ENOENT\nsubmit: 1\n52: 0\n"
         "submit: 1\n53: 0\nsubmit: 1\n54: ENOENT\nsubmit: 2\n55: ENOENT\n56: ENOENT\nfound there: 2\n"},
    {.name = "a cancel without an entry",
     .run = a_cancel_without_an_entry,
     .expected = "of nothing: ENOENT\nsubmit: 1\nby user_data: 0\n1: ECANCELED\nsubmit: 1\n"
                 "by descriptor: 1\n2: ECANCELED\nall of none: 0\nby a bad descriptor: EBADF\n"
                 "by a fixed one of none: EBADF\nsubmit: 2\nany: 2\n4: ECANCELED\n5: ECANCELED\n"},
    {.name = "a deferred end is shown when asked for",
     .run = a_deferred_end_is_shown_when_asked_for,
     .expected = "submit: 1\nby user_data: 0\nshown: 0\n1: ECANCELED\n",
     .setup_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN},
    {.name = "requests of sync cancels are checked",
     .run = requests_of_sync_cancels_are_checked,
     .expected = "two: EINVAL\nnone: EINVAL\nbad memory: EFAULT\na flag: EINVAL\npadding: EINVAL\n"
                 "a descriptor, any: EBADF\nno time: ENOENT\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void cancel_keys_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void cancel_keys_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void cancel_keys_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(cancel_keys_on_io_uring),
    cmocka_unit_test(cancel_keys_on_the_engine),
    cmocka_unit_test(cancel_keys_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
