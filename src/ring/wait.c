/*
 * Waiting for completions: one step at a time, each of which submits, enters, reaps. Never loses what arrives for others
 * (OP-4), and never waits for what cannot come (OP-8).
 */
#include "ring/enter.h"

uint64_t sri_deadline(const struct sr_ring *ring, uint64_t timeout_ns)
{
    if (timeout_ns == SR_FOREVER)
        return SR_FOREVER;
    uint64_t now = ring->kernel.vtable->now_ns(ring->kernel.self);
    return timeout_ns >= SR_FOREVER - now ? SR_FOREVER : now + timeout_ns;
}

uint64_t sri_time_left(const struct sr_ring *ring, uint64_t deadline_ns)
{
    if (deadline_ns == SR_FOREVER)
        return SR_FOREVER;
    uint64_t now = ring->kernel.vtable->now_ns(ring->kernel.self);
    return now < deadline_ns ? deadline_ns - now : 0;
}

/* Overflowed completions are handed out only by an enter with GETEVENTS, which every step makes. */
static void count_overflow(struct sr_ring *ring)
{
    if ((__atomic_load_n(ring->shared.sq_flags, __ATOMIC_RELAXED) & IORING_SQ_CQ_OVERFLOW) != 0)
        ring->stats.overflows++;
}

#define IN_LINE static inline __attribute__((always_inline))

IN_LINE int enter_and_reap(struct sr_ring *ring, uint32_t to_submit, uint64_t timeout_ns)
{
    int rc = sri_kernel_enter(ring, to_submit, timeout_ns != 0 ? 1 : 0, IORING_ENTER_GETEVENTS, timeout_ns);
    sri_reap(ring);
    sri_mark_submitted(ring);
    return rc;
}

/* How often in a row a waiting call bears that the kernel takes nothing, and how long it lets the kernel work between. */
#define REFUSALS_MAX 1000u
#define REFUSAL_PAUSE_NS UINT64_C(1000000)

/*
 * -EAGAIN and -EBUSY say that the kernel takes no entries now. What it took before goes on meanwhile, so it is given time
 * and asked again: an operation under way may be waiting for just the entry that was refused.
 */
static int wait_without_submitting(struct sr_ring *ring, uint64_t timeout_ns, int why)
{
    if (ring->refusals++ >= REFUSALS_MAX) {
        ring->refusals = 0;
        return why;
    }
    uint64_t pause = timeout_ns < REFUSAL_PAUSE_NS ? timeout_ns : REFUSAL_PAUSE_NS;
    int rc = enter_and_reap(ring, 0, pause);
    return rc == -EAGAIN || rc == -EBUSY || rc == -EINTR || rc == -ETIME ? 0 : rc < 0 ? rc : 0;
}

static __attribute__((cold, noinline)) int refused(struct sr_ring *ring, uint64_t timeout_ns, int rc)
{
    if (rc == -EINTR)
        return 0;
    return rc == -EAGAIN || rc == -EBUSY ? wait_without_submitting(ring, timeout_ns, rc) : rc;
}

IN_LINE int progress(struct sr_ring *ring, uint64_t timeout_ns)
{
    sri_send_cancels(ring);
    count_overflow(ring);
    int rc = enter_and_reap(ring, sri_queued(ring), timeout_ns);
    if (__builtin_expect(rc < 0, 0))
        return refused(ring, timeout_ns, rc);
    ring->refusals = 0;
    return 0;
}

int sri_progress(struct sr_ring *ring, uint64_t timeout_ns)
{
    return progress(ring, timeout_ns);
}

/*
 * A step of a wait that ends at the deadline, when it is -ETIME; what the last step brought is still looked at. A callback
 * that another one's peek made due is not waited over: its work may be what the wait is for.
 */
IN_LINE int progress_until(struct sr_ring *ring, uint64_t deadline_ns)
{
    bool due = ring->callbacks.count != 0;
    if (deadline_ns == SR_FOREVER && !due)
        return progress(ring, SR_FOREVER);
    int rc = sri_progress(ring, due ? 0 : sri_time_left(ring, deadline_ns));
    return rc == 0 && sri_time_left(ring, deadline_ns) == 0 ? -ETIME : rc;
}

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

