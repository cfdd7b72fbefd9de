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
#include "fate/whole_file.h"

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

int sri_tape_file_write(const struct sri_tape_file *file, const char *path, struct sri_tape_error *error)
{
    size_t size = sri_tape_file_format(file, NULL, 0, error);
    if (size == 0)
        return -EINVAL;
    uint8_t *bytes = sri_alloc(size);
    if (bytes == NULL)
        return failed(error, "writing the tape", ENOMEM);
    sri_tape_file_format(file, bytes, size, error);
    const char *doing = "writing";
    int rc = sri_whole_file_write(path, bytes, size, &doing);
    sri_free(bytes);
    return rc != 0 ? failed(error, doing, -rc) : 0;
}
