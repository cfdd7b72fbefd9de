/*
 * The parts of a simulation, for oracles and campaigns.
 *
 * sr_sim_reset() leaves one observer, the simulation's own: whoever watches adds theirs again after it.
 */
#ifndef SRI_SIM_INTERNAL_H
#define SRI_SIM_INTERNAL_H

#include "engine/engine.h"
#include "engine/user.h"
#include "fate/adversary.h"
#include "safer_ring/sim.h"
#include "world/world.h"

struct sri_engine *sri_sim_engine(struct sr_sim *sim);
struct sri_sim_world *sri_sim_world(struct sr_sim *sim);
struct sri_adversary *sri_sim_adversary(struct sr_sim *sim);
struct sri_user *sri_sim_user(struct sr_sim *sim);

/* Right after sr_sim_reset(): the run is a driven one. The driver must outlive it. */
void sri_sim_drive(struct sr_sim *sim, const struct sri_driver *driver, uint64_t seed, enum sri_luck luck);

/* From now on (or: again not) what the kernel allocates is spared from failing allocations (fate/scarce.h). */
void sri_sim_spare_kernel(struct sr_sim *sim, bool spared);

/* Ends the rings that sr_sim_ring_open() gave and nobody closed, whatever is in flight; how many there were. */
uint32_t sri_sim_give_up_rings(struct sr_sim *sim);

#endif
