/*
 * Sockets that keep boundaries: datagrams of AF_UNIX and the loopback, and sequenced packets. Each stands in its receiver's
 * stream behind a head that says how long it is and who sent it. What it answers was measured
 * (tests/conformance/test_datagrams.c).
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "world/objects.h"

/* The longest of UDP over IPv4; how many a queue of AF_UNIX holds beyond one (net.unix.max_dgram_qlen). */
#define INTERNET_MOST 65507u
#define LOCAL_QUEUE 10
/* What a message costs beside its bytes, where only bytes are counted. */
#define OVERHEAD 512u

struct head {
    uint64_t size;
    struct sri_address from;
};

static enum sri_answer finish(int64_t *result, int64_t value)
{
    *result = value;
    return SRI_DONE;
}

void sri_datagram_set_peer(struct sri_socket *socket, struct sri_socket *peer)
{
    sri_list_remove(&socket->fan);
    socket->peer = peer;
    socket->refused = false;
    if (peer != NULL)
        sri_list_append(&peer->fans, &socket->fan);
}

/* One that sends elsewhere hears nobody else. */
static bool may_send(const struct sri_socket *from, const struct sri_socket *to)
{
    return to->type != SOCK_DGRAM || to->peer == NULL || to->peer == from;
}

/* What two that are joined have sent each other is bounded by bytes, every other queue by number (measured). */
static bool is_full(const struct sri_socket *from, const struct sri_socket *to)
{
    if (to->peer == from)
        return to->queued > 0 &&
               to->queued_bytes + (uint64_t)to->queued * OVERHEAD >= (uint64_t)to->window + OVERHEAD;
    return to->queued > LOCAL_QUEUE;
}

bool sri_datagram_is_writable(const struct sri_socket *socket)
{
    if (sri_socket_is_internet(socket) || socket->peer == NULL)
        return true;
    return !is_full(socket, socket->peer);
}

void sri_datagram_let_send(struct sri_sim_world *world)
{
    while (!sri_list_empty(&world->blocked)) {
        struct sri_socket *socket = SRI_CONTAINER_OF(world->blocked.next, struct sri_socket, blocked);
        sri_list_remove(&socket->blocked);
        sri_tell_waiters(world, socket->file, POLLOUT);
    }
}

static void drop_all(struct sri_sim_world *world, struct sri_socket *socket)
{
    socket->taken += socket->incoming.used;
    sri_stream_discard(&socket->incoming);
    sri_list_remove(&socket->incoming.under_way);
    socket->queued = 0;
    socket->queued_bytes = 0;
    while (!sri_list_empty(&socket->parcels))
        sri_parcel_drop(world, sri_parcel_first(socket));
    sri_deliver(world);
    sri_datagram_let_send(world);
}

/* What its old peer sent is lost with it; and a peer that was joined to it is told (measured: none of it is read later). */
static void leave_local_peer(struct sri_sim_world *world, struct sri_socket *socket)
{
    struct sri_socket *old = socket->peer;
    sri_datagram_set_peer(socket, NULL);
    if (old == NULL || socket->queued == 0)
        return;
    drop_all(world, socket);
    if (old->peer != socket)
        return;
    old->error = ECONNRESET;
    sri_wake_waiters(world, old->file);
}

static int connect_local(struct sri_sim_world *world, struct sri_socket *socket,
                         const struct sri_address *address)
{
    int rc;
    struct sri_socket *peer = sri_address_find(world, address, SOCK_DGRAM, &rc);
    if (peer == NULL)
        return rc;
    if (!may_send(socket, peer))
        return -EPERM;
    if (peer != socket->peer)
        leave_local_peer(world, socket);
    sri_datagram_set_peer(socket, peer);
    socket->remote = *address;
    return 0;
}

int sri_datagram_connect(struct sri_sim_world *world, struct sri_socket *socket,
                         const struct sri_address *address)
{
    if (address->length < sizeof(sa_family_t))
        return -EINVAL;
    if (address->storage.ss_family == AF_UNSPEC) {
        if (!sri_socket_is_internet(socket))
            leave_local_peer(world, socket);
        socket->remote.length = 0;
        return 0;
    }
    int rc = sri_address_check(socket, address);
    if (rc != 0)
        return rc;
    if (!sri_socket_is_internet(socket))
        return connect_local(world, socket, address);
    sri_address_bind_any(world, socket);
    socket->remote = *address;
    return 0;
}

/* All of it, whatever an attempt's limit says: a datagram is never sent or received in part. */
static struct sri_cursor whole(const struct sri_attempt *attempt, struct sri_user *user)
{
    struct sri_attempt all = *attempt;
    all.limit = UINT64_MAX;
    return sri_cursor_at(&all, user, 0);
}

static const struct sri_message *message_of(const struct sri_attempt *attempt)
{
    return attempt->work == SRI_WORK_SEND || attempt->work == SRI_WORK_RECV ? attempt->argument : NULL;
}

