/*
 * Waiting for a short lock.
 */
#include "base/lock.h"

#include <poll.h>
#include <sched.h>

#define SPINS 64
#define YIELDS 16

static bool is_taken(struct sri_lock *lock)
{
    return atomic_load_explicit(&lock->taken, memory_order_relaxed);
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

void sri_lock_wait(struct sri_lock *lock)
{
    for (int i = 0; i < SPINS && is_taken(lock); i++)
        relax();
    for (int i = 0; i < YIELDS && is_taken(lock); i++)
        (void)sched_yield();
    /* A holder of lower priority on this processor runs only while we sleep. */
    while (is_taken(lock))
        (void)poll(NULL, 0, 1);
}
