/*
 * Running the command safer-ring.
 */
#include "support/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/main.h"

char command_folder[64];
char command_out[65536];
char command_err[8192];

int command_make_folder(void **state)
{
    *state = NULL;
    snprintf(command_folder, sizeof command_folder, "/tmp/safer-ring-test-XXXXXX");
    return mkdtemp(command_folder) != NULL ? 0 : -1;
}

int command_remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", command_folder);
    return system(command);
}

void command_path(char *out, size_t size, const char *name)
{
    snprintf(out, size, "%s/%s", command_folder, name);
}

void command_read(const char *name, char *text, size_t size)
{
    char path[128];
    command_path(path, sizeof path, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, size - 1, file)] = 0;
    fclose(file);
}

void command_find(char *path, size_t size, const char *name)
{
    char self[512];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = 0;
    *strrchr(self, '/') = 0;
    snprintf(path, size, "%s/%s", self, name);
    if (access(path, X_OK) != 0)
        skip();
}

int command_run(const char *arguments)
{
    return command_run_as("safer-ring", "", arguments, ">out 2>err");
}

int command_run_as(const char *name, const char *before, const char *arguments, const char *streams)
{
    char path[600];
    char command[4096];
    command_find(path, sizeof path, name);
    command_write("out", "");
    command_write("err", "");
    snprintf(command, sizeof command, "cd '%s' && %s '%s' %s %s", command_folder, before, path, arguments,
             streams);
    int status = system(command);
    command_read("out", command_out, sizeof command_out);
    command_read("err", command_err, sizeof command_err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void command_write(const char *name, const char *text)
{
    char path[128];
    command_path(path, sizeof path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}
