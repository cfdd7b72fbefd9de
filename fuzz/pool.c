/*
 * A pool and two threads, of which one works at a time, as the bytes say: who has each buffer is known, so every answer is.
 * With one thread's pool the other is refused.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "input.h"
#include "safer_ring.h"

#define CAPACITY_MAX 8u
#define STEPS 64

static struct sr_pool *pool;
static uint32_t capacity;
static bool one_thread;
static bool clears;
static struct sr_buffer *out[CAPACITY_MAX];
static uint32_t out_count;
static struct sr_buffer *stale; /* one that went back */
static uint64_t hits;
static uint64_t failures;
static struct input input;

/* The other thread: does one step each time it is told to. */
static sem_t go;
static sem_t done;
static bool begun;

static void get(bool stranger)
{
    struct sr_buffer *buffer = NULL;
    int rc = sr_pool_get(pool, &buffer);
    if (one_thread && stranger) {
        FUZZ_REQUIRE(rc == SR_EWRONG_THREAD && buffer == NULL);
        return;
    }
    FUZZ_REQUIRE(rc == (out_count == capacity ? SR_EPOOL_EMPTY : 0));
    if (rc != 0) {
        failures++;
        return;
    }
    hits++;
    for (uint32_t i = 0; i < out_count; i++)
        FUZZ_REQUIRE(out[i] != buffer);
    FUZZ_REQUIRE(sr_buffer_is_user_owned(buffer) && sr_buffer_size(buffer) == 24);
    if (buffer == stale)
        stale = NULL;
    struct sr_buffer *handle = buffer;
    struct sr_guard guard;
    FUZZ_REQUIRE(sr_buffer_try_access(&handle, &guard) == 0);
    uint8_t *bytes = sr_guard_bytes(&guard);
    for (uint32_t i = 0; clears && i < 24; i++)
        FUZZ_REQUIRE(bytes[i] == 0);
    memset(bytes, 0x5a, 24);
    sr_guard_end(&guard, &handle);
    out[out_count++] = buffer;
}

static void put(void)
{
    if (out_count == 0)
        return;
    uint32_t at = next_below(&input, out_count);
    struct sr_buffer *handle = out[at];
    struct sr_buffer *copy = handle;
    int rc = next_below(&input, 2) == 0 ? sr_pool_put(pool, &handle) : sr_buffer_release(&handle);
    FUZZ_REQUIRE(rc == 0 && handle == NULL);
    out[at] = out[--out_count];
    stale = copy;
}

static void put_again(void)
{
    struct sr_buffer *handle = stale;
    if (stale == NULL)
        return;
    FUZZ_REQUIRE(sr_pool_put(pool, &handle) == SR_EBUFFER_IN_FLIGHT && handle == stale);
}

static void put_foreign(void)
{
    struct sr_buffer *buffer;
    FUZZ_REQUIRE(sr_buffer_new(&buffer, 24) == 0);
    FUZZ_REQUIRE(sr_pool_put(pool, &buffer) == SR_EFOREIGN && buffer != NULL);
    FUZZ_REQUIRE(sr_buffer_release(&buffer) == 0);
}

static void ask(bool stranger)
{
    struct sr_pool_stats stats;
    int rc = sr_pool_stats(pool, &stats);
    FUZZ_REQUIRE(rc == (one_thread && stranger ? SR_EWRONG_THREAD : 0));
    if (rc != 0)
        return;
    FUZZ_REQUIRE(stats.capacity == capacity && stats.in_use == out_count);
    FUZZ_REQUIRE(stats.available == capacity - out_count && stats.hits == hits && stats.failures == failures);
}

static void free_early(void)
{
    uint32_t in_use = 0;
    if (out_count > 0)
        FUZZ_REQUIRE(sr_pool_free(&pool, &in_use) == SR_EBUFFER_IN_FLIGHT && in_use == out_count &&
                     pool != NULL);
}

static void step(bool stranger)
{
    switch (next_below(&input, 8)) {
    case 0:
    case 1:
    case 2: get(stranger); break;
    case 3:
    case 4: put(); break;
    case 5: put_again(); break;
    case 6: ask(stranger); break;
    default:
        if (next_below(&input, 2) == 0)
            put_foreign();
        else if (!stranger)
            free_early();
    }
}

/* The fuzzer's own alarm interrupts a wait, which does not mean that the other thread is through. */
static void await(sem_t *sem)
{
    int rc;
    do
        rc = sem_wait(sem);
    while (rc != 0 && errno == EINTR);
    FUZZ_REQUIRE(rc == 0);
}

static void *work(void *user)
{
    (void)user;
    for (;;) {
        await(&go);
        step(true);
        sem_post(&done);
    }
    return NULL;
}

static void begin_thread(void)
{
    pthread_t thread;
    FUZZ_REQUIRE(sem_init(&go, 0, 0) == 0 && sem_init(&done, 0, 0) == 0);
    FUZZ_REQUIRE(pthread_create(&thread, NULL, work, NULL) == 0);
    begun = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input = (struct input){data, size, 0};
    uint8_t how = next_byte(&input);
    if (!begun)
        begin_thread();
    capacity = 1 + how % CAPACITY_MAX;
    one_thread = (how & 8) != 0;
    clears = (how & 16) != 0;
    out_count = 0;
    stale = NULL;
    hits = failures = 0;
    FUZZ_REQUIRE(sr_pool_new(&pool, capacity, 24,
                             (one_thread ? SR_POOL_ONE_THREAD : 0u) | (clears ? SR_POOL_CLEAR : 0u)) == 0);
    for (int i = 0; i < STEPS && input.at < input.size; i++) {
        if (next_byte(&input) < 200) {
            step(false);
            continue;
        }
        sem_post(&go);
        await(&done);
    }
    while (out_count > 0)
        FUZZ_REQUIRE(sr_buffer_release(&out[--out_count]) == 0);
    FUZZ_REQUIRE(sr_pool_free(&pool, NULL) == 0 && pool == NULL);
    return 0;
}
