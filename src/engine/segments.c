/*
 * Walks over the program's segments.
 */
#include "engine/segments.h"

#include <errno.h>
#include <string.h>

int sri_segments_length(const struct iovec *segments, uint32_t count, uint32_t *length)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (segments[i].iov_len > INT64_MAX)
            return -EINVAL;
        sum += segments[i].iov_len;
        if (sum > SRI_LENGTH_MOST)
            sum = SRI_LENGTH_MOST;
    }
    *length = (uint32_t)sum;
    return 0;
}

int sri_segments_writable(struct sri_user *user, const struct iovec *segments, uint32_t count,
                          uint64_t length)
{
    for (uint32_t i = 0; i < count && length > 0; i++) {
        uint64_t part = segments[i].iov_len < length ? segments[i].iov_len : length;
        if (sri_user_writable(user, segments[i].iov_base, part) != 0)
            return -EFAULT;
        length -= part;
    }
    return 0;
}

int sri_segments_copy_in(struct sri_user *user, const struct iovec *segments, void *to, uint64_t length)
{
    char *bytes = to;
    for (const struct iovec *segment = segments; length > 0; segment++) {
        uint64_t part = segment->iov_len < length ? segment->iov_len : length;
        if (part > 0 && sri_user_copy_in(user, bytes, segment->iov_base, part) != 0)
            return -EFAULT;
        bytes += part;
        length -= part;
    }
    return 0;
}

int sri_segments_copy_out(struct sri_user *user, const struct iovec *segments, const void *from,
                          uint64_t length)
{
    const char *bytes = from;
    for (const struct iovec *segment = segments; length > 0; segment++) {
        uint64_t part = segment->iov_len < length ? segment->iov_len : length;
        if (part > 0 && sri_user_copy_out(user, segment->iov_base, bytes, part) != 0)
            return -EFAULT;
        bytes += part;
        length -= part;
    }
    return 0;
}

void sri_segments_fill(const struct iovec *segments, uint8_t byte, uint64_t length)
{
    for (const struct iovec *segment = segments; length > 0; segment++) {
        uint64_t part = segment->iov_len < length ? segment->iov_len : length;
        sri_user_fill(segment->iov_base, byte, part);
        length -= part;
    }
}

int sri_segments_advance(struct sri_request *request, uint64_t bytes)
{
    struct sri_attempt *attempt = &request->attempt;
    struct iovec *rest = request->staging;
    if (rest == NULL) {
        rest = sri_arena_acquire(&request->ring->engine->arena, attempt->segment_count * sizeof *rest);
        if (rest == NULL)
            return -ENOMEM;
        memcpy(rest, attempt->segments, attempt->segment_count * sizeof *rest);
        request->staging = rest;
        attempt->segments = rest;
    }
    request->progress += (uint32_t)bytes;
    attempt->limit -= bytes;
    struct iovec *first = request->staging;
    first += attempt->segments - first;
    while (bytes > 0 && bytes >= first->iov_len) {
        bytes -= first->iov_len;
        first++;
        attempt->segment_count--;
    }
    if (bytes > 0) {
        first->iov_base = (char *)first->iov_base + bytes;
        first->iov_len -= bytes;
    }
    attempt->segments = first;
    return 0;
}
