/*
 * Pools, judged: they give what they have and no more, each buffer once, and take it back once, whoever had it last (POOL-1 …
 * POOL-7).
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <pthread.h>
#include <string.h>

#include "oracle/model.h"

/* How many of a pool's buffers are out at least, and at most: what an orphan had may have come home unseen. */
struct bounds {
    uint32_t certain;
    uint32_t most;
};

static bool is_certain(const struct sri_model *model, const struct sri_held *held)
{
    const struct sri_act *act = held->vector != NULL ? held->vector->act : held->act;
    if (act == NULL || held->handle != NULL)
        return true;
    if (act->hand == SRI_HAND_LEFT)
        return false;
    return act->hand != SRI_HAND_DROPPED || (model->sees && !act->posted);
}

static struct bounds bounds_of(const struct sri_model *model, const struct sri_basin *basin)
{
    struct bounds bounds = {0, 0};
    for (const struct sri_node *node = model->helds.next; node != &model->helds; node = node->next) {
        const struct sri_held *held = SRI_CONTAINER_OF(node, struct sri_held, node);
        if (held->basin != basin)
            continue;
        bounds.most++;
        bounds.certain += is_certain(model, held) ? 1 : 0;
    }
    return bounds;
}

static int stats_of(const struct sri_model *model, const struct sri_basin *basin, struct sr_pool_stats *stats)
{
    return basin->own ? sr_ring_pool_stats(model->ring, stats) : sr_pool_stats(basin->handle, stats);
}

static void judge_basin(struct sri_model *model, const struct sri_basin *basin)
{
    struct sr_pool_stats stats;
    struct bounds bounds = bounds_of(model, basin);
    int rc = stats_of(model, basin, &stats);
    sri_judge(model->verdict, SRI_RULE_POOL_2, 0,
              rc == 0 && stats.capacity == basin->capacity &&
                  stats.available + stats.in_use == stats.capacity && stats.in_use >= bounds.certain &&
                  stats.in_use <= bounds.most,
              "a pool of %u says that %u are at home and %u in use; %u to %u are out", basin->capacity,
              rc == 0 ? stats.available : 0, rc == 0 ? stats.in_use : 0, bounds.certain, bounds.most);
    if (rc == 0)
        sri_judge(model->verdict, SRI_RULE_POOL_6, 0,
                  stats.hits == basin->gets && stats.failures == basin->failures,
                  "a pool has counted %llu and %llu; %llu were got, and %llu refused",
                  (unsigned long long)stats.hits, (unsigned long long)stats.failures,
                  (unsigned long long)basin->gets, (unsigned long long)basin->failures);
}

void sri_store_judge_pools(struct sri_model *model)
{
    for (uint32_t i = 0; i < SRI_BASINS; i++) {
        const struct sri_basin *basin = &model->store.basins[i];
        if (basin->live && !basin->closed && (!basin->own || model->ring != NULL))
            judge_basin(model, basin);
    }
}

void sri_store_new_pool(struct sri_model *model, uint32_t place, uint32_t capacity, size_t size,
                        uint32_t flags)
{
    struct sri_basin *basin = &model->store.basins[place];
    struct sr_pool *pool = NULL;
    if (basin->live)
        return;
    int rc = sr_pool_new(&pool, capacity, size, flags);
    sri_model_tell(model, "new pool %u of %u: %d", place, capacity, rc);
    if (rc != 0) {
        sri_judge(model->verdict, SRI_RULE_POOL_2, 0, rc == -ENOMEM && pool == NULL,
                  "a pool could not be made: %d", rc);
        return;
    }
    *basin = (struct sri_basin){.live = true,
                                .handle = pool,
                                .capacity = capacity,
                                .size = size,
                                .clears = (flags & SR_POOL_CLEAR) != 0,
                                .one_thread = (flags & SR_POOL_ONE_THREAD) != 0};
    judge_basin(model, basin);
}

/* ---- getting ---- */

struct sight {
    bool looks; /* else the bytes are whatever they are, to memcheck also none */
    bool zero;
};

static void look_and_stain(void *user, uint8_t *bytes, size_t size)
{
    struct sight *sight = user;
    for (size_t i = 0; sight->looks && i < size; i++)
        sight->zero = sight->zero && bytes[i] == 0;
    memset(bytes, 0xa7, size);
}

/* What a clearing pool gives shows nothing of who had it before (POOL-7). */
static void judge_clear(struct sri_model *model, const struct sri_basin *basin, struct sri_held *held)
{
    struct sight sight = {.looks = basin->clears, .zero = true};
    sri_model_access(model, held, false, look_and_stain, &sight);
    if (basin->clears)
        sri_judge(model->verdict, SRI_RULE_POOL_7, 0, sight.zero,
                  "a clearing pool gave a buffer with somebody's bytes in it");
}

