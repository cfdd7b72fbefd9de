/*
 * Opening by path. What the kernel has in its caches is opened at once, as the kernel itself does it for a ring (measured: a
 * worker takes five times as long); whatever may wait for a disk is opened on a worker.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#include <linux/openat2.h>

#include "host/call.h"
#include "host/state.h"

static int64_t open_with(const struct sri_path *path, uint64_t flags, uint64_t resolve)
{
    if (resolve == 0 && flags <= INT32_MAX)
        return sri_call_result(
            syscall(SYS_openat, path->directory, path->path, (int)flags, (mode_t)path->mode));
    struct open_how how = {flags, path->mode, resolve};
    return sri_call_result(syscall(SYS_openat2, path->directory, path->path, &how, sizeof how));
}

static bool waits_for_nobody(const struct sri_path *path)
{
    return (path->flags & (O_NONBLOCK | O_PATH)) != 0;
}

/* A named pipe or a terminal does not wait for its peer (measured), and the flag for that does not stay. */
static int64_t open_without_waiting(const struct sri_path *path, uint64_t resolve)
{
    if (waits_for_nobody(path))
        return open_with(path, path->flags, resolve);
    int64_t fd = open_with(path, path->flags | O_NONBLOCK, resolve);
    if (fd >= 0)
        fcntl((int)fd, F_SETFL, fcntl((int)fd, F_GETFL) & ~O_NONBLOCK);
    return fd;
}

int64_t sri_host_open_blocking(const struct sri_path *path)
{
    int64_t fd = open_without_waiting(path, path->resolve);
    return fd == -EAGAIN && !waits_for_nobody(path) ? open_with(path, path->flags, path->resolve) : fd;
}

static bool may_be_cached(const struct sri_path *path)
{
    const uint64_t nameless = O_TMPFILE & ~O_DIRECTORY;
    return (path->flags & (O_CREAT | O_TRUNC | nameless)) == 0 && (path->resolve & RESOLVE_CACHED) == 0;
}

/* An older kernel does not know the question; one behind a filter may not be asked it. */
static bool is_answer(int64_t rc)
{
    return rc != -EAGAIN && rc != -EINVAL && rc != -ENOSYS && rc != -EPERM;
}

enum sri_answer sri_host_open(struct sri_host *host, struct sri_attempt *attempt, int64_t *result)
{
    const struct sri_path *path = attempt->argument;
    if (may_be_cached(path)) {
        *result = open_without_waiting(path, path->resolve | RESOLVE_CACHED);
        if (is_answer(*result))
            return SRI_DONE;
    }
    return sri_host_run(host, attempt, result);
}
