/*
 * Stream sockets: how they listen, find each other, and end. Their bytes are in transfer.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "world/objects.h"

#define FIRST_PORT 49152
#define NAME_SIZE (sizeof(struct sockaddr_un) + 1)

struct sri_socket *sri_socket_new(struct sri_sim_world *world, int domain)
{
    struct sri_socket *socket = sri_stock_take(&world->sockets);
    if (socket == NULL)
        return NULL;
    struct sri_stream kept = socket->incoming;
    memset(socket, 0, sizeof *socket);
    socket->incoming = kept;
    sri_stream_begin(&socket->incoming, 0);
    sri_list_init(&socket->among);
    sri_list_init(&socket->pending);
    sri_list_init(&socket->knocking);
    socket->domain = domain;
    return socket;
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

void sri_socket_join(struct sri_sim_world *world, struct sri_socket *a, struct sri_socket *b)
{
    static const uint32_t small[] = {0, 1, 16, 1000};
    uint32_t window = small[sri_world_pick(world, SRI_FREEDOM_WINDOW, 4, NULL)];
    if (window == 0 || window > world->options.window_bytes)
        window = world->options.window_bytes;
    struct sri_socket *both[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        both[i]->peer = both[1 - i];
        both[i]->state = SRI_SOCKET_CONNECTED;
        sri_stream_begin(&both[i]->incoming, window);
    }
}

/* The peer is told that this side is gone. What it was sent before stays readable. */
static void leave(struct sri_sim_world *world, struct sri_socket *socket, int error)
{
    struct sri_socket *peer = socket->peer;
    if (peer == NULL)
        return;
    peer->peer = NULL;
    peer->state = SRI_SOCKET_GONE;
    peer->peer_writes_shut = true;
    peer->error = error;
    socket->peer = NULL;
    socket->state = SRI_SOCKET_GONE;
    sri_wake_waiters(world, peer->file);
}

static void destroy(struct sri_sim_world *world, struct sri_socket *socket)
{
    sri_list_remove(&socket->incoming.under_way);
    sri_list_remove(&socket->among);
    sri_deliver(world);
    sri_stock_give(&world->sockets, socket);
}

static struct sri_socket *first_of(struct sri_node *list)
{
    return SRI_CONTAINER_OF(list->next, struct sri_socket, among);
}

void sri_socket_stop_knocking(struct sri_socket *socket)
{
    if (socket->queue == NULL)
        return;
    sri_list_remove(&socket->among);
    socket->queue = NULL;
}

static void let_knock_again(struct sri_sim_world *world, struct sri_socket *listener)
{
    while (!sri_list_empty(&listener->knocking)) {
        struct sri_socket *socket = first_of(&listener->knocking);
        sri_socket_stop_knocking(socket);
        sri_wake_waiters(world, socket->file);
    }
}

static void stop_listening(struct sri_sim_world *world, struct sri_socket *listener)
{
    sri_list_remove(&listener->among);
    if (listener->inode != NULL)
        listener->inode->listener = NULL;
    while (!sri_list_empty(&listener->pending)) {
        struct sri_socket *socket = first_of(&listener->pending);
        leave(world, socket, ECONNRESET);
        destroy(world, socket);
    }
    let_knock_again(world, listener);
}

void sri_socket_end(struct sri_sim_world *world, struct sri_socket *socket)
{
    socket->file = NULL;
    if (socket->state == SRI_SOCKET_LISTENING)
        stop_listening(world, socket);
    sri_socket_stop_knocking(socket);
    leave(world, socket, socket->incoming.used > 0 ? ECONNRESET : 0);
    destroy(world, socket);
}

void sri_socket_cut(struct sri_sim_world *world, struct sri_socket *socket)
{
    leave(world, socket, ECONNRESET);
    socket->peer_writes_shut = true;
    socket->error = ECONNRESET;
    sri_wake_waiters(world, socket->file);
}

/* A socket's path need not end with 0. */
static void copy_name(char path[NAME_SIZE], const struct sri_address *address)
{
    const struct sockaddr_un *name = (const void *)&address->storage;
    int length = (int)(address->length - offsetof(struct sockaddr_un, sun_path));
    snprintf(path, NAME_SIZE, "%.*s", length, name->sun_path);
}

