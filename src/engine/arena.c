/*
 * Size-class arenas: a released block goes to the free list of its class and is never split or joined.
 */
#include "engine/arena.h"

#include <stdint.h>

#include "base/alloc.h"

#define SMALLEST 64u

struct sri_arena_block {
    struct sri_arena_block *next;
    uint64_t class;
};

static unsigned class_of(size_t total)
{
    if (total <= SMALLEST)
        return 0;
    return (unsigned)(64 - __builtin_clzll((unsigned long long)(total - 1))) - 6;
}

void sri_arena_init(struct sri_arena *arena)
{
    for (unsigned class = 0; class < SRI_ARENA_CLASSES; class ++)
        arena->free[class] = NULL;
}

void sri_arena_clean_up(struct sri_arena *arena)
{
    for (unsigned class = 0; class < SRI_ARENA_CLASSES; class ++) {
        while (arena->free[class] != NULL) {
            struct sri_arena_block *block = arena->free[class];
            arena->free[class] = block->next;
            sri_free(block);
        }
    }
}

void *sri_arena_acquire(struct sri_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size_t total = size + sizeof(struct sri_arena_block);
    unsigned class = class_of(total);
    struct sri_arena_block *block;
    if (class < SRI_ARENA_CLASSES && arena->free[class] != NULL) {
        block = arena->free[class];
        arena->free[class] = block->next;
        return block + 1;
    }
    block = sri_alloc(class < SRI_ARENA_CLASSES ? (size_t)SMALLEST << class : total);
    if (block == NULL)
        return NULL;
    block->class = class;
    return block + 1;
}

void sri_arena_release(struct sri_arena *arena, void *memory)
{
    if (memory == NULL)
        return;
    struct sri_arena_block *block = (struct sri_arena_block *)memory - 1;
    if (block->class >= SRI_ARENA_CLASSES) {
        sri_free(block);
        return;
    }
    block->next = arena->free[block->class];
    arena->free[block->class] = block;
}
