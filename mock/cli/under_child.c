/*
 * One run of somebody else's program, with the watcher preloaded.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/under.h"

#define LIBRARY "libsafer_ring_run.so"

/* Beside the command, as it is built and as it is installed. */
static int find_library(char *library, size_t size)
{
    static const char installed[] = "../" SAFER_RING_LIBRARY_FOLDER;
    static const char *const folders[] = {"../lib", installed, "."};
    const char *given = getenv("SAFER_RING_RUN_LIBRARY");
    char own[SRI_UNDER_PATH];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    if (given != NULL) {
        snprintf(library, size, "%s", given);
        return access(library, R_OK) == 0 ? 0
                                          : sri_complain("SAFER_RING_RUN_LIBRARY `%s` can't be read", given);
    }
    own[length > 0 ? length : 0] = 0;
    char *slash = strrchr(own, '/');
    if (slash != NULL)
        *slash = 0;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(library, size, "%s/%s/%s", own, folders[i], LIBRARY);
        if (access(library, R_OK) == 0)
            return 0;
    }
    return sri_complain(LIBRARY " is not beside the command; set SAFER_RING_RUN_LIBRARY to its path");
}

static void preload(const char *library)
{
    char all[4096];
    const char *others = getenv("LD_PRELOAD");
    if (others != NULL && others[0] != 0)
        snprintf(all, sizeof all, "%s:%s", library, others);
    else
        snprintf(all, sizeof all, "%s", library);
    setenv("LD_PRELOAD", all, 1);
}

/* The command that is killed takes the program along, which nobody would look after. */
static _Noreturn void become(const struct sri_under *under, const char *library, const char *folder)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sri_signals_restore();
    preload(library);
    setenv(SRI_RUN_VARIABLE, folder, 1);
    execvp(under->program[0], under->program);
    sri_complain("`%s` can't be run: %s", under->program[0], strerror(errno));
    _exit(127);
}

static volatile sig_atomic_t running; /* the program's process; 0: none */

/* A key has reached the program by itself. */
static void pass_on(int number, bool from_terminal)
{
    if (running > 0 && !from_terminal)
        kill(running, number);
}

int sri_under_watch(void)
{
    return sri_interrupt_watch(pass_on);
}

static int wait_for(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

/* What it left running is waited for as well, so that all of its counts are there. */
static void wait_for_descendants(void)
{
    int status;
    while (waitpid(-1, &status, 0) > 0 || errno == EINTR)
        continue;
}

int sri_under_run(const struct sri_under *under, uint64_t seed, struct sri_under_outcome *outcome)
{
    char library[2 * SRI_UNDER_PATH];
    char folder[SRI_UNDER_PATH];
    memset(outcome, 0, sizeof *outcome);
    int rc = find_library(library, sizeof library);
    if (rc == 0)
        rc = sri_under_folder_make(under, seed, folder);
    if (rc != 0)
        return rc;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    fflush(NULL);
    /* A key that ends the program ends it, and not the report. */
    void (*quit)(int) = signal(SIGQUIT, SIG_IGN);
    pid_t child = fork();
    running = child > 0 ? child : 0;
    if (child == 0) {
        signal(SIGQUIT, quit);
        become(under, library, folder);
    }
    if (child < 0) {
        rc = sri_complain("no process can be made: %s", strerror(errno));
    } else {
        if (sri_is_stopped()) /* it came before the process was known */
            kill(child, sri_interrupted());
        outcome->status = wait_for(child);
        running = 0;
        wait_for_descendants();
        rc = sri_under_folder_read(folder, under, outcome);
    }
    signal(SIGQUIT, quit);
    sri_under_folder_remove(folder);
    return rc;
}
