/*
 * The command safer-ring, run from outside in a folder of its own: for tests of what it says and leaves.
 */
#ifndef SR_TEST_COMMAND_H
#define SR_TEST_COMMAND_H

#include <stddef.h>

extern char command_folder[64];
extern char command_out[65536];
extern char command_err[8192];

/* Group setup and teardown. */
int command_make_folder(void **state);
int command_remove_folder(void **state);

void command_path(char *out, size_t size, const char *name);
void command_read(const char *name, char *text, size_t size);
void command_write(const char *name, const char *text);

/* The program of this name that stands beside this one. Skips the test where there is none. */
void command_find(char *path, size_t size, const char *name);

/* Runs the command that stands beside this program; its exit code, with what it wrote in command_out and command_err. */
int command_run(const char *arguments);
/* … or another one; a shell's words before it, and other redirections than ">out 2>err". */
int command_run_as(const char *name, const char *before, const char *arguments, const char *streams);

#endif
