/*
 * What io_uring_register offers, by purpose. Each takes the system call's argument and count and checks them itself.
 */
#ifndef SRI_ENGINE_REGISTERS_H
#define SRI_ENGINE_REGISTERS_H

#include "engine/request.h"

/* tables.c: files and buffers, the old forms and those with tags. */
int sri_register_files(struct sri_ring *ring, const void *arg, uint32_t count);
int sri_unregister_files(struct sri_ring *ring, const void *arg, uint32_t count);
int sri_register_files_update(struct sri_ring *ring, const void *arg, uint32_t count);
int sri_register_buffers(struct sri_ring *ring, const void *arg, uint32_t count);
int sri_unregister_buffers(struct sri_ring *ring, const void *arg, uint32_t count);
int sri_register_resources(struct sri_ring *ring, const void *arg, uint32_t size, bool files);
int sri_register_update(struct sri_ring *ring, const void *arg, uint32_t size, bool files);

/* eventfd.c */
int sri_register_eventfd(struct sri_ring *ring, const void *arg, uint32_t count, bool only_async);
int sri_unregister_eventfd(struct sri_ring *ring, const void *arg, uint32_t count);

/* restrictions.c */
int sri_register_restrictions(struct sri_ring *ring, const void *arg, uint32_t count);
bool sri_may_register(const struct sri_ring *ring, uint32_t opcode);
bool sri_may_submit(const struct sri_ring *ring, const struct io_uring_sqe *sqe);
void sri_restrictions_drop(struct sri_ring *ring);

/* personality.c */
int sri_register_personality(struct sri_ring *ring, const void *arg, uint32_t count);
int sri_unregister_personality(struct sri_ring *ring, const void *arg, uint32_t id);
bool sri_personality_known(const struct sri_ring *ring, uint16_t id);
void sri_personalities_drop(struct sri_ring *ring);

/* iowq.c */
int sri_register_iowq_affinity(struct sri_ring *ring, const void *arg, uint32_t size);
int sri_unregister_iowq_affinity(const void *arg, uint32_t count);
int sri_register_iowq_max_workers(struct sri_ring *ring, void *arg, uint32_t count);

/* ring_slots.c: slots of the calling thread. */
int sri_register_ring_fds(struct sri_engine *engine, void *arg, uint32_t count);
int sri_unregister_ring_fds(struct sri_engine *engine, const void *arg, uint32_t count);
int sri_ring_by_slot(struct sri_engine *engine, int slot, struct sri_ring **out);
/* No slot stands for it any more. */
void sri_ring_slots_forget(struct sri_ring *ring);
void sri_ring_slots_clean_up(struct sri_engine *engine);

#endif
