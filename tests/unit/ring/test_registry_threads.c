/*
 * The registry, threads and processes (REG-3, REG-5, RING-6): a slot's buffer comes home in any thread, everything else is the
 * ring's thread's, and a forked child gives up its copy.
 */
#include <pthread.h>
#include <string.h>

#include "safer_ring/registry.h"
#include "support/child.h"
#include "support/counting_allocator.h"
#include "support/fake_ring.h"
#include "support/main.h"

#define ROUNDS 200

/* What a thread found; judged by the main thread, since cmocka's assertions belong there. */
struct other {
    struct sr_registry *registry;
    struct sr_fixed_file file;
    struct sr_buffer_slot slot;
    struct sr_pool *pool;
    struct sr_ring *ring;
    struct sr_buffer *buffer;
    int codes[16];
    int count;
};

static void run(void *(*body)(void *), struct other *other)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, body, other), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

SR_UNCHECKED static void register_one(struct other *other)
{
    assert_int_equal(sr_buffer_new(&other->buffer, 8), 0);
    assert_int_equal(sr_registry_register_buffer_slots(other->registry, &other->buffer, 1, &other->slot), 0);
}

SR_UNCHECKED static void *use_everything(void *argument)
{
    struct other *o = argument;
    struct sr_registry *handle = o->registry;
    struct sr_registry_stats stats;
    struct sr_fixed_file file = o->file;
    struct sr_buffer_slot slot = o->slot;
    struct sr_buffer *buffer = NULL;
    const int fd = 5;
    size_t count;
    int *code = o->codes;
    *code++ = sr_registry_new(o->ring, &handle);
    *code++ = sr_registry_stats(o->registry, &stats);
    *code++ = sr_registry_register_fixed_files(o->registry, &fd, 1, &file);
    *code++ = sr_registry_update_fixed_file(o->registry, &file, 6);
    *code++ = sr_registry_remove_fixed_file(o->registry, &file);
    *code++ = sr_registry_retire_fixed_file(o->registry, &file);
    *code++ = sr_registry_unregister_fixed_files(o->registry);
    *code++ = sr_slot_take(o->registry, slot, &buffer);
    *code++ = sr_registry_remove_buffer_slot(o->registry, &slot, &buffer);
    *code++ = sr_registry_retire_buffer_slot(o->registry, &slot);
    *code++ = sr_registry_unregister_buffer_slots(o->registry, &buffer, 1, &count);
    *code++ = sr_pool_register(o->pool, o->ring);
    *code++ = sr_registry_free(&handle);
    o->count = (int)(code - o->codes);
    return NULL;
}

/* Every use from another thread is SR_EWRONG_THREAD and changes nothing (RING-6). */
SR_UNCHECKED static void use_from_another_thread_is_refused(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct other other = {.ring = f.ring};
    struct sr_registry_stats stats;
    assert_int_equal(sr_registry_new(f.ring, &other.registry), 0);
    assert_int_equal(sr_registry_register_fixed_file(other.registry, 5, &other.file), 0);
    assert_int_equal(sr_pool_new(&other.pool, 1, 8, 0), 0);
    register_one(&other);

    run(use_everything, &other);

    assert_int_equal(other.count, 13);
    for (int i = 0; i < other.count; i++)
        assert_int_equal(other.codes[i], SR_EWRONG_THREAD);
    assert_int_equal(sr_registry_stats(other.registry, &stats), 0);
    assert_int_equal(stats.files, 1);
    assert_int_equal(stats.slots, 1);
    assert_int_equal(stats.files_in_use + stats.slots_in_use, 0);
    assert_int_equal(f.kernel->fixed_files_held, 1);
    assert_int_equal(sr_pool_free(&other.pool, NULL), 0);
    assert_int_equal(sr_registry_free(&other.registry), 0);
    fake_ring_close(&f);
}

SR_UNCHECKED static void *release(void *argument)
{
    struct other *other = argument;
    other->codes[0] = sr_buffer_release(&other->buffer);
    return NULL;
}

/* A slot's buffer that another thread releases is back in its slot (REG-5). */
SR_UNCHECKED static void another_thread_sends_a_buffer_home(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct other other = {.ring = f.ring};
    assert_int_equal(sr_registry_new(f.ring, &other.registry), 0);
    register_one(&other);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sr_slot_take(other.registry, other.slot, &other.buffer), 0);
        run(release, &other);
        assert_int_equal(other.codes[0], 0);
    }
    assert_int_equal(sr_registry_free(&other.registry), 0);
    fake_ring_close(&f);
}

