/*
 * The kernel's side of a ring: which backend, which setup flags it takes, and where its memory is. The only file that knows
 * the layout of the shared memory; the rest of this folder is the same for every backend (BACK-3).
 */
#include "ring/open.h"

#include <stdlib.h>
#include <string.h>

#include "backend/detect.h"
#include "backend/fence.h"
#include "base/marks.h"
#include "base/text.h"
#include "ring/ring_private.h"

#define FEATURES_NEEDED (IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_EXT_ARG)

/* From the best to what every kernel takes. Each step down is said in the log. */
static const struct {
    uint32_t flags;
    const char *lost; /* what the step before had */
} setups[] = {
    {IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SQPOLL, ""},
    {IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
     "kernel polling (SQPOLL)"},
    {IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN, "DEFER_TASKRUN"},
    {IORING_SETUP_SUBMIT_ALL, "COOP_TASKRUN"},
    {0, "SUBMIT_ALL"},
};
#define SETUPS (sizeof setups / sizeof setups[0])

static struct io_uring_params params_of(const struct sr_config *config, uint32_t flags)
{
    struct io_uring_params params = {.flags = flags};
    if (config->completion_entries != 0) {
        params.flags |= IORING_SETUP_CQSIZE;
        params.cq_entries = config->completion_entries;
    }
    if (config->disabled || config->restrictions != NULL)
        params.flags |= IORING_SETUP_R_DISABLED;
    if ((flags & IORING_SETUP_SQPOLL) != 0) {
        params.sq_thread_idle = config->polling_idle_ms;
        params.flags |= config->polling_cpu >= 0 ? IORING_SETUP_SQ_AFF : 0;
        params.sq_thread_cpu = config->polling_cpu >= 0 ? (uint32_t)config->polling_cpu : 0;
    }
    return params;
}

/* Is this step wished for? */
static bool is_wished(const struct sr_config *config, size_t step)
{
    return step == 0 ? config->kernel_polling : step != 1 || config->defer_taskrun;
}

/* How a kernel refuses a flag: -EINVAL; and kernel polling, or its CPU, also -EPERM. */
static bool is_refused(size_t step, int fd)
{
    return fd == -EINVAL || (step == 0 && fd == -EPERM);
}

/* A ring's descriptor, with what the kernel takes of the flags wished for. */
static int setup(const struct sr_backend *kernel, const struct sr_config *config,
                 struct io_uring_params *params)
{
    size_t first = SETUPS;
    size_t taken = 0;
    int fd = -EINVAL;
    for (size_t i = 0; i < SETUPS && (first == SETUPS || is_refused(taken, fd)); i++) {
        if (!is_wished(config, i))
            continue;
        *params = params_of(config, setups[i].flags);
        fd = kernel->vtable->setup(kernel->self, config->entries, params);
        first = first == SETUPS ? i : first;
        taken = i;
    }
    for (size_t i = first + 1; fd >= 0 && i <= taken; i++)
        if (is_wished(config, i - 1))
            sri_log(SR_LOG_WARNING, "this kernel (%s) has no %s; the ring works without",
                    kernel->vtable->name, setups[i].lost);
    return fd;
}

/* What the library does by itself on a ring that is locked down. */
#define OWN_OPERATIONS                                                               \
    (UINT64_C(1) << IORING_OP_ASYNC_CANCEL | UINT64_C(1) << IORING_OP_LINK_TIMEOUT | \
     UINT64_C(1) << IORING_OP_TIMEOUT)
#define OWN_REGISTRATIONS \
    (UINT64_C(1) << IORING_REGISTER_EVENTFD | UINT64_C(1) << IORING_REGISTER_ENABLE_RINGS)

static uint32_t list(struct io_uring_restriction *out, uint16_t kind, uint64_t bits)
{
    uint32_t count = 0;
    for (uint8_t i = 0; i < 64; i++)
        if ((bits >> i & 1) != 0)
            out[count++] = (struct io_uring_restriction){.opcode = kind, .sqe_op = i};
    return count;
}

