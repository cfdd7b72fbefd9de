/*
 * A `struct io_uring` from its beginning to its end.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "liburing/child.h"
#include "liburing/kernel.h"

static unsigned *word(void *memory, uint32_t offset)
{
    return (unsigned *)(void *)((char *)memory + offset);
}

static void fill_sq(struct io_uring_sq *sq, const struct io_uring_params *params)
{
    const struct io_sqring_offsets *at = &params->sq_off;
    sq->khead = word(sq->ring_ptr, at->head);
    sq->ktail = word(sq->ring_ptr, at->tail);
    sq->kring_mask = word(sq->ring_ptr, at->ring_mask);
    sq->kring_entries = word(sq->ring_ptr, at->ring_entries);
    sq->kflags = word(sq->ring_ptr, at->flags);
    sq->kdropped = word(sq->ring_ptr, at->dropped);
    sq->array = word(sq->ring_ptr, at->array);
    sq->ring_mask = *sq->kring_mask;
    sq->ring_entries = *sq->kring_entries;
}

static void fill_cq(struct io_uring_cq *cq, const struct io_uring_params *params)
{
    const struct io_cqring_offsets *at = &params->cq_off;
    cq->khead = word(cq->ring_ptr, at->head);
    cq->ktail = word(cq->ring_ptr, at->tail);
    cq->kring_mask = word(cq->ring_ptr, at->ring_mask);
    cq->kring_entries = word(cq->ring_ptr, at->ring_entries);
    cq->koverflow = word(cq->ring_ptr, at->overflow);
    cq->kflags = at->flags != 0 ? word(cq->ring_ptr, at->flags) : NULL;
    cq->cqes = (struct io_uring_cqe *)(void *)((char *)cq->ring_ptr + at->cqes);
    cq->ring_mask = *cq->kring_mask;
    cq->ring_entries = *cq->kring_entries;
}

static void unmap_rings(const struct sr_backend *kernel, const struct io_uring *ring)
{
    kernel->vtable->unmap(kernel->self, ring->sq.ring_ptr, ring->sq.ring_sz);
    if (ring->cq.ring_ptr != NULL && ring->cq.ring_ptr != ring->sq.ring_ptr)
        kernel->vtable->unmap(kernel->self, ring->cq.ring_ptr, ring->cq.ring_sz);
}

static size_t sqes_size(const struct io_uring_params *params)
{
    size_t one = sizeof(struct io_uring_sqe);
    return params->sq_entries * ((params->flags & IORING_SETUP_SQE128) != 0 ? 2 * one : one);
}

static int map_rings(const struct sr_backend *kernel, int fd, const struct io_uring_params *params,
                     struct io_uring *ring)
{
    size_t cqe = sizeof(struct io_uring_cqe);
    if ((params->flags & IORING_SETUP_CQE32) != 0)
        cqe *= 2;
    ring->sq.ring_sz = params->sq_off.array + params->sq_entries * sizeof(unsigned);
    ring->cq.ring_sz = params->cq_off.cqes + params->cq_entries * cqe;
    bool single = (params->features & IORING_FEAT_SINGLE_MMAP) != 0;
    if (single && ring->cq.ring_sz > ring->sq.ring_sz)
        ring->sq.ring_sz = ring->cq.ring_sz;
    if (single)
        ring->cq.ring_sz = ring->sq.ring_sz;

    int rc = kernel->vtable->map(kernel->self, fd, IORING_OFF_SQ_RING, ring->sq.ring_sz, &ring->sq.ring_ptr);
    if (rc != 0 || single) {
        ring->cq.ring_ptr = ring->sq.ring_ptr;
        return rc;
    }
    rc = kernel->vtable->map(kernel->self, fd, IORING_OFF_CQ_RING, ring->cq.ring_sz, &ring->cq.ring_ptr);
    if (rc != 0)
        kernel->vtable->unmap(kernel->self, ring->sq.ring_ptr, ring->sq.ring_sz);
    return rc;
}

int sri_uring_map(const struct sr_backend *kernel, int fd, struct io_uring_params *params,
                  struct io_uring *ring)
{
    unsigned slot = ring->pad2;
    memset(ring, 0, sizeof *ring);
    ring->pad2 = slot;
    int rc = map_rings(kernel, fd, params, ring);
    if (rc != 0)
        return rc;
    void *sqes;
    rc = kernel->vtable->map(kernel->self, fd, IORING_OFF_SQES, sqes_size(params), &sqes);
    if (rc != 0) {
        unmap_rings(kernel, ring);
        return rc;
    }
    ring->sq.sqes = sqes;
    fill_sq(&ring->sq, params);
    fill_cq(&ring->cq, params);
    ring->flags = params->flags;
    ring->features = params->features;
    ring->ring_fd = fd;
    ring->enter_ring_fd = fd;
    if (sri_uring_hooks.opened != NULL)
        sri_uring_hooks.opened(ring, fd);
    return 0;
}

int io_uring_queue_mmap(int fd, struct io_uring_params *params, struct io_uring *ring)
{
    int rc = 0;
    const struct sr_backend *kernel = sri_uring_host(&rc);
    if (kernel == NULL)
        return rc;
    ring->pad2 = 0;
    return sri_uring_map(kernel, fd, params, ring);
}

int io_uring_queue_init_params(unsigned entries, struct io_uring *ring, struct io_uring_params *params)
{
    int rc = 0;
    const struct sr_backend *kernel = sri_uring_host(&rc);
    if (kernel == NULL)
        return rc;
    int fd = sri_uring_setup(kernel, entries, params);
    if (fd < 0)
        return fd;
    ring->pad2 = 0;
    rc = sri_uring_map(kernel, fd, params, ring);
    if (rc != 0) {
        sri_uring_remember(fd, false);
        kernel->vtable->close(kernel->self, fd);
    }
    return rc;
}

int io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    params.flags = flags;
    return io_uring_queue_init_params(entries, ring, &params);
}

/* In a child only its own copy of the descriptor goes; the memory is its parent's. */
static bool is_left_to_parent(const struct io_uring *ring)
{
    if (ring->pad2 != 0 || !sri_child_is_parents(ring->ring_fd))
        return false;
    if (sri_uring_hooks.foreign != NULL)
        sri_uring_hooks.foreign(ring->ring_fd, true, SRI_FRAME, SRI_SITE);
    sri_uring_remember(ring->ring_fd, false);
    close(ring->ring_fd);
    return true;
}

