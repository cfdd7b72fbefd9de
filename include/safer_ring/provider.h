/*
 * Provided buffers: the kernel chooses a buffer when it has bytes for it, so that a thousand idle connections need no
 * thousand buffers.
 *
 * A provider lends its buffers to the kernel beforehand. An operation that selects (sr_spec_selecting()) takes none along; its
 * completion brings the one that was chosen, which is an owned buffer as any other, and goes back to the kernel when it is
 * released. When all are out the operation ends with -ENOBUFS.
 *
 * Where a function does not say otherwise:
 * Errors: none.
 * Callable: from the ring's thread, also from a callback; does not block.
 */
#ifndef SAFER_RING_PROVIDER_H
#define SAFER_RING_PROVIDER_H

#include "safer_ring/multishot.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most buffers a provider can have. */
#define SR_PROVIDED_MAX 32768u

/*
 * Makes a provider of `count` buffers of `buffer_size` bytes, all zero, and lends them to the ring's kernel.
 *
 * Ownership: *out is the caller's, until sr_provider_free(); it holds the ring, which can't be closed before.
 * Units: count: a power of two, at most SR_PROVIDED_MAX; bytes.
 * Errors: -EINVAL: NULL, a count that is none, no bytes or more than INT32_MAX; also what a kernel before Linux 5.19 answers.
 * -ENOMEM. -ENOSPC: the ring has 65536 of them. SR_EINVALID_STATE: the ring is draining or not attached. SR_EWRONG_THREAD,
 * SR_EWRONG_PROCESS; other -errno of io_uring_register(2). *out is then not written.
 * Source: BUF-5; io_uring_register_buf_ring(3).
 */
SR_MUST_USE int sr_provider_new(struct sr_ring *ring, uint32_t count, size_t buffer_size,
                                struct sr_provider **out);

/* How many of its buffers the kernel has to choose from. 0 for NULL. Callable: from any thread; takes a short lock. */
uint32_t sr_provider_available(struct sr_provider *provider);

/*
 * Ends a provider whose buffers are all at home.
 *
 * Ownership: *provider becomes NULL; on failure it is whole and still the caller's. In a forked child its copy is freed.
 * Errors: -EINVAL: NULL. SR_EBUFFER_IN_FLIGHT: a buffer is out, or an operation that selects from it is in flight.
 * SR_EWRONG_THREAD.
 */
SR_MUST_USE int sr_provider_free(struct sr_provider **provider);

/*
 * The same operation with a buffer that the kernel selects: read, recv. It is started without one (sr_op_start_plain(),
 * sr_multishot_start()), and its completion may bring one, whatever the result: take it by sr_take(). `range` may limit its
 * length, from 0; a multishot takes whole buffers.
 */
static inline struct sr_op_spec sr_spec_selecting(struct sr_op_spec spec, struct sr_provider *provider)
{
    spec.flags |= SR_OP_SELECT;
    spec.provider = provider;
    return spec;
}

/* Receives as bytes come: each completion brings a buffer. As sr_multishot_start(), with completions for sr_ring_next(). */
SR_MUST_USE static inline int sr_recv_multishot(struct sr_ring *ring, struct sr_fd fd,
                                                struct sr_provider *provider, void *user,
                                                struct sr_multishot *multishot)
{
    struct sr_range whole = {0, 0, false};
    struct sr_op_spec spec = sr_spec_multishot(sr_spec_selecting(sr_spec_recv(fd, whole, 0), provider));
    return sr_multishot_start(ring, &spec, NULL, user, multishot);
}

#ifdef __cplusplus
}
#endif

#endif
