/*
 * Zero-copy sends: the buffer stays the kernel's until the notification, and one completion tells (BUF-3, BUF-5, OP-5).
 */
#include <string.h>

#include "support/each_kernel.h"
#include "support/fake_ring.h"
#include "support/main.h"

/* A zero-copy send of 16 bytes that the kernel has. *alias is the buffer, seen past its handle. */
SR_UNCHECKED static struct sr_op submit_send(struct sr_ring *ring, struct sr_buffer **alias)
{
    struct sr_buffer *buffer = NULL;
    struct sr_op op;
    assert_int_equal(sr_buffer_new(&buffer, 16), 0);
    *alias = buffer;
    assert_int_equal(sr_send_zc_owned(ring, sr_fd(5), &buffer, (struct sr_range){0}, 0, &op), 0);
    assert_int_equal(sr_ring_submit(ring), 0);
    return op;
}

/* The result alone ends nothing: the buffer is lent, and the operation pending, until the notification (BUF-3). */
SR_UNCHECKED static void the_buffer_stays_lent_until_the_notification(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_buffer *alias;
    struct sr_buffer *back = NULL;
    struct sr_completion done;
    struct sr_op op = submit_send(f.ring, &alias);

    fake_kernel_post_flagged(f.kernel, op.id, 9, IORING_CQE_F_MORE);
    assert_int_equal(sr_op_peek(f.ring, &op, &done), SR_EOPERATION_PENDING);
    assert_int_equal(sr_buffer_release(&alias), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_ring_in_flight(f.ring), 1);

    fake_kernel_post_flagged(f.kernel, op.id, 0, IORING_CQE_F_NOTIF);
    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);
    assert_int_equal(done.result, 9);
    assert_int_equal(done.flags, IORING_CQE_F_NOTIF);
    assert_int_equal(sr_take(&done, &back), 9);
    assert_ptr_equal(back, alias);
    assert_int_equal(sr_buffer_release(&back), 0);
    fake_ring_close(&f);
}

/* Only F_MORE tells whether a notification comes: an error without it is the end, one with it is not. */
SR_UNCHECKED static void an_error_ends_it_unless_more_is_promised(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_buffer *alias;
    struct sr_op op = submit_send(f.ring, &alias);
    fake_kernel_post_flagged(f.kernel, op.id, -EPIPE, 0);
    assert_int_equal(await_result(f.ring, &op), -EPIPE);

    struct sr_completion done;
    op = submit_send(f.ring, &alias);
    fake_kernel_post_flagged(f.kernel, op.id, -EPIPE, IORING_CQE_F_MORE);
    assert_int_equal(sr_op_peek(f.ring, &op, &done), SR_EOPERATION_PENDING);
    fake_kernel_post_flagged(f.kernel, op.id, 0, IORING_CQE_F_NOTIF);
    assert_int_equal(await_result(f.ring, &op), -EPIPE);
    fake_ring_close(&f);
}

/* Among completions for the queue it is one, delivered at its notification, in the order of these. */
SR_UNCHECKED static void it_is_delivered_once(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_completion done[4];
    struct sr_buffer *alias;
    size_t count = 0;
    struct sr_op sends = submit_send(f.ring, &alias);
    struct sr_op nop = submit_nop(f.ring);
    uint64_t ids[2] = {sends.id, nop.id};
    assert_int_equal(sr_op_detach(f.ring, &sends, NULL), 0);
    assert_int_equal(sr_op_detach(f.ring, &nop, NULL), 0);
    fake_kernel_post_flagged(f.kernel, ids[0], 16, IORING_CQE_F_MORE);
    fake_kernel_post(f.kernel, ids[1], 0);
    fake_kernel_post_flagged(f.kernel, ids[0], 0, IORING_CQE_F_NOTIF);

    assert_int_equal(sr_ring_next_many(f.ring, done, 4, &count), 0);

    assert_int_equal(count, 2);
    assert_true(done[0].id == ids[1] && done[1].id == ids[0]);
    assert_int_equal(done[1].result, 16);
    assert_int_equal(sr_take_plain(&done[0]), 0);
    sr_finish(&done[1]);
    fake_ring_close(&f);
}

