/*
 * Registered files and buffers: known to the kernel before an operation names them, so that it need not look them up, count
 * them or pin their pages for each.
 *
 * A ring has one table for files and one for buffers in its kernel (safer_ring/config.h: fixed_files, fixed_buffers), made
 * when the first is registered; registries and registered pools share them. Handles carry a generation: one of an earlier
 * registration is refused, whoever has the place now (rules REG, docs/rules.md).
 *
 * Where a function does not say otherwise:
 * Errors: those its description names.
 * Callable: from the ring's thread, also from a callback; does not block, but for the kernel's own work on its tables.
 */
#ifndef SAFER_RING_REGISTRY_H
#define SAFER_RING_REGISTRY_H

#include <stddef.h>
#include <stdint.h>

#include "safer_ring/buffer.h"
#include "safer_ring/error.h"
#include "safer_ring/op.h"
#include "safer_ring/pool.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sr_registry;

/* The largest buffer that can be registered, in bytes: the kernel's own limit. */
#define SR_REGISTERED_BYTES_MAX ((size_t)1 << 30)

/* A registered file. All zero is none. */
struct SR_CAPABILITY("fixed file") sr_fixed_file {
    uint32_t index;
    uint32_t generation;
};

/* A registered buffer's place. All zero is none. */
struct sr_buffer_slot {
    uint32_t index;
    uint32_t generation;
};

/* What a registry holds. */
struct sr_registry_stats {
    uint32_t files;
    uint32_t files_in_use; /* by operations in flight; retiring ones count */
    uint32_t slots;
    uint32_t slots_in_use; /* their buffers are out */
};

/*
 * Makes an empty registry on a ring.
 *
 * Ownership: *out is the caller's, until sr_registry_free(). Until then the ring can't be closed: -EBUSY, and the log names
 * the registry (RING-5).
 * Errors: -EINVAL: NULL. -ENOMEM. SR_EINVALID_STATE: the ring is not attached. SR_EWRONG_THREAD, SR_EWRONG_PROCESS.
 * Callable: this and all below from the ring's thread, also from a callback; none of them blocks.
 */
SR_MUST_USE int sr_registry_new(struct sr_ring *ring, struct sr_registry **out);

/*
 * Unregisters everything and ends the registry. Buffers in its slots go to their origins.
 *
 * Ownership: *registry becomes NULL; on failure it is whole and still the caller's.
 * Errors: -EINVAL: NULL. SR_EBUFFER_IN_FLIGHT: an operation in flight uses a file, or a slot's buffer is out; nothing has
 * changed. SR_EWRONG_THREAD. In a forked child it releases the child's memory and touches neither ring nor kernel.
 * Source: REG-3, RING-5.
 */
SR_MUST_USE int sr_registry_free(struct sr_registry **registry);

/* How much is registered. Errors: -EINVAL: NULL. SR_EWRONG_THREAD, SR_EWRONG_PROCESS. */
SR_MUST_USE int sr_registry_stats(struct sr_registry *registry, struct sr_registry_stats *stats);

/* ---- Files ------------------------------------------------------------------------------------------------------- */

/* A fixed file as an operation's target. Every operation on a descriptor takes one, but close, and openat's directory. */
static inline struct sr_fd sr_fd_fixed(struct sr_fixed_file file) SR_NEEDS(file);
SR_UNCHECKED static inline struct sr_fd sr_fd_fixed(struct sr_fixed_file file)
{
    struct sr_fd fd = {(int32_t)file.index, file.generation, true};
    return fd;
}

/*
 * Registers `count` files with the kernel: all or none. files[i] is the handle of fds[i]. The kernel holds the files itself:
 * the descriptors may be closed.
 *
 * Errors: -EINVAL: NULL, or count is 0. -EBADF: a descriptor is not open. -ENOSPC: the ring's table has not so many free
 * places. -ENOMEM. Other -errno of io_uring_register(2), also for making the table: -EMFILE (RLIMIT_NOFILE is below
 * fixed_files), -EINVAL (Linux before 5.19). SR_EWRONG_THREAD, SR_EWRONG_PROCESS. Nothing is registered then.
 * Source: REG-1; io_uring_register(2), IORING_REGISTER_FILES_UPDATE2.
 */
