/*
 * Buffer pools on one thread, both forms: rules POOL-1 … POOL-5, POOL-7. Threads are the matter of test_pool_threads.c.
 */
#include <string.h>

#include "safer_ring/pool.h"
#include "support/counting_allocator.h"
#include "support/fake_ring.h"
#include "support/main.h"

#define CAPACITY 4u
#define SIZE 100u

static const uint32_t forms[] = {0, SR_POOL_ONE_THREAD};

static struct sr_pool *new_pool(uint32_t flags)
{
    struct sr_pool *pool = NULL;
    assert_int_equal(sr_pool_new(&pool, CAPACITY, SIZE, flags), 0);
    return pool;
}

static struct sr_pool_stats stats_of_pool(struct sr_pool *pool)
{
    struct sr_pool_stats stats;
    assert_int_equal(sr_pool_stats(pool, &stats), 0);
    assert_int_equal(stats.available + stats.in_use, stats.capacity);
    return stats;
}

static void assert_available(struct sr_pool *pool, uint32_t available)
{
    assert_int_equal(stats_of_pool(pool).available, available);
}

static void free_pool(struct sr_pool **pool)
{
    uint32_t in_use = 9;
    assert_int_equal(sr_pool_free(pool, &in_use), 0);
    assert_int_equal(in_use, 0);
    assert_null(*pool);
}

SR_UNCHECKED static struct sr_buffer *get(struct sr_pool *pool)
{
    struct sr_buffer *buffer = NULL;
    assert_int_equal(sr_pool_get(pool, &buffer), 0);
    assert_true(sr_buffer_is_user_owned(buffer));
    assert_int_equal(sr_buffer_size(buffer), SIZE);
    return buffer;
}

SR_UNCHECKED static void put(struct sr_pool *pool, struct sr_buffer **buffer)
{
    assert_int_equal(sr_pool_put(pool, buffer), 0);
    assert_null(*buffer);
}

SR_UNCHECKED static void take_all(struct sr_pool *pool)
{
    struct sr_buffer *buffers[CAPACITY];
    struct sr_buffer *more = NULL;
    for (uint32_t i = 0; i < CAPACITY; i++) {
        buffers[i] = get(pool);
        for (uint32_t j = 0; j < i; j++)
            assert_ptr_not_equal(buffers[i], buffers[j]);
        assert_available(pool, CAPACITY - i - 1);
    }
    assert_int_equal(sr_pool_get(pool, &more), SR_EPOOL_EMPTY);
    assert_null(more);
    for (uint32_t i = 0; i < CAPACITY; i++)
        put(pool, &buffers[i]);
    assert_available(pool, CAPACITY);
}

/* A pool gives as many buffers as it has, all different, then says that it is empty, and gives them again (POOL-1, POOL-2). */
static void a_pool_gives_what_it_has_and_never_grows(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct counting_allocator counter;
        struct sr_pool *pool = new_pool(forms[i]);
        counting_allocator_install(&counter);

        take_all(pool);
        take_all(pool);

        assert_int_equal(counter.allocations, 0);
        counting_allocator_remove();
        struct sr_pool_stats stats = stats_of_pool(pool);
        assert_int_equal(stats.hits, 2 * CAPACITY);
        assert_int_equal(stats.failures, 2);
        assert_int_equal(stats.buffer_size, SIZE);
        assert_true(stats.bytes >= (size_t)CAPACITY * SIZE);
        free_pool(&pool);
    }
}

/* Statistics follow each get and each return. */
SR_UNCHECKED static void statistics_say_how_much_is_in_use(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sr_pool *pool = new_pool(forms[i]);
        struct sr_buffer *buffer = get(pool);

        struct sr_pool_stats stats = stats_of_pool(pool);
        assert_int_equal(stats.capacity, CAPACITY);
        assert_int_equal(stats.in_use, 1);
        assert_true(stats.utilization > 0.24 && stats.utilization < 0.26);

        put(pool, &buffer);
        assert_int_equal(stats_of_pool(pool).in_use, 0);
        free_pool(&pool);
    }
}

