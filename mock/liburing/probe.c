/*
 * What a program asks before it begins: which operations there are, how much memory a ring locks, which version this is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "liburing/kernel.h"
#include "liburing/needs.h"

#define OPERATIONS 256u
#define SQ_MOST 32768u
#define CQ_MOST 65536u
#define ANSWERS_FOR_MAJOR 2
#define ANSWERS_FOR_MINOR 4

/* From the C library's own allocator: programs are known to give it back by free(3). */
struct io_uring_probe *io_uring_get_probe_ring(struct io_uring *ring)
{
    struct io_uring_probe *probe = calloc(1, sizeof *probe + OPERATIONS * sizeof(struct io_uring_probe_op));
    if (probe != NULL && io_uring_register_probe(ring, probe, OPERATIONS) < 0) {
        free(probe);
        probe = NULL;
    }
    return probe;
}

struct io_uring_probe *io_uring_get_probe(void)
{
    struct io_uring ring;
    if (io_uring_queue_init(2, &ring, 0) < 0)
        return NULL;
    struct io_uring_probe *probe = io_uring_get_probe_ring(&ring);
    io_uring_queue_exit(&ring);
    return probe;
}

void io_uring_free_probe(struct io_uring_probe *probe)
{
    free(probe);
}

static size_t power_of_two(size_t count)
{
    size_t power = 1;
    while (power < count)
        power *= 2;
    return power;
}

static size_t whole_pages(size_t size, size_t page)
{
    return (size + page - 1) / page * page;
}

static ssize_t locked_size(unsigned entries, const struct io_uring_params *params)
{
    if (entries == 0 || (entries > SQ_MOST && (params->flags & IORING_SETUP_CLAMP) == 0))
        return -EINVAL;
    size_t sq = power_of_two(entries > SQ_MOST ? SQ_MOST : entries);
    size_t cq = 2 * sq;
    if ((params->flags & IORING_SETUP_CQSIZE) != 0) {
        if (params->cq_entries == 0 ||
            (params->cq_entries > CQ_MOST && (params->flags & IORING_SETUP_CLAMP) == 0))
            return -EINVAL;
        cq = power_of_two(params->cq_entries > CQ_MOST ? CQ_MOST : params->cq_entries);
        if (cq < sq)
            return -EINVAL;
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t sqes = sq * sizeof(struct io_uring_sqe) << ((params->flags & IORING_SETUP_SQE128) != 0 ? 1 : 0);
    size_t cqes = cq * sizeof(struct io_uring_cqe) << ((params->flags & IORING_SETUP_CQE32) != 0 ? 1 : 0);
    const size_t heads = 256;
    return (ssize_t)(whole_pages(sqes, page) + whole_pages(heads + cqes + sq * sizeof(unsigned), page));
}

/* Nothing, with a kernel that has its own accounting for rings (IORING_FEAT_NATIVE_WORKERS). */
ssize_t io_uring_mlock_size_params(unsigned entries, struct io_uring_params *params)
{
    struct io_uring_params asked;
    struct io_uring ring;
    memset(&asked, 0, sizeof asked);
    int rc = io_uring_queue_init_params(2, &ring, &asked);
    if (rc < 0)
        return rc;
    io_uring_queue_exit(&ring);
    if ((asked.features & IORING_FEAT_NATIVE_WORKERS) != 0)
        return 0;
    return locked_size(entries, params);
}

ssize_t io_uring_mlock_size(unsigned entries, unsigned flags)
{
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    params.flags = flags;
    return io_uring_mlock_size_params(entries, &params);
}

int io_uring_major_version(void)
{
    return ANSWERS_FOR_MAJOR;
}

int io_uring_minor_version(void)
{
    return ANSWERS_FOR_MINOR;
}

/* True: the program was made for a later one. */
bool io_uring_check_version(int major, int minor)
{
    return major > ANSWERS_FOR_MAJOR || (major == ANSWERS_FOR_MAJOR && minor > ANSWERS_FOR_MINOR);
}
