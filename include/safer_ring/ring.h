/*
 * The ring: one io_uring, owned by one thread, that never lets go of memory the kernel can still reach.
 *
 * Dropping a ring with operations in flight panics (RING-1). There is no quiet way out: await them, or drop and drain
 * them.
 *
 * Where a function does not say otherwise:
 * Callable: from the ring's thread, also from a callback; does not block.
 */
#ifndef SAFER_RING_RING_H
#define SAFER_RING_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "safer_ring/config.h"
#include "safer_ring/error.h"
#include "safer_ring/op.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One ring. It belongs to the thread and the process that opened it (RING-6). */
struct sr_ring;

/* A time that does not come: waits without limit. */
#define SR_FOREVER UINT64_MAX

/*
 * Opens a ring with `entries` places in its submission queue, on the best kernel there is.
 *
 * Ownership: *out is the caller's, until sr_ring_close().
 * Errors: as sr_ring_open_config().
 */
SR_MUST_USE int sr_ring_open(struct sr_ring **out, uint32_t entries);

/*
 * Opens a ring as configured.
 *
 * Errors: -EINVAL: NULL, or a field out of range (sr_config_check() names it), an unknown backend name, a backend table of
 * another version. -ENOMEM, and whatever the kernel's setup answers (-EPERM, -ENOSYS, -EMFILE) when the backend was named;
 * with "auto" a refusal of io_uring means the engine instead (sr_ring_backend() tells). *out is written only on success.
 * Callable: from any thread, which becomes the ring's, unless config->disabled. Does not block.
 * Source: BACK-4; io_uring_setup(2).
 */
SR_MUST_USE int sr_ring_open_config(struct sr_ring **out, const struct sr_config *config);

/*
 * Makes the calling thread the ring's and enables it: for a ring opened with config.disabled, once.
 * Errors: -EINVAL. SR_EINVALID_STATE: not disabled, or attached already. SR_EWRONG_PROCESS. Source: RING-6.
 */
SR_MUST_USE int sr_ring_attach(struct sr_ring *ring);

/*
 * Drops the ring.
 *
 * Ownership: *ring becomes NULL and everything it held is released; on failure it is whole and still the caller's.
 * With operations in flight (queued, under way, ended and not taken, orphaned) it panics: the handler is called before
 * anything is changed, and by default prints the list and aborts. Close does not look for completions first, so a
 * forgotten await panics on every kernel and in every run.
 * Errors: -EINVAL: NULL. SR_EOPERATIONS_IN_FLIGHT: the panic handler returned. SR_EINVALID_STATE: inside a callback.
 * -EBUSY: somebody holds the ring (sr_ring_hold(); streams do), whom the log names. SR_EWRONG_THREAD. In a forked child it releases the child's copy, without panic and without touching the ring.
 * Callable: from the ring's thread, not from a callback; does not block.
 * Source: RING-1 … RING-6.
 */
SR_MUST_USE int sr_ring_close(struct sr_ring **ring);

/* As sr_ring_close(), without the panic: SR_EOPERATIONS_IN_FLIGHT tells. Source: RING-4. */
SR_MUST_USE int sr_ring_try_close(struct sr_ring **ring);

/*
 * Ends everything in flight: takes no new work, submits what is queued, waits for all of it, and disposes of what nobody
 * has taken (buffers to their origins, descriptors closed); callbacks run. Handles of operations are stale after it. Each
 * operation runs to its own end: cancel first if that may take for ever.
 *
 * Units: nanoseconds; SR_FOREVER waits without limit. *remaining (may be NULL) is how many are still in flight.
 * Errors: -EINVAL. -ETIME: some are still in flight, and the ring works on as before. SR_EINVALID_STATE: inside a callback.
 * -errno of io_uring_enter(2). SR_EWRONG_THREAD, SR_EWRONG_PROCESS. Nothing that the kernel can reach is freed.
 * Callable: from the ring's thread, not from a callback; blocks.
 * Source: RING-4, ORPH-4.
 */
SR_MUST_USE int sr_ring_drain(struct sr_ring *ring, uint64_t timeout_ns, uint32_t *remaining);

/*
 * Withdraws what is queued, asks the kernel to cancel what is under way, and waits until all of it has ended. Completions
 * stay to be taken by whoever holds the handles. *remaining is how many have not ended.
 * Units, errors, callable: as sr_ring_drain(); SR_EQUEUE_FULL as sr_op_await().
 * Source: RING-4.
 */
SR_MUST_USE int sr_ring_cancel_all(struct sr_ring *ring, uint64_t timeout_ns, uint32_t *remaining);

