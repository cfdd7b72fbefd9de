/*
 * Files and directories of the simulated world.
 */
#include "world_fixture.h"

static int opened(const char *path, int flags)
{
    int fd;
    int rc = sri_sim_world_open(fixture.world, path, flags, &fd);
    return rc != 0 ? rc : fd;
}

static void a_file_keeps_a_position_of_its_own(void **state)
{
    (void)state;
    char bytes[8] = {0};
    assert_int_equal(sri_sim_world_file(fixture.world, "f", "abcdefgh", 8), 0);
    int fd = opened("f", O_RDWR);

    assert_int_equal(at_once(fd, SRI_WORK_READ, bytes, 3, SRI_OWN_POSITION, 0), 3);
    assert_int_equal(at_once(fd, SRI_WORK_READ, bytes + 3, 2, 1, 0), 2);
    assert_int_equal(at_once(fd, SRI_WORK_READ, bytes + 5, 2, SRI_OWN_POSITION, 0), 2);

    assert_string_equal(bytes, "abcbcde");
    assert_int_equal(at_once(fd, SRI_WORK_READ, bytes, 8, 8, 0), 0);
    assert_int_equal(at_once(fd, SRI_WORK_READ, bytes, 8, 1000000, 0), 0);
}

static void a_hole_reads_as_zeros_and_takes_no_room(void **state)
{
    (void)state;
    char bytes[16];
    size_t length;
    int fd = opened("f", O_RDWR | O_CREAT);

    assert_int_equal(at_once(fd, SRI_WORK_WRITE, "end", 3, UINT64_C(1) << 40, 0), 3);
    memset(bytes, 7, sizeof bytes);
    assert_int_equal(at_once(fd, SRI_WORK_READ, bytes, 16, (UINT64_C(1) << 40) - 13, 0), 16);

    assert_memory_equal(bytes, "\0\0\0\0\0\0\0\0\0\0\0\0\0end", 16);
    assert_int_equal(sri_sim_world_content(fixture.world, "f", bytes, 1, &length), 0);
    assert_int_equal(length, (UINT64_C(1) << 40) + 3);
}

/* Far apart and near, in an order that makes the tree of pages grow both ways. */
static void pages_are_found_again_wherever_they_are(void **state)
{
    (void)state;
    static const uint64_t offsets[] = {5000,         0, UINT64_C(1) << 50, 4096 * 512, UINT64_C(1) << 33,
                                       INT64_MAX - 8};
    int fd = opened("f", O_RDWR | O_CREAT);

    for (uint64_t i = 0; i < 6; i++)
        assert_int_equal(at_once(fd, SRI_WORK_WRITE, &i, 8, offsets[i], 0), 8);

    for (uint64_t i = 0; i < 6; i++) {
        uint64_t found = 99;
        assert_int_equal(at_once(fd, SRI_WORK_READ, &found, 8, offsets[i], 0), 8);
        assert_int_equal(found, i);
    }
}

static void a_full_disk_takes_what_fits_and_then_nothing(void **state)
{
    (void)state;
    static char bytes[9 * 4096];
    int fd = opened("f", O_RDWR | O_CREAT);

    assert_int_equal(at_once(fd, SRI_WORK_WRITE, bytes, sizeof bytes, 0, 0), 8 * 4096);
    assert_int_equal(at_once(fd, SRI_WORK_WRITE, bytes, 1, 8 * 4096, 0), -ENOSPC);
    assert_int_equal(at_once(fd, SRI_WORK_WRITE, bytes, 4096, 4096, 0), 4096);

    assert_int_equal(opened("f", O_WRONLY | O_TRUNC), 4);
    assert_int_equal(at_once(fd, SRI_WORK_READ, bytes, 1, 0, 0), 0);
    assert_int_equal(at_once(fd, SRI_WORK_WRITE, bytes, sizeof bytes, 0, 0), 8 * 4096);
}

static void appending_goes_to_the_end_whatever_the_offset(void **state)
{
    (void)state;
    char bytes[8] = {0};
    assert_int_equal(sri_sim_world_file(fixture.world, "f", "ab", 2), 0);
    int fd = opened("f", O_RDWR | O_APPEND);

    assert_int_equal(at_once(fd, SRI_WORK_WRITE, "c", 1, 0, 0), 1);
    fd = opened("f", O_RDWR);
    assert_int_equal(at_once(fd, SRI_WORK_WRITE, "d", 1, 0, 0x10), 1);

    assert_int_equal(at_once(fd, SRI_WORK_READ, bytes, 8, 0, 0), 4);
    assert_string_equal(bytes, "abcd");
}

