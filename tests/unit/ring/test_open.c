/*
 * Opening: setup flags refused one by one, features missing, maps failing, memory failing at each step; and closing with
 * nothing in flight gives everything back (RING-5, BACK-4).
 */
#include <string.h>

#include "safer_ring/log.h"
#include "support/counting_allocator.h"
#include "support/fake_ring.h"
#include "support/main.h"

#define BEST (IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
#define COOPERATIVE (IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN)

struct lines {
    int count;
    enum sr_log_level level[16];
    char text[16][256];
};

static void keep_line(enum sr_log_level level, const char *text, void *user)
{
    struct lines *lines = user;
    if (lines->count == 16)
        return;
    lines->level[lines->count] = level;
    strncpy(lines->text[lines->count], text, 255);
    lines->count++;
}

/* A line of this level that contains the word. */
static bool said(const struct lines *lines, enum sr_log_level level, const char *word)
{
    for (int i = 0; i < lines->count; i++)
        if (lines->level[i] == level && strstr(lines->text[i], word) != NULL)
            return true;
    return false;
}

static struct sr_config small(void)
{
    struct sr_config config = sr_config_default();
    config.entries = 4;
    return config;
}

/* Opening fails with `refusal`; nothing is left behind, *out is untouched. The kernel is freed. */
static void assert_open_fails(struct fake_kernel *kernel, struct sr_config config, int refusal)
{
    struct sr_backend backend = fake_kernel_backend(kernel);
    struct sr_ring *const untouched = (struct sr_ring *)(void *)kernel;
    struct sr_ring *ring = untouched;
    struct counting_allocator counter;
    config.backend = &backend;
    counting_allocator_install(&counter);

    assert_int_equal(sr_ring_open_config(&ring, &config), refusal);

    counting_allocator_remove();
    assert_int_equal(counter.blocks, 0);
    assert_ptr_equal(ring, untouched);
    fake_kernel_free(kernel);
}

/* A kernel that takes everything is given the best, and nothing is said of it. */
static void the_best_setup_is_taken_first(void **state)
{
    (void)state;
    struct lines lines = {0};
    sr_set_log(keep_line, &lines);

    struct fake_ring f = fake_ring_open_config(small());

    sr_set_log(NULL, NULL);
    assert_int_equal(f.kernel->setup_flags, BEST);
    assert_int_equal(f.kernel->setups, 1);
    assert_int_equal(lines.count, 0);
    assert_string_equal(sr_ring_backend(f.ring), "fake");
    assert_non_null(strstr(sr_ring_backend_reason(f.ring), "configuration"));
    fake_ring_close(&f);
}

