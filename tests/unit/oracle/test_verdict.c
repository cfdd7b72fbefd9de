/*
 * The verdict: counts everything, keeps the first of each rule.
 */
#include "oracle/verdict.h"

#include <string.h>

#include "support/main.h"

/* A rule that holds is exercised, and nothing is broken. */
static void a_rule_that_holds_is_exercised(void **state)
{
    (void)state;
    struct sri_verdict verdict;
    sri_verdict_begin(&verdict);

    assert_true(sri_judge(&verdict, SRI_RULE_OP_1, 5, true, "not so"));

    assert_int_equal(verdict.exercised[SRI_RULE_OP_1], 1);
    assert_false(sri_verdict_broken(&verdict));
    assert_int_equal(verdict.kept, 0);
}

/* One that does not is kept with its operation, its time and its text. */
static void a_rule_that_does_not_hold_is_kept(void **state)
{
    (void)state;
    struct sri_verdict verdict;
    sri_verdict_begin(&verdict);
    verdict.now_ns = 77;

    assert_false(sri_judge(&verdict, SRI_RULE_BUF_3, 5, false, "byte %d", 9));

    assert_true(sri_verdict_broken(&verdict));
    assert_int_equal(verdict.violations[0].rule, SRI_RULE_BUF_3);
    assert_int_equal(verdict.violations[0].operation, 5);
    assert_int_equal(verdict.violations[0].now_ns, 77);
    assert_string_equal(verdict.violations[0].text, "byte 9");
}

/* A rule that breaks all the time does not push another out. */
static void one_rule_does_not_hide_another(void **state)
{
    (void)state;
    struct sri_verdict verdict;
    sri_verdict_begin(&verdict);

    for (int i = 0; i < 1000; i++)
        sri_violated(&verdict, SRI_RULE_OP_1, 0, "again");
    sri_violated(&verdict, SRI_RULE_OP_2, 0, "once");

    assert_int_equal(verdict.broken[SRI_RULE_OP_1], 1000);
    assert_int_equal(verdict.violations[verdict.kept - 1].rule, SRI_RULE_OP_2);
}

/* Every rule has its name and its text, and no name stands twice. */
static void rules_have_names(void **state)
{
    (void)state;
    for (int i = 0; i < SRI_RULES; i++) {
        assert_true(strlen(sri_rule_infos[i].text) > 10);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(sri_rule_infos[i].name, sri_rule_infos[j].name);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_rule_that_holds_is_exercised),
    cmocka_unit_test(a_rule_that_does_not_hold_is_kept),
    cmocka_unit_test(one_rule_does_not_hide_another),
    cmocka_unit_test(rules_have_names),
};

SR_TEST_MAIN(tests)
