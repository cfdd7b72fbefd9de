/*
 * What a watched program does wrong, seen from below: the requests in flight with where they came from, and the findings.
 *
 * Each detector is a file detect_*.c: functions that sri_detect_event() and the others in detect.c call, with the lock
 * held. A finding has a name, which suppressions and tests use.
 */
#ifndef SRI_RUN_DETECT_H
#define SRI_RUN_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "engine/observer.h"
#include "liburing/kernel.h"

#define SRI_DETECT_SEGMENTS 4
#define SRI_DETECT_FRAMES 12

/* What a thread has of its own is asked for at each event: without a call, as the library is there from the start. */
#define SRI_DETECT_OF_THREAD _Thread_local __attribute__((tls_model("initial-exec")))

/* A place in the program: return addresses, the innermost first. */
struct sri_place_of_call {
    const void *frames[SRI_DETECT_FRAMES];
    uint32_t count;
};

/* A request that was consumed and has not ended. */
struct sri_borrowed {
    struct sri_borrowed *next; /* of its bucket, or of the free ones */
    struct sri_borrowed *twin; /* of its bucket by user_data */
    struct sri_borrowed *older;
    struct sri_borrowed *newer;
    const struct sri_place_of_call *place;
    uint64_t request;
    uint64_t user_data;
    uint64_t sum;
    uint64_t moved;   /* leading bytes that are the kernel's by now */
    uint64_t length;  /* of all its segments */
    uint64_t offset;  /* in the file; UINT64_MAX: where the file is */
    uint64_t address; /* of the SQE */
    int ring;
    int fd; /* -1: none, or a registered file */
    uint32_t segment_count;
    struct iovec segments[SRI_DETECT_SEGMENTS];
    enum sri_lending lending;
    uint8_t opcode;
    uint8_t flags;    /* of the SQE */
    bool read;        /* a source that the kernel has read */
    bool told;        /* a finding was told of its memory: one is enough */
    bool record_told; /* … of its record */
    bool committed;   /* the attempt was made */
    bool cancelled;   /* a cancel was asked for */
    bool makes_slot;  /* what it opens or accepts is registered */
    bool closed;      /* its descriptor was closed while it was in flight */
    bool posted;      /* a CQE was seen */
    bool touching;    /* the kernel writes into its memory just now */
    uint32_t chain;   /* that it is a member of; 0: none */
    uint16_t group;   /* of provided buffers */
    bool selected;    /* its memory is a provided buffer */
};

/* A ring as the program knows it. */
struct sri_watched_ring {
    int fd;
    struct io_uring *ring; /* where the program kept it when it last called; may be gone by now */
    const unsigned *khead; /* of its SQ, to know it again */
    uint32_t in_flight;
    uint32_t overflow; /* CQEs that wait for room, as last seen */
    uint32_t cq_entries;
    uint8_t last_flags; /* of the last SQE that was consumed */
    uint64_t last_user_data;
    uint8_t last_opcode;
    uint32_t chain;            /* the last one's number */
    int eventfd;               /* that it signals, or -1 */
    bool refused;              /* the last call to submit did not take all that it was to */
    unsigned stale_from;       /* SQ position up to which consumed entries were marked */
    uint64_t *stale;           /* by index of the entry: what its user_data was */
    struct sri_borrowed again; /* the last transfer, and how often it came in a row with the answer 0 */
    uint32_t times;
};

#define SRI_DETECT_RINGS 64

struct sri_detect {
    struct sri_borrowed *oldest;
    struct sri_borrowed *newest;
    struct sri_watched_ring rings[SRI_DETECT_RINGS];
    uint32_t ring_count;
    const void *frame; /* of the call that goes on */
    const struct sri_place_of_call *place;
    uint64_t unwatched; /* requests for which there was no memory */
    uintptr_t lowest;   /* bounds of all that is lent */
    uintptr_t highest;
};

extern struct sri_detect sri_detect;

/* detect.c: the agent's doors to all detectors. */
void sri_detect_begin(struct sri_uring_hooks *hooks);
void sri_detect_forked(void);
void sri_detect_enters(struct io_uring *ring, int fd, unsigned to_submit, const void *frame,
                       const void *site);
void sri_detect_registers(struct io_uring *ring, int fd, unsigned opcode, const void *arg, unsigned count);
void sri_detect_returned(struct io_uring *ring, int fd, unsigned to_submit, int result);
void sri_detect_event(const struct sri_event *event);
void sri_detect_finish(int status);
void sri_detect_lock(void);
void sri_detect_unlock(void);
bool sri_detect_is_inside(void); /* this thread holds the lock */

/* NULL: it is not known. */
struct sri_borrowed *sri_detect_find(uint64_t request);
/* The first of a bucket that may hold this user_data; go on by twin. */
struct sri_borrowed *sri_detect_find_user_data(uint64_t user_data);
struct sri_watched_ring *sri_detect_ring(int fd);

