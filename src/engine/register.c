/*
 * io_uring_register, and who may call what.
 */
#include <errno.h>
#include <string.h>

#include "engine/steps.h"

uint64_t sri_thread(const struct sri_engine *engine)
{
    const struct sri_world_vtable *world = engine->world.vtable;
    return world->thread == NULL ? 0 : world->thread(engine->world.self);
}

int sri_check_caller(const struct sri_ring *ring)
{
    if (!(ring->setup_flags & IORING_SETUP_SINGLE_ISSUER))
        return 0;
    return ring->issuer == sri_thread(ring->engine) ? 0 : -EEXIST;
}

static bool is_clear(const void *memory, size_t size)
{
    const unsigned char *bytes = memory;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static void fill_probe(struct io_uring_probe *answer, uint32_t count)
{
    answer->last_op = IORING_OP_LAST - 1;
    answer->ops_len = (uint8_t)count;
    for (uint32_t op = 0; op < count; op++) {
        answer->ops[op].op = (uint8_t)op;
        answer->ops[op].flags = sri_opcodes[op].prepare != NULL ? IO_URING_OP_SUPPORTED : 0;
    }
}

/* The probe's array must come in cleared (io_uring_register(2)). */
static int probe(struct sri_engine *engine, void *arg, uint32_t count)
{
    if (count > 256)
        return -EINVAL;
    size_t size = sizeof(struct io_uring_probe) + count * sizeof(struct io_uring_probe_op);
    struct io_uring_probe *answer = sri_arena_acquire(&engine->arena, size);
    if (answer == NULL)
        return -ENOMEM;
    int error = sri_user_copy_in(&engine->user, answer, arg, size);
    if (error == 0 && !is_clear(answer, size))
        error = -EINVAL;
    if (error == 0) {
        fill_probe(answer, count < IORING_OP_LAST ? count : IORING_OP_LAST);
        error = sri_user_copy_out(&engine->user, arg, answer, size);
    }
    sri_arena_release(&engine->arena, answer);
    return error;
}

static int enable(struct sri_ring *ring)
{
    if (!ring->disabled)
        return -EBADFD;
    if (ring->setup_flags & IORING_SETUP_SINGLE_ISSUER)
        ring->issuer = sri_thread(ring->engine);
    ring->disabled = false;
    return 0;
}

static int eventfd_register(struct sri_ring *ring, const void *arg, uint32_t count)
{
    struct sri_engine *engine = ring->engine;
    const struct sri_world_vtable *world = engine->world.vtable;
    int fd;
    if (count != 1 || world->eventfd_add == NULL)
        return -EINVAL;
    if (ring->eventfd != NULL)
        return -EBUSY;
    if (sri_user_copy_in(&engine->user, &fd, arg, sizeof fd) != 0)
        return -EFAULT;
    struct sri_file *file = world->file_get(engine->world.self, fd);
    if (file == NULL)
        return -EBADF;
    if (world->eventfd_add(engine->world.self, file, 0) != 0) {
        world->file_put(engine->world.self, file);
        return -EINVAL;
    }
    ring->eventfd = file;
    ring->eventfd_due = false;
    return 0;
}

static int eventfd_unregister(struct sri_ring *ring)
{
    if (ring->eventfd == NULL)
        return -ENXIO;
    sri_eventfd_drop(ring);
    return 0;
}

void sri_eventfd_drop(struct sri_ring *ring)
{
    struct sri_engine *engine = ring->engine;
    if (ring->eventfd != NULL)
        engine->world.vtable->file_put(engine->world.self, ring->eventfd);
    ring->eventfd = NULL;
}

/* One signal for all that was posted since the last. */
void sri_eventfd_signal(struct sri_ring *ring)
{
    struct sri_engine *engine = ring->engine;
    ring->eventfd_due = false;
    if (ring->eventfd == NULL || (ring->header->cq_flags & IORING_CQ_EVENTFD_DISABLED))
        return;
    (void)engine->world.vtable->eventfd_add(engine->world.self, ring->eventfd, 1);
}

static int ask_refusal(struct sri_ring *ring, uint32_t opcode)
{
    static const int refusals[] = {0, -ENOMEM, -EINVAL};
    struct sri_question question = {.why = SRI_WHY_REGISTER, .n = 3, .fd = ring->fd, .length = opcode};
    return refusals[sri_pick(&ring->engine->chooser, &question)];
}

int sri_register(struct sri_engine *engine, int fd, uint32_t opcode, void *arg, uint32_t count)
{
    struct sri_ring *ring;
    int error = sri_ring_find(engine, fd, &ring);
    if (error == 0 && !ring->disabled)
        error = sri_check_caller(ring);
    if (error == 0)
        error = ask_refusal(ring, opcode);
    if (error != 0)
        return error;
    switch (opcode) {
    case IORING_REGISTER_PROBE: return arg == NULL ? -EINVAL : probe(engine, arg, count);
    case IORING_REGISTER_ENABLE_RINGS: return arg != NULL || count != 0 ? -EINVAL : enable(ring);
    case IORING_REGISTER_EVENTFD: return eventfd_register(ring, arg, count);
    case IORING_UNREGISTER_EVENTFD: return arg != NULL || count != 0 ? -EINVAL : eventfd_unregister(ring);
    default: return -EINVAL;
    }
}
