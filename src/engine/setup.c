/*
 * What io_uring_setup checks before there is a ring, and what it tells of one: sizes, flags, features, offsets.
 */
#include <assert.h>
#include <errno.h>

#include "engine/refusal.h"
#include "engine/setup.h"

static_assert(offsetof(struct sri_ring_header, readable) ==
                  offsetof(struct sri_ring_header, sq_flags) + SRI_READABLE_BEHIND_FLAGS * sizeof(uint32_t),
              "where it is said to be");

#define SQ_MOST 32768u
#define CQ_MOST 65536u

/* The flags of Linux 6.1. What came later (IORING_SETUP_NO_MMAP and on) is refused as by a kernel that never heard of it. */
#define KNOWN_FLAGS                                                                                     \
    (IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF | IORING_SETUP_CQSIZE |            \
     IORING_SETUP_CLAMP | IORING_SETUP_ATTACH_WQ | IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL |  \
     IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | \
     IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

#define FEATURES                                                                                         \
    (IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_RW_CUR_POS | \
     IORING_FEAT_CUR_PERSONALITY | IORING_FEAT_FAST_POLL | IORING_FEAT_POLL_32BITS |                     \
     IORING_FEAT_SQPOLL_NONFIXED | IORING_FEAT_EXT_ARG | IORING_FEAT_NATIVE_WORKERS |                    \
     IORING_FEAT_RSRC_TAGS | IORING_FEAT_CQE_SKIP | IORING_FEAT_LINKED_FILE)

/* Who runs completions, and when: not every pair makes sense. */
static int check_task_flags(uint32_t flags)
{
    const uint32_t interrupting =
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_DEFER_TASKRUN;
    if ((flags & IORING_SETUP_SQPOLL) && (flags & interrupting))
        return -EINVAL;
    if ((flags & IORING_SETUP_TASKRUN_FLAG) &&
        !(flags & (IORING_SETUP_COOP_TASKRUN | IORING_SETUP_DEFER_TASKRUN)))
        return -EINVAL;
    if ((flags & IORING_SETUP_DEFER_TASKRUN) && !(flags & IORING_SETUP_SINGLE_ISSUER))
        return -EINVAL;
    return 0;
}

static uint32_t power_of_two(uint32_t entries)
{
    while (entries & (entries - 1))
        entries += entries & -entries;
    return entries;
}

static int check_size(uint32_t flags, uint32_t entries, uint32_t most, uint32_t *size)
{
    if (entries == 0 || (entries > most && !(flags & IORING_SETUP_CLAMP)))
        return -EINVAL;
    *size = power_of_two(entries > most ? most : entries);
    return 0;
}

static int check_sizes(uint32_t entries, struct io_uring_params *params)
{
    uint32_t flags = params->flags;
    int error = check_size(flags, entries, SQ_MOST, &params->sq_entries);
    if (error != 0)
        return error;
    if (!(flags & IORING_SETUP_CQSIZE)) {
        params->cq_entries = 2 * params->sq_entries;
        return 0;
    }
    error = check_size(flags, params->cq_entries, CQ_MOST, &params->cq_entries);
    return error == 0 && params->cq_entries < params->sq_entries ? -EINVAL : error;
}

/* Workers are shared with any ring, an SQ's thread with the ring of another one only. */
static int check_shared(struct sri_engine *engine, const struct io_uring_params *params)
{
    struct sri_ring *other;
    if (!(params->flags & IORING_SETUP_ATTACH_WQ))
        return 0;
    int error = sri_ring_find(engine, (int)params->wq_fd, &other);
    if (error != 0)
        return error == -EBADF ? -ENXIO : -EINVAL;
    if ((params->flags & IORING_SETUP_SQPOLL) && !(other->setup_flags & IORING_SETUP_SQPOLL))
        return -EINVAL;
    return 0;
}

static int check_processor(const struct sri_engine *engine, const struct io_uring_params *params)
{
    const struct sri_world *world = &engine->world;
    if (!(params->flags & IORING_SETUP_SQ_AFF))
        return 0;
    if (!(params->flags & IORING_SETUP_SQPOLL))
        return -EINVAL;
    if (params->flags & IORING_SETUP_ATTACH_WQ)
        return 0; /* the thread is there, and stays where it is */
    uint32_t count = world->vtable->processors == NULL ? 1 : world->vtable->processors(world->self);
    return params->sq_thread_cpu < count ? 0 : -EINVAL;
}

int sri_setup_check(struct sri_engine *engine, uint32_t entries, struct io_uring_params *params)
{
    if (params->resv[0] != 0 || params->resv[1] != 0 || params->resv[2] != 0)
        return -EINVAL;
    if (params->flags & (~KNOWN_FLAGS | engine->options.hidden_setup_flags)) {
        sri_tell_refused_flags(engine, SRI_REFUSAL_SETUP, params->flags & ~KNOWN_FLAGS);
        return -EINVAL;
    }
    int error = check_task_flags(params->flags);
    if (error == 0)
        error = check_sizes(entries, params);
    if (error == 0)
        error = check_shared(engine, params);
    if (error == 0)
        error = check_processor(engine, params);
    return error;
}

static uint32_t array_offset(const struct io_uring_params *params)
{
    return (uint32_t)(sizeof(struct sri_ring_header) +
                      (params->cq_entries * sizeof(struct io_uring_cqe) << sri_cqe_shift(params->flags)));
}

size_t sri_setup_rings_size(const struct io_uring_params *params)
{
    return array_offset(params) + params->sq_entries * sizeof(uint32_t);
}

size_t sri_setup_sqes_size(const struct io_uring_params *params)
{
    return params->sq_entries * sizeof(struct io_uring_sqe) << sri_sqe_shift(params->flags);
}

void sri_setup_fill(const struct sri_engine *engine, struct io_uring_params *params)
{
    params->features = FEATURES & ~engine->options.hidden_features;
    params->sq_off = (struct io_sqring_offsets){
        .head = offsetof(struct sri_ring_header, sq_head),
        .tail = offsetof(struct sri_ring_header, sq_tail),
        .ring_mask = offsetof(struct sri_ring_header, sq_mask),
        .ring_entries = offsetof(struct sri_ring_header, sq_entries),
        .flags = offsetof(struct sri_ring_header, sq_flags),
        .dropped = offsetof(struct sri_ring_header, sq_dropped),
        .array = array_offset(params),
    };
    params->cq_off = (struct io_cqring_offsets){
        .head = offsetof(struct sri_ring_header, cq_head),
        .tail = offsetof(struct sri_ring_header, cq_tail),
        .ring_mask = offsetof(struct sri_ring_header, cq_mask),
        .ring_entries = offsetof(struct sri_ring_header, cq_entries),
        .overflow = offsetof(struct sri_ring_header, cq_overflow),
        .cqes = sizeof(struct sri_ring_header),
        .flags = offsetof(struct sri_ring_header, cq_flags),
    };
}
