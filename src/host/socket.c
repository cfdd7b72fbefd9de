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
#include <sys/time.h>

#include "host/call.h"
#include "host/segments.h"
#include "host/state.h"

static bool is_receive(const struct sri_attempt *attempt)
{
    return attempt->work == SRI_WORK_RECV;
}

/* The kernel would pass on a ring as the epoll instance it is here; a true ring can't be passed (measured). */
static bool holds_ring(const struct sri_host *host, struct msghdr *message)
{
    for (struct cmsghdr *one = CMSG_FIRSTHDR(message); one != NULL; one = CMSG_NXTHDR(message, one)) {
        if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS || one->cmsg_len < CMSG_LEN(0))
            continue;
        const unsigned char *end = (const unsigned char *)message->msg_control + message->msg_controllen;
        const int *fds = (const int *)(const void *)CMSG_DATA(one);
        size_t count = (one->cmsg_len - CMSG_LEN(0)) / sizeof *fds;
        for (size_t i = 0; i < count && (const unsigned char *)&fds[i + 1] <= end; i++)
            if (sri_host_ring_at(host, fds[i]) != NULL)
                return true;
    }
    return false;
}

static int64_t try_send(const struct sri_host *host, const struct sri_attempt *attempt, struct msghdr *header)
{
    struct sri_message *message = attempt->argument;
    if (message != NULL) {
        header->msg_name = message->address.length > 0 ? &message->address.storage : NULL;
        header->msg_namelen = message->address.length;
        header->msg_control = message->control_length > 0 ? message->control : NULL;
        header->msg_controllen = message->control_length;
    }
    if (header->msg_controllen > 0 && holds_ring(host, header))
        return -EINVAL;
    return sri_call_message(SYS_sendmsg, sri_host_fd(attempt->file), header,
                            attempt->flags | MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int64_t try_receive(const struct sri_attempt *attempt, struct msghdr *header)
{
    struct sri_message *message = attempt->argument;
    if (message != NULL) {
        header->msg_name = &message->address.storage;
        header->msg_namelen = sizeof message->address.storage;
        header->msg_control = message->control_room > 0 ? message->control : NULL;
        header->msg_controllen = message->control_room;
    }
    int64_t rc =
        sri_call_message(SYS_recvmsg, sri_host_fd(attempt->file), header, attempt->flags | MSG_DONTWAIT);
    if (rc < 0 || message == NULL)
        return rc;
    message->address.length = header->msg_namelen;
    message->flags = (uint32_t)header->msg_flags;
    message->control_length = (uint32_t)header->msg_controllen;
    return rc;
}

static int64_t try_message(const struct sri_host *host, const struct sri_attempt *attempt)
{
    struct sri_host_segments room;
    struct sri_host_span span = sri_host_span(attempt, 0, &room);
    struct msghdr header = {.msg_iov = (struct iovec *)(uintptr_t)span.segments, .msg_iovlen = span.count};
    return is_receive(attempt) ? try_receive(attempt, &header) : try_send(host, attempt, &header);
}

/* MSG_WAITALL goes on only where there are no boundaries. */
static bool keeps_boundaries(const struct sri_attempt *attempt)
{
    int type = SOCK_STREAM;
    socklen_t length = sizeof type;
    return getsockopt(sri_host_fd(attempt->file), SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
           type != SOCK_STREAM && type != SOCK_SEQPACKET;
}

/*
 * A datagram socket that is shut for reading says EAGAIN to whoever must not wait, and the end to whoever would (measured).
 * Asked only of one that has waited before.
 */
static bool is_at_end(const struct sri_attempt *attempt)
{
    return is_receive(attempt) && attempt->wait_for != 0 &&
           sri_host_poll_now(sri_host_fd(attempt->file), POLLRDHUP) > 0 && keeps_boundaries(attempt);
}

enum sri_answer sri_host_message(struct sri_host *host, struct sri_attempt *attempt, int64_t *result)
{
    *result = -ENOTSOCK;
    if (attempt->file->kind != SRI_HOST_SOCKET)
        return SRI_DONE;
    *result = try_message(host, attempt);
    attempt->whole = (attempt->flags & MSG_WAITALL) != 0 && *result > 0 && keeps_boundaries(attempt);
    if (*result != -EAGAIN || (attempt->flags & MSG_DONTWAIT) != 0)
        return SRI_DONE;
    if (is_at_end(attempt))
        return *result = 0, SRI_DONE;
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

/* What does not listen is refused, and does not wait. */
static bool listens(const struct sri_file *file)
{
    int yes = 0;
    socklen_t length = sizeof yes;
    return getsockopt(sri_host_fd(file), SOL_SOCKET, SO_ACCEPTCONN, &yes, &length) == 0 && yes != 0;
}

/*
 * A listener without O_NONBLOCK would block if somebody else took the connection between poll and accept. So there the
 * ready connection is fetched by a worker, one at a time, and only that worker hangs until the next one comes.
 */
enum sri_answer sri_host_accept(struct sri_host *host, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_address *address = attempt->argument;
    *result = -ENOTSOCK;
    if (attempt->file->kind != SRI_HOST_SOCKET)
        return SRI_DONE;
    if (address != NULL)
        address->length = sizeof address->storage;
    if (is_nonblocking(attempt->file) || !listens(attempt->file)) {
        *result = try_accept(attempt);
        return *result == -EAGAIN ? sri_host_hold(host, attempt, POLLIN, result) : SRI_DONE;
    }
    if (host->accepting[attempt->file->object] != 0 ||
        sri_host_poll_now(sri_host_fd(attempt->file), POLLIN) == 0)
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

/*
 * A blocking socket is connected by a worker: there is no way to ask for it once without changing its flags. A time limit
 * on its sends makes connect(2) of the internet come back with the handshake under way (socket(7), SO_SNDTIMEO), so that no
 * worker is held by a host that does not answer; of AF_UNIX it would give up.
 */
int64_t sri_host_connect_blocking(const struct sri_attempt *attempt, int fd)
{
    const struct sri_address *address = attempt->argument;
    sa_family_t family = address->storage.ss_family;
    struct timeval before = {0, 0};
    struct timeval soon = {.tv_usec = 1};
    socklen_t length = sizeof before;
    bool limited = (family == AF_INET || family == AF_INET6) &&
                   getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &before, &length) == 0 &&
                   setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon) == 0;
    int64_t rc = sri_call_result(syscall(SYS_connect, fd, &address->storage, address->length));
    if (limited)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &before, sizeof before);
    return rc;
}

/* What is connected, listens or has no connection to make is answered without a wait. */
static bool connects_at_once(const struct sri_file *file)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    int type = 0;
    socklen_t type_length = sizeof type;
    return getpeername(sri_host_fd(file), (struct sockaddr *)&peer, &length) == 0 || listens(file) ||
           (getsockopt(sri_host_fd(file), SOL_SOCKET, SO_TYPE, &type, &type_length) == 0 &&
            type == SOCK_DGRAM);
}

/* Connected at once, under way, or given to a worker. */
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
    if (!is_nonblocking(attempt->file) && !connects_at_once(attempt->file))
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

int64_t sri_host_socket(const struct sri_socket_kind *kind)
{
    int fd = socket(kind->domain, kind->type, kind->protocol);
    return fd < 0 ? -errno : fd;
}

int64_t sri_host_shutdown(const struct sri_attempt *attempt)
{
    return shutdown(sri_host_fd(attempt->file), (int)attempt->flags) == 0 ? 0 : -errno;
}
