/*
 * Preparation of openat, openat2 and close.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include <linux/openat2.h>

#include "engine/files.h"
#include "engine/steps.h"

static int import_path(struct sri_request *request, const struct io_uring_sqe *sqe,
                       const struct open_how *how)
{
    struct sri_engine *engine = request->ring->engine;
    if (sqe->buf_index != 0)
        return -EINVAL;
    if (sqe->flags & IOSQE_FIXED_FILE)
        return -EBADF;
    char text[PATH_MAX];
    int length = sri_import_path(request, sqe->addr, false, text);
    if (length < 0)
        return length;
    request->result = sri_check_how(how);
    if (sri_makes_a_file(how->flags))
        request->sqe_flags |= IOSQE_ASYNC;
    struct sri_path *path = sri_arena_acquire(&engine->arena, sizeof *path + (size_t)length + 1);
    if (path == NULL)
        return -ENOMEM;
    path->directory = sqe->fd;
    path->flags = how->flags;
    path->mode = how->mode;
    path->resolve = how->resolve;
    memcpy(path->path, text, (size_t)length + 1);
    request->attempt.argument = path;
    request->file_slot = sqe->file_index;
    return sqe->file_index != 0 && (how->flags & O_CLOEXEC) != 0 ? -EINVAL : 0;
}

int sri_prepare_openat(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    struct open_how how = sri_how_of(sqe->open_flags, sqe->len);
    return import_path(request, sqe, &how);
}

int sri_prepare_openat2(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    struct open_how how;
    int error = sri_import_how(request, sqe->addr2, sqe->len, &how);
    if (error != 0)
        return error;
    return import_path(request, sqe, &how);
}

void sri_finish_open(struct sri_request *request)
{
    if (request->file_slot != 0)
        sri_files_take_result(request);
    else if (request->result >= 0 && sri_is_watched(request->ring->engine))
        sri_emit_request(request, SRI_EVENT_OPENED, request->result, 0);
}

int sri_prepare_close(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->off != 0 || sqe->addr != 0 || sqe->len != 0 || sqe->rw_flags != 0 || sqe->buf_index != 0)
        return -EINVAL;
    if (sqe->flags & IOSQE_FIXED_FILE)
        return -EBADF;
    if (sqe->file_index != 0 && sqe->fd != 0)
        return -EINVAL;
    request->file_slot = sqe->file_index;
    struct sri_descriptor *descriptor = sri_arena_acquire(&request->ring->engine->arena, sizeof *descriptor);
    if (descriptor == NULL)
        return -ENOMEM;
    descriptor->fd = sqe->fd;
    request->attempt.argument = descriptor;
    return 0;
}

/* A ring is not closed by an operation of a ring (measured). */
int sri_admit_close(struct sri_request *request)
{
    const struct sri_world *world = &request->ring->engine->world;
    int error;
    if (request->file_slot != 0)
        return 0;
    return world->vtable->ring_of(world->self, request->fd, &error) != NULL ? -EBADF : 0;
}

void sri_finish_close(struct sri_request *request)
{
    if (request->result >= 0 && sri_is_watched(request->ring->engine))
        sri_emit_request(request, SRI_EVENT_CLOSED, request->fd, 0);
}
