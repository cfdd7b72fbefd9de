/*
 * The options of `safer-ring run`, and its policy put together as one text.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/under.h"
#include "fate/policy.h"
#include "fate/tape_file.h"

#define POLICY_TEXT 16384

struct reader {
    struct sri_under *under;
    int count;
    int at;
    char **arguments;
};

static const char *value_of(struct reader *reader)
{
    if (reader->at + 1 >= reader->count || strcmp(reader->arguments[reader->at + 1], "--") == 0) {
        sri_complain("%s wants a value; see safer-ring --help", reader->arguments[reader->at]);
        return NULL;
    }
    return reader->arguments[++reader->at];
}

static bool to_number(const char *text, const char *end_at, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && end != text && *text >= '0' && *text <= '9' && end == end_at &&
           *number <= UINT64_MAX >> 1;
}

static int read_seed(struct reader *reader)
{
    struct sri_under *under = reader->under;
    const char *text = value_of(reader);
    if (text == NULL)
        return SRI_EXIT_USAGE;
    under->seeded = true;
    if (!to_number(text, text + strlen(text), &under->first))
        return sri_complain("--seed wants a number, not `%s`", text);
    under->last = under->first;
    return 0;
}

static int read_seeds(struct reader *reader)
{
    struct sri_under *under = reader->under;
    const char *text = value_of(reader);
    if (text == NULL)
        return SRI_EXIT_USAGE;
    const char *dots = strstr(text, "..");
    under->seeded = true;
    if (dots == NULL || !to_number(text, dots, &under->first) ||
        !to_number(dots + 2, text + strlen(text), &under->last) || under->last < under->first)
        return sri_complain("--seeds wants two numbers, as in 1..100, not `%s`", text);
    return 0;
}

static int read_stall(struct reader *reader)
{
    const char *text = value_of(reader);
    if (text == NULL)
        return SRI_EXIT_USAGE;
    if (!to_number(text, text + strlen(text), &reader->under->stall_ms))
        return sri_complain("--stall-ms wants a number, not `%s`", text);
    return 0;
}

static int read_one(struct reader *reader)
{
    struct sri_under *under = reader->under;
    const char *option = reader->arguments[reader->at];
    const struct {
        const char *name;
        const char **value;
    } texts[] = {{"--policy", &under->policy},       {"--faults", &under->faults},
                 {"--suppress", &under->suppress},   {"--tape", &under->tape},
                 {"--save-tape", &under->save_tape}, {"--json", &under->json},
                 {"--trace", &under->trace},         {"--html", &under->html}};
    if (strcmp(option, "--seed") == 0)
        return read_seed(reader);
    if (strcmp(option, "--seeds") == 0)
        return read_seeds(reader);
    if (strcmp(option, "--stall-ms") == 0)
        return read_stall(reader);
    if (strcmp(option, "--quiet") == 0)
        return under->quiet = true, 0;
    if (strcmp(option, "--no-detect") == 0)
        return under->detects = false, 0;
    if (strcmp(option, "--trap") == 0)
        return under->traps = true, 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(option, texts[i].name) == 0)
            return (*texts[i].value = value_of(reader)) != NULL ? 0 : SRI_EXIT_USAGE;
    }
    return sri_complain("run has no option `%s`; see safer-ring --help", option);
}

/* A preset's name, or else a file. */
static int read_policy(struct sri_under *under)
{
    const char *name = under->policy != NULL ? under->policy : "reads";
    if (sri_policy_preset(name, strlen(name)) != NULL) {
        snprintf(under->policy_text, POLICY_TEXT, "use %s\n", name);
        return 0;
    }
    size_t length;
    char *text = sri_under_read_file(name, &length);
    if (text == NULL)
        return sri_complain("--policy `%s` is neither a preset (" SRI_POLICY_PRESETS
                            ") nor a file that can be read: %s",
                            name, strerror(errno));
    int rc =
        length < POLICY_TEXT ? 0 : sri_complain("the policy `%s` is longer than %d bytes", name, POLICY_TEXT);
    if (rc == 0)
        memcpy(under->policy_text, text, length + 1);
    sri_free(text);
    return rc;
}

