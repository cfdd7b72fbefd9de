/*
 * What a ring has counted since it was opened.
 */
#ifndef SAFER_RING_STATS_H
#define SAFER_RING_STATS_H

#include <stdint.h>

#include "safer_ring/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sr_ring;

/* Counters; none ever goes down. */
struct sr_stats {
    uint64_t started;   /* operations accepted */
    uint64_t submitted; /* consumed by the kernel */
    uint64_t withdrawn; /* taken back from the submission queue before the kernel saw them */
    uint64_t completed; /* terminal completions */
    uint64_t shots;     /* completions of multishots before their last */
    uint64_t enters;    /* calls of the kernel's enter */
    uint64_t cancels;   /* cancel requests sent */
    uint64_t orphaned;  /* operations dropped while the kernel had them */
    uint64_t disposed;  /* completions that nobody took: buffer to its origin, descriptor closed */
    uint64_t unknown;   /* CQEs of no live operation (OP-5); not 0 is a defect of kernel or library */
    uint64_t ended_for_callback; /* completions a callback left, ended for it (CB-3) */
    uint64_t overflows;          /* times the kernel's completion queue had overflowed and was flushed */
    uint64_t touched;            /* buffers changed while they were lent (sr_config.check_lent_bytes) */
    uint64_t misuses;            /* calls refused that have no status to say so (a drop of a stale handle) */
};

/*
 * Copies the counters.
 * Errors: -EINVAL, SR_EWRONG_THREAD, SR_EWRONG_PROCESS. Callable: from the ring's thread, also from a callback.
 */
SR_MUST_USE int sr_ring_stats(const struct sr_ring *ring, struct sr_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
