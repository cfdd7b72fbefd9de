/*
 * The table of operations: max_in_flight slots made at open, a free list, generations (OP-1). Never allocates.
 */
#include "ring/ring_private.h"

struct sri_slot *sri_slot_take(struct sr_ring *ring)
{
    uint32_t index = ring->free_slot;
    if (index == SRI_NO_SLOT)
        return NULL;
    struct sri_slot *slot = &ring->slots[index];
    ring->free_slot = slot->free_next;
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_START) == 0);
    return slot;
}

struct sri_slot *sri_slot_find(const struct sr_ring *ring, uint64_t id)
{
    uint32_t index = sri_id_index(id);
    if (index >= ring->max_in_flight || sri_id_tag(id) != SRI_TAG_OPERATION)
        return NULL;
    struct sri_slot *slot = &ring->slots[index];
    if (slot->generation != sri_id_generation(id))
        return NULL;
    return slot;
}

void sri_slot_free_if_settled(struct sr_ring *ring, struct sri_slot *slot)
{
    if (slot->state != SRI_OPERATION_SETTLED || slot->owed != 0)
        return;
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_FREE) == 0);
    slot->generation++;
    if (slot->generation == 0) {
        SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_RETIRE) == 0);
        return;
    }
    slot->free_next = ring->free_slot;
    ring->free_slot = sri_slot_index(ring, slot);
}

void sri_slot_settle(struct sr_ring *ring, struct sri_slot *slot)
{
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_SETTLE) == 0);
    SRI_REQUIRE(sri_orphan_move(&slot->claim, SRI_CLAIM_END) == 0);
    slot->buffer = NULL;
    ring->in_flight--;
    sri_slot_free_if_settled(ring, slot);
}
