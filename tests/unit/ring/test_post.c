/*
 * Values posted to a ring, from its own thread (RING-7, OP-8). From others: test_threads.c.
 */
#include "support/fake_ring.h"
#include "support/main.h"

#define SECOND UINT64_C(1000000000)

SR_UNCHECKED static void assert_posted(struct fake_ring *f, uint64_t value)
{
    struct sr_completion done;
    assert_int_equal(sr_ring_next_timeout(f->ring, 0, &done), 0);
    assert_true(done.posted);
    assert_true(done.value == value);
    assert_true(done.id == 0);
    assert_int_equal(done.result, 0);
    assert_false(done.more);
}

/* Values come out in the order of posting, need not be ended, and hold no ring. */
SR_UNCHECKED static void values_come_out_in_order(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    for (uint64_t value = 0; value < 5; value++)
        assert_int_equal(sr_ring_post(f.ring, value * UINT64_MAX), 0);
    assert_int_equal(sr_ring_in_flight(f.ring), 0);

    for (uint64_t value = 0; value < 5; value++)
        assert_posted(&f, value * UINT64_MAX);

    struct sr_completion done;
    assert_int_equal(sr_ring_next(f.ring, &done), SR_ENOTHING_IN_FLIGHT);
    fake_ring_close(&f);
}

/* As many values as configured may wait; the next is -EAGAIN, and room comes with taking. Round and round. */
SR_UNCHECKED static void values_beyond_the_room_are_refused(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.post_entries = 3;
    struct fake_ring f = fake_ring_open_config(config);
    for (uint64_t round = 0; round < 5; round++) {
        for (uint64_t i = 0; i < 3; i++)
            assert_int_equal(sr_ring_post(f.ring, round * 3 + i), 0);
        assert_int_equal(sr_ring_post(f.ring, 99), -EAGAIN);
        assert_posted(&f, round * 3);
        assert_int_equal(sr_ring_post(f.ring, 77), 0);
        assert_int_equal(sr_ring_post(f.ring, 99), -EAGAIN);
        assert_posted(&f, round * 3 + 1);
        assert_posted(&f, round * 3 + 2);
        assert_posted(&f, 77);
    }
    assert_int_equal(sr_ring_post(NULL, 1), -EINVAL);
    fake_ring_close(&f);
}

/* Left to the default 64 values may wait. */
static void the_default_room_is_sixty_four(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    for (uint64_t i = 0; i < 64; i++)
        assert_int_equal(sr_ring_post(f.ring, i), 0);
    assert_int_equal(sr_ring_post(f.ring, 64), -EAGAIN);
    fake_ring_close(&f);
}

/* One wake is under way for many values; when the ring has seen it, the next value wakes again. */
SR_UNCHECKED static void many_values_wake_once(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    assert_int_equal(sr_ring_post(f.ring, 1), 0);
    assert_int_equal(sr_ring_post(f.ring, 2), 0);
    assert_int_equal(f.kernel->wakes, 1);

    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_posted(&f, 1);
    assert_posted(&f, 2);
    assert_int_equal(sr_ring_post(f.ring, 3), 0);

    assert_int_equal(f.kernel->wakes, 2);
    assert_posted(&f, 3);
    fake_ring_close(&f);
}

/* Waiting for values alone needs saying so: otherwise it is refused, since nothing in flight could end it (OP-8). */
SR_UNCHECKED static void waiting_for_values_alone_needs_saying_so(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_completion done;
    assert_int_equal(sr_ring_next_timeout(f.ring, SECOND, &done), SR_ENOTHING_IN_FLIGHT);

    assert_int_equal(sr_ring_await_posts(f.ring, true), 0);
    assert_int_equal(sr_ring_next_timeout(f.ring, SECOND, &done), -ETIME);
    assert_int_equal(sr_ring_next(f.ring, &done), -EDEADLK);
    assert_int_equal(sr_ring_await_posts(f.ring, false), 0);
    assert_int_equal(sr_ring_next_timeout(f.ring, SECOND, &done), SR_ENOTHING_IN_FLIGHT);
    assert_int_equal(sr_ring_await_posts(NULL, true), -EINVAL);
    fake_ring_close(&f);
}

static void post_once(struct fake_kernel *kernel, void *user)
{
    struct fake_ring *f = user;
    kernel->on_enter = NULL;
    assert_int_equal(sr_ring_post(f->ring, 42), 0);
}

/* A value posted while the ring waits in the kernel ends the wait. */
SR_UNCHECKED static void a_value_ends_a_wait(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_completion done;
    f.kernel->on_enter = post_once;
    f.kernel->user = &f;
    assert_int_equal(sr_ring_await_posts(f.ring, true), 0);

    assert_int_equal(sr_ring_next(f.ring, &done), 0);

    assert_true(done.posted && done.value == 42);
    fake_ring_close(&f);
}

/* The wake of a value is no completion: awaiting an operation goes on over it, and it is not unknown. */
SR_UNCHECKED static void a_wake_ends_no_operation(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = submit_nop(f.ring);
    assert_int_equal(sr_ring_post(f.ring, 5), 0);
    fake_kernel_promise(f.kernel, op.id, 3);

    assert_int_equal(await_result(f.ring, &op), 3);

    assert_posted(&f, 5);
    fake_ring_close(&f);
}

/* A kernel that can't be woken says so; the value was posted, and the next one tries again. A full CQ is no failure. */
SR_UNCHECKED static void a_kernel_that_cannot_be_woken_is_told(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    f.kernel->wake_error = -EOPNOTSUPP;
    assert_int_equal(sr_ring_post(f.ring, 1), -EOPNOTSUPP);
    assert_int_equal(sr_ring_post(f.ring, 2), -EOPNOTSUPP);
    f.kernel->wake_error = -EOVERFLOW;
    assert_int_equal(sr_ring_post(f.ring, 3), 0);
    f.kernel->wake_error = 0;
    assert_int_equal(sr_ring_post(f.ring, 4), 0);

    for (uint64_t value = 1; value <= 4; value++)
        assert_posted(&f, value);
    fake_ring_close(&f);
}

/* Values come before completions, and next_many takes both. */
SR_UNCHECKED static void values_and_completions_are_taken_together(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_completion done[4];
    size_t count = 0;
    struct sr_op op = submit_nop(f.ring);
    fake_kernel_post(f.kernel, op.id, 8);
    assert_int_equal(sr_op_detach(f.ring, &op, NULL), 0);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(sr_ring_post(f.ring, 1), 0);

    assert_int_equal(sr_ring_next_many(f.ring, done, 4, &count), 0);

    assert_int_equal(count, 2);
    assert_true(done[0].posted && done[0].value == 1);
    assert_false(done[1].posted);
    assert_int_equal(sr_take_plain(&done[1]), 8);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(values_come_out_in_order),
    cmocka_unit_test(values_beyond_the_room_are_refused),
    cmocka_unit_test(the_default_room_is_sixty_four),
    cmocka_unit_test(many_values_wake_once),
    cmocka_unit_test(waiting_for_values_alone_needs_saying_so),
    cmocka_unit_test(a_value_ends_a_wait),
    cmocka_unit_test(a_wake_ends_no_operation),
    cmocka_unit_test(a_kernel_that_cannot_be_woken_is_told),
    cmocka_unit_test(values_and_completions_are_taken_together),
};

SR_TEST_MAIN(tests)
