/*
 * Getting a buffer from a pool and putting it back: the library's pool against a stack of buffers under a mutex, with one thread
 * (a pool of its own) and with two (a pool for all), each on a processor of its own where there are two.
 */
#include "bench.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "safer_ring.h"

#define BUFFERS 64u
#define SIZE 64u
#define THREADS_MOST 8u
/* One operation is so many pairs, so that making threads counts for nothing. */
#define PAIRS 1000u

struct pool_arm {
    struct sr_pool *pool;
    pthread_mutex_t lock; /* of the stack, in the library's place */
    uint32_t idle_count;
    uint32_t threads;
    void *idle[BUFFERS];
    char memory[BUFFERS * SIZE];
};

struct worker {
    pthread_t thread;
    struct pool_arm *arm;
    uint64_t operations;
    uint32_t processor;
    int outcome;
};

static int work_stack(struct pool_arm *arm, uint64_t operations)
{
    for (uint64_t i = 0; i < operations * PAIRS; i++) {
        pthread_mutex_lock(&arm->lock);
        void *buffer = arm->idle_count > 0 ? arm->idle[--arm->idle_count] : NULL;
        pthread_mutex_unlock(&arm->lock);
        if (buffer == NULL)
            return -ENOBUFS;
        *(volatile char *)buffer = 1;
        pthread_mutex_lock(&arm->lock);
        arm->idle[arm->idle_count++] = buffer;
        pthread_mutex_unlock(&arm->lock);
    }
    return 0;
}

SR_UNCHECKED static int work_pool(struct pool_arm *arm, uint64_t operations)
{
    for (uint64_t i = 0; i < operations * PAIRS; i++) {
        struct sr_buffer *buffer;
        int rc = sr_pool_get(arm->pool, &buffer);
        if (rc == 0)
            rc = sr_pool_put(arm->pool, &buffer);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static void go_to(uint32_t processor)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    (void)sched_setaffinity(0, sizeof set, &set); /* where there are fewer, they share */
}

static void *work_stack_in_thread(void *argument)
{
    struct worker *worker = argument;
    go_to(worker->processor);
    worker->outcome = work_stack(worker->arm, worker->operations);
    return NULL;
}

static void *work_pool_in_thread(void *argument)
{
    struct worker *worker = argument;
    go_to(worker->processor);
    worker->outcome = work_pool(worker->arm, worker->operations);
    return NULL;
}

/* The operations shared out to threads; they are waited for. */
static int share_out(struct pool_arm *arm, uint64_t operations, void *(*in_thread)(void *))
{
    struct worker workers[THREADS_MOST];
    int outcome = 0;
    for (uint32_t i = 0; i < arm->threads; i++) {
        workers[i] =
            (struct worker){.arm = arm,
                            .operations = operations / arm->threads + (i < operations % arm->threads),
                            .processor = i};
        if (pthread_create(&workers[i].thread, NULL, in_thread, &workers[i]) != 0)
            abort();
    }
    for (uint32_t i = 0; i < arm->threads; i++) {
        pthread_join(workers[i].thread, NULL);
        if (workers[i].outcome != 0)
            outcome = workers[i].outcome;
    }
    return outcome;
}

static int stack_run(void *self, uint64_t operations)
{
    struct pool_arm *arm = self;
    return arm->threads == 1 ? work_stack(arm, operations) : share_out(arm, operations, work_stack_in_thread);
}

static int pool_run(void *self, uint64_t operations)
{
    struct pool_arm *arm = self;
    return arm->threads == 1 ? work_pool(arm, operations) : share_out(arm, operations, work_pool_in_thread);
}

static struct pool_arm *arm_new(uint32_t threads)
{
    struct pool_arm *arm = threads <= THREADS_MOST ? calloc(1, sizeof *arm) : NULL;
    if (arm != NULL)
        arm->threads = threads;
    return arm;
}

static int stack_open(void **self, uint32_t threads)
{
    struct pool_arm *arm = arm_new(threads);
    if (arm == NULL)
        return -ENOMEM;
    pthread_mutex_init(&arm->lock, NULL);
    for (; arm->idle_count < BUFFERS; arm->idle_count++)
        arm->idle[arm->idle_count] = arm->memory + arm->idle_count * SIZE;
    *self = arm;
    return 0;
}

static void stack_close(void *self)
{
    struct pool_arm *arm = self;
    pthread_mutex_destroy(&arm->lock);
    free(arm);
}

static int pool_open(void **self, uint32_t threads)
{
    struct pool_arm *arm = arm_new(threads);
    if (arm == NULL)
        return -ENOMEM;
    int rc = sr_pool_new(&arm->pool, BUFFERS, SIZE, threads == 1 ? SR_POOL_ONE_THREAD : 0);
    if (rc != 0) {
        free(arm);
        return rc;
    }
    *self = arm;
    return 0;
}

static void pool_close(void *self)
{
    struct pool_arm *arm = self;
    if (sr_pool_free(&arm->pool, NULL) != 0)
        abort();
    free(arm);
}

static const struct arm stack = {stack_open, stack_run, stack_close};
static const struct arm pool = {pool_open, pool_run, pool_close};

const struct bench bench_pool = {
    .name = "pool",
    .what =
        "a thousand buffers from a pool and back, one by one, against a stack under a mutex; threads, not in flight",
    .depths = {1, 2},
    .slice_ns = 10000000,
    .raw = &stack,
    .library = &pool,
};
