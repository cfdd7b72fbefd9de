/*
 * Messages and connections: never blocking in the program's thread, never changing a socket's flags.
 *
 * A short count is a result here; that MSG_WAITALL goes on after it is the engine's.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>

#include "host/call.h"
#include "host/segments.h"
#include "host/state.h"

static bool is_receive(const struct sri_attempt *attempt)
{
    return attempt->work == SRI_WORK_RECV;
}

static int64_t try_message(const struct sri_attempt *attempt)
{
    struct sri_address *address = attempt->argument;
    struct sri_host_segments room;
    struct sri_host_span span = sri_host_span(attempt, 0, &room);
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)span.segments, .msg_iovlen = span.count};
    if (address != NULL) {
        message.msg_name = &address->storage;
        message.msg_namelen = is_receive(attempt) ? (socklen_t)sizeof address->storage : address->length;
    }
    uint32_t flags = attempt->flags | MSG_DONTWAIT;
    if (!is_receive(attempt))
        return sri_call_message(SYS_sendmsg, sri_host_fd(attempt->file), &message, flags | MSG_NOSIGNAL);
    int64_t rc = sri_call_message(SYS_recvmsg, sri_host_fd(attempt->file), &message, flags);
    if (rc >= 0 && address != NULL)
        address->length = message.msg_namelen;
    return rc;
}

enum sri_answer sri_host_message(struct sri_host *host, struct sri_attempt *attempt, int64_t *result)
{
    *result = -ENOTSOCK;
    if (attempt->file->kind != SRI_HOST_SOCKET)
        return SRI_DONE;
    *result = try_message(attempt);
    if (*result != -EAGAIN || (attempt->flags & MSG_DONTWAIT) != 0)
        return SRI_DONE;
    return sri_host_hold(host, attempt, is_receive(attempt) ? POLLIN : POLLOUT, result);
}

static bool is_nonblocking(const struct sri_file *file)
{
    int flags = fcntl(sri_host_fd(file), F_GETFL);
    return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

static int64_t try_accept(const struct sri_attempt *attempt)
{
    struct sri_address *address = attempt->argument;
    struct sockaddr *storage = address != NULL ? (struct sockaddr *)&address->storage : NULL;
    return sri_call_result(syscall(SYS_accept4, sri_host_fd(attempt->file), storage,
                                   address != NULL ? &address->length : NULL, (int)attempt->flags));
}

/*
 * A listener without O_NONBLOCK would block if somebody else took the connection between poll and accept. So there the
 * ready connection is fetched by a worker, and only that worker hangs until the next one comes.
 */
enum sri_answer sri_host_accept(struct sri_host *host, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_address *address = attempt->argument;
    *result = -ENOTSOCK;
    if (attempt->file->kind != SRI_HOST_SOCKET)
        return SRI_DONE;
    if (address != NULL)
        address->length = sizeof address->storage;
    if (is_nonblocking(attempt->file)) {
        *result = try_accept(attempt);
        return *result == -EAGAIN ? sri_host_hold(host, attempt, POLLIN, result) : SRI_DONE;
    }
    if (sri_host_poll_now(sri_host_fd(attempt->file), POLLIN) == 0)
        return sri_host_hold(host, attempt, POLLIN, result);
    return sri_host_run(host, attempt, result);
}

static int64_t connect_outcome(const struct sri_file *file)
{
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(sri_host_fd(file), SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        return -errno;
    return -error;
}

/* A blocking socket is connected by a worker: there is no way to ask for it once without changing its flags. */
enum sri_answer sri_host_connect(struct sri_host *host, struct sri_attempt *attempt, int64_t *result)
{
    const struct sri_address *address = attempt->argument;
    struct sri_host_op *op = attempt->state;
    *result = -ENOTSOCK;
    if (attempt->file->kind != SRI_HOST_SOCKET)
        return SRI_DONE;
    if (op != NULL && op->connecting) {
        if (sri_host_poll_now(sri_host_fd(attempt->file), POLLOUT) == 0)
            return sri_host_hold(host, attempt, POLLOUT, result);
        *result = connect_outcome(attempt->file);
        return SRI_DONE;
    }
    if (!is_nonblocking(attempt->file))
        return sri_host_run(host, attempt, result);
    *result =
        sri_call_result(syscall(SYS_connect, sri_host_fd(attempt->file), &address->storage, address->length));
    if (*result != -EINPROGRESS)
        return SRI_DONE;
    op = sri_host_op_of(host, attempt);
    if (op == NULL)
        return *result = -ENOMEM, SRI_DONE;
    op->connecting = true;
    return sri_host_hold(host, attempt, POLLOUT, result);
}
