/*
 * Armed polls of the simulated kernel, cancelled one by one: does a cancel cost the same with ten and with thirty thousand of
 * them? Through the interface of a kernel, since the library has no polls. One operation is a cancel, the end of its target
 * and a poll armed in its place.
 */
#include "bench.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "safer_ring.h"
#include "safer_ring/sim.h"

#define ENTRIES 64u

struct polls {
    struct sr_sim *sim;
    struct sr_backend kernel;
    struct io_uring_params params;
    int ring;
    int fd;
    uint32_t depth;
    char *sq; /* both rings, or the first of two mappings */
    char *cq;
    struct io_uring_sqe *sqes;
    uint64_t next; /* of the polls, by turns */
};

static uint32_t *word(char *memory, uint32_t offset)
{
    return (uint32_t *)(void *)(memory + offset);
}

static int map_all(struct polls *polls)
{
    const struct io_uring_params *p = &polls->params;
    void *memory[3];
    const uint64_t offsets[3] = {IORING_OFF_SQ_RING, IORING_OFF_CQ_RING, IORING_OFF_SQES};
    const size_t sizes[3] = {p->sq_off.array + p->sq_entries * sizeof(uint32_t),
                             p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe),
                             p->sq_entries * sizeof(struct io_uring_sqe)};
    size_t largest = sizes[0] > sizes[1] ? sizes[0] : sizes[1];
    for (int i = 0; i < 3; i++) {
        int rc = polls->kernel.vtable->map(polls->kernel.self, polls->ring, offsets[i],
                                           i < 2 ? largest : sizes[i], &memory[i]);
        if (rc != 0)
            return rc;
    }
    polls->sq = memory[0];
    polls->cq = memory[1];
    polls->sqes = memory[2];
    for (uint32_t i = 0; i < p->sq_entries; i++)
        word(polls->sq, p->sq_off.array)[i] = i;
    return 0;
}

static struct io_uring_sqe *entry(struct polls *polls)
{
    uint32_t *tail = word(polls->sq, polls->params.sq_off.tail);
    struct io_uring_sqe *sqe = &polls->sqes[*tail % polls->params.sq_entries];
    memset(sqe, 0, sizeof *sqe);
    ++*tail;
    return sqe;
}

static void arm(struct polls *polls, uint64_t user_data)
{
    struct io_uring_sqe *sqe = entry(polls);
    sqe->opcode = IORING_OP_POLL_ADD;
    sqe->fd = polls->fd;
    sqe->poll32_events = POLLIN;
    sqe->user_data = user_data;
}

static int enter(struct polls *polls)
{
    const struct io_uring_params *p = &polls->params;
    uint32_t count = *word(polls->sq, p->sq_off.tail) - *word(polls->sq, p->sq_off.head);
    int rc = polls->kernel.vtable->enter(polls->kernel.self, polls->ring, count, 0, IORING_ENTER_GETEVENTS,
                                         NULL, 0);
    return rc == (int)count ? 0 : rc < 0 ? rc : -EIO;
}

/* Takes what is there: `ended` polls were cancelled. */
static int reap(struct polls *polls, uint64_t *ended)
{
    const struct io_uring_params *p = &polls->params;
    const struct io_uring_cqe *cqes = (const struct io_uring_cqe *)(const void *)(polls->cq + p->cq_off.cqes);
    uint32_t *head = word(polls->cq, p->cq_off.head);
    for (; *head != *word(polls->cq, p->cq_off.tail); ++*head) {
        const struct io_uring_cqe *cqe = &cqes[*head % p->cq_entries];
        if (cqe->res != (cqe->user_data == 0 ? 0 : -ECANCELED))
            return -EIO;
        *ended += cqe->user_data != 0;
    }
    return 0;
}

static void polls_close(void *self)
{
    struct polls *polls = self;
    if (polls->ring >= 0)
        (void)polls->kernel.vtable->close(polls->kernel.self, polls->ring);
    sr_sim_free(&polls->sim);
    free(polls);
}

static int polls_make(struct polls *polls)
{
    struct sr_sim_options options = sr_sim_options_default();
    options.flags = SR_SIM_KIND | SR_SIM_NO_TRACE;
    int rc = sr_sim_new(&polls->sim, &options);
    if (rc != 0)
        return rc;
    polls->kernel = sr_sim_backend(polls->sim);
    rc = sr_sim_eventfd(polls->sim, 0, &polls->fd);
    if (rc != 0)
        return rc;
    polls->ring = polls->kernel.vtable->setup(polls->kernel.self, ENTRIES, &polls->params);
    rc = polls->ring < 0 ? polls->ring : map_all(polls);
    for (uint64_t i = 1; rc == 0 && i <= polls->depth; i++) {
        arm(polls, i);
        if (i % ENTRIES == 0 || i == polls->depth)
            rc = enter(polls);
    }
    return rc;
}

static int polls_open(void **self, uint32_t depth)
{
    struct polls *polls = calloc(1, sizeof *polls);
    if (polls == NULL)
        return -ENOMEM;
    polls->ring = -1;
    polls->depth = depth;
    int rc = polls_make(polls);
    if (rc != 0) {
        polls_close(polls);
        return rc;
    }
    *self = polls;
    return 0;
}

static int polls_run(void *self, uint64_t operations)
{
    struct polls *polls = self;
    for (uint64_t i = 0; i < operations; i++) {
        uint64_t target = polls->next++ % polls->depth + 1;
        struct io_uring_sqe *sqe = entry(polls);
        sqe->opcode = IORING_OP_ASYNC_CANCEL;
        sqe->fd = -1;
        sqe->addr = target;
        uint64_t ended = 0;
        int rc = enter(polls);
        if (rc == 0)
            rc = reap(polls, &ended);
        if (rc != 0 || ended != 1)
            return rc != 0 ? rc : -EIO;
        arm(polls, target);
    }
    return enter(polls);
}

static const struct arm cancels = {polls_open, polls_run, polls_close};

const struct bench bench_sim_polls = {
    .name = "sim_polls",
    .what = "a poll of many cancelled and armed again on the simulated kernel",
    .depths = {10, 1000, 30000},
    .slice_ns = 1000000,
    .library = &cancels,
};
