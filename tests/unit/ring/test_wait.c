/*
 * Waiting and looking: await, peek, their timeouts, next, next_many (OP-3, OP-4, OP-8, OP-9, CB-2).
 */
#include <string.h>

#include "support/fake_ring.h"
#include "support/main.h"

#define SECOND UINT64_C(1000000000)

static const struct sr_completion untouched = {.id = 55, .value = 66};

/* Ends an operation and asserts its result. */
SR_UNCHECKED static void end(struct fake_ring *f, struct sr_op *op, int32_t result)
{
    fake_kernel_post(f->kernel, op->id, result);
    assert_int_equal(await_result(f->ring, op), result);
}

/* Awaiting submits, waits, consumes the handle and tells the kernel's result untouched. */
SR_UNCHECKED static void awaiting_gives_the_kernels_result(void **state)
{
    (void)state;
    static const int32_t results[] = {0, 7, -EIO, -ECANCELED, -EINTR, -EAGAIN, INT32_MIN};
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        struct fake_ring f = fake_ring_open(4);
        struct sr_op op = start_read(f.ring, 5, 16);
        uint64_t id = op.id;
        struct sr_completion done;
        struct sr_buffer *buffer = NULL;
        fake_kernel_promise(f.kernel, op.id, results[i]);

        assert_int_equal(sr_op_await(f.ring, &op, &done), 0);

        assert_true(op.id == 0);
        assert_true(done.id == id);
        assert_ptr_equal(done.ring, f.ring);
        assert_int_equal(done.result, results[i]);
        assert_int_equal(done.opcode, IORING_OP_READ);
        assert_false(done.more);
        assert_false(done.posted);
        assert_int_equal(sr_ring_in_flight(f.ring), 1);
        assert_int_equal(sr_take(&done, &buffer), results[i]);
        assert_int_equal(sr_ring_in_flight(f.ring), 0);
        assert_int_equal(sr_buffer_release(&buffer), 0);
        fake_ring_close(&f);
    }
}

/* NULL anywhere is -EINVAL. */
SR_UNCHECKED static void null_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = {.id = 1};
    struct sr_completion done = untouched;
    size_t count = 9;

    assert_int_equal(sr_op_await(NULL, &op, &done), -EINVAL);
    assert_int_equal(sr_op_await(f.ring, NULL, &done), -EINVAL);
    assert_int_equal(sr_op_await(f.ring, &op, NULL), -EINVAL);
    assert_int_equal(sr_op_await_timeout(NULL, &op, 0, &done), -EINVAL);
    assert_int_equal(sr_op_peek(NULL, &op, &done), -EINVAL);
    assert_int_equal(sr_op_peek(f.ring, NULL, &done), -EINVAL);
    assert_int_equal(sr_op_peek(f.ring, &op, NULL), -EINVAL);
    assert_int_equal(sr_ring_next(NULL, &done), -EINVAL);
    assert_int_equal(sr_ring_next(f.ring, NULL), -EINVAL);
    assert_int_equal(sr_ring_next_timeout(f.ring, 0, NULL), -EINVAL);
    assert_int_equal(sr_ring_next_many(NULL, &done, 1, &count), -EINVAL);
    assert_int_equal(sr_ring_next_many(f.ring, NULL, 1, &count), -EINVAL);
    assert_int_equal(sr_ring_next_many(f.ring, &done, 0, &count), -EINVAL);
    assert_int_equal(sr_ring_next_many(f.ring, &done, 1, NULL), -EINVAL);

    assert_memory_equal(&done, &untouched, sizeof done);
    assert_int_equal(count, 9);
    fake_ring_close(&f);
}

