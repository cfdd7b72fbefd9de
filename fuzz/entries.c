/*
 * Raw entries into the engine: whatever an SQE holds, the kernel answers with CQEs of the entries it was given, no more than
 * there may be, and comes back. The memory that entries name is an arena between two walls.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/io_uring.h>

#include "input.h"
#include "safer_ring/sim.h"

#define ENTRIES 8u
#define ARENA 8192u
#define PAGE 4096u
#define ROUNDS 24

static struct sr_sim *sim;
static struct sr_backend kernel;
static uint8_t *arena;

struct ring {
    int fd;
    void *sq;
    void *cq;
    struct io_uring_sqe *sqes;
    struct io_uring_params params;
    size_t sq_size;
    size_t cq_size;
    size_t entry_size;
};

static void make_all(void)
{
    uint8_t *memory = mmap(NULL, ARENA + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    FUZZ_REQUIRE(memory != MAP_FAILED);
    arena = memory + PAGE;
    FUZZ_REQUIRE(mprotect(arena, ARENA, PROT_READ | PROT_WRITE) == 0);
    FUZZ_REQUIRE(sr_sim_new(&sim, NULL) == 0);
    kernel = sr_sim_backend(sim);
}

static const uint32_t setups[] = {
    0,
    IORING_SETUP_SUBMIT_ALL,
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_SQE128,
    IORING_SETUP_CQE32,
    IORING_SETUP_SQPOLL,
    IORING_SETUP_IOPOLL,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
};

static int open_ring(struct ring *ring, struct input *input)
{
    memset(ring, 0, sizeof *ring);
    ring->params.flags = setups[next_below(input, sizeof setups / sizeof setups[0])];
    ring->fd = kernel.vtable->setup(kernel.self, ENTRIES, &ring->params);
    if (ring->fd < 0)
        return ring->fd;
    const struct io_uring_params *params = &ring->params;
    size_t cqe_size = sizeof(struct io_uring_cqe) << (params->flags & IORING_SETUP_CQE32 ? 1 : 0);
    ring->entry_size = sizeof(struct io_uring_sqe) << (params->flags & IORING_SETUP_SQE128 ? 1 : 0);
    ring->sq_size = params->sq_off.array + params->sq_entries * sizeof(uint32_t);
    ring->cq_size = params->cq_off.cqes + params->cq_entries * cqe_size;
    void *sqes = NULL;
    int rc = kernel.vtable->map(kernel.self, ring->fd, IORING_OFF_SQ_RING, ring->sq_size, &ring->sq);
    if (rc == 0)
        rc = kernel.vtable->map(kernel.self, ring->fd, IORING_OFF_CQ_RING, ring->cq_size, &ring->cq);
    if (rc == 0)
        rc = kernel.vtable->map(kernel.self, ring->fd, IORING_OFF_SQES, params->sq_entries * ring->entry_size,
                                &sqes);
    ring->sqes = sqes;
    return rc;
}

static void close_ring(struct ring *ring)
{
    if (ring->fd < 0)
        return;
    (void)kernel.vtable->close(kernel.self, ring->fd);
    if (ring->sq != NULL)
        kernel.vtable->unmap(kernel.self, ring->sq, ring->sq_size);
    if (ring->cq != NULL)
        kernel.vtable->unmap(kernel.self, ring->cq, ring->cq_size);
    if (ring->sqes != NULL)
        kernel.vtable->unmap(kernel.self, ring->sqes, ring->params.sq_entries * ring->entry_size);
}

static uint32_t *word(void *base, uint32_t offset)
{
    return (uint32_t *)(void *)((uint8_t *)base + offset);
}

/* An address in the arena, at a wall, or nowhere. */
static uint64_t any_address(struct input *input)
{
    uint8_t which = next_byte(input);
    if (which >= 250)
        return which == 250 ? 0 : (uint64_t)(uintptr_t)(arena + ARENA - (which - 250));
    return (uint64_t)(uintptr_t)(arena + 32u * which);
}

static uint32_t any_length(struct input *input)
{
    static const uint32_t lengths[] = {0, 1, 2, 7, 16, 64, 512, 4096, 8192, 65536, 0x7fffffff, 0xffffffff};
    uint8_t which = next_byte(input);
    return which < 200 ? which : lengths[(which - 200u) % (sizeof lengths / sizeof lengths[0])];
}