/* From a ring's own pool, or from the allocator: which, the statistics say. */
static int get_own(struct sri_model *model, struct sri_basin *basin, struct sr_buffer **buffer, bool *pooled)
{
    struct sr_pool_stats before;
    struct sr_pool_stats after;
    int asked = sr_ring_pool_stats(model->ring, &before);
    int rc = sr_ring_get_buffer(model->ring, basin->size, buffer);
    asked = asked != 0 ? asked : sr_ring_pool_stats(model->ring, &after);
    *pooled = rc == 0 && asked == 0 && after.hits > before.hits;
    if (!*pooled && asked == 0)
        basin->failures += after.failures - before.failures;
    return rc;
}

static void judge_get(struct sri_model *model, const struct sri_basin *basin, struct bounds bounds, bool got,
                      int rc)
{
    if (got)
        sri_judge(model->verdict, SRI_RULE_POOL_1, 0, bounds.certain < basin->capacity,
                  "a pool of %u gave one more", basin->capacity);
    else
        sri_judge(model->verdict, SRI_RULE_POOL_1, 0,
                  bounds.most >= basin->capacity && (basin->own || rc == SR_EPOOL_EMPTY),
                  "a pool of which %u to %u of %u are out answered %d", bounds.certain, bounds.most,
                  basin->capacity, rc);
}

struct sri_held *sri_store_get(struct sri_model *model, uint32_t place)
{
    struct sri_basin *basin = &model->store.basins[place];
    struct sr_buffer *buffer = NULL;
    bool pooled = true;
    if (!basin->live || (basin->own && (basin->closed || model->ring == NULL)))
        return NULL;
    struct bounds bounds = bounds_of(model, basin);
    int rc = basin->own ? get_own(model, basin, &buffer, &pooled) : sr_pool_get(basin->handle, &buffer);
    sri_model_tell(model, "get from pool %u: %d", place, rc);
    judge_get(model, basin, bounds, rc == 0 && pooled, rc);
    if (rc != 0) {
        basin->failures += basin->own ? 0 : 1;
        return NULL;
    }
    struct sri_held *held = sri_model_made(model, buffer, basin->size);
    basin->gets += pooled ? 1 : 0;
    if (held == NULL)
        return NULL;
    if (pooled) {
        held->basin = basin;
        held->block = NULL; /* the pool's block is not one buffer's */
        judge_clear(model, basin, held);
    }
    judge_basin(model, basin);
    return held;
}

/* ---- coming back ---- */

static void judge_second_return(struct sri_model *model, const struct sri_basin *basin,
                                struct sr_buffer *back)
{
    struct sr_buffer *copy = back;
    int released = sr_buffer_release(&copy);
    int put = basin->own || released == 0 ? SR_EBUFFER_IN_FLIGHT : sr_pool_put(basin->handle, &copy);
    sri_judge(model->verdict, SRI_RULE_POOL_3, 0,
              released == SR_EBUFFER_IN_FLIGHT && put == SR_EBUFFER_IN_FLIGHT && copy == back,
              "a buffer that was back was returned again: %d, %d", released, put);
}

static void put_wrongly(struct sri_model *model, struct sri_held *held)
{
    for (uint32_t i = 0; i < SRI_BASINS; i++) {
        const struct sri_basin *other = &model->store.basins[i];
        if (!other->live || other->own || other == held->basin)
            continue;
        int rc = sr_pool_put(other->handle, &held->handle);
        sri_judge(model->verdict, SRI_RULE_POOL_3, 0,
                  rc == SR_EFOREIGN && held->handle == held->copy && sr_buffer_is_user_owned(held->copy),
                  "a pool took in a stranger: %d", rc);
        judge_basin(model, other);
    }
}

void sri_store_put(struct sri_model *model, struct sri_held *held, bool wrongly)
{
    const struct sri_basin *basin = held->basin;
    if (wrongly)
        put_wrongly(model, held);
    if (basin == NULL || basin->own || held->handle == NULL)
        return;
    struct sr_buffer *back = held->copy;
    int rc = sr_pool_put(basin->handle, &held->handle);
    sri_model_tell(model, "put: %d", rc);
    sri_judge(model->verdict, SRI_RULE_POOL_3, 0, rc == 0 && held->handle == NULL,
              "a pool's own buffer was not taken in: %d", rc);
    sri_model_home(model, held, SRI_RULE_POOL_3, 0);
    judge_second_return(model, basin, back);
    judge_basin(model, basin);
}

