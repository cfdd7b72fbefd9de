/*
 * What is seldom met: calls from another thread on what stands on a ring, answers that no sound kernel gives, and combinations
 * that few programs make. On the scriptable kernel.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "safer_ring.h"
#include "safer_ring/log.h"
#include "safer_ring/multishot.h"
#include "safer_ring/pinned.h"
#include "safer_ring/provider.h"
#include "safer_ring/registry.h"
#include "safer_ring/stream.h"
#include "support/child.h"
#include "support/counting_allocator.h"
#include "support/fake_ring.h"
#include "support/main.h"

/* ---- another thread ---- */

struct visitor {
    struct sr_ring *ring;
    struct sr_provider *provider;
    struct sr_pool *pool;
    struct sr_stream *stream;
    struct sr_pinned *pinned;
    struct sr_multishot multishot;
    struct sr_batch_result result;
    int codes[12];
    unsigned count;
};

static void *visit(void *argument)
{
    struct visitor *v = argument;
    struct sr_buffer *buffer;
    struct sr_pool_stats stats;
    struct sr_batch_entry entry;
    struct sr_op_spec read = sr_spec_read(sr_fd(5), 0, (struct sr_range){0});
    struct sr_op op;
    int *code = v->codes;
    *code++ = sr_ring_close_descriptor(v->ring, 7);
    *code++ = sr_ring_get_buffer(v->ring, 8, &buffer);
    *code++ = sr_ring_pool_stats(v->ring, &stats);
    *code++ = sr_op_borrow(v->ring, &read, v->pinned, &op);
    *code++ = sr_multishot_stop(v->ring, &v->multishot);
    *code++ = sr_provider_new(v->ring, 2, 8, &v->provider);
    *code++ = sr_provider_free(&v->provider);
    *code++ = sr_pool_free(&v->pool, NULL);
    *code++ = sr_stream_drop(&v->stream);
    *code++ = sr_batch_result_at(&v->result, 0, &entry);
    v->count = (unsigned)(code - v->codes);
    return NULL;
}

