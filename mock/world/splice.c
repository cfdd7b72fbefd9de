/*
 * SPLICE and TEE: bytes through a pipe, a page at a time. What it may do is as measured (tests/conformance/test_splices.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "world/objects.h"

#define READ_READY (POLLIN | POLLHUP | POLLERR)
#define WRITE_READY (POLLOUT | POLLHUP | POLLERR)

static const struct sri_splice *source_of(const struct sri_attempt *attempt)
{
    return attempt->argument;
}

static bool is_pipe(const struct sri_file *file)
{
    return file->kind == SRI_FILE_PIPE_READ || file->kind == SRI_FILE_PIPE_WRITE;
}

static bool may(const struct sri_file *file, uint32_t refused)
{
    return (file->flags & O_ACCMODE) != refused;
}

static enum sri_answer done(int64_t *result, int64_t value)
{
    *result = value;
    return SRI_DONE;
}

static enum sri_answer wait_at(struct sri_attempt *attempt, struct sri_file *file, uint32_t mask,
                               int64_t *result)
{
    if ((attempt->flags & SPLICE_F_NONBLOCK) != 0)
        return done(result, -EAGAIN);
    sri_wait_at(attempt, file, mask);
    return SRI_WAIT;
}

/* Only files that have a position have offsets; -EINVAL. */
static int check_offset(const struct sri_file *file, uint64_t offset)
{
    if (offset == SRI_OWN_POSITION)
        return 0;
    return file->kind != SRI_FILE_REGULAR || offset > SRI_FILE_SIZE_MAX ? -EINVAL : 0;
}

static int check(const struct sri_attempt *attempt)
{
    const struct sri_file *from = source_of(attempt)->from;
    const struct sri_file *to = attempt->file;
    if (!may(from, O_WRONLY) || !may(to, O_RDONLY))
        return -EBADF;
    if (!is_pipe(from) && !is_pipe(to))
        return -EINVAL;
    if ((is_pipe(from) && source_of(attempt)->offset != SRI_OWN_POSITION) ||
        (is_pipe(to) && attempt->offset != SRI_OWN_POSITION))
        return -ESPIPE;
    if (is_pipe(from) && is_pipe(to))
        return from->pipe == to->pipe ? -EINVAL : 0;
    const struct sri_file *other = is_pipe(from) ? to : from;
    if (other->kind != SRI_FILE_REGULAR && other->kind != SRI_FILE_SOCKET)
        return -EINVAL;
    return check_offset(other, is_pipe(from) ? attempt->offset : source_of(attempt)->offset);
}

/* One page from or to what is no pipe. It never waits: -EAGAIN. */
static int64_t transfer(struct sri_sim_world *world, struct sri_file *file, enum sri_work work,
                        uint64_t offset, void *page, size_t length)
{
    struct iovec segment = {.iov_base = page, .iov_len = length};
    struct sri_attempt inner = {.file = file,
                                .segments = &segment,
                                .segment_count = 1,
                                .offset = offset,
                                .limit = length,
                                .flags = RWF_NOWAIT,
                                .work = (uint8_t)work,
                                .kernel_memory = true};
    int64_t result = 0;
    if (file->kind == SRI_FILE_SOCKET)
        sri_socket_transfer(world, &inner, &result);
    else
        sri_regular_start(world, &inner, &result);
    return result;
}

static uint64_t later(uint64_t offset, size_t moved)
{
    return offset == SRI_OWN_POSITION ? offset : offset + moved;
}

static int64_t from_pipe(struct sri_sim_world *world, const struct sri_attempt *attempt,
                         struct sri_pipe *pipe)
{
    uint8_t page[SRI_PAGE_SIZE];
    size_t moved = 0;
    while (moved < attempt->limit && pipe->stream.used > 0) {
        size_t length = sri_pages_length(&pipe->pages, 0);
        if (length > attempt->limit - moved)
            length = (size_t)(attempt->limit - moved);
        struct iovec segment = {.iov_base = page, .iov_len = length};
        struct sri_cursor cursor = sri_cursor_plain(&segment);
        sri_stream_get(&pipe->stream, &cursor, true);
        int64_t rc =
            transfer(world, attempt->file, SRI_WORK_WRITE, later(attempt->offset, moved), page, length);
        if (rc <= 0)
            return moved > 0 ? (int64_t)moved : rc;
        sri_stream_drop(&pipe->stream, (size_t)rc);
        sri_pages_read(&pipe->pages, (size_t)rc);
        moved += (size_t)rc;
        if ((size_t)rc < length)
            break;
    }
    return (int64_t)moved;
}

/* A page of a file is a page of a pipe, wherever it is entered. */
static size_t page_rest(const struct sri_file *file, uint64_t offset)
{
    if (file->kind != SRI_FILE_REGULAR)
        return SRI_PAGE_SIZE;
    uint64_t at = offset == SRI_OWN_POSITION ? file->position : offset;
    return SRI_PAGE_SIZE - (size_t)(at % SRI_PAGE_SIZE);
}

