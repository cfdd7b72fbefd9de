/*
 * Descriptors of this library's own, in the program's process.
 */
#ifndef SRI_LIBURING_DESCRIPTOR_H
#define SRI_LIBURING_DESCRIPTOR_H

/* Nothing for -1. By the system call: the program's close() is watched. */
void sri_uring_close_own(int fd);

/*
 * Where there is one thread: the table of descriptors grows to where those will lie. With several the kernel waits until each
 * processor has been through its scheduler (16 ms, measured).
 */
void sri_uring_make_room(void);

/* The same object out of the program's way, which counts on the lowest free number; it is closed on exec. -1 for -1. */
int sri_uring_raise(int fd);

#endif
