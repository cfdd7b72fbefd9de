/*
 * What those files share that stand in for functions of the C library.
 */
#ifndef SRI_RUN_INTERPOSE_H
#define SRI_RUN_INTERPOSE_H

#include <stdbool.h>

/* Is this an address of the watcher's own code? What it calls itself is not the program's doing. */
bool sri_interpose_is_ours(const void *site);

#endif
