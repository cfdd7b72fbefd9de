/*
 * The program's side: what each started operation may answer, and who owns each buffer, kept without looking into the
 * library. Every call of a scenario goes through it; it makes the library's call and judges the answer by the rules. What
 * the kernel did it knows from events, and where they are missing (the true kernel) it accepts every legal answer.
 *
 * Everything here keeps copied handles and misuses some of them on purpose, which the compile-time analysis of ownership
 * rightly refuses: files that include this define SR_NO_OWNERSHIP_ANALYSIS first.
 */
#ifndef SRI_ORACLE_MODEL_H
#define SRI_ORACLE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/list.h"
#include "oracle/heap.h"
#include "oracle/model_batch.h"
#include "oracle/store.h"
#include "oracle/tap.h"
#include "oracle/verdict.h"
#include "oracle/watch.h"
#include "safer_ring/pinned.h"
#include "safer_ring/ring.h"
#include "safer_ring/stats.h"

#define SRI_ACTS 1024
#define SRI_ACT_BUCKETS 256
/* An id is used by its whole: the library may lay it out as it likes. */
#define SRI_ACT_BUCKET(id) (((id)*UINT64_C(0x9e3779b97f4a7c15)) >> 56)
#define SRI_HELDS 1024
#define SRI_PARTS 4
#define SRI_RETIRED 64
#define SRI_POSTS 256
#define SRI_PINS 4
#define SRI_MODEL_FDS 4096
#define SRI_PATH_MAX 512

struct sri_act;

/* A buffer, as the program knows it. */
struct sri_held {
    struct sri_node node;     /* in `helds` or `spare_helds` */
    struct sr_buffer *handle; /* the program's; NULL once moved */
    struct sr_buffer *copy;   /* a copied pointer, for misuse */
    uint8_t *bytes;           /* NULL: a vector */
    size_t size;
    const struct sri_block *block; /* where the bytes are, if that is known */
    uint64_t serial;
    struct sri_act *act; /* whose it is while in flight */
    struct sri_held *vector;
    struct sri_held *parts[SRI_PARTS];
    uint32_t part_count;
    bool guarded;
    struct sri_basin *basin;  /* the pool it comes from, or NULL */
    struct sri_slotted *slot; /* the buffer slot */
};

/* A pinned buffer, as the program knows it. */
struct sri_pin {
    struct sr_pinned *pinned; /* NULL: there is none */
    uint8_t *bytes;
    size_t size;
};

/* Who will take an operation's result. */
enum sri_hand {
    SRI_HAND_NONE,
    SRI_HAND_HANDLE,
    SRI_HAND_DONE,     /* the program holds the completion */
    SRI_HAND_QUEUE,    /* detached */
    SRI_HAND_CALLBACK, /* and what the callback does with it */
    SRI_HAND_DROPPED,
    SRI_HAND_LEFT, /* its callback returned without ending it */
    SRI_HANDS
};

/* An operation, as the program knows it. */
struct sri_act {
    struct sri_node node; /* in `acts` or `spare_acts` */
    struct sri_act *next; /* in its bucket */
    struct sri_model *model;
    struct sr_op op;
    struct sr_completion done;
    struct sr_completion *done_at; /* where the completion in hand is: `done`, or the callback's */
    uint64_t id;
    enum sri_hand hand;
    uint8_t opcode;
    int fd;
    struct sri_filed *file; /* its target is this fixed file, or NULL; … */
    uint32_t file_index;    /* … which stood here */
    uint32_t length;
    size_t begin;
    struct sri_held *buffer;
    struct sri_pin *pin; /* a borrowing call's; or NULL */
    bool limited;        /* has a linked timeout */
    bool wants_peer;
    bool cancelled;   /* the program asked for a cancel */
    bool recalled;    /* while its entry was queued: it ends by itself */
    bool cancel_seen; /* the kernel was asked to cancel it */
    bool left;        /* a submission left its entry behind */
    bool consumed;
    bool posted;    /* its terminal CQE */
    int32_t result; /* by the kernel's event */
    uint32_t cqe_flags;
    uint64_t arrival;
    uint64_t consumed_ns;
    uint64_t sum; /* of the `moved` bytes when it ended */
    uint64_t moved;
    uint32_t closes_due; /* of the descriptor it made: closed when `closed[fd]` reaches this */
    uint32_t peer_length;
    struct sockaddr_storage peer; /* what the kernel wrote */
    uint64_t peer_at;             /* where it did */
    uint64_t peer_length_at;
    char argument[SRI_PATH_MAX]; /* path or address as it was given */
    uint32_t argument_length;
    uint64_t duration_ns;
    void *user;           /* the scenario's */
    bool waited_in_queue; /* it was detached before it ended */
    bool listed;          /* by the last panic */
};

