/*
 * Every way a run can go whose only freedoms are bounded choices: run after run, those with the fewest choices other than 0
 * first, each way once. Knows nothing of what is chosen.
 *
 *     sri_branch_begin(&branch);
 *     while (sri_branch_next(&branch))
 *         … a run, that asks sri_branch_choose() …
 *     all seen, unless branch.cut
 */
#ifndef SRI_FATE_BRANCH_H
#define SRI_FATE_BRANCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Choices of one run that are told apart; later ones are 0 in every run, and the branch is cut. */
#define SRI_BRANCH_DEPTH 256

struct sri_branch_block;

/* A zeroed structure is ready for sri_branch_begin(). */
struct sri_branch {
    struct sri_branch_block *first; /* of the prefixes to run */
    struct sri_branch_block *last;
    struct sri_branch_block *spare;
    uint32_t head; /* where in the first block the next one stands */
    uint32_t blocks;
    uint8_t prefix[SRI_BRANCH_DEPTH]; /* of the run under way; behind it all choices are 0 */
    uint8_t width[SRI_BRANCH_DEPTH];  /* how many answers each of its choices had, less one */
    uint32_t prefix_length;
    uint32_t position;
    uint64_t runs;
    bool cut;      /* something was left out: too deep, too wide, or no memory */
    bool unsteady; /* a run asked other questions than the one it goes on from: its body is not repeatable */
};

void sri_branch_begin(struct sri_branch *branch);

/* Begins the next run; false: there is none. */
bool sri_branch_next(struct sri_branch *branch);

/* In [0, n), n at least 1. */
uint32_t sri_branch_choose(struct sri_branch *branch, uint32_t n);

/* Makes one run of these choices, all later ones 0, in place of a walk. */
void sri_branch_again(struct sri_branch *branch, const uint8_t *choices, uint32_t count);

void sri_branch_fini(struct sri_branch *branch);

#endif
