/*
 * Operations go on while the program does not call: by a thread, while it sleeps on a registered eventfd; and at its polls.
 */
#ifndef SRI_LIBURING_ATTEND_H
#define SRI_LIBURING_ATTEND_H

#include "engine/engine.h"

/* Starts it, for the life of the process. 0 or -errno. Once. */
int sri_uring_attend(struct sri_world world, struct sri_engine *engine);

/* What can go on by now does, and the rings' descriptors show what came of it. */
void sri_uring_go_on(struct sri_world world, struct sri_engine *engine);

#endif
