/*
 * What every public function answers to a NULL where it wants something, and to a ring that is not attached yet: a code, and
 * nothing has changed.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "safer_ring.h"
#include "safer_ring/multishot.h"
#include "safer_ring/pinned.h"
#include "safer_ring/provider.h"
#include "safer_ring/registry.h"
#include "safer_ring/stream.h"
#include "support/fake_ring.h"
#include "support/main.h"

#define INVALID(call) assert_int_equal((call), -EINVAL)

static void note(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    (void)ring;
    (void)done;
    (void)user;
}

static void ended(void *user)
{
    (void)user;
}

/* Operations, their ends and their results. */
static void operations_refuse_null(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op op = submit_nop(f.ring);
    struct sr_op_spec spec = sr_spec_nop();
    struct sr_completion done;
    struct ring_face before = face_of(f.ring);
    const struct sr_op *none[1] = {NULL};
    uint32_t count = 0;

    INVALID(sr_op_peek(NULL, &op, &done));
    INVALID(sr_op_peek(f.ring, NULL, &done));
    INVALID(sr_op_peek(f.ring, &op, NULL));
    INVALID(sr_op_await(NULL, &op, &done));
    INVALID(sr_op_await(f.ring, NULL, &done));
    INVALID(sr_op_await(f.ring, &op, NULL));
    INVALID(sr_op_await_timeout(f.ring, &op, 0, NULL));
    INVALID(sr_op_wait_any(NULL, none, 1, 0));
    INVALID(sr_op_wait_any(f.ring, NULL, 1, 0));
    INVALID(sr_op_wait_any(f.ring, none, 1, 0));
    INVALID(sr_op_cancel(NULL, &op));
    INVALID(sr_op_cancel(f.ring, NULL));
    INVALID(sr_op_then(NULL, &op, note, NULL));
    INVALID(sr_op_then(f.ring, NULL, note, NULL));
    INVALID(sr_op_then(f.ring, &op, NULL, NULL));
    INVALID(sr_op_detach(NULL, &op, NULL));
    INVALID(sr_op_detach(f.ring, NULL, NULL));
    INVALID(sr_op_drop_then(NULL, &op, ended, NULL));
    INVALID(sr_op_drop_then(f.ring, NULL, ended, NULL));
    INVALID(sr_op_drop_then(f.ring, &op, NULL, NULL));
    INVALID(sr_op_start_plain(NULL, &spec, &op));
    INVALID(sr_op_start_plain(f.ring, NULL, &op));
    INVALID(sr_op_start_plain(f.ring, &spec, NULL));
    INVALID(sr_ring_next(NULL, &done));
    INVALID(sr_ring_next(f.ring, NULL));
    INVALID(sr_ring_next_timeout(f.ring, 0, NULL));
    INVALID(sr_ring_dispatch(NULL, &count));
    INVALID(sr_ring_dispatch_wait(NULL, 0, &count));
    INVALID(sr_multishot_start(f.ring, NULL, NULL, NULL, NULL));
    INVALID(sr_multishot_start(f.ring, &spec, NULL, NULL, NULL));
    INVALID(sr_multishot_stop(NULL, NULL));
    INVALID(sr_multishot_stop(f.ring, NULL));
    INVALID(sr_multishot_drop(NULL, NULL));
    INVALID(sr_multishot_drop(f.ring, NULL));

    assert_face(f.ring, &before);
    fake_kernel_post(f.kernel, op.id, 0);
    assert_int_equal(await_result(f.ring, &op), 0);
    fake_ring_close(&f);
}

