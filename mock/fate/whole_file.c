/*
 * Writing whole files. Never removes or replaces what is no regular file: a name may be a device's.
 */
#include "fate/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

static int write_fully(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t put = write(fd, bytes, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        bytes += put;
        size -= (size_t)put;
    }
    return 0;
}

/* The folder's own entry is durable only once the folder is synced; where that can't be done, the file still is whole. */
static void sync_folder(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash != NULL)
        slash[slash == path ? 1 : 0] = 0;
    int fd = open(slash == NULL ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

/* `temporary` ends with XXXXXX. */
static int write_and_rename(const void *bytes, size_t size, char *temporary, const char *path,
                            const char **doing)
{
    *doing = "making a file";
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *doing = "writing";
    int rc = write_fully(fd, bytes, size);
    if (rc == 0 && (fchmod(fd, 0644) != 0 || fsync(fd) != 0))
        rc = -errno;
    if (close(fd) != 0 && rc == 0)
        rc = -errno;
    if (rc == 0 && rename(temporary, path) != 0) {
        *doing = "naming";
        rc = -errno;
    }
    if (rc != 0)
        unlink(temporary);
    else
        sync_folder(temporary);
    return rc;
}

static int write_in_place(const void *bytes, size_t size, const char *path, const char **doing)
{
    *doing = "opening";
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    *doing = "writing";
    int rc = write_fully(fd, bytes, size);
    return close(fd) != 0 && rc == 0 ? -errno : rc;
}

int sri_whole_file_write(const char *path, const void *bytes, size_t size, const char **doing)
{
    struct stat status;
    bool there = stat(path, &status) == 0;
    if (there && !S_ISREG(status.st_mode))
        return write_in_place(bytes, size, path, doing);
    /* Behind a symbolic link it is the file that is replaced. */
    char target[PATH_MAX];
    const char *name = there && realpath(path, target) != NULL ? target : path;
    size_t length = strlen(name);
    static const char drawn[] = ".XXXXXX";
    char *temporary = sri_alloc(length + sizeof drawn);
    int rc = -ENOMEM;
    *doing = "writing";
    if (temporary != NULL) {
        memcpy(temporary, name, length);
        memcpy(temporary + length, drawn, sizeof drawn);
        rc = write_and_rename(bytes, size, temporary, name, doing);
    }
    sri_free(temporary);
    return rc;
}

int sri_whole_file_append(const char *path, const void *bytes, size_t size)
{
    struct stat status;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
    if (fd < 0)
        return -errno;
    bool regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    int rc = write_fully(fd, bytes, size);
    if (rc != 0 && regular && ftruncate(fd, status.st_size) != 0)
        rc = -errno;
    return close(fd) != 0 && rc == 0 ? -errno : rc;
}
