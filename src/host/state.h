/*
 * What the files of the host world share: its state, and what they ask of one another. All of it is guarded by the
 * world's lock, except the workers (workers.h), which have their own.
 */
#ifndef SRI_HOST_STATE_H
#define SRI_HOST_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "engine/world.h"
#include "host/host.h"
#include "host/workers.h"

enum sri_host_kind {
    SRI_HOST_STORAGE, /* regular files, block devices, directories: never waited for, may block */
    SRI_HOST_SOCKET,
    SRI_HOST_PIPE,      /* has no offset */
    SRI_HOST_CHARACTER, /* devices: offsets or not, as the device says */
    SRI_HOST_ANONYMOUS, /* eventfd, timerfd, epoll, inotify, … */
    SRI_HOST_RING,      /* a ring of this world: `fd` is its eventfd */
};

/* One hold of a descriptor's object. Slots are reused and freed with the world only; a generation tells old events. */
struct sri_file {
    struct sri_node
        fresh; /* in host->fresh while it has no duplicate: it stands for the number, not yet the object */
    struct sri_attempt *first_waiter; /* oldest first */
    struct sri_attempt *last_waiter;
    struct sri_file *next_free;
    int fd;
    int duplicate; /* our own, high descriptor, or -1 */
    uint32_t index;
    uint32_t generation;
    uint32_t armed; /* the POLL* mask epoll reports once, 0 when none */
    uint8_t object; /* a hash of what it is: holds of one object have the same */
    bool watched;   /* epoll knows the duplicate */
    bool lost;      /* no duplicate could be made in time: the object is out of reach */
    bool kept;      /* in a table: several may use it at once */
    bool borrows;   /* its number is the duplicate of the poll's own hold (edge.c) */
    enum sri_host_kind kind;
    bool changed;                /* edge.c: epoll reported it since it was last asked */
    struct sri_attempt *edge_of; /* the poll that goes on whose hold this is, or NULL */
};

/* What an attempt needs once it does not end at its first start(): attempt->state. */
struct sri_host_op {
    struct sri_job job; /* first: a worker knows it by this */
    struct sri_host_op *next_free;
    struct sri_host_op *next_made; /* of all there are */
    struct sri_attempt *attempt;
    struct sri_file *awaited; /* in whose list it waits */
    uint64_t done;            /* bytes of storage moved before the worker took over */
    uint32_t round;           /* of reports, in which it began to wait */
    int64_t turn;             /* among those that wait for one object: the largest is told first */
    bool waiting;             /* in its file's list */
    bool running;             /* given to the workers */
    bool connecting;          /* connect(2) was made, and its outcome is waited for */
    bool given_up;            /* a cancel came while a worker had it */
    struct sri_file *edge;    /* a poll that goes on: its own hold */
};

struct sri_host_ring {
    void *ring;
    int eventfd;
    bool readable;
    bool lost; /* its number is the program's again */
};

#define SRI_HOST_FILES_PER_CHUNK 64
#define SRI_HOST_OBJECTS 64u

/*
 * The clock of a run that must repeat (clock.c): it moves by what the program and the engine do. Once the program itself
 * asks for time it is the machine's again, ahead of it by what was skipped until then.
 */
struct sri_host_clock {
    bool logical;
    uint64_t now_ns;
    uint64_t ahead_ns;
    _Atomic bool hurried;
};

/* What the descriptor that was looked up last is, until the lock is given up or something is closed. */
struct sri_host_lookup {
    int fd; /* -1: nothing is known */
    enum sri_host_kind kind;
    uint8_t object;
};

struct sri_host {
    pthread_mutex_t lock;
    struct sri_engine *engine;
    struct sri_workers *workers;
    struct sri_host_clock clock;

    int epoll;
    int alarm; /* eventfd: somebody wakes the sleepers */
    int timer; /* timerfd: the engine's next due time, for programs that sleep on a ring's descriptor */
    int high;  /* own descriptors lie at or above this number */
    _Atomic bool alarmed;
    uint64_t timer_due_ns;
    _Atomic uint32_t sleepers;
    _Atomic bool calling;                 /* somebody wants every sleeper awake */
    uint32_t calls;                       /* how often the sleepers were called */
    uint32_t called;                      /* of them, those that have not woken since the last call */
    uint32_t round;                       /* counts reports of files */
    int64_t waits;                        /* counts those that began to wait */
    uint32_t watches;                     /* files armed */
    uint32_t watched[SRI_HOST_OBJECTS];   /* of them, by `object` */
    uint32_t running;                     /* attempts with the workers */
    uint32_t accepting[SRI_HOST_OBJECTS]; /* of them, those that accept, by `object` */

    struct sri_file **chunks;
    uint32_t chunk_count;
    struct sri_file *free_files;
    struct sri_node fresh;
    struct sri_host_lookup last;
    struct sri_host_op *free_ops;
    struct sri_host_op *made_ops;

    struct sri_host_ring **rings; /* by descriptor; NULL where there is none */
    uint32_t ring_slots;
    uint32_t ring_count;
};

/* files.c */
struct sri_file *sri_host_file_get(void *self, int fd);
struct sri_file *sri_host_file_of(void *self, int process, int fd);
void sri_host_file_put(void *self, struct sri_file *file);
bool sri_host_same_file(void *self, const struct sri_file *one, const struct sri_file *other);
uint32_t sri_host_object(void *self, const struct sri_file *file);
int sri_host_eventfd_add(void *self, struct sri_file *file, uint64_t value);
int sri_host_file_pin(struct sri_host *host, struct sri_file *file); /* makes the duplicate; -errno */
int sri_host_file_keep(void *self, struct sri_file *file);
void sri_host_file_end(void *self, struct sri_file *file);
struct sri_file *sri_host_file_closing(void *self, int fd);
int sri_host_file_again(void *self, struct sri_file *file, struct sri_file **again);
void sri_host_pin_fresh(struct sri_host *host);
struct sri_file *sri_host_file_by(struct sri_host *host, uint32_t index, uint32_t generation);
int sri_host_raise(const struct sri_host *host,
                   int fd); /* the same object at a high number; closes fd; -errno */
