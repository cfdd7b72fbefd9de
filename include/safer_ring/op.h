/*
 * Operations: what is to be done (sr_op_spec), the handle of one that was started (sr_op), its end (sr_completion).
 *
 * A linear chain. Starting takes a buffer and gives an operation; awaiting takes the operation and gives a completion;
 * taking ends the completion and gives the buffer. Nobody can use what was given away: the handles are moved, the kernel's
 * result comes with the buffer, and clang's -Wthread-safety follows all of it at compile time (docs/ownership.md).
 *
 * Where a function does not say otherwise:
 * Errors: none; a specification is only looked at by what starts it.
 * Callable: from the ring's thread, also from a callback (those that fill in a specification: anywhere); does not block.
 */
#ifndef SAFER_RING_OP_H
#define SAFER_RING_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <linux/io_uring.h>

#include "safer_ring/buffer.h"
#include "safer_ring/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sr_ring;
struct sr_provider; /* provider.h */
struct sockaddr;    /* <sys/socket.h> */

/* A descriptor an operation works on: one of the process, or a fixed file of a registry. By value. */
struct sr_fd {
    int32_t number;      /* the descriptor, or the place in the table of fixed files */
    uint32_t generation; /* of a fixed file's registration; 0 otherwise */
    bool fixed;          /* a fixed file */
};

/* A descriptor of the process. */
static inline struct sr_fd sr_fd(int number)
{
    struct sr_fd fd = {number, 0, false};
    return fd;
}

/* A part of a buffer, in bytes. All zero, as left out of an initialiser, means the whole buffer; see sr_range(). */
struct sr_range {
    size_t begin;  /* the first byte */
    size_t length; /* how many */
    bool given;    /* it is meant as it stands, also when all is 0 */
};

/* The range [begin, begin + length), also when it is empty. */
static inline struct sr_range sr_range(size_t begin, size_t length)
{
    struct sr_range range = {begin, length, true};
    return range;
}

/* An offset: where the file's own position stands, which moves (read(2), write(2)). */
#define SR_OWN_POSITION UINT64_MAX

/* Flags of sr_op_spec. */
enum {
    SR_OP_WANT_PEER = 1u << 0, /* accept: keep the peer's address, see sr_completion_peer() */
    SR_OP_ASYNC = 1u << 1,     /* IOSQE_ASYNC: straight to the kernel's workers */
    SR_OP_MULTISHOT = 1u << 2, /* goes on, and completes again and again: see multishot.h */
    SR_OP_SELECT =
        1u << 3, /* the kernel takes a buffer of `provider`, when it has bytes for it: see provider.h */
};

/*
 * One operation. All zero is a no-op; the sr_spec_…() functions below fill in each kind. What `argument` points to is
 * copied by the call that starts the operation (ARG-1).
 */
struct sr_op_spec {
    uint8_t opcode;               /* IORING_OP_* */
    uint32_t flags;               /* SR_OP_* */
    uint32_t opcode_flags;        /* RWF_*, MSG_*, SOCK_*, O_*, IORING_FSYNC_*: the operation's own */
    uint32_t mode;                /* openat: permission bits of a new file */
    struct sr_fd target;          /* what it works on */
    uint64_t offset;              /* read, write: in the file, or SR_OWN_POSITION */
    struct sr_range range;        /* the part of the buffer to be transferred */
    uint64_t duration_ns;         /* timeout: how long */
    uint64_t timeout_ns;          /* a linked timeout: cancels the operation when it takes longer; 0: none */
    const void *argument;         /* openat: the path; connect: the address */
    size_t argument_length;       /* connect: the address's length; openat: ignored, the path ends with 0 */
    struct sr_provider *provider; /* with SR_OP_SELECT: where the buffer comes from */
};

/*
 * A started operation. A value; moved, not copied: a copy of one that was dropped, or whose completion was ended, is stale
 * (OP-3); while the completion is held it is refused with SR_EINVALID_STATE.
 */
struct SR_CAPABILITY("operation") sr_op {
    uint64_t id; /* 0: none */
};

/*
 * The end of an operation, or one of several while `more` is set. Read the members; end it with sr_take(),
 * sr_take_plain() or sr_finish(), before the ring is closed.
 */
