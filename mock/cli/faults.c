/*
 * `safer-ring faults`: every fault of every scenario, once and sticky, and the table of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "explore/faults.h"
#include "explore/report.h"
#include "scenario/scenarios.h"

static void print_findings(const struct sri_campaign *campaign, const struct sri_fault_tally *tally)
{
    for (uint32_t i = 0; i < tally->found; i++) {
        const struct sri_fault_finding *finding = &tally->findings[i];
        printf("VIOLATION %s: %s\n  %s\n", sri_rule_infos[finding->violation.rule].name,
               sri_rule_infos[finding->violation.rule].text, finding->violation.text);
        printf("  scenario %s, seed %llu, the %llu. to fail%s: %s\n",
               campaign->scenarios[finding->scenario]->name, (unsigned long long)finding->seed,
               (unsigned long long)finding->nth, finding->sticky ? " and those after it" : "",
               sri_fault_name(finding->kind));
    }
}

/* A kind that never failed anywhere is told; how many there were. */
static uint32_t print_table(const struct sri_campaign *campaign, const struct sri_fault_tally *tally)
{
    uint32_t missed = 0;
    bool simulated = campaign->backends[0].make == NULL;
    printf("%-28s", "failed once, and sticky");
    for (uint32_t i = 0; i < campaign->scenario_count; i++)
        printf(" %9s", campaign->scenarios[i]->name);
    printf("\n");
    for (uint32_t kind = simulated ? 0 : SRI_POINTS; kind < SRI_FAULT_KINDS; kind++) {
        uint64_t all = 0;
        const char *name = sri_fault_name(kind);
        printf("%-28s", strncmp(name, "safer_ring/", 11) == 0 ? name + 11 : name);
        for (uint32_t i = 0; i < campaign->scenario_count; i++) {
            all += tally->rows[i].once[kind];
            printf(" %9llu", (unsigned long long)tally->rows[i].once[kind]);
        }
        printf("%s\n", all == 0 ? "  never reached" : "");
        missed += all == 0 ? 1 : 0;
    }
    return missed;
}

/* Takes `--skip N` out of the arguments. */
static int take_skip(int *count, char **arguments, uint32_t *skipped)
{
    int kept = 0;
    for (int i = 0; i < *count; i++) {
        if (strcmp(arguments[i], "--skip") != 0) {
            arguments[kept++] = arguments[i];
            continue;
        }
        const char *text = i + 1 < *count ? arguments[++i] : "";
        char *end;
        unsigned long number = strtoul(text, &end, 10);
        if (*text < '0' || *text > '9' || *end != 0 || number > 1000000)
            return sri_complain("--skip wants a number up to 1000000, not `%s`", text);
        *skipped = (uint32_t)number;
    }
    *count = kept;
    return 0;
}

static int read_options(struct sri_options *options, struct sri_fault_tally *tally, int count,
                        char **arguments)
{
    int rc = take_skip(&count, arguments, &tally->skipped);
    if (rc == 0)
        rc = sri_options_read(options, count, arguments);
    if (rc != 0)
        return rc;
    const struct sri_campaign *campaign = &options->campaign;
    if (options->json || options->file != NULL || campaign->kind || campaign->shards > 0 ||
        campaign->operations > 0 || campaign->driving != SRI_DRIVE_SEED)
        return sri_complain(
            "faults takes --seeds, --first, --seed, --skip, --backend, --scenario and --jobs; "
            "see safer-ring faults --help");
    if (campaign->backend_count != 1)
        return sri_complain("faults wants one backend: sim, engine or uring");
    if (!options->seeds_given)
        options->campaign.seeds = 2;
    return 0;
}

static int tell_rest(const struct sri_options *options, const struct sri_fault_tally *tally)
{
    static const char *const without[] = {NULL};
    struct sri_text text = {0};
    sri_go_on(&text, "faults", options->count, options->line, without);
    sri_complain("interrupted after %llu runs; go on: %s --skip %u", (unsigned long long)tally->runs,
                 text.text, tally->rest);
    sri_text_fini(&text);
    return sri_interrupted_code(tally->broken > 0 ? SRI_EXIT_VIOLATION : SRI_EXIT_FINE);
}

static int run(int count, char **arguments)
{
    static struct sri_options options;
    static struct sri_fault_tally tally;
    int rc = read_options(&options, &tally, count, arguments);
    if (rc == 0)
        rc = sri_interrupt_watch(NULL);
    if (rc != 0)
        return rc;
    options.campaign.stopped = sri_is_stopped;
    fflush(stdout);
    uint64_t began = sri_clock_ns();
    rc = sri_faults_run(&options.campaign, &tally);
    if (rc != 0)
        return sri_complain("the faults can't be run: %s", strerror(-rc));
    if (tally.skipped > 0 && tally.skipped >= tally.tasks)
        return sri_complain("--skip %u leaves none of the %u pairs of scenario and seed", tally.skipped,
                            tally.tasks);
    print_findings(&options.campaign, &tally);
    uint32_t missed = print_table(&options.campaign, &tally);
    printf("\n%u pairs of scenario and seed, %llu runs in %.1f s, each fault once and once sticky; %llu "
           "violations\n",
           tally.tasks, (unsigned long long)tally.runs, (double)(sri_clock_ns() - began) / 1e9,
           (unsigned long long)tally.broken);
    if (sri_is_stopped() && tally.rest < tally.tasks)
        return tell_rest(&options, &tally);
    size_t all;
    sri_scenarios(&all);
    bool full = options.campaign.scenario_count == all && tally.skipped == 0;
    return tally.broken > 0 || (full && missed > 0) ? SRI_EXIT_VIOLATION : SRI_EXIT_FINE;
}

const struct sri_verb sri_verb_faults = {
    .name = "faults",
    .summary = "everything that can fail does, one thing after another",
    .help =
        "usage: safer-ring faults [options]\n"
        "\n"
        "Every fault point, allocation of the library and call of the kernel that the scenarios reach on the simulated\n"
        "kernel fails once, and once sticky: from there on, 200 times at most. The oracles judge each run. Beyond the\n"
        "seeds asked for, those are taken that come to a fault point the others don't. Interrupted (SIGINT, SIGTERM) it tells\n"
        "what it has, and the command that goes on.\n"
        "\n"
        "  --seeds N             seeds 1 ... N of each scenario (default 2); all else is quiet with an odd one\n"
        "  --first N             begin with seed N\n"
        "  --backend NAME        sim (default); engine, uring: allocations and calls of the kernel only\n"
        "  --scenario A[,B]      storm, copy, echo, drain, orphans, mixed, bare, streams, batch, pinned, store, shots (default: all)\n"
        "  --skip N              without the first N pairs of scenario and seed: where an interrupted one goes on\n"
        "  --jobs N              workers (default: one per processor)\n"
        "\n"
        "  safer-ring faults\n"
        "  safer-ring faults --scenario copy --seeds 20\n",
    .run = run,
};
