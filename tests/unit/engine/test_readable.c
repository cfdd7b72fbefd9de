/*
 * How a program that took its completions is led to enter, so that its ring's descriptor is put right: by the ring's flags
 * where the options say so, and by the engine's own word behind them.
 */
#include "unit/engine/rig.h"

static void open_showing(struct rig *rig, bool shows_readable, unsigned flags)
{
    const struct sri_engine_options options = {.shows_readable = shows_readable};
    rig_open(rig);
    raw_ring_close(&rig->ring);
    sri_engine_set_options(rig->engine, &options);
    assert_int_equal(raw_ring_open(&rig->ring, sri_engine_backend(rig->engine, "test"), 8, flags), 0);
}

static bool flag_is_set(const struct rig *rig)
{
    return (*rig->ring.ring.sq.kflags & IORING_SQ_TASKRUN) != 0;
}

static bool word_is_set(const struct rig *rig)
{
    return rig->ring.ring.sq.kflags[SRI_READABLE_BEHIND_FLAGS] != 0;
}

/* The flag says it of a ring that has not asked for the flag; the word says it of each. */
static void what_is_readable_is_told_until_it_was_taken(void **state)
{
    (void)state;
    static const struct {
        bool shows_readable;
        unsigned flags;
        bool by_flag;
    } cases[] = {
        {true, 0, true},
        {true, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, false},
        {false, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        open_showing(&rig, cases[i].shows_readable, cases[i].flags);
        assert_false(flag_is_set(&rig));
        assert_false(word_is_set(&rig));
        rig_nop(&rig, 1, 0);
        assert_int_equal(raw_ring_submit(&rig.ring), 1);

        assert_int_equal(flag_is_set(&rig), cases[i].by_flag);
        assert_true(word_is_set(&rig));

        rig_expect(&rig, 1, 0);
        assert_true(word_is_set(&rig)); /* nobody has seen it taken */
        sri_engine_go_on(rig.engine);
        assert_false(flag_is_set(&rig));
        assert_false(word_is_set(&rig));
        rig_close(&rig);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_readable_is_told_until_it_was_taken),
};

SR_TEST_MAIN(tests)
