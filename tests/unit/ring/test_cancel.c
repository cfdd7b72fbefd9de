/*
 * Cancelling one operation in each of its states, and all of them (ORPH-5, RING-4).
 */
#include <string.h>

#include "support/fake_ring.h"
#include "support/main.h"

#define SECOND UINT64_C(1000000000)

/* Queued: withdrawn, ends with -ECANCELED with its buffer untouched, and the kernel never sees it. */
SR_UNCHECKED static void a_queued_operation_ends_at_once(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_buffer *buffer = NULL;
    struct sr_op op;
    struct sr_completion done;
    assert_int_equal(sr_buffer_copy_of(&buffer, "hello", 6), 0);
    assert_int_equal(sr_write_owned(f.ring, sr_fd(5), &buffer, &op), 0);

    assert_int_equal(sr_op_cancel(f.ring, &op), 0);

    assert_int_equal(sr_ring_in_flight(f.ring), 1);
    assert_int_equal(sr_op_peek(f.ring, &op, &done), 0);
    assert_int_equal(done.flags, 0);
    assert_int_equal(sr_take(&done, &buffer), -ECANCELED);
    SR_BUFFER_SCOPE(guard, &buffer)
    assert_string_equal((char *)sr_guard_bytes(&guard), "hello");
    assert_int_equal(sr_buffer_release(&buffer), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    assert_int_equal(f.kernel->enters, 0);
    assert_int_equal(stats_of(f.ring).withdrawn, 1);
    fake_ring_close(&f);
}

/* A queued pair leaves whole: no linked timeout is left without its operation, and its slot is free at once. */
SR_UNCHECKED static void a_queued_pair_leaves_whole(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.max_in_flight = 1;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_op op = start_within(f.ring, 7);

    assert_int_equal(sr_op_cancel(f.ring, &op), 0);
    assert_int_equal(await_result(f.ring, &op), -ECANCELED);

    op = submit_nop(f.ring);
    assert_int_equal(f.kernel->seen_count, 1);
    fake_kernel_post(f.kernel, op.id, 0);
    assert_int_equal(await_result(f.ring, &op), 0);
    fake_ring_close(&f);
}

/* Submitted: asked with the next submission, once; the handle stays, and the operation's own CQE is its result. */
SR_UNCHECKED static void a_submitted_operation_is_asked_once(void **state)
{
    (void)state;
    static const int32_t results[] = {-ECANCELED, 12, -EINTR};
    for (size_t i = 0; i < 3; i++) {
        struct fake_ring f = fake_ring_open(4);
        struct sr_op op = submit_read(f.ring, 5, 16);
        uint64_t id = op.id;
        struct sr_completion done;
        uint32_t enters = f.kernel->enters;

        assert_int_equal(sr_op_cancel(f.ring, &op), 0);
        assert_int_equal(sr_op_cancel(f.ring, &op), 0);
        assert_int_equal(f.kernel->enters, enters);
        assert_int_equal(sr_ring_submit(f.ring), 0);
        assert_int_equal(sr_op_cancel(f.ring, &op), 0);
        assert_int_equal(sr_ring_submit(f.ring), 0);

        assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), 1);
        assert_int_equal(stats_of(f.ring).cancels, 1);
        assert_true(fake_kernel_nth(f.kernel, IORING_OP_ASYNC_CANCEL, 0)->addr == id);
        fake_kernel_post(f.kernel, cancel_of(id), results[i] == 12 ? -EALREADY : 0);
        assert_int_equal(sr_op_peek(f.ring, &op, &done), SR_EOPERATION_PENDING);
        fake_kernel_post(f.kernel, id, results[i]);
        assert_int_equal(await_result(f.ring, &op), results[i]);
        fake_ring_close(&f);
    }
}

