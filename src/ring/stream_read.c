/*
 * Reading from a stream: bytes come through the lane's buffer and leave in order, each once (STR-1).
 */
#include "ring/stream_private.h"

#include <errno.h>
#include <string.h>

static int begin(struct sr_stream *stream, const void *bytes, size_t size, bool waits)
{
    int refused = sri_stream_call(stream, waits);
    if (refused != 0)
        return refused;
    if (bytes == NULL && size > 0)
        return -EINVAL;
    return stream->kind == SRI_STREAM_WRITER ? -EBADF : 0;
}

/* A file's reads see what was written before, and go on where that ended (STR-2). */
static int turn_to_reading(struct sr_stream *stream)
{
    if (!stream->writes)
        return 0;
    int rc = sri_stream_drain_writes(stream);
    if (rc != 0)
        return rc;
    stream->in.offset = stream->out.offset;
    stream->in.begin = stream->in.end = 0;
    stream->writes = false;
    return 0;
}

/*
 * Until there are bytes in the buffer, or the end. A socket's peer may wait for the rest of what was written before it says
 * anything: that goes on meanwhile, and its error is told by the next call that writes.
 */
static int fill(struct sr_stream *stream)
{
    struct sri_lane *in = &stream->in;
    size_t moved = 0;
    int rc = turn_to_reading(stream);
    if (rc != 0 || in->begin < in->end)
        return rc;
    if (stream->kind == SRI_STREAM_SOCKET && stream->out.error == 0) {
        int later = sri_stream_push(stream);
        (void)later;
    }
    rc = sri_lane_move(stream, in, true, &moved);
    if (rc != 0)
        return rc;
    in->begin = 0;
    in->end = moved;
    return 0;
}

/* Hands out what the buffer has. */
static int give(struct sri_lane *in, void *bytes, size_t size, size_t *count)
{
    size_t length = in->end - in->begin < size ? in->end - in->begin : size;
    if (length > 0) {
        struct sr_guard guard;
        int rc = sr_buffer_try_access(&in->buffer, &guard);
        if (rc != 0)
            return rc;
        memcpy(bytes, sr_guard_bytes(&guard) + in->begin, length);
        sr_guard_end(&guard, &in->buffer);
    }
    in->begin += length;
    in->offset += length;
    *count = length;
    return 0;
}

int sr_stream_poll_read(struct sr_stream *stream, void *bytes, size_t size, size_t *count)
{
    if (count == NULL)
        return -EINVAL;
    int rc = begin(stream, bytes, size, false);
    if (rc == 0 && size > 0)
        rc = fill(stream);
    return rc == 0 ? give(&stream->in, bytes, size, count) : rc;
}

int sr_stream_read(struct sr_stream *stream, void *bytes, size_t size, size_t *count)
{
    int rc = begin(stream, bytes, size, true);
    while (rc == 0) {
        rc = sr_stream_poll_read(stream, bytes, size, count);
        if (rc != SR_EOPERATION_PENDING)
            return rc;
        rc = sri_stream_wait(stream);
    }
    return rc;
}

int sr_stream_read_exact(struct sr_stream *stream, void *bytes, size_t size, size_t *count)
{
    size_t done = 0;
    int rc = begin(stream, bytes, size, true);
    while (rc == 0 && done < size) {
        size_t moved = 0;
        rc = sr_stream_read(stream, (char *)bytes + done, size - done, &moved);
        if (rc == 0 && moved == 0)
            rc = -ENODATA;
        done += moved;
    }
    if (count != NULL)
        *count = done;
    return rc;
}
