/*
 * A stream's bytes stand in a ring that doubles when it must. Never holds more than its limit.
 */
#include "world/stream.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"

#define FIRST_CAPACITY 512u

void sri_stream_begin(struct sri_stream *stream, size_t limit)
{
    sri_list_init(&stream->under_way);
    sri_stream_discard(stream);
    stream->limit = limit;
    stream->arrival_ns = 0;
}

void sri_stream_fini(struct sri_stream *stream)
{
    sri_free(stream->bytes);
    stream->bytes = NULL;
    stream->capacity = 0;
}

void sri_stream_discard(struct sri_stream *stream)
{
    stream->head = 0;
    stream->taken += stream->used;
    stream->used = 0;
    stream->arrived = 0;
}

/* Room for `size` bytes in all; what is there moves to the front. */
static bool make_room(struct sri_stream *stream, size_t size)
{
    if (size <= stream->capacity)
        return true;
    size_t capacity = stream->capacity == 0 ? FIRST_CAPACITY : stream->capacity;
    while (capacity < size)
        capacity *= 2;
    uint8_t *bytes = sri_alloc(capacity);
    if (bytes == NULL)
        return false;
    size_t first = stream->capacity - stream->head;
    if (first > stream->used)
        first = stream->used;
    if (stream->used > 0) {
        memcpy(bytes, stream->bytes + stream->head, first);
        memcpy(bytes + first, stream->bytes, stream->used - first);
    }
    sri_free(stream->bytes);
    stream->bytes = bytes;
    stream->capacity = capacity;
    stream->head = 0;
    return true;
}

/* The contiguous piece that begins `at` bytes after the head; capacities are powers of two. */
static uint8_t *piece(struct sri_stream *stream, size_t at, size_t *size)
{
    size_t begin = (stream->head + at) & (stream->capacity - 1);
    if (*size > stream->capacity - begin)
        *size = stream->capacity - begin;
    return stream->bytes + begin;
}

int64_t sri_stream_put(struct sri_stream *stream, struct sri_cursor *cursor)
{
    size_t size = sri_stream_room(stream);
    if (size > cursor->left)
        size = (size_t)cursor->left;
    if (!make_room(stream, stream->used + size))
        return -ENOMEM;
    size_t done = 0;
    while (done < size) {
        size_t n = size - done;
        uint8_t *to = piece(stream, stream->used, &n);
        size_t taken = sri_cursor_take(cursor, to, n);
        stream->used += taken;
        done += taken;
        if (taken < n)
            break;
    }
    return done == 0 && cursor->faulted ? -EFAULT : (int64_t)done;
}

int64_t sri_stream_copy(struct sri_stream *stream, size_t skip, struct sri_cursor *cursor)
{
    size_t done = 0;
    while (skip + done < stream->arrived && cursor->left > 0) {
        size_t n = stream->arrived - skip - done;
        const uint8_t *from = piece(stream, skip + done, &n);
        size_t given = sri_cursor_give(cursor, from, n);
        done += given;
        if (given < n)
            break;
    }
    return done == 0 && cursor->faulted ? -EFAULT : (int64_t)done;
}

void sri_stream_drop(struct sri_stream *stream, size_t count)
{
    if (count == 0)
        return;
    stream->head = (stream->head + count) & (stream->capacity - 1);
    stream->taken += count;
    stream->used -= count;
    stream->arrived -= count;
}

void sri_stream_rewrite(struct sri_stream *stream, uint64_t place, struct sri_cursor *cursor)
{
    uint64_t at = place - stream->taken;
    while (at < stream->used && cursor->left > 0) {
        size_t n = stream->used - (size_t)at;
        uint8_t *to = piece(stream, (size_t)at, &n);
        size_t written = sri_cursor_take(cursor, to, n);
        at += written;
        if (written < n)
            break;
    }
}

void sri_stream_cut(struct sri_stream *stream, size_t used)
{
    stream->used = used;
}

int64_t sri_stream_get(struct sri_stream *stream, struct sri_cursor *cursor, bool peek)
{
    int64_t done = sri_stream_copy(stream, 0, cursor);
    if (!peek && done > 0)
        sri_stream_drop(stream, (size_t)done);
    return done;
}
