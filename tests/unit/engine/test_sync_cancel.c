/*
 * IORING_REGISTER_SYNC_CANCEL where a cancel may be too late: it waits, and for no longer than it was told to.
 */
#include "unit/engine/rig.h"

static int sync_cancel(struct rig *rig, uint64_t target, struct __kernel_timespec timeout)
{
    const struct sr_backend *backend = &rig->ring.backend;
    struct io_uring_sync_cancel_reg reg = {.addr = target, .fd = -1, .timeout = timeout};
    return backend->vtable->register_(backend->self, rig->ring.fd, IORING_REGISTER_SYNC_CANCEL, &reg, 1);
}

static const struct __kernel_timespec for_ever = {.tv_sec = -1, .tv_nsec = -1};

static void pend_timer(struct rig *rig, uint64_t user_data)
{
    static const struct __kernel_timespec minute = {.tv_sec = 60};
    rig_timer(rig, user_data, IORING_OP_TIMEOUT, &minute);
    assert_int_equal(raw_ring_submit(&rig->ring), 1);
}

/* A cancel that is too late once is tried again; the second wins, and what was found is not -ENOENT. */
static void a_cancel_that_is_too_late_is_tried_again(void **state)
{
    struct rig rig;
    (void)state;
    rig_open(&rig);
    rig_choose(&rig);
    pend_timer(&rig, 1);
    rig_answer(&rig, SRI_WHY_CANCEL, 1);

    assert_int_equal(sync_cancel(&rig, 1, for_ever), 0);

    assert_int_equal(rig.asked[SRI_WHY_CANCEL], 2);
    assert_int_equal(raw_ring_get_events(&rig.ring), 0);
    rig_expect(&rig, 1, -ECANCELED);
    rig_close(&rig);
}

/* A write that has been carried out, as 1, and whose completion comes after this delay. */
static void open_with_slow_write(struct rig *rig, uint32_t delay)
{
    static const char byte = 'x';
    int ends[2];
    rig_open(rig);
    assert_int_equal(sri_sim_world_pipe(rig->world, ends), 0);
    rig_choose(rig);
    rig_answer(rig, SRI_WHY_REPORT, delay);
    rig_rw(rig, 1, IORING_OP_WRITE, ends[1], (void *)(uintptr_t)&byte, 1);
    assert_int_equal(raw_ring_submit(&rig->ring), 1);
}

/* What can't be stopped is waited for: its own end is the end of the wait. */
static void what_can_not_be_stopped_is_waited_for(void **state)
{
    struct rig rig;
    (void)state;
    open_with_slow_write(&rig, 4);
    rig_expect_none(&rig);

    assert_int_equal(sync_cancel(&rig, 1, for_ever), 0);

    rig_expect(&rig, 1, 1);
    rig_close(&rig);
}

/* A time that can't be reckoned with never comes. */
static void a_time_beyond_all_reckoning_never_comes(void **state)
{
    struct rig rig;
    (void)state;
    open_with_slow_write(&rig, 4);

    assert_int_equal(sync_cancel(&rig, 1, (struct __kernel_timespec){.tv_sec = INT64_MAX}), 0);

    rig_expect(&rig, 1, 1);
    rig_close(&rig);
}

/* The wait ends with its time; the operation goes on. */
static void the_wait_ends_with_its_time(void **state)
{
    struct rig rig;
    (void)state;
    open_with_slow_write(&rig, SRI_DELAYS - 1);

    assert_int_equal(sync_cancel(&rig, 1, (struct __kernel_timespec){.tv_nsec = 1}), -ETIME);
    rig_expect_none(&rig);

    assert_int_equal(raw_ring_wait(&rig.ring, 1, UINT64_MAX / 2), 0);
    rig_expect(&rig, 1, 1);
    rig_close(&rig);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_cancel_that_is_too_late_is_tried_again),
    cmocka_unit_test(what_can_not_be_stopped_is_waited_for),
    cmocka_unit_test(a_time_beyond_all_reckoning_never_comes),
    cmocka_unit_test(the_wait_ends_with_its_time),
};

SR_TEST_MAIN(tests)
