/*
 * Streams: bytes in order over a ring, for programs that want read and write rather than operations and buffers.
 *
 * A stream carries an owned buffer for each direction and copies between it and the caller's memory, so the caller's memory
 * is never lent to the kernel. Every call comes in two forms. The poll-style one never blocks: it answers 0, or
 * SR_EOPERATION_PENDING and the same call is made again later (after sr_ring_dispatch(), when sr_ring_pollable_fd() is
 * readable). The blocking one waits on the ring, and callbacks run meanwhile.
 *
 * Short transfers, EINTR and EAGAIN are the stream's own business: no byte is lost, doubled or reordered (STR-1). Any other
 * error is answered by the call that meets it and leaves the stream usable: bytes accepted before and not written are kept,
 * and the next call tries again (STR-4).
 *
 * All calls are for the ring's thread. The operations of streams count as in flight, and sr_ring_next() never returns them
 * (CB-4). Common errors of all calls: -EINVAL: NULL; SR_EWRONG_THREAD, SR_EWRONG_PROCESS; SR_EINVALID_STATE: the ring is
 * draining or not attached, another call on the stream is waiting (this one comes from a callback of it), or, for the
 * blocking calls, inside any callback (CB-2); -EBUSY, -EAGAIN: the ring has no room for an operation now, try again;
 * SR_EQUEUE_FULL: take completions first; -ENOMEM.
 *
 * Where a function does not say otherwise:
 * Errors: those its description names, and the common ones.
 * Callable: from the ring's thread; one that waits not from a callback.
 */
#ifndef SAFER_RING_STREAM_H
#define SAFER_RING_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "safer_ring/ring.h"

