/*
 * Reads of 4 KiB from a file in the page cache. Both arms read the same file in the same order, and look at each result.
 */
#include "read.h"

#include <errno.h>
#include <unistd.h>

#include "safer_ring.h"

static int file = -1;

int read_prepare(void)
{
    file = cached_file((size_t)READ_BLOCK * READ_BLOCKS);
    return file < 0 ? file : 0;
}

void read_finish(void)
{
    close(file);
}

int read_file(void)
{
    return file;
}

struct raw_reading {
    struct io_uring ring;
    uint32_t depth;
    uint32_t idle_count;
    char *memory;
    void *idle[]; /* buffers that no operation has */
};

static int raw_open(void **self, uint32_t depth)
{
    struct raw_reading *read = calloc(1, sizeof *read + depth * sizeof read->idle[0]);
    if (read == NULL)
        return -ENOMEM;
    read->memory = raw_buffers(depth, READ_BLOCK);
    int rc = read->memory != NULL ? raw_ring_open(&read->ring, depth) : -ENOMEM;
    if (rc != 0) {
        free(read->memory);
        free(read);
        return rc;
    }
    read->depth = depth;
    read->idle_count = depth;
    for (uint32_t i = 0; i < depth; i++)
        read->idle[i] = read->memory + (size_t)i * READ_BLOCK;
    *self = read;
    return 0;
}

static int raw_run(void *self, uint64_t operations)
{
    struct raw_reading *read = self;
    uint64_t started = 0;
    uint64_t ended = 0;
    while (ended < operations) {
        for (; started < operations && read->idle_count > 0; started++) {
            void *bytes = read->idle[--read->idle_count];
            struct io_uring_sqe *sqe = io_uring_get_sqe(&read->ring);
            io_uring_prep_read(sqe, file, bytes, READ_BLOCK, read_offset(started));
            io_uring_sqe_set_data(sqe, bytes);
        }
        int rc = io_uring_submit_and_wait(&read->ring, 1);
        if (rc < 0 && rc != -EINTR)
            return rc;
        struct io_uring_cqe *cqe;
        unsigned head;
        unsigned count = 0;
        io_uring_for_each_cqe(&read->ring, head, cqe)
        {
            if (cqe->res != READ_BLOCK)
                return -EIO;
            read->idle[read->idle_count++] = io_uring_cqe_get_data(cqe);
            count++;
        }
        io_uring_cq_advance(&read->ring, count);
        ended += count;
    }
    return 0;
}

static void raw_close(void *self)
{
    struct raw_reading *read = self;
    io_uring_queue_exit(&read->ring);
    free(read->memory);
    free(read);
}

struct library_reading {
    struct sr_ring *ring;
    struct sr_completion *done;
    uint32_t depth;
    uint32_t idle_count;
    struct sr_buffer *idle[];
};

SR_UNCHECKED static void library_close(void *self)
{
    struct library_reading *read = self;
    while (read->idle_count > 0) {
        if (sr_buffer_release(&read->idle[--read->idle_count]) != 0)
            abort();
    }
    if (read->ring != NULL && sr_ring_close(&read->ring) != 0)
        abort();
    free(read->done);
    free(read);
}

SR_UNCHECKED static int library_fill(struct library_reading *read, uint32_t depth)
{
    read->done = calloc(depth, sizeof read->done[0]);
    if (read->done == NULL)
        return -ENOMEM;
    read->depth = depth;
    for (; read->idle_count < depth; read->idle_count++) {
        int rc = sr_buffer_new(&read->idle[read->idle_count], READ_BLOCK);
        if (rc != 0)
            return rc;
    }
    return library_ring_open(&read->ring, depth);
}

static int library_open(void **self, uint32_t depth)
{
    struct library_reading *read = calloc(1, sizeof *read + depth * sizeof read->idle[0]);
    if (read == NULL)
        return -ENOMEM;
    int rc = library_fill(read, depth);
    if (rc != 0) {
        library_close(read);
        return rc;
    }
    *self = read;
    return 0;
}

SR_UNCHECKED static int run_one_by_one(struct library_reading *read, uint64_t operations)
{
    for (uint64_t i = 0; i < operations; i++) {
        struct sr_op op;
        struct sr_completion done;
        int rc = sr_read_at_owned(read->ring, sr_fd(file), &read->idle[0], read_offset(i), &op);
        if (rc != 0)
            return rc;
        rc = sr_op_await(read->ring, &op, &done);
        if (rc != 0) {
            sr_op_drop(read->ring, &op);
            return rc;
        }
        if (sr_take(&done, &read->idle[0]) != READ_BLOCK)
            return -EIO;
    }
    return 0;
}

SR_UNCHECKED static int run_many(struct library_reading *read, uint64_t operations)
{
    const struct sr_range whole = {0, 0, false};
    uint64_t started = 0;
    uint64_t ended = 0;
    while (ended < operations) {
        for (; started < operations && read->idle_count > 0; started++) {
            struct sr_op_spec spec = sr_spec_read(sr_fd(file), read_offset(started), whole);
            int rc = sr_op_start_detached(read->ring, &spec, &read->idle[read->idle_count - 1], NULL);
            if (rc != 0)
                return rc;
            read->idle_count--;
        }
        size_t count;
        int rc = sr_ring_next_many(read->ring, read->done, read->depth, &count);
        if (rc != 0)
            return rc;
        for (size_t i = 0; i < count; i++) {
            if (sr_take(&read->done[i], &read->idle[read->idle_count++]) != READ_BLOCK)
                return -EIO;
        }
        ended += count;
    }
    return 0;
}

static int library_run(void *self, uint64_t operations)
{
    struct library_reading *read = self;
    return read->depth == 1 ? run_one_by_one(read, operations) : run_many(read, operations);
}

const struct arm raw_read = {raw_open, raw_run, raw_close};
const struct arm library_read = {library_open, library_run, library_close};

const struct bench bench_read = {
    .name = "read",
    .what = "4 KiB reads of a cached file",
    .depths = {1, 32, 128},
    .slice_ns = 400000,
    .needs_uring = true,
    .prepare = read_prepare,
    .finish = read_finish,
    .raw = &raw_read,
    .library = &library_read,
};