/* Rings: asked, ended, held. */
static void rings_refuse_null(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_ring *none = NULL;
    struct sr_stats stats;
    struct sr_hold hold = {0};
    uint32_t left = 7;

    INVALID(sr_ring_open(NULL, 4));
    INVALID(sr_ring_open_config(NULL, NULL));
    INVALID(sr_ring_attach(NULL));
    INVALID(sr_ring_close(NULL));
    INVALID(sr_ring_close(&none));
    INVALID(sr_ring_try_close(NULL));
    INVALID(sr_ring_try_close(&none));
    INVALID(sr_ring_drain(NULL, 0, &left));
    INVALID(sr_ring_cancel_all(NULL, 0, &left));
    INVALID(sr_ring_submit(NULL));
    INVALID(sr_ring_pollable_fd(NULL));
    INVALID(sr_ring_post(NULL, 1));
    INVALID(sr_ring_await_posts(NULL, true));
    INVALID(sr_ring_stats(NULL, &stats));
    INVALID(sr_ring_stats(f.ring, NULL));
    INVALID(sr_ring_hold(NULL, &hold, "x"));
    INVALID(sr_ring_hold(f.ring, NULL, "x"));
    INVALID(sr_ring_hold(f.ring, &hold, NULL));
    INVALID(sr_ring_may_start(NULL));
    INVALID(sr_ring_may_wait(NULL));
    INVALID(sr_ring_close_descriptor(NULL, 3));
    INVALID(sr_ring_close_descriptor(f.ring, -1));
    sr_ring_let_go(NULL);
    sr_ring_let_go(&hold);
    assert_int_equal(sr_ring_in_flight(NULL), 0);
    assert_int_equal(sr_ring_orphan_count(NULL), 0);
    assert_int_equal(sr_ring_callbacks_due(NULL), 0);
    assert_string_equal(sr_ring_backend(NULL), "none");
    assert_string_equal(sr_ring_backend_reason(NULL), "no ring");
    assert_int_equal(left, 7);

    fake_ring_close(&f);
}

/* Buffers and what borrows or pools them. */
static void buffers_refuse_null(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_buffer *none = NULL;
    struct sr_buffer *buffer;
    struct sr_guard guard;
    struct sr_pool *pool;
    struct sr_pool *no_pool = NULL;
    struct sr_pool_stats stats;
    struct sr_pinned *pinned;
    struct sr_op_spec spec = sr_spec_nop();
    struct sr_op op;
    const uint8_t *bytes;
    assert_int_equal(sr_buffer_new(&buffer, 8), 0);
    assert_int_equal(sr_pool_new(&pool, 1, 8, 0), 0);
    assert_int_equal(sr_pinned_new(&pinned, 8), 0);

    INVALID(sr_buffer_new(NULL, 8));
    INVALID(sr_buffer_copy_of(NULL, "x", 1));
    INVALID(sr_buffer_copy_of(&none, NULL, 1));
    INVALID(sr_buffer_try_access(NULL, &guard));
    INVALID(sr_buffer_try_access(&none, &guard));
    INVALID(sr_buffer_try_access(&buffer, NULL));
    INVALID(sr_guard_abandon(NULL));
    INVALID(sr_buffer_release(NULL));
    INVALID(sr_buffer_join(NULL, &buffer, 1));
    INVALID(sr_buffer_join(&none, NULL, 1));
    INVALID(sr_buffer_split(NULL, &none, 1));
    assert_int_equal(sr_buffer_size(NULL), 0);
    assert_false(sr_buffer_is_user_owned(NULL));
    INVALID(sr_op_start(f.ring, &spec, NULL, &op));
    INVALID(sr_op_start_detached(f.ring, &spec, &none, NULL));

    INVALID(sr_pool_new(NULL, 1, 8, 0));
    INVALID(sr_pool_get(NULL, &none));
    INVALID(sr_pool_get(pool, NULL));
    INVALID(sr_pool_put(NULL, &buffer));
    INVALID(sr_pool_put(pool, NULL));
    INVALID(sr_pool_put(pool, &none));
    INVALID(sr_pool_stats(NULL, &stats));
    INVALID(sr_pool_stats(pool, NULL));
    INVALID(sr_pool_free(NULL, NULL));
    INVALID(sr_pool_free(&no_pool, NULL));
    INVALID(sr_ring_get_buffer(NULL, 8, &none));
    INVALID(sr_ring_pool_stats(NULL, &stats));

    INVALID(sr_pinned_new(NULL, 8));
    INVALID(sr_pinned_copy_of(NULL, "x", 1));
    INVALID(sr_pinned_from_pool(pool, NULL));
    INVALID(sr_pinned_as_mut_slice(pinned, NULL));
    INVALID(sr_pinned_as_slice(pinned, NULL));
    INVALID(sr_pinned_as_slice(NULL, &bytes));
    INVALID(sr_op_borrow(NULL, &spec, pinned, NULL));
    INVALID(sr_op_borrow(f.ring, NULL, pinned, NULL));
    INVALID(sr_op_borrow(f.ring, &spec, NULL, NULL));

    assert_true(sr_buffer_is_user_owned(buffer));
    assert_null(none);
    assert_int_equal(sr_pinned_free(&pinned), 0);
    assert_int_equal(sr_pool_free(&pool, NULL), 0);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    fake_ring_close(&f);
}