/* Arguments that can't be are refused, and nothing is written. */
SR_UNCHECKED static void impossible_arguments_are_refused(void **state)
{
    (void)state;
    struct sr_pool *pool = NULL;
    struct sr_pool *none = NULL;
    struct sr_buffer *buffer = NULL;
    struct sr_pool_stats stats;
    assert_int_equal(sr_pool_new(NULL, 1, 1, 0), -EINVAL);
    assert_int_equal(sr_pool_new(&pool, 0, 1, 0), -EINVAL);
    assert_int_equal(sr_pool_new(&pool, SR_POOL_CAPACITY_MAX + 1, 1, 0), -EINVAL);
    assert_int_equal(sr_pool_new(&pool, 1, 0, 0), -EINVAL);
    assert_int_equal(sr_pool_new(&pool, 1, 1, 4), -EINVAL);
    assert_int_equal(sr_pool_new(&pool, 2, SIZE_MAX, 0), -ENOMEM);
    assert_int_equal(sr_pool_new(&pool, 1u << 24, SIZE_MAX / 4096, 0), -ENOMEM);
    assert_null(pool);

    pool = new_pool(0);
    assert_int_equal(sr_pool_get(NULL, &buffer), -EINVAL);
    assert_int_equal(sr_pool_get(pool, NULL), -EINVAL);
    assert_int_equal(sr_pool_put(pool, NULL), -EINVAL);
    assert_int_equal(sr_pool_put(pool, &buffer), -EINVAL);
    assert_int_equal(sr_pool_put(NULL, &buffer), -EINVAL);
    assert_int_equal(sr_pool_stats(NULL, &stats), -EINVAL);
    assert_int_equal(sr_pool_stats(pool, NULL), -EINVAL);
    assert_int_equal(sr_pool_free(NULL, NULL), -EINVAL);
    assert_int_equal(sr_pool_free(&none, NULL), -EINVAL);
    free_pool(&pool);
}

/* The most there may be is no mistake, though there may be no memory for it. */
static void the_largest_pool_is_only_a_matter_of_memory(void **state)
{
    (void)state;
    struct counting_allocator counter;
    struct sr_pool *pool = NULL;
    counting_allocator_install(&counter);
    counter.fails_from = 1;
    assert_int_equal(sr_pool_new(&pool, SR_POOL_CAPACITY_MAX, 1, 0), -ENOMEM);
    assert_null(pool);
    counting_allocator_remove();
}

#define OWN_BLOCKS \
    3u /* pool, bytes, table of headers: the fourth and later ones are slabs of headers, which stay */
#define OF_SEVERAL_SLABS 600u

/* Wherever memory ends while a pool is made, nothing of it stays. */
static void a_pool_for_which_there_is_no_memory_leaves_nothing(void **state)
{
    (void)state;
    struct sr_pool *pool = NULL;
    for (size_t fails_at = 1;; fails_at++) {
        struct counting_allocator counter;
        assert_true(fails_at < 10);
        counting_allocator_install(&counter);
        counter.fails_at = fails_at;
        int rc = sr_pool_new(&pool, OF_SEVERAL_SLABS, SIZE, 0);
        size_t slabs = counter.allocations - (rc == 0 ? 0 : 1);
        slabs -= slabs > OWN_BLOCKS ? OWN_BLOCKS : slabs;
        if (rc == 0) {
            assert_true(fails_at > OWN_BLOCKS + 1);
            assert_int_equal(sr_pool_free(&pool, NULL), 0);
        } else {
            assert_int_equal(rc, -ENOMEM);
            assert_null(pool);
        }
        assert_int_equal(counter.blocks, slabs);
        counting_allocator_remove();
        if (rc == 0)
            return;
    }
}

