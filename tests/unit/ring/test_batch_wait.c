/*
 * Submitting batches and waiting for them: what a ring refuses to take, what a wait says that can't go on, and that it all
 * goes on afterwards (BATCH-5, BATCH-6, OP-8, OP-9, RING-4).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "batch_fixture.h"
#include "safer_ring/log.h"

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
    cmocka_unit_test(one_that_does_not_fit_keeps_all),    cmocka_unit_test(a_batch_is_submitted_once),
    cmocka_unit_test(a_draining_ring_takes_none),         cmocka_unit_test(a_full_queue_is_said),
    cmocka_unit_test(a_kernel_that_refuses_is_passed_on), cmocka_unit_test(a_wait_ends_in_time),
    cmocka_unit_test(a_missed_cancel_is_repeated),        cmocka_unit_test(too_late_is_said),
};

SR_TEST_MAIN(tests)
