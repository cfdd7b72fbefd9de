/*
 * Names and sentences of status codes: every code of error.h has both, and unknown ones say so.
 */
#include "safer_ring/error.h"

#include <limits.h>
#include <string.h>

#include "support/main.h"

#define NAMED(code) \
    {               \
        code, #code \
    }

/* The codes as error.h lists them. A new one is missed by the_codes_are_without_a_gap(). */
static const struct {
    int code;
    const char *name;
} codes[] = {
    NAMED(SR_EBUFFER_IN_FLIGHT),
    NAMED(SR_EOPERATION_PENDING),
    NAMED(SR_EOPERATIONS_IN_FLIGHT),
    NAMED(SR_ENOT_REGISTERED),
    NAMED(SR_EPOOL_EMPTY),
    NAMED(SR_EINVALID_STATE),
    NAMED(SR_ESTALE),
    NAMED(SR_ERING_BORROWED),
    NAMED(SR_EWRONG_THREAD),
    NAMED(SR_EWRONG_PROCESS),
    NAMED(SR_ECYCLE),
    NAMED(SR_EFOREIGN),
    NAMED(SR_ENOTHING_IN_FLIGHT),
    NAMED(SR_EBATCH_EMPTY),
    NAMED(SR_EQUEUE_FULL),
};
#define CODES (sizeof codes / sizeof codes[0])

static int lowest(void)
{
    int low = codes[0].code;
    for (size_t i = 0; i < CODES; i++)
        low = codes[i].code < low ? codes[i].code : low;
    return low;
}

/* Each of the library's codes has its own name, as it is written in programs. */
static void each_code_has_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODES; i++)
        assert_string_equal(sr_err_name(codes[i].code), codes[i].name);
}

/* Each has a sentence of its own, without a full stop. */
static void each_code_has_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODES; i++) {
        const char *text = sr_strerror(codes[i].code);
        assert_true(strlen(text) > 10);
        assert_int_not_equal(text[strlen(text) - 1], '.');
        assert_string_not_equal(text, "unknown status code");
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(text, sr_strerror(codes[j].code));
    }
}

/* The codes follow each other, none is missing here, and none meets the system's. */
static void the_codes_are_without_a_gap(void **state)
{
    (void)state;

    assert_int_equal(lowest(), codes[0].code - (int)CODES + 1);
    assert_string_equal(sr_err_name(lowest() - 1), "unknown");
    assert_string_equal(sr_err_name(codes[0].code + 1), "unknown");
    assert_true(codes[0].code < -4095);
}

/* The system's codes have the system's names and sentences. */
static void the_systems_codes_are_the_systems(void **state)
{
    (void)state;
    assert_string_equal(sr_err_name(-EAGAIN), "EAGAIN");
    assert_string_equal(sr_strerror(-EINVAL), strerrordesc_np(EINVAL));
    assert_string_equal(sr_err_name(0), "OK");
    assert_string_equal(sr_strerror(0), "success");
}

/* What is no code says so: counts, numbers between the ranges, the extremes. */
static void what_is_no_code_says_so(void **state)
{
    (void)state;
    const int none[] = {1, EAGAIN, -4095, -4096, -5000, lowest() - 1, INT_MAX, INT_MIN};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_string_equal(sr_err_name(none[i]), "unknown");
        assert_string_equal(sr_strerror(none[i]), "unknown status code");
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_code_has_its_name),      cmocka_unit_test(each_code_has_a_sentence_of_its_own),
    cmocka_unit_test(the_codes_are_without_a_gap), cmocka_unit_test(the_systems_codes_are_the_systems),
    cmocka_unit_test(what_is_no_code_says_so),
};

SR_TEST_MAIN(tests)
