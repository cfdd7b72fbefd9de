/*
 * Consuming SQEs: which refusals stop a batch, what is counted, and how the CQ overflows.
 */
#include "unit/engine/rig.h"

/* An SQE refused at preparation gets its CQE and stops the batch; the rest stays in the SQ. */
static void a_refused_sqe_stops_the_batch(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    rig_nop(&rig, 1, 0);
    rig_nop(&rig, 2, 0)->opcode = 200;
    rig_nop(&rig, 3, 0);

    assert_int_equal(raw_ring_submit(&rig.ring), 2);

    rig_expect(&rig, 1, 0);
    rig_expect(&rig, 2, -EINVAL);
    rig_expect_none(&rig);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    rig_expect(&rig, 3, 0);
    rig_close(&rig);
}

/* With IORING_SETUP_SUBMIT_ALL the batch goes on behind it. */
static void submit_all_goes_on(void **state)
{
    (void)state;
    struct rig rig;
    rig_open_flags(&rig, 8, IORING_SETUP_SUBMIT_ALL);
    rig_nop(&rig, 1, 0)->opcode = 200;
    rig_nop(&rig, 2, 0);

    assert_int_equal(raw_ring_submit(&rig.ring), 2);

    rig_expect(&rig, 1, -EINVAL);
    rig_expect(&rig, 2, 0);
    rig_close(&rig);
}

/* A bad descriptor is found when the request is issued, which does not stop the batch. */
static void a_bad_descriptor_does_not_stop_the_batch(void **state)
{
    (void)state;
    struct rig rig;
    char byte;
    rig_open(&rig);
    rig_rw(&rig, 1, IORING_OP_READ, -1, &byte, 1);
    rig_nop(&rig, 2, 0);

    assert_int_equal(raw_ring_submit(&rig.ring), 2);

    rig_expect(&rig, 1, -EBADF);
    rig_expect(&rig, 2, 0);
    rig_close(&rig);
}

/* A pointer that can't be read is refused at preparation. */
static void a_bad_pointer_is_a_fault(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    rig_open(&rig);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    rig_rw(&rig, 1, IORING_OP_READV, fds[0], (void *)16, 2);
    rig_timer(&rig, 2, IORING_OP_TIMEOUT, (void *)16);

    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);

    rig_expect(&rig, 1, -EFAULT);
    rig_expect(&rig, 2, -EFAULT);
    rig_close(&rig);
}

/* What the CQ has no room for is kept in order, flagged, and comes only by GETEVENTS. */
static void overflow_is_kept_and_flushed_by_getevents(void **state)
{
    (void)state;
    struct rig rig;
    rig_open_flags(&rig, 2, 0);
    for (uint64_t i = 0; i < 6; i++) {
        rig_nop(&rig, i, 0);
        assert_int_equal(raw_ring_submit(&rig.ring), 1);
    }
    assert_true(*rig.ring.ring.sq.kflags & IORING_SQ_CQ_OVERFLOW);
    assert_int_equal(*rig.ring.ring.cq.koverflow, 0);
    for (uint64_t i = 0; i < 4; i++)
        rig_expect(&rig, i, 0);
    rig_expect_none(&rig);

    assert_int_equal(raw_ring_get_events(&rig.ring), 0);

    rig_expect(&rig, 4, 0);
    rig_expect(&rig, 5, 0);
    assert_false(*rig.ring.ring.sq.kflags & IORING_SQ_CQ_OVERFLOW);
    rig_close(&rig);
}

/* The chooser may leave SQEs in the queue, and refuse an enter before anything is consumed. */
static void an_enter_may_consume_less(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    rig_choose(&rig);
    rig_answer(&rig, SRI_WHY_ENTER, 2);
    rig_answer(&rig, SRI_WHY_CONSUME, 1);
    rig_nop(&rig, 1, 0);
    rig_nop(&rig, 2, 0);

    assert_int_equal(raw_ring_submit(&rig.ring), -EBUSY);
    rig_expect_none(&rig);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    rig_expect(&rig, 1, 0);
    rig_expect_none(&rig);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);
    rig_expect(&rig, 2, 0);
    rig_close(&rig);
}

/* A waiting enter that nothing can end is -EDEADLK, and the observers hear of it. */
static void a_wait_that_nothing_ends_is_a_stall(void **state)
{
    (void)state;
    struct rig rig;
    int fds[2];
    char byte;
    rig_open(&rig);
    rig_watch(&rig);
    assert_int_equal(sri_sim_world_pipe(rig.world, fds), 0);
    rig_rw(&rig, 1, IORING_OP_READ, fds[0], &byte, 1);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);

    struct sr_backend backend = rig.ring.backend;
    int result = backend.vtable->enter(backend.self, rig.ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);

    assert_int_equal(result, -EDEADLK);
    assert_true(rig_event(&rig, SRI_EVENT_STALL, 0) < rig.event_count);
    rig_close(&rig);
}

