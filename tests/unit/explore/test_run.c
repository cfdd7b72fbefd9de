/*
 * One run: the same tape gives the same run, other seeds other runs, and nothing is kept from run to run.
 */
#include <string.h>

#include "explore/run.h"
#include "scenario/scenarios.h"
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

static uint64_t hash_of(const struct sri_scenario *scenario, uint64_t seed)
{
    struct sri_run run = {.scenario = scenario, .seed = seed};
    struct sri_outcome outcome = sri_rig_run(rig, &run);
    assert_false(sri_verdict_broken(outcome.verdict));
    return outcome.hash;
}

/* A seed gives its trace again, whatever ran in between. */
static void a_seed_gives_the_same_trace(void **state)
{
    (void)state;
    uint64_t first = hash_of(&sri_scenario_storm, 11);

    for (uint64_t seed = 20; seed < 30; seed++)
        assert_int_not_equal(hash_of(&sri_scenario_storm, seed), first);

    assert_int_equal(hash_of(&sri_scenario_storm, 11), first);
}

/* What a run's tape recorded makes the run again. */
static void a_recorded_tape_gives_the_same_trace(void **state)
{
    (void)state;
    size_t count;
    const struct sri_scenario *const *all = sri_scenarios(&count);

    for (size_t i = 0; i < count; i++) {
        uint64_t first = hash_of(all[i], 5 + i);
        assert_int_equal(sri_rig_keep_body(rig), 0);
        struct sri_run again = {.scenario = all[i],
                                .body = rig->body,
                                .size = rig->body_size,
                                .by_body = true};
        assert_int_equal(sri_rig_run(rig, &again).hash, first);
    }
}

/* Any bytes are a tape: cut ones too, and none. */
static void any_bytes_are_a_tape(void **state)
{
    (void)state;
    hash_of(&sri_scenario_mixed, 3);
    assert_int_equal(sri_rig_keep_body(rig), 0);

    for (size_t size = 0; size <= rig->body_size; size += 1 + rig->body_size / 16) {
        struct sri_run cut = {.scenario = &sri_scenario_mixed,
                              .body = rig->body,
                              .size = size,
                              .by_body = true};
        assert_false(sri_verdict_broken(sri_rig_run(rig, &cut).verdict));
    }
}

/* The kind run makes no mistakes and meets no faults. */
static void the_kind_run_is_quiet(void **state)
{
    (void)state;
    size_t count;
    const struct sri_scenario *const *all = sri_scenarios(&count);

    for (size_t i = 0; i < count; i++) {
        struct sri_run run = {.scenario = all[i], .kind = true};
        struct sri_outcome outcome = sri_rig_run(rig, &run);
        assert_false(sri_verdict_broken(outcome.verdict));
        for (int point = 0; point < SRI_POINTS; point++)
            assert_int_equal(outcome.points->fired[point], 0);
    }
}

/* A campaign's memory does not grow with its runs. */
static void memory_does_not_grow_with_runs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++)
        hash_of(&sri_scenario_storm, seed);
    uint64_t mapped = rig->heap->mapped_bytes;
    uint64_t live = rig->heap->live_bytes;

    for (int round = 0; round < 3; round++)
        for (uint64_t seed = 1; seed <= 100; seed++)
            hash_of(&sri_scenario_storm, seed);

    assert_int_equal(rig->heap->mapped_bytes, mapped);
    assert_int_equal(rig->heap->live_bytes, live);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_seed_gives_the_same_trace, make_rig, free_rig),
    cmocka_unit_test_setup_teardown(a_recorded_tape_gives_the_same_trace, make_rig, free_rig),
    cmocka_unit_test_setup_teardown(any_bytes_are_a_tape, make_rig, free_rig),
    cmocka_unit_test_setup_teardown(the_kind_run_is_quiet, make_rig, free_rig),
    cmocka_unit_test_setup_teardown(memory_does_not_grow_with_runs, make_rig, free_rig),
};

SR_TEST_MAIN(tests)
