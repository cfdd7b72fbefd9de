/*
 * Worlds of each kernel, made alike: by the simulation's calls, or by the system's.
 */
#include "each_kernel.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_ring.h"
#include "main.h"

static bool open_ring(struct each_kernel *world)
{
    struct sr_config config = sr_config_default();
    config.entries = 8;
    if (strcmp(world->name, "sim") == 0) {
        assert_int_equal(sr_sim_new(&world->sim, NULL), 0);
        return sr_sim_ring_open(world->sim, &world->ring, 8) == 0;
    }
    config.backend_name = world->name;
    return sr_ring_open_config(&world->ring, &config) == 0;
}

static struct sockaddr_in loopback(void)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void make_simulated(struct each_kernel *world)
{
    struct sockaddr_in address = loopback();
    uint32_t length = sizeof *world->address;
    assert_int_equal(sr_sim_pipe(world->sim, world->pipe), 0);
    assert_int_equal(sr_sim_socketpair(world->sim, world->pair), 0);
    assert_int_equal(sr_sim_listen(world->sim, (struct sockaddr *)&address, sizeof address, 8,
                                   &world->listening),
                     0);
    assert_int_equal(sr_sim_name(world->sim, world->listening, world->address, &length), 0);
}

static void make_real(struct each_kernel *world)
{
    struct sockaddr_in address = loopback();
    socklen_t length = sizeof *world->address;
    assert_int_equal(pipe(world->pipe), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, world->pair), 0);
    world->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(world->listening >= 0);
    assert_int_equal(bind(world->listening, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(world->listening, 8), 0);
    assert_int_equal(getsockname(world->listening, (struct sockaddr *)world->address, &length), 0);
}

int each_kernel_connect(struct each_kernel *world)
{
    const struct sockaddr *address = (struct sockaddr *)world->address;
    int fd = -1;
    if (world->sim != NULL) {
        assert_int_equal(sr_sim_socket(world->sim, AF_INET, &fd), 0);
        assert_int_equal(sr_sim_connect(world->sim, fd, address, sizeof(struct sockaddr_in)), 0);
        return fd;
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, address, sizeof(struct sockaddr_in)), 0);
    return fd;
}

void each_kernel_close(struct each_kernel *world, int fd)
{
    if (world->sim != NULL)
        assert_int_equal(sr_sim_close(world->sim, fd), 0);
    else
        assert_int_equal(close(fd), 0);
}

void each_kernel_write(struct each_kernel *world, int fd, const void *bytes, size_t size)
{
    if (world->sim != NULL) {
        size_t moved = 0;
        assert_int_equal(sr_sim_write(world->sim, fd, bytes, size, &moved), 0);
        assert_int_equal(moved, size);
    } else {
        assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    }
}

/* The other side of a connection is accepted by the ring. */
SR_UNCHECKED static void make_connection(struct each_kernel *world)
{
    struct sr_op op;
    world->connection[0] = each_kernel_connect(world);
    assert_int_equal(sr_accept_safe(world->ring, sr_fd(world->listening), &op), 0);
    world->connection[1] = await_result(world->ring, &op);
    assert_true(world->connection[1] >= 0);
}

void each_kernel_make(struct each_kernel *world)
{
    world->address = calloc(1, sizeof *world->address);
    assert_non_null(world->address);
    assert_int_equal(sr_sim_ring_open(world->sim, &world->ring, 8), 0);
    make_simulated(world);
}

void each_kernel_free(struct each_kernel *world)
{
    free(world->address);
    world->address = NULL;
}

static bool open_world(struct each_kernel *world, const char *name)
{
    *world = (struct each_kernel){.name = name};
    print_message("on %s\n", name);
    if (!open_ring(world)) {
        assert_string_equal(name, "uring"); /* the others are always there */
        return false;
    }
    assert_string_equal(sr_ring_backend(world->ring), name);
    world->address = calloc(1, sizeof *world->address);
    assert_non_null(world->address);
    if (world->sim != NULL)
        make_simulated(world);
    else
        make_real(world);
    make_connection(world);
    return true;
}

static void close_world(struct each_kernel *world)
{
    assert_int_equal(stats_of(world->ring).unknown, 0);
    assert_int_equal(sr_ring_close(&world->ring), 0);
    const int fds[] = {world->pipe[0],   world->pipe[1],       world->pair[0],      world->pair[1],
                       world->listening, world->connection[0], world->connection[1]};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        each_kernel_close(world, fds[i]);
    each_kernel_free(world);
    sr_sim_free(&world->sim);
}

void on_each_kernel(void (*life)(struct each_kernel *))
{
    static const char *const kernels[] = {"sim", "engine", "uring"};
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++) {
        struct each_kernel world;
        if (!open_world(&world, kernels[i]))
            continue;
        life(&world);
        close_world(&world);
    }
}
