/*
 * The walk through small programs: as many runs as can be counted by hand, none of which breaks a rule.
 */
#include "explore/exhaust.h"
#include "support/main.h"

static struct sri_exhausted walked(const char *program, uint32_t walk)
{
    struct sri_exhaust *exhaust = NULL;
    struct sri_small small = {.walk = walk};
    struct sri_exhausted result;
    assert_true(sri_small_parse(&small, program));
    assert_int_equal(sri_exhaust_new(&exhaust), 0);
    sri_exhaust_walk(exhaust, &small, 0, &result);
    sri_exhaust_free(&exhaust);
    if (result.broken > 0)
        print_error("%s\n", result.verdict.violations[0].text);
    assert_true(result.whole);
    assert_int_equal(result.broken, 0);
    return result;
}

/* Three independent operations end in 3! orders. */
static void three_nops_end_in_six_orders(void **state)
{
    (void)state;
    struct sri_exhausted result = walked("NNN", 0);
    assert_int_equal(result.runs, 6);
    assert_int_equal(result.operations, 18);
}

/* One read moves all, one byte or nothing but an errno; one openat makes a descriptor or does not. */
static void one_operation_has_its_outcomes(void **state)
{
    (void)state;
    assert_int_equal(walked("T", SRI_WALK_OUTCOMES).runs, 3);
    assert_int_equal(walked("D", SRI_WALK_OUTCOMES).runs, 2);
}

/* A read and a write: two orders, three outcomes of each. */
static void two_transfers_have_eighteen_runs(void **state)
{
    (void)state;
    assert_int_equal(walked("ST", SRI_WALK_OUTCOMES).runs, 2 * 3 * 3);
}

/* Two buffers for three reads: two orders of the first two, the third starts when one is back and ends before or behind the other. */
static void a_third_read_waits_for_a_buffer(void **state)
{
    (void)state;
    assert_int_equal(walked("TTT", 0).runs, 2 * 2);
}

/*
 * A no-op: awaited 1; dropped, cancelled or both while it is queued 3; under way 3 times what a cancel may do (it wins, its CQE
 * first or last; too late; too late and wins all the same) 4; ended unseen 3, the cancel finds nobody; ended and seen 3.
 */
static void one_nop_has_twenty_two_fates(void **state)
{
    (void)state;
    assert_int_equal(walked("N", SRI_WALK_FATES).runs, 1 + 3 + 3 * 4 + 3 + 3);
}

/* A no-op that is awaited can be closed after its start, its submission, its end and its look, or never. */
static void a_close_may_come_at_every_step(void **state)
{
    (void)state;
    assert_int_equal(walked("N", SRI_WALK_CLOSE).runs, 1 + 4);
}

/* Everything that may happen to one operation of each shape. */
static void one_operation_of_each_shape_keeps_every_rule(void **state)
{
    (void)state;
    static const char *const programs[] = {"N", "S", "T", "D"};
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
        assert_true(walked(programs[i], SRI_WALK_ALL).runs > 100);
}

/* A run is made again by its choices. */
static void a_run_is_made_again_by_its_choices(void **state)
{
    (void)state;
    struct sri_exhaust *exhaust = NULL;
    struct sri_small small = {.walk = SRI_WALK_ALL};
    struct sri_exhausted result;
    static const uint8_t choices[] = {4, 0, 1};
    assert_true(sri_small_parse(&small, "T"));
    assert_int_equal(sri_exhaust_new(&exhaust), 0);
    sri_exhaust_again(exhaust, &small, choices, sizeof choices, NULL, NULL, &result);
    assert_int_equal(result.runs, 1);
    assert_int_equal(result.broken, 0);
    sri_exhaust_free(&exhaust);
}

/* What is no program is refused. */
static void what_is_no_program_is_refused(void **state)
{
    (void)state;
    struct sri_small small;
    assert_false(sri_small_parse(&small, ""));
    assert_false(sri_small_parse(&small, "NX"));
    assert_false(sri_small_parse(&small, "NNNN"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(three_nops_end_in_six_orders),
    cmocka_unit_test(one_operation_has_its_outcomes),
    cmocka_unit_test(two_transfers_have_eighteen_runs),
    cmocka_unit_test(a_third_read_waits_for_a_buffer),
    cmocka_unit_test(one_nop_has_twenty_two_fates),
    cmocka_unit_test(a_close_may_come_at_every_step),
    cmocka_unit_test(one_operation_of_each_shape_keeps_every_rule),
    cmocka_unit_test(a_run_is_made_again_by_its_choices),
    cmocka_unit_test(what_is_no_program_is_refused),
};

SR_TEST_MAIN(tests)
