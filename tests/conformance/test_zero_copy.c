/*
 * Sends that lend their bytes until a notification: the same on every kernel.
 */
#include <string.h>

#include "support/conform.h"
#include "support/main.h"

/* liburing 2.3 does not know it. */
#ifndef IORING_SEND_ZC_REPORT_USAGE
#define IORING_SEND_ZC_REPORT_USAGE (1u << 3)
#endif

static char bytes[16] = "abcdefghijklmno";

static struct io_uring_sqe *sender(struct conform *c, uint64_t user_data, int fd, size_t size, unsigned flags)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_send_zc(sqe, fd, bytes, size, 0, flags);
    return sqe;
}

static void say_received(struct conform *c, int fd)
{
    char into[32];
    int rc = c->objects->read(c->self, fd, into, sizeof into);
    conform_data(c, into, rc > 0 ? (size_t)rc : 0);
}

static void a_notification_follows(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    sender(c, 1, ends[0], 5, 0);
    conform_submit(c);
    conform_take(c, 2);
    say_received(c, ends[1]);
    conform_take_now(c);
    conform_close_both(c, ends);
}

static void it_follows_the_others(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    conform_sqe(c, 1);
    sender(c, 2, ends[0], 5, 0);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take(c, 4);
    conform_close_both(c, ends);
}