static void what_a_file_refuses(void **state)
{
    (void)state;
    char byte = 0;
    assert_int_equal(sri_sim_world_file(fixture.world, "d/f", "ab", 2), 0);
    int reader = opened("d/f", O_RDONLY);
    int writer = opened("d/f", O_WRONLY);
    int directory = opened("d", O_RDONLY);

    assert_int_equal(at_once(reader, SRI_WORK_WRITE, &byte, 1, 0, 0), -EBADF);
    assert_int_equal(at_once(writer, SRI_WORK_READ, &byte, 1, 0, 0), -EBADF);
    assert_int_equal(at_once(directory, SRI_WORK_READ, &byte, 1, 0, 0), -EISDIR);
    assert_int_equal(at_once(reader, SRI_WORK_READ, &byte, 1, (uint64_t)-2, 0), -EINVAL);
    assert_int_equal(at_once(reader, SRI_WORK_READ, &byte, 1, 0, 1u << 31), -EOPNOTSUPP);
    assert_int_equal(at_once(writer, SRI_WORK_WRITE, &byte, 1, INT64_MAX, 0), -EFBIG);
    assert_int_equal(at_once(reader, SRI_WORK_RECV, &byte, 1, 0, 0), -ENOTSOCK);
    assert_int_equal(at_once(reader, SRI_WORK_FSYNC, NULL, 0, 0, 0), 0);
}

