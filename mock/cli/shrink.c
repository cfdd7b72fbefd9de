/*
 * `safer-ring shrink`: a smaller tape that breaks the same rule.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "explore/program.h"
#include "explore/report.h"
#include "explore/shrink.h"
#include "explore/trial.h"
#include "fate/tape_file.h"

#define ATTEMPTS 400000u
#define MOST_BYTES ((size_t)16 << 20)

struct order {
    const char *tape;
    const char *out;
    const char *program; /* where a program in C goes; NULL: nowhere */
    uint32_t attempts;
};

static int read_options(struct order *order, int count, char **arguments)
{
    *order = (struct order){.attempts = ATTEMPTS};
    for (int i = 0; i < count; i++) {
        const char *option = arguments[i];
        const char *value = i + 1 < count ? arguments[i + 1] : NULL;
        if (option[0] != '-' && order->tape != NULL)
            return sri_complain("shrink wants one tape, and got `%s` too", option);
        if (option[0] != '-') {
            order->tape = option;
            continue;
        }
        if (value == NULL)
            return sri_complain("%s wants a value; see safer-ring --help", option);
        i++;
        if (strcmp(option, "--out") == 0) {
            order->out = value;
        } else if (strcmp(option, "--c") == 0) {
            order->program = value;
        } else if (strcmp(option, "--attempts") == 0) {
            char *end;
            unsigned long number = strtoul(value, &end, 10);
            if (*end != 0 || *value < '0' || *value > '9' || number > 10000000)
                return sri_complain("--attempts wants a number up to 10000000, not `%s`", value);
            order->attempts = (uint32_t)number;
        } else {
            return sri_complain("shrink has no option `%s`; see safer-ring --help", option);
        }
    }
    return order->tape != NULL ? 0 : sri_complain("shrink wants one tape: safer-ring shrink TAPE");
}

/* The rule that a run broke first. SRI_RULES: none. */
static enum sri_rule rule_of(const struct sri_tried *tried)
{
    if (tried->verdict->kept > 0)
        return tried->verdict->violations[0].rule;
    return tried->died ? SRI_RULE_CRASH : SRI_RULES;
}

static size_t count_choices(const uint8_t *bytes, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += bytes[i] != 0 ? 1 : 0;
    return count;
}

static int write_tape(const struct order *order, const struct sri_tape_file *whole, const uint8_t *bytes,
                      size_t size)
{
    struct sri_tape_file file = *whole;
    struct sri_tape_error error;
    char path[4096];
    if (order->out != NULL)
        snprintf(path, sizeof path, "%s", order->out);
    else
        snprintf(path, sizeof path, "%s.small", order->tape);
    file.knobs[0] = 0;
    file.body = bytes;
    file.size = size;
    if (sri_tape_file_write(&file, path, &error) != 0)
        return sri_complain("`%s` can't be written: %s; name another with --out FILE", path, error.reason);
    printf("again: safer-ring replay %s\n", path);
    return 0;
}

/* The run once more, as a program in C. */
static int write_program(const struct order *order, const struct sri_run *run)
{
    struct sri_rig *rig = NULL;
    struct sri_program program = {0};
    struct sri_text text = {0};
    if (sri_rig_new(&rig, NULL, "/tmp", NULL) != 0)
        return sri_complain("no memory for a run");
    program.rig = rig;
    rig->program = &program;
    sri_rig_run(rig, run);
    sri_program_text(&program, run, &text);
    int rc = sri_write_result(&text, order->program, "--c");
    sri_program_fini(&program);
    rig->program = NULL;
    sri_rig_free(&rig);
    if (rc != 0)
        return rc;
    printf("in C: cc %s $(pkg-config --cflags --libs safer_ring_sim safer_ring)\n", order->program);
    return 0;
}

