/*
 * The inside of a ring, and what the files of this room do for each other.
 */
#ifndef SRI_RING_PRIVATE_H
#define SRI_RING_PRIVATE_H

#include <liburing.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/contradiction.h"
#include "ring/buffer.h"
#include "ring/encode.h"
#include "ring/identity.h"
#include "ring/slot.h"
#include "safer_ring/config.h"
#include "safer_ring/log.h"
#include "safer_ring/ring.h"
#include "safer_ring/stats.h"

/* A list of completed slots in order of arrival, linked by index. */
struct sri_completions {
    uint32_t head;
    uint32_t tail;
    uint32_t count;
};

/* Values posted from other threads (post.c). */
struct sri_posts {
    pthread_mutex_t lock;
    atomic_uint count;
    atomic_bool woken; /* a wake is under way that the ring has not seen */
    uint32_t first;
    uint32_t size;
    uint64_t *values;
};

/* The memory behind a slot for what its SQE points to (ARG-1, ARG-2). The bytes follow. */
struct sri_arguments {
    struct __kernel_timespec limit;    /* the linked timeout */
    struct __kernel_timespec duration; /* a timeout operation */
    socklen_t address_length;
    _Alignas(8) char bytes[]; /* a path, an address, a peer's address */
};

/* Where sri_reap() puts completions of detached operations, in place of the queue: the array of a waiting sr_ring_next_many(). */
struct sri_taker {
    struct sr_completion *next;
    struct sr_completion *end; /* next == end: nobody waits, or the array is full */
};

struct sr_ring {
    /* What every operation needs, together. */
    const void *owner; /* sri_this_thread() of the one it belongs to; NULL: not attached */
    uint32_t process;  /* sri_process_mark() at open */
    bool usable;       /* enabled: the kernel takes entries */
    bool draining;
    bool in_callback;
    bool awaits_posts;
    struct sri_slot *slots;
    uint32_t max_in_flight;
    uint32_t free_slot;
    uint64_t started; /* operations, ever: accepted; … */
    uint64_t ended;   /* … of those, that are not queued, submitted or cancelling any more; … */
    uint64_t settled; /* … that are not in flight any more */
    struct sri_taker taker;
    uint32_t detached;      /* claim QUEUE and not delivered */
    uint32_t with_callback; /* claim CALLBACK and not delivered */
    uint32_t completed;     /* completions reaped and not delivered (OP-9) */
    uint32_t queue_entries;
    struct sri_completions ready; /* of detached operations */
    struct sri_completions callbacks;

    /* The rings' memory. sq.sqe_tail is where the next entry goes; sq.sqe_head how far the kernel was seen to have read. */
    struct io_uring uring;
    struct sr_backend kernel;
    char *arguments;
    uint32_t argument_stride;
    uint32_t argument_bytes;

    uint32_t orphans;
    uint32_t refusals;    /* enters in a row that took nothing, while waiting */
    uint32_t cancel_head; /* slots that want a cancel sent, oldest first */
    uint32_t cancel_tail;
    uint32_t now_ms; /* the clock as of the last enter, since the ring was opened (RING-2) */
    uint64_t opened_ns;
    bool cancel_on_drop;
    bool missed;      /* a cancel did not stop its target since they were last asked again */
    bool owns_kernel; /* made by detection, released at close */

    struct sri_posts posts;
    struct sr_stats stats; /* started and completed are filled in when asked for */
    uint64_t discarded;    /* operations dropped before the kernel consumed them */
    void *mapping[3];      /* SQ ring, CQ ring (may be the same), SQEs */
    size_t mapped[3];
    char reason[256];
};

/* Operations started and not settled. */
static inline uint32_t sri_in_flight(const struct sr_ring *ring)
{
    return (uint32_t)(ring->started - ring->settled);
}

/* Operations that are queued, submitted or cancelling. */
static inline uint32_t sri_under_way(const struct sr_ring *ring)
{
    return (uint32_t)(ring->started - ring->ended);
}

