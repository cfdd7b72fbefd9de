/*
 * A ring inside a libuv loop: its callbacks run there, beside the loop's own. In the library safer_ring_uv (safer_ring::uv), which
 * is built where libuv is.
 */
#ifndef SAFER_RING_UV_H
#define SAFER_RING_UV_H

#include "safer_ring/ring.h"

#ifdef __cplusplus
extern "C" {
#endif

struct uv_loop_s; /* uv_loop_t of <uv.h> */

/* A ring's place in a loop. */
struct sr_uv;

/*
 * Attaches a ring to a loop: from now on the loop submits what is queued before it waits, and runs the callbacks of
 * what has completed (sr_op_then()). The loop stays alive until sr_uv_detach().
 *
 * Ownership: *out is the caller's, until sr_uv_detach(). It holds the ring: closing that is refused meanwhile, so the ring's
 * descriptor is never closed under the loop (RING-5).
 * Errors: -EINVAL: NULL. -ENOMEM, -EMFILE and the like: libuv's. SR_EWRONG_THREAD, SR_EWRONG_PROCESS, SR_EINVALID_STATE:
 * the ring is not attached to this thread. Those of sr_ring_pollable_fd().
 * Callable: from the ring's thread, which must be the one that runs the loop; does not block.
 */
SR_MUST_USE int sr_uv_attach(struct uv_loop_s *loop, struct sr_ring *ring, struct sr_uv **out);

/*
 * Detaches it: the loop forgets the ring's descriptor at once, and the ring may be closed. Operations in flight are not
 * touched.
 *
 * Ownership: *uv becomes NULL. What libuv still holds is freed by the loop, which must run once more (uv_run()) before
 * uv_loop_close(). Errors: -EINVAL: NULL. Callable: from the loop's thread, also from a callback of the ring.
 */
SR_MUST_USE int sr_uv_detach(struct sr_uv **uv);

/*
 * Why the last dispatch failed, 0 if it did not. -EAGAIN and -EBUSY pass; after another one (a ring used from the wrong
 * thread) the loop tries again by itself too.
 * Errors: -EINVAL: NULL; else those of sr_ring_dispatch(). Callable: from the loop's thread; does not block.
 */
SR_MUST_USE int sr_uv_error(const struct sr_uv *uv);

#ifdef __cplusplus
}
#endif

#endif