/* Releasing and putting are the same return; a second one, by a copied pointer, is refused and changes nothing (POOL-3). */
SR_UNCHECKED static void a_buffer_goes_back_exactly_once(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sr_pool *pool = new_pool(forms[i]);
        struct sr_buffer *buffer = get(pool);
        struct sr_buffer *copy = buffer;

        assert_int_equal(sr_buffer_release(&buffer), 0);
        assert_available(pool, CAPACITY);
        assert_int_equal(sr_buffer_release(&copy), SR_EBUFFER_IN_FLIGHT);
        assert_int_equal(sr_pool_put(pool, &copy), SR_EBUFFER_IN_FLIGHT);
        assert_non_null(copy);
        assert_false(sr_buffer_is_user_owned(copy));

        assert_available(pool, CAPACITY);
        free_pool(&pool);
    }
}

/* Another pool's buffer and one of the allocator are refused, and stay the caller's (POOL-3). */
SR_UNCHECKED static void a_stranger_is_not_taken_in(void **state)
{
    (void)state;
    struct sr_pool *pool = new_pool(0);
    struct sr_pool *other = new_pool(SR_POOL_ONE_THREAD);
    struct sr_buffer *theirs = get(other);
    struct sr_buffer *plain = NULL;
    assert_int_equal(sr_buffer_new(&plain, SIZE), 0);

    assert_int_equal(sr_pool_put(pool, &theirs), SR_EFOREIGN);
    assert_int_equal(sr_pool_put(pool, &plain), SR_EFOREIGN);

    assert_true(sr_buffer_is_user_owned(theirs));
    assert_true(sr_buffer_is_user_owned(plain));
    assert_available(pool, CAPACITY);
    put(other, &theirs);
    assert_int_equal(sr_buffer_release(&plain), 0);
    free_pool(&pool);
    free_pool(&other);
}

/* What a guard or a vector has can't be put back; a vector's end sends its pooled parts home (BUF-9). */
SR_UNCHECKED static void guards_and_vectors_keep_a_pooled_buffer(void **state)
{
    (void)state;
    struct sr_pool *pool = new_pool(0);
    struct sr_buffer *parts[2] = {get(pool), get(pool)};
    struct sr_buffer *copy = parts[0];
    struct sr_buffer *vector = NULL;
    struct sr_guard guard;

    assert_int_equal(sr_buffer_try_access(&parts[0], &guard), 0);
    assert_int_equal(sr_pool_put(pool, &copy), SR_EBUFFER_IN_FLIGHT);
    sr_guard_end(&guard, &parts[0]);
    assert_int_equal(sr_buffer_join(&vector, parts, 2), 0);
    assert_int_equal(sr_pool_put(pool, &copy), SR_EBUFFER_IN_FLIGHT);
    assert_available(pool, CAPACITY - 2);

    assert_int_equal(sr_buffer_release(&vector), 0);
    assert_available(pool, CAPACITY);
    free_pool(&pool);
}

/* In flight it can't be put back, nor can its pool go; after the operation's end both can (POOL-4, POOL-5). */
SR_UNCHECKED static void a_pooled_buffer_in_flight_stays_out(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_pool *pool = new_pool(0);
    struct sr_buffer *buffer = get(pool);
    struct sr_buffer *copy = buffer;
    struct sr_completion done;
    struct sr_op op;
    uint32_t in_use = 0;
    assert_int_equal(sr_read_owned(f.ring, sr_fd(5), &buffer, &op), 0);
    for (int submitted = 0; submitted < 2; submitted++) {
        assert_int_equal(sr_pool_put(pool, &copy), SR_EBUFFER_IN_FLIGHT);
        assert_int_equal(sr_pool_free(&pool, &in_use), SR_EBUFFER_IN_FLIGHT);
        assert_int_equal(in_use, 1);
        assert_available(pool, CAPACITY - 1);
        assert_int_equal(sr_ring_submit(f.ring), 0);
    }
    fake_kernel_post(f.kernel, op.id, 7);

    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);
    assert_int_equal(sr_pool_put(pool, &copy), SR_EBUFFER_IN_FLIGHT);
    assert_int_equal(sr_take(&done, &buffer), 7);
    put(pool, &buffer);
    free_pool(&pool);
    fake_ring_close(&f);
}