/* Puts it into the receiver's stream. 0 or -errno with nothing put. */
static int put(struct sri_sim_world *world, struct sri_socket *from, struct sri_socket *to,
               struct sri_attempt *attempt, struct sri_parcel *parcel)
{
    struct sri_cursor cursor = whole(attempt, world->links.user);
    struct head head = {.size = cursor.left};
    if (from->bound)
        head.from = from->local;
    struct iovec segment = {.iov_base = &head, .iov_len = sizeof head};
    struct sri_cursor first = sri_cursor_plain(&segment);
    size_t before = to->incoming.used;
    int64_t rc = sri_stream_put(&to->incoming, &first);
    if (rc > 0 && head.size > 0)
        rc = sri_stream_put(&to->incoming, &cursor);
    if (rc < 0 || cursor.faulted) {
        sri_stream_cut(&to->incoming, before);
        return rc < 0 ? (int)rc : -EFAULT;
    }
    size_t size = sizeof head + (size_t)head.size;
    to->queued++;
    to->queued_bytes += head.size;
    if (parcel != NULL)
        sri_parcel_post(to, parcel, size);
    sri_dispatch(world, to, size, attempt);
    return 0;
}

/* Nobody there: who is connected hears of it with its next call, and others not at all. */
static enum sri_answer lose(struct sri_sim_world *world, struct sri_socket *socket, bool told,
                            int64_t *result, uint64_t size)
{
    if (told) {
        socket->error = ECONNREFUSED;
        sri_wake_waiters(world, socket->file);
    }
    return finish(result, (int64_t)size);
}

static int check_internet(struct sri_socket *socket, const struct sri_address *to, uint64_t size)
{
    if (size > INTERNET_MOST)
        return -EMSGSIZE;
    int rc = to->length > 0 ? sri_address_check(socket, to) : -EDESTADDRREQ;
    if (rc == 0 && socket->writes_shut)
        rc = -EPIPE;
    if (rc == 0 && socket->error != 0)
        rc = sri_socket_take_error(socket);
    return rc;
}

static enum sri_answer send_internet(struct sri_sim_world *world, struct sri_attempt *attempt,
                                     int64_t *result)
{
    struct sri_socket *socket = attempt->file->socket;
    const struct sri_message *message = message_of(attempt);
    bool addressed = message != NULL && message->address.length > 0;
    const struct sri_address *to = addressed ? &message->address : &socket->remote;
    uint64_t size = whole(attempt, world->links.user).left;
    int rc = check_internet(socket, to, size);
    if (rc != 0)
        return finish(result, rc);
    sri_address_bind_any(world, socket);
    struct sri_socket *receiver = sri_address_find(world, to, SOCK_DGRAM, &rc);
    bool hears = receiver != NULL &&
                 (receiver->remote.length == 0 || sri_address_same(&receiver->remote, &socket->local));
    if (!hears)
        return lose(world, socket, !addressed, result, size);
    if (receiver->queued > 0 && receiver->queued_bytes + size > receiver->window)
        return finish(result, (int64_t)size);
    rc = put(world, socket, receiver, attempt, NULL);
    return finish(result, rc != 0 ? rc : (int64_t)size);
}

/* Where a local one goes; NULL and why not. */
static struct sri_socket *local_receiver(struct sri_sim_world *world, struct sri_socket *socket,
                                         const struct sri_message *message, int *error)
{
    if (socket->type == SOCK_DGRAM && message != NULL && message->address.length > 0) {
        *error = sri_address_check(socket, &message->address);
        return *error == 0 ? sri_address_find(world, &message->address, SOCK_DGRAM, error) : NULL;
    }
    *error = socket->refused ? -ECONNREFUSED : -ENOTCONN;
    if (socket->state == SRI_SOCKET_GONE)
        *error = -EPIPE;
    socket->refused = false;
    return socket->peer;
}

static int check_local(const struct sri_socket *socket, const struct sri_socket *to, uint64_t size)
{
    if (size > to->window)
        return -EMSGSIZE;
    if (!may_send(socket, to))
        return -EPERM;
    return socket->writes_shut || socket->peer_reads_shut || to->reads_shut ? -EPIPE : 0;
}

static enum sri_answer wait_for_room(struct sri_sim_world *world, struct sri_attempt *attempt,
                                     int64_t *result)
{
    struct sri_socket *socket = attempt->file->socket;
    enum sri_answer answer = sri_wait_unless_told(attempt, POLLOUT | POLLERR | POLLHUP, result);
    if (answer == SRI_WAIT && sri_list_empty(&socket->blocked))
        sri_list_append(&world->blocked, &socket->blocked);
    return answer;
}