/* Before the ring is enabled, so that not one entry passes (IORING_REGISTER_RESTRICTIONS). */
static int lock_down(const struct sr_ring *ring, const struct sr_restrictions *asked)
{
    struct io_uring_restriction all[130];
    uint32_t count = list(all, IORING_RESTRICTION_SQE_OP, asked->operations | OWN_OPERATIONS);
    count += list(all + count, IORING_RESTRICTION_REGISTER_OP, asked->registrations | OWN_REGISTRATIONS);
    all[count++] =
        (struct io_uring_restriction){.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = UINT8_MAX};
    int rc =
        ring->kernel.vtable->register_(ring->kernel.self, ring->fd, IORING_REGISTER_RESTRICTIONS, all, count);
    return rc < 0 ? rc : 0;
}

static void limit_workers(const struct sr_ring *ring, uint32_t most)
{
    uint32_t counts[2] = {most, most};
    int rc = ring->kernel.vtable->register_(ring->kernel.self, ring->fd, IORING_REGISTER_IOWQ_MAX_WORKERS,
                                            counts, 2);
    if (rc < 0)
        sri_log(SR_LOG_WARNING, "this kernel (%s) takes no limit of its workers (%s); the ring works without",
                ring->kernel.vtable->name, sr_err_name(rc));
}

/* What is asked of the kernel once the ring is there. */
static int settle(struct sr_ring *ring, const struct sr_config *config)
{
    if (config->max_workers != 0)
        limit_workers(ring, config->max_workers);
    if (config->restrictions == NULL)
        return 0;
    int rc = lock_down(ring, config->restrictions);
    if (rc == 0 && !config->disabled)
        rc = ring->kernel.vtable->register_(ring->kernel.self, ring->fd, IORING_REGISTER_ENABLE_RINGS, NULL,
                                            0);
    return rc < 0 ? rc : 0;
}

static void *at(void *base, uint32_t offset)
{
    return (char *)base + offset;
}

/* Finds the words of the shared memory. */
static void fill(struct sr_ring *ring, const struct io_uring_params *params)
{
    void *sq = ring->mapping[0];
    void *cq = ring->mapping[1] != NULL ? ring->mapping[1] : sq;
    const uint32_t sq_entries = *(uint32_t *)at(sq, params->sq_off.ring_entries);
    ring->shared = (struct sri_shared){
        .sq_head = at(sq, params->sq_off.head),
        .sq_tail = at(sq, params->sq_off.tail),
        .sq_flags = at(sq, params->sq_off.flags),
        .cq_head = at(cq, params->cq_off.head),
        .cq_tail = at(cq, params->cq_off.tail),
        .cqes = at(cq, params->cq_off.cqes),
        .cq_mask = *(uint32_t *)at(cq, params->cq_off.ring_mask),
        .sq_entries = sq_entries,
    };
    ring->completion_entries = *(uint32_t *)at(cq, params->cq_off.ring_entries);
    ring->hot.sqes = ring->mapping[2];
    ring->hot.sq_mask = *(uint32_t *)at(sq, params->sq_off.ring_mask);
    sri_set_sq_head(ring, 0);
    /* Entries stand in the order of the SQ for good, so that publishing them is one store of the tail. */
    uint32_t *array = at(sq, params->sq_off.array);
    for (uint32_t i = 0; i < sq_entries; i++)
        array[i] = i;
}

static int map_all(struct sr_ring *ring, const struct io_uring_params *params)
{
    size_t sq_size = params->sq_off.array + params->sq_entries * sizeof(uint32_t);
    size_t cq_size = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
    bool single = (params->features & IORING_FEAT_SINGLE_MMAP) != 0;
    const uint64_t offsets[3] = {IORING_OFF_SQ_RING, IORING_OFF_CQ_RING, IORING_OFF_SQES};
    const size_t sizes[3] = {single && cq_size > sq_size ? cq_size : sq_size, single ? 0 : cq_size,
                             params->sq_entries * sizeof(struct io_uring_sqe)};
    for (int i = 0; i < 3; i++) {
        if (sizes[i] == 0)
            continue;
        int rc =
            ring->kernel.vtable->map(ring->kernel.self, ring->fd, offsets[i], sizes[i], &ring->mapping[i]);
        if (rc != 0) {
            ring->mapping[i] = NULL;
            return rc;
        }
        ring->mapped[i] = sizes[i];
    }
    return 0;
}

