/*
 * SENDMSG and RECVMSG: the header copied in, control messages beside the bytes, and what is told when one was received.
 */
#include "engine/message.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "engine/guest.h"
#include "engine/multishot.h"
#include "engine/steps.h"

/* No more than this fits into one message (SCM_MAX_FD and what goes with it). */
#define CONTROL_MOST 16384u
/* net.core.optmem_max, which sendmsg(2) holds control messages to. */
#define CONTROL_SENT_MOST 131072u

struct sri_name *sri_name_new(struct sri_request *request, size_t control)
{
    struct sri_name *name = sri_arena_acquire(&request->ring->engine->arena, sizeof *name + control);
    if (name == NULL)
        return NULL;
    memset(name, 0, sizeof *name);
    name->message.control = name + 1;
    name->message.control_room = (uint32_t)control;
    request->attempt.argument = name;
    return name;
}

int sri_name_import(struct sri_request *request, uint64_t from, uint64_t length)
{
    if (length > sizeof(struct sockaddr_storage))
        return -EINVAL;
    struct sri_name *name = request->attempt.argument;
    if (name == NULL)
        name = sri_name_new(request, 0);
    if (name == NULL)
        return -ENOMEM;
    name->message.address.length = (socklen_t)length;
    struct sri_user *user = sri_door_of(request);
    return sri_user_copy_in(user, &name->message.address.storage, (const void *)(uintptr_t)from, length);
}

int sri_name_export(struct sri_user *user, const struct sri_name *name, socklen_t room)
{
    socklen_t length = name->message.address.length;
    if (room < length)
        length = room;
    if (name->to == NULL || length == 0)
        return 0;
    return sri_user_copy_out(user, name->to, &name->message.address.storage, length);
}

/* sendmsg(2) cuts a name that is too long, connect(2) refuses it (measured). */
static int import_destination(struct sri_request *request, const struct msghdr *header)
{
    socklen_t most = sizeof(struct sockaddr_storage);
    if (header->msg_name == NULL || header->msg_namelen == 0)
        return 0;
    return sri_name_import(request, (uintptr_t)header->msg_name,
                           header->msg_namelen < most ? header->msg_namelen : most);
}

/* Copied when the SQE is consumed; what is wrong with it is told when the message is sent (measured). */
static int import_control(struct sri_request *request, const struct msghdr *header)
{
    if (header->msg_controllen > CONTROL_SENT_MOST) {
        request->result = -ENOBUFS;
        return 0;
    }
    if (header->msg_controllen == 0)
        return 0;
    struct sri_name *name = sri_name_new(request, header->msg_controllen);
    if (name == NULL)
        return -ENOMEM;
    struct sri_user *user = sri_door_of(request);
    name->message.control_length = name->message.control_room;
    request->result =
        sri_user_copy_in(user, name->message.control, header->msg_control, header->msg_controllen);
    return 0;
}

static int import_room(struct sri_request *request, const struct msghdr *header, uint64_t address)
{
    size_t room = header->msg_control == NULL ? 0 : header->msg_controllen;
    struct sri_name *name = sri_name_new(request, room < CONTROL_MOST ? room : CONTROL_MOST);
    if (name == NULL)
        return -ENOMEM;
    name->to = header->msg_name;
    name->control_to = header->msg_control;
    name->header = address;
    return 0;
}

int sri_prepare_msg(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    bool sends = request->opcode != IORING_OP_RECVMSG;
    if ((sqe->ioprio & ~sri_message_flags(request)) != 0 || sqe->addr2 != 0 || sqe->file_index != 0)
        return -EINVAL;
    if (!sends && (sqe->ioprio & IORING_RECV_MULTISHOT))
        return sri_prepare_message_shots(request, sqe);
    struct sri_user *user = sri_door_of(request);
    struct msghdr header;
    if (sri_user_copy_in(user, &header, (const void *)(uintptr_t)sqe->addr, sizeof header) != 0)
        return -EFAULT;
    if (header.msg_name != NULL && header.msg_namelen > INT_MAX)
        return -EINVAL;
    request->attempt.flags = sqe->msg_flags;
    if ((sqe->flags & IOSQE_BUFFER_SELECT) && header.msg_iovlen > 1)
        return -EINVAL;
    int error = sends ? import_control(request, &header) : import_room(request, &header, sqe->addr);
    if (error == 0 && sends)
        error = import_destination(request, &header);
    if (error != 0)
        return error;
    error = sri_import_segments(request, header.msg_iov, header.msg_iovlen);
    if (error != 0)
        return error == -EINVAL ? -EMSGSIZE : error;
    request->attempt.limit = request->length;
    sri_poll_first(request, sqe);
    return 0;
}

/* Each descriptor that came along is the program's now. */
static void tell_descriptors(struct sri_request *request, struct sri_message *message)
{
    struct msghdr header = {.msg_control = message->control, .msg_controllen = message->control_length};
    for (struct cmsghdr *one = CMSG_FIRSTHDR(&header); one != NULL; one = CMSG_NXTHDR(&header, one)) {
        if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS)
            continue;
        const int *fds = (const int *)(const void *)CMSG_DATA(one);
        for (size_t i = 0; i < (one->cmsg_len - CMSG_LEN(0)) / sizeof *fds; i++)
            sri_emit_request(request, SRI_EVENT_OPENED, fds[i], 0);
    }
}

/* msg_namelen says the true length; it is left alone when no name was asked for. */
static int tell_name(struct sri_user *user, const struct sri_name *name, struct msghdr *header)
{
    socklen_t room = 0;
    if (name->to == NULL)
        return 0;
    int error = sri_user_copy_in(user, &room, &header->msg_namelen, sizeof room);
    if (error == 0 && room > INT_MAX)
        error = -EINVAL;
    if (error == 0)
        error = sri_name_export(user, name, room);
    if (error == 0)
        error = sri_user_copy_out(user, &header->msg_namelen, &name->message.address.length, sizeof room);
    return error;
}

void sri_finish_msg(struct sri_request *request)
{
    if (request->shots & SRI_SHOT_HEAD) {
        sri_finish_message_shot(request);
        return;
    }
    struct sri_name *name = request->attempt.argument;
    if (request->result < 0 || name == NULL || name->header == 0)
        return;
    struct sri_user *user = sri_door_of(request);
    struct sri_message *message = &name->message;
    struct msghdr *header = (struct msghdr *)(uintptr_t)name->header;
    size_t length = message->control_length;
    int flags = (int)message->flags;
    if (length > 0 && sri_is_watched(request->ring->engine))
        tell_descriptors(request, message);
    int error = sri_user_copy_out(user, name->control_to, message->control, length);
    if (error == 0)
        error = tell_name(user, name, header);
    if (error == 0)
        error = sri_user_copy_out(user, &header->msg_flags, &flags, sizeof flags);
    if (error == 0)
        error = sri_user_copy_out(user, &header->msg_controllen, &length, sizeof length);
    if (error != 0)
        request->result = error;
}
