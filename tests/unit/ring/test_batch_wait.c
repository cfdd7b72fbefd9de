/*
 * Submitting batches and waiting for them: what a ring refuses to take, what a wait says that can't go on, and that it all
 * goes on afterwards (BATCH-5, BATCH-6, OP-8, OP-9, RING-4).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "batch_fixture.h"
#include "safer_ring/log.h"
#include "safer_ring/registry.h"

/* Every operation is looked at before any moves: one that the ring has no room for, wherever it stands, keeps them all. */
SR_UNCHECKED static void one_that_does_not_fit_keeps_all(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.argument_bytes = 64;
    char path[100];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = 0;
    struct sr_op_spec open = sr_spec_openat(sr_fd(AT_FDCWD), path, 0, 0);
    struct sr_op_spec nop = sr_spec_nop();
    for (uint32_t at = 0; at < 3; at++) {
        struct fake_ring f = fake_ring_open_config(config);
        struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, false);
        struct sr_batch_future future = {0};
        struct sr_batch_result result;
        for (uint32_t i = 0; i < 3; i++)
            assert_int_equal(sr_batch_add_plain(batch, i == at ? &open : &nop, NULL), 0);

        assert_int_equal(sr_batch_submit_standalone(f.ring, &batch, &future), -E2BIG);
        assert_int_equal(sr_batch_submit(f.ring, &batch, &result), -E2BIG);

        assert_non_null(batch);
        assert_int_equal(sr_ring_in_flight(f.ring), 0);
        assert_int_equal(sr_batch_free(&batch), 0);
        fake_ring_close(&f);
    }
}

/* A batch that runs is not submitted again, here or elsewhere; one that has ended has one result. */
SR_UNCHECKED static void a_batch_is_submitted_once(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct fake_ring other = fake_ring_open(8);
    struct sr_batch *batch = chain_of(1, SR_BATCH_CHAINED, false);
    struct sr_batch_future future = {0};
    struct sr_batch_result result;
    struct sr_batch_result again;
    assert_int_equal(sr_batch_submit(f.ring, &batch, &result), -EDEADLK);
    assert_int_equal(sr_batch_submit_standalone(f.ring, &batch, &future), SR_EINVALID_STATE);
    assert_int_equal(sr_batch_submit_standalone(other.ring, &batch, &future), SR_EINVALID_STATE);
    assert_int_equal(sr_batch_submit(other.ring, &batch, &result), SR_EINVALID_STATE);
    assert_int_equal(sr_ring_in_flight(other.ring), 0);
    answer(&f, 0, 10);
    assert_int_equal(sr_batch_submit(f.ring, &batch, &result), 0);
    sr_batch_result_fini(&result);

    future = submit(f.ring, chain_of(1, SR_BATCH_CHAINED, false));
    struct sr_batch_future copy = future;
    assert_int_equal(sr_ring_submit(f.ring), 0);
    answer(&f, 1, 10);
    assert_int_equal(sr_batch_await(&future, f.ring, &result), 0);
    assert_int_equal(future.id, 0);
    assert_int_equal(sr_batch_poll(&copy, f.ring, &again), SR_ESTALE);
    assert_int_equal(sr_batch_await(&copy, f.ring, &again), SR_ESTALE);
    assert_int_equal(sr_batch_cancel(f.ring, &copy), SR_ESTALE);
    assert_true(copy.id != 0);
    sr_batch_result_fini(&result);
    fake_ring_close(&other);
    fake_ring_close(&f);
}

static int submitted_in_drain;

SR_UNCHECKED static void submit_in_drain(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct sr_batch_future future;
    struct sr_batch *batch = user;
    (void)done;
    submitted_in_drain = sr_batch_submit_standalone(ring, &batch, &future);
}

/* A ring that drains takes no new batch (RING-4). */
SR_UNCHECKED static void a_draining_ring_takes_none(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch *batch = chain_of(1, SR_BATCH_CHAINED, false);
    struct sr_op op = submit_nop(f.ring);
    assert_int_equal(sr_op_then(f.ring, &op, submit_in_drain, batch), 0);
    answer(&f, 0, 0);

    assert_int_equal(sr_ring_drain(f.ring, 0, NULL), 0);

    assert_int_equal(submitted_in_drain, SR_EINVALID_STATE);
    assert_int_equal(sr_batch_free(&batch), 0);
    fake_ring_close(&f);
}

