/*
 * Batches: operations given to the ring together, some of which wait for others.
 *
 * A batch is built (operations, and what depends on what), then moved to a ring, which starts each operation when all it
 * depends on have ended well. What comes back is one result with an entry for every operation, in the order of adding.
 * Owned buffers only: a batch outlives the call that submits it, and a borrowed buffer must not (docs/pinned.md).
 *
 * An operation ends well when the kernel's result is no error and, for reads and writes and for send and recv with
 * MSG_WAITALL, as much was moved as was asked for. A short read is no success, then, though its result is a count.
 *
 * Rules BATCH-1 … BATCH-8, docs/rules.md.
 *
 * Where a function does not say otherwise:
 * Errors: those its description names.
 * Callable: from the ring's thread, also from a callback (a batch that is being built, or a result: by whoever has it); does not block.
 */
#ifndef SAFER_RING_BATCH_H
#define SAFER_RING_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "safer_ring/buffer.h"
#include "safer_ring/error.h"
#include "safer_ring/op.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Operations to be submitted together. */
struct SR_CAPABILITY("batch") sr_batch;

/* How what depends on another operation is held back. */
enum sr_batch_form {
    SR_BATCH_CHAINED, /* by the kernel's own links where operations follow each other one by one, else as below */
    SR_BATCH_DEFERRED, /* by submitting it when the other has ended: the same results, one enter for each step */
};

/* How a batch runs. All zero is the ordinary way. */
struct sr_batch_options {
    enum sr_batch_form form;
    bool fail_fast; /* the first failure cancels everything else: what runs too */
};

/* A batch that runs. A value; moved, not copied: a copy of one whose result was taken, or which was dropped, is stale. */
struct SR_CAPABILITY("batch future") sr_batch_future {
    uint64_t id;
};

/* The result of a batch: entries 0 … count-1 in the order of adding. It is the ring's until sr_batch_result_fini(). */
struct SR_CAPABILITY("batch result") sr_batch_result {
    struct sr_ring *ring;
    uint64_t id;
    uint32_t count;
    uint32_t succeeded;
    uint32_t failed;
    uint32_t cancelled;
};

/* How one operation of a batch has ended. */
enum sr_batch_outcome {
    SR_BATCH_SUCCEEDED, /* it ended well */
    SR_BATCH_FAILED,    /* an error, or a short transfer */
    SR_BATCH_CANCELLED, /* it never ran, or was cancelled with its batch */
};

/* One operation's entry in a result. */
struct sr_batch_entry {
    enum sr_batch_outcome outcome;
    uint8_t opcode;
    int32_t
        result; /* the kernel's, untouched; -ECANCELED for what never ran; the status of a start that was refused */
    uint32_t flags;  /* the CQE's */
    bool has_buffer; /* one that was not taken yet */
};

/*
 * Makes an empty batch.
 *
 * Ownership: *out is the caller's; submit it, or end it with sr_batch_free().
 * Errors: -EINVAL: NULL, an option out of range. -ENOMEM. *out is then not written.
 * Callable: from any thread; does not block.
 */
SR_MUST_USE int sr_batch_new(struct sr_batch **out) SR_GIVES_IF_OK(*out);
SR_MUST_USE int sr_batch_new_with(struct sr_batch **out, const struct sr_batch_options *options)
    SR_GIVES_IF_OK(*out);

/*
 * Ends a batch without its result: buffers go to their origins. One that sr_batch_submit() could not wait for is dropped as
 * by sr_batch_drop().
 *
 * Ownership: *batch becomes NULL.
 * Errors: -EINVAL: NULL. SR_EWRONG_THREAD: it runs on another thread's ring. Nothing has changed then.
 * Callable: does not block.
 */
SR_MUST_USE int sr_batch_free(struct sr_batch **batch) SR_TAKES_IF_OK(*batch);

/*
 * Adds an operation with a buffer.
 *
 * Ownership: *buffer moves to the batch and becomes NULL; it comes back with the entry of the result. What
 * spec->argument points to is copied.
 * Errors: -EINVAL: a pointer is NULL, the specification contradicts itself, a range leaves the buffer. -E2BIG: more bytes
 * than an SQE can carry (BUF-8). -EOPNOTSUPP: the opcode is unknown here, or takes no buffer. SR_EBUFFER_IN_FLIGHT: the
 * buffer is not the program's. SR_EINVALID_STATE: the batch was submitted. -ENOMEM. Nothing has moved then.
 * Callable: from any thread, one at a time; does not block. *index (may be NULL) is the operation's place in the batch.
 * Source: BUF-2, ARG-1.
 */
