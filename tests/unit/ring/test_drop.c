/*
 * Dropping an operation in each of its states: orphans and what becomes of them (ORPH-1 … ORPH-6).
 */
#include <string.h>

#include "safer_ring/log.h"
#include "support/fake_ring.h"
#include "support/main.h"

static struct sr_config without_cancel(uint32_t entries)
{
    struct sr_config config = sr_config_default();
    config.entries = entries;
    config.cancel_on_drop = false;
    return config;
}

/* A read whose buffer the test keeps a copied pointer to. */
SR_UNCHECKED static struct sr_op start_watched(struct fake_ring *f, struct sr_buffer **copy)
{
    struct sr_buffer *buffer = NULL;
    struct sr_op op;
    assert_int_equal(sr_buffer_new(&buffer, 16), 0);
    *copy = buffer;
    assert_int_equal(sr_read_owned(f->ring, sr_fd(5), &buffer, &op), 0);
    return op;
}

/* Has the buffer's memory gone to its origin? (The header lives on, without bytes.) */
static bool went_home(const struct sr_buffer *copy)
{
    return sr_buffer_size(copy) == 0;
}

/* Looks into the CQ without waiting for anything. */
static void look(struct fake_ring *f)
{
    assert_int_equal(sr_ring_dispatch(f->ring, NULL), 0);
}

/* Queued: withdrawn, the buffer home at once, no orphan, nothing the kernel ever saw (ORPH-2). */
SR_UNCHECKED static void a_queued_operation_is_withdrawn(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_buffer *copy;
    struct sr_op op = start_watched(&f, &copy);

    sr_op_drop(f.ring, &op);

    assert_true(op.id == 0);
    assert_true(went_home(copy));
    assert_int_equal(sr_ring_in_flight(f.ring), 0);
    assert_int_equal(sr_ring_orphan_count(f.ring), 0);
    assert_int_equal(stats_of(f.ring).withdrawn, 1);
    assert_int_equal(stats_of(f.ring).submitted, 0);
    assert_int_equal(stats_of(f.ring).completed, 0);
    assert_int_equal(stats_of(f.ring).orphaned, 0);
    look(&f);
    assert_int_equal(f.kernel->seen_count, 0);
    fake_ring_close(&f);
}

/* Submitted: an orphan that still counts as in flight; its buffer stays lent until the terminal CQE (ORPH-1, ORPH-3). */
SR_UNCHECKED static void a_submitted_operation_becomes_an_orphan(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open_config(without_cancel(4));
    struct sr_buffer *copy;
    struct sr_op op = start_watched(&f, &copy);
    uint64_t id = op.id;
    assert_int_equal(sr_ring_submit(f.ring), 0);
    uint32_t enters = f.kernel->enters;

    sr_op_drop(f.ring, &op);

    assert_true(op.id == 0);
    assert_int_equal(f.kernel->enters, enters);
    assert_int_equal(sr_ring_in_flight(f.ring), 1);
    assert_int_equal(sr_ring_orphan_count(f.ring), 1);
    assert_false(went_home(copy));
    assert_int_equal(sr_buffer_release(&copy), SR_EBUFFER_IN_FLIGHT);
    look(&f);
    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), 0);
    assert_int_equal(sr_ring_orphan_count(f.ring), 1);

    fake_kernel_post(f.kernel, id, 16);
    look(&f);
    assert_true(went_home(copy));
    assert_int_equal(sr_ring_in_flight(f.ring), 0);
    assert_int_equal(sr_ring_orphan_count(f.ring), 0);
    assert_int_equal(stats_of(f.ring).orphaned, 1);
    assert_int_equal(stats_of(f.ring).disposed, 1);
    fake_ring_close(&f);
}

/*
 * With cancel_on_drop the kernel is asked, with the next submission. In each outcome and either order of the two CQEs the
 * buffer goes home at the operation's own, not before (ORPH-5).
 */
