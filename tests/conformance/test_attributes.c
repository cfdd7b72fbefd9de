/*
 * What files are besides their bytes: statx, and extended attributes.
 */
#include <stdio.h>
#include <sys/xattr.h>

#include "support/conform_files.h"
#include "support/main.h"

static void a_status_tells_kind_size_and_links(struct conform *c)
{
    int d = files_folder(c, NULL);
    files_put(c, d, "f", "abcde");
    SAY("made", files_mkdir(c, d, "d"));
    SAY("made", files_mkdir(c, d, "d/e"));
    SAY("link", files_symlink(c, "long enough", d, "s"));
    files_say_status(c, "f", d, "f");
    files_say_status(c, "d", d, "d");
    files_say_status(c, "s", d, "s");
    conform_close(c, d);
}

static void a_status_follows_links_unless_told(struct conform *c)
{
    struct statx status;
    int d = files_folder(c, NULL);
    files_put(c, d, "f", "abcde");
    SAY("link", files_symlink(c, "f", d, "s"));
    memset(&status, 0, sizeof status);
    SAY("followed", files_statx(c, d, "s", 0, STATX_SIZE, &status));
    conform_say(c, "size %llu\n", (unsigned long long)status.stx_size);
    SAY("itself", files_statx(c, d, "s", AT_SYMLINK_NOFOLLOW, STATX_SIZE, &status));
    conform_say(c, "size %llu\n", (unsigned long long)status.stx_size);
    conform_close(c, d);
}

static void a_status_of_a_descriptor(struct conform *c)
{
    struct statx status;
    int ends[2];
    int sockets[2];
    int d = files_folder(c, NULL);
    int fd = files_open(c, d, "file", O_RDWR, 0);
    conform_pipe(c, ends);
    conform_socketpair(c, sockets);
    SAY("file", files_statx(c, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status));
    files_say_status(c, "pipe", ends[0], "");
    files_say_status(c, "socket", sockets[0], "");
    SAY("empty", files_statx(c, fd, "", 0, STATX_BASIC_STATS, &status));
    SAY("a path all the same", files_statx(c, d, "file", AT_EMPTY_PATH, STATX_BASIC_STATS, &status));
    SAY("none", files_statx(c, 9999, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status));
    conform_close(c, fd);
    conform_close_both(c, ends);
    conform_close_both(c, sockets);
    conform_close(c, d);
}

static void a_status_says_no(struct conform *c)
{
    struct statx status;
    int d = files_folder(c, NULL);
    SAY("nothing", files_statx(c, d, "no", 0, STATX_BASIC_STATS, &status));
    SAY("below a file", files_statx(c, d, "file/x", 0, STATX_BASIC_STATS, &status));
    SAY("a slash", files_statx(c, d, "file/", 0, STATX_BASIC_STATS, &status));
    SAY("unknown flag", files_statx(c, d, "file", AT_REMOVEDIR, STATX_BASIC_STATS, &status));
    SAY("both syncs",
        files_statx(c, d, "file", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, STATX_SIZE, &status));
    SAY("reserved mask", files_statx(c, d, "file", 0, 0x80000000u, &status));
    SAY("nowhere to put it", files_statx(c, d, "file", 0, STATX_SIZE, NULL));
    SAY("no path", files_statx(c, d, NULL, 0, STATX_SIZE, &status));
    SAY("no directory", files_statx(c, 9999, "file", 0, STATX_SIZE, &status));
    conform_close(c, d);
}

