/*
 * The only room that allocates; the C library's allocator unless the program put another in its place.
 *
 * A header before each block keeps the allocator that gave it, so that replacing the allocator is safe at any time.
 */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "safer_ring/allocator.h"

#define BLOCK_ALIGNMENT 16

struct block {
    struct sr_allocator from;
    size_t size;   /* of the program's part */
    size_t offset; /* from the start of what the allocator gave to the program's part */
};

static void *system_allocate(void *self, size_t size, size_t alignment)
{
    (void)self;
    void *memory = NULL;
    return posix_memalign(&memory, alignment, size) == 0 ? memory : NULL;
}

static void system_release(void *self, void *memory, size_t size)
{
    (void)self;
    (void)size;
    free(memory);
}

static const struct sr_allocator system_allocator = {system_allocate, system_release, NULL};
static struct sr_allocator current = {system_allocate, system_release, NULL};

int sr_set_allocator(const struct sr_allocator *allocator)
{
    if (allocator == NULL) {
        current = system_allocator;
        return 0;
    }
    if (allocator->allocate == NULL || allocator->release == NULL)
        return -EINVAL;
    current = *allocator;
    return 0;
}

struct sr_allocator sri_allocator(void)
{
    return current;
}

static struct block *block_of(void *memory)
{
    return (struct block *)((char *)memory - sizeof(struct block));
}

void *sri_alloc_aligned(size_t size, size_t alignment)
{
    if (alignment < BLOCK_ALIGNMENT)
        alignment = BLOCK_ALIGNMENT;
    if (size == 0)
        size = 1;
    size_t offset = (sizeof(struct block) + alignment - 1) & ~(alignment - 1);
    size_t total;
    if (!sri_add_size(size, offset, &total))
        return NULL;
    char *base = current.allocate(current.self, total, alignment);
    if (base == NULL)
        return NULL;
    struct block *block = block_of(base + offset);
    block->from = current;
    block->size = size;
    block->offset = offset;
    return base + offset;
}

void *sri_alloc(size_t size)
{
    return sri_alloc_aligned(size, BLOCK_ALIGNMENT);
}

void *sri_alloc_zero(size_t count, size_t size)
{
    size_t total;
    if (!sri_mul_size(count, size, &total))
        return NULL;
    void *memory = sri_alloc(total);
    if (memory != NULL)
        memset(memory, 0, total);
    return memory;
}

void *sri_realloc(void *memory, size_t size)
{
    if (memory == NULL)
        return sri_alloc(size);
    size_t old = block_of(memory)->size;
    void *moved = sri_alloc(size);
    if (moved == NULL)
        return NULL;
    memcpy(moved, memory, old < size ? old : size);
    sri_free(memory);
    return moved;
}

void sri_free(void *memory)
{
    if (memory == NULL)
        return;
    struct block *block = block_of(memory);
    struct sr_allocator from = block->from;
    size_t total = block->size + block->offset;
    from.release(from.self, (char *)memory - block->offset, total);
}
