/*
 * An operation of a batch: rules BATCH-2, BATCH-3, every cell of the table.
 */
#include "machine/member.h"

#include "unit/machine/walk.h"

/* All that may ever happen to a member. */
static const struct allowed allowed[] = {
    {SRI_MEMBER_WAITING, SRI_MEMBER_FREE, SRI_MEMBER_READY},
    {SRI_MEMBER_WAITING, SRI_MEMBER_LINK, SRI_MEMBER_STARTED},
    {SRI_MEMBER_WAITING, SRI_MEMBER_CANCEL, SRI_MEMBER_CANCELLED},
    {SRI_MEMBER_READY, SRI_MEMBER_START, SRI_MEMBER_STARTED},
    {SRI_MEMBER_READY, SRI_MEMBER_FAIL, SRI_MEMBER_FAILED},
    {SRI_MEMBER_READY, SRI_MEMBER_CANCEL, SRI_MEMBER_CANCELLED},
    {SRI_MEMBER_STARTED, SRI_MEMBER_UNLINK, SRI_MEMBER_WAITING},
    {SRI_MEMBER_STARTED, SRI_MEMBER_SUCCEED, SRI_MEMBER_DONE},
    {SRI_MEMBER_STARTED, SRI_MEMBER_FAIL, SRI_MEMBER_FAILED},
    {SRI_MEMBER_STARTED, SRI_MEMBER_CANCEL, SRI_MEMBER_CANCELLED},
};

/* Nobody but the library asks, so there is nothing to refuse. */
static int answer(uint8_t state, uint8_t event)
{
    (void)state;
    (void)event;
    return SRI_IMPOSSIBLE;
}

static const struct rules rules = {
    .machine = &sri_member_machine,
    .allowed = allowed,
    .count = sizeof allowed / sizeof allowed[0],
    .start = SRI_MEMBER_WAITING,
    .final = -1,
    .answer = answer,
};

/* A member moves in ten ways. */
static void each_allowed_change_happens(void **state)
{
    (void)state;
    check_allowed_cells(&rules);
}

/* The library contradicting itself stops the run. */
static void each_contradiction_stops_the_run(void **state)
{
    (void)state;
    check_impossible_cells(&rules);
}

/* Every state happens. */
static void every_state_is_reached_from_waiting(void **state)
{
    (void)state;
    check_every_state_is_reached(&rules);
}

/* What is over stays so, and never starts (BATCH-3). */
static void nothing_comes_after_the_end(void **state)
{
    (void)state;

    for (uint8_t from = SRI_MEMBER_DONE; from < SRI_MEMBERS; from++)
        for (uint8_t event = 0; event < SRI_MEMBER_EVENTS; event++)
            assert_int_equal(sri_member_table[from][event], SRI_IMPOSSIBLE);
}

/* No two states and no two events have the same name. */
static void names_differ(void **state)
{
    (void)state;
    check_names_differ(sri_member_machine.states, SRI_MEMBERS);
    check_names_differ(sri_member_machine.events, SRI_MEMBER_EVENTS);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_allowed_change_happens),
    cmocka_unit_test(each_contradiction_stops_the_run),
    cmocka_unit_test(every_state_is_reached_from_waiting),
    cmocka_unit_test(nothing_comes_after_the_end),
    cmocka_unit_test(names_differ),
};

SR_TEST_MAIN(tests)
