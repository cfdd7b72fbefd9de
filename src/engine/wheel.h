/*
 * What is not due yet: a hierarchical timing wheel with a tick of one nanosecond, so that its order is exact.
 *
 * Eleven levels of 64 slots span 64 bits. An entry stands at the level of the highest digit (six bits) in which its time
 * differs from the wheel's; two entries of one time are therefore always in one slot and leave it in order of arrival.
 */
#ifndef SRI_ENGINE_WHEEL_H
#define SRI_ENGINE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define SRI_WHEEL_LEVELS 11
#define SRI_WHEEL_SLOTS 64

struct sri_wheel {
    uint64_t now_ns; /* how far it has been turned */
    uint32_t levels; /* bit per level that has an entry */
    uint64_t occupied[SRI_WHEEL_LEVELS];
    uint64_t stale[SRI_WHEEL_LEVELS]; /* slots whose `earliest` may have been taken out */
    uint64_t earliest[SRI_WHEEL_LEVELS][SRI_WHEEL_SLOTS];
    uint64_t latest[SRI_WHEEL_LEVELS][SRI_WHEEL_SLOTS]; /* or later, when it was taken out */
    struct sri_node slots[SRI_WHEEL_LEVELS][SRI_WHEEL_SLOTS];
};

/* What is put on the wheel has this shape at its node. */
struct sri_wheel_entry {
    struct sri_node node;
    uint64_t due_ns;
};

void sri_wheel_init(struct sri_wheel *wheel);

/* `due_ns` must be later than wheel->now_ns. */
void sri_wheel_insert(struct sri_wheel *wheel, struct sri_wheel_entry *entry, uint64_t due_ns);
void sri_wheel_remove(struct sri_wheel *wheel, struct sri_wheel_entry *entry);

/* Turns to `now_ns`; entries whose time has come are appended to `expired`, in order of time, then of arrival. */
void sri_wheel_turn(struct sri_wheel *wheel, uint64_t now_ns, struct sri_node *expired);

/* The time of the earliest entry, UINT64_MAX when there is none. */
uint64_t sri_wheel_next_ns(struct sri_wheel *wheel);

static inline bool sri_wheel_empty(const struct sri_wheel *wheel)
{
    return wheel->levels == 0;
}

#endif
