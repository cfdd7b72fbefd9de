/*
 * The table of operations: max_in_flight slots made at open, a free list, generations (OP-1). Never allocates.
 */
#include "ring/ring_private.h"

/* Its generations are used up: it is never taken again. */
void sri_slot_retire(struct sri_slot *slot)
{
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_RETIRE) == 0);
}

void sri_slot_refresh(struct sr_ring *ring, struct sri_slot *slot)
{
    if (slot->state == SRI_OPERATION_QUEUED && sri_is_consumed(ring, slot)) {
        SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_CONSUME) == 0);
        if (ring->now_ms == SRI_NOT_READ)
            sri_read_clock(ring); /* it was waited for alone, and the wait ended without it */
        slot->submitted_ms = ring->now_ms;
        ring->marked++;
    }
    if (slot->state == SRI_OPERATION_DELIVERED && slot->buffer != NULL &&
        slot->buffer->owner == SRI_OWNER_KERNEL)
        sri_buffer_move(slot->buffer, SRI_OWNER_COMPLETE);
}
