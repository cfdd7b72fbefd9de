/*
 * One run of a small program (exhaust.h): its state, shared by the program and by what judges it.
 */
#ifndef SRI_EXPLORE_SMALL_H
#define SRI_EXPLORE_SMALL_H

#include "explore/exhaust.h"
#include "oracle/heap.h"
#include "oracle/tap.h"
#include "safer_ring/ring.h"
#include "sim_internal.h"

#define SRI_SMALL_BUFFERS 2u
#define SRI_SMALL_BYTES 2u

/* What the program does with an operation, besides awaiting it. */
enum sri_fate {
    SRI_FATE_AWAIT,
    SRI_FATE_DROP,
    SRI_FATE_CANCEL,
    SRI_FATE_BOTH
};

/* … and when: while it is queued, under way, ended unseen, ended and seen. */
enum sri_moment {
    SRI_MOMENT_QUEUED,
    SRI_MOMENT_UNDER_WAY,
    SRI_MOMENT_POSTED,
    SRI_MOMENT_SEEN,
    SRI_MOMENTS
};

struct sri_piece {
    struct sr_op op;
    uint64_t id;
    enum sri_shape shape;
    enum sri_fate fate;
    enum sri_moment moment;
    struct sri_place *place; /* of its buffer; NULL: none */
    bool started;
    bool acted;
    bool consumed;
    bool posted; /* the kernel's terminal CQE */
    bool seen;   /* the library has passed it */
    bool dropped;
    bool over;
    int32_t result; /* the kernel's, or of what was recalled */
    uint64_t due_ns;
    const uint8_t *lent; /* what the kernel was given */
};

/* Room for one buffer: none yet, the program's, or out with an operation. */
struct sri_place {
    struct sr_buffer *handle;
    struct sr_buffer *copy;
    struct sri_piece *piece;
};

struct sri_exhaust {
    struct sri_heap *heap;
    struct sr_sim *sim;
    struct sri_tap tap; /* what the kernel allocates is the kernel's */
    struct sr_backend backend;
    struct sri_branch branch;
    const struct sri_small *small;
    struct sri_verdict verdict;
    struct sr_ring *ring;
    struct sri_piece pieces[SRI_SMALL_OPERATIONS];
    struct sri_place places[SRI_SMALL_BUFFERS];
    int file;
    int made[SRI_SMALL_OPERATIONS]; /* descriptors that were taken */
    uint32_t made_count;
    bool may_close;
    uint32_t panicked;     /* operations that the last panic counted */
    bool panic_listed;     /* as many as it counted */
    bool (*stopped)(void); /* NULL: never */
    void (*tell)(void *user, const char *line);
    void *tell_user;
};

/* small_play.c: one run, judged. */
void sri_small_play(struct sri_exhaust *exhaust);

/* small_watch.c: what the kernel does, chosen and judged. */
struct sri_chooser sri_small_chooser(struct sri_exhaust *exhaust);
struct sri_observer sri_small_observer(struct sri_exhaust *exhaust);
void sri_small_release(void *exhaust, const struct sri_block *block);

void sri_small_say(struct sri_exhaust *exhaust, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
