/*
 * For tests with cmocka: the assertions of check.h as failures of the test under way, and tests whose teardown ends a
 * loop of sim.h that a failed assertion has left. Header only; link with cmocka.
 *
 *     static void a_file_is_read_whole_or_not_at_all(void **state)
 *     {
 *         (void)state;
 *         SR_SIM_FOR_EACH_SEED(sim, 1000) { … sr_assert_ok(sr_sim_ring_open(sim, &ring, 8)); … }
 *     }
 *     static const struct CMUnitTest tests[] = {sr_sim_unit_test(a_file_is_read_whole_or_not_at_all)};
 *
 * Errors: none.
 * Callable: in a test program, from its main thread.
 */
#ifndef SAFER_RING_CMOCKA_H
#define SAFER_RING_CMOCKA_H

/* What cmocka.h wants before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* Those of Debian 12 say nothing of C++. */
#ifdef __cplusplus
extern "C" {
#endif
#include <cmocka.h>
#ifdef __cplusplus
}
#endif

#undef SR_CHECK_FAILED_
#define SR_CHECK_FAILED_(file, line, text) \
    do {                                   \
        print_error("%s\n", text);         \
        _fail(file, line);                 \
    } while (0)

#include "safer_ring/check.h"
#include "safer_ring/sim.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Ends what a failed assertion has left, and says on standard error how to make that run again. */
static inline int sr_sim_teardown(void **state)
{
    (void)state;
    (void)sr_sim_loop_abandon();
    return 0;
}

/* A test with that teardown; and one with a setup of its own, and a state. */
#define sr_sim_unit_test(test) cmocka_unit_test_teardown(test, sr_sim_teardown)
#define sr_sim_unit_test_setup(test, setup) cmocka_unit_test_setup_teardown(test, setup, sr_sim_teardown)

#ifdef __cplusplus
}
#endif

#endif
