/*
 * Names: making, linking, renaming and removing them, and how the true kernel says no.
 */
#include <linux/fs.h>
#include <stdio.h>

#include "support/conform_files.h"
#include "support/main.h"

static void a_directory_is_made_once(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "d"));
    SAY("again", files_mkdir(c, d, "d"));
    SAY("over a file", files_mkdir(c, d, "file"));
    files_say_status(c, "is", d, "d");
    conform_close(c, d);
}

static void a_directory_may_be_named_with_a_slash(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "d/"));
    SAY("within", files_mkdir(c, d, "d//e///"));
    SAY("dot", files_mkdir(c, d, "d/."));
    SAY("dots", files_mkdir(c, d, ".."));
    SAY("root", files_mkdir(c, d, "/"));
    conform_close(c, d);
}

static void a_directory_needs_a_parent(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("no parent", files_mkdir(c, d, "no/d"));
    SAY("a file as parent", files_mkdir(c, d, "file/d"));
    SAY("no directory descriptor", files_mkdir(c, 9999, "d"));
    conform_close(c, d);
}

static void a_descriptor_of_a_file_is_no_place_to_begin(struct conform *c)
{
    int d = files_folder(c, NULL);
    int fd = files_open(c, d, "file", O_RDWR, 0);
    SAY("mkdir", files_mkdir(c, fd, "d"));
    SAY("unlink", files_unlink(c, fd, "d", 0));
    SAY("open", files_open(c, fd, "d", O_RDONLY, 0));
    conform_close(c, fd);
    conform_close(c, d);
}

static void an_absolute_path_needs_no_descriptor(struct conform *c)
{
    char path[128];
    char name[160];
    int d = files_folder(c, path);
    snprintf(name, sizeof name, "%s/d", strcmp(path, "/") == 0 ? "" : path);
    SAY("made", files_mkdir(c, 9999, name));
    files_say_status(c, "is", d, "d");
    conform_close(c, d);
}

static void a_name_has_255_bytes_at_most(struct conform *c)
{
    char name[300];
    int d = files_folder(c, NULL);
    memset(name, 'n', sizeof name);
    name[255] = 0;
    SAY("255", files_mkdir(c, d, name));
    name[255] = 'n';
    name[256] = 0;
    SAY("256", files_mkdir(c, d, name));
    conform_close(c, d);
}

static void a_path_has_4095_bytes_at_most(struct conform *c)
{
    static char path[5000];
    int d = files_folder(c, NULL);
    for (size_t i = 0; i < sizeof path - 1; i++)
        path[i] = i % 2 == 0 ? '.' : '/';
    path[4093] = '/';
    path[4094] = 'd';
    path[4095] = 0;
    SAY("4095", files_mkdir(c, d, path));
    path[4095] = 'd';
    path[4096] = 0;
    SAY("4096", files_mkdir(c, d, path));
    conform_close(c, d);
}

static void an_empty_path_is_refused_before_it_is_issued(struct conform *c)
{
    int d = files_folder(c, NULL);
    io_uring_prep_mkdirat(conform_sqe(c, 1), d, "", 0755);
    io_uring_prep_nop(conform_sqe(c, 2));
    conform_submit(c);
    conform_take(c, 1);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, d);
}

static void a_missing_path_is_a_fault(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("mkdir", files_mkdir(c, d, NULL));
    SAY("unlink", files_unlink(c, d, (const char *)16, 0));
    SAY("rename", files_rename(c, d, "file", NULL, 0));
    SAY("symlink", files_symlink(c, NULL, d, "s"));
    conform_close(c, d);
}

static void a_file_is_unlinked(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("unlinked", files_unlink(c, d, "file", 0));
    SAY("again", files_unlink(c, d, "file", 0));
    files_say_status(c, "is", d, "file");
    conform_close(c, d);
}

static void an_unlinked_file_lives_while_it_is_open(struct conform *c)
{
    int d = files_folder(c, NULL);
    int fd = files_open(c, d, "file", O_RDWR, 0);
    SAY("unlinked", files_unlink(c, d, "file", 0));
    SAY("written", files_write(c, fd, "abc", 3, 0, 0));
    files_say_content(c, "read", fd);
    files_say_status(c, "is", fd, "");
    files_put(c, d, "file", "other");
    files_say_content(c, "read", fd);
    conform_close(c, fd);
    conform_close(c, d);
}

