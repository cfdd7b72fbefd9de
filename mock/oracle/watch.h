/*
 * What the kernel has in flight, as its events tell, and the oracles that judge it: lent bytes, ledger, order, stall.
 * Sees events and the program's memory, never the library's state. Allocates nothing after its making.
 */
#ifndef SRI_ORACLE_WATCH_H
#define SRI_ORACLE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/list.h"
#include "engine/observer.h"
#include "oracle/heap.h"
#include "oracle/verdict.h"

#define SRI_WATCHED 4096       /* requests in flight that are watched; more are counted as `unwatched` */
#define SRI_WATCHED_SEGMENTS 8 /* of a vector; later ones are not looked at */
#define SRI_WATCH_BUCKETS 1024
#define SRI_SENTINEL 0x5C

/* One request that the kernel consumed and has not ended. */
struct sri_watched {
    struct sri_node node; /* by request, or in the list of free ones */
    struct sri_node twin; /* by user_data */
    struct sri_node lent; /* in `lending`, when it borrows bytes */
    uint64_t request;
    uint64_t user_data;
    uint64_t consumed_ns;
    uint64_t sum;   /* of the source's bytes, or of those the kernel has written */
    uint64_t moved; /* target: leading bytes that hold the kernel's */
    int ring;
    enum sri_lending lending;
    uint32_t segment_count;
    struct iovec segments[SRI_WATCHED_SEGMENTS];
    uint8_t opcode;
    bool committed; /* the source was read */
    bool touching;  /* between TOUCH and TOUCHED */
    bool provided;  /* the bytes are a provided buffer's, lent since it was chosen */
    bool answered;  /* a completion that is no notification was seen */
};

struct sri_watch;
typedef void sri_watch_fn(void *user, const struct sri_event *event, const struct sri_watched *watched);

struct sri_watch {
    struct sri_verdict *verdict;
    struct sri_heap *heap;  /* may be NULL */
    bool whole;             /* look at all lent bytes, not at head, tail and a sample */
    sri_watch_fn *listener; /* is told each event, after the oracles, with the request it is about or NULL */
    void *listener_user;
    /* Of an operation with IOSQE_IO_LINK: may another follow it? Asked with listener_user; NULL: none may. */
    bool (*chains)(void *user, uint64_t user_data);
    uint64_t unwatched;

    struct sri_node buckets[SRI_WATCH_BUCKETS]; /* by request */
    struct sri_node twins[SRI_WATCH_BUCKETS];   /* by user_data */
    struct sri_node spare;
    struct sri_node lending;
    uint32_t live;

    /* order */
    uint64_t linked; /* user_data of the SQE before, when it carries IOSQE_IO_LINK; else 0 */
    bool in_link;
    bool any_chain; /* the program makes chains of its own: order is not judged */
    uint32_t asked; /* SQEs the current enter was asked to consume, and has consumed */
    uint32_t consumed;

    /* stall */
    uint64_t stalls;
    uint32_t idle;                /* enters since something was consumed or completed */
    void (*on_stuck)(void *user); /* the library will not come back; may be NULL. Does not return */
    void *on_stuck_user;

    struct sri_watched entries[SRI_WATCHED];
};

/* Once, on zeroed memory. */
void sri_watch_init(struct sri_watch *watch, struct sri_verdict *verdict, struct sri_heap *heap);

/* A new run: nothing in flight. */
void sri_watch_begin(struct sri_watch *watch);

/* One event of the engine's. */
void sri_watch_event(struct sri_watch *watch, const struct sri_event *event);

/* For sri_engine_add_observer(). */
struct sri_observer sri_watch_observer(struct sri_watch *watch);

/* What the kernel borrows in this range; NULL. */
const struct sri_watched *sri_watch_lent(const struct sri_watch *watch, const void *address, size_t length);

/* The request of a ring with this user_data; NULL. */
const struct sri_watched *sri_watch_find(const struct sri_watch *watch, int ring, uint64_t user_data);

/* The parts of the watch, each in its file. */
void sri_lent_consumed(struct sri_watch *watch, struct sri_watched *watched);
/* A provided buffer is the kernel's from here on, for one completion; it carries no sentinel. */
void sri_lent_chosen(struct sri_watch *watch, struct sri_watched *watched, const struct sri_event *event);
void sri_lent_returned(struct sri_watched *watched);
void sri_lent_event(struct sri_watch *watch, struct sri_watched *watched, const struct sri_event *event);
void sri_lent_release(void *watch, const struct sri_block *block);
void sri_ledger_consumed(struct sri_watch *watch, const struct sri_event *event);
void sri_ledger_completed(struct sri_watch *watch, struct sri_watched *watched,
                          const struct sri_event *event);
void sri_order_event(struct sri_watch *watch, const struct sri_event *event);
void sri_stall_event(struct sri_watch *watch, const struct sri_event *event);

#endif
