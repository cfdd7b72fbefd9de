/*
 * Status codes.
 *
 * A function that can fail returns 0 or a negative code. -1 … -4095 are the system's own errors (-errno); the library's
 * own lie below -4095, so that the two never meet. What an operation's kernel result is, is data (sr_take), not a
 * status.
 */
#ifndef SAFER_RING_ERROR_H
#define SAFER_RING_ERROR_H

#include <errno.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The result must be looked at. Compare with 0: `if (rc != 0)`, `if (!f())`; see docs/ownership.md. */
#define SR_MUST_USE __attribute__((warn_unused_result))

/* Inline in the program that calls it, and a symbol of the library for whoever looks it up. */
#define SR_INLINE inline __attribute__((always_inline))

/*
 * Ownership of buffers, operations and completions at compile time: clang's thread safety analysis
 * (-Wthread-safety) follows them as capabilities. Under gcc, whose parser refuses the arguments, and for anyone who
 * defines SR_NO_OWNERSHIP_ANALYSIS, these expand to nothing.
 */
#if defined(__clang__) && !defined(SR_NO_OWNERSHIP_ANALYSIS)
#define SR_CAPABILITY(name) __attribute__((capability(name)))
#define SR_TAKES(...) __attribute__((release_capability(__VA_ARGS__)))
#define SR_GIVES(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define SR_GIVES_IF_OK(...) __attribute__((try_acquire_capability(0, __VA_ARGS__)))
#define SR_TAKES_IF_OK(...) SR_TAKES(__VA_ARGS__) __attribute__((try_acquire_capability(1, __VA_ARGS__)))
#define SR_NEEDS(...) __attribute__((requires_capability(__VA_ARGS__)))
#define SR_UNCHECKED __attribute__((no_thread_safety_analysis))
#else
#define SR_CAPABILITY(name)
#define SR_TAKES(...)
#define SR_GIVES(...)
#define SR_GIVES_IF_OK(...)
#define SR_TAKES_IF_OK(...)
#define SR_NEEDS(...)
#define SR_UNCHECKED
#endif

enum {
    SR_EBUFFER_IN_FLIGHT =
        -5001, /* the buffer is not the user's: the kernel, a guard, a completion or a pool has it */
    SR_EOPERATION_PENDING = -5002,    /* the operation has no completion yet */
    SR_EOPERATIONS_IN_FLIGHT = -5003, /* the ring still has operations in flight */
    SR_ENOT_REGISTERED = -5004,       /* a fixed file or buffer slot that is not registered (any more) */
    SR_EPOOL_EMPTY = -5005,           /* every buffer of the pool is in use */
    SR_EINVALID_STATE = -5006,        /* not allowed in the state the object is in, or inside a callback */
    SR_ESTALE = -5007,         /* a handle whose operation has ended, or that never was one of this ring */
    SR_ERING_BORROWED = -5008, /* a borrowing call is pending on the ring */
    SR_EWRONG_THREAD = -5009,  /* the ring belongs to another thread */
    SR_EWRONG_PROCESS = -5010, /* the ring belongs to the parent process */
    SR_ECYCLE = -5011,         /* the dependency would close a cycle */
    SR_EFOREIGN = -5012,       /* the object belongs to another pool or ring */
    SR_ENOTHING_IN_FLIGHT = -5013, /* nothing in flight could end the wait */
    SR_EBATCH_EMPTY = -5014,       /* the batch has no operation */
    SR_EQUEUE_FULL = -5015,        /* completions must be taken first: the ring's queue of them is full */
};

/*
 * The name of a code: "SR_EBUFFER_IN_FLIGHT", "EAGAIN"; "unknown" for others. Static storage.
 * Callable: anywhere, also from a signal handler; never blocks.
 */
const char *sr_err_name(int code);

/*
 * One sentence for a code, the system's or the library's, without a full stop. Static storage (for the system's codes
 * as strerrordesc_np(3)).
 * Callable: from any thread; never blocks.
 */
const char *sr_strerror(int code);

#ifdef __cplusplus
}
#endif

#endif
