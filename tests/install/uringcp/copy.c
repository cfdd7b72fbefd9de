/*
 * Each block is read until it is full or the file ends, then written until all of it is; the next place in the file is taken by
 * whichever block is free first. MISTAKE plants what people get wrong, so that the tests can show that they
 * find it.
 */
#include "copy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifndef MISTAKE
#define MISTAKE \
    0 /* 1: a short write is taken for the whole, 2: nothing is synced, 3: memory is freed in flight */
#endif

enum state {
    FREE,
    READING,
    WRITING
};

struct block {
    enum state state;
    unsigned long long offset;
    unsigned filled;
    unsigned written;
    char *bytes;
};

struct copy {
    struct io_uring *ring;
    int from;
    int to;
    unsigned block_size;
    unsigned in_flight; /* prepared, and its CQE not seen yet */
    unsigned long long next;
    bool ended; /* the file did */
    int error;  /* the first */
    struct block blocks[COPY_BLOCKS];
};

static bool is_passing(int error)
{
    return error == -EINTR || error == -EAGAIN || error == -EBUSY;
}

/* There are as many entries as blocks, and a block has one of them at most. */
static struct io_uring_sqe *prepare(struct copy *copy, struct block *block)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(copy->ring);
    if (sqe == NULL)
        abort();
    copy->in_flight++;
    if (block != NULL && block->state == READING)
        io_uring_prep_read(sqe, copy->from, block->bytes + block->filled, copy->block_size - block->filled,
                           block->offset + block->filled);
    else if (block != NULL)
        io_uring_prep_write(sqe, copy->to, block->bytes + block->written, block->filled - block->written,
                            block->offset + block->written);
    else
        io_uring_prep_fsync(sqe, copy->to, 0);
    io_uring_sqe_set_data(sqe, block);
    return sqe;
}

static void fill_free_blocks(struct copy *copy)
{
    for (unsigned i = 0; i < COPY_BLOCKS; i++) {
        struct block *block = &copy->blocks[i];
        if (block->state != FREE || copy->ended || copy->error != 0)
            continue;
        block->state = READING;
        block->offset = copy->next;
        block->filled = 0;
        block->written = 0;
        copy->next += copy->block_size;
        prepare(copy, block);
    }
}

/* Hands over what was prepared, however often that takes, and waits for one CQE. */
static int wait_for_one(struct copy *copy, struct io_uring_cqe **cqe)
{
    int rc = 0;
    while (io_uring_sq_ready(copy->ring) > 0) {
        rc = io_uring_submit(copy->ring);
        if (rc < 0 && !is_passing(rc))
            return rc;
        if (rc < 0 && io_uring_peek_cqe(copy->ring, cqe) == 0) /* -EBUSY: the CQEs want to be taken first */
            return 0;
    }
    do
        rc = io_uring_wait_cqe(copy->ring, cqe);
    while (is_passing(rc));
    return rc;
}

static void fail(struct copy *copy, int error)
{
    if (copy->error == 0)
        copy->error = error;
}

static void go_on(struct copy *copy, struct block *block, int moved)
{
    if (is_passing(moved)) {
        prepare(copy, block);
        return;
    }
    if (moved < 0) {
        fail(copy, moved);
        block->state = FREE;
        return;
    }
    if (block->state == READING) {
        block->filled += (unsigned)moved;
        copy->ended = copy->ended || moved == 0;
        if (moved > 0 && block->filled < copy->block_size) {
            prepare(copy, block);
            return;
        }
        block->state = WRITING;
    } else {
        block->written += MISTAKE == 1 ? block->filled : (unsigned)moved;
        if (moved == 0)
            fail(copy, -EIO);
    }
    if (block->written < block->filled && copy->error == 0)
        prepare(copy, block);
    else
        block->state = FREE;
}

/* The CQE of what is in flight, one after the other, until none is left. An error of the ring itself ends it at once. */
static int run(struct copy *copy)
{
    fill_free_blocks(copy);
    while (copy->in_flight > 0 && !(MISTAKE == 3 && copy->error != 0)) {
        struct io_uring_cqe *cqe = NULL;
        int rc = wait_for_one(copy, &cqe);
        if (rc < 0)
            return rc;
        struct block *block = (struct block *)io_uring_cqe_get_data(cqe);
        int moved = cqe->res;
        io_uring_cqe_seen(copy->ring, cqe);
        copy->in_flight--;
        if (block != NULL)
            go_on(copy, block, moved);
        else if (is_passing(moved))
            prepare(copy, NULL);
        else if (moved < 0)
            fail(copy, moved);
        fill_free_blocks(copy);
    }
    return copy->error;
}

int copy_file(struct io_uring *ring, int from, int to, unsigned block_size)
{
    struct copy copy;
    memset(&copy, 0, sizeof copy);
    copy.ring = ring;
    copy.from = from;
    copy.to = to;
    copy.block_size = block_size;
    char *memory = (char *)malloc((size_t)COPY_BLOCKS * block_size);
    if (memory == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < COPY_BLOCKS; i++)
        copy.blocks[i].bytes = memory + (size_t)i * block_size;
    int rc = run(&copy);
    if (rc == 0 && MISTAKE != 2) {
        copy.ended = true;
        prepare(&copy, NULL);
        rc = run(&copy);
    }
    /* Where the ring itself failed the kernel may have it still: better lost than written into. */
    if (copy.in_flight == 0 || MISTAKE == 3)
        free(memory);
    return rc;
}
