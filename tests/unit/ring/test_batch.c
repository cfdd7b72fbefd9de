/*
 * Batches on a kernel that does what the test says: what is refused, what reaches the kernel and when, what is left behind
 * (BATCH-1 … BATCH-7, OP-7, RING-1, RING-4, RING-5).
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>

#include "batch_fixture.h"

/* What is not there is refused, in every argument. */
SR_UNCHECKED static void nothing_is_done_with_null(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch *batch = NULL;
    struct sr_batch_future future = {0};
    struct sr_batch_result result = {0};
    struct sr_batch_entry entry;
    struct sr_buffer *buffer = NULL;
    struct sr_op_spec nop = sr_spec_nop();
    struct sr_batch_options wrong = {.form = (enum sr_batch_form)7};

    assert_int_equal(sr_batch_new(NULL), -EINVAL);
    assert_int_equal(sr_batch_new_with(&batch, NULL), -EINVAL);
    assert_int_equal(sr_batch_new_with(&batch, &wrong), -EINVAL);
    assert_null(batch);
    assert_int_equal(sr_batch_free(&batch), -EINVAL);
    assert_int_equal(sr_batch_add(NULL, &nop, &buffer, NULL), -EINVAL);
    assert_int_equal(sr_batch_add_plain(NULL, &nop, NULL), -EINVAL);
    assert_int_equal(sr_batch_add_dependency(NULL, 0, 0), -EINVAL);
    assert_int_equal(sr_batch_count(NULL), 0);
    assert_int_equal(sr_batch_submit_standalone(f.ring, &batch, &future), -EINVAL);
    assert_int_equal(sr_batch_submit(f.ring, &batch, &result), -EINVAL);
    assert_int_equal(sr_batch_poll(NULL, f.ring, &result), -EINVAL);
    assert_int_equal(sr_batch_cancel(f.ring, NULL), -EINVAL);
    assert_int_equal(sr_batch_result_at(&result, 0, &entry), -EINVAL);
    assert_int_equal(sr_batch_result_take(&result, 0, &buffer), -EINVAL);

    fake_ring_close(&f);
}

/* An operation that could never be started is refused when it is added, and its buffer stays (BUF-2, BUF-8). */
SR_UNCHECKED static void what_can_never_start_is_not_added(void **state)
{
    (void)state;
    struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, false);
    struct sr_buffer *buffer = NULL;
    assert_int_equal(sr_buffer_new(&buffer, 10), 0);
    struct sr_buffer *copy = buffer;
    struct {
        struct sr_op_spec spec;
        int expected;
    } wrong[] = {
        {sr_spec_read(sr_fd(1), 0, sr_range(5, 6)), -EINVAL},
        {sr_spec_read(sr_fd(1), 0, sr_range(0, (size_t)1 << 33)), -E2BIG},
        {sr_spec_nop(), -EOPNOTSUPP},
        {sr_spec_readv(sr_fd(1), 0), -EINVAL},
        {sr_spec_of_(250), -EOPNOTSUPP},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(sr_batch_add(batch, &wrong[i].spec, &buffer, NULL), wrong[i].expected);
        assert_ptr_equal(buffer, copy);
        assert_true(sr_buffer_is_user_owned(buffer));
    }
    struct sr_op_spec read = sr_spec_read(sr_fd(1), 0, sr_range(0, 10));
    struct sr_op_spec open = sr_spec_openat(sr_fd(AT_FDCWD), NULL, 0, 0);
    assert_int_equal(sr_batch_add_plain(batch, &read, NULL), -EOPNOTSUPP);
    assert_int_equal(sr_batch_add_plain(batch, &open, NULL), -EINVAL);
    assert_int_equal(sr_batch_count(batch), 0);

    assert_int_equal(sr_batch_add(batch, &read, &buffer, NULL), 0);
    assert_int_equal(sr_batch_add(batch, &read, &copy, NULL), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_buffer_release(&copy), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_batch_free(&batch), 0);
    assert_null(batch);
}

