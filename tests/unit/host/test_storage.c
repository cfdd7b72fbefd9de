/*
 * Names, attributes and ranges of files in the host world: made on a worker, without a signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/host/world_fixture.h"

/* A folder of the test's own, and a file in it. */
struct folder {
    char path[32];
    int fd;
    int file;
};

static struct folder make_folder(void)
{
    struct folder folder = {.path = "/tmp/safer-ring-XXXXXX"};
    assert_non_null(mkdtemp(folder.path));
    folder.fd = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    folder.file = openat(folder.fd, "f", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    assert_true(folder.file >= 0);
    return folder;
}

static void remove_folder(const struct folder *folder)
{
    static const char *const names[] = {"f", "g", "h", "s"};
    for (size_t i = 0; i < 4; i++)
        unlinkat(folder->fd, names[i], 0);
    unlinkat(folder->fd, "d", AT_REMOVEDIR);
    close(folder->file);
    close(folder->fd);
    assert_int_equal(rmdir(folder->path), 0);
}

static int64_t on_range(struct fixture *f, enum sri_work work, int fd, uint64_t length, uint32_t flags)
{
    prepare(f, work, fd, NULL, 0);
    f->attempt.limit = length;
    f->attempt.flags = flags;
    int64_t result = complete(f);
    put(f);
    return result;
}

static int64_t on_names(struct fixture *f, enum sri_work work, struct sri_names names)
{
    prepare(f, work, -1, NULL, 0);
    f->attempt.argument = &names;
    return complete(f);
}

/* SIGXFSZ would end the program: here, and on a worker. */
static void an_allocation_that_is_too_large_raises_no_signal(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct folder folder = make_folder();
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit small = {.rlim_cur = 4, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);

    int64_t result = on_range(&f, SRI_WORK_FALLOCATE, folder.file, 4096, 0);

    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(result, -EFBIG);
    assert_int_equal(on_range(&f, SRI_WORK_FALLOCATE, folder.file, 4096, 0), 0);
    remove_folder(&folder);
    end(&f);
}

static void names_are_found_from_their_directory(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct folder folder = make_folder();
    int d = folder.fd;

    assert_int_equal(on_names(&f, SRI_WORK_MKDIR,
                              (struct sri_names){.from_directory = d, .from = "d", .mode = 0700}),
                     0);
    assert_int_equal(
        on_names(&f, SRI_WORK_LINK,
                 (struct sri_names){.from_directory = d, .from = "f", .to_directory = d, .to = "g"}),
        0);
    assert_int_equal(
        on_names(&f, SRI_WORK_RENAME,
                 (struct sri_names){.from_directory = d, .from = "g", .to_directory = d, .to = "h"}),
        0);
    assert_int_equal(on_names(&f, SRI_WORK_SYMLINK,
                              (struct sri_names){.from = "h", .to_directory = d, .to = "s"}),
                     0);
    assert_int_equal(on_names(&f, SRI_WORK_UNLINK, (struct sri_names){.from_directory = d, .from = "f"}), 0);
    assert_int_equal(on_names(&f, SRI_WORK_UNLINK, (struct sri_names){.from_directory = d, .from = "d"}),
                     -EISDIR);

    struct stat status;
    char text[4] = "";
    assert_int_equal(fstatat(d, "h", &status, 0), 0);
    assert_int_equal(status.st_nlink, 1);
    assert_int_equal(readlinkat(d, "s", text, sizeof text), 1);
    assert_int_equal(fstatat(d, "f", &status, 0), -1);
    remove_folder(&folder);
    end(&f);
}

static void a_status_and_an_attribute_are_filled_in(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct folder folder = make_folder();
    char room[sizeof(struct sri_status) + 2];
    struct sri_status *status = (void *)room;
    memset(room, 0, sizeof room);
    status->directory = folder.fd;
    status->mask = STATX_SIZE;
    strcpy(status->path, "f");
    assert_int_equal(write(folder.file, "abc", 3), 3);
    prepare(&f, SRI_WORK_STATX, -1, NULL, 0);
    f.attempt.argument = status;

    assert_int_equal(complete(&f), 0);
    assert_int_equal(status->status.stx_size, 3);

    char value[8] = "xyz";
    struct sri_xattr xattr = {.size = 3, .value = value, .name = "user.a"};
    prepare(&f, SRI_WORK_SET_XATTR, folder.file, NULL, 0);
    f.attempt.argument = &xattr;
    assert_int_equal(complete(&f), 0);
    put(&f);
    memset(value, 0, sizeof value);
    xattr.size = sizeof value;
    prepare(&f, SRI_WORK_GET_XATTR, folder.file, NULL, 0);
    f.attempt.argument = &xattr;
    assert_int_equal(complete(&f), 3);
    put(&f);
    assert_string_equal(value, "xyz");
    remove_folder(&folder);
    end(&f);
}

/* What may read a file ahead goes to a worker; what only notes something does not. */
static void advice_that_costs_nothing_needs_no_worker(void **state)
{
    (void)state;
    struct fixture f;
    int64_t result = -1;
    begin(&f);
    struct folder folder = make_folder();
    prepare(&f, SRI_WORK_FADVISE, folder.file, NULL, 0);
    f.attempt.limit = 0;
    f.attempt.flags = POSIX_FADV_SEQUENTIAL;

    assert_int_equal(start(&f, &result), SRI_DONE);
    assert_int_equal(result, 0);
    f.attempt.flags = POSIX_FADV_WILLNEED;
    assert_int_equal(start(&f, &result), SRI_RUNNING);

    f.engine.finished = NULL;
    wait_for(&f);
    assert_ptr_equal(f.engine.finished, &f.attempt);
    assert_int_equal(f.engine.result, 0);
    put(&f);
    assert_int_equal(on_range(&f, SRI_WORK_SYNC_RANGE, folder.file, 0, SYNC_FILE_RANGE_WRITE), 0);
    assert_int_equal(on_range(&f, SRI_WORK_FADVISE, folder.file, 0, 99), -EINVAL);
    remove_folder(&folder);
    end(&f);
}

/* The number may be closed and used again while a worker has the file. */
static void a_worker_keeps_the_file_it_was_given(void **state)
{
    (void)state;
    struct fixture f;
    int64_t result = -1;
    struct stat status;
    begin(&f);
    struct folder folder = make_folder();
    prepare(&f, SRI_WORK_FALLOCATE, folder.file, NULL, 0);
    f.attempt.limit = 5000;

    assert_int_equal(start(&f, &result), SRI_RUNNING);
    int number = folder.file;
    close(number);
    folder.file = openat(folder.fd, "g", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    assert_int_equal(folder.file, number);
    f.engine.finished = NULL;
    wait_for(&f);

    assert_int_equal(f.engine.result, 0);
    put(&f);
    assert_int_equal(fstatat(folder.fd, "f", &status, 0), 0);
    assert_int_equal(status.st_size, 5000);
    assert_int_equal(fstat(folder.file, &status), 0);
    assert_int_equal(status.st_size, 0);
    remove_folder(&folder);
    end(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_allocation_that_is_too_large_raises_no_signal),
    cmocka_unit_test(names_are_found_from_their_directory),
    cmocka_unit_test(a_status_and_an_attribute_are_filled_in),
    cmocka_unit_test(advice_that_costs_nothing_needs_no_worker),
    cmocka_unit_test(a_worker_keeps_the_file_it_was_given),
};

SR_TEST_MAIN(tests)
