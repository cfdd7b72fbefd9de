/*
 * What the reading benchmarks share: one file in the page cache, and the program on liburing as it is mostly written, with a
 * plain descriptor and plain buffers.
 */
#ifndef BENCH_READ_H
#define BENCH_READ_H

#include "bench.h"

#define READ_BLOCK 4096u
/* A prime, so that every buffer meets every block: how fast a copy is depends on the pair of addresses. */
#define READ_BLOCKS 61u

/* Makes the file, and closes it. */
int read_prepare(void);
void read_finish(void);
int read_file(void);

/* Where the i-th read begins. */
static inline uint64_t read_offset(uint64_t i)
{
    return i % READ_BLOCKS * READ_BLOCK;
}

extern const struct arm raw_read;
extern const struct arm library_read;

#endif
