/*
 * The fault points as libfiu's: switched on by its API (fiu_enable*), by fiu-run -c and by fiu-ctrl on a live process.
 *
 * As long as nobody switches a point, an external callback answers in libfiu's place what the tape has drawn; the exact
 * name of a point replaces that callback, a wildcard goes beside it. All of it stands behind one flag of our own, so that
 * a process without libfiu's tools never calls it: fiu_fail() costs some 40 ns.
 */
#ifndef SRI_FATE_LIBFIU_H
#define SRI_FATE_LIBFIU_H

#include <stdbool.h>

#include "fate/adversary.h"

/*
 * Is libfiu asked? From the start under fiu-run, which shows in the environment; else when told so. The first time, libfiu
 * is made ready.
 */
bool sri_libfiu_listens(void);
void sri_libfiu_listen(bool on);

/* Asks libfiu at each question, single-threaded. Static: any number of runs may use it. */
const struct sri_driver *sri_libfiu_driver(void);

/* How often libfiu's callback was called for a point, in this process. */
uint64_t sri_libfiu_called(enum sri_point point);

#endif
