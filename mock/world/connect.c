/*
 * How stream sockets find each other: listening, knocking, accepting. Moves no bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "world/objects.h"

static enum sri_answer finish(int64_t *result, int64_t value)
{
    *result = value;
    return SRI_DONE;
}

void sri_socket_stop_knocking(struct sri_sim_world *world, struct sri_socket *socket)
{
    if (socket->state == SRI_SOCKET_CONNECTING) {
        socket->state = SRI_SOCKET_IDLE;
        sri_list_remove(&socket->incoming.under_way);
        sri_deliver(world);
    }
    if (socket->queue == NULL)
        return;
    sri_list_remove(&socket->place);
    socket->queue = NULL;
}

static void let_knock_again(struct sri_sim_world *world, struct sri_socket *listener)
{
    while (!sri_list_empty(&listener->knocking)) {
        struct sri_socket *socket = SRI_CONTAINER_OF(listener->knocking.next, struct sri_socket, place);
        sri_socket_stop_knocking(world, socket);
        sri_tell_waiters(world, socket->file, POLLOUT);
    }
}

int sri_socket_listen(struct sri_sim_world *world, struct sri_socket *socket, int backlog)
{
    if (socket->type == SOCK_DGRAM)
        return -EOPNOTSUPP;
    if (socket->state != SRI_SOCKET_IDLE && socket->state != SRI_SOCKET_LISTENING)
        return -EINVAL;
    if (!socket->bound && socket->domain == AF_UNIX)
        return -EINVAL;
    sri_address_bind_any(world, socket);
    socket->backlog = backlog < 0 ? UINT32_MAX : (uint32_t)backlog;
    socket->state = SRI_SOCKET_LISTENING;
    return 0;
}

static void tell_address(const struct sri_attempt *attempt, const struct sri_address *address)
{
    if (attempt->argument != NULL)
        *(struct sri_address *)attempt->argument = *address;
}

static enum sri_answer take_first(struct sri_sim_world *world, struct sri_socket *listener,
                                  const struct sri_attempt *attempt, int64_t *result)
{
    struct sri_socket *socket = SRI_CONTAINER_OF(listener->pending.next, struct sri_socket, place);
    struct sri_file *file = sri_socket_file(world, socket, O_RDWR | (attempt->flags & SOCK_NONBLOCK));
    if (file == NULL)
        return finish(result, -ENOMEM);
    int fd = sri_descriptor_make(world, file, true);
    if (fd < 0) {
        socket->file = NULL;
        sri_stock_give(&world->files, file);
        return finish(result, fd);
    }
    sri_list_remove(&socket->place);
    listener->pending_count--;
    tell_address(attempt, &socket->remote);
    let_knock_again(world, listener);
    return finish(result, fd);
}

enum sri_answer sri_socket_accept(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_socket *listener = attempt->file->socket;
    if (listener->type == SOCK_DGRAM)
        return finish(result, -EOPNOTSUPP);
    if ((attempt->flags & ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0 ||
        listener->state != SRI_SOCKET_LISTENING)
        return finish(result, -EINVAL);
    if (!sri_list_empty(&listener->pending))
        return take_first(world, listener, attempt, result);
    if (listener->reads_shut)
        return finish(result, -EINVAL);
    sri_wait_on(attempt, POLLIN);
    return SRI_WAIT;
}

static int reach(struct sri_sim_world *world, struct sri_socket *socket, struct sri_socket *listener)
{
    struct sri_socket *server = sri_socket_new(world, socket->domain, socket->type);
    if (server == NULL)
        return -ENOMEM;
    sri_address_of_client(world, socket);
    socket->remote = listener->local;
    server->local = listener->local;
    server->remote = socket->local;
    sri_socket_join(world, socket, server);
    sri_list_append(&listener->pending, &server->place);
    listener->pending_count++;
    sri_wake_for(world, listener->file, POLLIN | POLLRDNORM);
    return 0;
}

/* The loopback's request may take its time, once. True: it waits. */
static bool travels(struct sri_sim_world *world, struct sri_socket *socket, struct sri_attempt *attempt)
{
    static const uint64_t transit_ns[] = {0, 1000, 1000000, 1000000000};
    if (!sri_socket_is_internet(socket) || socket->state == SRI_SOCKET_CONNECTING)
        return false;
    uint64_t transit = transit_ns[sri_world_pick(world, SRI_FREEDOM_TRANSIT, 4, attempt)];
    if (transit == 0)
        return false;
    socket->state = SRI_SOCKET_CONNECTING;
    sri_take_time(world, socket, transit);
    return true;
}