SR_UNCHECKED static void a_dropped_operation_is_cancelled_in_either_order(void **state)
{
    (void)state;
    static const struct {
        int32_t cancel;
        int32_t operation;
    } outcomes[] = {{0, -ECANCELED}, {-EALREADY, 16}, {-EALREADY, -EINTR}, {-ENOENT, 16}};
    for (size_t i = 0; i < 4; i++) {
        for (int cancel_first = 0; cancel_first < 2; cancel_first++) {
            struct fake_ring f = fake_ring_open(4);
            struct sr_buffer *copy;
            struct sr_op op = start_watched(&f, &copy);
            uint64_t id = op.id;
            assert_int_equal(sr_ring_submit(f.ring), 0);
            sr_op_drop(f.ring, &op);
            assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), 0);
            look(&f);
            const struct io_uring_sqe *cancel = fake_kernel_nth(f.kernel, IORING_OP_ASYNC_CANCEL, 0);
            assert_true(cancel->addr == id);
            assert_int_equal(cancel->cancel_flags, 0);

            if (cancel_first)
                fake_kernel_post(f.kernel, cancel->user_data, outcomes[i].cancel);
            look(&f);
            assert_int_equal(sr_ring_orphan_count(f.ring), 1);
            assert_false(went_home(copy));
            fake_kernel_post(f.kernel, id, outcomes[i].operation);
            look(&f);
            assert_int_equal(sr_ring_orphan_count(f.ring), 0);
            assert_true(went_home(copy));
            if (!cancel_first)
                fake_kernel_post(f.kernel, cancel->user_data, outcomes[i].cancel);
            look(&f);
            fake_ring_close(&f);
        }
    }
}

/* The CQE of a cancel that is late: the slot is not used again before it, and it is not unknown (OP-1, OP-5). */
SR_UNCHECKED static void a_slot_waits_for_the_cqe_of_its_cancel(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.max_in_flight = 1;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_op op = submit_nop(f.ring);
    uint64_t id = op.id;
    struct sr_op_spec nop = sr_spec_nop();
    sr_op_drop(f.ring, &op);
    look(&f);
    fake_kernel_post(f.kernel, id, 0);
    look(&f);
    assert_int_equal(sr_ring_in_flight(f.ring), 0);
    assert_int_equal(sr_op_start_plain(f.ring, &nop, &op), -EBUSY);

    fake_kernel_post(f.kernel, cancel_of(id), -ENOENT);
    look(&f);

    struct sr_op next = submit_nop(f.ring);
    fake_kernel_post(f.kernel, next.id, 0);
    assert_int_equal(await_result(f.ring, &next), 0);
    fake_ring_close(&f);
}

/* A cancel that was asked for and not sent when its operation ended is not sent any more. */
SR_UNCHECKED static void a_cancel_that_came_too_late_is_not_sent(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.max_in_flight = 2;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_op ops[2] = {submit_nop(f.ring), submit_nop(f.ring)};
    struct sr_completion done;
    fake_kernel_post(f.kernel, ops[0].id, 0);
    fake_kernel_post(f.kernel, ops[1].id, 1);
    sr_op_drop(f.ring, &ops[0]);
    assert_int_equal(sr_op_peek(f.ring, &ops[1], &done), 0); /* reaps both without a submission */
    assert_int_equal(sr_take_plain(&done), 1);
    assert_int_equal(sr_ring_orphan_count(f.ring), 0);

    look(&f);

    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), 0);
    assert_int_equal(stats_of(f.ring).cancels, 0);
    for (int i = 0; i < 2; i++)
        ops[i] = submit_nop(f.ring); /* their places are free again */
    for (int i = 0; i < 2; i++) {
        fake_kernel_post(f.kernel, ops[i].id, 0);
        assert_int_equal(await_result(f.ring, &ops[i]), 0);
    }
    fake_ring_close(&f);
}

/* Cancelling already: dropped, it becomes an orphan and is not asked twice. */
SR_UNCHECKED static void a_cancelling_operation_becomes_an_orphan(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = submit_nop(f.ring);
    uint64_t id = op.id;
    assert_int_equal(sr_op_cancel(f.ring, &op), 0);
    look(&f);

    sr_op_drop(f.ring, &op);
    look(&f);

    assert_int_equal(sr_ring_orphan_count(f.ring), 1);
    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), 1);
    fake_kernel_post(f.kernel, id, -ECANCELED);
    fake_kernel_post(f.kernel, cancel_of(id), 0);
    look(&f);
    assert_int_equal(sr_ring_orphan_count(f.ring), 0);
    fake_ring_close(&f);
}

