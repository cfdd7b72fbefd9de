/*
 * What several threads touch is touched under its lock: a pool's magazines (POOL-6) and the places of a ring's buffers
 * (REG-3, REG-5). The test holds a lock itself; whoever asks for it comes to sri_lock_wait() below, where nothing may have changed yet.
 */
#include <pthread.h>
#include <string.h>

#include "ring/pool.h"
#include "ring/registry.h"
#include "safer_ring/registry.h"
#include "support/counting_allocator.h"
#include "support/fake_ring.h"
#include "support/main.h"

#define CAPACITY 4u
#define LOCKS_MAX 64

static struct sri_lock *asked[LOCKS_MAX];
static int asked_count;
static void (*look)(void); /* at what the lock guards */

/* In the place of the library's: the holder gives way. */
void sri_lock_wait(struct sri_lock *lock)
{
    if (look != NULL)
        look();
    if (asked_count < LOCKS_MAX)
        asked[asked_count++] = lock;
    sri_lock_give(lock);
}

static void hold(struct sri_lock *lock, void (*looks)(void))
{
    sri_lock_take(lock);
    look = looks;
    asked_count = 0;
}

/* ---- magazines ---- */

static struct sr_pool *pool;
static struct sri_magazine before[SRI_MAGAZINES];

static void nothing_moved(void)
{
    for (uint32_t i = 0; i < SRI_MAGAZINES; i++) {
        assert_ptr_equal(pool->magazines[i].first, before[i].first);
        assert_int_equal(pool->magazines[i].count, before[i].count);
        assert_int_equal(pool->magazines[i].hits, before[i].hits);
        assert_int_equal(pool->magazines[i].failures, before[i].failures);
    }
}

static void hold_magazines(void (*looks)(void))
{
    for (uint32_t i = 0; i < SRI_MAGAZINES; i++)
        hold(&pool->magazines[i].lock, looks);
    memcpy(before, pool->magazines, sizeof before);
}

/* Each was asked for once, in the order of their places; `own`, if given, before all others. */
static void assert_asked_for_all(const struct sri_lock *own)
{
    int n = 0;
    assert_int_equal(asked_count, SRI_MAGAZINES);
    if (own != NULL)
        assert_ptr_equal(asked[n++], own);
    for (uint32_t i = 0; i < SRI_MAGAZINES; i++)
        if (&pool->magazines[i].lock != own)
            assert_ptr_equal(asked[n++], &pool->magazines[i].lock);
}

static void assert_all_given(void)
{
    look = NULL;
    for (uint32_t i = 0; i < SRI_MAGAZINES; i++)
        assert_false(pool->magazines[i].lock.taken);
}

static void give_magazines(void)
{
    for (uint32_t i = 0; i < SRI_MAGAZINES; i++)
        sri_lock_give(&pool->magazines[i].lock);
    look = NULL;
}

SR_UNCHECKED static struct sr_buffer *get(void)
{
    struct sr_buffer *buffer = NULL;
    assert_int_equal(sr_pool_get(pool, &buffer), 0);
    return buffer;
}

/* A get and a return ask for the thread's own magazine, and for no other. */
SR_UNCHECKED static void a_thread_locks_its_own_magazine(void **state)
{
    (void)state;
    assert_int_equal(sr_pool_new(&pool, CAPACITY, 8, 0), 0);
    hold_magazines(nothing_moved);
    struct sr_buffer *buffer = get();
    assert_int_equal(asked_count, 1);
    const struct sri_lock *own = asked[0];
    give_magazines();

    hold_magazines(nothing_moved);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    assert_int_equal(asked_count, 1);
    assert_ptr_equal(asked[0], own);
    give_magazines();
    assert_int_equal(sr_pool_free(&pool, NULL), 0);
}

SR_UNCHECKED static void *lock_own(void *argument)
{
    struct sr_buffer *buffer = NULL;
    hold_magazines(NULL);
    if (sr_pool_get(pool, &buffer) == 0)
        (void)!sr_pool_put(pool, &buffer);
    *(const struct sri_lock **)argument = asked_count > 0 ? asked[0] : NULL;
    for (uint32_t i = 0; i < SRI_MAGAZINES; i++)
        sri_lock_give(&pool->magazines[i].lock);
    return NULL;
}