void io_uring_queue_exit(struct io_uring *ring)
{
    int rc = 0;
    if (is_left_to_parent(ring))
        return;
    const struct sr_backend *kernel = sri_uring_kernel_of(ring, &rc);
    if (kernel == NULL)
        return;
    if (sri_uring_hooks.exits != NULL)
        sri_uring_hooks.exits(ring, SRI_FRAME, SRI_SITE);
    kernel->vtable->unmap(kernel->self, ring->sq.sqes, ring->sq.ring_entries * sizeof(struct io_uring_sqe));
    unmap_rings(kernel, ring);
    if ((ring->int_flags & SRI_URING_REGISTERED) != 0)
        io_uring_unregister_ring_fd(ring);
    if (ring->ring_fd < 0)
        return;
    if (ring->pad2 == 0)
        sri_uring_remember(ring->ring_fd, false);
    kernel->vtable->close(kernel->self, ring->ring_fd);
}

static int leave_out_of_forks(void *memory, size_t length)
{
    return madvise(memory, length, MADV_DONTFORK) == 0 ? 0 : -errno;
}

int io_uring_ring_dontfork(struct io_uring *ring)
{
    size_t one = sizeof(struct io_uring_sqe);
    if (ring->sq.ring_ptr == NULL || ring->sq.sqes == NULL || ring->cq.ring_ptr == NULL)
        return -EINVAL;
    if ((ring->flags & IORING_SETUP_SQE128) != 0)
        one *= 2;
    int rc = leave_out_of_forks(ring->sq.sqes, ring->sq.ring_entries * one);
    if (rc == 0)
        rc = leave_out_of_forks(ring->sq.ring_ptr, ring->sq.ring_sz);
    if (rc == 0 && ring->cq.ring_ptr != ring->sq.ring_ptr)
        rc = leave_out_of_forks(ring->cq.ring_ptr, ring->cq.ring_sz);
    return rc;
}

int io_uring_setup(unsigned entries, struct io_uring_params *params)
{
    int rc = 0;
    const struct sr_backend *kernel = sri_uring_host(&rc);
    return kernel == NULL ? rc : sri_uring_setup(kernel, entries, params);
}
