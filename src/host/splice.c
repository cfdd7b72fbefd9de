/*
 * SPLICE and TEE. A pipe is asked without blocking, and waited for; what else may block, a disk or a terminal, does so on a
 * worker. Bytes never pass through this program.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <unistd.h>

#include "host/quiet.h"
#include "host/state.h"

static const struct sri_splice *source_of(const struct sri_attempt *attempt)
{
    return attempt->argument;
}

static bool is_pipe(const struct sri_file *file)
{
    return file->kind == SRI_HOST_PIPE;
}

static int64_t call(const struct sri_attempt *attempt)
{
    const struct sri_splice *source = source_of(attempt);
    int from = sri_host_fd(source->from);
    int to = sri_host_fd(attempt->file);
    unsigned flags = attempt->flags | SPLICE_F_NONBLOCK;
    ssize_t moved;
    if (attempt->work == SRI_WORK_TEE) {
        moved = tee(from, to, (size_t)attempt->limit, flags);
    } else {
        off_t from_at = (off_t)source->offset;
        off_t to_at = (off_t)attempt->offset;
        moved = splice(from, source->offset == SRI_OWN_POSITION ? NULL : &from_at, to,
                       attempt->offset == SRI_OWN_POSITION ? NULL : &to_at, (size_t)attempt->limit, flags);
    }
    return moved < 0 ? -errno : moved;
}

int64_t sri_host_splice_blocking(const struct sri_attempt *attempt)
{
    return call(attempt);
}

static int64_t call_quietly(const struct sri_attempt *attempt)
{
    struct sri_host_quiet quiet;
    sri_host_quiet_begin(&quiet);
    int64_t rc = call(attempt);
    sri_host_quiet_end(&quiet, rc == -EPIPE);
    return rc;
}

static bool is_nonblocking(const struct sri_file *file)
{
    int flags = is_pipe(file) ? fcntl(sri_host_fd(file), F_GETFL) : 0;
    return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

/* A pipe's own O_NONBLOCK counts here, as nowhere else (splice(2), and measured). */
bool sri_host_splice_may_wait(const struct sri_attempt *attempt)
{
    return (attempt->flags & SPLICE_F_NONBLOCK) == 0 && !is_nonblocking(source_of(attempt)->from) &&
           !is_nonblocking(attempt->file);
}

static bool is_ready(const struct sri_file *file, uint32_t mask)
{
    return sri_host_poll_now(sri_host_fd(file), mask) != 0;
}

/* The stream it must wait for before a worker may try, or NULL. One with an offset is refused at once, whatever it holds. */
static struct sri_file *not_ready(const struct sri_attempt *attempt, uint32_t *mask)
{
    struct sri_file *from = source_of(attempt)->from;
    *mask = POLLIN;
    if (from->kind != SRI_HOST_STORAGE && source_of(attempt)->offset == SRI_OWN_POSITION &&
        !is_ready(from, POLLIN))
        return from;
    *mask = POLLOUT;
    if (attempt->file->kind != SRI_HOST_STORAGE && attempt->offset == SRI_OWN_POSITION &&
        !is_ready(attempt->file, POLLOUT))
        return attempt->file;
    return NULL;
}

static enum sri_answer wait_for_pipe(struct sri_host *host, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_file *from = source_of(attempt)->from;
    if (*result != -EAGAIN || !sri_host_splice_may_wait(attempt))
        return SRI_DONE;
    if (is_pipe(from) && !is_ready(from, POLLIN))
        return sri_host_hold_on(host, attempt, from, POLLIN, result);
    return sri_host_hold_on(host, attempt, attempt->file, POLLOUT, result);
}

/* With a pipe that is not ready, or with pipes alone, nothing can block. */
static bool ends_at_once(const struct sri_attempt *attempt)
{
    const struct sri_file *from = source_of(attempt)->from;
    const struct sri_file *to = attempt->file;
    if (is_pipe(from) == is_pipe(to))
        return true;
    return is_pipe(from) ? !is_ready(from, POLLIN) : !is_ready(to, POLLOUT);
}

enum sri_answer sri_host_splice(struct sri_host *host, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_file *from = source_of(attempt)->from;
    uint32_t mask;
    *result = 0;
    if (attempt->limit == 0)
        return SRI_DONE;
    *result = -EINVAL;
    if (from->kind == SRI_HOST_RING || attempt->file->kind == SRI_HOST_RING)
        return SRI_DONE;
    if (attempt->work == SRI_WORK_TEE || ends_at_once(attempt)) {
        *result = call_quietly(attempt);
        return wait_for_pipe(host, attempt, result);
    }
    struct sri_file *awaited = not_ready(attempt, &mask);
    if (awaited != NULL && sri_host_splice_may_wait(attempt))
        return sri_host_hold_on(host, attempt, awaited, mask, result);
    *result = sri_host_file_pin(host, from);
    return *result != 0 ? SRI_DONE : sri_host_run(host, attempt, result);
}
