/*
 * Choosing a provided buffer for an attempt, and what becomes of it. Groups are made elsewhere (provide.c).
 *
 * As measured with 6.18. Receives choose at each attempt and take the buffer when bytes moved; an error, the end of a
 * stream or waiting leaves it. Sends take it with an error too. Reads take one whatever their outcome is, but where the
 * file can be polled and the group is a ring, an error leaves it; of a group of the first kind they hold it while they
 * wait.
 */
#include <errno.h>
#include <sys/socket.h>

#include "engine/groups.h"
#include "engine/multishot.h"
#include "engine/steps.h"

static uint32_t ask(struct sri_request *request, enum sri_why why)
{
    struct sri_question question = {.why = why,
                                    .n = 2,
                                    .opcode = request->opcode,
                                    .fd = request->fd,
                                    .user_data = request->user_data,
                                    .length = request->asked};
    return sri_pick(&request->ring->engine->chooser, &question);
}

void sri_select_prepared(struct sri_request *request)
{
    request->shots |= SRI_SHOT_SELECT;
    request->asked = (uint32_t)request->length;
    request->segment_count = 0;
}

static bool is_read(const struct sri_request *request)
{
    return (sri_opcode_of(request)->traits & SRI_TRAIT_MESSAGE) == 0;
}

static bool is_send(const struct sri_request *request)
{
    return (sri_opcode_of(request)->traits & SRI_TRAIT_SOURCE) != 0;
}

/* The entry at a ring's head, as it is now. */
static bool peek_ring(struct sri_request *request, const struct sri_group *group, struct sri_provided *out)
{
    struct sri_user *user = &request->ring->engine->user;
    uint16_t tail;
    struct io_uring_buf entry;
    if (sri_user_copy_in(user, &tail, &group->ring->tail, sizeof tail) != 0 || tail == group->head)
        return false;
    atomic_thread_fence(memory_order_acquire);
    if (sri_user_copy_in(user, &entry, &group->ring->bufs[group->head & group->mask], sizeof entry) != 0)
        return false;
    *out = (struct sri_provided){.address = entry.addr, .length = entry.len, .id = entry.bid};
    return true;
}

static bool peek(struct sri_request *request, const struct sri_group *group, struct sri_provided *out)
{
    if (group == NULL)
        return false;
    if (group->ring != NULL)
        return peek_ring(request, group, out);
    if (group->count == 0)
        return false;
    *out = group->provided[group->first & (group->capacity - 1)];
    return true;
}

/* So many bytes of the entry at the head are used. True: the whole entry is. */
static bool use_up(struct sri_request *request, struct sri_group *group, uint64_t bytes)
{
    struct sri_user *user = &request->ring->engine->user;
    struct io_uring_buf *at = &group->ring->bufs[group->head & group->mask];
    struct io_uring_buf entry;
    if (!group->bit_by_bit) {
        group->head++;
        return true;
    }
    if (bytes == 0 || sri_user_copy_in(user, &entry, at, sizeof entry) != 0)
        return false;
    uint32_t part = bytes < entry.len ? (uint32_t)bytes : entry.len;
    bool whole = part == entry.len && part > 0;
    entry.addr += whole ? 0 : part;
    entry.len -= part;
    /* `resv` of the first entry is the ring's tail: it is not written. */
    (void)sri_user_copy_out(user, at, &entry, offsetof(struct io_uring_buf, bid));
    group->head = (uint16_t)(group->head + whole);
    return whole;
}

/* It is the request's now, and its CQE will say so. */
static void take(struct sri_request *request, struct sri_group *group, uint64_t bytes)
{
    bool whole = true;
    if (group->ring != NULL) {
        whole = use_up(request, group, bytes);
    } else {
        group->first++;
        group->count--;
    }
    request->cqe_flags |= IORING_CQE_F_BUFFER | (whole ? 0 : SRI_CQE_F_BUF_MORE);
    request->shots |= SRI_SHOT_TAKEN;
}