/* finding.c: tells of a finding, unless it is suppressed. `about` may be NULL. */
void sri_finding(const char *name, const struct sri_borrowed *about, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, kept in the page: told by the command if the program ends in failure, unless it is settled before. */
void sri_finding_pending(const char *name, const struct sri_borrowed *about, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void sri_finding_settled(void);

/* place.c: where the program called from; NULL: not known. The same place is the same pointer. */
const struct sri_place_of_call *sri_place_here(const void *frame, const void *site);
/* The bounds of this thread's stack. */
void sri_place_stack(uintptr_t *lowest, uintptr_t *highest);

/* detect_queue.c: overflow, chains, equal user_data, wrong threads, what is left at the end. */
void sri_queue_consumed(struct sri_borrowed *borrowed, struct sri_watched_ring *ring,
                        const struct io_uring_sqe *sqe);
void sri_queue_left(const struct sri_event *event, struct sri_watched_ring *ring);
void sri_queue_returned(const struct sri_watched_ring *ring, int fd, int result);
void sri_queue_exits(struct sri_watched_ring *ring, bool whole_process);

/* detect_memory.c: changed, released, lent twice. */
void sri_memory_lent(struct sri_borrowed *borrowed);
void sri_memory_event(const struct sri_event *event, struct sri_borrowed *borrowed);
bool sri_memory_may_be_lent(const void *begin, size_t length);
void sri_memory_released(const void *begin, size_t length, const char *how);
/* What was known of this memory as memory. */
void sri_memory_forget(const void *memory, size_t length);
void sri_memory_stack(uintptr_t lowest, uintptr_t frame);

/* detect_release.c: what the program gives back. `frame` and `site` as in the hooks. */
bool sri_release_matters(const void *memory, size_t length);
void sri_release(const void *memory, size_t length, const char *how, const void *frame, const void *site);
/* The pages go, and what was known of them as memory. */
void sri_release_pages(const void *memory, size_t length);
/* munmap(2), all of it. */
void sri_release_mapping(const void *memory, size_t length, const void *frame, const void *site);

/* detect_entry.c: what entries name that were not consumed yet. */
void sri_entry_consumed(const struct sri_borrowed *borrowed, const struct io_uring_sqe *sqe);
bool sri_entry_any(void);
uint32_t sri_entry_count(const struct sri_watched_ring *watched);
void sri_entry_released(const void *begin, size_t length, const char *how);
void sri_entry_closed(int fd);
typedef void sri_entry_fn(const struct sri_watched_ring *watched, const struct io_uring_sqe *sqe,
                          const void *self);
void sri_entry_each(const struct sri_watched_ring *watched, sri_entry_fn *visit, const void *self);
struct sri_borrowed sri_entry_about(const struct sri_watched_ring *watched, const struct io_uring_sqe *sqe);

/* detect_buffers.c: provided buffers that don't come back. */
void sri_buffers_consumed(struct sri_borrowed *borrowed, const struct io_uring_sqe *sqe);
void sri_buffers_completed(const struct sri_event *event, const struct sri_borrowed *borrowed);
void sri_buffers_exits(int ring);

/* detect_record.c: what user_data points to is released. */
void sri_record_released(const void *begin, size_t length, const char *how);
void sri_record_stack(uintptr_t lowest, uintptr_t frame);

/* detect_stale.c: entries whose user_data was never set. */
void sri_stale_left(struct sri_watched_ring *ring);
void sri_stale_enters(struct sri_watched_ring *ring);
void sri_stale_forget(struct sri_watched_ring *ring);

/* detect_short.c: short counts whose rest is never asked for. */
void sri_short_consumed(const struct sri_borrowed *borrowed);
void sri_short_completed(const struct sri_event *event, const struct sri_borrowed *borrowed);
void sri_short_called(int fd, bool writes);
void sri_short_closed(int fd);
void sri_short_finish(void);

/* detect_answer.c: answers that a program must expect, and the same request again and again. */
void sri_answer_consumed(struct sri_borrowed *borrowed, struct sri_watched_ring *ring);
void sri_answer_completed(const struct sri_event *event, const struct sri_borrowed *borrowed,
                          struct sri_watched_ring *ring);
void sri_answer_enters(const struct sri_watched_ring *ring);
void sri_answer_returned(struct sri_watched_ring *ring, unsigned to_submit, int result);
void sri_answer_watch_crash(void);

/* detect_order.c: what has no order among each other, and chains that can't go on. */
void sri_order_consumed(const struct sri_borrowed *borrowed, const struct io_uring_sqe *sqe);
void sri_order_committed(struct sri_borrowed *borrowed);
void sri_order_submits(int ring, unsigned to_submit);
void sri_order_submitted(int ring);

/* detect_descriptor.c: descriptors closed under operations, made and lost; slots changed under entries. */
void sri_descriptor_consumed(const struct sri_borrowed *borrowed, const struct io_uring_sqe *sqe);
void sri_descriptor_completed(const struct sri_event *event, const struct sri_borrowed *borrowed);
void sri_descriptor_closed(int fd);
void sri_descriptor_used(int fd);
void sri_descriptor_registers(const struct sri_watched_ring *watched, unsigned opcode, const void *arg,
                              unsigned count);
void sri_descriptor_finish(void);

/* detect_wait.c: waits that nothing ends. Ends the process; the lock is held. */
_Noreturn void sri_wait_end_process(void);
/* Of the program; 0: not known. */
unsigned sri_wait_threads(void);
/* The program is about to read from this descriptor. */
void sri_wait_on_eventfd(int fd, const void *frame, const void *site);
void sri_wait_watch(struct sri_world *world);

#endif
