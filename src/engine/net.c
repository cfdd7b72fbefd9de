/*
 * Preparation of sends, receives, accepts and connects; messages with a header are in message.c.
 */
#include <errno.h>
#include <sys/socket.h>

#include "engine/files.h"
#include "engine/guest.h"
#include "engine/message.h"
#include "engine/multishot.h"
#include "engine/steps.h"

#define ACCEPT_FLAGS ((unsigned)(SOCK_CLOEXEC | SOCK_NONBLOCK))

/* A receive that may not wait never sees the poll it asked for first (measured). */
void sri_poll_first(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (!(sqe->ioprio & IORING_RECVSEND_POLL_FIRST))
        return;
    request->shots |= SRI_SHOT_FIRST;
    if ((request->attempt.flags & MSG_DONTWAIT) && request->result == 0)
        request->result = -EAGAIN;
}

int sri_prepare_sendrecv(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    bool sends = request->opcode != IORING_OP_RECV;
    if (sqe->ioprio & ~sri_message_flags(request))
        return -EINVAL;
    if (!sends && (sqe->ioprio & IORING_RECV_MULTISHOT)) {
        if (!(sqe->flags & IOSQE_BUFFER_SELECT) || (sqe->msg_flags & MSG_WAITALL))
            return -EINVAL;
        request->shots |= SRI_SHOT_MULTI;
    }
    if (sends ? sqe->__pad3[0] != 0 : sqe->addr2 != 0 || sqe->file_index != 0)
        return -EINVAL;
    sri_set_segment(request, (void *)(uintptr_t)sqe->addr, sqe->len);
    request->attempt.flags = sqe->msg_flags;
    sri_poll_first(request, sqe);
    if (sends && sqe->addr2 != 0)
        return sri_name_import(request, sqe->addr2, sqe->addr_len);
    return 0;
}

int sri_prepare_accept(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->len != 0 || sqe->buf_index != 0)
        return -EINVAL;
    if (sqe->file_index != 0 && (sqe->accept_flags & SOCK_CLOEXEC) != 0)
        return -EINVAL;
    if ((sqe->ioprio & ~IORING_ACCEPT_MULTISHOT) != 0 || (sqe->accept_flags & ~ACCEPT_FLAGS) != 0)
        return -EINVAL;
    if (sqe->ioprio != 0) {
        if (sqe->file_index != 0 && sqe->file_index != IORING_FILE_INDEX_ALLOC)
            return -EINVAL;
        request->shots |= SRI_SHOT_MULTI;
    }
    request->attempt.flags = sqe->accept_flags;
    request->file_slot = sqe->file_index;
    if (sqe->addr == 0)
        return 0;
    struct sri_name *name = sri_name_new(request, 0);
    if (name == NULL)
        return -ENOMEM;
    name->to = (void *)(uintptr_t)sqe->addr;
    name->length_to = (void *)(uintptr_t)sqe->addr2;
    return 0;
}

/* The peer's name, where it was asked for. */
static int export_peer(const struct sri_request *request)
{
    struct sri_user *user = sri_door_of(request);
    const struct sri_name *name = request->attempt.argument;
    if (name == NULL)
        return 0;
    socklen_t room = 0;
    int error = sri_user_copy_in(user, &room, name->length_to, sizeof room);
    if (error == 0)
        error = sri_name_export(user, name, room);
    if (error == 0)
        error = sri_user_copy_out(user, name->length_to, &name->message.address.length, sizeof room);
    return error;
}

void sri_finish_accept(struct sri_request *request)
{
    struct sri_engine *engine = request->ring->engine;
    bool watched = sri_is_watched(engine) && request->file_slot == 0;
    if (request->result < 0)
        return;
    if (watched)
        sri_emit_request(request, SRI_EVENT_OPENED, request->result, 0);
    int error = export_peer(request);
    if (error == 0) {
        if (request->file_slot != 0)
            sri_files_take_result(request);
        return;
    }
    /* accept4(2) gives the descriptor back when the address can't be told. */
    (void)engine->world.vtable->close(engine->world.self, request->result);
    if (watched)
        sri_emit_request(request, SRI_EVENT_CLOSED, request->result, 0);
    request->result = error;
}

int sri_prepare_connect(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->len != 0 || sqe->buf_index != 0 || sqe->rw_flags != 0 || sqe->splice_fd_in != 0)
        return -EINVAL;
    return sri_name_import(request, sqe->addr, sqe->addr2);
}
