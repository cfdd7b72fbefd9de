/*
 * Operations on files, one at a time.
 */
#include "support/conform_files.h"

#include <stdio.h>

#include "support/main.h"

/* A sync on a busy disk takes its time. */
#define PATIENCE_NS UINT64_C(60000000000)

int files_run(struct conform *c)
{
    struct io_uring_cqe cqe = {0};
    assert_int_equal(raw_ring_submit(&c->ring), 1);
    int rc;
    do
        rc = raw_ring_wait(&c->ring, 1, PATIENCE_NS);
    while (rc == -EINTR);
    assert_true(raw_ring_take(&c->ring, &cqe));
    return cqe.res;
}

static struct io_uring_sqe *entry(struct conform *c)
{
    return conform_sqe(c, 1);
}

int files_folder(struct conform *c, char path[128])
{
    char text[128];
    conform_close(c, conform_file(c, ""));
    snprintf(text, sizeof text, "%s", c->objects->path(c->self));
    char *end = strrchr(text, '/');
    if (end == text)
        end++;
    *end = 0;
    if (path != NULL)
        strcpy(path, text);
    int fd = files_open(c, AT_FDCWD, text, O_RDONLY | O_DIRECTORY, 0);
    assert_true(fd >= 0);
    return fd;
}

int files_say_opened(struct conform *c, const char *what, int result)
{
    if (result < 0) {
        conform_value(c, what, result);
        return -1;
    }
    conform_say(c, "%s: a descriptor\n", what);
    return result;
}

static const char *kind_of(unsigned mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG: return "file";
    case S_IFDIR: return "directory";
    case S_IFLNK: return "link";
    case S_IFIFO: return "pipe";
    case S_IFSOCK: return "socket";
    default: return "?";
    }
}

void files_say_status(struct conform *c, const char *what, int directory, const char *path)
{
    struct statx status;
    memset(&status, 0, sizeof status);
    int rc = files_statx(c, directory, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_BASIC_STATS, &status);
    if (rc != 0)
        conform_value(c, what, rc);
    else if (S_ISDIR(status.stx_mode))
        conform_say(c, "%s: directory %u\n", what, status.stx_nlink);
    else
        conform_say(c, "%s: %s %llu %u\n", what, kind_of(status.stx_mode),
                    (unsigned long long)status.stx_size, status.stx_nlink);
}

void files_say_content(struct conform *c, const char *what, int fd)
{
    char bytes[64];
    int got = files_read(c, fd, bytes, sizeof bytes, 0, 0);
    if (got < 0) {
        conform_value(c, what, got);
        return;
    }
    conform_say(c, "%s ", what);
    conform_data(c, bytes, (size_t)got);
}

void files_put(struct conform *c, int directory, const char *path, const char *content)
{
    int fd = files_open(c, directory, path, O_CREAT | O_TRUNC | O_RDWR, 0644);
    assert_true(fd >= 0);
    assert_int_equal(files_write(c, fd, content, (unsigned)strlen(content), 0, 0), strlen(content));
    conform_close(c, fd);
}

int files_open(struct conform *c, int directory, const char *path, int flags, unsigned mode)
{
    io_uring_prep_openat(entry(c), directory, path, flags, mode);
    return files_run(c);
}

int files_open_how(struct conform *c, int directory, const char *path, uint64_t flags, uint64_t mode,
                   uint64_t resolve)
{
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    io_uring_prep_openat2(entry(c), directory, path, &how);
    return files_run(c);
}

int files_mkdir(struct conform *c, int directory, const char *path)
{
    io_uring_prep_mkdirat(entry(c), directory, path, 0755);
    return files_run(c);
}

int files_unlink(struct conform *c, int directory, const char *path, int flags)
{
    io_uring_prep_unlinkat(entry(c), directory, path, flags);
    return files_run(c);
}

int files_rename(struct conform *c, int directory, const char *from, const char *to, unsigned flags)
{
    io_uring_prep_renameat(entry(c), directory, from, directory, to, flags);
    return files_run(c);
}

int files_symlink(struct conform *c, const char *target, int directory, const char *path)
{
    io_uring_prep_symlinkat(entry(c), target, directory, path);
    return files_run(c);
}

int files_link(struct conform *c, int directory, const char *from, const char *to, int flags)
{
    io_uring_prep_linkat(entry(c), directory, from, directory, to, flags);
    return files_run(c);
}

int files_statx(struct conform *c, int directory, const char *path, int flags, unsigned mask,
                struct statx *status)
{
    io_uring_prep_statx(entry(c), directory, path, flags, mask, status);
    return files_run(c);
}

int files_fallocate(struct conform *c, int fd, int mode, uint64_t offset, uint64_t length)
{
    io_uring_prep_fallocate(entry(c), fd, mode, (off_t)offset, (off_t)length);
    return files_run(c);
}

int files_write(struct conform *c, int fd, const void *bytes, unsigned size, uint64_t offset, int flags)
{
    struct io_uring_sqe *sqe = entry(c);
    io_uring_prep_write(sqe, fd, bytes, size, offset);
    sqe->rw_flags = flags;
    return files_run(c);
}

int files_read(struct conform *c, int fd, void *bytes, unsigned size, uint64_t offset, int flags)
{
    struct io_uring_sqe *sqe = entry(c);
    io_uring_prep_read(sqe, fd, bytes, size, offset);
    sqe->rw_flags = flags;
    return files_run(c);
}

int files_set(struct conform *c, int fd, const char *name, const char *value, unsigned size, int flags)
{
    io_uring_prep_fsetxattr(entry(c), fd, name, value, flags, size);
    return files_run(c);
}

int files_get(struct conform *c, int fd, const char *name, char *value, unsigned size)
{
    io_uring_prep_fgetxattr(entry(c), fd, name, value, size);
    return files_run(c);
}
