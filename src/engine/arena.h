/*
 * Memory for what an SQE points to: blocks of a few sizes, kept and used again. A request in flight owns its blocks.
 */
#ifndef SRI_ENGINE_ARENA_H
#define SRI_ENGINE_ARENA_H

#include <stddef.h>

/* 64 bytes, 128, … 128 KiB with their header; what is larger is given back at once. */
#define SRI_ARENA_CLASSES 12

struct sri_arena_block;

struct sri_arena {
    struct sri_arena_block *free[SRI_ARENA_CLASSES];
};

void sri_arena_init(struct sri_arena *arena);
void sri_arena_clean_up(struct sri_arena *arena);

/* Not cleared, aligned to 16; NULL when there is no memory. */
void *sri_arena_acquire(struct sri_arena *arena, size_t size);

/* NULL is fine. */
void sri_arena_release(struct sri_arena *arena, void *memory);

#endif
