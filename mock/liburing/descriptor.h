/*
 * Descriptors of this library's own, in the program's process.
 */
#ifndef SRI_LIBURING_DESCRIPTOR_H
#define SRI_LIBURING_DESCRIPTOR_H

/* Nothing for -1. By the system call: the program's close() is watched. */
void sri_uring_close_own(int fd);

/* The same object out of the program's way, which counts on the lowest free number; it is closed on exec. -1 for -1. */
int sri_uring_raise(int fd);

#endif
