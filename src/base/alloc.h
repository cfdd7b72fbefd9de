/*
 * The only room that allocates. Each block remembers which allocator gave it.
 */
#ifndef SRI_BASE_ALLOC_H
#define SRI_BASE_ALLOC_H

#include <stddef.h>

#include "safer_ring/allocator.h"

/* `size` bytes aligned to 16, not cleared; NULL when there is no memory. size 0 counts as 1. */
void *sri_alloc(size_t size);

/* count * size bytes, cleared; NULL also when the product overflows. */
void *sri_alloc_zero(size_t count, size_t size);

/* Aligned to `alignment`, a power of two up to 4096. */
void *sri_alloc_aligned(size_t size, size_t alignment);

/* Grows or shrinks, keeping the bytes both have; NULL leaves `memory` as it was. memory NULL allocates. */
void *sri_realloc(void *memory, size_t size);

/* The one that is asked now. */
struct sr_allocator sri_allocator(void);

/* NULL is fine. */
void sri_free(void *memory);

#endif
