/*
 * Forked children of tests. A child never runs the exit handlers of its parent.
 */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "main.h"

static _Noreturn void be_child(int out, void (*body)(void *argument), void *argument)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, SIG_DFL);
    dup2(out, STDERR_FILENO);
    body(argument);
    _exit(0);
}

static void read_all(int in, char *text, size_t size)
{
    size_t length = 0;
    for (;;) {
        char spill[256];
        bool room = length + 1 < size;
        ssize_t got = read(in, room ? text + length : spill, room ? size - 1 - length : sizeof spill);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        length += room ? (size_t)got : 0;
    }
    text[length] = '\0';
}

void run_in_child(struct child *child, void (*body)(void *argument), void *argument)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        be_child(ends[1], body, argument);
    }
    close(ends[1]);
    read_all(ends[0], child->text, sizeof child->text);
    close(ends[0]);
    while (waitpid(pid, &child->status, 0) < 0)
        assert_int_equal(errno, EINTR);
}

void child_check_(bool holds, const char *what, const char *file, int line)
{
    if (holds)
        return;
    dprintf(STDERR_FILENO, "%s:%d: %s does not hold\n", file, line, what);
    _exit(1);
}

bool child_succeeded(const struct child *child)
{
    return WIFEXITED(child->status) && WEXITSTATUS(child->status) == 0;
}

bool child_aborted(const struct child *child)
{
    return WIFSIGNALED(child->status) && WTERMSIG(child->status) == SIGABRT;
}
