/*
 * Descriptors of this library's own.
 */
#include "liburing/descriptor.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "host/host.h"

void sri_uring_close_own(int fd)
{
    if (fd >= 0)
        (void)syscall(SYS_close, fd);
}

void sri_uring_make_room(void)
{
    int made = -1;
    for (int fd = STDIN_FILENO; made < 0 && fd <= STDERR_FILENO; fd++)
        made = sri_host_duplicate_high(sri_host_high(), fd);
    sri_uring_close_own(made);
}

int sri_uring_raise(int fd)
{
    int made = fd < 0 ? -1 : sri_host_duplicate_high(sri_host_high(), fd);
    if (made < 0)
        return fd;
    sri_uring_close_own(fd);
    return made;
}