/* ring.c: why the calling thread may not use the ring: SR_EWRONG_PROCESS, SR_EINVALID_STATE (not attached), SR_EWRONG_THREAD. */
__attribute__((cold)) int sri_ring_refusal(const struct sr_ring *ring);

static inline bool sri_ring_is_mine(const struct sr_ring *ring)
{
    return __builtin_expect(ring->owner == sri_this_thread() && sri_process_is(ring->process), 1);
}

/* May it? 0, or why not. */
static inline int sri_ring_check(const struct sr_ring *ring)
{
    return sri_ring_is_mine(ring) ? 0 : sri_ring_refusal(ring);
}

static inline uint32_t sri_slot_index(const struct sr_ring *ring, const struct sri_slot *slot)
{
    return (uint32_t)(slot - ring->slots);
}

static inline uint64_t sri_slot_id(const struct sr_ring *ring, const struct sri_slot *slot)
{
    return sri_id(sri_slot_index(ring, slot), slot->generation, SRI_TAG_OPERATION);
}

/* slots.c: the table of operations. */
__attribute__((cold)) void sri_slot_retire(struct sri_slot *slot);

/* A settled one to which no CQE is owed. */
static inline void sri_slot_free(struct sr_ring *ring, struct sri_slot *slot)
{
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_FREE) == 0);
    slot->generation++;
    if (__builtin_expect(slot->generation == 0, 0)) {
        sri_slot_retire(slot);
        return;
    }
    slot->free_next = ring->free_slot;
    ring->free_slot = sri_slot_index(ring, slot);
}

static inline void sri_slot_free_if_settled(struct sr_ring *ring, struct sri_slot *slot)
{
    if (slot->state == SRI_OPERATION_SETTLED && slot->owed == 0)
        sri_slot_free(ring, slot);
}

/* A free one, or NULL. */
static inline struct sri_slot *sri_slot_take(struct sr_ring *ring)
{
    uint32_t index = ring->free_slot;
    if (__builtin_expect(index == SRI_NO_SLOT, 0))
        return NULL;
    struct sri_slot *slot = &ring->slots[index];
    ring->free_slot = slot->free_next;
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_START) == 0);
    return slot;
}

/* A live one, by the id of its operation: an id with another tag, or of another generation, has none. */
static inline struct sri_slot *sri_slot_find(const struct sr_ring *ring, uint64_t id)
{
    uint32_t index = sri_id_index(id);
    if (__builtin_expect(index >= ring->max_in_flight, 0))
        return NULL;
    struct sri_slot *slot = &ring->slots[index];
    /* What is above the index is tag and generation, and the tag of an operation is 0. */
    return __builtin_expect(id >> SRI_SLOT_BITS == slot->generation, 1) ? slot : NULL;
}

/* Its result is gone: free once nothing is owed. */
static inline void sri_slot_settle(struct sr_ring *ring, struct sri_slot *slot)
{
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_SETTLE) == 0);
    SRI_REQUIRE(sri_orphan_move(&slot->claim, SRI_CLAIM_END) == 0);
    slot->buffer = NULL;
    ring->settled++;
    /* Not together with the state, which was stored just now: a load over both would wait for that store. */
    if (__builtin_expect(slot->owed == 0, 1))
        sri_slot_free(ring, slot);
}

/* arguments.c */
struct sri_arguments *sri_arguments_of(const struct sr_ring *ring, const struct sri_slot *slot);
int sri_arguments_keep(const struct sr_ring *ring, const struct sri_slot *slot,
                       const struct sr_op_spec *spec);

/* submit.c */
int sri_kernel_enter(struct sr_ring *ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                     uint64_t timeout_ns);
int sri_ring_submit(struct sr_ring *ring);
bool sri_make_room(struct sr_ring *ring, uint32_t entries);
void sri_slot_withdraw(struct sr_ring *ring, struct sri_slot *slot);

