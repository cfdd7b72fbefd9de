/*
 * A backend around a backend: passes every call through, and notes what the program's kernel gave and is owed. Marks what
 * the kernel allocates as the kernel's. Changes no answer, but for a call that it is told to let fail.
 */
#ifndef SRI_ORACLE_TAP_H
#define SRI_ORACLE_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "oracle/heap.h"
#include "safer_ring/backend.h"

/* Places of the tables that are watched. */
#define SRI_TAP_PLACES 512u

struct sri_tap {
    struct sr_backend kernel;
    struct sr_backend_vtable vtable;
    struct sri_heap *heap; /* may be NULL */
    int ring;              /* the newest, -1 none */
    uint32_t rings;        /* open */
    uint32_t mappings;     /* not unmapped */
    uint32_t fixed_files;  /* in the newest ring's tables: places that are not empty */
    uint32_t fixed_buffers;
    uint32_t register_faults; /* registrations that failed for want of memory, or as unknown */
    bool file_at[SRI_TAP_PLACES];
    bool buffer_at[SRI_TAP_PLACES];
    uint64_t enters;
    uint32_t to_submit; /* of the last enter, and what it returned */
    int entered;
    /* Calls that fail without reaching the kernel: the n-th of those that may, and with `fail_on` those after it. */
    uint64_t calls;
    uint64_t fail_at; /* 0: none */
    bool fail_on;
    uint32_t failed;
};

void sri_tap_init(struct sri_tap *tap, struct sr_backend kernel, struct sri_heap *heap);

/* The backend to open rings with; the tap must outlive them. */
struct sr_backend sri_tap_backend(struct sri_tap *tap);

/* A CQE that no operation asked for, in the newest ring: 0 or what the kernel's wake answers. */
int sri_tap_inject(struct sri_tap *tap, uint64_t user_data);

#endif
