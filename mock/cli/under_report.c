/*
 * The closing report of a watched run.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/under.h"
#include "explore/report.h"
#include "fate/whole_file.h"

static int code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void tell_end(const struct sri_under *under, int status)
{
    if (WIFSIGNALED(status))
        fprintf(stderr, "safer-ring: `%s` was ended by signal %d (%s)\n", under->program[0], WTERMSIG(status),
                strsignal(WTERMSIG(status)));
    else
        fprintf(stderr, "safer-ring: `%s` ended with exit code %d\n", under->program[0], WEXITSTATUS(status));
}

static void add_program(struct sri_text *text, const struct sri_under *under)
{
    sri_text_add(text, " --");
    for (char **argument = under->program; *argument != NULL; argument++)
        sri_add_argument(text, *argument);
}

static void tell_command(const struct sri_under *under, uint64_t seed)
{
    static const char *const without[] = {"--seed", "--seeds", "--json", "--save-tape", NULL};
    struct sri_text text = {0};
    sri_go_on(&text, "run", under->option_count, under->options, without);
    if (under->seeded)
        sri_text_add(&text, " --seed %" PRIu64, seed);
    add_program(&text, under);
    fprintf(stderr, "  again: %s\n", text.text);
    sri_text_fini(&text);
}

void sri_under_tell_rest(const struct sri_under *under, uint64_t next, uint64_t failed)
{
    static const char *const without[] = {"--seeds", NULL};
    struct sri_text text = {0};
    sri_go_on(&text, "run", under->option_count, under->options, without);
    sri_text_add(&text, " --seeds %" PRIu64 "..%" PRIu64, next, under->last);
    add_program(&text, under);
    sri_complain("interrupted before the end of seed %" PRIu64 "; of those before it %" PRIu64
                 " failed; go on: %s",
                 next, failed, text.text);
    sri_text_fini(&text);
}

static void tell_faults(const struct sri_run_page *sum)
{
    unsigned told = 0;
    for (unsigned i = 0; i < SRI_POINTS; i++) {
        if (sum->fired[i] == 0)
            continue;
        fprintf(stderr, "%s%s %" PRIu64, told++ == 0 ? "  what went wrong: " : ", ",
                sri_point_infos[i].name + strlen("safer_ring/"), sum->fired[i]);
    }
    fputs(told == 0 ? "  nothing went wrong\n" : "\n", stderr);
}

static void tell_counts(const struct sri_under *under, uint64_t seed, const struct sri_under_outcome *outcome)
{
    const struct sri_run_page *sum = &outcome->sum;
    bool seeded = under->seeded || under->tape != NULL;
    fprintf(stderr,
            "  served by the engine: %" PRIu64 " rings, %" PRIu64 " enters, %" PRIu64 " operations, %" PRIu64
            " completions, in %u process%s\n",
            sum->rings, sum->enters, sum->consumed, sum->completed, outcome->processes,
            outcome->processes == 1 ? "" : "es");
    if (sum->trapped > 0)
        fprintf(stderr, "  system calls caught from below: %" PRIu64 "\n", sum->trapped);
    if (sum->refused[0] != 0)
        fprintf(stderr, "  not simulated, and refused: %s\n", sum->refused);
    if (!seeded)
        return;
    tell_faults(sum);
    if (under->tape == NULL)
        fprintf(stderr, "  seed %" PRIu64 ", ", seed);
    else
        fprintf(stderr, "  tape %s, ", under->tape);
    fprintf(stderr, "%" PRIu64 " events, trace hash %016" PRIx64 "\n", sum->events, sum->hash);
    if (sum->answers > 0)
        fprintf(stderr, "  answers of others: %" PRIu64 " %s\n", sum->answers,
                sum->replayed != 0 ? "from the tape" : "on the tape (--save-tape FILE keeps it)");
    if (sum->environment[0] != 0)
        fprintf(stderr, "  not repeatable: environment: %s\n", sum->environment);
}

/* What addr2line says of an address; nothing where there is none. */
static void ask_addr2line(char *module, char *address, char answer[400])
{
    char name[] = "addr2line";
    char bare[] = "-s";
    char option[] = "-e";
    char *const arguments[] = {name, bare, option, module, address, NULL};
    posix_spawn_file_actions_t actions;
    pid_t process;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&process, name, &actions, NULL, arguments, environ) == 0) {
        close(ends[1]);
        ends[1] = -1;
        size_t got = 0;
        ssize_t more;
        while (got < 399 && (more = read(ends[0], answer + got, 399 - got)) > 0)
            got += (size_t)more;
        answer[got] = 0;
        (void)waitpid(process, NULL, 0);
    }
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
}