bool sri_host_is_epoll(int fd);
void sri_host_files_free(struct sri_host *host);

static inline int sri_host_fd(const struct sri_file *file)
{
    return file->duplicate >= 0 ? file->duplicate : file->fd;
}

/* clock.c */
uint64_t sri_host_now_ns(void *self);
uint64_t sri_host_clock_ns(void *self, enum sri_clock clock);
void sri_host_visit(struct sri_host *host); /* a call of the program's begins */
uint64_t sri_host_to_real(const struct sri_host *host, uint64_t at_ns);
bool sri_host_skip_to(struct sri_host *host, uint64_t at_ns); /* true: that was all the waiting */

/* readiness.c */
void sri_host_set_armed(struct sri_host *host, struct sri_file *file, uint32_t mask);
int sri_host_watch(struct sri_host *host, struct sri_attempt *attempt, struct sri_file *file,
                   uint32_t mask); /* 0, -EPERM: never changes */
void sri_host_unwatch(struct sri_attempt *attempt);
void sri_host_forget_file(struct sri_host *host, struct sri_file *file);
int sri_host_wait(void *self, uint64_t until_ns, const void *mask, size_t mask_size);
void sri_host_wake(void *self);
void sri_host_alarm(struct sri_host *host); /* from any thread, without the lock */
void sri_host_set_timer(struct sri_host *host);

/* attempt.c */
enum sri_answer sri_host_start(void *self, struct sri_attempt *attempt, int64_t *result);
int sri_host_cancel(void *self, struct sri_attempt *attempt);
struct sri_host_op *sri_host_op_of(struct sri_host *host,
                                   struct sri_attempt *attempt); /* made if need be; NULL: -ENOMEM */
void sri_host_op_end(struct sri_host *host, struct sri_attempt *attempt);
void sri_host_ready(struct sri_host *host,
                    struct sri_attempt *attempt); /* it may go on: the engine decides when */
enum sri_answer sri_host_hold(struct sri_host *host, struct sri_attempt *attempt, uint32_t mask,
                              int64_t *result);
enum sri_answer sri_host_hold_on(struct sri_host *host, struct sri_attempt *attempt, struct sri_file *file,
                                 uint32_t mask, int64_t *result);
enum sri_answer sri_host_run(struct sri_host *host, struct sri_attempt *attempt, int64_t *result);
bool sri_host_collect(struct sri_host *host); /* was there any? */
void sri_host_ops_free(struct sri_host *host);
int sri_host_poll_now(int fd, uint32_t mask); /* the mask that is true, or -errno */
uint32_t sri_host_polled_mask(const struct sri_attempt *attempt);
uint32_t sri_host_polled_result(const struct sri_attempt *attempt, uint32_t mask);

/* edge.c: polls that go on */
enum sri_answer sri_host_edge(struct sri_host *host, struct sri_attempt *attempt, int64_t *result);
void sri_host_edge_report(struct sri_host *host, struct sri_file *file);
void sri_host_edge_end(void *self, struct sri_attempt *attempt);

/* transfer.c, socket.c: one try without blocking; and the same on a worker, where it may block */
enum sri_answer sri_host_transfer(struct sri_host *host, struct sri_attempt *attempt, int64_t *result);
int64_t sri_host_transfer_blocking(const struct sri_attempt *attempt, int fd, uint64_t done);
enum sri_answer sri_host_message(struct sri_host *host, struct sri_attempt *attempt, int64_t *result);
enum sri_answer sri_host_accept(struct sri_host *host, struct sri_attempt *attempt, int64_t *result);
enum sri_answer sri_host_connect(struct sri_host *host, struct sri_attempt *attempt, int64_t *result);
int64_t sri_host_connect_blocking(const struct sri_attempt *attempt, int fd);
int64_t sri_host_socket(const struct sri_socket_kind *kind);
int64_t sri_host_shutdown(const struct sri_attempt *attempt);

/* splice.c */
enum sri_answer sri_host_splice(struct sri_host *host, struct sri_attempt *attempt, int64_t *result);
int64_t sri_host_splice_blocking(const struct sri_attempt *attempt);
bool sri_host_splice_may_wait(const struct sri_attempt *attempt);

/* interest.c */
int64_t sri_host_interest(struct sri_host *host, const struct sri_interest *interest);

/* open.c */
enum sri_answer sri_host_open(struct sri_host *host, struct sri_attempt *attempt, int64_t *result);
int64_t sri_host_open_blocking(const struct sri_path *path);

/* storage.c: the same for names, attributes and ranges of files */
enum sri_answer sri_host_storage(struct sri_host *host, struct sri_attempt *attempt, int64_t *result);
int64_t sri_host_storage_blocking(const struct sri_attempt *attempt, int fd);

/* rings.c */
int sri_host_ring_open(void *self, void *ring);
void *sri_host_ring_of(void *self, int fd, int *error);
void sri_host_ring_close(void *self, int fd);
int sri_host_ring_pollable(void *self, int fd);
void sri_host_ring_notify(void *self, int fd, bool readable);
struct sri_host_ring *sri_host_ring_at(const struct sri_host *host, int fd);
void sri_host_rings_free(struct sri_host *host);

#endif
