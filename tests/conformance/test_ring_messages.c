/*
 * IORING_OP_MSG_RING: completions for another ring, descriptors for its table, and what refuses them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/conform.h"
#include "support/conform_register.h"
#include "support/main.h"

#define DEFERRED (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

/* The ring at the other end. */
static struct raw_ring other;

static void open_other(struct conform *c, unsigned entries, unsigned flags)
{
    int rc = raw_ring_open(&other, c->ring.backend, entries, flags);
    if (rc != 0)
        conform_value(c, "open", rc);
}

static void say_cqe(struct conform *c, const struct io_uring_cqe *cqe)
{
    char what[32];
    snprintf(what, sizeof what, "there %llu", (unsigned long long)cqe->user_data);
    conform_value(c, what, cqe->res);
    if (cqe->flags != 0)
        conform_say(c, "with flags %u\n", cqe->flags);
}

/* What the other ring shows without being entered. */
static void look_there(struct conform *c)
{
    struct io_uring_cqe cqe;
    bool any = false;
    for (; raw_ring_take(&other, &cqe); any = true)
        say_cqe(c, &cqe);
    if (!any)
        conform_say(c, "nothing there\n");
}

static void take_there(struct conform *c)
{
    int rc = raw_ring_get_events(&other);
    if (rc != 0)
        conform_value(c, "get_events there", rc);
    look_there(c);
}

static struct io_uring_sqe *message(struct conform *c, uint64_t user_data, int fd, unsigned length,
                                    uint64_t data)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_msg_ring(sqe, fd, length, data, 0);
    sqe->user_data = user_data;
    return sqe;
}

static void a_message_to_another_ring(struct conform *c)
{
    open_other(c, 4, 0);
    message(c, 1, other.fd, 7, 100);
    message(c, 2, other.fd, UINT32_MAX, UINT64_MAX);
    message(c, 3, other.fd, 0, 0);
    conform_submit(c);
    look_there(c);
    conform_take(c, 3);
    raw_ring_close(&other);
}

static void a_message_to_the_ring_itself(struct conform *c)
{
    message(c, 1, c->ring.fd, 7, 100);
    message(c, 2, c->ring.fd, 8, 101);
    conform_submit(c);
    conform_take(c, 4);
}

/* It is there before what ends in the same submission. */
static void a_message_among_others(struct conform *c)
{
    conform_sqe(c, 1);
    message(c, 2, c->ring.fd, 7, 100);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take(c, 4);
}

static void a_message_of_a_deferring_ring_to_itself(struct conform *c)
{
    conform_sqe(c, 1);
    message(c, 2, c->ring.fd, 7, 100);
    conform_submit(c);
    conform_say(c, "shown: %u\n", io_uring_cq_ready(&c->ring.ring));
    conform_take(c, 3);
}

static void a_message_to_a_deferring_ring(struct conform *c)
{
    open_other(c, 4, DEFERRED);
    message(c, 1, other.fd, 7, 100);
    message(c, 2, other.fd, 8, 101);
    conform_submit(c);
    conform_take(c, 2);
    look_there(c);
    conform_value(c, "submit there", raw_ring_submit(&other));
    look_there(c);
    take_there(c);
    raw_ring_close(&other);
}

static void messages_that_find_no_room(struct conform *c)
{
    open_other(c, 1, 0);
    for (uint64_t i = 1; i <= 4; i++)
        message(c, i, other.fd, (unsigned)i, 100 + i);
    conform_submit(c);
    conform_take(c, 4);
    conform_say(c, "flags there: %u, overflow: %u\n", *other.ring.sq.kflags, *other.ring.cq.koverflow);
    look_there(c);
    take_there(c);
    take_there(c);
    raw_ring_close(&other);
}

