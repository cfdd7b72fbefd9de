/*
 * Text into fixed memory, last words, and the end of a run that contradicts itself.
 */
#include "base/text.h"

#include <string.h>
#include <unistd.h>

#include "base/contradiction.h"
#include "support/child.h"
#include "support/main.h"

/* Text that fits is written whole, and its length told. */
static void text_that_fits_is_whole(void **state)
{
    (void)state;
    char out[16];

    size_t length = sri_format(out, sizeof out, "%d of %s", 7, "nine");

    assert_string_equal(out, "7 of nine");
    assert_int_equal(length, 9);
}

/* Text that does not fit is cut and ended, and the length is what stands there. */
static void text_that_does_not_fit_is_cut_and_ended(void **state)
{
    (void)state;
    char out[6] = "xxxxx";

    size_t length = sri_format(out, 5, "%s", "abcdefgh");

    assert_string_equal(out, "abcd");
    assert_int_equal(length, 4);
    assert_int_equal(out[5], '\0');
}

/* Text that fits but for its end is cut by one. */
static void text_needs_room_for_its_end(void **state)
{
    (void)state;
    char out[4];

    assert_int_equal(sri_format(out, sizeof out, "abc"), 3);
    assert_string_equal(out, "abc");
    assert_int_equal(sri_format(out, sizeof out, "abcd"), 3);
    assert_string_equal(out, "abc");
}

/* No room is no text, and nothing is touched. */
static void no_room_is_no_text(void **state)
{
    (void)state;
    char out[1] = {'x'};

    assert_int_equal(sri_format(out, 0, "abc"), 0);

    assert_int_equal(out[0], 'x');
}

/* Last words reach the descriptor whole. */
static void text_reaches_the_descriptor(void **state)
{
    (void)state;
    int ends[2];
    char got[8] = "";
    assert_int_equal(pipe(ends), 0);

    sri_write_text(ends[1], "abcdef", 6);

    assert_int_equal(read(ends[0], got, sizeof got - 1), 6);
    assert_string_equal(got, "abcdef");
    close(ends[0]);
    close(ends[1]);
}

/* A descriptor that takes nothing is given up, not tried for ever. */
static void a_broken_descriptor_is_given_up(void **state)
{
    (void)state;
    sri_write_text(-1, "abc", 3);
}

static void contradict(void *argument)
{
    int *one = argument;
    SRI_REQUIRE(*one == 1);
    SRI_REQUIRE(*one == 2);
}

/* A condition that does not hold stops the run and names itself; one that holds is passed. */
static void a_contradiction_names_itself_and_aborts(void **state)
{
    (void)state;
    int one = 1;
    struct child child;

    run_in_child(&child, contradict, &one);

    assert_true(child_aborted(&child));
    assert_non_null(strstr(child.text, "internal contradiction at "));
    assert_non_null(strstr(child.text, "test_text.c"));
    assert_non_null(strstr(child.text, "*one == 2 does not hold\n"));
    assert_null(strstr(child.text, "*one == 1 does not hold"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(text_that_fits_is_whole),
    cmocka_unit_test(text_that_does_not_fit_is_cut_and_ended),
    cmocka_unit_test(text_needs_room_for_its_end),
    cmocka_unit_test(no_room_is_no_text),
    cmocka_unit_test(text_reaches_the_descriptor),
    cmocka_unit_test(a_broken_descriptor_is_given_up),
    cmocka_unit_test(a_contradiction_names_itself_and_aborts),
};

SR_TEST_MAIN(tests)
