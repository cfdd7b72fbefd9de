/*
 * What stands on a ring and must end before it (RING-5): who holds it, and what the holders ask of it.
 */
#include "ring/ring_private.h"

int sr_ring_hold(struct sr_ring *ring, struct sr_hold *hold, const char *name)
{
    if (ring == NULL || hold == NULL || name == NULL || hold->place != NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    *hold = (struct sr_hold){.name = name, .next = ring->holds, .place = &ring->holds};
    if (hold->next != NULL)
        hold->next->place = &hold->next;
    ring->holds = hold;
    return 0;
}

void sr_ring_let_go(struct sr_hold *hold)
{
    if (hold == NULL || hold->place == NULL)
        return;
    *hold->place = hold->next;
    if (hold->next != NULL)
        hold->next->place = hold->place;
    *hold = (struct sr_hold){.name = NULL};
}

bool sri_is_held(const struct sr_ring *ring)
{
    for (const struct sr_hold *hold = ring->holds; hold != NULL; hold = hold->next)
        sri_log(SR_LOG_ERROR, "the ring can't be closed: %s works on it", hold->name);
    return ring->holds != NULL;
}

int sr_ring_may_start(const struct sr_ring *ring)
{
    if (ring == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    return ring->usable && !ring->draining ? 0 : SR_EINVALID_STATE;
}

int sr_ring_may_wait(const struct sr_ring *ring)
{
    int refused = sr_ring_may_start(ring);
    if (refused != 0)
        return refused;
    return ring->in_callback ? SR_EINVALID_STATE : 0;
}

int sr_ring_close_descriptor(const struct sr_ring *ring, int descriptor)
{
    if (ring == NULL || descriptor < 0 || descriptor == ring->fd)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0 && refused != SR_EWRONG_PROCESS)
        return refused;
    return ring->kernel.vtable->close(ring->kernel.self, descriptor);
}