static struct sri_inode *named(struct sri_sim_world *world, const struct sri_address *address, int *error)
{
    struct sri_place place;
    char path[NAME_SIZE];
    copy_name(path, address);
    *error = sri_tree_walk(&world->tree, NULL, path, &place);
    if (*error != 0)
        return NULL;
    if (place.inode == NULL)
        *error = -ENOENT;
    return place.inode;
}

/* 0, or what is wrong with an address for this socket. */
static int check_address(const struct sri_socket *socket, const struct sri_address *address)
{
    if (address->length < sizeof(sa_family_t))
        return -EINVAL;
    if (address->storage.ss_family != socket->domain)
        return socket->domain == AF_UNIX ? -EINVAL : -EAFNOSUPPORT;
    if (socket->domain == AF_INET)
        return address->length < sizeof(struct sockaddr_in) ? -EINVAL : 0;
    bool named_or_abstract = address->length > offsetof(struct sockaddr_un, sun_path);
    return named_or_abstract && address->length <= sizeof(struct sockaddr_un) ? 0 : -EINVAL;
}

static bool has_path(const struct sri_address *address)
{
    return address->storage.ss_family == AF_UNIX &&
           ((const struct sockaddr_un *)(const void *)&address->storage)->sun_path[0] != 0;
}

static bool same_address(const struct sri_address *a, const struct sri_address *b)
{
    if (a->storage.ss_family != b->storage.ss_family)
        return false;
    if (a->storage.ss_family == AF_UNIX)
        return a->length == b->length && memcmp(&a->storage, &b->storage, a->length) == 0;
    const struct sockaddr_in *left = (const void *)&a->storage;
    const struct sockaddr_in *right = (const void *)&b->storage;
    bool same_host = left->sin_addr.s_addr == right->sin_addr.s_addr || left->sin_addr.s_addr == INADDR_ANY ||
                     right->sin_addr.s_addr == INADDR_ANY;
    return left->sin_port == right->sin_port && same_host;
}

static struct sri_socket *listener_at(struct sri_sim_world *world, const struct sri_address *address)
{
    for (struct sri_node *node = world->listeners.next; node != &world->listeners; node = node->next) {
        struct sri_socket *socket = SRI_CONTAINER_OF(node, struct sri_socket, among);
        if (same_address(&socket->local, address))
            return socket;
    }
    return NULL;
}

static struct sri_socket *find_listener(struct sri_sim_world *world, const struct sri_address *address,
                                        int *error)
{
    struct sri_socket *listener;
    *error = 0;
    if (has_path(address)) {
        struct sri_inode *inode = named(world, address, error);
        listener = inode == NULL ? NULL : inode->listener;
    } else {
        listener = listener_at(world, address);
    }
    if (listener == NULL && *error == 0)
        *error = -ECONNREFUSED;
    return listener;
}

/* A port for an AF_INET address that has none. */
static void choose_port(struct sri_sim_world *world, struct sri_address *address)
{
    struct sockaddr_in *internet = (void *)&address->storage;
    if (address->storage.ss_family != AF_INET || internet->sin_port != 0)
        return;
    for (uint32_t port = FIRST_PORT; port <= UINT16_MAX; port++) {
        internet->sin_port = htons((uint16_t)port);
        if (listener_at(world, address) == NULL)
            return;
    }
}

static int take_name(struct sri_sim_world *world, struct sri_socket *socket)
{
    int error;
    struct sri_place place;
    if (!has_path(&socket->local))
        return listener_at(world, &socket->local) == NULL ? 0 : -EADDRINUSE;
    if (named(world, &socket->local, &error) != NULL)
        return -EADDRINUSE;
    if (error != -ENOENT)
        return error;
    char path[NAME_SIZE];
    copy_name(path, &socket->local);
    if ((error = sri_tree_walk(&world->tree, NULL, path, &place)) != 0)
        return error;
    socket->inode = sri_tree_make(&world->tree, &place, SRI_INODE_SOCKET);
    if (socket->inode == NULL)
        return -ENOMEM;
    socket->inode->listener = socket;
    return 0;
}

int sri_socket_listen(struct sri_sim_world *world, struct sri_socket *socket,
                      const struct sri_address *address, int backlog)
{
    int rc = check_address(socket, address);
    if (rc != 0)
        return rc;
    socket->local = *address;
    choose_port(world, &socket->local);
    if ((rc = take_name(world, socket)) != 0)
        return rc;
    socket->backlog = backlog < 0 ? UINT32_MAX : (uint32_t)backlog;
    socket->state = SRI_SOCKET_LISTENING;
    sri_list_append(&world->listeners, &socket->among);
    return 0;
}