/* With completions to be taken first, waits and looks say so, and go on when they were (OP-9). */
SR_UNCHECKED static void a_full_queue_is_said(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 8;
    config.completion_entries = 8;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_op ops[8];
    struct sr_completion done;
    struct sr_batch_result result;
    for (int i = 0; i < 8; i++)
        ops[i] = submit_nop(f.ring);
    struct sr_batch_future future = submit(f.ring, chain_of(1, SR_BATCH_CHAINED, false));
    for (uint32_t i = 0; i < 8; i++)
        answer(&f, i, 0);

    assert_int_equal(sr_batch_await(&future, f.ring, &result), SR_EQUEUE_FULL);
    assert_int_equal(sr_batch_poll(&future, f.ring, &result), SR_EQUEUE_FULL);
    assert_true(future.id != 0);

    for (int i = 0; i < 8; i++) {
        assert_int_equal(sr_op_await(f.ring, &ops[i], &done), 0);
        assert_int_equal(sr_take_plain(&done), 0);
    }
    assert_int_equal(sr_batch_poll(&future, f.ring, &result), SR_EOPERATION_PENDING);
    answer(&f, 8, 10);
    expect(&f, &future, "+");
    fake_ring_close(&f);
}

/* What the kernel says to an enter is said by a look and a wait, unless the batch has ended all the same. */
SR_UNCHECKED static void a_kernel_that_refuses_is_passed_on(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch_result result;
    struct sr_batch_future future = submit(f.ring, chain_of(1, SR_BATCH_CHAINED, false));
    fake_kernel_script(f.kernel, (struct fake_enter){.error = -ENXIO});
    assert_int_equal(sr_batch_poll(&future, f.ring, &result), -ENXIO);
    fake_kernel_script(f.kernel, (struct fake_enter){.error = -ENXIO});
    assert_int_equal(sr_batch_await(&future, f.ring, &result), -ENXIO);
    assert_int_equal(sr_batch_await_timeout(&future, f.ring, 0, &result), -ETIME);
    assert_int_equal(sr_batch_poll(&future, f.ring, &result), SR_EOPERATION_PENDING);
    assert_true(future.id != 0);
    answer(&f, 0, 10);
    expect(&f, &future, "+");
    fake_ring_close(&f);
}

/* A wait ends at its time, neither before nor later, whether the batch runs on or is being cancelled. */
SR_UNCHECKED static void a_wait_ends_in_time(void **state)
{
    (void)state;
    const uint64_t limits[] = {0, 1000, 70 * UINT64_C(1000000)};
    for (int cancelled = 0; cancelled < 2; cancelled++) {
        struct fake_ring f = fake_ring_open(8);
        struct sr_batch_result result;
        struct sr_batch_future future = submit(f.ring, chain_of(1, SR_BATCH_CHAINED, false));
        assert_int_equal(sr_ring_submit(f.ring), 0);
        if (cancelled)
            assert_int_equal(sr_batch_cancel(f.ring, &future), 0);
        for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
            uint64_t before = f.kernel->now_ns;
            assert_int_equal(sr_batch_await_timeout(&future, f.ring, limits[i], &result), -ETIME);
            assert_int_equal(f.kernel->now_ns - before, limits[i]);
        }
        assert_int_equal(f.kernel->seen_count, 1 + cancelled);
        answer(&f, 0, -ECANCELED);
        if (cancelled)
            answer(&f, 1, 0);
        expect(&f, &future, cancelled ? "-" : "!");
        fake_ring_close(&f);
    }
}

/* A cancel that found nothing is repeated by a wait as by a look, until the operation has ended (BATCH-3). */
SR_UNCHECKED static void a_missed_cancel_is_repeated(void **state)
{
    (void)state;
    for (int waits = 0; waits < 2; waits++) {
        struct fake_ring f = fake_ring_open(8);
        struct sr_batch_result result;
        struct sr_batch_future future = submit(f.ring, chain_of(1, SR_BATCH_CHAINED, false));
        assert_int_equal(sr_ring_submit(f.ring), 0);
        assert_int_equal(sr_batch_cancel(f.ring, &future), 0);
        for (uint32_t asked = 1; asked < 4; asked++) {
            if (waits)
                assert_int_equal(sr_batch_await_timeout(&future, f.ring, UINT64_C(1000000000), &result),
                                 -ETIME);
            else
                assert_int_equal(sr_batch_poll(&future, f.ring, &result), SR_EOPERATION_PENDING);
            assert_int_equal(fake_kernel_count(f.kernel, IORING_OP_ASYNC_CANCEL), asked);
            answer(&f, asked, -ENOENT);
        }
        answer(&f, 0, 10);
        expect(&f, &future, "+");
        fake_ring_close(&f);
    }
}

