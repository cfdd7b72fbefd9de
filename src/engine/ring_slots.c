/*
 * Registered ring descriptors: sixteen slots of each thread, by which it may enter without a descriptor. A ring lives as
 * long as a descriptor or a slot stands for it.
 *
 * A thread is known by its number in the world. Its end is not seen here: what it leaves registered stays until the
 * engine's end.
 */
#include <errno.h>

#include "engine/registers.h"
#include "engine/steps.h"

#define SLOTS 16u
#define ANY_SLOT UINT32_MAX

struct sri_ring_slots {
    struct sri_ring_slots *next;
    uint64_t thread;
    struct sri_ring *rings[SLOTS];
};

static struct sri_ring_slots *mine(const struct sri_engine *engine)
{
    struct sri_ring_slots *slots = engine->ring_slots;
    uint64_t thread = slots == NULL ? 0 : sri_thread(engine);
    while (slots != NULL && slots->thread != thread)
        slots = slots->next;
    return slots;
}

static struct sri_ring_slots *make_mine(struct sri_engine *engine)
{
    struct sri_ring_slots *slots = mine(engine);
    if (slots != NULL)
        return slots;
    slots = sri_arena_acquire(&engine->arena, sizeof *slots);
    if (slots == NULL)
        return NULL;
    *slots = (struct sri_ring_slots){.next = engine->ring_slots, .thread = sri_thread(engine)};
    engine->ring_slots = slots;
    return slots;
}

/* The slot taken, or -errno. */
static int put_in(struct sri_engine *engine, struct sri_ring_slots *slots, uint32_t wanted, uint32_t fd)
{
    uint32_t slot = wanted == ANY_SLOT ? 0 : wanted;
    uint32_t end = wanted == ANY_SLOT ? SLOTS : wanted + 1;
    struct sri_ring *ring;
    if (slot >= SLOTS)
        return -EINVAL;
    int error = sri_ring_find(engine, (int)fd, &ring);
    if (error != 0)
        return error;
    while (slot < end && slots->rings[slot] != NULL)
        slot++;
    if (slot == end)
        return -EBUSY;
    slots->rings[slot] = ring;
    ring->slots++;
    return (int)slot;
}

static void empty(struct sri_ring_slots *slots, uint32_t slot)
{
    struct sri_ring *ring = slots->rings[slot];
    slots->rings[slot] = NULL;
    if (ring != NULL && --ring->slots == 0 && ring->fd < 0)
        sri_ring_close(ring);
}

static int register_one(struct sri_engine *engine, struct sri_ring_slots *slots, uintptr_t address)
{
    struct io_uring_rsrc_update given;
    void *at = (void *)address;
    if (sri_user_copy_in(&engine->user, &given, at, sizeof given) != 0)
        return -EFAULT;
    if (given.resv != 0)
        return -EINVAL;
    int slot = put_in(engine, slots, given.offset, (uint32_t)given.data);
    if (slot < 0)
        return slot;
    given.offset = (uint32_t)slot;
    if (sri_user_copy_out(&engine->user, at, &given, sizeof given) == 0)
        return 0;
    empty(slots, (uint32_t)slot);
    return -EFAULT;
}

int sri_register_ring_fds(struct sri_engine *engine, void *arg, uint32_t count)
{
    if (count == 0 || count > SLOTS)
        return -EINVAL;
    struct sri_ring_slots *slots = make_mine(engine);
    if (slots == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        int error = register_one(engine, slots, (uintptr_t)arg + i * sizeof(struct io_uring_rsrc_update));
        if (error != 0)
            return i > 0 ? (int)i : error;
    }
    return (int)count;
}

static int unregister_one(struct sri_engine *engine, struct sri_ring_slots *slots, uintptr_t address)
{
    struct io_uring_rsrc_update given;
    if (sri_user_copy_in(&engine->user, &given, (const void *)address, sizeof given) != 0)
        return -EFAULT;
    if (given.resv != 0 || given.data != 0 || given.offset >= SLOTS)
        return -EINVAL;
    if (slots != NULL)
        empty(slots, given.offset);
    return 0;
}

int sri_unregister_ring_fds(struct sri_engine *engine, const void *arg, uint32_t count)
{
    if (count == 0 || count > SLOTS)
        return -EINVAL;
    for (uint32_t i = 0; i < count; i++) {
        int error =
            unregister_one(engine, mine(engine), (uintptr_t)arg + i * sizeof(struct io_uring_rsrc_update));
        if (error != 0)
            return i > 0 ? (int)i : error;
    }
    return (int)count;
}

int sri_ring_by_slot(struct sri_engine *engine, int slot, struct sri_ring **out)
{
    const struct sri_ring_slots *slots = mine(engine);
    if (slot < 0 || (uint32_t)slot >= SLOTS)
        return -EINVAL;
    *out = slots == NULL ? NULL : slots->rings[slot];
    return *out == NULL ? -EBADF : 0;
}

void sri_ring_slots_forget(struct sri_ring *ring)
{
    struct sri_ring_slots *slots = ring->slots == 0 ? NULL : ring->engine->ring_slots;
    for (; slots != NULL; slots = slots->next) {
        for (uint32_t i = 0; i < SLOTS; i++) {
            if (slots->rings[i] == ring)
                slots->rings[i] = NULL;
        }
    }
    ring->slots = 0;
}

void sri_ring_slots_clean_up(struct sri_engine *engine)
{
    while (engine->ring_slots != NULL) {
        struct sri_ring_slots *slots = engine->ring_slots;
        engine->ring_slots = slots->next;
        sri_arena_release(&engine->arena, slots);
    }
}
