/*
 * io_uring_register, and who may call what.
 */
#include <errno.h>
#include <string.h>

#include "engine/files.h"
#include "engine/groups.h"
#include "engine/guest.h"
#include "engine/refusal.h"
#include "engine/registers.h"
#include "engine/steps.h"

uint64_t sri_thread(const struct sri_engine *engine)
{
    const struct sri_world_vtable *world = engine->world.vtable;
    if (engine->caller != 0)
        return engine->guests[engine->caller]->thread;
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

static void fill_probe(const struct sri_engine *engine, struct io_uring_probe *answer, uint32_t count)
{
    answer->last_op = IORING_OP_LAST - 1;
    answer->ops_len = (uint8_t)count;
    for (uint32_t op = 0; op < count; op++) {
        answer->ops[op].op = (uint8_t)op;
        bool known = sri_opcodes[op].prepare != NULL && !sri_hides_operation(engine, (uint8_t)op);
        answer->ops[op].flags = known ? IO_URING_OP_SUPPORTED : 0;
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
    int error = sri_user_copy_in(sri_door(engine), answer, arg, size);
    if (error == 0 && !is_clear(answer, size))
        error = -EINVAL;
    if (error == 0) {
        fill_probe(engine, answer, count < IORING_OP_LAST ? count : IORING_OP_LAST);
        error = sri_user_copy_out(sri_door(engine), arg, answer, size);
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
    ring->restricted = ring->restrictions != NULL;
    ring->disabled = false;
    return 0;
}

void sri_registrations_drop(struct sri_ring *ring)
{
    sri_files_drop(ring);
    sri_resources_clean_up(&ring->buffers);
    sri_restrictions_drop(ring);
    sri_personalities_drop(ring);
}

static int ask_refusal(struct sri_ring *ring, uint32_t opcode)
{
    static const int refusals[] = {0, -ENOMEM, -EINVAL};
    struct sri_question question = {.why = SRI_WHY_REGISTER, .n = 3, .fd = ring->fd, .length = opcode};
    return refusals[sri_pick(&ring->engine->chooser, &question)];
}

static int refuse_opcode(struct sri_engine *engine, uint32_t opcode)
{
    sri_tell_refusal(engine, SRI_REFUSAL_REGISTRATION, opcode);
    return -EINVAL;
}

static int dispatch(struct sri_ring *ring, uint32_t opcode, void *arg, uint32_t count)
{
    switch (opcode) {
    case IORING_REGISTER_PROBE: return arg == NULL ? -EINVAL : probe(ring->engine, arg, count);
    case IORING_REGISTER_ENABLE_RINGS: return arg != NULL || count != 0 ? -EINVAL : enable(ring);
    case IORING_REGISTER_EVENTFD: return sri_register_eventfd(ring, arg, count, false);
    case IORING_REGISTER_EVENTFD_ASYNC: return sri_register_eventfd(ring, arg, count, true);
    case IORING_UNREGISTER_EVENTFD: return sri_unregister_eventfd(ring, arg, count);
    case IORING_REGISTER_FILES: return sri_register_files(ring, arg, count);
    case IORING_REGISTER_FILES2: return sri_register_resources(ring, arg, count, true);
    case IORING_REGISTER_FILES_UPDATE: return sri_register_files_update(ring, arg, count);
    case IORING_REGISTER_FILES_UPDATE2: return sri_register_update(ring, arg, count, true);
    case IORING_REGISTER_FILE_ALLOC_RANGE: return sri_files_set_range(ring, arg, count);
    case IORING_UNREGISTER_FILES: return sri_unregister_files(ring, arg, count);
    case IORING_REGISTER_BUFFERS: return sri_register_buffers(ring, arg, count);
    case IORING_REGISTER_BUFFERS2: return sri_register_resources(ring, arg, count, false);
    case IORING_REGISTER_BUFFERS_UPDATE: return sri_register_update(ring, arg, count, false);
    case IORING_UNREGISTER_BUFFERS: return sri_unregister_buffers(ring, arg, count);
    case IORING_REGISTER_RESTRICTIONS: return sri_register_restrictions(ring, arg, count);
    case IORING_REGISTER_PERSONALITY: return sri_register_personality(ring, arg, count);
    case IORING_UNREGISTER_PERSONALITY: return sri_unregister_personality(ring, arg, count);
    case IORING_REGISTER_IOWQ_AFF: return sri_register_iowq_affinity(ring, arg, count);
    case IORING_UNREGISTER_IOWQ_AFF: return sri_unregister_iowq_affinity(arg, count);
    case IORING_REGISTER_IOWQ_MAX_WORKERS: return sri_register_iowq_max_workers(ring, arg, count);
    case IORING_REGISTER_PBUF_RING: return sri_register_pbuf_ring(ring, arg, count);
    case IORING_UNREGISTER_PBUF_RING: return sri_unregister_pbuf_ring(ring, arg, count);
    case SRI_REGISTER_PBUF_STATUS: return sri_register_pbuf_status(ring, arg, count);
    case IORING_REGISTER_SYNC_CANCEL: return sri_sync_cancel(ring, arg, count);
    case IORING_REGISTER_RING_FDS: return sri_register_ring_fds(ring->engine, arg, count);
    case IORING_UNREGISTER_RING_FDS: return sri_unregister_ring_fds(ring->engine, arg, count);
    default: return refuse_opcode(ring->engine, opcode);
    }
}

/* A registration may have posted CQEs: tags of what went. */
static void tell(struct sri_ring *ring)
{
    struct sri_engine *engine = ring->engine;
    sri_notify(ring);
    if (engine->sleepers > 0)
        engine->world.vtable->wake(engine->world.self);
}

int sri_register(struct sri_engine *engine, int fd, uint32_t opcode, void *arg, uint32_t count)
{
    struct sri_ring *ring;
    if (sri_hides_registration(engine, opcode))
        return -EINVAL;
    if (opcode >= IORING_REGISTER_LAST && opcode != SRI_REGISTER_PBUF_STATUS)
        return refuse_opcode(engine, opcode);
    int error = sri_ring_find(engine, fd, &ring);
    if (error == 0 && !ring->disabled)
        error = sri_check_caller(ring);
    if (error == 0 && !sri_may_register(ring, opcode))
        error = -EACCES;
    if (error == 0)
        error = ask_refusal(ring, opcode);
    if (error != 0)
        return error;
    sri_closing_enter(ring);
    int result = dispatch(ring, opcode, arg, count);
    sri_closing_leave(engine);
    tell(ring);
    return result;
}
