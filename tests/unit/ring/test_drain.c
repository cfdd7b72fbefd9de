/*
 * Draining: everything in flight ends, and what nobody took is disposed of (RING-4, ORPH-4, ORPH-6).
 */
#include <string.h>

#include "support/fake_ring.h"
#include "support/main.h"

#define SECOND UINT64_C(1000000000)

SR_UNCHECKED static struct sr_op start_accept(struct fake_ring *f)
{
    struct sr_op op;
    assert_int_equal(sr_accept_safe(f->ring, sr_fd(6), &op), 0);
    return op;
}

/* With nothing in flight draining is done at once. */
static void draining_nothing_is_done_at_once(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    uint32_t remaining = 99;

    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, &remaining), 0);
    assert_int_equal(sr_ring_drain(f.ring, 0, NULL), 0);
    assert_int_equal(sr_ring_drain(NULL, 0, NULL), -EINVAL);

    assert_int_equal(remaining, 0);
    assert_int_equal(f.kernel->enters, 0);
    fake_ring_close(&f);
}

/*
 * One operation in each state: queued, submitted, cancelling, orphaned, completed, delivered, detached. All end, buffers
 * are home, descriptors closed, handles and completions stale.
 */
SR_UNCHECKED static void draining_ends_operations_in_each_state(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(16);
    struct sr_completion delivered;
    struct sr_buffer *buffer = NULL;
    struct sr_op completed = start_accept(&f);
    struct sr_op handed = start_read(f.ring, 5, 8);
    struct sr_op cancelling = start_read(f.ring, 5, 8);
    struct sr_op orphan = start_accept(&f);
    struct sr_op submitted = start_accept(&f);
    struct sr_op detached = start_accept(&f);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    uint64_t ids[] = {cancelling.id, orphan.id, submitted.id, detached.id};
    fake_kernel_post(f.kernel, completed.id, 40);
    fake_kernel_post(f.kernel, handed.id, 8);
    assert_int_equal(sr_op_await(f.ring, &handed, &delivered), 0);
    assert_int_equal(sr_op_cancel(f.ring, &cancelling), 0);
    sr_op_drop(f.ring, &orphan);
    assert_int_equal(sr_op_detach(f.ring, &detached, NULL), 0);
    struct sr_op queued = start_accept(&f);
    assert_int_equal(sr_ring_in_flight(f.ring), 7);
    fake_kernel_promise(f.kernel, ids[0], -ECANCELED);
    fake_kernel_promise(f.kernel, cancel_of(ids[1]), -EALREADY);
    fake_kernel_promise(f.kernel, ids[1], 41);
    fake_kernel_promise(f.kernel, cancel_of(ids[0]), 0);
    fake_kernel_promise(f.kernel, ids[2], 42);
    fake_kernel_promise(f.kernel, ids[3], 43);
    fake_kernel_promise(f.kernel, queued.id, 44);
    uint32_t remaining = 99;

    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, &remaining), 0);

    assert_int_equal(remaining, 0);
    assert_int_equal(sr_ring_in_flight(f.ring), 0);
    assert_int_equal(sr_ring_orphan_count(f.ring), 0);
    assert_int_equal(f.kernel->closed_count, 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(f.kernel->closed[i], 40 + i);
    assert_int_equal(sr_take(&delivered, &buffer), SR_ESTALE);
    assert_null(buffer);
    assert_int_equal(sr_op_cancel(f.ring, &submitted), SR_ESTALE);
    assert_int_equal(sr_op_cancel(f.ring, &queued), SR_ESTALE);
    assert_int_equal(sr_op_cancel(f.ring, &completed), SR_ESTALE);
    fake_ring_close(&f);
}

/* At the timeout: -ETIME and how many remain; nothing the kernel has is freed, and the ring works on as before. */
SR_UNCHECKED static void draining_stops_at_its_time(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op ops[2] = {start_read(f.ring, 5, 8), start_read(f.ring, 5, 8)};
    uint64_t ids[2] = {ops[0].id, ops[1].id};
    uint32_t remaining = 0;
    fake_kernel_promise(f.kernel, ids[0], 8);

    assert_int_equal(sr_ring_drain(f.ring, SECOND, &remaining), -ETIME);

    assert_int_equal(remaining, 1);
    assert_true(f.kernel->now_ns == 2 * SECOND);
    assert_int_equal(sr_ring_drain(f.ring, 0, NULL), -ETIME);
    struct sr_op more = submit_nop(f.ring);
    fake_kernel_post(f.kernel, more.id, 1);
    assert_int_equal(await_result(f.ring, &more), 1);
    fake_kernel_post(f.kernel, ids[1], 8);
    assert_int_equal(await_result(f.ring, &ops[1]), 8);
    fake_ring_close(&f);
}

/* The kernel's error is told; what is in flight stays so, and the ring works on. */
SR_UNCHECKED static void draining_tells_the_kernels_error(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op op = start_nop(f.ring);
    uint32_t remaining = 0;
    fake_kernel_refuse(f.kernel, -EBADR, 1);

    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, &remaining), -EBADR);

    assert_int_equal(remaining, 1);
    fake_kernel_promise(f.kernel, op.id, 3);
    assert_int_equal(await_result(f.ring, &op), 3);
    fake_ring_close(&f);
}

/* A drain whose wait can't end is told by a deterministic kernel. */
SR_UNCHECKED static void draining_what_never_ends_is_told(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op op = start_nop(f.ring);
    uint32_t remaining = 0;

    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, &remaining), -EDEADLK);

    assert_int_equal(remaining, 1);
    fake_kernel_post(f.kernel, op.id, 0);
    assert_int_equal(await_result(f.ring, &op), 0);
    fake_ring_close(&f);
}