static void what_is_no_ring_gets_no_message(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    message(c, 1, ends[0], 7, 100);
    message(c, 2, 12345, 7, 100);
    message(c, 3, -1, 7, 100);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void a_disabled_ring_gets_no_message(struct conform *c)
{
    open_other(c, 4, IORING_SETUP_R_DISABLED);
    message(c, 1, other.fd, 7, 100);
    conform_submit(c);
    conform_take(c, 1);
    raw_ring_close(&other);
}

static void a_polled_ring_gets_a_message(struct conform *c)
{
    open_other(c, 4, IORING_SETUP_IOPOLL);
    message(c, 1, other.fd, 7, 100);
    conform_submit(c);
    conform_take(c, 1);
    take_there(c);
    raw_ring_close(&other);
}

static void a_ring_of_large_entries_gets_a_message(struct conform *c)
{
    open_other(c, 4, IORING_SETUP_CQE32);
    message(c, 1, other.fd, 7, 100);
    message(c, 2, other.fd, 8, 101);
    conform_submit(c);
    conform_take(c, 2);
    take_there(c);
    raw_ring_close(&other);
}

static void entries_of_messages_are_checked(struct conform *c)
{
    for (unsigned i = 0; i < 9; i++) {
        struct io_uring_sqe *sqe = message(c, i, c->ring.fd, 7, 100);
        sqe->buf_index = i == 0;
        sqe->personality = i == 1;
        sqe->msg_ring_flags = i == 2 ? 1u << 31 : i == 3 ? IORING_MSG_RING_CQE_SKIP : 0;
        sqe->addr3 = i == 4;
        sqe->file_index = i == 5;
        sqe->addr = i == 6 ? 2 : 0;
        sqe->ioprio = i == 7;
        sqe->__pad2[0] = i == 8;
        conform_submit(c);
        conform_take_now(c);
    }
}

static void a_failed_message_breaks_its_chain(struct conform *c)
{
    message(c, 1, c->ring.fd, UINT32_MAX, 100)->flags = IOSQE_IO_LINK;
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 3);
    message(c, 3, 12345, 0, 100)->flags = IOSQE_IO_LINK;
    conform_sqe(c, 4);
    conform_submit(c);
    conform_take(c, 2);
}

static void a_silent_message_is_heard(struct conform *c)
{
    message(c, 1, c->ring.fd, 7, 100)->flags = IOSQE_CQE_SKIP_SUCCESS;
    conform_submit(c);
    conform_take_now(c);
}

static void an_asynchronous_message(struct conform *c)
{
    open_other(c, 4, 0);
    message(c, 1, other.fd, 7, 100)->flags = IOSQE_ASYNC;
    conform_submit(c);
    conform_take(c, 1);
    take_there(c);
    raw_ring_close(&other);
}

static void a_timeout_there_counts_messages(struct conform *c)
{
    struct __kernel_timespec timeout = CONFORM_LONG;
    open_other(c, 4, 0);
    io_uring_prep_timeout(raw_ring_sqe(&other, 50), &timeout, 2, 0);
    ((struct io_uring_sqe *)&other.ring.sq.sqes[0])->user_data = 50;
    conform_value(c, "submit there", raw_ring_submit(&other));
    message(c, 1, other.fd, 7, 100);
    conform_submit(c);
    conform_take(c, 1);
    take_there(c);
    message(c, 2, other.fd, 7, 101);
    conform_submit(c);
    conform_take(c, 1);
    take_there(c);
    raw_ring_close(&other);
}

static void a_message_to_a_closed_ring(struct conform *c)
{
    open_other(c, 4, 0);
    int fd = other.fd;
    raw_ring_close(&other);
    message(c, 1, fd, 7, 100);
    conform_submit(c);
    conform_take(c, 1);
}

static void a_restless_target_is_drained(struct conform *c)
{
    open_other(c, 4, DEFERRED);
    message(c, 1, other.fd, 7, 100);
    conform_submit(c);
    conform_take(c, 1);
    raw_ring_sqe(&other, 5)->flags = IOSQE_IO_DRAIN;
    conform_value(c, "submit there", raw_ring_submit(&other));
    conform_value(c, "wait there", raw_ring_wait(&other, 2, UINT64_C(10000000000)));
    look_there(c);
    raw_ring_close(&other);
}