/* A cancel waits for room in the SQ, behind what is queued there; the submission that makes room brings it. */
SR_UNCHECKED static void cancels_wait_for_room(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(2);
    struct sr_op submitted[2] = {submit_nop(f.ring), submit_nop(f.ring)};
    struct sr_op queued[2] = {start_nop(f.ring), start_nop(f.ring)};
    for (int i = 0; i < 2; i++)
        assert_int_equal(sr_op_cancel(f.ring, &submitted[i]), 0);

    assert_int_equal(sr_ring_submit(f.ring), 0);

    assert_int_equal(f.kernel->seen_count, 6);
    assert_true(f.kernel->seen[2].user_data == queued[0].id);
    assert_true(f.kernel->seen[3].user_data == queued[1].id);
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(f.kernel->seen[4 + i].user_data == cancel_of(submitted[i].id));
        fake_kernel_post(f.kernel, cancel_of(submitted[i].id), 0);
        fake_kernel_post(f.kernel, submitted[i].id, -ECANCELED);
        assert_int_equal(await_result(f.ring, &submitted[i]), -ECANCELED);
        fake_kernel_post(f.kernel, queued[i].id, 0);
        assert_int_equal(await_result(f.ring, &queued[i]), 0);
    }
    fake_ring_close(&f);
}

/* The CQE of the cancel may come after the operation was taken: it is no unknown one. */
SR_UNCHECKED static void a_cancels_cqe_may_come_last(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = submit_nop(f.ring);
    uint64_t id = op.id;
    assert_int_equal(sr_op_cancel(f.ring, &op), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    fake_kernel_post(f.kernel, id, -ECANCELED);
    assert_int_equal(await_result(f.ring, &op), -ECANCELED);

    fake_kernel_post(f.kernel, cancel_of(id), 0);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);

    fake_ring_close(&f);
}

/* What has ended, is out, was taken, was given to the ring, or never was, can't be cancelled. */
SR_UNCHECKED static void what_has_ended_cannot_be_cancelled(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op op = submit_nop(f.ring);
    struct sr_op copy = op;
    struct sr_op other = submit_nop(f.ring);
    struct sr_op detached = submit_nop(f.ring);
    struct sr_op detached_copy = detached;
    struct sr_op none = {.id = 0};
    struct sr_completion done;
    fake_kernel_post(f.kernel, op.id, 0);
    fake_kernel_post(f.kernel, other.id, 0);
    assert_int_equal(await_result(f.ring, &other), 0);
    assert_int_equal(sr_op_detach(f.ring, &detached, NULL), 0);

    assert_int_equal(sr_op_cancel(f.ring, &op), SR_EINVALID_STATE);
    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);
    assert_int_equal(sr_op_cancel(f.ring, &copy), SR_EINVALID_STATE);
    assert_int_equal(sr_take_plain(&done), 0);
    assert_int_equal(sr_op_cancel(f.ring, &copy), SR_ESTALE);
    assert_int_equal(sr_op_cancel(f.ring, &none), SR_ESTALE);
    assert_int_equal(sr_op_cancel(f.ring, &detached_copy), SR_EINVALID_STATE);
    assert_int_equal(sr_op_cancel(NULL, &copy), -EINVAL);
    assert_int_equal(sr_op_cancel(f.ring, NULL), -EINVAL);

    assert_int_equal(stats_of(f.ring).cancels, 0);
    fake_kernel_post(f.kernel, detached_copy.id, 0);
    assert_int_equal(sr_ring_next(f.ring, &done), 0);
    assert_int_equal(sr_take_plain(&done), 0);
    fake_ring_close(&f);
}

/* Ends everything a cancel asks for, at the enter that brings it. */
static void obey(struct fake_kernel *kernel, void *user)
{
    uint32_t *answered = user;
    for (; *answered < kernel->seen_count; ++*answered) {
        const struct io_uring_sqe *sqe = &kernel->seen[*answered];
        if (sqe->opcode != IORING_OP_ASYNC_CANCEL)
            continue;
        fake_kernel_post(kernel, sqe->user_data, 0);
        fake_kernel_post(kernel, sqe->addr, -ECANCELED);
    }
}