/* Completions that arrive for others are kept for theirs, whichever is awaited first (OP-4). */
SR_UNCHECKED static void what_arrives_for_others_is_kept_for_them(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op ops[5];
    for (int i = 0; i < 5; i++) {
        ops[i] = start_nop(f.ring);
        fake_kernel_promise(f.kernel, ops[i].id, i);
    }
    for (int i = 4; i >= 0; i--)
        assert_int_equal(await_result(f.ring, &ops[i]), i);
    fake_ring_close(&f);
}

/* One that has ended already is delivered without asking the kernel. */
SR_UNCHECKED static void an_ended_operation_needs_no_enter(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op ops[2] = {submit_nop(f.ring), submit_nop(f.ring)};
    fake_kernel_post(f.kernel, ops[0].id, 1);
    fake_kernel_post(f.kernel, ops[1].id, 2);
    uint32_t enters = f.kernel->enters;

    assert_int_equal(await_result(f.ring, &ops[1]), 2);
    assert_int_equal(await_result(f.ring, &ops[0]), 1);

    assert_int_equal(f.kernel->enters, enters);
    fake_ring_close(&f);
}

/* A handle that was taken, dropped, or never was one, is stale, and reaches no other operation (OP-3). */
SR_UNCHECKED static void a_stale_handle_is_refused(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.max_in_flight = 2;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_op taken = submit_nop(f.ring);
    struct sr_op copies[5] = {
        taken, {.id = 0}, {.id = UINT64_MAX}, {.id = limit_of(taken.id)}, {.id = 0xfffff}};
    end(&f, &taken, 0);
    struct sr_op other = submit_nop(f.ring); /* in the same slot */

    for (int i = 0; i < 5; i++) {
        struct sr_op copy = copies[i];
        struct sr_completion done = untouched;
        uint32_t enters = f.kernel->enters;
        assert_int_equal(sr_op_await(f.ring, &copy, &done), SR_ESTALE);
        assert_int_equal(sr_op_await_timeout(f.ring, &copy, 5, &done), SR_ESTALE);
        assert_int_equal(sr_op_peek(f.ring, &copy, &done), SR_ESTALE);
        assert_true(copy.id == copies[i].id);
        assert_memory_equal(&done, &untouched, sizeof done);
        assert_int_equal(f.kernel->enters, enters);
    }

    end(&f, &other, 3);
    fake_ring_close(&f);
}

/* Awaiting by a copy of a handle whose completion is out, and not yet taken, is refused. */
SR_UNCHECKED static void awaiting_twice_by_a_copy_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = submit_nop(f.ring);
    struct sr_op copy = op;
    struct sr_completion done;
    struct sr_completion second = untouched;
    fake_kernel_post(f.kernel, op.id, 4);
    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);

    assert_int_equal(sr_op_await(f.ring, &copy, &second), SR_EINVALID_STATE);
    assert_int_equal(sr_op_peek(f.ring, &copy, &second), SR_EINVALID_STATE);

    assert_memory_equal(&second, &untouched, sizeof second);
    assert_int_equal(sr_take_plain(&done), 4);
    assert_int_equal(sr_op_await(f.ring, &copy, &second), SR_ESTALE);
    fake_ring_close(&f);
}

/* A detached operation comes by sr_ring_next() only. */
SR_UNCHECKED static void awaiting_a_detached_operation_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = submit_nop(f.ring);
    struct sr_op copy = op;
    struct sr_completion done;
    assert_int_equal(sr_op_detach(f.ring, &op, NULL), 0);

    assert_int_equal(sr_op_await(f.ring, &copy, &done), SR_EINVALID_STATE);
    assert_int_equal(sr_op_peek(f.ring, &copy, &done), SR_EINVALID_STATE);

    fake_kernel_post(f.kernel, copy.id, 0);
    assert_int_equal(sr_ring_next(f.ring, &done), 0);
    assert_int_equal(sr_take_plain(&done), 0);
    fake_ring_close(&f);
}

