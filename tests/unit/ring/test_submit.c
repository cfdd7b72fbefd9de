/*
 * From the SQ to the kernel and back out of it: whole, partial and refused submissions (OP-6, OP-7), withdrawal from any
 * place (ORPH-2).
 */
#include <string.h>

#include "support/fake_ring.h"
#include "support/main.h"

/* Ends an operation and asserts its result. */
SR_UNCHECKED static void end(struct fake_ring *f, struct sr_op *op, int32_t result)
{
    fake_kernel_post(f->kernel, op->id, result);
    assert_int_equal(await_result(f->ring, op), result);
}

static void assert_seen(const struct fake_ring *f, uint32_t at, uint64_t user_data)
{
    assert_true(at < f->kernel->seen_count);
    assert_true(f->kernel->seen[at].user_data == user_data);
}

/* With nothing queued there is nothing to ask of the kernel. */
static void submitting_nothing_does_not_enter(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);

    assert_int_equal(sr_ring_submit(f.ring), 0);

    assert_int_equal(f.kernel->enters, 0);
    fake_ring_close(&f);
}

/* NULL is no ring. */
static void null_is_refused(void **state)
{
    (void)state;
    assert_int_equal(sr_ring_submit(NULL), -EINVAL);
}

/* What is queued reaches the kernel in the order of starting, in one enter. */
SR_UNCHECKED static void what_is_queued_goes_in_order_in_one_enter(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op ops[4];
    for (int i = 0; i < 4; i++)
        ops[i] = start_nop(f.ring);

    assert_int_equal(sr_ring_submit(f.ring), 0);

    assert_int_equal(f.kernel->enters, 1);
    assert_int_equal(f.kernel->last_to_submit, 4);
    assert_int_equal(f.kernel->last_min_complete, 0);
    assert_int_equal(stats_of(f.ring).submitted, 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_seen(&f, i, ops[i].id);
    for (int i = 0; i < 4; i++)
        end(&f, &ops[i], 0);
    fake_ring_close(&f);
}

/* A kernel that takes a part is offered the rest until it has all (OP-6). */
SR_UNCHECKED static void a_partial_submission_goes_on(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op ops[6];
    for (int i = 0; i < 6; i++)
        ops[i] = start_nop(f.ring);
    fake_kernel_script(f.kernel, (struct fake_enter){.take = 1});
    fake_kernel_script(f.kernel, (struct fake_enter){.take = 3});

    assert_int_equal(sr_ring_submit(f.ring), 0);

    assert_int_equal(f.kernel->enters, 3);
    assert_int_equal(f.kernel->seen_count, 6);
    for (uint32_t i = 0; i < 6; i++)
        assert_seen(&f, i, ops[i].id);
    for (int i = 0; i < 6; i++)
        end(&f, &ops[i], 0);
    fake_ring_close(&f);
}

/* Each error of enter is told; what was not taken is still queued and goes next time, once, in order (OP-6). */
SR_UNCHECKED static void what_the_kernel_refuses_stays_queued(void **state)
{
    (void)state;
    static const int errors[] = {-EAGAIN, -EBUSY, -EBADR, -ENOMEM, -EFAULT, -ENXIO};
    for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++) {
        struct fake_ring f = fake_ring_open(8);
        struct sr_op ops[5];
        for (int i = 0; i < 5; i++)
            ops[i] = start_nop(f.ring);
        fake_kernel_script(f.kernel, (struct fake_enter){.take = 2});
        fake_kernel_refuse(f.kernel, errors[e], 1);

        assert_int_equal(sr_ring_submit(f.ring), errors[e]);
        assert_int_equal(f.kernel->seen_count, 2);
        assert_int_equal(stats_of(f.ring).submitted, 2);
        assert_int_equal(sr_ring_in_flight(f.ring), 5);

        assert_int_equal(sr_ring_submit(f.ring), 0);
        assert_int_equal(f.kernel->seen_count, 5);
        for (uint32_t i = 0; i < 5; i++)
            assert_seen(&f, i, ops[i].id);
        for (int i = 0; i < 5; i++)
            end(&f, &ops[i], 0);
        fake_ring_close(&f);
    }
}

/* A kernel that answers 0 and took nothing is as good as -EAGAIN, not asked for ever. */
SR_UNCHECKED static void a_kernel_that_takes_nothing_is_eagain(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = start_nop(f.ring);
    fake_kernel_script(f.kernel, (struct fake_enter){.take = 0});

    assert_int_equal(sr_ring_submit(f.ring), -EAGAIN);

    assert_int_equal(f.kernel->enters, 1);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    end(&f, &op, 0);
    fake_ring_close(&f);
}

