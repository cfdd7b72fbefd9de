/*
 * Links within a batch. See batch_link.c.
 */
#ifndef SRI_RING_BATCH_LINK_H
#define SRI_RING_BATCH_LINK_H

#include "ring/batch.h"

/* The one that may be linked behind this one, or SRI_NO_NODE. */
uint32_t sri_batch_next_linked(const struct sr_batch *batch, uint32_t index);

/* Of the chain that begins here, this one included; at most `most`. */
uint32_t sri_batch_chain_length(const struct sr_batch *batch, uint32_t index, uint32_t most);

/* batch_run.c: a queued member leaves the SQ, and its buffer is the batch's. Where it stands is not changed. */
void sri_batch_take_back(struct sr_ring *ring, struct sri_slot *slot);

#endif
