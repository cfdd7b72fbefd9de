/*
 * A worker's signals. The command is told to stop, and tells its workers through shared memory: a run is not cut short.
 */
#define _GNU_SOURCE
#include "explore/worker.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

void sri_worker_begin(pid_t parent)
{
    static const int meant_for_the_command[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof meant_for_the_command / sizeof meant_for_the_command[0]; i++)
        signal(meant_for_the_command[i], SIG_IGN);
    /* A scenario is held against this too: a closed pipe kills nobody. */
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1); /* it was gone before that was asked for */
}
