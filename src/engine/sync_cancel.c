/*
 * IORING_REGISTER_SYNC_CANCEL: a cancel that is no entry, and that waits for what can't be stopped to end.
 */
#include <errno.h>

#include "engine/guest.h"
#include "engine/steps.h"

#define NO_TIME UINT64_MAX /* both words of a timeout that is none */

static int import_request(struct sri_engine *engine, const void *arg, struct io_uring_sync_cancel_reg *reg)
{
    if (sri_user_copy_in(sri_door(engine), reg, arg, sizeof *reg) != 0)
        return -EFAULT;
    if (reg->flags & ~SRI_CANCEL_FLAGS)
        return -EINVAL;
    for (size_t i = 0; i < sizeof reg->pad / sizeof reg->pad[0]; i++) {
        if (reg->pad[i] != 0)
            return -EINVAL;
    }
    return 0;
}

static uint64_t deadline(struct sri_engine *engine, const struct __kernel_timespec *timeout)
{
    uint64_t due_ns = 0;
    if ((uint64_t)timeout->tv_sec == NO_TIME && (uint64_t)timeout->tv_nsec == NO_TIME)
        return SRI_NEVER;
    if (__builtin_mul_overflow((uint64_t)timeout->tv_sec, UINT64_C(1000000000), &due_ns) ||
        __builtin_add_overflow(due_ns, (uint64_t)timeout->tv_nsec, &due_ns) ||
        __builtin_add_overflow(due_ns, sri_now(engine), &due_ns))
        return SRI_NEVER;
    return due_ns;
}

/* Sleeps until something may have changed. */
static int wait_for_change(struct sri_ring *ring, uint64_t until_ns)
{
    struct sri_engine *engine = ring->engine;
    if (until_ns != SRI_NEVER && sri_now(engine) >= until_ns)
        return -ETIME;
    engine->sleepers++;
    int error = engine->world.vtable->wait(engine->world.self, sri_next_change_ns(engine, until_ns), NULL, 0);
    engine->sleepers--;
    return ring->closed ? -EBADF : error;
}

/* Again and again, until it is found no more: then it has ended, by itself or by this. */
static int insist(struct sri_ring *ring, const struct sri_search *search, uint64_t until_ns)
{
    for (;;) {
        sri_due_release_held(ring);
        sri_advance(ring);
        int result = ring->closed ? -EBADF : sri_cancel_found(ring, search, false);
        if (result != -EALREADY)
            return result == -ENOENT || result > 0 ? 0 : result;
        result = wait_for_change(ring, until_ns);
        if (result != 0)
            return result;
    }
}

int sri_sync_cancel(struct sri_ring *ring, const void *arg, uint32_t count)
{
    struct io_uring_sync_cancel_reg reg;
    if (arg == NULL || count != 1)
        return -EINVAL;
    int error = import_request(ring->engine, arg, &reg);
    if (error != 0)
        return error;
    struct sri_search search = {.user_data = reg.addr, .flags = reg.flags, .fd = reg.fd};
    sri_ring_enter(ring);
    int result = sri_cancel_found(ring, &search, false);
    if (result == -EALREADY)
        result = insist(ring, &search, deadline(ring->engine, &reg.timeout));
    sri_ring_leave(ring);
    return result;
}
