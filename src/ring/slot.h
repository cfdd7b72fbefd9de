/*
 * One operation's bookkeeping, 64 bytes, and its id.
 *
 * An id is (slot, generation, tag) in 64 bits, travels in user_data, is never 0 and never live twice (OP-1). Tags tell a
 * CQE of the operation itself from those of its cancel and its linked timeout, which carry the operation's id and take no
 * slot of their own.
 */
#ifndef SRI_RING_SLOT_H
#define SRI_RING_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/operation.h"
#include "machine/orphan.h"
#include "safer_ring/buffer.h"
#include "safer_ring/op.h"

#define SRI_NO_SLOT UINT32_MAX

enum sri_tag {
    SRI_TAG_OPERATION,
    SRI_TAG_CANCEL,
    SRI_TAG_LIMIT, /* the linked timeout */
    SRI_TAG_WAKE,  /* sr_ring_post() from another thread */
};

/* Marks of a slot. */
enum {
    SRI_MARK_LIMITED = 1u << 0,      /* a linked timeout follows its entry in the SQ */
    SRI_MARK_WANTS_CANCEL = 1u << 1, /* on the list of cancels to be sent */
    SRI_MARK_WANT_PEER = 1u << 2,
    SRI_MARK_PARTED = 1u << 3,   /* the kernel took it without its linked timeout, which goes by itself */
    SRI_MARK_RECALLED = 1u << 4, /* ended without ever having been submitted */
    SRI_MARK_SEVERAL =
        1u << 5, /* more CQEs than one: a multishot; or a zero-copy send whose notification is to come */
    SRI_MARK_ASKED_AGAIN = SRI_MARK_WANT_PEER, /* of a multishot, which wants none: a cancel has missed it */
};

_Static_assert(sizeof(struct sri_slot) == 64, "one cache line per operation");

static inline void sri_mark(struct sri_slot *slot, uint8_t set, uint8_t clear)
{
    slot->marks = (uint8_t)((slot->marks & ~clear) | set);
}

static inline void sri_owe(struct sri_slot *slot)
{
    slot->marks = (uint8_t)(slot->marks + SRI_HOT_ONE_OWED);
}

static inline void sri_repay(struct sri_slot *slot)
{
    slot->marks = (uint8_t)(slot->marks - SRI_HOT_ONE_OWED);
}

static inline bool sri_is_owed(const struct sri_slot *slot)
{
    return slot->marks >= SRI_HOT_ONE_OWED;
}

static inline bool sri_is_multishot(const struct sri_slot *slot)
{
    return (slot->marks & SRI_MARK_SEVERAL) != 0 && slot->opcode != IORING_OP_SEND_ZC;
}

/* A zero-copy send whose result is known. */
static inline bool sri_is_sent(const struct sri_slot *slot)
{
    return (slot->marks & SRI_MARK_SEVERAL) != 0 && slot->opcode == IORING_OP_SEND_ZC;
}

static inline uint64_t sri_id(uint32_t index, uint32_t generation, enum sri_tag tag)
{
    return (uint64_t)generation << SRI_GENERATION_SHIFT | index << SRI_TAG_BITS | (uint64_t)tag;
}

/* The same operation's, with another tag. */
static inline uint64_t sri_tagged(const struct sri_slot *slot, enum sri_tag tag)
{
    return slot->id | (uint64_t)tag;
}

static inline uint32_t sri_id_index(uint64_t id)
{
    return (uint32_t)id >> SRI_TAG_BITS;
}

static inline uint32_t sri_id_generation(uint64_t id)
{
    return (uint32_t)(id >> SRI_GENERATION_SHIFT);
}

static inline enum sri_tag sri_id_tag(uint64_t id)
{
    return (enum sri_tag)(id & ((UINT64_C(1) << SRI_TAG_BITS) - 1));
}

#endif