SR_MUST_USE int sr_batch_add(struct sr_batch *batch, const struct sr_op_spec *spec, struct sr_buffer **buffer,
                             uint32_t *index) SR_NEEDS(*batch) SR_TAKES_IF_OK(*buffer);

/* Adds an operation without a buffer. Otherwise as sr_batch_add(); -EOPNOTSUPP also when the opcode needs one. */
SR_MUST_USE int sr_batch_add_plain(struct sr_batch *batch, const struct sr_op_spec *spec, uint32_t *index)
    SR_NEEDS(*batch);

/*
 * Adds an operation that depends on `dependency` and works on its buffer: on the bytes that it moved, unless spec->range
 * gives others. Receive, then send what was received.
 *
 * Ownership: the buffer comes back with the last entry that inherits it or, if what it inherits from fails, there.
 * Errors: as sr_batch_add(); -EINVAL also when there is no such operation, it has no buffer, or another inherits that.
 * Source: BATCH-8.
 */
SR_MUST_USE int sr_batch_add_inheriting(struct sr_batch *batch, const struct sr_op_spec *spec,
                                        uint32_t dependency, uint32_t *index) SR_NEEDS(*batch);

/*
 * Says that `dependent` must not start before `dependency` has ended well. If it ends otherwise, the dependent never runs.
 *
 * Errors: -EINVAL: NULL, or no such operation. SR_ECYCLE: it would wait for itself, at any distance. SR_EINVALID_STATE:
 * submitted. -ENOMEM. Nothing has changed then. Saying it twice is fine.
 * Source: BATCH-1, BATCH-2, BATCH-3.
 */
SR_MUST_USE int sr_batch_add_dependency(struct sr_batch *batch, uint32_t dependent, uint32_t dependency)
    SR_NEEDS(*batch);

/* The number of operations added. 0 for NULL. */
uint32_t sr_batch_count(const struct sr_batch *batch);

/*
 * Gives a batch to a ring, and borrows nothing: the ring can be used meanwhile, and other batches submitted. What can start
 * is queued at once, and reaches the kernel with the next submission.
 *
 * Ownership: *batch becomes NULL; *future must be polled or awaited to its end, or dropped, before the ring is closed. Every
 * operation of it counts as in flight until its result is ended (RING-1).
 * Errors: -EINVAL: NULL. SR_EBATCH_EMPTY. -E2BIG: an argument that does not fit the ring (ARG-1), or a linked timeout on an
 * SQ of one place. SR_EINVALID_STATE: submitted already, or the ring is draining, or not attached. -ENOMEM.
 * SR_EWRONG_THREAD, SR_EWRONG_PROCESS. Nothing has moved then.
 * Callable: from the ring's thread, also from a callback; does not block.
 * Source: BATCH-4, BATCH-5, BATCH-6.
 */
SR_MUST_USE int sr_batch_submit_standalone(struct sr_ring *ring, struct sr_batch **batch,
                                           struct sr_batch_future *future) SR_TAKES_IF_OK(*batch)
    SR_GIVES_IF_OK(*future);

/*
 * Gives a batch to a ring and waits for its end.
 *
 * Ownership: *batch becomes NULL, and *result must be ended.
 * Errors: as sr_batch_submit_standalone(), nothing has moved then; and as sr_batch_await(): then the batch runs on, *batch is
 * still its handle, and calling this again goes on waiting. SR_ESTALE: a drain has ended it meanwhile; free it.
 * Callable: from the ring's thread, not from a callback; blocks.
 */
SR_MUST_USE int sr_batch_submit(struct sr_ring *ring, struct sr_batch **batch, struct sr_batch_result *result)
    SR_TAKES_IF_OK(*batch) SR_GIVES_IF_OK(*result);

