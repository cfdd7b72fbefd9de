/*
 * A ring without the library: the words of its memory, entries and completions by hand. For scenarios that speak io_uring
 * itself. Judges nothing.
 */
#ifndef SRI_SCENARIO_BARE_RING_H
#define SRI_SCENARIO_BARE_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "safer_ring/backend.h"

/* Zeroed is none. */
struct sri_bare_ring {
    struct sr_backend kernel;
    struct io_uring_params params;
    int fd;
    void *memory[3]; /* SQ, CQ, SQEs */
    uint32_t *sq_head;
    uint32_t *sq_tail;
    uint32_t sq_mask;
    uint32_t prepared; /* the tail to be published */
    uint32_t *cq_head;
    uint32_t *cq_tail;
    uint32_t cq_mask;
    struct io_uring_sqe *sqes;
    struct io_uring_cqe *cqes;
};

/* 0 or -errno, with nothing left behind. `flags` are IORING_SETUP_*, without entries of double size. */
int sri_bare_ring_open(struct sri_bare_ring *ring, struct sr_backend kernel, uint32_t entries,
                       uint32_t flags);
void sri_bare_ring_close(struct sri_bare_ring *ring);

/* The next entry, cleared; NULL: the SQ is full. */
struct io_uring_sqe *sri_bare_ring_entry(struct sri_bare_ring *ring);

/* Publishes what was prepared and enters; waits for `least` completions, not longer than so many nanoseconds. */
int sri_bare_ring_enter(struct sri_bare_ring *ring, uint32_t least, uint64_t timeout_ns);

/* Entries that the kernel has not consumed. */
uint32_t sri_bare_ring_queued(const struct sri_bare_ring *ring);

bool sri_bare_ring_take(struct sri_bare_ring *ring, struct io_uring_cqe *cqe);

#endif
