/*
 * An older kernel: features, flags, operations and registrations hidden one by one, and the line for what is not simulated.
 */
#include "support/main.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "safer_ring/log.h"
#include "safer_ring/sim.h"
#include "support/raw_ring.h"

#define EVERY_FEATURE ((IORING_FEAT_LINKED_FILE << 1) - 1)

struct fixture {
    struct sr_sim *sim;
    struct sr_sim_options options;
    struct raw_ring ring;
};

/* A kind kernel; the test hides what it wants before kernel_open(). */
static struct fixture kernel(void)
{
    struct fixture made = {.options = sr_sim_options_default()};
    made.options.flags = SR_SIM_KIND;
    return made;
}

static int kernel_open(struct fixture *kernel, unsigned entries, unsigned flags)
{
    assert_int_equal(sr_sim_new(&kernel->sim, &kernel->options), 0);
    return raw_ring_open(&kernel->ring, sr_sim_backend(kernel->sim), entries, flags);
}

static void kernel_close(struct fixture *kernel)
{
    if (kernel->ring.sq != NULL)
        raw_ring_close(&kernel->ring);
    sr_sim_free(&kernel->sim);
}

static int result_of(struct fixture *kernel, uint8_t opcode, uint8_t flags)
{
    struct io_uring_cqe cqe = {0};
    struct io_uring_sqe *sqe = raw_ring_sqe(&kernel->ring, 1);
    assert_non_null(sqe);
    sqe->opcode = opcode;
    sqe->flags = flags;
    sqe->fd = -1;
    assert_int_equal(raw_ring_submit(&kernel->ring), 1);
    raw_ring_get_events(&kernel->ring);
    return raw_ring_take(&kernel->ring, &cqe) ? cqe.res : 0;
}

/* Each feature is told when it is not hidden, and is the only one that is not when it is. */
static void a_hidden_feature_is_not_told(void **state)
{
    (void)state;
    for (uint32_t bit = 1; bit <= IORING_FEAT_LINKED_FILE; bit <<= 1) {
        struct fixture one = kernel();
        one.options.hidden_features = bit;
        assert_int_equal(kernel_open(&one, 4, 0), 0);
        assert_int_equal(one.ring.params.features, EVERY_FEATURE & ~bit);
        kernel_close(&one);
    }
}

/* Without IORING_FEAT_EXT_ARG its flag is unknown, and a plain wait is not. */
static void without_ext_arg_its_flag_is_unknown(void **state)
{
    (void)state;
    struct fixture one = kernel();
    one.options.hidden_features = IORING_FEAT_EXT_ARG;
    assert_int_equal(kernel_open(&one, 4, 0), 0);

    assert_int_equal(raw_ring_wait(&one.ring, 1, 1000), -EINVAL);
    assert_int_equal(raw_ring_get_events(&one.ring), 0);
    kernel_close(&one);
}

/* Without IORING_FEAT_CQE_SKIP its flag is unknown. */
static void without_cqe_skip_its_flag_is_unknown(void **state)
{
    (void)state;
    struct fixture one = kernel();
    one.options.hidden_features = IORING_FEAT_CQE_SKIP;
    assert_int_equal(kernel_open(&one, 4, 0), 0);

    assert_int_equal(result_of(&one, IORING_OP_NOP, IOSQE_CQE_SKIP_SUCCESS), -EINVAL);
    assert_int_equal(result_of(&one, IORING_OP_NOP, 0), 0);
    kernel_close(&one);
}