/* All of them: what is queued is withdrawn, what is under way is asked, and each completion is still to be taken. */
SR_UNCHECKED static void cancelling_all_ends_queued_and_submitted(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    uint32_t answered = 0;
    uint32_t remaining = 99;
    f.kernel->on_enter = obey;
    f.kernel->user = &answered;
    struct sr_op submitted[2] = {submit_read(f.ring, 5, 8), submit_read(f.ring, 5, 8)};
    struct sr_op orphan = submit_nop(f.ring);
    struct sr_op queued[2] = {start_read(f.ring, 6, 8), start_nop(f.ring)};
    sr_op_drop(f.ring, &orphan);

    assert_int_equal(sr_ring_cancel_all(f.ring, SR_FOREVER, &remaining), 0);

    assert_int_equal(remaining, 0);
    assert_int_equal(sr_ring_orphan_count(f.ring), 0);
    assert_int_equal(sr_ring_in_flight(f.ring), 4);
    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), 3);
    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_READ), 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(await_result(f.ring, &submitted[i]), -ECANCELED);
        assert_int_equal(await_result(f.ring, &queued[i]), -ECANCELED);
    }
    fake_ring_close(&f);
}

/* With nothing in flight there is nothing to wait for. */
static void cancelling_nothing_is_done_at_once(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    uint32_t remaining = 99;

    assert_int_equal(sr_ring_cancel_all(f.ring, SR_FOREVER, &remaining), 0);
    assert_int_equal(sr_ring_cancel_all(f.ring, 0, NULL), 0);
    assert_int_equal(sr_ring_cancel_all(NULL, 0, NULL), -EINVAL);

    assert_int_equal(remaining, 0);
    assert_int_equal(f.kernel->enters, 0);
    fake_ring_close(&f);
}

/* What does not end in time is told, with how many; nothing is freed, and the ring works on (RING-4). */
SR_UNCHECKED static void cancelling_all_stops_at_its_time(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op ops[2] = {submit_read(f.ring, 5, 8), submit_read(f.ring, 5, 8)};
    uint64_t ids[2] = {ops[0].id, ops[1].id};
    uint32_t remaining = 0;
    fake_kernel_promise(f.kernel, ids[1], 8);

    assert_int_equal(sr_ring_cancel_all(f.ring, SECOND, &remaining), -ETIME);
    assert_int_equal(remaining, 1);
    assert_int_equal(sr_ring_cancel_all(f.ring, 0, &remaining), -ETIME);
    assert_int_equal(remaining, 1);
    assert_int_equal(sr_ring_in_flight(f.ring), 2);

    struct sr_op more = submit_nop(f.ring);
    fake_kernel_post(f.kernel, more.id, 0);
    fake_kernel_post(f.kernel, ids[0], -ECANCELED);
    fake_kernel_post(f.kernel, cancel_of(ids[0]), 0);
    fake_kernel_post(f.kernel, cancel_of(ids[1]), -EALREADY);
    assert_int_equal(await_result(f.ring, &more), 0);
    assert_int_equal(await_result(f.ring, &ops[0]), -ECANCELED);
    assert_int_equal(await_result(f.ring, &ops[1]), 8);
    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), 2);
    fake_ring_close(&f);
}

/* A ring that holds four completions at most. */
static struct fake_ring open_with_little_room(void)
{
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.completion_entries = 4;
    config.max_in_flight = 8;
    config.queue_entries = 4;
    return fake_ring_open_config(config);
}

