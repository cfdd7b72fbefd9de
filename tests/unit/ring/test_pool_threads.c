/*
 * Pools and threads (POOL-1, POOL-5, POOL-6): who may get, who may release, what statistics see. The long storm is
 * safer-ring-pool.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "safer_ring/pool.h"
#include "safer_ring/registry.h"
#include "support/counting_allocator.h"
#include "support/fake_ring.h"
#include "support/main.h"

#define MANY 64u

/* What a thread found; judged by the main thread, since cmocka's assertions belong there. */
struct other {
    struct sr_pool *pool;
    struct sr_buffer *buffers[MANY];
    uint32_t count;
    int codes[4];
    atomic_bool stop;
    uint32_t torn;
};

static void run(void *(*body)(void *), struct other *other)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, body, other), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static struct sr_pool_stats stats_of_pool(struct sr_pool *pool)
{
    struct sr_pool_stats stats;
    assert_int_equal(sr_pool_stats(pool, &stats), 0);
    return stats;
}

SR_UNCHECKED static void *use_it(void *argument)
{
    struct other *other = argument;
    struct sr_pool_stats stats;
    struct sr_pool *handle = other->pool;
    struct sr_buffer *buffer = NULL;
    other->codes[0] = sr_pool_get(other->pool, &buffer);
    other->codes[1] = sr_pool_stats(other->pool, &stats);
    other->codes[2] = sr_pool_free(&handle, NULL);
    other->codes[3] = buffer != NULL || handle != other->pool;
    return NULL;
}

/* A pool of one thread gives nothing to another, and can't be destroyed by it. */
static void a_pool_of_one_thread_gives_to_no_other(void **state)
{
    (void)state;
    struct other other = {.pool = NULL};
    assert_int_equal(sr_pool_new(&other.pool, 2, 8, SR_POOL_ONE_THREAD), 0);

    run(use_it, &other);

    for (int i = 0; i < 3; i++)
        assert_int_equal(other.codes[i], SR_EWRONG_THREAD);
    assert_int_equal(other.codes[3], 0);
    assert_int_equal(stats_of_pool(other.pool).failures, 0);
    assert_int_equal(sr_pool_free(&other.pool, NULL), 0);
}

SR_UNCHECKED static void *release_all(void *argument)
{
    struct other *other = argument;
    for (uint32_t i = 0; i < other->count; i++)
        if (sr_buffer_release(&other->buffers[i]) != 0)
            other->codes[0]++;
    return NULL;
}

SR_UNCHECKED static void get_all(struct other *other, uint32_t count)
{
    other->count = count;
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(sr_pool_get(other->pool, &other->buffers[i]), 0);
}

/* What another thread releases is there again for the pool's own, and is counted at once (POOL-6). */
SR_UNCHECKED static void buffers_may_be_released_by_another_thread(void **state)
{
    (void)state;
    static const uint32_t forms[] = {0, SR_POOL_ONE_THREAD};
    for (int form = 0; form < 2; form++) {
        struct other other = {.pool = NULL};
        assert_int_equal(sr_pool_new(&other.pool, MANY, 8, forms[form] | SR_POOL_CLEAR), 0);
        for (int round = 0; round < 3; round++) {
            get_all(&other, MANY);
            assert_int_equal(stats_of_pool(other.pool).available, 0);
            run(release_all, &other);
            if (round != 1)
                assert_int_equal(stats_of_pool(other.pool).available, MANY);
        }
        assert_int_equal(other.codes[0], 0);
        assert_int_equal(stats_of_pool(other.pool).failures, 0);
        assert_int_equal(sr_pool_free(&other.pool, NULL), 0);
    }
}

SR_UNCHECKED static void *get_until_empty(void *argument)
{
    struct other *other = argument;
    struct sr_buffer *buffer = NULL;
    while (other->count < MANY && sr_pool_get(other->pool, &other->buffers[other->count]) == 0)
        other->count++;
    other->codes[0] = sr_pool_get(other->pool, &buffer);
    return NULL;
}

/* A thread that never released any finds the buffers in the other threads' magazines, all of them (POOL-1). */
SR_UNCHECKED static void other_threads_magazines_are_looked_into(void **state)
{
    (void)state;
    struct other other = {.pool = NULL};
    assert_int_equal(sr_pool_new(&other.pool, MANY, 8, 0), 0);
    for (int i = 0; i < 3; i++) {
        other.count = 0;
        run(get_until_empty, &other);
        assert_int_equal(other.count, MANY);
        assert_int_equal(other.codes[0], SR_EPOOL_EMPTY);
        run(release_all, &other);
    }
    assert_int_equal(stats_of_pool(other.pool).available, MANY);
    assert_int_equal(sr_pool_free(&other.pool, NULL), 0);
}

/* Looks while two at most are out. */
SR_UNCHECKED static void *watch(void *argument)
{
    struct other *other = argument;
    while (!atomic_load(&other->stop)) {
        struct sr_pool_stats stats;
        if (sr_pool_stats(other->pool, &stats) != 0 || stats.available + stats.in_use != stats.capacity ||
            stats.in_use > 2 || stats.hits > 200000)
            other->torn++;
    }
    return NULL;
}

