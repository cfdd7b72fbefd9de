/*
 * Preparation of NOP, reads, writes and fsync.
 */
#include <errno.h>

#include "engine/buffers.h"
#include "engine/guest.h"
#include "engine/segments.h"
#include "engine/steps.h"

#define SEGMENTS_MOST 1024

int sri_prepare_nop(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    (void)request;
    return sqe->rw_flags != 0 ? -EINVAL : 0;
}

bool sri_issue_nop(struct sri_request *request)
{
    request->result = 0;
    return true;
}

int sri_import_segments(struct sri_request *request, const struct iovec *from, uint64_t count)
{
    struct sri_engine *engine = request->ring->engine;
    struct iovec *to = &request->one;
    if (count > SEGMENTS_MOST)
        return -EINVAL;
    if (count > 1) {
        to = sri_arena_acquire(&engine->arena, count * sizeof *to);
        if (to == NULL)
            return -ENOMEM;
        request->segments = to;
        sri_set_segment_count(request, (uint32_t)count);
    }
    if (count > 0 && sri_user_copy_in(sri_door_of(request), to, from, count * sizeof *to) != 0)
        return -EFAULT;
    request->attempt.segments = to;
    request->attempt.segment_count = (uint32_t)count;
    sri_set_segment_count(request, (uint32_t)count);
    return sri_segments_length(to, (uint32_t)count, &request->length);
}

/* As ioprio_set(2) would take it; a class without a level is none. */
static bool is_priority(uint16_t priority)
{
    unsigned class = priority >> 13;
    return class <= 3 && !(class == 0 && (priority & 7) != 0);
}

/* What pwritev2(2) refuses is refused when the request is issued. */
static int check_flags(uint32_t flags)
{
    if (flags & ~(uint32_t)RWF_SUPPORTED)
        return -EOPNOTSUPP;
    return flags & RWF_HIPRI ? -EINVAL : 0;
}

static void set_range(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    request->attempt.offset = sqe->off;
    request->result = check_flags(sqe->rw_flags);
    request->attempt.flags = sqe->rw_flags;
    request->attempt.limit = request->length;
}

void sri_set_segment(struct sri_request *request, void *base, uint32_t length)
{
    request->one.iov_base = base;
    request->one.iov_len = length;
    request->attempt.segments = &request->one;
    request->attempt.segment_count = 1;
    request->segment_count = 1;
    request->length = length < SRI_LENGTH_MOST ? length : SRI_LENGTH_MOST;
    request->attempt.limit = request->length;
}

int sri_prepare_rw(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (!is_priority(sqe->ioprio))
        return -EINVAL;
    sri_set_segment(request, (void *)(uintptr_t)sqe->addr, sqe->len);
    set_range(request, sqe);
    return 0;
}

/* What is refused when it is issued is asked after the buffer, by sri_admit_rw_fixed(). */
int sri_prepare_rw_fixed(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    int error = sri_prepare_rw(request, sqe);
    request->result = 0;
    request->buffer_index = sqe->buf_index;
    return error;
}

int sri_admit_rw_fixed(struct sri_request *request)
{
    int error = sri_buffers_use(request);
    return error != 0 ? error : check_flags(request->attempt.flags);
}

int sri_prepare_rwv(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if ((sqe->flags & IOSQE_BUFFER_SELECT) && sqe->len != 1)
        return -EINVAL; /* the one segment is a length */
    int error = sri_import_segments(request, (const struct iovec *)(uintptr_t)sqe->addr, sqe->len);
    if (error == 0 && !is_priority(sqe->ioprio))
        error = -EINVAL;
    set_range(request, sqe);
    return error;
}

int sri_prepare_fsync(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->addr != 0 || sqe->buf_index != 0 || sqe->splice_fd_in != 0)
        return -EINVAL;
    if (sqe->fsync_flags & ~IORING_FSYNC_DATASYNC)
        return -EINVAL;
    if (sqe->off > INT64_MAX)
        return -EINVAL; /* kernels before 6.13 let it pass */
    request->attempt.flags = sqe->fsync_flags;
    return 0;
}
