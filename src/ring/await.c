/*
 * Waiting for one operation by its handle: await, with and without a limit, and peek.
 */
#include "ring/enter.h"
#include "ring/give.h"

/* The handle's operation, if the handle may still be asked (OP-3). */
static inline int find(const struct sr_ring *ring, const struct sr_op *op, struct sri_slot **slot)
{
    *slot = sri_slot_find(ring, op->id);
    return *slot != NULL ? sri_orphan_move(&(*slot)->claim, SRI_CLAIM_ASK) : SR_ESTALE;
}

/* 0 with the operation's completion, SR_EOPERATION_PENDING until it has ended, or why the handle can't be asked. */
static inline int try_deliver(struct sr_ring *ring, struct sr_op *op, struct sr_completion *done)
{
    struct sri_slot *slot;
    int refused = find(ring, op, &slot);
    if (refused == 0)
        refused = sri_slot_deliver(ring, slot, done);
    if (refused == 0)
        op->id = 0;
    return refused;
}

/*
 * Looks at what is there for the slot's operation, or makes a step of a wait for it. True: its completion is in *done.
 * Callbacks never run in here: they may still use the handle that is awaited.
 */
static __attribute__((noinline)) bool is_there(struct sr_ring *ring, struct sri_slot *slot,
                                               struct sr_completion *done)
{
    ring->taker = (struct sri_taker){done, done + 1, slot, false};
    sri_reap(ring);
    bool arrived = ring->taker.only == NULL;
    ring->taker.only = NULL;
    return arrived;
}

static bool arrives_by(struct sr_ring *ring, struct sri_slot *slot, uint64_t deadline_ns,
                       struct sr_completion *done, int *step)
{
    ring->taker = (struct sri_taker){done, done + 1, slot, false};
    *step = sri_progress_until(ring, deadline_ns);
    bool arrived = ring->taker.only == NULL;
    ring->taker.only = NULL;
    return arrived;
}

/* A step was made, and *done is not filled. What callbacks do now may end the operation, or take its handle away. */
static __attribute__((noinline)) int wait_on(struct sr_ring *ring, struct sr_op *op, struct sri_slot *slot,
                                             uint64_t deadline, struct sr_completion *done, int step)
{
    for (;;) {
        sri_run_callbacks(ring);
        int rc = try_deliver(ring, op, done);
        if (rc != SR_EOPERATION_PENDING)
            return rc;
        if (step != 0)
            return step;
        if (sri_queue_full(ring))
            return SR_EQUEUE_FULL;
        if (arrives_by(ring, slot, deadline, done, &step)) {
            op->id = 0;
            return 0;
        }
    }
}

static __attribute__((noinline)) int await(struct sr_ring *ring, struct sr_op *op, uint64_t timeout_ns,
                                           struct sr_completion *done)
{
    int rc = sri_wait_check(ring, op, done, true);
    if (rc != 0)
        return rc;
    rc = try_deliver(ring, op, done);
    if (rc != SR_EOPERATION_PENDING)
        return rc;
    struct sri_slot *slot = sri_slot_find(ring, op->id);
    if (ring->callbacks.count == 0 && is_there(ring, slot, done)) {
        op->id = 0;
        return 0;
    }
    return wait_on(ring, op, slot, sri_deadline(ring, timeout_ns), done, 0);
}

/* The slot of an operation that is under way on a ring with nothing else to do before it waits; or NULL. */
static inline struct sri_slot *ordinary(const struct sr_ring *ring, const struct sr_op *op,
                                        const struct sr_completion *done)
{
    if (ring == NULL || op == NULL || done == NULL || !sri_is_open(&ring->hot) || ring->in_callback ||
        ring->callbacks.count != 0 || ring->errands != 0 || sri_queue_full(ring))
        return NULL;
    struct sri_slot *slot = sri_slot_find(ring, op->id);
    bool waits =
        slot != NULL && slot->claim == SRI_CLAIM_HANDLE &&
        (uint8_t)(slot->state - SRI_OPERATION_QUEUED) <= SRI_OPERATION_CANCELLING - SRI_OPERATION_QUEUED;
    return waits && *ring->shared.cq_head == io_uring_smp_load_acquire(ring->shared.cq_tail) ? slot : NULL;
}

