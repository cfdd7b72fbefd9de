/*
 * Reading and writing by the program itself, stood in for: each does what it always did. Whoever takes up the rest of a
 * short transfer, or uses a descriptor, by such a call is known to have done so; and a sleep on an eventfd, behind which
 * completions lie that nobody will signal again, is seen.
 */
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "run/agent.h"
#include "run/detect.h"
#include "run/own.h"

/* The C library's own, under the names that it keeps for itself. */
ssize_t __read(int fd, void *buffer, size_t length);
ssize_t __write(int fd, const void *buffer, size_t length);
ssize_t __pread64(int fd, void *buffer, size_t length, off_t offset);
ssize_t __pwrite64(int fd, const void *buffer, size_t length, off_t offset);

static bool watches(const void *site)
{
    return sri_agent.detects && sri_detect.ring_count > 0 && !sri_own_code(site) && !sri_detect_is_inside();
}

static void called(int fd, bool writes, const void *site)
{
    if (!watches(site))
        return;
    sri_detect_lock();
    sri_short_called(fd, writes);
    sri_descriptor_used(fd);
    sri_detect_unlock();
}

ssize_t read(int fd, void *buffer, size_t length)
{
    called(fd, false, SRI_SITE);
    if (watches(SRI_SITE))
        sri_wait_on_eventfd(fd, SRI_FRAME, SRI_SITE);
    return __read(fd, buffer, length);
}

ssize_t write(int fd, const void *buffer, size_t length)
{
    called(fd, true, SRI_SITE);
    return __write(fd, buffer, length);
}

ssize_t pread64(int fd, void *buffer, size_t length, off_t offset)
{
    called(fd, false, SRI_SITE);
    return __pread64(fd, buffer, length, offset);
}

ssize_t pread(int fd, void *buffer, size_t length, off_t offset) __attribute__((alias("pread64")));

ssize_t pwrite64(int fd, const void *buffer, size_t length, off_t offset)
{
    called(fd, true, SRI_SITE);
    return __pwrite64(fd, buffer, length, offset);
}

ssize_t pwrite(int fd, const void *buffer, size_t length, off_t offset) __attribute__((alias("pwrite64")));
