/*
 * Batches when memory runs out, in a forked child, and from another thread: nothing is lost, and nothing is let go that is
 * somebody's (BUF-2, RING-5, RING-6, BATCH-6).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "machine/member.h"
#include "safer_ring/batch.h"
#include "support/child.h"
#include "support/counting_allocator.h"
#include "support/fake_ring.h"
#include "support/main.h"

/* Adds everything there is to a batch; the first refusal, or 0. Whatever was not added is released. */
SR_UNCHECKED static int fill(struct sr_batch *batch)
{
    struct sr_op_spec read = sr_spec_read(sr_fd(1), 0, sr_range(0, 10));
    struct sr_op_spec write = sr_spec_write(sr_fd(1), 0, (struct sr_range){0});
    struct sr_op_spec open = sr_spec_openat(sr_fd(AT_FDCWD), "a path", O_RDONLY, 0);
    write.flags |= SR_OP_WANT_PEER; /* room is kept for one, though no write has any */
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < 16; i++) {
        struct sr_buffer *buffer = NULL;
        rc = sr_buffer_new(&buffer, 10);
        if (rc != 0)
            return rc;
        uint32_t before = sr_batch_count(batch);
        rc = sr_batch_add(batch, &read, &buffer, NULL);
        if (rc != 0) { /* nothing has moved */
            assert_true(sr_buffer_is_user_owned(buffer));
            assert_int_equal(sr_buffer_release(&buffer), 0);
            assert_int_equal(sr_batch_count(batch), before);
        }
    }
    if (rc == 0) /* its path is kept before the tables grow */
        rc = sr_batch_add_plain(batch, &open, NULL);
    for (uint32_t i = 0; rc == 0 && i < 10; i++) {
        uint32_t before = sr_batch_count(batch);
        rc = sr_batch_add_inheriting(batch, &write, i, NULL);
        assert_int_equal(sr_batch_count(batch), before + (rc == 0));
    }
    for (uint32_t i = 1; rc == 0 && i < 17; i++)
        rc = sr_batch_add_dependency(batch, i, i - 1);
    return rc;
}

/* Builds, submits and drops one; 0 or why not. */
SR_UNCHECKED static int live_once(struct sr_ring *ring)
{
    struct sr_batch *batch = NULL;
    struct sr_batch_future future;
    int rc = sr_batch_new(&batch);
    if (rc != 0)
        return rc;
    rc = fill(batch);
    if (rc == 0)
        rc = sr_batch_submit_standalone(ring, &batch, &future);
    if (rc == 0)
        sr_batch_drop(ring, &future);
    else
        assert_int_equal(sr_batch_free(&batch), 0);
    return rc;
}

/* Each allocation fails once: the call that needed it says so, has moved nothing, and all of it can be let go. */
SR_UNCHECKED static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct counting_allocator counter;
    size_t failures = 0;
    counting_allocator_install(&counter);
    struct fake_ring f = fake_ring_open(32);
    assert_int_equal(live_once(f.ring), 0); /* makes headers and the ring's table, which stay */
    for (bool failed = true; failed;) {
        size_t blocks = counter.blocks;
        counter.fails_at = counter.allocations + ++failures;
        int rc = live_once(f.ring);
        failed = counter.allocations >= counter.fails_at;
        counter.fails_at = 0;
        assert_int_equal(rc, failed ? -ENOMEM : 0);
        assert_int_equal(counter.blocks, blocks);
        assert_int_equal(sr_ring_in_flight(f.ring), 0);
    }
    assert_true(failures > 30);
    fake_ring_close(&f);
    counting_allocator_remove();
}