SR_MUST_USE int sr_registry_register_fixed_files(struct sr_registry *registry, const int fds[], size_t count,
                                                 struct sr_fixed_file files[]);

/* One file. Ownership: *file ends with sr_registry_remove_fixed_file() or sr_registry_retire_fixed_file(). */
SR_MUST_USE int sr_registry_register_fixed_file(struct sr_registry *registry, int fd,
                                                struct sr_fixed_file *file) SR_GIVES_IF_OK(*file);

/*
 * Puts another file in a file's stead.
 *
 * Ownership: *file is the new handle; copies of the old one are stale.
 * Errors: SR_ENOT_REGISTERED: the handle is not, or not any more. SR_EBUFFER_IN_FLIGHT: an operation in flight uses it. And
 * as sr_registry_register_fixed_files(). *file and what is registered are as they were then.
 * Source: REG-1, REG-2, REG-3.
 */
SR_MUST_USE int sr_registry_update_fixed_file(struct sr_registry *registry, struct sr_fixed_file *file,
                                              int fd) SR_NEEDS(*file);

/*
 * Unregisters one file.
 *
 * Ownership: *file becomes all zero.
 * Errors: -EINVAL: NULL. SR_ENOT_REGISTERED. SR_EBUFFER_IN_FLIGHT: an operation in flight uses it. -errno of
 * io_uring_register(2). SR_EWRONG_THREAD, SR_EWRONG_PROCESS. Nothing has changed then.
 * Source: REG-3.
 */
SR_MUST_USE int sr_registry_remove_fixed_file(struct sr_registry *registry, struct sr_fixed_file *file)
    SR_TAKES_IF_OK(*file);

/*
 * Unregisters one file as soon as no operation in flight uses it; from now on its handle is stale.
 *
 * Ownership: *file becomes all zero. Errors: -EINVAL, SR_ENOT_REGISTERED, SR_EWRONG_THREAD, SR_EWRONG_PROCESS.
 * Source: REG-3.
 */
SR_MUST_USE int sr_registry_retire_fixed_file(struct sr_registry *registry, struct sr_fixed_file *file)
    SR_TAKES_IF_OK(*file);

/*
 * Unregisters all files of this registry.
 * Errors: -EINVAL: NULL. SR_EBUFFER_IN_FLIGHT: one is in use, and all stay. SR_EWRONG_THREAD, SR_EWRONG_PROCESS.
 * Source: REG-3.
 */
SR_MUST_USE int sr_registry_unregister_fixed_files(struct sr_registry *registry);

/* ---- Buffers ----------------------------------------------------------------------------------------------------- */

/*
 * Registers `count` buffers with the kernel: all or none. They stay in the registry until they are taken out for use; where
 * they go, reads and writes on this ring are then fixed ones by themselves.
 *
 * Ownership: every buffers[i] becomes NULL; slots[i] is its place. sr_slot_take() hands it out, sr_buffer_release() sends it
 * back there.
 * Errors: -EINVAL: NULL, count is 0, a buffer is a vector or stands in a ring's table already. -E2BIG: one is larger than
 * SR_REGISTERED_BYTES_MAX. SR_EBUFFER_IN_FLIGHT: one is not the program's, or stands twice. -ENOSPC: the ring's table has
 * not so many free places. -ENOMEM: also RLIMIT_MEMLOCK. Other -errno of io_uring_register(2). SR_EWRONG_THREAD,
 * SR_EWRONG_PROCESS. Nothing has moved and nothing is registered then.
 * Source: REG-1, BUF-4; io_uring_register(2), IORING_REGISTER_BUFFERS_UPDATE. Arrays of handles are not followed by the
 * analysis of ownership.
 */
SR_MUST_USE int sr_registry_register_buffer_slots(struct sr_registry *registry, struct sr_buffer *buffers[],
                                                  size_t count, struct sr_buffer_slot slots[]);

/*
 * Takes a slot's buffer out, to be used as any other. The slot is in use until it is released.
 *
 * Ownership: *out is the caller's; sr_buffer_release(), or its operation's end if nobody takes that, sends it home.
 * Errors: -EINVAL: NULL. SR_ENOT_REGISTERED. SR_EBUFFER_IN_FLIGHT: it is out already. SR_EWRONG_THREAD, SR_EWRONG_PROCESS.
 * Source: REG-2, REG-5.
 */
