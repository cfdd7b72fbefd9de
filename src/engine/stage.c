/*
 * Staging memory takes the bytes of an attempt in place of the program's, which gets them late; and in place of another
 * process's, which no attempt reaches (guest.c).
 */
#include <errno.h>

#include "engine/guest.h"
#include "engine/segments.h"
#include "engine/steps.h"

#define SCRIBBLE 0xdb
#define ALIGNMENT 4096u /* no device of today wants more */

/* A request's staging block begins so; the bytes follow. */
struct stage {
    struct iovec rest; /* what is left for the attempt: all of it, but for MSG_WAITALL */
    char *bytes;
};

int sri_stage(struct sri_request *request)
{
    struct sri_engine *engine = request->ring->engine;
    size_t spare = request->guest != 0 ? ALIGNMENT : 0;
    struct stage *stage = sri_arena_acquire(&engine->arena, sizeof *stage + spare + request->length);
    if (stage == NULL)
        return -ENOMEM;
    uintptr_t begin = (uintptr_t)(stage + 1);
    stage->bytes = (char *)(spare == 0 ? begin : (begin + (ALIGNMENT - 1)) & ~(uintptr_t)(ALIGNMENT - 1));
    stage->rest = (struct iovec){.iov_base = stage->bytes, .iov_len = request->length};
    request->staging = stage;
    request->attempt.segments = &stage->rest;
    request->attempt.segment_count = 1;
    request->attempt.kernel_memory = true;
    request->marks |= SRI_MARK_STAGED;
    return 0;
}

int sri_stage_fill(struct sri_request *request)
{
    const struct stage *stage = request->staging;
    return sri_segments_copy_in(sri_door_of(request), sri_segments_of(request), stage->bytes,
                                request->length);
}

void sri_stage_copy_out(struct sri_request *request)
{
    struct sri_engine *engine = request->ring->engine;
    const struct stage *stage = request->staging;
    bool watched = sri_is_watched(engine);
    uint32_t moved =
        (uint32_t)request->result < request->length ? (uint32_t)request->result : request->length;
    if (watched)
        sri_emit_request(request, SRI_EVENT_TOUCH, request->result, 0);
    int error = sri_segments_copy_out(sri_door_of(request), sri_segments_of(request), stage->bytes, moved);
    if (error != 0)
        request->result = error;
    if (watched)
        sri_emit_request(request, SRI_EVENT_TOUCHED, request->result > 0 ? request->result : 0, 0);
}

void sri_stage_scribble(struct sri_request *request)
{
    bool watched = sri_is_watched(request->ring->engine);
    if (request->guest != 0)
        return;
    if (watched)
        sri_emit_request(request, SRI_EVENT_TOUCH, request->result, 0);
    sri_segments_fill(sri_segments_of(request), SCRIBBLE, (uint64_t)request->result);
    if (watched)
        sri_emit_request(request, SRI_EVENT_TOUCHED, request->result, 0);
}
