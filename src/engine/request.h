/*
 * The engine's own structures: a request, a ring, a kernel. Private to the files of this folder.
 */
#ifndef SRI_ENGINE_REQUEST_H
#define SRI_ENGINE_REQUEST_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/io_uring.h>

#include "base/contradiction.h"
#include "base/list.h"
#include "engine/arena.h"
#include "engine/engine.h"
#include "engine/resource.h"
#include "engine/wheel.h"

struct sri_ring;

/* Where a request is. It is in one place at a time. */
enum sri_place {
    SRI_PLACE_NONE,  /* in the hands of the function that works on it */
    SRI_PLACE_CHAIN, /* behind another in a chain, or in a deferred unit; not started */
    SRI_PLACE_WHEEL, /* waits for a time */
    SRI_PLACE_DUE,   /* can make its step now */
    SRI_PLACE_HELD,  /* could, but its ring shows work only on GETEVENTS (DEFER_TASKRUN) */
    SRI_PLACE_WORLD, /* the world watches its object or runs it */
};

/* What it does next when it is due. */
enum sri_step {
    SRI_STEP_START,   /* look up the descriptor, then as ATTEMPT */
    SRI_STEP_ATTEMPT, /* try */
    SRI_STEP_REPORT,  /* the commit point is passed: end with `result` */
    SRI_STEP_END,     /* nothing was attempted: end with `result` */
    SRI_STEP_EXPIRE,  /* a timer's time has come */
    SRI_STEP_FINISH,  /* the world has finished a running attempt with `result` */
    SRI_STEP_NOTIFY,  /* it has ended; its notification is owed */
};

enum sri_mark {
    SRI_MARK_FAILED = 1 << 0, /* breaks a soft link; its CQE is posted whatever its flags say */
    SRI_MARK_SKIP = 1 << 1,   /* no CQE on success */
    SRI_MARK_SKIP_CHAIN =
        1 << 2, /* failed with IOSQE_CQE_SKIP_SUCCESS: what is linked behind ends silently */
    SRI_MARK_PREP_FAILED = 1 << 3, /* refused at preparation: `result` stands before it was started */
    SRI_MARK_DRAIN = 1 << 4,       /* starts when everything before it has ended */
    SRI_MARK_GUARDED = 1 << 5,     /* the next of its chain is a link timeout, not armed yet */
    SRI_MARK_LISTED = 1 << 6,      /* in the table by user_data and in the ring's list: a cancel finds it */
    SRI_MARK_ASKED = 1 << 7,       /* the chooser was asked about this attempt */
    SRI_MARK_INLINE =
        1 << 8, /* may make its step although its ring defers: since its submission, or released */
    SRI_MARK_COMMITTED = 1 << 9, /* a cancel is too late */
    SRI_MARK_TOUCHING = 1 << 10, /* observers were told that the world writes target bytes */
    SRI_MARK_STAGED = 1 << 11,   /* the attempt goes to staging memory first */
    SRI_MARK_SEVERED = 1 << 12,  /* ended by somebody else; its flags say whether its CQE is posted */
    SRI_MARK_CHAINED = 1 << 13,  /* has a link, a link timeout, or is one: its end concerns others */
    SRI_MARK_WORKER = 1 << 14,   /* IOSQE_ASYNC: runs out of line, and its end comes from there */
    SRI_MARK_CANCELLED =
        1 << 15, /* is about to end by a cancel; until then another cancel finds it (measured) */
};

/* More than one CQE, and buffers chosen late. */
enum sri_shot_mark {
    SRI_SHOT_MULTI = 1 << 0,  /* goes on after a CQE */
    SRI_SHOT_SELECT = 1 << 1, /* takes provided buffers */
    SRI_SHOT_CHOSEN = 1 << 2, /* `one` is the buffer at the head of its group */
    SRI_SHOT_TAKEN = 1 << 3,  /* and was taken out of it: its CQE tells */
    SRI_SHOT_NOTIFY = 1 << 4, /* a notification follows its CQE */
    SRI_SHOT_USAGE = 1 << 5,  /* which says how it was sent */
    SRI_SHOT_HEAD = 1 << 5,   /* RECVMSG: its messages lie behind heads */
    SRI_SHOT_FIRST = 1 << 6,  /* its first attempt is no part of its submission */
    SRI_SHOT_FIXED = 1 << 7,  /* sends from a registered buffer */
    SRI_SHOT_AGAIN = 1 << 7,  /* receives: a CQE was posted before */
};

