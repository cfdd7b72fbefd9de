/*
 * Opening: what each flag of openat and openat2 does, and what is refused.
 */
#include <linux/openat2.h>
#include <stdio.h>

#include "support/conform_files.h"
#include "support/main.h"

/* Opens, says what came of it, and closes. */
static void try(struct conform *c, const char *what, int directory, const char *path, int flags)
{
    int fd = files_say_opened(c, what, files_open(c, directory, path, flags, 0644));
    if (fd >= 0)
        conform_close(c, fd);
}

static void try_how(struct conform *c, const char *what, int directory, const char *path, uint64_t flags,
                    uint64_t resolve)
{
    uint64_t mode = (flags & O_CREAT) != 0 ? 0644 : 0;
    int fd = files_say_opened(c, what, files_open_how(c, directory, path, flags, mode, resolve));
    if (fd >= 0)
        conform_close(c, fd);
}

static void creating_is_exclusive_on_demand(struct conform *c)
{
    int d = files_folder(c, NULL);
    try(c, "missing", d, "new", O_RDWR);
    try(c, "created", d, "new", O_RDWR | O_CREAT);
    try(c, "found", d, "new", O_RDWR | O_CREAT);
    try(c, "exclusive", d, "new", O_RDWR | O_CREAT | O_EXCL);
    try(c, "exclusive and missing", d, "newer", O_RDWR | O_CREAT | O_EXCL);
    conform_close(c, d);
}

static void an_exclusive_name_follows_no_link(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("link", files_symlink(c, "new", d, "s"));
    try(c, "exclusive", d, "s", O_RDWR | O_CREAT | O_EXCL);
    files_say_status(c, "new", d, "new");
    try(c, "through the link", d, "s", O_RDWR | O_CREAT);
    files_say_status(c, "new", d, "new");
    files_say_status(c, "s", d, "s");
    conform_close(c, d);
}

static void truncating_empties_a_file(struct conform *c)
{
    int d = files_folder(c, NULL);
    files_put(c, d, "f", "abcdef");
    int old = files_open(c, d, "f", O_RDONLY, 0);
    try(c, "truncated", d, "f", O_WRONLY | O_TRUNC);
    files_say_status(c, "is", d, "f");
    files_say_content(c, "old descriptor", old);
    files_put(c, d, "f", "xyz");
    try(c, "truncated by a reader", d, "f", O_RDONLY | O_TRUNC);
    files_say_status(c, "is", d, "f");
    conform_close(c, old);
    conform_close(c, d);
}

static void appending_ignores_the_offset(struct conform *c)
{
    int d = files_folder(c, NULL);
    files_put(c, d, "f", "abc");
    int fd = files_open(c, d, "f", O_RDWR | O_APPEND, 0);
    SAY("written", files_write(c, fd, "de", 2, 0, 0));
    SAY("written", files_write(c, fd, "f", 1, (uint64_t)-1, 0));
    files_say_content(c, "is", fd);
    conform_close(c, fd);
    conform_close(c, d);
}

static void a_directory_is_asked_for(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "d"));
    try(c, "a directory", d, "d", O_RDONLY | O_DIRECTORY);
    try(c, "a file", d, "file", O_RDONLY | O_DIRECTORY);
    try(c, "nothing", d, "no", O_RDONLY | O_DIRECTORY);
    try(c, "created", d, "new", O_RDONLY | O_DIRECTORY | O_CREAT);
    try(c, "to write", d, "d", O_WRONLY);
    try(c, "to read and write", d, "d", O_RDWR);
    try(c, "truncated", d, "d", O_RDONLY | O_TRUNC);
    try(c, "exists", d, "d", O_RDONLY | O_CREAT);
    conform_close(c, d);
}

