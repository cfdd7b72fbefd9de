/*
 * The life of a stream: made over a descriptor, holding its ring, dropped with work in flight, its descriptor closed when
 * the last of that has ended (STR-5).
 */
#include "ring/stream_private.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/text.h"

static const char *const kinds[] = {
    [SRI_STREAM_FILE] = "file stream",
    [SRI_STREAM_SOCKET] = "socket stream",
    [SRI_STREAM_READER] = "reader",
    [SRI_STREAM_WRITER] = "writer",
};

static int make_buffers(struct sr_stream *stream)
{
    int rc = 0;
    if (stream->kind != SRI_STREAM_WRITER)
        rc = sr_buffer_new(&stream->in.buffer, stream->buffer_bytes);
    if (rc == 0 && stream->kind != SRI_STREAM_READER)
        rc = sr_buffer_new(&stream->out.buffer, stream->buffer_bytes);
    return rc;
}

static void release(struct sr_buffer **buffer)
{
    if (*buffer == NULL)
        return;
    int rc = sr_buffer_release(buffer);
    (void)rc; /* it is the stream's: nothing refuses */
}

static void free_stream(struct sr_stream *stream)
{
    release(&stream->in.buffer);
    release(&stream->out.buffer);
    sr_ring_let_go(&stream->hold);
    sri_free(stream);
}

static int make(struct sr_ring *ring, int fd, const struct sr_stream_options *options,
                enum sri_stream_kind kind, struct sr_stream **out)
{
    static const struct sr_stream_options none;
    if (options == NULL)
        options = &none;
    if (ring == NULL || fd < 0 || out == NULL || options->buffer_bytes > SR_STREAM_BUFFER_MAX)
        return -EINVAL;
    struct sr_stream *stream = sri_alloc_zero(1, sizeof *stream);
    if (stream == NULL)
        return -ENOMEM;
    stream->ring = ring;
    stream->fd = fd;
    stream->kind = kind;
    stream->buffer_bytes = options->buffer_bytes != 0 ? options->buffer_bytes : SR_STREAM_BUFFER_DEFAULT;
    stream->keep_descriptor = options->keep_descriptor;
    stream->in.offset = stream->out.offset = options->offset;
    sri_format(stream->name, sizeof stream->name, "a %s on descriptor %d", kinds[kind], fd);
    int rc = sr_ring_hold(ring, &stream->hold, stream->name);
    if (rc == 0)
        rc = make_buffers(stream);
    if (rc != 0) {
        free_stream(stream);
        return rc;
    }
    *out = stream;
    return 0;
}

int sr_file(struct sr_ring *ring, int fd, const struct sr_stream_options *options, struct sr_stream **out)
{
    return make(ring, fd, options, SRI_STREAM_FILE, out);
}

int sr_socket(struct sr_ring *ring, int fd, const struct sr_stream_options *options, struct sr_stream **out)
{
    return make(ring, fd, options, SRI_STREAM_SOCKET, out);
}

int sr_reader(struct sr_ring *ring, int fd, const struct sr_stream_options *options, struct sr_stream **out)
{
    return make(ring, fd, options, SRI_STREAM_READER, out);
}

int sr_writer(struct sr_ring *ring, int fd, const struct sr_stream_options *options, struct sr_stream **out)
{
    return make(ring, fd, options, SRI_STREAM_WRITER, out);
}

int sri_stream_call(struct sr_stream *stream, bool waits)
{
    if (stream == NULL)
        return -EINVAL;
    int refused = waits ? sr_ring_may_wait(stream->ring) : sr_ring_may_start(stream->ring);
    if (refused != 0)
        return refused;
    if (stream->waiting)
        return SR_EINVALID_STATE;
    stream->in.blocks = stream->out.blocks = stream->end.blocks = false;
    return 0;
}

/* Callbacks run meanwhile, and must not use the stream: what the call has found out would not hold any more. */
int sri_stream_wait(struct sr_stream *stream)
{
    const struct sri_lane *const lanes[] = {&stream->in, &stream->out, &stream->end};
    const struct sr_op *ops[3];
    size_t count = 0;
    for (size_t i = 0; i < 3; i++)
        if (lanes[i]->blocks)
            ops[count++] = &lanes[i]->op;
    stream->waiting = true;
    int rc = sr_op_wait_any(stream->ring, ops, count, SR_FOREVER);
    stream->waiting = false;
    return rc;
}

