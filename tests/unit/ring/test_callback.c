/*
 * Callbacks: where they run, what they may do, what is done for them (CB-1 … CB-4).
 */
#include <string.h>

#include "support/fake_ring.h"
#include "support/main.h"

#define SECOND UINT64_C(1000000000)

/* What callbacks of these tests leave behind. */
struct trail {
    struct fake_ring *f;
    int runs;
    int32_t results[16];
    struct sr_op op; /* for callbacks that start, drop or cancel */
    int codes[16];
    uint64_t second; /* the id of another operation */
};

SR_UNCHECKED static void note(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct trail *trail = user;
    assert_ptr_equal(ring, done->ring);
    assert_ptr_equal(done->user, trail);
    trail->results[trail->runs++] = sr_take_plain(done);
}

SR_UNCHECKED static uint64_t then_note(struct fake_ring *f, struct trail *trail)
{
    struct sr_op op = submit_nop(f->ring);
    uint64_t id = op.id;
    assert_int_equal(sr_op_then(f->ring, &op, note, trail), 0);
    assert_true(op.id == 0);
    return id;
}

/* A callback runs inside dispatch, with result and user; not inside the call that registers it (CB-1). */
static void a_callback_runs_inside_dispatch(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct trail trail = {.f = &f};
    uint32_t ran = 9;
    uint64_t id = then_note(&f, &trail);
    assert_int_equal(sr_ring_dispatch(f.ring, &ran), 0);
    assert_int_equal(ran, 0);
    fake_kernel_post(f.kernel, id, 42);
    assert_int_equal(trail.runs, 0);

    assert_int_equal(sr_ring_dispatch(f.ring, &ran), 0);

    assert_int_equal(ran, 1);
    assert_int_equal(trail.runs, 1);
    assert_int_equal(trail.results[0], 42);
    fake_ring_close(&f);
}

/* A callback given to an operation that has ended already runs at the next dispatch, not at once (CB-1). */
SR_UNCHECKED static void a_callback_given_late_does_not_run_at_once(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct trail trail = {.f = &f};
    struct sr_op other = submit_nop(f.ring);
    struct sr_op op = submit_nop(f.ring);
    fake_kernel_post(f.kernel, op.id, 3);
    fake_kernel_post(f.kernel, other.id, 0);
    assert_int_equal(await_result(f.ring, &other), 0); /* reaps both */

    assert_int_equal(sr_op_then(f.ring, &op, note, &trail), 0);
    assert_int_equal(trail.runs, 0);

    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(trail.runs, 1);
    fake_ring_close(&f);
}

/* Waiting calls run callbacks too, whatever they wait for. */
SR_UNCHECKED static void waiting_calls_run_callbacks(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct trail trail = {.f = &f};
    struct sr_completion done;
    struct sr_op awaited = submit_nop(f.ring);
    fake_kernel_promise(f.kernel, then_note(&f, &trail), 1);
    fake_kernel_promise(f.kernel, awaited.id, 0);
    assert_int_equal(await_result(f.ring, &awaited), 0);
    assert_int_equal(trail.runs, 1);

    struct sr_op detached = submit_nop(f.ring);
    fake_kernel_promise(f.kernel, then_note(&f, &trail), 2);
    fake_kernel_promise(f.kernel, detached.id, 0);
    assert_int_equal(sr_op_detach(f.ring, &detached, NULL), 0);
    assert_int_equal(sr_ring_next(f.ring, &done), 0);
    assert_int_equal(sr_take_plain(&done), 0);
    assert_int_equal(trail.runs, 2);

    fake_kernel_promise(f.kernel, then_note(&f, &trail), 3);
    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, NULL), 0);
    assert_int_equal(trail.runs, 3);
    assert_int_equal(trail.results[2], 3);
    fake_ring_close(&f);
}

