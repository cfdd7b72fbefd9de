/*
 * Rings with a thread for their SQ, in a kernel that has none: what is consumed, and when.
 */
#include "unit/engine/rig.h"

static int enter(struct rig *rig, unsigned to_submit, unsigned flags)
{
    const struct sr_backend *backend = &rig->ring.backend;
    return backend->vtable->enter(backend->self, rig->ring.fd, to_submit, 0, flags, NULL, 0);
}

/* Three are submitted, of which the thread leaves two. */
static void open_with_late_thread(struct rig *rig)
{
    rig_open_flags(rig, 8, IORING_SETUP_SQPOLL);
    rig_choose(rig);
    rig_answer(rig, SRI_WHY_CONSUME, 2);
    for (uint64_t i = 1; i <= 3; i++)
        rig_nop(rig, i, 0);
    assert_int_equal(raw_ring_submit(&rig->ring), 3);
    rig_expect(rig, 1, 0);
    rig_expect_none(rig);
}

/* A thread may be late: what it leaves is consumed when the program next enters for anything. */
static void a_late_thread_leaves_entries_for_the_next_enter(void **state)
{
    struct rig rig;
    (void)state;
    open_with_late_thread(&rig);
    assert_int_equal(enter(&rig, 0, 0), 0);
    rig_expect(&rig, 2, 0);
    rig_expect(&rig, 3, 0);
    rig_close(&rig);
}

/* A woken thread takes the rest without another call, while the program sleeps; what is published without waking it stays. */
static void a_woken_thread_goes_on_by_itself(void **state)
{
    struct rig rig;
    (void)state;
    open_with_late_thread(&rig);
    sri_engine_go_on(rig.engine);
    rig_expect(&rig, 2, 0);
    rig_expect(&rig, 3, 0);

    rig_nop(&rig, 4, 0);
    struct io_uring_sq *sq = &rig.ring.ring.sq;
    sq->array[3] = 3;
    __atomic_store_n(sq->ktail, 4, __ATOMIC_RELEASE);
    sri_engine_go_on(rig.engine);
    rig_expect_none(&rig);
    assert_int_equal(enter(&rig, 0, IORING_ENTER_SQ_WAKEUP), 0);
    rig_expect(&rig, 4, 0);
    sq->sqe_head = sq->sqe_tail;
    rig_close(&rig);
}

/* A wait is not lost on a thread that is late: there is nothing to wait for before it has looked. */
static void a_wait_outlasts_a_late_thread(void **state)
{
    struct rig rig;
    (void)state;
    rig_open_flags(&rig, 8, IORING_SETUP_SQPOLL);
    rig_choose(&rig);
    rig_answer(&rig, SRI_WHY_CONSUME, 2);

    rig_nop(&rig, 1, 0);
    rig_nop(&rig, 2, 0);
    assert_int_equal(raw_ring_submit_and_wait(&rig.ring, 2), 2);

    rig_expect(&rig, 1, 0);
    rig_expect(&rig, 2, 0);
    rig_close(&rig);
}

/* IORING_ENTER_SQ_WAIT returns with room in the SQ, however late the thread is. */
static void waiting_for_room_makes_room(void **state)
{
    struct rig rig;
    (void)state;
    rig_open_flags(&rig, 2, IORING_SETUP_SQPOLL);
    rig_choose(&rig);
    rig_answer(&rig, SRI_WHY_CONSUME, 2);
    rig_answer(&rig, SRI_WHY_CONSUME, 2);

    rig_nop(&rig, 1, 0);
    rig_nop(&rig, 2, 0);
    assert_int_equal(raw_ring_submit(&rig.ring), 2);
    assert_null(raw_ring_sqe(&rig.ring, 3));
    assert_int_equal(enter(&rig, 0, IORING_ENTER_SQ_WAIT), 0);

    assert_non_null(raw_ring_sqe(&rig.ring, 3));
    rig_close(&rig);
}

/* The thread of one ring works while the program is inside another. */
static void entering_another_ring_is_enough(void **state)
{
    struct rig rig;
    struct raw_ring other;
    (void)state;
    rig_open_flags(&rig, 8, IORING_SETUP_SQPOLL);
    assert_int_equal(raw_ring_open(&other, rig.ring.backend, 4, 0), 0);

    rig_nop(&rig, 1, 0);
    struct io_uring_sq *sq = &rig.ring.ring.sq;
    sq->array[0] = 0;
    __atomic_store_n(sq->ktail, 1, __ATOMIC_RELEASE);
    assert_int_equal(raw_ring_submit(&other), 0);

    rig_expect(&rig, 1, 0);
    sq->sqe_head = sq->sqe_tail;
    raw_ring_close(&other);
    rig_close(&rig);
}

/* No thread is told of what it would refuse to an ordinary caller: another thread's ring, a full machine. */
static void a_thread_is_never_refused(void **state)
{
    struct rig rig;
    (void)state;
    rig_open_flags(&rig, 8, IORING_SETUP_SQPOLL);
    rig_choose(&rig);
    rig_answer(&rig, SRI_WHY_ENTER, 2);

    rig_nop(&rig, 1, 0);
    assert_int_equal(raw_ring_submit(&rig.ring), 1);

    assert_int_equal(rig.asked[SRI_WHY_ENTER], 0);
    rig_expect(&rig, 1, 0);
    rig_close(&rig);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_late_thread_leaves_entries_for_the_next_enter),
    cmocka_unit_test(a_woken_thread_goes_on_by_itself),
    cmocka_unit_test(a_wait_outlasts_a_late_thread),
    cmocka_unit_test(waiting_for_room_makes_room),
    cmocka_unit_test(entering_another_ring_is_enough),
    cmocka_unit_test(a_thread_is_never_refused),
};

SR_TEST_MAIN(tests)