static struct sri_group *group_of(const struct sri_request *request)
{
    return sri_group_find(request->ring, request->buffer_index);
}

/* A send takes all of a buffer of the first kind, whatever its length says (measured). */
static void set_segment(struct sri_request *request, const struct sri_group *group,
                        const struct sri_provided *provided)
{
    uint32_t length = is_send(request) && group->ring == NULL ? 0 : request->asked;
    if (length == 0 || length > provided->length)
        length = provided->length;
    sri_set_segment(request, (void *)(uintptr_t)provided->address, length);
    request->cqe_flags = (uint32_t)provided->id << IORING_CQE_BUFFER_SHIFT;
    request->shots |= SRI_SHOT_CHOSEN;
}

static void forget(struct sri_request *request)
{
    struct sri_engine *engine = request->ring->engine;
    if (sri_is_watched(engine))
        sri_emit_request(request, SRI_EVENT_RETURNED, 0, 0);
    request->shots &= (uint8_t)~SRI_SHOT_CHOSEN;
    request->cqe_flags = 0;
    request->segment_count = 0;
    sri_shot_unstage(request);
}

static bool is_polled(const struct sri_request *request)
{
    return (sri_object_of(request) & SRI_OBJECT_POLLS) != 0;
}

/* Without a buffer; what is no socket is told before that. */
static int none(const struct sri_request *request)
{
    return is_read(request) || (sri_object_of(request) & SRI_OBJECT_SOCKET) ? -ENOBUFS : -ENOTSOCK;
}

int sri_select(struct sri_request *request)
{
    struct sri_provided provided;
    struct sri_group *group = group_of(request);
    if (!peek(request, group, &provided) || ask(request, SRI_WHY_BUFFER) != 0)
        return none(request);
    set_segment(request, group, &provided);
    if (is_read(request) && (group->ring == NULL || !is_polled(request)))
        take(request, group, request->length);
    if (provided.address == 0)
        return -ENOBUFS; /* so says the true kernel (measured) */
    int error = sri_shot_head_room(request);
    if (error == 0 && sri_is_watched(request->ring->engine))
        sri_emit_request(request, SRI_EVENT_CHOSEN, 0, 0);
    return error;
}

static bool waits_for_all(const struct sri_request *request)
{
    return !is_read(request) && (request->attempt.flags & MSG_WAITALL);
}

void sri_select_settle(struct sri_request *request, int64_t result)
{
    if (!(request->shots & SRI_SHOT_CHOSEN) || (request->shots & SRI_SHOT_TAKEN))
        return;
    bool takes =
        result > 0 || is_send(request) || (result == 0 && (is_read(request) || sri_shot_takes_end(request)));
    if (result < 0 && !takes && !sri_is_kind(request->ring->engine))
        takes = ask(request, SRI_WHY_GIVE) != 0;
    if (takes)
        take(request, group_of(request), sri_shot_head_size(request) + (uint64_t)(result > 0 ? result : 0));
    else
        forget(request);
    if (takes && waits_for_all(request) && (uint64_t)result < request->attempt.limit)
        request->cqe_flags &=
            ~SRI_CQE_F_BUF_MORE; /* and so much more of it is not taken into account (measured) */
}

void sri_select_keep(struct sri_request *request)
{
    if ((request->shots & SRI_SHOT_CHOSEN) && !(request->shots & SRI_SHOT_TAKEN))
        take(request, group_of(request), request->length);
}

void sri_select_return(struct sri_request *request)
{
    if ((request->shots & SRI_SHOT_CHOSEN) && !(request->shots & SRI_SHOT_TAKEN))
        forget(request);
}

int sri_select_in_vain(struct sri_request *request, int error)
{
    if (!is_read(request))
        return error;
    int refusal = sri_select(request);
    if (refusal != 0)
        error = refusal;
    sri_select_return(request);
    return error;
}
