/*
 * System calls caught from below.
 */
#ifndef SRI_RUN_TRAP_H
#define SRI_RUN_TRAP_H

/* For this thread and all that come after it. 0; -errno: seccomp refuses; -EOPNOTSUPP: not made for this processor. */
int sri_trap_install(void);

/* As mmap(2) with these six arguments, whose fifth may be a ring: an address or -errno. */
long sri_trap_map(const long *arguments);

#endif
