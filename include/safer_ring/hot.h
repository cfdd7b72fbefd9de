/*
 * What every operation passes through, inline: starting, detaching, taking.
 *
 * Nothing here is for programs to use; include <safer_ring/op.h>. The members may change with every release, and a program
 * works with the release it was compiled against. What is here takes the ordinary case only; everything else, and every
 * refusal, is the library's, which looks at all of it again (src/ring). Each function is also a symbol of the library.
 *
 * The state machines of src/machine move here in folded steps, as constants; src/ring/hot.c lists each of them as a path
 * through the tables, and a test walks it.
 */
#ifndef SAFER_RING_HOT_H
#define SAFER_RING_HOT_H

#include "safer_ring/op.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An id: 6 bits of tag, 26 of slot (so that they are the slot's place in bytes), 32 of generation. */
#define SRI_TAG_BITS 6u
#define SRI_GENERATION_SHIFT 32u
#define SRI_NEXT_GENERATION (UINT64_C(1) << SRI_GENERATION_SHIFT)

/* The states the ordinary case meets, and one flag; src/ring/hot.c checks them against where they come from. */
enum {
    SRI_HOT_GONE = 0,
    SRI_HOT_QUEUED = 2,
    SRI_HOT_CANCELLING = 4,
    SRI_HOT_DELIVERED = 6,
    SRI_HOT_UNCLAIMED = 0,
    SRI_HOT_BY_HANDLE = 1,
    SRI_HOT_BY_QUEUE = 2,
    SRI_HOT_OWNER_USER = 1,
    SRI_HOT_OWNER_KERNEL = 3,
    SRI_HOT_OWNER_COMPLETION = 4,
    SRI_HOT_ONE_OWED = 64,   /* in `marks` */
    SRI_HOT_MSG_TRUNC = 0x20 /* <sys/socket.h> */
};

/* On a page that fork(2) wipes: what a forked child reads is 0 (RING-6). */
struct sri_gate {
    const void *open; /* sri_thread_mark of the ring's thread, while operations may be started; or NULL */
    uint32_t alive;   /* 1 in the process that opened the ring */
};

struct sri_origin;
struct sri_vector;
struct sri_registration;

/* The header of a buffer: one cache line. */
struct sr_buffer {
    uint8_t *bytes; /* NULL: no ordinary one, but a vector, or registered with a ring */
    size_t size;
    const struct sri_origin *origin;
    struct sri_vector *vector; /* or NULL */
    struct sr_buffer *free_next;
    uint8_t *memory;                             /* where its bytes are; NULL: a vector */
    const struct sri_registration *registration; /* or NULL: its memory is registered with no ring */
    uint16_t registered_index;                   /* in that ring's table of buffers */
    uint8_t owner;                               /* enum sri_owner */
    uint8_t pooled;                              /* enum sri_pooled */
    bool pinned; /* its header is the program's for good: its home is where it is (PIN-2) */
} __attribute__((aligned(64)));

/* The bookkeeping of one operation: one cache line. */
struct sri_slot {
    uint64_t id; /* of the operation that has it or, while it is free, of the next; its tag is 0 */
    struct sr_buffer *buffer;
    void *user;
    union {
        struct sri_slot *free_next; /* gone */
        sr_completion_fn *callback; /* claimed by one */
        sr_ended_fn *ended;         /* an orphan; or NULL */
    };
    union {
        uint32_t length; /* bytes asked for, until the operation ends; UINT32_MAX: no count is too large */
        int32_t result;  /* from its end */
    };
    int32_t fd;
    union {
        uint32_t sq_position;  /* queued: the entry's place, counted as the SQ's tail is */
        uint32_t submitted_ms; /* after that: when it was submitted, since the ring was opened */
    };
    uint32_t cancel_next; /* on the list of cancels to be sent */
    uint32_t queue_next;  /* on a list of completions */
    uint32_t queue_previous;
    union {
        uint32_t cqe_flags; /* from its end */
        uint32_t group;     /* of the provider, while the kernel may still select a buffer */
    };
    uint8_t state; /* enum sri_operation */
    uint8_t claim; /* enum sri_claim */
    uint8_t opcode;
    uint8_t
        marks; /* and, counted above them, what is owed: tagged CQEs to come, a place on the list of cancels */
};

/* The beginning of a ring. */
struct sri_hot {
    const struct sri_gate *gate;
    struct sri_slot *slots;
    struct sri_slot *free; /* or NULL */
    struct io_uring_sqe *sqes;
    uint32_t slot_bytes; /* of all slots */
    uint32_t sq_mask;
    uint32_t sq_tail;  /* where the next entry goes */
    uint32_t sq_limit; /* the tail at which the SQ is full */
    uint64_t started;  /* operations, ever: accepted; … */
    uint64_t settled;  /* … of those, that are not in flight any more */
    uint32_t detached; /* claimed by the queue and not delivered */
};

