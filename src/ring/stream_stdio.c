/*
 * A FILE * over a stream. The C library buffers; what it hands over is flushed at once, so that fflush(3) means what it says.
 */
#include "ring/stream_private.h"

#include <errno.h>
#include <string.h>

/* Sets errno: the library's own codes are not among the system's. */
static void tell(int rc)
{
    errno = rc > -4096 ? -rc : EINVAL;
}

static ssize_t read_cookie(void *cookie, char *bytes, size_t size)
{
    size_t count;
    int rc = sr_stream_read(cookie, bytes, size, &count);
    if (rc == 0)
        return (ssize_t)count;
    tell(rc);
    return -1;
}

/* The number the kernel has; fopencookie(3) wants no negative one. */
static ssize_t write_cookie(void *cookie, const char *bytes, size_t size)
{
    struct sr_stream *stream = cookie;
    uint64_t before = sr_stream_accepted(stream);
    size_t accepted = 0;
    int rc = sr_stream_write_all(stream, bytes, size, &accepted);
    if (rc == 0)
        rc = sr_stream_flush(stream, NULL);
    if (rc == 0)
        return (ssize_t)size;
    tell(rc);
    /* The C library keeps what it is told was not written, so the stream must not keep it too. */
    if (sr_stream_discard(stream, NULL) != 0)
        return (ssize_t)accepted;
    uint64_t written = sr_stream_written(stream);
    return written > before ? (ssize_t)(written - before) : 0;
}

static int seek_cookie(void *cookie, off64_t *offset, int whence)
{
    uint64_t position;
    int rc = sr_stream_seek(cookie, *offset, whence, &position);
    if (rc != 0) {
        tell(rc);
        return -1;
    }
    *offset = (off64_t)position;
    return 0;
}

static int close_cookie(void *cookie)
{
    struct sr_stream *stream = cookie;
    int rc = sr_stream_close(&stream, NULL);
    if (rc == 0)
        return 0;
    if (stream != NULL) {
        int dropped = sr_stream_drop(&stream);
        (void)dropped; /* what refused the close is told */
    }
    tell(rc);
    return EOF;
}

int sr_stream_fopen(struct sr_stream **stream, const char *mode, FILE **file)
{
    static const cookie_io_functions_t functions = {read_cookie, write_cookie, seek_cookie, close_cookie};
    if (stream == NULL || *stream == NULL || mode == NULL || file == NULL)
        return -EINVAL;
    errno = 0;
    FILE *made = fopencookie(*stream, mode, functions);
    if (made == NULL)
        return errno != 0 ? -errno : -EINVAL;
    *stream = NULL;
    *file = made;
    return 0;
}
