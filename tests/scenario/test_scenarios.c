/*
 * Every scenario on the simulated kernel, and on the engine over this machine's descriptors: no rule breaks, and over
 * enough seeds every rule is exercised.
 */
#include "scenario/scenarios.h"

#include "backend/engine_backend.h"
#include "explore/run.h"
#include "support/main.h"

static struct sri_rig *rig;

static int make_rig(void **state)
{
    *state = NULL;
    return sri_rig_new(&rig, NULL, "/tmp", NULL);
}

static int free_rig(void **state)
{
    (void)state;
    sri_rig_free(&rig);
    return 0;
}

static void play(const struct sri_scenario *scenario, uint64_t seed, uint64_t exercised[SRI_RULES])
{
    struct sri_run run = {.scenario = scenario, .seed = seed};
    struct sri_outcome outcome = sri_rig_run(rig, &run);
    if (sri_verdict_broken(outcome.verdict))
        print_message("%s, seed %llu: %s\n", scenario->name, (unsigned long long)seed,
                      outcome.verdict->violations[0].text);
    assert_false(sri_verdict_broken(outcome.verdict));
    for (int i = 0; i < SRI_RULES; i++)
        exercised[i] += outcome.verdict->exercised[i];
}

/* Three hundred seeds of each scenario exercise every rule of the library, and break none. */
static void every_rule_is_exercised_and_none_breaks(void **state)
{
    (void)state;
    uint64_t exercised[SRI_RULES] = {0};
    size_t count;
    const struct sri_scenario *const *all = sri_scenarios(&count);

    for (size_t i = 0; i < count; i++)
        for (uint64_t seed = 1; seed <= 300; seed++)
            play(all[i], seed, exercised);

    for (int i = 0; i < SRI_RULES_WATCHED; i++) {
        if (exercised[i] == 0)
            print_message("%s was never exercised\n", sri_rule_infos[i].name);
        assert_true(exercised[i] > 0);
    }
}

static void play_on_host(const struct sr_backend *backend)
{
    struct sri_kernel kernel = {.name = backend->vtable->name, .backend = *backend};
    uint64_t exercised[SRI_RULES] = {0};
    size_t count;
    const struct sri_scenario *const *all = sri_scenarios(&count);
    assert_int_equal(sri_rig_new(&rig, &kernel, "/tmp", NULL), 0);

    for (size_t i = 0; i < count; i++)
        for (uint64_t seed = 1; seed <= 3; seed++)
            play(all[i], seed, exercised);

    sri_rig_free(&rig);
    assert_true(exercised[SRI_RULE_BACK_1] > 0);
}

/* The same programs over real files, pipes and sockets. */
static void scenarios_run_on_the_engine(void **state)
{
    (void)state;
    struct sr_backend backend;
    assert_int_equal(sri_engine_host_backend(&backend), 0);

    play_on_host(&backend);

    backend.vtable->release(backend.self);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(every_rule_is_exercised_and_none_breaks, make_rig, free_rig),
    cmocka_unit_test(scenarios_run_on_the_engine),
};

SR_TEST_MAIN(tests)
