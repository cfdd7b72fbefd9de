/*
 * A place in an attempt's segments, and the only way the simulated world touches the program's memory: through the
 * door, or plainly when the segments are the engine's own.
 */
#ifndef SRI_WORLD_CURSOR_H
#define SRI_WORLD_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/user.h"
#include "engine/world.h"

struct sri_cursor {
    struct sri_user *user; /* NULL: plain copies */
    const struct iovec *segment;
    const struct iovec *end;
    size_t offset; /* in the segment */
    uint64_t left; /* bytes, the attempt's limit included */
    bool faulted;
};

/* At `skip` bytes from the start of the attempt's segments. */
struct sri_cursor sri_cursor_at(const struct sri_attempt *attempt, struct sri_user *user, uint64_t skip);

/* Over one segment of the world's own memory. */
struct sri_cursor sri_cursor_plain(const struct iovec *segment);

/* Copy up to `size` bytes and move on; fewer at the end, or at a bad address (faulted). The bytes copied. */
size_t sri_cursor_take(struct sri_cursor *cursor, void *to, size_t size);
size_t sri_cursor_give(struct sri_cursor *cursor, const void *from, size_t size);

#endif
