/*
 * The ownership of a buffer: rules BUF-1, BUF-3, BUF-4, BUF-6, PIN-2, every cell of the table.
 */
#include "machine/ownership.h"

#include "safer_ring/error.h"
#include "unit/machine/walk.h"

/* All that may ever happen to a buffer. */
static const struct allowed allowed[] = {
    {SRI_OWNER_NOBODY, SRI_OWNER_MAKE, SRI_OWNER_USER},
    {SRI_OWNER_USER, SRI_OWNER_OPEN, SRI_OWNER_GUARD},
    {SRI_OWNER_GUARD, SRI_OWNER_CLOSE, SRI_OWNER_USER},
    {SRI_OWNER_USER, SRI_OWNER_LEND, SRI_OWNER_KERNEL},
    {SRI_OWNER_KERNEL, SRI_OWNER_WITHDRAW, SRI_OWNER_USER},
    {SRI_OWNER_KERNEL, SRI_OWNER_COMPLETE, SRI_OWNER_COMPLETION},
    {SRI_OWNER_COMPLETION, SRI_OWNER_TAKE, SRI_OWNER_USER},
    {SRI_OWNER_COMPLETION, SRI_OWNER_DISPOSE, SRI_OWNER_NOBODY},
    {SRI_OWNER_USER, SRI_OWNER_JOIN, SRI_OWNER_VECTOR},
    {SRI_OWNER_VECTOR, SRI_OWNER_SPLIT, SRI_OWNER_USER},
    {SRI_OWNER_USER, SRI_OWNER_RELEASE, SRI_OWNER_NOBODY},
    {SRI_OWNER_USER, SRI_OWNER_KEEP, SRI_OWNER_BATCH},
    {SRI_OWNER_BATCH, SRI_OWNER_YIELD, SRI_OWNER_USER},
    {SRI_OWNER_USER, SRI_OWNER_BORROW, SRI_OWNER_BORROWED},
    {SRI_OWNER_BORROWED, SRI_OWNER_WITHDRAW, SRI_OWNER_USER},
    {SRI_OWNER_BORROWED, SRI_OWNER_COMPLETE, SRI_OWNER_BORROWED},
    {SRI_OWNER_BORROWED, SRI_OWNER_TAKE, SRI_OWNER_USER},
    {SRI_OWNER_BORROWED, SRI_OWNER_DISPOSE, SRI_OWNER_NOBODY},
};

/* What a program can ask of a buffer that is not its own is refused (BUF-4); the rest is the library's own doing. */
static int answer(uint8_t state, uint8_t event)
{
    (void)state;
    switch ((enum sri_owner_event)event) {
    case SRI_OWNER_OPEN:
    case SRI_OWNER_LEND:
    case SRI_OWNER_JOIN:
    case SRI_OWNER_KEEP:
    case SRI_OWNER_BORROW:
    case SRI_OWNER_RELEASE: return SR_EBUFFER_IN_FLIGHT;
    case SRI_OWNER_CLOSE: return SR_EINVALID_STATE;
    case SRI_OWNER_MAKE:
    case SRI_OWNER_WITHDRAW:
    case SRI_OWNER_COMPLETE:
    case SRI_OWNER_TAKE:
    case SRI_OWNER_SPLIT:
    case SRI_OWNER_DISPOSE:
    case SRI_OWNER_YIELD:
    case SRI_OWNER_EVENTS: break;
    }
    return SRI_IMPOSSIBLE;
}

static const struct rules rules = {
    .machine = &sri_ownership_machine,
    .allowed = allowed,
    .count = sizeof allowed / sizeof allowed[0],
    .start = SRI_OWNER_NOBODY,
    .final = -1,
    .answer = answer,
};

/* A buffer changes hands in eighteen ways, and each leads to the owner the rule names. */
static void each_allowed_change_of_owner_happens(void **state)
{
    (void)state;
    check_allowed_cells(&rules);
}

/* What is not the program's can't be opened, lent, joined or released, and asking changes nothing. */
static void each_other_request_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    check_refused_cells(&rules);
}

/* The library contradicting itself stops the run. */
static void each_contradiction_stops_the_run(void **state)
{
    (void)state;
    check_impossible_cells(&rules);
}

/* Every owner can come to have a buffer. */
static void every_owner_is_reached_from_a_free_header(void **state)
{
    (void)state;
    check_every_state_is_reached(&rules);
}

/* No owner keeps a buffer for ever: each has a way to give it on. */
static void every_owner_can_give_it_on(void **state)
{
    (void)state;
    check_every_state_has_a_way_on(&rules);
}

/* The kernel lends nothing on: what it has ends with a completion or a withdrawal, and nothing else moves it (BUF-3). */
static void the_kernel_gives_back_in_two_ways_only(void **state)
{
    (void)state;

    int ways = 0;
    for (uint8_t event = 0; event < SRI_OWNER_EVENTS; event++)
        ways += sri_ownership_table[SRI_OWNER_KERNEL][event] >= 0;

    assert_int_equal(ways, 2);
}

/* No two states and no two events have the same name. */
static void names_differ(void **state)
{
    (void)state;
    check_names_differ(sri_ownership_machine.states, SRI_OWNERS);
    check_names_differ(sri_ownership_machine.events, SRI_OWNER_EVENTS);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_allowed_change_of_owner_happens),
    cmocka_unit_test(each_other_request_is_refused_and_changes_nothing),
    cmocka_unit_test(each_contradiction_stops_the_run),
    cmocka_unit_test(every_owner_is_reached_from_a_free_header),
    cmocka_unit_test(every_owner_can_give_it_on),
    cmocka_unit_test(the_kernel_gives_back_in_two_ways_only),
    cmocka_unit_test(names_differ),
};

SR_TEST_MAIN(tests)
