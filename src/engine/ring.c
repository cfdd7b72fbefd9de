/*
 * A ring from setup to its end: what io_uring_setup checks and fills, the memory, and closing with work in flight.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/groups.h"
#include "engine/registers.h"
#include "engine/setup.h"
#include "engine/steps.h"

#define SPARE_REGIONS 8u
#define SPARE_LENGTH (256u * 1024u)

static size_t whole_pages(size_t length)
{
    return (length + 4095) & ~(size_t)4095;
}

static struct sri_region *region_spare(struct sri_engine *engine, size_t length)
{
    for (struct sri_node *node = engine->spare_regions.next; node != &engine->spare_regions;
         node = node->next) {
        struct sri_region *region = SRI_CONTAINER_OF(node, struct sri_region, node);
        if (region->length != length)
            continue;
        sri_list_remove(node);
        engine->spare_count--;
        memset(region->memory, 0, length);
        return region;
    }
    return NULL;
}

struct sri_region *sri_region_new(struct sri_engine *engine, size_t length)
{
    length = whole_pages(length);
    struct sri_region *region = region_spare(engine, length);
    if (region == NULL) {
        region = sri_alloc_zero(1, sizeof *region);
        if (region == NULL)
            return NULL;
        region->length = length;
        region->memory = engine->world.vtable->memory_map(engine->world.self, length);
        if (region->memory == NULL) {
            sri_free(region);
            return NULL;
        }
    }
    region->references = 1;
    sri_list_append(&engine->regions, &region->node);
    return region;
}

static void region_free(struct sri_engine *engine, struct sri_region *region)
{
    engine->world.vtable->memory_unmap(engine->world.self, region->memory, region->length);
    sri_free(region);
}

void sri_region_put(struct sri_engine *engine, struct sri_region *region)
{
    if (--region->references > 0)
        return;
    sri_list_remove(&region->node);
    if (region->length > SPARE_LENGTH || engine->spare_count >= SPARE_REGIONS) {
        region_free(engine, region);
        return;
    }
    sri_list_append(&engine->spare_regions, &region->node);
    engine->spare_count++;
}

static void free_list(struct sri_engine *engine, struct sri_node *head)
{
    while (!sri_list_empty(head)) {
        struct sri_region *region = SRI_CONTAINER_OF(head->next, struct sri_region, node);
        sri_list_remove(&region->node);
        region_free(engine, region);
    }
}

void sri_regions_clean_up(struct sri_engine *engine)
{
    free_list(engine, &engine->regions);
    free_list(engine, &engine->spare_regions);
    engine->spare_count = 0;
}

static int lay_out(struct sri_ring *ring, const struct io_uring_params *params)
{
    ring->rings_region = sri_region_new(ring->engine, sri_setup_rings_size(params));
    if (ring->rings_region == NULL)
        return -ENOMEM;
    ring->sqes_region = sri_region_new(ring->engine, sri_setup_sqes_size(params));
    if (ring->sqes_region == NULL) {
        sri_region_put(ring->engine, ring->rings_region);
        return -ENOMEM;
    }
    char *memory = ring->rings_region->memory;
    ring->header = (struct sri_ring_header *)(void *)memory;
    ring->cqes = (struct io_uring_cqe *)(void *)(memory + params->cq_off.cqes);
    ring->array = (uint32_t *)(void *)(memory + params->sq_off.array);
    ring->sqes = ring->sqes_region->memory;
    ring->sq_entries = params->sq_entries;
    ring->cq_entries = params->cq_entries;
    ring->cq_limit = params->cq_entries;
    ring->cqe_shift = sri_cqe_shift(params->flags);
    ring->sqe_shift = sri_sqe_shift(params->flags);
    if (params->flags & IORING_SETUP_SQPOLL)
        ring->header->sq_flags = IORING_SQ_NEED_WAKEUP;
    ring->header->sq_mask = params->sq_entries - 1;
    ring->header->sq_entries = params->sq_entries;
    ring->header->cq_mask = params->cq_entries - 1;
    ring->header->cq_entries = params->cq_entries;
    return 0;
}

static void lists_init(struct sri_ring *ring)
{
    sri_list_init(&ring->pending);
    sri_list_init(&ring->held);
    sri_list_init(&ring->followers);
    sri_list_init(&ring->deferrals);
    sri_list_init(&ring->counting);
    atomic_flag_clear(&ring->inbox.busy);
    atomic_init(&ring->inbox.count, 0);
}

static struct sri_ring *ring_new(struct sri_engine *engine, const struct io_uring_params *params)
{
    struct sri_ring *ring = sri_alloc_zero(1, sizeof *ring);
    if (ring == NULL)
        return NULL;
    ring->engine = engine;
    ring->setup_flags = params->flags;
    ring->disabled = (params->flags & IORING_SETUP_R_DISABLED) != 0;
    ring->users = 1;
    lists_init(ring);
    if (lay_out(ring, params) == 0)
        return ring;
    sri_free(ring);
    return NULL;
}

static void ring_free(struct sri_ring *ring)
{
    sri_overflow_drop(ring);
    sri_groups_drop(ring);
    sri_region_put(ring->engine, ring->rings_region);
    sri_region_put(ring->engine, ring->sqes_region);
    sri_free(ring);
}

static int ask_refusal(struct sri_engine *engine)
{
    static const int refusals[] = {0, -EPERM, -ENOSYS, -ENOMEM};
    struct sri_question question = {.why = SRI_WHY_SETUP, .n = 4, .fd = -1};
    return refusals[sri_pick(&engine->chooser, &question)];
}

static void rings_lock(struct sri_engine *engine)
{
    while (atomic_flag_test_and_set_explicit(&engine->rings_busy, memory_order_acquire))
        continue;
}

static void rings_unlock(struct sri_engine *engine)
{
    atomic_flag_clear_explicit(&engine->rings_busy, memory_order_release);
}

int sri_setup(struct sri_engine *engine, uint32_t entries, struct io_uring_params *user_params)
{
    struct io_uring_params params;
    if (sri_user_copy_in(&engine->user, &params, user_params, sizeof params) != 0)
        return -EFAULT;
    int error = sri_setup_check(engine, entries, &params);
    if (error == 0)
        error = ask_refusal(engine);
    if (error != 0)
        return error;
    sri_setup_fill(engine, &params);
    struct sri_ring *ring = ring_new(engine, &params);
    if (ring == NULL)
        return -ENOMEM;
    ring->fd = engine->world.vtable->ring_open(engine->world.self, ring);
    if (ring->fd < 0) {
        error = ring->fd;
        ring_free(ring);
        return error;
    }
    if ((params.flags & IORING_SETUP_SINGLE_ISSUER) && !ring->disabled)
        ring->issuer = sri_thread(engine);
    if (sri_user_copy_out(&engine->user, user_params, &params, sizeof params) != 0) {
        engine->world.vtable->ring_close(engine->world.self, ring->fd);
        ring_free(ring);
        return -EFAULT;
    }
    rings_lock(engine);
    sri_list_append(&engine->rings, &ring->node);
    rings_unlock(engine);
    engine->sqpoll_rings += (params.flags & IORING_SETUP_SQPOLL) != 0;
    if (sri_is_watched(engine))
        sri_emit_ring(ring, SRI_EVENT_RING_OPENED, params.sq_entries, params.flags);
    return ring->fd;
}

int sri_ring_find(struct sri_engine *engine, int fd, struct sri_ring **out)
{
    int error = -EBADF;
    *out = engine->world.vtable->ring_of(engine->world.self, fd, &error);
    return *out == NULL ? error : 0;
}

int sri_map(struct sri_engine *engine, int fd, uint64_t offset, size_t length, void **memory)
{
    struct sri_ring *ring;
    int error = sri_ring_find(engine, fd, &ring);
    if (error != 0)
        return error;
    struct sri_region *region;
    if (offset == IORING_OFF_SQ_RING || offset == IORING_OFF_CQ_RING)
        region = ring->rings_region;
    else if (offset == IORING_OFF_SQES)
        region = ring->sqes_region;
    else if (offset >= SRI_OFF_PBUF && offset >> 32 == 0)
        region = sri_group_region(ring, offset);
    else
        return -EINVAL;
    if (region == NULL)
        return -ENOMEM; /* as mmap(2) says it (measured) */
    if (length == 0 || length > region->length)
        return -EINVAL;
    region->references++;
    *memory = region->memory;
    return 0;
}