static inline uint32_t sri_queued(const struct sr_ring *ring)
{
    return ring->uring.sq.sqe_tail - ring->uring.sq.sqe_head;
}

static inline bool sri_has_room(const struct sr_ring *ring, uint32_t entries)
{
    return ring->uring.sq.ring_entries - sri_queued(ring) >= entries;
}

/* Room in the SQ for so many entries, submitting once if need be (OP-7). */
static inline bool sri_reserve(struct sr_ring *ring, uint32_t entries)
{
    return __builtin_expect(sri_has_room(ring, entries), 1) || sri_make_room(ring, entries);
}

/* results.c */
bool sri_reap(struct sr_ring *ring); /* was there anything? */
void sri_complete(struct sr_ring *ring, struct sri_slot *slot, int32_t result, uint32_t cqe_flags);
/* SR_EOPERATION_PENDING: it has not ended. SR_EINVALID_STATE, SR_ESTALE as the machine says. */
int sri_slot_deliver(struct sr_ring *ring, struct sri_slot *slot, struct sr_completion *done);
void sri_dispose(struct sr_ring *ring, struct sri_slot *slot);
void sri_join_queue(struct sr_ring *ring, struct sri_slot *slot); /* a completed one, where its claim says */

/* The ring, not a handle, has the claim from now on. */
static inline void sri_claimed(struct sr_ring *ring, struct sri_slot *slot)
{
    if (slot->claim == SRI_CLAIM_QUEUE)
        ring->detached++;
    else
        ring->with_callback++;
    if (slot->state == SRI_OPERATION_COMPLETED)
        sri_join_queue(ring, slot);
}
static inline bool sri_queue_full(const struct sr_ring *ring)
{
    return ring->completed >= ring->queue_entries;
}

/* wait.c: one step of waiting: submits, enters, reaps. timeout_ns 0 does not block. 0, -ETIME, or why it can't. */
int sri_progress(struct sr_ring *ring, uint64_t timeout_ns);
/* Deadlines: SR_FOREVER stays so. */
uint64_t sri_deadline(const struct sr_ring *ring, uint64_t timeout_ns);
uint64_t sri_time_left(const struct sr_ring *ring, uint64_t deadline_ns);

/* callback.c: runs those completed now, not those that complete meanwhile. */
uint32_t sri_run_due_callbacks(struct sr_ring *ring);

static inline uint32_t sri_run_callbacks(struct sr_ring *ring)
{
    return ring->callbacks.count != 0 ? sri_run_due_callbacks(ring) : 0;
}

/* cancel.c */
/* A step of a wait for operations that were asked to be cancelled: asks those again that it came too late for. *pause_ns
   begins as SRI_ASK_AGAIN_NS. */
int sri_progress_cancelling(struct sr_ring *ring, uint64_t timeout_ns, uint64_t *pause_ns, bool orphans_only);
#define SRI_ASK_AGAIN_NS UINT64_C(1000000)
void sri_want_cancel(struct sr_ring *ring, struct sri_slot *slot);
void sri_queue_cancels(struct sr_ring *ring);

static inline void sri_send_cancels(struct sr_ring *ring)
{
    if (ring->cancel_head != SRI_NO_SLOT)
        sri_queue_cancels(ring);
}

/* post.c */
int sri_posts_init(struct sri_posts *posts, uint32_t size);
void sri_posts_fini(struct sri_posts *posts);
bool sri_posts_take(struct sr_ring *ring, struct sr_completion *done);

/*
 * Is a value there? It may be another thread that puts it. Not looked for before the mark of a wake that was seen is
 * cleared: who posts in between finds the mark set and wakes nobody.
 */
static inline bool sri_posts_any(const struct sr_ring *ring)
{
    return atomic_load(&ring->posts.count) != 0;
}

/* panic.c */
void sri_panic(const struct sr_ring *ring);

/* log.c */
void sri_log(int level, const char *format, ...) __attribute__((cold, format(printf, 2, 3)));

#endif
