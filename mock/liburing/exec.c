/*
 * exec(3), stood in for: each does what it always did. A forked child that becomes another program says so before to those
 * whose rings it has used, since nothing that they see later tells it from its end (child.c).
 */
#include <alloca.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "liburing/child.h"

/* After it there is nothing to do, or all is as before. */
#define STANDS_IN(name, parameters, arguments)                \
    static __typeof__(name) *next_##name;                     \
    int name parameters                                       \
    {                                                         \
        if (next_##name == NULL)                              \
            *(void **)&next_##name = dlsym(RTLD_NEXT, #name); \
        sri_child_leaves(true);                               \
        (void)next_##name arguments;                          \
        int saved = errno;                                    \
        sri_child_leaves(false);                              \
        errno = saved;                                        \
        return -1;                                            \
    }

STANDS_IN(execve, (const char *path, char *const arguments[], char *const variables[]),
          (path, arguments, variables))
STANDS_IN(execv, (const char *path, char *const arguments[]), (path, arguments))
STANDS_IN(execvp, (const char *file, char *const arguments[]), (file, arguments))
STANDS_IN(execvpe, (const char *file, char *const arguments[], char *const variables[]),
          (file, arguments, variables))
STANDS_IN(fexecve, (int fd, char *const arguments[], char *const variables[]), (fd, arguments, variables))
STANDS_IN(execveat, (int fd, const char *path, char *const arguments[], char *const variables[], int flags),
          (fd, path, arguments, variables, flags))

/* How many arguments there are, up to the null pointer, which is left out. */
static size_t count(const char *first, va_list list)
{
    size_t found = 0;
    for (const char *one = first; one != NULL; one = va_arg(list, const char *))
        found++;
    return found;
}

/* Those with their arguments one by one: as an array, on the stack as in the C library, for a child between fork and exec. */
#define GATHER(first)                                           \
    va_list list;                                               \
    va_start(list, first);                                      \
    size_t found = count(first, list);                          \
    va_end(list);                                               \
    char **arguments = alloca((found + 1) * sizeof *arguments); \
    va_start(list, first);                                      \
    arguments[0] = (char *)(uintptr_t)(first);                  \
    for (size_t i = 1; i <= found; i++)                         \
    arguments[i] = va_arg(list, char *)

int execl(const char *path, const char *first, ...)
{
    GATHER(first);
    va_end(list);
    return execv(path, arguments);
}

int execlp(const char *file, const char *first, ...)
{
    GATHER(first);
    va_end(list);
    return execvp(file, arguments);
}

int execle(const char *path, const char *first, ...)
{
    GATHER(first);
    char *const *variables = va_arg(list, char *const *);
    va_end(list);
    return execve(path, arguments, variables);
}

/* Looked for early: a child between fork and exec should not have to. */
__attribute__((constructor)) static void find(void)
{
    *(void **)&next_execve = dlsym(RTLD_NEXT, "execve");
    *(void **)&next_execv = dlsym(RTLD_NEXT, "execv");
    *(void **)&next_execvp = dlsym(RTLD_NEXT, "execvp");
    *(void **)&next_execvpe = dlsym(RTLD_NEXT, "execvpe");
    *(void **)&next_fexecve = dlsym(RTLD_NEXT, "fexecve");
    *(void **)&next_execveat = dlsym(RTLD_NEXT, "execveat");
}
