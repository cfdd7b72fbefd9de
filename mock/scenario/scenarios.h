/*
 * The built-in programs of user actions that campaigns drive.
 */
#ifndef SRI_SCENARIO_SCENARIOS_H
#define SRI_SCENARIO_SCENARIOS_H

#include <stddef.h>

#include "explore/stage.h"

extern const struct sri_scenario sri_scenario_copy;
extern const struct sri_scenario sri_scenario_echo;
extern const struct sri_scenario sri_scenario_storm;
extern const struct sri_scenario sri_scenario_drain;
extern const struct sri_scenario sri_scenario_orphans;
extern const struct sri_scenario sri_scenario_mixed;
extern const struct sri_scenario sri_scenario_bare;
extern const struct sri_scenario sri_scenario_streams;
extern const struct sri_scenario sri_scenario_batch;
extern const struct sri_scenario sri_scenario_pinned;
extern const struct sri_scenario sri_scenario_store;
extern const struct sri_scenario sri_scenario_shots;

/* Wrong, and found only by its name. */
extern const struct sri_scenario sri_scenario_faulty;

/* All the others, in the order of a campaign. */
const struct sri_scenario *const *sri_scenarios(size_t *count);

/* NULL: there is none of this name. */
const struct sri_scenario *sri_scenario_named(const char *name, size_t length);

#endif
