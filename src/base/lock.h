/*
 * A lock for a few instructions: taking it is one atomic exchange, giving it back one store. Whoever finds it taken spins a
 * little, gives up its processor, and then sleeps, so that a holder of any priority comes to run. After the store that gives
 * it back the lock's memory is not touched: it may be freed by the next holder.
 */
#ifndef SRI_BASE_LOCK_H
#define SRI_BASE_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>

struct sri_lock {
    atomic_bool taken;
};

/* lock.c: until it may be free. */
__attribute__((cold)) void sri_lock_wait(struct sri_lock *lock);

static inline void sri_lock_take(struct sri_lock *lock)
{
    while (__builtin_expect(atomic_exchange_explicit(&lock->taken, true, memory_order_acquire), 0))
        sri_lock_wait(lock);
}

static inline void sri_lock_give(struct sri_lock *lock)
{
    atomic_store_explicit(&lock->taken, false, memory_order_release);
}

#endif
