/*
 * Events to observers. Nothing here is called when there is none.
 */
#include "engine/steps.h"

static inline void emit(struct sri_engine *engine, struct sri_event *event)
{
    event->now_ns = engine->needless & SRI_NEEDLESS_TIME ? 0 : sri_now(engine);
    const struct sri_observer *observer = engine->observers;
    uint32_t left = engine->observer_count;
    do {
        observer->observe(observer->self, event);
        observer++;
    } while (--left > 0);
}

void sri_emit(struct sri_engine *engine, struct sri_event *event)
{
    emit(engine, event);
}

void sri_emit_ring(struct sri_ring *ring, enum sri_event_kind kind, int64_t result, uint32_t flags)
{
    struct sri_event event = {.kind = kind,
                              .ring = ring->fd,
                              .guest = ring->engine->caller,
                              .result = result,
                              .flags = flags,
                              .cq_ready = sri_cq_ready(ring),
                              .sq_ready = sri_sq_ready(ring)};
    emit(ring->engine, &event);
}

/* What it lends, unless it was refused. */
static inline enum sri_lending lending_of(const struct sri_request *request)
{
    uint16_t traits = sri_opcode_of(request)->traits;
    if (!(traits & (SRI_TRAIT_SOURCE | SRI_TRAIT_TARGET)) || (request->marks & SRI_MARK_PREP_FAILED) ||
        request->guest != 0)
        return SRI_LENDS_NOTHING;
    if (request->shots & SRI_SHOT_NOTIFY)
        return SRI_LENDS_LONG;
    return traits & SRI_TRAIT_SOURCE ? SRI_LENDS_SOURCE : SRI_LENDS_TARGET;
}

/* Every field by itself: clearing all of them first costs more than the rest. */
static inline void fill(struct sri_event *event, const struct sri_request *request, enum sri_event_kind kind)
{
    event->kind = kind;
    event->lending = lending_of(request);
    event->ring = request->ring->fd;
    event->opcode = request->opcode;
    event->last = 0;
    event->guest = (uint8_t)request->guest;
    event->flags = 0;
    event->request = request->number;
    event->user_data = request->user_data;
    event->result = 0;
    event->cq_ready = 0;
    event->sq_ready = 0;
    event->segment_count = event->lending != SRI_LENDS_NOTHING ? request->segment_count : 0;
    event->segments = event->lending != SRI_LENDS_NOTHING ? sri_segments_of(request) : NULL;
    event->sum = NULL;
    event->sqe = NULL;
}

void sri_emit_request(struct sri_request *request, enum sri_event_kind kind, int64_t result, uint32_t flags)
{
    struct sri_event event;
    bool owes = (request->shots & SRI_SHOT_NOTIFY) && !(flags & IORING_CQE_F_NOTIF);
    fill(&event, request, kind);
    event.last = (flags & IORING_CQE_F_MORE) == 0 && !owes;
    event.flags = flags;
    event.result = result;
    emit(request->ring->engine, &event);
}

void sri_emit_consumed(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    struct sri_event event;
    fill(&event, request, SRI_EVENT_CONSUMED);
    event.opcode = sqe->opcode;
    event.sqe = sqe;
    emit(request->ring->engine, &event);
}

/* What the copy knew of its sum holds for all that was written, when that is one piece and was copied for this attempt. */
void sri_emit_touched(struct sri_request *request, uint64_t moved)
{
    struct sri_user_known *known = &request->ring->engine->user.known;
    struct sri_event event;
    fill(&event, request, SRI_EVENT_TOUCHED);
    event.last = 1;
    event.result = (int64_t)moved;
    if (known->length != 0 && known->length == moved && known->to == sri_segments_of(request)->iov_base)
        event.sum = &known->sum;
    known->wanted = false;
    emit(request->ring->engine, &event);
}
