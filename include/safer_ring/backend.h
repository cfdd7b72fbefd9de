/*
 * The interface a kernel must fill.
 *
 * A backend answers io_uring's own system calls over rings in memory that have the kernel's own layout, so that
 * everything above it (queueing an SQE, reading a CQE) is the same pure memory work on every kernel: the true one,
 * the engine over this machine's descriptors, the simulated one. There is no second vocabulary to translate to.
 *
 * Every slot of the table is filled. What a kernel cannot do answers with the errno the true kernel would give.
 * All functions return a negative errno on failure and leave everything as it was, unless they say otherwise.
 */
#ifndef SAFER_RING_BACKEND_H
#define SAFER_RING_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/io_uring.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this table. A backend built for another one is refused by sr_ring_open_config() with -EINVAL. */
#define SR_BACKEND_VERSION 1u

/* `self` is one kernel, with any number of rings. A ring is an int, as it is for the system calls. */
struct sr_backend_vtable {
    /* SR_BACKEND_VERSION. */
    uint32_t version;

    /* Short name for messages: "uring", "engine", "sim". Static storage. */
    const char *name;

    /*
     * Opens a ring, as io_uring_setup(2): reads and fills `params`. Returns its descriptor (>= 0) or -errno (EPERM,
     * ENOSYS, ENOMEM, EINVAL, EMFILE, EFAULT). Never blocks. Nothing is left behind by a failure.
     */
    int (*setup)(void *self, uint32_t entries, struct io_uring_params *params);

    /*
     * Makes `length` bytes of the ring's memory visible, as mmap(2) of the ring's descriptor at `offset` (one of
     * IORING_OFF_*). Asked twice for the same offset, both answers show the same memory. Never blocks.
     */
    int (*map)(void *self, int ring, uint64_t offset, size_t length, void **memory);

    /* Ends one map(). The ring may already be closed. Cannot fail. */
    void (*unmap)(void *self, void *memory, size_t length);

    /*
     * Consumes up to `to_submit` SQEs, runs what can run and, with IORING_ENTER_GETEVENTS, waits until `min_complete`
     * CQEs are in the ring; `arg` and `arg_size` as io_uring_enter2 (IORING_ENTER_EXT_ARG for a timeout).
     *
     * Returns the number of SQEs consumed, also when the wait after them was interrupted or timed out. Otherwise
     * -errno: EINTR (the wait was interrupted; may happen without a signal), ETIME, EAGAIN (nothing consumed, try
     * again), EBUSY (CQEs must be reaped first), EBADR (a CQE was lost), EEXIST (wrong thread), EBADFD (disabled),
     * EINVAL, EFAULT. A consumed SQE's entry may be reused at once; what it points to may be forgotten by the caller
     * unless the operation transfers it. May block only with GETEVENTS and min_complete > 0. CQEs may appear inside the
     * call and, with kernels that run on their own, at any other time. On failure nothing was consumed.
     *
     * A blocking wait that nothing can ever end is a hang with the true kernel; a deterministic kernel answers
     * -EDEADLK.
     */
    int (*enter)(void *self, int ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                 const void *arg, size_t arg_size);

    /*
     * True: until pollable_fd was first called for a ring, its enter is the system call io_uring_enter(2) on the ring's
     * number and nothing besides, and whoever would call enter may make the system call instead. The library does: the
     * processor mispredicts the return of each frame that stands around a system call (docs/performance.md).
     */
    bool enter_is_system_call;

    /* As io_uring_register(2): returns what it returns. Never blocks, unless the manual says so for the opcode. */
    int (*register_)(void *self, int ring, uint32_t opcode, void *arg, uint32_t count);

    /*
     * A descriptor of the *program* (not of this kernel) for poll(2), epoll and event loops, owned by the backend and
     * valid until the ring is closed: readable when a CQE is there, or when an enter would make progress. It may be
     * readable without cause. The same one at each call. Never blocks.
     */
    int (*pollable_fd)(void *self, int ring);

    /*
     * Makes a CQE {user_data, res 0} appear in the ring and so ends a wait in it, as an IORING_OP_MSG_RING sent from
     * elsewhere. The only slot that may be called from any thread. Never blocks for long; never runs the ring's work.
     * -EOVERFLOW: the CQ has no room, so the ring's thread has something to reap anyway. -EOPNOTSUPP: this kernel has
     * no way to do it.
     */
    int (*wake)(void *self, int ring, uint64_t user_data);

    /* The clock everything above uses, in nanoseconds from an arbitrary start; never goes back; cheap (may be coarse). */
    uint64_t (*now_ns)(void *self);

    /*
     * Closes a descriptor of this kernel, as close(2): a ring, or what an operation of one of its rings opened or
     * accepted. A ring's operations in flight are cancelled in the kernel's own time, and its memory stays mapped until
     * unmap(). -EBADF. Never blocks on I/O.
     */
    int (*close)(void *self, int descriptor);

    /* Ends this kernel. Every ring was closed and every mapping unmapped before. */
    void (*release)(void *self);
};

/* A kernel, by value. Whoever made `self` says who calls vtable->release. */
struct sr_backend {
    const struct sr_backend_vtable *vtable; /* what it can do */
    void *self;                             /* the kernel, handed to each */
};

#ifdef __cplusplus
}
#endif

#endif
