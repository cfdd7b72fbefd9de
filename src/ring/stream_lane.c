/*
 * One direction of a stream: one operation at a time, short ones continued, interrupted ones made again, in loops and never by
 * recursion (STR-1). Knows nothing of what the bytes are for.
 */
#include "ring/stream_private.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

/* How often in a row the kernel may move nothing before it is believed. */
#define REFUSALS_MAX 1000u

static struct sr_op_spec spec_of(const struct sr_stream *stream, const struct sri_lane *lane, bool reads)
{
    struct sr_fd fd = sr_fd(stream->fd);
    struct sr_range range =
        reads ? sr_range(0, stream->buffer_bytes) : sr_range(lane->begin, lane->end - lane->begin);
    if (stream->kind == SRI_STREAM_SOCKET)
        return reads ? sr_spec_recv(fd, range, 0) : sr_spec_send(fd, range, MSG_NOSIGNAL);
    uint64_t offset = stream->has_no_position ? SR_OWN_POSITION : lane->offset;
    return reads ? sr_spec_read(fd, offset, range) : sr_spec_write(fd, offset, range);
}

static int start(struct sr_stream *stream, struct sri_lane *lane, bool reads)
{
    if (lane->buffer == NULL) {
        int rc = sr_buffer_new(&lane->buffer, stream->buffer_bytes);
        if (rc != 0)
            return rc;
    }
    struct sr_op_spec spec = spec_of(stream, lane, reads);
    int rc = sr_op_start(stream->ring, &spec, &lane->buffer, &lane->op);
    if (rc == 0)
        lane->doing = SRI_DOING_MOVE;
    return rc;
}

int sri_lane_start_write(struct sr_stream *stream)
{
    return start(stream, &stream->out, false);
}

/* A descriptor that does not wait by itself (O_NONBLOCK) is waited for. */
static int start_poll(struct sr_stream *stream, struct sri_lane *lane, bool reads)
{
    struct sr_op_spec spec = sr_spec_poll(sr_fd(stream->fd), reads ? POLLIN : POLLOUT);
    int rc = sr_op_start_plain(stream->ring, &spec, &lane->op);
    if (rc == 0)
        lane->doing = SRI_DOING_POLL;
    return rc;
}

/*
 * The operation's handle is stale: the ring was drained, and nobody took its count. A file's own read has moved nothing but
 * bytes that can be read again; everything else can't be continued without losing or doubling some, and says so (STR-4).
 */
static int after_drain(struct sr_stream *stream, struct sri_lane *lane, int32_t *result)
{
    bool certain = lane->doing != SRI_DOING_MOVE || (stream->kind == SRI_STREAM_FILE && lane == &stream->in);
    lane->doing = SRI_DOING_NOTHING;
    lane->lost = !certain;
    *result = -EINTR;
    return certain ? 0 : SR_ESTALE;
}

int sri_lane_finish(struct sr_stream *stream, struct sri_lane *lane, int32_t *result)
{
    struct sr_completion done;
    int rc = sr_op_peek(stream->ring, &lane->op, &done);
    if (rc == SR_ESTALE)
        return after_drain(stream, lane, result);
    lane->blocks = rc == SR_EOPERATION_PENDING;
    if (rc != 0)
        return rc;
    *result = lane->doing == SRI_DOING_MOVE ? sr_take(&done, &lane->buffer) : sr_take_plain(&done);
    lane->doing = SRI_DOING_NOTHING;
    return 0;
}

/* Nothing was moved: 0 to try again, or the error to tell. */
static int refused(struct sr_stream *stream, struct sri_lane *lane, bool reads, int32_t result)
{
    if (result == -ESPIPE && sri_stream_has_offset(stream)) {
        stream->has_no_position = true;
        return 0;
    }
    bool passes = result == 0 || result == -EINTR || result == -EAGAIN;
    if (passes && ++lane->refusals < REFUSALS_MAX)
        return result == -EAGAIN ? start_poll(stream, lane, reads) : 0;
    lane->refusals = 0;
    lane->error = result == 0 ? -EIO : result;
    return lane->error;
}

int sri_lane_move(struct sr_stream *stream, struct sri_lane *lane, bool reads, size_t *moved)
{
    if (lane->lost)
        return SR_ESTALE;
    for (;;) {
        int rc = lane->doing == SRI_DOING_NOTHING ? start(stream, lane, reads) : 0;
        if (rc != 0)
            return rc;
        bool polled = lane->doing == SRI_DOING_POLL;
        int32_t result;
        rc = sri_lane_finish(stream, lane, &result);
        if (rc != 0)
            return rc;
        if (polled)
            continue;
        if (result > 0 || (result == 0 && reads)) {
            lane->refusals = 0;
            *moved = (size_t)result;
            return 0;
        }
        rc = refused(stream, lane, reads, result);
        if (rc != 0)
            return rc;
    }
}
