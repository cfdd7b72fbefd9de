/*
 * A pool whose memory is registered with a ring: its buffers are fixed buffers there, and nobody has to know (REG-5). One
 * place of the ring's table for as many buffers as the kernel takes at once: as fast as a place for each (measured, docs/
 * architecture.md), and a place only.
 */
#include "base/alloc.h"
#include "ring/pool.h"
#include "ring/tables.h"
#include "safer_ring/registry.h"

/* Buffers that share a place, and how many places that makes. */
static uint32_t buffers_per_place(const struct sr_pool *pool)
{
    size_t fit = SR_REGISTERED_BYTES_MAX / pool->stride;
    return fit < pool->capacity ? (uint32_t)fit : pool->capacity;
}

static uint32_t places_of(const struct sr_pool *pool)
{
    uint32_t per = buffers_per_place(pool);
    return (pool->capacity - 1) / per + 1;
}

/* Every buffer of the pool, which is at home: what start.c shall think of it. */
static void mark_each(struct sr_pool *pool, bool registered)
{
    uint32_t per = buffers_per_place(pool);
    for (uint32_t i = 0; i < pool->capacity; i++) {
        struct sr_buffer *buffer = pool->headers[i];
        buffer->registration = registered ? &pool->registration : NULL;
        buffer->registered_index = registered ? (uint16_t)pool->places[i / per] : 0;
        buffer->bytes = registered ? NULL : buffer->memory;
    }
}

/* With everything at home, and nobody able to get any meanwhile. */
static int mark_all(struct sr_pool *pool, bool registered)
{
    if (!sri_pool_hold_all(pool))
        return SR_EBUFFER_IN_FLIGHT;
    mark_each(pool, registered);
    sri_pool_let_all_go(pool);
    return 0;
}

static void empty_places(struct sr_ring *ring, const struct sr_pool *pool)
{
    struct sri_table *table = &ring->tables->buffers;
    for (uint32_t i = 0; i < places_of(pool); i++) {
        struct sri_place_entry *place = &table->places[pool->places[i]];
        sri_lock_take(&ring->tables->lock);
        SRI_REQUIRE(sri_place_move(&place->state, SRI_PLACE_REMOVE) == 0);
        sri_place_forget(ring->tables, place);
        sri_lock_give(&ring->tables->lock);
        sri_place_empty(ring, table, place);
    }
}

static int fill_places(struct sr_ring *ring, struct sr_pool *pool)
{
    uint32_t count = places_of(pool);
    uint32_t per = buffers_per_place(pool);
    struct iovec *memory = sri_alloc(count * sizeof memory[0]);
    if (memory == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t left = pool->capacity - i * per;
        memory[i] = (struct iovec){pool->headers[i * per]->memory, (left < per ? left : per) * pool->stride};
    }
    int rc = sri_places_find(ring, &ring->tables->buffers, count, true, pool->places);
    if (rc == 0)
        rc = sri_places_fill(ring, &ring->tables->buffers, pool->places, memory, count);
    sri_free(memory);
    return rc;
}

static int register_with(struct sr_pool *pool, struct sr_ring *ring)
{
    if (pool->stride > SR_REGISTERED_BYTES_MAX)
        return -E2BIG;
    pool->places = sri_tables_of(ring) != NULL ? sri_alloc(places_of(pool) * sizeof pool->places[0]) : NULL;
    if (pool->places == NULL)
        return -ENOMEM;
    int rc = fill_places(ring, pool);
    if (rc == 0) {
        __atomic_store_n(&pool->registration.ring, ring, __ATOMIC_RELAXED);
        rc = mark_all(pool, true);
        if (rc != 0)
            empty_places(ring, pool);
    }
    if (rc != 0) {
        __atomic_store_n(&pool->registration.ring, NULL, __ATOMIC_RELAXED);
        sri_free(pool->places);
        pool->places = NULL;
        return rc;
    }
    pool->ring = ring;
    sri_list_append(&ring->tables->pools, &pool->registered);
    return 0;
}

static int check(const struct sr_pool *pool, const struct sr_ring *ring)
{
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    return pool->shared || sri_pool_is_mine(pool) ? 0 : SR_EWRONG_THREAD;
}

int sr_pool_register(struct sr_pool *pool, struct sr_ring *ring)
{
    if (pool == NULL || ring == NULL)
        return -EINVAL;
    int refused = check(pool, ring);
    if (refused != 0)
        return refused;
    return pool->ring != NULL ? SR_EINVALID_STATE : register_with(pool, ring);
}

/* Neither the ring nor its kernel knows the pool any more. */
void sri_pool_part(struct sr_pool *pool)
{
    __atomic_store_n(&pool->registration.ring, NULL, __ATOMIC_RELAXED);
    sri_list_remove(&pool->registered);
    sri_free(pool->places);
    pool->places = NULL;
    pool->ring = NULL;
}

int sr_pool_unregister(struct sr_pool *pool)
{
    if (pool == NULL)
        return -EINVAL;
    if (pool->ring == NULL)
        return SR_ENOT_REGISTERED;
    int rc = check(pool, pool->ring);
    if (rc == 0)
        rc = mark_all(pool, false);
    if (rc != 0)
        return rc;
    empty_places(pool->ring, pool);
    sri_pool_part(pool);
    return 0;
}

/* The kernel's table goes with the ring. Buffers that are out learn it when they are next used. */
void sri_pools_leave(struct sr_ring *ring)
{
    while (ring->tables != NULL && !sri_list_empty(&ring->tables->pools)) {
        struct sr_pool *pool = SRI_CONTAINER_OF(ring->tables->pools.next, struct sr_pool, registered);
        sri_pool_part(pool);
        (void)!mark_all(pool,
                        false); /* as far as nobody has one: the others go as plain ones by another way */
    }
}