/* Completed and reaped: disposed of at once, and no orphan remains (ORPH-3). */
SR_UNCHECKED static void a_completed_operation_is_disposed_of_at_once(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_buffer *copy;
    struct sr_op op = start_watched(&f, &copy);
    struct sr_op other = submit_nop(f.ring);
    fake_kernel_post(f.kernel, op.id, 4);
    fake_kernel_post(f.kernel, other.id, 0);
    assert_int_equal(await_result(f.ring, &other), 0);

    sr_op_drop(f.ring, &op);

    assert_true(went_home(copy));
    assert_int_equal(sr_ring_in_flight(f.ring), 0);
    assert_int_equal(sr_ring_orphan_count(f.ring), 0);
    assert_int_equal(stats_of(f.ring).orphaned, 0);
    assert_int_equal(stats_of(f.ring).disposed, 1);
    fake_ring_close(&f);
}

/* What a dropped operation made is closed: accepted and opened descriptors; an error closes nothing (ORPH-4). */
SR_UNCHECKED static void descriptors_that_nobody_takes_are_closed(void **state)
{
    (void)state;
    static const struct {
        uint8_t opcode;
        int32_t result;
        int closes;
    } rows[] = {
        {IORING_OP_ACCEPT, 31, 1}, {IORING_OP_ACCEPT, 0, 1},       {IORING_OP_ACCEPT, -ECANCELED, 0},
        {IORING_OP_OPENAT, 32, 1}, {IORING_OP_OPENAT, -ENOENT, 0}, {IORING_OP_NOP, 33, 0},
        {IORING_OP_FSYNC, 0, 0},   {IORING_OP_CLOSE, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int reaped_before = 0; reaped_before < 2; reaped_before++) {
            struct fake_ring f = fake_ring_open_config(without_cancel(4));
            struct sr_op_spec spec = sr_spec_of_(rows[i].opcode);
            spec.argument = "path";
            struct sr_op op;
            assert_int_equal(sr_op_start_plain(f.ring, &spec, &op), 0);
            assert_int_equal(sr_ring_submit(f.ring), 0);
            fake_kernel_post(f.kernel, op.id, rows[i].result);
            if (reaped_before)
                look(&f);
            sr_op_drop(f.ring, &op);
            look(&f);
            assert_int_equal(f.kernel->closed_count, rows[i].closes);
            if (rows[i].closes != 0)
                assert_int_equal(f.kernel->closed[0], rows[i].result);
            fake_ring_close(&f);
        }
    }
}

/* A delivered completion is not the handle's any more: dropping a copy of the handle is a misuse and changes nothing. */
SR_UNCHECKED static void dropping_a_delivered_operation_changes_nothing(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_buffer *copy;
    struct sr_op op = start_watched(&f, &copy);
    struct sr_op handle = op;
    struct sr_completion done;
    struct sr_buffer *buffer = NULL;
    fake_kernel_promise(f.kernel, op.id, 16);
    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);

    sr_op_drop(f.ring, &handle);

    assert_true(handle.id != 0);
    assert_int_equal(stats_of(f.ring).misuses, 1);
    assert_false(went_home(copy));
    assert_int_equal(sr_take(&done, &buffer), 16);
    assert_ptr_equal(buffer, copy);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    fake_ring_close(&f);
}

static void count_errors(enum sr_log_level level, const char *text, void *user)
{
    uint32_t *said = user;
    *said += level == SR_LOG_ERROR && strncmp(text, "sr_op_drop: ", 12) == 0;
}

/* A stale handle, a dropped one, a detached one: counted and said, and nothing is changed. */
SR_UNCHECKED static void dropping_what_is_not_held_is_counted(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open_config(without_cancel(4));
    struct sr_op dropped = submit_nop(f.ring);
    struct sr_op detached = submit_nop(f.ring);
    struct sr_op copies[4] = {dropped, detached, {.id = 0}, {.id = UINT64_MAX}};
    struct sr_completion done;
    uint32_t said = 0;
    sr_op_drop(f.ring, &dropped);
    assert_int_equal(sr_op_detach(f.ring, &detached, NULL), 0);
    sr_set_log(count_errors, &said);

    for (unsigned i = 0; i < 4; i++) {
        sr_op_drop(f.ring, &copies[i]);
        assert_int_equal(stats_of(f.ring).misuses, i + 1);
        assert_int_equal(said, i + 1);
        assert_int_equal(sr_ring_orphan_count(f.ring), 1);
        assert_int_equal(sr_ring_in_flight(f.ring), 2);
    }
    sr_op_drop(f.ring, NULL);
    sr_op_drop(NULL, &copies[0]);
    assert_int_equal(said, 6);
    sr_set_log(NULL, NULL);

    fake_kernel_post(f.kernel, copies[0].id, 0);
    fake_kernel_post(f.kernel, copies[1].id, 0);
    assert_int_equal(sr_ring_next(f.ring, &done), 0);
    assert_int_equal(sr_take_plain(&done), 0);
    fake_ring_close(&f);
}

