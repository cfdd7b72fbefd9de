/*
 * Objects of one size that are used again and again: memory grows to the most that lived at once, and no further.
 * Knows nothing of what the objects are.
 */
#ifndef SRI_WORLD_STOCK_H
#define SRI_WORLD_STOCK_H

#include <stddef.h>

#include "base/list.h"

struct sri_stock_chunk;

struct sri_stock {
    struct sri_node live;
    struct sri_node spare;
    struct sri_stock_chunk *chunks;
    size_t size; /* of one object with its header */
    size_t per_chunk;
};

void sri_stock_init(struct sri_stock *stock, size_t object_size, size_t per_chunk);

/* An object as its last user left it, all zero at first. NULL: no memory. */
void *sri_stock_take(struct sri_stock *stock);
void sri_stock_give(struct sri_stock *stock, void *object);

/* Calls for every object in use; none may be taken or given meanwhile. */
void sri_stock_each(const struct sri_stock *stock, void (*visit)(void *object, void *self), void *self);

/* Takes every object back at once, without touching it. */
void sri_stock_reset(struct sri_stock *stock);

/* Frees all; `destroy`, which may be NULL, is called for every object ever made. */
void sri_stock_fini(struct sri_stock *stock, void (*destroy)(void *object));

#endif
