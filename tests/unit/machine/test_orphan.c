/*
 * The claim on a result: rules ORPH-1, ORPH-3, CB-4, OP-3, every cell of the table.
 */
#include "machine/orphan.h"

#include "safer_ring/error.h"
#include "unit/machine/walk.h"

/* All that may ever happen to a claim. */
static const struct allowed allowed[] = {
    {SRI_CLAIM_NONE, SRI_CLAIM_START, SRI_CLAIM_HANDLE},
    {SRI_CLAIM_HANDLE, SRI_CLAIM_ASK, SRI_CLAIM_HANDLE},
    {SRI_CLAIM_HANDLE, SRI_CLAIM_DETACH, SRI_CLAIM_QUEUE},
    {SRI_CLAIM_HANDLE, SRI_CLAIM_THEN, SRI_CLAIM_CALLBACK},
    {SRI_CLAIM_HANDLE, SRI_CLAIM_DROP, SRI_CLAIM_ORPHAN},
    {SRI_CLAIM_HANDLE, SRI_CLAIM_DISCARD, SRI_CLAIM_NONE},
    {SRI_CLAIM_HANDLE, SRI_CLAIM_END, SRI_CLAIM_NONE},
    {SRI_CLAIM_QUEUE, SRI_CLAIM_DROP, SRI_CLAIM_ORPHAN},
    {SRI_CLAIM_QUEUE, SRI_CLAIM_DISCARD, SRI_CLAIM_NONE},
    {SRI_CLAIM_QUEUE, SRI_CLAIM_END, SRI_CLAIM_NONE},
    {SRI_CLAIM_CALLBACK, SRI_CLAIM_DROP, SRI_CLAIM_ORPHAN},
    {SRI_CLAIM_CALLBACK, SRI_CLAIM_DISCARD, SRI_CLAIM_NONE},
    {SRI_CLAIM_CALLBACK, SRI_CLAIM_END, SRI_CLAIM_NONE},
    {SRI_CLAIM_ORPHAN, SRI_CLAIM_END, SRI_CLAIM_NONE},
    {SRI_CLAIM_HANDLE, SRI_CLAIM_ENLIST, SRI_CLAIM_MEMBER},
    {SRI_CLAIM_MEMBER, SRI_CLAIM_LEAVE, SRI_CLAIM_ORPHAN},
    {SRI_CLAIM_MEMBER, SRI_CLAIM_END, SRI_CLAIM_NONE},
};

/* A handle that was given to the ring is in the wrong state; one that was dropped or ended is stale. */
static int answer(uint8_t state, uint8_t event)
{
    if (event == SRI_CLAIM_START || event >= SRI_CLAIM_END)
        return SRI_IMPOSSIBLE;
    return state == SRI_CLAIM_QUEUE || state == SRI_CLAIM_CALLBACK || state == SRI_CLAIM_MEMBER
               ? SR_EINVALID_STATE
               : SR_ESTALE;
}

static const struct rules rules = {
    .machine = &sri_orphan_machine,
    .allowed = allowed,
    .count = sizeof allowed / sizeof allowed[0],
    .start = SRI_CLAIM_NONE,
    .final = -1,
    .answer = answer,
};

/* A claim moves in these ways. */
static void each_allowed_change_of_claim_happens(void **state)
{
    (void)state;
    check_allowed_cells(&rules);
}

/* A handle that has no claim any more is refused, and nothing changes. */
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

/* Every claim happens. */
static void every_claim_is_reached_from_none(void **state)
{
    (void)state;
    check_every_state_is_reached(&rules);
}

/* Every claim ends. */
static void every_claim_has_a_way_on(void **state)
{
    (void)state;
    check_every_state_has_a_way_on(&rules);
}

/* An operation becomes an orphan by its drop or its batch's, and stops being one by its end only (ORPH-1, ORPH-3). */
static void an_orphan_is_made_by_a_drop_and_ended_by_its_end(void **state)
{
    (void)state;

    for (uint8_t from = 0; from < SRI_CLAIMS; from++) {
        for (uint8_t event = 0; event < SRI_CLAIM_EVENTS; event++) {
            int next = sri_orphan_table[from][event];
            if (next == SRI_CLAIM_ORPHAN)
                assert_true((from != SRI_CLAIM_NONE && event == SRI_CLAIM_DROP) ||
                            (from == SRI_CLAIM_MEMBER && event == SRI_CLAIM_LEAVE));
            if (from == SRI_CLAIM_ORPHAN && next >= 0)
                assert_int_equal(event, SRI_CLAIM_END);
        }
    }
}

/* No two states and no two events have the same name. */
static void names_differ(void **state)
{
    (void)state;
    check_names_differ(sri_orphan_machine.states, SRI_CLAIMS);
    check_names_differ(sri_orphan_machine.events, SRI_CLAIM_EVENTS);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_allowed_change_of_claim_happens),
    cmocka_unit_test(each_other_request_is_refused_and_changes_nothing),
    cmocka_unit_test(each_contradiction_stops_the_run),
    cmocka_unit_test(every_claim_is_reached_from_none),
    cmocka_unit_test(every_claim_has_a_way_on),
    cmocka_unit_test(an_orphan_is_made_by_a_drop_and_ended_by_its_end),
    cmocka_unit_test(names_differ),
};

SR_TEST_MAIN(tests)