void sri_store_misuse(struct sri_model *model, struct sri_held *held)
{
    const struct sri_basin *basin = held->basin;
    if (basin == NULL || basin->own || held->handle != NULL)
        return;
    struct sr_buffer *copy = held->copy;
    int rc = sr_pool_put(basin->handle, &copy);
    sri_judge(model->verdict, SRI_RULE_POOL_4, held->act != NULL ? held->act->id : 0,
              rc == SR_EBUFFER_IN_FLIGHT && copy == held->copy, "a buffer in flight was put back: %d", rc);
    judge_basin(model, basin);
}

void sri_store_free_pool(struct sri_model *model, uint32_t place)
{
    struct sri_basin *basin = &model->store.basins[place];
    if (!basin->live || basin->own)
        return;
    struct bounds bounds = bounds_of(model, basin);
    struct sr_pool *handle = basin->handle;
    uint32_t in_use = UINT32_MAX;
    int rc = sr_pool_free(&basin->handle, &in_use);
    sri_model_tell(model, "free pool %u with %u to %u out: %d", place, bounds.certain, bounds.most, rc);
    bool right = rc == 0 ? bounds.certain == 0 && basin->handle == NULL
                         : rc == SR_EBUFFER_IN_FLIGHT && bounds.most > 0 && basin->handle == handle;
    sri_judge(model->verdict, SRI_RULE_POOL_5, 0,
              right && in_use >= bounds.certain && in_use <= bounds.most && (rc == 0) == (in_use == 0),
              "a pool with %u to %u buffers out was destroyed with %d, and %u in use", bounds.certain,
              bounds.most, rc, in_use);
    if (rc == 0)
        *basin = (struct sri_basin){.live = false};
    else
        judge_basin(model, basin);
}

/* ---- registering ---- */

void sri_store_register_pool(struct sri_model *model, uint32_t place, bool on)
{
    struct sri_basin *basin = &model->store.basins[place];
    if (!basin->live || basin->own || model->ring == NULL)
        return;
    struct bounds bounds = bounds_of(model, basin);
    bool was = basin->registered;
    uint32_t kernels = model->tap->fixed_buffers;
    int rc = on ? sr_pool_register(basin->handle, model->ring) : sr_pool_unregister(basin->handle);
    sri_model_tell(model, "%s pool %u: %d", on ? "register" : "unregister", place, rc);
    if (on == was) {
        sri_judge(model->verdict, SRI_RULE_REG_2, 0, rc == (on ? SR_EINVALID_STATE : SR_ENOT_REGISTERED),
                  "a pool was %s again: %d", on ? "registered" : "unregistered", rc);
        return;
    }
    if (rc == 0)
        basin->registered = on;
    sri_judge(model->verdict, SRI_RULE_REG_3, 0,
              rc == 0 ? bounds.certain == 0 : bounds.most > 0 || rc != SR_EBUFFER_IN_FLIGHT,
              "a pool with %u to %u buffers out was %s: %d", bounds.certain, bounds.most,
              on ? "registered" : "unregistered", rc);
    uint32_t now = model->tap->fixed_buffers;
    bool same = rc == 0 ? (on ? now == kernels + 1 : now + 1 == kernels) : now == kernels;
    sri_judge(model->verdict, SRI_RULE_REG_1, 0, same || model->tap->register_faults > 0,
              "the kernel's table held %u buffers, and holds %u after an answer of %d", kernels, now, rc);
}

/* ---- from several threads ---- */

#define ROUNDS 20

struct worker {
    struct sr_pool *pool;
    uint64_t gets;
    uint64_t failures;
    uint32_t wrong;
    uint8_t mark;
};

/* Its own mark in the bytes, and nobody else's while it has the buffer. */
static bool mark(struct worker *worker, struct sr_buffer **buffer)
{
    struct sr_guard guard;
    if (sr_buffer_try_access(buffer, &guard) != 0)
        return false;
    uint8_t *bytes = sr_guard_bytes(&guard);
    memset(bytes, worker->mark, sr_guard_size(&guard));
    bool same = bytes[0] == worker->mark && bytes[sr_guard_size(&guard) - 1] == worker->mark;
    sr_guard_end(&guard, buffer);
    return same;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    for (int i = 0; i < ROUNDS; i++) {
        struct sr_buffer *buffer = NULL;
        int rc = sr_pool_get(worker->pool, &buffer);
        worker->gets += rc == 0 ? 1 : 0;
        worker->failures += rc == SR_EPOOL_EMPTY ? 1 : 0;
        if (rc == 0 && (!mark(worker, &buffer) || sr_buffer_release(&buffer) != 0))
            worker->wrong++;
        if (rc != 0 && rc != SR_EPOOL_EMPTY)
            worker->wrong++;
    }
    return NULL;
}

