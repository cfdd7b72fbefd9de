/*
 * A plain ring over any backend, for tests that speak io_uring itself: liburing's structure, filled from the backend's
 * mappings, so that liburing's inlines that are pure memory work on it. It must never call an exported liburing
 * function.
 */
#ifndef TESTS_SUPPORT_RAW_RING_H
#define TESTS_SUPPORT_RAW_RING_H

#include <stdbool.h>
#include <stdint.h>

#include <liburing.h>

#include "safer_ring/backend.h"

struct raw_ring {
    struct io_uring ring; /* for liburing's inlines */
    struct io_uring_params params;
    struct sr_backend backend;
    int fd;
    void *sq;
    void *cq;
    void *sqes;
};

/* `flags` are IORING_SETUP_*. 0 or -errno, with nothing left behind. The backend stays the caller's. */
int raw_ring_open(struct raw_ring *raw, struct sr_backend backend, unsigned entries, unsigned flags);

/* The same with all parameters (cq_entries, …) in raw->params. */
int raw_ring_open_params(struct raw_ring *raw, struct sr_backend backend, unsigned entries);

void raw_ring_close(struct raw_ring *raw);

/* Told of each entry as it is published, when not NULL. */
extern void (*raw_ring_published)(const struct io_uring_sqe *sqe);

/* The next entry, cleared, with this user_data. NULL when the SQ is full. */
struct io_uring_sqe *raw_ring_sqe(struct raw_ring *raw, uint64_t user_data);

/* Makes the prepared entries visible without entering; returns how many the kernel has not consumed yet. */
unsigned raw_ring_publish(struct raw_ring *raw);

/* Publishes what was prepared and enters: what vtable->enter returns. raw_ring_submit() never waits. */
int raw_ring_submit(struct raw_ring *raw);
int raw_ring_submit_and_wait(struct raw_ring *raw, unsigned min_complete);
int raw_ring_submit_and_wait_for(struct raw_ring *raw, unsigned min_complete, uint64_t timeout_ns);

/* Enters with GETEVENTS and submits nothing; timeout_ns 0 does not wait. */
int raw_ring_get_events(struct raw_ring *raw);
int raw_ring_wait(struct raw_ring *raw, unsigned min_complete, uint64_t timeout_ns);

/* Takes the next CQE out of the ring without entering: false when none is there. */
bool raw_ring_take(struct raw_ring *raw, struct io_uring_cqe *cqe);

#endif