static void a_trailing_slash_means_a_directory(struct conform *c)
{
    int d = files_folder(c, NULL);
    try(c, "a file", d, "file/", O_RDONLY);
    try(c, "created", d, "new/", O_RDWR | O_CREAT);
    try(c, "missing", d, "new/", O_RDONLY);
    try(c, "a file on the way", d, "file/x", O_RDONLY);
    try(c, "itself", d, "./", O_RDONLY);
    conform_close(c, d);
}

static void a_link_is_not_followed_on_demand(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "d"));
    SAY("to a file", files_symlink(c, "file", d, "s"));
    SAY("to a directory", files_symlink(c, "d", d, "t"));
    try(c, "followed", d, "s", O_RDONLY);
    try(c, "not followed", d, "s", O_RDONLY | O_NOFOLLOW);
    try(c, "not a directory", d, "t", O_RDONLY | O_NOFOLLOW | O_DIRECTORY);
    try(c, "with a slash", d, "t/", O_RDONLY | O_NOFOLLOW);
    try(c, "within", d, "t/.", O_RDONLY | O_NOFOLLOW);
    try(c, "a file", d, "file", O_RDONLY | O_NOFOLLOW);
    conform_close(c, d);
}

static void a_path_descriptor_only_names(struct conform *c)
{
    char bytes[4];
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "d"));
    int path = files_say_opened(c, "file", files_open(c, d, "file", O_PATH | O_RDWR, 0));
    SAY("read", files_read(c, path, bytes, 4, 0, 0));
    SAY("allocate", files_fallocate(c, path, 0, 0, 10));
    files_say_status(c, "is", path, "");
    conform_close(c, path);
    path = files_say_opened(c, "directory", files_open(c, d, "d", O_PATH, 0));
    try(c, "from there", path, "new", O_RDWR | O_CREAT);
    files_say_status(c, "is", d, "d/new");
    conform_close(c, path);
    conform_close(c, d);
}

static void a_link_itself_can_be_held(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("link", files_symlink(c, "nothing", d, "s"));
    int path = files_say_opened(c, "opened", files_open(c, d, "s", O_PATH | O_NOFOLLOW, 0));
    files_say_status(c, "is", path, "");
    try(c, "followed", d, "s", O_PATH);
    conform_close(c, path);
    conform_close(c, d);
}

static void a_file_without_a_name_needs_a_directory_and_writing(struct conform *c)
{
    int d = files_folder(c, NULL);
    try(c, "to write", d, ".", O_TMPFILE | O_WRONLY);
    try(c, "to read", d, ".", O_TMPFILE | O_RDONLY);
    try(c, "in a file", d, "file", O_TMPFILE | O_RDWR);
    try(c, "in nothing", d, "no", O_TMPFILE | O_RDWR);
    try(c, "half a flag", d, ".", (O_TMPFILE & ~O_DIRECTORY) | O_RDWR);
    try(c, "and created", d, ".", O_TMPFILE | O_RDWR | O_CREAT);
    conform_close(c, d);
}

static void openat_ignores_what_it_does_not_know(struct conform *c)
{
    int d = files_folder(c, NULL);
    try(c, "unknown flag", d, "file", O_RDONLY | 1 << 30);
    try(c, "path and more", d, "file", O_PATH | O_CREAT | O_TRUNC | O_APPEND);
    int fd = files_say_opened(c, "odd mode", files_open(c, d, "new", O_CREAT | O_RDWR, 0170644));
    conform_close(c, fd);
    fd = files_say_opened(c, "mode without need", files_open(c, d, "new", O_RDWR, 0170644));
    conform_close(c, fd);
    conform_close(c, d);
}

