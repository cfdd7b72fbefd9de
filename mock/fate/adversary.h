/*
 * The chooser of a run: every freedom is decided by the tape, as often as this run's luck says, unless a script fixed
 * it. The only place where a fault point is asked.
 *
 * How a tape begins: one choice of a mode, then what the mode needs. In a quiet run nothing goes wrong; in a gentle one
 * each point strikes as seldom as the catalogue says; in an even one all strike equally often; in a swarm run each has a
 * weight of its own and many are off; in a power run all is quiet but what is on the disk when power is lost. So a body of
 * zeros, or none, is a quiet run: the same as no chooser.
 *
 * A driven run begins with the mode of a run, and somebody else has the last word at each question (libfiu, a search, the
 * one point that is to fail); each answer is on the tape, 0 too. Whoever reads that tape asks nobody.
 */
#ifndef SRI_FATE_ADVERSARY_H
#define SRI_FATE_ADVERSARY_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/chooser.h"
#include "fate/points.h"
#include "fate/script.h"
#include "fate/tape.h"

enum sri_luck {
    SRI_LUCK_QUIET,
    SRI_LUCK_GENTLE,
    SRI_LUCK_EVEN,
    SRI_LUCK_SWARM,
    SRI_LUCK_POWER,  /* never drawn from a seed */
    SRI_LUCK_DRIVEN, /* one of the above, and a driver */
    SRI_LUCKS
};

/* Who has the last word in a run that is recorded. */
struct sri_driver {
    /* In [0, question->n). `drawn` is what the tape's luck would say. Called for every question outside calm. */
    uint32_t (*answer)(void *self, const struct sri_question *question, uint32_t freedom, uint32_t drawn);
    void *self;
};

/* Zeroed is a quiet run without a tape. */
struct sri_adversary {
    struct sri_tape tape;
    struct sri_script script;
    struct sri_points points;
    enum sri_luck luck;
    uint32_t weight[SRI_FREEDOMS]; /* of 1024; 0: not asked, and no byte is taken from the tape */
    bool off[SRI_POINTS];
    bool calm;
    bool driven;
    struct sri_driver driver; /* answer NULL: the tape is read, or nobody drives */
    /* Told of an exact number of bytes, from a script, for the attempt that follows the question. May be NULL. */
    void (*limit)(void *self, uint64_t bytes);
    void *limit_self;
    /* Told of each answer to a question outside calm that no script gave. May be NULL; outlives runs. */
    void (*heard)(void *self, uint32_t n, uint32_t answer);
    void *heard_self;
};

/*
 * Begins a run on a seed, or on a body (copied; -ENOMEM: the run is a quiet one). Script and counters are cleared,
 * memory is kept.
 */
void sri_adversary_begin_seed(struct sri_adversary *adversary, uint64_t seed);
int sri_adversary_begin_body(struct sri_adversary *adversary, const uint8_t *bytes, size_t size);

/* Begins a power run on a seed. */
void sri_adversary_begin_power(struct sri_adversary *adversary, uint64_t seed);

/* Begins a driven run of this luck; SRI_LUCK_DRIVEN: of one drawn from the seed. The driver must outlive it. */
void sri_adversary_begin_driven(struct sri_adversary *adversary, const struct sri_driver *driver,
                                uint64_t seed, enum sri_luck luck);

/* From now on (or: again not) every answer is 0, and the tape does not move. Scripts go on. */
void sri_adversary_calm(struct sri_adversary *adversary, bool calm);

/* Valid as long as the adversary stays where it is. */
struct sri_chooser sri_adversary_chooser(struct sri_adversary *adversary);

void sri_adversary_fini(struct sri_adversary *adversary);

#endif
