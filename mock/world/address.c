/*
 * Addresses of sockets: names in the tree, ports, and who has them. Opens nothing and connects nobody.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "world/objects.h"

#define FIRST_PORT 49152
#define NAME_SIZE (sizeof(struct sockaddr_un) + 1)
/* As short as an AF_INET6 address may be (RFC 2133). */
#define INTERNET6_LEAST 24

static uint16_t *port_of(struct sri_address *address)
{
    if (address->storage.ss_family == AF_INET6)
        return &((struct sockaddr_in6 *)&address->storage)->sin6_port;
    return &((struct sockaddr_in *)&address->storage)->sin_port;
}

static uint16_t port(const struct sri_address *address)
{
    if (address->storage.ss_family == AF_INET6)
        return ((const struct sockaddr_in6 *)&address->storage)->sin6_port;
    return ((const struct sockaddr_in *)&address->storage)->sin_port;
}

int sri_address_check(const struct sri_socket *socket, const struct sri_address *address)
{
    if (address->length < sizeof(sa_family_t))
        return -EINVAL;
    if (socket->domain == AF_INET && address->length < sizeof(struct sockaddr_in))
        return -EINVAL;
    if (socket->domain == AF_INET6 && address->length < INTERNET6_LEAST)
        return -EINVAL;
    if (address->storage.ss_family != socket->domain)
        return socket->domain == AF_UNIX ? -EINVAL : -EAFNOSUPPORT;
    if (socket->domain != AF_UNIX)
        return 0;
    bool named_or_abstract = address->length > offsetof(struct sockaddr_un, sun_path);
    return named_or_abstract && address->length <= sizeof(struct sockaddr_un) ? 0 : -EINVAL;
}

static const char *path_of(const struct sri_address *address)
{
    return ((const struct sockaddr_un *)&address->storage)->sun_path;
}

static bool has_path(const struct sri_address *address)
{
    return address->storage.ss_family == AF_UNIX && path_of(address)[0] != 0;
}

/* A socket's path need not end with 0. */
static void copy_name(char path[NAME_SIZE], const struct sri_address *address)
{
    int length = (int)(address->length - offsetof(struct sockaddr_un, sun_path));
    snprintf(path, NAME_SIZE, "%.*s", length, path_of(address));
}

static bool is_any(const struct sri_address *address)
{
    if (address->storage.ss_family == AF_INET)
        return ((const struct sockaddr_in *)&address->storage)->sin_addr.s_addr == INADDR_ANY;
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&address->storage)->sin6_addr);
}

static bool same_host(const struct sri_address *a, const struct sri_address *b)
{
    if (is_any(a) || is_any(b))
        return true;
    if (a->storage.ss_family == AF_INET)
        return ((const struct sockaddr_in *)&a->storage)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)&b->storage)->sin_addr.s_addr;
    return IN6_ARE_ADDR_EQUAL(&((const struct sockaddr_in6 *)&a->storage)->sin6_addr,
                              &((const struct sockaddr_in6 *)&b->storage)->sin6_addr);
}

bool sri_address_same(const struct sri_address *a, const struct sri_address *b)
{
    if (a->storage.ss_family != b->storage.ss_family)
        return false;
    if (a->storage.ss_family == AF_UNIX)
        return a->length == b->length && memcmp(&a->storage, &b->storage, a->length) == 0;
    return port(a) == port(b) && same_host(a, b);
}

static struct sri_socket *named_at(struct sri_sim_world *world, const struct sri_address *address, int type)
{
    for (struct sri_node *node = world->named.next; node != &world->named; node = node->next) {
        struct sri_socket *socket = SRI_CONTAINER_OF(node, struct sri_socket, among);
        bool spoken_of = socket->domain == AF_UNIX || socket->type == type;
        if (spoken_of && sri_address_same(&socket->local, address))
            return socket;
    }
    return NULL;
}