/* Who inherits must inherit something, and alone (BATCH-8). */
SR_UNCHECKED static void an_inheritance_is_had_by_one(void **state)
{
    (void)state;
    struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, false);
    struct sr_op_spec nop = sr_spec_nop();
    struct sr_op_spec write = sr_spec_write(sr_fd(1), 0, (struct sr_range){0});
    struct sr_op_spec writev = sr_spec_writev(sr_fd(1), 0);
    uint32_t index;
    add_read(batch, 1, 10);
    assert_int_equal(sr_batch_add_plain(batch, &nop, NULL), 0);

    assert_int_equal(sr_batch_add_inheriting(batch, &write, 1, &index), -EINVAL);
    assert_int_equal(sr_batch_add_inheriting(batch, &write, 2, &index), -EINVAL);
    assert_int_equal(sr_batch_add_inheriting(batch, &writev, 0, &index), -EINVAL);
    assert_int_equal(sr_batch_add_inheriting(batch, &nop, 0, &index), -EOPNOTSUPP);
    assert_int_equal(sr_batch_count(batch), 2);
    assert_int_equal(sr_batch_add_inheriting(batch, &write, 0, &index), 0);
    assert_int_equal(index, 2);
    assert_int_equal(sr_batch_add_inheriting(batch, &write, 0, &index), -EINVAL);
    assert_int_equal(sr_batch_add_inheriting(batch, &write, 2, &index), 0);
    assert_int_equal(sr_batch_add_dependency(batch, 0, 3), SR_ECYCLE);

    assert_int_equal(sr_batch_free(&batch), 0);
}

/* A batch without an operation, and one whose argument the ring has no room for, is not taken (BATCH-7, ARG-1). */
SR_UNCHECKED static void what_the_ring_can_not_have_is_not_taken(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 1;
    config.argument_bytes = 64;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, false);
    struct sr_batch_future future = {0};
    char path[100];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = 0;
    struct sr_op_spec spec = sr_spec_openat(sr_fd(AT_FDCWD), path, 0, 0);

    assert_int_equal(sr_batch_submit_standalone(f.ring, &batch, &future), SR_EBATCH_EMPTY);
    assert_non_null(batch);
    assert_int_equal(sr_batch_add_plain(batch, &spec, NULL), 0);
    assert_int_equal(sr_batch_submit_standalone(f.ring, &batch, &future), -E2BIG);
    assert_non_null(batch);
    assert_int_equal(sr_batch_free(&batch), 0);
    batch = new_batch(SR_BATCH_CHAINED, false);
    spec = sr_spec_within(sr_spec_nop(), 1000);
    assert_int_equal(sr_batch_add_plain(batch, &spec, NULL), 0);
    assert_int_equal(sr_batch_submit_standalone(f.ring, &batch, &future), -E2BIG);
    assert_int_equal(sr_ring_in_flight(f.ring), 0);
    assert_int_equal(sr_batch_free(&batch), 0);

    fake_ring_close(&f);
}

/* What is independent goes to the kernel in one enter (BATCH-4). */
SR_UNCHECKED static void independent_operations_go_in_one_submission(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, false);
    struct sr_batch_result result;
    for (int i = 0; i < 8; i++)
        add_read(batch, i, 10);

    struct sr_batch_future future = submit(f.ring, batch);
    assert_int_equal(f.kernel->enters, 0);
    assert_int_equal(sr_ring_in_flight(f.ring), 8);
    assert_int_equal(sr_batch_poll(&future, f.ring, &result), SR_EOPERATION_PENDING);

    assert_int_equal(f.kernel->enters, 1);
    assert_int_equal(f.kernel->seen_count, 8);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(f.kernel->seen[i].flags, 0);
        answer(&f, i, 10);
    }
    expect(&f, &future, "++++++++");
    fake_ring_close(&f);
}

/* A chain goes linked in one submission; when it is to be deferred, one by one (BATCH-2, BATCH-4). */
SR_UNCHECKED static void a_chain_goes_linked_or_one_by_one(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch_result result;

    struct sr_batch_future linked = submit(f.ring, chain_of(3, SR_BATCH_CHAINED, false));
    assert_int_equal(sr_ring_submit(f.ring), 0);
    assert_int_equal(f.kernel->seen_count, 3);
    assert_int_equal(f.kernel->seen[0].flags, IOSQE_IO_LINK);
    assert_int_equal(f.kernel->seen[1].flags, IOSQE_IO_LINK);
    assert_int_equal(f.kernel->seen[2].flags, 0);
    for (uint32_t i = 0; i < 3; i++)
        answer(&f, i, 10);
    expect(&f, &linked, "+++");

    struct sr_batch_future deferred = submit(f.ring, chain_of(3, SR_BATCH_DEFERRED, false));
    for (uint32_t i = 3; i < 6; i++) {
        assert_int_equal(sr_batch_poll(&deferred, f.ring, &result), SR_EOPERATION_PENDING);
        assert_int_equal(f.kernel->seen_count, i + 1);
        assert_int_equal(f.kernel->seen[i].flags, 0);
        answer(&f, i, 10);
    }
    expect(&f, &deferred, "+++");
    fake_ring_close(&f);
}