struct SR_CAPABILITY("completion") sr_completion {
    struct sr_ring *ring; /* whose it is */
    uint64_t id;          /* of the operation; 0 once ended, or for a posted value */
    union {
        void *user;     /* as given to sr_op_detach() or sr_op_then(); NULL for one that was awaited */
        uint64_t value; /* of a posted value */
    };
    int32_t result; /* the kernel's, untouched: a count, a descriptor, or -errno */
    uint32_t flags; /* the CQE's */
    uint8_t opcode; /* IORING_OP_* */
    bool more;      /* the operation goes on, and will have further completions */
    bool posted;    /* not an operation: a value from sr_ring_post() */
};

/*
 * Starts an operation that transfers a buffer: read, write, readv, writev, send, recv, zero-copy send.
 *
 * Ownership: *buffer moves to the kernel and becomes NULL; it comes back by the completion of *op, on success and on every
 * error. If the call fails nothing has moved. readv and writev take a vector (sr_buffer_join), the others a plain buffer.
 * Errors: -EINVAL: a pointer is NULL, the specification contradicts itself, a range leaves the buffer. -E2BIG: more bytes
 * than an SQE can carry (BUF-8), an argument that does not fit (ARG-1), or an operation with a linked timeout on an SQ of
 * one place (OP-7). -EOPNOTSUPP: the opcode is unknown here, or takes no buffer. SR_EBUFFER_IN_FLIGHT: the buffer is not
 * the program's. -EBUSY: all max_in_flight slots are taken, by operations or by CQEs still owed to ended ones. -EAGAIN: the
 * submission queue is full and the kernel took nothing. SR_ENOT_REGISTERED: the target is a fixed file
 * that is not registered, or not any more. SR_EINVALID_STATE: the ring is draining, or not attached. SR_EWRONG_THREAD, SR_EWRONG_PROCESS.
 * Callable: from the ring's thread, also from a callback; does not block. The operation is queued, and reaches the kernel
 * with the next sr_ring_submit(), wait, dispatch or empty peek.
 * Source: BUF-2, BUF-3, OP-1, OP-7; io_uring_enter(2).
 */
SR_MUST_USE SR_INLINE int sr_op_start(struct sr_ring *ring, const struct sr_op_spec *spec,
                                      struct sr_buffer **buffer, struct sr_op *op) SR_TAKES_IF_OK(*buffer)
    SR_GIVES_IF_OK(*op);

/*
 * Starts an operation without a buffer: nop, accept, connect, shutdown, fsync, openat, close, poll, timeout.
 * Otherwise as sr_op_start(); -EOPNOTSUPP also when the opcode needs a buffer.
 */
SR_MUST_USE SR_INLINE int sr_op_start_plain(struct sr_ring *ring, const struct sr_op_spec *spec,
                                            struct sr_op *op) SR_GIVES_IF_OK(*op);

/*
 * Waits for an operation's completion.
 *
 * Ownership: *op is consumed, and *done must be ended. Completions of other operations that arrive meanwhile are kept for
 * theirs (OP-4); callbacks run.
 * Errors: -EINVAL: NULL. SR_ESTALE: no such operation. SR_EINVALID_STATE: inside a callback, or the operation was
 * detached. SR_EQUEUE_FULL: the ring holds as many untaken completions as it can; take some (OP-9). -EINTR is never
 * returned. -EDEADLK: a deterministic kernel says that the wait can't end. Other -errno of io_uring_enter(2).
 * SR_EWRONG_THREAD, SR_EWRONG_PROCESS. In each case *op is as it was.
 * Callable: from the ring's thread, not from a callback; blocks until the operation ends. A failed operation is no error:
 * it is in the result.
 * Source: OP-3, OP-4, OP-9, CB-2.
 */
SR_MUST_USE int sr_op_await(struct sr_ring *ring, struct sr_op *op, struct sr_completion *done)
    SR_TAKES_IF_OK(*op) SR_GIVES_IF_OK(*done);

/*
 * As sr_op_await(), for at most `timeout_ns` nanoseconds; -ETIME: not ended by then, the operation goes on and *op is
 * still its handle. A time of 0 looks once, as sr_op_peek() but with -ETIME.
 */
SR_MUST_USE int sr_op_await_timeout(struct sr_ring *ring, struct sr_op *op, uint64_t timeout_ns,
                                    struct sr_completion *done) SR_TAKES_IF_OK(*op) SR_GIVES_IF_OK(*done);

/*
 * Waits until at least one of several operations has ended, for at most `timeout_ns`, and takes nothing: sr_op_peek() gives the
 * completion then. Callbacks run.
 *
 * Errors: -EINVAL: NULL, no operation. -ETIME. SR_ESTALE: there is no such operation, of any one of them. Otherwise as
 * sr_op_await(). Callable: as sr_op_await().
 */