/* What stands on a ring is its thread's, as the ring is (RING-6). */
static void what_stands_on_a_ring_is_its_threads(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    struct visitor v = {.count = 0};
    struct sr_batch *batch;
    struct sr_op_spec nop = sr_spec_nop();
    pthread_t thread;
    config.entries = 8;
    config.fixed_buffers = 4;
    config.pool_buffers = 2;
    config.pool_buffer_size = 8;
    struct fake_ring f = fake_ring_open_config(config);
    v.ring = f.ring;
    assert_int_equal(sr_provider_new(f.ring, 2, 8, &v.provider), 0);
    assert_int_equal(sr_pool_new(&v.pool, 2, 8, 0), 0);
    assert_int_equal(sr_pool_register(v.pool, f.ring), 0);
    assert_int_equal(sr_file(f.ring, 9, NULL, &v.stream), 0);
    assert_int_equal(sr_pinned_copy_of(&v.pinned, "x", 1), 0);
    assert_int_equal(sr_accept_multishot(f.ring, sr_fd(5), NULL, &v.multishot), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    assert_int_equal(sr_batch_new(&batch), 0);
    assert_int_equal(sr_batch_add_plain(batch, &nop, NULL), 0);
    struct sr_batch_future future;
    assert_int_equal(sr_batch_submit_standalone(f.ring, &batch, &future), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    fake_kernel_post(f.kernel, f.kernel->seen[1].user_data, 0);
    assert_int_equal(sr_batch_await(&future, f.ring, &v.result), 0);

    assert_int_equal(pthread_create(&thread, NULL, visit, &v), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);

    assert_int_equal(v.count, 10);
    for (unsigned i = 0; i < v.count; i++) {
        print_message("call %u\n", i);
        assert_int_equal(v.codes[i], SR_EWRONG_THREAD);
    }
    sr_batch_result_fini(&v.result);
    fake_kernel_post(f.kernel, f.kernel->seen[0].user_data, -ECANCELED);
    assert_int_equal(sr_ring_drain(f.ring, 0, NULL), 0);
    assert_int_equal(sr_pinned_free(&v.pinned), 0);
    assert_int_equal(sr_stream_drop(&v.stream), 0);
    assert_int_equal(sr_pool_free(&v.pool, NULL), 0);
    assert_int_equal(sr_provider_free(&v.provider), 0);
    fake_ring_close(&f);
}

/* ---- batches ---- */

/* A batch keeps the address that it connects to, and a kernel that names a longer peer than there is has its length told. */
static void a_batch_keeps_addresses(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch *batch;
    struct sr_batch_future future;
    struct sr_batch_result result;
    struct sr_batch_entry entry;
    struct sr_buffer *none;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(7)};
    struct sockaddr_in before = address;
    struct sr_op_spec connects = sr_spec_connect(sr_fd(5), (struct sockaddr *)&address, sizeof address);
    struct sr_op_spec nothing = sr_spec_connect(sr_fd(5), NULL, 0);
    struct sr_op_spec accepts = sr_spec_accept(sr_fd(6), 0);
    struct sr_op_spec nop = sr_spec_nop();
    struct sr_op_spec unknown = {.opcode = 200};
    struct sr_op_spec write = sr_spec_write(sr_fd(7), 0, (struct sr_range){0});
    struct sr_op_spec closes = sr_spec_close(sr_fd(7));
    struct sr_op_spec many = sr_spec_multishot(sr_spec_accept(sr_fd(6), 0));
    char peer[4];
    uint32_t length = sizeof peer;
    accepts.flags |= SR_OP_WANT_PEER;
    assert_int_equal(sr_batch_new(&batch), 0);
    assert_int_equal(sr_batch_add_plain(batch, &nothing, NULL), -EINVAL);
    assert_int_equal(sr_batch_add_plain(batch, &many, NULL), -EINVAL);
    assert_int_equal(sr_buffer_copy_of(&none, "x", 1), 0);
    assert_int_equal(sr_batch_add(batch, &write, &none, NULL), 0);
    assert_int_equal(sr_batch_add_inheriting(batch, &unknown, 0, NULL), -EOPNOTSUPP);
    assert_int_equal(sr_batch_free(&batch), 0);
    assert_int_equal(sr_batch_new(&batch), 0);
    assert_int_equal(sr_batch_add_plain(batch, &connects, NULL), 0);
    assert_int_equal(sr_batch_add_plain(batch, &accepts, NULL), 0);
    assert_int_equal(sr_batch_add_plain(batch, &nop, NULL), 0);
    assert_int_equal(sr_batch_add_plain(batch, &closes, NULL), 0);
    assert_int_equal(sr_batch_add_dependency(batch, 3, 2), 0);
    memset(&address, 0xff, sizeof address);
    assert_int_equal(sr_batch_submit_standalone(f.ring, &batch, &future), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);

    const struct io_uring_sqe *connecting = fake_kernel_nth(f.kernel, IORING_OP_CONNECT, 0);
    const struct io_uring_sqe *accepting = fake_kernel_nth(f.kernel, IORING_OP_ACCEPT, 0);
    const struct io_uring_sqe *closing = fake_kernel_nth(f.kernel, IORING_OP_CLOSE, 0);
    assert_memory_equal((const void *)(uintptr_t)connecting->addr, &before, sizeof before);
    const struct io_uring_sqe *leading = fake_kernel_nth(f.kernel, IORING_OP_NOP, 0);
    assert_int_equal(leading->flags & IOSQE_IO_LINK, IOSQE_IO_LINK); /* the close is linked behind it */
    memcpy((void *)(uintptr_t)accepting->addr, "peer", 4);
    *(socklen_t *)(uintptr_t)accepting->addr2 = 4 * sizeof(struct sockaddr_storage);
    fake_kernel_post(f.kernel, connecting->user_data, 0);
    fake_kernel_post(f.kernel, accepting->user_data, 11);
    fake_kernel_post(f.kernel, leading->user_data, 0);
    fake_kernel_post(f.kernel, closing->user_data, 0);
    assert_int_equal(sr_batch_await(&future, f.ring, &result), 0);

    assert_int_equal(sr_batch_result_peer(&result, 1, (struct sockaddr *)(void *)peer, &length), 0);
    assert_memory_equal(peer, "peer", 4);
    assert_int_equal(length, 4 * sizeof(struct sockaddr_storage));
    assert_int_equal(sr_batch_result_at(&result, 0, NULL), -EINVAL);
    assert_int_equal(sr_batch_result_take(&result, 0, NULL), -EINVAL);
    assert_int_equal(sr_batch_result_at(&result, 0, &entry), 0);
    assert_int_equal(sr_batch_result_take(&result, 0, &none), 0);
    sr_batch_result_fini(&result);
    fake_ring_close(&f);
}

static void submit_batch(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct sr_batch *batch = user;
    struct sr_batch_future future;
    (void)done;
    assert_int_equal(sr_batch_submit_standalone(ring, &batch, &future), SR_EINVALID_STATE);
}

/* While it drains a ring takes no batch either (RING-4). */
static void a_ring_that_drains_takes_no_batch(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op op = submit_nop(f.ring);
    struct sr_batch *batch;
    struct sr_op_spec nop = sr_spec_nop();
    assert_int_equal(sr_batch_new(&batch), 0);
    assert_int_equal(sr_batch_add_plain(batch, &nop, NULL), 0);
    fake_kernel_post(f.kernel, op.id, 0);
    assert_int_equal(sr_op_then(f.ring, &op, submit_batch, batch), 0);

    assert_int_equal(sr_ring_drain(f.ring, 0, NULL), 0);

    assert_int_equal(sr_batch_free(&batch), 0);
    fake_ring_close(&f);
}

struct inheritance {
    struct sr_ring *ring;
    struct sr_batch *batch;
};

static void close_in_child(void *argument)
{
    struct inheritance *it = argument;
    child_check(sr_ring_close(&it->ring) == 0);
    child_check(sr_batch_free(&it->batch) == 0 && it->batch == NULL);
}

/* In a forked child a batch whose handle was kept is freed by it, after the ring (RING-6). */
static void a_forked_child_frees_a_batch_by_its_handle(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op_spec nop = sr_spec_nop();
    struct sr_batch_result result;
    struct inheritance it = {.ring = f.ring};
    struct child child;
    assert_int_equal(sr_batch_new(&it.batch), 0);
    assert_int_equal(sr_batch_add_plain(it.batch, &nop, NULL), 0);
    assert_int_equal(sr_batch_submit(f.ring, &it.batch, &result), -EDEADLK);

    run_in_child(&child, close_in_child, &it);

    if (!child_succeeded(&child))
        print_message("%s", child.text);
    assert_true(child_succeeded(&child));
    fake_kernel_post(f.kernel, f.kernel->seen[0].user_data, 0);
    assert_int_equal(sr_batch_submit(f.ring, &it.batch, &result), 0);
    sr_batch_result_fini(&result);
    fake_ring_close(&f);
}

/* ---- operations ---- */

static void never(void *user)
{
    fail_msg("ended: %p", user);
}

/* One whose completion was handed out can't be waited for or dropped, and one that the kernel ends twice has ended once. */
static void an_operation_ends_once(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_completion done;
    struct sr_op op = submit_nop(f.ring);
    struct sr_op copy = op;
    const struct sr_op *const ops[] = {&copy};
    fake_kernel_post(f.kernel, op.id, 3);
    fake_kernel_post(f.kernel, op.id, 4);
    assert_int_equal(sr_op_peek(f.ring, &op, &done), 0);

    assert_int_equal(sr_op_wait_any(f.ring, ops, 1, 0), SR_EINVALID_STATE);
    assert_int_equal(sr_op_drop_then(f.ring, &copy, never, NULL), SR_EINVALID_STATE);

    assert_int_equal(sr_take_plain(&done), 3);

    op = submit_nop(f.ring);
    struct sr_op other = submit_nop(f.ring);
    fake_kernel_post(f.kernel, op.id, 5);
    fake_kernel_post(f.kernel, other.id, 6);
    assert_int_equal(await_result(f.ring, &other), 6);
    fake_kernel_post(f.kernel, op.id, 7);
    assert_int_equal(await_result(f.ring, &op), 5);
    struct sr_completion first;
    op = submit_nop(f.ring);
    copy = op;
    other = submit_nop(f.ring);
    fake_kernel_post(f.kernel, op.id, 8);
    assert_int_equal(sr_op_detach(f.ring, &op, NULL), 0);
    assert_int_equal(sr_ring_next(f.ring, &first), 0);
    fake_kernel_post(f.kernel, copy.id, 9);
    fake_kernel_post(f.kernel, other.id, 10);
    assert_int_equal(sr_op_detach(f.ring, &other, NULL), 0);
    assert_int_equal(sr_ring_next(f.ring, &done), 0);
    assert_int_equal(sr_take_plain(&done), 10);
    assert_int_equal(sr_take_plain(&first), 8);
    fake_ring_close_with_unknown(&f, 3);
}

/* A wait for one of several ends where completions that nobody takes have filled the ring's queue (OP-9). */
static void a_wait_for_any_needs_room(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.max_in_flight = 16;
    config.queue_entries = 8;
    struct fake_ring f = fake_ring_open_config(config);
    struct sr_op ops[8];
    struct sr_completion done;
    struct sr_op waited = submit_nop(f.ring);
    const struct sr_op *const any[] = {&waited};
    for (int i = 0; i < 8; i++) {
        ops[i] = submit_nop(f.ring);
        fake_kernel_post(f.kernel, ops[i].id, i);
        assert_int_equal(sr_op_detach(f.ring, &ops[i], NULL), 0);
    }
    assert_int_equal(sr_op_wait_any(f.ring, any, 1, SR_FOREVER), SR_EQUEUE_FULL);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(sr_ring_next(f.ring, &done), 0);
        assert_int_equal(sr_take_plain(&done), i);
    }
    fake_kernel_post(f.kernel, waited.id, 0);
    assert_int_equal(sr_op_wait_any(f.ring, any, 1, SR_FOREVER), 0);
    assert_int_equal(await_result(f.ring, &waited), 0);
    fake_ring_close(&f);
}

