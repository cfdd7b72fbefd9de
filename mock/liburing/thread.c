/*
 * Threads of this library's own.
 */
#include "liburing/thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_uint count;

int sri_uring_thread(void *(*run)(void *))
{
    sigset_t all;
    sigset_t before;
    pthread_t thread;
    sigfillset(&all);
    sigdelset(&all, SIGSYS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    atomic_fetch_add(&count, 1);
    int rc = pthread_create(&thread, NULL, run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        pthread_detach(thread);
    else
        atomic_fetch_sub(&count, 1);
    return -rc;
}

unsigned sri_uring_threads(void)
{
    return atomic_load(&count);
}

void sri_uring_threads_forget(void)
{
    atomic_store(&count, 0);
}
