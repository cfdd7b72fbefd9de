/*
 * What every forked worker begins with: it ends when its command does, and by no key that was meant for the command.
 */
#ifndef SRI_EXPLORE_WORKER_H
#define SRI_EXPLORE_WORKER_H

#include <sys/types.h>

/* In the child, at once; `parent` is the process that forked it. */
void sri_worker_begin(pid_t parent);

#endif
