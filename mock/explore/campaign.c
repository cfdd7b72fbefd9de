/*
 * Sharing a campaign out among forked workers, and adding up what they found. The workers talk through shared memory only.
 */
#define _GNU_SOURCE
#include "explore/campaign.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "explore/worker.h"
#include "fate/tape_file.h"

#define REPEAT_EVERY 100u /* runs; every other time from the recorded body, else from the seed */
#define TICK_MS 20
#define STUCK 77           /* exit code of a worker that cannot come back */
#define PATIENCE_S 10      /* for one simulated run, which takes a millisecond */
#define HOST_PATIENCE_S 60 /* for one that waits for this machine */
#define HANGS 3            /* then the campaign goes no further */

/* What a worker shares with the campaign. It takes every jobs-th run, beginning with `next`. */
struct slip {
    struct sri_tally tally;
    struct sri_verdict verdict; /* of the run it is at */
    atomic_ullong next;         /* the run it is at, or will be */
    atomic_uint failure;        /* an errno: it can't work at all */
    char where[64];
    pid_t process;
    bool finished;
    unsigned long long seen; /* `next`, when it was last looked at */
    uint32_t still;          /* looks since it changed */
    uint32_t hangs;
};

static uint32_t shards_of(const struct sri_campaign *campaign)
{
    return campaign->shards > 0 ? campaign->shards : 1;
}

static uint64_t run_count(const struct sri_campaign *campaign)
{
    uint64_t seeds = campaign->kind ? 1 : campaign->seeds;
    seeds = seeds > campaign->shard ? (seeds - campaign->shard - 1) / shards_of(campaign) + 1 : 0;
    return seeds * campaign->scenario_count * campaign->backend_count;
}

/* Runs are numbered backend by backend, then by seed, then by scenario. */
static uint32_t backend_of(const struct sri_campaign *campaign, uint64_t number)
{
    return (uint32_t)(number / (run_count(campaign) / campaign->backend_count));
}

static struct sri_run run_of(const struct sri_campaign *campaign, uint64_t number, uint32_t *scenario)
{
    uint64_t within = number % (run_count(campaign) / campaign->backend_count);
    *scenario = (uint32_t)(within % campaign->scenario_count);
    return (struct sri_run){
        .scenario = campaign->scenarios[*scenario],
        .seed = campaign->kind ? 0
                               : campaign->first + campaign->shard +
                                     within / campaign->scenario_count * shards_of(campaign),
        .kind = campaign->kind,
    };
}

int sri_campaign_write_tape(const struct sri_campaign *campaign, const struct sri_run *run,
                            const char *backend, const uint8_t *body, size_t size, char *path,
                            size_t path_size)
{
    struct sri_tape_file file;
    struct sri_tape_error error;
    path[0] = 0;
    if (campaign->tape_dir == NULL)
        return 0;
    memset(&file, 0, sizeof file);
    snprintf(file.program, sizeof file.program, "%s", run->scenario->name);
    snprintf(file.world, sizeof file.world, "%s", backend);
    snprintf(file.knobs, sizeof file.knobs, "%s%s", run->kind ? SRI_KNOB_KIND : "",
             body == NULL && !run->kind ? SRI_KNOB_SEED : "");
    file.semantics = SRI_SEMANTICS_VERSION;
    file.points = sri_points_hash();
    file.seed = run->seed;
    file.body = body;
    file.size = body != NULL ? size : 0;
    int used = snprintf(path, path_size, "%s/safer-ring-%s-%s-%llu.tape", campaign->tape_dir, backend,
                        run->scenario->name, (unsigned long long)run->seed);
    int rc = used < (int)path_size ? sri_tape_file_write(&file, path, &error) : -ENAMETOOLONG;
    if (rc != 0)
        path[0] = 0;
    return rc;
}

/* ---- In the worker ---- */

static void note_findings(const struct sri_campaign *campaign, struct sri_rig *rig, struct slip *slip,
                          const struct sri_run *run, uint32_t scenario, uint32_t backend)
{
    char tape[sizeof slip->tally.findings[0].tape] = "";
    int code = 0;
    if (slip->verdict.kept > 0 && rig != NULL && sri_rig_keep_body(rig) == 0)
        code = sri_campaign_write_tape(campaign, run, campaign->backends[backend].name, rig->body,
                                       rig->body_size, tape, sizeof tape);
    else if (slip->verdict.kept > 0 && rig == NULL)
        code = sri_campaign_write_tape(campaign, run, campaign->backends[backend].name, NULL, 0, tape,
                                       sizeof tape);
    for (uint32_t i = 0; i < slip->verdict.kept; i++) {
        const struct sri_violation *violation = &slip->verdict.violations[i];
        struct sri_finding *finding = sri_tally_find(&slip->tally, violation->rule);
        if (finding == NULL)
            continue;
        finding->scenario = scenario;
        finding->backend = backend;
        finding->kind = run->kind;
        finding->seed = run->seed;
        finding->operation = violation->operation;
        finding->now_ns = violation->now_ns;
        memcpy(finding->text, violation->text, sizeof finding->text);
        memcpy(finding->tape, tape, sizeof finding->tape);
        finding->tape_code = code;
    }
}

