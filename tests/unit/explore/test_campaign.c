/*
 * A campaign: the same sum however it is shared out, and a run that dies is a finding.
 */
#include <stdlib.h>
#include <string.h>

#include "explore/report.h"
#include "scenario/scenarios.h"
#include "support/main.h"

static struct sri_campaign campaign_of(const struct sri_scenario *scenario, uint64_t seeds, uint32_t jobs)
{
    struct sri_campaign campaign = {.first = 1, .seeds = seeds, .jobs = jobs, .folder = "/tmp"};
    campaign.scenarios[campaign.scenario_count++] = scenario;
    campaign.backends[campaign.backend_count++] =
        (struct sri_backend_choice){.name = "sim", .simulated = true};
    return campaign;
}

/* One worker or three: the same runs, the same hash. */
static void the_sum_does_not_depend_on_the_jobs(void **state)
{
    (void)state;
    static struct sri_tally one;
    static struct sri_tally three;
    struct sri_campaign alone = campaign_of(&sri_scenario_storm, 60, 1);
    struct sri_campaign shared = campaign_of(&sri_scenario_storm, 60, 3);

    assert_int_equal(sri_campaign_run(&alone, &one), 0);
    assert_int_equal(sri_campaign_run(&shared, &three), 0);

    assert_int_equal(one.runs, 60);
    assert_int_equal(three.runs, 60);
    assert_int_equal(three.hash, one.hash);
    assert_int_equal(three.operations, one.operations);
    assert_memory_equal(three.exercised, one.exercised, sizeof one.exercised);
    assert_false(sri_tally_broken(&one));
}

static void die_on_some(struct sri_stage *stage)
{
    if (sri_choose(stage, 4) == 1)
        abort();
}

static const struct sri_scenario mortal = {"mortal", "dies now and then", die_on_some};

/* A worker that dies names its seed, and its successor makes the other runs. */
static void a_death_is_a_finding(void **state)
{
    (void)state;
    static struct sri_tally tally;
    struct sri_campaign campaign = campaign_of(&mortal, 40, 2);

    assert_int_equal(sri_campaign_run(&campaign, &tally), 0);

    assert_int_equal(tally.runs, 40);
    assert_true(tally.broken[SRI_RULE_CRASH] > 0 && tally.broken[SRI_RULE_CRASH] < 40);
    assert_int_equal(tally.findings[0].rule, SRI_RULE_CRASH);
    assert_true(tally.findings[0].seed >= 1 && tally.findings[0].seed <= 40);
    assert_non_null(strstr(tally.findings[0].text, "signal 6"));
}

static void break_a_rule(struct sri_stage *stage)
{
    sri_violated(stage->model->verdict, SRI_RULE_OP_4, 9, "a \"quoted\" text");
}

static const struct sri_scenario wrong = {"wrong", "breaks a rule", break_a_rule};

/* The JSON names the rule, the seed and the scenario, and quotes what must be. */
static void the_report_names_what_broke(void **state)
{
    (void)state;
    static struct sri_tally tally;
    struct sri_campaign campaign = campaign_of(&wrong, 1, 1);
    struct sri_text text = {0};

    assert_int_equal(sri_campaign_run(&campaign, &tally), 0);
    struct sri_report report = {&campaign, &tally, 1000, NULL};
    sri_report_json(&report, &text);

    assert_non_null(
        strstr(text.text, "{\"rule\":\"OP-4\",\"seed\":1,\"scenario\":\"wrong\",\"backend\":\"sim\","));
    assert_non_null(strstr(text.text, "a \\\"quoted\\\" text"));
    assert_non_null(strstr(text.text, "{\"id\":\"OP-4\",\"exercised\":0,\"broken\":1}"));
    sri_text_fini(&text);

    sri_report_findings(&report, &text);
    assert_non_null(strstr(text.text, "VIOLATION OP-4"));
    sri_text_fini(&text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_sum_does_not_depend_on_the_jobs),
    cmocka_unit_test(a_death_is_a_finding),
    cmocka_unit_test(the_report_names_what_broke),
};

SR_TEST_MAIN(tests)