/* ---- IORING_MSG_SEND_FD ---- */

static int register_files_of(struct raw_ring *ring, const int *fds, unsigned count)
{
    return ring->backend.vtable->register_(ring->backend.self, ring->fd, IORING_REGISTER_FILES,
                                           (void *)(uintptr_t)fds, count);
}

/* From slot `from` into slot `to`, both counted from 0; `to` of UINT32_MAX - 1 is any. */
static struct io_uring_sqe *send_fd(struct conform *c, uint64_t user_data, unsigned from, unsigned to,
                                    uint64_t data)
{
    struct io_uring_sqe *sqe = message(c, user_data, other.fd, 0, data);
    sqe->addr = IORING_MSG_SEND_FD;
    sqe->addr3 = from;
    sqe->file_index = to + 1;
    return sqe;
}

static void read_there(struct conform *c, unsigned slot)
{
    static char bytes[4];
    memset(bytes, 0, sizeof bytes);
    struct io_uring_sqe *sqe = raw_ring_sqe(&other, 60);
    io_uring_prep_read(sqe, (int)slot, bytes, 3, 0);
    sqe->flags = IOSQE_FIXED_FILE;
    sqe->user_data = 60;
    raw_ring_submit(&other);
    raw_ring_wait(&other, 1, UINT64_C(10000000000));
    look_there(c);
    conform_data(c, bytes, 3);
}

static void a_file_goes_from_table_to_table(struct conform *c)
{
    int fd = conform_file(c, "abc");
    int here[2] = {-1, fd};
    int there[4] = {-1, -1, -1, -1};
    open_other(c, 4, 0);
    conform_value(c, "register", register_files_of(&c->ring, here, 2));
    conform_value(c, "register there", register_files_of(&other, there, 4));
    conform_close(c, fd);
    send_fd(c, 1, 1, 2, 100);
    conform_submit(c);
    conform_take(c, 1);
    take_there(c);
    read_there(c, 2);
    send_fd(c, 2, 1, IORING_FILE_INDEX_ALLOC - 1, 101);
    send_fd(c, 3, 1, IORING_FILE_INDEX_ALLOC - 1, 102);
    conform_submit(c);
    conform_take(c, 2);
    take_there(c);
    read_there(c, 0);
    raw_ring_close(&other);
}

static void a_file_is_sent_in_silence(struct conform *c)
{
    int here = conform_file(c, "abc");
    int there[2] = {-1, -1};
    open_other(c, 4, 0);
    register_files_of(&c->ring, &here, 1);
    register_files_of(&other, there, 2);
    send_fd(c, 1, 0, 1, 100)->msg_ring_flags = IORING_MSG_RING_CQE_SKIP;
    conform_submit(c);
    conform_take(c, 1);
    take_there(c);
    read_there(c, 1);
    conform_close(c, here);
    raw_ring_close(&other);
}

static void files_that_cannot_be_sent(struct conform *c)
{
    int here[2] = {conform_file(c, "abc"), -1};
    int there[2] = {-1, -1};
    open_other(c, 4, 0);
    send_fd(c, 1, 0, 0, 100);
    conform_submit(c);
    conform_take(c, 1);
    register_files_of(&c->ring, here, 2);
    send_fd(c, 2, 0, 0, 100);
    send_fd(c, 3, 0, IORING_FILE_INDEX_ALLOC - 1, 100);
    conform_submit(c);
    conform_take(c, 2);
    register_files_of(&other, there, 2);
    send_fd(c, 4, 1, 0, 100);
    send_fd(c, 5, 2, 0, 100);
    send_fd(c, 6, 0, 2, 100);
    send_fd(c, 7, 0, UINT32_MAX, 100);
    send_fd(c, 8, 0, 0, 100)->len = 1;
    conform_submit(c);
    conform_take(c, 5);
    send_fd(c, 9, 0, 0, 100)->fd = c->ring.fd;
    send_fd(c, 10, 0, 0, 100)->fd = here[0];
    conform_submit(c);
    conform_take(c, 2);
    take_there(c);
    conform_close(c, here[0]);
    raw_ring_close(&other);
}

