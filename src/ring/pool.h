/*
 * The inside of a pool: one block of memory cut into buffers, their headers, and lists of those at home.
 *
 * Two forms. The owner's list belongs to one thread and costs no atomic instruction; what other threads release waits on a
 * stack of its own until that list is empty. The form for all threads has magazines: a thread works with one of them under
 * its short lock, and looks into all of them, all locks held, before it says that there is none.
 */
#ifndef SRI_RING_POOL_H
#define SRI_RING_POOL_H

#include <stdatomic.h>

#include "base/lock.h"
#include "machine/pool.h"
#include "ring/buffer.h"
#include "ring/identity.h"
#include "ring/tables.h"
#include "safer_ring/pool.h"

#define SRI_MAGAZINES 16u

/* Two lines each: a processor fetches lines in pairs. */
struct sri_magazine {
    struct sri_lock lock;
    uint32_t count;
    struct sr_buffer *first;
    uint64_t hits;
    uint64_t failures;
} __attribute__((aligned(128)));

/* Its buffers name it by its address. */
struct sr_pool {
    struct sri_origin origin;
    const void
        *owner; /* atomic; the thread whose list `first` is; NULL: nobody's, or the form for all threads */
    struct sr_buffer *first;
    uint32_t count;
    uint32_t capacity;
    uint64_t hits;
    uint64_t failures;
    size_t buffer_size;
    bool clears;
    bool shared;
    uint32_t flags;
    size_t stride; /* from one buffer's bytes to the next one's */
    uint8_t *region;
    struct sr_buffer **headers;

    /* pool_register.c */
    struct sri_registration registration;
    struct sr_ring *ring;       /* it is registered with, or NULL */
    struct sri_node registered; /* in that ring's list */
    uint32_t *places;           /* in that ring's table, in the order of the memory */

    /* The owner's form: released by other threads. */
    _Alignas(128) _Atomic(struct sr_buffer *) returned;
    /*
     * Twice the number of buffers whose return somebody still has to count, less what was returned and is not yet counted
     * as home; 1 more once the pool is given up. Whoever makes it 1 destroys the pool, and nobody touches it after that.
     */
    _Atomic int64_t debt;

    struct sri_magazine magazines[]; /* of the form for all threads */
};

/*
 * Both forms: a buffer at home becomes the program's, and the other way round. Whoever calls has the list for itself. Steps of
 * two machines, folded into comparisons and constants so that no move waits for the one before (measured); hot.c lists them
 * as paths through the tables.
 */
static inline void sri_pool_hand_out(struct sr_pool *pool, struct sr_buffer *buffer)
{
    SRI_REQUIRE(buffer->pooled == SRI_POOLED_HOME && buffer->owner == SRI_OWNER_NOBODY);
    buffer->pooled = SRI_POOLED_OUT;
    buffer->owner = SRI_OWNER_USER;
    buffer->size = pool->buffer_size;
}

static inline void sri_pool_take_in(struct sr_buffer *buffer)
{
    SRI_REQUIRE(buffer->pooled == SRI_POOLED_OUT);
    buffer->pooled = SRI_POOLED_HOME;
}

/* pool_shared.c */
int sri_magazines_get(struct sr_pool *pool, struct sr_buffer **out);
void sri_magazines_put(struct sr_pool *pool, struct sr_buffer *buffer);
void sri_magazines_fill(struct sr_pool *pool);
void sri_magazines_stats(struct sr_pool *pool, struct sr_pool_stats *stats);

bool sri_magazines_hold_all(struct sr_pool *pool);
void sri_magazines_let_all_go(struct sr_pool *pool);

/* Everything is at home, and stays there until it is let go; or false. Where the pool has a thread, called in that one. */
bool sri_pool_hold_all(struct sr_pool *pool);
void sri_pool_let_all_go(struct sr_pool *pool);

/* pool_register.c: neither its ring nor the kernel knows the pool any more; nobody is asked. */
void sri_pool_part(struct sr_pool *pool);

static inline bool sri_pool_is_mine(const struct sr_pool *pool)
{
    return __builtin_expect(__atomic_load_n(&pool->owner, __ATOMIC_RELAXED) == sri_this_thread(), 1);
}

/* A ring's own pool: whose list it is; and given up when the ring closes: it is destroyed with its last buffer's return. */
void sri_pool_attach(struct sr_pool *pool, const void *owner);
void sri_pool_give_up(struct sr_pool *pool);

#endif
