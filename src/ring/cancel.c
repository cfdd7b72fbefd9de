/*
 * Asking the kernel to cancel: a mark now, an entry of the SQ with the next submission (ORPH-5). Whatever the cancel
 * answers, only the target's own CQE ends the target.
 */
#include "ring/ring_private.h"

void sri_want_cancel(struct sr_ring *ring, struct sri_slot *slot)
{
    bool asked = slot->state == SRI_OPERATION_CANCELLING;
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_CANCEL) == 0);
    if (asked)
        return;
    uint32_t index = sri_slot_index(ring, slot);
    sri_mark(slot, SRI_MARK_WANTS_CANCEL, 0);
    sri_owe(slot); /* its place on the list; then the cancel's CQE */
    slot->cancel_next = SRI_NO_SLOT;
    if (ring->cancel_tail == SRI_NO_SLOT)
        ring->cancel_head = index;
    else
        ring->hot.slots[ring->cancel_tail].cancel_next = index;
    ring->cancel_tail = index;
    ring->errands |= SRI_ERRAND_CANCELS;
}

static struct sri_slot *pop(struct sr_ring *ring)
{
    struct sri_slot *slot = &ring->hot.slots[ring->cancel_head];
    ring->cancel_head = slot->cancel_next;
    if (ring->cancel_head == SRI_NO_SLOT) {
        ring->cancel_tail = SRI_NO_SLOT;
        ring->errands &= ~(uint32_t)SRI_ERRAND_CANCELS;
    }
    sri_mark(slot, 0, SRI_MARK_WANTS_CANCEL);
    return slot;
}

/* As far as the SQ has room; the rest with the next submission. One that has ended meanwhile needs none. */
void sri_queue_cancels(struct sr_ring *ring)
{
    while (ring->cancel_head != SRI_NO_SLOT) {
        struct sri_slot *slot = &ring->hot.slots[ring->cancel_head];
        if (slot->state != SRI_OPERATION_CANCELLING) {
            sri_repay(pop(ring));
            sri_slot_free_if_settled(ring, slot);
            continue;
        }
        if (!sri_has_room(ring, 1))
            return;
        struct io_uring_sqe *sqe = sri_next_entry(ring);
        pop(ring);
        io_uring_prep_cancel64(sqe, slot->id, 0);
        sqe->user_data = sri_tagged(slot, SRI_TAG_CANCEL);
        ring->stats.cancels++;
    }
}

/* A queued operation is taken back and ends with -ECANCELED; one the kernel has is asked to. */
int sri_operation_cancel(struct sr_ring *ring, struct sri_slot *slot)
{
    if (slot->state == SRI_OPERATION_QUEUED) {
        sri_slot_withdraw(ring, slot);
        SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_RECALL) == 0);
        sri_mark(slot, SRI_MARK_RECALLED, 0);
        sri_complete(ring, slot, -ECANCELED, 0);
        return 0;
    }
    if (slot->state != SRI_OPERATION_SUBMITTED && slot->state != SRI_OPERATION_CANCELLING)
        return sri_operation_move(&slot->state, SRI_OPERATION_CANCEL);
    sri_want_cancel(ring, slot);
    return 0;
}

int sr_op_cancel(struct sr_ring *ring, const struct sr_op *op)
{
    if (ring == NULL || op == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    struct sri_slot *slot = sri_slot_find(ring, op->id);
    if (slot == NULL)
        return SR_ESTALE;
    refused = sri_orphan_move(&slot->claim, SRI_CLAIM_ASK);
    return refused != 0 ? refused : sri_operation_cancel(ring, slot);
}

static bool in_kernel_or_queue(const struct sri_slot *slot)
{
    return slot->state == SRI_OPERATION_QUEUED || slot->state == SRI_OPERATION_SUBMITTED ||
           slot->state == SRI_OPERATION_CANCELLING;
}

/* What draining asks to end: multishots, which have no end of their own, and orphans if dropping asks at all (ORPH-5). */
static bool is_to_end(const struct sr_ring *ring, const struct sri_slot *slot)
{
    return sri_is_multishot(slot) || (ring->cancel_on_drop && slot->claim == SRI_CLAIM_ORPHAN);
}

/* Cancels what has not ended, as far as the queue of completions has room for what is only taken back. */
static int cancel_what_is_left(struct sr_ring *ring, enum sri_cancelled which)
{
    if (which != SRI_CANCEL_DRAINED)
        sri_batches_give_up(ring, which == SRI_CANCEL_MEMBERS);
    if (which == SRI_CANCEL_MEMBERS)
        return 0;
    for (uint32_t i = 0; i < ring->max_in_flight; i++) {
        struct sri_slot *slot = &ring->hot.slots[i];
        bool its_batch_does = slot->claim == SRI_CLAIM_MEMBER;
        if (!in_kernel_or_queue(slot) || its_batch_does ||
            (which == SRI_CANCEL_DRAINED && !is_to_end(ring, slot)))
            continue;
        if (slot->state == SRI_OPERATION_QUEUED && sri_queue_full(ring))
            return SR_EQUEUE_FULL;
        int rc = sri_operation_cancel(ring, slot);
        SRI_REQUIRE(rc == 0);
    }
    return 0;
}

/*
 * An operation that a cancel came too late for may have gone back to waiting, or may only not have ended yet: it is asked
 * again after a pause. The pauses double, and a kernel that always says no is believed in the end.
 */
#define LAST_PAUSE_NS (SRI_ASK_AGAIN_NS << 12)

int sri_progress_cancelling(struct sr_ring *ring, uint64_t timeout_ns, uint64_t *pause_ns,
                            enum sri_cancelled which)
{
    if (!ring->missed || timeout_ns == 0 || *pause_ns > LAST_PAUSE_NS)
        return sri_progress(ring, timeout_ns);
    ring->missed = false;
    int rc = sri_progress(ring, timeout_ns < *pause_ns ? timeout_ns : *pause_ns);
    *pause_ns *= 2;
    if (rc == 0 || rc == -ETIME)
        rc = cancel_what_is_left(ring, which);
    return rc;
}

static int cancel_all(struct sr_ring *ring, uint64_t deadline)
{
    uint64_t pause_ns = SRI_ASK_AGAIN_NS;
    int rc = cancel_what_is_left(ring, SRI_CANCEL_ALL);
    while (rc == 0 && sri_under_way(ring) > 0) {
        if (sri_queue_full(ring))
            return SR_EQUEUE_FULL;
        uint64_t left = sri_time_left(ring, deadline);
        rc = sri_progress_cancelling(ring, left, &pause_ns, SRI_CANCEL_ALL);
        if (rc == 0 && left == 0)
            rc = -ETIME;
    }
    return sri_under_way(ring) == 0 ? 0 : rc;
}

int sr_ring_cancel_all(struct sr_ring *ring, uint64_t timeout_ns, uint32_t *remaining)
{
    if (ring == NULL)
        return -EINVAL;
    int rc = sri_ring_check(ring);
    if (rc != 0)
        return rc;
    if (!ring->usable || ring->in_callback)
        return SR_EINVALID_STATE;
    rc = cancel_all(ring, sri_deadline(ring, timeout_ns));
    if (remaining != NULL)
        *remaining = sri_under_way(ring);
    return rc;
}
