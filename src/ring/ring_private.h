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

/* Where sri_reap() puts completions in place of a queue: the array of a waiting sr_ring_next_many(), or of sr_op_await(). */
struct sri_taker {
    struct sr_completion *next;
    struct sr_completion *end;
    struct sri_slot *only; /* whose handle is awaited, or NULL */
    bool detached;         /* any detached operation is waited for */
};

struct sr_batch;

/* A live batch, and how often the place was used. */
struct sri_batch_place {
    struct sr_batch *batch; /* NULL: free */
    uint32_t generation;
    uint32_t free_next;
};

/* Batches submitted and not ended (batch_table.c). */
struct sri_batches {
    struct sri_batch_place *places;
    uint32_t room;
    uint32_t free;
    uint32_t live;
    uint32_t slotless;    /* operations of theirs that have no slot: waiting, or ended and not taken */
    struct sr_batch *due; /* those that have something to do */
    struct sr_batch *due_tail;
    bool running; /* they are looked at just now */
};

/* What is to be done before entries are submitted. */
enum {
    SRI_ERRAND_CANCELS = 1u << 0,
    SRI_ERRAND_BATCHES = 1u << 1,
    SRI_ERRAND_POLLED = 1u << 2, /* for good: a polling thread is spoken to otherwise (submit.c) */
};

/* The memory shared with the kernel: where its words are. */
struct sri_shared {
    uint32_t *sq_head;
    uint32_t *sq_tail;
    uint32_t *sq_flags;
    uint32_t *cq_head;
    uint32_t *cq_tail;
    struct io_uring_cqe *cqes;
    uint32_t cq_mask;
    uint32_t sq_entries;
};

/*
 * In order of use: what an operation that is started, awaited and taken needs of the ring stands in the first four lines of
 * the cache, which the kernel's own work between has emptied (measured, docs/performance.md).
 */
struct sr_ring {
    struct sri_hot hot; /* safer_ring/hot.h; `started` and `settled` count operations in flight */
    uint32_t sq_head;   /* how far the kernel was seen to have read */
    uint32_t sq_marked; /* entries before this place were looked at for `marked` */
    uint32_t marked;    /* operations the kernel has and whose slots say so */
    uint32_t completed; /* completions reaped and not delivered (OP-9) */
    uint64_t ended;     /* of those started: not queued, submitted or cancelling any more */
    uint32_t queue_entries;
    uint32_t errands;  /* SRI_ERRAND_*, before the next submission */
    uint32_t refusals; /* enters in a row that took nothing, while waiting */
    bool usable;       /* enabled: the kernel takes entries */
    bool draining;
    bool polled;  /* by a thread of the kernel (SQPOLL): what was published counts as taken */
    bool watched; /* each start and end passes by watch.c, so its gate stays shut */
    bool in_callback;
    bool awaits_posts;
    bool enters_directly; /* its kernel's enter is the system call itself (backend.h) */
    struct sri_completions callbacks;
    bool starved; /* one that has come finds no slot */
    struct sri_shared shared;
    struct sr_backend kernel;
    int fd;
    uint32_t
        now_ms; /* the clock as of the last enter, since the ring was opened; or SRI_NOT_READ (enter.h) */
    uint64_t enters;
    struct sri_taker taker;
    struct sri_completions ready; /* of detached operations */

    struct sri_gate *gate;
    uint64_t opened_ns;
    const void *owner; /* sri_this_thread() of the one it belongs to; NULL: not attached */
    char *arguments;
    uint32_t argument_stride;
    uint32_t argument_bytes;
    uint32_t orphans;
    uint32_t with_callback; /* claim CALLBACK and not delivered */
    uint32_t cancel_head;   /* slots that want a cancel sent, oldest first */
    uint32_t cancel_tail;
    bool cancel_on_drop;
    bool missed;      /* a cancel did not stop its target since they were last asked again */
    bool owns_kernel; /* made by detection, released at close */
    bool fenced;      /* a fence was asked for (backend/fence.h) */

