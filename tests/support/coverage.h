/*
 * What the cases of the conformance suite touch, noted while they run, and what became of them: one line each in the file
 * that SAFER_RING_CONFORMANCE names (ci/conformance reads it). Without that variable nothing is noted.
 */
#ifndef TESTS_SUPPORT_COVERAGE_H
#define TESTS_SUPPORT_COVERAGE_H

#include "safer_ring/backend.h"

/* Begins a case: the backend to run it on, which notes setup flags, registrations and enter's flags on the way. */
struct sr_backend coverage_begin(struct sr_backend backend);

/* The case is over: its lines. `outcome` is "equal", "known", "differs" or "skipped". */
void coverage_end(const char *name, const char *column, const char *outcome);

#endif