/* How a close may be asked for. */
enum sri_closing {
    SRI_CLOSE_RETURN, /* the panic handler returns */
    SRI_CLOSE_JUMP,   /* it leaves by longjmp(3) */
    SRI_CLOSE_TRY,    /* sr_ring_try_close() */
    SRI_CLOSINGS
};

enum sri_waiting {
    SRI_WAIT_FOREVER,
    SRI_WAIT_TIMEOUT,
    SRI_WAIT_PEEK,
};

struct sri_model;

/* What a scenario does inside a callback, and what it wants to know. Both may be NULL. */
struct sri_model_client {
    void (*in_callback)(void *user, struct sri_act *act);
    void *user;
    /* A line of what the program did, for the timeline. */
    void (*tell)(void *user, const char *text);
    void *tell_user;
    /* The same as statements of C, see explore/program.h. */
    void (*code)(void *user, const char *statement);
    void *code_user;
};

struct sri_model {
    struct sri_verdict *verdict;
    struct sri_heap *heap; /* NULL: memory is not watched */
    struct sri_watch *watch;
    struct sri_tap *tap;
    bool sees;               /* the kernel's events come */
    uint64_t clock_slack_ns; /* between the library's look at the clock and the kernel's */
    struct sri_model_client client;
    struct sri_store store;        /* what outlives rings is here, */
    struct sri_pin pins[SRI_PINS]; /* and these do */

    struct sr_ring *ring;
    struct sr_config config;
    uint32_t sq_entries;
    uint32_t cq_entries;
    uint32_t max_in_flight;
    uint32_t queue_entries;
    uint32_t argument_bytes;
    uint32_t post_entries;
    uint64_t ring_serial; /* of the heap before the ring was opened */

    struct sri_lot lots[SRI_LOTS];
    uint64_t chained; /* the entry before, in the same enter, if it has IOSQE_IO_LINK; or 0 */

    uint32_t hands[SRI_HANDS]; /* how many acts are in each */
    bool tagged;               /* cancels or linked timeouts were used on this ring */
    bool awaits_posts;
    uint32_t waiting; /* depth of calls that may run callbacks */
    uint32_t callback_depth;
    uint32_t callbacks_left; /* that left their completion */
    uint32_t callback_runs;
    bool draining;
    bool refused_close; /* since the last submission */
    uint64_t enters;    /* events of this ring */
    uint64_t arrivals;  /* CQEs posted in this ring */
    uint64_t reaped;    /* at least so many of them were passed by the library */
    uint64_t requests;  /* the program's, that the kernel consumed and has not ended */
    uint64_t injected;  /* CQEs of no operation */
    uint64_t injected_ids[SRI_RETIRED];
    uint64_t injected_seen;    /* of them, those the kernel has posted */
    uint64_t injected_at;      /* arrivals after the last of those */
    uint64_t misuses;          /* calls that only sr_stats can count */
    uint64_t posts[SRI_POSTS]; /* values that wait */
    uint32_t post_first;
    uint32_t post_count;
    uint64_t next_post;

    uint64_t retired[SRI_RETIRED]; /* ids that ended */
    uint32_t retired_count;
    uint64_t withdrawn[SRI_RETIRED]; /* ids the kernel must never see */
    uint32_t withdrawn_count;

    uint32_t opened[SRI_MODEL_FDS]; /* how often a number was opened, and closed */
    uint32_t closed[SRI_MODEL_FDS];
    uint32_t closings[SRI_MODEL_FDS]; /* events of that kind */

    struct sri_act *buckets[SRI_ACT_BUCKETS];
    struct sri_node acts;
    struct sri_node spare_acts;
    struct sri_node helds;
    struct sri_node spare_helds;
    struct sri_act act_pool[SRI_ACTS];
    struct sri_held held_pool[SRI_HELDS];
};

