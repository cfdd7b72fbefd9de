/*
 * Sockets, pipes and counters of this machine, for the two kernels over it.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/conform_host.h"
#include "support/conform_sockets.h"
#include "support/main.h"

static int host_socket(void *self, int domain, int type)
{
    (void)self;
    int fd = socket(domain, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

static void host_pair(void *self, int type, int ends[2])
{
    (void)self;
    assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
}

static void new_address(void *self, int domain, struct conform_address *address)
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
        struct sockaddr_un *name = (struct sockaddr_un *)&address->storage;
        conform_host_new_path(self, name->sun_path, sizeof name->sun_path);
        address->length = sizeof *name;
    }
}

static void host_bind(void *self, int fd, int domain, struct conform_address *address)
{
    new_address(self, domain, address);
    assert_int_equal(bind(fd, (struct sockaddr *)&address->storage, address->length), 0);
    if (domain != AF_UNIX)
        assert_int_equal(getsockname(fd, (struct sockaddr *)&address->storage, &address->length), 0);
}

static void host_listen(void *self, int fd, int backlog)
{
    (void)self;
    assert_int_equal(listen(fd, backlog), 0);
}

static void host_pipe(void *self, int bytes, int ends[2])
{
    (void)self;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(fcntl(ends[0], F_SETPIPE_SZ, bytes), bytes);
}

static int host_eventfd(void *self, unsigned initial, bool semaphore)
{
    (void)self;
    int fd = eventfd(initial, EFD_CLOEXEC | (semaphore ? EFD_SEMAPHORE : 0));
    assert_true(fd >= 0);
    return fd;
}

static int host_epoll(void *self)
{
    (void)self;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

const struct conform_sockets conform_host_sockets = {.socket = host_socket,
                                                     .pair = host_pair,
                                                     .bind = host_bind,
                                                     .listen = host_listen,
                                                     .pipe = host_pipe,
                                                     .eventfd = host_eventfd,
                                                     .epoll = host_epoll};
