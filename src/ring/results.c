/*
 * Completions: from the CQ to their operations, and from there to whoever claims them, or to nobody (OP-3 … OP-5, OP-9,
 * ORPH-3, ORPH-4). Never enters the kernel; batches that go on may, to make room.
 */
#include "ring/give.h"
#include "ring/provider.h"

static void append(struct sr_ring *ring, struct sri_completions *list, struct sri_slot *slot)
{
    uint32_t index = sri_slot_index(ring, slot);
    slot->queue_next = SRI_NO_SLOT;
    slot->queue_previous = list->tail;
    if (list->tail == SRI_NO_SLOT)
        list->head = index;
    else
        ring->hot.slots[list->tail].queue_next = index;
    list->tail = index;
    list->count++;
}

static void take_out(struct sr_ring *ring, struct sri_completions *list, struct sri_slot *slot)
{
    if (slot->queue_previous == SRI_NO_SLOT)
        list->head = slot->queue_next;
    else
        ring->hot.slots[slot->queue_previous].queue_next = slot->queue_next;
    if (slot->queue_next == SRI_NO_SLOT)
        list->tail = slot->queue_previous;
    else
        ring->hot.slots[slot->queue_next].queue_previous = slot->queue_previous;
    list->count--;
}

/* Takes a completed operation out of where it waits to be delivered. */
static void leave_queue(struct sr_ring *ring, struct sri_slot *slot)
{
    ring->completed--;
    if (slot->claim == SRI_CLAIM_QUEUE) {
        take_out(ring, &ring->ready, slot);
        ring->hot.detached--;
    } else if (slot->claim == SRI_CLAIM_CALLBACK) {
        take_out(ring, &ring->callbacks, slot);
        ring->with_callback--;
    }
}

void sri_close_made(struct sr_ring *ring, uint8_t opcode, int32_t result)
{
    if (!sri_kind(opcode)->makes_descriptor || result < 0)
        return;
    int rc = ring->kernel.vtable->close(ring->kernel.self, result);
    if (rc != 0)
        sri_log(SR_LOG_WARNING, "descriptor %d of a dropped %s could not be closed: %s", result,
                sri_kind(opcode)->name, sr_err_name(rc));
}

/* What nobody takes is disposed of by its kind: the buffer to its origin, a descriptor closed (ORPH-4). */
void sri_dispose_result(struct sr_ring *ring, uint8_t opcode, int32_t result, struct sr_buffer *buffer)
{
    if (buffer != NULL) {
        sri_buffer_move(buffer, SRI_OWNER_DISPOSE);
        sri_buffer_home(buffer);
    }
    sri_close_made(ring, opcode, result);
    ring->stats.disposed++;
}

void sri_dispose(struct sr_ring *ring, struct sri_slot *slot)
{
    sr_ended_fn *ended = slot->claim == SRI_CLAIM_ORPHAN ? slot->ended : NULL;
    void *user = slot->user;
    if (slot->state == SRI_OPERATION_COMPLETED && slot->claim != SRI_CLAIM_ORPHAN)
        leave_queue(ring, slot);
    if (slot->claim == SRI_CLAIM_ORPHAN)
        ring->orphans--;
    sri_slot_refresh(ring, slot);
    if (__builtin_expect(ring->watched, 0))
        sri_watch_ended(ring, slot);
    sri_dispose_result(ring, slot->opcode, slot->result, slot->buffer);
    sri_slot_settle(ring, slot);
    if (ended != NULL)
        ended(user);
}

void sri_dispose_shots(struct sr_ring *ring, const struct sri_slot *multishot)
{
    const struct sri_completions *list =
        multishot->claim == SRI_CLAIM_QUEUE ? &ring->ready : &ring->callbacks;
    for (uint32_t index = list->head, next; index != SRI_NO_SLOT; index = next) {
        struct sri_slot *slot = &ring->hot.slots[index];
        next = slot->queue_next;
        if (sri_is_shot(ring, slot) && slot->cancel_next == sri_slot_index(ring, multishot))
            sri_dispose(ring, slot);
    }
}

/* Puts a completed operation where its claim says (CB-4: one queue each); a handle's result waits in its slot. */
void sri_join_queue(struct sr_ring *ring, struct sri_slot *slot)
{
    if (slot->claim == SRI_CLAIM_QUEUE)
        append(ring, &ring->ready, slot);
    else if (slot->claim == SRI_CLAIM_CALLBACK)
        append(ring, &ring->callbacks, slot);
}