/* Each flag an older kernel lacks is done without, down to none, and each step down is said. */
static void each_refused_flag_is_done_without(void **state)
{
    (void)state;
    static const struct {
        uint32_t refused;
        uint32_t flags;
        const char *said[3];
    } rows[] = {
        {IORING_SETUP_DEFER_TASKRUN, COOPERATIVE, {"DEFER_TASKRUN"}},
        {IORING_SETUP_SINGLE_ISSUER, COOPERATIVE, {"DEFER_TASKRUN"}},
        {IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN,
         IORING_SETUP_SUBMIT_ALL,
         {"DEFER_TASKRUN", "COOP_TASKRUN"}},
        {IORING_SETUP_SUBMIT_ALL, 0, {"DEFER_TASKRUN", "COOP_TASKRUN", "SUBMIT_ALL"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct lines lines = {0};
        struct fake_kernel *kernel = fake_kernel_new();
        struct sr_backend backend = fake_kernel_backend(kernel);
        struct sr_config config = small();
        struct sr_ring *ring = NULL;
        config.backend = &backend;
        kernel->refused_flags = rows[i].refused;
        sr_set_log(keep_line, &lines);

        assert_int_equal(sr_ring_open_config(&ring, &config), 0);

        sr_set_log(NULL, NULL);
        assert_int_equal(kernel->setup_flags, rows[i].flags);
        int expected = 0;
        for (int j = 0; j < 3 && rows[i].said[j] != NULL; j++, expected++)
            assert_true(said(&lines, SR_LOG_WARNING, rows[i].said[j]));
        assert_int_equal(lines.count, expected);
        struct fake_ring f = {kernel, ring};
        struct sr_op op = submit_nop(ring);
        fake_kernel_post(kernel, op.id, 1);
        assert_int_equal(await_result(ring, &op), 1);
        fake_ring_close(&f);
    }
}

/* Without defer_taskrun in the configuration it is not asked for, and nothing is said. */
static void what_is_not_wished_for_is_not_missed(void **state)
{
    (void)state;
    struct lines lines = {0};
    struct sr_config config = small();
    config.defer_taskrun = false;
    sr_set_log(keep_line, &lines);

    struct fake_ring f = fake_ring_open_config(config);

    sr_set_log(NULL, NULL);
    assert_int_equal(f.kernel->setup_flags, COOPERATIVE);
    assert_int_equal(lines.count, 0);
    fake_ring_close(&f);
}

/* Any refusal but -EINVAL is the answer, without further attempts. */
static void each_refusal_of_setup_is_the_answer(void **state)
{
    (void)state;
    static const int errors[] = {-EPERM, -ENOSYS, -ENOMEM, -EMFILE, -EFAULT};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        struct fake_kernel *kernel = fake_kernel_new();
        kernel->setup_error = errors[i];
        assert_open_fails(kernel, small(), errors[i]);
    }
    struct fake_kernel *kernel = fake_kernel_new();
    kernel->setup_error = -EINVAL;
    assert_open_fails(kernel, small(), -EINVAL);
}

/* Each feature the library can't do without is asked for; without it the kernel is too old, and nothing is left behind. */
static void each_missing_feature_is_refused(void **state)
{
    (void)state;
    static const uint32_t features[] = {IORING_FEAT_NODROP, IORING_FEAT_SUBMIT_STABLE, IORING_FEAT_EXT_ARG};
    for (size_t i = 0; i < 3; i++) {
        struct lines lines = {0};
        struct fake_kernel *kernel = fake_kernel_new();
        kernel->features &= ~features[i];
        sr_set_log(keep_line, &lines);
        assert_open_fails(kernel, small(), -EOPNOTSUPP);
        sr_set_log(NULL, NULL);
        assert_true(said(&lines, SR_LOG_ERROR, "too old"));
    }
}

/* Each of the maps can fail: two with a single mapping of the rings, three without; what was mapped is unmapped. */
static void each_failing_map_is_the_answer(void **state)
{
    (void)state;
    for (int single = 0; single < 2; single++) {
        for (int nth = 1; nth <= (single ? 2 : 3); nth++) {
            struct fake_kernel *kernel = fake_kernel_new();
            if (!single)
                kernel->features &= ~(uint32_t)IORING_FEAT_SINGLE_MMAP;
            kernel->map_fails_at = nth;
            assert_open_fails(kernel, small(), -ENOMEM);
        }
    }
}

/* A kernel with a mapping for each ring works as one with a single mapping. */
static void separate_mappings_work(void **state)
{
    (void)state;
    struct fake_kernel *kernel = fake_kernel_new();
    struct sr_backend backend = fake_kernel_backend(kernel);
    struct sr_config config = small();
    struct fake_ring f = {.kernel = kernel};
    config.backend = &backend;
    kernel->features &= ~(uint32_t)IORING_FEAT_SINGLE_MMAP;

    assert_int_equal(sr_ring_open_config(&f.ring, &config), 0);

    assert_int_equal(kernel->maps, 3);
    for (int i = 0; i < 20; i++) {
        struct sr_op op = submit_read(f.ring, 5, 8);
        fake_kernel_post(kernel, op.id, i % 9);
        assert_int_equal(await_result(f.ring, &op), i % 9);
    }
    fake_ring_close(&f);
}

/* The n-th allocation of opening fails, for every n: -ENOMEM, nothing leaked, *out untouched; then it opens. */
static void each_failing_allocation_leaks_nothing(void **state)
{
    (void)state;
    struct counting_allocator counter;
    size_t nth = 1;
    for (;; nth++) {
        struct fake_kernel *kernel = fake_kernel_new();
        struct sr_backend backend = fake_kernel_backend(kernel);
        struct sr_config config = small();
        struct sr_ring *const untouched = (struct sr_ring *)(void *)kernel;
        struct sr_ring *ring = untouched;
        config.backend = &backend;
        config.check_lent_bytes = true;
        counting_allocator_install(&counter);
        counter.fails_at = nth;
        int rc = sr_ring_open_config(&ring, &config);
        counting_allocator_remove();
        if (rc == 0) {
            assert_true(counter.allocations < nth);
            assert_int_equal(sr_ring_close(&ring), 0);
            assert_int_equal(counter.blocks, 0);
            fake_kernel_free(kernel);
            break;
        }
        assert_int_equal(rc, -ENOMEM);
        assert_ptr_equal(ring, untouched);
        assert_int_equal(counter.blocks, 0);
        fake_kernel_free(kernel);
    }
    assert_true(nth > 3);
}

/* The kernel is asked for the entries and completions of the configuration, and disabled when it says so. */
static void the_kernel_is_asked_for_what_is_configured(void **state)
{
    (void)state;
    struct sr_config config = small();
    config.entries = 5;
    config.completion_entries = 20;
    struct fake_ring f = fake_ring_open_config(config);

    assert_int_equal(f.kernel->sq_entries, 8);
    assert_int_equal(f.kernel->cq_entries, 32);
    assert_true((f.kernel->setup_flags & IORING_SETUP_CQSIZE) != 0);
    fake_ring_close(&f);

    f = fake_ring_open(5);
    assert_int_equal(f.kernel->cq_entries, 16);
    assert_true((f.kernel->setup_flags & IORING_SETUP_CQSIZE) == 0);
    fake_ring_close(&f);
}

/* Left to the default, as many operations may be in flight as the kernel's CQ has places. */
SR_UNCHECKED static void the_default_of_max_in_flight_is_the_cqs_size(void **state)
{
    (void)state;
    struct fake_ring f = fake_ring_open(4);
    struct sr_op_spec nop = sr_spec_nop();
    struct sr_op ops[8];
    struct sr_op more;
    for (int i = 0; i < 8; i++)
        ops[i] = submit_nop(f.ring);

    assert_int_equal(sr_op_start_plain(f.ring, &nop, &more), -EBUSY);

    for (int i = 0; i < 8; i++) {
        fake_kernel_post(f.kernel, ops[i].id, 0);
        assert_int_equal(await_result(f.ring, &ops[i]), 0);
    }
    fake_ring_close(&f);
}

/* After work with every kind of object closing gives every byte back (RING-5). */
SR_UNCHECKED static void closing_gives_everything_back(void **state)
{
    (void)state;
    struct sr_buffer *first = NULL;
    assert_int_equal(sr_buffer_new(&first, 1), 0); /* the slab of headers stays */
    assert_int_equal(sr_buffer_release(&first), 0);
    struct counting_allocator counter;
    counting_allocator_install(&counter);
    struct fake_ring f = fake_ring_open(8);
    struct sr_completion done;
    struct sr_op orphan = submit_read(f.ring, 5, 100);
    fake_kernel_promise(f.kernel, orphan.id, 9);
    sr_op_drop(f.ring, &orphan);
    struct sr_op detached = submit_read(f.ring, 5, 100);
    fake_kernel_promise(f.kernel, detached.id, 9);
    assert_int_equal(sr_op_detach(f.ring, &detached, NULL), 0);
    assert_int_equal(sr_ring_next(f.ring, &done), 0);
    sr_finish(&done);
    assert_int_equal(sr_ring_post(f.ring, 1), 0);
    assert_true(counter.blocks > 0);

    fake_ring_close(&f);

    assert_int_equal(counter.blocks, 0);
    assert_int_equal(counter.bytes, 0);
    counting_allocator_remove();
}

/* Between opening and closing a ring without a buffer allocates nothing. */
SR_UNCHECKED static void operations_allocate_nothing(void **state)
{
    (void)state;
    struct counting_allocator counter;
    counting_allocator_install(&counter);
    struct fake_ring f = fake_ring_open(8);
    size_t after_open = counter.allocations;

    for (int i = 0; i < 100; i++) {
        struct sr_op op = start_within(f.ring, 5);
        struct sr_op dropped = submit_nop(f.ring);
        fake_kernel_post(f.kernel, limit_of(op.id), -ECANCELED);
        fake_kernel_post(f.kernel, op.id, 0);
        fake_kernel_post(f.kernel, dropped.id, 0);
        sr_op_drop(f.ring, &dropped);
        assert_int_equal(await_result(f.ring, &op), 0);
    }

    assert_int_equal(counter.allocations, after_open);
    counting_allocator_remove();
    fake_ring_close(&f);
}

/* A field out of its range, and no memory to say it with, is said in the log by its name. */
static void a_field_out_of_range_is_said(void **state)
{
    (void)state;
    struct lines lines = {0};
    struct sr_ring *ring = NULL;
    sr_set_log(keep_line, &lines);

    assert_int_equal(sr_ring_open(&ring, 0), -EINVAL);

    sr_set_log(NULL, NULL);
    assert_int_equal(lines.count, 1);
    assert_true(said(&lines, SR_LOG_ERROR, "entries"));
    assert_null(ring);
}

/* A backend's name nobody knows is refused. */
static void an_unknown_backend_name_is_refused(void **state)
{
    (void)state;
    struct sr_config config = small();
    struct sr_ring *ring = NULL;
    config.backend_name = "windows";

    assert_int_equal(sr_ring_open_config(&ring, &config), -EINVAL);

    assert_null(ring);
}

/* Nothing is asked of no ring. */
static void no_ring_has_no_name(void **state)
{
    (void)state;
    struct sr_stats stats;
    assert_string_equal(sr_ring_backend(NULL), "none");
    assert_non_null(sr_ring_backend_reason(NULL));
    assert_int_equal(sr_ring_in_flight(NULL), 0);
    assert_int_equal(sr_ring_orphan_count(NULL), 0);
    assert_int_equal(sr_ring_stats(NULL, &stats), -EINVAL);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_best_setup_is_taken_first),
    cmocka_unit_test(each_refused_flag_is_done_without),
    cmocka_unit_test(what_is_not_wished_for_is_not_missed),
    cmocka_unit_test(each_refusal_of_setup_is_the_answer),
    cmocka_unit_test(each_missing_feature_is_refused),
    cmocka_unit_test(each_failing_map_is_the_answer),
    cmocka_unit_test(separate_mappings_work),
    cmocka_unit_test(each_failing_allocation_leaks_nothing),
    cmocka_unit_test(the_kernel_is_asked_for_what_is_configured),
    cmocka_unit_test(the_default_of_max_in_flight_is_the_cqs_size),
    cmocka_unit_test(closing_gives_everything_back),
    cmocka_unit_test(operations_allocate_nothing),
    cmocka_unit_test(a_field_out_of_range_is_said),
    cmocka_unit_test(an_unknown_backend_name_is_refused),
    cmocka_unit_test(no_ring_has_no_name),
};

SR_TEST_MAIN(tests)
