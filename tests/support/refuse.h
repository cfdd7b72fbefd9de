/*
 * System calls that the kernel refuses, by a seccomp filter: for the rest of the process, so in a child.
 */
#ifndef TESTS_SUPPORT_REFUSE_H
#define TESTS_SUPPORT_REFUSE_H

#include <stdbool.h>

struct refusal {
    long number; /* SYS_… */
    int error;
    const char *name;
};

/* From now on this call (SYS_…) answers -error in this thread and its children. false: filters can't be had here. */
bool refuse_system_call(long number, int error);

/* The same in a body that assert_refused_in_child() runs, which is skipped where there are no filters. */
void refuse_or_skip(const struct refusal *refusal);

/*
 * Runs the body in a child, with a copy of the refusal, and asserts that it succeeds. Nothing is run where a sanitizer or
 * valgrind needs the call itself.
 */
void assert_refused_in_child(void (*body)(void *argument), const struct refusal *refusal);

#endif
