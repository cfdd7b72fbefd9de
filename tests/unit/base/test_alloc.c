/*
 * The allocator: replaceable, and each block goes back to whoever gave it.
 */
#include "base/alloc.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "safer_ring/allocator.h"
#include "support/counting_allocator.h"
#include "support/main.h"

static bool is_all(const unsigned char *bytes, unsigned char value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

/* Memory is aligned to 16 bytes, whatever its size. */
static void memory_is_aligned_to_sixteen(void **state)
{
    (void)state;
    for (size_t size = 0; size < 70; size++) {
        void *memory = sri_alloc(size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 16, 0);
        memset(memory, 0xa5, size);
        sri_free(memory);
    }
}

/* An alignment asked for is kept, from 1 to a page. */
static void an_alignment_asked_for_is_kept(void **state)
{
    (void)state;
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        void *memory = sri_alloc_aligned(100, alignment);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignment, 0);
        memset(memory, 0xa5, 100);
        sri_free(memory);
    }
}

/* A cleared block is all zero. */
static void cleared_memory_is_zero(void **state)
{
    (void)state;
    unsigned char *dirty = sri_alloc(300);
    memset(dirty, 0xff, 300);
    sri_free(dirty);

    unsigned char *memory = sri_alloc_zero(3, 100);

    assert_true(is_all(memory, 0, 300));
    sri_free(memory);
}

/* A product that does not fit is no memory, and the allocator is not asked. */
static void a_product_that_overflows_is_refused(void **state)
{
    (void)state;
    struct counting_allocator counter;
    counting_allocator_install(&counter);

    assert_null(sri_alloc_zero(SIZE_MAX / 2, 3));
    assert_null(sri_alloc(SIZE_MAX));
    assert_null(sri_alloc(SIZE_MAX - 8));

    assert_int_equal(counter.allocations, 0);
    counting_allocator_remove();
}

/* Growing keeps what was there; shrinking keeps what fits. */
static void a_block_that_changes_size_keeps_its_bytes(void **state)
{
    (void)state;
    unsigned char *memory = sri_realloc(NULL, 10);
    memset(memory, 7, 10);

    memory = sri_realloc(memory, 100);
    assert_true(is_all(memory, 7, 10));
    memset(memory, 7, 100);

    memory = sri_realloc(memory, 5);
    assert_true(is_all(memory, 7, 5));
    sri_free(memory);
}

/* Growing without memory leaves the block as it was. */
static void a_block_that_cannot_grow_is_as_it_was(void **state)
{
    (void)state;
    struct counting_allocator counter;
    counting_allocator_install(&counter);
    unsigned char *memory = sri_alloc(10);
    memset(memory, 7, 10);
    counter.fails_from = 1;

    assert_null(sri_realloc(memory, 100));

    assert_true(is_all(memory, 7, 10));
    assert_int_equal(counter.blocks, 1);
    sri_free(memory);
    assert_int_equal(counter.blocks, 0);
    counting_allocator_remove();
}

/* Freeing nothing does nothing. */
static void freeing_null_is_fine(void **state)
{
    (void)state;
    sri_free(NULL);
}

/* A block goes back to the allocator that gave it, with the size that was asked of it, even after it was replaced. */
static void a_block_goes_back_to_who_gave_it(void **state)
{
    (void)state;
    struct counting_allocator first;
    struct counting_allocator second;
    counting_allocator_install(&first);
    void *of_first = sri_alloc_aligned(1000, 256);
    counting_allocator_install(&second);
    void *of_second = sri_alloc(50);

    sri_free(of_first);
    assert_int_equal(first.blocks, 0);
    assert_int_equal(first.bytes, 0);
    assert_int_equal(second.blocks, 1);

    counting_allocator_remove();
    sri_free(of_second);
    assert_int_equal(second.blocks, 0);
    assert_int_equal(second.bytes, 0);
}

/* A block that grows after a replacement comes from the new allocator, and the old one gets its own back. */
static void a_block_that_grows_moves_to_the_new_allocator(void **state)
{
    (void)state;
    struct counting_allocator first;
    struct counting_allocator second;
    counting_allocator_install(&first);
    void *memory = sri_alloc(8);
    counting_allocator_install(&second);

    memory = sri_realloc(memory, 800);

    assert_int_equal(first.blocks, 0);
    assert_int_equal(second.blocks, 1);
    sri_free(memory);
    counting_allocator_remove();
}

/* Without a replacement the C library's allocator serves; NULL brings it back. */
static void null_brings_the_system_allocator_back(void **state)
{
    (void)state;
    struct counting_allocator counter;
    counting_allocator_install(&counter);
    assert_int_equal(sr_set_allocator(NULL), 0);

    void *memory = sri_alloc(1);

    assert_non_null(memory);
    assert_int_equal(counter.allocations, 0);
    sri_free(memory);
}

static void *give_nothing(void *self, size_t size, size_t alignment)
{
    (void)self;
    (void)size;
    (void)alignment;
    return NULL;
}

static void take_nothing(void *self, void *memory, size_t size)
{
    (void)self;
    (void)memory;
    (void)size;
}

/* An allocator that lacks a function is refused, and the present one stays. */
static void an_incomplete_allocator_is_refused(void **state)
{
    (void)state;
    struct counting_allocator counter;
    counting_allocator_install(&counter);

    assert_int_equal(sr_set_allocator(&(struct sr_allocator){NULL, take_nothing, NULL}), -EINVAL);
    assert_int_equal(sr_set_allocator(&(struct sr_allocator){give_nothing, NULL, NULL}), -EINVAL);

    void *memory = sri_alloc(1);
    assert_int_equal(counter.blocks, 1);
    sri_free(memory);
    counting_allocator_remove();
}

/* When there is no memory, NULL is the answer of each. */
static void no_memory_is_null(void **state)
{
    (void)state;
    assert_int_equal(sr_set_allocator(&(struct sr_allocator){give_nothing, take_nothing, NULL}), 0);

    assert_null(sri_alloc(1));
    assert_null(sri_alloc_zero(1, 1));
    assert_null(sri_alloc_aligned(1, 64));
    assert_null(sri_realloc(NULL, 1));

    assert_int_equal(sr_set_allocator(NULL), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(memory_is_aligned_to_sixteen),
    cmocka_unit_test(an_alignment_asked_for_is_kept),
    cmocka_unit_test(cleared_memory_is_zero),
    cmocka_unit_test(a_product_that_overflows_is_refused),
    cmocka_unit_test(a_block_that_changes_size_keeps_its_bytes),
    cmocka_unit_test(a_block_that_cannot_grow_is_as_it_was),
    cmocka_unit_test(freeing_null_is_fine),
    cmocka_unit_test(a_block_goes_back_to_who_gave_it),
    cmocka_unit_test(a_block_that_grows_moves_to_the_new_allocator),
    cmocka_unit_test(null_brings_the_system_allocator_back),
    cmocka_unit_test(an_incomplete_allocator_is_refused),
    cmocka_unit_test(no_memory_is_null),
};

SR_TEST_MAIN(tests)
