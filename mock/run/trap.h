/*
 * System calls caught from below.
 */
#ifndef SRI_RUN_TRAP_H
#define SRI_RUN_TRAP_H

/* For this thread and all that come after it. 0; -errno: seccomp refuses; -EOPNOTSUPP: not made for this processor. */
int sri_trap_install(void);

#endif