/* What is registered with a ring. */
static void registries_refuse_null(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.fixed_files = 2;
    config.fixed_buffers = 2;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_registry *registry;
    struct sr_registry *no_registry = NULL;
    struct sr_provider *no_provider = NULL;
    struct sr_pool *pool;
    struct sr_fixed_file file;
    struct sr_buffer_slot slot = {0};
    struct sr_buffer *buffer;
    struct sr_buffer *none = NULL;
    size_t count;
    int fd = 3;
    assert_int_equal(sr_registry_new(f.ring, &registry), 0);
    assert_int_equal(sr_pool_new(&pool, 1, 8, 0), 0);
    assert_int_equal(sr_buffer_new(&buffer, 8), 0);

    INVALID(sr_registry_new(NULL, &no_registry));
    INVALID(sr_registry_new(f.ring, NULL));
    INVALID(sr_registry_free(NULL));
    INVALID(sr_registry_free(&no_registry));
    INVALID(sr_registry_register_fixed_files(NULL, &fd, 1, &file));
    INVALID(sr_registry_register_fixed_files(registry, NULL, 1, &file));
    INVALID(sr_registry_register_fixed_files(registry, &fd, 1, NULL));
    INVALID(sr_registry_register_fixed_file(NULL, fd, &file));
    INVALID(sr_registry_update_fixed_file(registry, NULL, fd));
    INVALID(sr_registry_remove_fixed_file(registry, NULL));
    INVALID(sr_registry_retire_fixed_file(registry, NULL));
    INVALID(sr_registry_unregister_fixed_files(NULL));
    INVALID(sr_registry_register_buffer_slots(NULL, &buffer, 1, &slot));
    INVALID(sr_registry_register_buffer_slots(registry, NULL, 1, &slot));
    INVALID(sr_registry_register_buffer_slots(registry, &buffer, 1, NULL));
    INVALID(sr_slot_take(NULL, slot, &none));
    INVALID(sr_slot_take(registry, slot, NULL));
    INVALID(sr_registry_update_buffer_slot(registry, NULL, &buffer));
    INVALID(sr_registry_update_buffer_slot(registry, &slot, NULL));
    INVALID(sr_registry_update_buffer_slot(registry, &slot, &none));
    INVALID(sr_registry_remove_buffer_slot(registry, NULL, &none));
    INVALID(sr_registry_remove_buffer_slot(registry, &slot, NULL));
    INVALID(sr_registry_retire_buffer_slot(registry, NULL));
    INVALID(sr_registry_unregister_buffer_slots(NULL, &none, 1, &count));
    INVALID(sr_registry_unregister_buffer_slots(registry, &none, 1, NULL));
    INVALID(sr_registry_unregister_buffer_slots(registry, NULL, 1, &count));
    INVALID(sr_pool_register(NULL, f.ring));
    INVALID(sr_pool_register(pool, NULL));
    INVALID(sr_pool_unregister(NULL));
    INVALID(sr_provider_new(NULL, 2, 8, &no_provider));
    INVALID(sr_provider_new(f.ring, 2, 8, NULL));
    INVALID(sr_provider_new(f.ring, 3, 8, &no_provider));
    INVALID(sr_provider_new(f.ring, 2, 0, &no_provider));
    INVALID(sr_provider_new(f.ring, 2, (size_t)INT32_MAX + 1, &no_provider));
    INVALID(sr_provider_free(NULL));
    INVALID(sr_provider_free(&no_provider));
    assert_int_equal(sr_provider_available(NULL), 0);

    assert_true(sr_buffer_is_user_owned(buffer));
    assert_int_equal(sr_buffer_release(&buffer), 0);
    assert_int_equal(sr_pool_free(&pool, NULL), 0);
    assert_int_equal(sr_registry_free(&registry), 0);
    fake_ring_close(&f);
}

