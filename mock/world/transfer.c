/*
 * What sockets send each other: bytes into the peer's window, which may take their time, and out of one's own.
 */
#include <errno.h>
#include <poll.h>

#include "world/objects.h"

#define READ_READY (POLLIN | POLLRDNORM)
#define WRITE_READY (POLLOUT | POLLWRNORM)

static bool at_end(const struct sri_socket *socket)
{
    return socket->peer_writes_shut && socket->incoming.arrived == socket->incoming.used;
}

static uint32_t connected_readiness(const struct sri_socket *socket)
{
    uint32_t ready = 0;
    if (socket->incoming.arrived > 0 || socket->reads_shut)
        ready |= READ_READY;
    if (at_end(socket))
        ready |= READ_READY | POLLRDHUP;
    if (socket->peer == NULL || socket->writes_shut || sri_stream_room(&socket->peer->incoming) > 0)
        ready |= WRITE_READY;
    if (socket->peer == NULL || (socket->writes_shut && socket->peer_writes_shut))
        ready |= POLLHUP;
    if (socket->error != 0)
        ready |= POLLERR;
    return ready;
}

uint32_t sri_socket_readiness(const struct sri_socket *socket)
{
    switch (socket->state) {
    case SRI_SOCKET_IDLE: return WRITE_READY | POLLHUP;
    case SRI_SOCKET_LISTENING: return socket->pending_count > 0 ? READ_READY : 0;
    case SRI_SOCKET_CONNECTED:
    case SRI_SOCKET_GONE: return connected_readiness(socket);
    }
    return 0;
}

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

/* Bytes were put into the peer's window: they arrive now, or with those that are under way, or later. */
static void dispatch(struct sri_sim_world *world, struct sri_socket *peer, size_t sent,
                     const struct sri_attempt *attempt)
{
    static const uint64_t transit_ns[] = {0, 1000, 1000000, 1000000000};
    struct sri_stream *stream = &peer->incoming;
    uint64_t transit = 0;
    if (peer->domain == AF_INET)
        transit = transit_ns[sri_world_pick(world, SRI_FREEDOM_TRANSIT, 4, attempt)];
    bool others = stream->arrived + sent < stream->used;
    if (transit == 0 && !others) {
        arrive(world, stream);
        return;
    }
    uint64_t arrival = world->now_ns + transit;
    if (!others) {
        sri_list_append(&world->under_way, &stream->under_way);
        stream->arrival_ns = arrival;
    } else if (stream->arrival_ns < arrival) {
        stream->arrival_ns = arrival;
    }
    find_next_arrival(world);
}

static int take_error(struct sri_socket *socket)
{
    int error = socket->error;
    socket->error = 0;
    return -error;
}

static enum sri_answer receive(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_socket *socket = attempt->file->socket;
    bool message = attempt->work == SRI_WORK_RECV;
    struct sri_cursor cursor = sri_cursor_at(attempt, world->links.user, 0);
    *result = 0;
    if (message && attempt->argument != NULL)
        ((struct sri_address *)attempt->argument)->length = 0;
    if (cursor.left == 0)
        return SRI_DONE;
    if (socket->incoming.arrived > 0) {
        bool peek = message && (attempt->flags & MSG_PEEK) != 0;
        *result = sri_stream_get(&socket->incoming, &cursor, peek);
        if (*result > 0 && !peek && socket->peer != NULL)
            sri_wake_for(world, socket->peer->file, WRITE_READY);
        return SRI_DONE;
    }
    if (socket->error != 0)
        *result = take_error(socket);
    else if (!socket->reads_shut && !at_end(socket))
        return sri_wait_unless_told(attempt, POLLIN | POLLRDHUP | POLLERR | POLLHUP, result);
    return SRI_DONE;
}

static enum sri_answer send_bytes(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_socket *socket = attempt->file->socket;
    struct sri_socket *peer = socket->peer;
    struct sri_cursor cursor = sri_cursor_at(attempt, world->links.user, 0);
    *result = 0;
    if (socket->error != 0) {
        *result = take_error(socket);
        return SRI_DONE;
    }
    if (peer == NULL || socket->writes_shut || peer->reads_shut) {
        *result = -EPIPE;
        return SRI_DONE;
    }
    if (cursor.left == 0)
        return SRI_DONE;
    if (sri_stream_room(&peer->incoming) == 0)
        return sri_wait_unless_told(attempt, POLLOUT | POLLERR | POLLHUP, result);
    *result = sri_stream_put(&peer->incoming, &cursor);
    if (*result > 0)
        dispatch(world, peer, (size_t)*result, attempt);
    return SRI_DONE;
}

static int unconnected(const struct sri_socket *socket, bool reads)
{
    if (reads)
        return socket->domain == AF_UNIX ? -EINVAL : -ENOTCONN;
    return socket->domain == AF_UNIX ? -ENOTCONN : -EPIPE;
}

enum sri_answer sri_socket_transfer(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_socket *socket = attempt->file->socket;
    bool reads = attempt->work == SRI_WORK_READ || attempt->work == SRI_WORK_RECV;
    bool message = attempt->work == SRI_WORK_RECV || attempt->work == SRI_WORK_SEND;
    if (!message && attempt->offset != 0 && attempt->offset != SRI_OWN_POSITION) {
        *result = -ESPIPE;
        return SRI_DONE;
    }
    if (message && (attempt->flags & MSG_OOB) != 0) {
        *result = reads ? -EINVAL : -EOPNOTSUPP;
        return SRI_DONE;
    }
    if (socket->state == SRI_SOCKET_IDLE || socket->state == SRI_SOCKET_LISTENING) {
        *result = unconnected(socket, reads);
        return SRI_DONE;
    }
    if (socket->domain == AF_INET && socket->state == SRI_SOCKET_CONNECTED &&
        sri_world_pick(world, SRI_FREEDOM_RESET, 2, attempt) != 0)
        sri_socket_cut(world, socket);
    return reads ? receive(world, attempt, result) : send_bytes(world, attempt, result);
}
