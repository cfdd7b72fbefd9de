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

#endif
