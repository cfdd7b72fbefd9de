/*
 * Completions: from the CQ to their operations, and from there to whoever claims them, or to nobody (OP-3 … OP-5, OP-9,
 * ORPH-3, ORPH-4). Never enters the kernel.
 */
#include "ring/ring_private.h"

static void append(struct sr_ring *ring, struct sri_completions *list, struct sri_slot *slot)
{
    uint32_t index = sri_slot_index(ring, slot);
    slot->queue_next = SRI_NO_SLOT;
    slot->queue_previous = list->tail;
    if (list->tail == SRI_NO_SLOT)
        list->head = index;
    else
        ring->slots[list->tail].queue_next = index;
    list->tail = index;
    list->count++;
}

static void take_out(struct sr_ring *ring, struct sri_completions *list, struct sri_slot *slot)
{
    if (slot->queue_previous == SRI_NO_SLOT)
        list->head = slot->queue_next;
    else
        ring->slots[slot->queue_previous].queue_next = slot->queue_next;
    if (slot->queue_next == SRI_NO_SLOT)
        list->tail = slot->queue_previous;
    else
        ring->slots[slot->queue_next].queue_previous = slot->queue_previous;
    list->count--;
}

/* Takes a completed operation out of where it waits to be delivered. */
static void leave_queue(struct sr_ring *ring, struct sri_slot *slot)
{
    ring->completed--;
    if (slot->claim == SRI_CLAIM_QUEUE) {
        take_out(ring, &ring->ready, slot);
        ring->detached--;
    } else if (slot->claim == SRI_CLAIM_CALLBACK) {
        take_out(ring, &ring->callbacks, slot);
        ring->with_callback--;
    }
}

/* What nobody takes is disposed of by its kind: the buffer to its origin, a descriptor closed (ORPH-4). */
static void dispose_result(struct sr_ring *ring, struct sri_slot *slot)
{
    if (slot->buffer != NULL) {
        sri_buffer_move(slot->buffer, SRI_OWNER_DISPOSE);
        sri_buffer_home(slot->buffer);
    }
    if (sri_kind(slot->opcode)->makes_descriptor && slot->result >= 0) {
        int rc = ring->kernel.vtable->close(ring->kernel.self, slot->result);
        if (rc != 0)
            sri_log(SR_LOG_WARNING, "descriptor %d of a dropped %s could not be closed: %s", slot->result,
                    sri_kind(slot->opcode)->name, sr_err_name(rc));
    }
    ring->stats.disposed++;
}

void sri_dispose(struct sr_ring *ring, struct sri_slot *slot)
{
    if (slot->state == SRI_OPERATION_COMPLETED && slot->claim != SRI_CLAIM_ORPHAN)
        leave_queue(ring, slot);
    if (slot->claim == SRI_CLAIM_ORPHAN)
        ring->orphans--;
    dispose_result(ring, slot);
    sri_slot_settle(ring, slot);
}

/* Puts a completed operation where its claim says (CB-4: one queue each); a handle's result waits in its slot. */
void sri_join_queue(struct sr_ring *ring, struct sri_slot *slot)
{
    if (slot->claim == SRI_CLAIM_QUEUE)
        append(ring, &ring->ready, slot);
    else if (slot->claim == SRI_CLAIM_CALLBACK)
        append(ring, &ring->callbacks, slot);
}

/* A count above what was asked for is a broken kernel: bytes were written where nobody lent any (BUF-7). */
static void check_count(const struct sri_slot *slot, int32_t result)
{
    if (result > 0 && sri_kind(slot->opcode)->moves_bytes)
        SRI_REQUIRE((uint32_t)result <= slot->length);
}

/* Hands a completion over. The operation is in no queue. */
static inline void fill(struct sr_ring *ring, const struct sri_slot *slot, int32_t result, uint32_t cqe_flags,
                        struct sr_completion *done)
{
    *done = (struct sr_completion){
        .ring = ring,
        .id = sri_slot_id(ring, slot),
        .user = slot->user,
        .result = result,
        .flags = cqe_flags,
        .opcode = slot->opcode,
    };
}

/* A detached operation's goes straight to the one who waits for it, if nothing stands before it. */
static inline bool taken_at_once(struct sr_ring *ring, struct sri_slot *slot, int32_t result,
                                 uint32_t cqe_flags)
{
    if (slot->claim != SRI_CLAIM_QUEUE || ring->taker.next == ring->taker.end || ring->ready.count != 0)
        return false;
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_DELIVER) == 0);
    ring->detached--;
    fill(ring, slot, result, cqe_flags, ring->taker.next++);
    return true;
}