/* A kernel that takes no entries, and then fails otherwise while it is given time, is believed. */
static void a_failure_behind_a_refusal_is_told(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op op = start_nop(f.ring);
    struct sr_completion done;
    fake_kernel_refuse(f.kernel, -EAGAIN, 1);
    fake_kernel_script(f.kernel, (struct fake_enter){.error = -EIO});

    assert_int_equal(sr_op_await(f.ring, &op, &done), -EIO);

    assert_int_equal(sr_ring_submit(f.ring), 0);
    fake_kernel_post(f.kernel, op.id, 5);
    assert_int_equal(await_result(f.ring, &op), 5);
    fake_ring_close(&f);
}

static void end_what_is_seen(struct fake_kernel *kernel, void *user)
{
    (void)user;
    if (kernel->seen_count == 1)
        fake_kernel_post(kernel, kernel->seen[0].user_data, 0);
}

/* A drain whose last operation ends in a call that fails is a drain that has ended. */
static void a_drain_that_is_over_has_not_failed(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_op op = start_nop(f.ring);
    uint32_t remaining = 9;
    (void)op;
    f.kernel->on_enter = end_what_is_seen;
    fake_kernel_script(f.kernel, (struct fake_enter){.take = FAKE_ALL, .error = -EIO});

    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, &remaining), 0);

    assert_int_equal(remaining, 0);
    fake_ring_close(&f);
}