/* It goes on and was woken: without a buffer it ends, whether there still is something to receive or not (measured). */
#define SRI_COPY_WOKEN 0x80u

/* TIMEOUT, LINK_TIMEOUT, in place of the attempt. */
struct sri_timer {
    struct sri_node counting;    /* in its ring's list by target, while it counts completions */
    struct sri_request *guarded; /* LINK_TIMEOUT: whom it limits, while armed */
    uint64_t target;             /* the ring's count of completions at which it ends */
    uint64_t time_ns;            /* as given: relative, or absolute with IORING_TIMEOUT_ABS */
    uint32_t flags;
    bool counts; /* of a LINK_TIMEOUT: it was dismissed by an end, not by a refusal */
};

/* ASYNC_CANCEL, POLL_REMOVE, TIMEOUT_REMOVE, in place of the attempt. */
struct sri_search {
    uint64_t user_data;
    uint64_t new_user_data;
    uint64_t time_ns;
    uint32_t flags;
    uint32_t events;
    int32_t fd;
    uint8_t opcode;
    uint8_t guest; /* whose descriptor `fd` is */
};

/* FILES_UPDATE, in place of the attempt. */
struct sri_files_change {
    uint64_t fds;
    uint32_t offset;
    uint32_t count;
};

/* PROVIDE_BUFFERS, REMOVE_BUFFERS, in place of the attempt. */
struct sri_providing {
    uint64_t address;
    uint32_t length;
    uint32_t count;
    uint16_t first_id;
    uint16_t group;
};

/* MSG_RING, in place of the attempt. */
struct sri_parcel {
    uint64_t command;
    uint64_t user_data;
    uint64_t from_slot;
    uint32_t length;
    uint32_t to_slot;
    uint32_t flags;
};

struct sri_letter;

#define SRI_SEGMENT_BITS 11
#define SRI_GUEST_BITS 5

struct sri_request {
    union {
        struct sri_attempt attempt;
        struct sri_timer timer;
        struct sri_search search;
        struct sri_parcel parcel;
        struct sri_files_change change;
        struct sri_providing providing;
    };
    union {
        struct sri_wheel_entry entry; /* also its node in a list of held or deferred ones */
        struct {
            struct sri_node due_node; /* the same */
            uint32_t position;        /* in the due set */
        };
    };
    struct sri_node ring_node;
    struct sri_request *hash_next;
    struct sri_request **hash_slot;
    struct sri_ring *ring;       /* NULL: free */
    struct sri_request *link;    /* the next of its chain; of the free list */
    struct sri_request *limiter; /* the armed link timeout */
    union {
        struct iovec one;       /* the segment, when there is one */
        struct iovec *segments; /* the program's, when there are several */
    };
    void *staging;
    uint64_t user_data;
    uint64_t number;
    uint32_t length;    /* bytes asked for */
    uint32_t progress;  /* bytes moved by earlier attempts (MSG_WAITALL) */
    uint32_t file_node; /* the number of the registered file it uses; 0: none */
    int32_t result;
    uint32_t cqe_flags;
    int32_t fd;
    uint8_t opcode;
    uint8_t sqe_flags;
    uint8_t place;
    uint8_t step;
    uint16_t marks;
    uint16_t segment_count : SRI_SEGMENT_BITS; /* of the program's; at most 1024 */
    uint16_t guest : SRI_GUEST_BITS;           /* whose it is (guest.h); 0: this process's own */
    uint8_t copy;          /* the answer to SRI_WHY_COPY; where nobody is asked, SRI_COPY_WOKEN */
    uint8_t shots;         /* SRI_SHOT_* */
    uint16_t buffer_index; /* sqe->buf_index, for those that know it; sqe->buf_group */
    union {
        uint32_t
            buffer_node; /* READ_FIXED, WRITE_FIXED: the number of the registered buffer, once issued; 0: none */
        uint32_t asked;     /* with IOSQE_BUFFER_SELECT: the length given, 0: the buffer's */
        uint32_t file_slot; /* OPENAT, OPENAT2, ACCEPT, CLOSE: sqe->file_index */
    };
};