/* Who can't connect as it is. */
static int check_state(const struct sri_socket *socket)
{
    switch (socket->state) {
    case SRI_SOCKET_IDLE:
    case SRI_SOCKET_CONNECTING: return 0;
    case SRI_SOCKET_LISTENING: return socket->domain == AF_UNIX ? -EINVAL : -EISCONN;
    case SRI_SOCKET_CONNECTED:
    case SRI_SOCKET_GONE: break;
    }
    return -EISCONN;
}

static struct sri_socket *find_listener(struct sri_sim_world *world, const struct sri_socket *socket,
                                        const struct sri_address *address, int *error)
{
    struct sri_socket *listener = sri_address_find(world, address, socket->type, error);
    if (listener == NULL)
        return NULL;
    if (listener->state == SRI_SOCKET_LISTENING && !listener->reads_shut)
        return listener;
    *error = -ECONNREFUSED;
    return NULL;
}

/* A connection is given up, and may be made again (connect(2), AF_UNSPEC). */
static int disconnect(struct sri_sim_world *world, struct sri_socket *socket)
{
    if (socket->domain == AF_UNIX)
        return -EINVAL;
    socket->error = 0;
    if (socket->state == SRI_SOCKET_CONNECTED)
        sri_socket_cut(world, socket); /* this end is told too (measured) */
    if (socket->state == SRI_SOCKET_LISTENING)
        sri_socket_stop_listening(world, socket);
    socket->state = SRI_SOCKET_IDLE;
    socket->reads_shut = socket->writes_shut = socket->peer_writes_shut = socket->peer_reads_shut = false;
    sri_stream_discard(&socket->incoming);
    return 0;
}

static enum sri_answer connect_stream(struct sri_sim_world *world, struct sri_attempt *attempt,
                                      int64_t *result)
{
    struct sri_socket *socket = attempt->file->socket;
    const struct sri_address *address = attempt->argument;
    int rc = sri_address_check(socket, address);
    struct sri_socket *listener =
        rc == 0 && socket->domain == AF_UNIX ? find_listener(world, socket, address, &rc) : NULL;
    if (rc == 0)
        rc = check_state(socket);
    if (rc != 0)
        return finish(result, rc);
    if (travels(world, socket, attempt)) {
        sri_wait_on(attempt, POLLOUT);
        return SRI_WAIT;
    }
    if (listener == NULL)
        listener = find_listener(world, socket, address, &rc);
    socket->state = SRI_SOCKET_IDLE;
    if (listener == NULL)
        return finish(result, rc);
    if (listener->pending_count <= listener->backlog)
        return finish(result, reach(world, socket, listener));
    if (sri_socket_is_internet(socket))
        socket->state = SRI_SOCKET_CONNECTING;
    socket->queue = listener;
    sri_list_append(&listener->knocking, &socket->place);
    sri_wait_on(attempt, POLLOUT);
    return SRI_WAIT;
}

enum sri_answer sri_socket_connect(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_socket *socket = attempt->file->socket;
    const struct sri_address *address = attempt->argument;
    if (socket->type == SOCK_DGRAM)
        return finish(result, sri_datagram_connect(world, socket, address));
    if (address->length >= sizeof(sa_family_t) && address->storage.ss_family == AF_UNSPEC)
        return finish(result, disconnect(world, socket));
    return connect_stream(world, attempt, result);
}