/* A batch of one fsync of a fixed file that is gone, which waits for the only slot: *held has that. */
SR_UNCHECKED static struct sr_batch_future submit_refused(struct fake_ring *f, struct sr_registry **registry,
                                                          struct sr_completion *held)
{
    struct sr_fixed_file file;
    struct sr_op op = submit_nop(f->ring);
    answer(f, 0, 0);
    assert_int_equal(sr_op_await(f->ring, &op, held), 0);
    assert_int_equal(sr_registry_new(f->ring, registry), 0);
    assert_int_equal(sr_registry_register_fixed_file(*registry, 3, &file), 0);
    struct sr_op_spec sync = sr_spec_fsync(sr_fd_fixed(file), 0);
    struct sr_batch *batch = new_batch(SR_BATCH_CHAINED, false);
    assert_int_equal(sr_batch_add_plain(batch, &sync, NULL), 0);
    struct sr_batch_future future = submit(f->ring, batch);
    assert_int_equal(sr_registry_remove_fixed_file(*registry, &file), 0);
    return future;
}

/*
 * A batch that ends by a start which is refused, with nothing under way, is seen to have ended: a wait or a drain that
 * asked the kernel first would wait for ever (OP-8, RING-4). With the slot still held too.
 */
SR_UNCHECKED static void a_refused_start_ends_the_wait(void **state)
{
    (void)state;
    enum {
        AWAITED,
        LOOKED_AT,
        DRAINED,
        WAYS
    };
    for (int i = 0; i < 2 * WAYS; i++) {
        struct sr_config config = sr_config_default();
        config.max_in_flight = 1;
        struct fake_ring f = fake_ring_open_config(config);
        struct sr_registry *registry = NULL;
        struct sr_batch_result result;
        struct sr_completion held;
        int way = i / 2;
        bool holds = i % 2 != 0 && way != DRAINED;
        struct sr_batch_future future = submit_refused(&f, &registry, &held);
        if (!holds)
            assert_int_equal(sr_take_plain(&held), 0);
        uint32_t enters = f.kernel->enters;

        if (way == DRAINED) {
            assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, NULL), 0);
        } else {
            assert_int_equal(way == AWAITED ? sr_batch_await(&future, f.ring, &result)
                                            : sr_batch_poll(&future, f.ring, &result),
                             0);
            assert_int_equal(result.failed, 1);
            assert_int_equal(sr_batch_result_take_plain(&result, 0), SR_ENOT_REGISTERED);
            sr_batch_result_fini(&result);
        }

        if (way != LOOKED_AT)
            assert_int_equal(f.kernel->enters, enters);
        if (holds)
            assert_int_equal(sr_take_plain(&held), 0);
        assert_int_equal(sr_registry_free(&registry), 0);
        fake_ring_close(&f);
    }
}

/* What has come already is not waited for: the kernel is not entered. */
SR_UNCHECKED static void what_has_come_needs_no_kernel(void **state)
{
    (void)state;
    for (int looks = 0; looks < 2; looks++) {
        struct fake_ring f = fake_ring_open(8);
        struct sr_batch_result result;
        struct sr_batch_future future = submit(f.ring, chain_of(1, SR_BATCH_CHAINED, false));
        assert_int_equal(sr_ring_submit(f.ring), 0);
        answer(&f, 0, 10);
        uint32_t enters = f.kernel->enters;
        if (looks)
            assert_int_equal(sr_batch_poll(&future, f.ring, &result), 0);
        else
            assert_int_equal(sr_batch_await(&future, f.ring, &result), 0);
        assert_int_equal(f.kernel->enters, enters);
        sr_batch_result_fini(&result);
        fake_ring_close(&f);
    }
}

