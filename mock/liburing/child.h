/*
 * A forked child and the rings of the processes it was forked from: it asks them (serve.c).
 */
#ifndef SRI_LIBURING_CHILD_H
#define SRI_LIBURING_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Descriptors that are looked after: as many as a process may have by default. */
#define SRI_URING_DESCRIPTORS 1048576

/* In a child just forked: these descriptors, a bit each, are rings of its parent's, who is asked by `door` (-1: can't be). */
void sri_child_forked(const uint64_t *rings, int words, int door);

/* Is this descriptor a ring of a parent's, or of its parent's? */
bool sri_child_is_parents(int fd);
void sri_child_forget(int fd);

/* As the kernel's calls. -EBADF also where the ring's process can't be asked: *asked is false. */
int sri_child_enter(int fd, unsigned to_submit, unsigned min_complete, unsigned flags, const void *arg,
                    size_t arg_size, bool *asked);
int sri_child_register(int fd, unsigned opcode, const void *arg, unsigned count, bool *asked);

/* This process is about to become another program; or it could not. */
void sri_child_leaves(bool leaves);

#endif