/* The first batch of a ring needs its table: without memory for that it is not taken, and is the program's. */
SR_UNCHECKED static void a_ring_without_memory_takes_no_batch(void **state)
{
    (void)state;
    struct counting_allocator counter;
    struct sr_batch *batch = NULL;
    struct sr_batch_future future = {0};
    struct sr_op_spec nop = sr_spec_nop();
    counting_allocator_install(&counter);
    struct fake_ring f = fake_ring_open(4);
    assert_int_equal(sr_batch_new(&batch), 0);
    assert_int_equal(sr_batch_add_plain(batch, &nop, NULL), 0);
    counter.fails_at = counter.allocations + 1;

    assert_int_equal(sr_batch_submit_standalone(f.ring, &batch, &future), -ENOMEM);

    assert_non_null(batch);
    assert_int_equal(future.id, 0);
    assert_int_equal(sr_batch_add_plain(batch, &nop, NULL), 0);
    assert_int_equal(sr_batch_submit_standalone(f.ring, &batch, &future), 0);
    sr_batch_drop(f.ring, &future);
    fake_ring_close(&f);
    counting_allocator_remove();
}

enum end {
    RESULT_ENDED,
    DROPPED,
    CANCELLED,
    NEVER_SUBMITTED,
    HANDLE_FREED,        /* while it runs */
    DRAINED,             /* its future is kept */
    DRAINED_BY_HANDLE,   /* which is freed then */
    DRAINED_WHEN_HANDED, /* the result was held */
    RESULT_OF_HANDLE_ENDED,
    ENDS
};

/* A batch of two operations, which the kernel refuses if they come so far; up to this end. */
SR_UNCHECKED static void live_until(struct fake_ring *f, enum end end)
{
    struct sr_batch *batch = NULL;
    struct sr_batch_future future = {0};
    struct sr_batch_result result;
    struct sr_op_spec open = sr_spec_openat(sr_fd(AT_FDCWD), "a path", O_RDONLY, 0);
    bool by_handle = end == HANDLE_FREED || end == DRAINED_BY_HANDLE || end == RESULT_OF_HANDLE_ENDED;
    uint32_t seen = f->kernel->seen_count;
    assert_int_equal(sr_batch_new(&batch), 0);
    assert_int_equal(sr_batch_add_plain(batch, &open, NULL), 0);
    assert_int_equal(sr_batch_add_plain(batch, &open, NULL), 0);
    if (end == NEVER_SUBMITTED) {
        assert_int_equal(sr_batch_free(&batch), 0);
        return;
    }
    if (by_handle)
        assert_int_equal(sr_batch_submit(f->ring, &batch, &result), -EDEADLK);
    else
        assert_int_equal(sr_batch_submit_standalone(f->ring, &batch, &future), 0);
    assert_int_equal(sr_ring_submit(f->ring), 0);
    assert_string_equal((const char *)(uintptr_t)f->kernel->seen[seen].addr, "a path");
    if (end == DROPPED)
        sr_batch_drop(f->ring, &future);
    else if (end == HANDLE_FREED)
        assert_int_equal(sr_batch_free(&batch), 0);
    else if (end == CANCELLED)
        assert_int_equal(sr_batch_cancel(f->ring, &future), 0);
    for (uint32_t i = seen; i < f->kernel->seen_count; i++)
        fake_kernel_post(f->kernel, f->kernel->seen[i].user_data, -ENOENT);
    if (end == RESULT_ENDED || end == CANCELLED || end == DRAINED_WHEN_HANDED)
        assert_int_equal(sr_batch_await(&future, f->ring, &result), 0);
    if (end == RESULT_OF_HANDLE_ENDED)
        assert_int_equal(sr_batch_submit(f->ring, &batch, &result), 0);
    if (end == RESULT_ENDED || end == CANCELLED || end == RESULT_OF_HANDLE_ENDED) {
        assert_int_equal(result.failed, 2);
        assert_int_equal(result.succeeded + result.cancelled, 0);
        sr_batch_result_fini(&result);
    }
    for (uint32_t i = seen + 2; i < f->kernel->seen_count; i++) /* cancels of what was dropped */
        fake_kernel_post(f->kernel, f->kernel->seen[i].user_data, -ENOENT);
    assert_int_equal(sr_ring_drain(f->ring, 0, NULL), 0);
    if (end == DRAINED_BY_HANDLE) {
        assert_int_equal(sr_batch_submit(f->ring, &batch, &result), SR_ESTALE);
        assert_int_equal(sr_batch_free(&batch), 0);
    }
    assert_null(batch);
}

