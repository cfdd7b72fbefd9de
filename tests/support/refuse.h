/*
 * System calls that the kernel refuses, by a seccomp filter: for the rest of the process, so in a child.
 */
#ifndef TESTS_SUPPORT_REFUSE_H
#define TESTS_SUPPORT_REFUSE_H

#include <stdbool.h>

/* From now on this call (SYS_…) answers -error in this thread and its children. false: filters can't be had here. */
bool refuse_system_call(long number, int error);

#endif
