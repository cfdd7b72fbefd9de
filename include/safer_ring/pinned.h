/*
 * Pinned buffers and the borrowing calls: the form to learn from, not the one to use (docs/pinned.md).
 *
 * A pinned buffer stays the program's while the kernel works in it: it is lent, not moved. So what ownership gives for
 * nothing has to be refused: while a borrowing call is pending its ring takes no other, and the buffer can neither be touched
 * nor freed, until the operation has ended. One operation at a time, then; the owned calls beside them overlap as they like.
 *
 * Rules PIN-1, PIN-2, docs/rules.md.
 *
 * Where a function does not say otherwise:
 * Errors: as sr_op_borrow().
 * Callable: from the ring's thread, also from a callback; does not block.
 */
#ifndef SAFER_RING_PINNED_H
#define SAFER_RING_PINNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "safer_ring/buffer.h"
#include "safer_ring/error.h"
#include "safer_ring/op.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sr_pool;

/* A buffer that does not move. Headers are never given back to the system: a copied pointer can be asked, and answers. */
struct SR_CAPABILITY("pinned buffer") sr_pinned;

/*
 * Makes a pinned buffer of `size` bytes, all zero; or one that holds a copy of `size` bytes at `data`.
 *
 * Ownership: *out is the caller's, until sr_pinned_free(). Its address never changes (PIN-1).
 * Units: bytes.
 * Errors: -EINVAL: out or data is NULL, or size is 0. -ENOMEM. *out is then not written.
 * Callable: from any thread, also from a callback; does not block.
 */
SR_MUST_USE int sr_pinned_new(struct sr_pinned **out, size_t size) SR_GIVES_IF_OK(*out);
SR_MUST_USE int sr_pinned_copy_of(struct sr_pinned **out, const void *data, size_t size) SR_GIVES_IF_OK(*out);

/*
 * Takes a buffer of a pool for a pinned one; it goes back to the pool by sr_pinned_free().
 *
 * Ownership: *out is the caller's. Errors: as sr_pool_get(). Callable: as sr_pool_get().
 */
SR_MUST_USE int sr_pinned_from_pool(struct sr_pool *pool, struct sr_pinned **out) SR_GIVES_IF_OK(*out);

/*
 * The bytes of a pinned buffer, for reading and writing, or for reading. The pointer may be kept, and is the same each time
 * (PIN-1); what is done through a kept one while the buffer is lent, nobody can refuse.
 *
 * Errors: -EINVAL: NULL. SR_EBUFFER_IN_FLIGHT: it is lent to an operation. *bytes is then not written.
 * Callable: from the thread that uses the buffer; does not block.
 * Source: PIN-1, PIN-2.
 */
SR_MUST_USE int sr_pinned_as_mut_slice(struct sr_pinned *pinned, uint8_t **bytes) SR_NEEDS(*pinned);
SR_MUST_USE int sr_pinned_as_slice(const struct sr_pinned *pinned, const uint8_t **bytes) SR_NEEDS(*pinned);

/* The number of bytes it holds. 0 for NULL. */
size_t sr_pinned_len(const struct sr_pinned *pinned);

/* Is it lent to an operation that has not ended? false for NULL. */
bool sr_pinned_is_borrowed(const struct sr_pinned *pinned);

/*
 * Ends a pinned buffer: its memory goes where it came from.
 *
 * Ownership: *pinned becomes NULL.
 * Errors: -EINVAL: NULL. SR_EBUFFER_IN_FLIGHT: it is lent to an operation, dropped or not. Nothing has changed then.
 * Callable: from any thread, also from a callback; does not block.
 * Source: PIN-2.
 */
SR_MUST_USE int sr_pinned_free(struct sr_pinned **pinned) SR_TAKES_IF_OK(*pinned);

/*
 * Starts an operation on a pinned buffer: the one door of the borrowing calls below, which take the whole buffer.
 *
 * Ownership: the buffer stays the caller's, and is lent until the operation's completion is ended (sr_take_plain(),
 * sr_finish()) or, once it was dropped, until the kernel is done with it. So is the ring, to borrowing calls.
 * Errors: as sr_op_start(). SR_ERING_BORROWED: a borrowing call is pending on this ring. SR_EBUFFER_IN_FLIGHT: the buffer is
 * lent already, by another ring. Nothing has changed then.
 * Callable: as sr_op_start().
 * Source: PIN-2.
 */
