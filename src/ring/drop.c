/*
 * Giving an operation's result up, or over to the ring: drop, detach, then. Never frees or touches a buffer that the
 * kernel can still reach (ORPH-1, ORPH-6).
 */
#include "ring/ring_private.h"

static int find(struct sr_ring *ring, const struct sr_op *op, struct sri_slot **slot)
{
    if (ring == NULL || op == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    *slot = sri_slot_find(ring, op->id);
    return *slot != NULL ? 0 : SR_ESTALE;
}

/* A member of a batch leaves by its batch, anything else by its drop. */
struct sr_buffer *sri_slot_take_back(struct sr_ring *ring, struct sri_slot *slot)
{
    struct sr_buffer *buffer = slot->buffer;
    bool member = slot->claim == SRI_CLAIM_MEMBER;
    sri_slot_withdraw(ring, slot);
    ring->ended++;
    ring->hot.settled++;
    ring->discarded++;
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_WITHDRAW) == 0);
    SRI_REQUIRE(sri_orphan_move(&slot->claim, member ? SRI_CLAIM_END : SRI_CLAIM_DISCARD) == 0);
    slot->buffer = NULL;
    if (buffer != NULL)
        sri_buffer_move(buffer, SRI_OWNER_WITHDRAW);
    sri_slot_leave_file(ring, slot);
    sri_slot_free_if_settled(ring, slot);
    return buffer;
}

/* Not consumed: the entry leaves the SQ, and nothing ever happened (ORPH-2). */
static void drop_queued(struct sr_ring *ring, struct sri_slot *slot)
{
    struct sr_buffer *buffer = sri_slot_take_back(ring, slot);
    if (buffer == NULL)
        return;
    sri_buffer_move(buffer, SRI_OWNER_RELEASE);
    sri_buffer_home(buffer);
}

/* Under way: an orphan until its terminal CQE; its buffer stays lent whatever a cancel answers (ORPH-1, ORPH-5). */
void sri_orphaned(struct sr_ring *ring, struct sri_slot *slot, sr_ended_fn *ended, void *user)
{
    slot->ended = ended;
    slot->user = user;
    ring->orphans++;
    ring->stats.orphaned++;
    if (ring->cancel_on_drop || sri_is_multishot(slot))
        sri_want_cancel(ring, slot);
}

static void orphan(struct sr_ring *ring, struct sri_slot *slot, sr_ended_fn *ended, void *user)
{
    SRI_REQUIRE(sri_orphan_move(&slot->claim, SRI_CLAIM_DROP) == 0);
    sri_orphaned(ring, slot, ended, user);
}

/* One under way tells `ended`, if there is one, when the kernel is done. */
int sri_operation_drop(struct sr_ring *ring, struct sri_slot *slot, sr_ended_fn *ended, void *user)
{
    switch ((enum sri_operation)slot->state) {
    case SRI_OPERATION_QUEUED: drop_queued(ring, slot); return 0;
    case SRI_OPERATION_SUBMITTED:
    case SRI_OPERATION_CANCELLING: orphan(ring, slot, ended, user); return 0;
    case SRI_OPERATION_COMPLETED: sri_dispose(ring, slot); return 0;
    case SRI_OPERATION_GONE:
    case SRI_OPERATION_BUILDING:
    case SRI_OPERATION_DELIVERED:
    case SRI_OPERATION_SETTLED:
    case SRI_OPERATION_RETIRED:
    case SRI_OPERATIONS: break;
    }
    return SR_EINVALID_STATE;
}

static int drop(struct sr_ring *ring, struct sri_slot *slot, sr_ended_fn *ended, void *user)
{
    int refused = sri_orphan_move(&slot->claim, SRI_CLAIM_ASK);
    return refused != 0 ? refused : sri_operation_drop(ring, slot, ended, user);
}

SR_UNCHECKED void sr_op_drop(struct sr_ring *ring, struct sr_op *op)
{
    struct sri_slot *slot;
    int refused = find(ring, op, &slot);
    if (refused == 0)
        refused = drop(ring, slot, NULL, NULL);
    if (refused == 0) {
        op->id = 0;
        return;
    }
    if (refused == SR_ESTALE || refused == SR_EINVALID_STATE)
        ring->stats.misuses++;
    sri_log(SR_LOG_ERROR, "sr_op_drop: nothing was dropped: %s", sr_strerror(refused));
}

SR_UNCHECKED int sr_op_drop_then(struct sr_ring *ring, struct sr_op *op, sr_ended_fn *ended, void *user)
{
    struct sri_slot *slot;
    int refused = ended != NULL ? find(ring, op, &slot) : -EINVAL;
    if (refused != 0)
        return refused;
    bool under_way = slot->state == SRI_OPERATION_SUBMITTED || slot->state == SRI_OPERATION_CANCELLING;
    refused = drop(ring, slot, ended, user);
    if (refused != 0)
        return refused;
    op->id = 0; /* before `ended`, who may free what it stands in */
    if (!under_way)
        ended(user);
    return 0;
}

void sri_tell_orphans(struct sr_ring *ring)
{
    for (uint32_t i = 0; i < ring->max_in_flight; i++) {
        const struct sri_slot *slot = &ring->hot.slots[i];
        if (slot->claim == SRI_CLAIM_ORPHAN && slot->ended != NULL)
            slot->ended(slot->user);
    }
}

/* Moves a handle's claim to the ring, with where its result goes. A result that is there already joins the queue at once. */
static int give_over(struct sr_ring *ring, struct sr_op *op, enum sri_claim_event event, sr_completion_fn *fn,
                     void *user)
{
    if (ring == NULL || op == NULL)
        return -EINVAL;
    if (!sri_ring_is_mine(ring))
        return sri_ring_refusal(ring);
    struct sri_slot *slot = sri_slot_find(ring, op->id);
    if (slot == NULL)
        return SR_ESTALE;
    if (slot->state == SRI_OPERATION_DELIVERED)
        return SR_EINVALID_STATE;
    int refused = sri_orphan_move(&slot->claim, event);
    if (refused != 0)
        return refused;
    slot->callback = fn;
    slot->user = user;
    op->id = 0;
    sri_claimed(ring, slot);
    return 0;
}

SR_UNCHECKED int sri_op_detach(struct sr_ring *ring, struct sr_op *op, void *user)
{
    return give_over(ring, op, SRI_CLAIM_DETACH, NULL, user);
}

SR_UNCHECKED int sr_op_then(struct sr_ring *ring, struct sr_op *op, sr_completion_fn *fn, void *user)
{
    return fn == NULL ? -EINVAL : give_over(ring, op, SRI_CLAIM_THEN, fn, user);
}
