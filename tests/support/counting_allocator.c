/*
 * Counting and failing allocations.
 */
#include "counting_allocator.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "main.h"
#include "safer_ring/allocator.h"

#define BEHIND 128

static void *allocate(void *self, size_t size, size_t alignment)
{
    struct counting_allocator *counter = self;
    size_t nth = atomic_fetch_add(&counter->allocations, 1) + 1;
    size_t from = atomic_load(&counter->fails_from);
    if (nth == atomic_load(&counter->fails_at) || (from != 0 && nth >= from))
        return NULL;
    void *memory = NULL;
    uint8_t fill = atomic_load(&counter->fill);
    size_t behind = fill != 0 ? BEHIND : 0;
    if (posix_memalign(&memory, alignment, size + behind) != 0)
        return NULL;
    if (fill != 0)
        memset(memory, fill, size + behind);
    atomic_fetch_add(&counter->blocks, 1);
    atomic_fetch_add(&counter->bytes, size);
    return memory;
}

static void release(void *self, void *memory, size_t size)
{
    struct counting_allocator *counter = self;
    atomic_fetch_sub(&counter->blocks, 1);
    atomic_fetch_sub(&counter->bytes, size);
    free(memory);
}

void counting_allocator_install(struct counting_allocator *counter)
{
    atomic_init(&counter->blocks, 0);
    atomic_init(&counter->bytes, 0);
    atomic_init(&counter->allocations, 0);
    atomic_init(&counter->fails_at, 0);
    atomic_init(&counter->fails_from, 0);
    atomic_init(&counter->fill, 0);
    const struct sr_allocator allocator = {allocate, release, counter};
    assert_int_equal(sr_set_allocator(&allocator), 0);
}

void counting_allocator_remove(void)
{
    assert_int_equal(sr_set_allocator(NULL), 0);
}