/* Without IORING_FEAT_NODROP a CQE that finds no room is lost and counted. */
static void without_nodrop_a_completion_is_lost(void **state)
{
    (void)state;
    struct fixture one = kernel();
    struct io_uring_cqe cqe;
    one.options.hidden_features = IORING_FEAT_NODROP;
    assert_int_equal(kernel_open(&one, 1, 0), 0);

    for (uint64_t i = 1; i <= 4; i++) {
        assert_non_null(raw_ring_sqe(&one.ring, i));
        assert_int_equal(raw_ring_submit(&one.ring), 1);
    }

    assert_int_equal(*one.ring.ring.cq.koverflow, 2);
    assert_int_equal(*one.ring.ring.sq.kflags & IORING_SQ_CQ_OVERFLOW, 0);
    assert_int_equal(raw_ring_get_events(&one.ring), 0);
    for (uint64_t i = 1; i <= 2; i++) {
        assert_true(raw_ring_take(&one.ring, &cqe));
        assert_int_equal(cqe.user_data, i);
    }
    assert_false(raw_ring_take(&one.ring, &cqe));
    kernel_close(&one);
}

/* Each flag of setup makes a ring when it is not hidden, and is refused when it is. */
static void a_hidden_setup_flag_is_refused(void **state)
{
    (void)state;
    static const uint32_t flags[] = {IORING_SETUP_IOPOLL,       IORING_SETUP_SQPOLL,
                                     IORING_SETUP_CLAMP,        IORING_SETUP_R_DISABLED,
                                     IORING_SETUP_SUBMIT_ALL,   IORING_SETUP_SQE128,
                                     IORING_SETUP_CQE32,        IORING_SETUP_COOP_TASKRUN,
                                     IORING_SETUP_SINGLE_ISSUER};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        for (int hidden = 0; hidden < 2; hidden++) {
            struct fixture one = kernel();
            one.options.hidden_setup_flags = hidden ? flags[i] : 0;
            assert_int_equal(kernel_open(&one, 4, flags[i]), hidden ? -EINVAL : 0);
            kernel_close(&one);
        }
    }
}

static bool is_supported(struct fixture *kernel, unsigned opcode)
{
    _Alignas(struct io_uring_probe) char
        memory[sizeof(struct io_uring_probe) + 64 * sizeof(struct io_uring_probe_op)];
    struct io_uring_probe *probe = (void *)memory;
    memset(memory, 0, sizeof memory);
    const struct sr_backend *backend = &kernel->ring.backend;
    assert_int_equal(backend->vtable->register_(backend->self, kernel->ring.fd, IORING_REGISTER_PROBE, probe,
                                                64),
                     0);
    return (probe->ops[opcode].flags & IO_URING_OP_SUPPORTED) != 0;
}

/* Each operation that the probe names is named no more when it is hidden, and refused; the others are as before. */
static void a_hidden_operation_is_refused(void **state)
{
    (void)state;
    unsigned known = 0;
    for (uint8_t opcode = 0; opcode < IORING_OP_LAST; opcode++) {
        struct fixture one = kernel();
        assert_int_equal(kernel_open(&one, 4, 0), 0);
        bool supported = is_supported(&one, opcode);
        kernel_close(&one);
        if (!supported)
            continue;
        known++;

        one = kernel();
        one.options.hidden_operations = UINT64_C(1) << opcode;
        assert_int_equal(kernel_open(&one, 4, 0), 0);
        assert_false(is_supported(&one, opcode));
        assert_true(is_supported(&one, opcode == IORING_OP_NOP ? IORING_OP_READ : IORING_OP_NOP));
        assert_int_equal(result_of(&one, opcode, 0), -EINVAL);
        if (opcode != IORING_OP_NOP)
            assert_int_equal(result_of(&one, IORING_OP_NOP, 0), 0);
        kernel_close(&one);
    }
    assert_true(known > 30);
}

/* A registration that works answers -EINVAL when it is hidden. */
static void a_hidden_registration_is_refused(void **state)
{
    (void)state;
    for (int hidden = 0; hidden < 2; hidden++) {
        struct fixture one = kernel();
        int none[4] = {-1, -1, -1, -1};
        one.options.hidden_registrations = hidden ? UINT64_C(1) << IORING_REGISTER_FILES : 0;
        assert_int_equal(kernel_open(&one, 4, 0), 0);
        const struct sr_backend *backend = &one.ring.backend;
        assert_int_equal(backend->vtable->register_(backend->self, one.ring.fd, IORING_REGISTER_FILES, none,
                                                    4),
                         hidden ? -EINVAL : 0);
        assert_true(is_supported(&one, IORING_OP_NOP));
        kernel_close(&one);
    }
}

