/*
 * The hot path's constants and folded steps against what they stand for: the machines' tables, the table of opcodes.
 */
#include "ring/hot.h"

#include "ring/encode.h"
#include "support/main.h"

/* Each step that moves several times at once goes where the moves would have gone, one by one, and none of them is refused. */
static void every_folded_step_is_a_path_through_its_table(void **state)
{
    (void)state;
    for (int i = 0; i < SRI_FOLDED; i++) {
        const struct sri_folded *step = &sri_folded[i];
        uint8_t at = step->from;

        for (int move = 0; move < step->count; move++) {
            const int16_t *row = step->machine->table + at * step->machine->event_count;
            assert_int_equal(sri_machine_move(row, &at, step->events[move]), 0);
        }

        assert_int_equal(at, step->to);
    }
}

/* An entry that the header fills is one whose kind has nothing special, and takes a buffer exactly if the table says so. */
static void the_sets_of_opcodes_are_those_of_the_table(void **state)
{
    (void)state;
    for (unsigned opcode = 0; opcode < 256; opcode++) {
        const struct sri_kind *kind = sri_kind((uint8_t)opcode);
        bool buffer = sri_is_among(SRI_OPS_BUFFER, (uint8_t)opcode);
        bool plain = sri_is_among(SRI_OPS_PLAIN, (uint8_t)opcode);
        if (!buffer && !plain)
            continue;

        assert_non_null(kind->name);
        assert_false(kind->special);
        assert_false(kind->takes_vector);
        assert_false(kind->makes_descriptor);
        assert_int_equal(kind->takes_buffer, buffer);
        assert_int_equal(kind->moves_bytes, buffer);
        assert_int_equal(kind->has_target, sri_is_among(SRI_OPS_TARGET, (uint8_t)opcode));
        assert_int_equal(kind->has_offset, sri_is_among(SRI_OPS_OFFSET, (uint8_t)opcode));
        assert_int_equal(kind->has_flags, sri_is_among(SRI_OPS_FLAGS, (uint8_t)opcode));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_folded_step_is_a_path_through_its_table),
    cmocka_unit_test(the_sets_of_opcodes_are_those_of_the_table),
};

SR_TEST_MAIN(tests)