static void opening_says_what_open_says(void **state)
{
    (void)state;
    char long_name[300];
    memset(long_name, 'x', sizeof long_name);
    long_name[299] = 0;
    assert_int_equal(sri_sim_world_file(fixture.world, "/d/f", NULL, 0), 0);
    struct row {
        const char *path;
        int flags;
        int result;
    } rows[] = {
        {"", O_RDONLY, -ENOENT},
        {"missing", O_RDONLY, -ENOENT},
        {"missing/f", O_RDONLY | O_CREAT, -ENOENT},
        {"d/f/g", O_RDONLY, -ENOTDIR},
        {"d/f/", O_RDONLY, -ENOTDIR},
        {"d/f", O_RDONLY | O_DIRECTORY, -ENOTDIR},
        {"d", O_WRONLY, -EISDIR},
        {"d", O_RDONLY | O_CREAT, -EISDIR},
        {"new/", O_RDWR | O_CREAT, -EISDIR},
        {"d/f", O_RDWR | O_CREAT | O_EXCL, -EEXIST},
        {long_name, O_RDONLY, -ENAMETOOLONG},
        {"d/../d/./f", O_RDONLY, 3},
        {"/", O_RDONLY | O_DIRECTORY, 4},
        {"d/new", O_RDWR | O_CREAT | O_EXCL, 5},
        {"d/new", O_RDWR, 6},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(opened(rows[i].path, rows[i].flags), rows[i].result);
}

static void descriptors_are_the_lowest_free_and_run_out(void **state)
{
    (void)state;
    assert_int_equal(sri_sim_world_file(fixture.world, "f", NULL, 0), 0);
    for (int fd = 3; fd < 16; fd++)
        assert_int_equal(opened("f", O_RDONLY), fd);

    assert_int_equal(opened("f", O_RDONLY), -EMFILE);
    assert_int_equal(opened("new", O_RDONLY | O_CREAT), -EMFILE);
    assert_int_equal(opened("missing", O_RDONLY), -EMFILE); /* the number comes first */
    assert_int_equal(sri_sim_world_close(fixture.world, 9), 0);
    assert_int_equal(sri_sim_world_close(fixture.world, 5), 0);
    assert_int_equal(sri_sim_world_close(fixture.world, 5), -EBADF);

    assert_int_equal(opened("f", O_RDONLY), 5);
    assert_int_equal(opened("f", O_RDONLY), 9);
    assert_int_equal(opened("f", O_RDONLY), -EMFILE);
}

/* What holds the object goes on after its descriptor was closed, and the number is somebody else's. */
static void closing_a_descriptor_does_not_end_what_holds_its_file(void **state)
{
    (void)state;
    char bytes[3] = {0};
    struct one one;
    assert_int_equal(sri_sim_world_file(fixture.world, "f", "ab", 2), 0);
    assert_int_equal(sri_sim_world_file(fixture.world, "g", "cd", 2), 0);
    prepare(&one, opened("f", O_RDONLY), SRI_WORK_READ, bytes, 2);

    assert_int_equal(sri_sim_world_close(fixture.world, 3), 0);
    assert_int_equal(opened("g", O_RDONLY), 3);

    assert_int_equal(start(&one), 2);
    assert_string_equal(bytes, "ab");
    end(&one);
}

static void a_reset_world_is_empty(void **state)
{
    (void)state;
    struct sri_sim_world_options options = small_world();
    static char bytes[8 * 4096];
    int fd = opened("f", O_RDWR | O_CREAT);
    assert_int_equal(at_once(fd, SRI_WORK_WRITE, bytes, sizeof bytes, 0, 0), sizeof bytes);

    assert_int_equal(sri_sim_world_reset(fixture.world, &options), 0);

    assert_int_equal(opened("f", O_RDWR), -ENOENT);
    fd = opened("g", O_RDWR | O_CREAT);
    assert_int_equal(fd, 3);
    assert_int_equal(at_once(fd, SRI_WORK_WRITE, bytes, sizeof bytes, 0, 0), sizeof bytes);
}

/* The first sync fails; when power is lost, what was not synced is. */
static uint32_t bad_disk(void *self, const struct sri_question *question)
{
    unsigned *syncs = self;
    if (question->why != SRI_WHY_WORLD)
        return 0;
    if (question->freedom == SRI_FREEDOM_SYNC)
        return (*syncs)++ == 0;
    return question->freedom == SRI_FREEDOM_POWER;
}

static void a_sync_that_failed_has_forgotten_what_to_write(void **state)
{
    (void)state;
    static const struct sri_chooser_vtable vtable = {.pick = bad_disk};
    static char page[4096];
    static char bytes[8193];
    unsigned syncs = 0;
    size_t length;
    memset(page, 'n', sizeof page);
    assert_int_equal(sri_sim_world_file(fixture.world, "f", NULL, 8192), 0);
    int fd = opened("f", O_RDWR);
    sri_sim_world_set_chooser(fixture.world, (struct sri_chooser){&vtable, &syncs});

    assert_int_equal(at_once(fd, SRI_WORK_WRITE, page, 4096, 0, 0), 4096);
    assert_int_equal(at_once(fd, SRI_WORK_WRITE, page, 4096, 4096, 0), 4096);
    assert_int_equal(at_once(fd, SRI_WORK_FSYNC, NULL, 0, 0, 0), -EIO);
    assert_int_equal(at_once(fd, SRI_WORK_READ, bytes, 1, 0, 0), 1);
    assert_int_equal(bytes[0], 'n');
    assert_int_equal(at_once(fd, SRI_WORK_WRITE, page, 1, 4096, 0), 1);
    assert_int_equal(at_once(fd, SRI_WORK_FSYNC, NULL, 0, 0, 0), 0);
    sri_sim_world_lose_power(fixture.world);

    assert_int_equal(sri_sim_world_content(fixture.world, "f", bytes, sizeof bytes, &length), 0);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(bytes[4096], 'n');
    assert_int_equal(bytes[8191], 'n');
    assert_int_equal(syncs, 2);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_file_keeps_a_position_of_its_own, make_world, end_world),
    cmocka_unit_test_setup_teardown(a_hole_reads_as_zeros_and_takes_no_room, make_world, end_world),
    cmocka_unit_test_setup_teardown(pages_are_found_again_wherever_they_are, make_world, end_world),
    cmocka_unit_test_setup_teardown(a_full_disk_takes_what_fits_and_then_nothing, make_world, end_world),
    cmocka_unit_test_setup_teardown(appending_goes_to_the_end_whatever_the_offset, make_world, end_world),
    cmocka_unit_test_setup_teardown(what_a_file_refuses, make_world, end_world),
    cmocka_unit_test_setup_teardown(opening_says_what_open_says, make_world, end_world),
    cmocka_unit_test_setup_teardown(descriptors_are_the_lowest_free_and_run_out, make_world, end_world),
    cmocka_unit_test_setup_teardown(closing_a_descriptor_does_not_end_what_holds_its_file, make_world,
                                    end_world),
    cmocka_unit_test_setup_teardown(a_sync_that_failed_has_forgotten_what_to_write, make_world, end_world),
    cmocka_unit_test_setup_teardown(a_reset_world_is_empty, make_world, end_world),
};

SR_TEST_MAIN(tests)
