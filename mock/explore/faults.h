/*
 * The loop over faults: every fault point, allocation and call of the kernel that a run reaches fails, one after another,
 * each once and each sticky, and every time the same oracles judge: nothing leaked, nothing lost, nothing changed by an
 * error. All else is quiet with an odd seed, and as bad as the seed has it with an even one: some faults are reached behind
 * others only.
 */
#ifndef SRI_EXPLORE_FAULTS_H
#define SRI_EXPLORE_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "explore/campaign.h"
#include "explore/tally.h"

/* What failed: a fault point, then these. */
enum {
    SRI_FAULT_ALLOCATION = SRI_POINTS,
    SRI_FAULT_CALL,
    SRI_FAULT_KINDS
};

/* How often each failed in one scenario. */
struct sri_fault_row {
    uint64_t once[SRI_FAULT_KINDS];
    uint64_t sticky[SRI_FAULT_KINDS];
};

/* A violation, with the fault that brought it about. */
struct sri_fault_finding {
    struct sri_violation violation; /* rule SRI_RULES: the process died */
    uint32_t scenario;
    uint64_t seed;
    uint32_t kind; /* enum above, or a point */
    uint64_t nth;
    bool sticky;
};

#define SRI_FAULT_FINDINGS 32

struct sri_fault_tally {
    struct sri_fault_row rows[SRI_SCENARIOS_MAX];
    uint64_t runs;
    uint32_t tasks;   /* pairs of scenario and seed */
    uint32_t skipped; /* given: so many of them are left out */
    uint32_t rest;    /* the first that is not done with; `tasks`: all are */
    uint64_t broken;
    uint32_t found;
    struct sri_fault_finding findings[SRI_FAULT_FINDINGS];
};

/* All scenarios of the campaign on its seeds, and on some more that come to fault points these don't, on the first backend of the
   campaign; one that is not simulated has no fault points. 0, or -errno when no worker can be had. */
int sri_faults_run(const struct sri_campaign *campaign, struct sri_fault_tally *tally);

/* The name of a kind. */
const char *sri_fault_name(uint32_t kind);

#endif
