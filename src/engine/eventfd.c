/*
 * The eventfd of a ring: one signal for all that was posted since the last.
 */
#include <errno.h>

#include "engine/guest.h"
#include "engine/registers.h"
#include "engine/steps.h"

int sri_register_eventfd(struct sri_ring *ring, const void *arg, uint32_t count, bool only_async)
{
    struct sri_engine *engine = ring->engine;
    const struct sri_world_vtable *world = engine->world.vtable;
    int fd;
    if (count != 1 || world->eventfd_add == NULL)
        return -EINVAL;
    if (ring->eventfd != NULL)
        return -EBUSY;
    if (sri_user_copy_in(sri_door(engine), &fd, arg, sizeof fd) != 0)
        return -EFAULT;
    struct sri_file *file = sri_file_get(engine, engine->caller, fd);
    if (file == NULL)
        return -EBADF;
    if (world->eventfd_add(engine->world.self, file, 0) != 0) {
        world->file_put(engine->world.self, file);
        return -EINVAL;
    }
    ring->eventfd = file;
    ring->eventfd_only_async = only_async;
    ring->eventfd_due = false;
    return 0;
}

int sri_unregister_eventfd(struct sri_ring *ring, const void *arg, uint32_t count)
{
    if (arg != NULL || count != 0)
        return -EINVAL;
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
    ring->eventfd_only_async = false;
}

/* What was refused before it was issued never came so far (measured). */
bool sri_is_workers(const struct sri_request *request)
{
    const struct sri_opcode *opcode = sri_opcode_of(request);
    if ((request->marks & SRI_MARK_PREP_FAILED) ||
        ((opcode->traits & SRI_TRAIT_FILE) && request->attempt.file == NULL))
        return false;
    return (request->sqe_flags & IOSQE_ASYNC) != 0 || (request->marks & SRI_MARK_DRAIN) != 0 ||
           (opcode->traits & SRI_TRAIT_WORKER) != 0;
}

void sri_eventfd_signal(struct sri_ring *ring)
{
    struct sri_engine *engine = ring->engine;
    ring->eventfd_due = false;
    if (ring->eventfd == NULL || (ring->header->cq_flags & IORING_CQ_EVENTFD_DISABLED))
        return;
    (void)engine->world.vtable->eventfd_add(engine->world.self, ring->eventfd, 1);
}