SR_MUST_USE int sr_slot_take(struct sr_registry *registry, struct sr_buffer_slot slot, struct sr_buffer **out)
    SR_GIVES_IF_OK(*out);

/*
 * Puts another buffer into a slot and gives the old one back.
 *
 * Ownership: *buffer moves in, and is the old one on return. *slot is the new handle; copies of the old one are stale.
 * Errors: as sr_registry_register_buffer_slots(); SR_ENOT_REGISTERED; SR_EBUFFER_IN_FLIGHT also when the slot's buffer is
 * out. Everything is as it was then.
 * Source: REG-1, REG-3.
 */
SR_MUST_USE int sr_registry_update_buffer_slot(struct sr_registry *registry, struct sr_buffer_slot *slot,
                                               struct sr_buffer **buffer) SR_NEEDS(*buffer);

/*
 * Unregisters one slot and gives its buffer back.
 *
 * Ownership: *slot becomes all zero, *out is the caller's.
 * Errors: -EINVAL: NULL. SR_ENOT_REGISTERED. SR_EBUFFER_IN_FLIGHT: its buffer is out. -errno of io_uring_register(2).
 * SR_EWRONG_THREAD, SR_EWRONG_PROCESS. Nothing has changed then.
 * Source: REG-3.
 */
SR_MUST_USE int sr_registry_remove_buffer_slot(struct sr_registry *registry, struct sr_buffer_slot *slot,
                                               struct sr_buffer **out) SR_GIVES_IF_OK(*out);

/*
 * Unregisters one slot as soon as its buffer is at home; the buffer then goes to its own origin. The handle is stale from now
 * on. Where another thread releases the buffer, the kernel's place is emptied when this registry is next used.
 *
 * Ownership: *slot becomes all zero. Errors: -EINVAL, SR_ENOT_REGISTERED, SR_EWRONG_THREAD, SR_EWRONG_PROCESS.
 * Source: REG-3.
 */
SR_MUST_USE int sr_registry_retire_buffer_slot(struct sr_registry *registry, struct sr_buffer_slot *slot);

/*
 * Unregisters all slots of this registry: buffers[0 … *count-1] are their buffers, in the order in which they were given.
 *
 * Ownership: the buffers are the caller's.
 * Errors: -EINVAL: NULL, or `room` is less than the number of slots, which *count says. SR_EBUFFER_IN_FLIGHT: one is out, and
 * all stay. SR_EWRONG_THREAD, SR_EWRONG_PROCESS.
 * Source: REG-3, REG-4.
 */
SR_MUST_USE int sr_registry_unregister_buffer_slots(struct sr_registry *registry, struct sr_buffer *buffers[],
                                                    size_t room, size_t *count);

/* ---- Pools ------------------------------------------------------------------------------------------------------- */

/*
 * Registers a pool's memory with a ring: reads and writes of its buffers on that ring are fixed ones, without anybody having to
 * know; on other rings they are plain ones. One place of the table per gibibyte. When the ring closes, the pool is as it was.
 *
 * Errors: -EINVAL: NULL. SR_EBUFFER_IN_FLIGHT: a buffer is out. SR_EINVALID_STATE: it is registered already, or the ring is
 * not attached. -ENOSPC: the ring's table has no free place. -ENOMEM: also RLIMIT_MEMLOCK. Other -errno of
 * io_uring_register(2). SR_EWRONG_THREAD, SR_EWRONG_PROCESS. Nothing has changed then.
 * Callable: from the ring's thread, which is the pool's where that has one.
 * Source: REG-1, REG-5.
 */
SR_MUST_USE int sr_pool_register(struct sr_pool *pool, struct sr_ring *ring);

/*
 * Ends that; sr_pool_free() does it too.
 * Errors: -EINVAL: NULL. SR_ENOT_REGISTERED. SR_EBUFFER_IN_FLIGHT: a buffer is out. SR_EWRONG_THREAD, SR_EWRONG_PROCESS.
 * Source: REG-3.
 */
SR_MUST_USE int sr_pool_unregister(struct sr_pool *pool);

#ifdef __cplusplus
}
#endif

#endif