/* A dropped operation's buffer is back when the kernel is done, and not before; a finished completion's at once (POOL-4). */
SR_UNCHECKED static void orphans_and_finished_completions_return_to_the_pool(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_pool *pool = new_pool(SR_POOL_ONE_THREAD);
    struct sr_buffer *buffer = get(pool);
    struct sr_completion done;
    struct sr_op op;
    assert_int_equal(sr_read_owned(f.ring, sr_fd(5), &buffer, &op), 0);
    assert_int_equal(sr_ring_submit(f.ring), 0);
    uint64_t id = op.id;
    sr_op_drop(f.ring, &op);
    assert_available(pool, CAPACITY - 1);
    fake_kernel_promise(f.kernel, id, -ECANCELED);
    assert_int_equal(sr_ring_drain(f.ring, SR_FOREVER, NULL), 0);
    assert_available(pool, CAPACITY);

    buffer = get(pool);
    assert_int_equal(sr_read_owned(f.ring, sr_fd(5), &buffer, &op), 0);
    sr_op_drop(f.ring, &op); /* not consumed: withdrawn */
    assert_available(pool, CAPACITY);

    buffer = get(pool);
    assert_int_equal(sr_read_owned(f.ring, sr_fd(5), &buffer, &op), 0);
    fake_kernel_promise(f.kernel, op.id, 5);
    assert_int_equal(sr_op_await(f.ring, &op, &done), 0);
    sr_finish(&done);
    assert_available(pool, CAPACITY);
    free_pool(&pool);
    fake_ring_close(&f);
}

/* With buffers out the pool stays as it was, and says how many (POOL-5). */
SR_UNCHECKED static void a_pool_with_buffers_out_is_not_destroyed(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sr_pool *pool = new_pool(forms[i]);
        struct sr_pool *handle = pool;
        struct sr_buffer *buffers[2] = {get(pool), get(pool)};
        uint32_t in_use = 0;

        assert_int_equal(sr_pool_free(&handle, &in_use), SR_EBUFFER_IN_FLIGHT);
        assert_int_equal(in_use, 2);
        assert_ptr_equal(handle, pool);
        assert_int_equal(sr_pool_free(&handle, NULL), SR_EBUFFER_IN_FLIGHT);

        put(pool, &buffers[0]);
        put(pool, &buffers[1]);
        free_pool(&handle);
    }
}

SR_UNCHECKED static bool next_user_sees_zeros(struct sr_pool *pool)
{
    bool zeros = true;
    for (uint32_t i = 0; i < CAPACITY; i++) {
        struct sr_buffer *buffer = get(pool);
        SR_BUFFER_SCOPE(guard, &buffer)
        {
            for (size_t at = 0; at < SIZE; at++)
                zeros = zeros && sr_guard_bytes(&guard)[at] == 0;
            memset(sr_guard_bytes(&guard), 0xa5, SIZE);
        }
        put(pool, &buffer);
    }
    return zeros;
}

/* A clearing pool's next user sees zeros; another's sees what was left (POOL-7). */
SR_UNCHECKED static void a_clearing_pool_hides_the_previous_users_bytes(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sr_pool *clears = new_pool(forms[i] | SR_POOL_CLEAR);
        struct sr_pool *keeps = new_pool(forms[i]);

        assert_true(next_user_sees_zeros(clears));
        assert_true(next_user_sees_zeros(clears));
        (void)next_user_sees_zeros(keeps);
        assert_false(next_user_sees_zeros(keeps));

        free_pool(&clears);
        free_pool(&keeps);
    }
}

