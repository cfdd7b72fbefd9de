/*
 * State machines as tables: state × event → next state, or refused with a status, or impossible.
 *
 * A machine's table is `const`, stands on top of its file, and is read by three: the one function that moves, the tests,
 * which walk every cell, and the program that draws docs/states.md.
 */
#ifndef SRI_BASE_MACHINE_H
#define SRI_BASE_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/contradiction.h"

/* A cell >= 0 is the next state; SRI_IMPOSSIBLE is our own contradiction; any other is the status of the refusal. */
#define SRI_IMPOSSIBLE INT16_MIN

struct sri_machine {
    const char *name;
    const char *about;         /* one sentence */
    const char *const *states; /* names, state_count of them */
    const char *const *events; /* names, event_count of them */
    uint8_t state_count;
    uint8_t event_count;
    const int16_t *table; /* [state][event], row by row */
};

#ifdef SRI_COUNT_TRANSITIONS
/* In builds that measure coverage: told of each cell that is read. NULL: nobody. */
extern void (*sri_on_transition)(const int16_t *cell);
#endif

/* The only way a state changes: 0 and *state is the next one, or the status of the refusal and *state is as it was. */
static inline int sri_machine_move(const int16_t *row, uint8_t *state, unsigned event)
{
    int next = row[event];
#ifdef SRI_COUNT_TRANSITIONS
    if (sri_on_transition != NULL)
        sri_on_transition(&row[event]);
#endif
    if (__builtin_expect(next < 0, 0)) {
        SRI_REQUIRE(next != SRI_IMPOSSIBLE);
        return next;
    }
    *state = (uint8_t)next;
    return 0;
}

#endif