/* Hands a completion over. The operation is in no queue. */
static inline void fill(struct sr_ring *ring, const struct sri_slot *slot, int32_t result, uint32_t cqe_flags,
                        struct sr_completion *done)
{
    done->ring = ring;
    done->id = slot->id;
    done->user = slot->claim != SRI_CLAIM_HANDLE ? slot->user : NULL;
    done->result = result;
    done->flags = cqe_flags;
    done->opcode = slot->opcode;
    done->more = sri_is_shot(ring, slot);
    done->posted = false;
}

void sri_complete(struct sr_ring *ring, struct sri_slot *slot, int32_t result, uint32_t cqe_flags)
{
    slot->result = result;
    slot->cqe_flags = cqe_flags;
    ring->ended++;
    if (slot->buffer != NULL)
        sri_buffer_move(slot->buffer, SRI_OWNER_COMPLETE);
    if (slot->claim == SRI_CLAIM_MEMBER) {
        sri_batch_member_ended(ring, slot);
        return;
    }
    bool nobody = slot->claim == SRI_CLAIM_ORPHAN || (ring->draining && slot->claim != SRI_CLAIM_CALLBACK);
    if (slot->claim != SRI_CLAIM_ORPHAN) {
        ring->completed++;
        sri_join_queue(ring, slot);
    }
    if (nobody)
        sri_dispose(ring, slot);
}

static void unknown(struct sr_ring *ring, const struct io_uring_cqe *cqe)
{
    ring->stats.unknown++;
    sri_log(SR_LOG_ERROR, "a completion of no live operation: user_data %#llx, result %d, flags %#x",
            (unsigned long long)cqe->user_data, cqe->res, cqe->flags);
}

/*
 * A cancel came too late, or too early. A multishot that goes on is nobody's to ask again once it is dropped: it is asked by
 * itself, once here and then with each completion that it has (ORPH-5).
 */
static void note_miss(struct sr_ring *ring, struct sri_slot *slot)
{
    if (sri_operation_move(&slot->state, SRI_OPERATION_MISS) != 0)
        return;
    ring->missed = true;
    if (slot->claim != SRI_CLAIM_ORPHAN || !sri_is_multishot(slot) ||
        (slot->marks & SRI_MARK_ASKED_AGAIN) != 0)
        return;
    sri_mark(slot, SRI_MARK_ASKED_AGAIN, 0);
    sri_want_cancel(ring, slot);
}

