/*
 * Failing one thing after another, in workers that may die: each (scenario, seed) is a task, and a task whose worker died
 * goes on behind the run that killed it.
 */
#define _GNU_SOURCE
#include "explore/faults.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "explore/worker.h"
#include "fate/nth.h"
#include "sim_internal.h"

#define PATIENCE_S 20u /* for one run */

/* Where a task is; shared with its worker. */
struct place {
    uint32_t kind; /* SRI_POINTS stands for all points */
    uint64_t nth;
    bool sticky;
    bool done;
};

struct slip {
    struct sri_fault_tally tally;
    struct sri_verdict verdict;
    struct place place;
    uint32_t task;
    atomic_uint failure;
    pid_t process;
};

/* What is run, chosen by a scout; shared. */
#define TASKS 512u
#define SCOUTED 3000u /* seeds looked at, for those that come to a point no other comes to */
struct plan {
    uint32_t count;
    int failure;
    struct {
        uint32_t scenario;
        uint64_t seed;
    } tasks[TASKS];
};

/* The kinds a task goes through, in this order. */
enum {
    BY_POINT,
    BY_ALLOCATION,
    BY_CALL,
    KINDS
};

static void note(struct slip *slip, const struct plan *plan, uint32_t kind,
                 const struct sri_violation *violation)
{
    slip->tally.broken++;
    if (slip->tally.found == SRI_FAULT_FINDINGS)
        return;
    slip->tally.findings[slip->tally.found++] = (struct sri_fault_finding){
        .violation = *violation,
        .scenario = plan->tasks[slip->task].scenario,
        .seed = plan->tasks[slip->task].seed,
        .kind = kind,
        .nth = slip->place.nth,
        .sticky = slip->place.sticky,
    };
}

/* With an odd seed all else is quiet. */
static struct sri_run run_of(const struct sri_campaign *campaign, const struct sri_driver *driver,
                             uint32_t scenario, uint64_t seed)
{
    return (struct sri_run){
        .scenario = campaign->scenarios[scenario],
        .seed = seed,
        .driver = driver,
        .luck = seed % 2 == 1 ? SRI_LUCK_QUIET : SRI_LUCK_DRIVEN,
    };
}

/* One run. false: what was to fail was not reached. */
static bool run_one(const struct sri_campaign *campaign, const struct plan *plan, struct slip *slip,
                    struct sri_rig *rig)
{
    const struct place *place = &slip->place;
    uint32_t scenario = plan->tasks[slip->task].scenario;
    struct sri_nth nth;
    sri_nth_begin(&nth, place->kind == BY_POINT ? place->nth : 0, place->sticky);
    struct sri_driver driver = sri_nth_driver(&nth);
    struct sri_run run = run_of(campaign, &driver, scenario, plan->tasks[slip->task].seed);
    run.allocation = place->kind == BY_ALLOCATION ? place->nth : 0;
    run.call = place->kind == BY_CALL ? place->nth : 0;
    run.sticky = place->sticky;
    alarm(PATIENCE_S);
    sri_rig_run(rig, &run);
    alarm(0);
    slip->tally.runs++;
    uint32_t kind = place->kind == BY_POINT        ? (uint32_t)nth.point
                    : place->kind == BY_ALLOCATION ? (uint32_t)SRI_FAULT_ALLOCATION
                                                   : (uint32_t)SRI_FAULT_CALL;
    uint32_t struck = place->kind == BY_POINT        ? nth.struck
                      : place->kind == BY_ALLOCATION ? rig->heap->failed
                                                     : rig->tap.failed;
    if (sri_verdict_broken(&slip->verdict))
        note(slip, plan, struck > 0 ? kind : (uint32_t)SRI_FAULT_KINDS, &slip->verdict.violations[0]);
    if (struck == 0)
        return false;
    struct sri_fault_row *row = &slip->tally.rows[scenario];
    (place->sticky ? row->sticky : row->once)[kind]++;
    return true;
}

