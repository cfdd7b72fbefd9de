/*
 * The walk through all choices, and the shrinker.
 */
#include <string.h>

#include "explore/shrink.h"
#include "fate/branch.h"
#include "support/main.h"

/* Every way comes once, and those with fewer choices other than 0 come first. */
static void every_way_comes_once_the_kindest_first(void **state)
{
    (void)state;
    static const uint32_t order[6] = {0, 3, 1,
                                      2, 4, 5}; /* 3 * first + second, of two choices among 2 and 3 */
    struct sri_branch branch = {0};
    unsigned runs = 0;
    sri_branch_begin(&branch);

    while (sri_branch_next(&branch)) {
        uint32_t first = sri_branch_choose(&branch, 2);
        uint32_t second = sri_branch_choose(&branch, 3);
        assert_true(runs < 6);
        assert_int_equal(3 * first + second, order[runs]);
        runs++;
    }

    assert_int_equal(runs, 6);
    assert_false(branch.cut);
    assert_false(branch.unsteady);
    sri_branch_fini(&branch);
}

/* A choice may open or close others. */
static void a_choice_may_ask_for_more(void **state)
{
    (void)state;
    struct sri_branch branch = {0};
    unsigned runs = 0;
    sri_branch_begin(&branch);
    for (; sri_branch_next(&branch); runs++) {
        if (sri_branch_choose(&branch, 2) != 0)
            sri_branch_choose(&branch, 4);
    }
    assert_int_equal(runs, 5);
    sri_branch_fini(&branch);
}

/* A run that is not repeatable is said to be so. */
static void a_run_that_asks_otherwise_is_unsteady(void **state)
{
    (void)state;
    struct sri_branch branch = {0};
    uint32_t runs = 0;
    sri_branch_begin(&branch);
    for (; runs < 4 && sri_branch_next(&branch); runs++)
        sri_branch_choose(&branch, runs == 0 ? 4 : 1);
    assert_true(branch.unsteady);
    sri_branch_fini(&branch);
}

static bool holds_seven(void *self, const uint8_t *bytes, size_t size)
{
    (void)self;
    return size > 0 && memchr(bytes, 7, size) != NULL;
}

/* What does not matter is cut away. */
static void what_does_not_matter_is_cut_away(void **state)
{
    (void)state;
    uint8_t bytes[9] = {1, 2, 3, 4, 7, 5, 6, 0, 9};
    struct sri_shrink shrink = {.shows = holds_seven, .attempts = 1000};
    assert_int_equal(sri_shrink(&shrink, bytes, sizeof bytes), 1);
    assert_int_equal(bytes[0], 7);
}

static bool is_large(void *self, const uint8_t *bytes, size_t size)
{
    (void)self;
    return size >= 2 && bytes[1] >= 100;
}

/* What matters is made as small as it can be, and no more runs are made than allowed. */
static void what_matters_is_lowered(void **state)
{
    (void)state;
    uint8_t bytes[4] = {9, 250, 8, 8};
    struct sri_shrink shrink = {.shows = is_large, .attempts = 1000};
    assert_int_equal(sri_shrink(&shrink, bytes, sizeof bytes), 2);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(bytes[1], 100);

    shrink.attempts = 0;
    shrink.made = 0;
    assert_int_equal(sri_shrink(&shrink, bytes, 2), 2);
    assert_int_equal(shrink.made, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_way_comes_once_the_kindest_first),
    cmocka_unit_test(a_choice_may_ask_for_more),
    cmocka_unit_test(a_run_that_asks_otherwise_is_unsteady),
    cmocka_unit_test(what_does_not_matter_is_cut_away),
    cmocka_unit_test(what_matters_is_lowered),
};

SR_TEST_MAIN(tests)
