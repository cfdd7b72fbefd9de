/*
 * A ring's two tables in its kernel, of fixed files and of registered buffers: what stands in which place, and the calls that
 * put it there. Registries and registered pools share them (REG-1). Only the ring's thread works with them, but for the way
 * home of a slot's buffer (registry_slots.c), which may be in any thread: the lock is of the places of buffers.
 */
#ifndef SRI_RING_TABLES_H
#define SRI_RING_TABLES_H

#include <stdatomic.h>

#include "base/list.h"
#include "base/lock.h"
#include "machine/registry.h"
#include "ring/ring_private.h"

/* With which ring a buffer's memory is registered; stands in its registry or pool. */
struct sri_registration {
    const struct sr_ring *ring; /* atomic; NULL: with none any more */
};

/* The buffer goes as a fixed one on this ring (REG-5). */
static inline bool sri_is_registered_with(const struct sr_buffer *buffer, const struct sr_ring *ring)
{
    return buffer->registration != NULL &&
           __atomic_load_n(&buffer->registration->ring, __ATOMIC_RELAXED) == ring;
}

struct sri_place_entry {
    struct sri_node node;               /* in its registry's list, in the order of registering */
    const struct sr_registry *registry; /* or NULL: nobody's, or a pool's */
    struct sr_buffer *buffer;           /* of a slot */
    const struct sri_origin *origin;    /* where that buffer came from */
    uint32_t generation;
    uint32_t users;
    uint8_t state;  /* enum sri_place */
    bool unemptied; /* empty here, and not yet in the kernel */
};

struct sri_table {
    struct sri_place_entry *places;
    uint32_t count; /* 0: the kernel has no such table yet */
    uint32_t make;  /* IORING_REGISTER_FILES2 and the like */
    uint32_t update;
    size_t item_size;
};

/* The last operation of a slot that went to a fixed file, and the file's place. */
struct sri_file_use {
    uint64_t id;
    uint32_t place;
};

struct sri_tables {
    struct sri_table files;
    struct sri_table buffers;
    struct sri_lock lock;
    struct sri_node pools;     /* registered ones, by their pool links */
    struct sri_file_use *uses; /* of each slot of the ring */
    uint32_t first_generation; /* where each place's generations begin: it is dead when they come round */
    bool unemptied;            /* a place is */
};

/* The ring's, made at the first need with their memory; or NULL. */
struct sri_tables *sri_tables_of(struct sr_ring *ring);
void sri_tables_free(struct sr_ring *ring);

/* Finds `count` free places, and keeps one more free for updates if `spare`. 0, -ENOSPC, or why there is no table. */
int sri_places_find(struct sr_ring *ring, struct sri_table *table, uint32_t count, bool spare,
                    uint32_t places[]);

/* Registers items[i] in places[i]: all or none, and the places are filled (REG-1). */
int sri_places_fill(struct sr_ring *ring, struct sri_table *table, const uint32_t places[], const void *items,
                    uint32_t count);

/* A place that has just become empty: its handles are stale, and nobody gets it before the kernel has emptied it too. */
void sri_place_forget(struct sri_tables *tables, struct sri_place_entry *place);

/* Has the kernel empty what was left for later. */
void sri_tables_tidy(struct sr_ring *ring);

/* Has the kernel empty a forgotten place; if it refuses, it is asked again when a place is next looked for. */
void sri_place_empty(struct sr_ring *ring, struct sri_table *table, struct sri_place_entry *place);

/* The place a handle means, in a state in which it can be used, or NULL (REG-2). */
static inline struct sri_place_entry *sri_place_of(const struct sri_table *table, uint32_t index,
                                                   uint32_t generation)
{
    if (index >= table->count || table->places[index].generation != generation)
        return NULL;
    struct sri_place_entry *place = &table->places[index];
    return place->state == SRI_PLACE_IDLE || place->state == SRI_PLACE_USED ? place : NULL;
}

/* registry.c: may the operation go to its target, a fixed file? */
int sri_fixed_check(const struct sr_ring *ring, const struct sr_op_spec *spec);

/*
 * It goes. Who uses a file is asked for seldom, and then found by looking at every slot: so the use ends with the operation,
 * however that ends, and costs nothing there.
 */
static inline void sri_fixed_begin(struct sr_ring *ring, const struct sri_slot *slot)
{
    ring->tables->uses[sri_slot_index(ring, slot)] = (struct sri_file_use){slot->id, (uint32_t)slot->fd};
}

static inline uint32_t sri_place_index(const struct sri_table *table, const struct sri_place_entry *place)
{
    return (uint32_t)(place - table->places);
}

#endif