/* The CQE of a cancel or a linked timeout: one less owed to its operation's slot. */
static bool note_tagged(struct sr_ring *ring, const struct io_uring_cqe *cqe)
{
    uint64_t id = cqe->user_data;
    struct sri_slot *slot =
        sri_slot_find(ring, sri_id(sri_id_index(id), sri_id_generation(id), SRI_TAG_OPERATION));
    if (slot == NULL || !sri_is_owed(slot))
        return false;
    sri_slot_refresh(ring, slot);
    sri_repay(slot);
    if (sri_id_tag(id) == SRI_TAG_CANCEL && cqe->res < 0)
        note_miss(ring, slot);
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

/*
 * A zero-copy send's result, when its notification is still to come: kept until then, and the buffer stays lent. F_MORE alone
 * tells whether one comes, also after an error (io_uring_prep_send_zc(3); measured).
 */
static bool note_sent(struct sri_slot *slot, const struct io_uring_cqe *cqe)
{
    bool has_it = slot->state == SRI_OPERATION_SUBMITTED || slot->state == SRI_OPERATION_CANCELLING;
    if (!has_it || slot->opcode != IORING_OP_SEND_ZC || sri_is_sent(slot) ||
        (cqe->flags & IORING_CQE_F_MORE) == 0)
        return false;
    sri_check_count(slot, cqe->res);
    sri_mark(slot, SRI_MARK_SEVERAL, 0);
    slot->result = cqe->res;
    return true;
}

/* The terminal CQE. A notification brings no result of its own: the one that came before it is the operation's. */
static void note_end(struct sr_ring *ring, struct sri_slot *slot, const struct io_uring_cqe *cqe)
{
    ring->marked--;
    if (sri_is_sent(slot)) {
        sri_complete(ring, slot, slot->result, cqe->flags);
        return;
    }
    sri_check_count(slot, cqe->res);
    if ((cqe->flags & IORING_CQE_F_BUFFER) != 0)
        slot->buffer = sri_provider_selected(ring, slot, cqe);
    sri_complete(ring, slot, cqe->res, cqe->flags);
}

/* May this CQE be the operation's last? A notification ends what it was promised for, and nothing else does. */
static bool may_end(const struct sri_slot *slot, const struct io_uring_cqe *cqe)
{
    return (cqe->flags & IORING_CQE_F_MORE) == 0 && sri_may_bring(slot, cqe) &&
           sri_is_sent(slot) == ((cqe->flags & IORING_CQE_F_NOTIF) != 0);
}

static __attribute__((noinline)) void note_cqe(struct sr_ring *ring, const struct io_uring_cqe *cqe)
{
    struct sri_slot *slot = sri_slot_find(ring, cqe->user_data);
    if (slot != NULL)
        sri_slot_refresh(ring, slot);
    if (slot != NULL && !sri_is_simple(cqe) && (note_sent(slot, cqe) || sri_note_shot(ring, slot, cqe)))
        return;
    if (slot == NULL || !may_end(slot, cqe) ||
        sri_operation_move(&slot->state, SRI_OPERATION_COMPLETE) != 0) {
        note_other(ring, cqe);
        return;
    }
    note_end(ring, slot, cqe);
}

/*
 * Detached operations' completions, as long as they are the next and there is room where they are waited for. What the
 * loop needs of the ring is read once: the compiler has to think that every store of a byte changes it.
 */
static __attribute__((noinline)) uint32_t give_detached(struct sr_ring *ring, uint32_t head, uint32_t tail)
{
    const struct io_uring_cqe *const cqes = ring->shared.cqes;
    const uint32_t mask = ring->shared.cq_mask;
    const struct sri_hot hot = ring->hot;
    const uint32_t sq_head = ring->sq_head;
    const uint32_t now_ms = ring->now_ms;
    struct sr_completion *const end = ring->taker.end;
    struct sr_completion *next = ring->taker.next;
    uint32_t at = head;
    for (; at != tail && next != end; at++, next++) {
        const struct io_uring_cqe *cqe = &cqes[at & mask];
        struct sri_slot *slot = sri_hot_find(&hot, cqe->user_data);
        if (slot == NULL || slot->claim != SRI_CLAIM_QUEUE || !sri_is_simple(cqe) ||
            !sri_can_end(ring, slot, sq_head, now_ms))
            break;
        sri_give(ring, slot, cqe, slot->user, next);
    }
    ring->taker.next = next;
    ring->ended += at - head;
    ring->hot.detached -= at - head;
    return at;
}

/* The one operation whose handle is awaited, if this CQE is its own. */
static inline bool give_awaited(struct sr_ring *ring, const struct io_uring_cqe *cqe)
{
    struct sri_slot *slot = ring->taker.only;
    if (slot == NULL || slot->id != cqe->user_data || !sri_is_simple(cqe) ||
        slot->claim != SRI_CLAIM_HANDLE || !sri_can_end(ring, slot, ring->sq_head, ring->now_ms))
        return false;
    sri_give(ring, slot, cqe, NULL, ring->taker.next++);
    ring->taker.only = NULL;
    ring->ended++;
    return true;
}

/* Does somebody wait for detached operations, with nothing before the next? */
static inline bool takes_detached(const struct sr_ring *ring)
{
    return ring->taker.detached && ring->ready.count == 0;
}

/* In order of arrival; stops when the queue of untaken completions is full, so that nothing is lost (OP-9). */
void sri_reap_some(struct sr_ring *ring)
{
    uint32_t head = *ring->shared.cq_head;
    uint32_t tail = io_uring_smp_load_acquire(ring->shared.cq_tail);
    while (head != tail) {
        if (takes_detached(ring))
            head = give_detached(ring, head, tail);
        if (head == tail || sri_queue_full(ring))
            break;
        const struct io_uring_cqe *cqe = &ring->shared.cqes[head & ring->shared.cq_mask];
        if (!sri_is_simple(cqe) && sri_lacks_shot(ring, cqe))
            break;
        head++;
        if (!give_awaited(ring, cqe))
            note_cqe(ring, cqe);
    }
    io_uring_smp_store_release(ring->shared.cq_head, head);
    if (__builtin_expect((ring->errands & SRI_ERRAND_BATCHES) != 0, 0))
        sri_run_batches(ring);
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