/* What is left of the promised 256 bytes per request in flight is its share of the table and of the due set. */
static_assert(sizeof(struct sri_request) <= 240, "the promised memory per request in flight");

static inline void sri_set_segment_count(struct sri_request *request, uint32_t count)
{
    request->segment_count = count & ((1u << SRI_SEGMENT_BITS) - 1);
}

/* The program's segments, wherever they are. */
static inline const struct iovec *sri_segments_of(const struct sri_request *request)
{
    return request->segment_count > 1 ? request->segments : &request->one;
}

/* Requests, in chunks that are never given back before the end. */
#define SRI_SLAB_CHUNK 256

struct sri_slab {
    struct sri_request *free;
    struct sri_request **chunks;
    uint32_t chunk_count;
    uint32_t chunk_capacity;
    uint32_t free_count;
};

int sri_slab_reserve(struct sri_engine *engine, uint32_t count);
void sri_slab_clean_up(struct sri_slab *slab);

static inline struct sri_request *sri_slab_take(struct sri_slab *slab)
{
    struct sri_request *request = slab->free;
    slab->free = request->link;
    slab->free_count--;
    return request;
}

static inline void sri_slab_give(struct sri_slab *slab, struct sri_request *request)
{
    request->ring = NULL;
    request->link = slab->free;
    slab->free = request;
    slab->free_count++;
}

/* Pending requests by user_data. */
struct sri_table {
    struct sri_request **buckets;
    uint32_t mask;
};

int sri_table_reserve(struct sri_engine *engine, uint32_t count);
void sri_table_clean_up(struct sri_table *table);
/* A listed request can be found by a cancel. Twice is fine. */
void sri_table_list(struct sri_request *request);
void sri_table_take_out(struct sri_request *request);

static inline void sri_table_unlist(struct sri_request *request)
{
    if (request->marks & SRI_MARK_LISTED)
        sri_table_take_out(request);
}

/* The first of a bucket that may hold this user_data; go on by hash_next. */
struct sri_request *sri_table_first(const struct sri_engine *engine, uint64_t user_data);

/* What can make a step now: oldest first by the list, any by the array. Room for every request there is. */
struct sri_due {
    struct sri_node fifo;
    struct sri_request **array;
    uint32_t count;
    uint32_t capacity;
};

void sri_due_init(struct sri_due *due);
int sri_due_reserve(struct sri_due *due, uint32_t capacity);
void sri_due_push(struct sri_request *request, enum sri_step step);
void sri_due_remove(struct sri_request *request);
/* Takes the next, by the chooser's order; NULL when there is none. */
struct sri_request *sri_due_take(struct sri_engine *engine);
/* What a DEFER_TASKRUN ring has held back so far may be taken from now on; what comes later is held again. */
void sri_due_release_held(struct sri_ring *ring);

/* Puts a request on the wheel for a step later; at once due when the time has come. */
void sri_later(struct sri_request *request, uint64_t due_ns, enum sri_step step);
/* Moves what the wheel lets go into the due set. */
void sri_turn(struct sri_engine *engine);
void sri_let_go(struct sri_engine *engine); /* hold.c */

struct sri_ring_header {
    _Alignas(64) uint32_t sq_head;
    uint32_t sq_flags;
    uint32_t readable; /* SRI_READABLE_BEHIND_FLAGS */
    uint32_t sq_dropped;
    uint32_t sq_mask;
    uint32_t sq_entries;
    _Alignas(64) uint32_t sq_tail;
    _Alignas(64) uint32_t cq_head;
    _Alignas(64) uint32_t cq_tail;
    uint32_t cq_overflow;
    uint32_t cq_mask;
    uint32_t cq_entries;
    uint32_t cq_flags;
};

/* Memory a program sees; lives until it is closed and unmapped. */
struct sri_region {
    struct sri_node node;
    void *memory;
    size_t length;
    uint32_t references;
};

/* CQEs that found no room, in order: blocks of them, each full before the next begins. With its header a page. */
#define SRI_OVERFLOW_BLOCK 253

