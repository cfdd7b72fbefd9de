/*
 * Pipes: one stream of bytes, and two ends that may go away one by one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "world/objects.h"

int sri_pipe_make(struct sri_sim_world *world, uint64_t bytes, struct sri_file *ends[2])
{
    struct sri_pipe *pipe = sri_stock_take(&world->pipes);
    if (pipe == NULL)
        return -ENOMEM;
    ends[0] = sri_file_new(world, SRI_FILE_PIPE_READ, O_RDONLY);
    ends[1] = sri_file_new(world, SRI_FILE_PIPE_WRITE, O_WRONLY);
    uint32_t small = sri_world_pick(world, SRI_FREEDOM_PIPE, 2, NULL);
    uint64_t pages = small ? 1 : (bytes + SRI_PAGE_SIZE - 1) / SRI_PAGE_SIZE;
    if (ends[0] == NULL || ends[1] == NULL || sri_pages_begin(&pipe->pages, (uint32_t)pages) != 0) {
        for (int i = 0; i < 2; i++) {
            if (ends[i] != NULL)
                sri_stock_give(&world->files, ends[i]);
        }
        sri_stock_give(&world->pipes, pipe);
        return -ENOMEM;
    }
    sri_stream_begin(&pipe->stream, (size_t)pages * SRI_PAGE_SIZE);
    pipe->reader = ends[0];
    pipe->writer = ends[1];
    ends[0]->pipe = pipe;
    ends[1]->pipe = pipe;
    return 0;
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
    if (sri_pages_free(&pipe->pages) > 0)
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
    bool was_full = sri_pages_free(&pipe->pages) == 0;
    *result = sri_stream_get(&pipe->stream, &cursor, false);
    if (*result > 0) {
        sri_pages_read(&pipe->pages, (size_t)*result);
        sri_wake_for(world, pipe->writer, was_full ? (uint32_t)POLLOUT : 0); /* else room is no news */
    }
    return SRI_DONE;
}

/* Of at most a page all or nothing goes in (pipe(7), PIPE_BUF): it needs one page, or joins the last. */
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
    size_t total = (size_t)cursor.left;
    cursor.left = sri_pages_room(&pipe->pages, total);
    if (cursor.left == 0)
        return sri_wait_unless_told(attempt, POLLOUT | POLLHUP | POLLERR, result);
    *result = sri_stream_put(&pipe->stream, &cursor);
    pipe->stream.arrived = pipe->stream.used;
    if (*result > 0) {
        sri_pages_write(&pipe->pages, total, (size_t)*result);
        sri_wake_for(world, pipe->reader, POLLIN | POLLRDNORM);
    }
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
