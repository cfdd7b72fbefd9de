/*
 * Running a batch: starts what is ready, is told of what has ended, gives up when it must (BATCH-2, BATCH-3, BATCH-4). Never
 * enters the kernel but to make room, and never waits.
 */
#include "ring/batch_link.h"
#include "ring/enter.h"

#include <string.h>
#include <sys/socket.h>

static struct sri_batch_member *member_of(const struct sri_slot *slot)
{
    return slot->user;
}

static uint32_t index_of(const struct sri_batch_member *member)
{
    return (uint32_t)(member - member->batch->members);
}

void sri_batch_set_due(struct sr_ring *ring, struct sr_batch *batch)
{
    if (batch->due)
        return;
    batch->due = true;
    batch->due_next = NULL;
    if (ring->batches.due_tail == NULL)
        ring->batches.due = batch;
    else
        ring->batches.due_tail->due_next = batch;
    ring->batches.due_tail = batch;
    ring->errands |= SRI_ERRAND_BATCHES;
}

/* ---- Buffers ---- */

/* From the batch to the program's side, where an operation takes it. */
static struct sr_buffer *yield_buffer(struct sri_batch_member *member)
{
    struct sr_buffer *buffer = member->buffer;
    member->buffer = NULL;
    if (buffer != NULL)
        sri_buffer_move(buffer, SRI_OWNER_YIELD);
    return buffer;
}

static void keep_buffer(struct sri_batch_member *member, struct sr_buffer *buffer)
{
    member->buffer = buffer;
    if (buffer != NULL)
        sri_buffer_move(buffer, SRI_OWNER_KEEP);
}

/* What an heir works on: the bytes that were moved, unless its specification names others (BATCH-8). */
static struct sr_range range_of(const struct sri_batch_member *member)
{
    const struct sr_range *own = &member->spec.range;
    bool given = own->given || own->begin != 0 || own->length != 0;
    if (member->inherits == SRI_NO_NODE || given || sri_kind(member->spec.opcode)->takes_vector)
        return *own;
    const struct sri_batch_member *from = &member->batch->members[member->inherits];
    size_t begin = from->spec.range.begin;
    size_t room = sr_buffer_size(member->buffer) - begin;
    size_t moved = sri_kind(from->spec.opcode)->moves_bytes ? (size_t)from->result : room;
    return sr_range(begin, moved < room ? moved : room);
}

static uint32_t length_of(const struct sr_op_spec *spec, const struct sr_buffer *buffer)
{
    bool whole = !spec->range.given && spec->range.begin == 0 && spec->range.length == 0;
    size_t length = whole ? sr_buffer_size(buffer) : spec->range.length;
    return (uint32_t)(length < UINT32_MAX ? length : UINT32_MAX);
}

/* ---- Starting ---- */

/* Through the ring's one door, as any other operation. */
static int start_member(struct sr_ring *ring, struct sri_batch_member *member, struct sri_slot **slot)
{
    member->spec.range = range_of(member);
    struct sr_buffer *buffer = yield_buffer(member);
    uint32_t length = length_of(&member->spec, buffer);
    int rc = sri_start_inside(ring, &member->spec, buffer != NULL ? &buffer : NULL, slot);
    if (rc != 0) {
        keep_buffer(member, buffer);
        return rc;
    }
    SRI_REQUIRE(sri_orphan_move(&(*slot)->claim, SRI_CLAIM_ENLIST) == 0);
    (*slot)->user = member;
    member->op = (*slot)->id;
    member->length = length;
    member->batch->started++;
    ring->batches.slotless--;
    return 0;
}

/*
 * Queues behind the operation at `slot` what may be linked there, as long as there is room. The link is made when the other
 * end of it stands; and where there is no room no submission may come between (OP-7).
 */
static void link_followers(struct sr_ring *ring, struct sr_batch *batch, uint32_t index,
                           struct sri_slot *slot)
{
    for (;;) {
        uint32_t next = sri_batch_next_linked(batch, index);
        struct sri_slot *follower;
        if (next == SRI_NO_NODE || !sri_has_room(ring, 1) || sri_is_consumed(ring, slot) ||
            start_member(ring, &batch->members[next], &follower) != 0)
            return;
        sri_entry_at(ring, slot->sq_position)->flags |= IOSQE_IO_LINK;
        batch->members[next].linked = true;
        sri_graph_link(&batch->graph, next);
        index = next;
        slot = follower;
    }
}