/* What was consumed is read from the ring, not from the answer: an enter that took two and answered with an error. */
SR_UNCHECKED static void consumption_is_read_from_the_ring(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op ops[3];
    for (int i = 0; i < 3; i++)
        ops[i] = start_nop(f.ring);
    fake_kernel_script(f.kernel, (struct fake_enter){.take = 2, .error = -EAGAIN});

    assert_int_equal(sr_ring_submit(f.ring), -EAGAIN);
    assert_int_equal(stats_of(f.ring).submitted, 2);

    assert_int_equal(sr_ring_submit(f.ring), 0);
    assert_int_equal(f.kernel->last_to_submit, 1);
    assert_int_equal(f.kernel->seen_count, 3);
    for (int i = 0; i < 3; i++)
        end(&f, &ops[i], 0);
    fake_ring_close(&f);
}

/* An interrupted enter is made again. */
SR_UNCHECKED static void an_interrupted_submission_is_made_again(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = start_nop(f.ring);
    fake_kernel_refuse(f.kernel, -EINTR, 3);

    assert_int_equal(sr_ring_submit(f.ring), 0);

    assert_int_equal(f.kernel->enters, 4);
    end(&f, &op, 0);
    fake_ring_close(&f);
}

/* One operation of five dropped before submission, whichever: the kernel sees exactly the other four, in order (ORPH-2). */
SR_UNCHECKED static void a_dropped_entry_leaves_the_sq_wherever_it_stands(void **state)
{
    (void)state;
    for (uint32_t dropped = 0; dropped < 5; dropped++) {
        struct fake_ring f = fake_ring_open(8);
        struct sr_op ops[5];
        for (int i = 0; i < 5; i++)
            ops[i] = start_read(f.ring, 10 + i, 16);

        sr_op_drop(f.ring, &ops[dropped]);

        assert_true(ops[dropped].id == 0);
        assert_int_equal(sr_ring_in_flight(f.ring), 4);
        assert_int_equal(sr_ring_orphan_count(f.ring), 0);
        assert_int_equal(stats_of(f.ring).withdrawn, 1);
        assert_int_equal(sr_ring_submit(f.ring), 0);
        assert_int_equal(f.kernel->seen_count, 4);
        for (uint32_t i = 0, at = 0; i < 5; i++) {
            if (i == dropped)
                continue;
            assert_seen(&f, at, ops[i].id);
            assert_int_equal(f.kernel->seen[at++].fd, 10 + i);
        }
        for (uint32_t i = 0; i < 5; i++)
            if (i != dropped)
                end(&f, &ops[i], 3);
        fake_ring_close(&f);
    }
}

/* An entry leaves with its linked timeout; pairs before and behind it stay pairs, in order (ORPH-2, OP-7). */
SR_UNCHECKED static void a_pair_leaves_together_and_other_pairs_stay(void **state)
{
    (void)state;
    for (uint32_t dropped = 0; dropped < 4; dropped++) {
        struct fake_ring f = fake_ring_open(16);
        struct sr_op ops[4] = {start_within(f.ring, 100), start_nop(f.ring), start_within(f.ring, 200),
                               start_within(f.ring, 300)};
        const bool limited[4] = {true, false, true, true};

        sr_op_drop(f.ring, &ops[dropped]);
        assert_int_equal(sr_ring_submit(f.ring), 0);

        uint32_t at = 0;
        for (uint32_t i = 0; i < 4; i++) {
            if (i == dropped)
                continue;
            assert_seen(&f, at, ops[i].id);
            assert_int_equal(f.kernel->seen[at++].flags, limited[i] ? IOSQE_IO_LINK : 0);
            if (!limited[i])
                continue;
            const struct io_uring_sqe *limit = &f.kernel->seen[at];
            assert_seen(&f, at++, limit_of(ops[i].id));
            assert_int_equal(limit->opcode, IORING_OP_LINK_TIMEOUT);
            assert_int_equal(((const struct __kernel_timespec *)(uintptr_t)limit->addr)->tv_nsec,
                             i == 0 ? 100 : i * 100);
        }
        assert_int_equal(f.kernel->seen_count, at);
        for (uint32_t i = 0; i < 4; i++) {
            if (i == dropped)
                continue;
            if (limited[i])
                fake_kernel_post(f.kernel, limit_of(ops[i].id), -ECANCELED);
            end(&f, &ops[i], 0);
        }
        fake_ring_close(&f);
    }
}