static void a_full_table_takes_no_file(struct conform *c)
{
    int here = conform_file(c, "abc");
    open_other(c, 4, 0);
    register_files_of(&c->ring, &here, 1);
    register_files_of(&other, &here, 1);
    send_fd(c, 1, 0, IORING_FILE_INDEX_ALLOC - 1, 100);
    send_fd(c, 2, 0, 0, 101);
    conform_submit(c);
    conform_take(c, 2);
    take_there(c);
    conform_close(c, here);
    raw_ring_close(&other);
}

static void a_file_for_a_deferring_ring(struct conform *c)
{
    int here = conform_file(c, "abc");
    int there[2] = {-1, -1};
    open_other(c, 4, DEFERRED);
    register_files_of(&c->ring, &here, 1);
    register_files_of(&other, there, 2);
    send_fd(c, 1, 0, 1, 100);
    conform_sqe(c, 2);
    conform_submit(c);
    look_there(c);
    conform_take(c, 2);
    read_there(c, 1);
    conform_close(c, here);
    raw_ring_close(&other);
}

static void a_disabled_ring_takes_no_file(struct conform *c)
{
    int here = conform_file(c, "abc");
    int there[2] = {-1, -1};
    open_other(c, 4, IORING_SETUP_R_DISABLED);
    register_files_of(&c->ring, &here, 1);
    conform_value(c, "register there", register_files_of(&other, there, 2));
    send_fd(c, 1, 0, 1, 100);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, here);
    raw_ring_close(&other);
}

