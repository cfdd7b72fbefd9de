/*
 * Preparation and end of what tells or changes what a file is besides its bytes: statx and extended attributes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include <linux/limits.h>
#include <sys/xattr.h>

#include "base/text.h"
#include "engine/guest.h"
#include "engine/steps.h"

int sri_prepare_statx(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    char text[PATH_MAX];
    if (sqe->buf_index != 0 || sqe->splice_fd_in != 0)
        return -EINVAL;
    if (sqe->flags & IOSQE_FIXED_FILE)
        return -EBADF;
    int length = sri_import_path(request, sqe->addr, (sqe->statx_flags & AT_EMPTY_PATH) != 0, text);
    if (length < 0)
        return length;
    struct sri_status *status =
        sri_arena_acquire(&request->ring->engine->arena, sizeof *status + (size_t)length + 1);
    if (status == NULL)
        return -ENOMEM;
    status->directory = sqe->fd;
    status->flags = sqe->statx_flags;
    status->mask = sqe->len;
    status->to = (void *)(uintptr_t)sqe->addr2;
    memset(&status->status, 0, sizeof status->status);
    memcpy(status->path, text, (size_t)length + 1);
    request->attempt.argument = status;
    return 0;
}

static void give(struct sri_request *request, void *to, const void *from, size_t size)
{
    if (sri_user_copy_out(sri_door_of(request), to, from, size) != 0)
        request->result = -EFAULT;
}

void sri_finish_statx(struct sri_request *request)
{
    const struct sri_status *status = request->attempt.argument;
    if (request->result == 0)
        give(request, status->to, &status->status, sizeof status->status);
}

/* The name, cut as the kernel does it: an empty one and one that is too long are out of range. */
static int import_name(struct sri_request *request, const struct io_uring_sqe *sqe, char *name)
{
    struct sri_user *user = sri_door_of(request);
    const char *from = (const char *)(uintptr_t)sqe->addr;
    int length = sri_user_copy_string(user, name, from, SRI_XATTR_NAME_SIZE);
    return length == 0 || length == -ENAMETOOLONG ? -ERANGE : length < 0 ? length : 0;
}

/* An attribute with room for `room` bytes of a value, and a path where it is found by one. */
static int keep(struct sri_request *request, const struct io_uring_sqe *sqe, const char *name, size_t room,
                bool by_path)
{
    char path[PATH_MAX];
    int length = by_path ? sri_import_path(request, sqe->addr3, false, path) : 0;
    if (length < 0)
        return length;
    size_t whole = sizeof(struct sri_xattr) + (by_path ? (size_t)length + 1 : 0) + room;
    struct sri_xattr *xattr = sri_arena_acquire(&request->ring->engine->arena, whole);
    if (xattr == NULL)
        return -ENOMEM;
    xattr->flags = sqe->xattr_flags;
    xattr->size = room;
    xattr->to = (void *)(uintptr_t)sqe->addr2;
    (void)sri_format(xattr->name, sizeof xattr->name, "%s", name);
    xattr->value = (char *)(xattr + 1);
    xattr->path = NULL;
    if (by_path)
        xattr->path = memcpy(xattr->value + room, path, (size_t)length + 1);
    request->attempt.argument = xattr;
    return 0;
}

static int prepare_set(struct sri_request *request, const struct io_uring_sqe *sqe, bool by_path)
{
    char name[SRI_XATTR_NAME_SIZE];
    if ((sqe->xattr_flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE)) != 0)
        return -EINVAL;
    int error = import_name(request, sqe, name);
    if (error != 0)
        return error;
    if (sqe->len > XATTR_SIZE_MAX)
        return -E2BIG;
    struct sri_user *user = sri_door_of(request);
    const void *from = (const void *)(uintptr_t)sqe->addr2;
    if (sri_user_readable(user, from, sqe->len) != 0)
        return -EFAULT;
    error = keep(request, sqe, name, sqe->len, by_path);
    if (error != 0)
        return error;
    struct sri_xattr *xattr = request->attempt.argument;
    return sri_user_copy_in(user, xattr->value, from, xattr->size);
}

static int prepare_get(struct sri_request *request, const struct io_uring_sqe *sqe, bool by_path)
{
    char name[SRI_XATTR_NAME_SIZE];
    if (sqe->xattr_flags != 0)
        return -EINVAL;
    int error = import_name(request, sqe, name);
    if (error != 0)
        return error;
    return keep(request, sqe, name, sqe->len < XATTR_SIZE_MAX ? sqe->len : XATTR_SIZE_MAX, by_path);
}

int sri_prepare_setxattr(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    return sqe->flags & IOSQE_FIXED_FILE ? -EBADF : prepare_set(request, sqe, true);
}

int sri_prepare_fsetxattr(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    return prepare_set(request, sqe, false);
}

int sri_prepare_getxattr(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    return sqe->flags & IOSQE_FIXED_FILE ? -EBADF : prepare_get(request, sqe, true);
}

int sri_prepare_fgetxattr(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    return prepare_get(request, sqe, false);
}

void sri_finish_getxattr(struct sri_request *request)
{
    const struct sri_xattr *xattr = request->attempt.argument;
    if (request->result > 0 && xattr->size > 0)
        give(request, xattr->to, xattr->value, (size_t)request->result);
}
