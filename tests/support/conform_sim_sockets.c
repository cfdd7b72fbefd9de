/*
 * Sockets, pipes and counters of the simulated kernel.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "safer_ring/sim.h"
#include "support/conform_sockets.h"
#include "support/main.h"

static int sim_socket(void *self, int domain, int type)
{
    int fd = -1;
    assert_int_equal(sr_sim_socket_of(self, domain, type, &fd), 0);
    return fd;
}

static void sim_pair(void *self, int type, int ends[2])
{
    assert_int_equal(sr_sim_socketpair_of(self, type, ends), 0);
}

static void new_address(int fd, int domain, struct conform_address *address)
{
    memset(address, 0, sizeof *address);
    address->storage.ss_family = (sa_family_t)domain;
    if (domain == AF_INET) {
        ((struct sockaddr_in *)&address->storage)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address->length = sizeof(struct sockaddr_in);
    } else if (domain == AF_INET6) {
        ((struct sockaddr_in6 *)&address->storage)->sin6_addr = in6addr_loopback;
        address->length = sizeof(struct sockaddr_in6);
    } else {
        static unsigned names;
        struct sockaddr_un *name = (struct sockaddr_un *)&address->storage;
        snprintf(name->sun_path, sizeof name->sun_path, "/name%u.%d", names++, fd);
        address->length = sizeof *name;
    }
}

static void sim_bind(void *self, int fd, int domain, struct conform_address *address)
{
    uint32_t length;
    new_address(fd, domain, address);
    assert_int_equal(sr_sim_bind(self, fd, (struct sockaddr *)&address->storage, address->length), 0);
    if (domain == AF_UNIX)
        return;
    assert_int_equal(sr_sim_name(self, fd, &address->storage, &length), 0);
    address->length = length;
}

static void sim_listen(void *self, int fd, int backlog)
{
    assert_int_equal(sr_sim_listen_on(self, fd, backlog), 0);
}

static void sim_pipe(void *self, int bytes, int ends[2])
{
    assert_int_equal(sr_sim_pipe_of(self, (uint32_t)bytes, ends), 0);
}

static int sim_eventfd(void *self, unsigned initial, bool semaphore)
{
    int fd = -1;
    assert_int_equal((semaphore ? sr_sim_semaphore : sr_sim_eventfd)(self, initial, &fd), 0);
    return fd;
}

static int sim_epoll(void *self)
{
    int fd = -1;
    assert_int_equal(sr_sim_epoll(self, &fd), 0);
    return fd;
}

const struct conform_sockets conform_sim_sockets = {.socket = sim_socket,
                                                    .pair = sim_pair,
                                                    .bind = sim_bind,
                                                    .listen = sim_listen,
                                                    .pipe = sim_pipe,
                                                    .eventfd = sim_eventfd,
                                                    .epoll = sim_epoll};