/* Two threads, with room for both: neither may be told that there is none (POOL-1). */
void sri_store_threads(struct sri_model *model, uint32_t place)
{
    struct sri_basin *basin = &model->store.basins[place];
    if (!basin->live || basin->own || basin->one_thread)
        return;
    struct bounds bounds = bounds_of(model, basin);
    struct worker workers[2] = {{.pool = basin->handle, .mark = 1}, {.pool = basin->handle, .mark = 2}};
    pthread_t threads[2];
    uint32_t started = 0;
    while (started < 2 && pthread_create(&threads[started], NULL, work, &workers[started]) == 0)
        started++;
    struct sr_pool_stats stats;
    bool whole = true;
    for (int i = 0; i < ROUNDS; i++)
        whole = whole && sr_pool_stats(basin->handle, &stats) == 0 &&
                stats.available + stats.in_use == stats.capacity && stats.in_use >= bounds.certain &&
                stats.in_use <= bounds.most + 2;
    for (uint32_t i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
        basin->gets += workers[i].gets;
        basin->failures += workers[i].failures;
    }
    sri_judge(model->verdict, SRI_RULE_POOL_6, 0, whole,
              "statistics of a pool in use were of no one instant");
    sri_judge(model->verdict, SRI_RULE_POOL_6, 0, workers[0].wrong + workers[1].wrong == 0,
              "two threads were given one buffer, or could not return theirs");
    if (bounds.most + 2 <= basin->capacity)
        sri_judge(model->verdict, SRI_RULE_POOL_1, 0, workers[0].failures + workers[1].failures == 0,
                  "a pool with two buffers more than were asked for was said to be empty");
    judge_basin(model, basin);
}

static void *release(void *argument)
{
    struct sri_held *held = argument;
    return sr_buffer_release(&held->handle) == 0 ? NULL : held;
}

/* Whoever releases it, it is home, and counted at once (POOL-3, POOL-6). */
void sri_store_release_elsewhere(struct sri_model *model, struct sri_held *held)
{
    const struct sri_basin *basin = held->basin;
    pthread_t thread;
    void *failed = NULL;
    if (basin == NULL || held->handle == NULL || pthread_create(&thread, NULL, release, held) != 0)
        return;
    pthread_join(thread, &failed);
    sri_model_tell(model, "released by another thread");
    sri_judge(model->verdict, SRI_RULE_POOL_6, 0, failed == NULL && held->handle == NULL,
              "another thread could not release a pooled buffer");
    sri_model_home(model, held, SRI_RULE_POOL_3, 0);
    if (!basin->closed && (!basin->own || model->ring != NULL))
        judge_basin(model, basin);
}

/* ---- a ring's own ---- */

#define WARM 64u

/* Headers of buffers are kept for good, so those a ring's pool needs must not be the ring's: they are there before it is. */
void sri_store_ring_opens(struct sri_model *model, const struct sr_config *config)
{
    struct sr_buffer *buffers[WARM] = {NULL};
    (void)model;
    for (uint32_t i = 0; i < config->pool_buffers && i < WARM; i++)
        if (sr_buffer_new(&buffers[i], 1) != 0)
            buffers[i] = NULL;
    for (uint32_t i = 0; i < WARM; i++)
        if (buffers[i] != NULL)
            (void)!sr_buffer_release(&buffers[i]);
}

void sri_store_ring_opened(struct sri_model *model)
{
    struct sri_basin *basin = &model->store.basins[SRI_OWN_BASIN];
    if (basin->closed && !sri_store_keeps_memory(model))
        *basin = (struct sri_basin){.live = false};
    if (model->config.pool_buffers == 0 || basin->live)
        return;
    *basin = (struct sri_basin){.live = true,
                                .own = true,
                                .capacity = model->config.pool_buffers,
                                .size = model->config.pool_buffer_size,
                                .clears = model->config.pool_clear};
    struct sr_pool_stats stats;
    basin->registered = model->config.pool_registered && model->tap->fixed_buffers > 0;
    sri_judge(model->verdict, SRI_RULE_POOL_2, 0,
              sr_ring_pool_stats(model->ring, &stats) == 0 && stats.available == basin->capacity,
              "a new ring's pool is not whole");
}

bool sri_store_keeps_memory(const struct sri_model *model)
{
    const struct sri_basin *basin = &model->store.basins[SRI_OWN_BASIN];
    return basin->live && bounds_of(model, basin).most > 0;
}

/* Its buffers that are out still come home to it (POOL-5). */
void sri_store_ring_closed(struct sri_model *model)
{
    for (uint32_t i = 0; i < SRI_BASINS; i++)
        model->store.basins[i].registered = false;
    struct sri_basin *own = &model->store.basins[SRI_OWN_BASIN];
    own->closed = sri_store_keeps_memory(model);
    own->live = own->closed;
}