static void openat2_tells_what_it_does_not_know(struct conform *c)
{
    int d = files_folder(c, NULL);
    try_how(c, "plain", d, "file", O_RDONLY, 0);
    try_how(c, "unknown flag", d, "file", O_RDONLY | 1 << 30, 0);
    try_how(c, "far flag", d, "file", O_RDONLY | UINT64_C(1) << 40, 0);
    try_how(c, "unknown resolve", d, "file", O_RDONLY, 1 << 20);
    try_how(c, "path and more", d, "file", O_PATH | O_CREAT, 0);
    try_how(c, "both fences", d, "file", O_RDONLY, RESOLVE_BENEATH | RESOLVE_IN_ROOT);
    SAY("mode without need", files_open_how(c, d, "file", O_RDONLY, 0644, 0));
    SAY("odd mode", files_open_how(c, d, "new", O_RDWR | O_CREAT, 0170644, 0));
    conform_close(c, d);
}

static void the_structure_of_openat2_may_be_longer(struct conform *c)
{
    struct {
        struct open_how how;
        uint64_t more[3];
    } large = {.how = {.flags = O_RDONLY}};
    int d = files_folder(c, NULL);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_openat2(sqe, d, "file", &large.how);
    sqe->len = sizeof large;
    conform_close(c, files_say_opened(c, "zeros", files_run(c)));
    large.more[2] = 1;
    sqe = conform_sqe(c, 1);
    io_uring_prep_openat2(sqe, d, "file", &large.how);
    sqe->len = sizeof large;
    SAY("something", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_openat2(sqe, d, "file", &large.how);
    sqe->len = 16;
    SAY("shorter", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_openat2(sqe, d, "file", &large.how);
    sqe->len = 5000;
    SAY("too long", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_openat2(sqe, d, "file", NULL);
    SAY("none", files_run(c));
    conform_close(c, d);
}

static void beneath_is_a_fence(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "d"));
    SAY("made", files_mkdir(c, d, "d/e"));
    SAY("up", files_symlink(c, "..", d, "d/up"));
    SAY("over and back", files_symlink(c, "../d/e", d, "d/back"));
    int inner = files_open(c, d, "d", O_RDONLY | O_DIRECTORY, 0);
    try_how(c, "within", inner, "e/..", O_RDONLY, RESOLVE_BENEATH);
    try_how(c, "above", inner, "..", O_RDONLY, RESOLVE_BENEATH);
    try_how(c, "above later", inner, "e/../..", O_RDONLY, RESOLVE_BENEATH);
    try_how(c, "by a link", inner, "up", O_RDONLY, RESOLVE_BENEATH);
    try_how(c, "by a link and back", inner, "back", O_RDONLY, RESOLVE_BENEATH);
    try_how(c, "absolute", inner, "/", O_RDONLY, RESOLVE_BENEATH);
    conform_close(c, inner);
    conform_close(c, d);
}

static void in_root_is_another_root(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "d"));
    SAY("made", files_mkdir(c, d, "d/e"));
    SAY("absolute link", files_symlink(c, "/e", d, "d/s"));
    int inner = files_open(c, d, "d", O_RDONLY | O_DIRECTORY, 0);
    try_how(c, "absolute", inner, "/e", O_RDONLY, RESOLVE_IN_ROOT);
    try_how(c, "by a link", inner, "s", O_RDONLY, RESOLVE_IN_ROOT);
    try_how(c, "above", inner, "../../e", O_RDONLY, RESOLVE_IN_ROOT);
    try_how(c, "not there", inner, "../file", O_RDONLY, RESOLVE_IN_ROOT);
    try_how(c, "root", inner, "/", O_RDONLY | O_DIRECTORY, RESOLVE_IN_ROOT);
    SAY("no descriptor", files_open_how(c, 9999, "/e", O_RDONLY, 0, RESOLVE_IN_ROOT));
    conform_close(c, inner);
    conform_close(c, d);
}

static void links_can_be_refused_everywhere(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "d"));
    files_put(c, d, "d/f", "");
    SAY("link", files_symlink(c, "d", d, "s"));
    try_how(c, "on the way", d, "s/f", O_RDONLY, RESOLVE_NO_SYMLINKS);
    try_how(c, "at the end", d, "s", O_RDONLY, RESOLVE_NO_SYMLINKS);
    try_how(c, "itself", d, "s", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
    try_how(c, "none", d, "d/f", O_RDONLY, RESOLVE_NO_SYMLINKS);
    try_how(c, "no magic ones", d, "s/f", O_RDONLY, RESOLVE_NO_MAGICLINKS);
    try_how(c, "no other file system", d, "s/f", O_RDONLY, RESOLVE_NO_XDEV);
    conform_close(c, d);
}