/* A wait with a limit ends with -ETIME after its time, and the operation goes on: the same handle works later. */
SR_UNCHECKED static void a_limited_wait_leaves_the_operation_going(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = start_nop(f.ring);
    uint64_t id = op.id;
    struct sr_completion done = untouched;
    uint64_t began = f.kernel->now_ns;

    assert_int_equal(sr_op_await_timeout(f.ring, &op, 3 * SECOND + 5, &done), -ETIME);

    assert_true(f.kernel->now_ns - began == 3 * SECOND + 5);
    assert_true(op.id == id);
    assert_memory_equal(&done, &untouched, sizeof done);
    assert_int_equal(sr_ring_in_flight(f.ring), 1);
    end(&f, &op, 8);
    fake_ring_close(&f);
}

/* A completion within the time is delivered, and others that arrive first do not make the wait start anew. */
SR_UNCHECKED static void a_limited_wait_counts_from_its_beginning(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op other = submit_nop(f.ring);
    struct sr_op op = submit_nop(f.ring);
    struct sr_completion done;
    fake_kernel_promise(f.kernel, other.id, 0);

    assert_int_equal(sr_op_await_timeout(f.ring, &op, SECOND, &done), -ETIME);
    assert_true(f.kernel->last_timeout_ns == SECOND);
    assert_int_equal(await_result(f.ring, &other), 0);

    fake_kernel_promise(f.kernel, op.id, 6);
    assert_int_equal(sr_op_await_timeout(f.ring, &op, SECOND, &done), 0);
    assert_int_equal(sr_take_plain(&done), 6);
    fake_ring_close(&f);
}

/* A time of 0 looks once and does not block. */
SR_UNCHECKED static void a_time_of_zero_looks_once(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = submit_nop(f.ring);
    struct sr_completion done;
    uint32_t enters = f.kernel->enters;

    assert_int_equal(sr_op_await_timeout(f.ring, &op, 0, &done), -ETIME);

    assert_int_equal(f.kernel->enters, enters + 1);
    assert_int_equal(f.kernel->last_min_complete, 0);
    end(&f, &op, 0);
    fake_ring_close(&f);
}

/* A time near the end of the clock does not wrap. */
SR_UNCHECKED static void a_time_beyond_the_clock_is_for_ever(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = submit_nop(f.ring);
    struct sr_completion done;
    fake_kernel_promise(f.kernel, op.id, 0);

    assert_int_equal(sr_op_await_timeout(f.ring, &op, UINT64_MAX - 1, &done), 0);

    assert_true(f.kernel->last_timeout_ns == UINT64_MAX);
    assert_int_equal(sr_take_plain(&done), 0);
    fake_ring_close(&f);
}

/* An empty peek enters once, with GETEVENTS and without waiting, and submits what is queued: polling progresses. */
SR_UNCHECKED static void an_empty_peek_enters_once(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = start_nop(f.ring);
    uint64_t id = op.id;
    struct sr_completion done = untouched;

    assert_int_equal(sr_op_peek(f.ring, &op, &done), SR_EOPERATION_PENDING);

    assert_int_equal(f.kernel->enters, 1);
    assert_int_equal(f.kernel->seen_count, 1);
    assert_int_equal(f.kernel->last_min_complete, 0);
    assert_true((f.kernel->last_flags & IORING_ENTER_GETEVENTS) != 0);
    assert_true(op.id == id);
    assert_memory_equal(&done, &untouched, sizeof done);

    fake_kernel_post(f.kernel, op.id, 9);
    assert_int_equal(sr_op_peek(f.ring, &op, &done), 0);
    assert_int_equal(f.kernel->enters, 1);
    assert_int_equal(sr_take_plain(&done), 9);
    fake_ring_close(&f);
}

/* An interrupted wait goes on; -EINTR is never the answer. */
SR_UNCHECKED static void an_interrupted_wait_goes_on(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = submit_nop(f.ring);
    struct sr_completion done;
    fake_kernel_refuse(f.kernel, -EINTR, 5);
    fake_kernel_promise(f.kernel, op.id, 0);

    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);

    assert_int_equal(f.kernel->enters, 7);
    assert_int_equal(sr_take_plain(&done), 0);
    fake_ring_close(&f);
}