SR_MUST_USE int sr_op_wait_any(struct sr_ring *ring, const struct sr_op *const ops[], size_t count,
                               uint64_t timeout_ns);

/*
 * Looks whether an operation has ended. SR_EOPERATION_PENDING: not yet; the kernel was entered once meanwhile, so that
 * polling always makes progress. Otherwise as sr_op_await(); does not block; callbacks do not run; may be called from a
 * callback.
 */
SR_MUST_USE int sr_op_peek(struct sr_ring *ring, struct sr_op *op, struct sr_completion *done)
    SR_TAKES_IF_OK(*op) SR_GIVES_IF_OK(*done);

/*
 * Gives an operation to the ring's own queue: its completion comes by sr_ring_next(), with `user`.
 *
 * Ownership: *op is consumed. Errors: -EINVAL, SR_ESTALE, SR_EINVALID_STATE (detached already), SR_EWRONG_THREAD,
 * SR_EWRONG_PROCESS. Callable: from the ring's thread, also from a callback; does not block.
 */
SR_MUST_USE SR_INLINE int sr_op_detach(struct sr_ring *ring, struct sr_op *op, void *user)
    SR_TAKES_IF_OK(*op);

/*
 * Starts an operation and gives it to the ring's own queue, in one: as sr_op_start() (or, with `buffer` NULL,
 * sr_op_start_plain()) and sr_op_detach(). For programs that take completions as they come, by sr_ring_next_many(): the
 * shortest way.
 *
 * Ownership: *buffer becomes NULL, as with sr_op_start(). Errors, callable: as these two; nothing has moved then.
 */
SR_MUST_USE SR_INLINE int sr_op_start_detached(struct sr_ring *ring, const struct sr_op_spec *spec,
                                               struct sr_buffer **buffer, void *user) SR_TAKES_IF_OK(*buffer);

/* Runs when the operation ends; must end *done by sr_take() and the like, or it is ended for it (CB-3). */
typedef void sr_completion_fn(struct sr_ring *ring, struct sr_completion *done, void *user);

/*
 * Has `fn` called with the completion, inside sr_ring_dispatch(), sr_ring_dispatch_wait(), sr_ring_drain() or a waiting
 * call of this ring, never inside this call (CB-1). Inside it starting, dropping and cancelling are allowed; waiting,
 * dispatching, draining and closing are SR_EINVALID_STATE (CB-2).
 *
 * Ownership, errors, callable: as sr_op_detach(); -EINVAL also when fn is NULL.
 */
SR_MUST_USE int sr_op_then(struct sr_ring *ring, struct sr_op *op, sr_completion_fn *fn, void *user)
    SR_TAKES_IF_OK(*op);

/*
 * Drops an operation: nobody will take its result.
 *
 * Ownership: *op is consumed. Its buffer goes to its origin once the kernel is done with it, not before; what it made (a
 * descriptor) is closed. An entry the kernel has not consumed is withdrawn at once; an operation under way becomes an
 * orphan, and is cancelled if the configuration says so; a completion that had arrived is disposed of at once.
 * Errors: none to return. A stale handle is counted (sr_stats.misuses) and logged; a call from another thread is logged.
 * Neither changes anything.
 * Callable: from the ring's thread, also from a callback; never blocks.
 * Source: ORPH-1 … ORPH-6.
 */
void sr_op_drop(struct sr_ring *ring, struct sr_op *op) SR_TAKES(*op);

/* Told that the kernel is done with an operation that was dropped. */
typedef void sr_ended_fn(void *user);

/*
 * Drops an operation and has `ended` told, once, when the kernel is done with it: for what must outlive the operation (its
 * descriptor) and has nobody left to await it. Inside this call if nothing is under way.
 *
 * Ownership: as sr_op_drop(). `ended` runs inside whichever call of the ring meets the operation's end, and may call
 * nothing of the ring but sr_ring_close_descriptor() and sr_ring_let_go().
 * Errors: -EINVAL, also when ended is NULL; SR_ESTALE, SR_EINVALID_STATE: no operation of this handle can be dropped;
 * SR_EWRONG_THREAD, SR_EWRONG_PROCESS. Nothing has changed then, and `ended` is not called.
 * Callable: as sr_op_drop(). Source: ORPH-1, ORPH-3, STR-5.
 */
SR_MUST_USE int sr_op_drop_then(struct sr_ring *ring, struct sr_op *op, sr_ended_fn *ended, void *user)
    SR_TAKES_IF_OK(*op);