static void write_entry(struct ring *ring, uint32_t at, struct input *input)
{
    struct io_uring_sqe *sqe = (struct io_uring_sqe *)(void *)((uint8_t *)ring->sqes + at * ring->entry_size);
    memset(sqe, 0, ring->entry_size);
    sqe->opcode = next_byte(input) % (IORING_OP_LAST + 2);
    sqe->flags = next_byte(input);
    uint8_t shape = next_byte(input);
    sqe->fd = shape & 1 ? (int32_t)next_below(input, 16) - 1 : (int32_t)(3 + next_below(input, 6));
    sqe->addr = any_address(input);
    sqe->len = any_length(input);
    if (shape & 2)
        sqe->off = shape & 4 ? any_address(input) : next_byte(input);
    if (shape & 8)
        sqe->ioprio = (uint16_t)(next_byte(input) | (shape & 16 ? 0x100 : 0));
    if (shape & 32)
        sqe->rw_flags = next_byte(input) | (uint32_t)next_byte(input) << 8;
    if (shape & 64)
        sqe->buf_index = next_byte(input);
    if (shape & 128)
        sqe->splice_fd_in = next_byte(input);
    sqe->user_data = 1 + next_below(input, 8);
}

/* Every CQE is there once, and no more of them than a ring and its overflow may hold. */
static void reap(struct ring *ring)
{
    uint32_t *head = word(ring->cq, ring->params.cq_off.head);
    uint32_t tail = __atomic_load_n(word(ring->cq, ring->params.cq_off.tail), __ATOMIC_ACQUIRE);
    FUZZ_REQUIRE(tail - *head <= ring->params.cq_entries);
    __atomic_store_n(head, tail, __ATOMIC_RELEASE);
}

static void make_objects(void)
{
    int fds[2];
    int fd;
    if (sr_sim_file(sim, "/file", "0123456789abcdef", 16) == 0)
        (void)!sr_sim_open(sim, "/file", O_RDWR, &fd);
    (void)!sr_sim_pipe(sim, fds);
    (void)!sr_sim_socketpair(sim, fds);
    (void)!sr_sim_eventfd(sim, 1, &fd);
    (void)!sr_sim_epoll(sim, &fd);
}

/* What structures at an address may mean: iovecs, times, paths, headers of messages, all into the arena. */
static void fill_arena(void)
{
    memset(arena, 0, ARENA);
    for (uint32_t i = 0; i < 32; i++) {
        uint64_t pair[2] = {(uint64_t)(uintptr_t)(arena + 4096 + 64 * i), 1 + i};
        memcpy(arena + 64 + 16 * i, pair, sizeof pair);
    }
    memcpy(arena + 1024, "/file", 6);
    memcpy(arena + 1056, "name", 5);
    uint64_t time[2] = {0, 1000};
    memcpy(arena + 1088, time, sizeof time);
    struct msghdr_like {
        uint64_t name, name_length, iov, iov_count, control, control_length, flags;
    } message = {0, 0, (uint64_t)(uintptr_t)(arena + 64), 2, 0, 0, 0};
    memcpy(arena + 1120, &message, sizeof message);
}

static void play(struct ring *ring, struct input *input)
{
    for (int round = 0; round < ROUNDS && input->at < input->size; round++) {
        uint32_t *tail = word(ring->sq, ring->params.sq_off.tail);
        uint32_t queued = *tail - __atomic_load_n(word(ring->sq, ring->params.sq_off.head), __ATOMIC_ACQUIRE);
        FUZZ_REQUIRE(queued <= ring->params.sq_entries);
        uint32_t count = next_below(input, 5);
        for (; count > 0 && queued < ring->params.sq_entries; count--, queued++) {
            uint32_t at = *tail & (ring->params.sq_entries - 1);
            write_entry(ring, at, input);
            word(ring->sq, ring->params.sq_off.array)[at] = at;
            __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
        }
        uint8_t how = next_byte(input);
        if ((how & 0xf0) == 0xf0) {
            (void)kernel.vtable->register_(kernel.self, ring->fd, next_byte(input) % 40,
                                           (void *)(uintptr_t)any_address(input), next_byte(input) % 9);
            continue;
        }
        struct io_uring_getevents_arg ext = {.ts = (uint64_t)(uintptr_t)(arena + 1088)};
        uint32_t flags = IORING_ENTER_EXT_ARG | (how & 1 ? IORING_ENTER_GETEVENTS : 0) |
                         (how & 2 ? IORING_ENTER_SQ_WAKEUP : 0);
        int rc = kernel.vtable->enter(kernel.self, ring->fd, how & 4 ? queued : queued / 2, how & 8 ? 1 : 0,
                                      flags, &ext, sizeof ext);
        FUZZ_REQUIRE(rc <= (int)ring->params.sq_entries);
        reap(ring);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (sim == NULL)
        make_all();
    struct input input = {data, size, 0};
    struct sr_sim_options options = sr_sim_options_default();
    uint8_t tape[32];
    uint32_t tape_size = next_below(&input, sizeof tape + 1);
    for (uint32_t i = 0; i < tape_size; i++)
        tape[i] = next_byte(&input);
    options.tape = tape;
    options.tape_size = tape_size;
    options.flags = SR_SIM_NO_TRACE;
    FUZZ_REQUIRE(sr_sim_reset(sim, &options) == 0);
    make_objects();
    fill_arena();
    struct ring ring;
    if (open_ring(&ring, &input) == 0)
        play(&ring, &input);
    close_ring(&ring);
    return 0;
}
