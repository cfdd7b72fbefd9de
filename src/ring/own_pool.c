/*
 * A ring's own pool, if the configuration wants one: sr_ring_get_buffer() takes from it first, from the allocator then.
 */
#include "ring/pool.h"
#include "ring/ring_private.h"
#include "safer_ring/registry.h"

int sri_own_pool_make(struct sr_ring *ring, const struct sr_config *config)
{
    if (config->pool_buffers == 0)
        return 0;
    ring->registers_pool = config->pool_registered;
    return sr_pool_new(&ring->own_pool, config->pool_buffers, config->pool_buffer_size,
                       SR_POOL_ONE_THREAD | (config->pool_clear ? SR_POOL_CLEAR : 0u));
}

void sri_own_pool_attach(struct sr_ring *ring)
{
    if (ring->own_pool == NULL)
        return;
    sri_pool_attach(ring->own_pool, ring->owner);
    int rc = ring->registers_pool ? sr_pool_register(ring->own_pool, ring) : 0;
    if (rc != 0)
        sri_log(SR_LOG_WARNING, "the ring's pool could not be registered, and works without: %s",
                sr_err_name(rc));
}

/* Buffers of it that are still out keep it alive, and end it (POOL-5). */
void sri_own_pool_leave(struct sr_ring *ring)
{
    if (ring->own_pool != NULL)
        sri_pool_give_up(ring->own_pool);
}

SR_UNCHECKED int sr_ring_get_buffer(struct sr_ring *ring, size_t size, struct sr_buffer **out)
{
    if (ring == NULL || out == NULL || size == 0)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    struct sr_pool *pool = ring->own_pool;
    if (pool == NULL || size > pool->buffer_size || sr_pool_get(pool, out) != 0)
        return sr_buffer_new(out, size);
    (*out)->size = size;
    return 0;
}

int sr_ring_pool_stats(struct sr_ring *ring, struct sr_pool_stats *stats)
{
    if (ring == NULL || stats == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    return ring->own_pool != NULL ? sr_pool_stats(ring->own_pool, stats) : -ENOENT;
}
