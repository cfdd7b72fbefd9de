/*
 * Keeps SIGPIPE and SIGXFSZ of one write from the program: io_uring's writes don't raise them.
 */
#ifndef SRI_HOST_QUIET_H
#define SRI_HOST_QUIET_H

#include <signal.h>
#include <stdbool.h>
#include <time.h>

struct sri_host_quiet {
    sigset_t before;
};

static inline void sri_host_quiet_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGPIPE);
    sigaddset(set, SIGXFSZ);
}

static inline void sri_host_quiet_begin(struct sri_host_quiet *quiet)
{
    sigset_t both;
    sri_host_quiet_set(&both);
    pthread_sigmask(SIG_BLOCK, &both, &quiet->before);
}

/*
 * With `raised`, the write failed in the way that raises one of them. One the program had blocked itself may have been
 * pending before, and can't be told from ours: it is left.
 */
static inline void sri_host_quiet_end(struct sri_host_quiet *quiet, bool raised)
{
    sigset_t ours;
    sri_host_quiet_set(&ours);
    if (sigismember(&quiet->before, SIGPIPE) == 1)
        sigdelset(&ours, SIGPIPE);
    if (sigismember(&quiet->before, SIGXFSZ) == 1)
        sigdelset(&ours, SIGXFSZ);
    struct timespec now = {0, 0};
    if (raised)
        sigtimedwait(&ours, NULL, &now);
    pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
}

#endif
