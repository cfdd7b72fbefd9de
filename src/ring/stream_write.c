/*
 * Writing to a stream: bytes are accepted into the lane's buffer and written from there until the kernel has them all, in
 * order, each once (STR-1, STR-3).
 */
#include "ring/stream_private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static int begin(struct sr_stream *stream, bool waits)
{
    int refused = sri_stream_call(stream, waits);
    if (refused != 0)
        return refused;
    return stream->kind == SRI_STREAM_READER ? -EBADF : 0;
}

/* The rest of a short write begins where the kernel stopped. */
int sri_stream_push(struct sr_stream *stream)
{
    struct sri_lane *out = &stream->out;
    while (out->begin < out->end || out->lost) {
        size_t moved;
        int rc = sri_lane_move(stream, out, false, &moved);
        if (rc != 0)
            return rc;
        out->begin += moved;
        out->offset += moved;
        stream->written += moved;
    }
    return 0;
}

int sri_stream_drain_writes(struct sr_stream *stream)
{
    int rc = stream->out.error != 0 ? stream->out.error : sri_stream_push(stream);
    stream->out.error = 0;
    return rc;
}

/* A file's writes go where its reads have come to: what was read ahead is forgotten, and will be read again (STR-2). */
static int turn_to_writing(struct sr_stream *stream)
{
    if (stream->kind != SRI_STREAM_FILE || stream->writes)
        return 0;
    struct sri_lane *in = &stream->in;
    while (in->doing != SRI_DOING_NOTHING) {
        int32_t unread;
        int rc = sri_lane_finish(stream, in, &unread);
        if (rc != 0)
            return rc;
    }
    in->begin = in->end = 0;
    stream->out.offset = in->offset;
    stream->writes = true;
    return 0;
}

/* Copies bytes into the empty buffer and starts writing them; nothing was accepted if that can't be started. */
static int take_in(struct sr_stream *stream, const void *bytes, size_t size)
{
    struct sri_lane *out = &stream->out;
    struct sr_guard guard;
    int rc = sr_buffer_try_access(&out->buffer, &guard);
    if (rc != 0)
        return rc;
    memcpy(sr_guard_bytes(&guard), bytes, size);
    sr_guard_end(&guard, &out->buffer);
    out->begin = 0;
    out->end = size;
    rc = sri_lane_start_write(stream);
    if (rc != 0)
        out->end = 0;
    else
        stream->accepted += size;
    return rc;
}

int sr_stream_poll_write(struct sr_stream *stream, const void *bytes, size_t size, size_t *count)
{
    int rc = begin(stream, false);
    if (rc == 0 && (count == NULL || (bytes == NULL && size > 0)))
        rc = -EINVAL;
    if (rc == 0 && stream->shut)
        rc = -EPIPE;
    if (rc == 0 && size > 0)
        rc = turn_to_writing(stream);
    if (rc == 0 && size > 0)
        rc = sri_stream_drain_writes(stream);
    if (rc != 0)
        return rc;
    size_t length = size < stream->buffer_bytes ? size : stream->buffer_bytes;
    rc = length > 0 ? take_in(stream, bytes, length) : 0;
    if (rc == 0)
        *count = length;
    return rc;
}

int sr_stream_write(struct sr_stream *stream, const void *bytes, size_t size, size_t *count)
{
    int rc = begin(stream, true);
    while (rc == 0) {
        rc = sr_stream_poll_write(stream, bytes, size, count);
        if (rc != SR_EOPERATION_PENDING)
            return rc;
        rc = sri_stream_wait(stream);
    }
    return rc;
}

int sr_stream_write_all(struct sr_stream *stream, const void *bytes, size_t size, size_t *count)
{
    size_t done = 0;
    int rc = begin(stream, true);
    if (rc == 0 && bytes == NULL && size > 0)
        rc = -EINVAL;
    while (rc == 0 && done < size) {
        size_t moved = 0;
        rc = sr_stream_write(stream, (const char *)bytes + done, size - done, &moved);
        done += moved;
    }
    if (count != NULL)
        *count = done;
    return rc;
}

/* Also on failure the caller learns how much the kernel has (STR-3). */
int sr_stream_poll_flush(struct sr_stream *stream, uint64_t *written)
{
    int rc = begin(stream, false);
    if (rc == 0)
        rc = sri_stream_drain_writes(stream);
    if (written != NULL)
        *written = sr_stream_written(stream);
    return rc;
}

/* The blocking form of a call that flushes. */
static int until_flushed(struct sr_stream *stream, uint64_t *written,
                         int (*poll)(struct sr_stream *stream, uint64_t *written))
{
    if (written != NULL)
        *written = sr_stream_written(stream);
    int rc = begin(stream, true);
    while (rc == 0) {
        rc = poll(stream, written);
        if (rc != SR_EOPERATION_PENDING)
            return rc;
        rc = sri_stream_wait(stream);
    }
    return rc;
}

int sr_stream_flush(struct sr_stream *stream, uint64_t *written)
{
    return until_flushed(stream, written, sr_stream_poll_flush);
}

/* The socket's own end. A failed one can be tried again. */
static int shut(struct sr_stream *stream)
{
    struct sri_lane *end = &stream->end;
    for (;;) {
        if (end->doing == SRI_DOING_NOTHING) {
            struct sr_op_spec spec = sr_spec_shutdown(sr_fd(stream->fd), SHUT_WR);
            int rc = sr_op_start_plain(stream->ring, &spec, &end->op);
            if (rc != 0)
                return rc;
            end->doing = SRI_DOING_SHUT;
            stream->shut = true;
        }
        int32_t result;
        int rc = sri_lane_finish(stream, end, &result);
        if (rc != 0)
            return rc;
        if (result == -EINTR || result == -EAGAIN)
            continue;
        stream->shut = result == 0;
        return result;
    }
}

int sr_stream_poll_shutdown(struct sr_stream *stream, uint64_t *written)
{
    int rc = sr_stream_poll_flush(stream, written);
    if (rc != 0)
        return rc;
    bool under_way = stream->end.doing != SRI_DOING_NOTHING;
    if (stream->kind == SRI_STREAM_SOCKET && (!stream->shut || under_way))
        return shut(stream);
    stream->shut = true;
    return 0;
}

int sr_stream_shutdown(struct sr_stream *stream, uint64_t *written)
{
    return until_flushed(stream, written, sr_stream_poll_shutdown);
}

int sr_stream_discard(struct sr_stream *stream, size_t *discarded)
{
    int rc = begin(stream, false);
    if (rc != 0)
        return rc;
    struct sri_lane *out = &stream->out;
    if (out->doing != SRI_DOING_NOTHING)
        return SR_EOPERATION_PENDING;
    if (discarded != NULL)
        *discarded = out->end - out->begin;
    out->begin = out->end = 0;
    out->error = 0;
    return 0;
}
