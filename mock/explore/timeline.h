/*
 * What happened in a run, as text: one line per event of the kernel and per call of the program. Made only when a run is
 * replayed. Judges nothing.
 */
#ifndef SRI_EXPLORE_TIMELINE_H
#define SRI_EXPLORE_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/observer.h"

struct sri_timeline {
    char *text;
    size_t size;
    size_t capacity;
    uint64_t steps;
    uint64_t now_ns;
};

void sri_timeline_begin(struct sri_timeline *timeline);
void sri_timeline_fini(struct sri_timeline *timeline);
struct sri_observer sri_timeline_observer(struct sri_timeline *timeline);
/* A call of the program. */
void sri_timeline_tell(void *timeline, const char *text);
/* What `who` did, or is the matter with. */
void sri_timeline_say(struct sri_timeline *timeline, const char *who, const char *text);
/* Where the last `lines` lines begin. */
const char *sri_timeline_tail(const struct sri_timeline *timeline, size_t lines);

#endif