/* A dependent does not start before its dependency has ended well, nor after it failed (BATCH-2, BATCH-3). */
SR_UNCHECKED static void a_dependent_of_a_failure_never_runs(void **state)
{
    (void)state;
    static const int32_t failures[] = {-EIO, 9, 0};
    for (size_t i = 0; i < 3; i++) {
        struct fake_ring f = fake_ring_open(8);
        struct sr_batch_future future = submit(f.ring, chain_of(2, SR_BATCH_DEFERRED, false));
        assert_int_equal(sr_ring_submit(f.ring), 0);
        answer(&f, 0, failures[i]);
        expect(&f, &future, "!-");
        assert_int_equal(f.kernel->seen_count, 1);
        fake_ring_close(&f);
    }
}

/* An operation's own end may be -ECANCELED: only what was linked behind one that failed is cancelled with it (BATCH-7). */
SR_UNCHECKED static void an_own_cancel_is_a_failure(void **state)
{
    (void)state;
    for (int broken = 0; broken < 2; broken++) {
        struct fake_ring f = fake_ring_open(8);
        struct sr_batch_future future = submit(f.ring, chain_of(2, SR_BATCH_CHAINED, false));
        assert_int_equal(sr_ring_submit(f.ring), 0);
        assert_int_equal(f.kernel->seen_count, 2);
        answer(&f, 0, broken ? -EIO : 10);
        answer(&f, 1, -ECANCELED);
        expect(&f, &future, broken ? "!-" : "+!");
        fake_ring_close(&f);
    }
}

/* The kernel goes on behind an fsync that failed: nothing is linked behind one (BATCH-2). */
SR_UNCHECKED static void nothing_is_linked_behind_an_fsync(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, false);
    struct sr_op_spec sync = sr_spec_fsync(sr_fd(10), 0);
    struct sr_op_spec nop = sr_spec_nop();
    assert_int_equal(sr_batch_add_plain(batch, &sync, NULL), 0);
    assert_int_equal(sr_batch_add_plain(batch, &nop, NULL), 0);
    assert_int_equal(sr_batch_add_dependency(batch, 1, 0), 0);
    struct sr_batch_future future = submit(f.ring, batch);

    assert_int_equal(sr_ring_submit(f.ring), 0);

    assert_int_equal(f.kernel->seen_count, 1);
    answer(&f, 0, -ENOSPC);
    expect(&f, &future, "!-");
    assert_int_equal(f.kernel->seen_count, 1);
    fake_ring_close(&f);
}

/* A chain of which the kernel takes only the beginning goes on by itself, and not before its time (OP-7, BATCH-2). */
SR_UNCHECKED static void a_parted_chain_is_deferred(void **state)
{
    (void)state;
    for (uint32_t taken = 1; taken < 4; taken++) {
        struct fake_ring f = fake_ring_open(8);
        struct sr_batch_future future = submit(f.ring, chain_of(4, SR_BATCH_CHAINED, false));
        struct sr_op nop = start_nop(f.ring);
        fake_kernel_script(f.kernel, (struct fake_enter){.take = taken});
        assert_int_equal(sr_ring_submit(f.ring), 0);

        assert_int_equal(f.kernel->seen_count, taken + 1);
        assert_int_equal(f.kernel->seen[taken].opcode, IORING_OP_NOP);
        answer(&f, taken, 0);
        assert_int_equal(await_result(f.ring, &nop), 0);
        for (uint32_t i = 0; i < taken; i++)
            answer(&f, i, 10);
        struct sr_batch_result result;
        assert_int_equal(sr_batch_poll(&future, f.ring, &result), SR_EOPERATION_PENDING);
        assert_int_equal(f.kernel->seen_count, 5);
        assert_int_equal(f.kernel->seen[taken + 1].fd, 10 + (int)taken);
        for (uint32_t i = taken; i < 4; i++)
            answer(&f, i + 1, 10);
        expect(&f, &future, "++++");
        fake_ring_close(&f);
    }
}

/* A chain longer than the SQ is linked as far as there is room, and the rest goes in its time. */
SR_UNCHECKED static void a_chain_longer_than_the_queue_goes_in_parts(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_batch_result result;
    struct sr_batch_future future = submit(f.ring, chain_of(6, SR_BATCH_CHAINED, false));
    assert_int_equal(sr_ring_submit(f.ring), 0);

    assert_int_equal(f.kernel->seen_count, 4);
    assert_int_equal(f.kernel->seen[3].flags, 0);
    for (uint32_t i = 0; i < 4; i++)
        answer(&f, i, 10);
    assert_int_equal(sr_batch_poll(&future, f.ring, &result), SR_EOPERATION_PENDING);
    assert_int_equal(f.kernel->seen_count, 6);
    assert_int_equal(f.kernel->seen[4].flags, IOSQE_IO_LINK);
    answer(&f, 4, 10);
    answer(&f, 5, 10);
    expect(&f, &future, "++++++");
    fake_ring_close(&f);
}