/*
 * Hands everything queued to the kernel.
 *
 * Errors: -EINVAL. -EAGAIN, -EBUSY: the kernel took nothing more; what it did not take is still queued and goes with the
 * next submission (OP-6). Other -errno of io_uring_enter(2). SR_EWRONG_THREAD, SR_EWRONG_PROCESS.
 * Callable: from the ring's thread, also from a callback; does not block.
 */
SR_MUST_USE int sr_ring_submit(struct sr_ring *ring);

/*
 * Waits for the next completion of a detached operation, or for a posted value, in order of arrival.
 *
 * Ownership: *done must be ended; a posted value has nothing to end, and sr_finish() on it does nothing. Callbacks run
 * meanwhile.
 * Errors: SR_ENOTHING_IN_FLIGHT: no detached operation is in flight and no value is awaited, so the wait could not end
 * (OP-8). Otherwise as sr_op_await().
 * Callable: from the ring's thread, not from a callback; blocks.
 */
SR_MUST_USE int sr_ring_next(struct sr_ring *ring, struct sr_completion *done) SR_GIVES_IF_OK(*done);

/* As sr_ring_next() for at most `timeout_ns`; -ETIME. 0 only looks. */
SR_MUST_USE int sr_ring_next_timeout(struct sr_ring *ring, uint64_t timeout_ns, struct sr_completion *done)
    SR_GIVES_IF_OK(*done);

/*
 * Waits for at least one and takes as many as are there, at most `room`, into done[0 … *count-1]. The analysis does not
 * follow arrays. Otherwise as sr_ring_next(); -EINVAL also when room is 0.
 */
SR_MUST_USE int sr_ring_next_many(struct sr_ring *ring, struct sr_completion done[], size_t room,
                                  size_t *count);

/*
 * For event loops, when sr_ring_pollable_fd() is readable: submits what is queued, runs the callbacks of what has
 * completed, and arms what the descriptor needs. *ran (may be NULL) is the number of callbacks run. Callbacks of
 * operations that complete during the call run at the next one.
 * Errors: -EINVAL, SR_EINVALID_STATE: inside a callback; -errno of io_uring_enter(2); SR_EWRONG_THREAD, SR_EWRONG_PROCESS.
 * Callable: from the ring's thread, not from a callback; does not block.
 */
SR_MUST_USE int sr_ring_dispatch(struct sr_ring *ring, uint32_t *ran);

/*
 * Callbacks of operations that have completed, which the next dispatch runs. For event loops: while it is not 0 they must not wait for
 * the descriptor, which tells of completions once. 0 for NULL. Ring's thread.
 */
uint32_t sr_ring_callbacks_due(const struct sr_ring *ring);

/*
 * Waits until at least one callback has run. -ETIME. SR_ENOTHING_IN_FLIGHT: no operation in flight has a callback.
 * Otherwise as sr_ring_dispatch(), but blocks.
 */
SR_MUST_USE int sr_ring_dispatch_wait(struct sr_ring *ring, uint64_t timeout_ns, uint32_t *ran);

/*
 * A descriptor for poll(2), epoll and event loops: readable when sr_ring_dispatch() would find something to do. Owned by
 * the ring. The result is the descriptor.
 * Errors: -EINVAL: NULL. -EMFILE, -ENOMEM: the kernel's, of which one is made. SR_EWRONG_THREAD, SR_EWRONG_PROCESS.
 */
SR_MUST_USE int sr_ring_pollable_fd(struct sr_ring *ring);

/*
 * Posts a value to the ring from any thread, and wakes it: it comes out of sr_ring_next() as a completion with `posted`.
 *
 * Errors: -EINVAL: NULL. -EAGAIN: config.post_entries values wait already. -EOPNOTSUPP: the kernel can't be woken from
 * another thread (before Linux 5.18); the value was posted, and is seen when the ring next looks.
 * SR_EWRONG_PROCESS: in a forked child.
 * Callable: from any thread while the ring is open; takes a short lock; does not wait for the ring.
 * Source: RING-7.
 */
SR_MUST_USE int sr_ring_post(struct sr_ring *ring, uint64_t value);

/*
 * Says whether sr_ring_next() may wait for posted values when no operation is in flight. Off at open: then such a wait is
 * refused (OP-8). Errors: -EINVAL, SR_EWRONG_THREAD, SR_EWRONG_PROCESS.
 */
SR_MUST_USE int sr_ring_await_posts(struct sr_ring *ring, bool on);