/* A look never waits, and hands over what its own entry of the kernel brought. */
SR_UNCHECKED static void a_look_does_not_wait(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch_result result;
    struct sr_batch_future future = submit(f.ring, chain_of(1, SR_BATCH_CHAINED, false));
    assert_int_equal(sr_batch_poll(&future, f.ring, &result), SR_EOPERATION_PENDING);
    assert_int_equal(f.kernel->last_min_complete, 0);
    fake_kernel_promise(f.kernel, f.kernel->seen[0].user_data, 10);
    assert_int_equal(sr_batch_poll(&future, f.ring, &result), SR_EOPERATION_PENDING);
    assert_int_equal(f.kernel->last_min_complete, 0);
    assert_int_equal(sr_batch_await(&future, f.ring, &result), 0);
    sr_batch_result_fini(&result);
    fake_ring_close(&f);
}

/* Ends the first entry the kernel saw, once it is told to. */
static void answer_on_enter(struct fake_kernel *kernel, void *user)
{
    bool *armed = user;
    if (*armed && kernel->seen_count != 0)
        fake_kernel_post(kernel, kernel->seen[0].user_data, 10);
    *armed = false;
}

/* What comes while a look is in the kernel is handed over by that look. */
SR_UNCHECKED static void a_look_hands_over_what_it_brought(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch_result result;
    bool armed = true;
    struct sr_batch_future future = submit(f.ring, chain_of(1, SR_BATCH_CHAINED, false));
    f.kernel->on_enter = answer_on_enter;
    f.kernel->user = &armed;
    assert_int_equal(sr_batch_poll(&future, f.ring, &result), 0);
    assert_false(armed);
    assert_int_equal(result.succeeded, 1);
    sr_batch_result_fini(&result);
    fake_ring_close(&f);
}

/* A batch that is being cancelled is waited for as long as it takes, step by step. */
SR_UNCHECKED static void a_cancelled_batch_is_waited_for(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch_result result;
    struct sr_batch_future future = submit(f.ring, chain_of(1, SR_BATCH_CHAINED, false));
    assert_int_equal(sr_ring_submit(f.ring), 0);
    uint64_t member = f.kernel->seen[0].user_data;
    assert_int_equal(sr_batch_cancel(f.ring, &future), 0);
    fake_kernel_promise(f.kernel, cancel_of(member), 0);
    fake_kernel_promise(f.kernel, member, -ECANCELED);
    assert_int_equal(sr_batch_await(&future, f.ring, &result), 0);
    assert_int_equal(result.cancelled, 1);
    sr_batch_result_fini(&result);
    fake_ring_close(&f);
}

struct relay {
    struct fake_ring f;
    uint64_t second;
    struct sr_op third;
    uint64_t member;
};

SR_UNCHECKED static void end_the_member(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct relay *relay = user;
    (void)ring;
    (void)done;
    fake_kernel_post(relay->f.kernel, relay->member, -ECANCELED);
}

/* Its look at the third finds that the second has ended, whose callback is due then. */
SR_UNCHECKED static void peek_elsewhere(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct relay *relay = user;
    struct sr_completion none;
    (void)done;
    fake_kernel_post(relay->f.kernel, relay->second, 0);
    assert_int_equal(sr_op_peek(ring, &relay->third, &none), SR_EOPERATION_PENDING);
}

/* A callback that another one's look made due is not waited over: what it does may be what the wait is for. */
SR_UNCHECKED static void a_due_callback_is_not_waited_over(void **state)
{
    (void)state;
    struct relay relay = {.f = fake_ring_open(8)};
    struct fake_ring *f = &relay.f;
    struct sr_batch_result result;
    struct sr_op first = submit_nop(f->ring);
    struct sr_op second = submit_nop(f->ring);
    relay.second = second.id;
    relay.third = submit_nop(f->ring);
    struct sr_batch_future future = submit(f->ring, chain_of(1, SR_BATCH_CHAINED, false));
    assert_int_equal(sr_ring_submit(f->ring), 0);
    relay.member = f->kernel->seen[3].user_data;
    uint64_t id = first.id;
    assert_int_equal(sr_op_then(f->ring, &first, peek_elsewhere, &relay), 0);
    assert_int_equal(sr_op_then(f->ring, &second, end_the_member, &relay), 0);
    assert_int_equal(sr_batch_cancel(f->ring, &future), 0);
    assert_int_equal(sr_ring_submit(f->ring), 0);
    answer(f, 4, 0);
    fake_kernel_post(f->kernel, id, 0);
    uint64_t before = f->kernel->now_ns;

    assert_int_equal(sr_batch_await(&future, f->ring, &result), 0);

    assert_int_equal(f->kernel->now_ns, before);
    assert_int_equal(result.cancelled, 1);
    sr_batch_result_fini(&result);
    answer(f, 2, 0);
    assert_int_equal(await_result(f->ring, &relay.third), 0);
    fake_ring_close(f);
}