/* A chain that finds the SQ partly filled has room made for all of it: what is queued goes before (BATCH-4). */
SR_UNCHECKED static void room_is_made_for_a_whole_chain(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op nops[2] = {start_nop(f.ring), start_nop(f.ring)};
    struct sr_batch_future future = submit(f.ring, chain_of(3, SR_BATCH_CHAINED, false));
    assert_int_equal(sr_ring_submit(f.ring), 0);

    assert_int_equal(f.kernel->seen_count, 5);
    assert_int_equal(f.kernel->seen[2].flags, IOSQE_IO_LINK);
    assert_int_equal(f.kernel->seen[3].flags, IOSQE_IO_LINK);
    assert_int_equal(f.kernel->seen[4].flags, 0);
    for (uint32_t i = 0; i < 5; i++)
        answer(&f, i, i < 2 ? 0 : 10);
    expect(&f, &future, "+++");
    for (int i = 0; i < 2; i++)
        assert_int_equal(await_result(f.ring, &nops[i]), 0);
    fake_ring_close(&f);
}

/* Fail-fast asks the kernel to cancel what runs, and the batch ends only when all of it has ended (BATCH-3). */
SR_UNCHECKED static void fail_fast_cancels_and_waits(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, true);
    struct sr_batch_result result;
    add_read(batch, 1, 10);
    add_read(batch, 2, 10);
    add_read(batch, 3, 10);
    assert_int_equal(sr_batch_add_dependency(batch, 2, 1), 0);
    struct sr_batch_future future = submit(f.ring, batch);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    uint64_t running = f.kernel->seen[1].user_data;
    answer(&f, 0, -EIO);

    assert_int_equal(sr_batch_poll(&future, f.ring, &result), SR_EOPERATION_PENDING);
    assert_int_equal(f.kernel->seen_count, 5);
    assert_int_equal(f.kernel->seen[3].opcode, IORING_OP_ASYNC_CANCEL);
    assert_int_equal(f.kernel->seen[3].addr, running);
    fake_kernel_post(f.kernel, f.kernel->seen[3].user_data, 0);
    fake_kernel_post(f.kernel, f.kernel->seen[4].user_data, -ENOENT);
    answer(&f, 1, -ECANCELED);
    assert_int_equal(sr_batch_poll(&future, f.ring, &result), SR_EOPERATION_PENDING);
    answer(&f, 2, -ECANCELED);
    assert_int_equal(f.kernel->seen_count, 6); /* what a cancel did not find is asked for again */
    assert_int_equal(f.kernel->seen[5].addr, f.kernel->seen[2].user_data);
    fake_kernel_post(f.kernel, f.kernel->seen[5].user_data, -ENOENT);
    expect(&f, &future, "!--");
    fake_ring_close(&f);
}

/* What fail-fast finds still queued never reaches the kernel, and its buffer comes back. */
SR_UNCHECKED static void fail_fast_takes_back_what_is_queued(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, true);
    for (int i = 1; i <= 3; i++)
        add_read(batch, i, 10);
    struct sr_batch_future future = submit(f.ring, batch);
    fake_kernel_script(f.kernel, (struct fake_enter){.take = 1});
    fake_kernel_script(f.kernel, (struct fake_enter){.error = -EBUSY});
    assert_int_equal(sr_ring_submit(f.ring), -EBUSY);
    assert_int_equal(f.kernel->seen_count, 1);
    answer(&f, 0, -EIO);

    expect(&f, &future, "!--");

    assert_int_equal(f.kernel->seen_count, 1);
    fake_ring_close(&f);
}

