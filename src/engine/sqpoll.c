/*
 * IORING_SETUP_SQPOLL without a thread: the program publishes entries, and they are consumed when it next enters this
 * kernel for anything. IORING_SQ_NEED_WAKEUP is always set, as by a thread that sleeps as soon as it has nothing to do: so
 * whoever keeps the rules enters after publishing. What a woken thread leaves in the SQ by bad luck it takes without being called
 * again, where the program sleeps elsewhere (sri_engine_go_on()).
 */
#include "engine/steps.h"

static bool is_polled(const struct sri_ring *ring)
{
    return (ring->setup_flags & IORING_SETUP_SQPOLL) != 0 && !ring->disabled && !ring->closed;
}

/* A refused entry ends a batch, but not the thread: it begins another one. */
static void take(struct sri_ring *ring, uint32_t count)
{
    uint32_t end = ring->sq_head + count;
    uint8_t caller = ring->engine->caller;
    ring->engine->caller = 0; /* the thread is this process's, whoever submits */
    sri_ring_enter(ring);
    while (ring->sq_head != end && sri_consume_now(ring, end - ring->sq_head) > 0) {
        sri_counting_advance(ring);
        sri_drain_advance(ring);
    }
    sri_ring_leave(ring);
    ring->engine->caller = caller;
}

void sri_sqpoll_look(struct sri_engine *engine)
{
    struct sri_node *next;
    for (struct sri_node *node = engine->rings.next; node != &engine->rings; node = next) {
        struct sri_ring *ring = SRI_CONTAINER_OF(node, struct sri_ring, node);
        next = node->next;
        uint32_t count = is_polled(ring) ? sri_sq_waiting(ring) : 0;
        if (count > 0)
            take(ring, count - sri_ask_stay(ring, count));
    }
}

void sri_sqpoll_finish(struct sri_ring *ring)
{
    ring->roused = false;
    if (is_polled(ring))
        take(ring, sri_sq_waiting(ring));
}

void sri_sqpoll_go_on(struct sri_engine *engine)
{
    struct sri_node *next;
    for (struct sri_node *node = engine->rings.next; node != &engine->rings; node = next) {
        struct sri_ring *ring = SRI_CONTAINER_OF(node, struct sri_ring, node);
        next = node->next;
        if (ring->roused)
            sri_sqpoll_finish(ring);
    }
}