/* To the next fault: each once, then sticky, then the next; the next kind behind the last of one. */
static void go_on(struct place *place, bool reached)
{
    if (!reached) {
        *place = (struct place){.kind = place->kind + 1, .nth = 1};
        place->done = place->kind == KINDS;
    } else if (!place->sticky) {
        place->sticky = true;
    } else {
        place->sticky = false;
        place->nth++;
    }
}

static void begin_task(struct slip *slip)
{
    slip->place = (struct place){.kind = BY_POINT, .nth = 1};
}

static bool is_stopped(const struct sri_campaign *campaign)
{
    return campaign->stopped != NULL && campaign->stopped();
}

static void work(const struct sri_campaign *campaign, const struct plan *plan, struct slip *slip)
{
    const struct sri_backend_choice *backend = &campaign->backends[0];
    struct sri_kernel kernel = {0};
    struct sri_rig *rig = NULL;
    int rc = backend->make != NULL ? backend->make(&kernel) : 0;
    if (rc == 0)
        rc = sri_rig_new(&rig, backend->make != NULL ? &kernel : NULL, campaign->folder, &slip->verdict);
    if (rc != 0) {
        atomic_store(&slip->failure, (unsigned)-rc);
        return;
    }
    while (slip->task < plan->count) {
        while (!slip->place.done && !is_stopped(campaign))
            go_on(&slip->place, run_one(campaign, plan, slip, rig));
        if (!slip->place.done)
            return;
        slip->task += campaign->jobs;
        begin_task(slip);
    }
}

static int send_worker(const struct sri_campaign *campaign, const struct plan *plan, struct slip *slip)
{
    pid_t self = getpid();
    pid_t process = fork();
    if (process < 0)
        return -errno;
    if (process == 0) {
        sri_worker_begin(self);
        work(campaign, plan, slip);
        _exit(0);
    }
    slip->process = process; /* not the child's 0: this memory is shared */
    return 0;
}

/* The run it died in is a finding, and the task goes on behind it. */
static void note_death(const struct plan *plan, struct slip *slip, int status)
{
    struct sri_violation death = {.rule = SRI_RULE_CRASH};
    if (WIFSIGNALED(status))
        snprintf(death.text, sizeof death.text, "the process died by signal %d (%s)", WTERMSIG(status),
                 WTERMSIG(status) == SIGALRM ? "the run did not end" : strsignal(WTERMSIG(status)));
    else
        snprintf(death.text, sizeof death.text, "the process ended with exit code %d", WEXITSTATUS(status));
    static const uint32_t kinds[] = {SRI_FAULT_KINDS, SRI_FAULT_ALLOCATION, SRI_FAULT_CALL};
    note(slip, plan, kinds[slip->place.kind], &death);
    slip->tally.runs++;
    go_on(&slip->place, true);
}

/* A worker until its tasks are done, and its successors when it dies. */
static int see_through(const struct sri_campaign *campaign, const struct plan *plan, struct slip *slip)
{
    for (;;) {
        int status = 0;
        while (waitpid(slip->process, &status, 0) < 0)
            if (errno != EINTR)
                return -errno;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            return -(int)atomic_load(&slip->failure);
        note_death(plan, slip, status);
        int rc = send_worker(campaign, plan, slip);
        if (rc != 0)
            return rc;
    }
}

static void add(struct sri_fault_tally *sum, const struct sri_fault_tally *part)
{
    sum->runs += part->runs;
    sum->broken += part->broken;
    for (uint32_t i = 0; i < SRI_SCENARIOS_MAX; i++)
        for (uint32_t kind = 0; kind < SRI_FAULT_KINDS; kind++) {
            sum->rows[i].once[kind] += part->rows[i].once[kind];
            sum->rows[i].sticky[kind] += part->rows[i].sticky[kind];
        }
    for (uint32_t i = 0; i < part->found && sum->found < SRI_FAULT_FINDINGS; i++)
        sum->findings[sum->found++] = part->findings[i];
}

