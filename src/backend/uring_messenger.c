/*
 * A small ring whose only work is IORING_OP_MSG_RING; it never runs the target's work.
 *
 * One message is under way at a time, under a mutex. The target is a plain descriptor: nothing of it is kept here.
 */
#include "backend/uring_messenger.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <linux/io_uring.h>

#include "backend/uring_call.h"
#include "base/alloc.h"

#define MESSENGER_ENTRIES 2

struct sri_messenger {
    struct sri_messenger *inherited;
    pthread_mutex_t lock;
    pid_t process;
    int ring;
    struct io_uring_params params;
    char *sq;
    char *cq;
    struct io_uring_sqe *sqes;
    size_t sq_length;
    size_t cq_length;
    size_t sqes_length;
};

static void *map_ring(int ring, size_t length, uint64_t offset)
{
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, (off_t)offset);
    return memory == MAP_FAILED ? NULL : memory;
}

static void unmap_ring(void *memory, size_t length)
{
    if (memory != NULL)
        munmap(memory, length);
}

static int map_all(struct sri_messenger *messenger)
{
    const struct io_uring_params *params = &messenger->params;
    messenger->sq_length = params->sq_off.array + params->sq_entries * sizeof(uint32_t);
    messenger->cq_length = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
    messenger->sqes_length = params->sq_entries * sizeof(struct io_uring_sqe);
    messenger->sq = map_ring(messenger->ring, messenger->sq_length, IORING_OFF_SQ_RING);
    messenger->cq = map_ring(messenger->ring, messenger->cq_length, IORING_OFF_CQ_RING);
    messenger->sqes = map_ring(messenger->ring, messenger->sqes_length, IORING_OFF_SQES);
    return messenger->sq != NULL && messenger->cq != NULL && messenger->sqes != NULL ? 0 : -ENOMEM;
}

static void free_one(struct sri_messenger *messenger)
{
    unmap_ring(messenger->sqes, messenger->sqes_length);
    unmap_ring(messenger->cq, messenger->cq_length);
    unmap_ring(messenger->sq, messenger->sq_length);
    if (messenger->ring >= 0)
        close(messenger->ring);
    /* A child may have inherited the mutex held by a thread it does not have: it is left as it is. */
    if (sri_messenger_is_ours(messenger))
        pthread_mutex_destroy(&messenger->lock);
    sri_free(messenger);
}

int sri_messenger_new(struct sri_messenger **out)
{
    struct sri_messenger *messenger = sri_alloc_zero(1, sizeof *messenger);
    if (messenger == NULL)
        return -ENOMEM;
    pthread_mutex_init(&messenger->lock, NULL);
    messenger->process = getpid();
    messenger->ring = sri_uring_setup(MESSENGER_ENTRIES, &messenger->params);
    int rc = messenger->ring < 0 ? messenger->ring : map_all(messenger);
    if (rc < 0) {
        free_one(messenger);
        return rc;
    }
    *out = messenger;
    return 0;
}

void sri_messenger_inherit(struct sri_messenger *messenger, struct sri_messenger *parents)
{
    messenger->inherited = parents;
}

int sri_messenger_is_ours(const struct sri_messenger *messenger)
{
    return messenger->process == getpid();
}

static void queue_message(struct sri_messenger *messenger, int ring, uint64_t user_data)
{
    uint32_t *tail = (uint32_t *)(void *)(messenger->sq + messenger->params.sq_off.tail);
    uint32_t *array = (uint32_t *)(void *)(messenger->sq + messenger->params.sq_off.array);
    uint32_t index = *tail & (messenger->params.sq_entries - 1);
    struct io_uring_sqe *sqe = &messenger->sqes[index];

    memset(sqe, 0, sizeof *sqe);
    sqe->opcode = IORING_OP_MSG_RING;
    sqe->fd = ring;
    sqe->off = user_data;
    array[index] = index;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
}

/* The result of the message under way, or -EAGAIN while there is none. */
static int take_result(struct sri_messenger *messenger, int *result)
{
    uint32_t *head = (uint32_t *)(void *)(messenger->cq + messenger->params.cq_off.head);
    const uint32_t *tail = (const uint32_t *)(const void *)(messenger->cq + messenger->params.cq_off.tail);
    const struct io_uring_cqe *cqes =
        (const struct io_uring_cqe *)(const void *)(messenger->cq + messenger->params.cq_off.cqes);

    if (*head == __atomic_load_n(tail, __ATOMIC_ACQUIRE))
        return -EAGAIN;
    *result = cqes[*head & (messenger->params.cq_entries - 1)].res;
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    return 0;
}

/* What queue_message() queued and the kernel refused to consume. */
static void withdraw_message(struct sri_messenger *messenger)
{
    uint32_t *tail = (uint32_t *)(void *)(messenger->sq + messenger->params.sq_off.tail);
    __atomic_store_n(tail, *tail - 1, __ATOMIC_RELEASE);
}

int sri_messenger_send(struct sri_messenger *messenger, int ring, uint64_t user_data)
{
    pthread_mutex_lock(&messenger->lock);
    queue_message(messenger, ring, user_data);
    uint32_t to_submit = 1;
    int result = 0;
    while (take_result(messenger, &result) != 0) {
        int rc = sri_uring_enter(messenger->ring, to_submit, 1, IORING_ENTER_GETEVENTS, NULL, 0);
        if (rc > 0)
            to_submit = 0;
        if (rc < 0 && rc != -EINTR && rc != -EAGAIN && to_submit != 0) {
            withdraw_message(messenger);
            result = rc;
            break;
        }
    }
    pthread_mutex_unlock(&messenger->lock);
    /* The entry is right in every field: what a kernel finds invalid in it is the opcode. */
    return result == -EINVAL ? -EOPNOTSUPP : result;
}

void sri_messenger_free(struct sri_messenger *messenger)
{
    while (messenger != NULL) {
        struct sri_messenger *inherited = messenger->inherited;
        free_one(messenger);
        messenger = inherited;
    }
}
