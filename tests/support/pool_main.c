/*
 * safer-ring-pool: gets and returns from 1, 2, 4 and 8 threads, with every buffer watched: none may be lost, given twice, or
 * said to be absent while one is at home. Buffers change threads on the way. With --measure it says what a get and a return
 * cost, beside a pool under one mutex.
 *
 *     safer-ring-pool [--pairs N]         N gets and returns in all, per number of threads; 10 000 000 if left out
 *     safer-ring-pool --measure
 *
 * Exit: 0 all as it must be, 1 a buffer was lost, doubled or denied, 2 bad usage.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "safer_ring/pool.h"

#define THREADS 8u
#define HELD 4u
#define EXCHANGE 8u
#define SIZE 64u

/*
 * A thread holds at most HELD buffers, and the exchange EXCHANGE; whoever asks holds one less. So one is always at home or
 * on its way out to somebody, and a get that is told "empty" was told wrong (POOL-1).
 */
struct storm {
    struct sr_pool *pool;
    uint32_t capacity;
    uint64_t pairs; /* of each thread */
    _Atomic(struct sr_buffer *) exchange[EXCHANGE];
    atomic_uint doubled;
    atomic_uint denied;
    atomic_uint refused;
};

struct worker {
    struct storm *storm;
    uint32_t number;
    uint64_t random;
    struct sr_buffer *held[HELD];
    uint32_t count;
};

static uint32_t any(struct worker *worker)
{
    worker->random = worker->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(worker->random >> 33);
}

/* In the buffer's own bytes stands who has it. */
static atomic_uint *word_of(struct sr_buffer **buffer)
{
    struct sr_guard guard;
    if (sr_buffer_try_access(buffer, &guard) != 0)
        return NULL;
    atomic_uint *word = (atomic_uint *)(void *)sr_guard_bytes(&guard);
    sr_guard_end(&guard, buffer);
    return word;
}

static void mark(struct worker *worker, struct sr_buffer **buffer, uint32_t from, uint32_t to)
{
    atomic_uint *word = word_of(buffer);
    if (word == NULL || atomic_exchange_explicit(word, to, memory_order_relaxed) != from)
        atomic_fetch_add(&worker->storm->doubled, 1);
}

static void put_back(struct worker *worker, struct sr_buffer *buffer)
{
    mark(worker, &buffer, worker->number, 0);
    int rc = any(worker) % 2 != 0 ? sr_pool_put(worker->storm->pool, &buffer) : sr_buffer_release(&buffer);
    if (rc != 0)
        atomic_fetch_add(&worker->storm->refused, 1);
}

/* Another thread's buffer for one of ours. */
static void swap_one(struct worker *worker)
{
    struct sr_buffer *mine = worker->held[--worker->count];
    mark(worker, &mine, worker->number, UINT32_MAX);
    struct sr_buffer *theirs = atomic_exchange(&worker->storm->exchange[any(worker) % EXCHANGE], mine);
    if (theirs == NULL)
        return;
    mark(worker, &theirs, UINT32_MAX, worker->number);
    worker->held[worker->count++] = theirs;
}

static void get_one(struct worker *worker)
{
    struct sr_buffer *buffer = NULL;
    int rc = sr_pool_get(worker->storm->pool, &buffer);
    if (rc != 0) {
        atomic_fetch_add(&worker->storm->denied, 1);
        return;
    }
    mark(worker, &buffer, 0, worker->number);
    worker->held[worker->count++] = buffer;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    for (uint64_t i = 0; i < worker->storm->pairs; i++) {
        if (worker->count > 0 && any(worker) % 8 == 0)
            swap_one(worker);
        while (worker->count > 0 && (worker->count == HELD || any(worker) % 3 == 0))
            put_back(worker, worker->held[--worker->count]);
        get_one(worker);
    }
    while (worker->count > 0)
        put_back(worker, worker->held[--worker->count]);
    return NULL;
}

static int judge(struct storm *storm, uint32_t threads)
{
    struct sr_pool_stats stats;
    uint32_t in_use = 0;
    for (uint32_t i = 0; i < EXCHANGE; i++) {
        struct sr_buffer *left = atomic_load(&storm->exchange[i]);
        if (left == NULL)
            continue;
        *word_of(&left) = 0;
        if (sr_buffer_release(&left) != 0)
            atomic_fetch_add(&storm->refused, 1);
    }
    if (sr_pool_stats(storm->pool, &stats) != 0)
        return 1;
    bool counted = stats.hits == threads * storm->pairs && stats.failures == 0;
    bool freed = sr_pool_free(&storm->pool, &in_use) == 0;
    printf("%u threads: %llu gets, %u lost, %u doubled, %u denied, %u returns refused%s\n", threads,
           (unsigned long long)stats.hits, in_use, atomic_load(&storm->doubled), atomic_load(&storm->denied),
           atomic_load(&storm->refused), counted ? "" : ", wrongly counted");
    return counted && freed && storm->doubled == 0 && storm->denied == 0 && storm->refused == 0 ? 0 : 1;
}

