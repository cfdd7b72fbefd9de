/*
 * A program that has used a ring becomes another one, by exec in a child: itself, which uses a ring too; then, with an empty
 * environment and so without the watcher, the ones that its arguments name. Those use no ring, but calls that are caught where the
 * watcher is.
 */
#include <fcntl.h>
#include <sys/wait.h>

#include "own_calls.h"
#include "program.h"

extern char **environ;

static void use_calls(void)
{
    struct pollfd none;
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED && own_munmap(page, 4096) == 0);
    CHECK(own_poll(&none, 0, 0) == 0);
    int fd = open("/dev/null", O_RDONLY);
    CHECK(fd >= 0 && own_close(fd) == 0);
    FILE *file = fopen("/dev/null", "r");
    CHECK(file != NULL && fclose(file) == 0);
}

static void use_ring(void)
{
    struct io_uring ring;
    open_ring(&ring, 4, 0);
    io_uring_prep_nop(io_uring_get_sqe(&ring));
    submit_all(&ring);
    CHECK(finish_one(&ring) == 0);
    io_uring_queue_exit(&ring);
}

/* Once more, and so on: each time the watcher begins anew, in the same process. */
static void become_again(unsigned left)
{
    char number[16];
    use_ring();
    if (left == 0)
        return;
    snprintf(number, sizeof number, "%u", left - 1);
    CHECK(execl("/proc/self/exe", "again", "again", number, (char *)NULL) == 0);
}

static void becomes(const char *path, const char *part, char **environment)
{
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char *const arguments[] = {(char *)path, (char *)part, NULL};
        execve(path, arguments, environment);
        _exit(126);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int count, char **arguments)
{
    static char *empty[] = {NULL};
    CHECK(count > 1);
    if (strcmp(arguments[1], "calls") == 0) {
        use_calls();
        return 0;
    }
    if (strcmp(arguments[1], "again") == 0) {
        become_again(count > 2 ? (unsigned)atoi(arguments[2]) : 120);
        return 0;
    }
    use_ring();
    if (strcmp(arguments[1], "ring") == 0)
        return 0;
    use_calls();
    becomes("/proc/self/exe", "ring", environ);
    becomes("/proc/self/exe", "again", environ);
    for (int i = 1; i < count; i++)
        becomes(arguments[i], "calls", empty);
    return 0;
}