/* Other errors of enter are the answer; the handle is as it was, and works when the kernel does again. */
SR_UNCHECKED static void an_error_of_the_kernel_ends_the_wait(void **state)
{
    (void)state;
    static const int errors[] = {-EBADR, -EDEADLK, -EFAULT, -EEXIST, -EOWNERDEAD};
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = start_nop(f.ring);
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        struct sr_completion done = untouched;
        fake_kernel_refuse(f.kernel, errors[i], 2);
        assert_int_equal(sr_op_await(f.ring, &op, &done), errors[i]);
        assert_int_equal(sr_op_peek(f.ring, &op, &done), errors[i]);
        assert_memory_equal(&done, &untouched, sizeof done);
    }
    fake_kernel_promise(f.kernel, op.id, 0);
    assert_int_equal(await_result(f.ring, &op), 0);
    fake_ring_close(&f);
}

/* A completion that came with the error is delivered all the same. */
SR_UNCHECKED static void a_completion_beside_an_error_is_delivered(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op ops[2] = {submit_nop(f.ring), submit_nop(f.ring)};
    struct sr_completion done;
    fake_kernel_post(f.kernel, ops[0].id, 3);
    fake_kernel_refuse(f.kernel, -EBADR, 1);

    assert_int_equal(sr_op_await(f.ring, &ops[1], &done), -EBADR);
    assert_int_equal(await_result(f.ring, &ops[0]), 3);

    end(&f, &ops[1], 0);
    fake_ring_close(&f);
}

/* A kernel that takes no entries for now is asked again while what it has goes on. */
SR_UNCHECKED static void a_busy_kernel_is_asked_again(void **state)
{
    (void)state;
    static const int errors[] = {-EAGAIN, -EBUSY};
    for (size_t i = 0; i < 2; i++) {
        struct fake_ring f = fake_ring_open(4);
        struct sr_op first = submit_nop(f.ring);
        struct sr_op op = start_nop(f.ring);
        fake_kernel_refuse(f.kernel, errors[i], 1);
        fake_kernel_promise(f.kernel, first.id, 1);
        fake_kernel_promise(f.kernel, op.id, 2);

        assert_int_equal(await_result(f.ring, &op), 2);

        assert_int_equal(f.kernel->seen_count, 2);
        assert_int_equal(await_result(f.ring, &first), 1);
        fake_ring_close(&f);
    }
}

/* How many enters a kernel refuses that takes entries from nobody; read in the kernel's own hook. */
static void refuse_entries(struct fake_kernel *kernel, void *user)
{
    (void)user;
    if (kernel->script_count == 0)
        fake_kernel_script(kernel, (struct fake_enter){.take = 0, .error = -EBUSY});
}

/* A kernel that takes no entries for good is not asked for good: a wait ends with its answer, the handle as it was. */
SR_UNCHECKED static void a_kernel_that_is_busy_for_good_ends_the_wait(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = start_nop(f.ring);
    uint64_t id = op.id;
    struct sr_completion done = untouched;
    fake_kernel_refuse(f.kernel, -EBUSY, 1);
    f.kernel->on_enter = refuse_entries;

    assert_int_equal(sr_op_await(f.ring, &op, &done), -EBUSY);

    assert_true(op.id == id);
    assert_int_equal(f.kernel->seen_count, 0);
    f.kernel->on_enter = NULL;
    f.kernel->script_count = 0;
    fake_kernel_promise(f.kernel, id, 0);
    assert_int_equal(await_result(f.ring, &op), 0);
    fake_ring_close(&f);
}