/* Batches and their results. */
static void batches_refuse_null(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op_spec spec = sr_spec_nop();
    struct sr_batch *batch;
    struct sr_batch *no_batch = NULL;
    struct sr_batch_future future = {0};
    struct sr_batch_result result = {0};
    struct sr_buffer *none = NULL;
    struct sr_batch_entry entry;
    uint32_t index;
    uint32_t length = 16;
    assert_int_equal(sr_batch_new(&batch), 0);

    INVALID(sr_batch_new(NULL));
    INVALID(sr_batch_free(NULL));
    INVALID(sr_batch_free(&no_batch));
    INVALID(sr_batch_add(NULL, &spec, &none, &index));
    INVALID(sr_batch_add(batch, &spec, NULL, &index));
    INVALID(sr_batch_add(batch, &spec, &none, &index));
    INVALID(sr_batch_add_plain(NULL, &spec, &index));
    INVALID(sr_batch_add_plain(batch, NULL, &index));
    INVALID(sr_batch_add_dependency(NULL, 0, 1));
    assert_int_equal(sr_batch_count(NULL), 0);
    assert_int_equal(sr_batch_add_plain(batch, &spec, &index), 0);
    INVALID(sr_batch_submit_standalone(NULL, &batch, &future));
    INVALID(sr_batch_submit_standalone(f.ring, NULL, &future));
    INVALID(sr_batch_submit_standalone(f.ring, &no_batch, &future));
    INVALID(sr_batch_submit_standalone(f.ring, &batch, NULL));
    INVALID(sr_batch_submit(f.ring, NULL, &result));
    INVALID(sr_batch_submit(f.ring, &batch, NULL));
    INVALID(sr_batch_poll(NULL, f.ring, &result));
    INVALID(sr_batch_poll(&future, NULL, &result));
    INVALID(sr_batch_await(&future, f.ring, NULL));
    INVALID(sr_batch_cancel(NULL, &future));
    INVALID(sr_batch_cancel(f.ring, NULL));
    INVALID(sr_batch_result_at(NULL, 0, &entry));
    INVALID(sr_batch_result_at(&result, 0, &entry));
    INVALID(sr_batch_result_take(NULL, 0, &none));
    INVALID(sr_batch_result_take_plain(&result, 0));
    INVALID(sr_batch_result_peer(NULL, 0, NULL, &length));

    assert_int_equal(sr_batch_count(batch), 1);
    assert_int_equal(sr_batch_submit_standalone(f.ring, &batch, &future), 0);
    INVALID(sr_batch_poll(&future, f.ring, NULL));
    sr_batch_drop(f.ring, &future);
    assert_int_equal(sr_ring_in_flight(f.ring), 0);
    fake_ring_close(&f);
}

