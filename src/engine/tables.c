/*
 * Registrations of files and buffers: decoding the system call's arguments, in all their forms.
 */
#include <errno.h>

#include "engine/buffers.h"
#include "engine/guest.h"
#include "engine/registers.h"
#include "engine/steps.h"

int sri_register_files(struct sri_ring *ring, const void *arg, uint32_t count)
{
    struct sri_import import = {.items = (uintptr_t)arg, .count = count, .guest = ring->engine->caller};
    return arg == NULL ? -EFAULT : sri_files_register(ring, &import);
}

int sri_unregister_files(struct sri_ring *ring, const void *arg, uint32_t count)
{
    return arg != NULL || count != 0 ? -EINVAL : sri_files_unregister(ring);
}

int sri_register_buffers(struct sri_ring *ring, const void *arg, uint32_t count)
{
    struct sri_import import = {.items = (uintptr_t)arg, .count = count, .guest = ring->engine->caller};
    return arg == NULL ? -EFAULT : sri_buffers_register(ring, &import);
}

int sri_unregister_buffers(struct sri_ring *ring, const void *arg, uint32_t count)
{
    return arg != NULL || count != 0 ? -EINVAL : sri_buffers_unregister(ring);
}

int sri_register_resources(struct sri_ring *ring, const void *arg, uint32_t size, bool files)
{
    struct io_uring_rsrc_register given;
    if (size != sizeof given)
        return -EINVAL;
    if (sri_user_copy_in(sri_door(ring->engine), &given, arg, sizeof given) != 0)
        return -EFAULT;
    if (given.nr == 0 || given.resv2 != 0 || (given.flags & ~IORING_RSRC_REGISTER_SPARSE) != 0)
        return -EINVAL;
    if ((given.flags & IORING_RSRC_REGISTER_SPARSE) && given.data != 0)
        return -EINVAL;
    struct sri_import import = {.items = given.data,
                                .tags = given.tags,
                                .count = given.nr,
                                .guest = ring->engine->caller};
    return files ? sri_files_register(ring, &import) : sri_buffers_register(ring, &import);
}

int sri_register_files_update(struct sri_ring *ring, const void *arg, uint32_t count)
{
    struct io_uring_rsrc_update given;
    if (count == 0)
        return -EINVAL;
    if (sri_user_copy_in(sri_door(ring->engine), &given, arg, sizeof given) != 0)
        return -EFAULT;
    if (given.resv != 0)
        return -EINVAL;
    struct sri_import import = {.items = given.data,
                                .offset = given.offset,
                                .count = count,
                                .guest = ring->engine->caller};
    return sri_files_update(ring, &import);
}

int sri_register_update(struct sri_ring *ring, const void *arg, uint32_t size, bool files)
{
    struct io_uring_rsrc_update2 given;
    if (size != sizeof given)
        return -EINVAL;
    if (sri_user_copy_in(sri_door(ring->engine), &given, arg, sizeof given) != 0)
        return -EFAULT;
    if (given.nr == 0 || given.resv != 0 || given.resv2 != 0)
        return -EINVAL;
    struct sri_import import = {.items = given.data,
                                .tags = given.tags,
                                .offset = given.offset,
                                .count = given.nr,
                                .guest = ring->engine->caller};
    return files ? sri_files_update(ring, &import) : sri_buffers_update(ring, &import);
}
