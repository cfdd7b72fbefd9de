/*
 * The table of opcodes, and the SQEs that point to something besides a buffer, filled by liburing's own preparation. Never
 * touches the queue.
 */
#include <string.h>

#include "ring/ring_private.h"

/* clang-format off */
const struct sri_kind sri_kinds[SRI_KINDS] = {
    [IORING_OP_NOP] = {.name = "NOP"},
    [IORING_OP_READ] = {.name = "READ", .takes_buffer = true, .may_select = true, .moves_bytes = true, .has_target = true, .has_offset = true, .has_flags = true},
    [IORING_OP_WRITE] = {.name = "WRITE", .takes_buffer = true, .moves_bytes = true, .has_target = true, .has_offset = true, .has_flags = true},
    [IORING_OP_READV] = {.name = "READV", .takes_buffer = true, .takes_vector = true, .moves_bytes = true, .has_target = true, .special = true},
    [IORING_OP_WRITEV] = {.name = "WRITEV", .takes_buffer = true, .takes_vector = true, .moves_bytes = true, .has_target = true, .special = true},
    [IORING_OP_SEND] = {.name = "SEND", .takes_buffer = true, .moves_bytes = true, .has_target = true, .has_flags = true},
    [IORING_OP_RECV] = {.name = "RECV", .takes_buffer = true, .may_select = true, .has_multishot = true, .moves_bytes = true, .has_target = true, .has_flags = true},
    [IORING_OP_ACCEPT] = {.name = "ACCEPT", .makes_descriptor = true, .has_target = true, .has_multishot = true, .special = true},
    [IORING_OP_CONNECT] = {.name = "CONNECT", .has_target = true, .special = true},
    [IORING_OP_FSYNC] = {.name = "FSYNC", .has_target = true, .has_flags = true},
    [IORING_OP_OPENAT] = {.name = "OPENAT", .makes_descriptor = true, .has_target = true, .special = true},
    [IORING_OP_CLOSE] = {.name = "CLOSE", .has_target = true},
    [IORING_OP_POLL_ADD] = {.name = "POLL_ADD", .has_target = true, .has_multishot = true, .special = true},
    [IORING_OP_SHUTDOWN] = {.name = "SHUTDOWN", .has_target = true, .special = true},
    [IORING_OP_TIMEOUT] = {.name = "TIMEOUT", .special = true},
    [IORING_OP_SEND_ZC] = {.name = "SEND_ZC", .takes_buffer = true, .moves_bytes = true, .has_target = true, .has_flags = true},
};
/* clang-format on */

const struct sri_kind sri_unknown_kind = {.name = NULL};

void sri_encode_multishot(const struct sr_op_spec *spec, struct io_uring_sqe *sqe)
{
    switch (spec->opcode) {
    case IORING_OP_ACCEPT: sqe->ioprio |= IORING_ACCEPT_MULTISHOT; return;
    case IORING_OP_RECV: sqe->ioprio |= IORING_RECV_MULTISHOT; return;
    case IORING_OP_POLL_ADD: sqe->len = IORING_POLL_ADD_MULTI; return;
    default: return;
    }
}

static void encode_vector(const struct sri_slot *slot, const struct sr_op_spec *spec,
                          struct io_uring_sqe *sqe)
{
    const struct sri_vector *vector = slot->buffer->vector;
    if (spec->opcode == IORING_OP_READV)
        io_uring_prep_readv(sqe, slot->fd, vector->segments, vector->count, spec->offset);
    else
        io_uring_prep_writev(sqe, slot->fd, vector->segments, vector->count, spec->offset);
    sqe->rw_flags = (__kernel_rwf_t)spec->opcode_flags;
}

static void encode_accept(const struct sri_slot *slot, const struct sr_op_spec *spec,
                          struct sri_arguments *kept, struct io_uring_sqe *sqe)
{
    bool peer = (spec->flags & SR_OP_WANT_PEER) != 0;
    io_uring_prep_accept(sqe, slot->fd, peer ? (struct sockaddr *)(void *)kept->bytes : NULL,
                         peer ? &kept->address_length : NULL, (int)spec->opcode_flags);
}

void sri_encode_special(const struct sr_ring *ring, const struct sri_slot *slot,
                        const struct sr_op_spec *spec, struct io_uring_sqe *sqe)
{
    struct sri_arguments *kept = sri_arguments_of(ring, slot);
    switch (spec->opcode) {
    case IORING_OP_READV:
    case IORING_OP_WRITEV: encode_vector(slot, spec, sqe); return;
    case IORING_OP_ACCEPT: encode_accept(slot, spec, kept, sqe); return;
    case IORING_OP_CONNECT:
        io_uring_prep_connect(sqe, slot->fd, (const struct sockaddr *)(const void *)kept->bytes,
                              kept->address_length);
        return;
    case IORING_OP_OPENAT:
        io_uring_prep_openat(sqe, slot->fd, kept->bytes, (int)spec->opcode_flags, spec->mode);
        return;
    case IORING_OP_POLL_ADD: io_uring_prep_poll_add(sqe, slot->fd, spec->opcode_flags); return;
    case IORING_OP_SHUTDOWN: io_uring_prep_shutdown(sqe, slot->fd, (int)spec->opcode_flags); return;
    default: io_uring_prep_timeout(sqe, &kept->duration, 0, spec->opcode_flags); return;
    }
}
