/*
 * Which process and which thread this is, asked before everything else: a few loads, and no call (RING-6).
 */
#ifndef SRI_RING_IDENTITY_H
#define SRI_RING_IDENTITY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A number that differs in every forked child; 0 never. Made at the first call. */
uint32_t sri_process_mark(void);

/* Where the number stands; see identity.c. Set by the first sri_process_mark(). */
extern _Atomic uint32_t *sri_process_word;

static inline bool sri_process_is(uint32_t mark)
{
    return atomic_load_explicit(sri_process_word, memory_order_relaxed) == mark;
}

/* Its address is the thread's, as long as the thread lives: what pthread_self(3) is, without the call. */
extern _Thread_local char sri_thread_mark __attribute__((tls_model("initial-exec")));

static inline const void *sri_this_thread(void)
{
    return &sri_thread_mark;
}

#endif
