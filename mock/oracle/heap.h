/*
 * The allocator that a campaign puts under the library (sr_set_allocator): knows each block, keeps what was released for
 * a while, filled with a pattern, and says who is still owed memory. Judges nothing itself, but tells whoever watches of
 * each release. Its pages come from the system, so that it never stands on the allocator that it replaces.
 */
#ifndef SRI_ORACLE_HEAP_H
#define SRI_ORACLE_HEAP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "safer_ring/allocator.h"

/* What a block was asked for; set by whoever knows. */
enum sri_purpose {
    SRI_PURPOSE_OTHER,  /* the library's own, kept as long as it likes */
    SRI_PURPOSE_BUFFER, /* the bytes of a buffer */
    SRI_PURPOSE_RING,   /* asked for while a ring was opened */
    SRI_PURPOSE_KERNEL, /* asked for inside the kernel under test */
};

#define SRI_HEAP_CLASSES 18
#define SRI_HEAP_QUARANTINE 256
#define SRI_FREED_BYTE 0xDD
#define SRI_STICKS 200u /* a sticky failure lets go after so many: what fails for ever ends no program */

struct sri_block {
    struct sri_node node; /* in live, or in the list of its size class */
    size_t total;         /* with this header */
    size_t size;          /* as asked for */
    uint64_t serial;
    uint8_t *bytes; /* what was given out */
    enum sri_purpose purpose;
    uint32_t class_index;
    bool live;
};

struct sri_heap;
typedef void sri_release_fn(void *user, const struct sri_block *block);

struct sri_heap {
    struct sri_heap *kept_next; /* heaps whose rig is gone */
    pthread_mutex_t lock;
    struct sri_node live;
    struct sri_node spare[SRI_HEAP_CLASSES];
    struct sri_block *quarantine[SRI_HEAP_QUARANTINE];
    uint32_t quarantine_at;
    uint8_t *chunk;
    size_t chunk_left;
    uint64_t serial; /* of the newest block */
    uint64_t live_bytes;
    uint64_t stained;      /* released blocks whose bytes were written afterwards */
    uint64_t mapped_bytes; /* ever taken from the system and kept */
    uint32_t kernel_depth; /* inside a call of the kernel under test */
    uint64_t asked;        /* requests of the library's, the harness's and the kernel's not counted */
    uint64_t fail_in;      /* the n-th of them from now fails; 0: none */
    bool fail_on;          /* … and those after it, up to SRI_STICKS */
    uint32_t failed;
    enum sri_purpose purpose;   /* of what is asked for now */
    sri_release_fn *on_release; /* before a block is let go; one that is not live is released twice */
    void *on_release_user;
};

void sri_heap_init(struct sri_heap *heap);

/* As an allocator for sr_set_allocator(). */
struct sr_allocator sri_heap_allocator(struct sri_heap *heap);

/* The newest live block that holds this address and has a serial above `after`; NULL. */
struct sri_block *sri_heap_find(struct sri_heap *heap, const void *address, uint64_t after);

/* The block in quarantine that this range touches; NULL. */
const struct sri_block *sri_heap_freed(struct sri_heap *heap, const void *address, size_t length);

/* Live blocks of a purpose with a serial above `after`, and their bytes. */
uint64_t sri_heap_owed(struct sri_heap *heap, enum sri_purpose purpose, uint64_t after, uint64_t *bytes);

/* Released blocks that somebody wrote into since the last call; those with a serial above `after` are looked at now. */
uint64_t sri_heap_take_stains(struct sri_heap *heap, uint64_t after);

#endif
