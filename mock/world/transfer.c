/*
 * What stream sockets send each other: bytes into the peer's window, which may take their time, and out of one's own.
 */
#include <errno.h>
#include <poll.h>

#include "world/objects.h"

#define READ_READY (POLLIN | POLLRDNORM)
#define WRITE_READY (POLLOUT | POLLWRNORM | POLLWRBAND)

/* The earliest arrival of what is still under way. */
static void find_next_arrival(struct sri_sim_world *world)
{
    world->arrival_ns = SRI_NEVER;
    for (struct sri_node *node = world->under_way.next; node != &world->under_way; node = node->next) {
        struct sri_stream *stream = SRI_CONTAINER_OF(node, struct sri_stream, under_way);
        if (stream->arrival_ns < world->arrival_ns)
            world->arrival_ns = stream->arrival_ns;
    }
}

static void arrive(struct sri_sim_world *world, struct sri_stream *stream)
{
    struct sri_socket *socket = SRI_CONTAINER_OF(stream, struct sri_socket, incoming);
    stream->arrived = stream->used;
    if (socket->state == SRI_SOCKET_CONNECTING)
        sri_tell_waiters(world, socket->file, POLLOUT);
    else
        sri_wake_for(world, socket->file, READ_READY);
}

void sri_deliver(struct sri_sim_world *world)
{
    struct sri_node *node = world->under_way.next;
    while (node != &world->under_way) {
        struct sri_stream *stream = SRI_CONTAINER_OF(node, struct sri_stream, under_way);
        node = node->next;
        if (stream->arrival_ns > world->now_ns)
            continue;
        sri_list_remove(&stream->under_way);
        arrive(world, stream);
    }
    find_next_arrival(world);
}

void sri_take_time(struct sri_sim_world *world, struct sri_socket *socket, uint64_t duration_ns)
{
    socket->incoming.arrival_ns = world->now_ns + duration_ns;
    sri_list_append(&world->under_way, &socket->incoming.under_way);
    find_next_arrival(world);
}

void sri_dispatch(struct sri_sim_world *world, struct sri_socket *to, size_t sent,
                  const struct sri_attempt *attempt)
{
    static const uint64_t transit_ns[] = {0, 1000, 1000000, 1000000000};
    struct sri_stream *stream = &to->incoming;
    uint64_t transit = 0;
    if (sri_socket_is_internet(to))
        transit = transit_ns[sri_world_pick(world, SRI_FREEDOM_TRANSIT, 4, attempt)];
    bool others = stream->arrived + sent < stream->used;
    if (transit == 0 && !others) {
        arrive(world, stream);
        return;
    }
    uint64_t arrival = world->now_ns + transit;
    if (!others)
        sri_take_time(world, to, transit);
    else if (stream->arrival_ns < arrival)
        stream->arrival_ns = arrival;
    find_next_arrival(world);
}

static bool at_end(const struct sri_socket *socket)
{
    return socket->reads_shut ||
           (socket->peer_writes_shut && socket->incoming.arrived == socket->incoming.used);
}

static void took(struct sri_sim_world *world, struct sri_socket *socket, size_t count)
{
    socket->taken += count;
    if (socket->peer != NULL)
        sri_wake_for(world, socket->peer->file, WRITE_READY);
}

/* As far as the first bytes that descriptors came with, and no further; those go with them. */
static struct sri_parcel *cut_at_parcel(const struct sri_socket *socket, struct sri_cursor *cursor)
{
    struct sri_parcel *parcel = sri_parcel_first(socket);
    if (parcel == NULL || parcel->begin >= socket->taken + cursor->left)
        return NULL;
    if (parcel->end < socket->taken + cursor->left)
        cursor->left = parcel->end - socket->taken;
    return parcel;
}

