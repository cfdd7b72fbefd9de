/*
 * May a process be named by a descriptor? Not on kernels before 5.3, nor under valgrind 3.19, which knows no such call: there
 * nobody can use a ring of another process on the engine.
 */
#ifndef TESTS_SUPPORT_NAME_PROCESSES_H
#define TESTS_SUPPORT_NAME_PROCESSES_H

#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline bool can_name_processes(void)
{
    long fd = syscall(SYS_pidfd_open, getpid(), 0);
    if (fd >= 0)
        close((int)fd);
    return fd >= 0;
}

#endif
