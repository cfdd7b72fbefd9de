/*
 * The named calls: sr_op_start() and sr_op_start_plain() with a specification.
 *
 * Errors: as sr_op_start(), or, without a buffer, sr_op_start_plain().
 * Callable: from the ring's thread, also from a callback; does not block.
 */
#ifndef SAFER_RING_CALLS_H
#define SAFER_RING_CALLS_H

#include "safer_ring/hot.h"
#include "safer_ring/op.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A transfer with the rest of its specification at its default. */
SR_UNCHECKED SR_MUST_USE static SR_INLINE int sri_transfer(struct sr_ring *ring, uint8_t opcode,
                                                           struct sr_fd fd, uint64_t offset,
                                                           uint32_t opcode_flags, struct sr_range range,
                                                           struct sr_buffer **buffer, struct sr_op *op)
{
    struct sr_op_spec spec = sr_spec_of_(opcode);
    spec.target = fd;
    spec.offset = offset;
    spec.opcode_flags = opcode_flags;
    spec.range = range;
    return sr_op_start(ring, &spec, buffer, op);
}

/* Does nothing, and completes: to measure, to mark a place in the order, to be waited for. */
SR_MUST_USE static inline int sr_nop(struct sr_ring *ring, struct sr_op *op) SR_GIVES_IF_OK(*op);
/* Reads from the file's own position, or from a socket or pipe, into the whole buffer. */
SR_MUST_USE static inline int sr_read_owned(struct sr_ring *ring, struct sr_fd fd, struct sr_buffer **buffer,
                                            struct sr_op *op) SR_TAKES_IF_OK(*buffer) SR_GIVES_IF_OK(*op);
/* Writes the whole buffer at the file's own position, or to a socket or pipe. For n bytes: sr_write_range_owned(). */
SR_MUST_USE static inline int sr_write_owned(struct sr_ring *ring, struct sr_fd fd, struct sr_buffer **buffer,
                                             struct sr_op *op) SR_TAKES_IF_OK(*buffer) SR_GIVES_IF_OK(*op);
/* Reads into the whole buffer from `offset`. */
SR_MUST_USE static inline int sr_read_at_owned(struct sr_ring *ring, struct sr_fd fd,
                                               struct sr_buffer **buffer, uint64_t offset, struct sr_op *op)
    SR_TAKES_IF_OK(*buffer) SR_GIVES_IF_OK(*op);
/* Writes the first `length` bytes of the buffer at `offset`. On sockets and pipes offset 0 is right (measured). */
SR_MUST_USE static inline int sr_write_at_owned(struct sr_ring *ring, struct sr_fd fd,
                                                struct sr_buffer **buffer, uint64_t offset, size_t length,
                                                struct sr_op *op) SR_TAKES_IF_OK(*buffer) SR_GIVES_IF_OK(*op);
/* The range forms: any part of the buffer, as for the rest of a short transfer. */
SR_MUST_USE static inline int sr_read_range_owned(struct sr_ring *ring, struct sr_fd fd,
                                                  struct sr_buffer **buffer, struct sr_range range,
                                                  uint64_t offset, struct sr_op *op) SR_TAKES_IF_OK(*buffer)
    SR_GIVES_IF_OK(*op);
SR_MUST_USE static inline int sr_write_range_owned(struct sr_ring *ring, struct sr_fd fd,
                                                   struct sr_buffer **buffer, struct sr_range range,
                                                   uint64_t offset, struct sr_op *op) SR_TAKES_IF_OK(*buffer)
    SR_GIVES_IF_OK(*op);
SR_MUST_USE static inline int sr_send_owned(struct sr_ring *ring, struct sr_fd fd, struct sr_buffer **buffer,
                                            struct sr_range range, uint32_t message_flags, struct sr_op *op)
    SR_TAKES_IF_OK(*buffer) SR_GIVES_IF_OK(*op);
SR_MUST_USE static inline int sr_recv_owned(struct sr_ring *ring, struct sr_fd fd, struct sr_buffer **buffer,
                                            struct sr_range range, uint32_t message_flags, struct sr_op *op)
    SR_TAKES_IF_OK(*buffer) SR_GIVES_IF_OK(*op);
