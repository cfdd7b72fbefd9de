/*
 * The start of a read or write of what is registered with its ring: a fixed file, a buffer of a registered pool or slot, or both
 * (REG-5). It is the ordinary case of programs that register; what is not simple is start.c's, which looks at all of it again.
 */
#include "ring/ring_private.h"
#include "ring/tables.h"

/* A read or write without anything special. */
static inline bool is_simple(const struct sr_op_spec *spec)
{
    return SRI_LIKELY(spec->flags == 0 && spec->timeout_ns == 0 &&
                      (spec->opcode == IORING_OP_READ || spec->opcode == IORING_OP_WRITE));
}

/* One buffer of the program's own, with its bytes where the operation wants them: *length, as start.c resolves it. */
static inline bool fits(const struct sr_range *range, const struct sr_buffer *buffer, size_t *length)
{
    if (!SRI_LIKELY(buffer->owner == SRI_OWNER_USER && !buffer->pinned && buffer->vector == NULL))
        return false;
    *length = !range->given && range->begin == 0 && range->length == 0 ? buffer->size : range->length;
    return SRI_LIKELY(*length <= UINT32_MAX && range->begin <= buffer->size &&
                      *length <= buffer->size - range->begin);
}

static inline bool is_target(const struct sr_ring *ring, const struct sr_fd *target)
{
    return !target->fixed || (SRI_LIKELY(ring->tables != NULL && target->number >= 0) &&
                              SRI_LIKELY(sri_place_of(&ring->tables->files, (uint32_t)target->number,
                                                      target->generation) != NULL));
}

struct sri_slot *sri_start_registered(struct sr_ring *ring, const struct sr_op_spec *spec,
                                      struct sr_buffer **buffer, enum sri_claim claim)
{
    struct sr_buffer *lent = *buffer;
    size_t length;
    if (!SRI_LIKELY(ring != NULL && spec != NULL) || !is_simple(spec) || !sri_is_open(&ring->hot) ||
        !sri_hot_has_room(&ring->hot) || !fits(&spec->range, lent, &length) ||
        !is_target(ring, &spec->target))
        return NULL;
    struct sri_hot *hot = &ring->hot;
    struct io_uring_sqe *sqe = &hot->sqes[hot->sq_tail & hot->sq_mask];
    struct sri_slot *slot =
        sri_hot_take(hot, spec->opcode, spec->target.number, lent, (uint32_t)length, (uint8_t)claim);
    /* Alike for both opcodes. */
    sri_hot_encode(hot, IORING_OP_READ, spec->target.number, spec->offset, spec->opcode_flags,
                   lent->memory + spec->range.begin, (uint32_t)length, slot->id);
    bool is_read = spec->opcode == IORING_OP_READ;
    if (sri_is_registered_with(lent, ring)) {
        sqe->opcode = is_read ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED;
        sqe->buf_index = lent->registered_index;
    } else {
        sqe->opcode = spec->opcode;
    }
    if (spec->target.fixed) {
        sqe->flags = IOSQE_FIXED_FILE;
        sri_fixed_begin(ring, slot);
    }
    lent->owner = SRI_OWNER_KERNEL;
    *buffer = NULL;
    return slot;
}
