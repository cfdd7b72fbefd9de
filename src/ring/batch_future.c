/*
 * Submitting a batch, waiting for it, dropping it (BATCH-6). Nothing of a future borrows the ring: it is looked up by its id
 * each time (BATCH-5).
 */
#include "ring/batch_link.h"
#include "ring/enter.h"

/* ---- Submitting ---- */

/* What a start would refuse for good is refused here, where nothing has moved. */
static int check_members(const struct sr_ring *ring, const struct sr_batch *batch)
{
    for (uint32_t i = 0; i < batch->graph.count; i++) {
        const struct sr_op_spec *spec = &batch->members[i].spec;
        int refused = sri_spec_fits(ring, spec);
        if (refused != 0)
            return refused;
    }
    return 0;
}

static int check_submission(const struct sr_ring *ring, struct sr_batch *const *batch, const void *out)
{
    if (ring == NULL || batch == NULL || *batch == NULL || out == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    if (!ring->usable || ring->draining || (*batch)->stage != SRI_BATCH_BUILDING)
        return SR_EINVALID_STATE;
    if ((*batch)->graph.count == 0)
        return SR_EBATCH_EMPTY;
    return check_members(ring, *batch);
}

/* From here on the ring has it, and every operation of it counts as in flight. */
static void take_in(struct sr_ring *ring, struct sr_batch *batch)
{
    sri_batch_take_place(ring, batch);
    batch->ring = ring;
    batch->stage = SRI_BATCH_RUNNING;
    sri_graph_begin(&batch->graph);
    sri_batch_set_due(ring, batch);
    sri_run_batches(ring);
}

SR_UNCHECKED int sr_batch_submit_standalone(struct sr_ring *ring, struct sr_batch **batch,
                                            struct sr_batch_future *future)
{
    int refused = check_submission(ring, batch, future);
    if (refused == 0)
        refused = sri_batch_make_place(&ring->batches);
    if (refused != 0)
        return refused;
    take_in(ring, *batch);
    future->id = (*batch)->id;
    *batch = NULL;
    return 0;
}

/* ---- Waiting ---- */

static void hand_over(struct sr_ring *ring, struct sr_batch *batch, struct sr_batch_result *result)
{
    batch->stage = SRI_BATCH_HANDED;
    *result = (struct sr_batch_result){.ring = ring, .id = batch->id, .count = batch->graph.count};
    for (uint32_t i = 0; i < batch->graph.count; i++) {
        uint8_t state = sri_batch_state(batch, i);
        result->succeeded += state == SRI_MEMBER_DONE;
        result->failed += state == SRI_MEMBER_FAILED;
        result->cancelled += state == SRI_MEMBER_CANCELLED;
    }
}

/* The batch of an id hands its result over, if it has ended. */
static int try_hand_over(struct sr_ring *ring, uint64_t id, struct sr_batch_result *result)
{
    struct sr_batch *batch = sri_batch_find(ring, id);
    if (batch == NULL || batch->stage != SRI_BATCH_RUNNING)
        return SR_ESTALE;
    if (!sri_batch_is_over(batch))
        return SR_EOPERATION_PENDING;
    hand_over(ring, batch, result);
    return 0;
}

/* Why there is no use in waiting: nothing under way could end, or free the slot that is wanted. */
static int hopeless(const struct sr_ring *ring)
{
    if (sri_queue_full(ring))
        return SR_EQUEUE_FULL;
    return sri_under_way(ring) == 0 && ring->batches.due != NULL && ring->hot.free == NULL ? -EBUSY : 0;
}

static int step(struct sr_ring *ring, uint64_t id, uint64_t deadline, uint64_t *pause_ns)
{
    const struct sr_batch *batch = sri_batch_find(ring, id);
    if (!batch->failing)
        return sri_progress_until(ring, deadline);
    uint64_t left = ring->callbacks.count != 0 ? 0 : sri_time_left(ring, deadline);
    int rc = sri_progress_cancelling(ring, left, pause_ns, SRI_CANCEL_MEMBERS);
    return rc == 0 && sri_time_left(ring, deadline) == 0 ? -ETIME : rc;
}

/* Callbacks may drop the batch that is waited for: it is looked up anew after each step. */
static int wait_for(struct sr_ring *ring, uint64_t id, uint64_t timeout_ns, struct sr_batch_result *result)
{
    uint64_t deadline = sri_deadline(ring, timeout_ns);
    uint64_t pause_ns = SRI_ASK_AGAIN_NS;
    sri_reap(ring);
    for (int stepped = 0;;) {
        sri_run_callbacks(ring);
        sri_run_errands(ring); /* a start that is refused can end the batch: nothing would end a wait then */
        int rc = try_hand_over(ring, id, result);
        if (rc != SR_EOPERATION_PENDING)
            return rc;
        if (stepped != 0)
            return stepped;
        rc = hopeless(ring);
        if (rc != 0)
            return rc;
        stepped = step(ring, id, deadline, &pause_ns);
    }
}

static int await(struct sr_batch_future *future, struct sr_ring *ring, uint64_t timeout_ns,
                 struct sr_batch_result *result)
{
    int rc = sri_wait_check(ring, future, result, true);
    if (rc == 0)
        rc = wait_for(ring, future->id, timeout_ns, result);
    if (rc == 0)
        future->id = 0;
    return rc;
}

SR_UNCHECKED int sr_batch_await(struct sr_batch_future *future, struct sr_ring *ring,
                                struct sr_batch_result *result)
{
    return await(future, ring, SR_FOREVER, result);
}

SR_UNCHECKED int sr_batch_await_timeout(struct sr_batch_future *future, struct sr_ring *ring,
                                        uint64_t timeout_ns, struct sr_batch_result *result)
{
    return await(future, ring, timeout_ns, result);
}

/* A batch that is cancelled asks again at each look: a cancel may have come too early or too late (batch_run.c). */
static int look(struct sr_ring *ring, uint64_t id, struct sr_batch_result *result)
{
    int rc = try_hand_over(ring, id, result);
    if (rc != SR_EOPERATION_PENDING)
        return rc;
    sri_reap(ring);
    rc = try_hand_over(ring, id, result);
    if (rc != SR_EOPERATION_PENDING)
        return rc;
    struct sr_batch *batch = sri_batch_find(ring, id);
    if (batch->failing)
        sri_batch_give_up(ring, batch);
    sri_run_errands(ring);
    int stepped = hopeless(ring);
    if (stepped == 0)
        stepped = sri_progress(ring, 0);
    rc = try_hand_over(ring, id, result);
    return rc == SR_EOPERATION_PENDING && stepped != 0 && stepped != -ETIME ? stepped : rc;
}

SR_UNCHECKED int sr_batch_poll(struct sr_batch_future *future, struct sr_ring *ring,
                               struct sr_batch_result *result)
{
    int rc = sri_wait_check(ring, future, result, false);
    if (rc == 0)
        rc = look(ring, future->id, result);
    if (rc == 0)
        future->id = 0;
    return rc;
}

SR_UNCHECKED int sr_batch_submit(struct sr_ring *ring, struct sr_batch **handle,
                                 struct sr_batch_result *result)
{
    int rc = sri_wait_check(ring, handle, result, true);
    if (rc != 0)
        return rc;
    struct sr_batch *batch = *handle;
    if (batch != NULL && batch->stage == SRI_BATCH_SHELL)
        return SR_ESTALE;
    bool goes_on = batch != NULL && batch->stage == SRI_BATCH_RUNNING && batch->ring == ring;
    if (!goes_on) {
        rc = check_submission(ring, handle, result);
        if (rc == 0)
            rc = sri_batch_make_place(&ring->batches);
        if (rc != 0)
            return rc;
        batch->by_handle = true;
        take_in(ring, batch);
    }
    rc = wait_for(ring, batch->id, SR_FOREVER, result);
    if (rc == 0)
        *handle = NULL;
    return rc;
}

/* ---- Giving up ---- */

static int find_running(struct sr_ring *ring, const struct sr_batch_future *future, struct sr_batch **batch)
{
    if (ring == NULL || future == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    *batch = sri_batch_find(ring, future->id);
    return *batch != NULL && (*batch)->stage == SRI_BATCH_RUNNING ? 0 : SR_ESTALE;
}

int sr_batch_cancel(struct sr_ring *ring, const struct sr_batch_future *future)
{
    struct sr_batch *batch;
    int refused = find_running(ring, future, &batch);
    if (refused != 0)
        return refused;
    if (sri_batch_is_over(batch))
        return SR_EINVALID_STATE;
    sri_batch_give_up(ring, batch);
    return 0;
}

SR_UNCHECKED void sr_batch_drop(struct sr_ring *ring, struct sr_batch_future *future)
{
    struct sr_batch *batch;
    int refused = find_running(ring, future, &batch);
    if (refused == 0) {
        sri_batch_abandon(ring, batch);
        sri_batch_gone(ring, batch);
        future->id = 0;
        return;
    }
    if (refused == SR_ESTALE)
        ring->stats.misuses++;
    sri_log(SR_LOG_ERROR, "sr_batch_drop: nothing was dropped: %s", sr_strerror(refused));
}
