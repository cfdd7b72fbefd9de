/*
 * The life of an operation: rules OP-2, OP-3, OP-5, every cell of the table.
 */
#include "machine/operation.h"

#include "safer_ring/error.h"
#include "unit/machine/walk.h"

/* All that may ever happen to an operation. */
static const struct allowed allowed[] = {
    {SRI_OPERATION_GONE, SRI_OPERATION_START, SRI_OPERATION_BUILDING},
    {SRI_OPERATION_BUILDING, SRI_OPERATION_ABANDON, SRI_OPERATION_GONE},
    {SRI_OPERATION_BUILDING, SRI_OPERATION_QUEUE, SRI_OPERATION_QUEUED},
    {SRI_OPERATION_QUEUED, SRI_OPERATION_CONSUME, SRI_OPERATION_SUBMITTED},
    {SRI_OPERATION_QUEUED, SRI_OPERATION_WITHDRAW, SRI_OPERATION_SETTLED},
    {SRI_OPERATION_QUEUED, SRI_OPERATION_RECALL, SRI_OPERATION_COMPLETED},
    {SRI_OPERATION_SUBMITTED, SRI_OPERATION_CANCEL, SRI_OPERATION_CANCELLING},
    {SRI_OPERATION_SUBMITTED, SRI_OPERATION_COMPLETE, SRI_OPERATION_COMPLETED},
    {SRI_OPERATION_CANCELLING, SRI_OPERATION_CANCEL, SRI_OPERATION_CANCELLING},
    {SRI_OPERATION_CANCELLING, SRI_OPERATION_MISS, SRI_OPERATION_SUBMITTED},
    {SRI_OPERATION_CANCELLING, SRI_OPERATION_COMPLETE, SRI_OPERATION_COMPLETED},
    {SRI_OPERATION_COMPLETED, SRI_OPERATION_DELIVER, SRI_OPERATION_DELIVERED},
    {SRI_OPERATION_COMPLETED, SRI_OPERATION_SETTLE, SRI_OPERATION_SETTLED},
    {SRI_OPERATION_DELIVERED, SRI_OPERATION_SETTLE, SRI_OPERATION_SETTLED},
    {SRI_OPERATION_SETTLED, SRI_OPERATION_FREE, SRI_OPERATION_GONE},
    {SRI_OPERATION_GONE, SRI_OPERATION_RETIRE, SRI_OPERATION_RETIRED},
    {SRI_OPERATION_GONE, SRI_OPERATION_SHOT, SRI_OPERATION_COMPLETED},
};

/* No operation lives in the slot. */
static bool is_dead(uint8_t state)
{
    return state == SRI_OPERATION_GONE || state == SRI_OPERATION_SETTLED || state == SRI_OPERATION_RETIRED;
}

static bool has_not_ended(uint8_t state)
{
    return state == SRI_OPERATION_BUILDING || state == SRI_OPERATION_QUEUED ||
           state == SRI_OPERATION_SUBMITTED || state == SRI_OPERATION_CANCELLING;
}

/* An operation that only its own start knows of can't be taken back or ended. */
static int unless_building(uint8_t state)
{
    return state == SRI_OPERATION_BUILDING ? SRI_IMPOSSIBLE : SR_EINVALID_STATE;
}

static int answer(uint8_t state, uint8_t event)
{
    switch ((enum sri_operation_event)event) {
    case SRI_OPERATION_COMPLETE: /* a CQE for what the kernel does not have (OP-5) */ return SR_ESTALE;
    case SRI_OPERATION_DELIVER: /* asking for the result (OP-3) */
        return is_dead(state) ? SR_ESTALE : has_not_ended(state) ? SR_EOPERATION_PENDING : SR_EINVALID_STATE;
    case SRI_OPERATION_CANCEL: return is_dead(state) ? SR_ESTALE : SR_EINVALID_STATE;
    case SRI_OPERATION_WITHDRAW:
    case SRI_OPERATION_RECALL:
    case SRI_OPERATION_MISS:
    case SRI_OPERATION_SETTLE: return is_dead(state) ? SR_ESTALE : unless_building(state);
    case SRI_OPERATION_START:
    case SRI_OPERATION_ABANDON:
    case SRI_OPERATION_QUEUE:
    case SRI_OPERATION_CONSUME:
    case SRI_OPERATION_FREE:
    case SRI_OPERATION_RETIRE:
    case SRI_OPERATION_SHOT:
    case SRI_OPERATION_EVENTS: break;
    }
    return SRI_IMPOSSIBLE;
}

static const struct rules rules = {
    .machine = &sri_operation_machine,
    .allowed = allowed,
    .count = sizeof allowed / sizeof allowed[0],
    .start = SRI_OPERATION_GONE,
    .final = SRI_OPERATION_RETIRED,
    .answer = answer,
};

/* An operation goes from building to gone by the ways of OP-2. */
static void each_allowed_step_happens(void **state)
{
    (void)state;
    check_allowed_cells(&rules);
}

/* Any other step is refused and leaves the operation as it was. */
static void each_other_step_is_refused_and_changes_nothing(void **state)
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

/* Every state happens to some operation. */
static void every_state_is_reached_from_a_free_slot(void **state)
{
    (void)state;
    check_every_state_is_reached(&rules);
}

/* Only a retired slot stays as it is. */
static void every_state_but_retired_has_a_way_on(void **state)
{
    (void)state;
    check_every_state_has_a_way_on(&rules);
}

/* What the kernel has leaves it by its own completion only: no drop, no close, no cancel ends it (ORPH-1, ORPH-6). */
static void what_the_kernel_has_ends_by_its_completion_only(void **state)
{
    (void)state;

    const uint8_t with_kernel[] = {SRI_OPERATION_SUBMITTED, SRI_OPERATION_CANCELLING};
    for (size_t i = 0; i < 2; i++) {
        for (uint8_t event = 0; event < SRI_OPERATION_EVENTS; event++) {
            int next = sri_operation_table[with_kernel[i]][event];
            bool leaves = next >= 0 && next != SRI_OPERATION_CANCELLING && next != SRI_OPERATION_SUBMITTED;
            assert_int_equal(leaves, event == SRI_OPERATION_COMPLETE);
        }
    }
}

/* No two states and no two events have the same name. */
static void names_differ(void **state)
{
    (void)state;
    check_names_differ(sri_operation_machine.states, SRI_OPERATIONS);
    check_names_differ(sri_operation_machine.events, SRI_OPERATION_EVENTS);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_allowed_step_happens),
    cmocka_unit_test(each_other_step_is_refused_and_changes_nothing),
    cmocka_unit_test(each_contradiction_stops_the_run),
    cmocka_unit_test(every_state_is_reached_from_a_free_slot),
    cmocka_unit_test(every_state_but_retired_has_a_way_on),
    cmocka_unit_test(what_the_kernel_has_ends_by_its_completion_only),
    cmocka_unit_test(names_differ),
};

SR_TEST_MAIN(tests)
