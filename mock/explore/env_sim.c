/*
 * The simulated surroundings: objects of a simulation. Makes no system call.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "explore/env.h"

static void path_of(void *self, const char *name, char *out, size_t size)
{
    (void)self;
    snprintf(out, size, "/%s", name);
}

static int make_file(void *self, const char *name, const void *data, size_t size, int *fd)
{
    char path[64];
    path_of(self, name, path, sizeof path);
    int rc = sr_sim_file(self, path, data, size);
    return rc != 0 ? rc : sr_sim_open(self, path, O_RDWR, fd);
}

static int content(void *self, const char *name, void *buffer, size_t size, size_t *length)
{
    char path[64];
    path_of(self, name, path, sizeof path);
    return sr_sim_file_content(self, path, buffer, size, length);
}

static int make_pipe(void *self, int fds[2])
{
    return sr_sim_pipe(self, fds);
}

static int make_pair(void *self, int fds[2])
{
    return sr_sim_socketpair(self, fds);
}

static uint32_t address_of(bool inet, unsigned number, struct sockaddr_storage *address)
{
    memset(address, 0, sizeof *address);
    if (inet) {
        struct sockaddr_in in = {.sin_family = AF_INET};
        in.sin_port = htons((uint16_t)(7000 + number));
        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        memcpy(address, &in, sizeof in);
        return sizeof in;
    }
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof un.sun_path, "/socket%u", number);
    memcpy(address, &un, sizeof un);
    return (uint32_t)(offsetof(struct sockaddr_un, sun_path) + strlen(un.sun_path) + 1);
}

static int make_listener(void *self, bool inet, int *fd, struct sockaddr_storage *address, uint32_t *length)
{
    int rc = -EADDRINUSE;
    for (unsigned number = 0; number < 32 && rc == -EADDRINUSE; number++) {
        *length = address_of(inet, number, address);
        rc = sr_sim_listen(self, (const struct sockaddr *)address, *length, 16, fd);
    }
    return rc;
}

static int make_socket(void *self, bool inet, int *fd)
{
    return sr_sim_socket(self, inet ? AF_INET : AF_UNIX, fd);
}

static int connect_there(void *self, int fd, const struct sockaddr_storage *address, uint32_t length)
{
    return sr_sim_connect(self, fd, (const struct sockaddr *)address, length);
}

static int write_there(void *self, int fd, const void *bytes, size_t size, size_t *moved)
{
    return sr_sim_write(self, fd, bytes, size, moved);
}

static int read_there(void *self, int fd, void *bytes, size_t size, size_t *moved)
{
    return sr_sim_read(self, fd, bytes, size, moved);
}

static int shut(void *self, int fd)
{
    return sr_sim_shutdown(self, fd, SHUT_RDWR);
}

static int close_fd(void *self, int fd)
{
    return sr_sim_close(self, fd);
}

static uint32_t descriptors(void *self)
{
    uint32_t made = 0;
    uint32_t by_operations = 0;
    sr_sim_open_descriptors(self, &made, &by_operations);
    return made + by_operations;
}

static void calm(void *self)
{
    sr_sim_calm(self);
}

static void lose_power(void *self)
{
    sr_sim_power_loss(self);
}

static void end(void *self)
{
    (void)self;
}

struct sri_env sri_env_sim(struct sr_sim *sim)
{
    static const struct sri_env_vtable vtable = {
        .file = make_file,
        .content = content,
        .path = path_of,
        .pipe = make_pipe,
        .pair = make_pair,
        .listen = make_listener,
        .socket = make_socket,
        .connect = connect_there,
        .write = write_there,
        .read = read_there,
        .shutdown = shut,
        .close = close_fd,
        .descriptors = descriptors,
        .calm = calm,
        .lose_power = lose_power,
        .end = end,
    };
    return (struct sri_env){&vtable, sim, true, UINT64_C(50000), UINT64_C(14400000000000)};
}
