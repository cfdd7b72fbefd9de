/*
 * Every code of the library is reached, has a name and a sentence of its own, and no two codes meet.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "safer_ring/batch.h"
#include "safer_ring/pinned.h"
#include "safer_ring/pool.h"
#include "support/child.h"
#include "support/fake_ring.h"
#include "support/main.h"

static int buffer_in_flight(struct fake_ring *f)
{
    struct sr_buffer *buffer = NULL;
    struct sr_op op;
    assert_int_equal(sr_buffer_new(&buffer, 8), 0);
    struct sr_buffer *copy = buffer;
    assert_int_equal(sr_read_owned(f->ring, sr_fd(5), &buffer, &op), 0);
    int rc = sr_buffer_release(&copy);
    sr_op_drop(f->ring, &op);
    return rc;
}

static int operation_pending(struct fake_ring *f)
{
    struct sr_completion done;
    struct sr_op op = start_nop(f->ring);
    int rc = sr_op_peek(f->ring, &op, &done);
    fake_kernel_promise(f->kernel, op.id, 0);
    assert_int_equal(await_result(f->ring, &op), 0);
    return rc;
}

static int operations_in_flight(struct fake_ring *f)
{
    struct sr_op op = start_nop(f->ring);
    int rc = sr_ring_try_close(&f->ring);
    sr_op_drop(f->ring, &op);
    return rc;
}

static int not_registered(struct fake_ring *f)
{
    struct sr_op_spec spec = sr_spec_fsync((struct sr_fd){.number = 0, .generation = 1, .fixed = true}, 0);
    struct sr_op op;
    return sr_op_start_plain(f->ring, &spec, &op);
}

static int pool_empty(struct fake_ring *f)
{
    struct sr_pool *pool;
    struct sr_buffer *one;
    struct sr_buffer *two;
    (void)f;
    assert_int_equal(sr_pool_new(&pool, 1, 64, 0), 0);
    assert_int_equal(sr_pool_get(pool, &one), 0);
    int rc = sr_pool_get(pool, &two);
    assert_int_equal(sr_pool_put(pool, &one), 0);
    assert_int_equal(sr_pool_free(&pool, NULL), 0);
    return rc;
}

static int invalid_state(struct fake_ring *f)
{
    struct sr_completion done;
    struct sr_op op = submit_nop(f->ring);
    struct sr_op copy = op;
    fake_kernel_post(f->kernel, op.id, 0);
    assert_int_equal(sr_op_await(f->ring, &op, &done), 0);
    int rc = sr_op_cancel(f->ring, &copy);
    sr_finish(&done);
    return rc;
}

static int stale(struct fake_ring *f)
{
    struct sr_completion done;
    struct sr_op op = {.id = 123456};
    return sr_op_await(f->ring, &op, &done);
}

static int ring_borrowed(struct fake_ring *f)
{
    struct sr_pinned *one;
    struct sr_pinned *two;
    struct sr_op op;
    struct sr_op other;
    assert_int_equal(sr_pinned_new(&one, 8), 0);
    assert_int_equal(sr_pinned_new(&two, 8), 0);
    assert_int_equal(sr_read(f->ring, sr_fd(5), one, &op), 0);
    int rc = sr_read(f->ring, sr_fd(5), two, &other);
    fake_kernel_promise(f->kernel, op.id, 0);
    assert_int_equal(await_result(f->ring, &op), 0);
    assert_int_equal(sr_pinned_free(&one), 0);
    assert_int_equal(sr_pinned_free(&two), 0);
    return rc;
}

struct elsewhere {
    struct sr_ring *ring;
    int rc;
};

static void *submit_elsewhere(void *argument)
{
    struct elsewhere *elsewhere = argument;
    elsewhere->rc = sr_ring_submit(elsewhere->ring);
    return NULL;
}

static int wrong_thread(struct fake_ring *f)
{
    struct elsewhere elsewhere = {f->ring, 0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, submit_elsewhere, &elsewhere), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return elsewhere.rc;
}

static void submit_in_child(void *argument)
{
    child_check(sr_ring_submit(argument) == SR_EWRONG_PROCESS);
}

static int wrong_process(struct fake_ring *f)
{
    struct child child;
    run_in_child(&child, submit_in_child, f->ring);
    return child_succeeded(&child) ? SR_EWRONG_PROCESS : 0;
}

static int cycle(struct fake_ring *f)
{
    struct sr_batch *batch;
    struct sr_op_spec nop = sr_spec_nop();
    uint32_t one;
    uint32_t two;
    (void)f;
    assert_int_equal(sr_batch_new(&batch), 0);
    assert_int_equal(sr_batch_add_plain(batch, &nop, &one), 0);
    assert_int_equal(sr_batch_add_plain(batch, &nop, &two), 0);
    assert_int_equal(sr_batch_add_dependency(batch, two, one), 0);
    int rc = sr_batch_add_dependency(batch, one, two);
    assert_int_equal(sr_batch_free(&batch), 0);
    return rc;
}

static int foreign(struct fake_ring *f)
{
    struct sr_pool *one;
    struct sr_pool *two;
    struct sr_buffer *buffer;
    (void)f;
    assert_int_equal(sr_pool_new(&one, 1, 64, 0), 0);
    assert_int_equal(sr_pool_new(&two, 1, 64, 0), 0);
    assert_int_equal(sr_pool_get(one, &buffer), 0);
    int rc = sr_pool_put(two, &buffer);
    assert_int_equal(sr_pool_put(one, &buffer), 0);
    assert_int_equal(sr_pool_free(&one, NULL), 0);
    assert_int_equal(sr_pool_free(&two, NULL), 0);
    return rc;
}

static int nothing_in_flight(struct fake_ring *f)
{
    struct sr_completion done;
    return sr_ring_next(f->ring, &done);
}

static int batch_empty(struct fake_ring *f)
{
    struct sr_batch *batch;
    struct sr_batch_result result;
    assert_int_equal(sr_batch_new(&batch), 0);
    int rc = sr_batch_submit(f->ring, &batch, &result);
    assert_int_equal(sr_batch_free(&batch), 0);
    return rc;
}

/* The ring holds as many untaken completions as its queue has places; the one that is awaited waits behind them. */
static int queue_full(struct fake_ring *f)
{
    struct sr_completion done;
    struct sr_op ended[8];
    for (int i = 0; i < 8; i++) {
        ended[i] = submit_nop(f->ring);
        fake_kernel_post(f->kernel, ended[i].id, 0);
        if (i % 4 == 3)
            assert_int_equal(sr_ring_dispatch(f->ring, NULL), 0);
    }
    struct sr_op op = submit_nop(f->ring);
    int rc = sr_op_await(f->ring, &op, &done);
    for (int i = 0; i < 8; i++)
        assert_int_equal(await_result(f->ring, &ended[i]), 0);
    fake_kernel_promise(f->kernel, op.id, 0);
    assert_int_equal(await_result(f->ring, &op), 0);
    return rc;
}

