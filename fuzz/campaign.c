/*
 * The tape of a whole campaign: the first byte names a scenario, the rest are the choices of its run, program and kernel
 * alike. A rule that is broken is a finding.
 */
#include <string.h>

#include "explore/run.h"
#include "input.h"
#include "scenario/scenarios.h"

/* A run longer than this is only slow. */
#define BODY_MAX 4096u

static struct sri_rig *rig;

static void stuck(void *user)
{
    (void)user;
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count;
    const struct sri_scenario *const *scenarios = sri_scenarios(&count);
    if (rig == NULL) {
        FUZZ_REQUIRE(sri_rig_new(&rig, NULL, "/tmp", NULL) == 0);
        rig->watch->on_stuck = stuck;
    }
    if (size == 0 || size > BODY_MAX)
        return 0;
    struct sri_run run = {.scenario = scenarios[data[0] % count],
                          .body = data + 1,
                          .size = size - 1,
                          .by_body = true};
    struct sri_outcome outcome = sri_rig_run(rig, &run);
    if (outcome.verdict->kept > 0) {
        const struct sri_violation *violation = &outcome.verdict->violations[0];
        fprintf(stderr, "scenario %s: %s: %s\n", run.scenario->name, sri_rule_infos[violation->rule].name,
                violation->text);
        abort();
    }
    return 0;
}
