/*
 * Waiting for descriptors, stood in for. A ring's own may be among them, shown readable although the program has taken all its
 * CQEs, which nobody saw; or because an operation can go on, when a program that only looks at the CQ then would find nothing, and
 * poll again for ever. Each does what it always did; before and after, operations go on, where nothing else lets them.
 */
#include <dlfcn.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "run/agent.h"
#include "run/own.h"

/* The forms of programs that were built with _FORTIFY_SOURCE, which no header declares. */
int __poll_chk(struct pollfd *all, nfds_t count, int time_ms, size_t size);
int __ppoll_chk(struct pollfd *all, nfds_t count, const struct timespec *time, const sigset_t *mask,
                size_t size);

#define STANDS_IN(result, name, parameters, arguments)        \
    static __typeof__(name) *next_##name;                     \
    result name parameters                                    \
    {                                                         \
        bool programs = !sri_own_code(SRI_SITE);              \
        if (programs)                                         \
            sri_agent_go_on();                                \
        if (next_##name == NULL)                              \
            *(void **)&next_##name = dlsym(RTLD_NEXT, #name); \
        result found = next_##name arguments;                 \
        if (programs && found > 0)                            \
            sri_agent_go_on();                                \
        return found;                                         \
    }

STANDS_IN(int, poll, (struct pollfd * all, nfds_t count, int time_ms), (all, count, time_ms))
STANDS_IN(int, ppoll, (struct pollfd * all, nfds_t count, const struct timespec *time, const sigset_t *mask),
          (all, count, time, mask))
STANDS_IN(int, __poll_chk, (struct pollfd * all, nfds_t count, int time_ms, size_t size),
          (all, count, time_ms, size))
STANDS_IN(int, __ppoll_chk,
          (struct pollfd * all, nfds_t count, const struct timespec *time, const sigset_t *mask, size_t size),
          (all, count, time, mask, size))
STANDS_IN(int, select, (int count, fd_set *reads, fd_set *writes, fd_set *others, struct timeval *time),
          (count, reads, writes, others, time))
STANDS_IN(int, pselect,
          (int count, fd_set *reads, fd_set *writes, fd_set *others, const struct timespec *time,
           const sigset_t *mask),
          (count, reads, writes, others, time, mask))
STANDS_IN(int, epoll_wait, (int fd, struct epoll_event *events, int most, int time_ms),
          (fd, events, most, time_ms))
STANDS_IN(int, epoll_pwait, (int fd, struct epoll_event *events, int most, int time_ms, const sigset_t *mask),
          (fd, events, most, time_ms, mask))
STANDS_IN(int, epoll_pwait2,
          (int fd, struct epoll_event *events, int most, const struct timespec *time, const sigset_t *mask),
          (fd, events, most, time, mask))

/* Looked for early: dlsym() may not be called in a signal's handler, from where these may. */
__attribute__((constructor)) static void find(void)
{
    *(void **)&next_poll = dlsym(RTLD_NEXT, "poll");
    *(void **)&next_ppoll = dlsym(RTLD_NEXT, "ppoll");
    *(void **)&next___poll_chk = dlsym(RTLD_NEXT, "__poll_chk");
    *(void **)&next___ppoll_chk = dlsym(RTLD_NEXT, "__ppoll_chk");
    *(void **)&next_select = dlsym(RTLD_NEXT, "select");
    *(void **)&next_pselect = dlsym(RTLD_NEXT, "pselect");
    *(void **)&next_epoll_wait = dlsym(RTLD_NEXT, "epoll_wait");
    *(void **)&next_epoll_pwait = dlsym(RTLD_NEXT, "epoll_pwait");
    *(void **)&next_epoll_pwait2 = dlsym(RTLD_NEXT, "epoll_pwait2");
}