static inline unsigned sri_act_number(const struct sri_model *model, const struct sri_act *act)
{
    return (unsigned)(act - model->act_pool);
}

static inline unsigned sri_held_number(const struct sri_model *model, const struct sri_held *held)
{
    return (unsigned)(held - model->held_pool);
}

/* ---- model.c: runs, acts, what the kernel tells ---- */

void sri_model_init(struct sri_model *model, struct sri_verdict *verdict, struct sri_heap *heap,
                    struct sri_watch *watch, struct sri_tap *tap);
/* The panic handler while no close is tried. */
void sri_model_unexpected_panic(const struct sr_panic *panic, void *model);
/* A new run; no ring. */
void sri_model_begin(struct sri_model *model, bool sees);
void sri_model_event(void *model, const struct sri_event *event, const struct sri_watched *watched);
void sri_model_tell(struct sri_model *model, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A call as a statement of C; operations and buffers go by their place in the pools. */
void sri_model_code(struct sri_model *model, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct sri_act *sri_model_act(struct sri_model *model, uint64_t id);
/* The n-th act in a hand, counted around; NULL when there is none. */
struct sri_act *sri_model_pick(struct sri_model *model, enum sri_hand hand, uint32_t n);
struct sri_act *sri_model_new_act(struct sri_model *model);
/* A new one with its id, in this hand. */
void sri_model_enlist(struct sri_model *model, struct sri_act *act, enum sri_hand hand);
void sri_model_move(struct sri_model *model, struct sri_act *act, enum sri_hand hand);
/* It is over: its id is stale. */
void sri_model_retire(struct sri_model *model, struct sri_act *act);
/* Has the library certainly passed its terminal CQE? */
bool sri_model_is_reaped(const struct sri_model *model, const struct sri_act *act);
/* Bounds for sr_ring_in_flight() and sr_ring_orphan_count(). */
void sri_model_bounds(const struct sri_model *model, uint32_t in_flight[2], uint32_t orphans[2]);
/* Judges the ring's counts, and orphans that have ended. After each call. */
void sri_model_settle(struct sri_model *model);

/* ---- model_buffer.c ---- */

/* NULL when there is no memory (a fault) or too many are held. */
struct sri_held *sri_model_buffer(struct sri_model *model, size_t size);
struct sri_held *sri_model_made(struct sri_model *model, struct sr_buffer *buffer,
                                size_t size); /* from elsewhere */
struct sri_held *sri_model_buffer_of(struct sri_model *model, const void *data, size_t size);
/* Opens the program's buffer, has `fill` work on it, and closes it; with probes in between when `probe`. */
void sri_model_access(struct sri_model *model, struct sri_held *held, bool probe,
                      void (*work)(void *user, uint8_t *bytes, size_t size), void *user);
void sri_model_release(struct sri_model *model, struct sri_held *held);
struct sri_held *sri_model_join(struct sri_model *model, struct sri_held *parts[], uint32_t count);
/* The parts are the program's again; the vector is gone. */
void sri_model_split(struct sri_model *model, struct sri_held *vector);
/* Misuse by a copied pointer of a buffer that is not the program's: `which` of 6. */
void sri_model_misuse_buffer(struct sri_model *model, struct sri_held *held, uint32_t which);
/* The bytes went to their origin: judged under `rule`. Forgets the buffer. */
void sri_model_home(struct sri_model *model, struct sri_held *held, enum sri_rule rule, uint64_t id);
bool sri_model_is_home(const struct sri_model *model, const struct sri_held *held);
/* Can that be told? Of pooled and slot buffers only their pool and registry can tell. */
bool sri_model_sees_home(const struct sri_held *held);
void sri_model_forget_buffer(struct sri_model *model, struct sri_held *held);

/* ---- model_start.c ---- */

/* Starts, with a buffer or (NULL) without. 0 and *act, or why not (all of it judged). */
int sri_model_start(struct sri_model *model, const struct sr_op_spec *spec, struct sri_held *buffer,
                    struct sri_act **act);
/* The same for a borrowing call. */
int sri_model_borrow(struct sri_model *model, const struct sr_op_spec *spec, struct sri_pin *pin,
                     struct sri_act **act);
/* Specifications that must be refused: `which` of SRI_BAD_SPECS. */
#define SRI_BAD_SPECS 8
void sri_model_bad_start(struct sri_model *model, uint32_t which, struct sri_held *buffer);
int sri_model_submit(struct sri_model *model);

/* ---- model_pinned.c ---- */

/* NULL when there is no memory (a fault) or too many. */
struct sri_pin *sri_model_pin(struct sri_model *model, size_t size);
/* The n-th, or the next there is, counted around; NULL. */
struct sri_pin *sri_pin_pick(struct sri_model *model, uint32_t n);
/* A borrowing call was answered so: was it right? */
void sri_model_judge_borrowed(const struct sri_model *model, int rc);
/* Touches it, and frees it when that must be refused. */
void sri_model_probe_pin(struct sri_model *model, const struct sri_pin *pin);
/* false: it may be lent, and stays. */
bool sri_model_unpin(struct sri_model *model, struct sri_pin *pin);

/* ---- model_end.c ---- */

/* Waits for one; 0: act->done is there (hand DONE). */
int sri_model_await(struct sri_model *model, struct sri_act *act, enum sri_waiting how, uint64_t timeout_ns);
/* The next detached one (*act), or a posted value (*act NULL). */
int sri_model_next(struct sri_model *model, uint64_t timeout_ns, struct sri_act **act);
int sri_model_next_many(struct sri_model *model, struct sri_act *acts[], size_t room, size_t *count);
/* Ends a completion in hand, and the act. *back is the buffer, the program's again, or NULL. */
int32_t sri_model_take(struct sri_model *model, struct sri_act *act, struct sri_held **back);
void sri_model_finish(struct sri_model *model, struct sri_act *act);
/* Judges a completion that came for an act, which is in hand from now on. */
void sri_model_deliver(struct sri_model *model, struct sri_act *act, struct sr_completion *done);
/* Around each call that may run callbacks. */
void sri_model_wait_begin(struct sri_model *model);
void sri_model_wait_end(struct sri_model *model);

/* ---- model_drop.c ---- */

void sri_model_drop(struct sri_model *model, struct sri_act *act);
int sri_model_cancel(struct sri_model *model, struct sri_act *act);
int sri_model_detach(struct sri_model *model, struct sri_act *act, void *user);
int sri_model_then(struct sri_model *model, struct sri_act *act);
int sri_model_dispatch(struct sri_model *model, bool wait, uint64_t timeout_ns);
/* What must be refused inside a callback: `which` of 7. */
void sri_model_misuse_in_callback(struct sri_model *model, uint32_t which);

/* ---- model_close.c ---- */

/* Opens the model's ring on the tap. 0 or why not. */
int sri_model_open(struct sri_model *model, const struct sr_config *config);
/* Tries to close: 0 when it was closed, SR_EOPERATIONS_IN_FLIGHT when that was refused (and judged). */
int sri_model_close(struct sri_model *model, enum sri_closing how);
int sri_model_drain(struct sri_model *model, uint64_t timeout_ns);
int sri_model_cancel_all(struct sri_model *model, uint64_t timeout_ns);
const char *sri_model_kind_name(uint8_t opcode);
/* Asks who is in flight, somebody being so, by a close that must be refused. */
void sri_model_ask_the_panic(struct sri_model *model, sr_panic_fn *learn);

/* ---- model_probe.c: misuse of the ring ---- */

#define SRI_STALE_PROBES 6
void sri_model_misuse_handle(struct sri_model *model, uint32_t which);
void sri_model_misuse_state(struct sri_model *model, struct sri_act *act, uint32_t which);
void sri_model_inject(struct sri_model *model, uint32_t which);
/* Judges what the ring counts of those. After each wait. */
void sri_model_judge_unknown(struct sri_model *model);
int sri_model_post(struct sri_model *model, bool from_thread);
void sri_model_wrong_thread(struct sri_model *model);
void sri_model_wrong_process(struct sri_model *model);
void sri_model_nothing_in_flight(struct sri_model *model, uint32_t which);
void sri_model_unknown_backend(struct sri_model *model);

#endif
