/*
 * Who decides: each driver's run is made again by its tape, and shards add up to the whole.
 */
#include <string.h>

#include "explore/campaign.h"
#include "scenario/scenarios.h"
#include "support/main.h"

/* What a driver answered stands on the tape: the run comes again without it. */
static void a_driven_run_is_made_again_by_its_tape(void **state)
{
    (void)state;
    struct sri_rig *rig = NULL;
    assert_int_equal(sri_rig_new(&rig, NULL, "/tmp", NULL), 0);
    for (int driving = 0; driving < SRI_DRIVINGS; driving++)
        for (uint64_t seed = 1; seed <= 5; seed++) {
            struct sri_steering steering;
            struct sri_run run = {.scenario = &sri_scenario_storm, .seed = seed};
            sri_steer(&steering, (enum sri_driving)driving, &run);
            uint64_t hash = sri_rig_run(rig, &run).hash;
            assert_int_equal(sri_rig_keep_body(rig), 0);

            struct sri_run again = {.scenario = run.scenario,
                                    .seed = seed,
                                    .body = rig->body,
                                    .size = rig->body_size,
                                    .by_body = true};
            assert_true(hash == sri_rig_run(rig, &again).hash);
        }
    sri_rig_free(&rig);
}

/* Another driver makes another run of the same seed. */
static void drivers_differ(void **state)
{
    (void)state;
    uint64_t hashes[SRI_DRIVINGS];
    struct sri_rig *rig = NULL;
    assert_int_equal(sri_rig_new(&rig, NULL, "/tmp", NULL), 0);
    for (int driving = 0; driving < SRI_DRIVINGS; driving++) {
        struct sri_steering steering;
        struct sri_run run = {.scenario = &sri_scenario_mixed, .seed = 3};
        sri_steer(&steering, (enum sri_driving)driving, &run);
        hashes[driving] = sri_rig_run(rig, &run).hash;
    }
    sri_rig_free(&rig);
    for (int i = 0; i < SRI_DRIVINGS; i++)
        for (int j = 0; j < i; j++)
            assert_true(hashes[i] != hashes[j]);
}

static struct sri_campaign small(void)
{
    struct sri_campaign campaign = {.scenarios = {&sri_scenario_storm, &sri_scenario_copy},
                                    .scenario_count = 2,
                                    .backends = {{.name = "sim", .simulated = true}},
                                    .backend_count = 1,
                                    .first = 1,
                                    .seeds = 11,
                                    .jobs = 2,
                                    .folder = "/tmp"};
    return campaign;
}

/* However a campaign is shared out among machines, the same runs are made. */
static void shards_add_up(void **state)
{
    (void)state;
    static struct sri_tally whole;
    static struct sri_tally sum;
    struct sri_campaign campaign = small();
    memset(&whole, 0, sizeof whole);
    memset(&sum, 0, sizeof sum);
    assert_int_equal(sri_campaign_run(&campaign, &whole), 0);
    assert_int_equal(whole.runs, 22);

    campaign.shards = 3;
    for (campaign.shard = 0; campaign.shard < 3; campaign.shard++)
        assert_int_equal(sri_campaign_run(&campaign, &sum), 0);

    assert_int_equal(sum.runs, whole.runs);
    assert_true(sum.hash == whole.hash);
}

/* More shards than seeds: some have nothing to do. */
static void a_shard_may_be_empty(void **state)
{
    (void)state;
    static struct sri_tally tally;
    struct sri_campaign campaign = small();
    memset(&tally, 0, sizeof tally);
    campaign.seeds = 2;
    campaign.shard = 4;
    campaign.shards = 5;
    assert_int_equal(sri_campaign_run(&campaign, &tally), 0);
    assert_int_equal(tally.runs, 0);
}

/* A campaign may be as long as a number of operations. */
static void a_campaign_ends_with_its_operations(void **state)
{
    (void)state;
    static struct sri_tally tally;
    struct sri_campaign campaign = small();
    memset(&tally, 0, sizeof tally);
    campaign.seeds = UINT64_C(1) << 40;
    campaign.operations = 2000;
    assert_int_equal(sri_campaign_run(&campaign, &tally), 0);
    assert_true(tally.operations >= 2000 && tally.operations < 20000);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_driven_run_is_made_again_by_its_tape),
    cmocka_unit_test(drivers_differ),
    cmocka_unit_test(shards_add_up),
    cmocka_unit_test(a_shard_may_be_empty),
    cmocka_unit_test(a_campaign_ends_with_its_operations),
};

SR_TEST_MAIN(tests)