/* However a batch ends, its memory is given back then, and the ring's with the ring. */
SR_UNCHECKED static void every_end_gives_the_memory_back(void **state)
{
    (void)state;
    struct counting_allocator counter;
    counting_allocator_install(&counter);
    for (int end = 0; end < ENDS; end++) {
        struct fake_ring f = fake_ring_open(8);
        live_until(&f, DROPPED); /* makes the ring's table */
        size_t blocks = counter.blocks;
        print_message("end %d\n", end);
        live_until(&f, (enum end)end);
        assert_int_equal(counter.blocks, blocks);
        fake_ring_close(&f);
        assert_int_equal(counter.blocks, 0);
    }
    counting_allocator_remove();
}

/*
 * What lies behind the operations that were added is not one of them: here its every byte says that it runs, or has ended
 * well, or has a path, and its pointers point nowhere.
 */
SR_UNCHECKED static void only_what_was_added_is_looked_at(void **state)
{
    (void)state;
    struct counting_allocator counter;
    static const uint8_t fills[] = {SRI_MEMBER_STARTED, SRI_MEMBER_DONE, IORING_OP_OPENAT};
    counting_allocator_install(&counter);
    for (size_t i = 0; i < sizeof fills; i++)
        for (int end = 0; end < ENDS; end++) {
            counter.fill = fills[i];
            struct fake_ring f = fake_ring_open(8);
            live_until(&f, (enum end)end);
            fake_ring_close(&f);
        }
    counting_allocator_remove();
}

/* An operation that is not there has no buffer to inherit, whatever the memory behind the last one holds (BATCH-8). */
SR_UNCHECKED static void nothing_is_inherited_from_nothing(void **state)
{
    (void)state;
    struct counting_allocator counter;
    struct sr_batch *batch = NULL;
    struct sr_buffer *buffer = NULL;
    struct sr_op_spec read = sr_spec_read(sr_fd(1), 0, (struct sr_range){0});
    struct sr_op_spec write = sr_spec_write(sr_fd(1), 0, (struct sr_range){0});
    counting_allocator_install(&counter);
    counter.fill = UINT8_MAX; /* no heir, inherits from none, and a buffer */
    assert_int_equal(sr_batch_new(&batch), 0);
    assert_int_equal(sr_buffer_new(&buffer, 10), 0);
    assert_int_equal(sr_batch_add(batch, &read, &buffer, NULL), 0);
    assert_int_equal(sr_batch_add_inheriting(batch, &write, 1, NULL), -EINVAL);
    assert_int_equal(sr_batch_add_inheriting(batch, &write, UINT32_MAX, NULL), -EINVAL);
    assert_int_equal(sr_batch_count(batch), 1);
    assert_int_equal(sr_batch_free(&batch), 0);
    counting_allocator_remove();
}

struct fork_case {
    struct fake_ring f;
    struct sr_batch_future future;
    struct sr_batch *handle;     /* of another batch */
    struct sr_batch_result held; /* of a third, that has ended */
    const struct counting_allocator *counter;
};

SR_UNCHECKED static void close_in_child(void *argument)
{
    struct fork_case *forked = argument;
    struct sr_batch_result result;
    child_check(sr_batch_poll(&forked->future, forked->f.ring, &result) == SR_EWRONG_PROCESS);
    child_check(sr_batch_result_take_plain(&forked->held, 0) == SR_EWRONG_PROCESS);
    child_check(sr_ring_close(&forked->f.ring) == 0);
    child_check(sr_batch_free(&forked->handle) == 0);
    child_check(forked->counter->blocks == 0);
}

