/*
 * A ring by system calls alone, mapped in every way in which a program may: by the C library and by an instruction of its own, with
 * and without MAP_POPULATE. All views are of one memory, and the ring works by any of them. An address of its choice is refused.
 */
#include "own_calls.h"
#include "program.h"

#define WAYS 4

static struct io_uring_params params;

static size_t length_of_rings(void)
{
    size_t sq = params.sq_off.array + params.sq_entries * sizeof(unsigned);
    size_t cq = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
    return sq > cq ? sq : cq;
}

static char *view(int fd, int way, void *at, int flags)
{
    size_t length = length_of_rings();
    flags |= MAP_SHARED | (way & 1 ? MAP_POPULATE : 0);
    if (way & 2)
        return own_mmap(at, length, PROT_READ | PROT_WRITE, flags, fd, IORING_OFF_SQ_RING);
    return mmap(at, length, PROT_READ | PROT_WRITE, flags, fd, IORING_OFF_SQ_RING);
}

static unsigned *word(char *rings, unsigned offset)
{
    return (unsigned *)(void *)(rings + offset);
}

static void nop(int fd, char *rings, struct io_uring_sqe *sqes)
{
    unsigned tail = *word(rings, params.sq_off.tail);
    unsigned index = tail & (params.sq_entries - 1);
    memset(&sqes[index], 0, sizeof sqes[index]);
    word(rings, params.sq_off.array)[index] = index;
    __atomic_store_n(word(rings, params.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
    CHECK(syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1);
    unsigned head = *word(rings, params.cq_off.head);
    CHECK(__atomic_load_n(word(rings, params.cq_off.tail), __ATOMIC_ACQUIRE) == head + 1);
    __atomic_store_n(word(rings, params.cq_off.head), head + 1, __ATOMIC_RELEASE);
}

int main(void)
{
    char *views[WAYS];
    int fd = (int)syscall(SYS_io_uring_setup, 8, &params);
    if (fd < 0)
        return SKIPPED;
    struct io_uring_sqe *sqes =
        mmap(NULL, params.sq_entries * sizeof *sqes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);
    CHECK(sqes != MAP_FAILED);
    void *taken = mmap(NULL, length_of_rings(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(taken != MAP_FAILED);
    for (int way = 0; way < WAYS; way++) {
        views[way] = view(fd, way, NULL, 0);
        CHECK(views[way] != MAP_FAILED);
        CHECK(view(fd, way, taken, MAP_FIXED) == MAP_FAILED && errno == EINVAL);
        CHECK(view(fd, way, taken, 0) == MAP_FAILED && errno == EINVAL);
    }
    for (int way = 0; way < WAYS; way++) {
        nop(fd, views[way], sqes);
        CHECK(*word(views[WAYS - 1 - way], params.sq_off.tail) == (unsigned)way + 1);
    }
    for (int way = 0; way < WAYS; way++)
        CHECK(munmap(views[way], length_of_rings()) == 0);
    CHECK(close(fd) == 0);
    return 0;
}
