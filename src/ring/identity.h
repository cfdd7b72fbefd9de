/*
 * Which process and which thread this is, asked before everything else: a few loads, and no call (RING-6).
 */
#ifndef SRI_RING_IDENTITY_H
#define SRI_RING_IDENTITY_H

#include <stdbool.h>

#include "safer_ring/hot.h"

/* A ring's gate, closed and alive; NULL when there is no memory. In a forked child it reads as zeros. */
struct sri_gate *sri_gate_new(void);
void sri_gate_free(struct sri_gate *gate);

static inline bool sri_gate_is_alive(const struct sri_gate *gate)
{
    return __atomic_load_n(&gate->alive, __ATOMIC_RELAXED) != 0;
}

/* `owner`: whose address sri_this_thread() is, or NULL. */
static inline void sri_gate_set(struct sri_gate *gate, const void *owner)
{
    __atomic_store_n(&gate->open, owner, __ATOMIC_RELAXED);
}

static inline const void *sri_this_thread(void)
{
    return &sri_thread_mark;
}

#endif
