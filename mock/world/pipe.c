/*
 * Pipes: one stream of bytes, and two ends that may go away one by one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "world/objects.h"

int sri_pipe_make(struct sri_sim_world *world, struct sri_file *ends[2])
{
    struct sri_pipe *pipe = sri_stock_take(&world->pipes);
    if (pipe == NULL)
        return -ENOMEM;
    ends[0] = sri_file_new(world, SRI_FILE_PIPE_READ, O_RDONLY);
    ends[1] = sri_file_new(world, SRI_FILE_PIPE_WRITE, O_WRONLY);
    if (ends[0] == NULL || ends[1] == NULL) {
        for (int i = 0; i < 2; i++) {
            if (ends[i] != NULL)
                sri_stock_give(&world->files, ends[i]);
        }
        sri_stock_give(&world->pipes, pipe);
        return -ENOMEM;
    }
    uint32_t small = sri_world_pick(world, SRI_FREEDOM_PIPE, 2, NULL);
    sri_stream_begin(&pipe->stream, small ? SRI_PAGE_SIZE : world->options.pipe_bytes);
    pipe->reader = ends[0];
    pipe->writer = ends[1];
    ends[0]->pipe = pipe;
    ends[1]->pipe = pipe;
    return 0;
}

/* A write of at most a page goes in whole (pipe(7), PIPE_BUF), so there is room only when a page fits. */
static bool has_room(const struct sri_pipe *pipe)
{
    return sri_stream_room(&pipe->stream) >= SRI_PAGE_SIZE;
}

uint32_t sri_pipe_readiness(const struct sri_file *file)
{
    const struct sri_pipe *pipe = file->pipe;
    uint32_t ready = 0;
    if (file->kind == SRI_FILE_PIPE_READ) {
        if (pipe->stream.used > 0)
            ready |= POLLIN | POLLRDNORM;
        if (pipe->writer == NULL)
            ready |= POLLHUP;
        return ready;
    }
    if (has_room(pipe))
        ready |= POLLOUT | POLLWRNORM;
    if (pipe->reader == NULL)
        ready |= POLLERR;
    return ready;
}

static enum sri_answer read_pipe(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_pipe *pipe = attempt->file->pipe;
    struct sri_cursor cursor = sri_cursor_at(attempt, world->links.user, 0);
    *result = 0;
    if (cursor.left == 0)
        return SRI_DONE;
    if (pipe->stream.used == 0) {
        if (pipe->writer == NULL)
            return SRI_DONE;
        return sri_wait_unless_told(attempt, POLLIN | POLLHUP | POLLERR, result);
    }
    bool was_full = !has_room(pipe);
    *result = sri_stream_get(&pipe->stream, &cursor, false);
    if (*result > 0)
        sri_wake_for(world, pipe->writer, was_full ? (uint32_t)POLLOUT : 0); /* else room is no news */
    return SRI_DONE;
}

static enum sri_answer write_pipe(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_pipe *pipe = attempt->file->pipe;
    struct sri_cursor cursor = sri_cursor_at(attempt, world->links.user, 0);
    *result = 0;
    if (cursor.left == 0)
        return SRI_DONE;
    if (pipe->reader == NULL) {
        *result = -EPIPE;
        return SRI_DONE;
    }
    size_t room = sri_stream_room(&pipe->stream);
    if (room == 0 || (cursor.left <= SRI_PAGE_SIZE && room < cursor.left))
        return sri_wait_unless_told(attempt, POLLOUT | POLLHUP | POLLERR, result);
    *result = sri_stream_put(&pipe->stream, &cursor);
    pipe->stream.arrived = pipe->stream.used;
    if (*result > 0)
        sri_wake_waiters(world, pipe->reader);
    return SRI_DONE;
}

enum sri_answer sri_pipe_start(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    bool reads = attempt->work == SRI_WORK_READ;
    if (reads != (attempt->file->kind == SRI_FILE_PIPE_READ)) {
        *result = -EBADF;
        return SRI_DONE;
    }
    return reads ? read_pipe(world, attempt, result) : write_pipe(world, attempt, result);
}

void sri_pipe_end(struct sri_sim_world *world, struct sri_file *file)
{
    struct sri_pipe *pipe = file->pipe;
    if (file->kind == SRI_FILE_PIPE_READ)
        pipe->reader = NULL;
    else
        pipe->writer = NULL;
    sri_wake_waiters(world, pipe->reader);
    sri_wake_waiters(world, pipe->writer);
    if (pipe->reader == NULL && pipe->writer == NULL)
        sri_stock_give(&world->pipes, pipe);
}
