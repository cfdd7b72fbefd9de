/*
 * One kernel: its birth and end, and the interface of backend.h over the files of this folder. Takes the world's lock
 * around everything.
 */
#include "engine/engine.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/guest.h"
#include "engine/registers.h"
#include "engine/steps.h"

/* What a program is told of limits it never set: as a kernel of one processor may say. */
#define BOUNDED_WORKERS 4
#define UNBOUNDED_WORKERS 4096

static void lock(struct sri_engine *engine)
{
    engine->world.vtable->lock(engine->world.self);
}

static void unlock(struct sri_engine *engine)
{
    engine->world.vtable->unlock(engine->world.self);
}

static int begin(struct sri_engine *engine)
{
    int error = engine->world.vtable->check_thread(engine->world.self);
    if (error == 0)
        lock(engine);
    return error;
}

int sri_engine_new(struct sri_engine **out, struct sri_world world, struct sri_chooser chooser)
{
    struct sri_engine *engine = sri_alloc_aligned(sizeof *engine, 64);
    if (engine == NULL)
        return -ENOMEM;
    memset(engine, 0, sizeof *engine);
    engine->world = world;
    engine->chooser = chooser;
    engine->worker_limits[0] = BOUNDED_WORKERS;
    engine->worker_limits[1] = UNBOUNDED_WORKERS;
    sri_list_init(&engine->rings);
    sri_list_init(&engine->regions);
    sri_list_init(&engine->spare_regions);
    atomic_flag_clear(&engine->rings_busy);
    sri_due_init(&engine->due);
    sri_wheel_init(&engine->wheel);
    sri_arena_init(&engine->arena);
    sri_user_init(&engine->user);
    if (sri_slab_reserve(engine, SRI_SLAB_CHUNK) != 0) {
        sri_free(engine->due.array);
        sri_table_clean_up(&engine->table);
        sri_slab_clean_up(&engine->slab);
        sri_free(engine);
        return -ENOMEM;
    }
    *out = engine;
    return 0;
}

static void close_rings(struct sri_engine *engine)
{
    while (!sri_list_empty(&engine->rings))
        sri_ring_close(SRI_CONTAINER_OF(engine->rings.next, struct sri_ring, node));
}

void sri_engine_free(struct sri_engine **pointer)
{
    struct sri_engine *engine = *pointer;
    if (engine == NULL)
        return;
    *pointer = NULL;
    lock(engine);
    engine->observer_count = 0;
    close_rings(engine);
    /* What a worker still has in hand must come back before the memory goes. */
    while (engine->outside > 0 &&
           engine->world.vtable->wait(engine->world.self, SRI_NEVER, NULL, 0) != -EDEADLK)
        sri_run(engine, 0);
    sri_run(engine, 0);
    sri_regions_clean_up(engine);
    unlock(engine);
    engine->world.vtable->release(engine->world.self);
    sri_slab_clean_up(&engine->slab);
    sri_table_clean_up(&engine->table);
    sri_ring_slots_clean_up(engine);
    sri_arena_clean_up(&engine->arena);
    sri_guests_clean_up(engine);
    sri_resource_pool_clean_up(&engine->resources);
    sri_free(engine->due.array);
    sri_free(engine);
}

void sri_engine_reset(struct sri_engine *engine)
{
    lock(engine);
    close_rings(engine);
    SRI_REQUIRE(engine->in_flight == 0);
    SRI_REQUIRE(sri_wheel_empty(&engine->wheel) && engine->due.count == 0);
    engine->consumed = 0;
    engine->wheel.now_ns = 0;
    unlock(engine);
}

struct sri_user *sri_engine_user(struct sri_engine *engine)
{
    return &engine->user;
}

void sri_engine_set_chooser(struct sri_engine *engine, struct sri_chooser chooser)
{
    engine->chooser = chooser;
}

int sri_engine_add_observer(struct sri_engine *engine, struct sri_observer observer)
{
    if (engine->observer_count == SRI_OBSERVERS)
        return -ENOSPC;
    engine->needless = engine->observer_count == 0 ? observer.needless : engine->needless & observer.needless;
    engine->observers[engine->observer_count++] = observer;
    return 0;
}

void sri_engine_remove_observers(struct sri_engine *engine)
{
    engine->observer_count = 0;
}

uint64_t sri_engine_in_flight(const struct sri_engine *engine)
{
    return engine->in_flight;
}

uint64_t sri_engine_consumed(const struct sri_engine *engine)
{
    return engine->consumed;
}

uint64_t sri_engine_run_due(struct sri_engine *engine, uint64_t limit)
{
    lock(engine);
    sri_turn(engine);
    uint64_t steps = sri_run(engine, limit);
    sri_notify_all(engine);
    unlock(engine);
    return steps;
}

uint64_t sri_engine_next_due_ns(const struct sri_engine *engine)
{
    struct sri_wheel *wheel =
        (struct sri_wheel *)(uintptr_t)&engine->wheel; /* only its memory of the answer changes */
    if (engine->due.count > 0 || engine->let_go_count > 0)
        return wheel->now_ns;
    uint64_t next_ns = sri_wheel_next_ns(wheel);
    return next_ns < SRI_HELD_NS ? next_ns : SRI_NEVER;
}

