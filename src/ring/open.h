/*
 * The kernel's side of a ring: chosen, set up, mapped; and let go again.
 */
#ifndef SRI_RING_OPEN_H
#define SRI_RING_OPEN_H

#include "safer_ring/config.h"

struct sr_ring;

/* Fills ring->kernel, ring->uring and the mappings. On failure nothing is held. */
int sri_kernel_open(struct sr_ring *ring, const struct sr_config *config);

/* Unmaps, closes, and releases the kernel if the ring made it. Does nothing where nothing is open. */
void sri_kernel_close(struct sr_ring *ring);

#endif
