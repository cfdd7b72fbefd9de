/*
 * Pending requests by user_data, over all rings. Only what waits is in it: most requests end without ever being looked up.
 */
#include "engine/request.h"

#include <errno.h>

#include "base/alloc.h"

/* On average. Whoever leaves a bucket is not looked for there, so it may be full. */
#define MOST_PER_BUCKET 4

static uint32_t bucket_of(const struct sri_table *table, uint64_t user_data)
{
    return (uint32_t)(user_data * UINT64_C(0x9e3779b97f4a7c15) >> 32) & table->mask;
}

static void insert(struct sri_table *table, struct sri_request *request)
{
    struct sri_request **slot = &table->buckets[bucket_of(table, request->user_data)];
    request->hash_next = *slot;
    request->hash_slot = slot;
    if (*slot != NULL)
        (*slot)->hash_slot = &request->hash_next;
    *slot = request;
}

/* Moves a bucket from its end to its beginning, so that the order within a bucket stays. */
static void rehash(struct sri_table *to, struct sri_request *first)
{
    struct sri_request *reversed = NULL;
    while (first != NULL) {
        struct sri_request *next = first->hash_next;
        first->hash_next = reversed;
        reversed = first;
        first = next;
    }
    while (reversed != NULL) {
        struct sri_request *next = reversed->hash_next;
        insert(to, reversed);
        reversed = next;
    }
}

int sri_table_reserve(struct sri_engine *engine, uint32_t count)
{
    struct sri_table *table = &engine->table;
    if (table->buckets != NULL && count / MOST_PER_BUCKET <= table->mask)
        return 0;
    uint32_t size = table->buckets == NULL ? 256 : (table->mask + 1) * 2;
    while (size < count / MOST_PER_BUCKET)
        size *= 2;
    struct sri_table grown = {sri_alloc_zero(size, sizeof(struct sri_request *)), size - 1};
    if (grown.buckets == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; table->buckets != NULL && i <= table->mask; i++)
        rehash(&grown, table->buckets[i]);
    sri_free(table->buckets);
    *table = grown;
    return 0;
}

void sri_table_clean_up(struct sri_table *table)
{
    sri_free(table->buckets);
    table->buckets = NULL;
    table->mask = 0;
}

void sri_table_list(struct sri_request *request)
{
    if (request->marks & SRI_MARK_LISTED)
        return;
    request->marks |= SRI_MARK_LISTED;
    insert(&request->ring->engine->table, request);
    sri_list_append(&request->ring->pending, &request->ring_node);
}

void sri_table_take_out(struct sri_request *request)
{
    request->marks &= (uint16_t)~SRI_MARK_LISTED;
    *request->hash_slot = request->hash_next;
    if (request->hash_next != NULL)
        request->hash_next->hash_slot = request->hash_slot;
    sri_list_remove(&request->ring_node);
}

struct sri_request *sri_table_first(const struct sri_engine *engine, uint64_t user_data)
{
    return engine->table.buckets[bucket_of(&engine->table, user_data)];
}