static enum sri_answer finish(int64_t *result, int64_t value)
{
    *result = value;
    return SRI_DONE;
}

static void tell_address(const struct sri_attempt *attempt, const struct sri_address *address)
{
    if (attempt->argument != NULL)
        *(struct sri_address *)attempt->argument = *address;
}

enum sri_answer sri_socket_accept(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_socket *listener = attempt->file->socket;
    if ((attempt->flags & ~(uint32_t)(SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0 ||
        listener->state != SRI_SOCKET_LISTENING)
        return finish(result, -EINVAL);
    if (sri_list_empty(&listener->pending)) {
        sri_wait_on(attempt, POLLIN);
        return SRI_WAIT;
    }
    struct sri_socket *socket = first_of(&listener->pending);
    struct sri_file *file = sri_socket_file(world, socket, O_RDWR | (attempt->flags & SOCK_NONBLOCK));
    if (file == NULL)
        return finish(result, -ENOMEM);
    int fd = sri_descriptor_make(world, file, true);
    if (fd < 0) {
        socket->file = NULL;
        sri_stock_give(&world->files, file);
        return finish(result, fd);
    }
    sri_list_remove(&socket->among);
    listener->pending_count--;
    tell_address(attempt, &socket->remote);
    let_knock_again(world, listener);
    return finish(result, fd);
}

/* Who connects gets an address, too: a port of its own, or none with AF_UNIX. */
static void name_client(struct sri_sim_world *world, struct sri_socket *socket, const struct sri_address *to)
{
    socket->remote = *to;
    socket->local.storage.ss_family = (sa_family_t)socket->domain;
    socket->local.length = sizeof(sa_family_t);
    if (socket->domain != AF_INET)
        return;
    struct sockaddr_in *internet = (void *)&socket->local.storage;
    internet->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    internet->sin_port = htons(world->next_port);
    world->next_port = world->next_port == FIRST_PORT - 1 ? 32768 : (uint16_t)(world->next_port + 1);
    socket->local.length = sizeof *internet;
}

static int reach(struct sri_sim_world *world, struct sri_socket *socket, struct sri_socket *listener)
{
    struct sri_socket *server = sri_socket_new(world, socket->domain);
    if (server == NULL)
        return -ENOMEM;
    name_client(world, socket, &listener->local);
    server->local = listener->local;
    server->remote = socket->local;
    sri_socket_join(world, socket, server);
    sri_list_append(&listener->pending, &server->among);
    listener->pending_count++;
    sri_wake_waiters(world, listener->file);
    return 0;
}

enum sri_answer sri_socket_connect(struct sri_sim_world *world, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_socket *socket = attempt->file->socket;
    const struct sri_address *address = attempt->argument;
    sri_socket_stop_knocking(socket);
    int rc = check_address(socket, address);
    if (rc != 0)
        return finish(result, rc);
    if (socket->state != SRI_SOCKET_IDLE)
        return finish(result, socket->state == SRI_SOCKET_LISTENING ? -EINVAL : -EISCONN);
    struct sri_socket *listener = find_listener(world, address, &rc);
    if (listener == NULL)
        return finish(result, rc);
    if (listener->pending_count <= listener->backlog)
        return finish(result, reach(world, socket, listener));
    socket->queue = listener;
    sri_list_append(&listener->knocking, &socket->among);
    sri_wait_on(attempt, POLLOUT);
    return SRI_WAIT;
}

int sri_socket_shutdown(struct sri_sim_world *world, struct sri_socket *socket, int how)
{
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    if (socket->state == SRI_SOCKET_IDLE || socket->state == SRI_SOCKET_LISTENING)
        return -ENOTCONN;
    if (how != SHUT_WR)
        socket->reads_shut = true;
    if (how != SHUT_RD) {
        socket->writes_shut = true;
        if (socket->peer != NULL)
            socket->peer->peer_writes_shut = true;
    }
    sri_wake_waiters(world, socket->file);
    if (socket->peer != NULL)
        sri_wake_waiters(world, socket->peer->file);
    return 0;
}
