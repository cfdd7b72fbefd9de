/*
 * Who decides what a kernel is free to decide.
 *
 * The engine asks one question at each freedom the real kernel has. Answer 0 is always the kindest: what a quiet
 * kernel does with an idle machine. The kind chooser (no chooser at all) answers 0 to everything and costs nothing.
 */
#ifndef SRI_ENGINE_CHOOSER_H
#define SRI_ENGINE_CHOOSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The freedoms. `n` in the comments is the number of answers; the meaning of each answer stands here and nowhere else. */
enum sri_why {
    SRI_WHY_SETUP,     /* io_uring_setup: 0 works, else refused: 1 EPERM, 2 ENOSYS, 3 ENOMEM. n = 4 */
    SRI_WHY_REGISTER,  /* io_uring_register: 0 works, else refused: 1 ENOMEM, 2 EINVAL. n = 3 */
    SRI_WHY_ENTER,     /* 0 goes on; refused with nothing consumed: 1 EAGAIN, 2 EBUSY, 3 EINTR. n = 4 */
    SRI_WHY_CONSUME,   /* how many of n-1 SQEs stay in the SQ: 0 none (all are consumed). n = to_submit + 1 */
    SRI_WHY_INTERRUPT, /* a blocking wait: 0 waits, 1 is interrupted before any progress. n = 2 */
    SRI_WHY_DELAY,     /* time from consumption to the attempt: index into sri_delay_ns. n = SRI_DELAYS */
    SRI_WHY_ORDER,     /* which of n due requests is next, 0 the oldest */
    SRI_WHY_ERRNO,     /* 0 attempted; i > 0: ends with the i-th errno of the opcode's list, with no effect */
    SRI_WHY_SHORT,     /* bytes moved at most: 0 all, 1 one byte, 2 half, 3 all but one, 4 a quarter. n = 5 */
    SRI_WHY_COPY, /* target bytes: 0 at the attempt, 1 only just before the CQE, 2 as 1 and scribbled over at
                               once (the transferred part only). n = 3 */
    SRI_WHY_REPORT, /* time from the attempt to the CQE: index into sri_delay_ns. n = SRI_DELAYS */
    SRI_WHY_CANCEL, /* cancel of a request that could be cancelled: 0 it wins; 1 too late, -EALREADY and the
                               target goes on to its own end; 2 -EALREADY and the target still ends -ECANCELED. n = 3 */
    SRI_WHY_CANCEL_ORDER, /* 0 the cancel's CQE first, 1 the target's first. n = 2 */
    SRI_WHY_BUFFER,       /* a provided buffer: 0 the next of its group, 1 none is left: -ENOBUFS. n = 2 */
    SRI_WHY_GIVE, /* an attempt with a provided buffer failed: 0 it stays in its group, 1 it is told. n = 2 */
    SRI_WHY_SHOT, /* a request that could go on after a CQE: 0 does, 1 ends with it. n = 2 */
    SRI_WHY_NOTIFIES, /* a failed SEND_ZC: 0 a notification follows, 1 none does. n = 2 */
    SRI_WHY_NOTIFY,   /* time from a SEND_ZC's result to its notification: index into sri_delay_ns */
    SRI_WHY_USAGE,    /* which tells: 0 the bytes were copied, 1 they were sent from where they lay. n = 2 */
    SRI_WHY_REREAD, /* the bytes of a SEND_ZC: 0 as they were at the attempt, 1 as at its notification. n = 2 */
    SRI_WHY_WORLD, /* a freedom of the world's own: enum sri_world_freedom */
    SRI_WHY_WORKER, /* orderly choosers only: a request is carried out 0 as usual, 1 by a worker, 2 by a worker who begins
                               after everything else. n = 3 */
    SRI_WHY_TOGETHER, /* orderly choosers only: of n timers that have expired 0 all are seen, else so many for now */
    SRI_WHY_LATE, /* orderly choosers only: a sleeper is awake 0 when the first timer expires, 1 SRI_LATE_NS later. n = 2 */
    SRI_WHY_BREAK, /* orderly choosers only: a batch of what was woken 0 goes on, 1 is broken off, so that others may run. n = 2 */
    SRI_WHY_COMES, /* orderly choosers only: a timer that was not seen comes 0 when nothing is due, 1 before the next batch. n = 2 */
    SRI_WHYS
};