/* What an enter brought, mostly the one CQE that was waited for. */
static inline bool reap_one(struct sr_ring *ring, struct sri_slot *slot, struct sr_completion *done)
{
    uint32_t head = *ring->shared.cq_head;
    uint32_t count = io_uring_smp_load_acquire(ring->shared.cq_tail) - head;
    const struct io_uring_cqe *cqe = &ring->shared.cqes[head & ring->shared.cq_mask];
    if (__builtin_expect(count != 1 || cqe->user_data != slot->id || !sri_is_simple(cqe) ||
                             !sri_can_end(ring, slot, ring->sq_head, ring->now_ms),
                         0))
        return is_there(ring, slot, done);
    sri_give(ring, slot, cqe, NULL, done);
    ring->ended++;
    io_uring_smp_store_release(ring->shared.cq_head, head + 1);
    return true;
}

/*
 * Kept short in instructions and in what it touches: after a system call neither is in the first caches any more (measured,
 * docs/performance.md). For the same reason it begins with a line of the cache, wherever the linker puts it.
 */
__attribute__((aligned(64))) SR_UNCHECKED int sr_op_await(struct sr_ring *ring, struct sr_op *op,
                                                          struct sr_completion *done)
{
    struct sri_slot *slot = ordinary(ring, op, done);
    if (__builtin_expect(slot == NULL, 0))
        return await(ring, op, SR_FOREVER, done);
    sri_count_overflow(ring);
    int rc = sri_kernel_enter(ring, sri_queued(ring), 1, IORING_ENTER_GETEVENTS, SR_FOREVER);
    bool arrived = reap_one(ring, slot, done);
    sri_mark_submitted(ring);
    if (__builtin_expect(!arrived, 0))
        return wait_on(ring, op, slot, SR_FOREVER, done, rc < 0 ? sri_refused(ring, SR_FOREVER, rc) : 0);
    ring->refusals = 0;
    op->id = 0;
    return 0;
}

SR_UNCHECKED int sr_op_await_timeout(struct sr_ring *ring, struct sr_op *op, uint64_t timeout_ns,
                                     struct sr_completion *done)
{
    return await(ring, op, timeout_ns, done);
}

SR_UNCHECKED int sr_op_peek(struct sr_ring *ring, struct sr_op *op, struct sr_completion *done)
{
    int rc = sri_wait_check(ring, op, done, false);
    if (rc != 0)
        return rc;
    rc = try_deliver(ring, op, done);
    if (rc != SR_EOPERATION_PENDING)
        return rc;
    sri_reap(ring);
    rc = try_deliver(ring, op, done);
    if (rc != SR_EOPERATION_PENDING)
        return rc;
    int step = sri_queue_full(ring) ? SR_EQUEUE_FULL : sri_progress(ring, 0);
    rc = try_deliver(ring, op, done);
    return rc == SR_EOPERATION_PENDING && step != 0 ? step : rc;
}

/* Has one of them ended? 0, SR_EOPERATION_PENDING, or why one can't be asked. */
static int any_ended(const struct sr_ring *ring, const struct sr_op *const ops[], size_t count)
{
    bool ended = false;
    for (size_t i = 0; i < count; i++) {
        struct sri_slot *slot;
        int refused = ops[i] != NULL ? find(ring, ops[i], &slot) : -EINVAL;
        if (refused != 0)
            return refused;
        if (slot->state == SRI_OPERATION_DELIVERED)
            return SR_EINVALID_STATE;
        ended = ended || slot->state == SRI_OPERATION_COMPLETED;
    }
    return ended ? 0 : SR_EOPERATION_PENDING;
}

SR_UNCHECKED int sr_op_wait_any(struct sr_ring *ring, const struct sr_op *const ops[], size_t count,
                                uint64_t timeout_ns)
{
    int rc = sri_wait_check(ring, ops, ops, true);
    if (rc == 0 && count == 0)
        rc = -EINVAL;
    if (rc != 0)
        return rc;
    uint64_t deadline = sri_deadline(ring, timeout_ns);
    sri_reap(ring);
    for (int step = 0;;) {
        sri_run_callbacks(ring);
        rc = any_ended(ring, ops, count);
        if (rc != SR_EOPERATION_PENDING)
            return rc;
        if (step != 0)
            return step;
        if (sri_queue_full(ring))
            return SR_EQUEUE_FULL;
        step = sri_progress_until(ring, deadline);
    }
}