static inline int check(const struct sr_ring *ring, const void *a, const void *b, bool waits)
{
    if (ring == NULL || a == NULL || b == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    return !ring->usable || (waits && ring->in_callback) ? SR_EINVALID_STATE : 0;
}

/*
 * Looks at what is there for the slot's operation, or makes a step of a wait for it. True: its completion is in *done.
 * Callbacks never run in here: they may still use the handle that is awaited.
 */
static inline bool is_there(struct sr_ring *ring, struct sri_slot *slot, struct sr_completion *done)
{
    ring->taker = (struct sri_taker){done, done + 1, slot, false};
    sri_reap(ring);
    bool arrived = ring->taker.only == NULL;
    ring->taker.only = NULL;
    return arrived;
}

IN_LINE bool arrives_by(struct sr_ring *ring, struct sri_slot *slot, uint64_t deadline_ns,
                        struct sr_completion *done, int *step)
{
    ring->taker = (struct sri_taker){done, done + 1, slot, false};
    *step = progress_until(ring, deadline_ns);
    bool arrived = ring->taker.only == NULL;
    ring->taker.only = NULL;
    return arrived;
}

/* Nothing has arrived: what callbacks do meanwhile may have ended the operation, or taken its handle away. */
IN_LINE int wait_for(struct sr_ring *ring, struct sr_op *op, struct sri_slot *slot, uint64_t timeout_ns,
                     struct sr_completion *done)
{
    uint64_t deadline = sri_deadline(ring, timeout_ns);
    for (int step = 0;;) {
        int rc = sri_run_callbacks(ring) != 0 ? try_deliver(ring, op, done) : SR_EOPERATION_PENDING;
        if (rc != SR_EOPERATION_PENDING)
            return rc;
        if (step != 0)
            return step;
        if (sri_queue_full(ring))
            return SR_EQUEUE_FULL;
        if (arrives_by(ring, slot, deadline, done, &step))
            return 0;
    }
}

IN_LINE int await(struct sr_ring *ring, struct sr_op *op, uint64_t timeout_ns, struct sr_completion *done)
{
    int rc = check(ring, op, done, true);
    if (rc != 0)
        return rc;
    rc = try_deliver(ring, op, done);
    if (rc != SR_EOPERATION_PENDING)
        return rc;
    struct sri_slot *slot = sri_slot_find(ring, op->id);
    rc = ring->callbacks.count == 0 && is_there(ring, slot, done)
             ? 0
             : wait_for(ring, op, slot, timeout_ns, done);
    if (rc == 0)
        op->id = 0;
    return rc;
}

SR_UNCHECKED int sr_op_await(struct sr_ring *ring, struct sr_op *op, struct sr_completion *done)
{
    return await(ring, op, SR_FOREVER, done);
}

SR_UNCHECKED int sr_op_await_timeout(struct sr_ring *ring, struct sr_op *op, uint64_t timeout_ns,
                                     struct sr_completion *done)
{
    return await(ring, op, timeout_ns, done);
}

SR_UNCHECKED int sr_op_peek(struct sr_ring *ring, struct sr_op *op, struct sr_completion *done)
{
    int rc = check(ring, op, done, false);
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

/* Anything for sr_ring_next()? Posted values first: they cost nothing and wait for nobody. */
static bool take_next(struct sr_ring *ring, struct sr_completion *done)
{
    if (sri_posts_any(ring) && sri_posts_take(ring, done))
        return true;
    return ring->ready.head != SRI_NO_SLOT &&
           sri_slot_deliver(ring, &ring->hot.slots[ring->ready.head], done) == 0;
}

/* How many are in done[]: `taken` of them already, and what else is there. */
static size_t take_all(struct sr_ring *ring, struct sr_completion done[], size_t room, size_t taken)
{
    while (taken < room && take_next(ring, &done[taken]))
        taken++;
    return taken;
}

/* Waits until something is in done[], where completions arrive without a detour as long as the taker stands. */
IN_LINE int wait_for_some(struct sr_ring *ring, uint64_t timeout_ns, struct sr_completion done[], size_t room,
                          size_t *taken)
{
    sri_reap(ring);
    uint64_t deadline = sri_deadline(ring, timeout_ns);
    for (int step = 0;;) {
        sri_run_callbacks(ring);
        *taken = take_all(ring, done, room, (size_t)(ring->taker.next - done));
        if (*taken > 0)
            return 0;
        if (step != 0)
            return step;
        if (ring->hot.detached == 0 && !ring->awaits_posts)
            return SR_ENOTHING_IN_FLIGHT;
        if (sri_queue_full(ring))
            return SR_EQUEUE_FULL;
        step = progress_until(ring, deadline);
    }
}

IN_LINE int next(struct sr_ring *ring, uint64_t timeout_ns, struct sr_completion done[], size_t room,
                 size_t *taken)
{
    int rc = check(ring, done, taken, true);
    if (rc != 0)
        return rc;
    *taken = take_all(ring, done, room, 0);
    if (*taken > 0)
        return 0;
    ring->taker = (struct sri_taker){done, done + room, NULL, true};
    rc = wait_for_some(ring, timeout_ns, done, room, taken);
    ring->taker.detached = false;
    return rc;
}

SR_UNCHECKED int sr_ring_next(struct sr_ring *ring, struct sr_completion *done)
{
    size_t taken;
    return next(ring, SR_FOREVER, done, 1, &taken);
}

SR_UNCHECKED int sr_ring_next_timeout(struct sr_ring *ring, uint64_t timeout_ns, struct sr_completion *done)
{
    size_t taken;
    return next(ring, timeout_ns, done, 1, &taken);
}

SR_UNCHECKED int sr_ring_next_many(struct sr_ring *ring, struct sr_completion done[], size_t room,
                                   size_t *count)
{
    if (room == 0 || count == NULL)
        return -EINVAL;
    size_t taken;
    int rc = next(ring, SR_FOREVER, done, room, &taken);
    if (rc == 0)
        *count = taken;
    return rc;
}
