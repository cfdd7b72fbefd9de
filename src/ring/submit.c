/*
 * The SQ: what is queued, what the kernel has taken of it, what is taken back. Never reads the CQ.
 */
#include "ring/enter.h"

struct io_uring_sqe *sri_entry_at(const struct sr_ring *ring, uint32_t position)
{
    return &ring->hot.sqes[position & ring->hot.sq_mask];
}

struct sri_slot *sri_operation_at(const struct sr_ring *ring, uint32_t position)
{
    return sri_slot_find(ring, sri_entry_at(ring, position)->user_data);
}

/* An entry's memory is ours until the tail comes round to it. */
void sri_mark_each(struct sr_ring *ring)
{
    for (uint32_t position = ring->sq_marked; position != ring->sq_head; position++) {
        struct sri_slot *slot = sri_operation_at(ring, position);
        if (slot != NULL)
            sri_slot_refresh(ring, slot);
    }
    ring->sq_marked = ring->sq_head;
}

void sri_read_clock(struct sr_ring *ring)
{
    uint64_t since_open_ns = ring->kernel.vtable->now_ns(ring->kernel.self) - ring->opened_ns;
    ring->now_ms = (uint32_t)((since_open_ns + SRI_NS_PER_MS - 1) / SRI_NS_PER_MS);
}

uint32_t sri_queued_operations(const struct sr_ring *ring)
{
    uint32_t count = 0;
    for (uint32_t position = ring->sq_head; position != ring->hot.sq_tail; position++)
        count += sri_id_tag(sri_entry_at(ring, position)->user_data) == SRI_TAG_OPERATION;
    return count;
}

/*
 * A kernel that took an operation and not the linked timeout behind it has parted the two: alone, the linked timeout would
 * be refused, and the operation had none. It goes as a timeout of its own, and its end asks for the cancel (OP-7). A chain's
 * rest is its batch's again.
 */
void sri_mend_parted_pair(struct sr_ring *ring)
{
    struct io_uring_sqe *sqe = sri_entry_at(ring, ring->sq_head);
    uint64_t id = sqe->user_data;
    if (sri_id_tag(id) == SRI_TAG_OPERATION)
        sri_batch_mend_parted_chain(ring, sri_operation_at(ring, ring->sq_head));
    if (sri_id_tag(id) != SRI_TAG_LIMIT)
        return;
    struct sri_slot *slot = &ring->hot.slots[sri_id_index(id)];
    if ((slot->marks & SRI_MARK_LIMITED) == 0)
        return;
    io_uring_prep_timeout(sqe, &sri_arguments_of(ring, slot)->limit, 0, 0);
    sqe->user_data = id;
    sri_mark(slot, SRI_MARK_PARTED, SRI_MARK_LIMITED);
}

/* Batches first: what they give up is cancelled. */
void sri_run_each_errand(struct sr_ring *ring)
{
    if ((ring->errands & SRI_ERRAND_BATCHES) != 0)
        sri_run_batches(ring);
    if ((ring->errands & SRI_ERRAND_CANCELS) != 0)
        sri_queue_cancels(ring);
}

/*
 * As long as the kernel takes something it is offered the rest: a refused entry stops a batch, and a kernel may consume
 * only part of one. What it does not take stays queued, with its state (OP-6).
 */
int sri_ring_submit(struct sr_ring *ring)
{
    sri_run_errands(ring);
    while (sri_queued(ring) > 0) {
        uint32_t before = sri_queued(ring);
        int rc = sri_kernel_enter(ring, before, 0, 0, 0);
        sri_mark_submitted(ring);
        if (rc == -EINTR)
            continue;
        if (rc < 0)
            return rc;
        if (sri_queued(ring) == before)
            return -EAGAIN;
        sri_run_errands(ring);
    }
    return 0;
}

int sr_ring_submit(struct sr_ring *ring)
{
    if (ring == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    return ring->usable ? sri_ring_submit(ring) : SR_EINVALID_STATE;
}

bool sri_make_room(struct sr_ring *ring, uint32_t entries)
{
    int ignored = sri_ring_submit(ring);
    (void)ignored; /* whether there is room now is what counts */
    return sri_has_room(ring, entries);
}

/*
 * Takes an operation's entries (its own, and its linked timeout's behind it) out of the SQ: those behind move down and
 * the tail is lowered, which the kernel sees at the next enter (ORPH-2, measured).
 */
void sri_slot_withdraw(struct sr_ring *ring, struct sri_slot *slot)
{
    uint32_t entries = (slot->marks & SRI_MARK_LIMITED) != 0 ? 2 : 1;
    for (uint32_t to = slot->sq_position; to + entries != ring->hot.sq_tail; to++) {
        *sri_entry_at(ring, to) = *sri_entry_at(ring, to + entries);
        struct sri_slot *moved = sri_operation_at(ring, to);
        if (moved != NULL)
            moved->sq_position = to;
    }
    ring->hot.sq_tail -= entries;
    if (entries == 2) {
        sri_mark(slot, 0, SRI_MARK_LIMITED);
        sri_repay(slot);
    }
    ring->stats.withdrawn++;
}
