/*
 * Operations that complete again and again: one accept that gives every connection, one poll that tells every readiness.
 *
 * A multishot has no handle to await. Its completions come by sr_ring_next(), or to a callback; each but the last has `more`
 * set, and each must be ended. The last one may come at any time and with any result, also a good one: whoever wants more
 * starts it again.
 *
 * Where a function does not say otherwise:
 * Errors: as sr_multishot_start().
 * Callable: from the ring's thread, also from a callback; does not block.
 */
#ifndef SAFER_RING_MULTISHOT_H
#define SAFER_RING_MULTISHOT_H

#include "safer_ring/calls.h"
#include "safer_ring/op.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Names a multishot, to stop or drop it. A plain value: nothing is owed for it, and after the last completion it is stale. */
struct sr_multishot {
    uint64_t id; /* 0: none */
};

/* The same operation as a multishot: accept, poll; receive, with buffers that the kernel selects (provider.h). */
static inline struct sr_op_spec sr_spec_multishot(struct sr_op_spec spec)
{
    spec.flags |= SR_OP_MULTISHOT;
    return spec;
}

/*
 * Starts a multishot. `fn` NULL: its completions come by sr_ring_next(), with `user`; otherwise `fn` is called with each, as
 * with sr_op_then().
 *
 * Ownership: every completion is the program's to end; descriptors in results are the program's to close. Each one, and the
 * operation itself, counts as in flight until it is ended.
 * Errors: as sr_op_start_plain(); -EINVAL: no SR_OP_MULTISHOT, or with SR_OP_WANT_PEER or a linked timeout, or a receive
 * without SR_OP_SELECT. -EOPNOTSUPP: this
 * operation has no such form. A kernel without it ends it at once with -EINVAL.
 * Callable: from the ring's thread, also from a callback; does not block.
 * When config.shot_entries completions are held or wait, the ring stops reaping until one is ended: waiting calls answer
 * SR_EQUEUE_FULL (OP-9).
 * Source: OP-3, OP-9; io_uring_multishot(7).
 */
SR_MUST_USE int sr_multishot_start(struct sr_ring *ring, const struct sr_op_spec *spec, sr_completion_fn *fn,
                                   void *user, struct sr_multishot *multishot);

/*
 * Asks for its end. Completions that have come meanwhile are delivered; the last one follows, with -ECANCELED if the cancel
 * won.
 *
 * Errors: -EINVAL. SR_ESTALE: it has ended, or was dropped. SR_EINVALID_STATE: its last completion waits to be taken.
 * SR_EWRONG_THREAD, SR_EWRONG_PROCESS.
 * Callable: from the ring's thread, also from a callback; does not block.
 */
SR_MUST_USE int sr_multishot_stop(struct sr_ring *ring, const struct sr_multishot *multishot);

/*
 * Drops it: what has come and was not delivered is disposed of (descriptors closed, buffers to their origin), and so is
 * what still comes. It is always cancelled (ORPH-5).
 *
 * Ownership: completions the program holds stay its own. Errors: as sr_multishot_stop(), SR_EINVALID_STATE: the program holds the
 * last completion. Callable: as sr_multishot_stop(). Source: ORPH-1, ORPH-4, ORPH-5.
 */
SR_MUST_USE int sr_multishot_drop(struct sr_ring *ring, struct sr_multishot *multishot);

/* Accepts connections as they come: each result is a descriptor. */
SR_MUST_USE static inline int sr_accept_multishot(struct sr_ring *ring, struct sr_fd listening, void *user,
                                                  struct sr_multishot *multishot)
{
    struct sr_op_spec spec = sr_spec_multishot(sr_spec_accept(listening, 0));
    return sr_multishot_start(ring, &spec, NULL, user, multishot);
}

#ifdef __cplusplus
}
#endif

#endif