struct sri_overflow_entry {
    uint64_t user_data;
    int32_t result;
    uint32_t flags;
};

struct sri_overflow {
    struct sri_overflow *next;
    uint32_t begin; /* of what is still in it */
    uint32_t end;
    struct sri_overflow_entry entries[SRI_OVERFLOW_BLOCK];
};

/* CQEs asked for from other threads. Its own lock, since a world for one thread has none. */
#define SRI_INBOX 64

struct sri_inbox {
    atomic_flag busy;
    atomic_uint count;
    uint64_t user_data[SRI_INBOX];
};

#define SRI_GROUP_BUCKETS 32

struct sri_group;

struct sri_ring {
    struct sri_engine *engine;
    struct sri_node node;
    int fd;
    uint32_t setup_flags;
    bool disabled;
    bool closed;
    bool roused;        /* SQPOLL: its thread was woken, and has not gone through the SQ since */
    bool collecting;    /* inside a GETEVENTS of its own: overflow is flushed */
    uint32_t expired;   /* timeouts that ended by themselves: each ends a wait (measured) */
    bool notified;      /* what the world was last told */
    uint32_t told_tail; /* the CQ's tail then, or when somebody had waited for what is before it */
    bool dropped;       /* a CQE was lost for lack of memory, not reported yet */
    bool drain_active;
    bool drain_disabled; /* an IOSQE_CQE_SKIP_SUCCESS was seen (measured: for good) */
    bool drain_next;     /* a drain inside a chain holds back the next unit too */
    bool in_batch;       /* SQEs are being consumed */
    bool consuming;      /* the same, but for what is done when it is over */
    bool restricted;     /* its restrictions hold: it was enabled */
    uint32_t slots;      /* of threads that stand for it; its fd is -1 when only they do */
    uint32_t users;      /* calls that work on it just now */
    uint32_t wanted;     /* while it gathers: steps to make in one batch, where there are so many */
    uint32_t gathered;   /* steps made */
    uint64_t issuer;     /* thread that may submit (SINGLE_ISSUER), 0 none */

    struct sri_ring_header *header;
    struct io_uring_cqe *cqes;
    uint32_t *array;
    struct io_uring_sqe *sqes;
    uint32_t sq_entries;
    uint32_t cq_entries;
    uint32_t sq_head;
    uint32_t cq_tail;
    uint8_t cqe_shift; /* 1: entries of twice the size (IORING_SETUP_CQE32, IORING_SETUP_SQE128) */
    uint8_t sqe_shift;
    uint32_t cq_limit; /* the tail at which the CQ is full, by the head last seen */
    struct sri_region *rings_region;
    struct sri_region *sqes_region;

    struct sri_overflow *overflow_first; /* never an empty one */
    struct sri_overflow *overflow_last;
    uint32_t overflow_count;

    uint64_t posted;    /* CQEs, those of timeouts excepted */
    uint64_t over;      /* timeouts that ended by themselves, and whose CQE has not been looked at */
    uint64_t over_told; /* of them, those that have one */
    uint64_t flushed;   /* `posted` when timeouts were last looked at */
    uint64_t in_flight; /* requests consumed and not ended */
    uint64_t deferred;  /* of those, held back by a drain, chains counted whole */

    struct sri_request *chain_head; /* being assembled */
    struct sri_request *chain_last;

    struct sri_node pending; /* listed requests, in order of listing */
    struct sri_node held;
    struct sri_node followers; /* consuming: members of chains whose turn comes after it */
    struct sri_node deferrals; /* heads of units held back by a drain */
    struct sri_node counting;  /* timeouts that count completions, by target */

    struct sri_files files;
    struct sri_resources buffers;
    uint32_t batch_at;               /* in_batch: where in the CQ the CQEs of its requests begin */
    uint32_t batch_overflow;         /* in_batch: behind how many that found no room theirs are */
    struct sri_resource *late_first; /* in_batch: those that go at its end */
    struct sri_resource **late_end;
    struct sri_restrictions *restrictions;
    struct sri_personalities *personalities;

    struct sri_file *eventfd;
    bool eventfd_due;
    bool eventfd_only_async; /* what ended in the submitter's own time is not signalled */