uint64_t sr_stream_accepted(const struct sr_stream *stream)
{
    return stream != NULL ? stream->accepted : 0;
}

uint64_t sr_stream_written(const struct sr_stream *stream)
{
    return stream != NULL ? stream->written : 0;
}

/* ---- Position ---- */

/* Where the next byte is read or written. */
static uint64_t position_of(const struct sr_stream *stream)
{
    if (stream->writes || stream->kind == SRI_STREAM_WRITER)
        return stream->out.offset + (stream->out.end - stream->out.begin);
    return stream->in.offset;
}

/* Nothing is under way in either direction, and nothing accepted is left; or SR_EOPERATION_PENDING. */
static int settle(struct sr_stream *stream)
{
    int rc = sri_stream_call(stream, false);
    if (rc == 0 && stream->kind != SRI_STREAM_READER)
        rc = sri_stream_drain_writes(stream);
    while (rc == 0 && stream->in.doing != SRI_DOING_NOTHING) {
        int32_t unread;
        rc = sri_lane_finish(stream, &stream->in, &unread);
    }
    return rc;
}

int sr_stream_seek(struct sr_stream *stream, int64_t offset, int whence, uint64_t *position)
{
    int rc = sri_stream_call(stream, true);
    if (rc != 0)
        return rc;
    if (!sri_stream_has_offset(stream))
        return -ESPIPE;
    uint64_t from = whence == SEEK_CUR ? position_of(stream) : 0;
    uint64_t to;
    if ((whence != SEEK_SET && whence != SEEK_CUR) || __builtin_add_overflow(from, offset, &to) ||
        to > INT64_MAX)
        return -EINVAL;
    while ((rc = settle(stream)) == SR_EOPERATION_PENDING) {
        rc = sri_stream_wait(stream);
        if (rc != 0)
            return rc;
    }
    if (rc != 0)
        return rc;
    stream->in.begin = stream->in.end = 0;
    stream->in.offset = stream->out.offset = to;
    if (position != NULL)
        *position = to;
    return 0;
}

/* ---- The end ---- */

/* One thing less is under way. The last one closes the descriptor: an operation can't meet another file behind its number. */
static void ended(void *user)
{
    struct sr_stream *stream = user;
    if (--stream->orphans > 0)
        return;
    int rc = stream->keep_descriptor ? 0 : sr_ring_close_descriptor(stream->ring, stream->fd);
    if (stream->close_result != NULL)
        *stream->close_result = rc;
    free_stream(stream);
}

static void drop_lane(struct sr_stream *stream, struct sri_lane *lane)
{
    if (lane->doing == SRI_DOING_NOTHING)
        return;
    stream->orphans++;
    /* Stale: a drain has ended it. In a forked child it is the parent's. */
    if (sr_op_drop_then(stream->ring, &lane->op, ended, stream) != 0)
        stream->orphans--;
}

/* From now on the orphans keep the ring from being closed. *close_result is written if nothing is under way. */
static void leave(struct sr_stream *stream, int *close_result)
{
    sr_ring_let_go(&stream->hold);
    release(&stream->in.buffer);
    release(&stream->out.buffer);
    stream->orphans = 1;
    drop_lane(stream, &stream->in);
    drop_lane(stream, &stream->out);
    drop_lane(stream, &stream->end);
    stream->close_result = stream->orphans == 1 ? close_result : NULL;
    ended(stream);
}

int sr_stream_drop(struct sr_stream **handle)
{
    if (handle == NULL || *handle == NULL)
        return -EINVAL;
    if (sr_ring_may_start((*handle)->ring) == SR_EWRONG_THREAD)
        return SR_EWRONG_THREAD;
    if ((*handle)->waiting)
        return SR_EINVALID_STATE;
    struct sr_stream *stream = *handle;
    *handle = NULL;
    leave(stream, NULL);
    return 0;
}

int sr_stream_close(struct sr_stream **handle, uint64_t *written)
{
    if (handle == NULL)
        return -EINVAL;
    struct sr_stream *stream = *handle;
    int rc = sri_stream_call(stream, true);
    if (rc == 0 && stream->kind != SRI_STREAM_READER)
        rc = sr_stream_flush(stream, written);
    if (rc != 0)
        return rc;
    *handle = NULL;
    leave(stream, &rc);
    return rc;
}