/* The simulated world's own freedoms: SRI_WHY_WORLD, told apart by `freedom` of the question. */
enum sri_world_freedom {
    SRI_FREEDOM_WAKE, /* n attempts wait for the same change: which is told first, 0 the kernel's choice: the newest, of those that accept the oldest */
    SRI_FREEDOM_PIPE, /* capacity of a new pipe: 0 as configured, 1 one page. n = 2 */
    SRI_FREEDOM_WINDOW, /* window of a new connection: 0 as configured, 1 one byte, 2 sixteen, 3 1000. n = 4 */
    SRI_FREEDOM_TRANSIT, /* bytes sent over AF_INET arrive: 0 at once, else after a microsecond, a millisecond, a second */
    SRI_FREEDOM_RESET, /* a send or receive over AF_INET: 0 goes on, 1 finds the connection reset. n = 2 */
    SRI_FREEDOM_WRITTEN_BACK, /* something not synced is changed again: was it written back before? 0 no, 1 yes. n = 2 */
    SRI_FREEDOM_POWER, /* power is lost: of what was not synced remains 0 all, 1 nothing, 2 what is answered below. n = 3 */
    SRI_FREEDOM_REMAINS, /* … of one change: 0 all, 1 nothing, 2 a part (bytes, a size). n = 2 or 3 */
    SRI_FREEDOM_SECTOR,  /* … of a part of a page: a sector is 0 new, 1 old. n = 2 */
    SRI_FREEDOM_SYNC, /* a sync of what was changed: 0 works, 1 fails, and what was to be written will not be. n = 2 */
    SRI_WORLD_FREEDOMS
};

/* The delays SRI_WHY_DELAY and SRI_WHY_REPORT choose from, in nanoseconds; the last is "after everything else". */
#define SRI_DELAYS 8
extern const uint64_t sri_delay_ns[SRI_DELAYS];

/* One more answer to SRI_WHY_DELAY, which scripts alone give: until sri_engine_let_go(). */
#define SRI_HOLD SRI_DELAYS

#define SRI_LATE_NS UINT64_C(100000)

/* One question. The fields below `n` tell what it is about, for scripts; a field without meaning is 0 (fd: -1). */
struct sri_question {
    enum sri_why why;
    uint32_t n; /* answers 0 .. n-1; never 0 */
    uint8_t opcode;
    int32_t fd;
    uint64_t user_data;
    uint64_t length;       /* bytes asked for */
    const int16_t *errnos; /* SRI_WHY_ERRNO: the errno of answer i is errnos[i - 1] (positive) */
    uint64_t request;      /* the request's number as in its events, 0 when it has none */
    uint32_t freedom;      /* SRI_WHY_WORLD: enum sri_world_freedom */
    uint32_t object;       /* SRI_OBJECT_* of what `fd` means; 0 also where there is none */
    uint8_t has_object;    /* 1: `object` is about a descriptor */
};

struct sri_chooser_vtable {
    /* Answers in [0, n). Deterministic in its own state; never calls the engine. At most one call per full expression. */
    uint32_t (*pick)(void *self, const struct sri_question *question);
    /* Keeps the kernel's batches, and is not asked when an attempt is made nor of what a quiet kernel does not do. */
    bool orderly;
};

/* vtable NULL is the kind chooser. */
struct sri_chooser {
    const struct sri_chooser_vtable *vtable;
    void *self;
};

static inline uint32_t sri_pick(const struct sri_chooser *chooser, const struct sri_question *question)
{
    if (chooser->vtable == NULL || question->n <= 1)
        return 0;
    return chooser->vtable->pick(chooser->self, question);
}

#endif