static void fields_that_statx_has_no_use_for(struct conform *c)
{
    struct statx status;
    int d = files_folder(c, NULL);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_statx(sqe, d, "file", 0, STATX_SIZE, &status);
    sqe->buf_index = 1;
    SAY("buf_index", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_statx(sqe, d, "file", 0, STATX_SIZE, &status);
    sqe->splice_fd_in = 1;
    SAY("splice_fd_in", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_statx(sqe, d, "file", 0, STATX_SIZE, &status);
    sqe->flags |= IOSQE_FIXED_FILE;
    SAY("fixed file", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_statx(sqe, d, "file", 0, STATX_SIZE, &status);
    sqe->ioprio = 1;
    SAY("ioprio", files_run(c));
    conform_close(c, d);
}

static void a_status_counts_blocks_not_bytes(struct conform *c)
{
    static char bytes[4096];
    struct statx status;
    int d = files_folder(c, NULL);
    int fd = files_open(c, d, "f", O_CREAT | O_RDWR, 0644);
    memset(&status, 0, sizeof status);
    SAY("far", files_write(c, fd, bytes, 4096, 1 << 20, 0));
    io_uring_prep_fsync(conform_sqe(c, 1), fd, 0);
    SAY("synced", files_run(c));
    SAY("status", files_statx(c, fd, "", AT_EMPTY_PATH, STATX_BLOCKS | STATX_SIZE, &status));
    conform_say(c, "size %llu, blocks %llu, of %u\n", (unsigned long long)status.stx_size,
                (unsigned long long)status.stx_blocks, status.stx_blksize);
    conform_close(c, fd);
    conform_close(c, d);
}

static void times_do_not_go_back(struct conform *c)
{
    struct statx before;
    struct statx after;
    int d = files_folder(c, NULL);
    int fd = files_open(c, d, "file", O_RDWR, 0);
    memset(&before, 0, sizeof before);
    memset(&after, 0, sizeof after);
    SAY("before", files_statx(c, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &before));
    SAY("written", files_write(c, fd, "x", 1, 0, 0));
    SAY("after", files_statx(c, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &after));
    conform_say(c, "birth %s, change %s, same file %d, mask %d\n",
                before.stx_btime.tv_nsec == after.stx_btime.tv_nsec ? "stays" : "moved",
                after.stx_mtime.tv_sec >= before.stx_mtime.tv_sec ? "after" : "before",
                before.stx_ino == after.stx_ino,
                (after.stx_mask & (STATX_BASIC_STATS | STATX_BTIME)) == (STATX_BASIC_STATS | STATX_BTIME));
    conform_close(c, fd);
    conform_close(c, d);
}

static void a_failed_status_breaks_no_chain(struct conform *c)
{
    struct statx status;
    char value[8];
    int d = files_folder(c, NULL);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_statx(sqe, d, "no", 0, STATX_SIZE, &status);
    sqe->flags |= IOSQE_IO_LINK;
    sqe = conform_sqe(c, 2);
    io_uring_prep_fgetxattr(sqe, d, "user.no", value, sizeof value);
    sqe->flags |= IOSQE_IO_LINK;
    io_uring_prep_nop(conform_sqe(c, 3));
    conform_submit(c);
    conform_take(c, 3);
    conform_close(c, d);
}

static void an_attribute_is_kept(struct conform *c)
{
    char value[8] = "........";
    int d = files_folder(c, NULL);
    int fd = files_open(c, d, "file", O_RDWR, 0);
    SAY("set", files_set(c, fd, "user.a", "abc", 3, 0));
    SAY("length", files_get(c, fd, "user.a", NULL, 0));
    SAY("value", files_get(c, fd, "user.a", value, sizeof value));
    conform_data(c, value, sizeof value);
    SAY("changed", files_set(c, fd, "user.a", "x", 1, 0));
    SAY("value", files_get(c, fd, "user.a", value, sizeof value));
    conform_data(c, value, sizeof value);
    SAY("too little room", files_set(c, fd, "user.a", "abcdef", 6, 0));
    SAY("value", files_get(c, fd, "user.a", value, 2));
    SAY("exactly", files_get(c, fd, "user.a", value, 6));
    conform_close(c, fd);
    conform_close(c, d);
}

static void an_attribute_may_be_empty(struct conform *c)
{
    char value[4] = "....";
    int d = files_folder(c, NULL);
    SAY("set", files_set(c, d, "user.e", "", 0, 0));
    SAY("value", files_get(c, d, "user.e", value, sizeof value));
    conform_data(c, value, sizeof value);
    conform_close(c, d);
}

static void an_attribute_is_created_or_replaced_on_demand(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("replace", files_set(c, d, "user.a", "1", 1, XATTR_REPLACE));
    SAY("create", files_set(c, d, "user.a", "2", 1, XATTR_CREATE));
    SAY("create", files_set(c, d, "user.a", "3", 1, XATTR_CREATE));
    SAY("replace", files_set(c, d, "user.a", "4", 1, XATTR_REPLACE));
    SAY("unknown", files_set(c, d, "user.a", "5", 1, 4));
    conform_close(c, d);
}

static void names_of_attributes_have_classes(struct conform *c)
{
    char value[4];
    int d = files_folder(c, NULL);
    SAY("none", files_get(c, d, "user.no", value, 4));
    SAY("trusted", files_set(c, d, "trusted.a", "x", 1, 0));
    SAY("unknown class", files_set(c, d, "other.a", "x", 1, 0));
    SAY("no class", files_set(c, d, "a", "x", 1, 0));
    SAY("class alone", files_set(c, d, "user.", "x", 1, 0));
    SAY("get of no class", files_get(c, d, "a", value, 4));
    conform_close(c, d);
}

static void a_name_of_an_attribute_is_neither_empty_nor_long(struct conform *c)
{
    char name[300];
    char value[4];
    int d = files_folder(c, NULL);
    memset(name, 'a', sizeof name);
    memcpy(name, "user.", 5);
    name[255] = 0;
    SAY("255", files_set(c, d, name, "x", 1, 0));
    name[255] = 'a';
    name[256] = 0;
    SAY("256", files_set(c, d, name, "x", 1, 0));
    SAY("get 256", files_get(c, d, name, value, 4));
    SAY("empty", files_set(c, d, "", "x", 1, 0));
    SAY("none", files_set(c, d, NULL, "x", 1, 0));
    SAY("no value", files_set(c, d, "user.a", NULL, 1, 0));
    conform_close(c, d);
}

static void values_have_a_largest_size(struct conform *c)
{
    static char value[70000];
    int d = files_folder(c, NULL);
    SAY("64 KiB and one", files_set(c, d, "user.a", value, 65537, 0));
    SAY("2000", files_set(c, d, "user.a", value, 2000, 0));
    SAY("room of 70000", files_get(c, d, "user.a", value, sizeof value));
    conform_close(c, d);
}

static void attributes_by_path(struct conform *c)
{
    char path[128];
    char name[160];
    char value[8] = "........";
    int d = files_folder(c, path);
    snprintf(name, sizeof name, "%s/file", strcmp(path, "/") == 0 ? "" : path);
    io_uring_prep_setxattr(conform_sqe(c, 1), "user.p", "abc", name, 0, 3);
    SAY("set", files_run(c));
    io_uring_prep_getxattr(conform_sqe(c, 1), "user.p", value, name, sizeof value);
    SAY("value", files_run(c));
    conform_data(c, value, sizeof value);
    io_uring_prep_getxattr(conform_sqe(c, 1), "user.p", value, "/no/such", sizeof value);
    SAY("nothing", files_run(c));
    io_uring_prep_getxattr(conform_sqe(c, 1), "user.p", value, "", sizeof value);
    SAY("empty", files_run(c));
    io_uring_prep_setxattr(conform_sqe(c, 1), "user.p", "abc", NULL, 0, 3);
    SAY("no path", files_run(c));
    conform_close(c, d);
}

static void attributes_by_path_take_no_fixed_file(struct conform *c)
{
    char value[8];
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_setxattr(sqe, "user.p", "abc", "/", 0, 3);
    sqe->flags |= IOSQE_FIXED_FILE;
    SAY("set", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_getxattr(sqe, "user.p", value, "/", 8);
    sqe->flags |= IOSQE_FIXED_FILE;
    SAY("get", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_getxattr(sqe, "user.p", value, "/", 8);
    sqe->xattr_flags = 1;
    SAY("get with a flag", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_getxattr(sqe, "user.p", value, "/", 8);
    sqe->ioprio = 1;
    SAY("get with a priority", files_run(c));
}

static void attributes_of_what_is_no_file(struct conform *c)
{
    int ends[2];
    int d = files_folder(c, NULL);
    int fd = files_open(c, d, "file", O_PATH, 0);
    SAY("path", files_set(c, fd, "user.a", "x", 1, 0));
    SAY("no file", files_set(c, 9999, "user.a", "x", 1, 0));
    conform_pipe(c, ends);
    conform_close(c, fd);
    conform_close_both(c, ends);
    conform_close(c, d);
}

static const struct conform_case cases[] = {
    {.name = "a status tells kind size and links",
     .run = a_status_tells_kind_size_and_links,
     .expected = "made: 0\n"
                 "made: 0\n"
                 "link: 0\n"
                 "f: file 5 1\n"
                 "d: directory 3\n"
                 "s: link 11 1\n"},
    {.name = "a status follows links unless told",
     .run = a_status_follows_links_unless_told,
     .expected = "link: 0\n"
                 "followed: 0\n"
                 "size 5\n"
                 "itself: 0\n"
                 "size 1\n"},
    {.name = "a status of a descriptor",
     .run = a_status_of_a_descriptor,
     .expected = "file: 0\n"
                 "pipe: pipe 0 1\n"
                 "socket: socket 0 1\n"
                 "empty: ENOENT\n"
                 "a path all the same: 0\n"
                 "none: EBADF\n"},
    {.name = "a status says no",
     .run = a_status_says_no,
     .expected = "nothing: ENOENT\n"
                 "below a file: ENOTDIR\n"
                 "a slash: ENOTDIR\n"
                 "unknown flag: EINVAL\n"
                 "both syncs: EINVAL\n"
                 "reserved mask: EINVAL\n"
                 "nowhere to put it: EFAULT\n"
                 "no path: EFAULT\n"
                 "no directory: EBADF\n"},
    {.name = "fields that statx has no use for",
     .run = fields_that_statx_has_no_use_for,
     .expected = "buf_index: EINVAL\n"
                 "splice_fd_in: EINVAL\n"
                 "fixed file: EBADF\n"
                 "ioprio: EINVAL\n"},
    {.name = "a status counts blocks not bytes",
     .run = a_status_counts_blocks_not_bytes,
     .expected = "far: 4096\n"
                 "synced: 0\n"
                 "status: 0\n"
                 "size 1052672, blocks 8, of 4096\n"},
    {.name = "times do not go back",
     .run = times_do_not_go_back,
     .expected = "before: 0\n"
                 "written: 1\n"
                 "after: 0\n"
                 "birth stays, change after, same file 1, mask 1\n"},
    {.name = "a failed status breaks no chain",
     .run = a_failed_status_breaks_no_chain,
     .expected = "submit: 3\n"
                 "1: ENOENT\n"
                 "2: ENODATA\n"
                 "3: 0\n"},
    {.name = "an attribute is kept",
     .run = an_attribute_is_kept,
     .expected = "set: 0\n"
                 "length: 3\n"
                 "value: 3\n"
                 "data: abc.....\n"
                 "changed: 0\n"
                 "value: 1\n"
                 "data: xbc.....\n"
                 "too little room: 0\n"
                 "value: ERANGE\n"
                 "exactly: 6\n"},
    {.name = "an attribute may be empty",
     .run = an_attribute_may_be_empty,
     .expected = "set: 0\n"
                 "value: 0\n"
                 "data: ....\n"},
    {.name = "an attribute is created or replaced on demand",
     .run = an_attribute_is_created_or_replaced_on_demand,
     .expected = "replace: ENODATA\n"
                 "create: 0\n"
                 "create: EEXIST\n"
                 "replace: 0\n"
                 "unknown: EINVAL\n"},
    {.name = "names of attributes have classes",
     .run = names_of_attributes_have_classes,
     .expected = "none: ENODATA\n"
                 "trusted: 0\n"
                 "unknown class: EOPNOTSUPP\n"
                 "no class: EOPNOTSUPP\n"
                 "class alone: EINVAL\n"
                 "get of no class: EOPNOTSUPP\n"},
    {.name = "a name of an attribute is neither empty nor long",
     .run = a_name_of_an_attribute_is_neither_empty_nor_long,
     .expected = "255: 0\n"
                 "256: ERANGE\n"
                 "get 256: ERANGE\n"
                 "empty: ERANGE\n"
                 "none: EFAULT\n"
                 "no value: EFAULT\n"},
    {.name = "values have a largest size",
     .run = values_have_a_largest_size,
     .expected = "64 KiB and one: E2BIG\n"
                 "2000: 0\n"
                 "room of 70000: 2000\n"},
    {.name = "attributes by path",
     .run = attributes_by_path,
     .expected = "set: 0\n"
                 "value: 3\n"
                 "data: abc.....\n"
                 "nothing: ENOENT\n"
                 "empty: ENOENT\n"
                 "no path: EFAULT\n"},
    {.name = "attributes by path take no fixed file",
     .run = attributes_by_path_take_no_fixed_file,
     .expected = "set: EBADF\n"
                 "get: EBADF\n"
                 "get with a flag: EINVAL\n"
                 "get with a priority: EINVAL\n"},
    {.name = "attributes of what is no file",
     .run = attributes_of_what_is_no_file,
     .expected = "path: EBADF\n"
                 "no file: EBADF\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void attributes_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void attributes_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void attributes_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(attributes_on_io_uring),
    cmocka_unit_test(attributes_on_the_engine),
    cmocka_unit_test(attributes_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