static void unlinking_is_not_for_directories(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "d"));
    SAY("directory", files_unlink(c, d, "d", 0));
    SAY("directory with a slash", files_unlink(c, d, "d/", 0));
    SAY("dot", files_unlink(c, d, ".", 0));
    SAY("dots", files_unlink(c, d, "d/..", 0));
    SAY("file with a slash", files_unlink(c, d, "file/", 0));
    SAY("nothing with a slash", files_unlink(c, d, "no/", 0));
    conform_close(c, d);
}

static void a_directory_is_removed_when_it_is_empty(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "d"));
    files_put(c, d, "d/f", "");
    SAY("full", files_unlink(c, d, "d", AT_REMOVEDIR));
    SAY("emptied", files_unlink(c, d, "d/f", 0));
    SAY("empty", files_unlink(c, d, "d", AT_REMOVEDIR));
    SAY("again", files_unlink(c, d, "d", AT_REMOVEDIR));
    conform_close(c, d);
}

static void removing_a_directory_says_what_is_none(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "d"));
    SAY("file", files_unlink(c, d, "file", AT_REMOVEDIR));
    SAY("dot", files_unlink(c, d, "d/.", AT_REMOVEDIR));
    SAY("dots", files_unlink(c, d, "d/..", AT_REMOVEDIR));
    SAY("root", files_unlink(c, d, "/", AT_REMOVEDIR));
    SAY("link", files_symlink(c, "d", d, "s"));
    SAY("through a link", files_unlink(c, d, "s", AT_REMOVEDIR));
    SAY("through a link with a slash", files_unlink(c, d, "s/", AT_REMOVEDIR));
    conform_close(c, d);
}

static void nothing_is_made_in_a_removed_directory(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "d"));
    int removed = files_open(c, d, "d", O_RDONLY | O_DIRECTORY, 0);
    SAY("removed", files_unlink(c, d, "d", AT_REMOVEDIR));
    SAY("mkdir", files_mkdir(c, removed, "e"));
    SAY("create", files_open(c, removed, "f", O_CREAT | O_RDWR, 0644));
    SAY("symlink", files_symlink(c, "x", removed, "s"));
    files_say_status(c, "is", removed, "");
    files_say_status(c, "above", removed, "../file");
    conform_close(c, removed);
    conform_close(c, d);
}

