/*
 * Multishots: operations that complete again and again. Each completion but the last takes a slot of its own, from a list
 * apart, so that it is delivered, taken and disposed of like any other (OP-3, OP-9), and counts as in flight until then.
 */
#include "ring/give.h"
#include "ring/provider.h"
#include "safer_ring/multishot.h"

/* Will nobody take what comes now? */
static bool is_for_nobody(const struct sr_ring *ring, const struct sri_slot *slot)
{
    return slot->claim == SRI_CLAIM_ORPHAN || (ring->draining && slot->claim != SRI_CLAIM_CALLBACK);
}

static bool goes_on(const struct sri_slot *slot, const struct io_uring_cqe *cqe)
{
    bool has_it = slot->state == SRI_OPERATION_SUBMITTED || slot->state == SRI_OPERATION_CANCELLING;
    return has_it && sri_is_multishot(slot) && (cqe->flags & IORING_CQE_F_MORE) != 0 &&
           sri_may_bring(slot, cqe);
}

bool sri_lacks_shot(struct sr_ring *ring, const struct io_uring_cqe *cqe)
{
    struct sri_slot *slot = sri_slot_find(ring, cqe->user_data);
    if (slot == NULL || ring->free_shots != NULL)
        return false;
    sri_slot_refresh(ring, slot);
    ring->starved = goes_on(slot, cqe) && !is_for_nobody(ring, slot);
    return ring->starved;
}

/* A completion of its own, claimed by whoever has the multishot. */
static struct sri_slot *take_shot(struct sr_ring *ring, const struct sri_slot *multishot)
{
    struct sri_slot *shot = ring->free_shots;
    ring->free_shots = shot->free_next;
    SRI_REQUIRE(sri_operation_move(&shot->state, SRI_OPERATION_SHOT) == 0);
    shot->marks = 0;
    sri_owe(shot); /* to the list it came from, which the hot path knows nothing of */
    shot->claim = multishot->claim;
    shot->callback = multishot->callback;
    shot->user = multishot->user;
    shot->fd = multishot->fd;
    shot->opcode = multishot->opcode;
    shot->buffer = NULL;
    shot->submitted_ms = multishot->submitted_ms;
    shot->cancel_next = sri_slot_index(ring, multishot);
    ring->hot.started++;
    ring->shots++;
    return shot;
}

bool sri_note_shot(struct sr_ring *ring, struct sri_slot *slot, const struct io_uring_cqe *cqe)
{
    if (!goes_on(slot, cqe))
        return false;
    sri_check_count(slot, cqe->res);
    struct sr_buffer *selected =
        (cqe->flags & IORING_CQE_F_BUFFER) != 0 ? sri_provider_selected(ring, slot, cqe) : NULL;
    if (is_for_nobody(ring, slot)) {
        if (selected != NULL)
            sri_buffer_move(selected, SRI_OWNER_COMPLETE);
        sri_dispose_result(ring, slot->opcode, cqe->res, selected);
        if (slot->claim == SRI_CLAIM_ORPHAN && slot->state == SRI_OPERATION_SUBMITTED)
            sri_want_cancel(ring, slot); /* which has missed it before */
        return true;
    }
    struct sri_slot *shot = take_shot(ring, slot);
    shot->buffer = selected;
    if (shot->claim == SRI_CLAIM_QUEUE)
        ring->hot.detached++;
    else
        ring->with_callback++;
    sri_complete(ring, shot, cqe->res, cqe->flags);
    return true;
}

SR_UNCHECKED int sr_multishot_start(struct sr_ring *ring, const struct sr_op_spec *spec, sr_completion_fn *fn,
                                    void *user, struct sr_multishot *multishot)
{
    struct sr_op op;
    if (spec == NULL || (spec->flags & SR_OP_MULTISHOT) == 0 || multishot == NULL)
        return -EINVAL;
    /* The peer's address has one place, and a limit's end would be one of many. */
    if ((spec->flags & SR_OP_WANT_PEER) != 0 || spec->timeout_ns != 0)
        return -EINVAL;
    int refused = sri_start_multishot(ring, spec, &op);
    if (refused != 0)
        return refused;
    multishot->id = op.id;
    int rc = fn != NULL ? sr_op_then(ring, &op, fn, user) : sr_op_detach(ring, &op, user);
    SRI_REQUIRE(rc == 0);
    return 0;
}

/* The multishot, as long as it is somebody's: 0, or why there is none. */
static int find(struct sr_ring *ring, const struct sr_multishot *multishot, struct sri_slot **slot)
{
    if (ring == NULL || multishot == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    *slot = sri_slot_find(ring, multishot->id);
    /* One that has ended keeps its slot while the answer to a cancel is owed. */
    bool is_ones = *slot != NULL && (*slot)->claim != SRI_CLAIM_ORPHAN && (*slot)->claim != SRI_CLAIM_NONE;
    return is_ones && sri_is_multishot(*slot) ? 0 : SR_ESTALE;
}

int sr_multishot_stop(struct sr_ring *ring, const struct sr_multishot *multishot)
{
    struct sri_slot *slot;
    int refused = find(ring, multishot, &slot);
    return refused != 0 ? refused : sri_operation_cancel(ring, slot);
}

int sr_multishot_drop(struct sr_ring *ring, struct sr_multishot *multishot)
{
    struct sri_slot *slot;
    int refused = find(ring, multishot, &slot);
    if (refused != 0)
        return refused;
    if (slot->state == SRI_OPERATION_DELIVERED)
        return SR_EINVALID_STATE;
    sri_dispose_shots(ring, slot);
    ring->starved = false; /* for want of a slot for what nobody takes now */
    if (slot->state != SRI_OPERATION_COMPLETED) {
        if (slot->claim == SRI_CLAIM_QUEUE)
            ring->hot.detached--;
        else
            ring->with_callback--;
    }
    multishot->id = 0;
    return sri_operation_drop(ring, slot, NULL, NULL);
}

/* What goes on by itself has no end to wait for: draining asks for it. */
void sri_stop_multishots(struct sr_ring *ring)
{
    for (uint32_t i = 0; i < ring->max_in_flight; i++) {
        struct sri_slot *slot = &ring->hot.slots[i];
        bool under_way = slot->state == SRI_OPERATION_QUEUED || slot->state == SRI_OPERATION_SUBMITTED;
        if (under_way && sri_is_multishot(slot))
            SRI_REQUIRE(sri_operation_cancel(ring, slot) == 0);
    }
}
