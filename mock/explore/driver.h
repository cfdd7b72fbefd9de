/*
 * Who decides for the simulated kernel in a campaign, besides the seed's own luck. Whatever they answer stands on the tape, so
 * that a run is made again without them.
 */
#ifndef SRI_EXPLORE_DRIVER_H
#define SRI_EXPLORE_DRIVER_H

#include <stdint.h>

#include "explore/run.h"

enum sri_driving {
    SRI_DRIVE_SEED,     /* luck as the seed draws it: gentle, even or swarm */
    SRI_DRIVE_UNIFORM,  /* every fault equally often */
    SRI_DRIVE_SWARM,    /* each run switches some faults off and weighs the rest */
    SRI_DRIVE_PRIORITY, /* each operation has a priority, and a few lose theirs on the way */
    SRI_DRIVINGS
};

/* Names, as --driver takes them. */
extern const char *const sri_driving_names[SRI_DRIVINGS];

#define SRI_PRIORITY_CHANGES 3u

/* Of one run at a time. */
struct sri_steering {
    struct sri_driver driver;
    uint64_t state;
    uint32_t questions;
    uint32_t changes[SRI_PRIORITY_CHANGES];
};

/* Sets a run's driver and luck. The steering must outlive the run. Simulated runs only. */
void sri_steer(struct sri_steering *steering, enum sri_driving driving, struct sri_run *run);

#endif