/* Every slot taken: the batch waits for one, and says so when nothing could free it. */
SR_UNCHECKED static void a_batch_waits_for_slots(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 8;
    config.max_in_flight = 2;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_op nop = submit_nop(f.ring);
    struct sr_completion done;
    struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, false);
    struct sr_batch_result result;
    for (int i = 0; i < 3; i++)
        add_read(batch, i, 10);
    struct sr_batch_future future = submit(f.ring, batch);
    assert_int_equal(sr_ring_in_flight(f.ring), 4);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    assert_int_equal(f.kernel->seen_count, 2);

    answer(&f, 1, 10);
    assert_int_equal(sr_batch_poll(&future, f.ring, &result), SR_EOPERATION_PENDING);
    assert_int_equal(f.kernel->seen_count, 3);
    answer(&f, 0, 0);
    assert_int_equal(sr_op_await(f.ring, &nop, &done), 0);
    struct sr_op other = {0};
    answer(&f, 2, 10);
    assert_int_equal(sr_batch_poll(&future, f.ring, &result), SR_EOPERATION_PENDING);
    answer(&f, 3, 10);
    expect(&f, &future, "+++");
    assert_int_equal(sr_take_plain(&done), 0);

    /* Both slots hold completions that nobody takes. */
    struct sr_completion held[2];
    for (uint32_t i = 0; i < 2; i++) {
        other = submit_nop(f.ring);
        answer(&f, 4 + i, 0);
        assert_int_equal(sr_op_await(f.ring, &other, &held[i]), 0);
    }
    future = submit(f.ring, chain_of(1, SR_BATCH_CHAINED, false));
    assert_int_equal(sr_batch_poll(&future, f.ring, &result), -EBUSY);
    assert_int_equal(sr_batch_await(&future, f.ring, &result), -EBUSY);
    assert_int_equal(sr_take_plain(&held[0]), 0);
    assert_int_equal(sr_batch_poll(&future, f.ring, &result), SR_EOPERATION_PENDING);
    answer(&f, 6, 10);
    expect(&f, &future, "+");
    assert_int_equal(sr_take_plain(&held[1]), 0);
    fake_ring_close(&f);
}

/* Dropping orphans what the kernel has, takes back what is queued, and sends home what waits (BATCH-6). */
SR_UNCHECKED static void a_drop_lets_go_of_what_the_kernel_has_not(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch *batch = new_batch(SR_BATCH_DEFERRED, false);
    struct sr_batch_result result;
    const struct sr_buffer *buffers[4];
    for (int i = 0; i < 4; i++)
        buffers[i] = add_read(batch, i, 10);
    assert_int_equal(sr_batch_add_dependency(batch, 3, 0), 0);
    struct sr_batch_future future = submit(f.ring, batch);
    struct sr_batch_future copy = future;
    fake_kernel_script(f.kernel, (struct fake_enter){.take = 2});
    fake_kernel_script(f.kernel, (struct fake_enter){.error = -EBUSY});
    assert_int_equal(sr_ring_submit(f.ring), -EBUSY);
    answer(&f, 1, 10);
    assert_int_equal(sr_ring_in_flight(f.ring), 4);

    sr_batch_drop(f.ring, &future);

    assert_int_equal(future.id, 0);
    assert_int_equal(sr_ring_orphan_count(f.ring), 2);
    assert_int_equal(sr_ring_in_flight(f.ring), 2);
    assert_int_equal(sr_buffer_size(buffers[0]), 10);
    assert_int_equal(sr_buffer_size(buffers[1]), 10);
    assert_int_equal(sr_buffer_size(buffers[2]), 0);
    assert_int_equal(sr_buffer_size(buffers[3]), 0);
    assert_int_equal(sr_batch_poll(&copy, f.ring, &result), SR_ESTALE);
    assert_int_equal(sr_batch_cancel(f.ring, &copy), SR_ESTALE);
    uint64_t misuses = stats_of(f.ring).misuses;
    sr_batch_drop(f.ring, &copy);
    assert_int_equal(stats_of(f.ring).misuses, misuses + 1);

    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(sr_ring_orphan_count(f.ring), 1);
    for (uint32_t i = 2; i < f.kernel->seen_count; i++)
        fake_kernel_post(f.kernel, f.kernel->seen[i].user_data, -ENOENT);
    answer(&f, 0, 10);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(sr_buffer_size(buffers[0]), 0);
    fake_ring_close(&f);
}

/* A descriptor that a dropped batch had made, or that nobody takes of a result, is closed (ORPH-4). */
SR_UNCHECKED static void descriptors_nobody_takes_are_closed(void **state)
{
    (void)state;
    for (int drops = 0; drops < 2; drops++) {
        struct fake_ring f = fake_ring_open(8);
        struct sr_batch *batch = new_batch(SR_BATCH_DEFERRED, false);
        struct sr_batch_result result;
        struct sr_op_spec accept = sr_spec_accept(sr_fd(3), 0);
        for (int i = 0; i < 3; i++)
            assert_int_equal(sr_batch_add_plain(batch, &accept, NULL), 0);
        struct sr_batch_future future = submit(f.ring, batch);
        assert_int_equal(sr_ring_submit(f.ring), 0);
        answer(&f, 0, 77);
        answer(&f, 1, -EIO);
        answer(&f, 2, 78);
        if (drops) {
            assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
            sr_batch_drop(f.ring, &future);
            assert_int_equal(f.kernel->closed_count, 2);
        } else {
            assert_int_equal(sr_batch_await(&future, f.ring, &result), 0);
            assert_int_equal(sr_batch_result_take_plain(&result, 2), 78);
            sr_batch_result_fini(&result);
            assert_int_equal(f.kernel->closed_count, 1);
        }
        assert_int_equal(f.kernel->closed[0], 77);
        fake_ring_close(&f);
    }
}

