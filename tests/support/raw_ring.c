/*
 * A plain ring over any backend: mappings, publishing, entering. No judgement of what comes back.
 */
#include "support/raw_ring.h"

#include <errno.h>
#include <string.h>

#define NSEC_PER_SEC UINT64_C(1000000000)

static size_t sq_length(const struct io_uring_params *params)
{
    return params->sq_off.array + params->sq_entries * sizeof(uint32_t);
}

static size_t cq_length(const struct io_uring_params *params)
{
    return params->cq_off.cqes +
           (params->cq_entries * sizeof(struct io_uring_cqe) << ((params->flags & IORING_SETUP_CQE32) != 0));
}

static size_t sqes_length(const struct io_uring_params *params)
{
    return params->sq_entries * sizeof(struct io_uring_sqe) << ((params->flags & IORING_SETUP_SQE128) != 0);
}

static unsigned *word(void *memory, unsigned offset)
{
    return (unsigned *)(void *)((char *)memory + offset);
}

static void fill_sq(struct raw_ring *raw)
{
    struct io_uring_sq *sq = &raw->ring.sq;
    const struct io_sqring_offsets *at = &raw->params.sq_off;
    sq->khead = word(raw->sq, at->head);
    sq->ktail = word(raw->sq, at->tail);
    sq->kring_mask = word(raw->sq, at->ring_mask);
    sq->kring_entries = word(raw->sq, at->ring_entries);
    sq->kflags = word(raw->sq, at->flags);
    sq->kdropped = word(raw->sq, at->dropped);
    sq->array = word(raw->sq, at->array);
    sq->sqes = raw->sqes;
    sq->ring_ptr = raw->sq;
    sq->ring_sz = sq_length(&raw->params);
    sq->ring_mask = *sq->kring_mask;
    sq->ring_entries = *sq->kring_entries;
}

static void fill_cq(struct raw_ring *raw)
{
    struct io_uring_cq *cq = &raw->ring.cq;
    const struct io_cqring_offsets *at = &raw->params.cq_off;
    cq->khead = word(raw->cq, at->head);
    cq->ktail = word(raw->cq, at->tail);
    cq->kring_mask = word(raw->cq, at->ring_mask);
    cq->kring_entries = word(raw->cq, at->ring_entries);
    cq->koverflow = word(raw->cq, at->overflow);
    cq->kflags = at->flags != 0 ? word(raw->cq, at->flags) : NULL;
    cq->cqes = (struct io_uring_cqe *)(void *)((char *)raw->cq + at->cqes);
    cq->ring_ptr = raw->cq;
    cq->ring_sz = cq_length(&raw->params);
    cq->ring_mask = *cq->kring_mask;
    cq->ring_entries = *cq->kring_entries;
}

static int map(struct raw_ring *raw, uint64_t offset, size_t length, void **memory)
{
    return raw->backend.vtable->map(raw->backend.self, raw->fd, offset, length, memory);
}

static int map_all(struct raw_ring *raw)
{
    int rc = map(raw, IORING_OFF_SQ_RING, sq_length(&raw->params), &raw->sq);
    if (rc == 0)
        rc = map(raw, IORING_OFF_CQ_RING, cq_length(&raw->params), &raw->cq);
    if (rc == 0)
        rc = map(raw, IORING_OFF_SQES, sqes_length(&raw->params), &raw->sqes);
    return rc;
}

int raw_ring_open(struct raw_ring *raw, struct sr_backend backend, unsigned entries, unsigned flags)
{
    memset(&raw->params, 0, sizeof raw->params);
    raw->params.flags = flags;
    return raw_ring_open_params(raw, backend, entries);
}

int raw_ring_open_params(struct raw_ring *raw, struct sr_backend backend, unsigned entries)
{
    struct io_uring_params params = raw->params;
    memset(raw, 0, sizeof *raw);
    raw->params = params;
    raw->backend = backend;
    raw->fd = backend.vtable->setup(backend.self, entries, &raw->params);
    if (raw->fd < 0)
        return raw->fd;
    int rc = map_all(raw);
    if (rc != 0) {
        raw_ring_close(raw);
        return rc;
    }
    fill_sq(raw);
    fill_cq(raw);
    raw->ring.flags = raw->params.flags;
    raw->ring.features = raw->params.features;
    raw->ring.ring_fd = raw->fd;
    raw->ring.enter_ring_fd = raw->fd;
    return 0;
}

static void unmap(struct raw_ring *raw, void *memory, size_t length)
{
    if (memory != NULL)
        raw->backend.vtable->unmap(raw->backend.self, memory, length);
}

