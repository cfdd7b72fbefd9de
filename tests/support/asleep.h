/*
 * Has a thread of a process gone to sleep in the kernel? Not either when it has ended.
 */
#ifndef TESTS_SUPPORT_ASLEEP_H
#define TESTS_SUPPORT_ASLEEP_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

static inline bool is_asleep(pid_t process, pid_t thread)
{
    char path[64];
    char state = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)process, (int)thread);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    bool known = fscanf(file, "%*d (%*[^)]) %c", &state) == 1;
    fclose(file);
    return known && state == 'S';
}

#endif
