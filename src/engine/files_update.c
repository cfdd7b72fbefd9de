/*
 * FILES_UPDATE: the table of registered files changed by an operation, in its place among the others.
 */
#include <errno.h>

#include "engine/files.h"
#include "engine/guest.h"
#include "engine/steps.h"

int sri_prepare_files_update(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if ((sqe->flags & IOSQE_FIXED_FILE) || sqe->rw_flags != 0 || sqe->splice_fd_in != 0 || sqe->len == 0)
        return -EINVAL;
    request->change =
        (struct sri_files_change){.fds = sqe->addr, .offset = (uint32_t)sqe->off, .count = sqe->len};
    return 0;
}

/* One into any free slot, whose number goes where the descriptor stood. */
static int install_one(struct sri_ring *ring, uint8_t guest, uint64_t at)
{
    int32_t fd;
    if (sri_import_item(ring->engine, guest, at, 0, &fd, sizeof fd) != 0)
        return -EFAULT;
    struct sri_file *file;
    int slot = sri_files_get(ring->engine, guest, fd, &file);
    if (slot == 0)
        slot = sri_files_install(ring, file, IORING_FILE_INDEX_ALLOC);
    if (slot < 0)
        return slot;
    if (sri_user_copy_out(sri_door_by(ring->engine, guest), (void *)(uintptr_t)at, &slot, sizeof slot) == 0)
        return 0;
    (void)sri_files_close(ring, (uint32_t)slot + 1);
    return -EFAULT;
}

static int32_t install_all(struct sri_ring *ring, uint8_t guest, const struct sri_files_change *change)
{
    if (ring->files.table.count == 0)
        return -ENXIO;
    for (uint32_t i = 0; i < change->count; i++) {
        int error = install_one(ring, guest, change->fds + i * sizeof(int32_t));
        if (error != 0)
            return i > 0 ? (int32_t)i : error;
    }
    return (int32_t)change->count;
}

bool sri_issue_files_update(struct sri_request *request)
{
    const struct sri_files_change *change = &request->change;
    uint8_t guest = (uint8_t)request->guest;
    struct sri_import import = {.items = change->fds,
                                .offset = change->offset,
                                .count = change->count,
                                .guest = guest};
    if (change->offset == IORING_FILE_INDEX_ALLOC)
        request->result = install_all(request->ring, guest, change);
    else
        request->result = sri_files_update(request->ring, &import);
    return true;
}
