/*
 * The tape: bodies, seeds, and that what was recorded replays.
 */
#include "main.h"

#include <string.h>

#include "fate/tape.h"

static void an_empty_tape_gives_the_kindest_choice_for_ever(void **state)
{
    (void)state;
    struct sri_tape tape = {0};

    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(sri_tape_choose(&tape, 1 + i), 0);
        assert_int_equal(sri_tape_weighed(&tape, 1 + i, 1024), 0);
    }
    sri_tape_fini(&tape);
}

/* One byte up to 256 answers, two and more beyond, little endian, modulo n. */
static void bytes_are_choices_modulo_their_number(void **state)
{
    (void)state;
    static const uint8_t body[] = {7, 255, 0x34, 0x12, 0x01, 0x02, 0x03, 0x04, 9};
    struct sri_tape tape = {0};
    assert_int_equal(sri_tape_init_body(&tape, body, sizeof body), 0);

    assert_int_equal(sri_tape_choose(&tape, 5), 2);
    assert_int_equal(sri_tape_choose(&tape, 256), 255);
    assert_int_equal(sri_tape_choose(&tape, 65536), 0x1234);
    assert_int_equal(sri_tape_choose(&tape, UINT32_MAX), 0x04030201);
    assert_int_equal(sri_tape_choose(&tape, 1), 0);
    assert_int_equal(sri_tape_weighed(&tape, 10, 0), 9);
    assert_int_equal(sri_tape_choose(&tape, 300), 0);

    sri_tape_fini(&tape);
}

/* A choice that the end cuts through has zeros for the bytes that are missing. */
static void a_cut_choice_is_filled_with_zeros(void **state)
{
    (void)state;
    static const uint8_t body[] = {0x2a};
    struct sri_tape tape = {0};
    assert_int_equal(sri_tape_init_body(&tape, body, sizeof body), 0);

    assert_int_equal(sri_tape_choose(&tape, 1000), 0x2a);
    assert_int_equal(sri_tape_choose(&tape, 1000), 0);

    sri_tape_fini(&tape);
}

static uint32_t mixed_choice(struct sri_tape *tape, uint32_t i)
{
    static const uint32_t numbers[] = {2, 5, 256, 257, 70000, 20000000, 8};
    uint32_t n = numbers[i % 7];
    return i % 3 == 0 ? sri_tape_weighed(tape, n, 100) : sri_tape_choose(tape, n);
}

static void a_recorded_body_replays_the_same_choices(void **state)
{
    (void)state;
    enum {
        CHOICES = 5000
    };
    static uint32_t choices[CHOICES];
    struct sri_tape seeded = {0};
    struct sri_tape replayed = {0};
    sri_tape_init_seed(&seeded, 42);
    for (uint32_t i = 0; i < CHOICES; i++)
        choices[i] = mixed_choice(&seeded, i);
    const uint8_t *body;
    size_t size;
    sri_tape_body(&seeded, &body, &size);

    assert_int_equal(sri_tape_init_body(&replayed, body, size), 0);

    for (uint32_t i = 0; i < CHOICES; i++)
        assert_int_equal(mixed_choice(&replayed, i), choices[i]);
    assert_int_equal(sri_tape_position(&replayed), size);
    sri_tape_fini(&seeded);
    sri_tape_fini(&replayed);
}

static void seeds_differ_and_repeat(void **state)
{
    (void)state;
    struct sri_tape tape = {0};
    uint64_t first[3] = {0};
    uint64_t seeds[3] = {1, 2, 1};

    for (int run = 0; run < 3; run++) {
        sri_tape_init_seed(&tape, seeds[run]);
        for (int i = 0; i < 16; i++)
            first[run] = first[run] << 4 | sri_tape_choose(&tape, 16);
    }

    assert_true(first[0] != first[1]);
    assert_true(first[0] == first[2]);
    sri_tape_fini(&tape);
}

/* Within a twentieth of what is asked for, over 100,000 draws. */
static void weights_are_kept(void **state)
{
    (void)state;
    static const uint32_t weights[] = {0, 64, 512, 1024};
    struct sri_tape tape = {0};

    for (int w = 0; w < 4; w++) {
        uint32_t unkind = 0;
        uint32_t expected = (uint32_t)(100000ull * weights[w] / 1024);
        sri_tape_init_seed(&tape, 7);
        for (int i = 0; i < 100000; i++)
            unkind += sri_tape_weighed(&tape, 4, weights[w]) != 0;
        assert_in_range(unkind, expected - expected / 20, expected + expected / 20);
    }
    sri_tape_fini(&tape);
}

/* The body that was read so far, without what follows. */
static void a_bodys_tail_that_nobody_read_is_no_part_of_the_run(void **state)
{
    (void)state;
    static const uint8_t given[] = {1, 2, 3, 4};
    struct sri_tape tape = {0};
    const uint8_t *body;
    size_t size;
    assert_int_equal(sri_tape_init_body(&tape, given, sizeof given), 0);

    sri_tape_choose(&tape, 10);
    sri_tape_choose(&tape, 10);

    sri_tape_body(&tape, &body, &size);
    assert_int_equal(size, 2);
    assert_memory_equal(body, given, 2);
    sri_tape_fini(&tape);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_empty_tape_gives_the_kindest_choice_for_ever),
    cmocka_unit_test(bytes_are_choices_modulo_their_number),
    cmocka_unit_test(a_cut_choice_is_filled_with_zeros),
    cmocka_unit_test(a_recorded_body_replays_the_same_choices),
    cmocka_unit_test(seeds_differ_and_repeat),
    cmocka_unit_test(weights_are_kept),
    cmocka_unit_test(a_bodys_tail_that_nobody_read_is_no_part_of_the_run),
};

SR_TEST_MAIN(tests)