/* A wait that nothing can end is told by a deterministic kernel, not entered for ever. */
SR_UNCHECKED static void a_wait_that_cannot_end_is_told(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = submit_nop(f.ring);
    struct sr_completion done;

    assert_int_equal(sr_op_await(f.ring, &op, &done), -EDEADLK);

    end(&f, &op, 0);
    fake_ring_close(&f);
}

/* Completions are taken by next in the order in which they arrived, each with its user. */
SR_UNCHECKED static void next_gives_the_order_of_arrival(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    static const int order[4] = {2, 0, 3, 1};
    int users[4];
    struct sr_op ops[4];
    uint64_t ids[4];
    for (int i = 0; i < 4; i++) {
        ops[i] = submit_nop(f.ring);
        ids[i] = ops[i].id;
        assert_int_equal(sr_op_detach(f.ring, &ops[i], &users[i]), 0);
        assert_true(ops[i].id == 0);
    }
    for (int i = 0; i < 4; i++)
        fake_kernel_post(f.kernel, ids[order[i]], order[i]);

    for (int i = 0; i < 4; i++) {
        struct sr_completion done;
        assert_int_equal(sr_ring_next(f.ring, &done), 0);
        assert_ptr_equal(done.user, &users[order[i]]);
        assert_int_equal(sr_take_plain(&done), order[i]);
    }
    fake_ring_close(&f);
}

/* An operation may be detached before it is submitted, while it is under way, and after it has ended. */
SR_UNCHECKED static void detaching_works_in_each_state(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op ended = submit_nop(f.ring);
    struct sr_op under_way = submit_nop(f.ring);
    struct sr_op queued = start_nop(f.ring);
    struct sr_completion done;
    fake_kernel_post(f.kernel, ended.id, 1);
    fake_kernel_promise(f.kernel, under_way.id, 2);
    fake_kernel_promise(f.kernel, queued.id, 3);
    struct sr_op awaited = submit_nop(f.ring);
    fake_kernel_post(f.kernel, awaited.id, 0);
    assert_int_equal(await_result(f.ring, &awaited), 0); /* reaps `ended` too */

    assert_int_equal(sr_op_detach(f.ring, &queued, NULL), 0);
    assert_int_equal(sr_op_detach(f.ring, &under_way, NULL), 0);
    assert_int_equal(sr_op_detach(f.ring, &ended, NULL), 0);

    for (int i = 1; i <= 3; i++) {
        assert_int_equal(sr_ring_next(f.ring, &done), 0);
        assert_int_equal(sr_take_plain(&done), i);
    }
    fake_ring_close(&f);
}

/* Next does not return what handles await: it waits for the detached one, and the others are kept. */
SR_UNCHECKED static void next_leaves_what_handles_await(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op held = submit_nop(f.ring);
    struct sr_op detached = submit_nop(f.ring);
    struct sr_completion done;
    fake_kernel_promise(f.kernel, held.id, 1);
    fake_kernel_promise(f.kernel, detached.id, 2);
    assert_int_equal(sr_op_detach(f.ring, &detached, NULL), 0);

    assert_int_equal(sr_ring_next(f.ring, &done), 0);
    assert_int_equal(sr_take_plain(&done), 2);

    assert_int_equal(sr_ring_next(f.ring, &done), SR_ENOTHING_IN_FLIGHT);
    assert_int_equal(await_result(f.ring, &held), 1);
    fake_ring_close(&f);
}

