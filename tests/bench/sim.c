/*
 * The simulated kernel through the library, in its kindest mood: operations per second of one core. As a unit test gets it,
 * with the hash of everything that happens, and without.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>

#include "safer_ring.h"
#include "safer_ring/sim.h"

#define BLOCK 4096u
#define BLOCKS 16u

struct sim_arm {
    struct sr_sim *sim;
    struct sr_ring *ring;
    uint32_t depth;
    uint32_t room;
    int fd;
    uint32_t idle_count;
    struct sr_buffer **idle;
    struct sr_completion *done;
};

SR_UNCHECKED static void sim_close(void *self)
{
    struct sim_arm *arm = self;
    while (arm->idle_count > 0) {
        if (sr_buffer_release(&arm->idle[--arm->idle_count]) != 0)
            abort();
    }
    if (arm->ring != NULL && sr_ring_close(&arm->ring) != 0)
        abort();
    sr_sim_free(&arm->sim);
    free(arm->idle);
    free(arm->done);
    free(arm);
}

static int open_ring(struct sim_arm *arm, uint32_t flags)
{
    struct sr_sim_options options = sr_sim_options_default();
    options.flags = SR_SIM_KIND | flags;
    int rc = sr_sim_new(&arm->sim, &options);
    if (rc != 0)
        return rc;
    struct sr_backend kernel = sr_sim_backend(arm->sim);
    struct sr_config config = sr_config_default();
    config.backend = &kernel;
    config.entries = arm->depth < SR_ENTRIES_MAX ? arm->depth : SR_ENTRIES_MAX;
    config.max_in_flight = arm->depth;
    config.argument_bytes = 64;
    return sr_ring_open_config(&arm->ring, &config);
}

static int sim_open(void **self, uint32_t depth, uint32_t flags)
{
    struct sim_arm *arm = calloc(1, sizeof *arm);
    if (arm == NULL)
        return -ENOMEM;
    arm->depth = depth;
    arm->room = depth < 1024 ? depth : 1024;
    arm->done = calloc(arm->room, sizeof arm->done[0]);
    int rc = arm->done != NULL ? open_ring(arm, flags) : -ENOMEM;
    if (rc != 0) {
        sim_close(arm);
        return rc;
    }
    *self = arm;
    return 0;
}

SR_UNCHECKED static int sim_open_with_file(void **self, uint32_t depth, uint32_t flags)
{
    static const char zeros[BLOCK * BLOCKS];
    void *opened;
    int rc = sim_open(&opened, depth, flags);
    if (rc != 0)
        return rc;
    struct sim_arm *arm = opened;
    arm->idle = calloc(depth, sizeof(struct sr_buffer *));
    rc = arm->idle != NULL ? sr_sim_file(arm->sim, "/file", zeros, sizeof zeros) : -ENOMEM;
    if (rc == 0)
        rc = sr_sim_open(arm->sim, "/file", O_RDONLY, &arm->fd);
    for (; rc == 0 && arm->idle_count < depth; arm->idle_count++) {
        rc = sr_buffer_new(&arm->idle[arm->idle_count], BLOCK);
        if (rc != 0)
            break;
    }
    if (rc != 0) {
        sim_close(arm);
        return rc;
    }
    *self = arm;
    return 0;
}

SR_UNCHECKED static int start(struct sim_arm *arm, bool reads, uint64_t i)
{
    if (!reads) {
        const struct sr_op_spec nop = sr_spec_nop();
        return sr_op_start_detached(arm->ring, &nop, NULL, NULL);
    }
    const struct sr_op_spec read = sr_spec_read(sr_fd(arm->fd), i % BLOCKS * BLOCK, (struct sr_range){0});
    int rc = sr_op_start_detached(arm->ring, &read, &arm->idle[arm->idle_count - 1], NULL);
    if (rc == 0)
        arm->idle_count--;
    return rc;
}

SR_UNCHECKED static bool take(struct sim_arm *arm, bool reads, struct sr_completion *done)
{
    if (!reads)
        return sr_take_plain(done) == 0;
    return sr_take(done, &arm->idle[arm->idle_count++]) == (int32_t)BLOCK;
}

SR_UNCHECKED static int run(struct sim_arm *arm, bool reads, uint64_t operations)
{
    uint64_t started = 0;
    uint64_t ended = 0;
    while (ended < operations) {
        for (; started < operations && started - ended < arm->depth; started++) {
            int rc = start(arm, reads, started);
            if (rc != 0)
                return rc;
        }
        size_t count;
        int rc = sr_ring_next_many(arm->ring, arm->done, arm->room, &count);
        if (rc != 0)
            return rc;
        for (size_t i = 0; i < count; i++) {
            if (!take(arm, reads, &arm->done[i]))
                return -EIO;
        }
        ended += count;
    }
    return 0;
}

static int run_nops(void *self, uint64_t operations)
{
    return run(self, false, operations);
}

static int run_reads(void *self, uint64_t operations)
{
    return run(self, true, operations);
}

static int open_for_nops(void **self, uint32_t depth)
{
    return sim_open(self, depth, 0);
}

static int open_for_nops_untraced(void **self, uint32_t depth)
{
    return sim_open(self, depth, SR_SIM_NO_TRACE);
}

static int open_for_reads(void **self, uint32_t depth)
{
    return sim_open_with_file(self, depth, 0);
}

static int open_for_reads_untraced(void **self, uint32_t depth)
{
    return sim_open_with_file(self, depth, SR_SIM_NO_TRACE);
}

static const struct arm nops = {open_for_nops, run_nops, sim_close};
static const struct arm nops_untraced = {open_for_nops_untraced, run_nops, sim_close};
static const struct arm reads = {open_for_reads, run_reads, sim_close};
static const struct arm reads_untraced = {open_for_reads_untraced, run_reads, sim_close};

const struct bench bench_sim_nop = {
    .name = "sim_nop",
    .what = "no-ops on the simulated kernel as it is by default",
    .depths = {1, 32, 1024, 1000000},
    .slice_ns = 1000000,
    .library = &nops,
};

const struct bench bench_sim_nop_untraced = {
    .name = "sim_nop_untraced",
    .what = "the same without the trace hash",
    .depths = {1, 32, 1024, 1000000},
    .slice_ns = 1000000,
    .library = &nops_untraced,
};

const struct bench bench_sim_read = {
    .name = "sim_read",
    .what = "4 KiB reads of a small simulated file, kernel as by default",
    .depths = {1, 32, 1024},
    .slice_ns = 1000000,
    .library = &reads,
};

const struct bench bench_sim_read_untraced = {
    .name = "sim_read_untraced",
    .what = "the same without the trace hash",
    .depths = {1, 32, 1024},
    .slice_ns = 1000000,
    .library = &reads_untraced,
};
