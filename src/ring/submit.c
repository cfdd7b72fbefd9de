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
    if (ring->polled)
        return; /* the thread may be at this very entry */
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
 * A polling thread takes what was published in its own time, and nothing of it can be taken back: it counts as taken (ORPH-2).
 * Its places are free only as that thread comes to them.
 */
static void see_polled_head(struct sr_ring *ring)
{
    sri_set_sq_head(ring, io_uring_smp_load_acquire(ring->shared.sq_head));
    ring->sq_head = ring->hot.sq_tail;
}

/*
 * While the thread is awake, publishing is all there is to do; one that sleeps is woken. A kernel whose completions come within
 * enter says so in the flags.
 */
static int enter_polled(struct sr_ring *ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                        uint64_t timeout_ns)
{
    io_uring_smp_store_release(ring->shared.sq_tail, ring->hot.sq_tail);
    __atomic_thread_fence(
        __ATOMIC_SEQ_CST); /* the tail before the flag: io_uring_setup(2), IORING_SETUP_SQPOLL */
    uint32_t said = __atomic_load_n(ring->shared.sq_flags, __ATOMIC_RELAXED);
    bool waits = min_complete != 0 || (flags & IORING_ENTER_SQ_WAIT) != 0;
    int rc = (int)to_submit;
    if ((said & IORING_SQ_NEED_WAKEUP) != 0)
        flags |= IORING_ENTER_SQ_WAKEUP;
    if (waits || (said & (IORING_SQ_NEED_WAKEUP | IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) != 0)
        rc = sri_kernel_enter(ring, to_submit, min_complete, flags, timeout_ns);
    else
        sri_read_clock(ring);
    see_polled_head(ring);
    return rc;
}

int sri_enter_any(struct sr_ring *ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                  uint64_t timeout_ns)
{
    return ring->polled ? enter_polled(ring, to_submit, min_complete, flags, timeout_ns)
                        : sri_kernel_enter(ring, to_submit, min_complete, flags, timeout_ns);
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
        int rc = sri_enter_any(ring, before, 0, 0, 0);
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

/* The polling thread is waited for until it has taken entries enough. */
static void wait_for_room(struct sr_ring *ring, uint32_t entries)
{
    for (int again = 0; again < 1000; again++) {
        see_polled_head(ring);
        if (sri_has_room(ring, entries))
            return;
        int rc = sri_enter_any(ring, 0, 0, IORING_ENTER_SQ_WAIT, 0);
        (void)rc; /* whether there is room now is what counts */
    }
}

bool sri_make_room(struct sr_ring *ring, uint32_t entries)
{
    int ignored = sri_ring_submit(ring);
    (void)ignored; /* whether there is room now is what counts */
    if (ring->polled)
        wait_for_room(ring, entries);
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
