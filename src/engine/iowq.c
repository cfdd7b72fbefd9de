/*
 * What a program may ask of io_uring's worker threads. This kernel has its own few: limits are remembered and told, and a
 * set of processors is accepted; neither changes anything.
 */
#include <errno.h>
#include <limits.h>

#include "engine/guest.h"
#include "engine/registers.h"
#include "engine/steps.h"

int sri_register_iowq_affinity(struct sri_ring *ring, const void *arg, uint32_t size)
{
    if (arg == NULL || size == 0)
        return -EINVAL;
    return sri_user_readable(sri_door(ring->engine), arg, size);
}

int sri_unregister_iowq_affinity(const void *arg, uint32_t count)
{
    return arg != NULL || count != 0 ? -EINVAL : 0;
}

/* 0 asks and leaves as it is; the limits before are told. */
int sri_register_iowq_max_workers(struct sri_ring *ring, void *arg, uint32_t count)
{
    uint32_t wanted[2];
    struct sri_user *user = sri_door(ring->engine);
    if (arg == NULL || count != 2)
        return -EINVAL;
    if (sri_user_copy_in(user, wanted, arg, sizeof wanted) != 0)
        return -EFAULT;
    if (wanted[0] > INT_MAX || wanted[1] > INT_MAX)
        return -EINVAL;
    uint32_t before[2] = {ring->engine->worker_limits[0], ring->engine->worker_limits[1]};
    for (int i = 0; i < 2; i++) {
        if (wanted[i] != 0)
            ring->engine->worker_limits[i] = wanted[i];
    }
    return sri_user_copy_out(user, arg, before, sizeof before);
}
