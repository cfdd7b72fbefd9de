/*
 * The inside of a provider: its headers by the number the kernel knows each buffer by, and the ring of entries that kernel
 * and library share.
 */
#ifndef SRI_RING_PROVIDER_H
#define SRI_RING_PROVIDER_H

#include "base/lock.h"
#include "ring/ring_private.h"
#include "safer_ring/provider.h"

/* Its buffers name it by its address. */
struct sr_provider {
    struct sri_origin origin;
    struct sr_ring *ring;
    struct sr_provider *next;
    struct sr_hold hold;
    size_t buffer_size;
    size_t stride; /* from one buffer's bytes to the next one's */
    uint32_t count;
    uint16_t group;
    uint8_t *region;
    struct sr_buffer **headers;
    struct io_uring_buf_ring *entries; /* shared with the kernel */
    struct sri_lock lock; /* of what follows, and of the entries' tail: buffers come home from any thread */
    uint32_t available;
};

/* Did the operation leave its buffer to the kernel? Asked before its last completion only. */
static inline bool sri_selects(const struct sri_slot *slot)
{
    return slot->buffer == NULL && sri_kind(slot->opcode)->may_select;
}

/* May this CQE bring what it brings? */
static inline bool sri_may_bring(const struct sri_slot *slot, const struct io_uring_cqe *cqe)
{
    return (cqe->flags & IORING_CQE_F_BUFFER) == 0 || sri_selects(slot);
}

/* The buffer that the kernel has selected; its own until the completion. */
struct sr_buffer *sri_provider_selected(struct sr_ring *ring, const struct sri_slot *slot,
                                        const struct io_uring_cqe *cqe);

#endif
