/*
 * From the SQ to the kernel, and back out of the SQ. The only room that calls the kernel's enter; it never reads the CQ.
 */
#include "ring/ring_private.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

static struct io_uring_sqe *entry_at(const struct sr_ring *ring, uint32_t position)
{
    return &ring->uring.sq.sqes[position & ring->uring.sq.ring_mask];
}

/* Marks what the kernel has consumed since the last look. An entry's memory is ours until the tail comes round to it. */
static void note_consumed(struct sr_ring *ring)
{
    uint32_t head = io_uring_smp_load_acquire(ring->uring.sq.khead);
    uint64_t submitted = 0;
    for (uint32_t position = ring->uring.sq.sqe_head; position != head; position++) {
        uint64_t id = entry_at(ring, position)->user_data;
        if (sri_id_tag(id) != SRI_TAG_OPERATION)
            continue;
        struct sri_slot *slot = &ring->slots[sri_id_index(id)];
        SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_CONSUME) == 0);
        slot->submitted_ms = ring->now_ms;
        submitted++;
    }
    ring->stats.submitted += submitted;
    ring->uring.sq.sqe_head = head;
}

/*
 * A kernel that took an operation and not the linked timeout behind it has parted the two: alone, the linked timeout would
 * be refused, and the operation had none. It goes as a timeout of its own, and its end asks for the cancel (OP-7).
 */
static void mend_parted_pair(struct sr_ring *ring)
{
    struct io_uring_sqe *sqe = entry_at(ring, ring->uring.sq.sqe_head);
    uint64_t id = sqe->user_data;
    if (sri_queued(ring) == 0 || sri_id_tag(id) != SRI_TAG_LIMIT)
        return;
    struct sri_slot *slot = &ring->slots[sri_id_index(id)];
    if ((slot->marks & SRI_MARK_LIMITED) == 0)
        return;
    io_uring_prep_timeout(sqe, &sri_arguments_of(ring, slot)->limit, 0, 0);
    sqe->user_data = id;
    sri_mark(slot, SRI_MARK_PARTED, SRI_MARK_LIMITED);
}

/* In whole milliseconds, rounded up, so that a panic shows no operation older than it is (RING-2). */
static void read_clock(struct sr_ring *ring)
{
    uint64_t since_open_ns = ring->kernel.vtable->now_ns(ring->kernel.self) - ring->opened_ns;
    ring->now_ms = (uint32_t)((since_open_ns + NS_PER_MS - 1) / NS_PER_MS);
}

/* As io_uring_enter2() with a limit for the wait. */
static int enter_limited(struct sr_ring *ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                         uint64_t timeout_ns)
{
    struct __kernel_timespec limit = {.tv_sec = (long long)(timeout_ns / NS_PER_S),
                                      .tv_nsec = (long long)(timeout_ns % NS_PER_S)};
    struct io_uring_getevents_arg argument = {.sigmask_sz = 0, .ts = (uint64_t)(uintptr_t)&limit};
    return ring->kernel.vtable->enter(ring->kernel.self, ring->uring.ring_fd, to_submit, min_complete,
                                      flags | IORING_ENTER_EXT_ARG, &argument, sizeof argument);
}

int sri_kernel_enter(struct sr_ring *ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                     uint64_t timeout_ns)
{
    io_uring_smp_store_release(ring->uring.sq.ktail, ring->uring.sq.sqe_tail);
    read_clock(ring);
    ring->stats.enters++;
    int rc;
    if (min_complete == 0 || timeout_ns == SR_FOREVER)
        rc = ring->kernel.vtable->enter(ring->kernel.self, ring->uring.ring_fd, to_submit, min_complete,
                                        flags, NULL, 0);
    else
        rc = enter_limited(ring, to_submit, min_complete, flags, timeout_ns);
    note_consumed(ring);
    mend_parted_pair(ring);
    return rc;
}

/*
 * As long as the kernel takes something it is offered the rest: a refused entry stops a batch, and a kernel may consume
 * only part of one. What it does not take stays queued, with its state (OP-6).
 */
int sri_ring_submit(struct sr_ring *ring)
{
    sri_send_cancels(ring);
    while (sri_queued(ring) > 0) {
        uint32_t before = sri_queued(ring);
        int rc = sri_kernel_enter(ring, before, 0, 0, 0);
        if (rc == -EINTR)
            continue;
        if (rc < 0)
            return rc;
        if (sri_queued(ring) == before)
            return -EAGAIN;
        sri_send_cancels(ring);
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

/* The slot whose own entry stands at a position, or NULL for a tagged one. */
static struct sri_slot *operation_at(const struct sr_ring *ring, uint32_t position)
{
    uint64_t id = entry_at(ring, position)->user_data;
    return sri_id_tag(id) == SRI_TAG_OPERATION ? &ring->slots[sri_id_index(id)] : NULL;
}

/*
 * Takes an operation's entries (its own, and its linked timeout's behind it) out of the SQ: those behind move down and
 * the tail is lowered, which the kernel sees at the next enter (ORPH-2, measured).
 */
void sri_slot_withdraw(struct sr_ring *ring, struct sri_slot *slot)
{
    uint32_t entries = (slot->marks & SRI_MARK_LIMITED) != 0 ? 2 : 1;
    for (uint32_t to = slot->sq_position; to + entries != ring->uring.sq.sqe_tail; to++) {
        *entry_at(ring, to) = *entry_at(ring, to + entries);
        struct sri_slot *moved = operation_at(ring, to);
        if (moved != NULL)
            moved->sq_position = to;
    }
    ring->uring.sq.sqe_tail -= entries;
    if (entries == 2) {
        sri_mark(slot, 0, SRI_MARK_LIMITED);
        slot->owed--;
    }
    ring->stats.withdrawn++;
}