void sri_unmap(struct sri_engine *engine, void *memory)
{
    for (struct sri_node *node = engine->regions.next; node != &engine->regions; node = node->next) {
        struct sri_region *region = SRI_CONTAINER_OF(node, struct sri_region, node);
        if (region->memory == memory) {
            sri_region_put(engine, region);
            return;
        }
    }
}

void sri_ring_enter(struct sri_ring *ring)
{
    ring->users++;
}

void sri_ring_leave(struct sri_ring *ring)
{
    ring->users--;
    if (ring->users == 0 && ring->in_flight == 0)
        ring_free(ring);
}

/* Cancels everything that can be; what a worker has in hand ends by itself later, unseen. */
static void drop_all(struct sri_ring *ring)
{
    struct sri_slab *slab = &ring->engine->slab;
    while (!sri_list_empty(&ring->deferrals)) {
        struct sri_request *head = sri_request_of_node(ring->deferrals.next);
        sri_list_remove(&head->entry.node);
        sri_chain_drop(head);
    }
    for (uint32_t c = 0; c < slab->chunk_count && ring->in_flight > 0; c++) {
        for (uint32_t i = 0; i < SRI_SLAB_CHUNK; i++) {
            struct sri_request *request = &slab->chunks[c][i];
            if (request->ring != ring || request->place == SRI_PLACE_CHAIN ||
                request->place == SRI_PLACE_NONE)
                continue;
            struct sri_request *chain = request->link;
            request->link = NULL;
            request->limiter = NULL;
            sri_chain_drop(chain);
            if (request->opcode == IORING_OP_LINK_TIMEOUT)
                request->timer.guarded = NULL;
            if (request->place == SRI_PLACE_DUE || request->place == SRI_PLACE_HELD)
                sri_due_remove(request);
            else if (!sri_withdraw(request) && request->place != SRI_PLACE_WHEEL)
                continue;
            if (request->place == SRI_PLACE_WHEEL) {
                sri_wheel_remove(&ring->engine->wheel, &request->entry);
                request->place = SRI_PLACE_NONE;
            }
            sri_drop(request);
        }
    }
}

void sri_ring_close(struct sri_ring *ring)
{
    struct sri_engine *engine = ring->engine;
    if (sri_is_watched(engine))
        sri_emit_ring(ring, SRI_EVENT_RING_CLOSED, (int64_t)ring->in_flight, 0);
    rings_lock(engine);
    sri_list_remove(&ring->node);
    rings_unlock(engine);
    ring->closed = true;
    engine->sqpoll_rings -= (ring->setup_flags & IORING_SETUP_SQPOLL) != 0;
    drop_all(ring);
    sri_eventfd_drop(ring);
    sri_letters_drop(ring);
    sri_registrations_drop(ring);
    sri_ring_slots_forget(ring);
    if (ring->fd >= 0)
        engine->world.vtable->ring_close(engine->world.self, ring->fd);
    sri_ring_leave(ring);
}

void sri_ring_let_go(struct sri_ring *ring)
{
    if (ring->slots == 0) {
        sri_ring_close(ring);
        return;
    }
    ring->engine->world.vtable->ring_close(ring->engine->world.self, ring->fd);
    ring->fd = -1;
}