/* A tape knows the policy it was made under; one that does not was made under the usual one. */
static int read_tape_policy(struct sri_under *under)
{
    struct sri_tape_file file;
    struct sri_tape_error error;
    if (sri_tape_file_read(&file, under->tape, &error) != 0)
        return sri_complain("`%s` can't be read as a tape: %s", under->tape, error.reason);
    const char *knob = strstr(file.knobs, SRI_RUN_POLICY_KNOB);
    if (knob == NULL) {
        snprintf(under->policy_text, POLICY_TEXT, "use reads\n");
    } else {
        knob += strlen(SRI_RUN_POLICY_KNOB);
        snprintf(under->policy_text, POLICY_TEXT, "%.*s\n", (int)strcspn(knob, "\n"), knob);
        for (char *c = strchr(under->policy_text, SRI_RUN_LINE_END); c != NULL;
             c = strchr(c, SRI_RUN_LINE_END))
            *c = '\n';
    }
    sri_tape_file_fini(&file);
    return 0;
}

/* Everything at rest, then the points of the list. */
static int read_faults(struct sri_under *under)
{
    static struct sri_policy ignored;
    struct sri_policy_error error;
    if (sri_policy_only(&ignored, under->faults, &error) != 0)
        return sri_complain("--faults: %s; safer-ring check lists the points", error.text);
    size_t length = (size_t)snprintf(under->policy_text, POLICY_TEXT, "* * * 0\n");
    for (const char *list = under->faults; *list != 0 && length < POLICY_TEXT;) {
        size_t part = strcspn(list, ",");
        size_t name = strcspn(list, ",=");
        length += (size_t)snprintf(under->policy_text + length, POLICY_TEXT - length, "%.*s * * %.*s\n",
                                   (int)name, list, name < part ? (int)(part - name - 1) : 3,
                                   name < part ? list + name + 1 : "128");
        list += part + (list[part] == ',' ? 1 : 0);
    }
    return 0;
}

static int check_policy(const struct sri_under *under)
{
    static struct sri_policy policy;
    struct sri_policy_error error;
    if (sri_policy_read(&policy, under->policy_text, &error) == 0)
        return 0;
    return sri_complain("the policy, line %u: %s", error.line, error.text);
}

/* Before anything runs: in the program there would be nobody to tell. */
static int check_tape(const char *path)
{
    struct sri_tape_file file;
    struct sri_tape_error error;
    int rc = sri_tape_file_read(&file, path, &error);
    if (rc == -EBADMSG)
        return sri_complain("`%s` is no whole tape: byte %zu: %s", path, error.position, error.reason);
    if (rc != 0)
        return sri_complain("the tape `%s` can't be read: %s", path, error.reason);
    if (strcmp(file.world, "host") != 0)
        rc = sri_complain("`%s` is of a run of the scenario `%s`: safer-ring replay %s", path, file.program,
                          path);
    sri_tape_file_fini(&file);
    return rc;
}

int sri_under_read(struct sri_under *under, int count, char **arguments)
{
    static char text[POLICY_TEXT];
    struct reader reader = {under, count, 0, arguments};
    *under = (struct sri_under){.detects = true, .stall_ms = 1000, .policy_text = text};
    for (; reader.at < count && strcmp(arguments[reader.at], "--") != 0; reader.at++) {
        int rc = read_one(&reader);
        if (rc != 0)
            return rc;
    }
    if (reader.at + 1 >= count)
        return sri_complain("run wants a program: safer-ring run [OPTIONS] -- PROGRAM ARGUMENTS");
    under->program = arguments + reader.at + 1;
    under->option_count = reader.at;
    under->options = (const char *const *)arguments;
    if ((under->policy != NULL || under->faults != NULL) && !under->seeded && under->tape == NULL)
        return sri_complain("a policy needs a seed: add --seed N, --seeds A..B or --tape FILE");
    if (under->tape != NULL && under->seeded)
        return sri_complain("--tape FILE takes the place of --seed and --seeds");
    int rc = under->tape != NULL ? check_tape(under->tape) : 0;
    if (rc == 0)
        rc = under->tape != NULL && under->policy == NULL ? read_tape_policy(under) : read_policy(under);
    if (rc == 0 && under->faults != NULL)
        rc = read_faults(under);
    return rc == 0 ? check_policy(under) : rc;
}
