/*
 * A thread that lets operations go on while the program sleeps on a registered eventfd.
 */
#ifndef SRI_LIBURING_ATTEND_H
#define SRI_LIBURING_ATTEND_H

#include "engine/engine.h"

/* Starts it, for the life of the process. 0 or -errno. Once. */
int sri_uring_attend(struct sri_world world, struct sri_engine *engine);

#endif