/*
 * Looks whether a batch has ended. SR_EOPERATION_PENDING: not yet; the kernel was entered once meanwhile, so that polling
 * always makes progress.
 *
 * Ownership: when it has ended, *future is consumed and *result must be ended.
 * Errors: -EINVAL: NULL. SR_ESTALE: no such batch. SR_EQUEUE_FULL: completions must be taken first (OP-9). -EBUSY: its
 * next operation finds no slot, and nothing is under way that could free one: take completions. -errno of
 * io_uring_enter(2). SR_EWRONG_THREAD, SR_EWRONG_PROCESS. In each case *future is as it was.
 * Callable: from the ring's thread, also from a callback; does not block; callbacks do not run.
 * Source: BATCH-5.
 */
SR_MUST_USE int sr_batch_poll(struct sr_batch_future *future, struct sr_ring *ring,
                              struct sr_batch_result *result) SR_TAKES_IF_OK(*future) SR_GIVES_IF_OK(*result);

/* As sr_batch_poll(), but waits. SR_EINVALID_STATE: inside a callback. Callbacks run meanwhile. */
SR_MUST_USE int sr_batch_await(struct sr_batch_future *future, struct sr_ring *ring,
                               struct sr_batch_result *result) SR_TAKES_IF_OK(*future)
    SR_GIVES_IF_OK(*result);

/* For at most `timeout_ns` nanoseconds; -ETIME: not ended by then, it goes on and *future is still its handle. */
SR_MUST_USE int sr_batch_await_timeout(struct sr_batch_future *future, struct sr_ring *ring,
                                       uint64_t timeout_ns, struct sr_batch_result *result)
    SR_TAKES_IF_OK(*future) SR_GIVES_IF_OK(*result);

/*
 * Asks for a batch's end: what has not started never will, what runs is cancelled. The result comes as ever.
 * Errors: -EINVAL, SR_ESTALE, SR_EINVALID_STATE: it has ended already. SR_EWRONG_THREAD, SR_EWRONG_PROCESS.
 * Callable: from the ring's thread, also from a callback; does not block.
 */
SR_MUST_USE int sr_batch_cancel(struct sr_ring *ring, const struct sr_batch_future *future) SR_NEEDS(*future);

/*
 * Drops a batch: nobody will take its result.
 *
 * Ownership: *future is consumed. What the kernel has becomes an orphan, as by sr_op_drop(); what it has not never runs,
 * and its buffers go to their origins, as do those of what has ended; descriptors made are closed.
 * Errors: none to return. A stale future is counted (sr_stats.misuses) and logged; a call from another thread is logged.
 * Callable: from the ring's thread, also from a callback; never blocks.
 * Source: BATCH-6, ORPH-1.
 */
void sr_batch_drop(struct sr_ring *ring, struct sr_batch_future *future) SR_TAKES(*future);

/*
 * One entry of a result. -EINVAL: NULL, or no such entry. SR_ESTALE: the result was ended. SR_EWRONG_THREAD,
 * SR_EWRONG_PROCESS. Source: BATCH-7.
 */
SR_MUST_USE int sr_batch_result_at(const struct sr_batch_result *result, uint32_t index,
                                   struct sr_batch_entry *entry) SR_NEEDS(*result);

/*
 * Takes an entry: gives its buffer and returns the kernel's result, a count or -errno, untouched. Once for each.
 *
 * Ownership: *back is the caller's buffer, or NULL when the entry has none: the operation had none, another inherited it,
 * or it was taken. A descriptor in the result is the caller's to close.
 * Errors: SR_ESTALE: taken before, or the result was ended. -EINVAL: NULL, or no such entry. *back is NULL then.
 */
int32_t sr_batch_result_take(struct sr_batch_result *result, uint32_t index, struct sr_buffer **back)
    SR_NEEDS(*result) SR_GIVES(*back);

/* As sr_batch_result_take() for an entry without a buffer. If there is one after all, it goes to its origin. */
int32_t sr_batch_result_take_plain(struct sr_batch_result *result, uint32_t index) SR_NEEDS(*result);

/*
 * The peer's address of an accept with SR_OP_WANT_PEER, also when the entry was taken. As sr_completion_peer(); -EINVAL also
 * when there is no such entry.
 */
SR_MUST_USE int sr_batch_result_peer(const struct sr_batch_result *result, uint32_t index,
                                     struct sockaddr *address, uint32_t *length) SR_NEEDS(*result);

/* Ends a result: buffers that were not taken go to their origins, descriptors are closed (ORPH-4). */
void sr_batch_result_fini(struct sr_batch_result *result) SR_TAKES(*result);

#ifdef __cplusplus
}
#endif

#endif
