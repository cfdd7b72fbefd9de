/*
 * Configurations: each field out of its range is named, and refused at open.
 */
#include "safer_ring/config.h"

#include <string.h>

#include "safer_ring/ring.h"
#include "support/fake_kernel.h"
#include "support/main.h"

/* What each row changes in the default configuration. */
struct row {
    const char *field; /* the field that is named, NULL: accepted */
    uint32_t entries;
    uint32_t completion_entries;
    uint32_t max_in_flight;
    uint32_t queue_entries;
    uint32_t argument_bytes;
    uint32_t post_entries;
};

static const struct row rows[] = {
    {.field = NULL, .entries = 1},
    {.field = NULL, .entries = SR_ENTRIES_MAX},
    {.field = "entries", .entries = 0},
    {.field = "entries", .entries = SR_ENTRIES_MAX + 1},
    {.field = "entries", .entries = UINT32_MAX},
    {.field = NULL, .entries = 8, .completion_entries = 8},
    {.field = NULL, .entries = 8, .completion_entries = 2 * SR_ENTRIES_MAX},
    {.field = NULL, .entries = 7, .completion_entries = 7},
    {.field = "completion_entries", .entries = 8, .completion_entries = 7},
    {.field = "completion_entries", .entries = 9, .completion_entries = 8},
    {.field = "completion_entries", .entries = 8, .completion_entries = 2 * SR_ENTRIES_MAX + 1},
    {.field = "completion_entries", .entries = 8, .completion_entries = UINT32_MAX},
    {.field = NULL, .entries = 8, .max_in_flight = 1},
    {.field = NULL, .entries = 8, .max_in_flight = SR_IN_FLIGHT_MAX},
    {.field = "max_in_flight", .entries = 8, .max_in_flight = SR_IN_FLIGHT_MAX + 1},
    {.field = "max_in_flight", .entries = 8, .max_in_flight = UINT32_MAX},
    {.field = NULL, .entries = 8, .queue_entries = 16},
    {.field = NULL, .entries = 8, .queue_entries = UINT32_MAX},
    {.field = "queue_entries", .entries = 8, .queue_entries = 15},
    {.field = "queue_entries", .entries = 8, .completion_entries = 20, .queue_entries = 31},
    {.field = NULL, .entries = 8, .completion_entries = 20, .queue_entries = 32},
    {.field = NULL, .entries = 8, .argument_bytes = 64},
    {.field = NULL, .entries = 8, .argument_bytes = SR_ARGUMENT_BYTES_MAX},
    {.field = "argument_bytes", .entries = 8, .argument_bytes = 63},
    {.field = "argument_bytes", .entries = 8, .argument_bytes = SR_ARGUMENT_BYTES_MAX + 1},
    {.field = NULL, .entries = 8, .post_entries = 1},
    {.field = NULL, .entries = 8, .post_entries = 65536},
    {.field = "post_entries", .entries = 8, .post_entries = 65537},
};
#define ROWS (sizeof rows / sizeof rows[0])

static struct sr_config config_of(const struct row *row)
{
    struct sr_config config = sr_config_default();
    config.entries = row->entries;
    config.completion_entries = row->completion_entries;
    config.max_in_flight = row->max_in_flight;
    config.queue_entries = row->queue_entries;
    config.argument_bytes = row->argument_bytes;
    config.post_entries = row->post_entries;
    return config;
}

/* The default is in range, and says what config.h says. */
static void the_default_is_in_range(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();

    assert_int_equal(sr_config_check(&config, NULL), 0);

    assert_int_equal(config.entries, 128);
    assert_null(config.backend);
    assert_null(config.backend_name);
    assert_true(config.defer_taskrun);
    assert_true(config.cancel_on_drop);
    assert_false(config.disabled);
}

/* Each field is accepted at the edges of its range, and named one step beyond. */
static void each_field_is_named_beyond_its_edges(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        struct sr_config config = config_of(&rows[i]);
        const char *field = "untouched";
        int rc = sr_config_check(&config, &field);
        print_message("row %zu\n", i);
        assert_int_equal(rc, rows[i].field == NULL ? 0 : -EINVAL);
        assert_string_equal(field, rows[i].field == NULL ? "untouched" : rows[i].field);
    }
}

