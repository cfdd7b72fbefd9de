/*
 * Every schedule of the small programs: up to three operations on two buffers of two bytes, each awaited, dropped, cancelled
 * or both, at any moment of its life, on a kernel that does each with them that it may. Runs and judges; prints nothing.
 */
#ifndef SRI_EXPLORE_EXHAUST_H
#define SRI_EXPLORE_EXHAUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fate/branch.h"
#include "oracle/verdict.h"

#define SRI_SMALL_OPERATIONS 3u

enum sri_shape {
    SRI_SHAPE_NONE,   /* no buffer */
    SRI_SHAPE_SOURCE, /* the kernel reads a buffer */
    SRI_SHAPE_TARGET, /* the kernel fills one */
    SRI_SHAPE_MAKES,  /* makes a descriptor */
    SRI_SHAPES
};

/* What is walked, besides the order of completions. */
enum {
    SRI_WALK_OUTCOMES = 1, /* whole, short, an errno */
    SRI_WALK_FATES = 2,    /* drop, cancel, both; four moments each */
    SRI_WALK_CLOSE = 4,    /* a close at one step, or at none; without it one is tried at every step */
    SRI_WALK_SUBMITS = 8,  /* after each start a submission, or not */
    SRI_WALK_LOOKS = 16,   /* after each completion a look, or not */
    SRI_WALK_ALL = 31,
};

struct sri_small {
    uint32_t count;
    enum sri_shape shapes[SRI_SMALL_OPERATIONS];
    uint32_t walk;
};

/* "NST": one letter per operation, N none, S source, T target, D makes a descriptor. false: it is none. */
bool sri_small_parse(struct sri_small *small, const char *text);
void sri_small_name(const struct sri_small *small, char name[SRI_SMALL_OPERATIONS + 1]);

struct sri_exhaust;

/* Puts an allocator of its own under the library of this process. -ENOMEM and the like. */
int sri_exhaust_new(struct sri_exhaust **out);
void sri_exhaust_free(struct sri_exhaust **exhaust);

struct sri_exhausted {
    uint64_t runs;
    uint64_t operations;
    uint64_t checks; /* rules evaluated */
    uint64_t broken; /* runs in which a rule was broken */
    bool whole;      /* all was seen; else memory or depth did not suffice, or the limit was reached */
    struct sri_verdict verdict; /* of the first run that broke a rule */
    uint8_t choices[SRI_BRANCH_DEPTH];
    uint32_t choice_count;
};

/* Walks a program; no more than `limit` runs (0: no limit), and no further than the first violation. */
void sri_exhaust_walk(struct sri_exhaust *exhaust, const struct sri_small *small, uint64_t limit,
                      struct sri_exhausted *result);

/* Asked between two runs: no further one is to begin; the walk is not whole then. */
void sri_exhaust_stop_by(struct sri_exhaust *exhaust, bool (*stopped)(void));

/* One run again, with its choices; told line by line. */
void sri_exhaust_again(struct sri_exhaust *exhaust, const struct sri_small *small, const uint8_t *choices,
                       uint32_t count, void (*tell)(void *user, const char *line), void *user,
                       struct sri_exhausted *result);

#endif