/* Starting, submitting, peeking and cancelling everything do not run callbacks (CB-1). */
SR_UNCHECKED static void other_calls_do_not_run_callbacks(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct trail trail = {.f = &f};
    struct sr_completion done;
    fake_kernel_post(f.kernel, then_note(&f, &trail), 1);

    struct sr_op op = submit_nop(f.ring);
    assert_int_equal(sr_op_peek(f.ring, &op, &done), SR_EOPERATION_PENDING);
    sr_op_drop(f.ring, &op);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    assert_int_equal(trail.runs, 0);

    fake_kernel_post(f.kernel, f.kernel->seen[1].user_data, 0);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(trail.runs, 1);
    fake_ring_close(&f);
}

/* Callbacks run in the order in which their operations ended. */
SR_UNCHECKED static void callbacks_run_in_order_of_arrival(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct trail trail = {.f = &f};
    uint64_t ids[3];
    for (int i = 0; i < 3; i++)
        ids[i] = then_note(&f, &trail);
    fake_kernel_post(f.kernel, ids[2], 2);
    fake_kernel_post(f.kernel, ids[0], 0);
    fake_kernel_post(f.kernel, ids[1], 1);

    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);

    assert_int_equal(trail.runs, 3);
    assert_int_equal(trail.results[0], 2);
    assert_int_equal(trail.results[1], 0);
    assert_int_equal(trail.results[2], 1);
    fake_ring_close(&f);
}

/* Neither await nor next returns an operation with a callback (CB-4). */
SR_UNCHECKED static void an_operation_with_a_callback_is_nobody_elses(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct trail trail = {.f = &f};
    struct sr_op op = submit_nop(f.ring);
    struct sr_op copy = op;
    struct sr_completion done;
    assert_int_equal(sr_op_then(f.ring, &op, note, &trail), 0);

    assert_int_equal(sr_ring_next(f.ring, &done), SR_ENOTHING_IN_FLIGHT);
    assert_int_equal(sr_op_await(f.ring, &copy, &done), SR_EINVALID_STATE);
    assert_int_equal(sr_op_peek(f.ring, &copy, &done), SR_EINVALID_STATE);
    assert_int_equal(sr_op_cancel(f.ring, &copy), SR_EINVALID_STATE);
    assert_int_equal(sr_op_detach(f.ring, &copy, NULL), SR_EINVALID_STATE);
    assert_int_equal(sr_op_then(f.ring, &copy, note, &trail), SR_EINVALID_STATE);
    sr_op_drop(f.ring, &copy);
    assert_int_equal(stats_of(f.ring).misuses, 1);

    fake_kernel_post(f.kernel, copy.id, 1);
    assert_int_equal(sr_ring_next(f.ring, &done), SR_ENOTHING_IN_FLIGHT);
    assert_int_equal(trail.runs, 1);
    fake_ring_close(&f);
}

/* Registering refuses NULL and stale handles, and the operation stays the handle's. */
SR_UNCHECKED static void a_wrong_registration_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct trail trail = {.f = &f};
    struct sr_op op = submit_nop(f.ring);
    struct sr_op stale = {.id = 0};

    assert_int_equal(sr_op_then(f.ring, &op, NULL, &trail), -EINVAL);
    assert_int_equal(sr_op_then(NULL, &op, note, &trail), -EINVAL);
    assert_int_equal(sr_op_then(f.ring, NULL, note, &trail), -EINVAL);
    assert_int_equal(sr_op_then(f.ring, &stale, note, &trail), SR_ESTALE);
    assert_int_equal(sr_op_detach(NULL, &op, NULL), -EINVAL);
    assert_int_equal(sr_op_detach(f.ring, NULL, NULL), -EINVAL);
    assert_int_equal(sr_op_detach(f.ring, &stale, NULL), SR_ESTALE);

    fake_kernel_post(f.kernel, op.id, 0);
    assert_int_equal(await_result(f.ring, &op), 0);
    assert_int_equal(trail.runs, 0);
    fake_ring_close(&f);
}

