/*
 * The end of an operation, from its CQE straight into the hands of the one who waits for it. In line, as it is a part of every
 * operation that ends well.
 */
#ifndef SRI_RING_GIVE_H
#define SRI_RING_GIVE_H

#include "ring/ring_private.h"

/* A count above what was asked for is a broken kernel: bytes were written where nobody lent any (BUF-7). */
static inline void sri_check_count(const struct sri_slot *slot, int32_t result)
{
    SRI_REQUIRE((int64_t)result <= (int64_t)slot->length);
}

/* Flags of a CQE that is not simply an operation's end: more follow, it is a notification, it brings a buffer. */
#define SRI_NOT_SIMPLE (IORING_CQE_F_BUFFER | IORING_CQE_F_MORE | IORING_CQE_F_NOTIF)

static inline bool sri_is_simple(const struct io_uring_cqe *cqe)
{
    return __builtin_expect((cqe->flags & SRI_NOT_SIMPLE) == 0, 1);
}

/*
 * Does the kernel have this operation, so that it can end now? One that was not marked as submitted yet never will be:
 * CONSUME, COMPLETE and DELIVER are one step (hot.c).
 */
static inline bool sri_can_end(struct sr_ring *ring, struct sri_slot *slot, uint32_t sq_head, uint32_t now_ms)
{
    if (__builtin_expect(slot->state == SRI_OPERATION_QUEUED, 1)) {
        bool consumed = sri_is_before(slot->sq_position, sq_head);
        if (__builtin_expect(consumed, 1))
            slot->submitted_ms = now_ms; /* or SRI_NOT_READ */
        return consumed;
    }
    if (slot->state != SRI_OPERATION_SUBMITTED && slot->state != SRI_OPERATION_CANCELLING)
        return false;
    ring->marked--;
    return true;
}

/*
 * The end of an operation, straight into the hands of the one who waits for it. Its buffer's header is not touched: it is
 * told when the completion is ended (sri_slot_refresh), and answers alike until then.
 */
static inline void sri_give(struct sr_ring *ring, struct sri_slot *slot, const struct io_uring_cqe *cqe,
                            void *user, struct sr_completion *done)
{
    sri_check_count(slot, cqe->res);
    done->ring = ring;
    done->id = cqe->user_data;
    done->user = user;
    done->result = slot->result = cqe->res;
    done->flags = cqe->flags;
    done->opcode = slot->opcode;
    done->more = done->posted = false;
    slot->state = SRI_OPERATION_DELIVERED;
}

#endif