/* A vector's bytes are looked at as a buffer's are, each part of them. */
static void the_bytes_of_a_vector_are_watched(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 8;
    config.check_lent_bytes = true;
    struct fake_ring f = fake_ring_open_config(config);
    for (int changed = 0; changed < 2; changed++) {
        struct sr_buffer *parts[2];
        struct sr_buffer *vector;
        struct sr_guard guard;
        struct sr_op op;
        struct sr_op_spec spec = sr_spec_writev(sr_fd(5), 0);
        assert_int_equal(sr_buffer_copy_of(&parts[0], "abc", 3), 0);
        assert_int_equal(sr_buffer_copy_of(&parts[1], "defgh", 5), 0);
        assert_int_equal(sr_buffer_try_access(&parts[1], &guard), 0);
        uint8_t *kept = sr_guard_bytes(&guard);
        sr_guard_end(&guard, &parts[1]);
        assert_int_equal(sr_buffer_join(&vector, parts, 2), 0);
        assert_int_equal(sr_op_start(f.ring, &spec, &vector, &op), 0);
        assert_int_equal(sr_ring_submit(f.ring), 0);
        kept[4] = changed ? 'X' : kept[4];
        fake_kernel_post(f.kernel, op.id, 8);
        assert_int_equal(await_result(f.ring, &op), 8);
        assert_int_equal(stats_of(f.ring).touched, changed);
    }
    fake_ring_close(&f);
}

