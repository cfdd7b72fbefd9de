/*
 * Guests: their coming and going, and what is not done for them.
 */
#include "engine/guest.h"

#include <errno.h>

#include "base/alloc.h"
#include "engine/message.h"
#include "engine/refusal.h"
#include "engine/steps.h"

#define GONE (-1)

/* What makes a descriptor makes it in a table, or it would be this process's. */
static bool stays_in_table(const struct sri_request *request)
{
    return request->file_slot != 0;
}

/* Control messages may carry descriptors. */
static bool has_control(const struct sri_request *request)
{
    const struct sri_name *name = request->attempt.argument;
    return name != NULL && name->message.control_room != 0;
}

static bool is_served(const struct sri_request *request)
{
    switch (request->opcode) {
    case IORING_OP_NOP:
    case IORING_OP_READV:
    case IORING_OP_WRITEV:
    case IORING_OP_READ:
    case IORING_OP_WRITE:
    case IORING_OP_READ_FIXED:
    case IORING_OP_WRITE_FIXED:
    case IORING_OP_FSYNC:
    case IORING_OP_SYNC_FILE_RANGE:
    case IORING_OP_FALLOCATE:
    case IORING_OP_FADVISE:
    case IORING_OP_POLL_ADD:
    case IORING_OP_POLL_REMOVE:
    case IORING_OP_TIMEOUT:
    case IORING_OP_TIMEOUT_REMOVE:
    case IORING_OP_LINK_TIMEOUT:
    case IORING_OP_ASYNC_CANCEL:
    case IORING_OP_FILES_UPDATE:
    case IORING_OP_SEND:
    case IORING_OP_RECV:
    case IORING_OP_CONNECT:
    case IORING_OP_SHUTDOWN: return (request->sqe_flags & IOSQE_BUFFER_SELECT) == 0;
    case IORING_OP_SENDMSG:
    case IORING_OP_RECVMSG: return (request->sqe_flags & IOSQE_BUFFER_SELECT) == 0 && !has_control(request);
    case IORING_OP_ACCEPT:
    case IORING_OP_SOCKET:
    case IORING_OP_CLOSE: return stays_in_table(request);
    default: return false;
    }
}

static bool is_gone(const struct sri_guest *guest)
{
    return guest->end != SRI_GUEST_LIVES;
}

bool sri_guest_is_too_late(struct sri_request *request)
{
    const struct sri_guest *guest = request->ring->engine->guests[request->guest];
    bool starts = request->step == SRI_STEP_START;
    bool limits = request->step == SRI_STEP_EXPIRE && request->opcode == IORING_OP_LINK_TIMEOUT;
    if (!is_gone(guest) || !(starts || limits || request->step == SRI_STEP_ATTEMPT))
        return false;
    request->result = starts && guest->end == SRI_GUEST_ENDED ? -EFAULT : -ECANCELED; /* (measured) */
    return true;
}

int sri_guest_admit(struct sri_request *request)
{
    struct sri_engine *engine = request->ring->engine;
    if (is_served(request))
        return 0;
    sri_tell_refusal(engine, SRI_REFUSAL_GUEST, request->opcode);
    return -EOPNOTSUPP;
}

/* A registered buffer is this process's memory, whoever names it. */
int sri_guest_stage(struct sri_request *request)
{
    uint16_t traits = sri_opcode_of(request)->traits;
    if (!(traits & (SRI_TRAIT_SOURCE | SRI_TRAIT_TARGET)) || (traits & SRI_TRAIT_BUFFER) ||
        request->length == 0)
        return 0;
    int error = sri_stage(request);
    return error == 0 && (traits & SRI_TRAIT_SOURCE) ? sri_stage_fill(request) : error;
}

/* Neither memory of a guest's, nor a slot of a thread that is not here; nor what waits. */
static bool may_register(uint32_t opcode)
{
    switch (opcode) {
    case IORING_REGISTER_PROBE:
    case IORING_REGISTER_ENABLE_RINGS:
    case IORING_REGISTER_RESTRICTIONS:
    case IORING_REGISTER_EVENTFD:
    case IORING_REGISTER_EVENTFD_ASYNC:
    case IORING_UNREGISTER_EVENTFD:
    case IORING_REGISTER_FILES:
    case IORING_REGISTER_FILES2:
    case IORING_REGISTER_FILES_UPDATE:
    case IORING_REGISTER_FILES_UPDATE2:
    case IORING_REGISTER_FILE_ALLOC_RANGE:
    case IORING_UNREGISTER_FILES:
    case IORING_UNREGISTER_BUFFERS:
    case IORING_UNREGISTER_PBUF_RING:
    case IORING_REGISTER_IOWQ_AFF:
    case IORING_UNREGISTER_IOWQ_AFF:
    case IORING_REGISTER_IOWQ_MAX_WORKERS: return true;
    default: return false;
    }
}

/* Calls VISIT for each request of a guest's. */
typedef void visit_fn(struct sri_request *request);