/* Registering for a completion that is out already is refused. */
SR_UNCHECKED static void registering_for_a_delivered_completion_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct trail trail = {.f = &f};
    struct sr_op op = submit_nop(f.ring);
    struct sr_op copy = op;
    struct sr_completion done;
    fake_kernel_post(f.kernel, op.id, 5);
    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);

    assert_int_equal(sr_op_then(f.ring, &copy, note, &trail), SR_EINVALID_STATE);
    assert_int_equal(sr_op_detach(f.ring, &copy, NULL), SR_EINVALID_STATE);

    assert_int_equal(sr_take_plain(&done), 5);
    fake_ring_close(&f);
}

/* Everything that waits, dispatches, drains or closes, tried inside a callback. */
SR_UNCHECKED static void try_everything_that_waits(struct sr_ring *ring, struct sr_completion *done,
                                                   void *user)
{
    struct trail *trail = user;
    struct sr_completion other;
    struct sr_ring *handle = ring;
    size_t count;
    int i = 0;
    trail->codes[i++] = sr_op_await(ring, &trail->op, &other);
    trail->codes[i++] = sr_op_await_timeout(ring, &trail->op, 0, &other);
    trail->codes[i++] = sr_ring_next(ring, &other);
    trail->codes[i++] = sr_ring_next_timeout(ring, 0, &other);
    trail->codes[i++] = sr_ring_next_many(ring, &other, 1, &count);
    trail->codes[i++] = sr_ring_dispatch(ring, NULL);
    trail->codes[i++] = sr_ring_dispatch_wait(ring, 0, NULL);
    trail->codes[i++] = sr_ring_drain(ring, 0, NULL);
    trail->codes[i++] = sr_ring_cancel_all(ring, 0, NULL);
    trail->codes[i++] = sr_ring_close(&handle);
    trail->codes[i++] = sr_ring_try_close(&handle);
    trail->runs = i;
    assert_ptr_equal(handle, ring);
    assert_int_equal(sr_take_plain(done), 1);
}

/* Inside a callback all of these are SR_EINVALID_STATE, and change nothing (CB-2). */
SR_UNCHECKED static void inside_a_callback_waiting_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct trail trail = {.f = &f, .op = submit_nop(f.ring)};
    struct sr_op op = submit_nop(f.ring);
    fake_kernel_post(f.kernel, op.id, 1);
    fake_kernel_post(f.kernel, trail.op.id, 2);
    assert_int_equal(sr_op_then(f.ring, &op, try_everything_that_waits, &trail), 0);

    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);

    assert_int_equal(trail.runs, 11);
    for (int i = 0; i < trail.runs; i++)
        assert_int_equal(trail.codes[i], SR_EINVALID_STATE);
    assert_int_equal(await_result(f.ring, &trail.op), 2);
    fake_ring_close(&f);
}

/* Starts, cancels, drops, peeks, submits, posts and asks for stats inside a callback. */
SR_UNCHECKED static void do_everything_allowed(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct trail *trail = user;
    struct sr_completion other;
    assert_int_equal(sr_take_plain(done), 1);
    struct sr_op fresh = start_read(ring, 5, 8);
    assert_int_equal(sr_op_peek(ring, &trail->op, &other), 0);
    assert_int_equal(sr_take_plain(&other), 2);
    trail->op = submit_nop(ring);
    assert_int_equal(sr_op_cancel(ring, &trail->op), 0);
    sr_op_drop(ring, &fresh);
    assert_int_equal(sr_ring_post(ring, 3), 0);
    assert_int_equal(stats_of(ring).misuses, 0);
    trail->runs++;
}