/* The first ready one, and what is linked behind it. */
static int start_first(struct sr_ring *ring, struct sr_batch *batch, uint32_t index)
{
    struct sri_slot *slot;
    uint32_t chain = sri_batch_chain_length(batch, index, ring->shared.sq_entries);
    bool whole = sri_reserve(ring, chain);
    (void)whole; /* what finds no place is not linked */
    int rc = start_member(ring, &batch->members[index], &slot);
    if (rc != 0)
        return rc;
    batch->members[index].linked = false;
    sri_graph_start(&batch->graph);
    link_followers(ring, batch, index, slot);
    return 0;
}

/* ---- Ending ---- */

/* The rule of BATCH-2. */
static bool ended_well(const struct sri_batch_member *member, int32_t result)
{
    if (result < 0)
        return false;
    switch (member->spec.opcode) {
    case IORING_OP_READ:
    case IORING_OP_WRITE:
    case IORING_OP_READV:
    case IORING_OP_WRITEV: return (uint32_t)result == member->length;
    case IORING_OP_SEND:
    case IORING_OP_SEND_ZC:
    case IORING_OP_RECV:
        return (member->spec.opcode_flags & MSG_WAITALL) == 0 || (uint32_t)result >= member->length;
    default: return true;
    }
}

/* Did it end so because it was not to run? Its own error can be the same number. */
static bool was_cancelled(const struct sri_batch_member *member)
{
    const struct sr_batch *batch = member->batch;
    if (member->result != -ECANCELED)
        return false;
    return batch->failing || (member->linked && batch->graph.nodes[index_of(member)].waits_for != 0);
}

static void note_end(struct sr_ring *ring, struct sri_batch_member *member, int32_t result)
{
    struct sr_batch *batch = member->batch;
    member->result = result;
    enum sri_member_event how = ended_well(member, result) ? SRI_MEMBER_SUCCEED
                                : was_cancelled(member)    ? SRI_MEMBER_CANCEL
                                                           : SRI_MEMBER_FAIL;
    sri_graph_end(&batch->graph, index_of(member), how);
    if (how == SRI_MEMBER_SUCCEED && member->heir != SRI_NO_NODE) {
        batch->members[member->heir].buffer = member->buffer;
        member->buffer = NULL;
    }
    if (how == SRI_MEMBER_FAIL && batch->options.fail_fast)
        batch->failing = true;
    sri_batch_set_due(ring, batch);
}

/* A peer's address is in memory of the slot, which another operation will have. */
static void keep_peer(const struct sr_ring *ring, const struct sri_slot *slot,
                      struct sri_batch_member *member)
{
    const struct sri_arguments *kept = sri_arguments_of(ring, slot);
    size_t room = sizeof(struct sockaddr_storage);
    member->peer_length = kept->address_length;
    memcpy(member->argument, kept->bytes, kept->address_length < room ? kept->address_length : room);
}

void sri_batch_member_ended(struct sr_ring *ring, struct sri_slot *slot)
{
    struct sri_batch_member *member = member_of(slot);
    struct sr_buffer *buffer = slot->buffer;
    int32_t result = slot->result;
    member->cqe_flags = slot->cqe_flags;
    if (slot->opcode == IORING_OP_ACCEPT && (slot->marks & SRI_MARK_WANT_PEER) != 0 && result >= 0)
        keep_peer(ring, slot, member);
    if (buffer != NULL)
        sri_buffer_move(buffer, SRI_OWNER_TAKE);
    keep_buffer(member, buffer);
    sri_slot_settle(ring, slot);
    member->batch->started--;
    ring->batches.slotless++;
    note_end(ring, member, result);
}

void sri_batch_take_back(struct sr_ring *ring, struct sri_slot *slot)
{
    struct sri_batch_member *member = member_of(slot);
    keep_buffer(member, sri_slot_take_back(ring, slot));
    member->linked = false;
    member->batch->started--;
    ring->batches.slotless++;
}

/* ---- Giving up ---- */

