/*
 * The world of this machine's descriptors, for the engine.
 *
 * It never changes a descriptor's flags. What the object can answer at once is asked for without blocking; what can be
 * waited for is watched by one epoll instance; what may still block goes to a worker thread.
 */
#ifndef SRI_HOST_HOST_H
#define SRI_HOST_HOST_H

#include "engine/world.h"

/* A world nobody has yet. -ENOMEM, -EMFILE, … */
int sri_host_world_new(struct sri_world *out);

/*
 * Tells the world which engine to call back: once, after sri_engine_new() and before the engine is used. Until then
 * nothing may be started in it.
 */
void sri_host_world_attach(struct sri_world world, struct sri_engine *engine);

/*
 * From the beginning: a world that answers the same calls in the same way, as far as it can. Storage uses no worker, and
 * time is logical.
 */
void sri_host_world_repeat(struct sri_world world);

/* The next call found nothing to do the last time: what is due next is due when it begins. From any thread. */
void sri_host_world_hurry(struct sri_world world);

/* Inside a call, from an observer: the program asks for time, so it is the machine's from here on. True: it was not. */
bool sri_host_world_keep_time(struct sri_world world);

/* In a forked child, of a world that was locked before: its copy is left alone, and nobody holds it. */
void sri_host_world_leave(struct sri_world world);

/* How many threads this world has for what may block. */
uint32_t sri_host_world_workers(struct sri_world world);

/* A number of a held object in this process, as long as it is held. */
int sri_host_world_number(const struct sri_file *file);

/* Readable when some operation of this world can go on. */
int sri_host_world_descriptor(struct sri_world world);

/*
 * Is a ring's descriptor gone, closed by the program behind this world's back? Its number is then no longer this world's to
 * close; the ring itself is closed as ever.
 */
bool sri_host_world_lost_ring(struct sri_world world, int fd);

/* From which number on this library's own descriptors lie; and a duplicate there, closed on exec: its number or -errno. */
int sri_host_high(void);
int sri_host_duplicate_high(int high, int fd);

/* The machine's own time (CLOCK_MONOTONIC), in nanoseconds. */
uint64_t sri_host_real_ns(void);

#endif
