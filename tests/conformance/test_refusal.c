/*
 * What is refused, when and how: bad descriptors, bad pointers, bad entries, and what becomes of the rest of a batch.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "support/conform.h"
#include "support/main.h"

#define NOWHERE ((void *)(uintptr_t)16)

static void left(struct conform *c)
{
    conform_value(c, "left in the SQ", io_uring_sq_ready(&c->ring.ring));
}

static void a_bad_descriptor_is_told_at_issue(struct conform *c)
{
    char byte;
    conform_sqe(c, 1);
    io_uring_prep_read(conform_sqe(c, 2), 12345, &byte, 1, 0);
    io_uring_prep_read(conform_sqe(c, 3), -1, &byte, 1, 0);
    conform_sqe(c, 4);
    conform_submit(c);
    left(c);
    conform_take(c, 4);
}

static void an_unknown_opcode_stops_the_batch(struct conform *c)
{
    conform_sqe(c, 1);
    conform_sqe(c, 2)->opcode = 250;
    conform_sqe(c, 3);
    conform_submit(c);
    left(c);
    conform_take(c, 2);
    conform_submit(c);
    conform_take(c, 1);
}

static void a_bad_flag_stops_the_batch(struct conform *c)
{
    conform_sqe(c, 1);
    conform_sqe(c, 2)->flags = 0x80;
    conform_sqe(c, 3);
    conform_submit(c);
    left(c);
    conform_take(c, 2);
    conform_submit(c);
    conform_take(c, 1);
}

static void submit_all_goes_on(struct conform *c)
{
    conform_sqe(c, 1);
    conform_sqe(c, 2)->opcode = 250;
    conform_sqe(c, 3);
    conform_submit(c);
    left(c);
    conform_take(c, 3);
}

static void bad_memory_is_told(struct conform *c)
{
    int ends[2];
    int fd = conform_file(c, "abc");
    conform_pipe(c, ends);
    conform_write(c, ends[1], "x");
    io_uring_prep_read(conform_sqe(c, 1), fd, NOWHERE, 1, 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_read(conform_sqe(c, 2), ends[0], NOWHERE, 1, 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_write(conform_sqe(c, 3), ends[1], NOWHERE, 1, 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_read(conform_sqe(c, 4), fd, NULL, 1, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, fd);
    conform_close_both(c, ends);
}

static void bad_memory_of_messages_is_told(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    conform_write(c, ends[1], "x");
    io_uring_prep_recv(conform_sqe(c, 1), ends[0], NOWHERE, 1, 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_send(conform_sqe(c, 2), ends[0], NOWHERE, 1, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void bad_arguments_are_told(struct conform *c)
{
    int fd = conform_file(c, "abc");
    io_uring_prep_readv(conform_sqe(c, 1), fd, NOWHERE, 1, 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_openat(conform_sqe(c, 2), AT_FDCWD, NOWHERE, O_RDONLY, 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_timeout(conform_sqe(c, 3), NOWHERE, 0, 0);
    conform_submit(c);
    conform_take(c, 1);
    int client = c->objects->socket(c->self);
    io_uring_prep_connect(conform_sqe(c, 4), client, NOWHERE, 16);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, fd);
    conform_close(c, client);
}

static void too_many_segments_are_refused(struct conform *c)
{
    static struct iovec segments[1025];
    int fd = conform_file(c, "abc");
    io_uring_prep_readv(conform_sqe(c, 1), fd, segments, 1025, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, fd);
}

static void unused_fields_must_be_zero(struct conform *c)
{
    struct __kernel_timespec second = {.tv_sec = 1};
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_timeout(sqe, &second, 0, 0);
    sqe->len = 2;
    conform_submit(c);
    conform_take(c, 1);
    sqe = conform_sqe(c, 2);
    io_uring_prep_close(sqe, 12345);
    sqe->len = 1;
    conform_submit(c);
    conform_take(c, 1);
    sqe = conform_sqe(c, 3);
    io_uring_prep_accept(sqe, 12345, NULL, NULL, 0);
    sqe->len = 1;
    conform_submit(c);
    conform_take(c, 1);
}

static void bad_flags_of_operations_are_refused(struct conform *c)
{
    struct __kernel_timespec second = {.tv_sec = 1};
    io_uring_prep_timeout(conform_sqe(c, 1), &second, 0, 1u << 20);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_cancel64(conform_sqe(c, 2), 5, 1 << 20);
    conform_submit(c);
    conform_take(c, 1);
    struct __kernel_timespec negative = {.tv_sec = -1, .tv_nsec = 0};
    io_uring_prep_timeout(conform_sqe(c, 3), &negative, 0, 0);
    conform_submit(c);
    conform_take(c, 1);
}

static int enter(struct conform *c, int fd, unsigned flags)
{
    return c->ring.backend.vtable->enter(c->ring.backend.self, fd, 0, 0, flags, NULL, 0);
}

static void enter_knows_its_rings_and_flags(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    conform_value(c, "nothing to do", enter(c, c->ring.fd, 0));
    conform_value(c, "no ring", enter(c, ends[0], 0));
    conform_value(c, "no descriptor", enter(c, 12345, 0));
    conform_value(c, "unknown flag", enter(c, c->ring.fd, 1u << 30));
    conform_close_both(c, ends);
}

static void close_spares_rings(struct conform *c)
{
    io_uring_prep_close(conform_sqe(c, 1), c->ring.fd);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_close(conform_sqe(c, 2), -1);
    conform_submit(c);
    conform_take(c, 1);
}

static void a_disabled_ring_takes_nothing(struct conform *c)
{
    conform_sqe(c, 1);
    conform_submit(c);
    left(c);
    conform_value(c, "enable",
                  c->ring.backend.vtable->register_(c->ring.backend.self, c->ring.fd,
                                                    IORING_REGISTER_ENABLE_RINGS, NULL, 0));
    conform_submit(c);
    conform_take(c, 1);
}

static void setup(struct conform *c, const char *what, unsigned entries, unsigned flags, unsigned cq_entries)
{
    const struct sr_backend *backend = &c->ring.backend;
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    params.flags = flags;
    params.cq_entries = cq_entries;
    int ring = backend->vtable->setup(backend->self, entries, &params);
    if (ring < 0) {
        conform_value(c, what, ring);
        return;
    }
    conform_say(c, "%s: %u SQEs, %u CQEs\n", what, params.sq_entries, params.cq_entries);
    backend->vtable->close(backend->self, ring);
}

static void setup_sizes_its_queues(struct conform *c)
{
    setup(c, "none", 0, 0, 0);
    setup(c, "one", 1, 0, 0);
    setup(c, "five", 5, 0, 0);
    setup(c, "too many", 100000, 0, 0);
    setup(c, "clamped", 100000, IORING_SETUP_CLAMP, 0);
    setup(c, "a CQ of 32", 4, IORING_SETUP_CQSIZE, 32);
    setup(c, "a CQ of 33", 4, IORING_SETUP_CQSIZE, 33);
    setup(c, "a CQ below the SQ", 8, IORING_SETUP_CQSIZE, 4);
    setup(c, "a CQ of none", 8, IORING_SETUP_CQSIZE, 0);
    setup(c, "deferred without an issuer", 8, IORING_SETUP_DEFER_TASKRUN, 0);
    setup(c, "an unknown flag", 8, 1u << 30, 0);
}

static const struct conform_case cases[] = {
    {.name = "a bad descriptor is told at issue",
     .run = a_bad_descriptor_is_told_at_issue,
     .expected = "submit: 4\nleft in the SQ: 0\n1: 0\n2: EBADF\n3: EBADF\n4: 0\n"},
    {.name = "an unknown opcode stops the batch",
     .run = an_unknown_opcode_stops_the_batch,
     .expected = "submit: 2\nleft in the SQ: 1\n1: 0\n2: EINVAL\nsubmit: 1\n3: 0\n"},
    {.name = "a bad flag stops the batch",
     .run = a_bad_flag_stops_the_batch,
     .expected = "submit: 2\nleft in the SQ: 1\n1: 0\n2: EINVAL\nsubmit: 1\n3: 0\n"},
    {.name = "SUBMIT_ALL goes on",
     .run = submit_all_goes_on,
     .expected = "submit: 3\nleft in the SQ: 0\n1: 0\n2: EINVAL\n3: 0\n",
     .setup_flags = IORING_SETUP_SUBMIT_ALL},
    {.name = "bad memory is told",
     .run = bad_memory_is_told,
     .expected = "written: 1\nsubmit: 1\n1: EFAULT\nsubmit: 1\n2: EFAULT\nsubmit: 1\n3: EFAULT\nsubmit: 1\n"
                 "4: EFAULT\n"},
    {.name = "bad memory of messages is told",
     .run = bad_memory_of_messages_is_told,
     .expected = "written: 1\nsubmit: 1\n1: EFAULT\nsubmit: 1\n2: EFAULT\n"},
    {.name = "bad arguments are told",
     .run = bad_arguments_are_told,
     .expected = "submit: 1\n1: EFAULT\nsubmit: 1\n2: EFAULT\nsubmit: 1\n3: EFAULT\nsubmit: 1\n"
                 "4: EFAULT\n"},
    {.name = "too many segments are refused",
     .run = too_many_segments_are_refused,
     .expected = "submit: 1\n1: EINVAL\n"},
    {.name = "unused fields must be zero",
     .run = unused_fields_must_be_zero,
     .expected = "submit: 1\n1: EINVAL\nsubmit: 1\n2: EINVAL\nsubmit: 1\n3: EINVAL\n"},
    {.name = "bad flags of operations are refused",
     .run = bad_flags_of_operations_are_refused,
     .expected = "submit: 1\n1: EINVAL\nsubmit: 1\n2: EINVAL\nsubmit: 1\n3: EINVAL\n"},
    {.name = "enter knows its rings and flags",
     .run = enter_knows_its_rings_and_flags,
     .expected = "nothing to do: 0\nno ring: EOPNOTSUPP\nno descriptor: EBADF\nunknown flag: EINVAL\n"},
    {.name = "close spares rings",
     .run = close_spares_rings,
     .expected = "submit: 1\n1: EBADF\nsubmit: 1\n2: EBADF\n"},
    {.name = "a disabled ring takes nothing",
     .run = a_disabled_ring_takes_nothing,
     .expected = "submit: EBADFD\nleft in the SQ: 1\nenable: 0\nsubmit: 1\n1: 0\n",
     .setup_flags = IORING_SETUP_R_DISABLED},
    {.name = "setup sizes its queues",
     .run = setup_sizes_its_queues,
     .expected = "none: EINVAL\none: 1 SQEs, 2 CQEs\nfive: 8 SQEs, 16 CQEs\ntoo many: EINVAL\n"
                 "clamped: 32768 SQEs, 65536 CQEs\na CQ of 32: 4 SQEs, 32 CQEs\n"
                 "a CQ of 33: 4 SQEs, 64 CQEs\na CQ below the SQ: EINVAL\na CQ of none: EINVAL\n"
                 "deferred without an issuer: EINVAL\nan unknown flag: EINVAL\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void refusals_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1, BACK-2). */
static void refusals_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void refusals_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(refusals_on_io_uring),
    cmocka_unit_test(refusals_on_the_engine),
    cmocka_unit_test(refusals_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
