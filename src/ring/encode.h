/*
 * What the library knows of each opcode, and how its SQE is filled.
 */
#ifndef SRI_RING_ENCODE_H
#define SRI_RING_ENCODE_H

#include <liburing.h>

#include "ring/buffer.h"
#include "ring/slot.h"
#include "safer_ring/op.h"

struct sri_kind {
    const char *name; /* NULL: not an operation of this library */
    bool takes_buffer;
    bool takes_vector;
    bool moves_bytes; /* the result is a count of bytes */
    bool makes_descriptor;
    bool has_target;
    bool has_offset;
    bool has_flags;
    bool has_multishot;
    bool may_select; /* the kernel may choose its buffer */
    bool special;    /* its SQE points to something besides the buffer: encode.c */
};

#define SRI_KINDS (IORING_OP_SEND_ZC + 1)
extern const struct sri_kind sri_kinds[SRI_KINDS];
extern const struct sri_kind sri_unknown_kind;

static inline const struct sri_kind *sri_kind(uint8_t opcode)
{
    return __builtin_expect(opcode < SRI_KINDS, 1) ? &sri_kinds[opcode] : &sri_unknown_kind;
}

void sri_encode_special(const struct sr_ring *ring, const struct sri_slot *slot,
                        const struct sr_op_spec *spec, struct io_uring_sqe *sqe);

/* A multishot's entry is its operation's with a flag of the opcode's own. */
void sri_encode_multishot(const struct sr_op_spec *spec, struct io_uring_sqe *sqe);

/* All but user_data. What is not special is alike, whatever its opcode: a descriptor, bytes or none, an offset, flags. */
static inline void sri_encode(const struct sr_ring *ring, const struct sri_slot *slot,
                              const struct sri_kind *kind, const struct sr_op_spec *spec,
                              struct io_uring_sqe *sqe)
{
    if (__builtin_expect(kind->special, 0)) {
        sri_encode_special(ring, slot, spec, sqe);
    } else {
        const uint8_t *bytes = slot->buffer != NULL ? slot->buffer->memory + spec->range.begin : NULL;
        io_uring_prep_rw(spec->opcode, sqe, slot->fd, bytes, slot->length,
                         kind->has_offset ? spec->offset : 0);
        sqe->fsync_flags =
            kind->has_flags ? spec->opcode_flags : 0; /* the one name of the union that is __u32 everywhere */
    }
    if ((spec->flags & SR_OP_ASYNC) != 0)
        sqe->flags |= IOSQE_ASYNC;
    if (__builtin_expect((spec->flags & SR_OP_MULTISHOT) != 0, 0))
        sri_encode_multishot(spec, sqe);
}

#endif
