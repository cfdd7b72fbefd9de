/*
 * IOSQE_IO_DRAIN: units (a request or a chain) held back until everything before them has ended.
 */
#include <errno.h>

#include "engine/steps.h"

/* Measured: one IOSQE_CQE_SKIP_SUCCESS on a ring makes every later drain there -EOPNOTSUPP, for good. */
int sri_drain_flags(struct sri_request *request)
{
    struct sri_ring *ring = request->ring;
    if (request->sqe_flags & IOSQE_CQE_SKIP_SUCCESS) {
        ring->drain_disabled = true;
        request->marks |= SRI_MARK_SKIP;
    }
    if (!(request->sqe_flags & IOSQE_IO_DRAIN))
        return 0;
    if (ring->drain_disabled)
        return -EOPNOTSUPP;
    ring->drain_active = true;
    request->marks |= SRI_MARK_DRAIN;
    if (ring->chain_head != NULL) {
        /* A drain inside a chain holds back the chain's head, and the next unit after it. */
        ring->chain_head->marks |= SRI_MARK_DRAIN;
        ring->drain_next = true;
    }
    return 0;
}

static uint64_t members(const struct sri_request *head)
{
    uint64_t count = 0;
    for (; head != NULL; head = head->link)
        count++;
    return count;
}

static void begin(struct sri_request *head)
{
    head->place = SRI_PLACE_NONE;
    sri_due_push(head, SRI_STEP_START);
}

/*
 * The first held back starts when all others have ended; with it those behind that are no drain, up to the next drain.
 * Whatever stands behind a drain so waits for the drain's own end.
 */
void sri_drain_advance(struct sri_ring *ring)
{
    bool first = true;
    bool drain_seen = false;
    while (!sri_list_empty(&ring->deferrals)) {
        struct sri_request *head = sri_request_of_node(ring->deferrals.next);
        drain_seen = drain_seen || (head->marks & SRI_MARK_DRAIN);
        if ((first || drain_seen) && ring->in_flight != ring->deferred)
            return;
        sri_list_remove(&head->entry.node);
        ring->deferred -= members(head);
        begin(head);
        first = false;
    }
}

static void defer(struct sri_request *head)
{
    struct sri_ring *ring = head->ring;
    head->place = SRI_PLACE_CHAIN;
    ring->deferred += members(head);
    sri_list_append(&ring->deferrals, &head->entry.node);
    sri_drain_advance(ring);
    if (!(head->marks & SRI_MARK_DRAIN) && sri_list_empty(&ring->deferrals))
        ring->drain_active = false;
}

void sri_unit_start(struct sri_request *head)
{
    struct sri_engine *engine = head->ring->engine;
    head->marks |= SRI_MARK_INLINE;
    if (!(head->marks & SRI_MARK_PREP_FAILED))
        sri_start(head);
    else if (sri_is_orderly(engine))
        sri_end(head);
    else
        sri_due_push(head, SRI_STEP_END);
}

void sri_unit_queue(struct sri_request *head)
{
    struct sri_ring *ring = head->ring;
    if (ring->drain_next) {
        head->marks |= SRI_MARK_DRAIN;
        ring->drain_next = false;
    }
    bool refused = (head->marks & SRI_MARK_PREP_FAILED) != 0;
    if (!refused && (ring->drain_active || (head->marks & SRI_MARK_DRAIN)))
        defer(head);
    else
        sri_unit_start(head);
}