static int answers[4];

SR_UNCHECKED static void wait_in_callback(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct sr_batch_future *future = user;
    struct sr_batch *batch = chain_of(1, SR_BATCH_CHAINED, false);
    struct sr_batch_result result;
    (void)done;
    answers[0] = sr_batch_await(future, ring, &result);
    answers[1] = sr_batch_await_timeout(future, ring, 0, &result);
    answers[2] = sr_batch_submit(ring, &batch, &result);
    answers[3] = sr_batch_poll(future, ring, &result);
    assert_int_equal(sr_batch_free(&batch), 0);
}

/* A callback may look, but not wait (CB-2). */
SR_UNCHECKED static void a_callback_may_only_look(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op op = submit_nop(f.ring);
    struct sr_batch_future future = submit(f.ring, chain_of(1, SR_BATCH_CHAINED, false));
    assert_int_equal(sr_op_then(f.ring, &op, wait_in_callback, &future), 0);
    answer(&f, 0, 0);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(answers[i], SR_EINVALID_STATE);
    assert_int_equal(answers[3], SR_EOPERATION_PENDING);
    answer(&f, 1, 10);
    expect(&f, &future, "+");
    fake_ring_close(&f);
}

static char said[512];

static void keep_line(enum sr_log_level level, const char *text, void *user)
{
    (void)level;
    (void)user;
    strncat(said, text, sizeof said - strlen(said) - 1);
}

/* Cancelling what has ended is too late; a drop that finds nothing is logged, one that finds its batch says nothing. */
SR_UNCHECKED static void too_late_is_said(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch_future future = submit(f.ring, chain_of(1, SR_BATCH_CHAINED, false));
    struct sr_batch_future none = {0};
    assert_int_equal(sr_ring_submit(f.ring), 0);
    answer(&f, 0, 10);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    assert_int_equal(sr_batch_cancel(f.ring, &future), SR_EINVALID_STATE);
    uint64_t misuses = stats_of(f.ring).misuses;
    sr_set_log(keep_line, NULL);
    said[0] = '\0';
    sr_batch_drop(f.ring, &future);
    assert_string_equal(said, "");
    assert_int_equal(future.id, 0);
    sr_batch_drop(f.ring, &none);
    assert_non_null(strstr(said, "nothing was dropped"));
    assert_int_equal(stats_of(f.ring).misuses, misuses + 1);
    said[0] = '\0';
    sr_batch_drop(NULL, &none);
    assert_non_null(strstr(said, "nothing was dropped"));
    sr_set_log(NULL, NULL);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(one_that_does_not_fit_keeps_all),
    cmocka_unit_test(a_batch_is_submitted_once),
    cmocka_unit_test(a_draining_ring_takes_none),
    cmocka_unit_test(a_full_queue_is_said),
    cmocka_unit_test(a_kernel_that_refuses_is_passed_on),
    cmocka_unit_test(a_wait_ends_in_time),
    cmocka_unit_test(a_missed_cancel_is_repeated),
    cmocka_unit_test(a_refused_start_ends_the_wait),
    cmocka_unit_test(what_has_come_needs_no_kernel),
    cmocka_unit_test(a_look_does_not_wait),
    cmocka_unit_test(a_look_hands_over_what_it_brought),
    cmocka_unit_test(a_cancelled_batch_is_waited_for),
    cmocka_unit_test(a_due_callback_is_not_waited_over),
    cmocka_unit_test(a_callback_may_only_look),
    cmocka_unit_test(too_late_is_said),
};

SR_TEST_MAIN(tests)
