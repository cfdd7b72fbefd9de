/*
 * Signals and standard streams of the command. A key or a job runner's wish to stop is only noted here; whoever runs something
 * asks for it between two runs, also in a forked worker.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/cli.h"

static const int told[] = {SIGINT, SIGTERM, SIGHUP};
static const int ignored[] = {SIGPIPE, SIGXFSZ};
#define TOLD (sizeof told / sizeof told[0])
#define IGNORED (sizeof ignored / sizeof ignored[0])

static struct sigaction before_told[TOLD];
static struct sigaction before_ignored[IGNORED];
/* Shared with workers; NULL: nobody watches. */
static struct noted {
    atomic_int number; /* 0: none */
    _Atomic uint64_t at_ns;
} * noted;
/* timeout(1) tells the process and then its group, a terminal tells all of a group: that is one wish.
   Another signal is another. */
#define ONE_WISH_NS UINT64_C(500000000)
static void (*pass_on)(int number, bool from_terminal);

/* A stream that was closed would else be the next file that is opened, and get what is printed. Writing to it is an error. */
static void open_closed_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
}

void sri_signals_begin(void)
{
    struct sigaction quiet;
    memset(&quiet, 0, sizeof quiet);
    quiet.sa_handler = SIG_IGN;
    open_closed_streams();
    for (size_t i = 0; i < IGNORED; i++)
        sigaction(ignored[i], &quiet, &before_ignored[i]);
}

void sri_signals_restore(void)
{
    for (size_t i = 0; i < IGNORED; i++)
        sigaction(ignored[i], &before_ignored[i], NULL);
    for (size_t i = 0; i < TOLD && noted != NULL; i++)
        sigaction(told[i], &before_told[i], NULL);
}

static void note(int number, siginfo_t *info, void *context)
{
    (void)context;
    int none = 0;
    uint64_t now_ns = sri_clock_ns();
    uint64_t never = 0;
    atomic_compare_exchange_strong(&noted->at_ns, &never, now_ns);
    bool first = atomic_compare_exchange_strong(&noted->number, &none, number) || none == number;
    bool again = !first || now_ns > atomic_load(&noted->at_ns) + ONE_WISH_NS;
    if (pass_on != NULL)
        pass_on(number, info->si_code > 0);
    else if (again)
        _exit(128 + number); /* its workers end with it */
}

int sri_interrupt_watch(void (*pass)(int number, bool from_terminal))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = note;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    void *page = mmap(NULL, sizeof *noted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return sri_complain("no memory for a page");
    noted = page;
    pass_on = pass;
    for (size_t i = 0; i < TOLD; i++) {
        sigaction(told[i], NULL, &before_told[i]);
        if (before_told[i].sa_handler != SIG_IGN) /* nohup(1), or a shell's background */
            sigaction(told[i], &action, NULL);
    }
    return 0;
}

int sri_interrupted(void)
{
    return noted != NULL ? atomic_load(&noted->number) : 0;
}

bool sri_is_stopped(void)
{
    return sri_interrupted() != 0;
}

int sri_interrupted_code(int code)
{
    return code == SRI_EXIT_FINE && sri_interrupted() != 0 ? 128 + sri_interrupted() : code;
}
