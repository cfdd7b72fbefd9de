/*
 * A plain `struct io_uring` on a simulated kernel. Only in the static form, for unit tests.
 */
#include <errno.h>
#include <string.h>

#include "liburing/kernel.h"
#include "safer_ring/uring_sim.h"

int sr_sim_queue_init_params(struct sr_sim *sim, unsigned entries, struct io_uring *ring,
                             struct io_uring_params *params)
{
    struct sr_backend kernel = sr_sim_backend(sim);
    int slot = sri_uring_adopt(kernel);
    if (slot < 0)
        return slot;
    int fd = sri_uring_setup(&kernel, entries, params);
    if (fd < 0)
        return fd;
    ring->pad2 = (unsigned)slot;
    int rc = sri_uring_map(&kernel, fd, params, ring);
    if (rc != 0)
        kernel.vtable->close(kernel.self, fd);
    return rc;
}

int sr_sim_queue_init(struct sr_sim *sim, unsigned entries, struct io_uring *ring, unsigned flags)
{
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    params.flags = flags;
    return sr_sim_queue_init_params(sim, entries, ring, &params);
}
