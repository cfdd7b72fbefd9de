/*
 * The main function of a cmocka test program, one line at the end of its file:
 *
 *     static const struct CMUnitTest tests[] = {
 *         cmocka_unit_test(lending_a_lent_buffer_is_refused),
 *     };
 *
 *     SR_TEST_MAIN(tests)
 *
 * The program takes one argument, the name of the test to run (cmocka's filter: `*` and `?` are known); without it all
 * run. ctest runs each test in a process of its own, by the names it finds in the file: a count that differs from the
 * array's (a test named in a comment, an entry behind a macro) does not compile.
 */
#ifndef SR_TEST_MAIN_H
#define SR_TEST_MAIN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Reads the filter from the arguments and makes the output survive a crash. */
void sr_test_begin(int argc, char **argv);

/* cmocka's count of failures as an exit code. */
int sr_test_end(int failures);

#define SR_TEST_MAIN(tests) SR_TEST_MAIN_GROUP(tests, NULL, NULL)

/* With cmocka's setup and teardown of the whole group, each may be NULL. */
#define SR_TEST_MAIN_GROUP(tests, group_setup, group_teardown)                                         \
    _Static_assert(                                                                                    \
        sizeof(tests) / sizeof((tests)[0]) == SR_TEST_COUNT,                                           \
        "ctest found another number of cmocka_unit_test entries in this file than the array has");     \
    int main(int argc, char **argv)                                                                    \
    {                                                                                                  \
        sr_test_begin(argc, argv);                                                                     \
        return sr_test_end(cmocka_run_group_tests_name(__FILE__, tests, group_setup, group_teardown)); \
    }

#endif
