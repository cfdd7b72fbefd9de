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

#endif
