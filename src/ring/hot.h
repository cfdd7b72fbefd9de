/*
 * The steps of the state machines that the hot path takes at once, as paths through their tables.
 */
#ifndef SRI_RING_HOT_H
#define SRI_RING_HOT_H

#include "base/machine.h"
#include "safer_ring/hot.h"

/* Where a step folds several moves, and what the machine says of them one by one. A test walks each. */
struct sri_folded {
    const char *step;
    const struct sri_machine *machine;
    uint8_t from;
    uint8_t to;
    uint8_t count;
    uint8_t events[3];
};

#define SRI_FOLDED 18
extern const struct sri_folded sri_folded[SRI_FOLDED];

#endif
