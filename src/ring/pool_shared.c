/*
 * The form of a pool for all threads: magazines, each with its own lock (POOL-6). Locks of several are taken in the order of
 * their places.
 */
#include "ring/pool.h"

/* At most so many buffers move from one magazine to another at a time. */
#define MOVED_MAX 32u

static atomic_uint threads;
static __thread uint32_t thread_number __attribute__((tls_model("initial-exec"))); /* from 1; 0: none yet */

static __attribute__((cold, noinline)) void number_this_thread(void)
{
    do
        thread_number = atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) + 1;
    while (thread_number == 0);
}

/* The calling thread's; more threads than there are magazines share them. */
static struct sri_magazine *my_magazine(struct sr_pool *pool)
{
    if (__builtin_expect(thread_number == 0, 0))
        number_this_thread();
    return &pool->magazines[thread_number % SRI_MAGAZINES];
}

static void lock_all(struct sr_pool *pool)
{
    for (uint32_t i = 0; i < SRI_MAGAZINES; i++)
        sri_lock_take(&pool->magazines[i].lock);
}

static void unlock_all(struct sr_pool *pool)
{
    for (uint32_t i = 0; i < SRI_MAGAZINES; i++)
        sri_lock_give(&pool->magazines[i].lock);
}

static void push(struct sri_magazine *magazine, struct sr_buffer *buffer)
{
    buffer->free_next = magazine->first;
    magazine->first = buffer;
    magazine->count++;
}

static struct sr_buffer *pop(struct sri_magazine *magazine)
{
    struct sr_buffer *buffer = magazine->first;
    magazine->first = buffer->free_next;
    magazine->count--;
    return buffer;
}

static struct sr_buffer *hand_out(struct sr_pool *pool, struct sri_magazine *magazine)
{
    struct sr_buffer *buffer = pop(magazine);
    magazine->hits++;
    sri_pool_hand_out(pool, buffer);
    return buffer;
}

static struct sri_magazine *richest(struct sr_pool *pool)
{
    struct sri_magazine *best = &pool->magazines[0];
    for (uint32_t i = 1; i < SRI_MAGAZINES; i++)
        if (pool->magazines[i].count > best->count)
            best = &pool->magazines[i];
    return best;
}

/*
 * Nothing in the thread's own magazine when it looked. With every lock held "empty" is true of one instant: a buffer on its
 * way home stands in no magazine and is still in use (POOL-1).
 */
static __attribute__((noinline)) struct sr_buffer *get_from_any(struct sr_pool *pool,
                                                                struct sri_magazine *own)
{
    struct sr_buffer *buffer = NULL;
    lock_all(pool);
    struct sri_magazine *from = richest(pool);
    if (from->count == 0) {
        own->failures++;
    } else {
        uint32_t moved = (from->count + 1) / 2;
        for (uint32_t i = 0; from != own && i < (moved < MOVED_MAX ? moved : MOVED_MAX); i++)
            push(own, pop(from));
        buffer = hand_out(pool, own);
    }
    unlock_all(pool);
    return buffer;
}

int sri_magazines_get(struct sr_pool *pool, struct sr_buffer **out)
{
    struct sri_magazine *own = my_magazine(pool);
    struct sr_buffer *buffer = NULL;
    sri_lock_take(&own->lock);
    if (__builtin_expect(own->first != NULL, 1))
        buffer = hand_out(pool, own);
    sri_lock_give(&own->lock);
    if (__builtin_expect(buffer == NULL, 0))
        buffer = get_from_any(pool, own);
    if (buffer == NULL)
        return SR_EPOOL_EMPTY;
    *out = buffer;
    return 0;
}

void sri_magazines_put(struct sr_pool *pool, struct sr_buffer *buffer)
{
    struct sri_magazine *own = my_magazine(pool);
    sri_lock_take(&own->lock);
    sri_pool_take_in(buffer);
    push(own, buffer);
    sri_lock_give(&own->lock);
}

void sri_magazines_fill(struct sr_pool *pool)
{
    struct sri_magazine *own = my_magazine(pool);
    for (uint32_t i = pool->capacity; i-- > 0;)
        push(own, pool->headers[i]);
}

bool sri_magazines_hold_all(struct sr_pool *pool)
{
    uint32_t home = 0;
    lock_all(pool);
    for (uint32_t i = 0; i < SRI_MAGAZINES; i++)
        home += pool->magazines[i].count;
    if (home != pool->capacity)
        unlock_all(pool);
    return home == pool->capacity;
}

void sri_magazines_let_all_go(struct sr_pool *pool)
{
    unlock_all(pool);
}

void sri_magazines_stats(struct sr_pool *pool, struct sr_pool_stats *stats)
{
    lock_all(pool);
    for (uint32_t i = 0; i < SRI_MAGAZINES; i++) {
        stats->available += pool->magazines[i].count;
        stats->hits += pool->magazines[i].hits;
        stats->failures += pool->magazines[i].failures;
    }
    unlock_all(pool);
}