    struct sr_pool *own_pool;  /* or NULL */
    struct sri_tables *tables; /* tables.h; NULL: nothing was ever registered */
    uint32_t fixed_files;      /* places of the tables */
    uint32_t fixed_buffers;
    bool registers_pool;
    struct sri_batches batches;
    uint64_t borrower; /* the operation of the last borrowing call (PIN-2) */
    struct sri_posts posts;
    struct sr_stats stats;         /* what is counted elsewhere is filled in when asked for */
    struct sr_provider *providers; /* live, newest first */
    uint64_t discarded;            /* operations dropped before the kernel consumed them */
    struct sri_slot *free_shots; /* for completions of multishots that go on; behind the operations' slots */
    uint64_t shots;              /* such completions, ever */
    uint32_t slot_count;         /* of both */
    struct sr_hold *holds;       /* hold.c */
    uint64_t *sums;              /* of lent bytes, by slot; or NULL (watch.c) */
    bool log_operations;
    uint32_t max_in_flight;
    uint32_t completion_entries;
    void *mapping[3]; /* SQ ring, CQ ring (may be the same), SQEs */
    size_t mapped[3];
    char reason[256];
} __attribute__((aligned(64)));

/* Of a time in milliseconds: nobody asked the clock. */
#define SRI_NOT_READ UINT32_MAX

/* Operations started and not settled, and those of batches that wait or were not taken (RING-1). */
static inline uint32_t sri_in_flight(const struct sr_ring *ring)
{
    return (uint32_t)(ring->hot.started - ring->hot.settled) + ring->batches.slotless;
}

/* Operations that are queued, submitted or cancelling. */
static inline uint32_t sri_under_way(const struct sr_ring *ring)
{
    return (uint32_t)(ring->hot.started - ring->ended);
}

/* ring.c: why the calling thread may not use the ring: SR_EWRONG_PROCESS, SR_EINVALID_STATE (not attached), SR_EWRONG_THREAD. */
__attribute__((cold)) int sri_ring_refusal(const struct sr_ring *ring);

/* While it drains, and before it is enabled, a ring's gate is shut for the thread it belongs to as well. */
static inline bool sri_ring_is_mine(const struct sr_ring *ring)
{
    return sri_is_open(&ring->hot) || (ring->owner == sri_this_thread() && sri_gate_is_alive(ring->gate));
}

/* May it? 0, or why not. */
static inline int sri_ring_check(const struct sr_ring *ring)
{
    return sri_ring_is_mine(ring) ? 0 : sri_ring_refusal(ring);
}

/* After a change of what it depends on. */
static inline void sri_ring_set_gate(struct sr_ring *ring)
{
    sri_gate_set(ring->gate, ring->usable && !ring->draining && !ring->watched ? ring->owner : NULL);
}

static inline uint32_t sri_slot_index(const struct sr_ring *ring, const struct sri_slot *slot)
{
    return (uint32_t)(slot - ring->hot.slots);
}

/* slots.c: the table of operations. */
__attribute__((cold)) void sri_slot_retire(struct sri_slot *slot);

/* Is it for a completion of a multishot that goes on? */
static inline bool sri_is_shot(const struct sr_ring *ring, const struct sri_slot *slot)
{
    return slot >= ring->hot.slots + ring->max_in_flight;
}

/* A settled one to which no CQE is owed. */
static inline void sri_slot_free(struct sr_ring *ring, struct sri_slot *slot)
{
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_FREE) == 0);
    if (__builtin_add_overflow(slot->id, SRI_NEXT_GENERATION, &slot->id)) {
        sri_slot_retire(slot);
        return;
    }
    struct sri_slot **list = &ring->hot.free;
    if (sri_is_shot(ring, slot)) {
        list = &ring->free_shots;
        ring->starved = false;
    }
    slot->free_next = *list;
    *list = slot;
}

static inline void sri_slot_free_if_settled(struct sr_ring *ring, struct sri_slot *slot)
{
    if (slot->state == SRI_OPERATION_SETTLED && !sri_is_owed(slot))
        sri_slot_free(ring, slot);
}

