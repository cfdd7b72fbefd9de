/*
 * Preparation of socket operations, and what they write back besides the bytes.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/files.h"
#include "engine/segments.h"
#include "engine/steps.h"

#define ACCEPT_FLAGS ((unsigned)(SOCK_CLOEXEC | SOCK_NONBLOCK))

/* Where an address and its length go in the program. The world sees only the address. */
struct name {
    struct sri_address address;
    void *to;
    void *length_to;
    uint64_t header; /* RECVMSG: the program's msghdr */
};

static struct name *new_name(struct sri_request *request)
{
    struct name *name = sri_arena_acquire(&request->ring->engine->arena, sizeof *name);
    if (name == NULL)
        return NULL;
    memset(name, 0, offsetof(struct name, address.storage));
    name->to = NULL;
    name->length_to = NULL;
    name->header = 0;
    request->attempt.argument = name;
    return name;
}

/* A destination: copied when the SQE is consumed. */
static int import_name(struct sri_request *request, uint64_t from, uint64_t length)
{
    if (length > sizeof(struct sockaddr_storage))
        return -EINVAL;
    struct name *name = new_name(request);
    if (name == NULL)
        return -ENOMEM;
    name->address.length = (socklen_t)length;
    struct sri_user *user = &request->ring->engine->user;
    return sri_user_copy_in(user, &name->address.storage, (const void *)(uintptr_t)from, length);
}

int sri_prepare_sendrecv(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    bool sends = request->opcode == IORING_OP_SEND;
    if (sqe->ioprio & ~IORING_RECVSEND_POLL_FIRST)
        return -EINVAL;
    if (sends ? sqe->__pad3[0] != 0 : sqe->addr2 != 0 || sqe->file_index != 0)
        return -EINVAL;
    sri_set_segment(request, (void *)(uintptr_t)sqe->addr, sqe->len);
    request->attempt.flags = sqe->msg_flags;
    if (sends && sqe->addr2 != 0)
        return import_name(request, sqe->addr2, sqe->addr_len);
    return 0;
}

/* sendmsg(2) cuts what is too long, connect(2) refuses it (measured). */
static int import_destination(struct sri_request *request, const struct msghdr *header)
{
    socklen_t most = sizeof(struct sockaddr_storage);
    if (header->msg_name == NULL)
        return 0;
    return import_name(request, (uintptr_t)header->msg_name,
                       header->msg_namelen < most ? header->msg_namelen : most);
}

int sri_prepare_msg(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    bool sends = request->opcode == IORING_OP_SENDMSG;
    if ((sqe->ioprio & ~IORING_RECVSEND_POLL_FIRST) != 0 || sqe->addr2 != 0 || sqe->file_index != 0)
        return -EINVAL;
    struct sri_user *user = &request->ring->engine->user;
    struct msghdr header;
    if (sri_user_copy_in(user, &header, (const void *)(uintptr_t)sqe->addr, sizeof header) != 0)
        return -EFAULT;
    request->attempt.flags = sqe->msg_flags;
    int error = sri_import_segments(request, header.msg_iov, header.msg_iovlen);
    if (error != 0)
        return error == -EINVAL ? -EMSGSIZE : error;
    request->attempt.limit = request->length;
    if (sends)
        return import_destination(request, &header);
    struct name *name = new_name(request);
    if (name == NULL)
        return -ENOMEM;
    name->to = header.msg_name;
    name->address.length = header.msg_namelen;
    name->header = sqe->addr;
    return 0;
}

/* The program gets at most the room it gave, and the true length. */
static int export_name(struct sri_user *user, const struct name *name, socklen_t room)
{
    socklen_t length = name->address.length < room ? name->address.length : room;
    if (name->to == NULL || length == 0)
        return 0;
    return sri_user_copy_out(user, name->to, &name->address.storage, length);
}

void sri_finish_msg(struct sri_request *request)
{
    const struct name *name = request->attempt.argument;
    if (request->result < 0 || name == NULL || name->header == 0)
        return;
    struct sri_user *user = &request->ring->engine->user;
    struct msghdr header;
    void *address = (void *)(uintptr_t)name->header;
    if (sri_user_copy_in(user, &header, address, sizeof header) != 0)
        return;
    if (export_name(user, name, header.msg_namelen) != 0) {
        request->result = -EFAULT;
        return;
    }
    header.msg_namelen = name->to == NULL ? header.msg_namelen : name->address.length;
    header.msg_controllen = 0; /* this kernel has no control messages */
    header.msg_flags = 0;
    (void)sri_user_copy_out(user, address, &header, sizeof header);
}

int sri_prepare_accept(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->len != 0 || sqe->buf_index != 0)
        return -EINVAL;
    if (sqe->file_index != 0 && (sqe->accept_flags & SOCK_CLOEXEC) != 0)
        return -EINVAL;
    if ((sqe->ioprio & ~IORING_RECVSEND_POLL_FIRST) != 0 || (sqe->accept_flags & ~ACCEPT_FLAGS) != 0)
        return -EINVAL;
    request->attempt.flags = sqe->accept_flags;
    request->file_slot = sqe->file_index;
    if (sqe->addr == 0)
        return 0;
    struct name *name = new_name(request);
    if (name == NULL)
        return -ENOMEM;
    name->to = (void *)(uintptr_t)sqe->addr;
    name->length_to = (void *)(uintptr_t)sqe->addr2;
    return 0;
}

/* The peer's name, where it was asked for. */
static int export_peer(const struct sri_request *request)
{
    struct sri_user *user = &request->ring->engine->user;
    const struct name *name = request->attempt.argument;
    if (name == NULL)
        return 0;
    socklen_t room = 0;
    int error = sri_user_copy_in(user, &room, name->length_to, sizeof room);
    if (error == 0)
        error = export_name(user, name, room);
    if (error == 0)
        error = sri_user_copy_out(user, name->length_to, &name->address.length, sizeof room);
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
    return import_name(request, sqe->addr, sqe->addr2);
}
