/*
 * Buffer pools: their life, and the form for one thread. Never blocks, never grows; a buffer's bytes are touched only while
 * the pool has it.
 */
#include "ring/pool.h"

#include <string.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "safer_ring/registry.h"

/* `debt`: one buffer, and the pool's having been given up. */
#define ONE_BUFFER 2
#define GIVEN_UP 1

static void destroy(struct sr_pool *pool)
{
    for (uint32_t i = 0; i < pool->capacity && pool->headers != NULL && pool->headers[i] != NULL; i++) {
        SRI_REQUIRE(sri_pooled_move(&pool->headers[i]->pooled, SRI_POOLED_REMOVE) == 0);
        sri_header_return(pool->headers[i]);
    }
    sri_free(pool->headers);
    sri_free(pool->region);
    sri_free(pool);
}

/* ---- coming home ---- */

static void push(struct sr_pool *pool, struct sr_buffer *buffer)
{
    buffer->free_next = pool->first;
    pool->first = buffer;
    pool->count++;
}

/*
 * From another thread than the pool's, or after its ring is gone. The stack is only ever taken as a whole, so that a buffer
 * that leaves and comes again confuses nobody.
 */
static __attribute__((noinline)) void return_from_elsewhere(struct sr_pool *pool, struct sr_buffer *buffer)
{
    sri_pool_take_in(buffer);
    struct sr_buffer *top = atomic_load_explicit(&pool->returned, memory_order_relaxed);
    do
        buffer->free_next = top;
    while (!atomic_compare_exchange_weak_explicit(&pool->returned, &top, buffer, memory_order_release,
                                                  memory_order_relaxed));
    if (atomic_fetch_sub_explicit(&pool->debt, ONE_BUFFER, memory_order_acq_rel) == ONE_BUFFER + GIVEN_UP)
        destroy(pool);
}

/* What other threads have returned is counted as home from now on. */
static __attribute__((noinline)) void take_returned(struct sr_pool *pool)
{
    struct sr_buffer *buffer = atomic_exchange_explicit(&pool->returned, NULL, memory_order_acquire);
    int64_t count = 0;
    for (; buffer != NULL; count++) {
        struct sr_buffer *next = buffer->free_next;
        push(pool, buffer);
        buffer = next;
    }
    atomic_fetch_add_explicit(&pool->debt, count * ONE_BUFFER, memory_order_relaxed);
}

bool sri_pool_hold_all(struct sr_pool *pool)
{
    if (pool->shared)
        return sri_magazines_hold_all(pool);
    take_returned(pool);
    return pool->count == pool->capacity;
}

void sri_pool_let_all_go(struct sr_pool *pool)
{
    if (pool->shared)
        sri_magazines_let_all_go(pool);
}

/* A buffer that is nobody's any more (BUF-9, POOL-3). Cleared before anybody else can have it (POOL-7). */
static void come_home(struct sr_pool *pool, struct sr_buffer *buffer)
{
    if (pool->clears)
        memset(buffer->memory, 0, pool->buffer_size);
    if (sri_pool_is_mine(pool)) {
        sri_pool_take_in(buffer);
        push(pool, buffer);
    } else if (pool->shared) {
        sri_magazines_put(pool, buffer);
    } else {
        return_from_elsewhere(pool, buffer);
    }
}

static void home_to_pool(const struct sri_origin *origin, struct sr_buffer *buffer)
{
    come_home((struct sr_pool *)(uintptr_t)origin, buffer);
}

/* ---- life ---- */

static int make_headers(struct sr_pool *pool)
{
    pool->headers = sri_alloc_zero(pool->capacity, sizeof(struct sr_buffer *));
    if (pool->headers == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < pool->capacity; i++) {
        struct sr_buffer *buffer = sri_header_take();
        if (buffer == NULL)
            return -ENOMEM;
        pool->headers[i] = buffer;
        SRI_REQUIRE(sri_pooled_move(&buffer->pooled, SRI_POOLED_ADD) == 0);
        buffer->origin = &pool->origin;
        buffer->bytes = buffer->memory = pool->region + i * pool->stride;
    }
    return 0;
}

static int make_region(struct sr_pool *pool)
{
    size_t alignment = sri_bytes_alignment(pool->buffer_size);
    size_t padded;
    size_t total;
    if (!sri_add_size(pool->buffer_size, alignment - 1, &padded))
        return -ENOMEM;
    pool->stride = padded & ~(alignment - 1);
    if (!sri_mul_size(pool->stride, pool->capacity, &total))
        return -ENOMEM;
    pool->region = sri_alloc_aligned(total, alignment);
    if (pool->region == NULL)
        return -ENOMEM;
    memset(pool->region, 0, total);
    return make_headers(pool);
}

static void fill(struct sr_pool *pool)
{
    if (pool->shared) {
        sri_magazines_fill(pool);
        return;
    }
    pool->owner = sri_this_thread();
    for (uint32_t i = pool->capacity; i-- > 0;)
        push(pool, pool->headers[i]);
}

