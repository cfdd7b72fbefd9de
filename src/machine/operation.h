/*
 * The life of an operation. See operation.c for the table.
 */
#ifndef SRI_MACHINE_OPERATION_H
#define SRI_MACHINE_OPERATION_H

#include "base/machine.h"

enum sri_operation {
    SRI_OPERATION_GONE,       /* the slot is free */
    SRI_OPERATION_BUILDING,   /* its entry is being filled */
    SRI_OPERATION_QUEUED,     /* in the SQ, not consumed */
    SRI_OPERATION_SUBMITTED,  /* the kernel has it */
    SRI_OPERATION_CANCELLING, /* the kernel has it, and was or will be asked to cancel it */
    SRI_OPERATION_COMPLETED,  /* the terminal CQE was reaped */
    SRI_OPERATION_DELIVERED,  /* the program holds the completion */
    SRI_OPERATION_SETTLED,    /* taken or disposed of; a CQE of its cancel or linked timeout is still owed */
    SRI_OPERATION_RETIRED,    /* the slot's generations are used up (OP-1) */
    SRI_OPERATIONS
};

enum sri_operation_event {
    SRI_OPERATION_START,    /* a slot is taken */
    SRI_OPERATION_ABANDON,  /* the call fails before the entry is queued */
    SRI_OPERATION_QUEUE,    /* the entry is in the SQ */
    SRI_OPERATION_CONSUME,  /* the kernel took the entry */
    SRI_OPERATION_WITHDRAW, /* the entry is taken back, and nothing is to be told (a drop) */
    SRI_OPERATION_CANCEL,   /* a cancel is asked for */
    SRI_OPERATION_MISS,     /* the cancel answered that it was too late, or found nothing */
    SRI_OPERATION_RECALL,   /* a queued entry is taken back and ends with -ECANCELED */
    SRI_OPERATION_COMPLETE, /* the terminal CQE */
    SRI_OPERATION_DELIVER,  /* the completion is handed to the program */
    SRI_OPERATION_SETTLE,   /* the completion is taken, or disposed of */
    SRI_OPERATION_FREE,     /* nothing is owed to the slot any more */
    SRI_OPERATION_RETIRE,   /* its generations are used up */
    SRI_OPERATION_SHOT,     /* a free slot takes a completion of a multishot that goes on */
    SRI_OPERATION_EVENTS
};

extern const int16_t sri_operation_table[SRI_OPERATIONS][SRI_OPERATION_EVENTS];
extern const struct sri_machine sri_operation_machine;

static inline int sri_operation_move(uint8_t *state, enum sri_operation_event event)
{
    return sri_machine_move(sri_operation_table[*state], state, event);
}

#endif