/* When the ring can hold no more untaken completions it says so; taking some lets it go on (OP-9). */
SR_UNCHECKED static void cancelling_all_needs_room_for_completions(void **state)
{
    (void)state;
    struct fake_ring f = open_with_little_room();
    uint32_t answered = 0;
    uint32_t remaining = 0;
    f.kernel->on_enter = obey;
    f.kernel->user = &answered;
    struct sr_op ops[6];
    for (int i = 0; i < 6; i++)
        ops[i] = i < 3 ? submit_nop(f.ring) : start_nop(f.ring);

    assert_int_equal(sr_ring_cancel_all(f.ring, SR_FOREVER, &remaining), SR_EQUEUE_FULL);
    assert_true(remaining > 0);
    for (int i = 3; i < 6; i++)
        assert_int_equal(await_result(f.ring, &ops[i]), -ECANCELED);
    assert_int_equal(sr_ring_cancel_all(f.ring, SR_FOREVER, &remaining), 0);

    assert_int_equal(remaining, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(await_result(f.ring, &ops[i]), -ECANCELED);
    fake_ring_close(&f);
}

/* What is only taken back needs room too: no more of it is than can be held (OP-9). */
SR_UNCHECKED static void no_more_is_taken_back_than_can_be_held(void **state)
{
    (void)state;
    struct fake_ring f = open_with_little_room();
    uint32_t remaining = 0;
    struct sr_op ended[2] = {submit_nop(f.ring), submit_nop(f.ring)};
    struct sr_op queued[4];
    for (int i = 0; i < 2; i++)
        fake_kernel_post(f.kernel, ended[i].id, 0);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    for (int i = 0; i < 4; i++)
        queued[i] = start_nop(f.ring);

    assert_int_equal(sr_ring_cancel_all(f.ring, 0, &remaining), SR_EQUEUE_FULL);
    assert_int_equal(remaining, 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(await_result(f.ring, &ended[i]), 0);
    assert_int_equal(sr_ring_cancel_all(f.ring, 0, &remaining), 0);

    for (int i = 0; i < 4; i++)
        assert_int_equal(await_result(f.ring, &queued[i]), -ECANCELED);
    assert_int_equal(f.kernel->seen_count, 2);
    fake_ring_close(&f);
}

/* Is too late for everything. */
static void miss(struct fake_kernel *kernel, void *user)
{
    uint32_t *answered = user;
    for (; *answered < kernel->seen_count; ++*answered)
        if (kernel->seen[*answered].opcode == IORING_OP_ASYNC_CANCEL)
            fake_kernel_post(kernel, kernel->seen[*answered].user_data, -EALREADY);
}

/* A kernel that is always too late is asked again after pauses that double, for eight seconds in all, and then believed. */
SR_UNCHECKED static void a_kernel_that_always_says_no_is_believed(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    uint32_t answered = 0;
    uint32_t remaining = 0;
    f.kernel->on_enter = miss;
    f.kernel->user = &answered;
    struct sr_op op = submit_nop(f.ring);
    uint64_t begin_ns = f.kernel->now_ns;

    assert_int_equal(sr_ring_cancel_all(f.ring, SR_FOREVER, &remaining), -EDEADLK);

    assert_int_equal(remaining, 1);
    assert_int_equal(stats_of(f.ring).cancels, 14);
    assert_int_equal((f.kernel->now_ns - begin_ns) / 1000000, (1 << 13) - 1);
    fake_kernel_post(f.kernel, op.id, 0);
    assert_int_equal(await_result(f.ring, &op), 0);
    fake_ring_close(&f);
}

/* A look that does not wait asks each time, and leaves no further cancel behind. */
SR_UNCHECKED static void a_look_asks_once(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    uint32_t answered = 0;
    f.kernel->on_enter = miss;
    f.kernel->user = &answered;
    struct sr_op op = submit_nop(f.ring);

    assert_int_equal(sr_ring_cancel_all(f.ring, 0, NULL), -ETIME);
    assert_int_equal(sr_ring_cancel_all(f.ring, 0, NULL), -ETIME);
    assert_int_equal(sr_ring_submit(f.ring), 0);

    assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), 2);
    fake_kernel_post(f.kernel, op.id, 0);
    assert_int_equal(await_result(f.ring, &op), 0);
    fake_ring_close(&f);
}

struct late {
    uint64_t ids[2];
    uint32_t cancels; /* seen */
    uint32_t after;   /* enters since the first */
};

