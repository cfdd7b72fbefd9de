/*
 * A run as a program in C against the public API: the same calls on a simulated kernel with the same choices, each held against
 * what it answered in the run. Where the run broke a rule stands what was broken, and what could be seen of it: answers,
 * counts, and which buffers' bytes had been released. Made only when asked for. Judges nothing.
 */
#ifndef SRI_EXPLORE_PROGRAM_H
#define SRI_EXPLORE_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "explore/report.h"
#include "explore/run.h"

#define SRI_PROGRAM_CALLBACKS 64u

struct sri_program {
    struct sri_rig *rig;
    struct sri_env inner;
    struct sri_text calls;
    struct sri_text callbacks[SRI_PROGRAM_CALLBACKS]; /* what was done in each that ran */
    uint32_t callback_count;
    bool in_callback;
    struct sri_text answers; /* of the kernel's choices, as bytes of a tape */
    uint32_t violations;     /* told */
    uint32_t flying;         /* counts, as told last */
    uint32_t orphans;
    bool counted;
    bool over; /* the first violation is told: the rest does not matter */
};

/* Begins to collect a run that is about to be made on this rig. */
void sri_program_begin(struct sri_program *program);
void sri_program_fini(struct sri_program *program);
struct sri_env sri_program_env(struct sri_program *program);

/* The program's text, when the run is over. */
void sri_program_text(struct sri_program *program, const struct sri_run *run, struct sri_text *out);

#endif
