/*
 * Running a program on a stage.
 */
#ifndef TESTS_DIFFERENTIAL_PLAY_H
#define TESTS_DIFFERENTIAL_PLAY_H

#include "outcome.h"
#include "program.h"
#include "stage.h"

/* How many CQEs have come by the end of a round's wait, on the simulated kernel when every choice was kind. */
struct df_plan {
    bool known;
    uint32_t stalls; /* bit per sweep of the end: it left an entry waiting behind a drain */
    uint32_t expected[DF_ROUNDS + 1];
};

/* The first run, on the simulated kernel, finds the plan (known is false); later ones follow it. */
void df_play(struct df_stage *stage, const struct df_program *program, struct df_plan *plan,
             struct df_outcome *outcome);

/* prepare.c: fills an SQE, and the memory it points to. */
void df_prepare(struct df_stage *stage, const struct df_program *program, uint32_t index,
                struct io_uring_sqe *sqe);

/* What a target's memory holds before. */
#define DF_SENTINEL 0xa5

#endif