    struct sri_group *groups[SRI_GROUP_BUCKETS]; /* of provided buffers, by id */

    struct sri_inbox inbox;
    struct sri_letter *letters; /* messages of other rings, where this one defers its work: oldest first */
    struct sri_letter *letters_last;
};

/* Kinds of what is refused since it is not simulated. */
enum sri_refusal {
    SRI_REFUSAL_OPERATION,
    SRI_REFUSAL_REGISTRATION,
    SRI_REFUSAL_SETUP,
    SRI_REFUSAL_ENTER,
    SRI_REFUSAL_GUEST,
    SRI_REFUSAL_GUEST_REGISTRATION,
    SRI_REFUSALS
};

#define SRI_TOLD_WORDS 4

/* A file that is nobody's any more (closing.c). */
struct sri_closing {
    struct sri_file *file;
    bool first; /* before what was woken by then */
    bool late;  /* it joins the others when the batch is published */
};

/* More than so many at a time have their effect at once. */
#define SRI_CLOSING 32

struct sri_guest;

#define SRI_GUESTS (1u << SRI_GUEST_BITS)

struct sri_engine {
    struct sri_world world;
    struct sri_chooser chooser;
    uint32_t observer_count;
    uint32_t needless; /* events that no observer needs */
    struct sri_observer observers[SRI_OBSERVERS];
    struct sri_node rings;
    atomic_flag rings_busy;  /* guards the list of rings against sri_wake() of a foreign thread */
    struct sri_node regions; /* mapped or in use */
    struct sri_node spare_regions;
    uint32_t spare_count;
    uint64_t consumed;
    uint64_t in_flight;
    uint64_t outside;                 /* requests in the world's hands */
    uint32_t sleepers;                /* calls inside a wait of the world */
    uint32_t sqpoll_rings;            /* rings with IORING_SETUP_SQPOLL */
    struct sr_backend_vtable backend; /* with the name it was given */
    struct sri_slab slab;
    struct sri_table table;
    struct sri_due due;
    struct sri_ring *gathering; /* whose held back work is being done */
    struct sri_resource_pool resources;
    struct sri_ring_slots *ring_slots; /* of each thread that has registered a ring */
    uint32_t worker_limits[2];         /* bounded, unbounded: only told */
    struct sri_arena arena;
    struct sri_wheel wheel;
    struct sri_user user;
    struct sri_guest *guests[SRI_GUESTS]; /* other processes, by number; 0 is nobody's */
    uint8_t caller;                       /* whose call it is: a guest, or 0 */
    struct sri_engine_options options;
    uint32_t put_off;      /* how often it is asked yet whether timers that were put off come now */
    uint32_t let_go_count; /* held requests to be let go (hold.c) */
    uint64_t let_go[SRI_LET_GO];
    uint32_t entered;              /* calls inside sri_enter() and sri_register() */
    struct sri_ring *entered_ring; /* of the only one of them, or NULL */
    bool closes;                   /* a CLOSE is being carried out */
    uint32_t batch_left;           /* of what is due, belongs to the batch that is under way */
    bool closing_deferred;         /* the call is one of a ring that defers */
    uint32_t closing_count;
    uint32_t closing_turn; /* of them, those whose turn comes when the batch is over */
    struct sri_closing closing[SRI_CLOSING];
    uint64_t told[SRI_REFUSALS][SRI_TOLD_WORDS]; /* bit per number of what was refused and told */
};

static inline uint64_t sri_now(const struct sri_engine *engine)
{
    const struct sri_world *world = &engine->world;
    return world->now != NULL ? *world->now : world->vtable->now_ns(world->self);
}

static inline bool sri_is_kind(const struct sri_engine *engine)
{
    return engine->chooser.vtable == NULL;
}

/* Does it carry out what is submitted or due together as the kernel does? Who chooses otherwise, chooses step by step. */
static inline bool sri_is_orderly(const struct sri_engine *engine)
{
    return engine->chooser.vtable == NULL || engine->chooser.vtable->orderly;
}

static inline struct sri_request *sri_request_of_node(struct sri_node *node)
{
    return SRI_CONTAINER_OF(node, struct sri_request, entry.node);
}

#endif