/* Bytes nobody wants: TCP alone drops them (MSG_TRUNC, tcp(7)). */
static int64_t drop(struct sri_socket *socket, const struct sri_cursor *cursor)
{
    size_t count = socket->incoming.arrived < cursor->left ? socket->incoming.arrived : (size_t)cursor->left;
    sri_stream_drop(&socket->incoming, count);
    return (int64_t)count;
}

static void take_bytes(struct sri_sim_world *world, const struct sri_attempt *attempt,
                       struct sri_cursor *cursor, int64_t *result)
{
    struct sri_socket *socket = attempt->file->socket;
    bool message = attempt->work == SRI_WORK_RECV;
    bool peek = message && (attempt->flags & MSG_PEEK) != 0;
    struct sri_parcel *parcel = cut_at_parcel(socket, cursor);
    if (message && (attempt->flags & MSG_TRUNC) != 0 && sri_socket_is_internet(socket) && !peek) {
        *result = drop(socket, cursor);
    } else {
        *result = sri_stream_copy(&socket->incoming, 0, cursor);
        if (cursor->faulted)
            *result = -EFAULT;
        if (*result > 0 && !peek)
            sri_stream_drop(&socket->incoming, (size_t)*result);
    }
    if (*result > 0 && parcel != NULL && parcel->begin < socket->taken + (uint64_t)*result)
        sri_parcel_open(world, parcel, message ? attempt->argument : NULL, peek);
    if (*result > 0 && !peek)
        took(world, socket, (size_t)*result);
}

static enum sri_answer receive(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_socket *socket = attempt->file->socket;
    struct sri_cursor cursor = sri_cursor_at(attempt, world->links.user, 0);
    struct sri_message *message = attempt->work == SRI_WORK_RECV ? attempt->argument : NULL;
    *result = 0;
    if (cursor.left == 0 && attempt->work == SRI_WORK_READ)
        return SRI_DONE;
    if (message != NULL)
        message->flags = attempt->flags & (uint32_t)MSG_CMSG_CLOEXEC;
    if (socket->incoming.arrived > 0)
        take_bytes(world, attempt, &cursor, result);
    else if (socket->error != 0)
        *result = sri_socket_take_error(socket);
    else if (!at_end(socket))
        return sri_wait_unless_told(attempt, POLLIN | POLLRDHUP | POLLERR | POLLHUP, result);
    return SRI_DONE;
}

static int check_send(struct sri_socket *socket, const struct sri_attempt *attempt)
{
    const struct sri_message *message = attempt->work == SRI_WORK_SEND ? attempt->argument : NULL;
    bool addressed = message != NULL && message->address.length > 0;
    if (!sri_socket_is_internet(socket)) {
        if (addressed)
            return socket->state == SRI_SOCKET_CONNECTED || socket->state == SRI_SOCKET_GONE ? -EISCONN
                                                                                             : -EOPNOTSUPP;
        if (socket->state == SRI_SOCKET_IDLE || socket->state == SRI_SOCKET_LISTENING)
            return -ENOTCONN;
        return socket->writes_shut || socket->peer_reads_shut || socket->peer == NULL ? -EPIPE : 0;
    }
    if (socket->error != 0)
        return sri_socket_take_error(socket);
    return socket->state != SRI_SOCKET_CONNECTED || socket->writes_shut ? -EPIPE : 0;
}

/* Into the window of a peer that is there. */
static enum sri_answer put_bytes(struct sri_sim_world *world, struct sri_attempt *attempt,
                                 struct sri_cursor *cursor, int64_t *result)
{
    struct sri_socket *peer = attempt->file->socket->peer;
    const struct sri_message *message = attempt->work == SRI_WORK_SEND ? attempt->argument : NULL;
    struct sri_parcel *parcel = NULL;
    if (message != NULL && !sri_socket_is_internet(peer))
        *result = sri_parcel_pack(world, message, &parcel);
    if (*result != 0)
        return SRI_DONE;
    if (cursor->left > 0 && sri_stream_room(&peer->incoming) > 0) {
        if (attempt->work == SRI_WORK_SEND)
            attempt->offset = peer->incoming.taken + peer->incoming.used; /* for sri_socket_reread() */
        *result = sri_stream_put(&peer->incoming, cursor);
    } else if (cursor->left > 0) {
        sri_parcel_drop(world, parcel);
        return sri_wait_unless_told(attempt, POLLOUT | POLLERR | POLLHUP, result);
    }
    if (*result > 0 && parcel != NULL)
        sri_parcel_post(peer, parcel, (size_t)*result);
    else
        sri_parcel_drop(world, parcel);
    if (*result > 0)
        sri_dispatch(world, peer, (size_t)*result, attempt);
    return SRI_DONE;
}