/* Does this run come to a point that none before it has come to? */
static bool comes_further(const struct sri_nth *nth, bool seen[SRI_POINTS])
{
    bool further = false;
    for (uint32_t i = 0; i < SRI_POINTS; i++) {
        bool reached = nth->reached_of[i] > 0;
        further |= reached && !seen[i];
        seen[i] |= reached;
    }
    return further;
}

/* The seeds that were asked for, and those that come further. */
static void scout(const struct sri_campaign *campaign, struct plan *plan)
{
    struct sri_rig *rig = NULL;
    plan->failure = sri_rig_new(&rig, NULL, campaign->folder, NULL);
    for (uint32_t scenario = 0; plan->failure == 0 && scenario < campaign->scenario_count; scenario++) {
        bool seen[SRI_POINTS] = {false};
        bool simulated = campaign->backends[0].make == NULL;
        uint64_t scouted = campaign->seeds > SCOUTED || !simulated ? campaign->seeds : SCOUTED;
        for (uint64_t i = 0; i < scouted && plan->count < TASKS && !is_stopped(campaign); i++) {
            struct sri_nth nth;
            sri_nth_begin(&nth, 0, false);
            struct sri_driver driver = sri_nth_driver(&nth);
            struct sri_run run = run_of(campaign, &driver, scenario, campaign->first + i);
            bool further = false;
            if (simulated) {
                sri_rig_run(rig, &run);
                further = comes_further(&nth, seen);
            }
            if (!further && i >= campaign->seeds)
                continue;
            plan->tasks[plan->count].scenario = scenario;
            plan->tasks[plan->count++].seed = campaign->first + i;
        }
    }
}

/* In a process of its own: the library's allocator is replaced there. */
static int send_scout(const struct sri_campaign *campaign, struct plan *plan)
{
    int status = 0;
    pid_t self = getpid();
    pid_t process = fork();
    if (process < 0)
        return -errno;
    if (process == 0) {
        sri_worker_begin(self);
        scout(campaign, plan);
        _exit(0);
    }
    while (waitpid(process, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? plan->failure : -ECHILD;
}

static int send_all(const struct sri_campaign *campaign, const struct plan *plan, struct slip *slips,
                    struct sri_fault_tally *tally)
{
    int rc = 0;
    for (uint32_t i = 0; i < campaign->jobs && rc == 0; i++) {
        slips[i].task = tally->skipped + i;
        begin_task(&slips[i]);
        rc = send_worker(campaign, plan, &slips[i]);
    }
    for (uint32_t i = 0; i < campaign->jobs; i++) {
        int ended = slips[i].process > 0 ? see_through(campaign, plan, &slips[i]) : 0;
        rc = ended != 0 ? ended : rc;
        add(tally, &slips[i].tally);
        if (slips[i].task < tally->rest)
            tally->rest = slips[i].task;
    }
    return rc;
}

int sri_faults_run(const struct sri_campaign *campaign, struct sri_fault_tally *tally)
{
    size_t size = sizeof(struct plan) + sizeof(struct slip) * campaign->jobs;
    struct plan *plan = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (plan == MAP_FAILED)
        return -errno;
    int rc = send_scout(campaign, plan);
    tally->tasks = plan->count;
    tally->rest = is_stopped(campaign) ? tally->skipped : plan->count;
    if (rc == 0 && !is_stopped(campaign))
        rc = send_all(campaign, plan, (struct slip *)(void *)(plan + 1), tally);
    munmap(plan, size);
    return rc;
}

const char *sri_fault_name(uint32_t kind)
{
    if (kind < SRI_POINTS)
        return sri_point_infos[kind].name;
    return kind == SRI_FAULT_ALLOCATION ? "an allocation"
           : kind == SRI_FAULT_CALL     ? "a call of the kernel"
                                        : "-";
}