/* Where addr2line is, a frame gets its line. */
static void tell_frame(const char *line, size_t length)
{
    char copy[600];
    char answer[400] = "";
    snprintf(copy, sizeof copy, "%.*s", (int)(length < 590 ? length : 590), line);
    fputs(copy, stderr);
    char *module = strchr(copy + strcspn(copy, "#"), ' '); /* "    #1 program+0x12 (function)" */
    module += module != NULL ? 1 : 0;
    char *plus = strrchr(copy, '+');
    if (module != NULL && plus != NULL && plus > module) {
        *plus++ = 0;
        plus[strspn(plus, "0123456789abcdefx")] = 0;
        ask_addr2line(module, plus, answer);
        if (answer[0] != 0 && answer[0] != '?')
            fprintf(stderr, " at %.*s", (int)strcspn(answer, "\n"), answer);
    }
    fputc('\n', stderr);
}

static void tell_findings(const char *text)
{
    for (const char *line = text; line != NULL && *line != 0;) {
        size_t length = strcspn(line, "\n");
        if (length > 5 && strncmp(line, "    #", 5) == 0)
            tell_frame(line, length);
        else
            fprintf(stderr, "%.*s\n", (int)length, line);
        line += length + (line[length] == '\n' ? 1 : 0);
    }
}

static void add_json(struct sri_text *text, uint64_t seed, const struct sri_under_outcome *outcome)
{
    const struct sri_run_page *sum = &outcome->sum;
    sri_text_add(text,
                 "{\"seed\": %" PRIu64 ", \"status\": %d, \"processes\": %u, \"rings\": %" PRIu64
                 ", \"enters\": %" PRIu64 ", \"operations\": %" PRIu64 ", \"completions\": %" PRIu64
                 ", \"trapped\": %" PRIu64 ", \"findings\": %" PRIu64 ", \"suppressed\": %" PRIu64
                 ", \"hash\": \"%016" PRIx64 "\", \"repeatable\": %s, \"faults\": {",
                 seed, code_of(outcome->status), outcome->processes, sum->rings, sum->enters, sum->consumed,
                 sum->completed, sum->trapped, sum->findings, sum->suppressed, sum->hash,
                 sum->environment[0] == 0 ? "true" : "false");
    const char *separator = "";
    for (unsigned i = 0; i < SRI_POINTS; i++) {
        if (sum->fired[i] == 0)
            continue;
        sri_text_add(text, "%s\"%s\": %" PRIu64, separator, sri_point_infos[i].name, sum->fired[i]);
        separator = ", ";
    }
    sri_text_add(text, "}}\n");
}

int sri_under_write_json(const struct sri_under *under, uint64_t seed,
                         const struct sri_under_outcome *outcome)
{
    struct sri_text text = {0};
    add_json(&text, seed, outcome);
    int rc = text.failed ? -ENOMEM : 0;
    if (rc == 0 && strcmp(under->json, "-") == 0)
        (void)!fwrite(text.text, 1, text.size, stdout); /* seen at the end */
    else if (rc == 0)
        rc = sri_whole_file_append(under->json, text.text, text.size);
    sri_text_fini(&text);
    return rc == 0 ? 0
                   : sri_complain("`%s` can't be written: %s; name another file with --json FILE",
                                  under->json, strerror(-rc));
}

int sri_under_report(const struct sri_under *under, uint64_t seed, const struct sri_under_outcome *outcome)
{
    int code = code_of(outcome->status);
    bool found = outcome->sum.findings > 0;
    bool served = outcome->sum.rings > 0;
    if (under->quiet && code == 0 && !found && served)
        return SRI_EXIT_FINE;
    tell_findings(outcome->findings);
    tell_findings(outcome->pending);
    tell_end(under, outcome->status);
    tell_counts(under, seed, outcome);
    if (outcome->unfinished)
        fputs("  a process ended at once, without its last findings: a signal, or exec\n", stderr);
    if (found)
        fprintf(stderr, "  findings: %" PRIu64 "\n", outcome->sum.findings);
    if (outcome->sum.suppressed > 0)
        fprintf(stderr, "  suppressed: %" PRIu64 "\n", outcome->sum.suppressed);
    if (served && (found || code != 0 || under->seeded))
        tell_command(under, seed);
    if (!served) {
        sri_under_tell_why(under->program[0], outcome->processes);
        return code != 0 ? code : SRI_EXIT_USAGE;
    }
    return code != 0 ? code : found ? SRI_EXIT_VIOLATION : SRI_EXIT_FINE;
}
