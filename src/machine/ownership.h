/*
 * Who owns a buffer. See ownership.c for the table.
 */
#ifndef SRI_MACHINE_OWNERSHIP_H
#define SRI_MACHINE_OWNERSHIP_H

#include "base/machine.h"

enum sri_owner {
    SRI_OWNER_NOBODY, /* the header is free */
    SRI_OWNER_USER,
    SRI_OWNER_GUARD,
    SRI_OWNER_KERNEL,
    SRI_OWNER_COMPLETION,
    SRI_OWNER_VECTOR,   /* a part of a vector */
    SRI_OWNER_BATCH,    /* its operation has not started, or its result was not taken */
    SRI_OWNER_BORROWED, /* pinned, and the kernel has it (PIN-2) */
    SRI_OWNERS
};

enum sri_owner_event {
    SRI_OWNER_MAKE,     /* a header comes into use */
    SRI_OWNER_OPEN,     /* a guard is asked for */
    SRI_OWNER_CLOSE,    /* the guard ends */
    SRI_OWNER_LEND,     /* given to an operation */
    SRI_OWNER_WITHDRAW, /* the entry was taken back before the kernel consumed it */
    SRI_OWNER_COMPLETE, /* the terminal CQE */
    SRI_OWNER_TAKE,     /* the completion is taken */
    SRI_OWNER_JOIN,     /* becomes part of a vector */
    SRI_OWNER_SPLIT,    /* the vector is taken apart, or ends */
    SRI_OWNER_RELEASE,  /* sent to its origin by the program */
    SRI_OWNER_DISPOSE,  /* sent to its origin with a completion nobody takes */
    SRI_OWNER_KEEP,     /* given to a batch */
    SRI_OWNER_YIELD,    /* the batch gives it on, or back */
    SRI_OWNER_BORROW,   /* a pinned one, by a borrowing call */
    SRI_OWNER_EVENTS
};

extern const int16_t sri_ownership_table[SRI_OWNERS][SRI_OWNER_EVENTS];
extern const struct sri_machine sri_ownership_machine;

static inline int sri_ownership_move(uint8_t *owner, enum sri_owner_event event)
{
    return sri_machine_move(sri_ownership_table[*owner], owner, event);
}

#endif