/* Withdrawing where the ring of entries comes round moves those behind across its end. */
SR_UNCHECKED static void withdrawal_works_across_the_end_of_the_ring(void **state)
{
    (void)state;
    for (uint32_t before = 0; before < 5; before++) {
        struct fake_ring f = fake_ring_open(4);
        for (uint32_t i = 0; i < before; i++) {
            struct sr_op op = submit_nop(f.ring);
            end(&f, &op, 0);
        }
        struct sr_op ops[4];
        for (int i = 0; i < 4; i++)
            ops[i] = start_read(f.ring, 20 + i, 8);

        sr_op_drop(f.ring, &ops[1]);
        struct sr_op last = start_read(f.ring, 24, 8);
        assert_int_equal(sr_ring_submit(f.ring), 0);

        assert_seen(&f, before + 0, ops[0].id);
        assert_seen(&f, before + 1, ops[2].id);
        assert_seen(&f, before + 2, ops[3].id);
        assert_seen(&f, before + 3, last.id);
        end(&f, &ops[0], 0);
        end(&f, &ops[2], 0);
        end(&f, &ops[3], 0);
        end(&f, &last, 0);
        fake_ring_close(&f);
    }
}

/* After a partial submission the rest can still be withdrawn, though the kernel was shown the tail (ORPH-2). */
SR_UNCHECKED static void withdrawal_works_after_a_partial_submission(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op ops[5];
    for (int i = 0; i < 5; i++)
        ops[i] = start_read(f.ring, 10 + i, 8);
    fake_kernel_script(f.kernel, (struct fake_enter){.take = 2});
    fake_kernel_refuse(f.kernel, -EAGAIN, 1);
    assert_int_equal(sr_ring_submit(f.ring), -EAGAIN);

    sr_op_drop(f.ring, &ops[3]);
    sr_op_drop(f.ring, &ops[1]);

    assert_int_equal(sr_ring_orphan_count(f.ring), 1);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    assert_seen(&f, 2, ops[2].id);
    assert_seen(&f, 3, ops[4].id);
    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_READ), 4);
    const struct io_uring_sqe *cancel = fake_kernel_nth(f.kernel, IORING_OP_ASYNC_CANCEL, 0);
    uint64_t orphan = f.kernel->seen[1].user_data;
    assert_true(cancel->addr == orphan);
    assert_true(cancel->user_data == cancel_of(orphan));
    fake_kernel_post(f.kernel, orphan, -ECANCELED);
    fake_kernel_post(f.kernel, cancel_of(orphan), 0);
    end(&f, &ops[0], 0);
    end(&f, &ops[2], 0);
    end(&f, &ops[4], 0);
    fake_ring_close(&f);
}

/* All dropped: the kernel sees nothing, and the SQ has all its room again. */
SR_UNCHECKED static void dropping_everything_queued_empties_the_sq(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    for (int round = 0; round < 3; round++) {
        struct sr_op ops[4];
        for (int i = 0; i < 4; i++)
            ops[i] = i % 2 == 0 ? start_nop(f.ring) : start_read(f.ring, 5, 8);
        for (int i = 3; i >= 0; i--)
            sr_op_drop(f.ring, &ops[i]);
        assert_int_equal(sr_ring_in_flight(f.ring), 0);
    }
    assert_int_equal(sr_ring_submit(f.ring), 0);
    assert_int_equal(f.kernel->enters, 0);
    fake_ring_close(&f);
}

/* A withdrawn operation frees its slot at once, and its id is stale. */
SR_UNCHECKED static void a_withdrawn_operation_frees_its_slot(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.max_in_flight = 1;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_op op = start_within(f.ring, 5);
    struct sr_op copy = op;
    sr_op_drop(f.ring, &op);

    struct sr_op next = start_nop(f.ring);

    assert_true(next.id != copy.id);
    assert_int_equal(sr_op_cancel(f.ring, &copy), SR_ESTALE);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    end(&f, &next, 0);
    fake_ring_close(&f);
}

/*
 * A kernel that takes an operation and not the linked timeout behind it has parted them. The linked timeout goes as a
 * timeout of its own, and when it expires the operation is cancelled (OP-7).
 */
