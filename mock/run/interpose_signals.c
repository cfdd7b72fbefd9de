/*
 * Blocking signals, stood in for: SIGSYS, by which system calls are caught from below, stays open. The kernel ends a thread that
 * has it blocked at the first such call.
 */
#include <dlfcn.h>
#include <signal.h>

#include "run/agent.h"

static const sigset_t *leave_open(int how, const sigset_t *set, sigset_t *copy)
{
    if (set == NULL || how == SIG_UNBLOCK || !sri_agent.traps)
        return set;
    *copy = *set;
    sigdelset(copy, SIGSYS);
    return copy;
}

static __typeof__(sigprocmask) *next_sigprocmask;
static __typeof__(pthread_sigmask) *next_pthread_sigmask;

/* Looked for early: dlsym() may not be called in a signal's handler, from where these may. */
__attribute__((constructor)) static void find(void)
{
    *(void **)&next_sigprocmask = dlsym(RTLD_NEXT, "sigprocmask");
    *(void **)&next_pthread_sigmask = dlsym(RTLD_NEXT, "pthread_sigmask");
}

int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    sigset_t copy;
    if (next_sigprocmask == NULL)
        find();
    return next_sigprocmask(how, leave_open(how, set, &copy), old);
}

int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    sigset_t copy;
    if (next_pthread_sigmask == NULL)
        find();
    return next_pthread_sigmask(how, leave_open(how, set, &copy), old);
}