static enum sri_answer send_bytes(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_socket *socket = attempt->file->socket;
    struct sri_cursor cursor = sri_cursor_at(attempt, world->links.user, 0);
    *result = check_send(socket, attempt);
    if (*result != 0)
        return SRI_DONE;
    if (socket->peer != NULL)
        return put_bytes(world, attempt, &cursor, result);
    /* The peer of the loopback is gone: what it is sent is lost, and answered by a reset (measured). */
    *result = (int64_t)cursor.left;
    if (cursor.left > 0)
        sri_socket_reset(world, socket, EPIPE);
    return SRI_DONE;
}

static int unconnected(const struct sri_socket *socket)
{
    return socket->domain == AF_UNIX ? -EINVAL : -ENOTCONN;
}

static enum sri_answer transfer_stream(struct sri_sim_world *world, struct sri_attempt *attempt, bool reads,
                                       int64_t *result)
{
    struct sri_socket *socket = attempt->file->socket;
    bool idle = socket->state == SRI_SOCKET_IDLE || socket->state == SRI_SOCKET_LISTENING ||
                socket->state == SRI_SOCKET_CONNECTING;
    if (reads && idle) {
        *result = unconnected(socket);
        return SRI_DONE;
    }
    if (sri_socket_is_internet(socket) && socket->state == SRI_SOCKET_CONNECTED && socket->peer != NULL &&
        sri_world_pick(world, SRI_FREEDOM_RESET, 2, attempt) != 0)
        sri_socket_cut(world, socket);
    return reads ? receive(world, attempt, result) : send_bytes(world, attempt, result);
}

enum sri_answer sri_socket_transfer(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    const struct sri_socket *socket = attempt->file->socket;
    bool reads = attempt->work == SRI_WORK_READ || attempt->work == SRI_WORK_RECV;
    bool message = attempt->work == SRI_WORK_RECV || attempt->work == SRI_WORK_SEND;
    if (!message && attempt->offset != 0 && attempt->offset != SRI_OWN_POSITION)
        *result = -ESPIPE;
    else if (attempt->work == SRI_WORK_READ && attempt->limit == 0)
        *result = 0; /* whatever the socket is (measured) */
    else if (message && (attempt->flags & MSG_OOB) != 0)
        *result = reads && !sri_socket_has_boundaries(socket) ? -EINVAL : -EOPNOTSUPP;
    else if (!sri_socket_has_boundaries(socket))
        return transfer_stream(world, attempt, reads, result);
    else
        return reads ? sri_datagram_receive(world, attempt, result)
                     : sri_datagram_send(world, attempt, result);
    return SRI_DONE;
}

void sri_socket_reread(struct sri_sim_world *world, const struct sri_attempt *attempt, uint64_t length)
{
    const struct sri_socket *socket = attempt->file->socket;
    if (socket->peer == NULL || socket->type != SOCK_STREAM)
        return;
    struct sri_stream *stream = &socket->peer->incoming;
    uint64_t gone = stream->taken > attempt->offset ? stream->taken - attempt->offset : 0;
    if (gone >= length)
        return;
    struct sri_cursor cursor = sri_cursor_at(attempt, world->links.user, gone);
    if (cursor.left > length - gone)
        cursor.left = length - gone;
    sri_stream_rewrite(stream, attempt->offset + gone, &cursor);
}