/* ---- registrations ---- */

static struct sr_backend_vtable bent;
static const struct sr_backend_vtable *sound;

static int register_nothing(void *self, int ring, uint32_t opcode, void *arg, uint32_t count)
{
    bool updates = opcode == IORING_REGISTER_FILES_UPDATE2 || opcode == IORING_REGISTER_BUFFERS_UPDATE;
    return updates ? 0 : sound->register_(self, ring, opcode, arg, count);
}

/* A kernel that says it has done nothing, and why not neither, has failed (REG-1). */
static void an_update_of_nothing_is_an_error(void **state)
{
    (void)state;
    struct fake_kernel *kernel = fake_kernel_new();
    struct sr_backend backend = fake_kernel_backend(kernel);
    struct sr_config config = sr_config_default();
    struct sr_ring *ring;
    struct sr_registry *registry;
    struct sr_fixed_file file;
    sound = backend.vtable;
    bent = *sound;
    bent.register_ = register_nothing;
    backend.vtable = &bent;
    config.backend = &backend;
    config.fixed_files = 2;
    assert_int_equal(sr_ring_open_config(&ring, &config), 0);
    assert_int_equal(sr_registry_new(ring, &registry), 0);

    assert_int_equal(sr_registry_register_fixed_file(registry, 5, &file), -EIO);

    assert_int_equal(sr_registry_free(&registry), 0);
    assert_int_equal(sr_ring_close(&ring), 0);
    fake_kernel_free(kernel);
}

/* A kernel that has kept every number leaves none for another group. */
static void a_provider_needs_a_number(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_provider *provider = NULL;
    f.kernel->groups_taken = UINT16_MAX + 1;

    assert_int_equal(sr_provider_new(f.ring, 2, 8, &provider), -ENOSPC);

    assert_null(provider);
    fake_ring_close(&f);
}

/* ---- opening and closing ---- */

static unsigned lines;
static char last[256];

static void keep_line(enum sr_log_level level, const char *text, void *user)
{
    (void)level;
    (void)user;
    lines++;
    snprintf(last, sizeof last, "%s", text);
}

static int close_badly(void *self, int descriptor)
{
    int rc = sound->close(self, descriptor);
    return descriptor == FAKE_RING_FD ? -EIO : rc;
}

/* That the ring's descriptor could not be closed keeps nothing open, and is said. */
static void a_descriptor_that_can_not_be_closed_is_said(void **state)
{
    (void)state;
    struct fake_kernel *kernel = fake_kernel_new();
    struct sr_backend backend = fake_kernel_backend(kernel);
    struct sr_config config = sr_config_default();
    struct sr_ring *ring;
    sound = backend.vtable;
    bent = *sound;
    bent.close = close_badly;
    backend.vtable = &bent;
    config.backend = &backend;
    assert_int_equal(sr_ring_open_config(&ring, &config), 0);
    sr_set_log(keep_line, NULL);
    lines = 0;

    assert_int_equal(sr_ring_close(&ring), 0);

    sr_set_log(NULL, NULL);
    assert_int_equal(lines, 1);
    assert_non_null(strstr(last, "EIO"));
    fake_kernel_free(kernel);
}

