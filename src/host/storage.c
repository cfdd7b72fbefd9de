/*
 * Names, attributes and ranges of files, by system calls that may wait for a disk: made on a worker, with the signals of
 * the program's threads out of reach. Every argument is in the kernel's memory.
 */
#include <errno.h>
#include <fcntl.h>

#include "host/call.h"
#include "host/state.h"

static int64_t on_range(const struct sri_attempt *attempt, int fd)
{
    long offset = (long)attempt->offset;
    long length = (long)attempt->limit;
    switch (attempt->work) {
    case SRI_WORK_FALLOCATE:
        return sri_call_result(syscall(SYS_fallocate, fd, (int)attempt->flags, offset, length));
    case SRI_WORK_SYNC_RANGE:
        return sri_call_result(syscall(SYS_sync_file_range, fd, offset, length, attempt->flags));
    default: return sri_call_result(syscall(SYS_fadvise64, fd, offset, length, (int)attempt->flags));
    }
}

static int64_t on_names(const struct sri_attempt *attempt)
{
    const struct sri_names *names = attempt->argument;
    int from = names->from_directory;
    int to = names->to_directory;
    switch (attempt->work) {
    case SRI_WORK_RENAME:
        return sri_call_result(syscall(SYS_renameat2, from, names->from, to, names->to, names->flags));
    case SRI_WORK_UNLINK: return sri_call_result(syscall(SYS_unlinkat, from, names->from, names->flags));
    case SRI_WORK_MKDIR: return sri_call_result(syscall(SYS_mkdirat, from, names->from, names->mode));
    case SRI_WORK_SYMLINK: return sri_call_result(syscall(SYS_symlinkat, names->from, to, names->to));
    default: return sri_call_result(syscall(SYS_linkat, from, names->from, to, names->to, names->flags));
    }
}

static int64_t on_attribute(const struct sri_attempt *attempt, int fd)
{
    struct sri_xattr *xattr = attempt->argument;
    size_t size = xattr->size;
    if (attempt->work == SRI_WORK_SET_XATTR) {
        if (xattr->path != NULL)
            return sri_call_result(
                syscall(SYS_setxattr, xattr->path, xattr->name, xattr->value, size, xattr->flags));
        return sri_call_result(syscall(SYS_fsetxattr, fd, xattr->name, xattr->value, size, xattr->flags));
    }
    if (xattr->path != NULL)
        return sri_call_result(syscall(SYS_getxattr, xattr->path, xattr->name, xattr->value, size));
    return sri_call_result(syscall(SYS_fgetxattr, fd, xattr->name, xattr->value, size));
}

static int64_t status_of(const struct sri_attempt *attempt)
{
    struct sri_status *status = attempt->argument;
    return sri_call_result(
        syscall(SYS_statx, status->directory, status->path, status->flags, status->mask, &status->status));
}

static int64_t advise(const struct sri_attempt *attempt)
{
    const struct sri_memory *memory = attempt->argument;
    return sri_call_result(syscall(SYS_madvise, memory->begin, memory->length, (int)attempt->flags));
}

int64_t sri_host_storage_blocking(const struct sri_attempt *attempt, int fd)
{
    switch (attempt->work) {
    case SRI_WORK_FALLOCATE:
    case SRI_WORK_SYNC_RANGE:
    case SRI_WORK_FADVISE: return on_range(attempt, fd);
    case SRI_WORK_MADVISE: return advise(attempt);
    case SRI_WORK_STATX: return status_of(attempt);
    case SRI_WORK_SET_XATTR:
    case SRI_WORK_GET_XATTR: return on_attribute(attempt, fd);
    default: return on_names(attempt);
    }
}

/* An advice that only changes a number in the open file needs no worker; the kernel does the same. */
enum sri_answer sri_host_storage(struct sri_host *host, struct sri_attempt *attempt, int64_t *result)
{
    bool at_once = attempt->work == SRI_WORK_FADVISE &&
                   (attempt->flags == POSIX_FADV_NORMAL || attempt->flags == POSIX_FADV_RANDOM ||
                    attempt->flags == POSIX_FADV_SEQUENTIAL);
    if (!at_once)
        return sri_host_run(host, attempt, result);
    *result = on_range(attempt, sri_host_fd(attempt->file));
    return SRI_DONE;
}