/* Next with nothing that could come, or only handles and orphans, says so at once (OP-8). */
SR_UNCHECKED static void next_with_nothing_to_come_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_completion done = untouched;
    size_t count = 4;
    assert_int_equal(sr_ring_next(f.ring, &done), SR_ENOTHING_IN_FLIGHT);
    assert_int_equal(sr_ring_next_timeout(f.ring, SECOND, &done), SR_ENOTHING_IN_FLIGHT);
    assert_int_equal(sr_ring_next_many(f.ring, &done, 1, &count), SR_ENOTHING_IN_FLIGHT);

    struct sr_op orphan = submit_nop(f.ring);
    struct sr_op held = submit_nop(f.ring);
    uint64_t id = orphan.id;
    sr_op_drop(f.ring, &orphan);
    assert_int_equal(sr_ring_next(f.ring, &done), SR_ENOTHING_IN_FLIGHT);

    assert_memory_equal(&done, &untouched, sizeof done);
    assert_int_equal(count, 4);
    assert_true(f.kernel->now_ns == SECOND);
    fake_kernel_post(f.kernel, id, 0);
    end(&f, &held, 0);
    fake_ring_close(&f);
}

/* A delivered completion that was not ended does not make next wait for it again. */
SR_UNCHECKED static void next_does_not_wait_for_what_it_gave(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op op = submit_nop(f.ring);
    struct sr_completion first;
    struct sr_completion done;
    fake_kernel_post(f.kernel, op.id, 1);
    assert_int_equal(sr_op_detach(f.ring, &op, NULL), 0);
    assert_int_equal(sr_ring_next(f.ring, &first), 0);

    assert_int_equal(sr_ring_next(f.ring, &done), SR_ENOTHING_IN_FLIGHT);

    assert_int_equal(sr_take_plain(&first), 1);
    fake_ring_close(&f);
}

/* Next with a limit: -ETIME, then the operation still comes. */
SR_UNCHECKED static void next_with_a_limit_times_out(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op op = start_nop(f.ring);
    uint64_t id = op.id;
    struct sr_completion done = untouched;
    assert_int_equal(sr_op_detach(f.ring, &op, NULL), 0);

    assert_int_equal(sr_ring_next_timeout(f.ring, 5, &done), -ETIME);
    assert_int_equal(sr_ring_next_timeout(f.ring, 0, &done), -ETIME);

    assert_memory_equal(&done, &untouched, sizeof done);
    assert_int_equal(f.kernel->seen_count, 1);
    fake_kernel_post(f.kernel, id, 2);
    assert_int_equal(sr_ring_next_timeout(f.ring, 0, &done), 0);
    assert_int_equal(sr_take_plain(&done), 2);
    fake_ring_close(&f);
}