static void cancel_started(struct sr_ring *ring, struct sri_batch_member *member)
{
    struct sri_slot *slot = sri_slot_find(ring, member->op);
    SRI_REQUIRE(slot != NULL); /* what runs has its slot until its end was noted */
    sri_slot_refresh(ring, slot);
    if (slot->state == SRI_OPERATION_QUEUED) {
        sri_batch_take_back(ring, slot);
        member->result = -ECANCELED;
        sri_graph_end(&member->batch->graph, index_of(member), SRI_MEMBER_CANCEL);
    } else {
        sri_want_cancel(ring, slot);
    }
}

/* Again and again, as a cancel may find nothing: of what was linked and had not begun, or what can't be stopped just now. */
void sri_batch_give_up(struct sr_ring *ring, struct sr_batch *batch)
{
    batch->failing = true;
    sri_graph_give_up(&batch->graph);
    for (uint32_t i = 0; batch->started != 0 && i < batch->graph.count; i++)
        if (sri_batch_state(batch, i) == SRI_MEMBER_STARTED)
            cancel_started(ring, &batch->members[i]);
}

/* Under way: an orphan until its terminal CQE (ORPH-1). Else it is taken back, and goes home with what never began. */
static void abandon_started(struct sr_ring *ring, struct sri_batch_member *member)
{
    struct sri_slot *slot = sri_slot_find(ring, member->op);
    sri_slot_refresh(ring, slot);
    if (slot->state == SRI_OPERATION_QUEUED) {
        sri_batch_take_back(ring, slot);
        return;
    }
    SRI_REQUIRE(sri_orphan_move(&slot->claim, SRI_CLAIM_LEAVE) == 0);
    sri_orphaned(ring, slot, NULL, NULL);
    member->batch->started--;
    ring->batches.slotless++;
}

void sri_batch_abandon(struct sr_ring *ring, struct sr_batch *batch)
{
    sri_graph_give_up(&batch->graph);
    for (uint32_t i = 0; batch->started != 0 && i < batch->graph.count; i++)
        if (sri_batch_state(batch, i) == SRI_MEMBER_STARTED)
            abandon_started(ring, &batch->members[i]);
    sri_batch_dispose(ring, batch);
}

/* ---- The ring's errand ---- */

static bool waits_for_room(int rc)
{
    return rc == -EAGAIN || rc == -EBUSY;
}

/* Starts what is ready, in order. One that is refused has failed; one that finds no room waits. */
static void start_ready(struct sr_ring *ring, struct sr_batch *batch)
{
    uint32_t index;
    while (!batch->failing && (index = sri_graph_first_ready(&batch->graph)) != SRI_NO_NODE) {
        int rc = start_first(ring, batch, index);
        if (waits_for_room(rc)) {
            sri_batch_set_due(ring, batch);
            return;
        }
        if (rc != 0)
            note_end(ring, &batch->members[index], rc);
    }
}

static void advance(struct sr_ring *ring, struct sr_batch *batch)
{
    start_ready(ring, batch);
    if (batch->failing)
        sri_batch_give_up(ring, batch);
    if (sri_batch_is_over(batch) && ring->draining) {
        sri_batch_dispose(ring, batch);
        sri_batch_gone(ring, batch);
    }
}

/* Before any of them makes room by a submission: nothing of one that has failed goes with it (BATCH-3). */
static void give_up_failing(struct sr_ring *ring)
{
    for (struct sr_batch *batch = ring->batches.due; batch != NULL; batch = batch->due_next)
        if (batch->failing)
            sri_batch_give_up(ring, batch);
}

/*
 * After completions were reaped and before entries are submitted; never while a submission makes room for just this. Entries
 * that the kernel took are looked at first: new ones take their places in the SQ.
 */
void sri_run_batches(struct sr_ring *ring)
{
    if (ring->batches.running)
        return;
    ring->batches.running = true;
    sri_mark_submitted(ring);
    give_up_failing(ring);
    struct sr_batch *last = ring->batches.due_tail;
    for (struct sr_batch *batch = NULL; batch != last;) {
        batch = ring->batches.due;
        ring->batches.due = batch->due_next;
        if (ring->batches.due == NULL)
            ring->batches.due_tail = NULL;
        batch->due = false;
        bool was_last = batch == last;
        advance(ring, batch);
        if (was_last)
            break;
    }
    if (ring->batches.due == NULL)
        ring->errands &= ~(uint32_t)SRI_ERRAND_BATCHES;
    ring->batches.running = false;
}
