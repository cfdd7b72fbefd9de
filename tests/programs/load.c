/*
 * Loads to measure by, written against liburing alone: no-ops one by one, and reads of 4 KiB sixteen at a time. Prints the
 * nanoseconds per operation of each; tests/bench/dropin.sh compares them under the engine with the kernel's.
 *
 *     program_load [NOPS READS FILE]      as many of each; a few of a file of its own if left out
 */
#include <fcntl.h>
#include <stdint.h>
#include <time.h>

#include "program.h"

#define DEPTH 16u
#define BLOCK 4096u
#define BLOCKS 64u

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* A wait may be interrupted, and what it was to submit submitted all the same. */
static void enter(struct io_uring *ring)
{
    int rc = io_uring_submit_and_wait(ring, 1);
    CHECK(rc >= 0 || rc == -EINTR || rc == -EAGAIN || rc == -EBUSY);
}

static void no_ops(struct io_uring *ring, unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        io_uring_prep_nop(io_uring_get_sqe(ring));
        struct io_uring_cqe *cqe;
        do {
            enter(ring);
        } while (io_uring_peek_cqe(ring, &cqe) != 0);
        CHECK(cqe->res == 0);
        io_uring_cqe_seen(ring, cqe);
    }
}

struct reading {
    struct io_uring *ring;
    int file;
    char *memory;
    unsigned have[DEPTH]; /* bytes that each block has so far */
    unsigned block[DEPTH];
};

static void ask(struct reading *reading, unsigned i)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(reading->ring);
    CHECK(sqe != NULL);
    io_uring_prep_read(sqe, reading->file, reading->memory + i * BLOCK + reading->have[i],
                       BLOCK - reading->have[i], (uint64_t)reading->block[i] * BLOCK + reading->have[i]);
    io_uring_sqe_set_data64(sqe, i);
}

/* What came short, or was not to be had now, is asked for again. True: a block is whole. */
static bool take(struct reading *reading, unsigned i, int result)
{
    if (result == -EINTR || result == -EAGAIN)
        result = 0;
    CHECK(result >= 0);
    reading->have[i] += (unsigned)result;
    if (reading->have[i] == BLOCK)
        return true;
    ask(reading, i);
    return false;
}

static void reads(struct io_uring *ring, int file, unsigned long count)
{
    struct reading reading = {.ring = ring, .file = file};
    CHECK(posix_memalign((void **)&reading.memory, BLOCK, (size_t)DEPTH * BLOCK) == 0);
    unsigned long started = 0;
    unsigned long ended = 0;
    for (; started < DEPTH && started < count; started++) {
        reading.block[started] = started % BLOCKS;
        ask(&reading, (unsigned)started);
    }
    while (ended < count) {
        enter(ring);
        struct io_uring_cqe *cqe;
        while (io_uring_peek_cqe(ring, &cqe) == 0) {
            unsigned i = (unsigned)io_uring_cqe_get_data64(cqe);
            int result = cqe->res;
            io_uring_cqe_seen(ring, cqe);
            if (!take(&reading, i, result))
                continue;
            ended++;
            CHECK((unsigned char)reading.memory[i * BLOCK] == reading.block[i]);
            if (started == count)
                continue;
            reading.have[i] = 0;
            reading.block[i] = started++ % BLOCKS;
            ask(&reading, i);
        }
    }
    free(reading.memory);
}

/* Each block begins with its number. */
static int make_file(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0);
    for (unsigned i = 0; i < BLOCKS; i++) {
        char block[BLOCK] = {(char)i};
        CHECK(write(file, block, sizeof block) == (ssize_t)sizeof block);
    }
    return file;
}

int main(int argc, char **argv)
{
    char own[] = "/tmp/safer-ring-load-XXXXXX";
    if (argc != 1 && argc != 4) {
        fprintf(stderr, "usage: %s [NOPS READS FILE]\n", argv[0]);
        return 2;
    }
    unsigned long nops = argc == 4 ? strtoul(argv[1], NULL, 10) : 100;
    unsigned long blocks = argc == 4 ? strtoul(argv[2], NULL, 10) : 200;
    if (argc == 1) {
        int made = mkstemp(own);
        CHECK(made >= 0 && close(made) == 0);
    }
    int file = make_file(argc == 4 ? argv[3] : own);

    struct io_uring ring;
    open_ring(&ring, DEPTH, 0);
    double begin = now_ns();
    no_ops(&ring, nops);
    double between = now_ns();
    reads(&ring, file, blocks);
    double end = now_ns();
    io_uring_queue_exit(&ring);
    if (argc == 1)
        CHECK(unlink(own) == 0);
    CHECK(close(file) == 0);
    printf("nop %.1f read %.1f\n", (between - begin) / (double)(nops > 0 ? nops : 1),
           (end - between) / (double)(blocks > 0 ? blocks : 1));
    return 0;
}