/* Next many takes what is there, up to the room, and waits for one only. */
SR_UNCHECKED static void next_many_takes_what_is_there(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_completion done[5];
    size_t count = 0;
    for (int i = 0; i < 4; i++) {
        struct sr_op op = submit_nop(f.ring);
        fake_kernel_post(f.kernel, op.id, i);
        assert_int_equal(sr_op_detach(f.ring, &op, NULL), 0);
    }
    struct sr_op late = submit_nop(f.ring);
    fake_kernel_promise(f.kernel, late.id, 4);
    assert_int_equal(sr_op_detach(f.ring, &late, NULL), 0);

    assert_int_equal(sr_ring_next_many(f.ring, done, 3, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(sr_ring_next_many(f.ring, done + 3, 2, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(sr_ring_next_many(f.ring, done + 4, 1, &count), 0);
    assert_int_equal(count, 1);

    for (int i = 0; i < 5; i++)
        assert_int_equal(sr_take_plain(&done[i]), i);
    fake_ring_close(&f);
}

/*
 * When as many completions wait to be taken as the ring holds, it stops reaping and says so; nothing is lost, and taking
 * some lets it go on (OP-9).
 */
SR_UNCHECKED static void a_full_queue_stops_reaping_and_loses_nothing(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.completion_entries = 4;
    config.max_in_flight = 12;
    config.queue_entries = 4;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_op ops[10];
    struct sr_completion done = untouched;
    for (int i = 0; i < 10; i++)
        ops[i] = submit_nop(f.ring);
    for (int i = 0; i < 9; i++)
        fake_kernel_post(f.kernel, ops[i].id, i); /* the CQ holds four, the rest overflows */

    assert_int_equal(sr_op_await(f.ring, &ops[9], &done), SR_EQUEUE_FULL);
    assert_int_equal(sr_op_peek(f.ring, &ops[9], &done), SR_EQUEUE_FULL);
    assert_memory_equal(&done, &untouched, sizeof done);

    for (int i = 0; i < 4; i++)
        assert_int_equal(await_result(f.ring, &ops[i]), i);
    fake_kernel_promise(f.kernel, ops[9].id, 9);
    assert_int_equal(sr_op_await(f.ring, &ops[9], &done), SR_EQUEUE_FULL);
    for (int i = 4; i < 10; i++)
        assert_int_equal(await_result(f.ring, &ops[i]), i);
    assert_true(stats_of(f.ring).overflows > 0);
    assert_int_equal(stats_of(f.ring).completed, 10);
    fake_ring_close(&f);
}

/* The same for next, when what fills the queue belongs to handles. */
SR_UNCHECKED static void next_says_that_the_queue_is_full(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 2;
    config.completion_entries = 2;
    config.max_in_flight = 4;
    config.queue_entries = 2;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_op held[2] = {submit_nop(f.ring), submit_nop(f.ring)};
    struct sr_op op = submit_nop(f.ring);
    uint64_t id = op.id;
    struct sr_completion done;
    assert_int_equal(sr_op_detach(f.ring, &op, NULL), 0);
    fake_kernel_post(f.kernel, held[0].id, 0);
    fake_kernel_post(f.kernel, held[1].id, 1);
    fake_kernel_post(f.kernel, id, 2);

    assert_int_equal(sr_ring_next(f.ring, &done), SR_EQUEUE_FULL);

    assert_int_equal(await_result(f.ring, &held[1]), 1);
    assert_int_equal(sr_ring_next(f.ring, &done), 0);
    assert_int_equal(sr_take_plain(&done), 2);
    assert_int_equal(await_result(f.ring, &held[0]), 0);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(awaiting_gives_the_kernels_result),
    cmocka_unit_test(null_is_refused),
    cmocka_unit_test(what_arrives_for_others_is_kept_for_them),
    cmocka_unit_test(an_ended_operation_needs_no_enter),
    cmocka_unit_test(a_stale_handle_is_refused),
    cmocka_unit_test(awaiting_twice_by_a_copy_is_refused),
    cmocka_unit_test(awaiting_a_detached_operation_is_refused),
    cmocka_unit_test(a_limited_wait_leaves_the_operation_going),
    cmocka_unit_test(a_limited_wait_counts_from_its_beginning),
    cmocka_unit_test(a_time_of_zero_looks_once),
    cmocka_unit_test(a_time_beyond_the_clock_is_for_ever),
    cmocka_unit_test(an_empty_peek_enters_once),
    cmocka_unit_test(an_interrupted_wait_goes_on),
    cmocka_unit_test(an_error_of_the_kernel_ends_the_wait),
    cmocka_unit_test(a_completion_beside_an_error_is_delivered),
    cmocka_unit_test(a_busy_kernel_is_asked_again),
    cmocka_unit_test(a_kernel_that_is_busy_for_good_ends_the_wait),
    cmocka_unit_test(a_wait_that_cannot_end_is_told),
    cmocka_unit_test(next_gives_the_order_of_arrival),
    cmocka_unit_test(detaching_works_in_each_state),
    cmocka_unit_test(next_leaves_what_handles_await),
    cmocka_unit_test(next_with_nothing_to_come_is_refused),
    cmocka_unit_test(next_does_not_wait_for_what_it_gave),
    cmocka_unit_test(next_with_a_limit_times_out),
    cmocka_unit_test(next_many_takes_what_is_there),
    cmocka_unit_test(a_full_queue_stops_reaping_and_loses_nothing),
    cmocka_unit_test(next_says_that_the_queue_is_full),
};

SR_TEST_MAIN(tests)