/* Its address is the thread's, as long as the thread lives: what pthread_self(3) is, without the call. */
extern __thread char sri_thread_mark __attribute__((tls_model("initial-exec")));

/* The whole of each call, for every case (src/ring). */
SR_MUST_USE int sri_op_start(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_buffer **buffer,
                             struct sr_op *op);
SR_MUST_USE int sri_op_start_plain(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_op *op);
SR_MUST_USE int sri_op_detach(struct sr_ring *ring, struct sr_op *op, void *user);
SR_MUST_USE int sri_op_start_detached(struct sr_ring *ring, const struct sr_op_spec *spec,
                                      struct sr_buffer **buffer, void *user);
int32_t sri_take(struct sr_completion *done, struct sr_buffer **back);
int32_t sri_take_plain(struct sr_completion *done);

#define SRI_HOT SR_INLINE
#define SRI_LIKELY(condition) __builtin_expect(!!(condition), 1)

/* Sets of opcodes whose entry points to nothing but a buffer; src/ring/encode.c has the table of all. */
#define SRI_OP(name) (UINT64_C(1) << IORING_OP_##name)
#define SRI_OPS_BUFFER (SRI_OP(READ) | SRI_OP(WRITE) | SRI_OP(SEND) | SRI_OP(RECV))
#define SRI_OPS_PLAIN (SRI_OP(NOP) | SRI_OP(FSYNC) | SRI_OP(CLOSE))
#define SRI_OPS_TARGET (SRI_OPS_BUFFER | SRI_OP(FSYNC) | SRI_OP(CLOSE))
#define SRI_OPS_OFFSET (SRI_OP(READ) | SRI_OP(WRITE))
#define SRI_OPS_FLAGS (SRI_OPS_BUFFER | SRI_OP(FSYNC))

SRI_HOT bool sri_is_among(uint64_t set, uint8_t opcode)
{
    return opcode < 64 && (set >> opcode & 1) != 0;
}

/* May this thread start operations on the ring? One look answers all of: process, thread, enabled, not draining. */
SRI_HOT bool sri_is_open(const struct sri_hot *hot)
{
    return SRI_LIKELY(__atomic_load_n(&hot->gate->open, __ATOMIC_RELAXED) == &sri_thread_mark);
}

/* The slot with this id, or NULL: an id with a tag, or of another generation, has none. */
SRI_HOT struct sri_slot *sri_hot_find(const struct sri_hot *hot, uint64_t id)
{
    uint32_t place = (uint32_t)id & ~((1u << SRI_TAG_BITS) - 1);
    if (__builtin_expect(place >= hot->slot_bytes, 0))
        return NULL;
    struct sri_slot *slot = (struct sri_slot *)(void *)((char *)hot->slots + place);
    return SRI_LIKELY(slot->id == id) ? slot : NULL;
}

/* Is there a slot, and a place in the SQ? */
SRI_HOT bool sri_hot_has_room(const struct sri_hot *hot)
{
    return SRI_LIKELY(hot->free != NULL && hot->sq_tail != hot->sq_limit);
}

/* The next place of the SQ, with everything a simple entry leaves empty. */
SRI_HOT void sri_hot_encode(struct sri_hot *hot, uint8_t opcode, int32_t fd, uint64_t offset,
                            uint32_t opcode_flags, const uint8_t *bytes, uint32_t length, uint64_t id)
{
    struct io_uring_sqe *sqe = &hot->sqes[hot->sq_tail & hot->sq_mask];
    sqe->opcode = opcode;
    sqe->flags = 0;
    sqe->ioprio = 0;
    sqe->fd = fd;
    sqe->off = sri_is_among(SRI_OPS_OFFSET, opcode) ? offset : 0;
    sqe->addr = (uint64_t)(uintptr_t)bytes;
    sqe->len = length;
    sqe->fsync_flags = sri_is_among(SRI_OPS_FLAGS, opcode) ? opcode_flags : 0;
    sqe->user_data = id;
    sqe->buf_index = 0;
    sqe->personality = 0;
    sqe->splice_fd_in = 0;
    sqe->addr3 = 0;
    sqe->__pad2[0] = 0;
    hot->sq_tail++;
}

/* Takes a slot for an operation about to be encoded. `most`: the largest count the kernel may answer (BUF-7). */
SRI_HOT struct sri_slot *sri_hot_take(struct sri_hot *hot, uint8_t opcode, int32_t fd,
                                      struct sr_buffer *buffer, uint32_t most, uint8_t claim)
{
    struct sri_slot *slot = hot->free;
    hot->free = slot->free_next;
    slot->state = SRI_HOT_QUEUED;
    slot->claim = claim;
    slot->opcode = opcode;
    slot->marks = 0;
    slot->buffer = buffer;
    slot->length = most;
    slot->fd = fd;
    slot->sq_position = hot->sq_tail;
    hot->started++;
    return slot;
}