static void what_is_not_cached_is_not_made(struct conform *c)
{
    int d = files_folder(c, NULL);
    try_how(c, "created", d, "new", O_RDWR | O_CREAT, RESOLVE_CACHED);
    try_how(c, "truncated", d, "file", O_RDWR | O_TRUNC, RESOLVE_CACHED);
    try_how(c, "found", d, "file", O_RDONLY, RESOLVE_CACHED);
    conform_close(c, d);
}

static void a_mode_is_cut_by_the_mask(struct conform *c)
{
    struct statx status;
    int d = files_folder(c, NULL);
    memset(&status, 0, sizeof status);
    int fd = files_open(c, d, "f", O_CREAT | O_RDWR, 0755);
    SAY("file", files_statx(c, fd, "", AT_EMPTY_PATH, STATX_MODE, &status));
    conform_say(c, "mode %o\n", status.stx_mode);
    conform_close(c, fd);
    SAY("made", files_mkdir(c, d, "d"));
    SAY("directory", files_statx(c, d, "d", 0, STATX_MODE, &status));
    conform_say(c, "mode %o\n", status.stx_mode);
    SAY("link", files_symlink(c, "x", d, "s"));
    SAY("link", files_statx(c, d, "s", AT_SYMLINK_NOFOLLOW, STATX_MODE, &status));
    conform_say(c, "mode %o\n", status.stx_mode);
    conform_close(c, d);
}

