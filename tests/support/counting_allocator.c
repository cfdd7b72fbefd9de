/*
 * Counting and failing allocations.
 */
#include "counting_allocator.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/marks.h"
#include "main.h"
#include "safer_ring/allocator.h"

/* What nobody has written yet, and what lies behind a block: no number and no address that anybody could mean. */
#define UNWRITTEN 0xa5
#define BEHIND ((size_t)128)

static size_t whole(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

/* The tools that watch memory see the block as what it is: not written, and no longer than was asked for. */
static void *dress(char *memory, size_t size, int fill)
{
    memset(memory, fill, whole(size) + BEHIND);
    sri_marks_open(memory, size, 0);
    sri_marks_close(memory + whole(size), BEHIND);
    return memory;
}

static void undress(char *memory, size_t size)
{
    const unsigned char *behind = (unsigned char *)memory + whole(size);
    sri_marks_open(memory + whole(size), BEHIND, BEHIND);
    for (size_t i = 0; i < BEHIND; i++) {
        if (behind[i] != behind[BEHIND - 1]) {
            fprintf(stderr, "%zu bytes were asked for, and byte %zu was written\n", size, whole(size) + i);
            abort();
        }
    }
}

static void *allocate(void *self, size_t size, size_t alignment)
{
    struct counting_allocator *counter = self;
    size_t nth = atomic_fetch_add(&counter->allocations, 1) + 1;
    size_t from = atomic_load(&counter->fails_from);
    if (nth == atomic_load(&counter->fails_at) || (from != 0 && nth >= from))
        return NULL;
    void *memory = NULL;
    if (size > SIZE_MAX / 2 || posix_memalign(&memory, alignment, whole(size) + BEHIND) != 0)
        return NULL;
    atomic_fetch_add(&counter->blocks, 1);
    atomic_fetch_add(&counter->bytes, size);
    return dress(memory, size, atomic_load(&counter->fill));
}

static void release(void *self, void *memory, size_t size)
{
    struct counting_allocator *counter = self;
    atomic_fetch_sub(&counter->blocks, 1);
    atomic_fetch_sub(&counter->bytes, size);
    undress(memory, size);
    free(memory);
}

void counting_allocator_install(struct counting_allocator *counter)
{
    atomic_init(&counter->blocks, 0);
    atomic_init(&counter->bytes, 0);
    atomic_init(&counter->allocations, 0);
    atomic_init(&counter->fails_at, 0);
    atomic_init(&counter->fails_from, 0);
    atomic_init(&counter->fill, UNWRITTEN);
    const struct sr_allocator allocator = {allocate, release, counter};
    assert_int_equal(sr_set_allocator(&allocator), 0);
}

void counting_allocator_remove(void)
{
    assert_int_equal(sr_set_allocator(NULL), 0);
}