/*
 * Asks for an operation's end. The handle stays: its completion comes, with -ECANCELED if the cancel won, else with the
 * operation's own result. An entry the kernel has not consumed is withdrawn and ends with -ECANCELED.
 *
 * Errors: -EINVAL, SR_ESTALE, SR_EINVALID_STATE: it has ended already. SR_EWRONG_THREAD, SR_EWRONG_PROCESS.
 * Callable: from the ring's thread, also from a callback; does not block. The request is sent with the next submission.
 * Source: ORPH-5, io_uring_prep_cancel(3).
 */
SR_MUST_USE int sr_op_cancel(struct sr_ring *ring, const struct sr_op *op) SR_NEEDS(*op);

/*
 * Ends a completion: gives the buffer back and returns the kernel's result, a count or -errno, untouched (BUF-5).
 *
 * Ownership: *done is ended; *back is the caller's buffer, or NULL when the operation had none or goes on (`more`). A
 * descriptor in the result is the caller's to close.
 * Errors: SR_ESTALE: the completion was ended before (a copy, or after a drain); *back is NULL. -EINVAL: NULL.
 * Callable: from the ring's thread, also from a callback; does not block.
 */
SR_INLINE int32_t sr_take(struct sr_completion *done, struct sr_buffer **back) SR_TAKES(*done)
    SR_GIVES(*back);

/* As sr_take() for an operation without a buffer. If there is one after all, it goes to its origin. */
SR_INLINE int32_t sr_take_plain(struct sr_completion *done) SR_TAKES(*done);

/* Ends a completion that nobody wants: the buffer goes to its origin, a descriptor in the result is closed (ORPH-4). */
void sr_finish(struct sr_completion *done) SR_TAKES(*done);

/*
 * The peer's address of an accept started with SR_OP_WANT_PEER, before the completion is ended.
 *
 * Units: *length is the room at `address` on entry and the address's length on return (which may be more: it was cut).
 * Errors: -EINVAL: NULL, not an accept, or not asked for. SR_ESTALE. -ENODATA: the accept failed.
 * Source: ARG-2.
 */
SR_MUST_USE int sr_completion_peer(const struct sr_completion *done, struct sockaddr *address,
                                   uint32_t *length) SR_NEEDS(*done);

/* ---- Specifications, one per kind -------------------------------------------------------------------------------- */

/* An operation of this opcode with every field at its default; the other functions start from it. */
static inline struct sr_op_spec sr_spec_of_(uint8_t opcode)
{
    struct sr_op_spec spec;
    memset(&spec, 0, sizeof spec);
    spec.opcode = opcode;
    return spec;
}

/* Does nothing, and completes. */
static inline struct sr_op_spec sr_spec_nop(void)
{
    struct sr_op_spec spec = sr_spec_of_(IORING_OP_NOP);
    return spec;
}

/* Reads into `range` of the buffer from `offset` of the file. */
static inline struct sr_op_spec sr_spec_read(struct sr_fd fd, uint64_t offset, struct sr_range range)
{
    struct sr_op_spec spec = sr_spec_of_(IORING_OP_READ);
    spec.target = fd;
    spec.offset = offset;
    spec.range = range;
    return spec;
}

/* Writes `range` of the buffer at `offset` of the file. */
static inline struct sr_op_spec sr_spec_write(struct sr_fd fd, uint64_t offset, struct sr_range range)
{
    struct sr_op_spec spec = sr_spec_read(fd, offset, range);
    spec.opcode = IORING_OP_WRITE;
    return spec;
}

/* Reads into a vector (sr_buffer_join()), taken whole, from `offset`. */
static inline struct sr_op_spec sr_spec_readv(struct sr_fd fd, uint64_t offset)
{
    struct sr_op_spec spec = sr_spec_of_(IORING_OP_READV);
    spec.target = fd;
    spec.offset = offset;
    return spec;
}

/* Writes a vector, taken whole, at `offset`. */
static inline struct sr_op_spec sr_spec_writev(struct sr_fd fd, uint64_t offset)
{
    struct sr_op_spec spec = sr_spec_readv(fd, offset);
    spec.opcode = IORING_OP_WRITEV;
    return spec;
}

/* Sends `range` of the buffer. `message_flags` are MSG_*, as for send(2). */
static inline struct sr_op_spec sr_spec_send(struct sr_fd fd, struct sr_range range, uint32_t message_flags)
{
    struct sr_op_spec spec = sr_spec_of_(IORING_OP_SEND);
    spec.target = fd;
    spec.range = range;
    spec.opcode_flags = message_flags;
    return spec;
}

