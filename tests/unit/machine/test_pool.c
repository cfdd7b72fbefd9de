/*
 * Where a pooled buffer is: rules POOL-2, POOL-3, POOL-5, every cell of the table.
 */
#include "machine/pool.h"

#include "safer_ring/error.h"
#include "unit/machine/walk.h"

/* All that may ever happen to a pooled buffer. */
static const struct allowed allowed[] = {
    {SRI_POOLED_NONE, SRI_POOLED_ADD, SRI_POOLED_HOME},
    {SRI_POOLED_HOME, SRI_POOLED_GET, SRI_POOLED_OUT},
    {SRI_POOLED_OUT, SRI_POOLED_PUT, SRI_POOLED_HOME},
    {SRI_POOLED_HOME, SRI_POOLED_REMOVE, SRI_POOLED_NONE},
};

/* A second return, one of a stranger, and destroying under somebody's hands are asked for; the rest is the pool's own doing. */
static int answer(uint8_t state, uint8_t event)
{
    if (event == SRI_POOLED_PUT)
        return state == SRI_POOLED_NONE ? SR_EFOREIGN : SR_EBUFFER_IN_FLIGHT;
    if (event == SRI_POOLED_REMOVE && state == SRI_POOLED_OUT)
        return SR_EBUFFER_IN_FLIGHT;
    return SRI_IMPOSSIBLE;
}

static const struct rules rules = {
    .machine = &sri_pooled_machine,
    .allowed = allowed,
    .count = sizeof allowed / sizeof allowed[0],
    .start = SRI_POOLED_NONE,
    .final = -1,
    .answer = answer,
};

/* A pooled buffer is added, handed out, returned and removed (POOL-2). */
static void each_allowed_move_happens(void **state)
{
    (void)state;
    check_allowed_cells(&rules);
}

/* A second return and the return of a stranger are refused, and change nothing (POOL-3); so is removing what is out (POOL-5). */
static void each_wrong_return_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    check_refused_cells(&rules);
}

/* The pool contradicting itself stops the run. */
static void each_contradiction_stops_the_run(void **state)
{
    (void)state;
    check_impossible_cells(&rules);
}

/* Home and out are reached from a header of no pool, and each has a way on. */
static void every_state_is_reached_and_left(void **state)
{
    (void)state;
    check_every_state_is_reached(&rules);
    check_every_state_has_a_way_on(&rules);
}

/* No two states and no two events have the same name. */
static void names_differ(void **state)
{
    (void)state;
    check_names_differ(sri_pooled_machine.states, SRI_POOLED_STATES);
    check_names_differ(sri_pooled_machine.events, SRI_POOLED_EVENTS);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_allowed_move_happens),
    cmocka_unit_test(each_wrong_return_is_refused_and_changes_nothing),
    cmocka_unit_test(each_contradiction_stops_the_run),
    cmocka_unit_test(every_state_is_reached_and_left),
    cmocka_unit_test(names_differ),
};

SR_TEST_MAIN(tests)
