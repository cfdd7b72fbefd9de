/*
 * What many runs add up to: per rule exercised and broken, per fault point reached and fired, violations with what is
 * needed to see them again. Of fixed size, so that it can stand in memory that workers share.
 */
#ifndef SRI_EXPLORE_TALLY_H
#define SRI_EXPLORE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "explore/run.h"

#define SRI_FINDINGS 48
#define SRI_FINDINGS_PER_RULE 4

struct sri_finding {
    enum sri_rule rule;
    uint32_t scenario; /* index into the campaign's */
    uint32_t backend;
    bool kind;
    uint64_t seed;
    uint64_t operation;
    uint64_t now_ns;
    char text[216];
    char tape[200]; /* file; empty when it could not be written */
    int tape_code;  /* -errno, why not */
};

struct sri_tally {
    uint64_t runs;
    uint64_t operations;
    uint64_t repeated; /* runs made twice, and compared */
    uint64_t hash;     /* of all runs; the same however they were shared out */
    uint64_t unwatched;
    uint64_t exercised[SRI_RULES];
    uint64_t broken[SRI_RULES];
    struct sri_points points;
    uint32_t found;
    struct sri_finding findings[SRI_FINDINGS];
};

void sri_tally_run(struct sri_tally *tally, const struct sri_run *run, const struct sri_outcome *outcome,
                   uint32_t scenario);
/* Room for one more finding of a rule; NULL when there are enough. */
struct sri_finding *sri_tally_find(struct sri_tally *tally, enum sri_rule rule);
void sri_tally_add(struct sri_tally *sum, const struct sri_tally *part);
bool sri_tally_broken(const struct sri_tally *tally);

#endif
