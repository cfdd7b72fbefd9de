/*
 * What a ring can be asked: its counters and its name. Changes nothing.
 */
#include "ring/ring_private.h"

int sr_ring_stats(const struct sr_ring *ring, struct sr_stats *stats)
{
    if (ring == NULL || stats == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    *stats = ring->stats;
    stats->enters = ring->enters;
    stats->shots = ring->shots;
    stats->started = ring->hot.started - ring->shots;
    stats->submitted = stats->started - ring->stats.withdrawn - sri_queued_operations(ring);
    stats->completed = ring->ended - ring->shots - ring->discarded;
    return 0;
}

uint32_t sr_ring_in_flight(const struct sr_ring *ring)
{
    return ring != NULL ? sri_in_flight(ring) : 0;
}

uint32_t sr_ring_orphan_count(const struct sr_ring *ring)
{
    return ring != NULL ? ring->orphans : 0;
}

const char *sr_ring_backend(const struct sr_ring *ring)
{
    return ring != NULL ? ring->kernel.vtable->name : "none";
}

const char *sr_ring_backend_reason(const struct sr_ring *ring)
{
    return ring != NULL ? ring->reason : "no ring";
}
