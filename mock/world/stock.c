/*
 * Stocks: chunks of objects, each object in one of two lists. Never gives a chunk back before the end.
 */
#include "world/stock.h"

#include "base/alloc.h"

/* Before each object; a multiple of 16 bytes, as the object is aligned to 16. */
struct header {
    struct sri_node node;
};

struct sri_stock_chunk {
    struct sri_stock_chunk *next;
    void *padding;
};

static void *object_of(struct sri_node *node)
{
    return SRI_CONTAINER_OF(node, struct header, node) + 1;
}

static struct header *header_at(struct sri_stock *stock, struct sri_stock_chunk *chunk, size_t index)
{
    return (struct header *)(void *)((char *)(chunk + 1) + index * stock->size);
}

void sri_stock_init(struct sri_stock *stock, size_t object_size, size_t per_chunk)
{
    sri_list_init(&stock->live);
    sri_list_init(&stock->spare);
    stock->chunks = NULL;
    stock->size = sizeof(struct header) + ((object_size + 15) & ~(size_t)15);
    stock->per_chunk = per_chunk;
}

static void grow(struct sri_stock *stock)
{
    struct sri_stock_chunk *chunk = sri_alloc_zero(1, sizeof *chunk + stock->per_chunk * stock->size);
    if (chunk == NULL)
        return;
    chunk->next = stock->chunks;
    stock->chunks = chunk;
    for (size_t i = 0; i < stock->per_chunk; i++)
        sri_list_append(&stock->spare, &header_at(stock, chunk, i)->node);
}

/* The spare list is used from its end: what was used last is in the processor's cache. */
void *sri_stock_take(struct sri_stock *stock)
{
    if (sri_list_empty(&stock->spare))
        grow(stock);
    if (sri_list_empty(&stock->spare))
        return NULL;
    struct sri_node *node = stock->spare.previous;
    sri_list_remove(node);
    sri_list_append(&stock->live, node);
    return object_of(node);
}

void sri_stock_give(struct sri_stock *stock, void *object)
{
    struct sri_node *node = &((struct header *)object - 1)->node;
    sri_list_remove(node);
    sri_list_append(&stock->spare, node);
}

void sri_stock_each(const struct sri_stock *stock, void (*visit)(void *object, void *self), void *self)
{
    for (struct sri_node *node = stock->live.next; node != &stock->live; node = node->next)
        visit(object_of(node), self);
}

void sri_stock_reset(struct sri_stock *stock)
{
    if (sri_list_empty(&stock->live))
        return;
    struct sri_node *first = stock->live.next;
    struct sri_node *last = stock->live.previous;
    first->previous = stock->spare.previous;
    stock->spare.previous->next = first;
    last->next = &stock->spare;
    stock->spare.previous = last;
    sri_list_init(&stock->live);
}

void sri_stock_fini(struct sri_stock *stock, void (*destroy)(void *object))
{
    while (stock->chunks != NULL) {
        struct sri_stock_chunk *chunk = stock->chunks;
        stock->chunks = chunk->next;
        for (size_t i = 0; destroy != NULL && i < stock->per_chunk; i++)
            destroy(header_at(stock, chunk, i) + 1);
        sri_free(chunk);
    }
    sri_stock_init(stock, stock->size - sizeof(struct header), stock->per_chunk);
}
