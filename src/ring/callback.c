/*
 * Callbacks: run inside dispatch, drain and waiting calls only, never inside a call that starts something, never inside
 * each other (CB-1, CB-2).
 */
#include "ring/ring_private.h"

/* A completion its callback did not end is ended for it (CB-3). */
static void end_for_callback(struct sr_ring *ring, uint64_t id)
{
    struct sri_slot *slot = sri_slot_find(ring, id);
    if (slot == NULL || slot->state != SRI_OPERATION_DELIVERED)
        return;
    sri_dispose(ring, slot);
    ring->stats.ended_for_callback++;
}

static void run_first(struct sr_ring *ring)
{
    struct sri_slot *slot = &ring->hot.slots[ring->callbacks.head];
    sr_completion_fn *fn = slot->callback;
    struct sr_completion done;
    SRI_REQUIRE(sri_slot_deliver(ring, slot, &done) == 0);
    uint64_t id = done.id;
    ring->in_callback = true;
    fn(ring, &done, done.user);
    ring->in_callback = false;
    end_for_callback(ring, id);
}

/* One of them may drop a multishot, and with it what others wait for. */
uint32_t sri_run_due_callbacks(struct sr_ring *ring)
{
    uint32_t due = ring->callbacks.count;
    uint32_t ran = 0;
    for (; ran < due && ring->callbacks.count != 0; ran++)
        run_first(ring);
    return ran;
}

uint32_t sr_ring_callbacks_due(const struct sr_ring *ring)
{
    return ring != NULL ? ring->callbacks.count : 0;
}

static int check(const struct sr_ring *ring)
{
    if (ring == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    return !ring->usable || ring->in_callback ? SR_EINVALID_STATE : 0;
}

int sr_ring_dispatch(struct sr_ring *ring, uint32_t *ran)
{
    int rc = check(ring);
    if (rc != 0)
        return rc;
    sri_reap(ring);
    uint32_t count = sri_run_callbacks(ring);
    if (ran != NULL)
        *ran = count;
    /* Submits what was queued, the callbacks' work included, and looks with GETEVENTS, which arms the descriptor. */
    return sri_progress(ring, 0);
}

int sr_ring_dispatch_wait(struct sr_ring *ring, uint64_t timeout_ns, uint32_t *ran)
{
    int rc = check(ring);
    if (rc != 0)
        return rc;
    sri_reap(ring);
    uint64_t deadline = sri_deadline(ring, timeout_ns);
    uint32_t count = sri_run_callbacks(ring);
    while (count == 0 && rc == 0) {
        if (ring->with_callback == 0)
            return SR_ENOTHING_IN_FLIGHT;
        if (sri_queue_full(ring))
            return SR_EQUEUE_FULL;
        uint64_t left = sri_time_left(ring, deadline);
        rc = sri_progress(ring, left);
        count = sri_run_callbacks(ring);
        if (rc == 0 && left == 0 && count == 0)
            rc = -ETIME;
    }
    if (ran != NULL)
        *ran = count;
    return count != 0 ? 0 : rc;
}