/* So is one that a batch makes while its ring drains (RING-4). */
SR_UNCHECKED static void a_drain_closes_what_its_batches_make(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch *batch = new_batch(SR_BATCH_DEFERRED, false);
    struct sr_op_spec accept = sr_spec_accept(sr_fd(3), 0);
    struct sr_batch_result result;
    assert_int_equal(sr_batch_add_plain(batch, &accept, NULL), 0);
    struct sr_batch_future future = submit(f.ring, batch);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    answer(&f, 0, 77);
    assert_int_equal(sr_ring_drain(f.ring, 0, NULL), 0);
    assert_int_equal(f.kernel->closed_count, 1);
    assert_int_equal(f.kernel->closed[0], 77);
    assert_int_equal(sr_batch_poll(&future, f.ring, &result), SR_ESTALE);
    fake_ring_close(&f);
}

static struct sr_panic_operation listed[8];
static uint32_t listed_count;

static void keep_list(const struct sr_panic *panic, void *user)
{
    (void)user;
    listed_count = 0;
    while (sr_panic_at(panic, listed_count, &listed[listed_count]))
        listed_count++;
    assert_int_equal(listed_count, panic->count);
}

/* A ring with a batch alive is not closed: every operation of it counts and is listed, the result too (RING-1, RING-5). */
SR_UNCHECKED static void a_live_batch_keeps_the_ring(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch_result result;
    struct sr_ring *ring = f.ring;
    struct sr_batch_future future = submit(f.ring, chain_of(3, SR_BATCH_DEFERRED, false));
    sr_set_panic_handler(keep_list, NULL);

    assert_int_equal(sr_ring_close(&ring), SR_EOPERATIONS_IN_FLIGHT);
    assert_int_equal(listed_count, 3);
    assert_string_equal(listed[0].state, "queued");
    assert_string_equal(listed[1].state, "waiting");
    assert_string_equal(listed[2].kind, "READ");
    assert_int_equal(listed[2].fd, 12);
    assert_int_equal(listed[2].buffer_size, 10);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(sr_batch_poll(&future, ring, &result), SR_EOPERATION_PENDING);
        answer(&f, i, 10);
    }
    assert_int_equal(sr_batch_poll(&future, ring, &result), 0);
    assert_int_equal(sr_ring_try_close(&ring), SR_EOPERATIONS_IN_FLIGHT);
    assert_int_equal(sr_ring_close(&ring), SR_EOPERATIONS_IN_FLIGHT);
    assert_int_equal(listed_count, 3);
    assert_string_equal(listed[0].state, "done");

    sr_set_panic_handler(NULL, NULL);
    sr_batch_result_fini(&result);
    fake_ring_close(&f);
}

/* What waits in a batch and works on no descriptor is listed with none (RING-5). */
SR_UNCHECKED static void a_listed_nop_has_no_descriptor(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_ring *ring = f.ring;
    struct sr_batch *batch = new_batch(SR_BATCH_DEFERRED, false);
    struct sr_op_spec nop = sr_spec_nop();
    for (int i = 0; i < 2; i++)
        assert_int_equal(sr_batch_add_plain(batch, &nop, NULL), 0);
    assert_int_equal(sr_batch_add_dependency(batch, 1, 0), 0);
    struct sr_batch_future future = submit(ring, batch);
    sr_set_panic_handler(keep_list, NULL);
    assert_int_equal(sr_ring_close(&ring), SR_EOPERATIONS_IN_FLIGHT);
    sr_set_panic_handler(NULL, NULL);
    assert_int_equal(listed_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_string_equal(listed[i].kind, "NOP");
        assert_int_equal(listed[i].fd, -1);
        assert_int_equal(listed[i].buffer_size, 0);
    }
    sr_batch_drop(ring, &future);
    fake_ring_close(&f);
}

