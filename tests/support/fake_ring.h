/*
 * A ring of the library on a scriptable kernel, and the few sentences its tests say again and again.
 *
 * Tests hold operations in arrays and in assertions, which the ownership analysis does not follow: they are SR_UNCHECKED.
 */
#ifndef TESTS_SUPPORT_FAKE_RING_H
#define TESTS_SUPPORT_FAKE_RING_H

#include "fake_kernel.h"
#include "main.h"
#include "safer_ring/ring.h"
#include "safer_ring/stats.h"

struct fake_ring {
    struct fake_kernel *kernel;
    struct sr_ring *ring;
};

/* A ring with so many entries and the default configuration; or as configured, the backend put in. */
struct fake_ring fake_ring_open(uint32_t entries);
struct fake_ring fake_ring_open_config(struct sr_config config);

/* Closes the ring, asserts that it could be, that no CQE was unknown, and that the kernel has everything back. */
void fake_ring_close(struct fake_ring *f);

/* As fake_ring_close() for a ring that was told of `unknown` CQEs it could not place. */
void fake_ring_close_with_unknown(struct fake_ring *f, uint64_t unknown);

/* Starts a read of `size` bytes from descriptor `fd` into a new buffer; a no-op; each asserted to succeed. */
struct sr_op start_read(struct sr_ring *ring, int fd, size_t size);
struct sr_op start_nop(struct sr_ring *ring);
struct sr_op start_within(struct sr_ring *ring, uint64_t timeout_ns); /* a no-op with a linked timeout */

/* Starts it and hands it to the kernel. */
struct sr_op submit_read(struct sr_ring *ring, int fd, size_t size);
struct sr_op submit_nop(struct sr_ring *ring);

/* Awaits, takes, releases the buffer if there is one; returns the result. */
int32_t await_result(struct sr_ring *ring, struct sr_op *op);

struct sr_stats stats_of(struct sr_ring *ring);

/* What a ring shows of itself, to compare before and after a refusal. Calls of the kernel's enter are not compared. */
struct ring_face {
    uint32_t in_flight;
    uint32_t orphans;
    struct sr_stats stats;
};
struct ring_face face_of(struct sr_ring *ring);
void assert_face(struct sr_ring *ring, const struct ring_face *before);

/* The user_data of an operation's cancel and of its linked timeout. */
uint64_t cancel_of(uint64_t id);
uint64_t limit_of(uint64_t id);

#endif
