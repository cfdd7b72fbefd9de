/*
 * What every cmocka test program does before and after its tests.
 */
#include "main.h"
#include "transitions.h"

#include <stdio.h>
#include <stdlib.h>

void sr_test_begin(int argc, char **argv)
{
    sr_count_transitions();
    if (argc > 2) {
        fprintf(stderr, "usage: %s [TEST]\n", argv[0]);
        exit(2);
    }

    /* A sanitizer's report must find the name of the test above it. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2)
        cmocka_set_test_filter(argv[1]);
}

int sr_test_end(int failures)
{
    return failures == 0 ? 0 : 1;
}
