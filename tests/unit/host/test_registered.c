/*
 * Registered files in the host world: objects, not numbers.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

static int32_t outcome(struct raw_ring *ring)
{
    struct io_uring_cqe cqe;
    assert_int_equal(raw_ring_submit_and_wait(ring, 1), 1);
    assert_true(raw_ring_take(ring, &cqe));
    return cqe.res;
}

/* The first free place may stand behind many that are taken. */
static void a_free_place_is_found_behind_many(void **state)
{
    (void)state;
    enum {
        PLACES = 130,
        TAKEN = 67
    };
    struct sr_backend backend;
    struct raw_ring ring;
    int ends[2];
    int files[TAKEN];
    int next[2];
    struct io_uring_rsrc_register sparse = {.nr = PLACES, .flags = IORING_RSRC_REGISTER_SPARSE};
    open_engine(&ring, &backend);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(call(&ring, IORING_REGISTER_FILES2, &sparse, sizeof sparse), 0);
    for (int i = 0; i < TAKEN; i++)
        files[i] = ends[0];
    io_uring_prep_files_update(raw_ring_sqe(&ring, 1), files, TAKEN, (int)IORING_FILE_INDEX_ALLOC);
    assert_int_equal(outcome(&ring), TAKEN);
    assert_int_equal(files[TAKEN - 1], TAKEN - 1);
    io_uring_prep_close_direct(raw_ring_sqe(&ring, 1), 0);
    assert_int_equal(outcome(&ring), 0);

    next[0] = next[1] = ends[1];
    io_uring_prep_files_update(raw_ring_sqe(&ring, 1), next, 2, (int)IORING_FILE_INDEX_ALLOC);
    assert_int_equal(outcome(&ring), 2);

    assert_int_equal(next[0], 0);
    assert_int_equal(next[1], TAKEN);
    close(ends[0]);
    close(ends[1]);
    close_engine(&ring, &backend);
}

/* A named pipe can only be read by a worker, and its buffer of a ring is taken when that begins. */
static void a_workers_read_takes_its_buffer(void **state)
{
    (void)state;
    struct sr_backend backend;
    struct raw_ring ring;
    struct io_uring_cqe cqe;
    char folder[] = "/tmp/safer-ring-test-XXXXXX";
    char path[64];
    char bytes[16] = "";
    struct io_uring_buf_ring *buffers = aligned_alloc(4096, 4096);
    assert_non_null(buffers);
    memset(buffers, 0, 4096);
    struct io_uring_buf_reg group = {.ring_addr = (uintptr_t)buffers, .ring_entries = 8, .bgid = 7};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/fifo", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    int fifo = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(write(fifo, "abc", 3), 3);
    open_engine(&ring, &backend);
    assert_int_equal(call(&ring, IORING_REGISTER_PBUF_RING, &group, 1), 0);
    buffers->bufs[0] = (struct io_uring_buf){.addr = (uintptr_t)bytes, .len = sizeof bytes, .bid = 5};
    buffers->tail = 1;
    struct io_uring_sqe *sqe = raw_ring_sqe(&ring, 1);
    io_uring_prep_read(sqe, fifo, NULL, 0, 0);
    sqe->flags = IOSQE_BUFFER_SELECT;
    sqe->buf_group = 7;

    assert_int_equal(raw_ring_submit_and_wait(&ring, 1), 1);

    assert_true(raw_ring_take(&ring, &cqe));
    assert_int_equal(cqe.res, 3);
    assert_int_equal(cqe.flags >> IORING_CQE_BUFFER_SHIFT, 5);
    assert_string_equal(bytes, "abc");
    close_engine(&ring, &backend);
    close(fifo);
    unlink(path);
    rmdir(folder);
    free(buffers);
}

/* More closes in one submission than are put off: all of them close, and each once. */
static void many_closes_of_one_submission_all_end(void **state)
{
    (void)state;
    enum {
        PIPES = 20
    };
    struct sri_detection why;
    struct sr_backend backend;
    struct raw_ring ring;
    struct io_uring_cqe cqe;
    int ends[PIPES][2];
    unsigned ended = 0;
    assert_int_equal(sri_backend_detect("engine", &backend, &why), 0);
    assert_int_equal(raw_ring_open(&ring, backend, 64, 0), 0);
    for (int i = 0; i < PIPES; i++) {
        assert_int_equal(pipe(ends[i]), 0);
        for (int j = 0; j < 2; j++)
            io_uring_prep_close(raw_ring_sqe(&ring, 1), ends[i][j]);
    }

    assert_int_equal(raw_ring_submit(&ring), 2 * PIPES);

    while (raw_ring_take(&ring, &cqe)) {
        assert_int_equal(cqe.res, 0);
        ended++;
    }
    assert_int_equal(ended, 2 * PIPES);
    for (int i = 0; i < PIPES; i++)
        assert_true(fcntl(ends[i][0], F_GETFD) < 0 && fcntl(ends[i][1], F_GETFD) < 0);
    close_engine(&ring, &backend);
}

/* A worker's call that nothing ends is left when its ring and then its kernel go: nobody hears of it. */
static void a_call_outlives_its_ring(void **state)
{
    (void)state;
    struct sr_backend backend;
    struct raw_ring ring;
    struct io_uring_cqe cqe;
    struct sockaddr_un nobody = {.sun_family = AF_UNIX};
    socklen_t length = sizeof nobody;
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int clients[2];
    assert_int_equal(bind(listening, (struct sockaddr *)&nobody, sizeof nobody.sun_family), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&nobody, &length), 0);
    assert_int_equal(listen(listening, 0), 0);
    for (int i = 0; i < 2; i++)
        clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(clients[0], (struct sockaddr *)&nobody, length), 0);
    open_engine(&ring, &backend);
    io_uring_prep_connect(raw_ring_sqe(&ring, 1), clients[1], (struct sockaddr *)&nobody, length);
    io_uring_prep_mkdirat(raw_ring_sqe(&ring, 2), AT_FDCWD, "/proc/none", 0700);
    assert_int_equal(raw_ring_submit_and_wait(&ring, 1), 2);
    assert_true(raw_ring_take(&ring, &cqe));
    assert_int_equal(cqe.user_data, 2); /* the other one began before it */

    close_engine(&ring, &backend);

    close(listening);
    close(clients[0]);
    close(clients[1]);
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
    cmocka_unit_test(a_free_place_is_found_behind_many),
    cmocka_unit_test(a_workers_read_takes_its_buffer),
    cmocka_unit_test(a_call_outlives_its_ring),
    cmocka_unit_test(many_closes_of_one_submission_all_end),
    cmocka_unit_test(a_slot_has_an_object_and_no_number),
    cmocka_unit_test(the_lowest_numbers_stay_the_programs),
    cmocka_unit_test(a_file_that_has_no_room_is_refused),
    cmocka_unit_test(a_table_is_no_larger_than_the_limit),
    cmocka_unit_test(several_wait_for_one_slot),
};

SR_TEST_MAIN(tests)