/* Starts a simple transfer: its slot, or NULL and nothing is moved. */
SRI_HOT struct sri_slot *sri_hot_transfer(struct sr_ring *ring, uint8_t opcode, int32_t fd, uint64_t offset,
                                          uint32_t opcode_flags, struct sr_range range,
                                          struct sr_buffer **buffer, uint8_t claim)
{
    struct sri_hot *hot = (struct sri_hot *)ring;
    if (!SRI_LIKELY(hot != NULL && sri_is_open(hot) && sri_hot_has_room(hot)))
        return NULL;
    struct sr_buffer *lent = *buffer;
    if (!SRI_LIKELY(lent->owner == SRI_HOT_OWNER_USER && lent->bytes != NULL))
        return NULL;
    /* Never cut (BUF-8). */
    size_t length = !range.given && range.begin == 0 && range.length == 0 ? lent->size : range.length;
    if (!SRI_LIKELY(length <= UINT32_MAX && range.begin <= lent->size && length <= lent->size - range.begin))
        return NULL;
    /* recv with MSG_TRUNC answers the datagram's true length, which may be above what it transfers. */
    bool counts_more = opcode == IORING_OP_RECV && (opcode_flags & SRI_HOT_MSG_TRUNC) != 0;
    struct sri_slot *slot =
        sri_hot_take(hot, opcode, fd, lent, counts_more ? UINT32_MAX : (uint32_t)length, claim);
    sri_hot_encode(hot, opcode, fd, offset, opcode_flags, lent->bytes + range.begin, (uint32_t)length,
                   slot->id);
    lent->owner = SRI_HOT_OWNER_KERNEL;
    *buffer = NULL;
    return slot;
}

/* The same for an operation without a buffer. */
SRI_HOT struct sri_slot *sri_hot_plain(struct sr_ring *ring, uint8_t opcode, int32_t number,
                                       uint32_t opcode_flags, uint8_t claim)
{
    struct sri_hot *hot = (struct sri_hot *)ring;
    if (!SRI_LIKELY(hot != NULL && sri_is_open(hot) && sri_hot_has_room(hot)))
        return NULL;
    int32_t fd = sri_is_among(SRI_OPS_TARGET, opcode) ? number : -1;
    struct sri_slot *slot = sri_hot_take(hot, opcode, fd, NULL, UINT32_MAX, claim);
    sri_hot_encode(hot, opcode, fd, 0, opcode_flags, NULL, 0, slot->id);
    return slot;
}

/* A simple operation as specified: its slot, or NULL and nothing is moved. `buffer` NULL: one without. */
SRI_HOT struct sri_slot *sri_hot_start(struct sr_ring *ring, const struct sr_op_spec *spec,
                                       struct sr_buffer **buffer, uint8_t claim)
{
    if (!SRI_LIKELY(spec != NULL && spec->flags == 0 && spec->timeout_ns == 0 && !spec->target.fixed))
        return NULL;
    if (buffer == NULL)
        return sri_is_among(SRI_OPS_PLAIN, spec->opcode)
                   ? sri_hot_plain(ring, spec->opcode, spec->target.number, spec->opcode_flags, claim)
                   : NULL;
    return SRI_LIKELY(*buffer != NULL) && sri_is_among(SRI_OPS_BUFFER, spec->opcode)
               ? sri_hot_transfer(ring, spec->opcode, spec->target.number, spec->offset, spec->opcode_flags,
                                  spec->range, buffer, claim)
               : NULL;
}

/* Each hands a copy of the specification on, so that the program's own need never stand in memory. */
SR_UNCHECKED SR_INLINE int sr_op_start(struct sr_ring *ring, const struct sr_op_spec *spec,
                                       struct sr_buffer **buffer, struct sr_op *op)
{
    struct sri_slot *slot = SRI_LIKELY(buffer != NULL && op != NULL)
                                ? sri_hot_start(ring, spec, buffer, SRI_HOT_BY_HANDLE)
                                : NULL;
    if (SRI_LIKELY(slot != NULL)) {
        op->id = slot->id;
        return 0;
    }
    if (spec == NULL)
        return -EINVAL;
    struct sr_op_spec copy = *spec;
    return sri_op_start(ring, &copy, buffer, op);
}

SR_UNCHECKED SR_INLINE int sr_op_start_plain(struct sr_ring *ring, const struct sr_op_spec *spec,
                                             struct sr_op *op)
{
    struct sri_slot *slot =
        SRI_LIKELY(op != NULL) ? sri_hot_start(ring, spec, NULL, SRI_HOT_BY_HANDLE) : NULL;
    if (SRI_LIKELY(slot != NULL)) {
        op->id = slot->id;
        return 0;
    }
    if (spec == NULL)
        return -EINVAL;
    struct sr_op_spec copy = *spec;
    return sri_op_start_plain(ring, &copy, op);
}

