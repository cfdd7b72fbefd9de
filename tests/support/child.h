/*
 * A piece of a test in a forked child: what must abort, and what must not, is seen from outside.
 */
#ifndef TESTS_SUPPORT_CHILD_H
#define TESTS_SUPPORT_CHILD_H

#include <stdbool.h>
#include <stddef.h>

/* How a child ended, and what it wrote on standard error. */
struct child {
    int status; /* as waitpid(2) */
    char text[8192];
};

/* Runs `body` in a child, which exits with 0 when it returns. Assertions of cmocka don't work inside; see child_check(). */
void run_in_child(struct child *child, void (*body)(void *argument), void *argument);

/* For bodies: ends the child with a message and exit code 1 when the condition does not hold. */
#define child_check(condition) child_check_((condition), #condition, __FILE__, __LINE__)
void child_check_(bool holds, const char *what, const char *file, int line);

bool child_succeeded(const struct child *child);
bool child_aborted(const struct child *child);

#endif
