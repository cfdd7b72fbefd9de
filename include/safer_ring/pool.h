/*
 * Buffer pools: a fixed number of buffers of one size, made once and handed out again and again.
 *
 * A pooled buffer is an owned buffer as any other (safer_ring/buffer.h): it goes into operations, guards and vectors, and
 * comes back to its pool by sr_buffer_release(), by sr_pool_put(), at the end of a completion that nobody takes, or when the
 * kernel is done with an orphan that had it (rules POOL, docs/rules.md).
 */
#ifndef SAFER_RING_POOL_H
#define SAFER_RING_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "safer_ring/buffer.h"
#include "safer_ring/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sr_pool;

/* The most buffers a pool can have. */
#define SR_POOL_CAPACITY_MAX 16777216u

/* Flags of sr_pool_new(). */
enum {
    /* Only the calling thread gets buffers; any thread may release them. Several times faster than a pool for all. */
    SR_POOL_ONE_THREAD = 1u << 0,
    /* The bytes of a buffer that comes back are set to zero: its next user can't see them (POOL-7). */
    SR_POOL_CLEAR = 1u << 1,
};

/* What a pool says of itself: everything at one instant. */
struct sr_pool_stats {
    uint32_t capacity;  /* buffers, whoever has them */
    uint32_t available; /* at home */
    uint32_t in_use;    /* capacity - available */
    double utilization; /* in_use / capacity, 0 … 1 */
    uint64_t hits;      /* buffers handed out so far */
    uint64_t failures;  /* times there was none */
    size_t buffer_size; /* of each */
    size_t bytes;       /* memory behind all of them */
};

/*
 * Makes a pool of `capacity` buffers of `buffer_size` bytes each, all zero. It never grows.
 *
 * Ownership: *out is the caller's, until sr_pool_free().
 * Units: bytes. Buffers of 4096 bytes and more begin on a page, smaller ones on a cache line.
 * Errors: -EINVAL: out is NULL, capacity is 0 or above SR_POOL_CAPACITY_MAX, buffer_size is 0, or an unknown flag. -ENOMEM.
 * *out is then not written.
 * Callable: from any thread; with SR_POOL_ONE_THREAD the pool is that thread's. Does not block.
 * Source: POOL-1.
 */
SR_MUST_USE int sr_pool_new(struct sr_pool **out, uint32_t capacity, size_t buffer_size, uint32_t flags);

/*
 * Hands out a buffer. Its bytes are what the user before left there, unless the pool clears them.
 *
 * Ownership: *out is the caller's; it goes back by sr_pool_put() or sr_buffer_release().
 * Errors: -EINVAL: NULL. SR_EPOOL_EMPTY: no buffer is at home, in whichever thread it was released. SR_EWRONG_THREAD: the
 * pool is another thread's. *out is then not written.
 * Callable: from any thread, or the pool's with SR_POOL_ONE_THREAD; also from a callback; never blocks, never allocates.
 * Source: POOL-1, POOL-2, POOL-6.
 */
SR_MUST_USE int sr_pool_get(struct sr_pool *pool, struct sr_buffer **out) SR_GIVES_IF_OK(*out);

/*
 * Puts a buffer back, as sr_buffer_release() does, and says so if it is not this pool's.
 *
 * Ownership: *buffer becomes NULL.
 * Errors: -EINVAL: NULL. SR_EFOREIGN: the buffer comes from elsewhere. SR_EBUFFER_IN_FLIGHT: it is not the program's: an
 * operation, a guard or a vector has it, or it is back already (a copied pointer). Nothing has moved then.
 * Callable: from any thread, also from a callback; does not block.
 * Source: POOL-3, POOL-4.
 */
SR_MUST_USE int sr_pool_put(struct sr_pool *pool, struct sr_buffer **buffer) SR_TAKES_IF_OK(*buffer);

/*
 * How the pool stands at one instant, with all threads held up for it.
 *
 * Errors: -EINVAL: NULL. SR_EWRONG_THREAD: the pool is another thread's.
 * Callable: as sr_pool_get(). Source: POOL-2, POOL-6.
 */
SR_MUST_USE int sr_pool_stats(struct sr_pool *pool, struct sr_pool_stats *stats);

/*
 * Destroys a pool that has all its buffers at home.
 *
 * Ownership: *pool becomes NULL; on failure it is whole and still the caller's. No other thread may be using it.
 * Errors: -EINVAL: NULL. SR_EBUFFER_IN_FLIGHT: *in_use (may be NULL) buffers are out; nothing has changed.
 * SR_EWRONG_THREAD: the pool is another thread's, or is registered with a ring of another.
 * Callable: as sr_pool_get(). Source: POOL-5.
 */
SR_MUST_USE int sr_pool_free(struct sr_pool **pool, uint32_t *in_use);

/* ---- A ring's own pool (safer_ring/config.h: pool_buffers) ------------------------------------------------------- */

struct sr_ring;

/*
 * A buffer of `size` bytes: one of the ring's own pool if that has one of at least this size, else a new one. One of the
 * pool holds what its user before left there, unless config.pool_clear.
 *
 * Ownership: *out is the caller's; it goes where it came from by sr_buffer_release(), also after the ring was closed.
 * Units: bytes; sr_buffer_size() is what was asked for.
 * Errors: -EINVAL: NULL, or size is 0. -ENOMEM: the pool has none, and neither has the allocator. SR_EWRONG_THREAD,
 * SR_EWRONG_PROCESS. *out is then not written.
 * Callable: from the ring's thread, also from a callback; does not block.
 * Source: POOL-1, POOL-5.
 */
SR_MUST_USE int sr_ring_get_buffer(struct sr_ring *ring, size_t size, struct sr_buffer **out)
    SR_GIVES_IF_OK(*out);

/*
 * How the ring's own pool stands.
 * Errors: -EINVAL: NULL. -ENOENT: it has none. SR_EWRONG_THREAD, SR_EWRONG_PROCESS. Callable: as sr_ring_get_buffer().
 */
SR_MUST_USE int sr_ring_pool_stats(struct sr_ring *ring, struct sr_pool_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