/* A DEFER_TASKRUN ring shows at a plain submit what ended inline, and the rest of a chain member by member. */
static void deferred_work_is_shown_by_getevents(void **state)
{
    (void)state;
    struct rig rig;
    rig_open_flags(&rig, 8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    rig_nop(&rig, 1, IOSQE_IO_LINK);
    rig_nop(&rig, 2, IOSQE_IO_LINK);
    rig_nop(&rig, 3, 0);

    assert_int_equal(raw_ring_submit(&rig.ring), 3);

    rig_expect(&rig, 1, 0);
    rig_expect_none(&rig);
    assert_int_equal(raw_ring_get_events(&rig.ring), 0);
    rig_expect(&rig, 2, 0);
    rig_expect_none(&rig);
    assert_int_equal(raw_ring_get_events(&rig.ring), 0);
    rig_expect(&rig, 3, 0);
    rig_close(&rig);
}

/* A wake is a CQE like any other, shown by the next enter. */
static void a_wake_is_delivered_by_the_next_enter(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig);
    struct sr_backend backend = rig.ring.backend;

    assert_int_equal(backend.vtable->wake(backend.self, rig.ring.fd, 77), 0);
    assert_int_equal(backend.vtable->wake(backend.self, rig.ring.fd + 1, 77), -EBADF);

    assert_true(*rig.ring.ring.sq.kflags & IORING_SQ_TASKRUN);
    assert_int_equal(raw_ring_wait(&rig.ring, 1, 0), 0);
    rig_expect(&rig, 77, 0);
    rig_close(&rig);
}

/* Setup refuses what the true kernel refuses, and what this one does not know. */
static void setup_checks_sizes_and_flags(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t entries;
        uint32_t flags;
        uint32_t cq_entries;
        int error;
    } rows[] = {
        {"no entries", 0, 0, 0, -EINVAL},
        {"too many entries", 32769, 0, 0, -EINVAL},
        {"no CQ entries", 8, IORING_SETUP_CQSIZE, 0, -EINVAL},
        {"CQ smaller than SQ", 8, IORING_SETUP_CQSIZE, 4, -EINVAL},
        {"flag without its ground", 8, IORING_SETUP_TASKRUN_FLAG, 0, -EINVAL},
        {"deferred and not single", 8, IORING_SETUP_DEFER_TASKRUN, 0, -EINVAL},
        {"a processor without a thread", 8, IORING_SETUP_SQ_AFF, 0, -EINVAL},
        {"a flag of a later kernel", 8, 1u << 14, 0, -EINVAL},
        {"a flag of a later kernel", 8, 1u << 16, 0, -EINVAL},
        {"unknown flag", 8, 1u << 30, 0, -EINVAL},
        {"clamped", 100000, IORING_SETUP_CLAMP, 0, 0},
        {"CQ of its own size", 5, IORING_SETUP_CQSIZE, 20, 0},
    };
    struct rig rig;
    rig_open(&rig);
    struct sr_backend backend = rig.ring.backend;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct io_uring_params params = {.flags = rows[i].flags, .cq_entries = rows[i].cq_entries};
        int ring = backend.vtable->setup(backend.self, rows[i].entries, &params);
        if ((ring < 0 ? ring : 0) != rows[i].error)
            fail_msg("%s: %d", rows[i].name, ring);
        if (ring >= 0)
            assert_int_equal(backend.vtable->close(backend.self, ring), 0);
    }
    rig_close(&rig);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_refused_sqe_stops_the_batch),
    cmocka_unit_test(submit_all_goes_on),
    cmocka_unit_test(a_bad_descriptor_does_not_stop_the_batch),
    cmocka_unit_test(a_bad_pointer_is_a_fault),
    cmocka_unit_test(overflow_is_kept_and_flushed_by_getevents),
    cmocka_unit_test(an_enter_may_consume_less),
    cmocka_unit_test(a_wait_that_nothing_ends_is_a_stall),
    cmocka_unit_test(deferred_work_is_shown_by_getevents),
    cmocka_unit_test(a_wake_is_delivered_by_the_next_enter),
    cmocka_unit_test(setup_checks_sizes_and_flags),
};

SR_TEST_MAIN(tests)