static const struct {
    int code;
    int (*reach)(struct fake_ring *f);
} reached[] = {
    {SR_EBUFFER_IN_FLIGHT, buffer_in_flight},
    {SR_EOPERATION_PENDING, operation_pending},
    {SR_EOPERATIONS_IN_FLIGHT, operations_in_flight},
    {SR_ENOT_REGISTERED, not_registered},
    {SR_EPOOL_EMPTY, pool_empty},
    {SR_EINVALID_STATE, invalid_state},
    {SR_ESTALE, stale},
    {SR_ERING_BORROWED, ring_borrowed},
    {SR_EWRONG_THREAD, wrong_thread},
    {SR_EWRONG_PROCESS, wrong_process},
    {SR_ECYCLE, cycle},
    {SR_EFOREIGN, foreign},
    {SR_ENOTHING_IN_FLIGHT, nothing_in_flight},
    {SR_EBATCH_EMPTY, batch_empty},
    {SR_EQUEUE_FULL, queue_full},
};
#define REACHED (sizeof reached / sizeof reached[0])

/* Each code by a program that meets it, on a ring that is whole afterwards. */
static void every_code_is_reached(void **state)
{
    (void)state;
    for (size_t i = 0; i < REACHED; i++) {
        struct sr_config config = sr_config_default();
        config.entries = 4;
        config.max_in_flight = 16;
        config.queue_entries = 8;
        struct fake_ring f = fake_ring_open_config(config);
        int rc = reached[i].reach(&f);
        if (rc != reached[i].code)
            print_error("%s is not reached: %s\n", sr_err_name(reached[i].code), sr_err_name(rc));
        assert_int_equal(rc, reached[i].code);
        fake_ring_close(&f);
    }
}

/* The codes that have a name are those of the table above, no more and no less. */
static void every_named_code_is_in_the_table(void **state)
{
    (void)state;
    size_t named = 0;
    for (int code = -4096; code > -7000; code--)
        named += strcmp(sr_err_name(code), "unknown") != 0;
    assert_int_equal(named, REACHED);
    for (size_t i = 0; i < REACHED; i++) {
        assert_true(reached[i].code < -4095);
        assert_memory_equal(sr_err_name(reached[i].code), "SR_E", 4);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(sr_strerror(reached[i].code), sr_strerror(reached[k].code));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_code_is_reached),
    cmocka_unit_test(every_named_code_is_in_the_table),
};

SR_TEST_MAIN(tests)
