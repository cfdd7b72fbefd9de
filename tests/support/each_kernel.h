/*
 * The same life of operations on each kernel there is: the simulated one, the engine over this machine's descriptors, the true
 * one where it is not refused (BACK-1, BACK-3).
 */
#ifndef TESTS_SUPPORT_EACH_KERNEL_H
#define TESTS_SUPPORT_EACH_KERNEL_H

#include <stdbool.h>

#include "safer_ring/ring.h"
#include "safer_ring/sim.h"

/* A ring on some kernel, and two ends of a pipe, of a socket pair and of a TCP connection in that kernel's world. */
struct each_kernel {
    const char *name;
    struct sr_sim *sim; /* of the simulated kernel; NULL on the others */
    struct sr_ring *ring;
    int pipe[2];
    int pair[2];
    int connection[2]; /* the side that connected, the side that was accepted */
    int listening;
    struct sockaddr_storage *address; /* where it listens, an AF_INET one */
};

/* Runs it on each, with the default configuration and 8 entries. Asserts that the ring closes, and that no CQE was unknown. */
void on_each_kernel(void (*life)(struct each_kernel *));

/* Another connection from outside to the listening socket: the descriptor of its connected end. */
int each_kernel_connect(struct each_kernel *world);

/* For a simulation of the test's own: its ring, its pipe and pair, its listening socket (no connection); and their memory. */
void each_kernel_make(struct each_kernel *world);
void each_kernel_free(struct each_kernel *world);

/* A descriptor of that kernel is closed; bytes are written to one, from outside, all of them. */
void each_kernel_close(struct each_kernel *world, int fd);
void each_kernel_write(struct each_kernel *world, int fd, const void *bytes, size_t size);

#endif
