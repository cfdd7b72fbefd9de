/*
 * A few threads for what may block. They know jobs, not attempts.
 */
#ifndef SRI_HOST_WORKERS_H
#define SRI_HOST_WORKERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct sri_job {
    struct sri_node node;
    /* Runs on a worker with every signal blocked. System calls only: the thread may be ended inside one, at release. */
    int64_t (*run)(struct sri_job *job);
    int64_t result;
    bool begun;
    bool ended;
};

struct sri_workers;

/* `finished` is called by a worker, with nothing held, after a job was put where sri_workers_take() finds it. */
int sri_workers_new(struct sri_workers **out, void (*finished)(void *self), void *self);

/* 0, or -EAGAIN: there is no thread and none could be started. */
int sri_workers_add(struct sri_workers *workers, struct sri_job *job);

/* Takes back a job that has not begun: true when it is the caller's again. */
bool sri_workers_withdraw(struct sri_workers *workers, struct sri_job *job);

/* Waits for one that has begun, at most so long: true when it has ended, and is the caller's again. */
bool sri_workers_await(struct sri_workers *workers, struct sri_job *job, uint32_t most_ms);

/* The next finished job, in order of finishing, or NULL. */
struct sri_job *sri_workers_take(struct sri_workers *workers);

/*
 * Ends what runs, in the middle of its system call if need be, and joins every thread; what had not finished has with
 * -EINTR. What such a call did may be lost: only for jobs whose results nobody can see any more.
 */
void sri_workers_stop(struct sri_workers *workers);

/* The same, and frees what is left. Jobs are their owner's. NULL is fine. */
void sri_workers_free(struct sri_workers *workers);

/* How many threads there are. */
uint32_t sri_workers_count(struct sri_workers *workers);

#endif