/* A free one, or NULL. */
static inline struct sri_slot *sri_slot_take(struct sr_ring *ring)
{
    struct sri_slot *slot = ring->hot.free;
    if (slot == NULL)
        return NULL;
    ring->hot.free = slot->free_next;
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_START) == 0);
    return slot;
}

/* A live one, by the id of its operation: an id with another tag, or of another generation, has none. */
static inline struct sri_slot *sri_slot_find(const struct sr_ring *ring, uint64_t id)
{
    return sri_hot_find(&ring->hot, id);
}

/* registry.c: an operation on a retired file ends: the file may go with it. */
void sri_fixed_end(struct sr_ring *ring, struct sri_slot *slot);

static inline void sri_slot_leave_file(struct sr_ring *ring, struct sri_slot *slot)
{
    if (ring->tables != NULL)
        sri_fixed_end(ring, slot);
}

/* Its result is gone: free once nothing is owed. */
static inline void sri_slot_settle(struct sr_ring *ring, struct sri_slot *slot)
{
    SRI_REQUIRE(sri_operation_move(&slot->state, SRI_OPERATION_SETTLE) == 0);
    SRI_REQUIRE(sri_orphan_move(&slot->claim, SRI_CLAIM_END) == 0);
    slot->buffer = NULL;
    ring->hot.settled++;
    if (sri_is_shot(ring, slot))
        sri_repay(slot); /* what kept it from the operations' list */
    sri_slot_leave_file(ring, slot);
    sri_slot_free_if_settled(ring, slot);
}

/* arguments.c */
struct sri_arguments *sri_arguments_of(const struct sr_ring *ring, const struct sri_slot *slot);
int sri_arguments_keep(const struct sr_ring *ring, const struct sri_slot *slot,
                       const struct sr_op_spec *spec);

/* start_registered.c: the slot of a simple read or write of what is registered; NULL, and nothing is moved: start.c. */
struct sri_slot *sri_start_registered(struct sr_ring *ring, const struct sr_op_spec *spec,
                                      struct sr_buffer **buffer, enum sri_claim claim);
/* start.c: the door for operations with more completions than one. */
int sri_start_multishot(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_op *op);
/* start.c: may the specification ever be started, with this buffer or with NULL? That of a batch is looked at without its
   owner. */
int sri_spec_check(const struct sr_op_spec *spec, const struct sr_buffer *buffer);
int sri_spec_check_kept(const struct sr_op_spec *spec, const struct sr_buffer *buffer);
/* Will its argument and its entries find room in this ring? */
int sri_spec_fits(const struct sr_ring *ring, const struct sr_op_spec *spec);
/* The door, for the library itself; also while the ring drains. */
int sri_start_inside(struct sr_ring *ring, const struct sr_op_spec *spec, struct sr_buffer **buffer,
                     struct sri_slot **slot);

/* submit.c */
struct io_uring_sqe *sri_entry_at(const struct sr_ring *ring, uint32_t position);
/* The slot whose own entry stands at a position; NULL for a tagged one, and for an operation that has ended. */
struct sri_slot *sri_operation_at(const struct sr_ring *ring, uint32_t position);
int sri_ring_submit(struct sr_ring *ring);
bool sri_make_room(struct sr_ring *ring, uint32_t entries);
void sri_slot_withdraw(struct sr_ring *ring, struct sri_slot *slot);

static inline uint32_t sri_queued(const struct sr_ring *ring)
{
    return ring->hot.sq_tail - ring->sq_head;
}

static inline bool sri_has_room(const struct sr_ring *ring, uint32_t entries)
{
    return ring->hot.sq_limit - ring->hot.sq_tail >= entries;
}

/* The next entry of the SQ, for which there is room. */
static inline struct io_uring_sqe *sri_next_entry(struct sr_ring *ring)
{
    return &ring->hot.sqes[ring->hot.sq_tail++ & ring->hot.sq_mask];
}

/* The kernel has read so far. */
static inline void sri_set_sq_head(struct sr_ring *ring, uint32_t head)
{
    ring->sq_head = head;
    ring->hot.sq_limit = head + ring->shared.sq_entries;
}