/* Operations in flight: started, and neither taken nor disposed of. Orphans count. 0 for NULL. Ring's thread. */
uint32_t sr_ring_in_flight(const struct sr_ring *ring);

/* Operations dropped that the kernel has not ended yet. Source: ORPH-1. */
uint32_t sr_ring_orphan_count(const struct sr_ring *ring);

/* The kernel's name ("uring", "engine", "sim"); and why that one, one sentence. Static for the ring's life. BACK-4. */
const char *sr_ring_backend(const struct sr_ring *ring);
const char *sr_ring_backend_reason(const struct sr_ring *ring);

/* ---- What stands on a ring ---------------------------------------------------------------------------------------- */

/* Something that works on a ring and must end before it. The members are the library's. */
struct sr_hold {
    const char *name;       /* for the log */
    struct sr_hold *next;   /* the ring's others */
    struct sr_hold **place; /* what points to it; NULL: it holds nothing */
};

/*
 * Holds the ring: closing it is refused with -EBUSY, and the log names who holds it (RING-5). For adapters: streams, event
 * loops. The ring's operations are not touched.
 *
 * Ownership: `hold` and `name` are the caller's and must live until sr_ring_let_go(). A hold that holds already is refused.
 * Errors: -EINVAL, SR_EWRONG_THREAD, SR_EWRONG_PROCESS. Callable: from the ring's thread, also from a callback.
 */
SR_MUST_USE int sr_ring_hold(struct sr_ring *ring, struct sr_hold *hold, const char *name);

/* Ends a hold; one that holds nothing is fine. Callable: from the ring's thread, and in a forked child. */
void sr_ring_let_go(struct sr_hold *hold);

/*
 * May the caller wait on the ring now? 0, or why a waiting call would be refused. Changes nothing.
 * Errors: SR_EINVALID_STATE: inside a callback, draining, or not attached. SR_EWRONG_THREAD, SR_EWRONG_PROCESS, -EINVAL: NULL.
 * Source: CB-2, RING-6.
 */
SR_MUST_USE int sr_ring_may_wait(const struct sr_ring *ring);

/* May the caller start operations on it now? As sr_ring_may_wait(), but a callback may. */
SR_MUST_USE int sr_ring_may_start(const struct sr_ring *ring);

/*
 * Closes a descriptor of the ring's kernel at once, as close(2): on every backend, the simulated one included. In a forked
 * child it closes the child's copy. Errors: -EINVAL, -EBADF, and those of close(2); SR_EWRONG_THREAD.
 */
SR_MUST_USE int sr_ring_close_descriptor(const struct sr_ring *ring, int descriptor);

/* ---- Panic ------------------------------------------------------------------------------------------------------- */

/* One operation in the list of a panic (RING-2). */
struct sr_panic_operation {
    uint64_t id;      /* as in the log and the trace; 0: of a batch, and not with the kernel */
    const char *kind; /* "READ", "ACCEPT", … */
    const char *
        state; /* "queued", "submitted", "cancelling", "completed", "delivered"; of a batch also "waiting", "ready",
                           "done", "failed", "cancelled" */
    bool orphaned;      /* dropped before it ended */
    int32_t fd;         /* -1: none */
    bool fixed;         /* fd is a fixed file's place */
    size_t buffer_size; /* 0: no buffer */
    uint64_t age_ns;    /* since it was submitted; 0 when it was not */
};

/* What a panic handler is told. */
struct sr_panic {
    const struct sr_ring *ring; /* whole, and not to be changed */
    uint32_t count;             /* OperationsInFlight { count } */
    const char *message;        /* the first line: "OperationsInFlight { count: 3 }: …" */
    uint64_t now_ns;            /* the kernel's clock at the panic, from which the ages count */
};

/* The i-th operation of a panic's list, 0 … count-1, found by counting. false: there is none. For handlers; changes nothing. */
bool sr_panic_at(const struct sr_panic *panic, uint32_t i, struct sr_panic_operation *operation);

/*
 * Called in place of the default, which prints the list on standard error and aborts. May return (the close then answers
 * SR_EOPERATIONS_IN_FLIGHT) or leave by longjmp(3); the ring is whole either way (RING-3). Inside it only functions that
 * change nothing may be called. What is used after a jump must be static, on the heap, or volatile.
 */
typedef void sr_panic_fn(const struct sr_panic *panic, void *user);

/* Sets the process's handler; NULL: the default. Callable: from any thread while no ring is being closed. */
void sr_set_panic_handler(sr_panic_fn *handler, void *user);

#ifdef __cplusplus
}
#endif

#endif
