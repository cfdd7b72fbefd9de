/*
 * Rings' descriptors: an epoll instance each, at the lowest free number, with two children: an eventfd that tells of
 * CQEs, and the world's epoll instance, which tells that some object is ready, a worker is done or a timeout is due.
 *
 * An eventfd alone would leave a program asleep that polls the ring's descriptor and waits for a pipe: nobody runs the
 * engine then. It must never run the engine itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/host.h"
#include "host/state.h"

struct sri_host_ring *sri_host_ring_at(const struct sri_host *host, int fd)
{
    return fd >= 0 && (uint32_t)fd < host->ring_slots ? host->rings[fd] : NULL;
}

static int grow(struct sri_host *host, uint32_t fd)
{
    if (fd < host->ring_slots)
        return 0;
    uint32_t slots = fd + 16;
    struct sri_host_ring **rings = sri_realloc(host->rings, slots * sizeof(struct sri_host_ring *));
    if (rings == NULL)
        return -ENOMEM;
    memset(rings + host->ring_slots, 0, (slots - host->ring_slots) * sizeof(struct sri_host_ring *));
    host->rings = rings;
    host->ring_slots = slots;
    return 0;
}

static int add_child(int parent, int child)
{
    struct epoll_event event = {.events = EPOLLIN};
    return epoll_ctl(parent, EPOLL_CTL_ADD, child, &event) == 0 ? 0 : -errno;
}

static int open_eventfd(const struct sri_host *host)
{
    int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return made < 0 ? -errno : sri_host_raise(host, made);
}

static int fill(struct sri_host *host, struct sri_host_ring *made, int fd)
{
    made->eventfd = open_eventfd(host);
    if (made->eventfd < 0)
        return made->eventfd;
    int rc = add_child(fd, made->eventfd);
    if (rc == 0)
        rc = add_child(fd, host->epoll);
    if (rc == 0)
        rc = grow(host, (uint32_t)fd);
    if (rc != 0)
        close(made->eventfd);
    return rc;
}

int sri_host_ring_open(void *self, void *ring)
{
    struct sri_host *host = self;
    struct sri_host_ring *made = sri_alloc_zero(1, sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    made->ring = ring;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    int rc = fd < 0 ? -errno : fill(host, made, fd);
    if (rc != 0) {
        if (fd >= 0)
            close(fd);
        sri_free(made);
        return rc;
    }
    host->rings[fd] = made;
    host->ring_count++;
    return fd;
}

void *sri_host_ring_of(void *self, int fd, int *error)
{
    struct sri_host_ring *ring = sri_host_ring_at(self, fd);
    if (ring != NULL)
        return ring->ring;
    *error = fd >= 0 && fcntl(fd, F_GETFD) >= 0 ? -EOPNOTSUPP : -EBADF;
    return NULL;
}

void sri_host_ring_close(void *self, int fd)
{
    struct sri_host *host = self;
    struct sri_host_ring *ring = sri_host_ring_at(host, fd);
    if (ring == NULL)
        return;
    sri_host_pin_fresh(host);
    host->rings[fd] = NULL;
    host->ring_count--;
    close(ring->eventfd);
    if (!ring->lost)
        close(fd);
    sri_free(ring);
}

int sri_host_ring_pollable(void *self, int fd)
{
    return sri_host_ring_at(self, fd) != NULL ? fd : -EBADF;
}

void sri_host_ring_notify(void *self, int fd, bool readable)
{
    struct sri_host_ring *ring = sri_host_ring_at(self, fd);
    if (ring == NULL || (!readable && !ring->readable))
        return;
    ring->readable = readable;
    uint64_t word = 1;
    ssize_t ignored =
        readable ? write(ring->eventfd, &word, sizeof word) : read(ring->eventfd, &word, sizeof word);
    (void)ignored;
}

void sri_host_rings_free(struct sri_host *host)
{
    for (uint32_t fd = 0; fd < host->ring_slots; fd++)
        sri_host_ring_close(host, (int)fd);
    sri_free(host->rings);
}

bool sri_host_world_lost_ring(struct sri_world world, int fd)
{
    struct sri_host *host = world.self;
    pthread_mutex_lock(&host->lock);
    struct sri_host_ring *ring = sri_host_ring_at(host, fd);
    if (ring != NULL && !sri_host_is_epoll(fd))
        ring->lost = true;
    bool lost = ring != NULL && ring->lost;
    pthread_mutex_unlock(&host->lock);
    return lost;
}
