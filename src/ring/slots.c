/*
 * The table of operations: max_in_flight slots made at open, a free list, generations (OP-1). Never allocates.
 */
#include "ring/ring_private.h"

void sri_slot_free(struct sr_ring *ring, struct sri_slot *slot)
{
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_FREE) == 0);
    slot->generation++;
    if (slot->generation == 0) {
        SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_RETIRE) == 0);
        return;
    }
    slot->free_next = ring->free_slot;
    ring->free_slot = sri_slot_index(ring, slot);
}
