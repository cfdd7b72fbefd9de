/*
 * Where an operation of a batch stands. See member.c for the table.
 */
#ifndef SRI_MACHINE_MEMBER_H
#define SRI_MACHINE_MEMBER_H

#include "base/machine.h"

enum sri_member {
    SRI_MEMBER_WAITING,   /* for what it depends on */
    SRI_MEMBER_READY,     /* all it depends on has ended well */
    SRI_MEMBER_STARTED,   /* the ring has it */
    SRI_MEMBER_DONE,      /* it ended well */
    SRI_MEMBER_FAILED,    /* it ran, or was refused, and did not end well */
    SRI_MEMBER_CANCELLED, /* it never ran, and never will */
    SRI_MEMBERS
};

enum sri_member_event {
    SRI_MEMBER_FREE,   /* the last of what it depends on ended well */
    SRI_MEMBER_START,  /* its entry is queued */
    SRI_MEMBER_LINK,   /* the same, behind the one it depends on, which has not ended */
    SRI_MEMBER_UNLINK, /* the kernel parted it from that one: taken back */
    SRI_MEMBER_SUCCEED,
    SRI_MEMBER_FAIL,
    SRI_MEMBER_CANCEL, /* what it depends on failed, or the batch is given up */
    SRI_MEMBER_EVENTS
};

extern const int16_t sri_member_table[SRI_MEMBERS][SRI_MEMBER_EVENTS];
extern const struct sri_machine sri_member_machine;

static inline int sri_member_move(uint8_t *state, enum sri_member_event event)
{
    return sri_machine_move(sri_member_table[*state], state, event);
}

/* It runs no more. */
static inline int sri_member_is_over(uint8_t state)
{
    return state >= SRI_MEMBER_DONE;
}

#endif