/* A forked child can't use the parent's batch, and closes its copy of the ring without a word; the parent's goes on. */
SR_UNCHECKED static void a_forked_child_lets_go_of_its_copy(void **state)
{
    (void)state;
    struct counting_allocator counter;
    struct sr_buffer *first = NULL;
    assert_int_equal(sr_buffer_new(&first, 1), 0); /* makes headers, which stay and are not counted */
    assert_int_equal(sr_buffer_release(&first), 0);
    counting_allocator_install(&counter);
    counter.fill = SRI_MEMBER_DONE;
    struct fork_case forked = {.f = fake_ring_open(64), .counter = &counter};
    struct sr_batch *batch = NULL;
    struct child child;
    struct sr_batch_result result;
    struct sr_op_spec read = sr_spec_read(sr_fd(1), 0, sr_range(0, 10));
    struct sr_op_spec nop = sr_spec_nop();
    assert_int_equal(sr_batch_new(&forked.handle), 0);
    assert_int_equal(sr_batch_add_plain(forked.handle, &nop, NULL), 0);
    assert_int_equal(sr_batch_submit(forked.f.ring, &forked.handle, &result), -EDEADLK);
    assert_int_equal(sr_batch_new(&batch), 0);
    assert_int_equal(sr_buffer_new(&first, 10), 0);
    assert_int_equal(sr_batch_add(batch, &read, &first, NULL), 0);
    assert_int_equal(sr_batch_submit_standalone(forked.f.ring, &batch, &forked.future), 0);
    assert_int_equal(sr_ring_submit(forked.f.ring), 0);
    fake_kernel_post(forked.f.kernel, forked.f.kernel->seen[1].user_data, 10);
    assert_int_equal(sr_batch_poll(&forked.future, forked.f.ring, &forked.held), 0);
    assert_int_equal(sr_batch_new(&batch), 0);
    assert_int_equal(fill(batch), 0);
    assert_int_equal(sr_batch_submit_standalone(forked.f.ring, &batch, &forked.future), 0);
    assert_int_equal(sr_ring_submit(forked.f.ring), 0);

    run_in_child(&child, close_in_child, &forked);

    assert_true(child_succeeded(&child));
    assert_int_equal(sr_batch_poll(&forked.future, forked.f.ring, &result), SR_EOPERATION_PENDING);
    assert_int_equal(sr_ring_cancel_all(forked.f.ring, 0, NULL), -ETIME);
    sr_batch_drop(forked.f.ring, &forked.future);
    sr_batch_result_fini(&forked.held);
    assert_int_equal(sr_batch_free(&forked.handle), 0);
    for (uint32_t i = 0; i < forked.f.kernel->seen_count; i++)
        if (i != 1)
            fake_kernel_post(forked.f.kernel, forked.f.kernel->seen[i].user_data, -ECANCELED);
    assert_int_equal(sr_ring_drain(forked.f.ring, 0, NULL), 0);
    fake_ring_close(&forked.f);
    counting_allocator_remove();
}

struct stranger {
    struct sr_ring *ring;
    struct sr_batch *batch;
    struct sr_batch *running;
    struct sr_batch_future *future;
    int results[4];
};

SR_UNCHECKED static void *use_from_elsewhere(void *argument)
{
    struct stranger *stranger = argument;
    struct sr_batch_future future = {0};
    struct sr_batch_result result = {0};
    stranger->results[0] = sr_batch_submit_standalone(stranger->ring, &stranger->batch, &future);
    stranger->results[1] = sr_batch_poll(stranger->future, stranger->ring, &result);
    stranger->results[2] = sr_batch_cancel(stranger->ring, stranger->future);
    stranger->results[3] = sr_batch_free(&stranger->running);
    sr_batch_drop(stranger->ring, stranger->future);
    return NULL;
}

