/*
 * A ring by hand, over any backend.
 */
#include "scenario/bare_ring.h"

#include <string.h>

static uint32_t *word(void *memory, uint32_t offset)
{
    return (uint32_t *)(void *)((char *)memory + offset);
}

static void lengths(const struct io_uring_params *params, size_t length[3])
{
    length[0] = params->sq_off.array + params->sq_entries * sizeof(uint32_t);
    length[1] = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
    length[2] = params->sq_entries * sizeof(struct io_uring_sqe);
}

static int map_all(struct sri_bare_ring *ring)
{
    static const uint64_t offsets[3] = {IORING_OFF_SQ_RING, IORING_OFF_CQ_RING, IORING_OFF_SQES};
    size_t length[3];
    lengths(&ring->params, length);
    for (int i = 0; i < 3; i++) {
        int rc =
            ring->kernel.vtable->map(ring->kernel.self, ring->fd, offsets[i], length[i], &ring->memory[i]);
        if (rc != 0) {
            ring->memory[i] = NULL;
            return rc;
        }
    }
    return 0;
}

int sri_bare_ring_open(struct sri_bare_ring *ring, struct sr_backend kernel, uint32_t entries, uint32_t flags)
{
    memset(ring, 0, sizeof *ring);
    ring->kernel = kernel;
    ring->params.flags = flags;
    int rc = kernel.vtable->setup(kernel.self, entries, &ring->params);
    if (rc < 0)
        return rc;
    ring->fd = rc;
    rc = map_all(ring);
    if (rc != 0) {
        sri_bare_ring_close(ring);
        return rc;
    }
    const struct io_sqring_offsets *sq = &ring->params.sq_off;
    const struct io_cqring_offsets *cq = &ring->params.cq_off;
    ring->sq_head = word(ring->memory[0], sq->head);
    ring->sq_tail = word(ring->memory[0], sq->tail);
    ring->sq_mask = *word(ring->memory[0], sq->ring_mask);
    ring->cq_head = word(ring->memory[1], cq->head);
    ring->cq_tail = word(ring->memory[1], cq->tail);
    ring->cq_mask = *word(ring->memory[1], cq->ring_mask);
    ring->cqes = (struct io_uring_cqe *)(void *)word(ring->memory[1], cq->cqes);
    ring->sqes = ring->memory[2];
    for (uint32_t i = 0; i < ring->params.sq_entries; i++)
        word(ring->memory[0], sq->array)[i] = i;
    return 0;
}

void sri_bare_ring_close(struct sri_bare_ring *ring)
{
    size_t length[3];
    lengths(&ring->params, length);
    ring->kernel.vtable->close(ring->kernel.self, ring->fd);
    for (int i = 0; i < 3; i++)
        if (ring->memory[i] != NULL)
            ring->kernel.vtable->unmap(ring->kernel.self, ring->memory[i], length[i]);
    memset(ring, 0, sizeof *ring);
}

uint32_t sri_bare_ring_queued(const struct sri_bare_ring *ring)
{
    return ring->prepared - __atomic_load_n(ring->sq_head, __ATOMIC_ACQUIRE);
}

struct io_uring_sqe *sri_bare_ring_entry(struct sri_bare_ring *ring)
{
    if (sri_bare_ring_queued(ring) == ring->params.sq_entries)
        return NULL;
    struct io_uring_sqe *sqe = &ring->sqes[ring->prepared++ & ring->sq_mask];
    memset(sqe, 0, sizeof *sqe);
    return sqe;
}

int sri_bare_ring_enter(struct sri_bare_ring *ring, uint32_t least, uint64_t timeout_ns)
{
    struct __kernel_timespec limit = {(int64_t)(timeout_ns / 1000000000), (int64_t)(timeout_ns % 1000000000)};
    struct io_uring_getevents_arg arg = {.ts = (uintptr_t)&limit};
    __atomic_store_n(ring->sq_tail, ring->prepared, __ATOMIC_RELEASE);
    return ring->kernel.vtable->enter(ring->kernel.self, ring->fd, sri_bare_ring_queued(ring), least,
                                      IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof arg);
}

bool sri_bare_ring_take(struct sri_bare_ring *ring, struct io_uring_cqe *cqe)
{
    uint32_t head = *ring->cq_head;
    if (head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE))
        return false;
    *cqe = ring->cqes[head & ring->cq_mask];
    __atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
    return true;
}