/* Once more: a simulated run that differs is the simulator's failure. */
static void repeat(const struct sri_campaign *campaign, struct sri_rig *rig, struct slip *slip,
                   struct sri_run run, uint64_t hash, uint32_t scenario, uint32_t backend)
{
    run.by_body = slip->tally.repeated++ % 2 == 1;
    if (run.by_body) {
        if (sri_rig_keep_body(rig) != 0)
            return;
        run.body = rig->body;
        run.size = rig->body_size;
        run.driver = NULL; /* its answers stand on the tape */
    }
    struct sri_steering steering;
    sri_steer(&steering, campaign->driving, &run);
    struct sri_outcome again = sri_rig_run(rig, &run);
    sri_judge(rig->verdict, SRI_RULE_HASH, 0, again.hash == hash,
              "the same run again, from its %s, has the trace %016llx, and had %016llx",
              run.by_body ? "tape" : "seed", (unsigned long long)again.hash, (unsigned long long)hash);
    if (again.hash == hash)
        return;
    slip->tally.broken[SRI_RULE_HASH]++;
    note_findings(campaign, rig, slip, &run, scenario, backend);
}

/* The library goes round and round: there is no way back into this process. */
static void stuck(void *user)
{
    (void)user;
    _exit(STUCK);
}

static bool is_stopped(const struct sri_campaign *campaign)
{
    return campaign->stopped != NULL && campaign->stopped();
}

/* Each worker makes its share of the operations. */
static bool has_enough(const struct sri_campaign *campaign, const struct slip *slip)
{
    return campaign->operations != 0 && slip->tally.operations >= campaign->operations / campaign->jobs + 1;
}

static void work(const struct sri_campaign *campaign, struct slip *slip, uint64_t all)
{
    struct sri_rig *rig = NULL;
    struct sri_kernel kernel = {0};
    struct sri_steering steering;
    uint32_t at = UINT32_MAX;
    uint64_t number;
    while ((number = atomic_load(&slip->next)) < all && !has_enough(campaign, slip) &&
           !is_stopped(campaign)) {
        uint32_t backend = backend_of(campaign, number);
        if (backend != at) {
            const struct sri_backend_choice *choice = &campaign->backends[backend];
            sri_rig_free(&rig);
            if (at != UINT32_MAX && campaign->backends[at].release != NULL)
                campaign->backends[at].release(&kernel);
            at = backend;
            int rc = choice->simulated ? 0 : choice->make(&kernel);
            if (rc == 0)
                rc = sri_rig_new(&rig, choice->simulated ? NULL : &kernel, campaign->folder, &slip->verdict);
            if (rc != 0) {
                snprintf(slip->where, sizeof slip->where, "%s", choice->name);
                atomic_store(&slip->failure, (unsigned)-rc);
                return;
            }
            rig->watch->on_stuck = stuck;
        }
        uint32_t scenario;
        struct sri_run run = run_of(campaign, number, &scenario);
        if (campaign->backends[backend].simulated)
            sri_steer(&steering, campaign->driving, &run);
        struct sri_outcome outcome = sri_rig_run(rig, &run);
        sri_tally_run(&slip->tally, &run, &outcome, scenario);
        slip->tally.unwatched = rig->watch->unwatched;
        note_findings(campaign, rig, slip, &run, scenario, backend);
        if (outcome.hash != 0 && (run.seed * campaign->scenario_count + scenario) % REPEAT_EVERY == 0)
            repeat(campaign, rig, slip, run, outcome.hash, scenario, backend);
        atomic_store(&slip->next, number + campaign->jobs);
    }
}

/* ---- In the campaign ---- */

static uint32_t patience_of(const struct sri_campaign *campaign, uint64_t number)
{
    if (number >= run_count(campaign))
        return HOST_PATIENCE_S;
    return campaign->backends[backend_of(campaign, number)].simulated ? PATIENCE_S : HOST_PATIENCE_S;
}

static int send_worker(const struct sri_campaign *campaign, struct slip *slip, uint64_t all)
{
    pid_t self = getpid();
    pid_t process = fork();
    if (process < 0)
        return -errno;
    if (process == 0) {
        sri_worker_begin(self);
        work(campaign, slip, all);
        _exit(0);
    }
    slip->process = process;
    return 0;
}