void raw_ring_close(struct raw_ring *raw)
{
    raw->backend.vtable->close(raw->backend.self, raw->fd);
    unmap(raw, raw->sqes, sqes_length(&raw->params));
    unmap(raw, raw->cq, cq_length(&raw->params));
    unmap(raw, raw->sq, sq_length(&raw->params));
    memset(raw, 0, sizeof *raw);
}

struct io_uring_sqe *raw_ring_sqe(struct raw_ring *raw, uint64_t user_data)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&raw->ring);
    if (sqe == NULL)
        return NULL;
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data64(sqe, user_data);
    return sqe;
}

void (*raw_ring_published)(const struct io_uring_sqe *sqe);

static void show(const struct raw_ring *raw, unsigned index)
{
    unsigned wide = (raw->params.flags & IORING_SETUP_SQE128) != 0;
    if (raw_ring_published != NULL)
        raw_ring_published(&raw->ring.sq.sqes[index << wide]);
}

unsigned raw_ring_publish(struct raw_ring *raw)
{
    struct io_uring_sq *sq = &raw->ring.sq;
    unsigned tail = *sq->ktail;
    for (; sq->sqe_head != sq->sqe_tail; sq->sqe_head++, tail++) {
        sq->array[tail & sq->ring_mask] = sq->sqe_head & sq->ring_mask;
        show(raw, sq->sqe_head & sq->ring_mask);
    }
    io_uring_smp_store_release(sq->ktail, tail);
    return tail - io_uring_smp_load_acquire(sq->khead);
}

/* A thread that sleeps must be told of new entries (IORING_SETUP_SQPOLL). */
static unsigned wake_up(const struct raw_ring *raw)
{
    io_uring_smp_mb();
    bool sleeps = (IO_URING_READ_ONCE(*raw->ring.sq.kflags) & IORING_SQ_NEED_WAKEUP) != 0;
    return sleeps ? IORING_ENTER_SQ_WAKEUP : 0;
}

static int enter(struct raw_ring *raw, unsigned to_submit, unsigned min_complete, unsigned flags)
{
    flags |= wake_up(raw);
    return raw->backend.vtable->enter(raw->backend.self, raw->fd, to_submit, min_complete, flags, NULL,
                                      _NSIG / 8);
}

static int enter_for(struct raw_ring *raw, unsigned to_submit, unsigned min_complete, uint64_t timeout_ns)
{
    struct __kernel_timespec timeout = {.tv_sec = (int64_t)(timeout_ns / NSEC_PER_SEC),
                                        .tv_nsec = (long long)(timeout_ns % NSEC_PER_SEC)};
    struct io_uring_getevents_arg arg = {.ts = (uint64_t)(uintptr_t)&timeout, .sigmask_sz = _NSIG / 8};
    return raw->backend.vtable->enter(raw->backend.self, raw->fd, to_submit, min_complete,
                                      IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | wake_up(raw), &arg,
                                      sizeof arg);
}

int raw_ring_submit(struct raw_ring *raw)
{
    return enter(raw, raw_ring_publish(raw), 0, 0);
}

int raw_ring_submit_and_wait(struct raw_ring *raw, unsigned min_complete)
{
    return enter(raw, raw_ring_publish(raw), min_complete, IORING_ENTER_GETEVENTS);
}

int raw_ring_submit_and_wait_for(struct raw_ring *raw, unsigned min_complete, uint64_t timeout_ns)
{
    return enter_for(raw, raw_ring_publish(raw), min_complete, timeout_ns);
}

int raw_ring_get_events(struct raw_ring *raw)
{
    return enter(raw, 0, 0, IORING_ENTER_GETEVENTS);
}

int raw_ring_wait(struct raw_ring *raw, unsigned min_complete, uint64_t timeout_ns)
{
    return enter_for(raw, 0, min_complete, timeout_ns);
}

bool raw_ring_take(struct raw_ring *raw, struct io_uring_cqe *cqe)
{
    struct io_uring_cq *cq = &raw->ring.cq;
    unsigned head = *cq->khead;
    if (head == io_uring_smp_load_acquire(cq->ktail))
        return false;
    const struct io_uring_cqe *from =
        &cq->cqes[(head & cq->ring_mask) << ((raw->params.flags & IORING_SETUP_CQE32) != 0)];
    cqe->user_data = from->user_data;
    cqe->res = from->res;
    cqe->flags = from->flags;
    io_uring_smp_store_release(cq->khead, head + 1);
    return true;
}