static int run_storm(uint32_t threads, uint64_t pairs)
{
    struct storm storm = {.capacity = threads * HELD + EXCHANGE, .pairs = pairs / threads};
    struct worker workers[THREADS];
    pthread_t ids[THREADS];
    if (sr_pool_new(&storm.pool, storm.capacity, SIZE, 0) != 0)
        return 1;
    for (uint32_t i = 0; i < threads; i++) {
        workers[i] = (struct worker){.storm = &storm, .number = i + 1, .random = i + 1};
        if (pthread_create(&ids[i], NULL, work, &workers[i]) != 0)
            return 1;
    }
    for (uint32_t i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    return judge(&storm, threads);
}

/* ---- what it costs ---- */

#define MEASURED UINT64_C(200000)
#define ROUNDS 100

struct timed {
    struct sr_pool *pool; /* NULL: the mutex's */
    pthread_mutex_t *lock;
    struct sr_buffer **first;
    uint32_t *count;
};

static void mutex_pair(struct timed *timed)
{
    pthread_mutex_lock(timed->lock);
    struct sr_buffer *buffer = timed->first[--*timed->count];
    pthread_mutex_unlock(timed->lock);
    __asm__ volatile("" : "+r"(buffer));
    pthread_mutex_lock(timed->lock);
    timed->first[(*timed->count)++] = buffer;
    pthread_mutex_unlock(timed->lock);
}

static void *time_pairs(void *argument)
{
    struct timed *timed = argument;
    for (uint64_t i = 0; i < MEASURED; i++) {
        struct sr_buffer *buffer;
        if (timed->pool == NULL)
            mutex_pair(timed);
        else if (sr_pool_get(timed->pool, &buffer) != 0 || sr_pool_put(timed->pool, &buffer) != 0)
            abort();
    }
    return NULL;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Nanoseconds per pair of each thread, the best of many short rounds: a machine is seldom quiet for long. */
static double measure(struct timed *timed, uint32_t threads)
{
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t ids[THREADS];
        double begin = seconds();
        for (uint32_t i = 1; i < threads; i++)
            if (pthread_create(&ids[i], NULL, time_pairs, timed) != 0)
                abort();
        time_pairs(timed);
        for (uint32_t i = 1; i < threads; i++)
            pthread_join(ids[i], NULL);
        double ns = (seconds() - begin) * 1e9 / (double)MEASURED;
        best = ns < best ? ns : best;
    }
    return best;
}

static int run_measure(void)
{
    struct sr_buffer *list[64] = {NULL};
    uint32_t count = 64;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct timed mutex = {.lock = &lock, .first = list, .count = &count};
    struct timed owner = {.pool = NULL};
    struct timed shared = {.pool = NULL};
    if (sr_pool_new(&owner.pool, 64, SIZE, SR_POOL_ONE_THREAD) != 0 ||
        sr_pool_new(&shared.pool, 64, SIZE, 0) != 0)
        return 1;
    printf("get + put, ns: one thread: owner's %.2f, for all %.2f, mutex %.2f\n", measure(&owner, 1),
           measure(&shared, 1), measure(&mutex, 1));
    for (uint32_t threads = 2; threads <= THREADS; threads *= 2) {
        double ours = measure(&shared, threads);
        double theirs = measure(&mutex, threads);
        printf("%u threads: for all %.2f, mutex %.2f, ratio %.2f\n", threads, ours, theirs, ours / theirs);
    }
    return sr_pool_free(&owner.pool, NULL) == 0 && sr_pool_free(&shared.pool, NULL) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    uint64_t pairs = UINT64_C(10000000);
    char *end = NULL;
    if (argc == 2 && strcmp(argv[1], "--measure") == 0)
        return run_measure();
    if (argc == 3 && strcmp(argv[1], "--pairs") == 0)
        pairs = strtoull(argv[2], &end, 10);
    if ((argc != 1 && end == NULL) || (end != NULL && (*end != '\0' || pairs < THREADS))) {
        fputs("usage: safer-ring-pool [--pairs N | --measure]\n", stderr);
        return 2;
    }
    int failed = 0;
    for (uint32_t threads = 1; threads <= THREADS; threads *= 2)
        failed |= run_storm(threads, pairs);
    return failed;
}