/* Receives into `range` of the buffer. With MSG_TRUNC the result may be more than the range holds, as for recv(2). */
static inline struct sr_op_spec sr_spec_recv(struct sr_fd fd, struct sr_range range, uint32_t message_flags)
{
    struct sr_op_spec spec = sr_spec_send(fd, range, message_flags);
    spec.opcode = IORING_OP_RECV;
    return spec;
}

/*
 * A send from where the bytes lie. The buffer comes back when the network is done with them, at the kernel's notification: one
 * completion, with the send's result. A kernel without it (before Linux 6.0) answers -EINVAL.
 * Source: io_uring_prep_send_zc(3).
 */
static inline struct sr_op_spec sr_spec_send_zc(struct sr_fd fd, struct sr_range range,
                                                uint32_t message_flags)
{
    struct sr_op_spec spec = sr_spec_send(fd, range, message_flags);
    spec.opcode = IORING_OP_SEND_ZC;
    return spec;
}

/* Accepts a connection. `socket_flags` are SOCK_NONBLOCK and SOCK_CLOEXEC, as for accept4(2). The result is a descriptor. */
static inline struct sr_op_spec sr_spec_accept(struct sr_fd listening, uint32_t socket_flags)
{
    struct sr_op_spec spec = sr_spec_of_(IORING_OP_ACCEPT);
    spec.target = listening;
    spec.opcode_flags = socket_flags;
    return spec;
}

/* Connects a socket, as connect(2). */
static inline struct sr_op_spec sr_spec_connect(struct sr_fd fd, const struct sockaddr *address,
                                                size_t length)
{
    struct sr_op_spec spec = sr_spec_of_(IORING_OP_CONNECT);
    spec.target = fd;
    spec.argument = address;
    spec.argument_length = length;
    return spec;
}

/* Syncs a file, as fsync(2). `sync_flags`: 0, or IORING_FSYNC_DATASYNC as for fdatasync(2). */
static inline struct sr_op_spec sr_spec_fsync(struct sr_fd fd, uint32_t sync_flags)
{
    struct sr_op_spec spec = sr_spec_of_(IORING_OP_FSYNC);
    spec.target = fd;
    spec.opcode_flags = sync_flags;
    return spec;
}

/* Opens a file, as openat(2): `directory` may be sr_fd(AT_FDCWD). The result is a descriptor. */
static inline struct sr_op_spec sr_spec_openat(struct sr_fd directory, const char *path, uint32_t open_flags,
                                               uint32_t mode)
{
    struct sr_op_spec spec = sr_spec_of_(IORING_OP_OPENAT);
    spec.target = directory;
    spec.opcode_flags = open_flags;
    spec.mode = mode;
    spec.argument = path;
    return spec;
}

/* Closes a descriptor, as close(2). */
static inline struct sr_op_spec sr_spec_close(struct sr_fd fd)
{
    struct sr_op_spec spec = sr_spec_of_(IORING_OP_CLOSE);
    spec.target = fd;
    return spec;
}

/* Waits until one of `events` (POLLIN, POLLOUT, … of poll(2)) holds of the descriptor. The result is the events that hold. */
static inline struct sr_op_spec sr_spec_poll(struct sr_fd fd, uint32_t events)
{
    struct sr_op_spec spec = sr_spec_of_(IORING_OP_POLL_ADD);
    spec.target = fd;
    spec.opcode_flags = events;
    return spec;
}

/* Shuts a connection down, as shutdown(2); `how` is SHUT_RD, SHUT_WR or SHUT_RDWR. */
static inline struct sr_op_spec sr_spec_shutdown(struct sr_fd fd, int how)
{
    struct sr_op_spec spec = sr_spec_of_(IORING_OP_SHUTDOWN);
    spec.target = fd;
    spec.opcode_flags = (uint32_t)how;
    return spec;
}

/* Waits: ends with -ETIME after `duration_ns`. */
static inline struct sr_op_spec sr_spec_timeout(uint64_t duration_ns)
{
    struct sr_op_spec spec = sr_spec_of_(IORING_OP_TIMEOUT);
    spec.duration_ns = duration_ns;
    return spec;
}

/* The same operation with a linked timeout: it is cancelled when it takes longer than `timeout_ns`. */
static inline struct sr_op_spec sr_spec_within(struct sr_op_spec spec, uint64_t timeout_ns)
{
    spec.timeout_ns = timeout_ns;
    return spec;
}

#ifdef __cplusplus
}
#endif

#include "safer_ring/hot.h"

#endif