static struct sri_inode *inode_of(struct sri_sim_world *world, const struct sri_address *address, int *error)
{
    struct sri_place place;
    char path[NAME_SIZE];
    copy_name(path, address);
    *error = sri_tree_walk(&world->tree, NULL, path, &place);
    if (*error == 0 && place.inode == NULL)
        *error = -ENOENT;
    return *error == 0 ? place.inode : NULL;
}

struct sri_socket *sri_address_find(struct sri_sim_world *world, const struct sri_address *address, int type,
                                    int *error)
{
    struct sri_socket *found;
    *error = 0;
    if (has_path(address)) {
        struct sri_inode *inode = inode_of(world, address, error);
        found = inode == NULL ? NULL : inode->socket;
    } else {
        found = named_at(world, address, type);
    }
    if (found == NULL && *error == 0)
        *error = -ECONNREFUSED;
    if (found == NULL || found->type == type)
        return found;
    *error = -EPROTOTYPE;
    return NULL;
}

static void choose_port(struct sri_sim_world *world, const struct sri_socket *socket,
                        struct sri_address *address)
{
    if (socket->domain == AF_UNIX || *port_of(address) != 0)
        return;
    for (uint32_t number = FIRST_PORT; number <= UINT16_MAX; number++) {
        *port_of(address) = htons((uint16_t)number);
        if (named_at(world, address, socket->type) == NULL)
            return;
    }
}

static int take_path(struct sri_sim_world *world, struct sri_socket *socket)
{
    int error;
    struct sri_place place;
    if (inode_of(world, &socket->local, &error) != NULL)
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
    socket->inode->socket = socket;
    /* The name ends where its path does, and with one 0 (unix(7)). */
    socket->local.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
    return 0;
}

int sri_address_bind(struct sri_sim_world *world, struct sri_socket *socket,
                     const struct sri_address *address)
{
    int rc = sri_address_check(socket, address);
    if (rc != 0)
        return rc;
    if (socket->bound)
        return -EINVAL;
    socket->local = *address;
    choose_port(world, socket, &socket->local);
    if (has_path(&socket->local))
        rc = take_path(world, socket);
    else if (named_at(world, &socket->local, socket->type) != NULL)
        rc = -EADDRINUSE;
    if (rc != 0)
        return rc;
    socket->bound = true;
    sri_list_append(&world->named, &socket->among);
    return 0;
}

static void set_loopback(struct sri_address *address, int domain)
{
    memset(address, 0, sizeof *address);
    address->storage.ss_family = (sa_family_t)domain;
    address->length = sizeof(sa_family_t);
    if (domain == AF_INET) {
        ((struct sockaddr_in *)&address->storage)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address->length = sizeof(struct sockaddr_in);
    } else if (domain == AF_INET6) {
        ((struct sockaddr_in6 *)&address->storage)->sin6_addr = in6addr_loopback;
        address->length = sizeof(struct sockaddr_in6);
    }
}

void sri_address_bind_any(struct sri_sim_world *world, struct sri_socket *socket)
{
    if (socket->bound || socket->domain == AF_UNIX)
        return;
    do
        sri_address_of_client(world, socket);
    while (named_at(world, &socket->local, socket->type) != NULL);
    socket->bound = true;
    sri_list_append(&world->named, &socket->among);
}

void sri_address_leave(struct sri_socket *socket)
{
    if (socket->inode != NULL)
        socket->inode->socket = NULL;
    socket->inode = NULL;
    if (socket->bound)
        sri_list_remove(&socket->among);
    socket->bound = false;
}

void sri_address_of_client(struct sri_sim_world *world, struct sri_socket *socket)
{
    if (socket->bound)
        return;
    set_loopback(&socket->local, socket->domain);
    if (socket->domain == AF_UNIX)
        return;
    *port_of(&socket->local) = htons(world->next_port);
    world->next_port = world->next_port == FIRST_PORT - 1 ? 32768 : (uint16_t)(world->next_port + 1);
}
