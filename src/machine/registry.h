/*
 * The life of a place in a ring's table of fixed files or of registered buffers. See registry.c for the table.
 */
#ifndef SRI_MACHINE_REGISTRY_H
#define SRI_MACHINE_REGISTRY_H

#include "base/machine.h"

enum sri_place {
    SRI_PLACE_EMPTY,
    SRI_PLACE_IDLE,     /* registered, and nobody uses it */
    SRI_PLACE_USED,     /* by operations, or its buffer is out */
    SRI_PLACE_RETIRING, /* still used, empty as soon as the last user ends */
    SRI_PLACE_DEAD,     /* its generations are used up */
    SRI_PLACES
};

enum sri_place_event {
    SRI_PLACE_FILL,    /* registered */
    SRI_PLACE_USE,     /* an operation starts on it; its buffer is taken */
    SRI_PLACE_END,     /* one of several users ends */
    SRI_PLACE_LAST,    /* the last one ends */
    SRI_PLACE_REPLACE, /* updated in place */
    SRI_PLACE_REMOVE,  /* unregistered */
    SRI_PLACE_RETIRE,  /* to be emptied when nobody uses it */
    SRI_PLACE_BURY,    /* its generations are used up */
    SRI_PLACE_EVENTS
};

extern const int16_t sri_place_table[SRI_PLACES][SRI_PLACE_EVENTS];
extern const struct sri_machine sri_place_machine;

static inline int sri_place_move(uint8_t *state, enum sri_place_event event)
{
    return sri_machine_move(sri_place_table[*state], state, event);
}

#endif