/* Statistics taken by another thread meanwhile are of one instant: never more in use than were ever out at once (POOL-6). */
SR_UNCHECKED static void statistics_are_one_snapshot(void **state)
{
    (void)state;
    struct other other = {.pool = NULL};
    pthread_t thread;
    struct sr_buffer *buffers[2] = {NULL};
    assert_int_equal(sr_pool_new(&other.pool, 3, 8, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, watch, &other), 0);
    for (int i = 0; i < 20000; i++) {
        int failed = sr_pool_get(other.pool, &buffers[0]) != 0;
        failed += sr_pool_get(other.pool, &buffers[1]) != 0;
        failed += sr_buffer_release(&buffers[0]) != 0;
        failed += sr_buffer_release(&buffers[1]) != 0;
        assert_int_equal(failed, 0);
    }
    atomic_store(&other.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(other.torn, 0);
    assert_int_equal(stats_of_pool(other.pool).hits, 40000);
    assert_int_equal(sr_pool_free(&other.pool, NULL), 0);
}

/* The last buffer of a closed ring's pool may be released anywhere, by several threads at once (POOL-5). */
SR_UNCHECKED static void a_closed_rings_buffers_are_released_by_threads(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    struct counting_allocator counter;
    struct sr_buffer *early = NULL; /* a slab of headers stays for ever */
    config.entries = 4;
    config.pool_buffers = MANY;
    config.pool_buffer_size = 8;
    assert_int_equal(sr_buffer_new(&early, 1), 0);
    assert_int_equal(sr_buffer_release(&early), 0);
    for (int round = 0; round < 50; round++) {
        counting_allocator_install(&counter);
        struct fake_ring f = fake_ring_open_config(config);
        struct other others[2] = {{.count = MANY / 2}, {.count = MANY / 2}};
        pthread_t threads[2];
        for (uint32_t i = 0; i < MANY; i++)
            assert_int_equal(sr_ring_get_buffer(f.ring, 8, &others[i % 2].buffers[i / 2]), 0);
        if (round % 2 == 0)
            fake_ring_close(&f);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, release_all, &others[i]), 0);
        if (round % 2 != 0)
            fake_ring_close(&f);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(others[0].codes[0] + others[1].codes[0], 0);
        assert_int_equal(counter.blocks, 0);
        counting_allocator_remove();
    }
}

static struct fake_ring ring_with_table(void)
{
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.fixed_buffers = 4;
    return fake_ring_open_config(config);
}

/* A registered pool of one thread whose buffers another one released has them all: it can be taken from the kernel (POOL-6). */
SR_UNCHECKED static void what_came_from_elsewhere_is_home_when_it_is_unregistered(void **state)
{
    (void)state;
    struct fake_ring f = ring_with_table();
    struct other other = {.pool = NULL};
    assert_int_equal(sr_pool_new(&other.pool, 2, 8, SR_POOL_ONE_THREAD), 0);
    assert_int_equal(sr_pool_register(other.pool, f.ring), 0);
    get_all(&other, 2);
    assert_int_not_equal(sr_pool_unregister(other.pool), 0);

    run(release_all, &other);

    assert_int_equal(other.codes[0], 0);
    assert_int_equal(sr_pool_unregister(other.pool), 0);
    assert_int_equal(sr_pool_free(&other.pool, NULL), 0);
    fake_ring_close(&f);
}

static pthread_barrier_t both;

/* Makes a pool, lets the test look at it, and ends it. */
static void *keep_pool(void *argument)
{
    struct other *other = argument;
    other->codes[0] = sr_pool_new(&other->pool, 2, 8, SR_POOL_ONE_THREAD);
    pthread_barrier_wait(&both);
    pthread_barrier_wait(&both);
    other->codes[1] = sr_pool_free(&other->pool, NULL);
    return NULL;
}

/* A pool of another thread is not registered with a ring of this one. */
static void anothers_pool_is_not_registered(void **state)
{
    (void)state;
    struct fake_ring f = ring_with_table();
    struct other other = {.pool = NULL};
    pthread_t thread;
    assert_int_equal(pthread_barrier_init(&both, NULL, 2), 0);
    assert_int_equal(pthread_create(&thread, NULL, keep_pool, &other), 0);
    pthread_barrier_wait(&both);

    int rc = sr_pool_register(other.pool, f.ring);

    pthread_barrier_wait(&both);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(rc, SR_EWRONG_THREAD);
    assert_int_equal(other.codes[0], 0);
    assert_int_equal(other.codes[1], 0);
    assert_int_equal(f.kernel->fixed_buffers_held, 0);
    pthread_barrier_destroy(&both);
    fake_ring_close(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_pool_of_one_thread_gives_to_no_other),
    cmocka_unit_test(buffers_may_be_released_by_another_thread),
    cmocka_unit_test(other_threads_magazines_are_looked_into),
    cmocka_unit_test(statistics_are_one_snapshot),
    cmocka_unit_test(a_closed_rings_buffers_are_released_by_threads),
    cmocka_unit_test(what_came_from_elsewhere_is_home_when_it_is_unregistered),
    cmocka_unit_test(anothers_pool_is_not_registered),
};

SR_TEST_MAIN(tests)
