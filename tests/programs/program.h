/*
 * What the plain liburing programs of this folder share: a check that says where it failed.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <errno.h>
#include <liburing.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/asleep.h"

#define SKIPPED 77

#define CHECK(condition)                                                                                \
    do {                                                                                                \
        if (!(condition)) {                                                                             \
            fprintf(stderr, "%s:%d: not true: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
            exit(1);                                                                                    \
        }                                                                                               \
    } while (0)

/* Opens a ring; where io_uring is refused the program is skipped. */
static inline void open_ring(struct io_uring *ring, unsigned entries, unsigned flags)
{
    int rc = io_uring_queue_init(entries, ring, flags);
    if (rc == -ENOSYS || rc == -EPERM || rc == -ENOMEM)
        exit(SKIPPED);
    CHECK(rc == 0);
}

/* Submits all that was prepared, however often it takes. */
static inline void submit_all(struct io_uring *ring)
{
    while (io_uring_sq_ready(ring) > 0) {
        int rc = io_uring_submit(ring);
        CHECK(rc >= 0 || rc == -EINTR || rc == -EAGAIN || rc == -EBUSY);
    }
}

/* The next completion, however often the wait is interrupted. */
static inline struct io_uring_cqe *next_cqe(struct io_uring *ring)
{
    struct io_uring_cqe *cqe = NULL;
    int rc;
    do {
        rc = io_uring_wait_cqe(ring, &cqe);
    } while (rc == -EINTR || rc == -EAGAIN);
    CHECK(rc == 0 && cqe != NULL);
    return cqe;
}

/* Its result, and it is seen. */
static inline int finish_one(struct io_uring *ring)
{
    struct io_uring_cqe *cqe = next_cqe(ring);
    int result = cqe->res;
    io_uring_cqe_seen(ring, cqe);
    return result;
}

/* Until a thread of a process, by its number, has gone to sleep in the kernel. */
static inline void until_asleep(pid_t process, pid_t thread)
{
    while (!is_asleep(process, thread))
        sched_yield();
}

#endif