static inline __attribute__((always_inline)) void complete(struct sr_ring *ring, struct sri_slot *slot,
                                                           int32_t result, uint32_t cqe_flags)
{
    slot->result = result;
    slot->cqe_flags = cqe_flags;
    ring->ended++;
    check_count(slot, result);
    if (slot->buffer != NULL)
        sri_buffer_move(slot->buffer, SRI_OWNER_COMPLETE);
    if (taken_at_once(ring, slot, result, cqe_flags))
        return;
    bool nobody = slot->claim == SRI_CLAIM_ORPHAN || (ring->draining && slot->claim != SRI_CLAIM_CALLBACK);
    if (slot->claim != SRI_CLAIM_ORPHAN) {
        ring->completed++;
        sri_join_queue(ring, slot);
    }
    if (nobody)
        sri_dispose(ring, slot);
}

void sri_complete(struct sr_ring *ring, struct sri_slot *slot, int32_t result, uint32_t cqe_flags)
{
    complete(ring, slot, result, cqe_flags);
}

static void unknown(struct sr_ring *ring, const struct io_uring_cqe *cqe)
{
    ring->stats.unknown++;
    sri_log(SR_LOG_ERROR, "a completion of no live operation: user_data %#llx, result %d, flags %#x",
            (unsigned long long)cqe->user_data, cqe->res, cqe->flags);
}

/* The CQE of a cancel or a linked timeout: one less owed to its operation's slot. */
static bool note_tagged(struct sr_ring *ring, const struct io_uring_cqe *cqe)
{
    uint64_t id = cqe->user_data;
    struct sri_slot *slot =
        sri_slot_find(ring, sri_id(sri_id_index(id), sri_id_generation(id), SRI_TAG_OPERATION));
    if (slot == NULL || slot->owed == 0)
        return false;
    slot->owed--;
    if (sri_id_tag(id) == SRI_TAG_CANCEL && cqe->res < 0 &&
        sri_operation_move(&slot->state, SRI_OPERATION_MISS) == 0)
        ring->missed = true;
    bool expired = sri_id_tag(id) == SRI_TAG_LIMIT && cqe->res == -ETIME;
    if (expired && (slot->marks & SRI_MARK_PARTED) != 0 && slot->state == SRI_OPERATION_SUBMITTED)
        sri_want_cancel(ring, slot);
    sri_slot_free_if_settled(ring, slot);
    return true;
}

/* A CQE that is not an operation's own. */
static void note_other(struct sr_ring *ring, const struct io_uring_cqe *cqe)
{
    uint64_t id = cqe->user_data;
    switch (sri_id_tag(id)) {
    case SRI_TAG_OPERATION: unknown(ring, cqe); return;
    case SRI_TAG_CANCEL:
    case SRI_TAG_LIMIT:
        if (!note_tagged(ring, cqe))
            unknown(ring, cqe);
        return;
    case SRI_TAG_WAKE:
        if (id != sri_id(0, 0, SRI_TAG_WAKE))
            unknown(ring, cqe);
        else
            atomic_store(&ring->posts.woken, false);
        return;
    default: unknown(ring, cqe); return;
    }
}

static inline void note_cqe(struct sr_ring *ring, const struct io_uring_cqe *cqe)
{
    struct sri_slot *slot = sri_slot_find(ring, cqe->user_data);
    if (__builtin_expect(slot != NULL && sri_operation_move(&slot->state, SRI_OPERATION_COMPLETE) == 0, 1))
        complete(ring, slot, cqe->res, cqe->flags);
    else
        note_other(ring, cqe);
}

/* In order of arrival; stops when the queue of untaken completions is full, so that nothing is lost (OP-9). */
bool sri_reap(struct sr_ring *ring)
{
    struct io_uring_cq *cq = &ring->uring.cq;
    uint32_t head = *cq->khead;
    uint32_t tail = io_uring_smp_load_acquire(cq->ktail);
    if (head == tail)
        return false;
    while (head != tail && !sri_queue_full(ring)) {
        note_cqe(ring, &cq->cqes[head & cq->ring_mask]);
        head++;
    }
    io_uring_smp_store_release(cq->khead, head);
    return true;
}

int sri_slot_deliver(struct sr_ring *ring, struct sri_slot *slot, struct sr_completion *done)
{
    int refused = sri_operation_move(&slot->state, SRI_OPERATION_DELIVER);
    if (refused != 0)
        return refused;
    leave_queue(ring, slot);
    fill(ring, slot, slot->result, slot->cqe_flags, done);
    return 0;
}
