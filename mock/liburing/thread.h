/*
 * Threads of this library's own, in the program's process.
 */
#ifndef SRI_LIBURING_THREAD_H
#define SRI_LIBURING_THREAD_H

/* Starts one, for the life of the process, with all signals blocked but SIGSYS. 0 or -errno. */
int sri_uring_thread(void *(*run)(void *));

/* How many there are, which are none of the program's. */
unsigned sri_uring_threads(void);

/* In a forked child: there are none. */
void sri_uring_threads_forget(void);

#endif