int sr_pool_new(struct sr_pool **out, uint32_t capacity, size_t buffer_size, uint32_t flags)
{
    if (out == NULL || capacity == 0 || capacity > SR_POOL_CAPACITY_MAX || buffer_size == 0 ||
        (flags & ~(uint32_t)(SR_POOL_ONE_THREAD | SR_POOL_CLEAR)) != 0)
        return -EINVAL;
    bool shared = (flags & SR_POOL_ONE_THREAD) == 0;
    size_t size = sizeof(struct sr_pool) + (shared ? SRI_MAGAZINES * sizeof(struct sri_magazine) : 0);
    struct sr_pool *pool = sri_alloc_aligned(size, _Alignof(struct sr_pool));
    if (pool == NULL)
        return -ENOMEM;
    memset(pool, 0, size);
    pool->origin.home = home_to_pool;
    pool->capacity = capacity;
    pool->buffer_size = buffer_size;
    pool->clears = (flags & SR_POOL_CLEAR) != 0;
    pool->shared = shared;
    int rc = make_region(pool);
    if (rc != 0) {
        destroy(pool);
        return rc;
    }
    fill(pool);
    *out = pool;
    return 0;
}

void sri_pool_attach(struct sr_pool *pool, const void *owner)
{
    __atomic_store_n(&pool->owner, owner, __ATOMIC_RELAXED);
}

/* From now on every return comes from elsewhere; what is out is owed. */
void sri_pool_give_up(struct sr_pool *pool)
{
    int64_t out = pool->capacity - pool->count;
    sri_pool_attach(pool, NULL);
    int64_t before =
        atomic_fetch_add_explicit(&pool->debt, out * ONE_BUFFER + GIVEN_UP, memory_order_acq_rel);
    if (before + out * ONE_BUFFER == 0)
        destroy(pool);
}

/* ---- the program's side ---- */

static int get_own(struct sr_pool *pool, struct sr_buffer **out)
{
    if (__builtin_expect(pool->first == NULL, 0)) {
        take_returned(pool);
        if (pool->first == NULL) {
            pool->failures++;
            return SR_EPOOL_EMPTY;
        }
    }
    struct sr_buffer *buffer = pool->first;
    pool->first = buffer->free_next;
    pool->count--;
    pool->hits++;
    sri_pool_hand_out(pool, buffer);
    *out = buffer;
    return 0;
}

SR_UNCHECKED int sr_pool_get(struct sr_pool *pool, struct sr_buffer **out)
{
    if (pool == NULL || out == NULL)
        return -EINVAL;
    if (sri_pool_is_mine(pool))
        return get_own(pool, out);
    return pool->shared ? sri_magazines_get(pool, out) : SR_EWRONG_THREAD;
}

SR_UNCHECKED int sr_pool_put(struct sr_pool *pool, struct sr_buffer **buffer)
{
    if (pool == NULL || buffer == NULL || *buffer == NULL)
        return -EINVAL;
    struct sr_buffer *back = *buffer;
    if (back->origin != &pool->origin)
        return SR_EFOREIGN;
    /* In flight, guarded, a vector's, back already (POOL-3, POOL-4). */
    if (__builtin_expect(back->owner != SRI_OWNER_USER, 0))
        return sri_ownership_move(&back->owner, SRI_OWNER_RELEASE);
    back->owner = SRI_OWNER_NOBODY;
    come_home(pool, back);
    *buffer = NULL;
    return 0;
}

static void count(struct sr_pool *pool, struct sr_pool_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    if (pool->shared) {
        sri_magazines_stats(pool, stats);
    } else {
        take_returned(pool);
        stats->available = pool->count;
        stats->hits = pool->hits;
        stats->failures = pool->failures;
    }
    stats->capacity = pool->capacity;
    stats->in_use = pool->capacity - stats->available;
    stats->utilization = (double)stats->in_use / pool->capacity;
    stats->buffer_size = pool->buffer_size;
    stats->bytes = pool->stride * pool->capacity;
}

int sr_pool_stats(struct sr_pool *pool, struct sr_pool_stats *stats)
{
    if (pool == NULL || stats == NULL)
        return -EINVAL;
    if (!pool->shared && !sri_pool_is_mine(pool))
        return SR_EWRONG_THREAD;
    count(pool, stats);
    return 0;
}

int sr_pool_free(struct sr_pool **handle, uint32_t *in_use)
{
    struct sr_pool_stats stats;
    if (handle == NULL || *handle == NULL)
        return -EINVAL;
    int refused = sr_pool_stats(*handle, &stats);
    if (refused != 0)
        return refused;
    if (in_use != NULL)
        *in_use = stats.in_use;
    if (stats.in_use != 0)
        return SR_EBUFFER_IN_FLIGHT;
    struct sr_pool *pool = *handle;
    if (pool->ring != NULL)
        refused = sr_pool_unregister(pool);
    if (refused == SR_EWRONG_PROCESS)
        sri_pool_part(pool); /* in a forked child: the registration is the parent's */
    else if (refused != 0)
        return refused;
    *handle = NULL;
    /* A thread that has just returned a buffer may not have let go of the pool: the last one out destroys it. */
    if (pool->shared)
        destroy(pool);
    else
        sri_pool_give_up(pool);
    return 0;
}
