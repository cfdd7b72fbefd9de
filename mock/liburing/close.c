/*
 * close(2) as the program calls it: of a ring it ends the ring. Not part of the static form.
 */
#include <errno.h>
#include <unistd.h>

#include "liburing/kernel.h"

/* The C library's own, under the name that it keeps for itself. */
int __close(int fd);

int close(int fd)
{
    int rc = 0;
    if (!sri_uring_close(fd, SRI_FRAME, SRI_SITE, &rc))
        return __close(fd);
    if (rc == 0)
        return 0;
    errno = -rc;
    return -1;
}
