/*
 * Registered resources: counting who uses them, and telling their tags. What a file or a buffer is good for is not known
 * here.
 */
#include "engine/resource.h"

#include <errno.h>

#include "base/alloc.h"
#include "engine/steps.h"

static bool add_chunk(struct sri_resource_pool *pool)
{
    uint32_t count = pool->chunk_count;
    struct sri_resource **chunks = sri_realloc(pool->chunks, (count + 1) * sizeof(struct sri_resource *));
    if (chunks == NULL)
        return false;
    pool->chunks = chunks;
    struct sri_resource *chunk = sri_alloc_zero(SRI_RESOURCES_PER_CHUNK, sizeof *chunk);
    if (chunk == NULL)
        return false;
    chunks[count] = chunk;
    pool->chunk_count = count + 1;
    for (uint32_t i = SRI_RESOURCES_PER_CHUNK; i-- > 0;) {
        chunk[i].number = count * SRI_RESOURCES_PER_CHUNK + i + 1;
        chunk[i].next_free = pool->free;
        pool->free = &chunk[i];
    }
    return true;
}

void sri_resource_pool_clean_up(struct sri_resource_pool *pool)
{
    for (uint32_t c = 0; c < pool->chunk_count; c++)
        sri_free(pool->chunks[c]);
    sri_free(pool->chunks);
    *pool = (struct sri_resource_pool){NULL, 0, NULL};
}

struct sri_resource *sri_resource_new(struct sri_ring *ring, uint64_t tag, bool is_file)
{
    struct sri_resource_pool *pool = &ring->engine->resources;
    if (pool->free == NULL && !add_chunk(pool))
        return NULL;
    struct sri_resource *resource = pool->free;
    pool->free = resource->next_free;
    resource->ring = ring;
    resource->tag = tag;
    resource->is_file = is_file;
    resource->references = 1;
    return resource;
}

struct sri_resource *sri_resource_by(const struct sri_engine *engine, uint32_t number)
{
    uint32_t index = number - 1;
    return &engine->resources.chunks[index / SRI_RESOURCES_PER_CHUNK][index % SRI_RESOURCES_PER_CHUNK];
}

static void tell_tag(const struct sri_resource *resource)
{
    struct sri_ring *ring = resource->ring;
    if (resource->tag == 0 || ring->closed)
        return;
    sri_post_early(ring, resource->tag, 0, 0);
    if (!sri_is_watched(ring->engine))
        return;
    struct sri_event event = {.kind = SRI_EVENT_WAKE,
                              .ring = ring->fd,
                              .user_data = resource->tag,
                              .last = 1};
    sri_emit(ring->engine, &event);
}

void sri_resource_put(struct sri_resource *resource)
{
    struct sri_engine *engine = resource->ring->engine;
    SRI_REQUIRE(resource->references > 0);
    if (--resource->references > 0)
        return;
    tell_tag(resource);
    if (resource->is_file)
        engine->world.vtable->file_put(engine->world.self, resource->file);
    resource->next_free = engine->resources.free;
    engine->resources.free = resource;
}

int sri_resources_init(struct sri_resources *table, uint32_t count)
{
    table->slots = sri_alloc_zero(count, sizeof(struct sri_resource *));
    if (table->slots == NULL)
        return -ENOMEM;
    table->count = count;
    return 0;
}

/* From the end, as the true kernel tells the tags of a table that goes (measured). */
void sri_resources_clean_up(struct sri_resources *table)
{
    struct sri_resources gone = *table;
    *table = (struct sri_resources){NULL, 0};
    for (uint32_t i = gone.count; i-- > 0;)
        sri_resources_clear(&gone, i);
    sri_free(gone.slots);
}

void sri_resources_silence(const struct sri_resources *table)
{
    for (uint32_t i = 0; i < table->count; i++) {
        if (table->slots[i] != NULL)
            table->slots[i]->tag = 0;
    }
}

bool sri_resources_clear(const struct sri_resources *table, uint32_t index)
{
    struct sri_resource *resource = table->slots[index];
    if (resource == NULL)
        return false;
    table->slots[index] = NULL;
    sri_resource_put(resource);
    return true;
}

void sri_resource_put_behind(struct sri_resource *resource)
{
    struct sri_ring *ring = resource->ring;
    if (!ring->in_batch || resource->tag == 0) {
        sri_resource_put(resource);
        return;
    }
    if (resource->late++ > 0)
        return;
    resource->next_late = NULL;
    if (ring->late_first == NULL)
        ring->late_end = &ring->late_first;
    *ring->late_end = resource;
    ring->late_end = &resource->next_late;
}

void sri_request_put_file(struct sri_request *request)
{
    sri_resource_put_behind(sri_resource_by(request->ring->engine, request->file_node));
}

void sri_request_put_buffer(struct sri_request *request)
{
    sri_resource_put_behind(sri_resource_by(request->ring->engine, request->buffer_node));
}

void sri_resources_settle(struct sri_ring *ring)
{
    for (struct sri_resource *next, *resource = ring->late_first; resource != NULL; resource = next) {
        next = resource->next_late;
        resource->references -= resource->late - 1;
        resource->late = 0;
        sri_resource_put(resource);
    }
    ring->late_first = NULL;
}
