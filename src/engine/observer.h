/*
 * Events of the engine, as they happen, to whoever watches.
 *
 * Oracles judge a run by these and by the public API alone. An event carries addresses; addresses never enter a hash
 * or a file. With no observer an event costs one test.
 */
#ifndef SRI_ENGINE_OBSERVER_H
#define SRI_ENGINE_OBSERVER_H

#include <stdint.h>
#include <sys/uio.h>

#include <linux/io_uring.h>

enum sri_event_kind {
    SRI_EVENT_RING_OPENED, /* result = entries, ring */
    SRI_EVENT_RING_CLOSED, /* result = requests still in flight in it */
    SRI_EVENT_ENTER,       /* an enter begins: ring, result = to_submit, flags */
    SRI_EVENT_LEAVE,    /* it ends: result = what it returns; cq_ready, sq_ready tell how the ring is left */
    SRI_EVENT_CONSUMED, /* an SQE was taken: sqe, request, segments (user memory, before anybody touched it) */
    SRI_EVENT_TOUCH,    /* the kernel is about to write into target segments (scribble or data) */
    SRI_EVENT_TOUCHED,  /* it has written: result = the number of leading bytes that now hold the kernel's */
    SRI_EVENT_COMMITTED, /* the attempt was made: result = its outcome; for sources the bytes were read just now */
    SRI_EVENT_CANCELLING, /* a cancel was asked for: request is the target, result what the cancel will answer */
    SRI_EVENT_COMPLETED, /* a CQE: user_data, result, flags; last = no IORING_CQE_F_MORE. Posted or in overflow */
    SRI_EVENT_SKIPPED,  /* ended without a CQE (IOSQE_CQE_SKIP_SUCCESS) */
    SRI_EVENT_WAKE,     /* a CQE that no request of this ring caused: user_data, result */
    SRI_EVENT_STALL,    /* a blocking wait that nothing can end; result = requests in flight */
    SRI_EVENT_OPENED,   /* a descriptor was made for the program: result = its number */
    SRI_EVENT_CLOSED,   /* a descriptor was closed: result = its number */
    SRI_EVENT_CHOSEN,   /* a provided buffer was chosen for an attempt: segments are it, lent from here on */
    SRI_EVENT_RETURNED, /* the attempt did not take it: it is its group's again */
};

/* What an operation does with the program's memory. */
enum sri_lending {
    SRI_LENDS_NOTHING,
    SRI_LENDS_SOURCE, /* the kernel reads it until the attempt */
    SRI_LENDS_TARGET, /* the kernel writes it until the CQE */
    SRI_LENDS_LONG,   /* the kernel reads it until the notification behind the result (SEND_ZC) */
};

struct sri_event {
    enum sri_event_kind kind;
    enum sri_lending lending;
    int ring;
    uint8_t opcode;
    uint8_t last; /* of SRI_EVENT_COMPLETED: nothing follows, neither a CQE nor a notification */
    uint8_t
        guest; /* the number of the other process whose request or enter it is (guest.h); 0: this one's own */
    uint32_t flags;   /* CQE flags, or enter flags */
    uint64_t request; /* number of the request in this kernel: 1, 2, 3, … in order of consumption; 0 none */
    uint64_t user_data;
    int64_t result;
    uint64_t now_ns;
    uint32_t cq_ready; /* of a ring: CQEs in it and not yet passed by the program, overflow included */
    uint32_t sq_ready; /* of a ring: SQEs published and not consumed */
    uint32_t segment_count;
    const struct iovec *segments; /* the program's memory this is about */
    const uint64_t *
        sum; /* SRI_EVENT_TOUCHED: the sum of what was written, by sri_user_sum() from seed 0, where it is known; or NULL */
    const struct io_uring_sqe *sqe; /* SRI_EVENT_CONSUMED */
};

/* The time of events, which costs a call of the clock for each: now_ns may be 0. */
#define SRI_NEEDLESS_TIME (1u << 31)

struct sri_observer {
    /* Must not call the engine. May read and (SRI_EVENT_CONSUMED, lent targets only) write lent bytes by the door, user.h. */
    void (*observe)(void *self, const struct sri_event *event);
    void *self;
    uint32_t
        needless; /* bits 1 << kind, SRI_NEEDLESS_TIME: what it can do without, and may be told all the same */
};

#endif
