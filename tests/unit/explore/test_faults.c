/*
 * The loop over faults: each occurrence once and sticky, in every kind; what breaks or dies is told with the fault.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <stdlib.h>
#include <string.h>

#include "explore/faults.h"
#include "explore/report.h"
#include "scenario/scenarios.h"
#include "support/main.h"

static struct sri_campaign campaign_of(const struct sri_scenario *scenario, uint64_t seeds)
{
    struct sri_campaign campaign = {.first = 1, .seeds = seeds, .jobs = 2, .folder = "/tmp"};
    campaign.scenarios[campaign.scenario_count++] = scenario;
    return campaign;
}

static bool open_ring(struct sri_stage *stage)
{
    struct sr_config config = sr_config_default();
    config.entries = 4;
    return sri_model_open(stage->model, &config) == 0;
}

static void open_and_no_more(struct sri_stage *stage)
{
    (void)open_ring(stage);
}

static const struct sri_scenario opens = {"opens", "opens a ring", open_and_no_more};

/* Opening a ring: one setup, four allocations at least, one call for the ring and two or three for its memory. */
static void each_occurrence_fails_once_and_sticky(void **state)
{
    (void)state;
    static struct sri_fault_tally tally;
    struct sri_campaign campaign = campaign_of(&opens, 1);

    assert_int_equal(sri_faults_run(&campaign, &tally), 0);

    const struct sri_fault_row *row = &tally.rows[0];
    assert_int_equal(tally.broken, 0);
    assert_int_equal(row->once[SRI_POINT_SETUP_EPERM], 1);
    assert_int_equal(row->once[SRI_POINT_SETUP_ENOSYS], 1);
    assert_int_equal(row->once[SRI_POINT_SETUP_ENOMEM], 1);
    assert_int_equal(row->once[SRI_POINT_RESULT_ERRNO], 0);
    assert_in_range(row->once[SRI_FAULT_ALLOCATION], 4, 20);
    assert_in_range(row->once[SRI_FAULT_CALL], 3, 4);
    assert_memory_equal(row->sticky, row->once, sizeof row->once);
}

/* Without a ring it breaks a rule: that is told of every fault that leads there, with its number. */
static void break_without_a_ring(struct sri_stage *stage)
{
    if (!open_ring(stage))
        sri_violated(stage->model->verdict, SRI_RULE_RING_5, 0, "no ring");
}

static const struct sri_scenario brittle = {"brittle", "can't do without its ring", break_without_a_ring};

static void what_breaks_is_told_with_its_fault(void **state)
{
    (void)state;
    static struct sri_fault_tally tally;
    struct sri_campaign campaign = campaign_of(&brittle, 1);

    assert_int_equal(sri_faults_run(&campaign, &tally), 0);

    assert_true(tally.broken > 8);
    assert_int_equal(tally.findings[0].kind, SRI_POINT_SETUP_EPERM);
    assert_int_equal(tally.findings[0].nth, 1);
    assert_false(tally.findings[0].sticky);
    assert_int_equal(tally.findings[0].violation.rule, SRI_RULE_RING_5);
    assert_true(tally.findings[1].sticky);
}

static void die_without_memory(struct sri_stage *stage)
{
    if (!open_ring(stage) && stage->model->heap->failed > 0)
        abort();
}

static const struct sri_scenario mortal = {"mortal", "dies without memory", die_without_memory};

/* A worker that dies is told, and the faults behind it are still tried. */
static void a_death_is_told_and_the_loop_goes_on(void **state)
{
    (void)state;
    static struct sri_fault_tally tally;
    struct sri_campaign campaign = campaign_of(&mortal, 1);

    assert_int_equal(sri_faults_run(&campaign, &tally), 0);

    assert_true(tally.broken >= 8);
    assert_int_equal(tally.findings[0].violation.rule, SRI_RULE_CRASH);
    assert_int_equal(tally.findings[0].kind, SRI_FAULT_ALLOCATION);
    assert_non_null(strstr(tally.findings[0].violation.text, "signal 6"));
    assert_in_range(tally.rows[0].once[SRI_FAULT_CALL], 3, 4);
}

/* A full campaign names the points it has missed; one that is not full names none. */
static void a_full_campaign_names_what_it_missed(void **state)
{
    (void)state;
    static struct sri_tally tally;
    struct sri_campaign campaign = campaign_of(&opens, SRI_FULL_SEEDS);
    struct sri_report report = {&campaign, &tally, 1, NULL};
    struct sri_text text = {0};
    campaign.backends[campaign.backend_count++] =
        (struct sri_backend_choice){.name = "sim", .simulated = true};
    memset(tally.points.asked, 1, sizeof tally.points.asked);
    memset(tally.points.fired, 1, sizeof tally.points.fired);
    tally.points.asked[SRI_WHY_SHOT] = 0;
    tally.points.fired[SRI_POINT_ORDER] = 0;

    assert_int_equal(sri_report_missed(&report, 1, &text), 2);
    assert_non_null(strstr(text.text, "multishot/last: never reached"));
    assert_non_null(strstr(text.text, "time/order: never fired"));

    assert_int_equal(sri_report_missed(&report, 2, &text), 0);
    campaign.seeds--;
    assert_int_equal(sri_report_missed(&report, 1, &text), 0);
    sri_text_fini(&text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_occurrence_fails_once_and_sticky),
    cmocka_unit_test(what_breaks_is_told_with_its_fault),
    cmocka_unit_test(a_death_is_told_and_the_loop_goes_on),
    cmocka_unit_test(a_full_campaign_names_what_it_missed),
};

SR_TEST_MAIN(tests)