/* The tables of a ring, and the completions of its multishots, have a most. */
static void each_table_is_named_beyond_its_most(void **state)
{
    (void)state;
    const char *field = "untouched";
    for (uint32_t beyond = 0; beyond < 2; beyond++) {
        struct sr_config shots = sr_config_default();
        struct sr_config files = shots;
        struct sr_config buffers = shots;
        int expected = beyond ? -EINVAL : 0;
        shots.shot_entries = SR_SHOTS_MAX + beyond;
        files.fixed_files = SR_FIXED_FILES_MAX + beyond;
        buffers.fixed_buffers = SR_FIXED_BUFFERS_MAX + beyond;
        assert_int_equal(sr_config_check(&shots, &field), expected);
        assert_string_equal(field, beyond ? "shot_entries" : "untouched");
        assert_int_equal(sr_config_check(&files, &field), expected);
        assert_string_equal(field, beyond ? "fixed_files" : "untouched");
        assert_int_equal(sr_config_check(&buffers, &field), expected);
        assert_string_equal(field, beyond ? "fixed_buffers" : "untouched");
    }
}

/* A node with no processor of its own still has a worker. */
static void each_node_has_a_worker(void **state)
{
    (void)state;
    const struct sr_system system = {.cpus = 1, .numa_nodes = 2};
    struct sr_config config;
    assert_int_equal(sr_config_auto_detect(&config, &system), 0);
    assert_int_equal(config.max_workers, 1);
}

/* Who does not want to know the field is told the status alone; no configuration at all is named as such. */
static void the_field_need_not_be_asked_for(void **state)
{
    (void)state;
    struct sr_config config = sr_config_default();
    config.entries = 0;
    const char *field = NULL;

    assert_int_equal(sr_config_check(&config, NULL), -EINVAL);
    assert_int_equal(sr_config_check(NULL, NULL), -EINVAL);
    assert_int_equal(sr_config_check(NULL, &field), -EINVAL);
    assert_string_equal(field, "config");
}

/* A backend without a table, or of another version, is named. */
static void a_backend_of_another_version_is_named(void **state)
{
    (void)state;
    struct fake_kernel *kernel = fake_kernel_new();
    struct sr_backend backend = fake_kernel_backend(kernel);
    struct sr_backend_vtable other = *backend.vtable;
    const struct sr_backend of_other_version = {&other, kernel};
    const struct sr_backend without_table = {NULL, kernel};
    struct sr_config config = sr_config_default();
    const char *field = NULL;
    other.version = SR_BACKEND_VERSION + 1;

    config.backend = &backend;
    assert_int_equal(sr_config_check(&config, &field), 0);
    config.backend = &of_other_version;
    assert_int_equal(sr_config_check(&config, &field), -EINVAL);
    assert_string_equal(field, "backend");
    config.backend = &without_table;
    field = NULL;
    assert_int_equal(sr_config_check(&config, &field), -EINVAL);
    assert_string_equal(field, "backend");

    fake_kernel_free(kernel);
}

/* Opening refuses whatever the check refuses, asks no kernel, and writes nothing. */
static void opening_refuses_what_the_check_refuses(void **state)
{
    (void)state;
    struct fake_kernel *kernel = fake_kernel_new();
    struct sr_backend backend = fake_kernel_backend(kernel);
    struct sr_ring *const untouched = (struct sr_ring *)(void *)kernel;
    struct sr_ring *ring = untouched;
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].field == NULL)
            continue;
        struct sr_config config = config_of(&rows[i]);
        config.backend = &backend;
        assert_int_equal(sr_ring_open_config(&ring, &config), -EINVAL);
        assert_ptr_equal(ring, untouched);
    }
    struct sr_config config = sr_config_default();
    config.backend = &backend;
    assert_int_equal(sr_ring_open_config(NULL, &config), -EINVAL);
    assert_int_equal(sr_ring_open_config(&ring, NULL), -EINVAL);
    assert_int_equal(sr_ring_open(NULL, 8), -EINVAL);
    assert_int_equal(sr_ring_open(&ring, 0), -EINVAL);

    assert_ptr_equal(ring, untouched);
    assert_int_equal(kernel->setups, 0);
    fake_kernel_free(kernel);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_default_is_in_range),
    cmocka_unit_test(each_field_is_named_beyond_its_edges),
    cmocka_unit_test(each_table_is_named_beyond_its_most),
    cmocka_unit_test(each_node_has_a_worker),
    cmocka_unit_test(the_field_need_not_be_asked_for),
    cmocka_unit_test(a_backend_of_another_version_is_named),
    cmocka_unit_test(opening_refuses_what_the_check_refuses),
};

SR_TEST_MAIN(tests)
