/*
 * A hash of everything a run does: every SQE, CQE, transferred byte, and the clock. No address enters it, and nothing
 * that depends on one: user_data may be a pointer, so requests go in by their numbers.
 */
#ifndef SRI_FATE_TRACE_H
#define SRI_FATE_TRACE_H

#include <stdint.h>

#include "engine/observer.h"

struct sri_trace {
    uint64_t hash;
    uint64_t events;
};

void sri_trace_begin(struct sri_trace *trace);

/* To be called with every event; what it can do without is SRI_TRACE_NEEDLESS: a touch tells nothing that its end does not. */
#define SRI_TRACE_NEEDLESS (1u << SRI_EVENT_TOUCH)
void sri_trace_observe(struct sri_trace *trace, const struct sri_event *event);

#endif