/* What a specification points to is copied when it is added, and must be there (ARG-1). */
SR_UNCHECKED static void arguments_are_copied_when_added(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, false);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = 7};
    struct sockaddr_in kept = address;
    char path[] = "a path";
    const struct sockaddr *where = (const struct sockaddr *)&address;
    struct sr_op_spec nowhere = sr_spec_connect(sr_fd(3), NULL, sizeof address);
    struct sr_op_spec empty = sr_spec_connect(sr_fd(3), where, 0);
    struct sr_op_spec connect = sr_spec_connect(sr_fd(3), where, sizeof address);
    struct sr_op_spec open = sr_spec_openat(sr_fd(AT_FDCWD), path, O_RDONLY, 0);
    assert_int_equal(sr_batch_add_plain(batch, &nowhere, NULL), -EINVAL);
    assert_int_equal(sr_batch_add_plain(batch, &empty, NULL), -EINVAL);
    assert_int_equal(sr_batch_add_plain(batch, &connect, NULL), 0);
    assert_int_equal(sr_batch_add_plain(batch, &open, NULL), 0);
    memset(&address, 'x', sizeof address);
    memset(path, 'x', sizeof path - 1);

    struct sr_batch_future future = submit(f.ring, batch);
    assert_int_equal(sr_ring_submit(f.ring), 0);

    assert_int_equal(f.kernel->seen_count, 2);
    assert_int_equal(f.kernel->seen[0].off, sizeof address);
    assert_memory_equal((const void *)(uintptr_t)f.kernel->seen[0].addr, &kept, sizeof kept);
    assert_string_equal((const char *)(uintptr_t)f.kernel->seen[1].addr, "a path");
    answer(&f, 0, 0);
    answer(&f, 1, -ENOENT);
    expect(&f, &future, "+!");
    fake_ring_close(&f);
}

/* A drain lets a batch run to its end and disposes of its result, and of one that was handed over: both are stale (RING-4). */
SR_UNCHECKED static void a_drain_ends_batches(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch_result result;
    struct sr_batch_result late;
    struct sr_buffer *buffer = NULL;
    struct sr_batch_future first = submit(f.ring, chain_of(1, SR_BATCH_DEFERRED, false));
    struct sr_batch_future second = submit(f.ring, chain_of(2, SR_BATCH_DEFERRED, false));
    assert_int_equal(sr_ring_submit(f.ring), 0);
    answer(&f, 0, 10);
    assert_int_equal(sr_batch_poll(&first, f.ring, &result), 0);
    answer(&f, 1, 10);
    uint32_t remaining;
    assert_int_equal(sr_ring_drain(f.ring, 0, &remaining), -ETIME);
    assert_int_equal(remaining, 2);
    assert_int_equal(f.kernel->seen_count, 3);
    answer(&f, 2, 10);

    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, &remaining), 0);

    assert_int_equal(sr_batch_poll(&second, f.ring, &late), SR_ESTALE);
    assert_int_equal(sr_batch_result_take(&result, 0, &buffer), SR_ESTALE);
    sr_batch_result_fini(&result);
    fake_ring_close(&f);
}

/* Internals are nobody else's: next, the queue, another handle never see them (CB-4, BATCH-5). */
SR_UNCHECKED static void members_are_nobody_elses(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_completion done;
    struct sr_batch_future future = submit(f.ring, chain_of(1, SR_BATCH_CHAINED, false));
    assert_int_equal(sr_ring_submit(f.ring), 0);
    struct sr_op member = {f.kernel->seen[0].user_data};
    assert_int_equal(sr_ring_next(f.ring, &done), SR_ENOTHING_IN_FLIGHT);
    assert_int_equal(sr_ring_dispatch_wait(f.ring, 0, NULL), SR_ENOTHING_IN_FLIGHT);
    assert_int_equal(sr_op_peek(f.ring, &member, &done), SR_EINVALID_STATE);
    assert_int_equal(sr_op_cancel(f.ring, &member), SR_EINVALID_STATE);
    assert_int_equal(sr_op_detach(f.ring, &member, NULL), SR_EINVALID_STATE);
    struct sr_op dropped = member;
    sr_op_drop(f.ring, &dropped);
    assert_int_equal(sr_ring_orphan_count(f.ring), 0);
    answer(&f, 0, 10);
    assert_int_equal(sr_ring_next(f.ring, &done), SR_ENOTHING_IN_FLIGHT);
    expect(&f, &future, "+");
    fake_ring_close(&f);
}

/* When a batch can't be waited for it runs on, its handle is kept, and the same call goes on waiting. */
SR_UNCHECKED static void a_wait_that_fails_keeps_the_batch(void **state)
{
    (void)state;
    for (int frees = 0; frees < 2; frees++) {
        struct fake_ring f = fake_ring_open(8);
        struct sr_batch *batch = chain_of(2, SR_BATCH_CHAINED, false);
        struct sr_batch_result result;
        struct sr_op_spec nop = sr_spec_nop();
        assert_int_equal(sr_batch_submit(f.ring, &batch, &result), -EDEADLK);
        assert_non_null(batch);
        assert_int_equal(sr_batch_add_plain(batch, &nop, NULL), SR_EINVALID_STATE);
        assert_int_equal(sr_batch_add_dependency(batch, 0, 1), SR_EINVALID_STATE);
        assert_int_equal(sr_ring_in_flight(f.ring), 2);
        if (frees) {
            assert_int_equal(sr_batch_free(&batch), 0);
            assert_int_equal(sr_ring_orphan_count(f.ring), 2);
            answer(&f, 0, 10);
            answer(&f, 1, 10);
            assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, NULL), 0);
        } else {
            answer(&f, 0, 10);
            answer(&f, 1, 10);
            assert_int_equal(sr_batch_submit(f.ring, &batch, &result), 0);
            assert_int_equal(result.succeeded, 2);
            sr_batch_result_fini(&result);
        }
        assert_null(batch);
        fake_ring_close(&f);
    }
}

