/*
 * A file copied block by block, several blocks in flight, into a file whose blocks are there already. One operation is
 * one block: a read, then a write of what was read; both arms go on after a short count.
 */
#include "bench.h"

#include <errno.h>
#include <unistd.h>

#include "safer_ring.h"

#define BLOCK 65536u
#define BLOCKS 128u

static int from = -1;
static int to = -1;

static int prepare(void)
{
    from = cached_file((size_t)BLOCK * BLOCKS);
    if (from < 0)
        return from;
    to = cached_file((size_t)BLOCK * BLOCKS);
    if (to < 0) {
        close(from);
        return to;
    }
    return 0;
}

static void finish(void)
{
    close(from);
    close(to);
}

/* One block under way. */
struct part {
    char *bytes;              /* the raw arm's */
    struct sr_buffer *buffer; /* the library's */
    uint64_t offset;
    uint32_t done; /* bytes read, or written, of the block */
    bool writing;
};

static void part_begin(struct part *part, uint64_t block)
{
    part->offset = block % BLOCKS * BLOCK;
    part->done = 0;
    part->writing = false;
}

/* Books a count. true: the block is copied. A transfer that moved nothing ends the run. */
static bool part_advance(struct part *part, int32_t count)
{
    part->done += (uint32_t)count;
    if (part->done < BLOCK)
        return false;
    part->done = 0;
    if (part->writing)
        return true;
    part->writing = true;
    return false;
}

struct raw_copy {
    struct io_uring ring;
    char *memory;
    uint32_t depth;
    struct part parts[];
};

static int raw_open(void **self, uint32_t depth)
{
    struct raw_copy *copy = calloc(1, sizeof *copy + depth * sizeof copy->parts[0]);
    if (copy == NULL)
        return -ENOMEM;
    copy->memory = raw_buffers(depth, BLOCK);
    int rc = copy->memory != NULL ? raw_ring_open(&copy->ring, depth) : -ENOMEM;
    if (rc != 0) {
        free(copy->memory);
        free(copy);
        return rc;
    }
    copy->depth = depth;
    for (uint32_t i = 0; i < depth; i++)
        copy->parts[i].bytes = copy->memory + (size_t)i * BLOCK;
    *self = copy;
    return 0;
}

static void raw_start(struct raw_copy *copy, struct part *part)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&copy->ring);
    char *bytes = part->bytes + part->done;
    if (part->writing)
        io_uring_prep_write(sqe, to, bytes, BLOCK - part->done, part->offset + part->done);
    else
        io_uring_prep_read(sqe, from, bytes, BLOCK - part->done, part->offset + part->done);
    io_uring_sqe_set_data(sqe, part);
}

static int raw_run(void *self, uint64_t operations)
{
    struct raw_copy *copy = self;
    uint64_t started = 0;
    uint64_t ended = 0;
    for (; started < operations && started < copy->depth; started++) {
        part_begin(&copy->parts[started], started);
        raw_start(copy, &copy->parts[started]);
    }
    while (ended < operations) {
        int rc = io_uring_submit_and_wait(&copy->ring, 1);
        if (rc < 0 && rc != -EINTR)
            return rc;
        struct io_uring_cqe *cqe;
        unsigned head;
        unsigned count = 0;
        io_uring_for_each_cqe(&copy->ring, head, cqe)
        {
            struct part *part = io_uring_cqe_get_data(cqe);
            count++;
            if (cqe->res <= 0)
                return cqe->res < 0 ? cqe->res : -EIO;
            if (part_advance(part, cqe->res)) {
                ended++;
                if (started == operations)
                    continue;
                part_begin(part, started++);
            }
            raw_start(copy, part);
        }
        io_uring_cq_advance(&copy->ring, count);
    }
    return 0;
}

static void raw_close(void *self)
{
    struct raw_copy *copy = self;
    io_uring_queue_exit(&copy->ring);
    free(copy->memory);
    free(copy);
}

struct library_copy {
    struct sr_ring *ring;
    struct sr_completion *done;
    uint32_t depth;
    struct part parts[];
};

SR_UNCHECKED static void library_close(void *self)
{
    struct library_copy *copy = self;
    for (uint32_t i = 0; i < copy->depth; i++) {
        if (copy->parts[i].buffer != NULL && sr_buffer_release(&copy->parts[i].buffer) != 0)
            abort();
    }
    if (copy->ring != NULL && sr_ring_close(&copy->ring) != 0)
        abort();
    free(copy->done);
    free(copy);
}

SR_UNCHECKED static int library_fill(struct library_copy *copy)
{
    copy->done = calloc(copy->depth, sizeof copy->done[0]);
    if (copy->done == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < copy->depth; i++) {
        int rc = sr_buffer_new(&copy->parts[i].buffer, BLOCK);
        if (rc != 0)
            return rc;
    }
    return library_ring_open(&copy->ring, copy->depth);
}

static int library_open(void **self, uint32_t depth)
{
    struct library_copy *copy = calloc(1, sizeof *copy + depth * sizeof copy->parts[0]);
    if (copy == NULL)
        return -ENOMEM;
    copy->depth = depth;
    int rc = library_fill(copy);
    if (rc != 0) {
        library_close(copy);
        return rc;
    }
    *self = copy;
    return 0;
}

SR_UNCHECKED static int library_start(struct library_copy *copy, struct part *part)
{
    struct sr_range rest = sr_range(part->done, BLOCK - part->done);
    uint64_t offset = part->offset + part->done;
    struct sr_op op;
    int rc;
    if (part->writing)
        rc = sr_write_range_owned(copy->ring, sr_fd(to), &part->buffer, rest, offset, &op);
    else
        rc = sr_read_range_owned(copy->ring, sr_fd(from), &part->buffer, rest, offset, &op);
    if (rc != 0)
        return rc;
    rc = sr_op_detach(copy->ring, &op, part);
    if (rc != 0)
        sr_op_drop(copy->ring, &op);
    return rc;
}

SR_UNCHECKED static int library_run(void *self, uint64_t operations)
{
    struct library_copy *copy = self;
    uint64_t started = 0;
    uint64_t ended = 0;
    for (; started < operations && started < copy->depth; started++) {
        part_begin(&copy->parts[started], started);
        int rc = library_start(copy, &copy->parts[started]);
        if (rc != 0)
            return rc;
    }
    while (ended < operations) {
        size_t count;
        int rc = sr_ring_next_many(copy->ring, copy->done, copy->depth, &count);
        if (rc != 0)
            return rc;
        for (size_t i = 0; i < count; i++) {
            struct part *part = copy->done[i].user;
            int32_t moved = sr_take(&copy->done[i], &part->buffer);
            if (moved <= 0)
                return moved < 0 ? moved : -EIO;
            if (part_advance(part, moved)) {
                ended++;
                if (started == operations)
                    continue;
                part_begin(part, started++);
            }
            rc = library_start(copy, part);
            if (rc != 0)
                return rc;
        }
    }
    return 0;
}

static const struct arm raw = {raw_open, raw_run, raw_close};
static const struct arm library = {library_open, library_run, library_close};

const struct bench bench_copy = {
    .name = "copy",
    .what = "64 KiB blocks copied from file to file",
    .depths = {8},
    .slice_ns = 4000000,
    .needs_uring = true,
    .prepare = prepare,
    .finish = finish,
    .raw = &raw,
    .library = &library,
};