static int shrink(const struct order *order, struct sri_trial *trial, const struct sri_tape_file *file,
                  const struct sri_run *run)
{
    struct sri_tried first = sri_trial_run(trial, run->by_body ? run->body : NULL, run->size, run->seed);
    enum sri_rule rule = rule_of(&first);
    if (rule == SRI_RULES)
        return sri_complain("`%s` breaks no rule here", order->tape);
    size_t size = first.body != NULL ? first.size : run->size;
    const uint8_t *body = first.body != NULL ? first.body : run->body;
    if (size == 0)
        return sri_complain("`%s` holds no choices, and its run dies before they are known", order->tape);
    uint8_t *bytes = sri_alloc(size);
    if (bytes == NULL)
        return sri_complain("no memory for a copy of the tape");
    memcpy(bytes, body, size);
    printf("%s: %zu bytes, %zu of them not 0, break %s\n", order->tape, size, count_choices(bytes, size),
           sri_rule_infos[rule].name);
    fflush(stdout);

    struct sri_shrink shrink = {.shows = sri_trial_shows,
                                .attempts = order->attempts,
                                .stopped = sri_is_stopped};
    struct sri_trial_of_rule of_rule = {trial, rule, &shrink.made};
    shrink.self = &of_rule;
    int code = 0;
    if (!sri_trial_shows(&of_rule, bytes, size))
        code = sri_complain("the same choices again break nothing: the run is not repeatable");
    if (code == 0) {
        size = sri_shrink(&shrink, bytes, size);
        bool shows = sri_trial_shows(&of_rule, bytes, size);
        struct sri_tried last = sri_trial_run(trial, bytes, size, run->seed);
        printf("shrunk: %zu bytes, %zu of them not 0, %s %s, after %u runs\n", size,
               count_choices(bytes, size), shows ? "break" : "LOST", sri_rule_infos[rule].name, shrink.made);
        if (last.verdict->kept > 0)
            printf("  %s\n", last.verdict->violations[0].text);
        code = write_tape(order, file, bytes, size);
        struct sri_run small = {
            .scenario = run->scenario, .seed = run->seed, .body = bytes, .size = size, .by_body = true};
        if (code == 0 && order->program != NULL)
            code = rule == SRI_RULE_CRASH ? sri_complain("a run that dies can't be written as a program")
                                          : write_program(order, &small);
        if (sri_is_stopped()) {
            sri_complain("interrupted: what it was shrunk to so far is written; shrink that to go on");
            code = sri_interrupted_code(code);
        }
    }
    sri_free(bytes);
    return code;
}

static int run_verb(int count, char **arguments)
{
    struct order order;
    struct sri_tape_file file;
    struct sri_run run;
    struct sri_backend_choice backend;
    struct sri_trial *trial = NULL;
    int rc = read_options(&order, count, arguments);
    if (rc != 0)
        return rc;
    rc = sri_read_tape(order.tape, &file, &run);
    if (rc != 0)
        return rc;
    if (run.kind)
        rc = sri_complain("the run of `%s` is the kind one already: there is nothing to shrink", order.tape);
    else if (!sri_backend_named(file.world, strlen(file.world), &backend))
        rc = sri_complain("there is no backend `%s`; there are sim, engine, uring", file.world);
    else if (sri_trial_new(&trial, &backend, run.scenario, "/tmp", MOST_BYTES) != 0)
        rc = sri_complain("no memory for the runs");
    if (rc == 0)
        rc = sri_interrupt_watch(NULL);
    if (rc == 0)
        rc = shrink(&order, trial, &file, &run);
    sri_trial_free(&trial);
    sri_tape_file_fini(&file);
    return rc;
}

const struct sri_verb sri_verb_shrink = {
    .name = "shrink",
    .summary = "a smaller tape that breaks the same rule",
    .help =
        "usage: safer-ring shrink TAPE [options]\n"
        "\n"
        "Cuts, zeroes and lowers the choices of a tape as long as the same rule breaks. A choice of 0 is the kindest, so what is\n"
        "left is what matters.\n"
        "\n"
        "  --out FILE            where it goes (default: TAPE.small)\n"
        "  --c FILE              and a program in C against the public API that shows it\n"
        "  --attempts N          runs at most (default 400000)\n"
        "\n"
        "Interrupted (SIGINT, SIGTERM) it writes what it has come to so far.\n"
        "\n"
        "  safer-ring shrink storm-17.tape --out small.tape --c small.c\n",
    .run = run_verb,
};
