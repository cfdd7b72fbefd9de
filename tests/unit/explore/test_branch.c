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

/* A seven stands in its place, and two others before it agree. */
static bool two_agree(void *self, const uint8_t *bytes, size_t size)
{
    (void)self;
    return size >= 6 && bytes[0] == bytes[3] && bytes[5] == 7;
}

/* The first says how far the seven is. */
static bool is_that_far(void *self, const uint8_t *bytes, size_t size)
{
    (void)self;
    return size > 2 && bytes[0] < size - 2 && bytes[2 + bytes[0]] == 7;
}

static bool differ_by_three(void *self, const uint8_t *bytes, size_t size)
{
    (void)self;
    return ((size > 0 ? bytes[0] : 0) ^ (size > 1 ? bytes[1] : 0)) == 3;
}

/* Choices that hold each other are taken away together, and what was read behind one is moved to where it is read without it. */
static void choices_that_hold_each_other_go_together(void **state)
{
    (void)state;
    uint8_t agreeing[6] = {9, 1, 2, 9, 3, 7};
    struct sri_shrink shrink = {.shows = two_agree, .attempts = 10000};
    assert_int_equal(sri_shrink(&shrink, agreeing, sizeof agreeing), 6);
    assert_memory_equal(agreeing, ((uint8_t[6]){0, 0, 0, 0, 0, 7}), 6);

    uint8_t far[6] = {3, 1, 1, 1, 1, 7};
    shrink = (struct sri_shrink){.shows = is_that_far, .attempts = 10000};
    assert_int_equal(sri_shrink(&shrink, far, sizeof far), 3);
    assert_memory_equal(far, ((uint8_t[3]){0, 0, 7}), 3);

    uint8_t two[2] = {8, 11};
    shrink = (struct sri_shrink){.shows = differ_by_three, .attempts = 10000};
    assert_true(differ_by_three(NULL, two, sri_shrink(&shrink, two, sizeof two)));
    assert_int_equal(two[0] != 0 ? two[0] : two[1], 3);
}

/* Shows nothing; notes the longest that it was given. */
static bool notes_length(void *self, const uint8_t *bytes, size_t size)
{
    size_t *longest = self;
    (void)bytes;
    *longest = size > *longest ? size : *longest;
    return false;
}

/* Also where zeros are put in, no tape is tried that is longer than the given one, which stays when it never showed it. */
static void a_tape_never_grows(void **state)
{
    (void)state;
    uint8_t bytes[5] = {3, 1, 1, 9, 9};
    size_t longest = 0;
    struct sri_shrink shrink = {.shows = notes_length, .self = &longest, .attempts = 10000};
    assert_int_equal(sri_shrink(&shrink, bytes, sizeof bytes), 5);
    assert_memory_equal(bytes, ((uint8_t[5]){3, 1, 1, 9, 9}), sizeof bytes);
    assert_int_equal(longest, 5);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_way_comes_once_the_kindest_first),
    cmocka_unit_test(a_choice_may_ask_for_more),
    cmocka_unit_test(a_run_that_asks_otherwise_is_unsteady),
    cmocka_unit_test(what_does_not_matter_is_cut_away),
    cmocka_unit_test(what_matters_is_lowered),
    cmocka_unit_test(choices_that_hold_each_other_go_together),
    cmocka_unit_test(a_tape_never_grows),
};

SR_TEST_MAIN(tests)