/* Inside a callback starting, cancelling, dropping, peeking, submitting are allowed (CB-2). */
SR_UNCHECKED static void inside_a_callback_starting_and_dropping_are_allowed(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct trail trail = {.f = &f, .op = submit_nop(f.ring)};
    struct sr_op op = submit_nop(f.ring);
    struct sr_completion done;
    fake_kernel_post(f.kernel, op.id, 1);
    fake_kernel_post(f.kernel, trail.op.id, 2);
    assert_int_equal(sr_op_then(f.ring, &op, do_everything_allowed, &trail), 0);

    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);

    assert_int_equal(trail.runs, 1);
    uint64_t id = trail.op.id;
    assert_true(fake_kernel_nth(f.kernel, IORING_OP_ASYNC_CANCEL, 0)->addr == id);
    sr_op_drop(f.ring, &trail.op);
    uint64_t orphan = fake_kernel_nth(f.kernel, IORING_OP_READ, 0)->user_data;
    fake_kernel_post(f.kernel, orphan, -ECANCELED);
    fake_kernel_post(f.kernel, id, -ECANCELED);
    fake_kernel_post(f.kernel, cancel_of(id), 0);
    assert_int_equal(sr_ring_next(f.ring, &done), 0);
    assert_true(done.posted && done.value == 3);
    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, NULL), 0);
    fake_ring_close(&f);
}

SR_UNCHECKED static void keep_nothing(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct trail *trail = user;
    (void)ring;
    (void)done;
    trail->runs++;
}

/* A completion its callback does not end is ended for it: buffer to its origin, descriptor closed, counted (CB-3). */
SR_UNCHECKED static void what_a_callback_leaves_is_ended_for_it(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct trail trail = {.f = &f};
    struct sr_buffer *buffer = NULL;
    struct sr_op read;
    struct sr_op accept_one;
    assert_int_equal(sr_buffer_new(&buffer, 8), 0);
    struct sr_buffer *copy = buffer;
    assert_int_equal(sr_read_owned(f.ring, sr_fd(5), &buffer, &read), 0);
    assert_int_equal(sr_accept_safe(f.ring, sr_fd(6), &accept_one), 0);
    fake_kernel_promise(f.kernel, read.id, 3);
    fake_kernel_promise(f.kernel, accept_one.id, 31);
    assert_int_equal(sr_op_then(f.ring, &read, keep_nothing, &trail), 0);
    assert_int_equal(sr_op_then(f.ring, &accept_one, keep_nothing, &trail), 0);

    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, NULL), 0);

    assert_int_equal(trail.runs, 2);
    assert_int_equal(stats_of(f.ring).ended_for_callback, 2);
    assert_int_equal(sr_buffer_size(copy), 0);
    assert_int_equal(sr_buffer_release(&copy), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(f.kernel->closed_count, 1);
    assert_int_equal(f.kernel->closed[0], 31);
    fake_ring_close(&f);
}

SR_UNCHECKED static void take_and_start(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct trail *trail = user;
    assert_int_equal(sr_take_plain(done), 1);
    trail->op = submit_nop(ring);
    fake_kernel_post(trail->f->kernel, trail->op.id, 8);
    trail->runs++;
}

/* What a callback ended is not ended twice, even when its slot has a new operation by then. */
SR_UNCHECKED static void what_a_callback_ended_is_not_ended_again(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.max_in_flight = 1;
    struct fake_ring f = fake_ring_open_config(config);
    struct trail trail = {.f = &f};
    struct sr_op op = submit_nop(f.ring);
    fake_kernel_post(f.kernel, op.id, 1);
    assert_int_equal(sr_op_then(f.ring, &op, take_and_start, &trail), 0);

    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);

    assert_int_equal(stats_of(f.ring).ended_for_callback, 0);
    assert_int_equal(await_result(f.ring, &trail.op), 8);
    fake_ring_close(&f);
}

SR_UNCHECKED static void chain(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct trail *trail = user;
    trail->results[trail->runs++] = sr_take_plain(done);
    if (trail->runs == 3)
        return;
    struct sr_op op = submit_nop(ring);
    fake_kernel_post(trail->f->kernel, op.id, trail->runs);
    assert_int_equal(sr_op_then(ring, &op, chain, trail), 0);
}

