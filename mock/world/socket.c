/*
 * The life of sockets: how they are made, shut, cut and ended, and what they are ready for. How they find each other is in
 * connect.c, their bytes in transfer.c and datagram.c. What it answers was measured (tests/conformance/test_connections.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include "world/objects.h"

#define READ_READY (POLLIN | POLLRDNORM)
#define FAMILIES 46
#define TYPES 11
#define TYPE_MASK 0xf

static int check_local(int type, int protocol)
{
    if (protocol != 0 && protocol != AF_UNIX)
        return -EPROTONOSUPPORT;
    return type == SOCK_STREAM || type == SOCK_DGRAM || type == SOCK_SEQPACKET ? 0 : -ESOCKTNOSUPPORT;
}

static int check_internet(int type, int protocol)
{
    if (protocol < 0 || protocol >= IPPROTO_MAX)
        return -EINVAL;
    if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_RAW)
        return -ESOCKTNOSUPPORT;
    int own = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
    return type != SOCK_RAW && (protocol == 0 || protocol == own) ? 0 : -EPROTONOSUPPORT;
}

int sri_socket_check_kind(const struct sri_socket_kind *kind)
{
    int type = kind->type & TYPE_MASK;
    if (kind->domain < 0 || kind->domain >= FAMILIES)
        return -EAFNOSUPPORT;
    if (type >= TYPES)
        return -EINVAL;
    if (kind->domain == AF_UNIX)
        return check_local(type, kind->protocol);
    if (kind->domain == AF_INET || kind->domain == AF_INET6)
        return check_internet(type, kind->protocol);
    return -EAFNOSUPPORT;
}

struct sri_socket *sri_socket_new(struct sri_sim_world *world, int domain, int type)
{
    struct sri_socket *socket = sri_stock_take(&world->sockets);
    if (socket == NULL)
        return NULL;
    struct sri_stream kept = socket->incoming;
    memset(socket, 0, sizeof *socket);
    socket->incoming = kept;
    sri_stream_begin(&socket->incoming, SIZE_MAX);
    sri_list_init(&socket->among);
    sri_list_init(&socket->place);
    sri_list_init(&socket->pending);
    sri_list_init(&socket->knocking);
    sri_list_init(&socket->fans);
    sri_list_init(&socket->fan);
    sri_list_init(&socket->blocked);
    sri_list_init(&socket->parcels);
    socket->domain = domain;
    socket->type = type;
    socket->local.length = sizeof(sa_family_t);
    socket->local.storage.ss_family = (sa_family_t)domain;
    return socket;
}

static uint32_t choose_window(struct sri_sim_world *world)
{
    static const uint32_t small[] = {0, 1, 16, 1000};
    uint32_t window = small[sri_world_pick(world, SRI_FREEDOM_WINDOW, 4, NULL)];
    return window == 0 || window > world->options.window_bytes ? world->options.window_bytes : window;
}

struct sri_file *sri_socket_file(struct sri_sim_world *world, struct sri_socket *socket, uint32_t flags)
{
    struct sri_file *file = sri_file_new(world, SRI_FILE_SOCKET, flags);
    if (file == NULL)
        return NULL;
    file->socket = socket;
    socket->file = file;
    return file;
}

struct sri_file *sri_socket_open(struct sri_sim_world *world, int domain, int type)
{
    struct sri_socket *socket = sri_socket_new(world, domain, type & TYPE_MASK);
    if (socket == NULL)
        return NULL;
    if (socket->type == SOCK_DGRAM)
        socket->window = domain == AF_UNIX ? world->options.window_bytes : choose_window(world);
    struct sri_file *file = sri_socket_file(world, socket, O_RDWR | (uint32_t)(type & SOCK_NONBLOCK));
    if (file == NULL)
        sri_stock_give(&world->sockets, socket);
    return file;
}

int64_t sri_socket_attempt(struct sri_sim_world *world, const struct sri_socket_kind *kind)
{
    int rc = sri_socket_check_kind(kind);
    if (rc != 0)
        return rc;
    struct sri_file *file = sri_socket_open(world, kind->domain, kind->type);
    if (file == NULL)
        return -ENOMEM;
    sri_file_hold(file);
    rc = sri_descriptor_make(world, file, true);
    sri_file_drop(world, file);
    return rc;
}

void sri_socket_join(struct sri_sim_world *world, struct sri_socket *a, struct sri_socket *b)
{
    uint32_t window = choose_window(world);
    struct sri_socket *both[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        bool bounded = both[i]->type == SOCK_STREAM;
        both[i]->peer = both[1 - i];
        both[i]->state = SRI_SOCKET_CONNECTED;
        both[i]->window = window;
        sri_stream_begin(&both[i]->incoming, bounded ? window : SIZE_MAX);
    }
}

/* Nothing comes or goes any more; what had arrived stays readable. */
static void end_connection(struct sri_socket *socket, int error)
{
    socket->peer = NULL;
    socket->state = SRI_SOCKET_GONE;
    socket->reads_shut = true;
    socket->writes_shut = true;
    socket->peer_writes_shut = true;
    socket->peer_reads_shut = true;
    socket->error = error;
}

