/*
 * Pipes and other streams in the host world: waiting, offsets, signals, numbers that are used again.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/host/world_fixture.h"

/* An empty pipe makes a read wait, whether it is non-blocking or not, and a byte makes it ready. */
static void a_read_of_an_empty_pipe_waits(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        begin(&f);
        int ends[2];
        char byte = 0;
        int64_t result;
        make_pipe(ends, i == 0 ? 0 : O_NONBLOCK);
        prepare(&f, SRI_WORK_READ, ends[0], &byte, 1);

        assert_int_equal(start(&f, &result), SRI_WAIT);
        assert_int_equal(write(ends[1], "x", 1), 1);
        wait_for(&f);
        assert_ptr_equal(f.engine.ready, &f.attempt);
        assert_int_equal(start(&f, &result), SRI_DONE);

        assert_int_equal(result, 1);
        assert_int_equal(byte, 'x');
        put(&f);
        close_both(ends);
        end(&f);
    }
}

/* RWF_NOWAIT asks for -EAGAIN in place of waiting. */
static void a_read_that_must_not_wait_says_so(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    int ends[2];
    char byte;
    int64_t result;
    make_pipe(ends, 0);
    prepare(&f, SRI_WORK_READ, ends[0], &byte, 1);
    f.attempt.flags = RWF_NOWAIT;

    assert_int_equal(start(&f, &result), SRI_DONE);

    assert_int_equal(result, -EAGAIN);
    put(&f);
    close_both(ends);
    end(&f);
}

/* The program may close its number and use it again: who waits still waits for the old object. */
static void a_waiting_read_keeps_its_object_when_the_number_is_reused(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    int old[2];
    int other[2];
    char byte = 0;
    int64_t result;
    make_pipe(old, 0);
    make_pipe(other, 0);
    prepare(&f, SRI_WORK_READ, old[0], &byte, 1);
    assert_int_equal(start(&f, &result), SRI_WAIT);

    assert_int_equal(dup2(other[0], old[0]), old[0]);
    assert_int_equal(write(other[1], "n", 1), 1);
    assert_int_equal(write(old[1], "o", 1), 1);
    wait_for(&f);
    assert_int_equal(start(&f, &result), SRI_DONE);

    assert_int_equal(byte, 'o');
    put(&f);
    close_both(old);
    close_both(other);
    end(&f);
}

/* So does what is held and was never tried, as a registered file is. */
static void a_held_file_keeps_its_object_when_the_number_is_reused(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    int old[2];
    int other[2];
    char byte = 0;
    make_pipe(old, 0);
    make_pipe(other, 0);
    assert_int_equal(write(old[1], "o", 1), 1);
    assert_int_equal(write(other[1], "n", 1), 1);
    prepare(&f, SRI_WORK_READ, old[0], &byte, 1);

    leave_and_come_back(&f);
    assert_int_equal(dup2(other[0], old[0]), old[0]);

    assert_int_equal(complete(&f), 1);
    assert_int_equal(byte, 'o');
    put(&f);
    close_both(old);
    close_both(other);
    end(&f);
}

/* A bad number has no object. */
static void a_bad_descriptor_has_no_object(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);

    assert_null(f.world.vtable->file_get(f.world.self, -1));
    assert_null(f.world.vtable->file_get(f.world.self, 123456));

    end(&f);
}

/* A cancel of one that waits wins, and has no effect on the object. */
static void a_cancelled_read_leaves_the_byte(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    int ends[2];
    char byte;
    int64_t result;
    make_pipe(ends, 0);
    prepare(&f, SRI_WORK_READ, ends[0], &byte, 1);
    assert_int_equal(start(&f, &result), SRI_WAIT);
    assert_int_equal(write(ends[1], "x", 1), 1);

    assert_int_equal(f.world.vtable->cancel(f.world.self, &f.attempt), 0);

    put(&f);
    assert_int_equal(f.world.vtable->wait(f.world.self, 0, NULL, 0), 0);
    assert_null(f.engine.ready);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close_both(ends);
    end(&f);
}

/* A pipe without a reader is -EPIPE, and no signal ends the program. */
static void a_broken_pipe_raises_no_signal(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    signal(SIGPIPE, SIG_DFL);
    int ends[2];
    char byte = 'x';
    make_pipe(ends, 0);
    close(ends[0]);
    prepare(&f, SRI_WORK_WRITE, ends[1], &byte, 1);

    assert_int_equal(complete(&f), -EPIPE);

    put(&f);
    close(ends[1]);
    end(&f);
}

/* What the program has blocked itself may have been pending before: it stays so. */
static void a_signal_that_the_program_blocks_stays_pending(void **state)
{
    (void)state;
    static const struct timespec at_once = {0, 0};
    struct fixture f;
    sigset_t blocked;
    sigset_t before;
    begin(&f);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGPIPE);
    sigaddset(&blocked, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    int ends[2];
    char byte = 'x';
    make_pipe(ends, 0);
    close(ends[0]);
    prepare(&f, SRI_WORK_WRITE, ends[1], &byte, 1);

    assert_int_equal(complete(&f), -EPIPE);

    assert_int_equal(sigtimedwait(&blocked, NULL, &at_once), SIGPIPE);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    put(&f);
    close(ends[1]);
    end(&f);
}