SR_UNCHECKED SR_INLINE int sr_op_start_detached(struct sr_ring *ring, const struct sr_op_spec *spec,
                                                struct sr_buffer **buffer, void *user)
{
    struct sri_slot *slot = sri_hot_start(ring, spec, buffer, SRI_HOT_BY_QUEUE);
    if (SRI_LIKELY(slot != NULL)) {
        slot->user = user;
        ((struct sri_hot *)ring)->detached++;
        return 0;
    }
    if (spec == NULL)
        return -EINVAL;
    struct sr_op_spec copy = *spec;
    return sri_op_start_detached(ring, &copy, buffer, user);
}

SR_UNCHECKED SR_INLINE int sr_op_detach(struct sr_ring *ring, struct sr_op *op, void *user)
{
    struct sri_hot *hot = (struct sri_hot *)ring;
    if (SRI_LIKELY(hot != NULL && op != NULL) && sri_is_open(hot)) {
        struct sri_slot *slot = sri_hot_find(hot, op->id);
        if (SRI_LIKELY(slot != NULL && slot->claim == SRI_HOT_BY_HANDLE &&
                       (uint8_t)(slot->state - SRI_HOT_QUEUED) <= SRI_HOT_CANCELLING - SRI_HOT_QUEUED)) {
            slot->claim = SRI_HOT_BY_QUEUE;
            slot->user = user;
            hot->detached++;
            op->id = 0;
            return 0;
        }
    }
    return sri_op_detach(ring, op, user);
}

/* A delivered operation that can be ended here: nothing is owed to it, and its slot has generations left. */
SRI_HOT bool sri_hot_can_end(const struct sri_slot *slot, uint64_t *next_id)
{
    return SRI_LIKELY(slot != NULL && slot->state == SRI_HOT_DELIVERED && slot->marks < SRI_HOT_ONE_OWED &&
                      !__builtin_add_overflow(slot->id, SRI_NEXT_GENERATION, next_id));
}

/* Ends it, and frees its slot. */
SRI_HOT int32_t sri_hot_end(struct sri_hot *hot, struct sri_slot *slot, uint64_t next_id,
                            struct sr_completion *done)
{
    int32_t result = slot->result;
    slot->buffer = NULL;
    slot->state = SRI_HOT_GONE;
    slot->claim = SRI_HOT_UNCLAIMED;
    slot->id = next_id;
    slot->free_next = hot->free;
    hot->free = slot;
    hot->settled++;
    done->id = 0;
    return result;
}

/* Takes its result and its buffer, if it can be ended so. */
SRI_HOT bool sri_hot_take_back(struct sri_hot *hot, struct sri_slot *slot, struct sr_completion *done,
                               struct sr_buffer **back, int32_t *result)
{
    uint64_t next_id;
    if (!sri_hot_can_end(slot, &next_id))
        return false;
    struct sr_buffer *buffer = slot->buffer;
    /* Where nobody asked between the end and now, the header still says that the kernel has it. */
    if (!SRI_LIKELY(buffer != NULL &&
                    (buffer->owner == SRI_HOT_OWNER_KERNEL || buffer->owner == SRI_HOT_OWNER_COMPLETION)))
        return false;
    buffer->owner = SRI_HOT_OWNER_USER;
    *back = buffer;
    *result = sri_hot_end(hot, slot, next_id, done);
    return true;
}

SR_UNCHECKED SR_INLINE int32_t sr_take(struct sr_completion *done, struct sr_buffer **back)
{
    struct sri_hot *hot = done != NULL ? (struct sri_hot *)done->ring : NULL;
    int32_t result;
    if (SRI_LIKELY(hot != NULL && back != NULL) && sri_is_open(hot) &&
        sri_hot_take_back(hot, sri_hot_find(hot, done->id), done, back, &result))
        return result;
    return sri_take(done, back);
}

SR_UNCHECKED SR_INLINE int32_t sr_take_plain(struct sr_completion *done)
{
    struct sri_hot *hot = done != NULL ? (struct sri_hot *)done->ring : NULL;
    if (SRI_LIKELY(hot != NULL) && sri_is_open(hot)) {
        struct sri_slot *slot = sri_hot_find(hot, done->id);
        uint64_t next_id;
        if (sri_hot_can_end(slot, &next_id) && slot->buffer == NULL)
            return sri_hot_end(hot, slot, next_id, done);
    }
    return sri_take_plain(done);
}

#ifdef __cplusplus
}
#endif

#include "safer_ring/calls.h"

#endif
