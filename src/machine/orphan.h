/*
 * Who will take an operation's result: whoever holds its handle, the ring's queue, a callback, a
 * batch, or nobody. See orphan.c.
 */
#ifndef SRI_MACHINE_ORPHAN_H
#define SRI_MACHINE_ORPHAN_H

#include "base/machine.h"

enum sri_claim {
    SRI_CLAIM_NONE,     /* there is no operation */
    SRI_CLAIM_HANDLE,   /* a struct sr_op */
    SRI_CLAIM_QUEUE,    /* detached: sr_ring_next() */
    SRI_CLAIM_CALLBACK, /* sr_op_then() */
    SRI_CLAIM_ORPHAN,   /* dropped: nobody; the kernel still has it */
    SRI_CLAIM_MEMBER,   /* a batch, which is told at once */
    SRI_CLAIMS
};

enum sri_claim_event {
    SRI_CLAIM_START, /* an operation begins, and its handle is given out */
    SRI_CLAIM_ASK,   /* the handle is used to await, peek or cancel */
    SRI_CLAIM_DETACH,
    SRI_CLAIM_THEN,
    SRI_CLAIM_DROP,    /* dropped while the kernel has it (ORPH-1) */
    SRI_CLAIM_DISCARD, /* dropped before the kernel has it, or after it has ended (ORPH-2, ORPH-3) */
    SRI_CLAIM_END,     /* taken, or disposed of */
    SRI_CLAIM_ENLIST,  /* a batch has started it */
    SRI_CLAIM_LEAVE,   /* the batch is dropped while the kernel has it (BATCH-6) */
    SRI_CLAIM_EVENTS
};

extern const int16_t sri_orphan_table[SRI_CLAIMS][SRI_CLAIM_EVENTS];
extern const struct sri_machine sri_orphan_machine;

static inline int sri_orphan_move(uint8_t *claim, enum sri_claim_event event)
{
    return sri_machine_move(sri_orphan_table[*claim], claim, event);
}

#endif
