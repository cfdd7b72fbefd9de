/*
 * A thread that carries out what forked children ask of this process's rings.
 */
#ifndef SRI_LIBURING_SERVE_H
#define SRI_LIBURING_SERVE_H

#include <stdbool.h>

#include "engine/engine.h"

/* Before a fork of a process with rings: makes the door, the first time. False: there is none. */
bool sri_serve_before_fork(void);
/* In the parent: starts the thread, the first time. `engine` is this process's. */
void sri_serve_after_fork(struct sri_engine *engine);
/* In the child: its end of the door, or -1. The rest of it is its parent's. */
int sri_serve_take_door(void);

/* May a child that lives do something by a ring of this process? */
bool sri_serve_has_children(void);

#endif
