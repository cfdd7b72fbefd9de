/*
 * What a real kernel is free to do with a program, and no more: the order and the time of what it carries out in workers,
 * who of several is woken first, whether a cancel comes in time, and the order of those that one cancel ends. Everything
 * else is answered with 0: no errno out of nowhere, no short count, no refusal.
 */
#ifndef TESTS_DIFFERENTIAL_FREEDOM_H
#define TESTS_DIFFERENTIAL_FREEDOM_H

#include "engine/engine.h"
#include "fate/branch.h"
#include "program.h"

struct df_freedom {
    struct sri_branch *branch;
    const struct df_program *program;
    bool floats[256];  /* by user_data: its turn is free */
    bool delays[256];  /* and so is its time, since something is looked at meanwhile */
    bool reports[256]; /* its CQE may come after what it caused */
    uint64_t asked;    /* questions with more than one answer */
};

void df_freedom_set(struct df_freedom *freedom, const struct df_program *program, struct sri_branch *branch);

struct sri_chooser df_freedom_chooser(struct df_freedom *freedom);

#endif
