/*
 * What the library knows of each opcode, and how its SQE is filled, by liburing's own preparation. Never touches the
 * queue.
 */
#include <string.h>

#include "ring/ring_private.h"

const struct sri_kind sri_kinds[SRI_KINDS] = {
    [IORING_OP_NOP] = {.name = "NOP"},
    [IORING_OP_READ] = {.name = "READ", .takes_buffer = true, .moves_bytes = true},
    [IORING_OP_WRITE] = {.name = "WRITE", .takes_buffer = true, .moves_bytes = true},
    [IORING_OP_READV] = {.name = "READV", .takes_buffer = true, .takes_vector = true, .moves_bytes = true},
    [IORING_OP_WRITEV] = {.name = "WRITEV", .takes_buffer = true, .takes_vector = true, .moves_bytes = true},
    [IORING_OP_SEND] = {.name = "SEND", .takes_buffer = true, .moves_bytes = true},
    [IORING_OP_RECV] = {.name = "RECV", .takes_buffer = true, .moves_bytes = true},
    [IORING_OP_ACCEPT] = {.name = "ACCEPT", .makes_descriptor = true},
    [IORING_OP_CONNECT] = {.name = "CONNECT"},
    [IORING_OP_FSYNC] = {.name = "FSYNC"},
    [IORING_OP_OPENAT] = {.name = "OPENAT", .makes_descriptor = true},
    [IORING_OP_CLOSE] = {.name = "CLOSE"},
    [IORING_OP_TIMEOUT] = {.name = "TIMEOUT"},
};

const struct sri_kind sri_unknown_kind = {.name = NULL};

static void encode_bytes(const struct sri_slot *slot, const struct sr_op_spec *spec, struct io_uring_sqe *sqe)
{
    uint8_t *bytes = slot->buffer->bytes + spec->range.begin;
    switch (spec->opcode) {
    case IORING_OP_READ:
        io_uring_prep_read(sqe, slot->fd, bytes, slot->length, spec->offset);
        sqe->rw_flags = (__kernel_rwf_t)spec->opcode_flags;
        return;
    case IORING_OP_WRITE:
        io_uring_prep_write(sqe, slot->fd, bytes, slot->length, spec->offset);
        sqe->rw_flags = (__kernel_rwf_t)spec->opcode_flags;
        return;
    case IORING_OP_SEND:
        io_uring_prep_send(sqe, slot->fd, bytes, slot->length, (int)spec->opcode_flags);
        return;
    default:
        io_uring_prep_recv(sqe, slot->fd, bytes, slot->length, (int)spec->opcode_flags);
        return;
    }
}

static void encode_vector(const struct sri_slot *slot, const struct sr_op_spec *spec, struct io_uring_sqe *sqe)
{
    const struct sri_vector *vector = slot->buffer->vector;
    if (spec->opcode == IORING_OP_READV)
        io_uring_prep_readv(sqe, slot->fd, vector->segments, vector->count, spec->offset);
    else
        io_uring_prep_writev(sqe, slot->fd, vector->segments, vector->count, spec->offset);
    sqe->rw_flags = (__kernel_rwf_t)spec->opcode_flags;
}

static void encode_accept(const struct sri_slot *slot, const struct sr_op_spec *spec, struct sri_arguments *kept,
                          struct io_uring_sqe *sqe)
{
    bool peer = (spec->flags & SR_OP_WANT_PEER) != 0;
    io_uring_prep_accept(sqe, slot->fd, peer ? (struct sockaddr *)(void *)kept->bytes : NULL,
                         peer ? &kept->address_length : NULL, (int)spec->opcode_flags);
}

static void encode_plain(const struct sri_slot *slot, const struct sr_op_spec *spec, struct sri_arguments *kept,
                         struct io_uring_sqe *sqe)
{
    switch (spec->opcode) {
    case IORING_OP_ACCEPT:
        encode_accept(slot, spec, kept, sqe);
        return;
    case IORING_OP_CONNECT:
        io_uring_prep_connect(sqe, slot->fd, (const struct sockaddr *)(const void *)kept->bytes, kept->address_length);
        return;
    case IORING_OP_FSYNC:
        io_uring_prep_fsync(sqe, slot->fd, spec->opcode_flags);
        return;
    case IORING_OP_OPENAT:
        io_uring_prep_openat(sqe, slot->fd, kept->bytes, (int)spec->opcode_flags, spec->mode);
        return;
    case IORING_OP_CLOSE:
        io_uring_prep_close(sqe, slot->fd);
        return;
    case IORING_OP_TIMEOUT:
        io_uring_prep_timeout(sqe, &kept->duration, 0, spec->opcode_flags);
        return;
    default:
        io_uring_prep_nop(sqe);
        return;
    }
}

void sri_encode(const struct sr_ring *ring, const struct sri_slot *slot, const struct sr_op_spec *spec,
                struct io_uring_sqe *sqe)
{
    const struct sri_kind *kind = sri_kind(spec->opcode);
    if (kind->takes_vector)
        encode_vector(slot, spec, sqe);
    else if (kind->takes_buffer)
        encode_bytes(slot, spec, sqe);
    else
        encode_plain(slot, spec, sri_arguments_of(ring, slot), sqe);
    if ((spec->flags & SR_OP_ASYNC) != 0)
        sqe->flags |= IOSQE_ASYNC;
    sqe->user_data = sri_slot_id(ring, slot);
}