/* What a callback starts and ends at once runs its own callback at the next dispatch: no recursion, no endless loop. */
SR_UNCHECKED static void a_chain_of_callbacks_takes_one_dispatch_each(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct trail trail = {.f = &f};
    struct sr_op op = submit_nop(f.ring);
    fake_kernel_post(f.kernel, op.id, 0);
    assert_int_equal(sr_op_then(f.ring, &op, chain, &trail), 0);

    for (int i = 1; i <= 3; i++) {
        uint32_t ran = 0;
        assert_int_equal(sr_ring_dispatch(f.ring, &ran), 0);
        assert_int_equal(ran, 1);
        assert_int_equal(trail.runs, i);
    }

    for (int i = 0; i < 3; i++)
        assert_int_equal(trail.results[i], i);
    fake_ring_close(&f);
}

/* Dispatch submits what is queued, also what its callbacks queued, and looks with GETEVENTS, which arms the descriptor. */
SR_UNCHECKED static void dispatch_submits_and_arms(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op op = start_nop(f.ring);

    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);

    assert_int_equal(f.kernel->seen_count, 1);
    assert_true((f.kernel->last_flags & IORING_ENTER_GETEVENTS) != 0);
    assert_int_equal(f.kernel->last_min_complete, 0);
    fake_kernel_post(f.kernel, op.id, 0);
    assert_int_equal(await_result(f.ring, &op), 0);
    fake_ring_close(&f);
}

/* Dispatch submits what is queued also when the ring's queue is full of what handles have not taken. */
SR_UNCHECKED static void dispatch_submits_with_a_full_queue(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 2;
    config.completion_entries = 2;
    config.max_in_flight = 4;
    config.queue_entries = 2;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_op held[2] = {submit_nop(f.ring), submit_nop(f.ring)};
    fake_kernel_post(f.kernel, held[0].id, 0);
    fake_kernel_post(f.kernel, held[1].id, 1);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    struct sr_op op = start_nop(f.ring);

    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);

    assert_int_equal(f.kernel->seen_count, 3);
    assert_int_equal(await_result(f.ring, &held[0]), 0);
    assert_int_equal(await_result(f.ring, &held[1]), 1);
    fake_kernel_post(f.kernel, op.id, 2);
    assert_int_equal(await_result(f.ring, &op), 2);
    fake_ring_close(&f);
}

/* Dispatch tells the kernel's error, after it has run what was there. */
SR_UNCHECKED static void dispatch_tells_the_kernels_error(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct trail trail = {.f = &f};
    uint32_t ran = 0;
    fake_kernel_post(f.kernel, then_note(&f, &trail), 1);
    fake_kernel_refuse(f.kernel, -EBADR, 1);

    assert_int_equal(sr_ring_dispatch(f.ring, &ran), -EBADR);

    assert_int_equal(ran, 1);
    assert_int_equal(trail.runs, 1);
    fake_ring_close(&f);
}

/* NULL is no ring. */
static void null_is_refused(void **state)
{
    (void)state;
    assert_int_equal(sr_ring_dispatch(NULL, NULL), -EINVAL);
    assert_int_equal(sr_ring_dispatch_wait(NULL, 0, NULL), -EINVAL);
}