/*
 * Two things a slot and its buffer learn late, so that an operation that ends within the enter that took it passes neither:
 * that the kernel took the entry (its place is before the kernel's head then), and that the buffer came back to a completion
 * which its taker already holds. For any other look at them.
 */
static inline bool sri_is_before(uint32_t position, uint32_t head)
{
    return (int32_t)(position - head) < 0;
}

static inline bool sri_is_consumed(const struct sr_ring *ring, const struct sri_slot *slot)
{
    return sri_is_before(slot->sq_position, ring->sq_head);
}

void sri_slot_refresh(struct sr_ring *ring, struct sri_slot *slot);

/* submit.c: in whole milliseconds, rounded up, so that a panic shows no operation older than it is (RING-2). */
void sri_read_clock(struct sr_ring *ring);

/* Operations whose entries the kernel has not consumed. */
uint32_t sri_queued_operations(const struct sr_ring *ring);

/* Room in the SQ for so many entries, submitting once if need be (OP-7). */
static inline bool sri_reserve(struct sr_ring *ring, uint32_t entries)
{
    return __builtin_expect(sri_has_room(ring, entries), 1) || sri_make_room(ring, entries);
}

/* results.c */
void sri_reap_some(struct sr_ring *ring);

static inline void sri_reap(struct sr_ring *ring)
{
    if (*ring->shared.cq_head != io_uring_smp_load_acquire(ring->shared.cq_tail))
        sri_reap_some(ring);
}

void sri_complete(struct sr_ring *ring, struct sri_slot *slot, int32_t result, uint32_t cqe_flags);
/* SR_EOPERATION_PENDING: it has not ended. SR_EINVALID_STATE, SR_ESTALE as the machine says. */
/* What an operation made and nobody takes: a descriptor is closed (ORPH-4). */
void sri_close_made(struct sr_ring *ring, uint8_t opcode, int32_t result);
int sri_slot_deliver(struct sr_ring *ring, struct sri_slot *slot, struct sr_completion *done);
void sri_dispose(struct sr_ring *ring, struct sri_slot *slot);
void sri_dispose_result(struct sr_ring *ring, uint8_t opcode, int32_t result, struct sr_buffer *buffer);
void sri_dispose_shots(struct sr_ring *ring, const struct sri_slot *multishot); /* those not delivered */
void sri_join_queue(struct sr_ring *ring, struct sri_slot *slot); /* a completed one, where its claim says */

/* The ring, not a handle, has the claim from now on. */
static inline void sri_claimed(struct sr_ring *ring, struct sri_slot *slot)
{
    if (slot->claim == SRI_CLAIM_QUEUE)
        ring->hot.detached++;
    else
        ring->with_callback++;
    if (slot->state == SRI_OPERATION_COMPLETED)
        sri_join_queue(ring, slot);
}
static inline bool sri_queue_full(const struct sr_ring *ring)
{
    return ring->completed >= ring->queue_entries || ring->starved;
}

/* wait.c: one step of waiting: submits, enters, reaps. timeout_ns 0 does not block. 0, -ETIME, or why it can't. */
int sri_progress(struct sr_ring *ring, uint64_t timeout_ns);
/* Deadlines: SR_FOREVER stays so. */
uint64_t sri_deadline(const struct sr_ring *ring, uint64_t timeout_ns);
uint64_t sri_time_left(const struct sr_ring *ring, uint64_t deadline_ns);

/* drop.c: one under way becomes an orphan, or is withdrawn; one that has ended is disposed of. */
int sri_operation_drop(struct sr_ring *ring, struct sri_slot *slot, sr_ended_fn *ended, void *user);

/* shots.c: a multishot's CQE that is not its last; true: it was one. */
bool sri_note_shot(struct sr_ring *ring, struct sri_slot *slot, const struct io_uring_cqe *cqe);
bool sri_lacks_shot(struct sr_ring *ring, const struct io_uring_cqe *cqe);
void sri_stop_multishots(struct sr_ring *ring);

/* callback.c: runs those completed now, not those that complete meanwhile. */
uint32_t sri_run_due_callbacks(struct sr_ring *ring);

