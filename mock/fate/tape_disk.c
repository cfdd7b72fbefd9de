/*
 * Tape files on this machine's disk. Writes whole files or none.
 */
#include "fate/tape_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

#define LARGEST_FILE ((size_t)256 << 20)

/* -errno, with "<what>: <the system's words>" as the reason. */
static int failed(struct sri_tape_error *error, const char *what, int code)
{
    error->position = 0;
    snprintf(error->reason, sizeof error->reason, "%s: %s", what, strerrordesc_np(code));
    return -code;
}

/* Bytes read, or -errno. */
static ssize_t read_fully(int fd, uint8_t *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(fd, bytes + done, size - done);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            return -errno;
        done += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)done;
}

static int read_open_file(struct sri_tape_file *file, int fd, struct sri_tape_error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return failed(error, "looking at the tape", errno);
    if (!S_ISREG(status.st_mode))
        return failed(error, "the tape is not a regular file", EINVAL);
    if ((uint64_t)status.st_size > LARGEST_FILE)
        return failed(error, "the tape is too large", EFBIG);
    uint8_t *bytes = sri_alloc((size_t)status.st_size);
    if (bytes == NULL)
        return failed(error, "reading the tape", ENOMEM);
    ssize_t got = read_fully(fd, bytes, (size_t)status.st_size);
    int rc = got < 0 ? failed(error, "reading the tape", (int)-got)
                     : sri_tape_file_parse(file, bytes, (size_t)got, error);
    if (rc != 0)
        sri_free(bytes);
    else
        file->memory = bytes;
    return rc;
}

int sri_tape_file_read(struct sri_tape_file *file, const char *path, struct sri_tape_error *error)
{
    memset(file, 0, sizeof *file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed(error, "opening the tape", errno);
    int rc = read_open_file(file, fd, error);
    close(fd);
    return rc;
}

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
static int write_and_rename(const uint8_t *bytes, size_t size, char *temporary, const char *path,
                            struct sri_tape_error *error)
{
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return failed(error, "making a file for the tape", errno);
    int rc = write_fully(fd, bytes, size);
    if (rc != 0)
        rc = failed(error, "writing the tape", -rc);
    else if (fchmod(fd, 0644) != 0 || fsync(fd) != 0)
        rc = failed(error, "writing the tape", errno);
    if (close(fd) != 0 && rc == 0)
        rc = failed(error, "writing the tape", errno);
    if (rc == 0 && rename(temporary, path) != 0)
        rc = failed(error, "naming the tape", errno);
    if (rc != 0)
        unlink(temporary);
    else
        sync_folder(temporary);
    return rc;
}

int sri_tape_file_write(const struct sri_tape_file *file, const char *path, struct sri_tape_error *error)
{
    size_t size = sri_tape_file_format(file, NULL, 0, error);
    if (size == 0)
        return -EINVAL;
    size_t path_length = strlen(path);
    uint8_t *bytes = sri_alloc(size);
    char *temporary = sri_alloc(path_length + sizeof ".XXXXXX");
    int rc;
    if (bytes == NULL || temporary == NULL) {
        rc = failed(error, "writing the tape", ENOMEM);
    } else {
        sri_tape_file_format(file, bytes, size, error);
        memcpy(temporary, path, path_length);
        memcpy(temporary + path_length, ".XXXXXX", sizeof ".XXXXXX");
        rc = write_and_rename(bytes, size, temporary, path, error);
    }
    sri_free(temporary);
    sri_free(bytes);
    return rc;
}
