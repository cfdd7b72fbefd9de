/*
 * The copy itself: pieces are read and written as they come, short ones continued, interrupted ones repeated.
 */
#define SR_NO_OWNERSHIP_ANALYSIS /* arrays of handles, which the analysis does not follow */
#include "cli/copy.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "safer_ring/ring.h"

#define LANES 16u
#define PIECE_BYTES (256u << 10)

struct lane {
    struct sr_buffer *buffer;
    uint64_t offset;
    uint32_t wanted;
    uint32_t have;
    uint32_t done;
    bool writing;
};

struct copy {
    struct sr_ring *ring;
    int from;
    int to;
    uint64_t size;
    uint64_t next;
    uint32_t in_flight;
    struct lane lanes[LANES];
    struct sri_copied *done;
    struct sri_copy_error *error;
};

static void fail(struct copy *copy, int code, const char *doing, uint64_t offset)
{
    if (copy->error->code == 0)
        *copy->error = (struct sri_copy_error){code, doing, offset};
}

static void start(struct copy *copy, struct lane *lane)
{
    uint32_t begin = lane->writing ? lane->done : lane->have;
    uint32_t end = lane->writing ? lane->have : lane->wanted;
    struct sr_range range = sr_range(begin, end - begin);
    struct sr_op_spec spec = lane->writing ? sr_spec_write(sr_fd(copy->to), lane->offset + begin, range)
                                           : sr_spec_read(sr_fd(copy->from), lane->offset + begin, range);
    struct sr_op op;
    int rc = sr_op_start(copy->ring, &spec, &lane->buffer, &op);
    if (rc == 0)
        rc = sr_op_detach(copy->ring, &op, lane);
    if (rc != 0) {
        fail(copy, rc, "starting an operation", lane->offset);
        return;
    }
    copy->in_flight++;
    copy->done->operations++;
}

static void next_piece(struct copy *copy, struct lane *lane)
{
    if (copy->next >= copy->size || copy->error->code != 0)
        return;
    uint64_t left = copy->size - copy->next;
    lane->offset = copy->next;
    lane->wanted = left < PIECE_BYTES ? (uint32_t)left : PIECE_BYTES;
    lane->have = 0;
    lane->done = 0;
    lane->writing = false;
    copy->next += lane->wanted;
    start(copy, lane);
}

static void came(struct copy *copy, struct lane *lane, int32_t result)
{
    const char *doing = lane->writing ? "writing" : "reading";
    if (copy->error->code != 0)
        return;
    if (result < 0 && result != -EINTR && result != -EAGAIN) {
        fail(copy, result, doing, lane->offset);
        return;
    }
    if (result == 0) {
        fail(copy, lane->writing ? -EIO : -ENODATA, doing, lane->offset);
        return;
    }
    uint32_t moved = result > 0 ? (uint32_t)result : 0;
    if (lane->writing)
        lane->done += moved;
    else
        lane->have += moved;
    if (lane->writing && lane->done == lane->have) {
        next_piece(copy, lane);
        return;
    }
    if (!lane->writing && lane->have == lane->wanted)
        lane->writing = true;
    start(copy, lane);
}

/* To the end, also after an error: nothing stays in flight. */
static void run(struct copy *copy)
{
    while (copy->in_flight > 0) {
        struct sr_completion done;
        int rc = sr_ring_next(copy->ring, &done);
        if (rc == -EAGAIN || rc == -EBUSY)
            continue;
        if (rc != 0) {
            fail(copy, rc, "waiting", 0);
            return;
        }
        struct lane *lane = done.user;
        int32_t result = sr_take(&done, &lane->buffer);
        copy->in_flight--;
        came(copy, lane, result);
    }
}

static void sync_target(struct copy *copy)
{
    struct sr_op_spec spec = sr_spec_fsync(sr_fd(copy->to), 0);
    struct sr_op op;
    struct sr_completion done;
    int rc = sr_op_start_plain(copy->ring, &spec, &op);
    if (rc == 0)
        rc = sr_op_await(copy->ring, &op, &done);
    if (rc == 0)
        rc = sr_take_plain(&done);
    if (rc != 0 && rc != -EINVAL) /* a file that can't be synced */
        fail(copy, rc, "syncing", copy->size);
    copy->done->operations++;
}

static bool make_lanes(struct copy *copy)
{
    for (uint32_t i = 0; i < LANES; i++)
        if (sr_buffer_new(&copy->lanes[i].buffer, PIECE_BYTES) != 0) {
            fail(copy, -ENOMEM, "making buffers", 0);
            return false;
        }
    return true;
}

static void end(struct copy *copy)
{
    if (sr_ring_in_flight(copy->ring) > 0) {
        int rc = sr_ring_cancel_all(copy->ring, UINT64_C(10000000000), NULL);
        if (rc == 0)
            rc = sr_ring_drain(copy->ring, UINT64_C(10000000000), NULL);
        if (rc != 0)
            fail(copy, rc, "ending", 0);
    }
    for (uint32_t i = 0; i < LANES; i++)
        if (copy->lanes[i].buffer != NULL && sr_buffer_release(&copy->lanes[i].buffer) != 0)
            fail(copy, SR_EBUFFER_IN_FLIGHT, "ending", 0);
    int rc = sr_ring_try_close(&copy->ring);
    if (rc != 0)
        fail(copy, rc, "closing the ring", 0);
}

int sri_copy(const struct sr_backend *backend, int from, int to, uint64_t size, struct sri_copied *done,
             struct sri_copy_error *error)
{
    struct copy copy = {.from = from, .to = to, .size = size, .done = done, .error = error};
    memset(error, 0, sizeof *error);
    struct sr_config config = sr_config_default();
    config.backend = backend;
    config.entries = 2 * LANES;
    int rc = sr_ring_open_config(&copy.ring, &config);
    if (rc != 0) {
        fail(&copy, rc, "opening a ring", 0);
        return rc;
    }
    if (make_lanes(&copy)) {
        for (uint32_t i = 0; i < LANES; i++)
            next_piece(&copy, &copy.lanes[i]);
        run(&copy);
        if (error->code == 0)
            sync_target(&copy);
    }
    end(&copy);
    return error->code;
}