/* Sends from where the bytes lie: the buffer comes back with the kernel's notification. */
SR_MUST_USE static inline int sr_send_zc_owned(struct sr_ring *ring, struct sr_fd fd,
                                               struct sr_buffer **buffer, struct sr_range range,
                                               uint32_t message_flags, struct sr_op *op)
    SR_TAKES_IF_OK(*buffer) SR_GIVES_IF_OK(*op);
/* Accepts one connection; the result is its descriptor. */
SR_MUST_USE static inline int sr_accept_safe(struct sr_ring *ring, struct sr_fd listening, struct sr_op *op)
    SR_GIVES_IF_OK(*op);

SR_UNCHECKED static inline int sr_nop(struct sr_ring *ring, struct sr_op *op)
{
    struct sr_op_spec spec = sr_spec_nop();
    return sr_op_start_plain(ring, &spec, op);
}

SR_UNCHECKED static inline int sr_read_owned(struct sr_ring *ring, struct sr_fd fd, struct sr_buffer **buffer,
                                             struct sr_op *op)
{
    struct sr_range whole = {0, 0, false};
    return sri_transfer(ring, IORING_OP_READ, fd, SR_OWN_POSITION, 0, whole, buffer, op);
}

SR_UNCHECKED static inline int sr_write_owned(struct sr_ring *ring, struct sr_fd fd,
                                              struct sr_buffer **buffer, struct sr_op *op)
{
    struct sr_range whole = {0, 0, false};
    return sri_transfer(ring, IORING_OP_WRITE, fd, SR_OWN_POSITION, 0, whole, buffer, op);
}

SR_UNCHECKED static inline int sr_read_at_owned(struct sr_ring *ring, struct sr_fd fd,
                                                struct sr_buffer **buffer, uint64_t offset, struct sr_op *op)
{
    struct sr_range whole = {0, 0, false};
    return sri_transfer(ring, IORING_OP_READ, fd, offset, 0, whole, buffer, op);
}

SR_UNCHECKED static inline int sr_write_at_owned(struct sr_ring *ring, struct sr_fd fd,
                                                 struct sr_buffer **buffer, uint64_t offset, size_t length,
                                                 struct sr_op *op)
{
    return sri_transfer(ring, IORING_OP_WRITE, fd, offset, 0, sr_range(0, length), buffer, op);
}

SR_UNCHECKED static inline int sr_read_range_owned(struct sr_ring *ring, struct sr_fd fd,
                                                   struct sr_buffer **buffer, struct sr_range range,
                                                   uint64_t offset, struct sr_op *op)
{
    return sri_transfer(ring, IORING_OP_READ, fd, offset, 0, range, buffer, op);
}

SR_UNCHECKED static inline int sr_write_range_owned(struct sr_ring *ring, struct sr_fd fd,
                                                    struct sr_buffer **buffer, struct sr_range range,
                                                    uint64_t offset, struct sr_op *op)
{
    return sri_transfer(ring, IORING_OP_WRITE, fd, offset, 0, range, buffer, op);
}

SR_UNCHECKED static inline int sr_send_owned(struct sr_ring *ring, struct sr_fd fd, struct sr_buffer **buffer,
                                             struct sr_range range, uint32_t message_flags, struct sr_op *op)
{
    return sri_transfer(ring, IORING_OP_SEND, fd, 0, message_flags, range, buffer, op);
}

SR_UNCHECKED static inline int sr_recv_owned(struct sr_ring *ring, struct sr_fd fd, struct sr_buffer **buffer,
                                             struct sr_range range, uint32_t message_flags, struct sr_op *op)
{
    return sri_transfer(ring, IORING_OP_RECV, fd, 0, message_flags, range, buffer, op);
}

SR_UNCHECKED static inline int sr_send_zc_owned(struct sr_ring *ring, struct sr_fd fd,
                                                struct sr_buffer **buffer, struct sr_range range,
                                                uint32_t message_flags, struct sr_op *op)
{
    return sri_transfer(ring, IORING_OP_SEND_ZC, fd, 0, message_flags, range, buffer, op);
}

SR_UNCHECKED static inline int sr_accept_safe(struct sr_ring *ring, struct sr_fd listening, struct sr_op *op)
{
    struct sr_op_spec spec = sr_spec_accept(listening, 0);
    return sr_op_start_plain(ring, &spec, op);
}

#ifdef __cplusplus
}
#endif

#endif
