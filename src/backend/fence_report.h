/*
 * A handler of SIGSEGV that says of a fault on a guard page what it is, and where; whoever handled the signal before gets
 * it then.
 */
#ifndef SRI_BACKEND_FENCE_REPORT_H
#define SRI_BACKEND_FENCE_REPORT_H

#include <stdbool.h>

/* Counted: the handler stands while somebody wants it. */
void sri_fence_report(bool wanted);

#endif
