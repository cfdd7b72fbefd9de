/*
 * No-ops: what the layer itself costs.
 */
#include "bench.h"

#include <errno.h>

#include "safer_ring.h"

struct raw_nop {
    struct io_uring ring;
    uint32_t depth;
};

static int raw_open(void **self, uint32_t depth)
{
    struct raw_nop *nop = calloc(1, sizeof *nop);
    if (nop == NULL)
        return -ENOMEM;
    nop->depth = depth;
    int rc = raw_ring_open(&nop->ring, depth);
    if (rc != 0) {
        free(nop);
        return rc;
    }
    *self = nop;
    return 0;
}

static int raw_run(void *self, uint64_t operations)
{
    struct raw_nop *nop = self;
    uint64_t started = 0;
    uint64_t ended = 0;
    while (ended < operations) {
        for (; started < operations && started - ended < nop->depth; started++) {
            struct io_uring_sqe *sqe = io_uring_get_sqe(&nop->ring);
            io_uring_prep_nop(sqe);
            io_uring_sqe_set_data64(sqe, started);
        }
        int rc = io_uring_submit_and_wait(&nop->ring, 1);
        if (rc < 0 && rc != -EINTR)
            return rc;
        struct io_uring_cqe *cqe;
        unsigned head;
        unsigned count = 0;
        io_uring_for_each_cqe(&nop->ring, head, cqe)
        {
            if (cqe->res != 0)
                return -EIO;
            count++;
        }
        io_uring_cq_advance(&nop->ring, count);
        ended += count;
    }
    return 0;
}

static void raw_close(void *self)
{
    struct raw_nop *nop = self;
    io_uring_queue_exit(&nop->ring);
    free(nop);
}

struct library_nop {
    struct sr_ring *ring;
    uint32_t depth;
    struct sr_completion done[];
};

static int library_open(void **self, uint32_t depth)
{
    struct library_nop *nop = calloc(1, sizeof *nop + depth * sizeof nop->done[0]);
    if (nop == NULL)
        return -ENOMEM;
    nop->depth = depth;
    int rc = library_ring_open(&nop->ring, depth);
    if (rc != 0) {
        free(nop);
        return rc;
    }
    *self = nop;
    return 0;
}

/* With one operation in flight: start, await, take. */
static int run_one_by_one(struct library_nop *nop, uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        struct sr_op op;
        struct sr_completion done;
        int rc = sr_nop(nop->ring, &op);
        if (rc != 0)
            return rc;
        rc = sr_op_await(nop->ring, &op, &done);
        if (rc != 0) {
            sr_op_drop(nop->ring, &op);
            return rc;
        }
        if (sr_take_plain(&done) != 0)
            return -EIO;
    }
    return 0;
}

/* With many: start for the queue, take what comes. */
SR_UNCHECKED static int run_many(struct library_nop *nop, uint64_t operations)
{
    const struct sr_op_spec spec = sr_spec_nop();
    uint64_t started = 0;
    uint64_t ended = 0;
    while (ended < operations) {
        for (; started < operations && started - ended < nop->depth; started++) {
            int rc = sr_op_start_detached(nop->ring, &spec, NULL, NULL);
            if (rc != 0)
                return rc;
        }
        size_t count;
        int rc = sr_ring_next_many(nop->ring, nop->done, nop->depth, &count);
        if (rc != 0)
            return rc;
        for (size_t i = 0; i < count; i++) {
            if (sr_take_plain(&nop->done[i]) != 0)
                return -EIO;
        }
        ended += count;
    }
    return 0;
}

static int library_run(void *self, uint64_t operations)
{
    struct library_nop *nop = self;
    return nop->depth == 1 ? run_one_by_one(nop, operations) : run_many(nop, operations);
}

static void library_close(void *self)
{
    struct library_nop *nop = self;
    if (sr_ring_close(&nop->ring) != 0)
        abort();
    free(nop);
}

static const struct arm raw = {raw_open, raw_run, raw_close};
static const struct arm library = {library_open, library_run, library_close};

const struct bench bench_nop = {
    .name = "nop",
    .what = "no-ops",
    .depths = {1, 32, 128},
    .slice_ns = 400000,
    .needs_uring = true,
    .raw = &raw,
    .library = &library,
};