/* The same for a socket, by write and by send. */
static void a_closed_peer_raises_no_signal(void **state)
{
    (void)state;
    static const enum sri_work works[] = {SRI_WORK_WRITE, SRI_WORK_SEND};
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        begin(&f);
        signal(SIGPIPE, SIG_DFL);
        int ends[2];
        char byte = 'x';
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        close(ends[0]);
        prepare(&f, works[i], ends[1], &byte, 1);

        assert_int_equal(complete(&f), -EPIPE);

        put(&f);
        close(ends[1]);
        end(&f);
    }
}

struct offset_row {
    const char *name;
    uint64_t offset;
    int64_t on_socket;
    int64_t on_pipe;
    int64_t on_eventfd;
};

/* Offsets of objects without one, as measured with the kernel. */
static void offsets_of_streams_are_as_measured(void **state)
{
    (void)state;
    static const struct offset_row rows[] = {
        {"zero", 0, 8, 8, 8},
        {"own position", SRI_OWN_POSITION, 8, 8, 8},
        {"eight", 8, -ESPIPE, 8, 8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        begin(&f);
        int sockets[2];
        int ends[2];
        make_pipe(ends, 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
        int event = eventfd(1, 0);
        const int fds[] = {sockets[0], ends[0], event};
        const int64_t expected[] = {rows[i].on_socket, rows[i].on_pipe, rows[i].on_eventfd};
        assert_int_equal(write(sockets[1], "12345678", 8), 8);
        assert_int_equal(write(ends[1], "12345678", 8), 8);
        for (size_t j = 0; j < 3; j++) {
            char bytes[8];
            prepare(&f, SRI_WORK_READ, fds[j], bytes, 8);
            f.attempt.offset = rows[i].offset;
            int64_t result = complete(&f);
            if (result != expected[j])
                print_error("row \"%s\", object %zu: %lld\n", rows[i].name, j, (long long)result);
            assert_true(result == expected[j]);
            put(&f);
        }
        close(event);
        close_both(ends);
        close_both(sockets);
        end(&f);
    }
}

/* A limit cuts what is moved, across segments. */
static void a_limit_makes_a_transfer_short(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    int ends[2];
    make_pipe(ends, 0);
    assert_int_equal(write(ends[1], "abcdefgh", 8), 8);
    char first[2];
    char second[6] = "......";
    struct iovec segments[2] = {{first, 2}, {second, 6}};
    prepare(&f, SRI_WORK_READ, ends[0], NULL, 0);
    f.attempt.segments = segments;
    f.attempt.segment_count = 2;
    f.attempt.limit = 3;

    assert_int_equal(complete(&f), 3);

    assert_memory_equal(second, "c.....", 6);
    put(&f);
    close_both(ends);
    end(&f);
}

/* A named pipe has no way to be asked without blocking: it is read by a worker, once it is ready. */
static void a_named_pipe_is_read_by_a_worker(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    char path[64];
    int unused = temporary_file(path);
    close(unused);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char byte = 0;
    int64_t result;
    prepare(&f, SRI_WORK_READ, fd, &byte, 1);
    assert_int_equal(start(&f, &result), SRI_WAIT);
    assert_int_equal(write(fd, "f", 1), 1);
    wait_for(&f);

    assert_int_equal(complete(&f), 1);

    assert_int_equal(byte, 'f');
    put(&f);
    unlink(path);
    close(fd);
    end(&f);
}

/* Bytes nobody may touch are -EFAULT, not a crash. */
static void a_bad_address_is_an_error(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    int ends[2];
    make_pipe(ends, 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    prepare(&f, SRI_WORK_READ, ends[0], (void *)(uintptr_t)16, 1);

    assert_int_equal(complete(&f), -EFAULT);

    put(&f);
    close_both(ends);
    end(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_read_of_an_empty_pipe_waits),
    cmocka_unit_test(a_read_that_must_not_wait_says_so),
    cmocka_unit_test(a_waiting_read_keeps_its_object_when_the_number_is_reused),
    cmocka_unit_test(a_held_file_keeps_its_object_when_the_number_is_reused),
    cmocka_unit_test(a_bad_descriptor_has_no_object),
    cmocka_unit_test(a_cancelled_read_leaves_the_byte),
    cmocka_unit_test(a_broken_pipe_raises_no_signal),
    cmocka_unit_test(a_signal_that_the_program_blocks_stays_pending),
    cmocka_unit_test(a_closed_peer_raises_no_signal),
    cmocka_unit_test(offsets_of_streams_are_as_measured),
    cmocka_unit_test(a_limit_makes_a_transfer_short),
    cmocka_unit_test(a_named_pipe_is_read_by_a_worker),
    cmocka_unit_test(a_bad_address_is_an_error),
};

SR_TEST_MAIN(tests)
