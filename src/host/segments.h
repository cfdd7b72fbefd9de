/*
 * The part of an attempt's segments that is still to move.
 */
#ifndef SRI_HOST_SEGMENTS_H
#define SRI_HOST_SEGMENTS_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "engine/world.h"

struct sri_host_segments {
    struct iovec at[IOV_MAX];
};

struct sri_host_span {
    const struct iovec *segments;
    size_t count;
};

/* Bytes asked for: what the segments hold, or the attempt's limit. */
static inline uint64_t sri_host_length(const struct sri_attempt *attempt)
{
    uint64_t length = 0;
    for (uint32_t i = 0; i < attempt->segment_count; i++)
        length += attempt->segments[i].iov_len;
    return length < attempt->limit ? length : attempt->limit;
}

/* What lies after the first `done` bytes, up to the limit. `room` is used when the attempt's own segments don't fit. */
static inline struct sri_host_span sri_host_span(const struct sri_attempt *attempt, uint64_t done,
                                                 struct sri_host_segments *room)
{
    uint64_t whole = 0;
    for (uint32_t i = 0; i < attempt->segment_count; i++)
        whole += attempt->segments[i].iov_len;
    if (done == 0 && whole <= attempt->limit)
        return (struct sri_host_span){attempt->segments, attempt->segment_count};

    uint64_t left = (whole < attempt->limit ? whole : attempt->limit) - done;
    size_t count = 0;
    for (uint32_t i = 0; i < attempt->segment_count && left != 0 && count < IOV_MAX; i++) {
        size_t length = attempt->segments[i].iov_len;
        if (done >= length) {
            done -= length;
            continue;
        }
        size_t part = length - (size_t)done;
        room->at[count].iov_base = (char *)attempt->segments[i].iov_base + done;
        room->at[count].iov_len = part < left ? part : (size_t)left;
        left -= room->at[count++].iov_len;
        done = 0;
    }
    return (struct sri_host_span){room->at, count};
}

#endif
