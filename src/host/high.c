/*
 * Descriptors out of the program's way: programs count theirs, rely on the lowest free number, and tests use up all they may have.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "host/host.h"

#define HIGH_DESCRIPTOR 700

int sri_host_high(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur > 2 * HIGH_DESCRIPTOR)
        return HIGH_DESCRIPTOR;
    return (int)(limit.rlim_cur / 2);
}

int sri_host_duplicate_high(int high, int fd)
{
    for (int lowest = high; lowest > 2; lowest /= 2) {
        int made = fcntl(fd, F_DUPFD_CLOEXEC, lowest);
        if (made >= 0 || (errno != EMFILE && errno != EINVAL))
            return made < 0 ? -errno : made;
    }
    return -EMFILE;
}