/* A dropped one is an orphan until the notification, and its buffer goes home only then (ORPH-3, ORPH-6). */
SR_UNCHECKED static void a_dropped_one_waits_for_its_notification(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_buffer *alias;
    struct sr_op op = submit_send(f.ring, &alias);
    uint64_t id = op.id;
    sr_op_drop(f.ring, &op);
    fake_kernel_post_flagged(f.kernel, id, 16, IORING_CQE_F_MORE);
    fake_kernel_post(f.kernel, cancel_of(id), -ENOENT);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(sr_ring_orphan_count(f.ring), 1);
    assert_false(sr_buffer_is_user_owned(alias));
    assert_int_equal(sr_buffer_size(alias), 16);

    fake_kernel_post_flagged(f.kernel, id, 0, IORING_CQE_F_NOTIF);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(sr_ring_orphan_count(f.ring), 0);
    fake_ring_close(&f);
}

/* A notification nobody promised, a second result, and one that promises more of a plain send are of no operation (OP-5). */
SR_UNCHECKED static void what_was_not_promised_is_told(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_buffer *alias;
    struct sr_op op = submit_send(f.ring, &alias);
    struct sr_op nop = submit_nop(f.ring);
    fake_kernel_post_flagged(f.kernel, op.id, 0, IORING_CQE_F_NOTIF);
    fake_kernel_post_flagged(f.kernel, op.id, 16, IORING_CQE_F_MORE);
    fake_kernel_post_flagged(f.kernel, op.id, 16, IORING_CQE_F_MORE);
    fake_kernel_post_flagged(f.kernel, op.id, 3, 0);
    fake_kernel_post_flagged(f.kernel, nop.id, 0, IORING_CQE_F_MORE);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(stats_of(f.ring).unknown, 4);

    fake_kernel_post_flagged(f.kernel, op.id, 0, IORING_CQE_F_NOTIF);
    fake_kernel_post(f.kernel, nop.id, 0);
    assert_int_equal(await_result(f.ring, &op), 16);
    assert_int_equal(await_result(f.ring, &nop), 0);
    fake_ring_close_with_unknown(&f, 4);
}

SR_UNCHECKED static void send_and_receive(struct each_kernel *world)
{
    struct sr_buffer *out = NULL;
    struct sr_buffer *in = NULL;
    struct sr_op sends;
    struct sr_op receives;
    struct sr_completion done;
    assert_int_equal(sr_buffer_copy_of(&out, "hello", 6), 0);
    assert_int_equal(sr_buffer_new(&in, 6), 0);
    assert_int_equal(sr_send_zc_owned(world->ring, sr_fd(world->connection[0]), &out, (struct sr_range){0}, 0,
                                      &sends),
                     0);
    assert_int_equal(sr_recv_owned(world->ring, sr_fd(world->connection[1]), &in, (struct sr_range){0}, 0,
                                   &receives),
                     0);
    assert_int_equal(sr_op_await(world->ring, &receives, &done), 0);
    assert_int_equal(sr_take(&done, &in), 6);
    SR_BUFFER_SCOPE(guard, &in)
    assert_string_equal((char *)sr_guard_bytes(&guard), "hello");
    assert_int_equal(await_result(world->ring, &sends), 6);
    assert_int_equal(sr_buffer_release(&in), 0);
}

/* Over a connection of each kernel, a send gives its buffer back with the count it sent. */
static void a_send_reaches_the_other_side(void **state)
{
    (void)state;
    on_each_kernel(send_and_receive);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_buffer_stays_lent_until_the_notification),
    cmocka_unit_test(an_error_ends_it_unless_more_is_promised),
    cmocka_unit_test(it_is_delivered_once),
    cmocka_unit_test(a_dropped_one_waits_for_its_notification),
    cmocka_unit_test(what_was_not_promised_is_told),
    cmocka_unit_test(a_send_reaches_the_other_side),
};

SR_TEST_MAIN(tests)