static void how_it_was_sent_is_reported(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    sender(c, 1, ends[0], 5, IORING_SEND_ZC_REPORT_USAGE);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void what_can_not_be_sent_so(struct conform *c)
{
    int one[2];
    int two[2];
    conform_socketpair(c, one);
    conform_pipe(c, two);
    sender(c, 1, one[0], 5, 0);
    conform_submit(c);
    conform_take(c, 2);
    sender(c, 2, two[0], 5, 0);
    conform_submit(c);
    conform_take(c, 2);
    sender(c, 3, -1, 5, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_take_now(c);
    conform_close_both(c, one);
    conform_close_both(c, two);
}

static void errors_notify_too(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    sender(c, 1, -1, 5, IORING_SEND_ZC_REPORT_USAGE);
    conform_submit(c);
    conform_take(c, 2);
    struct io_uring_sqe *sqe = sender(c, 2, ends[0], 5, 0);
    sqe->addr = 16;
    conform_submit(c);
    conform_take(c, 2);
    io_uring_prep_shutdown(conform_sqe(c, 3), ends[0], SHUT_WR);
    conform_submit(c);
    conform_take(c, 1);
    sender(c, 4, ends[0], 5, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_take_now(c);
    conform_close_both(c, ends);
}

static void what_is_refused(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    for (unsigned i = 0; i < 8; i++) {
        struct io_uring_sqe *sqe = sender(c, i + 1, ends[0], 5, 0);
        switch (i) {
        case 0: sqe->ioprio = 16; break;
        case 1: sqe->flags = IOSQE_CQE_SKIP_SUCCESS; break;
        case 2: sqe->ioprio = IORING_RECV_MULTISHOT; break;
        case 3: sqe->addr3 = 1; break;
        case 4: sqe->__pad2[0] = 1; break;
        case 5: sqe->__pad3[0] = 1; break;
        case 6: sqe->flags = IOSQE_BUFFER_SELECT; break;
        case 7: sqe->addr2 = 16, sqe->addr_len = 16; break;
        default: break;
        }
        conform_submit(c);
        conform_take(c, 1);
        conform_take_now(c);
    }
    conform_close_both(c, ends);
}

static void an_index_without_buffers(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    sender(c, 1, ends[0], 5, IORING_RECVSEND_FIXED_BUF)->buf_index = 3;
    conform_submit(c);
    conform_take(c, 1);
    conform_take_now(c);
    sender(c, 2, ends[0], 5, 0)->buf_index = 3;
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_chain_does_not_wait_for_it(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    sender(c, 1, ends[0], 5, 0)->flags = IOSQE_IO_LINK;
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void a_failed_one_breaks_a_chain(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    sender(c, 1, ends[0], 5, 0)->flags = IOSQE_IO_LINK;
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void one_refused_in_a_chain(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    sqe->flags = IOSQE_IO_LINK;
    sender(c, 2, ends[0], 5, 0)->ioprio = 16;
    conform_submit(c);
    conform_take(c, 2);
    conform_take_now(c);
    sqe = conform_sqe(c, 3);
    sqe->flags = IOSQE_IO_LINK;
    sqe->opcode = IORING_OP_READ;
    sqe->fd = -1;
    sender(c, 4, ends[0], 5, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_take_now(c);
    conform_close_both(c, ends);
}

static void a_drain_waits_for_it(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    sender(c, 1, ends[0], 5, 0);
    struct io_uring_sqe *sqe = conform_sqe(c, 2);
    sqe->flags = IOSQE_IO_DRAIN;
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void messages_are_sent_so(struct conform *c)
{
    int ends[2];
    struct iovec vector[2] = {{bytes, 3}, {bytes + 5, 2}};
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = 2};
    conform_connection(c, ends);
    io_uring_prep_sendmsg_zc(conform_sqe(c, 1), ends[0], &message, 0);
    conform_submit(c);
    conform_take(c, 2);
    say_received(c, ends[1]);
    conform_close_both(c, ends);
}

static void what_a_message_refuses(struct conform *c)
{
    int ends[2];
    struct iovec vector = {bytes, 3};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    conform_connection(c, ends);
    for (unsigned i = 0; i < 7; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, i + 1);
        io_uring_prep_sendmsg_zc(sqe, ends[0], i == 6 ? (struct msghdr *)16 : &message, 0);
        switch (i) {
        case 0: sqe->ioprio = 16; break;
        case 1: sqe->addr2 = 1; break;
        case 2: sqe->file_index = 1; break;
        case 3: sqe->ioprio = IORING_RECVSEND_POLL_FIRST; break;
        case 4: message.msg_iovlen = 2000; break;
        case 5: message.msg_iovlen = 0; break;
        default: break;
        }
        conform_submit(c);
        conform_take(c, 1);
        conform_take_now(c);
    }
    conform_close_both(c, ends);
}

static void nothing_is_sent_so(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    sender(c, 1, ends[0], 0, 0);
    conform_submit(c);
    conform_take(c, 2);
    sender(c, 2, ends[0], 0, IORING_SEND_ZC_REPORT_USAGE);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void it_waits_first(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    sender(c, 1, ends[0], 5, IORING_RECVSEND_POLL_FIRST);
    conform_submit(c);
    conform_take(c, 2);
    say_received(c, ends[1]);
    conform_close_both(c, ends);
}

static void deferred_work_brings_it(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    sender(c, 1, ends[0], 5, 0);
    conform_sqe(c, 2);
    conform_submit(c);
    struct io_uring_cqe cqe;
    while (raw_ring_take(&c->ring, &cqe))
        conform_say(c, "at once %llu: %d flags %u\n", (unsigned long long)cqe.user_data, cqe.res, cqe.flags);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void both_flags_are_of_one_request(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    sender(c, 1, ends[0], 5, 0);
    sender(c, 2, ends[0], 4, 0);
    sender(c, 3, ends[0], 3, 0);
    conform_submit(c);
    conform_take(c, 6);
    say_received(c, ends[1]);
    conform_close_both(c, ends);
}

static const struct conform_case cases[] = {
    {.name = "a notification follows",
     .run = a_notification_follows,
     .expected = "submit: 1\n1: 5 flags 2\n1: 0 flags 8\ndata: abcde\nnothing\n"},
    {.name = "it follows the others",
     .run = it_follows_the_others,
     .expected = "submit: 3\n1: 0\n2: 5 flags 2\n3: 0\n2: 0 flags 8\n"},
    {.name = "how it was sent is reported",
     .run = how_it_was_sent_is_reported,
     .expected = "submit: 1\n1: 5 flags 2\n1: -2147483648 flags 8\n"},
    {.name = "what can not be sent so",
     .run = what_can_not_be_sent_so,
     .expected = "submit: 1\n1: EOPNOTSUPP flags 2\n1: 0 flags 8\nsubmit: 1\n2: ENOTSOCK flags 2\n"
                 "2: 0 flags 8\nsubmit: 1\n3: EBADF flags 2\n3: 0 flags 8\nnothing\n"},
    {.name = "errors notify too",
     .run = errors_notify_too,
     .expected = "submit: 1\n1: EBADF flags 2\n1: -2147483648 flags 8\nsubmit: 1\n2: EFAULT flags 2\n"
                 "2: 0 flags 8\nsubmit: 1\n3: 0\nsubmit: 1\n4: EPIPE flags 2\n4: 0 flags 8\nnothing\n"},
    {.name = "what is refused",
     .run = what_is_refused,
     .expected = "submit: 1\n1: EINVAL flags 2\n1: 0 flags 8\nsubmit: 1\n2: EINVAL\nnothing\nsubmit: 1\n"
                 "3: EINVAL flags 2\n3: 0 flags 8\nsubmit: 1\n4: EINVAL\nnothing\nsubmit: 1\n5: EINVAL\n"
                 "nothing\nsubmit: 1\n6: EINVAL flags 2\n6: 0 flags 8\nsubmit: 1\n7: EOPNOTSUPP\nnothing\n"
                 "submit: 1\n8: EFAULT flags 2\n8: 0 flags 8\n"},
    {.name = "an index without buffers",
     .run = an_index_without_buffers,
     .expected = "submit: 1\n1: EFAULT flags 2\n1: 0 flags 8\nsubmit: 1\n2: 5 flags 2\n2: 0 flags 8\n"},
    {.name = "a chain does not wait for it",
     .run = a_chain_does_not_wait_for_it,
     .expected = "submit: 2\n1: 5 flags 2\n1: 0 flags 8\n2: 0\n"},
    {.name = "a failed one breaks a chain",
     .run = a_failed_one_breaks_a_chain,
     .expected = "submit: 2\n1: EOPNOTSUPP flags 2\n2: ECANCELED\n1: 0 flags 8\n"},
    {.name = "one refused in a chain",
     .run = one_refused_in_a_chain,
     .expected = "submit: 2\n1: ECANCELED\n2: EINVAL\n2: 0 flags 8\nsubmit: 2\n3: EBADF\n4: ECANCELED\n"
                 "4: 0 flags 8\n"},
    {.name = "a drain waits for it",
     .run = a_drain_waits_for_it,
     .expected = "submit: 2\n1: 5 flags 2\n1: 0 flags 8\n2: 0\n"},
    {.name = "messages are sent so",
     .run = messages_are_sent_so,
     .expected = "submit: 1\n1: 5 flags 2\n1: 0 flags 8\ndata: abcfg\n"},
    {.name = "what a message refuses",
     .run = what_a_message_refuses,
     .expected = "submit: 1\n1: EINVAL flags 2\n1: 0 flags 8\nsubmit: 1\n2: EINVAL flags 2\n2: 0 flags 8\n"
                 "submit: 1\n3: EINVAL flags 2\n3: 0 flags 8\nsubmit: 1\n4: 3 flags 2\n4: 0 flags 8\n"
                 "submit: 1\n5: EMSGSIZE flags 2\n5: 0 flags 8\nsubmit: 1\n6: 0 flags 2\n6: 0 flags 8\n"
                 "submit: 1\n7: EFAULT flags 2\n7: 0 flags 8\n"},
    {.name = "nothing is sent so",
     .run = nothing_is_sent_so,
     .expected = "submit: 1\n1: 0 flags 2\n1: 0 flags 8\nsubmit: 1\n2: 0 flags 2\n2: -2147483648 flags 8\n"},
    {.name = "it waits first",
     .run = it_waits_first,
     .expected = "submit: 1\n1: 5 flags 2\n1: 0 flags 8\ndata: abcde\n"},
    {.name = "deferred work brings it",
     .run = deferred_work_brings_it,
     .expected = "submit: 2\nat once 1: 5 flags 2\nat once 2: 0 flags 0\n1: 0 flags 8\n",
     .setup_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN},
    {.name = "both flags are of one request",
     .run = both_flags_are_of_one_request,
     .expected = "submit: 3\n1: 5 flags 2\n2: 4 flags 2\n3: 3 flags 2\n1: 0 flags 8\n2: 0 flags 8\n"
                 "3: 0 flags 8\ndata: abcdeabcdabc\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void zero_copy_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void zero_copy_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void zero_copy_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(zero_copy_on_io_uring),
    cmocka_unit_test(zero_copy_on_the_engine),
    cmocka_unit_test(zero_copy_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
