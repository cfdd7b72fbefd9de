/*
 * Requests that complete more than once: polls, accepts, receives, timeouts. Each CQE but the last has IORING_CQE_F_MORE.
 *
 * As measured: the last is one whose result ends things (an error, the end of a stream), or an ordinary one that finds no
 * room in the CQ.
 */
#include "engine/multishot.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

#include "engine/guest.h"
#include "engine/segments.h"
#include "engine/steps.h"

/* As many bytes of control messages as fit into one message (message.c). */
#define CONTROL_MOST 16384u

/* RECVMSG's argument, with its control messages behind it. The rooms are those of the head. */
struct message {
    struct sri_message message; /* for the world */
    uint32_t name_room;
    uint32_t control_room;
};

static bool ends_by_choice(struct sri_request *request)
{
    struct sri_question question = {.why = SRI_WHY_SHOT,
                                    .n = 2,
                                    .opcode = request->opcode,
                                    .fd = request->fd,
                                    .user_data = request->user_data};
    return sri_pick(&request->ring->engine->chooser, &question) != 0;
}

/* Could another one follow? A file that can't be polled is told about once. */
static bool may_follow(const struct sri_request *request)
{
    if (!(request->shots & SRI_SHOT_MULTI))
        return false;
    switch (request->opcode) {
    case IORING_OP_ACCEPT: return request->result >= 0;
    case IORING_OP_POLL_ADD: return request->result > 0 && (sri_object_of(request) & SRI_OBJECT_POLLS);
    default: return request->result > 0;
    }
}

static void post(struct sri_request *request)
{
    struct sri_ring *ring = request->ring;
    uint32_t flags = request->cqe_flags | IORING_CQE_F_MORE;
    sri_batch_go_on(ring);
    sri_post(ring, request->user_data, request->result, flags);
    ring->flushed++; /* a timeout that is armed from here on does not count it (measured) */
    sri_batch_flush(ring);
    if (sri_is_watched(ring->engine))
        sri_emit_request(request, SRI_EVENT_COMPLETED, request->result, flags);
}

void sri_shot_unstage(struct sri_request *request)
{
    sri_arena_release(&request->ring->engine->arena, request->staging);
    request->staging = NULL;
    request->marks &= (uint16_t) ~(SRI_MARK_STAGED | SRI_MARK_ASKED);
    request->attempt.kernel_memory = false;
}

static bool defers(const struct sri_ring *ring)
{
    return (ring->setup_flags & IORING_SETUP_DEFER_TASKRUN) != 0;
}

/* A receive has no offset: the lower half keeps its flags while it waits for a message, the upper half counts. */
#define FLAGS_KEPT UINT64_C(0xffffffff)
#define ONE_MORE (UINT64_C(1) << 32)
#define MANY 32u

/* What belonged to the CQE just posted goes. A length given for messages holds for the first alone (measured). */
static void begin_next(struct sri_request *request)
{
    sri_shot_unstage(request);
    request->marks &= (uint16_t) ~(SRI_MARK_COMMITTED | SRI_MARK_TOUCHING);
    request->shots &= (uint8_t) ~(SRI_SHOT_CHOSEN | SRI_SHOT_TAKEN);
    request->result = 0;
    request->cqe_flags = 0;
    request->progress = 0;
    if (request->shots & SRI_SHOT_SELECT)
        request->segment_count = 0;
    if (request->opcode == IORING_OP_RECVMSG)
        request->asked = 0;
    if (request->opcode == IORING_OP_RECV || request->opcode == IORING_OP_RECVMSG)
        request->shots |= SRI_SHOT_AGAIN;
    if (request->opcode == IORING_OP_POLL_ADD)
        request->attempt.edge = defers(request->ring) ? SRI_EDGE_TOGETHER : SRI_EDGE_NEXT;
}

bool sri_shot(struct sri_request *request)
{
    if (!may_follow(request) || !sri_cq_has_room(request->ring) || ends_by_choice(request))
        return false;
    post(request);
    begin_next(request);
    return true;
}

static bool has_shot(const struct sri_request *request)
{
    return (request->shots & SRI_SHOT_AGAIN) &&
           (request->opcode == IORING_OP_RECV || request->opcode == IORING_OP_RECVMSG);
}

bool sri_shot_watch(struct sri_request *request)
{
    const struct sri_world *world = &request->ring->engine->world;
    struct sri_attempt *attempt = &request->attempt;
    int64_t result;
    if (!has_shot(request))
        return false;
    attempt->offset = (attempt->offset & ~FLAGS_KEPT) | attempt->flags;
    attempt->flags = POLLIN | POLLRDNORM;
    attempt->work = SRI_WORK_POLL;
    if (world->vtable->start(world->self, attempt, &result) == SRI_WAIT)
        return true;
    sri_shot_resume(request);
    return false;
}

void sri_shot_resume(struct sri_request *request)
{
    struct sri_attempt *attempt = &request->attempt;
    if (!has_shot(request) || attempt->work != SRI_WORK_POLL)
        return;
    attempt->work = SRI_WORK_RECV;
    attempt->flags = (uint32_t)attempt->offset;
    attempt->wait_for = POLLIN | POLLRDNORM; /* what woke it is no matter */
}

void sri_shot_count(struct sri_request *request)
{
    if (has_shot(request))
        request->attempt.offset += ONE_MORE;
}