#ifdef __cplusplus
extern "C" {
#endif

struct SR_CAPABILITY("stream") sr_stream;

/* Limits and default of sr_stream_options. */
#define SR_STREAM_BUFFER_DEFAULT 8192u
#define SR_STREAM_BUFFER_MAX (1u << 30)

/* How a stream is made; all zero is the default. */
struct sr_stream_options {
    size_t
        buffer_bytes; /* of the buffer of each direction, 1 … SR_STREAM_BUFFER_MAX; 0: SR_STREAM_BUFFER_DEFAULT */
    uint64_t offset;      /* where in a file to begin, in bytes */
    bool keep_descriptor; /* the descriptor stays the caller's: the stream does not close it */
};

/*
 * A stream that reads and writes a file with an offset of its own, one for both; the descriptor's position is neither used
 * nor moved (STR-2). For what has positions: regular files, block devices.
 *
 * Ownership: *out is the caller's, until sr_stream_close() or sr_stream_drop(); it holds the ring meanwhile. `fd` is the
 * stream's from now on, unless options->keep_descriptor; on failure it is the caller's. `options` may be NULL.
 * Errors: -EINVAL: NULL, a negative descriptor, an option out of its range. -ENOMEM. SR_EINVALID_STATE: the ring is not
 * attached. SR_EWRONG_THREAD, SR_EWRONG_PROCESS.
 * Callable: from the ring's thread, also from a callback; does not block and makes no system call.
 * Source: STR-1 … STR-5.
 */
SR_MUST_USE int sr_file(struct sr_ring *ring, int fd, const struct sr_stream_options *options,
                        struct sr_stream **out) SR_GIVES_IF_OK(*out);

/* A stream over a connected stream socket: both directions at once, no offset. Otherwise as sr_file(). */
SR_MUST_USE int sr_socket(struct sr_ring *ring, int fd, const struct sr_stream_options *options,
                          struct sr_stream **out) SR_GIVES_IF_OK(*out);

/*
 * Streams of one direction, over anything that can be read or written: file (own offset), pipe, terminal, socket. Writing to
 * a stream that reads, or the other way round, is -EBADF. Otherwise as sr_file().
 */
SR_MUST_USE int sr_reader(struct sr_ring *ring, int fd, const struct sr_stream_options *options,
                          struct sr_stream **out) SR_GIVES_IF_OK(*out);
SR_MUST_USE int sr_writer(struct sr_ring *ring, int fd, const struct sr_stream_options *options,
                          struct sr_stream **out) SR_GIVES_IF_OK(*out);

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/*
 * Reads at most `size` bytes: as many as are there, at least one. *count 0: the end of the file, or the peer has ended its
 * side (STR-2); a later call looks again. `size` 0 reads nothing.
 *
 * Errors: SR_EOPERATION_PENDING: nothing is there yet, and a read is under way. The kernel's -errno (-EIO, -ECONNRESET, …),
 * once per failed read. -EBADF: the stream only writes. SR_ESTALE: the ring was drained while a read was under way, which may
 * have taken bytes with it: this direction is closed. A file's own reads are made again. The common ones.
 * Callable: from the ring's thread, also from a callback; does not block.
 */
SR_MUST_USE int sr_stream_poll_read(struct sr_stream *stream, void *bytes, size_t size, size_t *count);

/* The same, waiting until something is there. Never SR_EOPERATION_PENDING. Blocks; not from a callback. */
SR_MUST_USE int sr_stream_read(struct sr_stream *stream, void *bytes, size_t size, size_t *count);

/*
 * Reads `size` bytes, all of them. -ENODATA: the end came first. *count (may be NULL) is the number of bytes read, also on
 * failure; they are taken. Otherwise as sr_stream_read().
 */
SR_MUST_USE int sr_stream_read_exact(struct sr_stream *stream, void *bytes, size_t size, size_t *count);

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

/*
 * Accepts at most `size` bytes, as many as the buffer holds, and starts writing them; *count is how many. They are copied:
 * `bytes` can be used again at once. `size` 0 accepts nothing. What was accepted is on its way, and reaches the kernel by
 * sr_ring_submit(), a wait, a dispatch; the rest of a short write by the next call on the stream (of a socket's, reads too).
 * sr_stream_flush() makes sure.
 *
 * Errors: SR_EOPERATION_PENDING: what was accepted before is still being written. The kernel's -errno for bytes that were
 * accepted before (-ENOSPC, -EPIPE, …): they are kept, nothing new was accepted, and the next call tries again.
 * sr_stream_discard() gives them up. -EPIPE also after sr_stream_shutdown(). -EBADF: the stream only reads. SR_ESTALE: the
 * ring was drained while a write was under way, whose count nobody took: this direction is closed. The common ones.
 * Callable: from the ring's thread, also from a callback; does not block.
 */
SR_MUST_USE int sr_stream_poll_write(struct sr_stream *stream, const void *bytes, size_t size, size_t *count);

/* The same, waiting for room. Never SR_EOPERATION_PENDING. Blocks; not from a callback. */
SR_MUST_USE int sr_stream_write(struct sr_stream *stream, const void *bytes, size_t size, size_t *count);

/*
 * Has all `size` bytes accepted. *count (may be NULL) is the number accepted, also on failure. Otherwise as
 * sr_stream_write().
 */
SR_MUST_USE int sr_stream_write_all(struct sr_stream *stream, const void *bytes, size_t size, size_t *count);

/*
 * Flushes: 0 means that the kernel has accepted every byte the stream has (STR-3). It does not mean that they are on the disk;
 * that is sr_spec_fsync().
 *
 * *written (may be NULL), also on failure: how many of all bytes the stream has accepted since it was made the kernel has
 * accepted; see sr_stream_accepted(). Errors: as sr_stream_poll_write().
 */
SR_MUST_USE int sr_stream_poll_flush(struct sr_stream *stream, uint64_t *written);
SR_MUST_USE int sr_stream_flush(struct sr_stream *stream, uint64_t *written);

/*
 * Flushes and ends the direction of writing: of a socket as shutdown(2) with SHUT_WR, so that the peer reads the end; later
 * writes are -EPIPE. Reading goes on. A second time it does nothing. Errors: as sr_stream_poll_flush(), and those of
 * shutdown(2).
 */
SR_MUST_USE int sr_stream_poll_shutdown(struct sr_stream *stream, uint64_t *written);
SR_MUST_USE int sr_stream_shutdown(struct sr_stream *stream, uint64_t *written);

/*
 * Gives up bytes that were accepted and not written, as after an error that will not pass. *discarded (may be NULL) is how
 * many. SR_EOPERATION_PENDING: a write is under way. The common errors. Does not block.
 */
SR_MUST_USE int sr_stream_discard(struct sr_stream *stream, size_t *discarded);

/* All bytes accepted from the caller, ever; all that the kernel has accepted of them. 0 for NULL. */
uint64_t sr_stream_accepted(const struct sr_stream *stream);
uint64_t sr_stream_written(const struct sr_stream *stream);

/* ---- Position, and the end --------------------------------------------------------------------------------------- */

/*
 * Moves a file's own offset, after flushing; `whence` is SEEK_SET or SEEK_CUR. *position (may be NULL) is the new offset.
 * Errors: as sr_stream_flush(). -ESPIPE: a socket, or a descriptor found to have no positions. -EINVAL: another whence (SEEK_END needs the size:
 * fstat(2)), or an offset before 0. Blocks; not from a callback.
 */
SR_MUST_USE int sr_stream_seek(struct sr_stream *stream, int64_t offset, int whence, uint64_t *position);

/*
 * Flushes and closes. On failure nothing was closed and the stream is the caller's as before: try again, or drop it.
 *
 * Ownership: *stream becomes NULL. A read under way is dropped (an orphan, ORPH-1), and the descriptor is closed when the
 * kernel is done with it, not before (STR-5). *written as sr_stream_flush().
 * Errors: as sr_stream_flush(). A failed close(2) is answered too, the stream being gone then.
 * Callable: from the ring's thread, not from a callback; blocks while it flushes.
 */
SR_MUST_USE int sr_stream_close(struct sr_stream **stream, uint64_t *written) SR_TAKES_IF_OK(*stream);

/*
 * Drops the stream: what was accepted and is not written yet is given up, what is under way becomes orphans, and the
 * descriptor is closed when the last of them has ended, not before (STR-5).
 *
 * Ownership: *stream becomes NULL. Errors: -EINVAL: NULL. SR_EWRONG_THREAD. SR_EINVALID_STATE: a call on it is waiting. In a
 * forked child it releases the child's copy. Callable: also from a callback, and while the ring drains; never blocks.
 */
SR_MUST_USE int sr_stream_drop(struct sr_stream **stream) SR_TAKES_IF_OK(*stream);

/*
 * A FILE * over a stream, as fopen(3) with this mode. fflush(3) flushes the stream, fclose(3) closes it.
 *
 * Ownership: *stream becomes NULL and is the FILE's. fclose(3) always ends it, bytes that can't be written are given up and
 * it answers EOF. Errors: -EINVAL: NULL, or a mode fopencookie(3) does not know. -ENOMEM. The library's own codes become
 * EINVAL in errno. Callable: the FILE's functions block, so not from callbacks, and from the ring's thread only.
 * Source: fopencookie(3).
 */
SR_MUST_USE int sr_stream_fopen(struct sr_stream **stream, const char *mode, FILE **file)
    SR_TAKES_IF_OK(*stream);

#ifdef __cplusplus
}
#endif

#endif