static inline uint32_t sri_run_callbacks(struct sr_ring *ring)
{
    return ring->callbacks.count != 0 ? sri_run_due_callbacks(ring) : 0;
}

/* drop.c */
/* A queued operation leaves the SQ, and nothing ever happened; its buffer is the program's. */
struct sr_buffer *sri_slot_take_back(struct sr_ring *ring, struct sri_slot *slot);
/* The claim has become an orphan's: it is counted, and cancelled if the configuration says so. */
void sri_orphaned(struct sr_ring *ring, struct sri_slot *slot, sr_ended_fn *ended, void *user);

/* drop.c: for a ring that goes with orphans in it, as in a forked child: nobody is told later. */
void sri_tell_orphans(struct sr_ring *ring);

/* watch.c: for rings of development. */
int sri_watch_make(struct sr_ring *ring, const struct sr_config *config);
void sri_watch_free(struct sr_ring *ring);
__attribute__((cold)) void sri_watch_started(struct sr_ring *ring, const struct sri_slot *slot);
__attribute__((cold)) void sri_watch_ended(struct sr_ring *ring, const struct sri_slot *slot);

/* hold.c: is the ring held? Names the holders in the log (RING-5). */
bool sri_is_held(const struct sr_ring *ring);

/* cancel.c */
int sri_operation_cancel(struct sr_ring *ring, struct sri_slot *slot);
enum sri_cancelled {
    SRI_CANCEL_ALL,
    SRI_CANCEL_DRAINED, /* what draining asks to end */
    SRI_CANCEL_MEMBERS, /* of batches that are given up */
};
/* A step of a wait for operations that were asked to be cancelled: asks those again that it came too late for. *pause_ns
   begins as SRI_ASK_AGAIN_NS. */
int sri_progress_cancelling(struct sr_ring *ring, uint64_t timeout_ns, uint64_t *pause_ns,
                            enum sri_cancelled which);
#define SRI_ASK_AGAIN_NS UINT64_C(1000000)
void sri_want_cancel(struct sr_ring *ring, struct sri_slot *slot);
void sri_queue_cancels(struct sr_ring *ring);

/* batch_run.c */
void sri_run_batches(struct sr_ring *ring);
/* An operation of a batch has ended: its slot is free. */
void sri_batch_member_ended(struct sr_ring *ring, struct sri_slot *slot);
/* batch_link.c */
void sri_batch_mend_parted_chain(struct sr_ring *ring, struct sri_slot *slot);
/* batch_table.c */
void sri_batches_init(struct sri_batches *batches);
void sri_batches_fini(struct sri_batches *batches);
void sri_batches_give_up(struct sr_ring *ring, bool failing_only);
void sri_batches_dispose_ended(struct sr_ring *ring);
void sri_batches_forget(struct sr_ring *ring);
bool sri_batches_at(const struct sr_ring *ring, uint32_t i, struct sr_panic_operation *operation);

/* submit.c: what is to be done before entries are submitted: batches go on, cancels are queued. */
__attribute__((cold)) void sri_run_each_errand(struct sr_ring *ring);

static inline void sri_run_errands(struct sr_ring *ring)
{
    if (__builtin_expect(ring->errands != 0, 0))
        sri_run_each_errand(ring);
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

/* registry.c: does an operation go to a fixed file? */
bool sri_is_fixed(const struct sr_ring *ring, const struct sri_slot *slot);

/* pool_register.c: the ring goes, and the pools registered with it are as they were. */
void sri_pools_leave(struct sr_ring *ring);

/* own_pool.c */
int sri_own_pool_make(struct sr_ring *ring, const struct sr_config *config);
void sri_own_pool_attach(struct sr_ring *ring);
void sri_own_pool_leave(struct sr_ring *ring);

/* panic.c */
void sri_panic(const struct sr_ring *ring);

/* log.c */
void sri_log(int level, const char *format, ...) __attribute__((cold, format(printf, 2, 3)));
void sri_log_operation(const struct sr_log_event *event) __attribute__((cold));

#endif
