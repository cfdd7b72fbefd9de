/*
 * Registered files in the host world: objects, not numbers.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend/detect.h"
#include "support/main.h"
#include "support/raw_ring.h"

static void open_engine(struct raw_ring *ring, struct sr_backend *backend)
{
    struct sri_detection why;
    assert_int_equal(sri_backend_detect("engine", backend, &why), 0);
    assert_int_equal(raw_ring_open(ring, *backend, 8, 0), 0);
}

static void close_engine(struct raw_ring *ring, struct sr_backend *backend)
{
    raw_ring_close(ring);
    backend->vtable->release(backend->self);
}

static int call(struct raw_ring *ring, unsigned opcode, void *arg, unsigned count)
{
    return ring->backend.vtable->register_(ring->backend.self, ring->fd, opcode, arg, count);
}

static int32_t read_slot(struct raw_ring *ring, int slot, void *bytes, unsigned size)
{
    struct io_uring_cqe cqe;
    struct io_uring_sqe *sqe = raw_ring_sqe(ring, 1);
    io_uring_prep_read(sqe, slot, bytes, size, 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    assert_int_equal(raw_ring_submit_and_wait(ring, 1), 1);
    assert_true(raw_ring_take(ring, &cqe));
    return cqe.res;
}

/* The number may be closed and stand for something else: the slot has what it had. */
static void a_slot_has_an_object_and_no_number(void **state)
{
    (void)state;
    struct sr_backend backend;
    struct raw_ring ring;
    int first[2];
    int second[2];
    char bytes[3];
    open_engine(&ring, &backend);
    assert_int_equal(pipe(first), 0);
    assert_int_equal(pipe(second), 0);
    assert_int_equal(write(first[1], "one", 3), 3);
    assert_int_equal(write(second[1], "two", 3), 3);
    assert_int_equal(call(&ring, IORING_REGISTER_FILES, first, 1), 0);

    assert_int_equal(dup2(second[0], first[0]), first[0]);

    assert_int_equal(read_slot(&ring, 0, bytes, 3), 3);
    assert_memory_equal(bytes, "one", 3);
    for (int i = 0; i < 2; i++) {
        close(first[i]);
        close(second[i]);
    }
    close_engine(&ring, &backend);
}

/* Registered files keep out of the way of the lowest numbers, which programs count on. */
static void the_lowest_numbers_stay_the_programs(void **state)
{
    (void)state;
    struct sr_backend backend;
    struct raw_ring ring;
    int ends[2];
    open_engine(&ring, &backend);
    assert_int_equal(pipe(ends), 0);
    int before = dup(ends[0]);
    close(before);
    assert_int_equal(call(&ring, IORING_REGISTER_FILES, ends, 2), 0);
    struct io_uring_sqe *sqe = raw_ring_sqe(&ring, 2);
    io_uring_prep_openat_direct(sqe, AT_FDCWD, "/dev/null", O_RDONLY, 0, 0);
    assert_int_equal(raw_ring_submit_and_wait(&ring, 1), 1);

    int after = dup(ends[0]);

    assert_int_equal(after, before);
    close(after);
    close(ends[0]);
    close(ends[1]);
    close_engine(&ring, &backend);
}

/* A file needs a descriptor of the engine's own; when there is none left, the table is refused and nothing is held. */
static void a_file_that_has_no_room_is_refused(void **state)
{
    (void)state;
    struct sr_backend backend;
    struct raw_ring ring;
    int ends[2];
    char byte;
    struct rlimit before;
    open_engine(&ring, &backend);
    assert_int_equal(pipe(ends), 0);
    getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit small = {.rlim_cur = (rlim_t)ends[1] + 1, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &small);

    int rc = call(&ring, IORING_REGISTER_FILES, &ends[1], 1);

    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(rc, -EMFILE);
    assert_int_equal(call(&ring, IORING_UNREGISTER_FILES, NULL, 0), -ENXIO);
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
    close_engine(&ring, &backend);
}

/* A table is no larger than the limit of descriptors, also a sparse one. */
static void a_table_is_no_larger_than_the_limit(void **state)
{
    (void)state;
    struct sr_backend backend;
    struct raw_ring ring;
    struct rlimit before;
    open_engine(&ring, &backend);
    getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit small = {.rlim_cur = 100, .rlim_max = before.rlim_max};
    struct io_uring_rsrc_register arg = {.nr = 101, .flags = IORING_RSRC_REGISTER_SPARSE};
    setrlimit(RLIMIT_NOFILE, &small);

    int too_many = call(&ring, IORING_REGISTER_FILES2, &arg, sizeof arg);
    arg.nr = 100;
    int enough = call(&ring, IORING_REGISTER_FILES2, &arg, sizeof arg);

    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(too_many, -EMFILE);
    assert_int_equal(enough, 0);
    close_engine(&ring, &backend);
}

/* Several wait for one registered object at once, each by the same slot. */
static void several_wait_for_one_slot(void **state)
{
    (void)state;
    struct sr_backend backend;
    struct raw_ring ring;
    int ends[2];
    char bytes[3];
    open_engine(&ring, &backend);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(call(&ring, IORING_REGISTER_FILES, ends, 1), 0);
    for (uint64_t i = 0; i < 3; i++) {
        struct io_uring_sqe *sqe = raw_ring_sqe(&ring, i);
        io_uring_prep_read(sqe, 0, &bytes[i], 1, 0);
        sqe->flags |= IOSQE_FIXED_FILE;
    }
    assert_int_equal(raw_ring_submit(&ring), 3);
    assert_int_equal(call(&ring, IORING_UNREGISTER_FILES, NULL, 0), 0);
    close(ends[0]);

    assert_int_equal(write(ends[1], "abc", 3), 3);

    struct io_uring_cqe cqe;
    assert_int_equal(raw_ring_wait(&ring, 3, UINT64_C(10000000000)), 0);
    for (int i = 0; i < 3; i++) {
        assert_true(raw_ring_take(&ring, &cqe));
        assert_int_equal(cqe.res, 1);
    }
    close(ends[1]);
    close_engine(&ring, &backend);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_slot_has_an_object_and_no_number),
    cmocka_unit_test(the_lowest_numbers_stay_the_programs),
    cmocka_unit_test(a_file_that_has_no_room_is_refused),
    cmocka_unit_test(a_table_is_no_larger_than_the_limit),
    cmocka_unit_test(several_wait_for_one_slot),
};

SR_TEST_MAIN(tests)