/* Dispatch wait waits for one callback, runs those that are there, and says when none can come or none came in time. */
SR_UNCHECKED static void dispatch_wait_waits_for_a_callback(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct trail trail = {.f = &f};
    struct sr_op held = submit_nop(f.ring);
    uint32_t ran = 9;
    assert_int_equal(sr_ring_dispatch_wait(f.ring, SECOND, &ran), SR_ENOTHING_IN_FLIGHT);
    uint64_t id = then_note(&f, &trail);
    assert_int_equal(sr_ring_dispatch_wait(f.ring, SECOND, &ran), -ETIME);
    assert_true(f.kernel->now_ns == 2 * SECOND);
    assert_int_equal(sr_ring_dispatch_wait(f.ring, 0, &ran), -ETIME);
    assert_int_equal(trail.runs, 0);

    fake_kernel_promise(f.kernel, held.id, 0);
    fake_kernel_promise(f.kernel, id, 5);
    assert_int_equal(sr_ring_dispatch_wait(f.ring, SR_FOREVER, &ran), 0);

    assert_int_equal(ran, 1);
    assert_int_equal(trail.results[0], 5);
    assert_int_equal(await_result(f.ring, &held), 0);
    fake_ring_close(&f);
}

/* Lets the second operation end, and peeks at `trail->op`, which reaps that end. */
SR_UNCHECKED static void peek_at_the_awaited(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct trail *trail = user;
    struct sr_completion other;
    assert_int_equal(sr_take_plain(done), 1);
    fake_kernel_post(trail->f->kernel, trail->second, 2);
    trail->codes[0] = sr_op_peek(ring, &trail->op, &other);
    trail->runs++;
}

SR_UNCHECKED static void end_the_awaited(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct trail *trail = user;
    (void)ring;
    assert_int_equal(sr_take_plain(done), 2);
    fake_kernel_post(trail->f->kernel, trail->op.id, 7);
    trail->runs++;
}

/*
 * A callback that looks into the CQ may find the completion of another callback, and that one's work may be what the wait
 * is for: the wait runs it before it blocks.
 */
SR_UNCHECKED static void a_wait_does_not_block_over_a_callback_that_is_due(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct trail trail = {.f = &f, .op = submit_nop(f.ring)};
    struct sr_op first = submit_nop(f.ring);
    struct sr_op second = submit_nop(f.ring);
    struct sr_op awaited = trail.op;
    struct sr_completion done;
    trail.second = second.id;
    fake_kernel_promise(f.kernel, first.id, 1);
    assert_int_equal(sr_op_then(f.ring, &first, peek_at_the_awaited, &trail), 0);
    assert_int_equal(sr_op_then(f.ring, &second, end_the_awaited, &trail), 0);

    assert_int_equal(sr_op_await(f.ring, &awaited, &done), 0);

    assert_int_equal(trail.codes[0], SR_EOPERATION_PENDING);
    assert_int_equal(trail.runs, 2);
    assert_int_equal(sr_take_plain(&done), 7);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_callback_runs_inside_dispatch),
    cmocka_unit_test(a_callback_given_late_does_not_run_at_once),
    cmocka_unit_test(waiting_calls_run_callbacks),
    cmocka_unit_test(other_calls_do_not_run_callbacks),
    cmocka_unit_test(callbacks_run_in_order_of_arrival),
    cmocka_unit_test(an_operation_with_a_callback_is_nobody_elses),
    cmocka_unit_test(a_wrong_registration_is_refused),
    cmocka_unit_test(registering_for_a_delivered_completion_is_refused),
    cmocka_unit_test(inside_a_callback_waiting_is_refused),
    cmocka_unit_test(inside_a_callback_starting_and_dropping_are_allowed),
    cmocka_unit_test(what_a_callback_leaves_is_ended_for_it),
    cmocka_unit_test(what_a_callback_ended_is_not_ended_again),
    cmocka_unit_test(a_chain_of_callbacks_takes_one_dispatch_each),
    cmocka_unit_test(dispatch_submits_and_arms),
    cmocka_unit_test(dispatch_submits_with_a_full_queue),
    cmocka_unit_test(dispatch_tells_the_kernels_error),
    cmocka_unit_test(null_is_refused),
    cmocka_unit_test(dispatch_wait_waits_for_a_callback),
    cmocka_unit_test(a_wait_does_not_block_over_a_callback_that_is_due),
};

SR_TEST_MAIN(tests)
