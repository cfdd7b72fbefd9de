/*
 * Runs tapes of one scenario in a process of its own, again and again, so that a run that dies is an answer and not the
 * end.
 */
#ifndef SRI_EXPLORE_TRIAL_H
#define SRI_EXPLORE_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "explore/campaign.h"

struct sri_trial;

/* `most`: the longest body there will be. The backend, scenario and folder must outlive it. 0 or -errno. */
int sri_trial_new(struct sri_trial **out, const struct sri_backend_choice *backend,
                  const struct sri_scenario *scenario, const char *folder, size_t most);
void sri_trial_free(struct sri_trial **trial);

struct sri_tried {
    const struct sri_verdict *verdict; /* as far as the run came; valid until the next one */
    bool died;
    bool late; /* it did not come back in time, and counts as one that died */
    uint64_t hash;
    const uint8_t *body; /* what the run took of its tape; NULL when it died */
    size_t size;
};

/* Makes one run: of a body, or with `bytes` NULL of the seed. */
struct sri_tried sri_trial_run(struct sri_trial *trial, const uint8_t *bytes, size_t size, uint64_t seed);

/* For sri_shrink(): does a body break this rule? SRI_RULE_CRASH: does it die? */
struct sri_trial_of_rule {
    struct sri_trial *trial;
    enum sri_rule rule;
    uint32_t *
        made; /* runs, as sri_shrink() counts them: one that costs a process or its patience counts as many. Or NULL */
};
bool sri_trial_shows(void *of_rule, const uint8_t *bytes, size_t size);

#endif
