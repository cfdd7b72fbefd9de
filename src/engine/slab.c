/*
 * Requests in chunks, taken and given back through a free list. Whoever grows it grows the due set and the table too, so
 * that nothing that happens to a request later needs memory.
 */
#include "engine/request.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"

static int add_chunk(struct sri_slab *slab)
{
    if (slab->chunk_count == slab->chunk_capacity) {
        uint32_t capacity = slab->chunk_capacity == 0 ? 8 : slab->chunk_capacity * 2;
        struct sri_request **chunks = sri_realloc(slab->chunks, capacity * sizeof(struct sri_request *));
        if (chunks == NULL)
            return -ENOMEM;
        slab->chunks = chunks;
        slab->chunk_capacity = capacity;
    }
    struct sri_request *chunk = sri_alloc_aligned(SRI_SLAB_CHUNK * sizeof(struct sri_request), 64);
    if (chunk == NULL)
        return -ENOMEM;
    slab->chunks[slab->chunk_count++] = chunk;
    for (uint32_t i = SRI_SLAB_CHUNK; i-- > 0;)
        sri_slab_give(slab, &chunk[i]);
    return 0;
}

int sri_slab_reserve(struct sri_engine *engine, uint32_t count)
{
    struct sri_slab *slab = &engine->slab;
    while (slab->free_count < count) {
        uint32_t total = (slab->chunk_count + 1) * SRI_SLAB_CHUNK;
        if (sri_due_reserve(&engine->due, total) != 0 || sri_table_reserve(engine, total) != 0 ||
            add_chunk(slab) != 0)
            return -ENOMEM;
    }
    return 0;
}

void sri_slab_clean_up(struct sri_slab *slab)
{
    for (uint32_t c = 0; c < slab->chunk_count; c++)
        sri_free(slab->chunks[c]);
    sri_free(slab->chunks);
    memset(slab, 0, sizeof *slab);
}