/* Orphans make no room for more operations than max_in_flight: they are in flight (ORPH-1). */
SR_UNCHECKED static void orphans_count_against_max_in_flight(void **state)
{
    (void)state;
    struct sr_config config = without_cancel(4);
    config.max_in_flight = 2;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_op ops[2] = {submit_nop(f.ring), submit_nop(f.ring)};
    uint64_t ids[2] = {ops[0].id, ops[1].id};
    struct sr_op_spec nop = sr_spec_nop();
    sr_op_drop(f.ring, &ops[0]);
    sr_op_drop(f.ring, &ops[1]);

    assert_int_equal(sr_op_start_plain(f.ring, &nop, &ops[0]), -EBUSY);
    assert_int_equal(sr_ring_orphan_count(f.ring), 2);

    fake_kernel_post(f.kernel, ids[0], 0);
    look(&f);
    ops[0] = start_nop(f.ring);
    sr_op_drop(f.ring, &ops[0]);
    fake_kernel_post(f.kernel, ids[1], 0);
    look(&f);
    fake_ring_close(&f);
}

/* An orphan takes no place in the ring's queue: what nobody takes can't fill it (OP-9). */
SR_UNCHECKED static void orphans_do_not_fill_the_queue(void **state)
{
    (void)state;
    struct sr_config config = without_cancel(2);
    config.completion_entries = 2;
    config.max_in_flight = 8;
    config.queue_entries = 2;
    struct fake_ring f = fake_ring_open_config(config);
    for (int i = 0; i < 7; i++) {
        struct sr_op op = submit_nop(f.ring);
        fake_kernel_post(f.kernel, op.id, 0);
        sr_op_drop(f.ring, &op);
    }
    struct sr_op op = submit_nop(f.ring);
    fake_kernel_promise(f.kernel, op.id, 9);

    assert_int_equal(await_result(f.ring, &op), 9);

    assert_int_equal(sr_ring_orphan_count(f.ring), 0);
    fake_ring_close(&f);
}

/* An orphaned vector takes its parts home at its end. */
SR_UNCHECKED static void an_orphaned_vector_goes_home_with_its_parts(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open_config(without_cancel(4));
    struct sr_buffer *parts[2] = {NULL};
    struct sr_buffer *vector = NULL;
    struct sr_op op;
    struct sr_op_spec spec = sr_spec_readv(sr_fd(5), 0);
    assert_int_equal(sr_buffer_new(&parts[0], 3), 0);
    assert_int_equal(sr_buffer_new(&parts[1], 4), 0);
    struct sr_buffer *copies[2] = {parts[0], parts[1]};
    assert_int_equal(sr_buffer_join(&vector, parts, 2), 0);
    assert_int_equal(sr_op_start(f.ring, &spec, &vector, &op), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    uint64_t id = op.id;
    sr_op_drop(f.ring, &op);
    assert_false(went_home(copies[0]));

    fake_kernel_post(f.kernel, id, 7);
    look(&f);

    assert_true(went_home(copies[0]));
    assert_true(went_home(copies[1]));
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_queued_operation_is_withdrawn),
    cmocka_unit_test(a_submitted_operation_becomes_an_orphan),
    cmocka_unit_test(a_dropped_operation_is_cancelled_in_either_order),
    cmocka_unit_test(a_slot_waits_for_the_cqe_of_its_cancel),
    cmocka_unit_test(a_cancel_that_came_too_late_is_not_sent),
    cmocka_unit_test(a_cancelling_operation_becomes_an_orphan),
    cmocka_unit_test(a_completed_operation_is_disposed_of_at_once),
    cmocka_unit_test(descriptors_that_nobody_takes_are_closed),
    cmocka_unit_test(dropping_a_delivered_operation_changes_nothing),
    cmocka_unit_test(dropping_what_is_not_held_is_counted),
    cmocka_unit_test(orphans_count_against_max_in_flight),
    cmocka_unit_test(orphans_do_not_fill_the_queue),
    cmocka_unit_test(an_orphaned_vector_goes_home_with_its_parts),
};

SR_TEST_MAIN(tests)