/* Streams. */
static void streams_refuse_null(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_stream *stream;
    struct sr_stream *none = NULL;
    struct sr_stream_options large = {.buffer_bytes = SR_STREAM_BUFFER_MAX + 1};
    FILE *file = NULL;
    char bytes[4];
    size_t count;
    uint64_t position;
    INVALID(sr_file(NULL, 3, NULL, &none));
    INVALID(sr_file(f.ring, -1, NULL, &none));
    INVALID(sr_file(f.ring, 3, NULL, NULL));
    INVALID(sr_file(f.ring, 3, &large, &none));
    assert_int_equal(sr_file(f.ring, 3, NULL, &stream), 0);

    INVALID(sr_stream_read(NULL, bytes, 4, &count));
    INVALID(sr_stream_read(stream, NULL, 4, &count));
    INVALID(sr_stream_read(stream, bytes, 4, NULL));
    INVALID(sr_stream_poll_read(NULL, bytes, 4, &count));
    INVALID(sr_stream_read_exact(NULL, bytes, 4, &count));
    INVALID(sr_stream_poll_write(NULL, bytes, 4, &count));
    INVALID(sr_stream_poll_write(stream, NULL, 4, &count));
    INVALID(sr_stream_poll_write(stream, bytes, 4, NULL));
    INVALID(sr_stream_write(NULL, bytes, 4, &count));
    INVALID(sr_stream_write_all(NULL, bytes, 4, &count));
    INVALID(sr_stream_write_all(stream, NULL, 4, &count));
    INVALID(sr_stream_poll_flush(NULL, NULL));
    INVALID(sr_stream_flush(NULL, NULL));
    INVALID(sr_stream_poll_shutdown(NULL, NULL));
    INVALID(sr_stream_shutdown(NULL, NULL));
    INVALID(sr_stream_discard(NULL, NULL));
    INVALID(sr_stream_seek(NULL, 0, SEEK_SET, &position));
    INVALID(sr_stream_seek(stream, -1, SEEK_SET, &position));
    INVALID(sr_stream_seek(stream, 0, 99, &position));
    INVALID(sr_stream_close(NULL, NULL));
    INVALID(sr_stream_drop(NULL));
    INVALID(sr_stream_drop(&none));
    INVALID(sr_stream_fopen(NULL, "r", &file));
    INVALID(sr_stream_fopen(&none, "r", &file));
    INVALID(sr_stream_fopen(&stream, NULL, &file));
    INVALID(sr_stream_fopen(&stream, "r", NULL));
    INVALID(sr_stream_fopen(&stream, "?", &file));
    assert_int_equal(sr_stream_accepted(NULL), 0);
    assert_int_equal(sr_stream_written(NULL), 0);

    assert_null(none);
    assert_null(file);
    assert_int_equal(sr_stream_accepted(stream), 0);
    assert_int_equal(sr_stream_drop(&stream), 0);
    assert_int_equal(f.kernel->closed_count, 1);
    fake_ring_close(&f);
}

/* A ring opened disabled takes nothing before its thread attaches it (RING-6). */
static void a_ring_that_is_not_attached_takes_nothing(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.disabled = true;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_op_spec spec = sr_spec_nop();
    struct sr_completion done;
    struct sr_batch *batch;
    struct sr_batch_future future;
    struct sr_op op = {0};
    uint32_t count;
    assert_int_equal(sr_batch_new(&batch), 0);

    assert_int_equal(sr_op_start_plain(f.ring, &spec, &op), SR_EINVALID_STATE);
    assert_int_equal(sr_ring_submit(f.ring), SR_EINVALID_STATE);
    assert_int_equal(sr_ring_next(f.ring, &done), SR_EINVALID_STATE);
    assert_int_equal(sr_op_await(f.ring, &op, &done), SR_EINVALID_STATE);
    assert_int_equal(sr_op_peek(f.ring, &op, &done), SR_EINVALID_STATE);
    assert_int_equal(sr_ring_dispatch(f.ring, &count), SR_EINVALID_STATE);
    assert_int_equal(sr_ring_drain(f.ring, 0, NULL), SR_EINVALID_STATE);
    assert_int_equal(sr_ring_cancel_all(f.ring, 0, NULL), SR_EINVALID_STATE);
    assert_int_equal(sr_batch_submit_standalone(f.ring, &batch, &future), SR_EINVALID_STATE);
    assert_int_equal(sr_ring_may_start(f.ring), SR_EINVALID_STATE);
    assert_int_equal(sr_ring_may_wait(f.ring), SR_EINVALID_STATE);
    assert_int_equal(f.kernel->enters, 0);
    assert_int_equal(f.kernel->enabled, 0);

    assert_int_equal(sr_ring_attach(f.ring), 0);
    assert_int_equal(f.kernel->enabled, 1);
    assert_int_equal(sr_op_start_plain(f.ring, &spec, &op), 0);
    sr_op_drop(f.ring, &op);
    assert_int_equal(sr_batch_free(&batch), 0);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(operations_refuse_null),
    cmocka_unit_test(rings_refuse_null),
    cmocka_unit_test(buffers_refuse_null),
    cmocka_unit_test(registries_refuse_null),
    cmocka_unit_test(batches_refuse_null),
    cmocka_unit_test(streams_refuse_null),
    cmocka_unit_test(a_ring_that_is_not_attached_takes_nothing),
};

SR_TEST_MAIN(tests)