void sri_socket_reset(struct sri_sim_world *world, struct sri_socket *socket, int error)
{
    end_connection(socket, error);
    sri_wake_waiters(world, socket->file);
}

/* The other end goes in order. On the loopback it hears no more than that: only what it sends is answered by a reset. */
static void finish_connection(struct sri_sim_world *world, struct sri_socket *peer)
{
    peer->peer = NULL;
    peer->peer_writes_shut = true;
    if (!sri_socket_is_internet(peer))
        end_connection(peer, 0);
    sri_wake_waiters(world, peer->file);
}

static void leave_peer(struct sri_sim_world *world, struct sri_socket *socket, bool orderly)
{
    struct sri_socket *peer = socket->peer;
    if (peer == NULL)
        return;
    socket->peer = NULL;
    if (orderly)
        finish_connection(world, peer);
    else
        sri_socket_reset(world, peer, ECONNRESET);
}

static void empty(struct sri_sim_world *world, struct sri_socket *socket)
{
    while (!sri_list_empty(&socket->parcels))
        sri_parcel_drop(world, sri_parcel_first(socket));
}

static void destroy(struct sri_sim_world *world, struct sri_socket *socket)
{
    sri_list_remove(&socket->incoming.under_way);
    sri_list_remove(&socket->place);
    sri_list_remove(&socket->blocked);
    empty(world, socket);
    sri_deliver(world);
    sri_stock_give(&world->sockets, socket);
}

/* Whom it refused by going is told when it sends (measured). */
static void leave_fans(struct sri_sim_world *world, struct sri_socket *socket)
{
    sri_datagram_set_peer(socket, NULL);
    while (!sri_list_empty(&socket->fans)) {
        struct sri_socket *fan = SRI_CONTAINER_OF(socket->fans.next, struct sri_socket, fan);
        sri_datagram_set_peer(fan, NULL);
        fan->refused = true;
        sri_wake_waiters(world, fan->file);
    }
    sri_datagram_let_send(world);
}

void sri_socket_end(struct sri_sim_world *world, struct sri_socket *socket)
{
    socket->file = NULL;
    if (socket->state == SRI_SOCKET_LISTENING)
        sri_socket_stop_listening(world, socket);
    sri_socket_stop_knocking(world, socket);
    sri_address_leave(socket);
    if (socket->type == SOCK_DGRAM)
        leave_fans(world, socket);
    else
        leave_peer(world, socket, socket->incoming.used == 0);
    destroy(world, socket);
}

void sri_socket_cut(struct sri_sim_world *world, struct sri_socket *socket)
{
    leave_peer(world, socket, false);
    sri_socket_reset(world, socket, ECONNRESET);
}

void sri_socket_stop_listening(struct sri_sim_world *world, struct sri_socket *listener)
{
    listener->state = SRI_SOCKET_IDLE;
    while (!sri_list_empty(&listener->pending)) {
        struct sri_socket *socket = SRI_CONTAINER_OF(listener->pending.next, struct sri_socket, place);
        leave_peer(world, socket, false);
        destroy(world, socket);
    }
    listener->pending_count = 0;
    while (!sri_list_empty(&listener->knocking)) {
        struct sri_socket *socket = SRI_CONTAINER_OF(listener->knocking.next, struct sri_socket, place);
        sri_socket_stop_knocking(world, socket);
        sri_tell_waiters(world, socket->file, POLLOUT);
    }
}

