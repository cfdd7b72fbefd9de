/*
 * A program of this room as a C program against liburing, which needs nothing of this project.
 */
#ifndef TESTS_DIFFERENTIAL_AS_C_H
#define TESTS_DIFFERENTIAL_AS_C_H

#include <stdio.h>

#include "play.h"

void df_print_as_c(FILE *out, const struct df_program *program, const struct df_plan *plan);

#endif