/* Threads that begin one after the other have magazines of their own, as many as there are. */
static void threads_lock_different_magazines(void **state)
{
    (void)state;
    const struct sri_lock *own[SRI_MAGAZINES] = {NULL};
    assert_int_equal(sr_pool_new(&pool, CAPACITY, 8, 0), 0);
    for (uint32_t i = 0; i < SRI_MAGAZINES; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, lock_own, &own[i]), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_non_null(own[i]);
        for (uint32_t j = 0; j < i; j++)
            assert_ptr_not_equal(own[i], own[j]);
    }
    look = NULL;
    assert_int_equal(sr_pool_free(&pool, NULL), 0);
}

/* Before a pool is said to be empty every magazine's lock is held, and each is given back (POOL-1). */
SR_UNCHECKED static void empty_is_said_under_every_lock(void **state)
{
    (void)state;
    struct counting_allocator counter; /* behind the last magazine lies something else */
    struct sr_buffer *more = NULL;
    counting_allocator_install(&counter);
    assert_int_equal(sr_pool_new(&pool, 1, 8, 0), 0);
    struct sr_buffer *buffer = get();
    hold_magazines(nothing_moved);
    assert_int_equal(sr_pool_get(pool, &more), SR_EPOOL_EMPTY);
    assert_asked_for_all(asked[0]);
    assert_all_given();
    assert_null(more);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    assert_int_equal(sr_pool_free(&pool, NULL), 0);
    counting_allocator_remove();
}

/* Statistics are taken, and a pool is found to be complete, under every lock (POOL-6). */
SR_UNCHECKED static void a_pool_is_counted_under_every_lock(void **state)
{
    (void)state;
    struct counting_allocator counter;
    struct sr_pool_stats stats;
    counting_allocator_install(&counter);
    assert_int_equal(sr_pool_new(&pool, CAPACITY, 8, 0), 0);
    struct sr_buffer *buffer = get();
    hold_magazines(nothing_moved);
    assert_int_equal(sr_pool_stats(pool, &stats), 0);
    assert_asked_for_all(NULL);
    assert_all_given();
    assert_int_equal(stats.in_use, 1);

    hold_magazines(nothing_moved);
    assert_false(sri_pool_hold_all(pool));
    assert_asked_for_all(NULL);
    assert_all_given();

    assert_int_equal(sr_buffer_release(&buffer), 0);
    hold_magazines(nothing_moved);
    assert_true(sri_pool_hold_all(pool));
    assert_asked_for_all(NULL);
    for (uint32_t i = 0; i < SRI_MAGAZINES; i++)
        assert_true(pool->magazines[i].lock.taken);
    sri_pool_let_all_go(pool);
    assert_all_given();
    assert_int_equal(sr_pool_free(&pool, NULL), 0);
    counting_allocator_remove();
}

/* ---- places of buffers ---- */

#define PLACES 8u

static struct fake_ring f;
static struct sr_registry *registry;
static struct sr_buffer_slot slots[2];
static struct sri_place_entry places[PLACES];

static void no_place_changed(void)
{
    assert_memory_equal(f.ring->tables->buffers.places, places, sizeof places);
}

static struct sri_lock *lock_of_places(void)
{
    return &f.ring->tables->lock;
}

static void hold_places(void)
{
    assert_true(f.ring->tables->buffers.count >= PLACES);
    memcpy(places, f.ring->tables->buffers.places, sizeof places);
    hold(lock_of_places(), no_place_changed);
}

static void assert_asked_for_places(void)
{
    assert_int_equal(asked_count, 1);
    assert_ptr_equal(asked[0], lock_of_places());
    assert_false(lock_of_places()->taken);
    look = NULL;
}

SR_UNCHECKED static void begin(void)
{
    struct sr_buffer *buffers[2] = {NULL};
    f = fake_ring_open(4);
    assert_int_equal(sr_registry_new(f.ring, &registry), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sr_buffer_new(&buffers[i], 8), 0);
    assert_int_equal(sr_registry_register_buffer_slots(registry, buffers, 2, slots), 0);
}

