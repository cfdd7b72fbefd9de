/*
 * A copy of one descriptor to another through the library, with several buffers in flight.
 */
#ifndef SRI_CLI_COPY_H
#define SRI_CLI_COPY_H

#include <stdint.h>

#include "safer_ring/backend.h"

struct sri_copied {
    uint64_t operations;
};

struct sri_copy_error {
    int code;          /* -errno, or the library's */
    const char *doing; /* "reading", "writing", … */
    uint64_t offset;
};

/* Copies `size` bytes from the beginning, and syncs. 0, or the error's code. Adds to `done`. */
int sri_copy(const struct sr_backend *backend, int from, int to, uint64_t size, struct sri_copied *done,
             struct sri_copy_error *error);

#endif
