/*
 * Descriptors of this library's own.
 */
#include "liburing/descriptor.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIGH_DESCRIPTOR 700

void sri_uring_close_own(int fd)
{
    if (fd >= 0)
        (void)syscall(SYS_close, fd);
}

void sri_uring_make_room(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        int made = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR);
        sri_uring_close_own(made);
        if (made >= 0)
            return;
    }
}

int sri_uring_raise(int fd)
{
    for (int lowest = HIGH_DESCRIPTOR; fd >= 0 && lowest > 2; lowest /= 2) {
        int made = fcntl(fd, F_DUPFD_CLOEXEC, lowest);
        if (made < 0)
            continue;
        sri_uring_close_own(fd);
        return made;
    }
    return fd;
}
