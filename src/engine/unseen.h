/*
 * Functions that sanitizers do not see: they read and write the program's memory as a kernel does, whatever is poisoned.
 */
#ifndef SRI_ENGINE_UNSEEN_H
#define SRI_ENGINE_UNSEEN_H

#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#define SRI_UNSEEN_ATTRIBUTE no_sanitize("address", "thread", "memory", "undefined")
#else
#define SRI_UNSEEN_ATTRIBUTE no_sanitize("address", "thread", "undefined")
#endif

#define SRI_UNSEEN __attribute__((SRI_UNSEEN_ATTRIBUTE, noinline))

/* Part of a function that is not seen. */
#define SRI_UNSEEN_INLINE __attribute__((SRI_UNSEEN_ATTRIBUTE, always_inline)) static inline

/* Eight bytes at any address, of any type. */
typedef uint64_t __attribute__((may_alias, aligned(1))) sri_loose;

/* user_sum.c: sri_user_sum() without valgrind's marks. */
uint64_t sri_sum_unseen(const unsigned char *bytes, size_t length, uint64_t seed);

/* sri_user_sum_edges(), likewise. */
uint64_t sri_sum_edges_unseen(const unsigned char *bytes, size_t length, uint64_t seed);

/* sri_sum_unseen() without the processor's help, and what it must agree with; for tests. */
uint64_t sri_sum_plainly(const unsigned char *bytes, size_t length, uint64_t seed);

#endif