bool sri_shot_is_many(struct sri_request *request)
{
    if (!has_shot(request) || request->attempt.offset >> 32 < MANY)
        return false;
    request->attempt.offset = 0;
    return true;
}

bool sri_timer_repeats(struct sri_request *request)
{
    struct sri_ring *ring = request->ring;
    struct sri_timer *timer = &request->timer;
    if (!(timer->flags & SRI_TIMEOUT_MULTISHOT) || (timer->target != 0 && --timer->target == 0))
        return false;
    if (!sri_cq_has_room(ring) || ends_by_choice(request))
        return false;
    request->result = -ETIME;
    post(request);
    ring->posted--; /* as with every timeout's own */
    sri_timer_arm(request);
    return true;
}

static bool fits(const struct msghdr *header)
{
    uint64_t head = sizeof(struct io_uring_recvmsg_out);
    return header->msg_namelen <= INT_MAX && header->msg_controllen <= INT_MAX &&
           head + header->msg_namelen + header->msg_controllen <= INT_MAX;
}

static int make_message(struct sri_request *request, const struct msghdr *header)
{
    size_t room = header->msg_controllen < CONTROL_MOST ? header->msg_controllen : CONTROL_MOST;
    struct message *message = sri_arena_acquire(&request->ring->engine->arena, sizeof *message + room);
    if (message == NULL)
        return -ENOMEM;
    memset(message, 0, sizeof *message);
    message->message.control = message + 1;
    message->message.control_room = (uint32_t)room;
    message->name_room = header->msg_namelen;
    message->control_room = (uint32_t)header->msg_controllen;
    request->attempt.argument = message;
    return 0;
}

uint16_t sri_message_flags(const struct sri_request *request)
{
    switch (request->opcode) {
    case IORING_OP_RECV:
    case IORING_OP_RECVMSG: return IORING_RECVSEND_POLL_FIRST | IORING_RECV_MULTISHOT;
    case IORING_OP_SEND_ZC:
    case IORING_OP_SENDMSG_ZC:
        return IORING_RECVSEND_POLL_FIRST | IORING_RECVSEND_FIXED_BUF | IORING_SEND_ZC_REPORT_USAGE;
    default: return IORING_RECVSEND_POLL_FIRST;
    }
}

/* The segment of the header is only a length; its addresses are not looked at. */
int sri_prepare_message_shots(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    struct msghdr header;
    if (!(sqe->flags & IOSQE_BUFFER_SELECT) || (sqe->msg_flags & MSG_WAITALL))
        return -EINVAL;
    if (sri_user_copy_in(sri_door_of(request), &header, (const void *)(uintptr_t)sqe->addr, sizeof header) !=
        0)
        return -EFAULT;
    if (header.msg_iovlen > 1)
        return -EINVAL;
    int error = sri_import_segments(request, header.msg_iov, header.msg_iovlen);
    if (error != 0)
        return error;
    if (!fits(&header))
        return -EOVERFLOW;
    request->attempt.flags = sqe->msg_flags;
    request->shots |= SRI_SHOT_MULTI | SRI_SHOT_HEAD;
    sri_poll_first(request, sqe);
    return make_message(request, &header);
}

static bool has_head(const struct sri_request *request)
{
    return request->opcode == IORING_OP_RECVMSG && (request->shots & SRI_SHOT_HEAD);
}

uint64_t sri_shot_head_size(const struct sri_request *request)
{
    const struct message *message = request->attempt.argument;
    if (!has_head(request))
        return 0;
    return sizeof(struct io_uring_recvmsg_out) + message->name_room + message->control_room;
}

int sri_shot_head_room(struct sri_request *request)
{
    uint64_t head = sri_shot_head_size(request);
    if (request->length < head)
        return -EFAULT;
    if (head > 0)
        sri_set_segment(request, (char *)request->one.iov_base + head, (uint32_t)(request->length - head));
    return 0;
}

bool sri_shot_takes_end(const struct sri_request *request)
{
    return has_head(request);
}

static int write_head(struct sri_request *request, const struct message *message)
{
    struct sri_user *user = sri_door_of(request);
    const struct sri_message *received = &message->message;
    struct io_uring_recvmsg_out out = {.namelen = received->address.length,
                                       .controllen = received->control_length,
                                       .payloadlen = (uint32_t)request->result,
                                       .flags = received->flags};
    char *at = (char *)request->one.iov_base - sri_shot_head_size(request);
    char *name = at + sizeof out;
    uint32_t length = out.namelen < message->name_room ? out.namelen : message->name_room;
    int error = sri_user_copy_out(user, at, &out, sizeof out);
    if (error == 0)
        error = sri_user_copy_out(user, name, &received->address.storage, length);
    if (error == 0)
        error = sri_user_copy_out(user, name + message->name_room, received->control, out.controllen);
    return error;
}

/*
 * Errors have no head; the end of the stream is told by one without a payload, and is the last. MSG_TRUNC has the head tell
 * of all that there was, and the CQE of what is in the buffer (measured).
 */
void sri_finish_message_shot(struct sri_request *request)
{
    if (request->result < 0)
        return;
    bool last = request->result == 0;
    int error = write_head(request, request->attempt.argument);
    uint64_t here = (uint64_t)request->result < request->length ? (uint64_t)request->result : request->length;
    request->result = error != 0 ? error : (int32_t)(sri_shot_head_size(request) + here);
    if (last)
        request->shots &= (uint8_t)~SRI_SHOT_MULTI;
}
