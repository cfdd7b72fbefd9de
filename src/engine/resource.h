/*
 * What a ring has registered: files and buffers, in tables.
 *
 * A slot of a table refers to a resource, and so does each request that uses it: what is taken out of a table in flight
 * lives on until its last request has ended. Only then is its tag told, by a CQE of its own.
 */
#ifndef SRI_ENGINE_RESOURCE_H
#define SRI_ENGINE_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct sri_engine;
struct sri_file;
struct sri_request;
struct sri_ring;

struct sri_resource {
    union {
        struct sri_file *file; /* a file's */
        void *base;            /* a buffer's */
        struct sri_resource *next_free;
    };
    struct sri_resource *next_late;
    size_t length; /* a buffer's */
    struct sri_ring *ring;
    uint64_t tag; /* 0: nobody is told */
    uint32_t references;
    uint32_t late;   /* of them, those that go when the batch has been submitted */
    uint32_t number; /* never 0: what a request remembers */
    bool is_file;
};

/* An empty slot is NULL. A table of no slots is none. */
struct sri_resources {
    struct sri_resource **slots;
    uint32_t count;
};

struct sri_files {
    struct sri_resources table;
    uint64_t *taken; /* bit per slot, for those that want any */
    uint32_t begin;  /* where they may be put */
    uint32_t end;
    uint32_t hint; /* where to look first: behind the last one taken, or at the last one left */
};

#define SRI_RESOURCES_PER_CHUNK 64

struct sri_resource_pool {
    struct sri_resource **chunks;
    uint32_t chunk_count;
    struct sri_resource *free;
};

void sri_resource_pool_clean_up(struct sri_resource_pool *pool);

/* One of a ring's, held once by its caller; NULL: no memory. */
struct sri_resource *sri_resource_new(struct sri_ring *ring, uint64_t tag, bool is_file);
struct sri_resource *sri_resource_by(const struct sri_engine *engine, uint32_t number);
void sri_resource_put(struct sri_resource *resource);

/* 0 or -ENOMEM. */
int sri_resources_init(struct sri_resources *table, uint32_t count);
/* Every slot, the last first, and the table. */
void sri_resources_clean_up(struct sri_resources *table);
/* Nobody will be told of what is in it. */
void sri_resources_silence(const struct sri_resources *table);
/* Empties a slot; false when it was empty. */
bool sri_resources_clear(const struct sri_resources *table, uint32_t index);

static inline struct sri_resource *sri_resources_at(const struct sri_resources *table, uint32_t index)
{
    return index < table->count ? table->slots[index] : NULL;
}

/*
 * What a request uses goes back when it has ended, behind its CQE. While SQEs are consumed a tag waits for the whole
 * batch: the true kernel lets go of its requests when it has posted the CQEs of all that ended at once (measured).
 */
void sri_resource_put_behind(struct sri_resource *resource);
void sri_request_put_file(struct sri_request *request);
void sri_request_put_buffer(struct sri_request *request);
void sri_resources_settle(struct sri_ring *ring);

#endif