struct late {
    uint64_t orphan;
    uint64_t other;
    uint32_t answered;
    uint32_t cancels;
};

/* Too late for the orphan the first time; the second cancel ends it, and the other ends by itself then. */
static void end_at_the_second_cancel(struct fake_kernel *kernel, void *user)
{
    struct late *late = user;
    for (; late->answered < kernel->seen_count; late->answered++) {
        if (kernel->seen[late->answered].opcode != IORING_OP_ASYNC_CANCEL)
            continue;
        assert_true(kernel->seen[late->answered].addr == late->orphan);
        late->cancels++;
        fake_kernel_post(kernel, cancel_of(late->orphan), late->cancels == 1 ? -EALREADY : 0);
        if (late->cancels == 1)
            continue;
        fake_kernel_post(kernel, late->orphan, -ECANCELED);
        fake_kernel_post(kernel, late->other, 5);
    }
}

/* Draining asks again for an orphan that a cancel missed, if dropping asks at all; what has an owner is let end by itself. */
SR_UNCHECKED static void draining_asks_for_orphans_alone(void **state)
{
    (void)state;
    for (int asks = 0; asks < 2; asks++) {
        struct sr_config config = sr_config_default();
        config.entries = 8;
        config.cancel_on_drop = asks != 0;
        struct fake_ring f = fake_ring_open_config(config);
        struct sr_op other = submit_nop(f.ring);
        struct sr_op orphan = submit_nop(f.ring);
        struct late late = {.orphan = orphan.id, .other = other.id};
        f.kernel->on_enter = end_at_the_second_cancel;
        f.kernel->user = &late;
        if (!asks)
            assert_int_equal(sr_op_cancel(f.ring, &orphan), 0);
        sr_op_drop(f.ring, &orphan);

        assert_int_equal(sr_ring_drain(f.ring, SECOND, NULL), asks ? 0 : -ETIME);

        assert_int_equal(late.cancels, asks ? 2 : 1);
        if (!asks) {
            fake_kernel_post(f.kernel, late.orphan, 0);
            fake_kernel_post(f.kernel, late.other, 0);
            assert_int_equal(sr_ring_drain(f.ring, SECOND, NULL), 0);
        }
        fake_ring_close(&f);
    }
}

struct trail {
    int runs;
    int start_code;
    int peek_code;
    struct sr_op held;
};

SR_UNCHECKED static void start_in_drain(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct trail *trail = user;
    struct sr_op_spec nop = sr_spec_nop();
    struct sr_op op;
    struct sr_completion other;
    assert_int_equal(sr_take_plain(done), 5);
    trail->start_code = sr_op_start_plain(ring, &nop, &op);
    trail->peek_code = sr_op_peek(ring, &trail->held, &other);
    trail->runs++;
}

/* While it drains a ring takes no new work, not from callbacks either; afterwards it does. */
SR_UNCHECKED static void a_draining_ring_takes_no_new_work(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct trail trail = {.held = submit_nop(f.ring)};
    struct sr_op op = start_nop(f.ring);
    fake_kernel_promise(f.kernel, op.id, 5);
    fake_kernel_promise(f.kernel, trail.held.id, 0);
    assert_int_equal(sr_op_then(f.ring, &op, start_in_drain, &trail), 0);

    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, NULL), 0);

    assert_int_equal(trail.runs, 1);
    assert_int_equal(trail.start_code, SR_EINVALID_STATE);
    assert_int_equal(trail.peek_code, SR_EOPERATION_PENDING);
    op = submit_nop(f.ring);
    fake_kernel_post(f.kernel, op.id, 0);
    assert_int_equal(await_result(f.ring, &op), 0);
    fake_ring_close(&f);
}

/* More completions than the ring's queue holds drain through: nobody waits for them (OP-9). */
SR_UNCHECKED static void draining_is_not_stopped_by_a_full_queue(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 2;
    config.completion_entries = 2;
    config.max_in_flight = 16;
    config.queue_entries = 2;
    struct fake_ring f = fake_ring_open_config(config);
    for (int i = 0; i < 16; i++) {
        struct sr_op op = submit_nop(f.ring);
        fake_kernel_post(f.kernel, op.id, i);
    }
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);

    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, NULL), 0);

    assert_int_equal(stats_of(f.ring).disposed, 16);
    fake_ring_close(&f);
}

/* A kernel that refuses entries for a while does not end a drain. */
SR_UNCHECKED static void draining_goes_on_over_a_busy_kernel(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op first = submit_nop(f.ring);
    struct sr_op queued = start_nop(f.ring);
    fake_kernel_promise(f.kernel, first.id, 0);
    fake_kernel_promise(f.kernel, queued.id, 0);
    fake_kernel_refuse(f.kernel, -EBUSY, 3);

    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, NULL), 0);

    assert_int_equal(f.kernel->seen_count, 2);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(draining_nothing_is_done_at_once),
    cmocka_unit_test(draining_ends_operations_in_each_state),
    cmocka_unit_test(draining_stops_at_its_time),
    cmocka_unit_test(draining_tells_the_kernels_error),
    cmocka_unit_test(draining_what_never_ends_is_told),
    cmocka_unit_test(draining_asks_for_orphans_alone),
    cmocka_unit_test(a_draining_ring_takes_no_new_work),
    cmocka_unit_test(draining_is_not_stopped_by_a_full_queue),
    cmocka_unit_test(draining_goes_on_over_a_busy_kernel),
};

SR_TEST_MAIN(tests)
