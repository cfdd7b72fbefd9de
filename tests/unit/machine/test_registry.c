/*
 * The life of a registered place: rules REG-2, REG-3, every cell of the table.
 */
#include "machine/registry.h"

#include "safer_ring/error.h"
#include "unit/machine/walk.h"

/* All that may ever happen to a place. */
static const struct allowed allowed[] = {
    {SRI_PLACE_EMPTY, SRI_PLACE_FILL, SRI_PLACE_IDLE},
    {SRI_PLACE_EMPTY, SRI_PLACE_BURY, SRI_PLACE_DEAD},
    {SRI_PLACE_IDLE, SRI_PLACE_USE, SRI_PLACE_USED},
    {SRI_PLACE_IDLE, SRI_PLACE_REPLACE, SRI_PLACE_IDLE},
    {SRI_PLACE_IDLE, SRI_PLACE_REMOVE, SRI_PLACE_EMPTY},
    {SRI_PLACE_IDLE, SRI_PLACE_RETIRE, SRI_PLACE_EMPTY},
    {SRI_PLACE_USED, SRI_PLACE_USE, SRI_PLACE_USED},
    {SRI_PLACE_USED, SRI_PLACE_END, SRI_PLACE_USED},
    {SRI_PLACE_USED, SRI_PLACE_LAST, SRI_PLACE_IDLE},
    {SRI_PLACE_USED, SRI_PLACE_RETIRE, SRI_PLACE_RETIRING},
    {SRI_PLACE_RETIRING, SRI_PLACE_END, SRI_PLACE_RETIRING},
    {SRI_PLACE_RETIRING, SRI_PLACE_LAST, SRI_PLACE_EMPTY},
};

/* What is used is neither replaced nor removed (REG-3); what is not registered, or not any more, can't be used (REG-2). */
static int answer(uint8_t state, uint8_t event)
{
    switch ((enum sri_place_event)event) {
    case SRI_PLACE_REPLACE:
    case SRI_PLACE_REMOVE: return state == SRI_PLACE_USED ? SR_EBUFFER_IN_FLIGHT : SR_ENOT_REGISTERED;
    case SRI_PLACE_USE:
    case SRI_PLACE_RETIRE: return SR_ENOT_REGISTERED;
    case SRI_PLACE_FILL:
    case SRI_PLACE_END:
    case SRI_PLACE_LAST:
    case SRI_PLACE_BURY:
    case SRI_PLACE_EVENTS: break;
    }
    return SRI_IMPOSSIBLE;
}

static const struct rules rules = {
    .machine = &sri_place_machine,
    .allowed = allowed,
    .count = sizeof allowed / sizeof allowed[0],
    .start = SRI_PLACE_EMPTY,
    .final = SRI_PLACE_DEAD,
    .answer = answer,
};

/* A place is filled, used, left, replaced, retired and emptied as the rules say (REG-3). */
static void each_allowed_move_happens(void **state)
{
    (void)state;
    check_allowed_cells(&rules);
}

/* What is asked for at another time is refused, and changes nothing (REG-2, REG-3). */
static void each_other_request_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    check_refused_cells(&rules);
}

/* The registry contradicting itself stops the run. */
static void each_contradiction_stops_the_run(void **state)
{
    (void)state;
    check_impossible_cells(&rules);
}

/* Every state is reached from an empty place, and only a dead one stays as it is. */
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
    check_names_differ(sri_place_machine.states, SRI_PLACES);
    check_names_differ(sri_place_machine.events, SRI_PLACE_EVENTS);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_allowed_move_happens),
    cmocka_unit_test(each_other_request_is_refused_and_changes_nothing),
    cmocka_unit_test(each_contradiction_stops_the_run),
    cmocka_unit_test(every_state_is_reached_and_left),
    cmocka_unit_test(names_differ),
};

SR_TEST_MAIN(tests)
