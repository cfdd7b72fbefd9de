/*
 * Allocations that fail on purpose: the nth of the library's, once or from there on. What the kernel under test and the
 * harness ask for is spared.
 */
#ifndef SRI_FATE_SCARCE_H
#define SRI_FATE_SCARCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "safer_ring/allocator.h"
#include "safer_ring/backend.h"

struct sri_scarce {
    struct sr_allocator below; /* the one that was there before */
    atomic_ullong asked;       /* requests so far, spared ones not counted */
    atomic_uint failed;
    uint64_t nth; /* from 1; 0: none fails */
    bool sticky;  /* at most SRI_NTH_STICKS times */
};

/* Puts itself over the allocator of this process; the structure must stay. */
void sri_scarce_install(struct sri_scarce *memory);
void sri_scarce_remove(struct sri_scarce *memory);

/* A new run: the nth request from now on fails. */
void sri_scarce_begin(struct sri_scarce *memory, uint64_t nth, bool sticky);

/* Until the end of the block this stands in, requests of this thread are spared. */
#define SRI_SPARE int sri_spared_ __attribute__((cleanup(sri_spare_end), unused)) = (sri_spare_begin(), 0)
void sri_spare_begin(void);
void sri_spare_end(int *unused);

/* A backend around a kernel whose requests are spared. */
struct sri_spare_kernel {
    struct sr_backend kernel;
    struct sr_backend_vtable vtable;
};
struct sr_backend sri_spare_kernel(struct sri_spare_kernel *spare, struct sr_backend kernel);

#endif
