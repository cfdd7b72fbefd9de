/*
 * The one door: every operation starts here. Checks everything first; after the buffer is lent nothing can fail, so a
 * refusal moves nothing (BUF-2).
 */
#include <sys/socket.h>

#include "ring/ring_private.h"

/* The bytes a specification asks of a buffer: 0 and *length, or why it can't be (BUF-8: never cut). */
static inline int resolve_range(const struct sr_op_spec *spec, const struct sr_buffer *buffer,
                                uint32_t *length)
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
static inline int check_buffer(const struct sri_kind *kind, const struct sr_op_spec *spec,
                               const struct sr_buffer *buffer, uint32_t *length)
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
static inline __attribute__((always_inline)) void queue(struct sr_ring *ring, struct sri_slot *slot,
                                                        const struct sri_kind *kind,
                                                        const struct sr_op_spec *spec,
                                                        struct sr_buffer *buffer, uint32_t length,
                                                        struct sr_op *op)
{
    uint64_t id = sri_slot_id(ring, slot);
    slot->buffer = buffer;
    slot->length = length;
    slot->fd = kind->has_target ? spec->target.number : -1;
    slot->opcode = spec->opcode;
    slot->marks = (spec->flags & SR_OP_WANT_PEER) != 0 ? SRI_MARK_WANT_PEER : 0;
    slot->owed = 0;
    slot->sq_position = ring->uring.sq.sqe_tail;
    struct io_uring_sqe *sqe = next_entry(ring);
    sri_encode(ring, slot, kind, spec, sqe);
    sqe->user_data = id;
    /* Asked so, recv answers the datagram's true length, which may be more than it transfers: no count is too large then. */
    if (buffer != NULL &&
        __builtin_expect(spec->opcode == IORING_OP_RECV && (spec->opcode_flags & MSG_TRUNC) != 0, 0))
        slot->length = UINT32_MAX;
    if (__builtin_expect(spec->timeout_ns != 0, 0)) {
        sqe->flags |= IOSQE_IO_LINK;
        queue_limit(ring, slot);
    }
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_QUEUE) == 0);
    SRI_REQUIRE(sri_orphan_move(&slot->claim, SRI_CLAIM_START) == 0);
    ring->started++;
    op->id = id;
}

/* Both starts, with every case there is. */
static __attribute__((noinline)) int start(struct sr_ring *ring, const struct sr_op_spec *spec,
                                           struct sr_buffer **buffer, struct sr_op *op)
{
    int refused = check(ring, spec, op);
    if (refused != 0)
        return refused;
    const struct sri_kind *kind = sri_kind(spec->opcode);
    uint32_t length = 0;
    struct sri_slot *slot = NULL;
    if (buffer != NULL)
        refused = check_buffer(kind, spec, *buffer, &length);
    else if (kind->takes_buffer)
        refused = -EOPNOTSUPP;
    if (refused == 0)
        refused = prepare(ring, spec, kind, &slot);
    if (refused != 0)
        return refused;
    if (buffer != NULL)
        sri_buffer_move(*buffer, SRI_OWNER_LEND);
    queue(ring, slot, kind, spec, buffer != NULL ? *buffer : NULL, length, op);
    if (buffer != NULL)
        *buffer = NULL;
    return 0;
}

/*
 * Is nothing out of the ordinary, so that the entry can be queued here and now? Only asked so that the ordinary operation
 * is started without a call; start() checks everything again, and says what is wrong.
 */
static inline bool ordinary(const struct sr_ring *ring, const struct sr_op_spec *spec, const struct sr_op *op)
{
    return ring != NULL && spec != NULL && op != NULL && sri_ring_is_mine(ring) && ring->usable &&
           !ring->draining && !spec->target.fixed && spec->flags == 0 && spec->timeout_ns == 0 &&
           ring->free_slot != SRI_NO_SLOT && sri_has_room(ring, 1);
}

SR_UNCHECKED int sr_op_start(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_buffer **buffer,
                             struct sr_op *op)
{
    if (buffer == NULL || *buffer == NULL)
        return -EINVAL;
    uint32_t length;
    if (__builtin_expect(!ordinary(ring, spec, op), 0))
        return start(ring, spec, buffer, op);
    const struct sri_kind *kind = sri_kind(spec->opcode);
    if (__builtin_expect(kind->special || check_buffer(kind, spec, *buffer, &length) != 0, 0))
        return start(ring, spec, buffer, op);
    sri_buffer_move(*buffer, SRI_OWNER_LEND);
    queue(ring, sri_slot_take(ring), kind, spec, *buffer, length, op);
    *buffer = NULL;
    return 0;
}

SR_UNCHECKED int sr_op_start_plain(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_op *op)
{
    if (__builtin_expect(!ordinary(ring, spec, op), 0))
        return start(ring, spec, NULL, op);
    const struct sri_kind *kind = sri_kind(spec->opcode);
    if (__builtin_expect(kind->special || kind->takes_buffer || kind->name == NULL, 0))
        return start(ring, spec, NULL, op);
    queue(ring, sri_slot_take(ring), kind, spec, NULL, 0, op);
    return 0;
}
