/*
 * The program's own epoll instances, which EPOLL_CTL changes. The world's is in readiness.c.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "host/state.h"

/* A ring's descriptor is an epoll instance only here (rings.c): nobody may add to it. */
int64_t sri_host_interest(struct sri_host *host, const struct sri_interest *interest)
{
    struct epoll_event event = {.events = interest->events, .data.u64 = interest->data};
    if (sri_host_ring_at(host, interest->instance) != NULL)
        return -EINVAL;
    return epoll_ctl(interest->instance, interest->change, interest->fd, &event) == 0 ? 0 : -errno;
}
