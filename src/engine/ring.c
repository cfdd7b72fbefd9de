/*
 * A ring from setup to its end: what io_uring_setup checks and fills, the memory, and closing with work in flight.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/steps.h"

#define SQ_MOST 32768u
#define CQ_MOST 65536u
#define SPARE_REGIONS 8u
#define SPARE_LENGTH (256u * 1024u)

#define SETUP_KNOWN                                                                                 \
    (IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL | \
     IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SINGLE_ISSUER |           \
     IORING_SETUP_DEFER_TASKRUN)

#define FEATURES                                                                                           \
    (IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_RW_CUR_POS |   \
     IORING_FEAT_CUR_PERSONALITY | IORING_FEAT_FAST_POLL | IORING_FEAT_POLL_32BITS | IORING_FEAT_EXT_ARG | \
     IORING_FEAT_NATIVE_WORKERS | IORING_FEAT_RSRC_TAGS | IORING_FEAT_CQE_SKIP | IORING_FEAT_LINKED_FILE)

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

static struct sri_region *region_new(struct sri_engine *engine, size_t length)
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

static void region_put(struct sri_engine *engine, struct sri_region *region)
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

/* Sizes and flags, as the true kernel checks them. */
static int check(uint32_t entries, struct io_uring_params *params)
{
    uint32_t flags = params->flags;
    if (params->resv[0] != 0 || params->resv[1] != 0 || params->resv[2] != 0 || (flags & ~SETUP_KNOWN))
        return -EINVAL;
    if (entries == 0 || (entries > SQ_MOST && !(flags & IORING_SETUP_CLAMP)))
        return -EINVAL;
    if ((flags & IORING_SETUP_TASKRUN_FLAG) &&
        !(flags & (IORING_SETUP_COOP_TASKRUN | IORING_SETUP_DEFER_TASKRUN)))
        return -EINVAL;
    if ((flags & IORING_SETUP_DEFER_TASKRUN) && !(flags & IORING_SETUP_SINGLE_ISSUER))
        return -EINVAL;
    uint32_t sq_entries = entries;
    if (sq_entries > SQ_MOST)
        sq_entries = SQ_MOST;
    while (sq_entries & (sq_entries - 1))
        sq_entries += sq_entries & -sq_entries;
    params->sq_entries = sq_entries;
    if (!(flags & IORING_SETUP_CQSIZE)) {
        params->cq_entries = 2 * sq_entries;
        return 0;
    }
    uint32_t cq_entries = params->cq_entries;
    if (cq_entries == 0 || (cq_entries > CQ_MOST && !(flags & IORING_SETUP_CLAMP)))
        return -EINVAL;
    if (cq_entries > CQ_MOST)
        cq_entries = CQ_MOST;
    while (cq_entries & (cq_entries - 1))
        cq_entries += cq_entries & -cq_entries;
    if (cq_entries < sq_entries)
        return -EINVAL;
    params->cq_entries = cq_entries;
    return 0;
}

static size_t cqes_offset(void)
{
    return sizeof(struct sri_ring_header);
}

static size_t array_offset(const struct io_uring_params *params)
{
    return cqes_offset() + params->cq_entries * sizeof(struct io_uring_cqe);
}

static int lay_out(struct sri_ring *ring, const struct io_uring_params *params)
{
    ring->rings_region =
        region_new(ring->engine, array_offset(params) + params->sq_entries * sizeof(uint32_t));
    if (ring->rings_region == NULL)
        return -ENOMEM;
    ring->sqes_region = region_new(ring->engine, params->sq_entries * sizeof(struct io_uring_sqe));
    if (ring->sqes_region == NULL) {
        region_put(ring->engine, ring->rings_region);
        return -ENOMEM;
    }
    char *memory = ring->rings_region->memory;
    ring->header = (struct sri_ring_header *)(void *)memory;
    ring->cqes = (struct io_uring_cqe *)(void *)(memory + cqes_offset());
    ring->array = (uint32_t *)(void *)(memory + array_offset(params));
    ring->sqes = ring->sqes_region->memory;
    ring->sq_entries = params->sq_entries;
    ring->cq_entries = params->cq_entries;
    ring->cq_limit = params->cq_entries;
    ring->header->sq_mask = params->sq_entries - 1;
    ring->header->sq_entries = params->sq_entries;
    ring->header->cq_mask = params->cq_entries - 1;
    ring->header->cq_entries = params->cq_entries;
    return 0;
}

static void fill(struct io_uring_params *params)
{
    params->features = FEATURES;
    params->sq_off = (struct io_sqring_offsets){
        .head = offsetof(struct sri_ring_header, sq_head),
        .tail = offsetof(struct sri_ring_header, sq_tail),
        .ring_mask = offsetof(struct sri_ring_header, sq_mask),
        .ring_entries = offsetof(struct sri_ring_header, sq_entries),
        .flags = offsetof(struct sri_ring_header, sq_flags),
        .dropped = offsetof(struct sri_ring_header, sq_dropped),
        .array = (uint32_t)array_offset(params),
    };
    params->cq_off = (struct io_cqring_offsets){
        .head = offsetof(struct sri_ring_header, cq_head),
        .tail = offsetof(struct sri_ring_header, cq_tail),
        .ring_mask = offsetof(struct sri_ring_header, cq_mask),
        .ring_entries = offsetof(struct sri_ring_header, cq_entries),
        .overflow = offsetof(struct sri_ring_header, cq_overflow),
        .cqes = (uint32_t)cqes_offset(),
        .flags = offsetof(struct sri_ring_header, cq_flags),
    };
}

static void lists_init(struct sri_ring *ring)
{
    sri_list_init(&ring->pending);
    sri_list_init(&ring->held);
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
    region_put(ring->engine, ring->rings_region);
    region_put(ring->engine, ring->sqes_region);
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
    int error = check(entries, &params);
    if (error == 0)
        error = ask_refusal(engine);
    if (error != 0)
        return error;
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
    fill(&params);
    if (sri_user_copy_out(&engine->user, user_params, &params, sizeof params) != 0) {
        engine->world.vtable->ring_close(engine->world.self, ring->fd);
        ring_free(ring);
        return -EFAULT;
    }
    rings_lock(engine);
    sri_list_append(&engine->rings, &ring->node);
    rings_unlock(engine);
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
    else
        return -EINVAL;
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
            region_put(engine, region);
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
    drop_all(ring);
    sri_eventfd_drop(ring);
    engine->world.vtable->ring_close(engine->world.self, ring->fd);
    sri_ring_leave(ring);
}
