/*
 * The inside of a buffer. Only this room sees it.
 */
#ifndef SRI_RING_BUFFER_H
#define SRI_RING_BUFFER_H

#include <sys/uio.h>

#include "machine/ownership.h"
#include "safer_ring/hot.h"

/* Where a buffer comes from, and goes when nobody wants it any more (BUF-9). */
struct sri_origin {
    /* Takes the buffer home; its owner is SRI_OWNER_NOBODY already. Any thread. */
    void (*home)(const struct sri_origin *origin, struct sr_buffer *buffer);
};

/* The kernel copies to memory just past a page's start three times slower than to a page's start (measured). */
static inline size_t sri_bytes_alignment(size_t size)
{
    return size >= 4096 ? 4096 : 64;
}

/* Headers (BUF-4): one of nobody's, with no bytes, or NULL; and back. Any thread. */
struct sr_buffer *sri_header_take(void);
void sri_header_return(struct sr_buffer *buffer);

/* The parts of a vector and their iovec, one allocation. */
struct sri_vector {
    uint32_t count;
    struct sr_buffer **parts;
    struct iovec segments[];
};

/* The moves a ring makes with a buffer it was given. */
static inline void sri_buffer_move(struct sr_buffer *buffer, enum sri_owner_event event)
{
    SRI_REQUIRE(sri_ownership_move(&buffer->owner, event) == 0);
}

/* To its origin, after a RELEASE or DISPOSE has moved it. */
void sri_buffer_home(struct sr_buffer *buffer);

#endif