static void end(void)
{
    assert_int_equal(sr_registry_free(&registry), 0);
    fake_ring_close(&f);
}

/* A slot is taken, comes home, is removed and retired under the lock of the places; so is one that comes home retired. */
SR_UNCHECKED static void slots_change_under_the_lock(void **state)
{
    (void)state;
    struct sr_buffer *buffer = NULL;
    begin();
    hold_places();
    assert_int_equal(sr_slot_take(registry, slots[0], &buffer), 0);
    assert_asked_for_places();
    hold_places();
    assert_int_equal(sr_buffer_release(&buffer), 0);
    assert_asked_for_places();

    assert_int_equal(sr_slot_take(registry, slots[0], &buffer), 0);
    hold_places();
    assert_int_equal(sr_registry_retire_buffer_slot(registry, &slots[0]), 0);
    assert_asked_for_places();
    hold_places();
    assert_int_equal(sr_buffer_release(&buffer), 0);
    assert_asked_for_places();

    hold_places();
    assert_int_equal(sr_registry_remove_buffer_slot(registry, &slots[1], &buffer), 0);
    assert_asked_for_places();
    assert_int_equal(sr_buffer_release(&buffer), 0);
    end();
}

/* Slots are counted, and a buffer's new place is looked for, under the lock. */
SR_UNCHECKED static void slots_are_counted_under_the_lock(void **state)
{
    (void)state;
    struct sr_registry_stats stats;
    struct sr_buffer *buffer = NULL;
    struct sr_buffer_slot slot;
    begin();
    hold_places();
    assert_int_equal(sr_registry_stats(registry, &stats), 0);
    assert_asked_for_places();
    assert_int_equal(stats.slots, 2);
    assert_int_equal(sr_buffer_new(&buffer, 8), 0);
    hold_places();
    assert_int_equal(sr_registry_register_buffer_slots(registry, &buffer, 1, &slot), 0);
    assert_asked_for_places();
    end();
}

/* The list that other threads change; the new place's own state is nobody else's yet. */
static void no_slot_came(void)
{
    const struct sri_table *table = &f.ring->tables->buffers;
    assert_ptr_equal(registry->slots.previous, &table->places[slots[1].index].node);
    assert_ptr_equal(table->places[slots[1].index].node.next, &registry->slots);
}

static void hold_once(struct fake_kernel *kernel)
{
    kernel->on_update = NULL;
    hold(lock_of_places(), no_slot_came);
}

/* What the kernel has taken comes to stand in its slot under the lock. */
SR_UNCHECKED static void buffers_are_stood_under_the_lock(void **state)
{
    (void)state;
    struct sr_buffer *buffer = NULL;
    struct sr_buffer_slot slot;
    begin();
    assert_int_equal(sr_buffer_new(&buffer, 8), 0);
    f.kernel->on_update = hold_once;
    assert_int_equal(sr_registry_register_buffer_slots(registry, &buffer, 1, &slot), 0);
    assert_asked_for_places();
    end();
}

/* A registered pool's places are emptied under the lock. */
static void a_pools_places_are_emptied_under_the_lock(void **state)
{
    (void)state;
    begin();
    assert_int_equal(sr_pool_new(&pool, CAPACITY, 8, SR_POOL_ONE_THREAD), 0);
    assert_int_equal(sr_pool_register(pool, f.ring), 0);
    hold_places();
    assert_int_equal(sr_pool_unregister(pool), 0);
    assert_asked_for_places();
    assert_int_equal(sr_pool_free(&pool, NULL), 0);
    end();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_thread_locks_its_own_magazine),
    cmocka_unit_test(threads_lock_different_magazines),
    cmocka_unit_test(empty_is_said_under_every_lock),
    cmocka_unit_test(a_pool_is_counted_under_every_lock),
    cmocka_unit_test(slots_change_under_the_lock),
    cmocka_unit_test(slots_are_counted_under_the_lock),
    cmocka_unit_test(buffers_are_stood_under_the_lock),
    cmocka_unit_test(a_pools_places_are_emptied_under_the_lock),
};

SR_TEST_MAIN(tests)
