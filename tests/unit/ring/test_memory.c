/*
 * Memory runs out at each place where the library asks for some, one after the other, for everything that is made on a ring:
 * the call answers -ENOMEM, leaves what there was as it was, and works when it is made again.
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
#include "support/counting_allocator.h"
#include "support/fake_ring.h"
#include "support/main.h"

#define TRIES 4

static struct counting_allocator counter;
static unsigned refused;

/* Made again when memory was missing; then it must answer 0. */
#define MADE(call)                                             \
    do {                                                       \
        int rc_ = -ENOMEM;                                     \
        for (int i_ = 0; i_ < TRIES && rc_ == -ENOMEM; i_++) { \
            rc_ = (call);                                      \
            refused += rc_ == -ENOMEM ? 1 : 0;                 \
        }                                                      \
        assert_int_equal(rc_, 0);                              \
    } while (0)

typedef void part(struct sr_ring *ring);

static void fail_each_once(part *body)
{
    /* The first buffer makes what the process keeps. */
    struct sr_buffer *first;
    assert_int_equal(sr_buffer_new(&first, 8), 0);
    assert_int_equal(sr_buffer_release(&first), 0);
    size_t nth = 1;
    for (size_t asked = nth; asked >= nth; nth++) {
        struct fake_kernel *kernel = fake_kernel_new();
        struct sr_backend backend = fake_kernel_backend(kernel);
        struct sr_config config = sr_config_default();
        struct sr_ring *ring;
        counting_allocator_install(&counter);
        counter.fails_at = nth;
        refused = 0;
        config.backend = &backend;
        config.entries = 8;
        config.fixed_files = 4;
        config.fixed_buffers = 4;
        MADE(sr_ring_open_config(&ring, &config));
        body(ring);
        assert_int_equal(sr_ring_in_flight(ring), 0);
        assert_int_equal(sr_ring_close(&ring), 0);
        asked = counter.allocations;
        assert_true(refused == (asked >= nth ? 1u : 0u));
        assert_int_equal(counter.blocks, 0);
        counting_allocator_remove();
        fake_kernel_free(kernel);
    }
    assert_true(nth > 3);
}

static void registries(struct sr_ring *ring)
{
    struct sr_registry *registry;
    struct sr_fixed_file files[2];
    struct sr_buffer *buffers[2];
    struct sr_buffer *back[2];
    struct sr_buffer_slot slots[2];
    size_t count;
    const int fds[2] = {3, 4};
    MADE(sr_registry_new(ring, &registry));
    MADE(sr_registry_register_fixed_files(registry, fds, 2, files));
    MADE(sr_buffer_new(&buffers[0], 8));
    MADE(sr_buffer_new(&buffers[1], 8));
    MADE(sr_registry_register_buffer_slots(registry, buffers, 2, slots));
    assert_null(buffers[0]);
    MADE(sr_registry_unregister_buffer_slots(registry, back, 2, &count));
    assert_int_equal(count, 2);
    MADE(sr_registry_unregister_fixed_files(registry));
    assert_int_equal(sr_buffer_release(&back[0]), 0);
    assert_int_equal(sr_buffer_release(&back[1]), 0);
    assert_int_equal(sr_registry_free(&registry), 0);
}

/* Tables of files and buffers. */
static void registries_are_made_once_there_is_memory(void **state)
{
    (void)state;
    fail_each_once(registries);
}

static void pools(struct sr_ring *ring)
{
    struct sr_pool *pool;
    struct sr_buffer *buffer;
    struct sr_pinned *pinned;
    MADE(sr_pool_new(&pool, 4, 64, 0));
    MADE(sr_pool_register(pool, ring));
    assert_int_equal(sr_pool_get(pool, &buffer), 0);
    assert_int_equal(sr_pool_put(pool, &buffer), 0);
    assert_int_equal(sr_pool_unregister(pool), 0);
    MADE(sr_pinned_from_pool(pool, &pinned));
    assert_int_equal(sr_pinned_free(&pinned), 0);
    assert_int_equal(sr_pool_free(&pool, NULL), 0);
    MADE(sr_pool_new(&pool, 4, 64, SR_POOL_ONE_THREAD));
    assert_int_equal(sr_pool_free(&pool, NULL), 0);
    MADE(sr_pinned_copy_of(&pinned, "x", 1));
    assert_int_equal(sr_pinned_free(&pinned), 0);
}

/* Pools, and buffers that are lent and come back. */
static void pools_are_made_once_there_is_memory(void **state)
{
    (void)state;
    fail_each_once(pools);
}

static void providers(struct sr_ring *ring)
{
    struct sr_provider *provider;
    MADE(sr_provider_new(ring, 4, 64, &provider));
    assert_int_equal(sr_provider_available(provider), 4);
    assert_int_equal(sr_provider_free(&provider), 0);
}

/* Groups of buffers that the kernel picks from. */
static void providers_are_made_once_there_is_memory(void **state)
{
    (void)state;
    fail_each_once(providers);
}

static void streams(struct sr_ring *ring)
{
    struct sr_stream *stream;
    FILE *file;
    MADE(sr_file(ring, 3, NULL, &stream));
    assert_int_equal(sr_stream_drop(&stream), 0);
    MADE(sr_reader(ring, 3, NULL, &stream));
    assert_int_equal(sr_stream_fopen(&stream, "r", &file), 0);
    assert_int_equal(fclose(file), 0);
}

/* Streams and the C library's files over them. */
static void streams_are_made_once_there_is_memory(void **state)
{
    (void)state;
    fail_each_once(streams);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(registries_are_made_once_there_is_memory),
    cmocka_unit_test(pools_are_made_once_there_is_memory),
    cmocka_unit_test(providers_are_made_once_there_is_memory),
    cmocka_unit_test(streams_are_made_once_there_is_memory),
};

SR_TEST_MAIN(tests)