static int64_t into_pipe(struct sri_sim_world *world, const struct sri_attempt *attempt,
                         struct sri_pipe *pipe)
{
    const struct sri_splice *source = source_of(attempt);
    uint8_t page[SRI_PAGE_SIZE];
    size_t moved = 0;
    while (moved < attempt->limit && sri_pages_free(&pipe->pages) > 0) {
        uint64_t at = later(source->offset, moved);
        size_t room = page_rest(source->from, at);
        size_t length = attempt->limit - moved < room ? (size_t)(attempt->limit - moved) : room;
        int64_t rc = transfer(world, source->from, SRI_WORK_READ, at, page, length);
        if (rc <= 0)
            return moved > 0 ? (int64_t)moved : rc;
        struct iovec segment = {.iov_base = page, .iov_len = (size_t)rc};
        struct sri_cursor cursor = sri_cursor_plain(&segment);
        if (sri_stream_put(&pipe->stream, &cursor) < 0)
            return moved > 0 ? (int64_t)moved : -ENOMEM;
        pipe->stream.arrived = pipe->stream.used;
        sri_pages_add(&pipe->pages, SRI_PAGE_SIZE - room, (size_t)rc);
        moved += (size_t)rc;
        if ((size_t)rc < length)
            break;
    }
    return (int64_t)moved;
}

size_t sri_pipe_move(struct sri_sim_world *world, struct sri_pipe *from, struct sri_pipe *to, size_t most,
                     bool copy)
{
    uint8_t page[SRI_PAGE_SIZE];
    size_t moved = 0;
    for (uint32_t i = 0; moved < most && sri_pages_free(&to->pages) > 0; i++) {
        if (copy ? i >= from->pages.used : from->pages.used == 0)
            break;
        size_t length = sri_pages_length(&from->pages, copy ? i : 0);
        if (length > most - moved)
            length = most - moved;
        struct iovec segment = {.iov_base = page, .iov_len = length};
        struct sri_cursor cursor = sri_cursor_plain(&segment);
        sri_stream_copy(&from->stream, copy ? moved : 0, &cursor);
        cursor = sri_cursor_plain(&segment);
        if (sri_stream_put(&to->stream, &cursor) < 0)
            break;
        to->stream.arrived = to->stream.used;
        sri_pages_add(&to->pages, 0, length);
        if (!copy) {
            sri_stream_drop(&from->stream, length);
            sri_pages_read(&from->pages, length);
        }
        moved += length;
    }
    if (moved > 0 && !copy)
        sri_wake_waiters(world, from->writer);
    if (moved > 0)
        sri_wake_waiters(world, to->reader);
    return moved;
}

/* True: there is nothing to take yet, and *answer says that it waits, or may not. */
static bool waits_for_bytes(struct sri_attempt *attempt, struct sri_pipe *pipe, struct sri_file *file,
                            enum sri_answer *answer, int64_t *result)
{
    if (pipe->stream.used > 0 || pipe->writer == NULL)
        return false;
    *answer = wait_at(attempt, file, READ_READY, result);
    return true;
}

/* True: there is no room, or nobody to make some. */
static bool waits_for_room(struct sri_attempt *attempt, struct sri_pipe *pipe, enum sri_answer *answer,
                           int64_t *result)
{
    if (pipe->reader == NULL)
        *answer = done(result, -EPIPE);
    else if (sri_pages_free(&pipe->pages) == 0)
        *answer = wait_at(attempt, attempt->file, WRITE_READY, result);
    else
        return false;
    return true;
}

static enum sri_answer between_pipes(struct sri_sim_world *world, struct sri_attempt *attempt,
                                     int64_t *result)
{
    struct sri_file *from = source_of(attempt)->from;
    enum sri_answer answer;
    if (waits_for_bytes(attempt, from->pipe, from, &answer, result) ||
        waits_for_room(attempt, attempt->file->pipe, &answer, result))
        return answer;
    size_t moved = sri_pipe_move(world, from->pipe, attempt->file->pipe, (size_t)attempt->limit,
                                 attempt->work == SRI_WORK_TEE);
    return done(result, moved == 0 && from->pipe->stream.used > 0 ? -ENOMEM : (int64_t)moved);
}

static enum sri_answer with_other(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_file *from = source_of(attempt)->from;
    bool leaves = is_pipe(from);
    struct sri_file *other = leaves ? attempt->file : from;
    struct sri_pipe *pipe = leaves ? from->pipe : attempt->file->pipe;
    enum sri_answer answer;
    if (leaves ? waits_for_bytes(attempt, pipe, from, &answer, result)
               : waits_for_room(attempt, pipe, &answer, result))
        return answer;
    *result = leaves ? from_pipe(world, attempt, pipe) : into_pipe(world, attempt, pipe);
    if (*result == -EAGAIN)
        return wait_at(attempt, other, leaves ? WRITE_READY : READ_READY | POLLRDHUP, result);
    if (*result > 0)
        sri_wake_waiters(world, leaves ? pipe->writer : pipe->reader);
    return SRI_DONE;
}

enum sri_answer sri_splice_start(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    const struct sri_file *from = source_of(attempt)->from;
    if (attempt->limit == 0)
        return done(result, 0);
    bool pipes = is_pipe(from) && is_pipe(attempt->file);
    int error = check(attempt);
    if (error == 0 && attempt->work == SRI_WORK_TEE && !pipes)
        error = -EINVAL;
    if (error != 0)
        return done(result, error);
    return pipes ? between_pipes(world, attempt, result) : with_other(world, attempt, result);
}