SR_MUST_USE int sr_op_borrow(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_pinned *pinned,
                             struct sr_op *op) SR_NEEDS(*pinned) SR_GIVES_IF_OK(*op);

/* Reads into the buffer from the file's own position, or from a socket or pipe. As sr_op_borrow(). */
SR_MUST_USE static inline int sr_read(struct sr_ring *ring, struct sr_fd fd, struct sr_pinned *pinned,
                                      struct sr_op *op) SR_NEEDS(*pinned) SR_GIVES_IF_OK(*op);
/* Writes the buffer at the file's own position, or to a socket or pipe. */
SR_MUST_USE static inline int sr_write(struct sr_ring *ring, struct sr_fd fd, struct sr_pinned *pinned,
                                       struct sr_op *op) SR_NEEDS(*pinned) SR_GIVES_IF_OK(*op);
/* Reads into the buffer from `offset`. */
SR_MUST_USE static inline int sr_read_at(struct sr_ring *ring, struct sr_fd fd, struct sr_pinned *pinned,
                                         uint64_t offset, struct sr_op *op) SR_NEEDS(*pinned)
    SR_GIVES_IF_OK(*op);
/* Writes the buffer at `offset`. */
SR_MUST_USE static inline int sr_write_at(struct sr_ring *ring, struct sr_fd fd, struct sr_pinned *pinned,
                                          uint64_t offset, struct sr_op *op) SR_NEEDS(*pinned)
    SR_GIVES_IF_OK(*op);
/* Sends the buffer. `message_flags` are MSG_*, as for send(2). */
SR_MUST_USE static inline int sr_send(struct sr_ring *ring, struct sr_fd fd, struct sr_pinned *pinned,
                                      uint32_t message_flags, struct sr_op *op) SR_NEEDS(*pinned)
    SR_GIVES_IF_OK(*op);
/* Receives into the buffer. */
SR_MUST_USE static inline int sr_recv(struct sr_ring *ring, struct sr_fd fd, struct sr_pinned *pinned,
                                      uint32_t message_flags, struct sr_op *op) SR_NEEDS(*pinned)
    SR_GIVES_IF_OK(*op);

SR_UNCHECKED static inline int sr_read_at(struct sr_ring *ring, struct sr_fd fd, struct sr_pinned *pinned,
                                          uint64_t offset, struct sr_op *op)
{
    struct sr_range whole = {0, 0, false};
    struct sr_op_spec spec = sr_spec_read(fd, offset, whole);
    return sr_op_borrow(ring, &spec, pinned, op);
}

SR_UNCHECKED static inline int sr_write_at(struct sr_ring *ring, struct sr_fd fd, struct sr_pinned *pinned,
                                           uint64_t offset, struct sr_op *op)
{
    struct sr_range whole = {0, 0, false};
    struct sr_op_spec spec = sr_spec_write(fd, offset, whole);
    return sr_op_borrow(ring, &spec, pinned, op);
}

SR_UNCHECKED static inline int sr_read(struct sr_ring *ring, struct sr_fd fd, struct sr_pinned *pinned,
                                       struct sr_op *op)
{
    return sr_read_at(ring, fd, pinned, SR_OWN_POSITION, op);
}

SR_UNCHECKED static inline int sr_write(struct sr_ring *ring, struct sr_fd fd, struct sr_pinned *pinned,
                                        struct sr_op *op)
{
    return sr_write_at(ring, fd, pinned, SR_OWN_POSITION, op);
}

SR_UNCHECKED static inline int sr_send(struct sr_ring *ring, struct sr_fd fd, struct sr_pinned *pinned,
                                       uint32_t message_flags, struct sr_op *op)
{
    struct sr_range whole = {0, 0, false};
    struct sr_op_spec spec = sr_spec_send(fd, whole, message_flags);
    return sr_op_borrow(ring, &spec, pinned, op);
}

SR_UNCHECKED static inline int sr_recv(struct sr_ring *ring, struct sr_fd fd, struct sr_pinned *pinned,
                                       uint32_t message_flags, struct sr_op *op)
{
    struct sr_range whole = {0, 0, false};
    struct sr_op_spec spec = sr_spec_recv(fd, whole, message_flags);
    return sr_op_borrow(ring, &spec, pinned, op);
}

#ifdef __cplusplus
}
#endif

#endif
