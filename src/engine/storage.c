/*
 * Preparation of what works on a range of a file or of memory: fallocate, sync_file_range, fadvise, madvise. What is wrong
 * with a range or an advice is told when it is issued, by the world.
 */
#include <errno.h>

#include "engine/steps.h"

static int set_range(struct sri_request *request, uint64_t offset, uint64_t length, uint32_t flags)
{
    request->attempt.offset = offset;
    request->attempt.limit = length;
    request->attempt.flags = flags;
    return 0;
}

int sri_prepare_fallocate(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->buf_index != 0 || sqe->rw_flags != 0 || sqe->splice_fd_in != 0)
        return -EINVAL;
    return set_range(request, sqe->off, sqe->addr, sqe->len);
}

int sri_prepare_sync_file_range(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->addr != 0 || sqe->buf_index != 0 || sqe->splice_fd_in != 0)
        return -EINVAL;
    return set_range(request, sqe->off, sqe->len, sqe->sync_range_flags);
}

/* Kernels from 6.11 on take the length from where 64 bits fit, and still from where it was (measured). */
int sri_prepare_fadvise(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->buf_index != 0 || sqe->splice_fd_in != 0)
        return -EINVAL;
    return set_range(request, sqe->off, sqe->addr != 0 ? sqe->addr : sqe->len, sqe->fadvise_advice);
}

int sri_prepare_madvise(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->buf_index != 0 || sqe->splice_fd_in != 0)
        return -EINVAL;
    struct sri_memory *memory = sri_arena_acquire(&request->ring->engine->arena, sizeof *memory);
    if (memory == NULL)
        return -ENOMEM;
    memory->begin = (void *)(uintptr_t)sqe->addr;
    memory->length = (size_t)(sqe->off != 0 ? sqe->off : sqe->len);
    request->attempt.argument = memory;
    request->attempt.flags = sqe->fadvise_advice;
    return 0;
}
