/*
 * Adding runs up. Judges nothing.
 */
#include "explore/tally.h"

#include <string.h>

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void sri_tally_run(struct sri_tally *tally, const struct sri_run *run, const struct sri_outcome *outcome,
                   uint32_t scenario)
{
    const struct sri_verdict *verdict = outcome->verdict;
    tally->runs++;
    tally->operations += verdict->operations;
    for (uint32_t i = 0; i < SRI_RULES; i++) {
        tally->exercised[i] += verdict->exercised[i];
        tally->broken[i] += verdict->broken[i];
    }
    if (outcome->points != NULL)
        sri_points_add(&tally->points, outcome->points);
    /* A sum of mixed values: workers may finish in any order. */
    if (outcome->hash != 0)
        tally->hash += mix(outcome->hash ^ mix(run->seed * 64 + scenario + 1));
}

struct sri_finding *sri_tally_find(struct sri_tally *tally, enum sri_rule rule)
{
    uint32_t same = 0;
    for (uint32_t i = 0; i < tally->found; i++)
        same += tally->findings[i].rule == rule ? 1 : 0;
    if (same >= SRI_FINDINGS_PER_RULE || tally->found == SRI_FINDINGS)
        return NULL;
    struct sri_finding *finding = &tally->findings[tally->found++];
    memset(finding, 0, sizeof *finding);
    finding->rule = rule;
    return finding;
}

void sri_tally_add(struct sri_tally *sum, const struct sri_tally *part)
{
    sum->runs += part->runs;
    sum->operations += part->operations;
    sum->repeated += part->repeated;
    sum->hash += part->hash;
    sum->unwatched += part->unwatched;
    for (uint32_t i = 0; i < SRI_RULES; i++) {
        sum->exercised[i] += part->exercised[i];
        sum->broken[i] += part->broken[i];
    }
    sri_points_add(&sum->points, &part->points);
    for (uint32_t i = 0; i < part->found; i++) {
        struct sri_finding *finding = sri_tally_find(sum, part->findings[i].rule);
        if (finding != NULL)
            *finding = part->findings[i];
    }
}

bool sri_tally_broken(const struct sri_tally *tally)
{
    for (uint32_t i = 0; i < SRI_RULES; i++)
        if (tally->broken[i] != 0)
            return true;
    return false;
}
