/*
 * Objects of the cases about sockets, pipes and counters: what conform.h's few don't offer.
 */
#ifndef TESTS_SUPPORT_CONFORM_SOCKETS_H
#define TESTS_SUPPORT_CONFORM_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "support/conform.h"

struct conform_address {
    struct sockaddr_storage storage;
    socklen_t length;
};

/* All end the test when they fail. */
struct conform_sockets {
    int (*socket)(void *self, int domain, int type);
    void (*pair)(void *self, int type, int ends[2]); /* AF_UNIX */
    /* Gives a socket a new address of its domain: a path, or a port of the loopback. */
    void (*bind)(void *self, int fd, int domain, struct conform_address *address);
    void (*listen)(void *self, int fd, int backlog);
    void (*pipe)(void *self, int bytes, int ends[2]); /* of so many bytes, whole pages */
    int (*eventfd)(void *self, unsigned initial, bool semaphore);
    int (*epoll)(void *self);
};

extern const struct conform_sockets conform_host_sockets;
extern const struct conform_sockets conform_sim_sockets;

static inline int conform_socket(struct conform *c, int domain, int type)
{
    return c->objects->sockets->socket(c->self, domain, type);
}

static inline void conform_pair(struct conform *c, int type, int ends[2])
{
    c->objects->sockets->pair(c->self, type, ends);
}

static inline void conform_bind(struct conform *c, int fd, int domain, struct conform_address *address)
{
    c->objects->sockets->bind(c->self, fd, domain, address);
}

/* A socket with an address. */
static inline int conform_bound(struct conform *c, int domain, int type, struct conform_address *address)
{
    int fd = conform_socket(c, domain, type);
    conform_bind(c, fd, domain, address);
    return fd;
}

/* A stream socket that listens. */
static inline int conform_listener(struct conform *c, int domain, int backlog,
                                   struct conform_address *address)
{
    int fd = conform_bound(c, domain, SOCK_STREAM, address);
    c->objects->sockets->listen(c->self, fd, backlog);
    return fd;
}

static inline void conform_small_pipe(struct conform *c, int bytes, int ends[2])
{
    c->objects->sockets->pipe(c->self, bytes, ends);
}

static inline int conform_eventfd(struct conform *c, unsigned initial, bool semaphore)
{
    return c->objects->sockets->eventfd(c->self, initial, semaphore);
}

static inline int conform_epoll(struct conform *c)
{
    return c->objects->sockets->epoll(c->self);
}

/* Two connected sockets of a domain: ends[0] connected, ends[1] was accepted. Says nothing when it works. */
void conform_connect(struct conform *c, int domain, int ends[2]);

/* Submits what was prepared, takes `count` CQEs and says them only: no line for the submission. */
void conform_do(struct conform *c, unsigned count);

/* "polled: IN OUT": what POLL_ADD says of every bit there is; "polled: nothing" after one look. */
void conform_polled(struct conform *c, int fd);

/* The names of POLL* bits, with a blank before each. */
void conform_say_mask(struct conform *c, unsigned mask);

#endif