static void unlinkat_knows_one_flag(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("flag", files_unlink(c, d, "file", AT_EMPTY_PATH));
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_unlinkat(sqe, d, "file", 0);
    sqe->len = 1;
    SAY("len", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_unlinkat(sqe, d, "file", 0);
    sqe->off = 1;
    SAY("off", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_unlinkat(sqe, d, "file", 0);
    sqe->buf_index = 1;
    SAY("buf_index", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_unlinkat(sqe, d, "file", 0);
    sqe->splice_fd_in = 1;
    SAY("splice_fd_in", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_unlinkat(sqe, d, "file", 0);
    sqe->ioprio = 1;
    SAY("ioprio", files_run(c));
    conform_close(c, d);
}

static void names_take_no_fixed_file(struct conform *c)
{
    int d = files_folder(c, NULL);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_unlinkat(sqe, d, "file", 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    SAY("unlinkat", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_mkdirat(sqe, d, "d", 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    SAY("mkdirat", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_renameat(sqe, d, "file", d, "new", 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    SAY("renameat", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_linkat(sqe, d, "file", d, "new", 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    SAY("linkat", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_symlinkat(sqe, "file", d, "new");
    sqe->flags |= IOSQE_FIXED_FILE;
    SAY("symlinkat", files_run(c));
    conform_close(c, d);
}

static void fields_that_mkdirat_has_no_use_for(struct conform *c)
{
    int d = files_folder(c, NULL);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_mkdirat(sqe, d, "d", 0755);
    sqe->off = 1;
    SAY("off", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_mkdirat(sqe, d, "d", 0755);
    sqe->rw_flags = 1;
    SAY("rw_flags", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_mkdirat(sqe, d, "d", 0755);
    sqe->buf_index = 1;
    SAY("buf_index", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_mkdirat(sqe, d, "d", 0755);
    sqe->splice_fd_in = 1;
    SAY("splice_fd_in", files_run(c));
    conform_close(c, d);
}

static void fields_that_links_have_no_use_for(struct conform *c)
{
    int d = files_folder(c, NULL);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_symlinkat(sqe, "x", d, "s");
    sqe->len = 1;
    SAY("symlinkat len", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_symlinkat(sqe, "x", d, "s");
    sqe->rw_flags = 1;
    SAY("symlinkat rw_flags", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_symlinkat(sqe, "x", d, "s");
    sqe->buf_index = 1;
    SAY("symlinkat buf_index", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_linkat(sqe, d, "file", d, "l", 0);
    sqe->buf_index = 1;
    SAY("linkat buf_index", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_linkat(sqe, d, "file", d, "l", 0);
    sqe->splice_fd_in = 1;
    SAY("linkat splice_fd_in", files_run(c));
    conform_close(c, d);
}

static void fields_that_renameat_has_no_use_for(struct conform *c)
{
    int d = files_folder(c, NULL);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_renameat(sqe, d, "file", d, "new", 0);
    sqe->buf_index = 1;
    SAY("buf_index", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_renameat(sqe, d, "file", d, "new", 0);
    sqe->splice_fd_in = 1;
    SAY("splice_fd_in", files_run(c));
    sqe = conform_sqe(c, 1);
    io_uring_prep_renameat(sqe, d, "file", d, "new", 0);
    sqe->ioprio = 1;
    SAY("ioprio", files_run(c));
    files_say_status(c, "is", d, "file");
    conform_close(c, d);
}

static void a_rename_replaces_a_file(struct conform *c)
{
    int d = files_folder(c, NULL);
    files_put(c, d, "a", "aaa");
    files_put(c, d, "b", "bb");
    int old = files_open(c, d, "b", O_RDONLY, 0);
    SAY("renamed", files_rename(c, d, "a", "b", 0));
    files_say_status(c, "a", d, "a");
    files_say_status(c, "b", d, "b");
    files_say_status(c, "replaced", old, "");
    files_say_content(c, "replaced", old);
    conform_close(c, old);
    conform_close(c, d);
}

static void a_rename_between_directories(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "p"));
    SAY("made", files_mkdir(c, d, "q"));
    SAY("made", files_mkdir(c, d, "p/d"));
    int p = files_open(c, d, "p", O_RDONLY | O_DIRECTORY, 0);
    int q = files_open(c, d, "q", O_RDONLY | O_DIRECTORY, 0);
    io_uring_prep_renameat(conform_sqe(c, 1), p, "d", q, "e", 0);
    SAY("renamed", files_run(c));
    files_say_status(c, "p", d, "p");
    files_say_status(c, "q", d, "q");
    files_put(c, d, "q/e/../f", "up");
    files_say_status(c, "f", d, "q/f");
    conform_close(c, p);
    conform_close(c, q);
    conform_close(c, d);
}

static void a_rename_replaces_an_empty_directory(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "a"));
    SAY("made", files_mkdir(c, d, "b"));
    files_put(c, d, "b/f", "");
    SAY("over a full one", files_rename(c, d, "a", "b", 0));
    SAY("over an empty one", files_rename(c, d, "b", "a", 0));
    files_say_status(c, "a/f", d, "a/f");
    files_say_status(c, "b", d, "b");
    conform_close(c, d);
}

static void a_rename_keeps_files_and_directories_apart(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "d"));
    SAY("a file over a directory", files_rename(c, d, "file", "d", 0));
    SAY("a directory over a file", files_rename(c, d, "d", "file", 0));
    SAY("a file with a slash", files_rename(c, d, "file/", "new", 0));
    SAY("a file to a slash", files_rename(c, d, "file", "new/", 0));
    SAY("a directory to a slash", files_rename(c, d, "d", "e/", 0));
    conform_close(c, d);
}

static void a_directory_is_not_moved_into_itself(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "a"));
    SAY("made", files_mkdir(c, d, "a/b"));
    SAY("into itself", files_rename(c, d, "a", "a/x", 0));
    SAY("below itself", files_rename(c, d, "a", "a/b/x", 0));
    SAY("over what it is in", files_rename(c, d, "a/b", "a", 0));
    SAY("onto itself", files_rename(c, d, "a", "a", 0));
    conform_close(c, d);
}

static void a_rename_says_what_is_not_there(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("source", files_rename(c, d, "no", "new", 0));
    SAY("target's parent", files_rename(c, d, "file", "no/new", 0));
    SAY("target's parent a file", files_rename(c, d, "file", "file/new", 0));
    SAY("dot", files_rename(c, d, ".", "new", 0));
    SAY("to dots", files_rename(c, d, "file", "..", 0));
    SAY("root", files_rename(c, d, "/", "new", 0));
    SAY("source to a full path", files_rename(c, d, "no", "file", RENAME_NOREPLACE));
    conform_close(c, d);
}

static void a_rename_may_refuse_to_replace(struct conform *c)
{
    int d = files_folder(c, NULL);
    files_put(c, d, "a", "a");
    SAY("taken", files_rename(c, d, "a", "file", RENAME_NOREPLACE));
    SAY("free", files_rename(c, d, "a", "b", RENAME_NOREPLACE));
    SAY("dot", files_rename(c, d, "b", ".", RENAME_NOREPLACE));
    SAY("itself", files_rename(c, d, "b", "b", RENAME_NOREPLACE));
    conform_close(c, d);
}

static void a_rename_may_exchange(struct conform *c)
{
    int d = files_folder(c, NULL);
    files_put(c, d, "a", "aaa");
    SAY("made", files_mkdir(c, d, "d"));
    SAY("made", files_mkdir(c, d, "d/e"));
    SAY("a file and a directory", files_rename(c, d, "a", "d", RENAME_EXCHANGE));
    files_say_status(c, "a", d, "a");
    files_say_status(c, "d", d, "d");
    files_say_status(c, "a/e", d, "a/e");
    SAY("nothing", files_rename(c, d, "a", "no", RENAME_EXCHANGE));
    SAY("its own", files_rename(c, d, "a", "a/e", RENAME_EXCHANGE));
    conform_close(c, d);
}

static void rename_flags_that_make_no_sense(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("both", files_rename(c, d, "file", "new", RENAME_EXCHANGE | RENAME_NOREPLACE));
    SAY("unknown", files_rename(c, d, "file", "new", 1u << 10));
    files_say_status(c, "is", d, "file");
    conform_close(c, d);
}

static void two_names_of_one_file_are_not_renamed(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("linked", files_link(c, d, "file", "same", 0));
    SAY("renamed", files_rename(c, d, "file", "same", 0));
    files_say_status(c, "file", d, "file");
    files_say_status(c, "same", d, "same");
    conform_close(c, d);
}

static void a_hard_link_is_the_same_file(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("linked", files_link(c, d, "file", "same", 0));
    files_put(c, d, "same", "through the other");
    files_say_status(c, "is", d, "file");
    SAY("unlinked", files_unlink(c, d, "file", 0));
    files_say_status(c, "stays", d, "same");
    conform_close(c, d);
}

static void a_hard_link_says_no(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "d"));
    SAY("to a directory", files_link(c, d, "d", "same", 0));
    SAY("to nothing", files_link(c, d, "no", "same", 0));
    SAY("over a file", files_link(c, d, "file", "file", 0));
    SAY("to a slash", files_link(c, d, "file", "new/", 0));
    SAY("unknown flag", files_link(c, d, "file", "same", AT_REMOVEDIR));
    SAY("from an empty path", files_link(c, d, "", "same", 0));
    conform_close(c, d);
}

static void a_hard_link_to_a_symbolic_one(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("link", files_symlink(c, "file", d, "s"));
    SAY("to the link", files_link(c, d, "s", "one", 0));
    SAY("to its file", files_link(c, d, "s", "two", AT_SYMLINK_FOLLOW));
    files_say_status(c, "one", d, "one");
    files_say_status(c, "two", d, "two");
    conform_close(c, d);
}

static void a_file_without_a_name_gets_one(struct conform *c)
{
    int d = files_folder(c, NULL);
    int fd = files_open(c, d, ".", O_TMPFILE | O_RDWR, 0644);
    SAY("written", files_write(c, fd, "abc", 3, 0, 0));
    files_say_status(c, "without", fd, "");
    io_uring_prep_linkat(conform_sqe(c, 1), fd, "", d, "name", AT_EMPTY_PATH);
    SAY("linked", files_run(c));
    files_say_status(c, "with", d, "name");
    conform_close(c, fd);
    fd = files_open(c, d, ".", O_TMPFILE | O_RDWR | O_EXCL, 0644);
    io_uring_prep_linkat(conform_sqe(c, 1), fd, "", d, "other", AT_EMPTY_PATH);
    SAY("not this one", files_run(c));
    conform_close(c, fd);
    conform_close(c, d);
}

static void an_unlinked_file_gets_no_new_name(struct conform *c)
{
    int d = files_folder(c, NULL);
    int fd = files_open(c, d, "file", O_RDWR, 0);
    SAY("unlinked", files_unlink(c, d, "file", 0));
    io_uring_prep_linkat(conform_sqe(c, 1), fd, "", d, "name", AT_EMPTY_PATH);
    SAY("linked", files_run(c));
    conform_close(c, fd);
    conform_close(c, d);
}

static void a_symbolic_link_holds_any_text(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("to nothing", files_symlink(c, "no such thing/../x", d, "s"));
    files_say_status(c, "is", d, "s");
    SAY("again", files_symlink(c, "x", d, "s"));
    SAY("over a file", files_symlink(c, "x", d, "file"));
    SAY("to a slash", files_symlink(c, "x", d, "t/"));
    SAY("empty", files_symlink(c, "", d, "t"));
    SAY("open", files_open(c, d, "s", O_RDONLY, 0));
    conform_close(c, d);
}

static void symbolic_links_are_followed_on_the_way(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("made", files_mkdir(c, d, "d"));
    files_put(c, d, "d/f", "abc");
    SAY("to a directory", files_symlink(c, "d", d, "s"));
    SAY("through it and up", files_symlink(c, "s/../d/f", d, "t"));
    files_say_status(c, "s/f", d, "s/f");
    int fd = files_open(c, d, "t", O_RDONLY, 0);
    files_say_content(c, "t", fd);
    SAY("as a file", files_open(c, d, "t/x", O_RDONLY, 0));
    SAY("unlinked", files_unlink(c, d, "t", 0));
    files_say_status(c, "s/f", d, "s/f");
    conform_close(c, fd);
    conform_close(c, d);
}

static void forty_symbolic_links_are_too_many(struct conform *c)
{
    int d = files_folder(c, NULL);
    char name[8] = "file";
    char next[8];
    for (unsigned i = 0; i < 41; i++) {
        snprintf(next, sizeof next, "s%u", i);
        if (files_symlink(c, name, d, next) != 0)
            SAY("linked", -1);
        strcpy(name, next);
    }
    int fd = files_say_opened(c, "40", files_open(c, d, "s39", O_RDONLY, 0));
    SAY("41", files_open(c, d, "s40", O_RDONLY, 0));
    SAY("round", files_symlink(c, "r", d, "r"));
    SAY("round and round", files_open(c, d, "r", O_RDONLY, 0));
    conform_close(c, fd);
    conform_close(c, d);
}

static void a_rename_moves_a_symbolic_link_itself(struct conform *c)
{
    int d = files_folder(c, NULL);
    SAY("link", files_symlink(c, "file", d, "s"));
    SAY("renamed", files_rename(c, d, "s", "t", 0));
    files_say_status(c, "t", d, "t");
    files_say_status(c, "file", d, "file");
    SAY("over a link", files_rename(c, d, "file", "t", 0));
    files_say_status(c, "t", d, "t");
    conform_close(c, d);
}

static void a_failed_name_breaks_no_chain(struct conform *c)
{
    int d = files_folder(c, NULL);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_mkdirat(sqe, d, "file", 0755);
    sqe->flags |= IOSQE_IO_LINK;
    io_uring_prep_unlinkat(conform_sqe(c, 2), d, "file", 0);
    conform_submit(c);
    conform_take(c, 2);
    files_say_status(c, "is", d, "file");
    conform_close(c, d);
}

static void a_chain_of_names_goes_in_order(struct conform *c)
{
    int d = files_folder(c, NULL);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_mkdirat(sqe, d, "d", 0755);
    sqe->flags |= IOSQE_IO_LINK;
    sqe = conform_sqe(c, 2);
    io_uring_prep_renameat(sqe, d, "d", d, "e", 0);
    sqe->flags |= IOSQE_IO_LINK;
    io_uring_prep_unlinkat(conform_sqe(c, 3), d, "e", AT_REMOVEDIR);
    conform_submit(c);
    conform_take(c, 3);
    files_say_status(c, "e", d, "e");
    conform_close(c, d);
}

static void a_worker_ends_after_what_came_with_its_work(struct conform *c)
{
    int d = files_folder(c, NULL);
    io_uring_prep_unlinkat(conform_sqe(c, 1), d, "no", 0);
    io_uring_prep_nop(conform_sqe(c, 2));
    conform_submit(c);
    conform_take(c, 2);
    io_uring_prep_fsync(conform_sqe(c, 3), d, 0);
    io_uring_prep_nop(conform_sqe(c, 4));
    conform_submit(c);
    conform_take(c, 2);
    conform_close(c, d);
}

static const struct conform_case cases[] = {
    {.name = "a worker ends after what came with its work",
     .run = a_worker_ends_after_what_came_with_its_work,
     .expected = "submit: 2\n2: 0\n1: ENOENT\nsubmit: 2\n4: 0\n3: 0\n"},
    {.name = "a directory is made once",
     .run = a_directory_is_made_once,
     .expected = "made: 0\n"
                 "again: EEXIST\n"
                 "over a file: EEXIST\n"
                 "is: directory 2\n"},
    {.name = "a directory may be named with a slash",
     .run = a_directory_may_be_named_with_a_slash,
     .expected = "made: 0\n"
                 "within: 0\n"
                 "dot: EEXIST\n"
                 "dots: EEXIST\n"
                 "root: EEXIST\n"},
    {.name = "a directory needs a parent",
     .run = a_directory_needs_a_parent,
     .expected = "no parent: ENOENT\n"
                 "a file as parent: ENOTDIR\n"
                 "no directory descriptor: EBADF\n"},
    {.name = "a descriptor of a file is no place to begin",
     .run = a_descriptor_of_a_file_is_no_place_to_begin,
     .expected = "mkdir: ENOTDIR\n"
                 "unlink: ENOTDIR\n"
                 "open: ENOTDIR\n"},
    {.name = "an absolute path needs no descriptor",
     .run = an_absolute_path_needs_no_descriptor,
     .expected = "made: 0\n"
                 "is: directory 2\n"},
    {.name = "a name has 255 bytes at most",
     .run = a_name_has_255_bytes_at_most,
     .expected = "255: 0\n"
                 "256: ENAMETOOLONG\n"},
    {.name = "a path has 4095 bytes at most",
     .run = a_path_has_4095_bytes_at_most,
     .expected = "4095: 0\n"
                 "4096: ENAMETOOLONG\n"},
    {.name = "an empty path is refused before it is issued",
     .run = an_empty_path_is_refused_before_it_is_issued,
     .expected = "submit: 1\n"
                 "1: ENOENT\n"
                 "submit: 1\n"
                 "2: 0\n"},
    {.name = "a missing path is a fault",
     .run = a_missing_path_is_a_fault,
     .expected = "mkdir: EFAULT\n"
                 "unlink: EFAULT\n"
                 "rename: EFAULT\n"
                 "symlink: EFAULT\n"},
    {.name = "a file is unlinked",
     .run = a_file_is_unlinked,
     .expected = "unlinked: 0\n"
                 "again: ENOENT\n"
                 "is: ENOENT\n"},
    {.name = "an unlinked file lives while it is open",
     .run = an_unlinked_file_lives_while_it_is_open,
     .expected = "unlinked: 0\n"
                 "written: 3\n"
                 "read data: abc\n"
                 "is: file 3 0\n"
                 "read data: abc\n"},
    {.name = "unlinking is not for directories",
     .run = unlinking_is_not_for_directories,
     .expected = "made: 0\n"
                 "directory: EISDIR\n"
                 "directory with a slash: EISDIR\n"
                 "dot: EISDIR\n"
                 "dots: EISDIR\n"
                 "file with a slash: ENOTDIR\n"
                 "nothing with a slash: ENOENT\n"},
    {.name = "a directory is removed when it is empty",
     .run = a_directory_is_removed_when_it_is_empty,
     .expected = "made: 0\n"
                 "full: ENOTEMPTY\n"
                 "emptied: 0\n"
                 "empty: 0\n"
                 "again: ENOENT\n"},
    {.name = "removing a directory says what is none",
     .run = removing_a_directory_says_what_is_none,
     .expected = "made: 0\n"
                 "file: ENOTDIR\n"
                 "dot: EINVAL\n"
                 "dots: ENOTEMPTY\n"
                 "root: EBUSY\n"
                 "link: 0\n"
                 "through a link: ENOTDIR\n"
                 "through a link with a slash: ENOTDIR\n"},
    {.name = "nothing is made in a removed directory",
     .run = nothing_is_made_in_a_removed_directory,
     .expected = "made: 0\n"
                 "removed: 0\n"
                 "mkdir: ENOENT\n"
                 "create: ENOENT\n"
                 "symlink: ENOENT\n"
                 "is: directory 0\n"
                 "above: file 0 1\n"},
    {.name = "unlinkat knows one flag",
     .run = unlinkat_knows_one_flag,
     .expected = "flag: EINVAL\n"
                 "len: EINVAL\n"
                 "off: EINVAL\n"
                 "buf_index: EINVAL\n"
                 "splice_fd_in: EINVAL\n"
                 "ioprio: EINVAL\n"},
    {.name = "names take no fixed file",
     .run = names_take_no_fixed_file,
     .expected = "unlinkat: EBADF\n"
                 "mkdirat: EBADF\n"
                 "renameat: EBADF\n"
                 "linkat: EBADF\n"
                 "symlinkat: EBADF\n"},
    {.name = "fields that mkdirat has no use for",
     .run = fields_that_mkdirat_has_no_use_for,
     .expected = "off: EINVAL\n"
                 "rw_flags: EINVAL\n"
                 "buf_index: EINVAL\n"
                 "splice_fd_in: EINVAL\n"},
    {.name = "fields that links have no use for",
     .run = fields_that_links_have_no_use_for,
     .expected = "symlinkat len: EINVAL\n"
                 "symlinkat rw_flags: EINVAL\n"
                 "symlinkat buf_index: EINVAL\n"
                 "linkat buf_index: EINVAL\n"
                 "linkat splice_fd_in: EINVAL\n"},
    {.name = "fields that renameat has no use for",
     .run = fields_that_renameat_has_no_use_for,
     .expected = "buf_index: EINVAL\n"
                 "splice_fd_in: EINVAL\n"
                 "ioprio: EINVAL\n"
                 "is: file 0 1\n"},
    {.name = "a rename replaces a file",
     .run = a_rename_replaces_a_file,
     .expected = "renamed: 0\n"
                 "a: ENOENT\n"
                 "b: file 3 1\n"
                 "replaced: file 2 0\n"
                 "replaced data: bb\n"},
    {.name = "a rename between directories",
     .run = a_rename_between_directories,
     .expected = "made: 0\n"
                 "made: 0\n"
                 "made: 0\n"
                 "renamed: 0\n"
                 "p: directory 2\n"
                 "q: directory 3\n"
                 "f: file 2 1\n"},
    {.name = "a rename replaces an empty directory",
     .run = a_rename_replaces_an_empty_directory,
     .expected = "made: 0\n"
                 "made: 0\n"
                 "over a full one: ENOTEMPTY\n"
                 "over an empty one: 0\n"
                 "a/f: file 0 1\n"
                 "b: ENOENT\n"},
    {.name = "a rename keeps files and directories apart",
     .run = a_rename_keeps_files_and_directories_apart,
     .expected = "made: 0\n"
                 "a file over a directory: EISDIR\n"
                 "a directory over a file: ENOTDIR\n"
                 "a file with a slash: ENOTDIR\n"
                 "a file to a slash: ENOTDIR\n"
                 "a directory to a slash: 0\n"},
    {.name = "a directory is not moved into itself",
     .run = a_directory_is_not_moved_into_itself,
     .expected = "made: 0\n"
                 "made: 0\n"
                 "into itself: EINVAL\n"
                 "below itself: EINVAL\n"
                 "over what it is in: ENOTEMPTY\n"
                 "onto itself: 0\n"},
    {.name = "a rename says what is not there",
     .run = a_rename_says_what_is_not_there,
     .expected = "source: ENOENT\n"
                 "target's parent: ENOENT\n"
                 "target's parent a file: ENOTDIR\n"
                 "dot: EBUSY\n"
                 "to dots: EBUSY\n"
                 "root: EBUSY\n"
                 "source to a full path: ENOENT\n"},
    {.name = "a rename may refuse to replace",
     .run = a_rename_may_refuse_to_replace,
     .expected = "taken: EEXIST\n"
                 "free: 0\n"
                 "dot: EEXIST\n"
                 "itself: EEXIST\n"},
    {.name = "a rename may exchange",
     .run = a_rename_may_exchange,
     .expected = "made: 0\n"
                 "made: 0\n"
                 "a file and a directory: 0\n"
                 "a: directory 3\n"
                 "d: file 3 1\n"
                 "a/e: directory 2\n"
                 "nothing: ENOENT\n"
                 "its own: EINVAL\n"},
    {.name = "rename flags that make no sense",
     .run = rename_flags_that_make_no_sense,
     .expected = "both: EINVAL\n"
                 "unknown: EINVAL\n"
                 "is: file 0 1\n"},
    {.name = "two names of one file are not renamed",
     .run = two_names_of_one_file_are_not_renamed,
     .expected = "linked: 0\n"
                 "renamed: 0\n"
                 "file: file 0 2\n"
                 "same: file 0 2\n"},
    {.name = "a hard link is the same file",
     .run = a_hard_link_is_the_same_file,
     .expected = "linked: 0\n"
                 "is: file 17 2\n"
                 "unlinked: 0\n"
                 "stays: file 17 1\n"},
    {.name = "a hard link says no",
     .run = a_hard_link_says_no,
     .expected = "made: 0\n"
                 "to a directory: EPERM\n"
                 "to nothing: ENOENT\n"
                 "over a file: EEXIST\n"
                 "to a slash: ENOENT\n"
                 "unknown flag: EINVAL\n"
                 "from an empty path: ENOENT\n"},
    {.name = "a hard link to a symbolic one",
     .run = a_hard_link_to_a_symbolic_one,
     .expected = "link: 0\n"
                 "to the link: 0\n"
                 "to its file: 0\n"
                 "one: link 4 2\n"
                 "two: file 0 2\n"},
    {.name = "a file without a name gets one",
     .run = a_file_without_a_name_gets_one,
     .expected = "written: 3\n"
                 "without: file 3 0\n"
                 "linked: 0\n"
                 "with: file 3 1\n"
                 "not this one: ENOENT\n"},
    {.name = "an unlinked file gets no new name",
     .run = an_unlinked_file_gets_no_new_name,
     .expected = "unlinked: 0\n"
                 "linked: ENOENT\n"},
    {.name = "a symbolic link holds any text",
     .run = a_symbolic_link_holds_any_text,
     .expected = "to nothing: 0\n"
                 "is: link 18 1\n"
                 "again: EEXIST\n"
                 "over a file: EEXIST\n"
                 "to a slash: ENOENT\n"
                 "empty: ENOENT\n"
                 "open: ENOENT\n"},
    {.name = "symbolic links are followed on the way",
     .run = symbolic_links_are_followed_on_the_way,
     .expected = "made: 0\n"
                 "to a directory: 0\n"
                 "through it and up: 0\n"
                 "s/f: file 3 1\n"
                 "t data: abc\n"
                 "as a file: ENOTDIR\n"
                 "unlinked: 0\n"
                 "s/f: file 3 1\n"},
    {.name = "forty symbolic links are too many",
     .run = forty_symbolic_links_are_too_many,
     .expected = "40: a descriptor\n"
                 "41: ELOOP\n"
                 "round: 0\n"
                 "round and round: ELOOP\n"},
    {.name = "a rename moves a symbolic link itself",
     .run = a_rename_moves_a_symbolic_link_itself,
     .expected = "link: 0\n"
                 "renamed: 0\n"
                 "t: link 4 1\n"
                 "file: file 0 1\n"
                 "over a link: 0\n"
                 "t: file 0 1\n"},
    {.name = "a failed name breaks no chain",
     .run = a_failed_name_breaks_no_chain,
     .expected = "submit: 2\n"
                 "1: EEXIST\n"
                 "2: 0\n"
                 "is: ENOENT\n"},
    {.name = "a chain of names goes in order",
     .run = a_chain_of_names_goes_in_order,
     .expected = "submit: 3\n"
                 "1: 0\n"
                 "2: 0\n"
                 "3: 0\n"
                 "e: ENOENT\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void names_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void names_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void names_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(names_on_io_uring),
    cmocka_unit_test(names_on_the_engine),
    cmocka_unit_test(names_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