static uint32_t each_of(struct sri_engine *engine, uint8_t guest, visit_fn *visit)
{
    uint32_t count = 0;
    for (uint32_t c = 0; c < engine->slab.chunk_count; c++) {
        for (uint32_t i = 0; i < SRI_SLAB_CHUNK; i++) {
            struct sri_request *request = &engine->slab.chunks[c][i];
            if (request->ring == NULL || request->guest != guest)
                continue;
            count++;
            if (visit != NULL)
                visit(request);
        }
    }
    return count;
}

/* A limit ends with what it limits; who waits in a chain, or behind a drain, is told when its turn comes. */
static void cancel(struct sri_request *request)
{
    if (request->place != SRI_PLACE_NONE && request->place != SRI_PLACE_CHAIN &&
        request->opcode != IORING_OP_LINK_TIMEOUT)
        (void)sri_cancel_one(request);
}

static bool is_about_ring(const struct sri_request *request)
{
    struct sri_ring *ring;
    return (sri_opcode_of(request)->traits & SRI_TRAIT_FILE) && !(request->sqe_flags & IOSQE_FIXED_FILE) &&
           sri_ring_find(request->ring->engine, request->fd, &ring) == 0;
}

static void cancel_if_about_ring(struct sri_request *request)
{
    for (const struct sri_request *member = request; member != NULL; member = member->link) {
        if (is_about_ring(member)) {
            cancel(request);
            return;
        }
    }
}

/* A number that nobody has, or whose last request has ended; 0: there is none. */
static uint8_t free_number(struct sri_engine *engine)
{
    for (uint8_t i = 1; i < SRI_GUESTS; i++) {
        const struct sri_guest *guest = engine->guests[i];
        if (guest == NULL || (is_gone(guest) && each_of(engine, i, NULL) == 0))
            return i;
    }
    return 0;
}

static int add(struct sri_engine *engine, int pid, int process)
{
    uint8_t number = free_number(engine);
    if (number == 0)
        return -EAGAIN;
    struct sri_guest *guest = engine->guests[number];
    if (guest == NULL)
        guest = sri_alloc(sizeof *guest);
    if (guest == NULL)
        return -ENOMEM;
    sri_user_init(&guest->door);
    guest->door.process = pid;
    guest->process = process;
    guest->thread = 0;
    guest->end = SRI_GUEST_LIVES;
    engine->guests[number] = guest;
    return number;
}

int sri_engine_guest_new(struct sri_engine *engine, int pid, int process)
{
    engine->world.vtable->lock(engine->world.self);
    int number = add(engine, pid, process);
    engine->world.vtable->unlock(engine->world.self);
    return number;
}

void sri_engine_guest_end(struct sri_engine *engine, int number, enum sri_guest_end end)
{
    engine->world.vtable->lock(engine->world.self);
    struct sri_guest *guest = engine->guests[number];
    guest->end = (uint8_t)end;
    guest->door.process = GONE; /* its number may be another's soon */
    (void)each_of(engine, (uint8_t)number, end == SRI_GUEST_ENDED ? cancel_if_about_ring : cancel);
    sri_turn(engine);
    sri_run(engine, 0);
    sri_notify_all(engine);
    if (engine->sleepers > 0)
        engine->world.vtable->wake(engine->world.self);
    engine->world.vtable->unlock(engine->world.self);
}

/* Whatever is asked of the caller's, from here on, is asked of the guest. */
static void begin(struct sri_engine *engine, const struct sri_guest_call *call)
{
    engine->world.vtable->lock(engine->world.self);
    engine->guests[call->guest]->thread = call->thread;
    engine->caller = (uint8_t)call->guest;
}

static void leave(struct sri_engine *engine)
{
    engine->caller = 0;
    engine->world.vtable->unlock(engine->world.self);
}

int sri_engine_guest_enter(struct sri_engine *engine, const struct sri_guest_call *call, uint32_t to_submit,
                           uint32_t flags, const void *arg, size_t arg_size)
{
    begin(engine, call);
    int result = sri_enter(engine, call->fd, to_submit, 0, flags, arg, arg_size);
    leave(engine);
    return result;
}

int sri_engine_guest_register(struct sri_engine *engine, const struct sri_guest_call *call, uint32_t opcode,
                              void *arg, uint32_t count)
{
    int result = -EINVAL;
    begin(engine, call);
    if (may_register(opcode))
        result = sri_register(engine, call->fd, opcode, arg, count);
    else
        sri_tell_refusal(engine, SRI_REFUSAL_GUEST_REGISTRATION, opcode);
    leave(engine);
    return result;
}

struct sri_ring_view sri_engine_view(struct sri_engine *engine, int fd)
{
    struct sri_ring *ring;
    struct sri_ring_view view = {0, 0, 0};
    engine->world.vtable->lock(engine->world.self);
    if (sri_ring_find(engine, fd, &ring) == 0)
        view = (struct sri_ring_view){.visible = sri_cq_ready(ring) - ring->overflow_count,
                                      .cq_entries = ring->cq_entries,
                                      .expired = ring->expired};
    engine->world.vtable->unlock(engine->world.self);
    return view;
}

void sri_guests_clean_up(struct sri_engine *engine)
{
    for (uint32_t i = 0; i < SRI_GUESTS; i++)
        sri_free(engine->guests[i]);
}
