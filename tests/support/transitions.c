/*
 * Which transitions of the machines a test program made: appended to the file that SAFER_RING_TRANSITIONS names, when the
 * program ends. Only in builds that measure coverage.
 */
#include "support/transitions.h"

#ifdef SRI_COUNT_TRANSITIONS

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/machines.h"

#define CELLS 512u

static atomic_ullong made[MACHINES][CELLS];

static void count(const int16_t *cell)
{
    for (size_t i = 0; i < MACHINES; i++) {
        ptrdiff_t at = cell - machines[i]->table;
        if (at >= 0 && at < machines[i]->state_count * machines[i]->event_count) {
            atomic_fetch_add_explicit(&made[i][at], 1, memory_order_relaxed);
            return;
        }
    }
}

/* One write per machine and end of program, so that programs that end at once do not mix their lines. */
static void tell(void)
{
    static char text[1 << 16];
    size_t used = 0;
    const char *path = getenv("SAFER_RING_TRANSITIONS");
    if (path == NULL)
        return;
    for (size_t i = 0; i < MACHINES; i++)
        for (unsigned at = 0; at < (unsigned)machines[i]->state_count * machines[i]->event_count; at++) {
            unsigned long long times = atomic_load(&made[i][at]);
            if (times > 0 && used < sizeof text - 200)
                used +=
                    (size_t)snprintf(text + used, sizeof text - used, "%s %s %s %llu\n", machines[i]->name,
                                     machines[i]->states[at / machines[i]->event_count],
                                     machines[i]->events[at % machines[i]->event_count], times);
        }
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    if (write(fd, text, used) < 0)
        perror(path);
    close(fd);
}

void sr_count_transitions(void)
{
    sri_on_transition = count;
    atexit(tell);
}

#else

void sr_count_transitions(void)
{
}

#endif
