/*
 * Which kernel answers for a `struct io_uring`: the engine over this process's own descriptors, made when it is first
 * needed, or a simulated one that sr_sim_queue_init() named.
 */
#ifndef SRI_LIBURING_KERNEL_H
#define SRI_LIBURING_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <liburing.h>

#include "engine/engine.h"
#include "safer_ring/backend.h"

/* What liburing keeps in ring->int_flags: enter by the registered number. */
#define SRI_URING_REGISTERED 1

/* Whoever watches a program from below. Any may be NULL; `ring` is NULL where the program gave a descriptor only. */
struct sri_uring_hooks {
    /* The engine of this process was made, and nothing has used it; the world may be replaced by one around it. */
    void (*world_made)(struct sri_world *world);
    void (*kernel_made)(struct sri_engine *engine);
    void (*opened)(struct io_uring *ring, int fd);
    /* Before an enter: `frame` is where the program's own frames begin, `site` where it called from. */
    void (*enters)(struct io_uring *ring, int fd, unsigned to_submit, const void *frame, const void *site);
    void (*returned)(struct io_uring *ring, int fd, unsigned to_submit, int result);
    /* Before a register, in place of `enters`. */
    void (*registers)(struct io_uring *ring, int fd, unsigned opcode, const void *arg, unsigned count,
                      const void *frame, const void *site);
    void (*exits)(struct io_uring *ring, const void *frame, const void *site);
    /* This process is a forked child, and uses, or closes, a ring of its parent's. */
    void (*foreign)(int fd, bool closes, const void *frame, const void *site);
    /* A child of this process uses a ring of it, and waits; by a thread that is not the program's. */
    void (*serves)(int fd, bool waits);
    /* Before the program closes a descriptor of its own. */
    void (*closes)(int fd, const void *frame, const void *site);
};
extern struct sri_uring_hooks sri_uring_hooks;

/* The kernel of this process; NULL with *error set: it can't be had. */
const struct sr_backend *sri_uring_host(int *error);

/* The same, if it was made already and by this process; else NULL. */
const struct sr_backend *sri_uring_host_if_made(void);

/* The kernel of a ring: the process's, or the simulated one it was opened on. */
const struct sr_backend *sri_uring_kernel_of(const struct io_uring *ring, int *error);

/* Remembers a simulated kernel; the number to keep in ring->pad2, or -ENOMEM. */
int sri_uring_adopt(struct sr_backend backend);

void sri_uring_remember(int fd, bool open);

/* Is this descriptor a ring of this process? */
bool sri_uring_is_ring(int fd);

/* The calls, as the kernel's own: a result or -errno. `frame` and `site` as in the hooks. */
int sri_uring_setup(const struct sr_backend *kernel, unsigned entries, struct io_uring_params *params);
int sri_uring_enter(struct io_uring *ring, int fd, unsigned to_submit, unsigned min_complete, unsigned flags,
                    const void *arg, size_t arg_size, const void *frame, const void *site);
int sri_uring_register(struct io_uring *ring, int fd, unsigned opcode, const void *arg, unsigned count,
                       const void *frame, const void *site);

/* The program closes a descriptor. True: it was a ring of this process, and *result says how that ended; false: it is to be
 * closed by the caller. */
bool sri_uring_close(int fd, const void *frame, const void *site, int *result);

/* Maps a ring that is set up into `ring`. 0 or -errno with nothing left mapped. */
int sri_uring_map(const struct sr_backend *kernel, int fd, struct io_uring_params *params,
                  struct io_uring *ring);

/* Publishes what was prepared: how many entries wait in the SQ. */
unsigned sri_uring_flush(struct io_uring *ring);

/* The caller's caller, for those hooks. */
#define SRI_FRAME __builtin_frame_address(0)
#define SRI_SITE __builtin_return_address(0)

#endif
