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

static const uint32_t forms[] = {0, SR_POOL_ONE_THREAD};

/* What a thread found; judged by the main thread, since cmocka's assertions belong there. */
struct other {
    struct sr_pool *pool;
    struct sr_ring *ring;
    struct sr_buffer *buffers[MANY];
    uint32_t count;
    int codes[4];
    int closed;
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

/* A pool whose buffers came home here and elsewhere leaves nothing when it is freed, not even a header (POOL-5). */
SR_UNCHECKED static void a_freed_pool_leaves_nothing(void **state)
{
    (void)state;
    struct counting_allocator counter;
    struct sr_buffer *early = NULL; /* a slab of headers stays for ever */
    assert_int_equal(sr_buffer_new(&early, 1), 0);
    assert_int_equal(sr_buffer_release(&early), 0);
    counting_allocator_install(&counter);
    for (int i = 0; i < 600; i++) {
        struct other other = {.pool = NULL};
        assert_int_equal(sr_pool_new(&other.pool, 3, 8, forms[i % 2]), 0);
        get_all(&other, 3);
        other.count = 2;
        if (i % 4 < 2)
            run(release_all, &other);
        else
            (void)release_all(&other);
        assert_int_equal(sr_pool_put(other.pool, &other.buffers[2]), 0);
        assert_int_equal(sr_pool_free(&other.pool, NULL), 0);
        assert_int_equal(counter.blocks, 0);
    }
    counting_allocator_remove();
}

#define CROWD 4096u

SR_UNCHECKED static void *release_crowd(void *argument)
{
    struct sr_buffer **buffers = argument;
    for (uint32_t i = 0; i < CROWD; i++)
        (void)!sr_buffer_release(&buffers[i]);
    return NULL;
}

/* Of what two threads release at the same time none is lost (POOL-6). */
SR_UNCHECKED static void releases_at_the_same_time_are_all_counted(void **state)
{
    (void)state;
    static struct sr_buffer *buffers[2][CROWD];
    for (int form = 0; form < 2; form++) {
        struct sr_pool *pool = NULL;
        pthread_t threads[2];
        assert_int_equal(sr_pool_new(&pool, 2 * CROWD, 8, forms[form]), 0);
        for (uint32_t i = 0; i < 2 * CROWD; i++)
            assert_int_equal(sr_pool_get(pool, &buffers[i % 2][i / 2]), 0);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, release_crowd, buffers[i]), 0);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(stats_of_pool(pool).available, 2 * CROWD);
        assert_int_equal(sr_pool_free(&pool, NULL), 0);
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

static struct fake_ring ring_with_table(void)
{
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.fixed_buffers = 4;
    return fake_ring_open_config(config);
}

#define THREADS 20u /* more than there are magazines */

/* Whichever thread has released the buffers, all of them are counted, and held when the pool is registered (POOL-6). */
SR_UNCHECKED static void every_threads_magazine_is_counted(void **state)
{
    (void)state;
    struct fake_ring f = ring_with_table();
    struct other other = {.pool = NULL};
    assert_int_equal(sr_pool_new(&other.pool, MANY, 8, 0), 0);
    for (uint32_t i = 1; i <= THREADS; i++) {
        other.count = 0;
        run(get_until_empty, &other);
        other.count--;
        struct sr_buffer *last = other.buffers[other.count];
        run(release_all, &other);
        assert_int_equal(sr_pool_register(other.pool, f.ring), SR_EBUFFER_IN_FLIGHT);
        struct sr_pool_stats stats = stats_of_pool(other.pool);
        assert_int_equal(stats.available, MANY - 1);
        assert_int_equal(stats.hits, MANY * i);
        assert_int_equal(stats.failures, i);
        assert_int_equal(sr_buffer_release(&last), 0);
        assert_int_equal(sr_pool_register(other.pool, f.ring), 0);
        assert_int_equal(sr_pool_unregister(other.pool), 0);
    }
    assert_int_equal(sr_pool_free(&other.pool, NULL), 0);
    fake_ring_close(&f);
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

SR_UNCHECKED static void *attach_and_get(void *argument)
{
    struct other *other = argument;
    struct sr_pool_stats stats = {.available = 9};
    other->codes[0] = sr_ring_attach(other->ring);
    other->codes[1] = sr_ring_get_buffer(other->ring, 8, &other->buffers[0]);
    other->codes[2] = sr_ring_pool_stats(other->ring, &stats);
    other->codes[3] = (int)stats.available;
    (void)!sr_buffer_release(&other->buffers[0]);
    other->closed = sr_ring_close(&other->ring);
    return NULL;
}

/* A ring's pool is the thread's that attaches the ring. */
SR_UNCHECKED static void a_rings_pool_follows_the_ring(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.disabled = true;
    config.pool_buffers = 2;
    config.pool_buffer_size = 8;
    struct fake_ring f = fake_ring_open_config(config);
    struct other other = {.ring = f.ring, .closed = -1};
    run(attach_and_get, &other);
    for (int i = 0; i < 3; i++)
        assert_int_equal(other.codes[i], 0);
    assert_int_equal(other.codes[3], 1);
    assert_int_equal(other.closed, 0);
    fake_kernel_free(f.kernel);
}

/* Buffers that other threads released before the ring closed are owed by nobody: the pool goes with the ring (POOL-5). */
SR_UNCHECKED static void a_rings_pool_goes_with_it_when_all_is_released(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    struct counting_allocator counter;
    struct other other = {.count = 2};
    struct sr_buffer *early = NULL; /* a slab of headers stays for ever */
    config.entries = 4;
    config.pool_buffers = 2;
    config.pool_buffer_size = 8;
    assert_int_equal(sr_buffer_new(&early, 1), 0);
    assert_int_equal(sr_buffer_release(&early), 0);
    counting_allocator_install(&counter);
    struct fake_ring f = fake_ring_open_config(config);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sr_ring_get_buffer(f.ring, 8, &other.buffers[i]), 0);
    run(release_all, &other);
    fake_ring_close(&f);
    assert_int_equal(other.codes[0], 0);
    assert_int_equal(counter.blocks, 0);
    counting_allocator_remove();
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

SR_UNCHECKED static void *free_it(void *argument)
{
    struct other *other = argument;
    struct sr_pool *handle = other->pool;
    other->codes[0] = sr_pool_free(&handle, NULL);
    other->codes[1] = handle != other->pool;
    return NULL;
}

/* A pool for all threads that is registered with a ring is freed by the ring's thread alone (RING-6). */
static void a_registered_pool_is_freed_by_its_rings_thread(void **state)
{
    (void)state;
    struct fake_ring f = ring_with_table();
    struct other other = {.pool = NULL};
    assert_int_equal(sr_pool_new(&other.pool, 2, 8, 0), 0);
    assert_int_equal(sr_pool_register(other.pool, f.ring), 0);
    run(free_it, &other);
    assert_int_equal(other.codes[0], SR_EWRONG_THREAD);
    assert_int_equal(other.codes[1], 0);
    assert_int_equal(f.kernel->fixed_buffers_held, 1);
    assert_int_equal(sr_pool_free(&other.pool, NULL), 0);
    assert_int_equal(f.kernel->fixed_buffers_held, 0);
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
    cmocka_unit_test(a_freed_pool_leaves_nothing),
    cmocka_unit_test(releases_at_the_same_time_are_all_counted),
    cmocka_unit_test(other_threads_magazines_are_looked_into),
    cmocka_unit_test(every_threads_magazine_is_counted),
    cmocka_unit_test(statistics_are_one_snapshot),
    cmocka_unit_test(a_closed_rings_buffers_are_released_by_threads),
    cmocka_unit_test(a_rings_pool_follows_the_ring),
    cmocka_unit_test(a_rings_pool_goes_with_it_when_all_is_released),
    cmocka_unit_test(what_came_from_elsewhere_is_home_when_it_is_unregistered),
    cmocka_unit_test(a_registered_pool_is_freed_by_its_rings_thread),
    cmocka_unit_test(anothers_pool_is_not_registered),
};

SR_TEST_MAIN(tests)
