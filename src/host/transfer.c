/*
 * Reads and writes: one try with RWF_NOWAIT, in the program's thread; and the whole of it on a worker, where it may block.
 *
 * Offsets as measured with the kernel: a socket takes 0 and -1, a pipe ignores it, other streams read at their own
 * position. No signal reaches the program.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>

#include "host/call.h"
#include "host/quiet.h"
#include "host/segments.h"
#include "host/state.h"

static bool is_read(const struct sri_attempt *attempt)
{
    return attempt->work == SRI_WORK_READ;
}

static int64_t move(const struct sri_attempt *attempt, int fd, uint64_t done, uint64_t offset, uint32_t flags)
{
    struct sri_host_segments room;
    struct sri_host_span span = sri_host_span(attempt, done, &room);
    if (is_read(attempt))
        return sri_call_vector(SYS_preadv2, fd, span.segments, span.count, offset, flags);
    return sri_call_vector(SYS_pwritev2, fd, span.segments, span.count, offset, flags);
}

/* A socket's write says so itself that it wants no signal; other writes keep it from the thread. */
static int64_t move_quietly(const struct sri_attempt *attempt, int fd, uint64_t offset, uint32_t flags)
{
    if (is_read(attempt))
        return move(attempt, fd, 0, offset, flags);
    if (attempt->file->kind == SRI_HOST_SOCKET) {
        struct sri_host_segments room;
        struct sri_host_span span = sri_host_span(attempt, 0, &room);
        struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)span.segments,
                                 .msg_iovlen = span.count};
        return sri_call_message(SYS_sendmsg, fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    struct sri_host_quiet quiet;
    sri_host_quiet_begin(&quiet);
    int64_t rc = move(attempt, fd, 0, offset, flags);
    sri_host_quiet_end(&quiet, rc == -EPIPE || rc == -EFBIG);
    return rc;
}

static uint64_t offset_for(const struct sri_file *file, uint64_t offset)
{
    return file->kind == SRI_HOST_PIPE || file->kind == SRI_HOST_SOCKET ? SRI_OWN_POSITION : offset;
}

/* Once without blocking; a stream that refuses an offset is asked for its own position. */
static int64_t try_once(const struct sri_attempt *attempt)
{
    int fd = sri_host_fd(attempt->file);
    uint64_t offset = offset_for(attempt->file, attempt->offset);
    int64_t rc = move_quietly(attempt, fd, offset, attempt->flags | RWF_NOWAIT);
    if (rc == -ESPIPE && offset != SRI_OWN_POSITION)
        rc = move_quietly(attempt, fd, SRI_OWN_POSITION, attempt->flags | RWF_NOWAIT);
    return rc;
}

/* Is a short count of storage all there is? One more look answers at the end of a file. */
static bool ends_here(const struct sri_attempt *attempt, uint64_t done)
{
    if (!is_read(attempt))
        return false;
    uint64_t offset = attempt->offset == SRI_OWN_POSITION ? SRI_OWN_POSITION : attempt->offset + done;
    return move(attempt, sri_host_fd(attempt->file), done, offset, attempt->flags | RWF_NOWAIT) == 0;
}

/* What storage moved at once; the rest, not in memory yet, goes to a worker, or is moved here where a run is to repeat. */
static enum sri_answer storage(struct sri_host *host, struct sri_attempt *attempt, int64_t rc,
                               int64_t *result)
{
    if (rc == -EAGAIN || rc == -EOPNOTSUPP)
        return sri_host_run(host, attempt, result);
    *result = rc;
    if (rc <= 0 || (uint64_t)rc >= sri_host_length(attempt) || ends_here(attempt, (uint64_t)rc))
        return SRI_DONE;
    struct sri_host_op *op = sri_host_op_of(host, attempt);
    if (op == NULL)
        return SRI_DONE;
    op->done = (uint64_t)rc;
    enum sri_answer answer = sri_host_run(host, attempt, result);
    if (answer == SRI_DONE && *result < rc)
        *result = rc; /* the rest failed */
    return answer;
}

/* A ring can't be read or written, but says so only when it is ready (measured). */
static enum sri_answer transfer_of_ring(struct sri_host *host, struct sri_attempt *attempt, int64_t *result)
{
    uint32_t mask = is_read(attempt) ? POLLIN : POLLOUT;
    bool told = (attempt->flags & RWF_NOWAIT) != 0;
    *result = told ? -EAGAIN : -EINVAL;
    if (told || sri_host_poll_now(sri_host_fd(attempt->file), mask) != 0)
        return SRI_DONE;
    return sri_host_hold(host, attempt, mask, result);
}

/* An epoll instance is as a ring, but for the answer to who must not wait (measured). */
static enum sri_answer transfer_of_instance(struct sri_host *host, struct sri_attempt *attempt,
                                            int64_t *result)
{
    enum sri_answer answer = transfer_of_ring(host, attempt, result);
    if (*result == -EAGAIN)
        *result = -EOPNOTSUPP;
    return answer;
}

enum sri_answer sri_host_transfer(struct sri_host *host, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_file *file = attempt->file;
    if (file->kind == SRI_HOST_RING)
        return transfer_of_ring(host, attempt, result);
    *result = -ESPIPE;
    if (file->kind == SRI_HOST_SOCKET && attempt->offset != 0 && attempt->offset != SRI_OWN_POSITION)
        return SRI_DONE;

    int64_t rc = try_once(attempt);
    *result = rc;
    if (rc == -EINVAL && file->kind == SRI_HOST_ANONYMOUS && sri_host_is_epoll(sri_host_fd(file)))
        return transfer_of_instance(host, attempt, result);
    uint32_t mask = is_read(attempt) ? POLLIN : POLLOUT;
    if ((attempt->flags & RWF_NOWAIT) != 0) {
        /* One that can't say so by itself is looked at first (measured). */
        if (rc == -EOPNOTSUPP && file->kind != SRI_HOST_STORAGE &&
            sri_host_poll_now(sri_host_fd(file), mask) == 0)
            *result = -EAGAIN;
        /* A file system that has to wait for a page says that it can't, which io_uring tells as "not now" (measured). */
        if (rc == -EOPNOTSUPP && file->kind == SRI_HOST_STORAGE && !is_read(attempt))
            *result = -EAGAIN;
        return SRI_DONE;
    }
    if (file->kind == SRI_HOST_STORAGE)
        return storage(host, attempt, rc, result);
    if (rc == -EAGAIN)
        return sri_host_hold(host, attempt, mask, result);
    if (rc != -EOPNOTSUPP)
        return SRI_DONE;
    /* Named pipes, terminals, inotify: asked only when ready, and by a worker, since somebody may have been faster. */
    if (sri_host_poll_now(sri_host_fd(file), mask) == 0)
        return sri_host_hold(host, attempt, mask, result);
    return sri_host_run(host, attempt, result);
}

int64_t sri_host_transfer_blocking(const struct sri_attempt *attempt, int fd, uint64_t done)
{
    bool whole = attempt->file->kind == SRI_HOST_STORAGE;
    uint64_t offset = offset_for(attempt->file, attempt->offset);
    uint64_t length = sri_host_length(attempt);
    for (;;) {
        uint64_t at = offset == SRI_OWN_POSITION ? offset : offset + done;
        int64_t rc = move(attempt, fd, done, at, attempt->flags);
        if (rc == -ESPIPE && offset != SRI_OWN_POSITION) {
            offset = SRI_OWN_POSITION;
            continue;
        }
        if (rc <= 0)
            return done != 0 ? (int64_t)done : rc;
        done += (uint64_t)rc;
        if (!whole || done >= length)
            return (int64_t)done;
    }
}
