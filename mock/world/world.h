/*
 * The simulated world: files, directories, pipes, sockets, counters, epoll instances and a clock, in memory, for one thread. Deterministic:
 * no address, no wall clock and no hash order decides anything here.
 *
 * Time stands still except inside wait(): a wait until a time jumps there, or to the world's own next event when that
 * is earlier; a look (until 0) takes 1000 ns, so that a program that polls sees time pass. Waiting for ever with
 * nothing of its own to come is -EDEADLK.
 */
#ifndef SRI_WORLD_WORLD_H
#define SRI_WORLD_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "engine/chooser.h"
#include "engine/user.h"
#include "engine/world.h"

struct sri_sim_world;

struct sri_sim_world_options {
    uint64_t disk_bytes;
    uint32_t max_descriptors;
    uint32_t pipe_bytes; /* at least a page */
    uint32_t window_bytes;
};

/* Whom the world calls. The door is for segments of the program's. */
struct sri_sim_world_links {
    void (*ready)(void *self, struct sri_attempt *attempt);
    void (*finish)(void *self, struct sri_attempt *attempt, int64_t result);
    /* A file that is nobody's any more is to end later. NULL: at once. */
    bool (*part)(void *self, struct sri_file *file);
    void *self;
    struct sri_user *user;
};

bool sri_sim_world_options_valid(const struct sri_sim_world_options *options);

/* Belongs to the calling thread. -EINVAL: an option out of range; -ENOMEM. */
int sri_sim_world_new(struct sri_sim_world **world, const struct sri_sim_world_options *options);
void sri_sim_world_free(struct sri_sim_world **world);

/* Links to an engine; to be called before any attempt. */
void sri_sim_world_attach(struct sri_sim_world *world, struct sri_engine *engine);
void sri_sim_world_link(struct sri_sim_world *world, const struct sri_sim_world_links *links);
void sri_sim_world_set_chooser(struct sri_sim_world *world, struct sri_chooser chooser);

/* The next transfer that starts moves at most so many bytes, also when it waits first. */
void sri_sim_world_limit_next(struct sri_sim_world *world, uint64_t bytes);

/*
 * Empty again, in place; the clock at its beginning. No attempt may be waiting that its engine still knows, and no
 * memory of a ring be in use. -EINVAL (nothing changed); -ENOMEM.
 */
int sri_sim_world_reset(struct sri_sim_world *world, const struct sri_sim_world_options *options);

/* The interface of engine/world.h. Its release() frees the world. */
struct sri_world sri_sim_world_interface(struct sri_sim_world *world);

/* Lets time pass; what arrives on the way arrives. Goes no further than SRI_NEVER - 1. */
void sri_sim_world_advance(struct sri_sim_world *world, uint64_t duration_ns);
uint64_t sri_sim_world_now(const struct sri_sim_world *world);

/* What sim.h says of sr_sim_power_loss() and its companions. */
void sri_sim_world_lose_power(struct sri_sim_world *world);
void sri_sim_world_lose_power_after(struct sri_sim_world *world, uint64_t attempts);
bool sri_sim_world_is_powerless(const struct sri_sim_world *world);
/* Was it lost after a number of attempts? */
bool sri_sim_world_fuse_burnt(const struct sri_sim_world *world);
int sri_sim_world_reboot(struct sri_sim_world *world);

/* What sim.h says of sr_sim_file() and its companions; descriptors by pointer, -errno. */
int sri_sim_world_file(struct sri_sim_world *world, const char *path, const void *data, size_t size);
int sri_sim_world_directory(struct sri_sim_world *world, const char *path);
int sri_sim_world_content(struct sri_sim_world *world, const char *path, void *buffer, size_t size,
                          size_t *length);
int sri_sim_world_open(struct sri_sim_world *world, const char *path, int flags, int *fd);
int sri_sim_world_pipe(struct sri_sim_world *world, int fds[2]);
int sri_sim_world_pipe_of(struct sri_sim_world *world, uint64_t bytes, int fds[2]);
int sri_sim_world_eventfd(struct sri_sim_world *world, uint64_t initial, int *fd);
int sri_sim_world_semaphore(struct sri_sim_world *world, uint64_t initial, int *fd);
int sri_sim_world_epoll(struct sri_sim_world *world, int *fd);
/* Tells of at most so many that are ready, as epoll_wait(2) takes them. */
int sri_sim_world_epoll_events(struct sri_sim_world *world, int fd, size_t most,
                               void (*tell)(void *self, uint32_t events, uint64_t data), void *self);
int sri_sim_world_socketpair(struct sri_sim_world *world, int fds[2]);
int sri_sim_world_socketpair_of(struct sri_sim_world *world, int type, int fds[2]);
int sri_sim_world_listen(struct sri_sim_world *world, const struct sockaddr *address, uint32_t length,
                         int backlog, int *fd);
int sri_sim_world_socket(struct sri_sim_world *world, int domain, int *fd);
int sri_sim_world_socket_of(struct sri_sim_world *world, int domain, int type, int *fd);
int sri_sim_world_bind(struct sri_sim_world *world, int fd, const struct sockaddr *address, uint32_t length);
int sri_sim_world_listen_on(struct sri_sim_world *world, int fd, int backlog);
int sri_sim_world_name(struct sri_sim_world *world, int fd, struct sockaddr_storage *address,
                       uint32_t *length);
int sri_sim_world_connect(struct sri_sim_world *world, int fd, const struct sockaddr *address,
                          uint32_t length);
int sri_sim_world_shutdown(struct sri_sim_world *world, int fd, int how);
int sri_sim_world_cut(struct sri_sim_world *world, int fd);
int sri_sim_world_read(struct sri_sim_world *world, int fd, void *buffer, size_t size, size_t *moved);
int sri_sim_world_write(struct sri_sim_world *world, int fd, const void *buffer, size_t size, size_t *moved);
int sri_sim_world_close(struct sri_sim_world *world, int fd);

/* Open descriptors that are no rings, in ascending order from `after` + 1 on: the next one, or -1. Begin with -1. */
int sri_sim_world_next_descriptor(const struct sri_sim_world *world, int after, bool *by_operation);

#endif
