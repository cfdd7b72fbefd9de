/*
 * uringcp FROM TO: copies a file. Exit code: 0 copied and synced, 1 not, 2 bad usage, 77 this machine refuses io_uring.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "copy.h"

static int complain(const char *name, int error)
{
    fprintf(stderr, "uringcp: %s: %s\n", name, strerror(error));
    return 1;
}

int main(int argc, char **argv)
{
    struct io_uring ring;
    if (argc != 3) {
        fputs("usage: uringcp FROM TO\n", stderr);
        return 2;
    }
    int from = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return complain(argv[1], errno);
    int to = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (to < 0)
        return complain(argv[2], errno);
    int rc = io_uring_queue_init(COPY_BLOCKS, &ring, 0);
    if (rc != 0) {
        complain("io_uring_queue_init", -rc);
        return 77;
    }
    rc = copy_file(&ring, from, to, 4096);
    io_uring_queue_exit(&ring);
    return rc == 0 ? 0 : complain(argv[2], -rc);
}
