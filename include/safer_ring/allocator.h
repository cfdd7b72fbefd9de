/*
 * The allocator that everything in safer_ring uses, replaceable at run time.
 */
#ifndef SAFER_RING_ALLOCATOR_H
#define SAFER_RING_ALLOCATOR_H

#include <stddef.h>

#include "safer_ring/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Both functions may be called from any thread, and are never called inside each other. */
struct sr_allocator {
    /* `size` bytes (never 0) aligned to `alignment` (a power of two, at least sizeof(void *)), not cleared; NULL: none. */
    void *(*allocate)(void *self, size_t size, size_t alignment);
    /* Gives back what allocate() gave; never NULL. */
    void (*release)(void *self, void *memory, size_t size);
    void *self; /* handed to both */
};

/*
 * Replaces the allocator of the whole process.
 *
 * Ownership: the structure is copied; NULL goes back to the C library's. What the earlier allocator gave is still given
 * back to the earlier one, so it must live on until then.
 * Errors: -EINVAL: a function is missing.
 * Callable: from any thread while no other call into the library is running; never blocks.
 */
SR_MUST_USE int sr_set_allocator(const struct sr_allocator *allocator);

#ifdef __cplusplus
}
#endif

#endif
