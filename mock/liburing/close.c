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
    const struct sr_backend *kernel = sri_uring_host_if_made();
    if (kernel == NULL || fd < 0)
        return __close(fd);
    if (sri_uring_hooks.closes != NULL)
        sri_uring_hooks.closes(fd, SRI_FRAME, SRI_SITE);
    if (!sri_uring_forget_ring(fd))
        return __close(fd);
    int rc = kernel->vtable->close(kernel->self, fd);
    if (rc == 0)
        return 0;
    errno = -rc;
    return -1;
}
