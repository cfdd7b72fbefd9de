/*
 * The command safer-ring: finds the verb. Does nothing itself.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "explore/report.h"
#include "fate/whole_file.h"

/* In the order of --help. A new verb stands here, with its own help beside its code. */
static const struct sri_verb *const verbs[] = {
    &sri_verb_check,  &sri_verb_faults, &sri_verb_exhaust, &sri_verb_replay,
    &sri_verb_shrink, &sri_verb_run,    &sri_verb_doctor,
};
#define VERBS (sizeof verbs / sizeof verbs[0])

static const char exit_codes[] =
    "\nExit code: 0 fine, 1 a rule was broken, 2 bad usage or environment, or a result that can't be written;\n"
    "130, 143, 129 interrupted by SIGINT, SIGTERM, SIGHUP: what there is was told, and the command that goes on.\n";

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

int sri_write_result(struct sri_text *text, const char *path, const char *option)
{
    const char *doing = "writing";
    int rc = text->failed ? -ENOMEM : sri_whole_file_write(path, text->text, text->size, &doing);
    sri_text_fini(text);
    return rc == 0 ? 0
                   : sri_complain("`%s` can't be written: %s: %s; name another file with %s FILE", path,
                                  doing, strerror(-rc), option);
}

uint64_t sri_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static int finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    /* Of two complaints the first is the cause. */
    return code == SRI_EXIT_USAGE
               ? code
               : sri_complain("standard output can't be written: is the disk full, or the pipe closed?");
}

static const struct sri_verb *verb_named(const char *name)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

static void print_usage(void)
{
    puts("safer-ring: io_uring with buffers that change hands, held against a simulated kernel\n");
    for (size_t i = 0; i < VERBS; i++)
        printf("  safer-ring %-10s %s\n", verbs[i]->name, verbs[i]->summary);
    puts("\n  safer-ring VERB --help    its options, with examples\n"
         "  safer-ring --version");
    fputs(exit_codes, stdout);
}

static bool asks_for_help(const char *argument)
{
    return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;
}

/* Which verbs there are, for the one line. */
static int complain_of(const char *name)
{
    char list[256] = "";
    for (size_t i = 0; i < VERBS; i++) {
        strncat(list, verbs[i]->name, sizeof list - strlen(list) - 1);
        strncat(list, ", ", sizeof list - strlen(list) - 1);
    }
    return sri_complain("there is no verb `%s`; try %sor --help", name, list);
}

int main(int count, char **arguments)
{
    const char *name = count > 1 ? arguments[1] : "--help";
    sri_signals_begin();
    if (asks_for_help(name) || strcmp(name, "help") == 0) {
        print_usage();
        return finish(count > 1 ? SRI_EXIT_FINE : SRI_EXIT_USAGE);
    }
    if (strcmp(name, "--version") == 0) {
        puts("safer-ring " SAFER_RING_VERSION);
        return finish(SRI_EXIT_FINE);
    }
    const struct sri_verb *verb = verb_named(name);
    if (verb == NULL)
        return complain_of(name);
    if (count > 2 && asks_for_help(arguments[2])) {
        fputs(verb->help, stdout);
        if (strstr(verb->help, "Exit code:") == NULL) /* it has codes of its own */
            fputs(exit_codes, stdout);
        return finish(SRI_EXIT_FINE);
    }
    return finish(verb->run(count - 2, arguments + 2));
}