/* The run it died in is a finding; the worker's successor goes on behind it. */
static void note_death(const struct sri_campaign *campaign, struct slip *slip, int status)
{
    uint64_t number = atomic_load(&slip->next);
    uint32_t scenario;
    uint32_t backend = backend_of(campaign, number);
    struct sri_run run = run_of(campaign, number, &scenario);
    struct sri_outcome outcome = {.verdict = &slip->verdict};
    sri_tally_run(&slip->tally, &run, &outcome, scenario);
    note_findings(campaign, NULL, slip, &run, scenario, backend);
    sri_verdict_begin(&slip->verdict);
    atomic_store(&slip->next, number + campaign->jobs);
    if (WIFEXITED(status) && WEXITSTATUS(status) == STUCK)
        return;
    slip->tally.broken[SRI_RULE_CRASH]++;
    struct sri_finding *finding = sri_tally_find(&slip->tally, SRI_RULE_CRASH);
    if (finding == NULL)
        return;
    finding->scenario = scenario;
    finding->backend = backend;
    finding->kind = run.kind;
    finding->seed = run.seed;
    if (slip->still >= patience_of(campaign, number) * 1000 / TICK_MS)
        snprintf(finding->text, sizeof finding->text, "the run did not end within %u seconds",
                 patience_of(campaign, number));
    else if (WIFSIGNALED(status))
        snprintf(finding->text, sizeof finding->text, "the process died by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(finding->text, sizeof finding->text, "the process ended with exit code %d",
                 WEXITSTATUS(status));
    finding->tape_code = sri_campaign_write_tape(campaign, &run, campaign->backends[backend].name, NULL, 0,
                                                 finding->tape, sizeof finding->tape);
}

/* One that stays at a run for ever is ended. */
static void watch_over(const struct sri_campaign *campaign, struct slip *slip)
{
    unsigned long long now = atomic_load(&slip->next);
    slip->still = now == slip->seen ? slip->still + 1 : 0;
    slip->seen = now;
    if (slip->still == patience_of(campaign, now) * 1000 / TICK_MS) {
        slip->hangs++;
        kill(slip->process, SIGKILL);
    }
}

/* true: the worker is gone for good. */
static bool look_after(const struct sri_campaign *campaign, struct slip *slip, uint64_t all)
{
    int status = 0;
    if (slip->finished)
        return true;
    pid_t ended = waitpid(slip->process, &status, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR)) {
        watch_over(campaign, slip);
        return false;
    }
    bool died = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    /* One that was through with its runs has none to lay it to. */
    if (died && atomic_load(&slip->next) < all)
        note_death(campaign, slip, status);
    slip->still = 0;
    bool more = died && !has_enough(campaign, slip) && slip->hangs < HANGS && atomic_load(&slip->next) < all;
    slip->finished = !more || send_worker(campaign, slip, all) != 0;
    return slip->finished;
}

static uint64_t done_so_far(const struct sri_campaign *campaign, const struct slip *slips)
{
    uint64_t done = 0;
    for (uint32_t i = 0; i < campaign->jobs; i++)
        done += slips[i].tally.runs;
    return done;
}

static void wait_for_all(const struct sri_campaign *campaign, struct slip *slips, uint64_t all)
{
    for (bool working = true; working;) {
        working = false;
        bool broken = false;
        for (uint32_t i = 0; i < campaign->jobs; i++) {
            working |= !look_after(campaign, &slips[i], all);
            broken |= slips[i].tally.found > 0;
        }
        if (campaign->progress != NULL)
            campaign->progress(campaign->progress_user, done_so_far(campaign, slips), all, broken);
        if (working)
            poll(NULL, 0, TICK_MS);
    }
}

/* The first run that no worker has made, if any was left out. */
static void note_rest(const struct sri_campaign *campaign, const struct slip *slips, uint64_t all)
{
    uint64_t least = all;
    uint64_t operations = 0;
    for (uint32_t i = 0; i < campaign->jobs; i++) {
        uint64_t next = atomic_load(&slips[i].next);
        operations += slips[i].tally.operations;
        if (!has_enough(campaign, &slips[i]) && next < least)
            least = next;
    }
    *campaign->rest = (struct sri_rest){.any = least < all && is_stopped(campaign), .operations = operations};
    if (!campaign->rest->any)
        return;
    campaign->rest->backend = backend_of(campaign, least);
    uint64_t within = least % (run_count(campaign) / campaign->backend_count);
    campaign->rest->seed = within / campaign->scenario_count * shards_of(campaign);
}

int sri_campaign_run(const struct sri_campaign *campaign, struct sri_tally *tally)
{
    uint64_t all = run_count(campaign);
    size_t size = sizeof(struct slip) * campaign->jobs;
    struct slip *slips = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (slips == MAP_FAILED)
        return -errno;
    int rc = 0;
    for (uint32_t i = 0; i < campaign->jobs; i++) {
        atomic_store(&slips[i].next, i);
        int sent = send_worker(campaign, &slips[i], all);
        slips[i].finished = sent != 0;
        rc = sent != 0 ? sent : rc;
    }
    wait_for_all(campaign, slips, all);
    for (uint32_t i = 0; i < campaign->jobs; i++) {
        unsigned failure = atomic_load(&slips[i].failure);
        rc = failure != 0 ? -(int)failure : rc;
        sri_tally_add(tally, &slips[i].tally);
    }
    if (campaign->rest != NULL)
        note_rest(campaign, slips, all);
    munmap(slips, size);
    return rc;
}