/* A kernel that polls does so where it is told to; guard pages need a kernel that posts when it is asked to, and this is said. */
static void a_setup_follows_the_configuration(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.kernel_polling = true;
    config.polling_cpu = 0;
    struct fake_ring f = fake_ring_open_config(config);
    assert_int_equal(f.kernel->setup_flags & (IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF),
                     IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF);
    fake_ring_close(&f);

    struct fake_kernel *kernel = fake_kernel_new();
    struct sr_backend backend = fake_kernel_backend(kernel);
    struct sr_ring *ring;
    config = sr_config_default();
    config.backend = &backend;
    config.fence = SR_FENCE_PAGES;
    config.defer_taskrun = false;
    sr_set_log(keep_line, NULL);
    assert_int_equal(sr_ring_open_config(&ring, &config), 0);
    sr_set_log(NULL, NULL);
    assert_non_null(strstr(last, "DEFER_TASKRUN"));
    assert_int_equal(sr_ring_close(&ring), 0);
    fake_kernel_free(kernel);
}

/* A level that there isn't has no name. */
static void an_unknown_level_has_no_name(void **state)
{
    (void)state;
    char text[128];
    const struct sr_log_event event = {.level = (enum sr_log_level)9,
                                       .name = "message",
                                       .text = "x",
                                       .fd = -1};
    assert_true(sr_log_json(&event, text, sizeof text) > 0);
    assert_non_null(strstr(text, "unknown"));
}

/* Buffers' headers are made many at a time: until there is none to be made, without memory for one there is no buffer. */
static void run_out_of_headers(void *argument)
{
    (void)argument;
    /* Kept until the child ends: memcheck would call them lost. */
    static struct sr_buffer *buffers[3000];
    static struct sr_provider *providers[3000];
    static struct sr_ring *ring;
    struct counting_allocator counter;
    struct sr_config config = sr_config_default();
    struct fake_kernel *kernel = fake_kernel_new();
    struct sr_backend backend = fake_kernel_backend(kernel);
    int refused[2] = {0, 0};
    config.backend = &backend;
    config.fence = SR_FENCE_PAGES;
    child_check(sr_ring_open_config(&ring, &config) == 0);
    counting_allocator_install(&counter);
    for (int i = 0; i < 3000 && refused[0] == 0; i++) {
        counter.fails_at = counter.allocations + 2; /* behind its bytes */
        refused[0] += sr_buffer_new(&buffers[i], 8) == -ENOMEM;
    }
    for (int i = 0; i < 3000 && refused[1] == 0; i++) {
        counter.fails_at = counter.allocations + 5; /* behind all that a provider is but its headers */
        refused[1] += sr_provider_new(ring, 1, 8, &providers[i]) == -ENOMEM;
    }
    child_check(refused[0] == 1 && refused[1] == 1);
}

static void without_memory_for_a_header_there_is_no_buffer(void **state)
{
    (void)state;
    struct child child;
    run_in_child(&child, run_out_of_headers, NULL);
    if (!child_succeeded(&child))
        print_message("%s", child.text);
    assert_true(child_succeeded(&child));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_stands_on_a_ring_is_its_threads),
    cmocka_unit_test(a_batch_keeps_addresses),
    cmocka_unit_test(a_ring_that_drains_takes_no_batch),
    cmocka_unit_test(a_forked_child_frees_a_batch_by_its_handle),
    cmocka_unit_test(an_operation_ends_once),
    cmocka_unit_test(a_wait_for_any_needs_room),
    cmocka_unit_test(a_failure_behind_a_refusal_is_told),
    cmocka_unit_test(a_drain_that_is_over_has_not_failed),
    cmocka_unit_test(the_bytes_of_a_vector_are_watched),
    cmocka_unit_test(an_update_of_nothing_is_an_error),
    cmocka_unit_test(a_provider_needs_a_number),
    cmocka_unit_test(a_descriptor_that_can_not_be_closed_is_said),
    cmocka_unit_test(a_setup_follows_the_configuration),
    cmocka_unit_test(an_unknown_level_has_no_name),
    cmocka_unit_test(without_memory_for_a_header_there_is_no_buffer),
};

SR_TEST_MAIN(tests)
