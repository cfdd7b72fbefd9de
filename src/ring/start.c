/*
 * The one door: every operation starts here. Checks everything first; after the buffer is lent nothing can fail, so a
 * refusal moves nothing (BUF-2).
 */
#include "ring/ring_private.h"

/* The bytes a specification asks of a buffer: 0 and *length, or why it can't be. */
static int resolve_range(const struct sr_op_spec *spec, const struct sr_buffer *buffer, uint32_t *length)
{
    struct sr_range range = spec->range;
    if (!range.given && range.length == 0 && range.begin == 0)
        range.length = buffer->size;
    if (range.length > UINT32_MAX)
        return -E2BIG;
    if (range.begin > buffer->size || range.length > buffer->size - range.begin)
        return -EINVAL;
    *length = (uint32_t)range.length;
    return 0;
}

/* May the buffer go with the operation? 0 and *length, the bytes asked for, or why not. */
static int check_buffer(const struct sri_kind *kind, const struct sr_op_spec *spec, const struct sr_buffer *buffer,
                        uint32_t *length)
{
    if (!kind->takes_buffer)
        return -EOPNOTSUPP;
    if (buffer->owner != SRI_OWNER_USER)
        return SR_EBUFFER_IN_FLIGHT;
    if (kind->takes_vector != (buffer->vector != NULL))
        return -EINVAL;
    if (!kind->takes_vector)
        return resolve_range(spec, buffer, length);
    *length = (uint32_t)(buffer->size < UINT32_MAX ? buffer->size : UINT32_MAX);
    return spec->range.given || spec->range.length != 0 || spec->range.begin != 0 ? -EINVAL : 0;
}

static inline int check(struct sr_ring *ring, const struct sr_op_spec *spec, const struct sr_op *op)
{
    if (ring == NULL || spec == NULL || op == NULL)
        return -EINVAL;
    int refused = sri_ring_check(ring);
    if (refused != 0)
        return refused;
    if (ring->draining || !ring->usable)
        return SR_EINVALID_STATE;
    if (sri_kind(spec->opcode)->name == NULL)
        return -EOPNOTSUPP;
    return spec->target.fixed ? SR_ENOT_REGISTERED : 0;
}

static void abandon(struct sr_ring *ring, struct sri_slot *slot)
{
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_ABANDON) == 0);
    slot->free_next = ring->free_slot;
    ring->free_slot = sri_slot_index(ring, slot);
}

/* A slot with its arguments copied and room in the SQ for its entries, or why not. */
static inline int prepare(struct sr_ring *ring, const struct sr_op_spec *spec, const struct sri_kind *kind,
                          struct sri_slot **out)
{
    uint32_t entries = spec->timeout_ns != 0 ? 2 : 1;
    if (entries > ring->uring.sq.ring_entries)
        return -E2BIG;
    struct sri_slot *slot = sri_slot_take(ring);
    if (slot == NULL)
        return -EBUSY;
    int refused = kind->special || entries == 2 ? sri_arguments_keep(ring, slot, spec) : 0;
    if (refused == 0 && !sri_reserve(ring, entries))
        refused = -EAGAIN;
    if (__builtin_expect(refused != 0, 0)) {
        abandon(ring, slot);
        return refused;
    }
    *out = slot;
    return 0;
}

/* The next entry of the SQ, for which room was reserved. */
static inline struct io_uring_sqe *next_entry(struct sr_ring *ring)
{
    return &ring->uring.sq.sqes[ring->uring.sq.sqe_tail++ & ring->uring.sq.ring_mask];
}

/* The linked timeout goes behind its operation, with the operation's id and a tag (OP-1, OP-7). */
static void queue_limit(struct sr_ring *ring, struct sri_slot *slot)
{
    struct io_uring_sqe *sqe = next_entry(ring);
    io_uring_prep_link_timeout(sqe, &sri_arguments_of(ring, slot)->limit, 0);
    sqe->user_data = sri_id(sri_slot_index(ring, slot), slot->generation, SRI_TAG_LIMIT);
    sri_mark(slot, SRI_MARK_LIMITED, 0);
    slot->owed++;
}

/* Queues the prepared operation, with its buffer or NULL. Cannot fail. */
static inline void queue(struct sr_ring *ring, struct sri_slot *slot, const struct sri_kind *kind,
                         const struct sr_op_spec *spec, struct sr_buffer *buffer, uint32_t length, struct sr_op *op)
{
    uint64_t id = sri_slot_id(ring, slot);
    slot->buffer = buffer;
    slot->length = length;
    slot->fd = kind->has_target ? spec->target.number : -1;
    slot->opcode = spec->opcode;
    slot->marks = (spec->flags & SR_OP_WANT_PEER) != 0 ? SRI_MARK_WANT_PEER : 0;
    slot->sq_position = ring->uring.sq.sqe_tail;
    struct io_uring_sqe *sqe = next_entry(ring);
    sri_encode(ring, slot, kind, spec, sqe);
    sqe->user_data = id;
    if (__builtin_expect(spec->timeout_ns != 0, 0)) {
        sqe->flags |= IOSQE_IO_LINK;
        queue_limit(ring, slot);
    }
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_QUEUE) == 0);
    SRI_REQUIRE(sri_orphan_move(&slot->claim, SRI_CLAIM_START) == 0);
    ring->in_flight++;
    ring->under_way++;
    ring->stats.started++;
    op->id = id;
}

SR_UNCHECKED int sr_op_start(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_buffer **buffer,
                             struct sr_op *op)
{
    int refused = check(ring, spec, op);
    if (refused != 0)
        return refused;
    if (buffer == NULL || *buffer == NULL)
        return -EINVAL;
    const struct sri_kind *kind = sri_kind(spec->opcode);
    uint32_t length = 0;
    struct sri_slot *slot = NULL;
    refused = check_buffer(kind, spec, *buffer, &length);
    if (refused == 0)
        refused = prepare(ring, spec, kind, &slot);
    if (refused != 0)
        return refused;
    sri_buffer_move(*buffer, SRI_OWNER_LEND);
    queue(ring, slot, kind, spec, *buffer, length, op);
    *buffer = NULL;
    return 0;
}

SR_UNCHECKED int sr_op_start_plain(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_op *op)
{
    int refused = check(ring, spec, op);
    if (refused != 0)
        return refused;
    const struct sri_kind *kind = sri_kind(spec->opcode);
    if (kind->takes_buffer)
        return -EOPNOTSUPP;
    struct sri_slot *slot = NULL;
    refused = prepare(ring, spec, kind, &slot);
    if (refused != 0)
        return refused;
    queue(ring, slot, kind, spec, NULL, 0, op);
    return 0;
}
