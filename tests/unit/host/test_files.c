/*
 * Files in the host world: offsets, limits, opening and closing.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/host/world_fixture.h"

/* A write past the limit of file sizes is -EFBIG, and no signal ends the program. */
static void a_file_that_is_too_large_raises_no_signal(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    char path[64];
    int fd = temporary_file(path);
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit small = {.rlim_cur = 4, .rlim_max = before.rlim_max};
    char bytes[4] = "abc";
    prepare(&f, SRI_WORK_WRITE, fd, bytes, 4);
    f.attempt.offset = 4;
    setrlimit(RLIMIT_FSIZE, &small);

    int64_t result = complete(&f);

    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(result, -EFBIG);
    put(&f);
    unlink(path);
    close(fd);
    end(&f);
}

/* Files are written and read at the offset, and at their own position where none is given; it moves only then. */
static void files_have_offsets_and_a_position(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    char path[64];
    int fd = temporary_file(path);
    char bytes[8] = "abcdefg";
    prepare(&f, SRI_WORK_WRITE, fd, bytes, 7);
    f.attempt.offset = 3;
    assert_int_equal(complete(&f), 7);
    put(&f);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);

    prepare(&f, SRI_WORK_READ, fd, bytes, 8);
    f.attempt.offset = SRI_OWN_POSITION;
    assert_int_equal(complete(&f), 8);
    put(&f);
    assert_memory_equal(bytes, "\0\0\0abcde", 8);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 8);

    prepare(&f, SRI_WORK_READ, fd, bytes, 8);
    f.attempt.offset = 8;
    assert_int_equal(complete(&f), 2);
    put(&f);
    prepare(&f, SRI_WORK_FSYNC, fd, NULL, 0);
    assert_int_equal(complete(&f), 0);
    put(&f);
    unlink(path);
    close(fd);
    end(&f);
}

#define PATH_SIZE (sizeof(struct sri_path) + 64)

/* A path to open for reading in `memory`; returns where its text goes. */
static char *path_to_read(char *memory)
{
    struct sri_path *path = (struct sri_path *)(void *)memory;
    memset(memory, 0, PATH_SIZE);
    path->directory = AT_FDCWD;
    path->flags = O_RDONLY;
    return path->path;
}

/* Opening and closing go by path and by number, and say what open(2) and close(2) would. */
static void files_are_opened_and_closed(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    _Alignas(struct sri_path) char where[PATH_SIZE];
    char *path = path_to_read(where);
    strcpy(path, "/dev/null");
    prepare(&f, SRI_WORK_OPEN, -1, NULL, 0);
    f.attempt.argument = where;
    struct sri_descriptor opened = {(int)complete(&f)};
    assert_true(opened.fd >= 0);

    prepare(&f, SRI_WORK_CLOSE, -1, NULL, 0);
    f.attempt.argument = &opened;
    assert_int_equal(complete(&f), 0);

    assert_int_equal(complete(&f), -EBADF);
    assert_int_equal(f.world.vtable->close(f.world.self, opened.fd), -EBADF);
    strcpy(path, "/nowhere/at/all");
    prepare(&f, SRI_WORK_OPEN, -1, NULL, 0);
    f.attempt.argument = where;
    assert_int_equal(complete(&f), -ENOENT);
    end(&f);
}

/* A named pipe that nobody writes is opened at once, and can then be waited for. */
static void opening_a_named_pipe_does_not_wait(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    _Alignas(struct sri_path) char where[PATH_SIZE];
    char *path = path_to_read(where);
    close(temporary_file(path));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    prepare(&f, SRI_WORK_OPEN, -1, NULL, 0);
    f.attempt.argument = where;

    int fd = (int)complete(&f);

    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    unlink(path);
    close(fd);
    end(&f);
}

/* A ring that the program closed behind the world's back is lost: its number means what has it now. */
static void a_ring_closed_elsewhere_is_lost(void **state)
{
    (void)state;
    struct fixture f;
    int ends[2];
    int what = 0;
    char byte;
    begin(&f);
    make_pipe(ends, 0);
    for (int asked = 0; asked < 2; asked++) {
        int ring = f.world.vtable->ring_open(f.world.self, &what);
        assert_true(ring >= 0);
        assert_int_equal(dup2(ends[0], ring), ring);

        if (asked) { /* either finds it out */
            f.world.vtable->unlock(f.world.self);
            assert_true(sri_host_world_lost_ring(f.world, ring));
            f.world.vtable->lock(f.world.self);
        }
        assert_int_equal(write(ends[1], "x", 1), 1);
        prepare(&f, SRI_WORK_READ, ring, &byte, 1);
        assert_int_equal(sri_host_world_number(f.attempt.file), ring);
        f.attempt.offset = SRI_OWN_POSITION;
        assert_int_equal(complete(&f), 1);

        put(&f);
        f.world.vtable->ring_close(f.world.self, ring);
        assert_true(fcntl(ring, F_GETFD) >= 0); /* the program's, and left to it */
        close(ring);
    }
    close_both(ends);
    end(&f);
}

/* What a file is: whether it moves whole blocks only, and whether it sends from the program's memory. */
static void an_object_says_what_it_is(void **state)
{
    (void)state;
    struct fixture f;
    char path[64];
    begin(&f);
    int file = temporary_file(path);
    int direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC); /* not every file system has it */
    int datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct {
        int fd;
        uint32_t object;
    } rows[] = {
        {file, 0},
        {direct, SRI_OBJECT_DIRECT},
        {datagrams, SRI_OBJECT_POLLS | SRI_OBJECT_SOCKET | SRI_OBJECT_ZERO_COPY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].fd < 0)
            continue;
        prepare(&f, SRI_WORK_READ, rows[i].fd, NULL, 0);
        assert_int_equal(f.world.vtable->object(f.world.self, f.attempt.file), rows[i].object);
        put(&f);
        close(rows[i].fd);
    }
    unlink(path);
    end(&f);
}

/* An eventfd whose counter is full is as readable as it gets: nothing is added, and nobody waits. */
static void a_full_eventfd_stays_full(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t count = UINT64_MAX - 1;
    begin(&f);
    int fd = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(write(fd, &count, sizeof count), sizeof count);
    prepare(&f, SRI_WORK_READ, fd, NULL, 0);

    assert_int_equal(f.world.vtable->eventfd_add(f.world.self, f.attempt.file, 1), 0);

    assert_int_equal(read(fd, &count, sizeof count), sizeof count);
    assert_true(count == UINT64_MAX - 1);
    put(&f);
    close(fd);
    end(&f);
}

/* A hold that nobody gave back ends with its world: the object is the program's alone. */
static void a_hold_ends_with_its_world(void **state)
{
    (void)state;
    struct fixture f;
    int ends[2];
    char byte;
    begin(&f);
    make_pipe(ends, 0);
    prepare(&f, SRI_WORK_WRITE, ends[1], NULL, 0);
    assert_int_equal(f.world.vtable->file_keep(f.world.self, f.attempt.file), 0);

    end(&f);

    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_file_that_is_too_large_raises_no_signal),
    cmocka_unit_test(files_have_offsets_and_a_position),
    cmocka_unit_test(files_are_opened_and_closed),
    cmocka_unit_test(opening_a_named_pipe_does_not_wait),
    cmocka_unit_test(a_ring_closed_elsewhere_is_lost),
    cmocka_unit_test(an_object_says_what_it_is),
    cmocka_unit_test(a_full_eventfd_stays_full),
    cmocka_unit_test(a_hold_ends_with_its_world),
};

SR_TEST_MAIN(tests)
