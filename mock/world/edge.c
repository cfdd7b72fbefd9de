/*
 * Polls that go on: what is true at first, and then each change. Objects count their changes; such a poll remembers what it
 * was told of.
 */
#include <errno.h>
#include <poll.h>

#include "world/objects.h"

#define OUT_BITS ((uint32_t)(POLLOUT | POLLWRNORM | POLLWRBAND))
#define ALWAYS ((uint32_t)(POLLERR | POLLHUP | POLLRDHUP))

/* The counts it was told of: of changes one may read for in the upper half, of room to write in the lower. */
static void remember(struct sri_attempt *attempt, uint32_t in, uint32_t out)
{
    attempt->state = (void *)(uintptr_t)((uint64_t)in << 32 | out);
}

/* Those of `now` that the changes since then are about. */
static uint32_t news(struct sri_attempt *attempt, uint32_t now)
{
    const struct sri_file *file = attempt->file;
    uint64_t told = (uintptr_t)attempt->state;
    uint32_t in = (uint32_t)(told >> 32);
    uint32_t out = (uint32_t)told;
    uint32_t bits = (in != file->edges_in ? ~OUT_BITS : 0) | (out != file->edges_out ? OUT_BITS | ALWAYS : 0);
    bool all = attempt->edge == SRI_EDGE_TOGETHER;
    in = all || in == file->edges_in ? file->edges_in : in + 1;
    out = all || out == file->edges_out ? file->edges_out : out + 1;
    remember(attempt, in, out);
    return now & bits;
}

static bool is_behind(const struct sri_attempt *attempt)
{
    const struct sri_file *file = attempt->file;
    return (uintptr_t)attempt->state != ((uint64_t)file->edges_in << 32 | file->edges_out);
}

enum sri_answer sri_edge_poll(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    uint32_t mask = attempt->flags | ALWAYS;
    uint32_t now = sri_readiness(world, attempt->file) & mask;
    uint32_t told = 0;
    if (attempt->edge == SRI_EDGE_FIRST) {
        told = now;
        remember(attempt, attempt->file->edges_in, attempt->file->edges_out);
    }
    while (told == 0 && is_behind(attempt))
        told = news(attempt, now);
    if (told == 0 && (attempt->file->kind == SRI_FILE_REGULAR || attempt->file->kind == SRI_FILE_DIRECTORY)) {
        *result = -EINVAL; /* nothing there to be told by (measured) */
        return SRI_DONE;
    }
    if (told == 0) {
        sri_wait_on(attempt, mask);
        return SRI_WAIT;
    }
    *result = told;
    return SRI_DONE;
}

void sri_edge_count(struct sri_file *file, uint32_t key)
{
    file->edges_in += (key & ~OUT_BITS) != 0;
    file->edges_out += (key & OUT_BITS) != 0;
}
