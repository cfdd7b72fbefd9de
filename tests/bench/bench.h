/*
 * What a benchmark is: the same work done by two arms, hand-written liburing and the library, in slices of equal length.
 *
 * An arm keeps its handles in arrays, which clang's analysis does not follow: what touches them is SR_UNCHECKED.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <liburing.h>

/* One way of doing the work. A failure is a negative errno; -EIO also says that an outcome was wrong. */
struct arm {
    int (*open)(void **self, uint32_t depth);
    int (*run)(void *self,
               uint64_t operations); /* exactly so many, `depth` of them in flight where there are enough */
    void (*close)(void *self);
};

#define BENCH_DEPTHS 4

struct bench {
    const char *name;
    const char *what;
    uint32_t depths[BENCH_DEPTHS]; /* 0 ends it */
    uint64_t slice_ns;             /* how long one arm runs before the next has its turn */
    bool needs_uring;
    int (*prepare)(void); /* what both arms share; may be NULL, and so may finish */
    void (*finish)(void);
    const struct arm *raw; /* NULL: there is nothing to compare with */
    const struct arm *library;
};

extern const struct bench bench_nop;
extern const struct bench bench_read;
extern const struct bench bench_read_idiomatic;
extern const struct bench bench_copy;
extern const struct bench bench_echo_tcp;
extern const struct bench bench_echo_unix;
#ifdef BENCH_LIBUV
extern const struct bench bench_read_libuv;
extern const struct bench bench_echo_libuv;
#endif
extern const struct bench bench_pool;
extern const struct bench bench_sim_nop;
extern const struct bench bench_sim_read;
extern const struct bench bench_sim_nop_untraced;
extern const struct bench bench_sim_read_untraced;
extern const struct bench bench_sim_polls;

/* ---- common.c: what several arms need ---- */

/* The raw arms' ring, with the setup flags that the library's rings have. */
int raw_ring_open(struct io_uring *ring, uint32_t depth);

/* The library's ring on the true kernel, which says so if it is refused. */
struct sr_ring;
int library_ring_open(struct sr_ring **ring, uint32_t depth);

/*
 * An unlinked file of `size` bytes in the page cache, in a folder that is not a tmpfs (TMPDIR, /var/tmp, the current
 * one, the first that fits): every io_uring read of a tmpfs goes to a worker. Its descriptor.
 */
int cached_file(size_t size);

/* `count` cleared buffers of `size` bytes, on whole pages: a copy to memory just past a page's start is three times slower. */
void *raw_buffers(uint32_t count, size_t size);

uint64_t clock_ns(void);

/* ---- count.c: what the library allocates ---- */

void count_allocations(void);    /* from now on; before anything is allocated */
uint64_t allocations_made(void); /* so far */
int64_t bytes_allocated(void);   /* and not released */

/* Opens and closes rings with work in between, and says what stays. 0, 1: something grew, or -errno. */
int check_memory(uint32_t rounds);

/* ---- measure.c ---- */

struct measuring {
    uint32_t rounds;
    uint64_t slice_ns; /* 0: the benchmark's own */
    uint32_t tries;    /* a result whose raw arm disagrees with itself is repeated up to so often */
};

struct result {
    const struct bench *bench;
    uint32_t depth;
    uint32_t tries;
    bool steady; /* the last try's raw arm agreed with itself */
    double raw_ns;
    double library_ns;
    double ratio;         /* library to raw, median of the rounds' */
    double ratio_raw_raw; /* a second raw arm to the first, likewise */
    uint64_t operations;  /* by the library, measured */
    uint64_t allocations; /* meanwhile */
};

#define RAW_RAW_LOW 0.98
#define RAW_RAW_HIGH 1.02

int measure(const struct bench *bench, uint32_t depth, const struct measuring *how, struct result *result);

#endif