static enum sri_answer send_local(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_socket *socket = attempt->file->socket;
    const struct sri_message *message = message_of(attempt);
    struct sri_parcel *parcel = NULL;
    uint64_t size = whole(attempt, world->links.user).left;
    int rc = message == NULL ? 0 : sri_parcel_pack(world, message, &parcel);
    if (rc != 0)
        return finish(result, rc);
    struct sri_socket *to = local_receiver(world, socket, message, &rc);
    if (to != NULL)
        rc = check_local(socket, to, size);
    bool waits = to != NULL && rc == 0 && is_full(socket, to);
    if (to != NULL && rc == 0 && !waits)
        rc = put(world, socket, to, attempt, parcel);
    if (to == NULL || rc != 0 || waits)
        sri_parcel_drop(world, parcel);
    if (waits)
        return wait_for_room(world, attempt, result);
    return finish(result, rc != 0 ? rc : (int64_t)size);
}

enum sri_answer sri_datagram_send(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    if (sri_socket_is_internet(attempt->file->socket))
        return send_internet(world, attempt, result);
    return send_local(world, attempt, result);
}

static void took(struct sri_sim_world *world, struct sri_socket *socket, const struct head *head)
{
    size_t size = sizeof *head + (size_t)head->size;
    sri_stream_drop(&socket->incoming, size);
    socket->taken += size;
    socket->queued--;
    socket->queued_bytes -= head->size;
    for (struct sri_node *node = socket->fans.next; node != &socket->fans; node = node->next)
        sri_wake_for(world, SRI_CONTAINER_OF(node, struct sri_socket, fan)->file, POLLOUT);
    if (socket->type == SOCK_SEQPACKET && socket->peer != NULL)
        sri_wake_for(world, socket->peer->file, POLLOUT);
    sri_datagram_let_send(world);
}

static void tell(struct sri_message *message, const struct head *head, uint64_t copied, uint32_t flags)
{
    if (message == NULL)
        return;
    message->address = head->from;
    message->flags = (head->size > copied ? (uint32_t)MSG_TRUNC : 0u) | (flags & MSG_CMSG_CLOEXEC);
}

static int64_t take(struct sri_sim_world *world, struct sri_attempt *attempt)
{
    struct sri_socket *socket = attempt->file->socket;
    struct sri_cursor cursor = whole(attempt, world->links.user);
    bool message = attempt->work == SRI_WORK_RECV;
    bool peek = message && (attempt->flags & MSG_PEEK) != 0;
    struct head head;
    struct iovec segment = {.iov_base = &head, .iov_len = sizeof head};
    struct sri_cursor first = sri_cursor_plain(&segment);
    sri_stream_copy(&socket->incoming, 0, &first);
    if (cursor.left > head.size)
        cursor.left = head.size;
    int64_t copied = sri_stream_copy(&socket->incoming, sizeof head, &cursor);
    if (cursor.faulted)
        return -EFAULT;
    struct sri_parcel *parcel = sri_parcel_first(socket);
    tell(message ? attempt->argument : NULL, &head, (uint64_t)copied, attempt->flags);
    if (parcel != NULL && parcel->begin == socket->taken)
        sri_parcel_open(world, parcel, message ? attempt->argument : NULL, peek);
    if (!peek)
        took(world, socket, &head);
    return message && (attempt->flags & MSG_TRUNC) != 0 ? (int64_t)head.size : copied;
}

static bool at_end(const struct sri_socket *socket)
{
    return socket->reads_shut || (socket->type == SOCK_SEQPACKET && socket->peer_writes_shut);
}

static bool must_not_wait(const struct sri_attempt *attempt)
{
    bool message = attempt->work == SRI_WORK_RECV;
    return (attempt->flags & (message ? (uint32_t)MSG_DONTWAIT : (uint32_t)RWF_NOWAIT)) != 0;
}

enum sri_answer sri_datagram_receive(struct sri_sim_world *world, struct sri_attempt *attempt,
                                     int64_t *result)
{
    struct sri_socket *socket = attempt->file->socket;
    attempt->whole = true;
    if (socket->type == SOCK_SEQPACKET &&
        (socket->state == SRI_SOCKET_IDLE || socket->state == SRI_SOCKET_LISTENING))
        return finish(result, -ENOTCONN);
    if (attempt->work == SRI_WORK_READ && sri_cursor_at(attempt, NULL, 0).left == 0)
        return finish(result, 0);
    if (socket->incoming.arrived > 0)
        return finish(result, take(world, attempt));
    if (socket->error != 0)
        return finish(result, sri_socket_take_error(socket));
    /* The end of datagrams is told to who would wait for more, and only to them (measured). */
    if (at_end(socket) && (socket->type == SOCK_SEQPACKET || !must_not_wait(attempt)))
        return finish(result, 0);
    return sri_wait_unless_told(attempt, POLLIN | POLLRDHUP | POLLERR | POLLHUP, result);
}
