/*
 * `safer-ring replay`: one run again, with its timeline.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "explore/picture.h"
#include "explore/report.h"
#include "fate/tape_file.h"
#include "scenario/scenarios.h"

static bool has_knob(const struct sri_tape_file *file, const char *knob)
{
    return strstr(file->knobs, knob) != NULL;
}

static int write_page(const struct sri_picture *picture, const struct sri_run *run,
                      const struct sri_outcome *outcome, const char *world, const char *path)
{
    struct sri_text page = {0};
    sri_picture_page(picture, run, outcome, world, &page);
    return sri_write_result(&page, path, "--html");
}

static const char legend[] =
    "\nlegend: step, virtual time, then who did it. `kernel: consumed` an entry was taken, `attempted` its result is fixed, `writes`\n"
    "and `has written` a target is filled, `completed` its CQE, `cancel answers` to whoever asked; #n is the kernel's number of a\n"
    "request, id the library's of its operation; `program:` a call and its answer.\n";

static void show_operation(const struct sri_picture *picture, uint64_t operation)
{
    const struct sri_lane *lane = sri_picture_lane(picture, operation);
    if (lane == NULL)
        return;
    printf("  %s was ", lane->name);
    if (lane->consumed != 0)
        printf("submitted at %llu ns", (unsigned long long)lane->consumed_ns);
    else
        printf("never submitted");
    if (lane->ended)
        printf(", and ended with %d", lane->result);
    puts("");
}

static void show(const struct sri_run *run, const struct sri_outcome *outcome,
                 const struct sri_picture *picture, const char *world)
{
    const struct sri_timeline *timeline = picture->timeline;
    const struct sri_verdict *verdict = outcome->verdict;
    fputs(timeline->text != NULL ? timeline->text : "", stdout);
    fputs(legend, stdout);
    printf("\nscenario %s on %s, seed %llu: %llu operations, hash %016llx\n", run->scenario->name, world,
           (unsigned long long)run->seed, (unsigned long long)verdict->operations,
           (unsigned long long)outcome->hash);
    for (uint32_t i = 0; i < verdict->kept; i++) {
        const struct sri_violation *violation = &verdict->violations[i];
        printf("VIOLATION %s: %s\n  %s\n  operation %#llx at %llu ns, step %llu\n",
               sri_rule_infos[violation->rule].name, sri_rule_infos[violation->rule].text, violation->text,
               (unsigned long long)violation->operation, (unsigned long long)violation->now_ns,
               (unsigned long long)violation->step);
        show_operation(picture, violation->operation);
    }
    if (!sri_verdict_broken(verdict))
        puts("no violation");
}

static int replay(const char *world, const struct sri_run *run, const char *html)
{
    struct sri_backend_choice choice;
    struct sri_kernel kernel = {0};
    struct sri_rig *rig = NULL;
    if (!sri_backend_named(world, strlen(world), &choice))
        return sri_complain("there is no backend `%s`; there are sim, engine, uring", world);
    int rc = choice.simulated ? 0 : choice.make(&kernel);
    if (rc == 0)
        rc = sri_rig_new(&rig, choice.simulated ? NULL : &kernel, "/tmp", NULL);
    if (rc != 0)
        return sri_complain("the kernel `%s` can't be had: %s; see safer-ring doctor", world, strerror(-rc));
    struct sri_timeline timeline = {0};
    struct sri_picture picture = {.rig = rig, .timeline = &timeline};
    rig->timeline = &timeline;
    rig->picture = &picture;
    struct sri_outcome outcome = sri_rig_run(rig, run);
    show(run, &outcome, &picture, world);
    int code = sri_verdict_broken(outcome.verdict) ? SRI_EXIT_VIOLATION : SRI_EXIT_FINE;
    if (html != NULL && write_page(&picture, run, &outcome, world, html) != 0)
        code = SRI_EXIT_USAGE;
    sri_picture_fini(&picture);
    sri_timeline_fini(&timeline);
    sri_rig_free(&rig);
    if (!choice.simulated)
        choice.release(&kernel);
    return code;
}

/* The run of a seed, without a tape. */
static int replay_seed(int count, char **arguments, const char *html)
{
    static struct sri_options options;
    int rc = sri_options_read(&options, count, arguments);
    if (rc != 0)
        return rc;
    const struct sri_campaign *campaign = &options.campaign;
    if (campaign->scenario_count != 1 || campaign->backend_count != 1 ||
        !(options.one_seed || campaign->kind))
        return sri_complain("replay wants a tape, or one --scenario and one --seed");
    struct sri_run run = {.scenario = campaign->scenarios[0],
                          .seed = campaign->first,
                          .kind = campaign->kind};
    return replay(campaign->backends[0].name, &run, html);
}

