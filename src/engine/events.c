/*
 * Events to observers. Nothing here is called when there is none.
 */
#include "engine/steps.h"

void sri_emit(struct sri_engine *engine, struct sri_event *event)
{
    event->now_ns = sri_now(engine);
    for (uint32_t i = 0; i < engine->observer_count; i++)
        engine->observers[i].observe(engine->observers[i].self, event);
}

static void tell_levels(const struct sri_ring *ring, struct sri_event *event)
{
    event->ring = ring->fd;
    event->cq_ready = sri_cq_ready(ring);
    event->sq_ready = sri_sq_ready(ring);
}

void sri_emit_ring(struct sri_ring *ring, enum sri_event_kind kind, int64_t result, uint32_t flags)
{
    struct sri_event event = {.kind = kind, .result = result, .flags = flags};
    tell_levels(ring, &event);
    sri_emit(ring->engine, &event);
}

/* The program's own memory, whatever the attempt works on. */
static void tell_segments(const struct sri_request *request, struct sri_event *event)
{
    uint16_t traits = sri_opcode_of(request)->traits;
    if (!(traits & (SRI_TRAIT_SOURCE | SRI_TRAIT_TARGET)) || (request->marks & SRI_MARK_PREP_FAILED))
        return;
    event->lending = traits & SRI_TRAIT_SOURCE ? SRI_LENDS_SOURCE : SRI_LENDS_TARGET;
    if (request->shots & SRI_SHOT_NOTIFY)
        event->lending = SRI_LENDS_LONG;
    event->segments = request->segments != NULL ? request->segments : &request->one;
    event->segment_count = request->segment_count;
}

static struct sri_event event_of(struct sri_request *request, enum sri_event_kind kind)
{
    struct sri_event event = {.kind = kind,
                              .opcode = request->opcode,
                              .request = request->number,
                              .user_data = request->user_data};
    tell_levels(request->ring, &event);
    tell_segments(request, &event);
    return event;
}

void sri_emit_request(struct sri_request *request, enum sri_event_kind kind, int64_t result, uint32_t flags)
{
    struct sri_event event = event_of(request, kind);
    event.result = result;
    event.flags = flags;
    bool owes = (request->shots & SRI_SHOT_NOTIFY) && !(flags & IORING_CQE_F_NOTIF);
    event.last = (flags & IORING_CQE_F_MORE) == 0 && !owes;
    sri_emit(request->ring->engine, &event);
}

void sri_emit_consumed(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    struct sri_event event = event_of(request, SRI_EVENT_CONSUMED);
    event.opcode = sqe->opcode;
    event.sqe = sqe;
    sri_emit(request->ring->engine, &event);
}
