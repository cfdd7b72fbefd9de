/*
 * `safer-ring check`: the campaign, its progress, its report.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "explore/report.h"
#include "scenario/scenarios.h"

static void show_progress(void *user, uint64_t done, uint64_t all, bool broken)
{
    uint64_t began = *(const uint64_t *)user;
    uint64_t elapsed = sri_clock_ns() - began;
    uint64_t rate = elapsed == 0 ? 0 : done * UINT64_C(1000000000) / elapsed;
    fprintf(stderr, "\r%llu of %llu runs, %llu per second%s   ", (unsigned long long)done,
            (unsigned long long)all, (unsigned long long)rate, broken ? ", violations found" : "");
}

/* Whether standard output took it is seen at the end of the command. */
static int print_text(struct sri_text *text, const char *file)
{
    if (file != NULL)
        return sri_write_result(text, file, "--json");
    bool failed = text->failed;
    if (!failed && text->size > 0)
        (void)!fwrite(text->text, 1, text->size, stdout);
    sri_text_fini(text);
    return failed ? sri_complain("no memory for the report") : 0;
}

/* The seeds that are left of one backend, and of those behind it. */
static void tell_rest(const struct sri_options *options, const struct sri_rest *rest, struct sri_text *text)
{
    const struct sri_campaign *campaign = &options->campaign;
    static const char *const seeds[] = {"?--json", "--first", "--seeds", "--operations", "--backend", NULL};
    static const char *const behind[] = {"?--json", "--backend", NULL};
    uint64_t done = campaign->kind || options->one_seed ? 0 : rest->seed;
    uint64_t next = campaign->first + done;
    uint64_t left = campaign->seeds - done;
    sri_go_on(text, "check", options->count, options->line, done > 0 ? seeds : behind);
    if (done > 0 && campaign->operations > 0)
        sri_text_add(text, " --first %llu --operations %llu", (unsigned long long)next,
                     (unsigned long long)(campaign->operations > rest->operations
                                              ? campaign->operations - rest->operations
                                              : 1));
    else if (done > 0)
        sri_text_add(text, " --first %llu --seeds %llu", (unsigned long long)next, (unsigned long long)left);
    sri_text_add(text, " --backend %s", campaign->backends[rest->backend].name);
    for (uint32_t i = rest->backend + 1; i < campaign->backend_count; i++) {
        if (i == rest->backend + 1) {
            sri_text_add(text, " && ");
            sri_go_on(text, "check", options->count, options->line, behind);
        }
        sri_text_add(text, "%s%s", i == rest->backend + 1 ? " --backend " : ",", campaign->backends[i].name);
    }
}

/* The exit code of what was found; a violation weighs as much as a fault point that a full campaign has missed. */
static int report_to(const struct sri_options *options, const struct sri_report *result)
{
    const struct sri_tally *tally = result->tally;
    struct sri_text text = {0};
    size_t scenarios;
    sri_scenarios(&scenarios);
    int rc = 0;
    struct sri_text missed = {0};
    uint32_t missing = sri_report_missed(result, (uint32_t)scenarios, &missed);
    if (missing > 0)
        fputs(missed.text, stderr);
    sri_text_fini(&missed);
    int found = missing > 0 || sri_tally_broken(tally) ? SRI_EXIT_VIOLATION : SRI_EXIT_FINE;
    if (options->json) {
        sri_report_json(result, &text);
        rc = print_text(&text, options->json_file);
    }
    if (rc != 0 || (options->json && options->json_file == NULL))
        return rc != 0 ? rc : found;
    sri_report_findings(result, &text);
    sri_report_table(result, &text);
    rc = print_text(&text, NULL);
    return rc != 0 ? rc : found;
}

static int report(const struct sri_options *options, const struct sri_tally *tally, uint64_t elapsed_ns)
{
    struct sri_text go_on = {0};
    if (options->campaign.rest->any)
        tell_rest(options, options->campaign.rest, &go_on);
    struct sri_report result = {&options->campaign, tally, elapsed_ns, go_on.text};
    int rc = report_to(options, &result);
    /* No rule was broken, for none was held against anything. */
    if (rc == SRI_EXIT_FINE && tally->runs > 0 && tally->operations == 0)
        rc = sri_complain("%llu runs made no operation: has `%s` room? name another folder with --tmp DIR",
                          (unsigned long long)tally->runs, options->tmp);
    if (go_on.text != NULL) {
        sri_complain("interrupted after %llu runs; go on: %s", (unsigned long long)tally->runs, go_on.text);
        rc = sri_interrupted_code(rc);
    }
    sri_text_fini(&go_on);
    return rc;
}