/* What was hidden is there again after a reset without it. */
static void a_reset_shows_what_was_hidden(void **state)
{
    (void)state;
    struct fixture one = kernel();
    one.options.hidden_operations = UINT64_C(1) << IORING_OP_NOP;
    assert_int_equal(kernel_open(&one, 4, 0), 0);
    assert_int_equal(result_of(&one, IORING_OP_NOP, 0), -EINVAL);
    raw_ring_close(&one.ring);

    assert_int_equal(sr_sim_reset(one.sim, NULL), 0);

    assert_int_equal(raw_ring_open(&one.ring, sr_sim_backend(one.sim), 4, 0), 0);
    assert_int_equal(result_of(&one, IORING_OP_NOP, 0), 0);
    kernel_close(&one);
}

struct lines {
    unsigned count;
    char last[128];
};

static void hear(enum sr_log_level level, const char *text, void *user)
{
    struct lines *lines = user;
    assert_int_equal(level, SR_LOG_WARNING);
    lines->count++;
    snprintf(lines->last, sizeof lines->last, "%s", text);
}

/* What is not simulated is told once of each kind; what is hidden or merely wrong is not told. */
static void what_is_not_simulated_is_told_once(void **state)
{
    (void)state;
    struct lines lines = {0};
    struct fixture one = kernel();
    one.options.hidden_operations = UINT64_C(1) << IORING_OP_READ;
    assert_int_equal(kernel_open(&one, 4, 0), 0);
    const struct sr_backend *backend = &one.ring.backend;
    sr_set_log(hear, &lines);

    for (int i = 0; i < 2; i++)
        assert_int_equal(result_of(&one, 60, 0), -EINVAL);
    assert_int_equal(lines.count, 1);
    assert_string_equal(lines.last, "sim: operation 60 (?) is not simulated: -EINVAL");

    assert_int_equal(backend->vtable->register_(backend->self, one.ring.fd, 60, NULL, 0), -EINVAL);
    assert_int_equal(lines.count, 2);
    assert_string_equal(lines.last, "sim: registration 60 is not simulated: -EINVAL");

    struct io_uring_params params = {.flags = 1u << 16};
    assert_int_equal(backend->vtable->setup(backend->self, 4, &params), -EINVAL);
    assert_int_equal(lines.count, 3);
    assert_string_equal(lines.last, "sim: io_uring_setup: the flag 1 << 16 is not simulated: -EINVAL");

    assert_int_equal(backend->vtable->enter(backend->self, one.ring.fd, 0, 0, 1u << 20, NULL, 0), -EINVAL);
    assert_int_equal(lines.count, 4);
    assert_string_equal(lines.last, "sim: io_uring_enter: the flag 1 << 20 is not simulated: -EINVAL");

    assert_int_equal(result_of(&one, IORING_OP_READ, 0), -EINVAL);
    assert_int_equal(result_of(&one, IORING_OP_NOP, 0x80), -EINVAL);
    assert_int_equal(lines.count, 4);
    sr_set_log(NULL, NULL);
    kernel_close(&one);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_hidden_feature_is_not_told),
    cmocka_unit_test(without_ext_arg_its_flag_is_unknown),
    cmocka_unit_test(without_cqe_skip_its_flag_is_unknown),
    cmocka_unit_test(without_nodrop_a_completion_is_lost),
    cmocka_unit_test(a_hidden_setup_flag_is_refused),
    cmocka_unit_test(a_hidden_operation_is_refused),
    cmocka_unit_test(a_hidden_registration_is_refused),
    cmocka_unit_test(a_reset_shows_what_was_hidden),
    cmocka_unit_test(what_is_not_simulated_is_told_once),
};

SR_TEST_MAIN(tests)