SR_UNCHECKED static void a_parted_linked_timeout_still_limits(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op op = start_within(f.ring, 500);
    fake_kernel_script(f.kernel, (struct fake_enter){.take = 1});
    fake_kernel_refuse(f.kernel, -EAGAIN, 1);
    assert_int_equal(sr_ring_submit(f.ring), -EAGAIN);

    assert_int_equal(sr_ring_submit(f.ring), 0);
    const struct io_uring_sqe *limit = &f.kernel->seen[1];
    assert_int_equal(limit->opcode, IORING_OP_TIMEOUT);
    assert_true(limit->user_data == limit_of(op.id));
    assert_int_equal(((const struct __kernel_timespec *)(uintptr_t)limit->addr)->tv_nsec, 500);

    struct sr_completion done;
    fake_kernel_post(f.kernel, limit_of(op.id), -ETIME);
    assert_int_equal(sr_op_peek(f.ring, &op, &done), SR_EOPERATION_PENDING);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    const struct io_uring_sqe *cancel = fake_kernel_nth(f.kernel, IORING_OP_ASYNC_CANCEL, 0);
    assert_true(cancel->addr == op.id);

    fake_kernel_post(f.kernel, cancel_of(op.id), 0);
    end(&f, &op, -ECANCELED);
    fake_ring_close(&f);
}

/* A parted linked timeout that expires after its operation has ended asks for nothing. */
SR_UNCHECKED static void a_parted_linked_timeout_that_is_late_asks_for_nothing(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op op = start_within(f.ring, 500);
    uint64_t id = op.id;
    fake_kernel_script(f.kernel, (struct fake_enter){.take = 1});
    fake_kernel_refuse(f.kernel, -EAGAIN, 1);
    assert_int_equal(sr_ring_submit(f.ring), -EAGAIN);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    end(&f, &op, 0);

    fake_kernel_post(f.kernel, limit_of(id), -ETIME);
    struct sr_op other = submit_nop(f.ring);
    end(&f, &other, 0);

    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), 0);
    fake_ring_close(&f);
}

/* Cancels wait for room in the SQ and lose nothing: with one place they go one at a time, before the submission ends. */
SR_UNCHECKED static void cancels_go_as_the_sq_has_room(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(1);
    struct sr_op ops[2] = {submit_nop(f.ring), submit_nop(f.ring)};
    uint64_t ids[2] = {ops[0].id, ops[1].id};
    assert_int_equal(sr_op_cancel(f.ring, &ops[0]), 0);
    assert_int_equal(sr_op_cancel(f.ring, &ops[1]), 0);
    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), 0);

    assert_int_equal(sr_ring_submit(f.ring), 0);

    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), 2);
    assert_int_equal(stats_of(f.ring).cancels, 2);
    for (int i = 0; i < 2; i++) {
        fake_kernel_post(f.kernel, ids[i], -ECANCELED);
        assert_int_equal(await_result(f.ring, &ops[i]), -ECANCELED);
        fake_kernel_post(f.kernel, cancel_of(ids[i]), 0);
    }
    struct sr_op last = submit_nop(f.ring);
    end(&f, &last, 0);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(submitting_nothing_does_not_enter),
    cmocka_unit_test(null_is_refused),
    cmocka_unit_test(what_is_queued_goes_in_order_in_one_enter),
    cmocka_unit_test(a_partial_submission_goes_on),
    cmocka_unit_test(what_the_kernel_refuses_stays_queued),
    cmocka_unit_test(a_kernel_that_takes_nothing_is_eagain),
    cmocka_unit_test(consumption_is_read_from_the_ring),
    cmocka_unit_test(an_interrupted_submission_is_made_again),
    cmocka_unit_test(a_dropped_entry_leaves_the_sq_wherever_it_stands),
    cmocka_unit_test(a_pair_leaves_together_and_other_pairs_stay),
    cmocka_unit_test(withdrawal_works_across_the_end_of_the_ring),
    cmocka_unit_test(withdrawal_works_after_a_partial_submission),
    cmocka_unit_test(dropping_everything_queued_empties_the_sq),
    cmocka_unit_test(a_withdrawn_operation_frees_its_slot),
    cmocka_unit_test(a_parted_linked_timeout_still_limits),
    cmocka_unit_test(a_parted_linked_timeout_that_is_late_asks_for_nothing),
    cmocka_unit_test(cancels_go_as_the_sq_has_room),
};

SR_TEST_MAIN(tests)