/* Buffers do not overlap, small ones begin on a cache line and large ones on a page, and no more is lost to that. */
SR_UNCHECKED static void buffers_lie_apart_and_aligned(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 64, 100, 4095, 4096, 5000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct sr_pool *pool = NULL;
        struct sr_buffer *buffers[3] = {NULL};
        uintptr_t at[3];
        assert_int_equal(sr_pool_new(&pool, 3, sizes[i], 0), 0);
        assert_true(stats_of_pool(pool).bytes / 3 < sizes[i] + (sizes[i] >= 4096 ? 4096 : 64));
        for (int b = 0; b < 3; b++) {
            assert_int_equal(sr_pool_get(pool, &buffers[b]), 0);
            SR_BUFFER_SCOPE(guard, &buffers[b])
            {
                at[b] = (uintptr_t)sr_guard_bytes(&guard);
                memset(sr_guard_bytes(&guard), b, sr_guard_size(&guard));
            }
            assert_int_equal(at[b] % (sizes[i] >= 4096 ? 4096 : 64), 0);
            for (int other = 0; other < b; other++)
                assert_true((at[b] > at[other] ? at[b] - at[other] : at[other] - at[b]) >= sizes[i]);
        }
        for (int b = 0; b < 3; b++)
            assert_int_equal(sr_buffer_release(&buffers[b]), 0);
        free_pool(&pool);
    }
}

/* ---- A ring's own pool ---- */

static struct sr_config with_pool(uint32_t buffers, bool clear)
{
    struct sr_config config = sr_config_default();
    config.entries = 4;
    config.pool_buffers = buffers;
    config.pool_buffer_size = SIZE;
    config.pool_clear = clear;
    return config;
}

SR_UNCHECKED static struct sr_buffer *ring_get(struct sr_ring *ring, size_t size)
{
    struct sr_buffer *buffer = NULL;
    assert_int_equal(sr_ring_get_buffer(ring, size, &buffer), 0);
    assert_int_equal(sr_buffer_size(buffer), size);
    return buffer;
}

static uint32_t ring_available(struct sr_ring *ring)
{
    struct sr_pool_stats stats;
    assert_int_equal(sr_ring_pool_stats(ring, &stats), 0);
    return stats.available;
}

/* A ring's buffer is one of its pool's if that has a fitting one, else a new one; its size is what was asked for. */
SR_UNCHECKED static void a_ring_gives_from_its_pool_then_from_the_allocator(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open_config(with_pool(2, false));
    struct sr_buffer *small = ring_get(f.ring, 10);
    struct sr_buffer *large = ring_get(f.ring, SIZE + 1);
    assert_int_equal(ring_available(f.ring), 1);
    struct sr_buffer *second = ring_get(f.ring, SIZE);
    struct sr_buffer *third = ring_get(f.ring, SIZE);
    assert_int_equal(ring_available(f.ring), 0);

    assert_int_equal(sr_buffer_release(&small), 0);
    assert_int_equal(sr_buffer_release(&large), 0);
    assert_int_equal(sr_buffer_release(&third), 0);
    assert_int_equal(ring_available(f.ring), 1);
    small = ring_get(f.ring, SIZE);
    assert_int_equal(sr_buffer_release(&small), 0);
    assert_int_equal(sr_buffer_release(&second), 0);
    assert_int_equal(ring_available(f.ring), 2);
    fake_ring_close(&f);
}

/* One buffer is a pool, and one byte of it is a size; none is not, and takes nothing. */
SR_UNCHECKED static void a_rings_pool_may_have_one_buffer(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open_config(with_pool(1, false));
    struct sr_buffer *buffer = NULL;
    assert_int_equal(sr_ring_get_buffer(f.ring, 0, &buffer), -EINVAL);
    assert_int_equal(sr_ring_get_buffer(f.ring, 1, NULL), -EINVAL);
    assert_null(buffer);
    assert_int_equal(ring_available(f.ring), 1);
    buffer = ring_get(f.ring, 1);
    assert_int_equal(ring_available(f.ring), 0);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    assert_int_equal(ring_available(f.ring), 1);
    fake_ring_close(&f);
}

