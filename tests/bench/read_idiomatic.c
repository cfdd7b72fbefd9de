/*
 * The same reads as the library means them to be made: the file is registered, and so is the ring's own pool, from which each
 * read gets its buffer and to which it goes back. Against the program on liburing as it is mostly written.
 */
#include "read.h"

#include <errno.h>

#include "safer_ring.h"

struct idiomatic {
    struct sr_ring *ring;
    struct sr_registry *registry;
    struct sr_fixed_file file;
    struct sr_completion *done;
    uint32_t depth;
};

SR_UNCHECKED static void idiomatic_close(void *self)
{
    struct idiomatic *all = self;
    if (all->file.generation != 0 && sr_registry_remove_fixed_file(all->registry, &all->file) != 0)
        abort();
    if (all->registry != NULL && sr_registry_free(&all->registry) != 0)
        abort();
    if (all->ring != NULL && sr_ring_close(&all->ring) != 0)
        abort();
    free(all->done);
    free(all);
}

SR_UNCHECKED static int prepare(struct idiomatic *all, uint32_t depth)
{
    struct sr_config config = sr_config_default();
    config.backend_name = "uring";
    config.entries = depth;
    config.pool_buffers = depth;
    config.pool_buffer_size = READ_BLOCK;
    config.pool_registered = true;
    all->depth = depth;
    all->done = calloc(depth, sizeof all->done[0]);
    if (all->done == NULL)
        return -ENOMEM;
    int rc = sr_ring_open_config(&all->ring, &config);
    if (rc == 0)
        rc = sr_registry_new(all->ring, &all->registry);
    if (rc == 0)
        rc = sr_registry_register_fixed_file(all->registry, read_file(), &all->file);
    return rc;
}

static int idiomatic_open(void **self, uint32_t depth)
{
    struct idiomatic *all = calloc(1, sizeof *all);
    if (all == NULL)
        return -ENOMEM;
    int rc = prepare(all, depth);
    if (rc != 0) {
        idiomatic_close(all);
        return rc;
    }
    *self = all;
    return 0;
}

SR_UNCHECKED static int take(struct sr_completion *done)
{
    struct sr_buffer *buffer;
    int32_t count = sr_take(done, &buffer);
    int rc = sr_buffer_release(&buffer);
    return rc == 0 && count != (int32_t)READ_BLOCK ? -EIO : rc;
}

/* One at a time: wait for each. */
SR_UNCHECKED static int one(struct idiomatic *all, uint64_t i)
{
    const struct sr_op_spec spec = sr_spec_read(sr_fd_fixed(all->file), read_offset(i), (struct sr_range){0});
    struct sr_buffer *buffer;
    struct sr_op op;
    struct sr_completion done;
    int rc = sr_ring_get_buffer(all->ring, READ_BLOCK, &buffer);
    if (rc != 0)
        return rc;
    rc = sr_op_start(all->ring, &spec, &buffer, &op);
    if (rc != 0) {
        if (sr_buffer_release(&buffer) != 0)
            abort();
        return rc;
    }
    rc = sr_op_await(all->ring, &op, &done);
    if (rc != 0) {
        sr_op_drop(all->ring, &op);
        return rc;
    }
    return take(&done);
}

SR_UNCHECKED static int start(struct idiomatic *all, uint64_t i)
{
    const struct sr_op_spec spec = sr_spec_read(sr_fd_fixed(all->file), read_offset(i), (struct sr_range){0});
    struct sr_buffer *buffer;
    int rc = sr_ring_get_buffer(all->ring, READ_BLOCK, &buffer);
    if (rc != 0)
        return rc;
    rc = sr_op_start_detached(all->ring, &spec, &buffer, NULL);
    if (rc != 0 && sr_buffer_release(&buffer) != 0)
        abort();
    return rc;
}

/* With many: start for the queue, take what comes. */
SR_UNCHECKED static int run_many(struct idiomatic *all, uint64_t operations)
{
    uint64_t started = 0;
    uint64_t ended = 0;
    while (ended < operations) {
        for (; started < operations && started - ended < all->depth; started++) {
            int rc = start(all, started);
            if (rc != 0)
                return rc;
        }
        size_t count;
        int rc = sr_ring_next_many(all->ring, all->done, all->depth, &count);
        for (size_t i = 0; rc == 0 && i < count; i++)
            rc = take(&all->done[i]);
        if (rc != 0)
            return rc;
        ended += count;
    }
    return 0;
}

static int idiomatic_run(void *self, uint64_t operations)
{
    struct idiomatic *all = self;
    int rc = 0;
    if (all->depth > 1)
        return run_many(all, operations);
    for (uint64_t i = 0; rc == 0 && i < operations; i++)
        rc = one(all, i);
    return rc;
}

static const struct arm idiomatic = {idiomatic_open, idiomatic_run, idiomatic_close};

const struct bench bench_read_idiomatic = {
    .name = "read_idiomatic",
    .what = "the same reads with a registered pool and a fixed file, against liburing without",
    .depths = {1, 32, 128},
    .slice_ns = 400000,
    .needs_uring = true,
    .prepare = read_prepare,
    .finish = read_finish,
    .raw = &raw_read,
    .library = &idiomatic,
};