static int complain_of(const struct sri_campaign *campaign, int rc)
{
    for (uint32_t i = 0; i < campaign->backend_count; i++)
        if (strcmp(campaign->backends[i].name, "uring") == 0 &&
            (rc == -EPERM || rc == -ENOSYS || rc == -EACCES))
            return sri_complain(
                "this machine refuses io_uring (%s); `safer-ring doctor` says why, --backend sim or "
                "engine work without",
                strerror(-rc));
    return sri_complain("the campaign can't run: %s", strerror(-rc));
}

/* One seed: each scenario by itself, so that its hash can be compared with another build's. */
static int check_one_seed(struct sri_options *options)
{
    struct sri_tally sum = {0};
    struct sri_campaign *campaign = &options->campaign;
    uint64_t began = sri_clock_ns();
    struct sri_rest rest = {0};
    for (uint32_t i = 0; i < campaign->scenario_count && !rest.any; i++) {
        struct sri_campaign one = *campaign;
        struct sri_tally tally = {0};
        one.scenarios[0] = campaign->scenarios[i];
        one.scenario_count = 1;
        one.jobs = 1;
        int rc = sri_campaign_run(&one, &tally);
        if (rc != 0)
            return complain_of(campaign, rc);
        for (uint32_t f = 0; f < tally.found; f++)
            tally.findings[f].scenario = i;
        if (!options->json)
            printf("%-10s seed %llu  hash %016llx\n", campaign->scenarios[i]->name,
                   (unsigned long long)campaign->first, (unsigned long long)tally.hash);
        sri_tally_add(&sum, &tally);
        rest.any = campaign->rest->any || (sri_is_stopped() && i + 1 < campaign->scenario_count);
    }
    *campaign->rest = rest;
    return report(options, &sum, sri_clock_ns() - began);
}

static int run(int count, char **arguments)
{
    static struct sri_options options;
    static struct sri_tally tally;
    static struct sri_rest rest;
    int rc = sri_options_read(&options, count, arguments);
    if (rc != 0)
        return rc;
    if (options.file != NULL)
        return sri_check_file(&options);
    rc = sri_interrupt_watch(NULL);
    if (rc != 0)
        return rc;
    options.campaign.stopped = sri_is_stopped;
    options.campaign.rest = &rest;
    fflush(stdout);
    if (options.one_seed)
        return check_one_seed(&options);
    uint64_t began = sri_clock_ns();
    bool shown = isatty(STDERR_FILENO) == 1;
    options.campaign.progress = shown ? show_progress : NULL;
    options.campaign.progress_user = &began;
    rc = sri_campaign_run(&options.campaign, &tally);
    if (shown)
        fputs("\r\x1b[K", stderr);
    if (rc != 0)
        return complain_of(&options.campaign, rc);
    return report(&options, &tally, sri_clock_ns() - began);
}

const struct sri_verb sri_verb_check = {
    .name = "check",
    .summary = "built-in scenarios, many seeds, every rule watched",
    .help =
        "usage: safer-ring check [options]\n"
        "\n"
        "Runs programs that use the library in every way it has, on kernels of every kind of luck, and holds what happens\n"
        "against each rule of docs/rules.md. A violation leaves a tape, which `replay` shows again.\n"
        "\n"
        "  --seeds N             seeds 1 … N of each scenario (default 200)\n"
        "  --operations N        as many seeds as it takes to make N operations\n"
        "  --first N             begin with seed N\n"
        "  --seed N              this seed only; prints the trace hash of each scenario\n"
        "  --driver NAME         who decides for the simulated kernel: seed (default: gentle, even or swarm luck), uniform (all\n"
        "                        faults equally often), swarm (some are off), priority (of operations, and a few lose theirs)\n"
        "  --shard I/N           every N-th seed, from the I-th on: for N machines\n"
        "  --backend A[,B]       sim (default), uring, engine, or all\n"
        "  --scenario A[,B]      these scenarios only (default: all)\n"
        "  --file PATH           copy this file with each backend and compare, in place of the scenarios\n"
        "  --kind                one run of each with all choices the kindest\n"
        "  --json [FILE]         the result for programs, on standard output or in FILE\n"
        "  --tape-dir DIR        where tapes of violations go (default: the current folder)\n"
        "  --tmp DIR             where files of the scenarios and of --file go (default: TMPDIR, else /tmp)\n"
        "  --jobs N              workers (default: one per processor)\n"
        "\n"
        "An interrupted campaign (SIGINT, SIGTERM) tells what it has, and the command that runs the rest; --json keeps both.\n"
        "\n"
        "  safer-ring check --seeds 2000                    a campaign on the simulated kernel\n"
        "  safer-ring check --backend all --seeds 100       and on this machine's\n"
        "  safer-ring check --file big.iso --backend uring  a file, copied and compared\n",
    .run = run,
};
