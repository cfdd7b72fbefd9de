/*
 * Draining: everything in flight comes to its end, and what nobody has taken is disposed of (RING-4). Frees nothing that
 * the kernel can still reach.
 */
#include "ring/ring_private.h"

/* Disposes of what has ended and was not taken, delivered completions and results too: whoever held them finds them stale. */
static void dispose_ended(struct sr_ring *ring)
{
    for (uint32_t i = 0; i < ring->slot_count; i++) {
        struct sri_slot *slot = &ring->hot.slots[i];
        bool ended = slot->state == SRI_OPERATION_COMPLETED || slot->state == SRI_OPERATION_DELIVERED;
        if (ended && slot->claim != SRI_CLAIM_CALLBACK)
            sri_dispose(ring, slot);
    }
    sri_batches_dispose_ended(ring);
}

static int drain(struct sr_ring *ring, uint64_t deadline)
{
    uint64_t pause_ns = SRI_ASK_AGAIN_NS;
    dispose_ended(ring);
    sri_reap(ring);
    sri_run_callbacks(ring);
    sri_stop_multishots(ring);
    sri_run_errands(ring); /* a start that is refused can end a batch: nothing would end a wait then */
    while (sri_in_flight(ring) > 0) {
        uint64_t left = sri_time_left(ring, deadline);
        int rc = sri_progress_cancelling(ring, ring->callbacks.count != 0 ? 0 : left, &pause_ns,
                                         SRI_CANCEL_DRAINED);
        uint32_t ran = sri_run_callbacks(ring);
        sri_run_errands(ring);
        if (rc != 0)
            return sri_in_flight(ring) > 0 ? rc : 0;
        if (left == 0 && ran == 0 && sri_in_flight(ring) > 0)
            return -ETIME;
    }
    return 0;
}

int sr_ring_drain(struct sr_ring *ring, uint64_t timeout_ns, uint32_t *remaining)
{
    if (ring == NULL)
        return -EINVAL;
    int rc = sri_ring_check(ring);
    if (rc != 0)
        return rc;
    if (!ring->usable || ring->in_callback || ring->draining)
        return SR_EINVALID_STATE;
    ring->draining = true;
    sri_ring_set_gate(ring);
    rc = drain(ring, sri_deadline(ring, timeout_ns));
    ring->draining = false;
    sri_ring_set_gate(ring);
    if (remaining != NULL)
        *remaining = sri_in_flight(ring);
    return rc;
}