static const struct conform_case cases[] = {
    {.name = "a message to another ring",
     .run = a_message_to_another_ring,
     .expected = "submit: 3\nthere 100: 7\nthere 18446744073709551615: EPERM\nthere 0: 0\n1: 0\n2: 0\n"
                 "3: 0\n"},
    {.name = "a message to the ring itself",
     .run = a_message_to_the_ring_itself,
     .expected = "submit: 2\n100: 7\n101: 8\n1: 0\n2: 0\n"},
    {.name = "a message among others",
     .run = a_message_among_others,
     .expected = "submit: 3\n100: 7\n1: 0\n2: 0\n3: 0\n"},
    {.name = "a message of a deferring ring to itself",
     .run = a_message_of_a_deferring_ring_to_itself,
     .expected = "submit: 2\nshown: 2\n1: 0\n2: 0\n100: 7\n",
     .setup_flags = DEFERRED},
    {.name = "a message to a deferring ring",
     .run = a_message_to_a_deferring_ring,
     .expected = "submit: 2\n1: 0\n2: 0\nnothing there\nsubmit there: 0\nnothing there\nthere 100: 7\n"
                 "there 101: 8\n"},
    {.name = "messages that find no room",
     .run = messages_that_find_no_room,
     .expected = "submit: 4\n1: 0\n2: 0\n3: 0\n4: 0\nflags there: 2, overflow: 0\nthere 101: 1\n"
                 "there 102: 2\nthere 103: 3\nthere 104: 4\nnothing there\n"},
    {.name = "what is no ring gets no message",
     .run = what_is_no_ring_gets_no_message,
     .expected = "submit: 3\n1: EBADFD\n2: EBADF\n3: EBADF\n"},
    {.name = "a disabled ring gets no message",
     .run = a_disabled_ring_gets_no_message,
     .expected = "submit: 1\n1: EBADFD\n"},
    {.name = "a polled ring gets a message",
     .run = a_polled_ring_gets_a_message,
     .expected = "submit: 1\n1: 0\nthere 100: 7\n"},
    {.name = "a ring of large entries gets a message",
     .run = a_ring_of_large_entries_gets_a_message,
     .expected = "submit: 2\n1: 0\n2: 0\nthere 100: 7\nthere 101: 8\n"},
    {.name = "entries of messages are checked",
     .run = entries_of_messages_are_checked,
     .expected = "submit: 1\n0: EINVAL\nsubmit: 1\n1: EINVAL\nsubmit: 1\n2: EINVAL\nsubmit: 1\n"
                 "3: EINVAL\nsubmit: 1\n4: EINVAL\nsubmit: 1\n5: EINVAL\nsubmit: 1\n6: EINVAL\n"
                 "submit: 1\n7: EINVAL\nsubmit: 1\n100: 7\n8: 0\n"},
    {.name = "a failed message breaks its chain",
     .run = a_failed_message_breaks_its_chain,
     .expected = "submit: 2\n100: EPERM\n1: 0\n2: 0\nsubmit: 2\n3: EBADF\n4: ECANCELED\n"},
    {.name = "a silent message is heard",
     .run = a_silent_message_is_heard,
     .expected = "submit: 1\n100: 7\n"},
    {.name = "an asynchronous message",
     .run = an_asynchronous_message,
     .expected = "submit: 1\n1: 0\nthere 100: 7\n"},
    {.name = "a timeout there counts messages",
     .run = a_timeout_there_counts_messages,
     .expected = "submit there: 1\nsubmit: 1\n1: 0\nthere 100: 7\nsubmit: 1\n2: 0\nthere 101: 7\n"
                 "there 50: 0\n"},
    {.name = "a message to a closed ring",
     .run = a_message_to_a_closed_ring,
     .expected = "submit: 1\n1: EBADF\n"},
    {.name = "a restless target is drained",
     .run = a_restless_target_is_drained,
     .expected = "submit: 1\n1: 0\nsubmit there: 1\nwait there: 0\nthere 100: 7\nthere 5: 0\n"},
    {.name = "a file goes from table to table",
     .run = a_file_goes_from_table_to_table,
     .expected = "register: 0\nregister there: 0\nsubmit: 1\n1: 0\nthere 100: 0\nthere 60: 3\ndata: abc\n"
                 "submit: 2\n2: 3\n3: 0\nthere 101: 3\nthere 102: 0\nthere 60: 3\ndata: abc\n"},
    {.name = "a file is sent in silence",
     .run = a_file_is_sent_in_silence,
     .expected = "submit: 1\n1: 0\nnothing there\nthere 60: 3\ndata: abc\n"},
    {.name = "files that can't be sent",
     .run = files_that_cannot_be_sent,
     .expected = "submit: 1\n1: EBADF\nsubmit: 2\n2: ENXIO\n3: ENFILE\nsubmit: 5\n4: EBADF\n5: EBADF\n"
                 "6: EINVAL\n7: EINVAL\n8: EINVAL\nsubmit: 2\n9: EINVAL\n10: EBADFD\nnothing there\n"},
    {.name = "a full table takes no file",
     .run = a_full_table_takes_no_file,
     .expected = "submit: 2\n1: ENFILE\n2: 0\nthere 101: 0\n"},
    {.name = "a file for a deferring ring",
     .run = a_file_for_a_deferring_ring,
     .expected = "submit: 2\nthere 100: 0\n2: 0\n1: 0\nthere 60: 3\ndata: abc\n"},
    {.name = "a disabled ring takes no file",
     .run = a_disabled_ring_takes_no_file,
     .expected = "register there: 0\nsubmit: 1\n1: EBADFD\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void ring_messages_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void ring_messages_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void ring_messages_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(ring_messages_on_io_uring),
    cmocka_unit_test(ring_messages_on_the_engine),
    cmocka_unit_test(ring_messages_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
