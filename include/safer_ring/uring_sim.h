/*
 * A plain `struct io_uring` on the simulated kernel: for unit tests of code written against liburing.
 *
 * The test is linked with safer_ring::uring_sim before liburing, so that liburing's functions are answered here: for a
 * ring that was opened below by its simulated kernel, for any other by an engine over this process's own descriptors.
 * What takes a descriptor in place of a ring (io_uring_enter(), io_uring_register()) always means the latter.
 */
#ifndef SAFER_RING_URING_SIM_H
#define SAFER_RING_URING_SIM_H

#include <linux/io_uring.h>

#include "safer_ring/sim.h"

#ifdef __cplusplus
extern "C" {
#endif

struct io_uring;

/*
 * io_uring_queue_init() of this simulated kernel: descriptors in its SQEs are those that sr_sim_file(), sr_sim_pipe()
 * and the others made there.
 *
 * Ownership: the ring is the caller's, who ends it with io_uring_queue_exit() before the next run of a loop, or sees it
 *   vanish with the simulation.
 * Units: `entries` in SQEs, rounded up to a power of two; `flags` are IORING_SETUP_*.
 * Errors: those of io_uring_setup(2), which the run's tape may choose too: -EPERM, -ENOSYS, -ENOMEM; -EINVAL, a flag or
 *   size that this kernel does not know; -EEXIST, the simulation belongs to another thread.
 * Callable: from the simulation's thread; never blocks.
 * Source: io_uring_queue_init(3).
 */
int sr_sim_queue_init(struct sr_sim *sim, unsigned entries, struct io_uring *ring, unsigned flags);

/*
 * The same with parameters, which come back filled.
 *
 * Ownership, Units, Errors, Callable: as sr_sim_queue_init().
 * Source: io_uring_queue_init_params(3).
 */
int sr_sim_queue_init_params(struct sr_sim *sim, unsigned entries, struct io_uring *ring,
                             struct io_uring_params *params);

#ifdef __cplusplus
}
#endif

#endif