/* Drained while its handle was kept: the handle is stale, and can be freed. */
SR_UNCHECKED static void a_drained_batch_leaves_its_handle(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch *batch = chain_of(1, SR_BATCH_CHAINED, false);
    struct sr_batch_result result;
    assert_int_equal(sr_batch_submit(f.ring, &batch, &result), -EDEADLK);
    answer(&f, 0, 10);
    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, NULL), 0);

    assert_int_equal(sr_batch_submit(f.ring, &batch, &result), SR_ESTALE);
    assert_int_equal(sr_batch_free(&batch), 0);
    fake_ring_close(&f);
}

/* Cancelling all ends batches too: what is queued is taken back, what waits never runs. */
SR_UNCHECKED static void cancelling_all_ends_batches(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    uint32_t remaining;
    struct sr_batch_future future = submit(f.ring, chain_of(3, SR_BATCH_CHAINED, false));

    assert_int_equal(sr_ring_cancel_all(f.ring, SR_FOREVER, &remaining), 0);

    assert_int_equal(remaining, 0);
    assert_int_equal(f.kernel->seen_count, 0);
    expect(&f, &future, "---");
    fake_ring_close(&f);
}

/* The entries around a chain that is taken out of the SQ stay as they were, and none is linked to another (ORPH-2). */
SR_UNCHECKED static void a_chain_leaves_no_link_behind(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op before = start_read(f.ring, 1, 10);
    struct sr_batch_future future = submit(f.ring, chain_of(3, SR_BATCH_CHAINED, false));
    struct sr_op after = start_read(f.ring, 2, 10);

    sr_batch_drop(f.ring, &future);
    assert_int_equal(sr_ring_submit(f.ring), 0);

    assert_int_equal(f.kernel->seen_count, 2);
    assert_int_equal(f.kernel->seen[0].flags | f.kernel->seen[1].flags, 0);
    assert_int_equal(sr_ring_in_flight(f.ring), 2);
    answer(&f, 0, 10);
    answer(&f, 1, 10);
    assert_int_equal(await_result(f.ring, &before), 10);
    assert_int_equal(await_result(f.ring, &after), 10);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(nothing_is_done_with_null),
    cmocka_unit_test(what_can_never_start_is_not_added),
    cmocka_unit_test(an_inheritance_is_had_by_one),
    cmocka_unit_test(what_the_ring_can_not_have_is_not_taken),
    cmocka_unit_test(independent_operations_go_in_one_submission),
    cmocka_unit_test(a_chain_goes_linked_or_one_by_one),
    cmocka_unit_test(a_dependent_of_a_failure_never_runs),
    cmocka_unit_test(an_own_cancel_is_a_failure),
    cmocka_unit_test(nothing_is_linked_behind_an_fsync),
    cmocka_unit_test(a_parted_chain_is_deferred),
    cmocka_unit_test(a_chain_longer_than_the_queue_goes_in_parts),
    cmocka_unit_test(room_is_made_for_a_whole_chain),
    cmocka_unit_test(fail_fast_cancels_and_waits),
    cmocka_unit_test(fail_fast_takes_back_what_is_queued),
    cmocka_unit_test(a_batch_waits_for_slots),
    cmocka_unit_test(a_drop_lets_go_of_what_the_kernel_has_not),
    cmocka_unit_test(descriptors_nobody_takes_are_closed),
    cmocka_unit_test(a_drain_closes_what_its_batches_make),
    cmocka_unit_test(a_live_batch_keeps_the_ring),
    cmocka_unit_test(a_listed_nop_has_no_descriptor),
    cmocka_unit_test(arguments_are_copied_when_added),
    cmocka_unit_test(a_drain_ends_batches),
    cmocka_unit_test(members_are_nobody_elses),
    cmocka_unit_test(a_wait_that_fails_keeps_the_batch),
    cmocka_unit_test(a_drained_batch_leaves_its_handle),
    cmocka_unit_test(cancelling_all_ends_batches),
    cmocka_unit_test(a_chain_leaves_no_link_behind),
};

SR_TEST_MAIN(tests)
