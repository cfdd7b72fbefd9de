/*
 * The command safer-ring: finds the verb. Does nothing itself.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

static const char usage[] =
    "safer-ring: io_uring with buffers that change hands, held against a simulated kernel\n"
    "\n"
    "  safer-ring check [options]     built-in scenarios, many seeds, every rule watched\n"
    "    --seeds N             seeds 1 … N of each scenario (default 200)\n"
    "    --first N             begin with seed N\n"
    "    --seed N              this seed only; prints the trace hash of each scenario\n"
    "    --backend NAME        sim (default), uring, engine, or all\n"
    "    --scenario A[,B]      storm, copy, echo, drain, orphans, mixed (default: all)\n"
    "    --file PATH           copy this file with each backend and compare, in place of the scenarios\n"
    "    --kind                one run of each with all choices the kindest\n"
    "    --json [FILE]         the result for programs, on standard output or in FILE\n"
    "    --tape-dir DIR        where tapes of violations go (default: the current folder)\n"
    "    --tmp DIR             where files of the scenarios and of --file go (default: TMPDIR, else /tmp)\n"
    "    --jobs N              workers (default: one per processor)\n"
    "  safer-ring exhaust [options]   every schedule of the small programs, with the count per shape\n"
    "    --operations N        programs of up to N operations, 1 to 3 (default 3)\n"
    "    --program LETTERS     one program: N no buffer, S source, T target, D makes a descriptor\n"
    "    --walk LETTERS        what is walked: o outcomes, f fates, c closes, s submissions, l looks\n"
    "    --choices A,B,...     one run of it, told line by line\n"
    "    --limit N             no more than N runs of each program\n"
    "    --jobs N, --json      as above\n"
    "  safer-ring replay TAPE         one run again, with its timeline\n"
    "  safer-ring replay --scenario NAME --seed N\n"
    "    --html FILE           and as a page: who has what at each step\n"
    "  safer-ring shrink TAPE         a smaller tape that breaks the same rule\n"
    "    --out FILE            where it goes (default: TAPE.small)\n"
    "    --attempts N          runs at most (default 20000)\n"
    "  safer-ring doctor              what this machine's io_uring can do, and which backend would be chosen\n"
    "  safer-ring --version, --help\n"
    "\n"
    "Exit code: 0 fine, 1 a rule was broken, 2 bad usage or environment.\n";

int sri_complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("safer-ring: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("\n", stderr);
    va_end(arguments);
    return SRI_EXIT_USAGE;
}

uint64_t sri_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static int finish(int code)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        return sri_complain("standard output can't be written: is the disk full, or the pipe closed?");
    return code;
}

int main(int count, char **arguments)
{
    const char *verb = count > 1 ? arguments[1] : "--help";
    if (strcmp(verb, "check") == 0)
        return finish(sri_verb_check(count - 2, arguments + 2));
    if (strcmp(verb, "exhaust") == 0)
        return finish(sri_verb_exhaust(count - 2, arguments + 2));
    if (strcmp(verb, "shrink") == 0)
        return finish(sri_verb_shrink(count - 2, arguments + 2));
    if (strcmp(verb, "replay") == 0)
        return finish(sri_verb_replay(count - 2, arguments + 2));
    if (strcmp(verb, "doctor") == 0)
        return finish(sri_verb_doctor(count - 2, arguments + 2));
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0) {
        fputs(usage, stdout);
        return finish(count > 1 ? SRI_EXIT_FINE : SRI_EXIT_USAGE);
    }
    if (strcmp(verb, "--version") == 0) {
        puts("safer-ring " SAFER_RING_VERSION);
        return finish(SRI_EXIT_FINE);
    }
    return sri_complain("there is no verb `%s`; try check, exhaust, replay, shrink, doctor or --help", verb);
}
