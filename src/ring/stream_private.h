/*
 * The inside of a stream, and what the files of this room do for each other. Everything here uses the public ring.
 *
 * Handles stand in structures, which the compile-time analysis of ownership does not follow.
 */
#ifndef SRI_RING_STREAM_PRIVATE_H
#define SRI_RING_STREAM_PRIVATE_H

#ifndef SR_NO_OWNERSHIP_ANALYSIS
#define SR_NO_OWNERSHIP_ANALYSIS
#endif
#include "safer_ring/stream.h"

enum sri_stream_kind {
    SRI_STREAM_FILE,
    SRI_STREAM_SOCKET,
    SRI_STREAM_READER,
    SRI_STREAM_WRITER,
};

/* What a direction has under way. */
enum sri_doing {
    SRI_DOING_NOTHING,
    SRI_DOING_MOVE, /* the buffer is with the operation */
    SRI_DOING_POLL, /* after -EAGAIN: until the descriptor is ready */
    SRI_DOING_SHUT,
};

/* One direction: one buffer, at most one operation. */
struct sri_lane {
    struct sr_buffer *buffer;
    struct sr_op op;
    enum sri_doing doing;
    bool lost;    /* a drain has ended an operation whose count nobody took */
    bool blocks;  /* the last call on the stream could not go on before this operation ends */
    int error;    /* writing: failed while the stream was read, and to be told */
    size_t begin; /* bytes [begin, end) of the buffer: read and not given yet; accepted and not written yet */
    size_t end;
    uint64_t offset;   /* of buffer[begin] in the file */
    uint32_t refusals; /* in a row */
};

struct sr_stream {
    struct sr_ring *ring;
    struct sr_hold hold;
    int fd;
    enum sri_stream_kind kind;
    size_t buffer_bytes;
    bool keep_descriptor;
    bool has_no_position; /* found out: -ESPIPE */
    bool waiting;         /* a call on it waits, and callbacks run */
    bool writes;          /* file: the direction of the last call, whose lane has the offset */
    bool shut;            /* the direction of writing has ended, or is about to */
    uint32_t orphans;     /* after a drop: operations under way, and the drop itself */
    int *close_result;    /* where the result of close(2) goes, or NULL */
    uint64_t accepted;
    uint64_t written;
    struct sri_lane in;
    struct sri_lane out;
    struct sri_lane end; /* the shutdown; it has no buffer */
    char name[48];
};

/* stream_lane.c: none of them blocks. */

/*
 * Moves bytes of a lane once: `reads` into its empty buffer, otherwise from buffer[begin, end). 0 and *moved (0: the end);
 * SR_EOPERATION_PENDING; an error, and the bytes are where they were. The kernel's own is in lane->error too.
 */
int sri_lane_move(struct sr_stream *stream, struct sri_lane *lane, bool reads, size_t *moved);
/* Ends what is under way: 0 and the kernel's *result, or why not. A read's bytes are not looked at. */
int sri_lane_finish(struct sr_stream *stream, struct sri_lane *lane, int32_t *result);
/* Starts writing buffer[begin, end). */
int sri_lane_start_write(struct sr_stream *stream);

/* stream_write.c */

/* Writes what was accepted, as far as it goes now. An error is kept to be told. */
int sri_stream_push(struct sr_stream *stream);
/* The same, and tells. 0: nothing accepted is left. */
int sri_stream_drain_writes(struct sr_stream *stream);

/* stream.c */

/* May a call be made now? Begins it. */
int sri_stream_call(struct sr_stream *stream, bool waits);
/* After SR_EOPERATION_PENDING: waits until the call may go on. */
int sri_stream_wait(struct sr_stream *stream);

static inline bool sri_stream_has_offset(const struct sr_stream *stream)
{
    return stream->kind != SRI_STREAM_SOCKET && !stream->has_no_position;
}

#endif