static int choose(struct sr_ring *ring, const struct sr_config *config)
{
    if (config->backend != NULL) {
        ring->kernel = *config->backend;
        sri_format(ring->reason, sizeof ring->reason, "%s: given by the configuration",
                   ring->kernel.vtable->name);
        return 0;
    }
    struct sri_detection why;
    int rc = sri_backend_detect(config->backend_name, &ring->kernel, &why);
    if (rc != 0) {
        sri_log(SR_LOG_ERROR, "no backend: %s", why.reason);
        return rc;
    }
    ring->owns_kernel = true;
    sri_format(ring->reason, sizeof ring->reason, "%s", why.reason);
    sri_log(SR_LOG_INFO, "backend %s: %s", ring->kernel.vtable->name, why.reason);
    return 0;
}

/* AUTO is what the environment says, and AUTO again without it. */
static int named_fence(enum sr_fence *fence)
{
    static const char *const names[] = {
        [SR_FENCE_NONE] = "none", [SR_FENCE_MARKS] = "marks", [SR_FENCE_PAGES] = "pages"};
    const char *name = *fence == SR_FENCE_AUTO ? getenv("SAFER_RING_FENCE") : NULL;
    if (name == NULL || *name == 0)
        return 0;
    for (int i = SR_FENCE_NONE; i <= SR_FENCE_PAGES; i++)
        if (strcmp(name, names[i]) == 0) {
            *fence = (enum sr_fence)i;
            return 0;
        }
    sri_log(SR_LOG_ERROR, "SAFER_RING_FENCE is \"%.40s\"; there are none, marks, pages", name);
    return -EINVAL;
}

/* Bytes in flight are closed by a kernel around the kernel, so that whoever does not want it does not pay. */
static int put_fence(struct sr_ring *ring, enum sr_fence fence)
{
    int rc = named_fence(&fence);
    bool heeded = sri_marks_heeded(strcmp(ring->kernel.vtable->name, "uring") != 0);
    if (rc != 0 || fence == SR_FENCE_NONE || (fence != SR_FENCE_PAGES && !heeded))
        return rc;
    rc = sri_fence(&ring->kernel, ring->owns_kernel, fence == SR_FENCE_PAGES);
    if (rc == 0) {
        ring->owns_kernel = true;
        ring->fenced = fence != SR_FENCE_AUTO;
    }
    return rc;
}

int sri_kernel_open(struct sr_ring *ring, const struct sr_config *config)
{
    struct io_uring_params params;
    ring->fd = -1;
    int rc = choose(ring, config);
    if (rc == 0)
        rc = put_fence(ring, config->fence);
    if (rc != 0)
        return rc;
    int fd = setup(&ring->kernel, config, &params);
    if (fd < 0)
        return fd;
    ring->fd = fd;
    ring->enters_directly = ring->kernel.vtable->enter_is_system_call;
    if ((params.features & FEATURES_NEEDED) != FEATURES_NEEDED) {
        sri_log(SR_LOG_ERROR,
                "this kernel's io_uring is too old (before Linux 5.11): features %#x of %#x needed; "
                "SAFER_RING_BACKEND=engine works without",
                params.features & FEATURES_NEEDED, FEATURES_NEEDED);
        return -EOPNOTSUPP;
    }
    if (ring->fenced && (params.flags & IORING_SETUP_DEFER_TASKRUN) == 0)
        sri_log(SR_LOG_WARNING, "bytes in flight are not fenced: that needs DEFER_TASKRUN");
    rc = map_all(ring, &params);
    if (rc != 0)
        return rc;
    fill(ring, &params);
    ring->polled = (params.flags & IORING_SETUP_SQPOLL) != 0;
    ring->errands |= ring->polled ? SRI_ERRAND_POLLED : 0;
    return settle(ring, config);
}

void sri_kernel_close(struct sr_ring *ring)
{
    const struct sr_backend *kernel = &ring->kernel;
    if (kernel->vtable == NULL)
        return;
    if (ring->fd >= 0) {
        int rc = kernel->vtable->close(kernel->self, ring->fd);
        if (rc != 0)
            sri_log(SR_LOG_WARNING, "the ring's descriptor could not be closed: %s", sr_err_name(rc));
    }
    for (int i = 0; i < 3; i++) {
        if (ring->mapping[i] != NULL)
            kernel->vtable->unmap(kernel->self, ring->mapping[i], ring->mapped[i]);
    }
    if (ring->owns_kernel)
        kernel->vtable->release(kernel->self);
}
