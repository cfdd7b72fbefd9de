/*
 * Splices of the simulated world: which of two objects they wait for, and pages.
 */
#include "world_fixture.h"

#define OWN SRI_OWN_POSITION

static int new_file(const char *name, size_t size)
{
    int fd;
    assert_int_equal(sri_sim_world_file(fixture.world, name, NULL, size), 0);
    assert_int_equal(sri_sim_world_open(fixture.world, name, O_RDWR, &fd), 0);
    return fd;
}

struct splice {
    struct one one;
    struct sri_splice source;
};

static void prepare_splice(struct splice *splice, enum sri_work work, int from, uint64_t offset, int to,
                           uint64_t length)
{
    prepare(&splice->one, to, work, NULL, 0);
    splice->source.from = fixture.interface.vtable->file_get(fixture.interface.self, from);
    splice->source.offset = offset;
    splice->one.attempt.argument = &splice->source;
    splice->one.attempt.limit = length;
    splice->one.attempt.offset = OWN;
}

static void end_splice(struct splice *splice)
{
    fixture.interface.vtable->file_put(fixture.interface.self, splice->source.from);
    end(&splice->one);
}

static int64_t splice_now(int from, uint64_t offset, int to, uint64_t length)
{
    struct splice splice;
    prepare_splice(&splice, SRI_WORK_SPLICE, from, offset, to, length);
    splice.one.attempt.flags = SPLICE_F_NONBLOCK;
    int64_t result = start(&splice.one);
    end_splice(&splice);
    return result;
}

static void write_to(int fd, size_t size)
{
    static char bytes[8192];
    assert_int_equal(at_once(fd, SRI_WORK_WRITE, bytes, size, 0, 0), size);
}

static void read_from(int fd, size_t size)
{
    static char bytes[8192];
    assert_int_equal(at_once(fd, SRI_WORK_READ, bytes, size, 0, 0), size);
}

static void it_waits_for_the_one_and_then_for_the_other(void **state)
{
    (void)state;
    int from[2];
    int to[2];
    struct splice splice;
    assert_int_equal(sri_sim_world_pipe_of(fixture.world, 4096, from), 0);
    assert_int_equal(sri_sim_world_pipe_of(fixture.world, 4096, to), 0);
    write_to(to[1], 4096);
    prepare_splice(&splice, SRI_WORK_SPLICE, from[0], OWN, to[1], 10);

    assert_int_equal(start(&splice.one), WAITS);
    write_to(from[1], 5);
    assert_int_equal(fixture.ready_count, 1);
    assert_int_equal(start(&splice.one), WAITS);
    read_from(to[0], 4096);
    assert_int_equal(fixture.ready_count, 2);
    assert_int_equal(start(&splice.one), 5);
    end_splice(&splice);
}

static void a_cancelled_one_waits_for_nobody(void **state)
{
    (void)state;
    int from[2];
    int to[2];
    struct splice splice;
    assert_int_equal(sri_sim_world_pipe(fixture.world, from), 0);
    assert_int_equal(sri_sim_world_pipe(fixture.world, to), 0);
    prepare_splice(&splice, SRI_WORK_TEE, from[0], OWN, to[1], 10);
    assert_int_equal(start(&splice.one), WAITS);

    assert_int_equal(fixture.interface.vtable->cancel(fixture.interface.self, &splice.one.attempt), 0);
    assert_int_equal(fixture.interface.vtable->cancel(fixture.interface.self, &splice.one.attempt),
                     -EALREADY);
    end_splice(&splice);

    write_to(from[1], 5);
    assert_int_equal(fixture.ready_count, 0);
    read_from(from[0], 5);
}

static void a_source_that_goes_ends_the_wait(void **state)
{
    (void)state;
    int from[2];
    int to[2];
    struct splice splice;
    assert_int_equal(sri_sim_world_pipe(fixture.world, from), 0);
    assert_int_equal(sri_sim_world_pipe(fixture.world, to), 0);
    prepare_splice(&splice, SRI_WORK_SPLICE, from[0], OWN, to[1], 10);
    assert_int_equal(start(&splice.one), WAITS);

    assert_int_equal(sri_sim_world_close(fixture.world, from[0]), 0);
    assert_int_equal(fixture.ready_count, 0);
    assert_int_equal(sri_sim_world_close(fixture.world, from[1]), 0);
    assert_int_equal(fixture.ready_count, 1);
    assert_int_equal(start(&splice.one), 0);
    end_splice(&splice);
}

/* Bytes across the edge of two pages of a file take two pages of a pipe. */
static void pages_of_a_file_stay_pages(void **state)
{
    (void)state;
    int pipe[2];
    int fd = new_file("file", 12288);
    assert_int_equal(sri_sim_world_pipe_of(fixture.world, 8192, pipe), 0);

    assert_int_equal(splice_now(fd, 4000, pipe[1], 200), 200);
    assert_int_equal(splice_now(fd, 0, pipe[1], 1), -EAGAIN);
    read_from(pipe[0], 96);
    assert_int_equal(splice_now(fd, 0, pipe[1], 4096), 4096);
    read_from(pipe[0], 104 + 4096);
    assert_int_equal(splice_now(fd, 1, pipe[1], 100000), 8191);
}

static void a_full_disk_takes_what_fits(void **state)
{
    (void)state;
    int pipe[2];
    int fd = new_file("file", 0);
    assert_int_equal(sri_sim_world_pipe_of(fixture.world, 12 * 4096, pipe), 0);
    for (int i = 0; i < 12; i++)
        write_to(pipe[1], 4096);

    assert_int_equal(splice_now(pipe[0], OWN, fd, 100000), 8 * 4096);
    assert_int_equal(splice_now(pipe[0], OWN, fd, 100000), -ENOSPC);
    read_from(pipe[0], 4096);
}

static void a_tee_takes_no_more_pages_than_there_are(void **state)
{
    (void)state;
    int from[2];
    int to[2];
    struct splice splice;
    assert_int_equal(sri_sim_world_pipe_of(fixture.world, 8192, from), 0);
    assert_int_equal(sri_sim_world_pipe_of(fixture.world, 4096, to), 0);
    write_to(from[1], 8192);
    prepare_splice(&splice, SRI_WORK_TEE, from[0], OWN, to[1], 8192);

    assert_int_equal(start(&splice.one), 4096);
    end_splice(&splice);
    read_from(from[0], 8192);
    read_from(to[0], 4096);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(it_waits_for_the_one_and_then_for_the_other, make_world, end_world),
    cmocka_unit_test_setup_teardown(a_cancelled_one_waits_for_nobody, make_world, end_world),
    cmocka_unit_test_setup_teardown(a_source_that_goes_ends_the_wait, make_world, end_world),
    cmocka_unit_test_setup_teardown(pages_of_a_file_stay_pages, make_world, end_world),
    cmocka_unit_test_setup_teardown(a_full_disk_takes_what_fits, make_world, end_world),
    cmocka_unit_test_setup_teardown(a_tee_takes_no_more_pages_than_there_are, make_world, end_world),
};

SR_TEST_MAIN(tests)
