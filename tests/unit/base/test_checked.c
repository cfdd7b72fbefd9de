/*
 * Arithmetic that says when it does not fit.
 */
#include "base/checked.h"

#include "support/main.h"

/* A sum up to the largest size fits; one more does not. */
static void a_sum_fits_up_to_the_largest_size(void **state)
{
    (void)state;
    size_t sum;

    assert_true(sri_add_size(SIZE_MAX - 1, 1, &sum));
    assert_true(sum == SIZE_MAX);
    assert_true(sri_add_size(0, 0, &sum));
    assert_true(sum == 0);

    assert_false(sri_add_size(SIZE_MAX, 1, &sum));
    assert_false(sri_add_size(SIZE_MAX, SIZE_MAX, &sum));
}

/* A product up to the largest size fits; one step more does not. */
static void a_product_fits_up_to_the_largest_size(void **state)
{
    (void)state;
    size_t product;

    assert_true(sri_mul_size(SIZE_MAX, 1, &product));
    assert_true(product == SIZE_MAX);
    assert_true(sri_mul_size(SIZE_MAX, 0, &product));
    assert_true(product == 0);
    assert_true(sri_mul_size(SIZE_MAX / 3, 3, &product));

    assert_false(sri_mul_size(SIZE_MAX / 2 + 1, 2, &product));
    assert_false(sri_mul_size(SIZE_MAX, SIZE_MAX, &product));
}

/* A power of two stays; anything between goes up to the next; above the last there is none. */
static void the_next_power_of_two(void **state)
{
    (void)state;
    static const struct {
        uint32_t n;
        uint32_t next;
    } rows[] = {
        {0, 1},
        {1, 1},
        {2, 2},
        {3, 4},
        {4, 4},
        {5, 8},
        {4095, 4096},
        {4096, 4096},
        {4097, 8192},
        {UINT32_C(0x7fffffff), UINT32_C(0x80000000)},
        {UINT32_C(0x80000000), UINT32_C(0x80000000)},
        {UINT32_C(0x80000001), 0},
        {UINT32_MAX, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(sri_round_up_pow2(rows[i].n), rows[i].next);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_sum_fits_up_to_the_largest_size),
    cmocka_unit_test(a_product_fits_up_to_the_largest_size),
    cmocka_unit_test(the_next_power_of_two),
};

SR_TEST_MAIN(tests)