static void fields_that_opening_has_no_use_for(struct conform *c)
{
    int d = files_folder(c, NULL);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_openat(sqe, d, "file", O_RDONLY, 0);
    sqe->buf_index = 1;
    SAY("buf_index", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_openat(sqe, d, "file", O_RDONLY, 0);
    sqe->ioprio = 1;
    SAY("ioprio", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_openat(sqe, d, "file", O_RDONLY, 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    SAY("fixed file", files_run(c));
    SAY("empty path", files_open(c, d, "", O_RDONLY, 0));
    SAY("no path", files_open(c, d, NULL, O_RDONLY, 0));
    conform_close(c, d);
}

static void a_failed_open_breaks_a_chain(struct conform *c)
{
    int d = files_folder(c, NULL);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_openat(sqe, d, "no", O_RDONLY, 0);
    sqe->flags |= IOSQE_IO_LINK;
    io_uring_prep_unlinkat(conform_sqe(c, 2), d, "file", 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_close(c, d);
}

static void direct_reads_are_of_whole_sectors(struct conform *c)
{
    _Alignas(4096) static char bytes[8192];
    int d = files_folder(c, NULL);
    memset(bytes, 'x', sizeof bytes);
    int fd = files_say_opened(c, "opened", files_open(c, d, "f", O_CREAT | O_RDWR | O_DIRECT, 0644));
    SAY("whole", files_write(c, fd, bytes, 4096, 0, 0));
    SAY("odd length", files_write(c, fd, bytes, 100, 0, 0));
    SAY("odd offset", files_write(c, fd, bytes, 4096, 100, 0));
    SAY("read", files_read(c, fd, bytes, 8192, 0, 0));
    SAY("odd read", files_read(c, fd, bytes, 8192, 1, 0));
    conform_close(c, fd);
    conform_close(c, d);
}

static void a_read_only_descriptor_does_not_write(struct conform *c)
{
    char bytes[4];
    int d = files_folder(c, NULL);
    int reader = files_open(c, d, "file", O_RDONLY, 0);
    int writer = files_open(c, d, "file", O_WRONLY, 0);
    SAY("write", files_write(c, reader, "x", 1, 0, 0));
    SAY("read", files_read(c, writer, bytes, 4, 0, 0));
    SAY("read a directory", files_read(c, d, bytes, 4, 0, 0));
    SAY("write a directory", files_write(c, d, bytes, 4, 0, 0));
    conform_close(c, reader);
    conform_close(c, writer);
    conform_close(c, d);
}

static const struct conform_case cases[] = {
    {.name = "creating is exclusive on demand",
     .run = creating_is_exclusive_on_demand,
     .expected = "missing: ENOENT\n"
                 "created: a descriptor\n"
                 "found: a descriptor\n"
                 "exclusive: EEXIST\n"
                 "exclusive and missing: a descriptor\n"},
    {.name = "an exclusive name follows no link",
     .run = an_exclusive_name_follows_no_link,
     .expected = "link: 0\n"
                 "exclusive: EEXIST\n"
                 "new: ENOENT\n"
                 "through the link: a descriptor\n"
                 "new: file 0 1\n"
                 "s: link 3 1\n"},
    {.name = "truncating empties a file",
     .run = truncating_empties_a_file,
     .expected = "truncated: a descriptor\n"
                 "is: file 0 1\n"
                 "old descriptor data: \n"
                 "truncated by a reader: a descriptor\n"
                 "is: file 0 1\n"},
    {.name = "appending ignores the offset",
     .run = appending_ignores_the_offset,
     .expected = "written: 2\n"
                 "written: 1\n"
                 "is data: abcdef\n"},
    {.name = "a directory is asked for",
     .run = a_directory_is_asked_for,
     .expected = "made: 0\n"
                 "a directory: a descriptor\n"
                 "a file: ENOTDIR\n"
                 "nothing: ENOENT\n"
                 "created: EINVAL\n"
                 "to write: EISDIR\n"
                 "to read and write: EISDIR\n"
                 "truncated: EISDIR\n"
                 "exists: EISDIR\n"},
    {.name = "a trailing slash means a directory",
     .run = a_trailing_slash_means_a_directory,
     .expected = "a file: ENOTDIR\n"
                 "created: EISDIR\n"
                 "missing: ENOENT\n"
                 "a file on the way: ENOTDIR\n"
                 "itself: a descriptor\n"},
    {.name = "a link is not followed on demand",
     .run = a_link_is_not_followed_on_demand,
     .expected = "made: 0\n"
                 "to a file: 0\n"
                 "to a directory: 0\n"
                 "followed: a descriptor\n"
                 "not followed: ELOOP\n"
                 "not a directory: ENOTDIR\n"
                 "with a slash: a descriptor\n"
                 "within: a descriptor\n"
                 "a file: a descriptor\n"},
    {.name = "a path descriptor only names",
     .run = a_path_descriptor_only_names,
     .expected = "made: 0\n"
                 "file: a descriptor\n"
                 "read: EBADF\n"
                 "allocate: EBADF\n"
                 "is: file 0 1\n"
                 "directory: a descriptor\n"
                 "from there: a descriptor\n"
                 "is: file 0 1\n"},
    {.name = "a link itself can be held",
     .run = a_link_itself_can_be_held,
     .expected = "link: 0\n"
                 "opened: a descriptor\n"
                 "is: link 7 1\n"
                 "followed: ENOENT\n"},
    {.name = "a file without a name needs a directory and writing",
     .run = a_file_without_a_name_needs_a_directory_and_writing,
     .expected = "to write: a descriptor\n"
                 "to read: EINVAL\n"
                 "in a file: ENOTDIR\n"
                 "in nothing: ENOENT\n"
                 "half a flag: EINVAL\n"
                 "and created: EINVAL\n"},
    {.name = "openat ignores what it does not know",
     .run = openat_ignores_what_it_does_not_know,
     .expected = "unknown flag: a descriptor\n"
                 "path and more: a descriptor\n"
                 "odd mode: a descriptor\n"
                 "mode without need: a descriptor\n"},
    {.name = "openat2 tells what it does not know",
     .run = openat2_tells_what_it_does_not_know,
     .expected = "plain: a descriptor\n"
                 "unknown flag: EINVAL\n"
                 "far flag: EINVAL\n"
                 "unknown resolve: EINVAL\n"
                 "path and more: EINVAL\n"
                 "both fences: EINVAL\n"
                 "mode without need: EINVAL\n"
                 "odd mode: EINVAL\n"},
    {.name = "the structure of openat2 may be longer",
     .run = the_structure_of_openat2_may_be_longer,
     .expected = "zeros: a descriptor\n"
                 "something: E2BIG\n"
                 "shorter: EINVAL\n"
                 "too long: E2BIG\n"
                 "none: EFAULT\n"},
    {.name = "beneath is a fence",
     .run = beneath_is_a_fence,
     .expected = "made: 0\n"
                 "made: 0\n"
                 "up: 0\n"
                 "over and back: 0\n"
                 "within: a descriptor\n"
                 "above: EXDEV\n"
                 "above later: EXDEV\n"
                 "by a link: EXDEV\n"
                 "by a link and back: EXDEV\n"
                 "absolute: EXDEV\n"},
    {.name = "in root is another root",
     .run = in_root_is_another_root,
     .expected = "made: 0\n"
                 "made: 0\n"
                 "absolute link: 0\n"
                 "absolute: a descriptor\n"
                 "by a link: a descriptor\n"
                 "above: a descriptor\n"
                 "not there: ENOENT\n"
                 "root: a descriptor\n"
                 "no descriptor: EBADF\n"},
    {.name = "links can be refused everywhere",
     .run = links_can_be_refused_everywhere,
     .expected = "made: 0\n"
                 "link: 0\n"
                 "on the way: ELOOP\n"
                 "at the end: ELOOP\n"
                 "itself: a descriptor\n"
                 "none: a descriptor\n"
                 "no magic ones: a descriptor\n"
                 "no other file system: a descriptor\n"},
    {.name = "what is not cached is not made",
     .run = what_is_not_cached_is_not_made,
     .expected = "created: EAGAIN\n"
                 "truncated: EAGAIN\n"
                 "found: a descriptor\n"},
    {.name = "a mode is cut by the mask",
     .run = a_mode_is_cut_by_the_mask,
     .expected = "file: 0\n"
                 "mode 100755\n"
                 "made: 0\n"
                 "directory: 0\n"
                 "mode 40755\n"
                 "link: 0\n"
                 "link: 0\n"
                 "mode 120777\n"},
    {.name = "fields that opening has no use for",
     .run = fields_that_opening_has_no_use_for,
     .expected = "buf_index: EINVAL\n"
                 "ioprio: EINVAL\n"
                 "fixed file: EBADF\n"
                 "empty path: ENOENT\n"
                 "no path: EFAULT\n"},
    {.name = "a failed open breaks a chain",
     .run = a_failed_open_breaks_a_chain,
     .expected = "submit: 2\n"
                 "1: ENOENT\n"
                 "2: ECANCELED\n"},
    {.name = "direct reads are of whole sectors",
     .run = direct_reads_are_of_whole_sectors,
     .expected = "opened: a descriptor\n"
                 "whole: 4096\n"
                 "odd length: EINVAL\n"
                 "odd offset: EINVAL\n"
                 "read: 4096\n"
                 "odd read: EINVAL\n"},
    {.name = "a read only descriptor does not write",
     .run = a_read_only_descriptor_does_not_write,
     .expected = "write: EBADF\n"
                 "read: EBADF\n"
                 "read a directory: EISDIR\n"
                 "write a directory: EBADF\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void opening_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void opening_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void opening_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(opening_on_io_uring),
    cmocka_unit_test(opening_on_the_engine),
    cmocka_unit_test(opening_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