/* A retired slot's buffer goes to its origin in whichever thread releases it; the kernel's place is emptied later (REG-3). */
SR_UNCHECKED static void a_retired_slot_ends_in_another_thread(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct other other = {.ring = f.ring};
    assert_int_equal(sr_registry_new(f.ring, &other.registry), 0);
    register_one(&other);
    struct sr_buffer_slot first = other.slot;
    assert_int_equal(sr_slot_take(other.registry, other.slot, &other.buffer), 0);
    assert_int_equal(sr_registry_retire_buffer_slot(other.registry, &other.slot), 0);

    run(release, &other);

    assert_int_equal(other.codes[0], 0);
    assert_int_equal(f.kernel->fixed_buffers_held, 1);
    register_one(&other);
    assert_int_equal(f.kernel->fixed_buffers_held, 1);
    assert_int_equal(other.slot.index, first.index);
    assert_int_not_equal(other.slot.generation, first.generation);

    assert_int_equal(sr_slot_take(other.registry, other.slot, &other.buffer), 0);
    assert_int_equal(sr_registry_retire_buffer_slot(other.registry, &other.slot), 0);
    run(release, &other);
    assert_int_equal(f.kernel->fixed_buffers_held, 1);
    assert_int_equal(sr_registry_free(&other.registry), 0);
    assert_int_equal(f.kernel->fixed_buffers_held, 0);
    fake_ring_close(&f);
}

/* While one thread sends buffers home, some of them of retired slots, the ring's thread registers and takes (REG-3, REG-5). */
SR_UNCHECKED static void slots_come_and_go_while_buffers_come_home(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_registry *registry = NULL;
    struct other others[2] = {{.ring = f.ring}, {.ring = f.ring}};
    assert_int_equal(sr_registry_new(f.ring, &registry), 0);
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t threads[2];
        for (int t = 0; t < 2; t++) {
            others[t].registry = registry;
            register_one(&others[t]);
            assert_int_equal(sr_slot_take(registry, others[t].slot, &others[t].buffer), 0);
        }
        for (int t = 0; t < 2; t++)
            assert_int_equal(pthread_create(&threads[t], NULL, release, &others[t]), 0);
        assert_int_equal(sr_registry_retire_buffer_slot(registry, &others[0].slot), 0);
        struct other mine = {.registry = registry};
        register_one(&mine);
        assert_int_equal(sr_registry_remove_buffer_slot(registry, &mine.slot, &mine.buffer), 0);
        assert_int_equal(sr_buffer_release(&mine.buffer), 0);
        for (int t = 0; t < 2; t++) {
            assert_int_equal(pthread_join(threads[t], NULL), 0);
            assert_int_equal(others[t].codes[0], 0);
        }
        assert_int_equal(sr_registry_retire_buffer_slot(registry, &others[1].slot), 0);
    }
    assert_int_equal(sr_registry_free(&registry), 0);
    assert_int_equal(f.kernel->fixed_buffers_held, 0);
    fake_ring_close(&f);
}

SR_UNCHECKED static void give_up_the_copy(void *argument)
{
    struct other *other = argument;
    struct sr_fixed_file file = other->file;
    child_check(sr_registry_remove_fixed_file(other->registry, &file) == SR_EWRONG_PROCESS);
    child_check(sr_ring_close(&other->ring) == -EBUSY);
    child_check(sr_registry_free(&other->registry) == 0);
    child_check(sr_pool_free(&other->pool, NULL) == 0);
    child_check(sr_ring_close(&other->ring) == 0);
    child_check(sr_buffer_release(&other->buffer) == 0);
}

/* A forked child frees its copy of registry, pool and ring, with a buffer and a file in use, and the parent's are untouched. */
SR_UNCHECKED static void a_forked_child_gives_up_its_copy(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct other other = {.ring = f.ring};
    struct child child;
    struct sr_buffer *reading = NULL;
    struct sr_op op;
    assert_int_equal(sr_registry_new(f.ring, &other.registry), 0);
    assert_int_equal(sr_registry_register_fixed_file(other.registry, 5, &other.file), 0);
    assert_int_equal(sr_pool_new(&other.pool, 2, 8, 0), 0);
    assert_int_equal(sr_pool_register(other.pool, f.ring), 0);
    register_one(&other);
    assert_int_equal(sr_slot_take(other.registry, other.slot, &other.buffer), 0);
    assert_int_equal(sr_buffer_new(&reading, 8), 0);
    assert_int_equal(sr_read_owned(f.ring, sr_fd_fixed(other.file), &reading, &op), 0);

    run_in_child(&child, give_up_the_copy, &other);

    assert_true(child_succeeded(&child));
    sr_op_drop(f.ring, &op);
    assert_int_equal(sr_buffer_release(&other.buffer), 0);
    assert_int_equal(sr_pool_free(&other.pool, NULL), 0);
    assert_int_equal(sr_registry_free(&other.registry), 0);
    assert_int_equal(f.kernel->fixed_files_held + f.kernel->fixed_buffers_held, 0);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(use_from_another_thread_is_refused),
    cmocka_unit_test(another_thread_sends_a_buffer_home),
    cmocka_unit_test(a_retired_slot_ends_in_another_thread),
    cmocka_unit_test(slots_come_and_go_while_buffers_come_home),
    cmocka_unit_test(a_forked_child_gives_up_its_copy),
};

SR_TEST_MAIN(tests)