static int backend_setup(void *self, uint32_t entries, struct io_uring_params *params)
{
    struct sri_engine *engine = self;
    int result = begin(engine);
    if (result != 0)
        return result;
    result = sri_setup(engine, entries, params);
    unlock(engine);
    return result;
}

static int backend_map(void *self, int ring, uint64_t offset, size_t length, void **memory)
{
    struct sri_engine *engine = self;
    int result = begin(engine);
    if (result != 0)
        return result;
    result = sri_map(engine, ring, offset, length, memory);
    unlock(engine);
    return result;
}

static void backend_unmap(void *self, void *memory, size_t length)
{
    struct sri_engine *engine = self;
    (void)length;
    lock(engine);
    sri_unmap(engine, memory);
    unlock(engine);
}

static int backend_enter(void *self, int ring, uint32_t to_submit, uint32_t min_complete, uint32_t flags,
                         const void *arg, size_t arg_size)
{
    struct sri_engine *engine = self;
    int result = begin(engine);
    if (result != 0)
        return result;
    result = sri_enter(engine, ring, to_submit, min_complete, flags, arg, arg_size);
    unlock(engine);
    return result;
}

static int backend_register(void *self, int ring, uint32_t opcode, void *arg, uint32_t count)
{
    struct sri_engine *engine = self;
    int result = begin(engine);
    if (result != 0)
        return result;
    result = sri_register(engine, ring, opcode, arg, count);
    unlock(engine);
    return result;
}

static int backend_pollable_fd(void *self, int fd)
{
    struct sri_engine *engine = self;
    int result = begin(engine);
    if (result != 0)
        return result;
    struct sri_ring *ring;
    result = sri_ring_find(engine, fd, &ring);
    if (result == 0)
        result = engine->world.vtable->ring_pollable(engine->world.self, fd);
    unlock(engine);
    return result;
}

/* Any thread may call it, so only the list of rings is touched here, under its own lock, and the ring's inbox. */
static int put_in_inbox(struct sri_engine *engine, int fd, uint64_t user_data)
{
    int result = -EBADF;
    while (atomic_flag_test_and_set_explicit(&engine->rings_busy, memory_order_acquire))
        continue;
    for (struct sri_node *node = engine->rings.next; node != &engine->rings; node = node->next) {
        struct sri_ring *ring = SRI_CONTAINER_OF(node, struct sri_ring, node);
        struct sri_inbox *inbox = &ring->inbox;
        if (ring->fd != fd)
            continue;
        while (atomic_flag_test_and_set_explicit(&inbox->busy, memory_order_acquire))
            continue;
        unsigned count = atomic_load_explicit(&inbox->count, memory_order_relaxed);
        result = count < SRI_INBOX ? 0 : -EOVERFLOW;
        if (result == 0) {
            inbox->user_data[count] = user_data;
            atomic_store_explicit(&inbox->count, count + 1, memory_order_release);
            sri_show_inbox(ring);
        }
        atomic_flag_clear_explicit(&inbox->busy, memory_order_release);
    }
    atomic_flag_clear_explicit(&engine->rings_busy, memory_order_release);
    return result;
}

static int backend_wake(void *self, int fd, uint64_t user_data)
{
    struct sri_engine *engine = self;
    int result = put_in_inbox(engine, fd, user_data);
    if (result != 0)
        return result;
    if (sri_thread(engine) != 0) {
        struct sri_ring *ring;
        lock(engine);
        if (sri_ring_find(engine, fd, &ring) == 0) {
            if (!(ring->setup_flags & IORING_SETUP_DEFER_TASKRUN))
                sri_inbox_deliver(ring);
            sri_notify(ring);
        }
        unlock(engine);
    }
    engine->world.vtable->wake(engine->world.self);
    return 0;
}

static uint64_t backend_now_ns(void *self)
{
    return sri_now(self);
}

static int backend_close(void *self, int descriptor)
{
    struct sri_engine *engine = self;
    int result = begin(engine);
    if (result != 0)
        return result;
    struct sri_ring *ring;
    if (sri_ring_find(engine, descriptor, &ring) == 0) {
        sri_ring_let_go(ring);
    } else {
        result = engine->world.vtable->close(engine->world.self, descriptor);
        if (result == 0 && sri_is_watched(engine)) {
            struct sri_event event = {.kind = SRI_EVENT_CLOSED, .ring = -1, .result = descriptor};
            sri_emit(engine, &event);
        }
    }
    unlock(engine);
    return result;
}

static void backend_release(void *self)
{
    struct sri_engine *engine = self;
    sri_engine_free(&engine);
}

struct sr_backend sri_engine_backend(struct sri_engine *engine, const char *name)
{
    engine->backend = (struct sr_backend_vtable){
        .version = SR_BACKEND_VERSION,
        .name = name,
        .setup = backend_setup,
        .map = backend_map,
        .unmap = backend_unmap,
        .enter = backend_enter,
        .register_ = backend_register,
        .pollable_fd = backend_pollable_fd,
        .wake = backend_wake,
        .now_ns = backend_now_ns,
        .close = backend_close,
        .release = backend_release,
    };
    return (struct sr_backend){&engine->backend, engine};
}