int sri_read_tape(const char *path, struct sri_tape_file *file, struct sri_run *run)
{
    struct sri_tape_error error;
    char warning[200];
    int rc = sri_tape_file_read(file, path, &error);
    if (rc == -EBADMSG)
        return sri_complain("`%s` is no whole tape: byte %zu: %s", path, error.position, error.reason);
    if (rc != 0)
        return sri_complain("`%s` can't be read: %s", path, error.reason);
    if (sri_tape_file_warning(file, SRI_SEMANTICS_VERSION, sri_points_hash(), warning, sizeof warning) != 0)
        fprintf(stderr, "safer-ring: warning: %s\n", warning);
    *run = (struct sri_run){
        .scenario = sri_scenario_named(file->program, strlen(file->program)),
        .seed = file->seed,
        .body = file->body,
        .size = file->size,
        .by_body = !has_knob(file, SRI_KNOB_SEED),
        .kind = has_knob(file, SRI_KNOB_KIND),
    };
    if (run->scenario != NULL)
        return 0;
    rc = strcmp(file->world, "host") == 0
             ? sri_complain("`%s` is of a run of `%s`: safer-ring run --tape %s -- PROGRAM", path,
                            file->program, path)
             : sri_complain("the tape is for a scenario `%s`, which this build does not have", file->program);
    sri_tape_file_fini(file);
    return rc;
}

/* Takes `--html FILE` out of the arguments; false: the file is missing. */
static bool take_html(int *count, char **arguments, const char **html)
{
    int kept = 0;
    for (int i = 0; i < *count; i++) {
        if (strcmp(arguments[i], "--html") != 0) {
            arguments[kept++] = arguments[i];
            continue;
        }
        if (i + 1 == *count)
            return false;
        *html = arguments[++i];
    }
    *count = kept;
    return true;
}

static int run_verb(int count, char **arguments)
{
    struct sri_tape_file file;
    struct sri_run run;
    const char *html = NULL;
    if (!take_html(&count, arguments, &html))
        return sri_complain("--html wants a file; see safer-ring --help");
    if (count > 0 && arguments[0][0] == '-')
        return replay_seed(count, arguments, html);
    if (count != 1)
        return sri_complain("replay wants one tape: safer-ring replay TAPE");
    int rc = sri_read_tape(arguments[0], &file, &run);
    if (rc != 0)
        return rc;
    rc = replay(file.world, &run, html);
    sri_tape_file_fini(&file);
    return rc;
}

const struct sri_verb sri_verb_replay = {
    .name = "replay",
    .summary = "one run again, with its timeline, as text or as a page",
    .help =
        "usage: safer-ring replay TAPE [--html FILE]\n"
        "       safer-ring replay --scenario NAME --seed N [--backend NAME] [--html FILE]\n"
        "\n"
        "A tape is what a violation left, or what SAFER_RING_TAPE was given. The run is the same again, byte for byte.\n"
        "\n"
        "  --html FILE           and as a page: who has what at each step\n"
        "\n"
        "  safer-ring replay storm-17.tape --html storm.html\n"
        "  safer-ring replay --scenario storm --seed 17\n",
    .run = run_verb,
};
