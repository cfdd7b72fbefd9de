/*
 * The CQEs of one submission: those of the requests that end in it are published together, behind what came up meanwhile
 * and is no request's.
 */
#include "engine/steps.h"

void sri_batch_begin(struct sri_ring *ring)
{
    ring->in_batch = true;
    ring->batch_at = ring->cq_tail;
    ring->batch_overflow = ring->overflow_count;
}

/* Timeouts that count what has ended in it come first, then what goes on in chains (measured). */
void sri_batch_follow(struct sri_ring *ring)
{
    if (!sri_list_empty(&ring->followers))
        sri_look_unless_told(ring->engine);
    sri_counting_advance(ring);
    if (ring->engine->closing_count > 0)
        sri_closing_publish(ring->engine);
    sri_chain_follow(ring);
}

void sri_batch_go_on(struct sri_ring *ring)
{
    if (!ring->consuming)
        return;
    sri_batch_follow(ring);
    ring->consuming = true;
}

void sri_batch_end(struct sri_ring *ring)
{
    ring->in_batch = false;
    __atomic_store_n(&ring->header->cq_tail, ring->cq_tail, __ATOMIC_RELEASE);
    if (ring->late_first != NULL)
        sri_resources_settle(ring);
}

void sri_batch_flush(struct sri_ring *ring)
{
    if (!ring->in_batch)
        return;
    sri_batch_end(ring);
    sri_batch_begin(ring);
}

/* The entry takes a place in the CQ and hands on what was there. */
static void change_places(const struct sri_ring *ring, uint32_t position, struct sri_overflow_entry *carried)
{
    const struct io_uring_cqe *cqe = sri_cqe_at(ring, position);
    struct sri_overflow_entry aside = {cqe->user_data, cqe->res, cqe->flags};
    sri_fill_cqe(ring, position, carried->user_data, carried->result, carried->flags);
    *carried = aside;
}

/* Each of the batch's own steps back by one; the last finds room behind them, or stands first among those that don't. */
static void insert(struct sri_ring *ring, struct sri_overflow_entry carried)
{
    for (uint32_t at = ring->batch_at; at != ring->cq_tail; at++)
        change_places(ring, at, &carried);
    if (ring->overflow_count > ring->batch_overflow)
        sri_overflow_insert(ring, ring->batch_overflow, &carried);
    else
        sri_post_late(ring, carried.user_data, carried.result, carried.flags);
}

void sri_post_early(struct sri_ring *ring, uint64_t user_data, int32_t result, uint32_t flags)
{
    if (!ring->in_batch) {
        sri_post(ring, user_data, result, flags);
        return;
    }
    ring->posted++;
    ring->eventfd_due |= !ring->eventfd_only_async;
    insert(ring, (struct sri_overflow_entry){user_data, result, flags});
    if (ring->batch_at != ring->cq_tail)
        ring->batch_at++;
    else
        ring->batch_overflow++;
}
