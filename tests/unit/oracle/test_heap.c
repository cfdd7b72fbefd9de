/*
 * The campaign's allocator, and what is owed at the end.
 */
#include <string.h>

#include "oracle/heap.h"
#include "oracle/owed.h"
#include "support/main.h"

static struct sri_heap heap;

static int setup(void **state)
{
    sri_heap_init(&heap);
    *state = NULL;
    return 0;
}

static void *take(size_t size, size_t alignment)
{
    struct sr_allocator allocator = sri_heap_allocator(&heap);
    return allocator.allocate(allocator.self, size, alignment);
}

static void give(void *memory, size_t size)
{
    struct sr_allocator allocator = sri_heap_allocator(&heap);
    allocator.release(allocator.self, memory, size);
}

/* Blocks of every size and alignment are apart from each other. */
static void blocks_are_aligned_and_apart(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 16, 100, 4096, 5000, 70000, 3u << 20, 40u << 20};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (size_t alignment = 16; alignment <= 4096; alignment *= 4) {
            uint8_t *a = take(sizes[i], alignment);
            uint8_t *b = take(sizes[i], alignment);

            assert_non_null(a);
            assert_non_null(b);
            assert_int_equal((uintptr_t)a % alignment, 0);
            memset(a, 1, sizes[i]);
            memset(b, 2, sizes[i]);
            assert_int_equal(a[sizes[i] - 1], 1);

            give(a, sizes[i]);
            give(b, sizes[i]);
        }
    assert_int_equal(heap.live_bytes, 0);
}

/* A released block is not used again at once, and is known as released. */
static void a_released_block_is_kept_apart(void **state)
{
    (void)state;
    uint8_t *a = take(64, 16);

    give(a, 64);

    assert_ptr_not_equal(take(64, 16), a);
    assert_non_null(sri_heap_freed(&heap, a + 10, 1));
    assert_int_equal(a[0], SRI_FREED_BYTE);
}

/* Writing into a released block is seen. */
static void a_stain_is_counted_once(void **state)
{
    (void)state;
    uint8_t *a = take(64, 16);

    give(a, 64);
    a[20] = 0;

    assert_int_equal(sri_heap_take_stains(&heap, 0), 1);
    assert_int_equal(sri_heap_take_stains(&heap, 0), 0);
}

/* Memory does not grow when the same is taken and given again and again. */
static void memory_does_not_grow(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++)
        give(take(1000, 16), 1000);
    uint64_t mapped = heap.mapped_bytes;

    for (int i = 0; i < 20000; i++)
        give(take(1000, 16), 1000);

    assert_int_equal(heap.mapped_bytes, mapped);
}

/* The n-th request fails, once, and the kernel's requests don't count. */
static void a_request_can_be_made_to_fail(void **state)
{
    (void)state;
    heap.fail_in = 2;
    heap.kernel_depth = 1;
    assert_non_null(take(8, 16));
    heap.kernel_depth = 0;

    assert_non_null(take(8, 16));
    assert_null(take(8, 16));
    assert_non_null(take(8, 16));
}

/* A buffer that was not released is owed, with its bytes; so is a descriptor. */
static void what_was_not_given_back_is_owed(void **state)
{
    (void)state;
    struct sri_verdict verdict;
    struct sri_owed owed;
    sri_verdict_begin(&verdict);
    sri_owed_begin(&owed, &heap, 3);
    void *kept = take(64, 16);
    void *other = take(64, 16);
    sri_heap_find(&heap, kept, 0)->purpose = SRI_PURPOSE_BUFFER;

    sri_owed_judge(&owed, &verdict, &heap, 4);

    assert_int_equal(verdict.broken[SRI_RULE_ORPH_3], 1);
    assert_int_equal(verdict.broken[SRI_RULE_ORPH_4], 1);
    assert_int_equal(verdict.broken[SRI_RULE_BUF_3], 0);

    sri_verdict_begin(&verdict);
    give(kept, 64);
    sri_owed_judge(&owed, &verdict, &heap, 3);
    assert_false(sri_verdict_broken(&verdict));
    give(other, 64);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup(blocks_are_aligned_and_apart, setup),
    cmocka_unit_test_setup(a_released_block_is_kept_apart, setup),
    cmocka_unit_test_setup(a_stain_is_counted_once, setup),
    cmocka_unit_test_setup(memory_does_not_grow, setup),
    cmocka_unit_test_setup(a_request_can_be_made_to_fail, setup),
    cmocka_unit_test_setup(what_was_not_given_back_is_owed, setup),
};

SR_TEST_MAIN(tests)
