/*
 * Sends a CQE into any ring of this process, from any thread.
 */
#ifndef SRI_BACKEND_URING_MESSENGER_H
#define SRI_BACKEND_URING_MESSENGER_H

#include <stdint.h>

struct sri_messenger;

/* A small ring of its own; belongs to the process that made it. -errno as io_uring_setup. */
int sri_messenger_new(struct sri_messenger **out);

/* A parent's (or NULL) is freed with its successor, not before: another thread may still be looking at whose it is. */
void sri_messenger_inherit(struct sri_messenger *messenger, struct sri_messenger *parents);

/* Was it made by this process? A fork leaves the child with its parent's, which it must not use. */
int sri_messenger_is_ours(const struct sri_messenger *messenger);

/* 0, or -EOVERFLOW, -EOPNOTSUPP, -EBADF, …: what backend.h says of wake. */
int sri_messenger_send(struct sri_messenger *messenger, int ring, uint64_t user_data);

/* Frees it and what it inherited. NULL is fine. In a child: gives up the child's copy of the parent's messenger. */
void sri_messenger_free(struct sri_messenger *messenger);

#endif