/* Another thread can build a batch and hand it over, but not submit it, look at it, cancel, free or drop it (RING-6). */
SR_UNCHECKED static void another_thread_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch *batch = NULL;
    struct sr_batch *running = NULL;
    struct sr_batch_future future;
    struct sr_batch_result result;
    struct sr_op_spec nop = sr_spec_nop();
    pthread_t thread;
    assert_int_equal(sr_batch_new(&batch), 0);
    assert_int_equal(sr_batch_add_plain(batch, &nop, NULL), 0);
    assert_int_equal(sr_batch_submit_standalone(f.ring, &batch, &future), 0);
    assert_int_equal(sr_batch_new(&running), 0);
    assert_int_equal(sr_batch_add_plain(running, &nop, NULL), 0);
    assert_int_equal(sr_batch_submit(f.ring, &running, &result), -EDEADLK);
    assert_int_equal(sr_batch_new(&batch), 0);
    assert_int_equal(sr_batch_add_plain(batch, &nop, NULL), 0);
    uint64_t id = future.id;
    struct stranger stranger = {.ring = f.ring, .batch = batch, .running = running, .future = &future};

    assert_int_equal(pthread_create(&thread, NULL, use_from_elsewhere, &stranger), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);

    for (int i = 0; i < 4; i++)
        assert_int_equal(stranger.results[i], SR_EWRONG_THREAD);
    assert_non_null(stranger.batch);
    assert_non_null(stranger.running);
    assert_int_equal(future.id, id);
    assert_int_equal(sr_ring_in_flight(f.ring), 2);
    assert_int_equal(sr_batch_free(&batch), 0);
    assert_int_equal(sr_batch_free(&running), 0);
    sr_batch_drop(f.ring, &future);
    for (uint32_t i = 0; i < f.kernel->seen_count; i++)
        fake_kernel_post(f.kernel, f.kernel->seen[i].user_data, 0);
    assert_int_equal(sr_ring_drain(f.ring, 0, NULL), 0);
    fake_ring_close(&f);
}

SR_UNCHECKED static void drop_it(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    (void)done;
    sr_batch_drop(ring, user);
}

/* A callback may drop the batch that is waited for: the wait says that it is stale. */
SR_UNCHECKED static void a_callback_may_drop_what_is_awaited(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(8);
    struct sr_batch *batch = NULL;
    struct sr_batch_future future;
    struct sr_batch_result result;
    struct sr_op_spec nop = sr_spec_nop();
    assert_int_equal(sr_batch_new(&batch), 0);
    assert_int_equal(sr_batch_add_plain(batch, &nop, NULL), 0);
    assert_int_equal(sr_batch_submit_standalone(f.ring, &batch, &future), 0);
    struct sr_op op = submit_nop(f.ring);
    struct sr_batch_future copy = future;
    uint64_t member = f.kernel->seen[0].user_data;
    fake_kernel_promise(f.kernel, op.id, 0);
    assert_int_equal(sr_op_then(f.ring, &op, drop_it, &copy), 0);

    assert_int_equal(sr_batch_await(&future, f.ring, &result), SR_ESTALE);

    assert_int_equal(sr_ring_orphan_count(f.ring), 1);
    fake_kernel_post(f.kernel, member, 0);
    assert_int_equal(sr_ring_dispatch(f.ring, NULL), 0);
    for (uint32_t i = 2; i < f.kernel->seen_count; i++)
        fake_kernel_post(f.kernel, f.kernel->seen[i].user_data, -ENOENT);
    assert_int_equal(sr_ring_drain(f.ring, 0, NULL), 0);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_allocation_may_fail),
    cmocka_unit_test(a_ring_without_memory_takes_no_batch),
    cmocka_unit_test(every_end_gives_the_memory_back),
    cmocka_unit_test(only_what_was_added_is_looked_at),
    cmocka_unit_test(nothing_is_inherited_from_nothing),
    cmocka_unit_test(a_forked_child_lets_go_of_its_copy),
    cmocka_unit_test(another_thread_is_refused),
    cmocka_unit_test(a_callback_may_drop_what_is_awaited),
};

SR_TEST_MAIN(tests)
