/*
 * The list of scenarios.
 */
#include "scenario/scenarios.h"

#include <string.h>

static const struct sri_scenario *const all[] = {
    &sri_scenario_storm,   &sri_scenario_copy,   &sri_scenario_echo,  &sri_scenario_drain,
    &sri_scenario_orphans, &sri_scenario_mixed,  &sri_scenario_bare,  &sri_scenario_streams,
    &sri_scenario_batch,   &sri_scenario_pinned, &sri_scenario_store, &sri_scenario_shots,
};

const struct sri_scenario *const *sri_scenarios(size_t *count)
{
    *count = sizeof all / sizeof all[0];
    return all;
}

const struct sri_scenario *sri_scenario_named(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strlen(all[i]->name) == length && strncmp(all[i]->name, name, length) == 0)
            return all[i];
    const struct sri_scenario *wrong = &sri_scenario_faulty;
    return strlen(wrong->name) == length && strncmp(wrong->name, name, length) == 0 ? wrong : NULL;
}
