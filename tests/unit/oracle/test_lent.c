/*
 * The oracle of lent bytes: silent on a right run, loud on each way to break one (BUF-3, BUF-4, ORPH-6).
 */
#include "unit/oracle/watch_fixture.h"

static uint8_t bytes[256];
static const struct iovec whole = {bytes, sizeof bytes};

/* A source that nobody touches until it was read is no violation. */
static void an_untouched_source_is_fine(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_SOURCE, &whole);
    tell_request(f, SRI_EVENT_COMMITTED, 1, 10, 256);
    tell_request(f, SRI_EVENT_COMPLETED, 1, 10, 256);

    assert_false(sri_verdict_broken(&f->verdict));
    assert_int_equal(f->verdict.exercised[SRI_RULE_BUF_3], 1);
}

/* One changed byte of a source in flight breaks BUF-3. */
static void a_source_changed_in_flight_is_reported(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_SOURCE, &whole);
    bytes[100] ^= 1;
    tell_request(f, SRI_EVENT_COMMITTED, 1, 10, 256);

    assert_int_equal(f->verdict.broken[SRI_RULE_BUF_3], 1);
    assert_int_equal(f->verdict.violations[0].operation, 10);
}

/* After the kernel has read a source, its bytes are nobody's concern until the buffer comes back. */
static void a_source_changed_after_it_was_read_is_fine(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_SOURCE, &whole);
    tell_request(f, SRI_EVENT_COMMITTED, 1, 10, 256);
    bytes[100] ^= 1;
    tell_request(f, SRI_EVENT_COMPLETED, 1, 10, 256);

    assert_false(sri_verdict_broken(&f->verdict));
}

/* What the kernel writes, it may write: twice, and short. */
static void a_target_that_only_the_kernel_writes_is_fine(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_TARGET, &whole);
    tell_request(f, SRI_EVENT_TOUCH, 1, 10, 0);
    memset(bytes, 7, 100);
    tell_request(f, SRI_EVENT_TOUCHED, 1, 10, 100);
    tell_request(f, SRI_EVENT_TOUCH, 1, 10, 0);
    memset(bytes, 9, 100);
    tell_request(f, SRI_EVENT_TOUCHED, 1, 10, 100);
    tell_request(f, SRI_EVENT_COMPLETED, 1, 10, 100);

    assert_false(sri_verdict_broken(&f->verdict));
}

/* A byte written into a target before the kernel did breaks BUF-3. */
static void a_target_written_by_somebody_else_is_reported(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_TARGET, &whole);
    bytes[255] = 0;
    tell_request(f, SRI_EVENT_TOUCH, 1, 10, 0);

    assert_int_equal(f->verdict.broken[SRI_RULE_BUF_3], 1);
}

/* Nor may what the kernel wrote be changed before the completion. */
static void a_result_changed_before_the_completion_is_reported(void **state)
{
    struct watch_fixture *f = *state;

    tell_consumed(f, 1, 10, SRI_LENDS_TARGET, &whole);
    tell_request(f, SRI_EVENT_TOUCH, 1, 10, 0);
    memset(bytes, 7, 256);
    tell_request(f, SRI_EVENT_TOUCHED, 1, 10, 256);
    bytes[3] = 8;
    tell_request(f, SRI_EVENT_COMPLETED, 1, 10, 256);

    assert_int_equal(f->verdict.broken[SRI_RULE_BUF_3], 1);
}

/* Two readers may share bytes; a writer may not. */
static void overlapping_loans_are_reported_unless_both_read(void **state)
{
    struct watch_fixture *f = *state;
    const struct iovec tail = {bytes + 200, 10};

    tell_consumed(f, 1, 10, SRI_LENDS_SOURCE, &whole);
    tell_consumed(f, 2, 11, SRI_LENDS_SOURCE, &tail);
    assert_int_equal(f->verdict.broken[SRI_RULE_BUF_4], 0);

    tell_consumed(f, 3, 12, SRI_LENDS_TARGET, &tail);
    assert_true(f->verdict.broken[SRI_RULE_BUF_4] > 0);
}

/* Releasing a block in flight names the operation that borrows it. */
static void freeing_in_flight_is_reported(void **state)
{
    struct watch_fixture *f = *state;
    struct sr_allocator heap = sri_heap_allocator(&f->heap);
    void *block = heap.allocate(heap.self, 64, 16);
    const struct iovec segment = {block, 64};

    tell_consumed(f, 1, 10, SRI_LENDS_TARGET, &segment);
    heap.release(heap.self, block, 64);

    assert_int_equal(f->verdict.broken[SRI_RULE_BUF_3], 1);
    assert_int_equal(f->verdict.broken[SRI_RULE_ORPH_6], 1);
    assert_int_equal(f->verdict.violations[0].operation, 10);
}

/* An entry whose bytes were released before the kernel took it is as bad. */
static void consuming_released_bytes_is_reported(void **state)
{
    struct watch_fixture *f = *state;
    struct sr_allocator heap = sri_heap_allocator(&f->heap);
    void *block = heap.allocate(heap.self, 64, 16);
    const struct iovec segment = {block, 64};

    heap.release(heap.self, block, 64);
    tell_consumed(f, 1, 10, SRI_LENDS_SOURCE, &segment);

    assert_int_equal(f->verdict.broken[SRI_RULE_BUF_3], 1);
}

/* Once given back, bytes can be released. */
static void freeing_after_the_end_is_fine(void **state)
{
    struct watch_fixture *f = *state;
    struct sr_allocator heap = sri_heap_allocator(&f->heap);
    void *block = heap.allocate(heap.self, 64, 16);
    const struct iovec segment = {block, 64};

    tell_consumed(f, 1, 10, SRI_LENDS_TARGET, &segment);
    tell_request(f, SRI_EVENT_COMPLETED, 1, 10, -ECANCELED);
    heap.release(heap.self, block, 64);

    assert_false(sri_verdict_broken(&f->verdict));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(an_untouched_source_is_fine, watch_setup, watch_teardown),
    cmocka_unit_test_setup_teardown(a_source_changed_in_flight_is_reported, watch_setup, watch_teardown),
    cmocka_unit_test_setup_teardown(a_source_changed_after_it_was_read_is_fine, watch_setup, watch_teardown),
    cmocka_unit_test_setup_teardown(a_target_that_only_the_kernel_writes_is_fine, watch_setup,
                                    watch_teardown),
    cmocka_unit_test_setup_teardown(a_target_written_by_somebody_else_is_reported, watch_setup,
                                    watch_teardown),
    cmocka_unit_test_setup_teardown(a_result_changed_before_the_completion_is_reported, watch_setup,
                                    watch_teardown),
    cmocka_unit_test_setup_teardown(overlapping_loans_are_reported_unless_both_read, watch_setup,
                                    watch_teardown),
    cmocka_unit_test_setup_teardown(freeing_in_flight_is_reported, watch_setup, watch_teardown),
    cmocka_unit_test_setup_teardown(consuming_released_bytes_is_reported, watch_setup, watch_teardown),
    cmocka_unit_test_setup_teardown(freeing_after_the_end_is_fine, watch_setup, watch_teardown),
};

SR_TEST_MAIN(tests)