/* The first of two is missed and the second ends a little later; when the first is asked for again it ends. */
static void end_the_second_meanwhile(struct fake_kernel *kernel, void *user)
{
    struct late *late = user;
    uint32_t cancels = fake_kernel_count(kernel, IORING_OP_ASYNC_CANCEL);
    if (late->cancels == 0 && cancels == 2) {
        fake_kernel_post(kernel, cancel_of(late->ids[0]), -EALREADY);
        fake_kernel_post(kernel, cancel_of(late->ids[1]), 0);
    } else if (late->cancels == 2 && cancels == 2 && late->after++ == 0) {
        fake_kernel_post(kernel, late->ids[1], -ECANCELED);
    } else if (late->cancels == 2 && cancels == 3) {
        fake_kernel_post(kernel, cancel_of(late->ids[0]), 0);
        fake_kernel_post(kernel, late->ids[0], -ECANCELED);
    }
    late->cancels = cancels;
}

/* Also when something comes in the pause, what was missed is asked again behind it. */
SR_UNCHECKED static void a_pause_that_is_cut_short_asks_again(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op ops[2] = {submit_nop(f.ring), submit_nop(f.ring)};
    struct late late = {.ids = {ops[0].id, ops[1].id}};
    f.kernel->on_enter = end_the_second_meanwhile;
    f.kernel->user = &late;

    assert_int_equal(sr_ring_cancel_all(f.ring, SR_FOREVER, NULL), 0);

    assert_int_equal(late.cancels, 3);
    for (int i = 0; i < 2; i++)
        assert_int_equal(await_result(f.ring, &ops[i]), -ECANCELED);
    fake_ring_close(&f);
}

SR_UNCHECKED static void cancel_all_inside(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    int *answer = user;
    *answer = sr_ring_cancel_all(ring, 0, NULL);
    assert_int_equal(sr_take_plain(done), 0);
}

/* It waits, and so it is refused inside a callback (CB-2). */
SR_UNCHECKED static void cancelling_all_is_refused_inside_a_callback(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = submit_nop(f.ring);
    int answer = 0;
    fake_kernel_post(f.kernel, op.id, 0);
    assert_int_equal(sr_op_then(f.ring, &op, cancel_all_inside, &answer), 0);

    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);

    assert_int_equal(answer, SR_EINVALID_STATE);
    fake_ring_close(&f);
}

/* The kernel's error is told, with how many remain. */
SR_UNCHECKED static void cancelling_all_tells_the_kernels_error(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = submit_nop(f.ring);
    uint64_t id = op.id;
    uint32_t remaining = 0;
    fake_kernel_refuse(f.kernel, -EBADR, 1);

    assert_int_equal(sr_ring_cancel_all(f.ring, SR_FOREVER, &remaining), -EBADR);

    assert_int_equal(remaining, 1);
    fake_kernel_post(f.kernel, id, 0);
    assert_int_equal(await_result(f.ring, &op), 0);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_queued_operation_ends_at_once),
    cmocka_unit_test(a_queued_pair_leaves_whole),
    cmocka_unit_test(a_submitted_operation_is_asked_once),
    cmocka_unit_test(cancels_wait_for_room),
    cmocka_unit_test(a_cancels_cqe_may_come_last),
    cmocka_unit_test(what_has_ended_cannot_be_cancelled),
    cmocka_unit_test(cancelling_all_ends_queued_and_submitted),
    cmocka_unit_test(cancelling_nothing_is_done_at_once),
    cmocka_unit_test(cancelling_all_stops_at_its_time),
    cmocka_unit_test(cancelling_all_needs_room_for_completions),
    cmocka_unit_test(no_more_is_taken_back_than_can_be_held),
    cmocka_unit_test(a_kernel_that_always_says_no_is_believed),
    cmocka_unit_test(a_look_asks_once),
    cmocka_unit_test(a_pause_that_is_cut_short_asks_again),
    cmocka_unit_test(cancelling_all_is_refused_inside_a_callback),
    cmocka_unit_test(cancelling_all_tells_the_kernels_error),
};

SR_TEST_MAIN(tests)
