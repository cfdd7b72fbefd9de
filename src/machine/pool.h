/*
 * Where a pooled buffer is: at home, or out. See pool.c for the table.
 */
#ifndef SRI_MACHINE_POOL_H
#define SRI_MACHINE_POOL_H

#include "base/machine.h"

enum sri_pooled {
    SRI_POOLED_NONE, /* the header is of no pool */
    SRI_POOLED_HOME, /* available */
    SRI_POOLED_OUT,  /* in use: somebody has it, whoever that is */
    SRI_POOLED_STATES
};

enum sri_pooled_event {
    SRI_POOLED_ADD,    /* its pool is made */
    SRI_POOLED_GET,    /* handed out */
    SRI_POOLED_PUT,    /* comes back: released, at its operation's end, at its orphan's end */
    SRI_POOLED_REMOVE, /* its pool is destroyed */
    SRI_POOLED_EVENTS
};

extern const int16_t sri_pooled_table[SRI_POOLED_STATES][SRI_POOLED_EVENTS];
extern const struct sri_machine sri_pooled_machine;

static inline int sri_pooled_move(uint8_t *state, enum sri_pooled_event event)
{
    return sri_machine_move(sri_pooled_table[*state], state, event);
}

#endif
