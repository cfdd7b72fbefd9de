/*
 * A driver that lets one fault point strike, the nth one that is reached, and then no other: once, or from there on at
 * every question of the same kind. Decides nothing else.
 */
#ifndef SRI_FATE_NTH_H
#define SRI_FATE_NTH_H

#include <stdbool.h>
#include <stdint.h>

#include "fate/adversary.h"

/* A sticky fault lets go after so many strikes: a kernel that refuses for ever ends no program. */
#define SRI_NTH_STICKS 200u

struct sri_nth {
    uint64_t nth; /* from 1; 0: none, only counted */
    bool sticky;
    uint64_t reached; /* so far: each point of each question counts */
    uint64_t reached_of[SRI_POINTS];
    enum sri_point point; /* the one that struck; SRI_POINTS: none yet */
    uint32_t struck;
};

void sri_nth_begin(struct sri_nth *nth, uint64_t n, bool sticky);

/* Valid as long as the structure stays where it is. */
struct sri_driver sri_nth_driver(struct sri_nth *nth);

#endif