/* A ring without a pool gives new buffers, and says that it has none. */
SR_UNCHECKED static void a_ring_without_a_pool_allocates(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_pool_stats stats;
    struct sr_buffer *buffer = ring_get(f.ring, 5000);
    assert_int_equal(sr_ring_pool_stats(f.ring, &stats), -ENOENT);
    assert_int_equal(sr_ring_get_buffer(f.ring, 0, &buffer), -EINVAL);
    assert_int_equal(sr_ring_get_buffer(NULL, 1, &buffer), -EINVAL);
    assert_int_equal(sr_ring_get_buffer(f.ring, 1, NULL), -EINVAL);
    assert_int_equal(sr_ring_pool_stats(NULL, &stats), -EINVAL);
    assert_int_equal(sr_ring_pool_stats(f.ring, NULL), -EINVAL);
    assert_int_equal(sr_buffer_release(&buffer), 0);
    fake_ring_close(&f);
}

/* A ring's pool outlives the ring until its last buffer is released, and then nothing of it stays (POOL-5). */
SR_UNCHECKED static void a_rings_pool_outlives_it_until_the_last_release(void **state)
{
    (void)state;
    struct counting_allocator counter;
    struct sr_buffer *early = NULL; /* a slab of headers stays for ever */
    assert_int_equal(sr_buffer_new(&early, 1), 0);
    assert_int_equal(sr_buffer_release(&early), 0);
    counting_allocator_install(&counter);
    struct fake_ring f = fake_ring_open_config(with_pool(3, true));
    struct sr_buffer *first = ring_get(f.ring, 10);
    struct sr_buffer *second = ring_get(f.ring, 20);
    fake_ring_close(&f);

    SR_BUFFER_SCOPE(guard, &first)
    memset(sr_guard_bytes(&guard), 1, 10);
    assert_int_equal(sr_buffer_release(&first), 0);
    assert_true(counter.blocks > 0);
    SR_BUFFER_SCOPE(other, &second)
    memset(sr_guard_bytes(&other), 2, 20);
    assert_int_equal(sr_buffer_release(&second), 0);

    assert_int_equal(counter.blocks, 0);
    counting_allocator_remove();
}

/* A pool's fields of the configuration are checked as the others. */
static void a_rings_pool_is_configured_within_limits(void **state)
{
    (void)state;
    const char *field = NULL;
    struct sr_config config = with_pool(SR_POOL_CAPACITY_MAX + 1, false);
    assert_int_equal(sr_config_check(&config, &field), -EINVAL);
    assert_string_equal(field, "pool_buffers");
    config = with_pool(1, false);
    config.pool_buffer_size = 0;
    assert_int_equal(sr_config_check(&config, &field), -EINVAL);
    assert_string_equal(field, "pool_buffer_size");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_pool_gives_what_it_has_and_never_grows),
    cmocka_unit_test(statistics_say_how_much_is_in_use),
    cmocka_unit_test(impossible_arguments_are_refused),
    cmocka_unit_test(the_largest_pool_is_only_a_matter_of_memory),
    cmocka_unit_test(a_pool_for_which_there_is_no_memory_leaves_nothing),
    cmocka_unit_test(a_buffer_goes_back_exactly_once),
    cmocka_unit_test(a_stranger_is_not_taken_in),
    cmocka_unit_test(guards_and_vectors_keep_a_pooled_buffer),
    cmocka_unit_test(a_pooled_buffer_in_flight_stays_out),
    cmocka_unit_test(orphans_and_finished_completions_return_to_the_pool),
    cmocka_unit_test(a_pool_with_buffers_out_is_not_destroyed),
    cmocka_unit_test(a_clearing_pool_hides_the_previous_users_bytes),
    cmocka_unit_test(buffers_lie_apart_and_aligned),
    cmocka_unit_test(a_ring_gives_from_its_pool_then_from_the_allocator),
    cmocka_unit_test(a_rings_pool_may_have_one_buffer),
    cmocka_unit_test(a_ring_without_a_pool_allocates),
    cmocka_unit_test(a_rings_pool_outlives_it_until_the_last_release),
    cmocka_unit_test(a_rings_pool_is_configured_within_limits),
};

SR_TEST_MAIN(tests)
