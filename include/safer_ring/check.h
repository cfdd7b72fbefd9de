/*
 * Assertions for tests of programs that use this library, in terms of the library: status codes by name, who owns a buffer,
 * a panic that is expected. Header only.
 *
 * One that does not hold says where it stands, and what it found, on standard error and calls abort(3), as assert(3)
 * does; under the loops of sim.h that also tells the run and how to make it again. cmocka.h has the same assertions as
 * failures of the test under way.
 *
 * Errors: none: an assertion that does not hold does not return.
 * Callable: wherever what it looks at may be looked at; never blocks.
 */
#ifndef SAFER_RING_CHECK_H
#define SAFER_RING_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "safer_ring/buffer.h"
#include "safer_ring/error.h"
#include "safer_ring/ring.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Who is told of an assertion that does not hold; cmocka.h puts its own here. */
static inline void sr_check_failed_plainly_(const char *file, int line, const char *text)
{
    fprintf(stderr, "%s:%d: error: %s\n", file, line, text);
    fflush(stderr);
}

#ifndef SR_CHECK_FAILED_
#define SR_CHECK_FAILED_(file, line, text) sr_check_failed_plainly_(file, line, text)
#endif

/* Ends the test; abort() is for compilers and analyzers, who don't know that it does. */
#define SR_CHECK_STOP_(format, ...)                                     \
    do {                                                                \
        char sr_text_[512];                                             \
        (void)snprintf(sr_text_, sizeof sr_text_, format, __VA_ARGS__); \
        SR_CHECK_FAILED_(__FILE__, __LINE__, sr_text_);                 \
        abort();                                                        \
    } while (0)

/*
 * The call returns 0. In a form that clang's ownership analysis sees into (docs/ownership.md): what the call gives if it works
 * is there afterwards.
 */
#define sr_assert_ok(call)                                                                                \
    do {                                                                                                  \
        int sr_status_ = (call);                                                                          \
        if (sr_status_ != 0)                                                                              \
            SR_CHECK_STOP_("%s is %s (%d), and should be 0", #call, sr_err_name(sr_status_), sr_status_); \
    } while (0)

/* The call is refused, with this code. */
#define sr_assert_refused(call, code)                                                              \
    do {                                                                                           \
        int sr_status_ = (call);                                                                   \
        int sr_wanted_ = (code);                                                                   \
        if (sr_status_ != sr_wanted_)                                                              \
            SR_CHECK_STOP_("%s is %s (%d), and should be %s (%d)", #call, sr_err_name(sr_status_), \
                           sr_status_, sr_err_name(sr_wanted_), sr_wanted_);                       \
    } while (0)

/* The buffer of a handle is the program's: it may be opened, lent, released (BUF-1). */
#define sr_assert_mine(buffer)                                                             \
    do {                                                                                   \
        if (!sr_buffer_is_user_owned(buffer))                                              \
            SR_CHECK_STOP_("%s is %s, and should be the program's", #buffer,               \
                           (buffer) == NULL ? "NULL: it has moved" : "not the program's"); \
    } while (0)

/* The buffer of a copied pointer is somebody else's: a guard's, the kernel's, a completion's (BUF-4). */
#define sr_assert_not_mine(buffer)                                       \
    do {                                                                 \
        if ((buffer) == NULL || sr_buffer_is_user_owned(buffer))         \
            SR_CHECK_STOP_("%s is %s, and should be lent", #buffer,      \
                           (buffer) == NULL ? "NULL" : "the program's"); \
    } while (0)

/* The handle was given away: it is NULL (BUF-2). */
#define sr_assert_moved(handle)                                                         \
    do {                                                                                \
        if ((handle) != NULL)                                                           \
            SR_CHECK_STOP_("%s still holds something, and should have moved", #handle); \
    } while (0)

/* What is in flight in a ring, orphans included; and how many orphans. */
#define sr_assert_in_flight(ring, count)                                                                     \
    do {                                                                                                     \
        uint32_t sr_found_ = sr_ring_in_flight(ring);                                                        \
        uint32_t sr_wanted_ = (count);                                                                       \
        if (sr_found_ != sr_wanted_)                                                                         \
            SR_CHECK_STOP_("%s has %u operations in flight, and should have %u", #ring, (unsigned)sr_found_, \
                           (unsigned)sr_wanted_);                                                            \
    } while (0)
#define sr_assert_orphans(ring, count)                                                          \
    do {                                                                                        \
        uint32_t sr_found_ = sr_ring_orphan_count(ring);                                        \
        uint32_t sr_wanted_ = (count);                                                          \
        if (sr_found_ != sr_wanted_)                                                            \
            SR_CHECK_STOP_("%s has %u orphans, and should have %u", #ring, (unsigned)sr_found_, \
                           (unsigned)sr_wanted_);                                               \
    } while (0)

/* How often sr_expect_panic() was told, and of how many operations. */
struct sr_expected_panic_ {
    uint32_t panics;
    uint32_t count;
};
static inline void sr_panic_came_(const struct sr_panic *panic, void *user)
{
    struct sr_expected_panic_ *expected = (struct sr_expected_panic_ *)user;
    expected->panics++;
    expected->count = panic->count;
}

/*
 * Closing the ring panics, with `count` operations in flight, and changes nothing (RING-1, RING-3): the ring is whole
 * afterwards. The process's panic handler is the default one after it.
 */
#define sr_expect_panic(close_call, operations)                                                       \
    do {                                                                                              \
        struct sr_expected_panic_ sr_panic_ = {0, 0};                                                 \
        uint32_t sr_operations_ = (operations);                                                       \
        sr_set_panic_handler(sr_panic_came_, &sr_panic_);                                             \
        int sr_closed_ = (close_call);                                                                \
        sr_set_panic_handler(NULL, NULL);                                                             \
        if (sr_panic_.panics != 1)                                                                    \
            SR_CHECK_STOP_("%s panics %u times (and is %s), and should once", #close_call,            \
                           (unsigned)sr_panic_.panics, sr_err_name(sr_closed_));                      \
        if (sr_panic_.count != sr_operations_)                                                        \
            SR_CHECK_STOP_("%s panics with %u operations in flight, and should with %u", #close_call, \
                           (unsigned)sr_panic_.count, (unsigned)sr_operations_);                      \
    } while (0)

#ifdef __cplusplus
}
#endif

#endif
