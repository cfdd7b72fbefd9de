/*
 * Memory with two views: one for the program, which can be closed while the kernel works in the other. For buffers in
 * processes that ask for guard pages; thread-safe.
 */
#ifndef SRI_BASE_TWIN_H
#define SRI_BASE_TWIN_H

#include <stdbool.h>
#include <stddef.h>

/* Somebody in this process wants buffers of twin memory from now on (or: does not any more). Counted. */
void sri_twins_want(bool wanted);
bool sri_twins_wanted(void);

/* The program's view of so many bytes, cleared, on pages of their own with a closed one behind; NULL: none to be had. */
void *sri_twin_new(size_t size);
void sri_twin_free(void *bytes);

/* The kernel's view of an address of either view; NULL: it is in no twin. */
void *sri_twin_for_kernel(const void *address);

/* Closes or opens the pages of the program's view that this range (of either view) touches. false: it is in no twin. */
bool sri_twin_close(const void *address, size_t length);
bool sri_twin_open(const void *address, size_t length);

/* Is this address in a program's view? For a handler of signals: takes no lock, and may err while twins are made. */
bool sri_twin_holds(const void *address);

#endif
