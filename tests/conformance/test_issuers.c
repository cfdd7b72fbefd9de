/*
 * Who may do what with a ring: its own thread and another. The simulated kernel belongs to one thread: what the true one
 * leaves to any is refused there.
 */
#include <pthread.h>
#include <string.h>

#include "support/conform.h"
#include "support/main.h"

#define SINGLE IORING_SETUP_SINGLE_ISSUER
#define DEFERRED (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
#define DISABLED IORING_SETUP_R_DISABLED

static int enter(struct conform *c, unsigned to_submit, unsigned flags)
{
    const struct sr_backend *backend = &c->ring.backend;
    return backend->vtable->enter(backend->self, c->ring.fd, to_submit, 0, flags, NULL, 0);
}

static int registers(struct conform *c, unsigned opcode, void *arg, unsigned count)
{
    const struct sr_backend *backend = &c->ring.backend;
    return backend->vtable->register_(backend->self, c->ring.fd, opcode, arg, count);
}

/* Another thread tries everything; assertions don't reach cmocka from there. */
static void *try_all(void *argument)
{
    struct conform *c = argument;
    struct io_uring_sync_cancel_reg reg = {.addr = 1, .fd = -1, .timeout = {.tv_sec = -1, .tv_nsec = -1}};
    conform_value(c, "another submits", enter(c, 1, 0));
    conform_value(c, "another enters", enter(c, 0, 0));
    conform_value(c, "another looks", enter(c, 0, IORING_ENTER_GETEVENTS));
    conform_value(c, "another probes badly", registers(c, IORING_REGISTER_PROBE, NULL, 0));
    conform_value(c, "another cancels", registers(c, IORING_REGISTER_SYNC_CANCEL, &reg, 1));
    conform_value(c, "another enables", registers(c, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
    return NULL;
}

static void two_threads_try(struct conform *c)
{
    pthread_t thread;
    struct io_uring_sq *sq = &c->ring.ring.sq;
    memset(sq->sqes, 0, sizeof *sq->sqes);
    sq->array[0] = 0;
    io_uring_smp_store_release(sq->ktail, 1);
    assert_int_equal(pthread_create(&thread, NULL, try_all, c), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    conform_value(c, "its own submits", enter(c, 1, 0));
    conform_value(c, "its own looks", enter(c, 0, IORING_ENTER_GETEVENTS));
    conform_value(c, "its own enables", registers(c, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
}

static const struct conform_case cases[] = {
    {.name = "any thread, of a plain ring",
     .run = two_threads_try,
     .expected = "another submits: 1\nanother enters: 0\nanother looks: 0\nanother probes badly: EINVAL\n"
                 "another cancels: ENOENT\nanother enables: EBADFD\nits own submits: 0\n"
                 "its own looks: 0\nits own enables: EBADFD\n"},
    {.name = "any thread, of one that is disabled",
     .run = two_threads_try,
     .expected = "another submits: EBADFD\nanother enters: EBADFD\nanother looks: EBADFD\n"
                 "another probes badly: EINVAL\nanother cancels: ENOENT\nanother enables: 0\n"
                 "its own submits: 1\nits own looks: 0\nits own enables: EBADFD\n",
     .setup_flags = DISABLED},
    {.name = "one thread",
     .run = two_threads_try,
     .expected = "another submits: EEXIST\nanother enters: 0\nanother looks: 0\n"
                 "another probes badly: EEXIST\nanother cancels: EEXIST\nanother enables: EEXIST\n"
                 "its own submits: 1\nits own looks: 0\nits own enables: EBADFD\n",
     .setup_flags = SINGLE},
    {.name = "one thread, which enables it",
     .run = two_threads_try,
     .expected = "another submits: EBADFD\nanother enters: EBADFD\nanother looks: EBADFD\n"
                 "another probes badly: EINVAL\nanother cancels: ENOENT\nanother enables: 0\n"
                 "its own submits: EEXIST\nits own looks: 0\nits own enables: EEXIST\n",
     .setup_flags = SINGLE | DISABLED},
    {.name = "one thread, deferring",
     .run = two_threads_try,
     .expected = "another submits: EEXIST\nanother enters: 0\nanother looks: EEXIST\n"
                 "another probes badly: EEXIST\nanother cancels: EEXIST\nanother enables: EEXIST\n"
                 "its own submits: 1\nits own looks: 0\nits own enables: EBADFD\n",
     .setup_flags = DEFERRED},
    {.name = "one thread, deferring, which enables it",
     .run = two_threads_try,
     .expected = "another submits: EBADFD\nanother enters: EBADFD\nanother looks: EBADFD\n"
                 "another probes badly: EINVAL\nanother cancels: ENOENT\nanother enables: 0\n"
                 "its own submits: EEXIST\nits own looks: EEXIST\nits own enables: EEXIST\n",
     .setup_flags = DEFERRED | DISABLED},
    {.name = "one thread, beside one that polls",
     .run = two_threads_try,
     .expected = "another submits: 1\nanother enters: 0\nanother looks: 0\nanother probes badly: EEXIST\n"
                 "another cancels: EEXIST\nanother enables: EEXIST\nits own submits: 1\n"
                 "its own looks: 0\nits own enables: EBADFD\n",
     .setup_flags = SINGLE | IORING_SETUP_SQPOLL},
};

#define REFUSED_TO_OTHERS                                                      \
    "another submits: EEXIST\nanother enters: EEXIST\nanother looks: EEXIST\n" \
    "another probes badly: EEXIST\nanother cancels: EEXIST\nanother enables: EEXIST\n"
#define OPEN REFUSED_TO_OTHERS "its own submits: 1\nits own looks: 0\nits own enables: EBADFD\n"
#define CLOSED REFUSED_TO_OTHERS "its own submits: EBADFD\nits own looks: EBADFD\nits own enables: 0\n"

static const char *const expected_of_sim[] = {OPEN, CLOSED, OPEN, CLOSED, OPEN, CLOSED, OPEN};

/* The true kernel answers as it did when the expectations were written. */
static void issuers_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void issuers_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* The simulated kernel refuses another thread whatever the ring says. */
static void issuers_on_the_simulated_kernel(void **state)
{
    enum {
        COUNT = sizeof cases / sizeof cases[0]
    };
    struct conform_case of_sim[COUNT];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        of_sim[i] = cases[i];
        of_sim[i].expected = expected_of_sim[i];
    }
    conform_run(&conform_sim, of_sim, COUNT);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(issuers_on_io_uring),
    cmocka_unit_test(issuers_on_the_engine),
    cmocka_unit_test(issuers_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
