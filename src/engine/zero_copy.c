/*
 * SEND_ZC and SENDMSG_ZC: a result, and after it one notification that the bytes are the program's again.
 *
 * As measured with 6.18: what is refused notifies too, once it is known for a send of this kind; a member that somebody
 * else ended does so without having announced it (no IORING_CQE_F_MORE).
 */
#include <errno.h>

#include "engine/buffers.h"
#include "engine/multishot.h"
#include "engine/steps.h"

#define KNOWN_FLAGS (IORING_RECVSEND_POLL_FIRST | IORING_RECVSEND_FIXED_BUF | IORING_SEND_ZC_REPORT_USAGE)

static int prepare_flags(struct sri_request *request, const struct io_uring_sqe *sqe, uint16_t known)
{
    if (sqe->__pad2[0] != 0 || sqe->addr3 != 0 || (sqe->flags & IOSQE_CQE_SKIP_SUCCESS))
        return -EINVAL;
    request->shots |= SRI_SHOT_NOTIFY;
    if (sqe->ioprio & ~known)
        return -EINVAL;
    if (sqe->ioprio & IORING_SEND_ZC_REPORT_USAGE)
        request->shots |= SRI_SHOT_USAGE;
    if (sqe->ioprio & IORING_RECVSEND_FIXED_BUF)
        request->shots |= SRI_SHOT_FIXED;
    return 0;
}

int sri_prepare_send_zc(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    int error = prepare_flags(request, sqe, KNOWN_FLAGS);
    request->buffer_index = sqe->buf_index;
    return error != 0 ? error : sri_prepare_sendrecv(request, sqe);
}

/* A vector of a registered buffer is not known to this kernel. */
int sri_prepare_sendmsg_zc(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    int error = prepare_flags(request, sqe, KNOWN_FLAGS & ~IORING_RECVSEND_FIXED_BUF);
    return error != 0 ? error : sri_prepare_msg(request, sqe);
}

int sri_admit_send_zc(struct sri_request *request)
{
    uint32_t object = sri_object_of(request);
    if (!(object & SRI_OBJECT_SOCKET))
        return -ENOTSOCK;
    if (!(object & SRI_OBJECT_ZERO_COPY))
        return -EOPNOTSUPP;
    return request->shots & SRI_SHOT_FIXED ? sri_buffers_use(request) : 0;
}

static uint32_t ask(struct sri_request *request, enum sri_why why, uint32_t n)
{
    struct sri_question question = {.why = why,
                                    .n = n,
                                    .opcode = request->opcode,
                                    .fd = request->fd,
                                    .user_data = request->user_data,
                                    .length = request->length};
    uint32_t answer = sri_pick(&request->ring->engine->chooser, &question);
    SRI_REQUIRE(answer < n);
    return answer;
}

void sri_notification_announce(struct sri_request *request)
{
    if (request->marks & SRI_MARK_SEVERED)
        return;
    if (request->result < 0 && ask(request, SRI_WHY_NOTIFIES, 2) != 0)
        request->shots &= (uint8_t)~SRI_SHOT_NOTIFY;
    else
        request->cqe_flags |= IORING_CQE_F_MORE;
}

void sri_notification_begin(struct sri_request *request)
{
    struct sri_engine *engine = request->ring->engine;
    uint32_t delay = ask(request, SRI_WHY_NOTIFY, SRI_DELAYS);
    request->marks &= (uint16_t)~SRI_MARK_INLINE;
    if (delay == 0 && request->result < 0)
        sri_chain_push(request,
                       SRI_STEP_NOTIFY); /* given up with the request: behind what follows in its chain */
    else if (delay == 0)
        sri_due_push(request, SRI_STEP_NOTIFY);
    else
        sri_later(request, sri_now(engine) + sri_delay_ns[delay], SRI_STEP_NOTIFY);
}

/* A loopback copies, and says so (measured); a kernel with a network card need not. */
static int32_t usage(struct sri_request *request)
{
    if (!(request->shots & SRI_SHOT_USAGE) || ask(request, SRI_WHY_USAGE, 2) != 0)
        return 0;
    return (int32_t)IORING_NOTIF_USAGE_ZC_COPIED;
}

/* The bytes may have been read as late as now. What MSG_WAITALL sent in parts was read with each of them. */
static void read_late(struct sri_request *request)
{
    const struct sri_world *world = &request->ring->engine->world;
    if (world->vtable->reread == NULL || request->result <= 0 || request->progress > 0)
        return;
    if (ask(request, SRI_WHY_REREAD, 2) != 0)
        world->vtable->reread(world->self, &request->attempt, (uint64_t)request->result);
}

void sri_notified(struct sri_request *request)
{
    read_late(request);
    struct sri_ring *ring = request->ring;
    int32_t result = usage(request);
    sri_post(ring, request->user_data, result, IORING_CQE_F_NOTIF);
    if (sri_is_watched(ring->engine))
        sri_emit_request(request, SRI_EVENT_COMPLETED, result, IORING_CQE_F_NOTIF);
    sri_drop(request);
}