int sri_socket_take_error(struct sri_socket *socket)
{
    int error = socket->error;
    socket->error = 0;
    return -error;
}

static void shut_peer(struct sri_sim_world *world, struct sri_socket *socket, int how)
{
    struct sri_socket *peer = socket->peer;
    if (peer == NULL || socket->type == SOCK_DGRAM)
        return;
    if (how != SHUT_RD)
        peer->peer_writes_shut = true;
    if (how != SHUT_WR && !sri_socket_is_internet(socket))
        peer->peer_reads_shut = true;
    sri_wake_waiters(world, peer->file);
}

static void shut(struct sri_socket *socket, int how)
{
    socket->reads_shut |= how != SHUT_WR;
    socket->writes_shut |= how != SHUT_RD;
}

/* One that is not connected is shut all the same, and says ENOTCONN on the loopback alone (measured). */
int sri_socket_shutdown(struct sri_sim_world *world, struct sri_socket *socket, int how)
{
    bool internet = sri_socket_is_internet(socket);
    bool connected =
        socket->type == SOCK_DGRAM ? socket->remote.length > 0 : socket->state == SRI_SOCKET_CONNECTED;
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    if (internet && socket->state == SRI_SOCKET_LISTENING) {
        if (how != SHUT_WR)
            sri_socket_stop_listening(world, socket);
        sri_tell_waiters(world, socket->file, POLLIN);
        return 0;
    }
    shut(socket, how);
    if (!internet) /* its own are told first (measured); over the network the news is sent first */
        sri_wake_waiters(world, socket->file);
    shut_peer(world, socket, how);
    if (internet)
        sri_wake_waiters(world, socket->file);
    sri_datagram_let_send(world);
    return internet && !connected ? -ENOTCONN : 0;
}

static bool nothing_comes(const struct sri_socket *socket)
{
    return socket->reads_shut ||
           (socket->peer_writes_shut && socket->incoming.arrived == socket->incoming.used);
}

static bool has_room(const struct sri_socket *socket)
{
    if (socket->type == SOCK_DGRAM || socket->type == SOCK_SEQPACKET)
        return sri_datagram_is_writable(socket);
    return socket->peer == NULL || socket->writes_shut || sri_stream_room(&socket->peer->incoming) > 0;
}

/* The loopback's streams alone have no band (measured). */
static uint32_t write_ready(const struct sri_socket *socket)
{
    bool band = !(sri_socket_is_internet(socket) && socket->type == SOCK_STREAM);
    return POLLOUT | POLLWRNORM | (band ? POLLWRBAND : 0u);
}

static bool is_hung_up(const struct sri_socket *socket)
{
    if (socket->state == SRI_SOCKET_IDLE && socket->type != SOCK_DGRAM)
        return true;
    bool reads_end = socket->reads_shut || (socket->type != SOCK_DGRAM && socket->peer_writes_shut);
    bool writes_end = socket->writes_shut || (socket->type != SOCK_DGRAM && socket->peer_reads_shut);
    return reads_end && writes_end;
}

uint32_t sri_socket_readiness(const struct sri_socket *socket)
{
    if (socket->state == SRI_SOCKET_CONNECTING)
        return 0;
    if (socket->state == SRI_SOCKET_LISTENING)
        return socket->pending_count > 0 || socket->reads_shut ? READ_READY : 0;
    uint32_t ready = 0;
    if (socket->incoming.arrived > 0)
        ready |= READ_READY;
    if (nothing_comes(socket))
        ready |= READ_READY | POLLRDHUP;
    if (has_room(socket))
        ready |= write_ready(socket);
    if (is_hung_up(socket))
        ready |= POLLHUP;
    if (socket->error != 0)
        ready |= POLLERR;
    return ready;
}
