/*
 * What a real kernel is free to do with a program, and no more: what is left to workers, when they begin and when their ends
 * are seen; which timers are seen together. Everything else is answered with 0: no errno out of nowhere, no short count, no
 * refusal, and the kernel's own order.
 */
#ifndef TESTS_DIFFERENTIAL_FREEDOM_H
#define TESTS_DIFFERENTIAL_FREEDOM_H

#include "engine/engine.h"
#include "fate/branch.h"
#include "program.h"

struct df_freedom {
    struct sri_branch *branch;
    const struct df_program *program;
    bool floats[256];  /* by user_data: its turn is free, and its time */
    bool reports[256]; /* its CQE may come after what it caused */
    uint64_t asked;    /* questions with more than one answer */
};

void df_freedom_set(struct df_freedom *freedom, const struct df_program *program, struct sri_branch *branch);

struct sri_chooser df_freedom_chooser(struct df_freedom *freedom);

#endif
