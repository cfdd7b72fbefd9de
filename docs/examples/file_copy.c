/*
 * Copies a file with several buffers in flight: each is read into, written from, and read into again, and goes on where
 * a short read or write stopped. `file_copy FROM TO`; without arguments it copies a file of its own and compares.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <safer_ring.h>

#define BLOCK 65536u
#define IN_FLIGHT 8u

struct copy {
    struct sr_ring *ring;
    int from;
    int to;
    uint64_t size;
    uint64_t next; /* where the next block begins */
};

/* One block on its way. Its buffer travels in the operation. */
struct block {
    uint64_t offset;
    size_t length; /* of the block; shorter if the file ends in it */
    size_t done;   /* read, or written, of it */
    bool writing;
};

static void release(struct sr_buffer **buffer) SR_TAKES(*buffer)
{
    if (sr_buffer_release(buffer) != 0)
        abort();
}

/* Queues what is left of a block's read or write. The buffer is gone, whatever the answer. */
static int start(struct copy *copy, struct block *block, struct sr_buffer **buffer) SR_TAKES(*buffer)
{
    struct sr_range rest = sr_range(block->done, block->length - block->done);
    uint64_t offset = block->offset + block->done;
    struct sr_op_spec spec = block->writing ? sr_spec_write(sr_fd(copy->to), offset, rest)
                                            : sr_spec_read(sr_fd(copy->from), offset, rest);
    struct sr_op op;
    int rc = sr_op_start(copy->ring, &spec, buffer, &op);
    if (rc != 0) {
        release(buffer);
        return rc;
    }
    rc = sr_op_detach(copy->ring, &op, block);
    if (rc != 0)
        sr_op_drop(copy->ring, &op);
    return rc;
}

/* Reads the file's next block, or puts the buffer away if there is none. */
static int start_next(struct copy *copy, struct block *block, struct sr_buffer **buffer) SR_TAKES(*buffer)
{
    uint64_t left = copy->size - copy->next;
    if (left == 0) {
        release(buffer);
        return 0;
    }
    *block = (struct block){.offset = copy->next, .length = left < BLOCK ? (size_t)left : BLOCK};
    copy->next += block->length;
    return start(copy, block, buffer);
}

/* A read or write has ended. */
static int go_on(struct copy *copy, struct block *block, int32_t moved, struct sr_buffer **buffer)
    SR_TAKES(*buffer)
{
    if (moved <= 0) {
        release(buffer);
        return moved < 0 ? moved : -EIO; /* 0: the file became shorter meanwhile */
    }
    block->done += (size_t)moved;
    if (block->done < block->length)
        return start(copy, block, buffer);
    if (block->writing)
        return start_next(copy, block, buffer);
    block->writing = true;
    block->done = 0;
    return start(copy, block, buffer);
}

static int start_all(struct copy *copy, struct block blocks[])
{
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        struct sr_buffer *buffer;
        int rc = sr_buffer_new(&buffer, BLOCK);
        if (rc != 0)
            return rc;
        rc = start_next(copy, &blocks[i], &buffer);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int copy_blocks(struct copy *copy)
{
    struct block blocks[IN_FLIGHT];
    int rc = start_all(copy, blocks);
    while (rc == 0 && sr_ring_in_flight(copy->ring) > 0) {
        struct sr_completion done;
        struct sr_buffer *buffer;
        rc = sr_ring_next(copy->ring, &done);
        if (rc != 0)
            break;
        struct block *block = done.user;
        int32_t moved = sr_take(&done, &buffer);
        rc = go_on(copy, block, moved, &buffer);
    }
    /* After an error others may still be in flight: the kernel has their buffers, so they are awaited. */
    int drained = sr_ring_drain(copy->ring, SR_FOREVER, NULL);
    return rc != 0 ? rc : drained;
}

static int copy_descriptors(int from, int to)
{
    struct stat about;
    struct copy copy = {.from = from, .to = to};
    if (fstat(from, &about) != 0)
        return -errno;
    copy.size = (uint64_t)about.st_size;
    int rc = sr_ring_open(&copy.ring, 2 * IN_FLIGHT);
    if (rc != 0)
        return rc;
    rc = copy_blocks(&copy);
    int closed = sr_ring_close(&copy.ring);
    return rc != 0 ? rc : closed;
}

static int copy_file(const char *from_path, const char *to_path)
{
    int from = open(from_path, O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        perror(from_path);
        return 2;
    }
    int to = open(to_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (to < 0) {
        perror(to_path);
        close(from);
        return 2;
    }
    int rc = copy_descriptors(from, to);
    if (rc == 0 && close(to) != 0)
        rc = -errno;
    close(from);
    if (rc != 0)
        fprintf(stderr, "%s to %s: %s\n", from_path, to_path, sr_strerror(rc));
    return rc != 0;
}

/* ---- The example tests itself ---- */

static int own_file(char path[static 64])
{
    strcpy(path, "/tmp/file_copy.XXXXXX");
    return mkstemp(path);
}

static bool equal_files(const char *a, const char *b)
{
    int one = open(a, O_RDONLY | O_CLOEXEC);
    int two = open(b, O_RDONLY | O_CLOEXEC);
    char left[4096];
    char right[4096];
    ssize_t size = 0;
    bool equal = one >= 0 && two >= 0;
    while (equal && (size = read(one, left, sizeof left)) > 0)
        equal = read(two, right, sizeof right) == size && memcmp(left, right, (size_t)size) == 0;
    equal = equal && size == 0 && read(two, right, 1) == 0;
    close(one);
    close(two);
    return equal;
}

static int test_size(size_t size)
{
    char from[64];
    char to[64];
    int source = own_file(from);
    int target = own_file(to);
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = i * UINT64_C(0x9e3779b97f4a7c15);
        if (write(source, &word, size - i < 8 ? size - i : 8) < 0)
            return 1;
    }
    close(source);
    close(target);
    int rc = copy_file(from, to);
    bool equal = rc == 0 && equal_files(from, to);
    unlink(from);
    unlink(to);
    printf("%zu bytes: %s\n", size, equal ? "copied, equal" : "not equal");
    return !equal;
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return copy_file(argv[1], argv[2]);
    if (argc != 1) {
        fprintf(stderr, "Usage: file_copy FROM TO\n");
        return 2;
    }
    return test_size(0) || test_size(1) || test_size(3 * BLOCK + 17) || test_size(40 * BLOCK);
}
