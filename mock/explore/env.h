/*
 * What a scenario finds around its ring: files, pipes, sockets and their other ends; simulated ones, or this machine's.
 * Makes and pokes objects outside the ring; judges nothing.
 */
#ifndef SRI_EXPLORE_ENV_H
#define SRI_EXPLORE_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "safer_ring/sim.h"

struct sri_env_vtable {
    /* A file with this content, opened for reading and writing. 0 or -errno. */
    int (*file)(void *self, const char *name, const void *data, size_t size, int *fd);
    /* Its content, at most `size` bytes; *length is the whole. */
    int (*content)(void *self, const char *name, void *buffer, size_t size, size_t *length);
    /* The path that openat takes for a name. */
    void (*path)(void *self, const char *name, char *out, size_t size);
    int (*pipe)(void *self, int fds[2]);
    int (*pair)(void *self, int fds[2]);
    /* A listening socket; its address is for connecting. */
    int (*listen)(void *self, bool inet, int *fd, struct sockaddr_storage *address, uint32_t *length);
    int (*socket)(void *self, bool inet, int *fd);
    /* At once, as a program that does not wait. */
    int (*connect)(void *self, int fd, const struct sockaddr_storage *address, uint32_t length);
    /* The other side of a conversation: never blocks; -EAGAIN. At most 4096 bytes. */
    int (*write)(void *self, int fd, const void *bytes, size_t size, size_t *moved);
    int (*read)(void *self, int fd, void *bytes, size_t size, size_t *moved);
    int (*shutdown)(void *self, int fd);
    int (*close)(void *self, int fd);
    /* Descriptors that are open, rings not counted. */
    uint32_t (*descriptors)(void *self);
    /* Bad luck ends: what is in flight must drain. */
    void (*calm)(void *self);
    /* Power is lost, for good; what was synced before is still the content. NULL: it can't be. */
    void (*lose_power)(void *self);
    /* Everything this environment made is gone. */
    void (*end)(void *self);
};

struct sri_env {
    const struct sri_env_vtable *vtable;
    void *self;
    bool simulated;
    uint64_t moment_ns;   /* a wait that may well end by its timeout */
    uint64_t patience_ns; /* one that should not */
};

struct sri_env sri_env_sim(struct sr_sim *sim);

/* In a folder of its own below `parent`, made at the first need. */
struct sri_host_env {
    char folder[160];
    bool made;
    uint32_t sockets;
};
struct sri_env sri_env_host(struct sri_host_env *host, const char *parent);

#endif
