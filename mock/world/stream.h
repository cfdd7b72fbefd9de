/*
 * Bytes under way in one direction: what a pipe holds, what a socket was sent. First in, first out; the last bytes may
 * not have arrived yet. Knows neither descriptors nor who waits.
 */
#ifndef SRI_WORLD_STREAM_H
#define SRI_WORLD_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "world/cursor.h"

struct sri_stream {
    uint8_t *bytes;  /* kept when the stream is used again */
    size_t capacity; /* allocated */
    size_t head;
    size_t used;
    size_t arrived;      /* of those used; what a reader sees */
    size_t limit;        /* how many it may hold */
    uint64_t taken;      /* by its reader, since its beginning: the place of the first byte it holds */
    uint64_t arrival_ns; /* when the rest arrives */
    struct sri_node under_way;
};

/* Makes it empty, keeping its memory. */
void sri_stream_begin(struct sri_stream *stream, size_t limit);
void sri_stream_fini(struct sri_stream *stream);

static inline size_t sri_stream_room(const struct sri_stream *stream)
{
    return stream->used < stream->limit ? stream->limit - stream->used : 0;
}

/* Moves bytes from the cursor in, as many as there is room for. The count; -EFAULT or -ENOMEM with nothing moved. */
int64_t sri_stream_put(struct sri_stream *stream, struct sri_cursor *cursor);

/* Moves arrived bytes to the cursor; `peek` leaves them there. The count; -EFAULT with nothing moved. */
int64_t sri_stream_get(struct sri_stream *stream, struct sri_cursor *cursor, bool peek);

/* Copies arrived bytes, those behind the first `skip`, and leaves them there. The count, or -EFAULT with none copied. */
int64_t sri_stream_copy(struct sri_stream *stream, size_t skip, struct sri_cursor *cursor);

/* Drops so many arrived bytes. */
void sri_stream_drop(struct sri_stream *stream, size_t count);

/* Writes what stands at these places once more, as far as it is still here. */
void sri_stream_rewrite(struct sri_stream *stream, uint64_t place, struct sri_cursor *cursor);

/* Takes back what was put last, down to `used` bytes. */
void sri_stream_cut(struct sri_stream *stream, size_t used);

/* Drops everything. */
void sri_stream_discard(struct sri_stream *stream);

#endif
