/*
 * Lists of the program's segments, by the door.
 */
#ifndef SRI_ENGINE_SEGMENTS_H
#define SRI_ENGINE_SEGMENTS_H

#include "engine/request.h"

/* The most that one call moves: a page less than INT_MAX (read(2), NOTES). */
#define SRI_LENGTH_MOST UINT32_C(0x7ffff000)

/* The sum of the lengths; -EINVAL when one is negative as a ssize_t. What is above the most a call moves is cut off. */
int sri_segments_length(const struct iovec *segments, uint32_t count, uint32_t *length);

/* The leading `length` bytes. 0 or -EFAULT. */
int sri_segments_writable(struct sri_user *user, const struct iovec *segments, uint32_t count,
                          uint64_t length);
int sri_segments_copy_in(struct sri_user *user, const struct iovec *segments, void *to, uint64_t length);
int sri_segments_copy_out(struct sri_user *user, const struct iovec *segments, const void *from,
                          uint64_t length);
void sri_segments_fill(const struct iovec *segments, uint8_t byte, uint64_t length);

/* The attempt goes on behind its first `bytes`; the program's own list stays as it is. 0 or -ENOMEM. */
int sri_segments_advance(struct sri_request *request, uint64_t bytes);

#endif
