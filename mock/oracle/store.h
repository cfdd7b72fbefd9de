/*
 * Pools and the registry as the program knows them: what is out, what is registered, which handles are stale. A part of the
 * model (oracle/model.h); kept without looking into the library.
 */
#ifndef SRI_ORACLE_STORE_H
#define SRI_ORACLE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oracle/heap.h"
#include "safer_ring/config.h"
#include "safer_ring/pool.h"
#include "safer_ring/registry.h"

#define SRI_BASINS 3
#define SRI_OWN_BASIN 2 /* the place of a ring's own pool */
#define SRI_FILED 8
#define SRI_SLOTTED 6

/* A pool. */
struct sri_basin {
    bool live;
    bool own;    /* the ring's: asked for through the ring, while it is open */
    bool closed; /* that ring is gone, and buffers of it are not */
    struct sr_pool *handle;
    uint32_t capacity;
    size_t size;
    bool clears;
    bool one_thread;
    bool registered;
    uint64_t gets; /* handed out, and refused */
    uint64_t failures;
};

/* A fixed file. */
struct sri_filed {
    bool live;
    bool retired; /* its handle is stale, and it goes with its last user */
    struct sr_fixed_file handle;
    int fd; /* what was registered */
};

/* A buffer slot, and the buffer that stands in it. */
struct sri_slotted {
    bool live;
    bool out;
    bool retired;
    struct sr_buffer_slot handle;
    struct sr_buffer *copy;
    uint8_t *bytes;
    size_t size;
    const struct sri_block *block;
    uint64_t serial;
    uint64_t order; /* of registering */
};

struct sri_store {
    struct sri_basin basins[SRI_BASINS];
    struct sr_registry *registry;
    struct sri_filed files[SRI_FILED];
    struct sri_slotted slots[SRI_SLOTTED];
    struct sr_fixed_file stale_file; /* the last that went stale; all zero: none */
    struct sr_buffer_slot stale_slot;
    uint64_t orders;
};

struct sri_model;
struct sri_held;
struct sri_act;

/* ---- model_pool.c ---- */

/* A pool in one of the places, if it is free. */
void sri_store_new_pool(struct sri_model *model, uint32_t place, uint32_t capacity, size_t size,
                        uint32_t flags);
/* A buffer of the pool in this place, opened and filled with what the next user must not see; NULL: none came. */
struct sri_held *sri_store_get(struct sri_model *model, uint32_t place);
/* Puts a pooled buffer back, to its pool or, wrongly, to another; and a second time. */
void sri_store_put(struct sri_model *model, struct sri_held *held, bool wrongly);
/* The program's buffer is released by another thread. */
void sri_store_release_elsewhere(struct sri_model *model, struct sri_held *held);
/* A pooled buffer that is not the program's is put back by a copied pointer. */
void sri_store_misuse(struct sri_model *model, struct sri_held *held);
void sri_store_free_pool(struct sri_model *model, uint32_t place);
void sri_store_register_pool(struct sri_model *model, uint32_t place, bool on);
/* Gets and returns from two threads while statistics are taken. */
void sri_store_threads(struct sri_model *model, uint32_t place);
/* A ring is to be opened, was opened, or was closed: its own pool. */
void sri_store_ring_opens(struct sri_model *model, const struct sr_config *config);
void sri_store_ring_opened(struct sri_model *model);
void sri_store_ring_closed(struct sri_model *model);
/* Is memory of a closed ring's pool still owed by the program? */
bool sri_store_keeps_memory(const struct sri_model *model);
void sri_store_judge_pools(struct sri_model *model);

/* ---- model_registry.c ---- */

void sri_store_new_registry(struct sri_model *model);
/* Registers descriptors; `bad` of them is not one, if it is below count. */
void sri_store_register_files(struct sri_model *model, const int fds[], uint32_t count, uint32_t bad);
void sri_store_update_file(struct sri_model *model, struct sri_filed *file, int fd);
void sri_store_remove_file(struct sri_model *model, struct sri_filed *file, bool retire);
void sri_store_unregister_files(struct sri_model *model);
void sri_store_register_slots(struct sri_model *model, struct sri_held *helds[], uint32_t count, bool twice);
struct sri_held *sri_store_take_slot(struct sri_model *model, struct sri_slotted *slot);
void sri_store_remove_slot(struct sri_model *model, struct sri_slotted *slot, bool retire);
void sri_store_update_slot(struct sri_model *model, struct sri_slotted *slot, struct sri_held *held);
void sri_store_unregister_slots(struct sri_model *model);
/* Handles that are stale, or never were. */
void sri_store_misuse_handles(struct sri_model *model, struct sri_held *held, uint32_t which);
/* With nothing in flight a ring with a registry is not closed (RING-5). */
void sri_store_probe_close(struct sri_model *model);
/* Ends the registry; it stays if something is in use. */
void sri_store_free_registry(struct sri_model *model);
void sri_store_judge_registry(struct sri_model *model);

/* The file behind a target, or NULL. */
struct sri_filed *sri_store_file_of(struct sri_model *model, uint32_t index, uint32_t generation);
/* The n-th that is registered and not retired, counted around; NULL: none. */
struct sri_filed *sri_store_pick_file(struct sri_model *model, uint32_t n);
struct sri_slotted *sri_store_pick_slot(struct sri_model *model, uint32_t n);
/* What the kernel is given for an operation on registered things, as it consumes it (REG-5). */
struct io_uring_sqe;
void sri_store_judge_entry(struct sri_model *model, const struct sri_act *act,
                           const struct io_uring_sqe *sqe);
/* A pooled or slot buffer came home; before the model forgets it. */
void sri_store_came_home(struct sri_model *model, struct sri_held *held);

/* ---- the end of a run ---- */

/* With nothing in flight and the ring still open; after the ring is closed and all buffers are released. */
void sri_store_end_ring(struct sri_model *model);
void sri_store_end(struct sri_model *model);

#endif
