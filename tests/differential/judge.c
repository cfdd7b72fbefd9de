/*
 * The set of outcomes is found by running the program on the simulated kernel with every answer to every question that a
 * real kernel is free in; the kind run belongs to it always.
 */
#include "judge.h"

#include <string.h>

#include "sim_internal.h"

#define REPEATS 8
#define AGAIN 8
/* Where a kernel's answer was not found, the search goes on for so many times the bound. */
#define PATIENCE 20

const char df_the_kernel[] = "the true kernel";
const char df_the_host[] = "the engine over the host";

/* Outcomes told apart by everything, and by everything but the order of CQEs. */
struct set {
    uint64_t hash[DF_SET];
    uint64_t digest[DF_SET];
    uint32_t count;
    bool full;
};

int df_judge_open(struct df_judge *judge, const char *folder, const char **name)
{
    struct df_stage *const stages[] = {&judge->uring, &judge->engine, &judge->sim};
    static const char *const names[] = {"uring", "engine", "sim"};
    memset(judge, 0, sizeof *judge);
    for (unsigned i = 0; i < 3; i++) {
        int rc = df_stage_open(stages[i], names[i], folder);
        *name = names[i];
        if (rc != 0)
            return rc;
    }
    return 0;
}

void df_judge_close(struct df_judge *judge)
{
    df_stage_close(&judge->uring);
    df_stage_close(&judge->engine);
    df_stage_close(&judge->sim);
    sri_branch_fini(&judge->branch);
}

static bool holds(const struct set *set, uint64_t hash)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->hash[i] == hash)
            return true;
    }
    return false;
}

static bool holds_digest(const struct set *set, uint64_t digest)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->digest[i] == digest)
            return true;
    }
    return false;
}

static void add(struct set *set, const struct df_outcome *outcome)
{
    uint64_t hash = df_outcome_hash(outcome);
    if (holds(set, hash))
        return;
    if (set->count == DF_SET) {
        set->full = true;
        return;
    }
    set->digest[set->count] = df_outcome_digest(outcome);
    set->hash[set->count++] = hash;
}

/* A run on this machine, repeated while it was late. False: it always was. */
static bool play_on_time(struct df_stage *stage, struct df_case *one, struct df_outcome *out)
{
    for (unsigned i = 0; i < REPEATS; i++) {
        df_play(stage, &one->program, &one->plan, out);
        if (!out->late)
            return true;
        one->repeated++;
    }
    return false;
}

/* Goes on until all outcomes are seen, or `bound` runs were made. True: all were. */
static bool explore(struct df_judge *judge, struct df_case *one, struct set *set, uint32_t bound)
{
    static struct df_outcome outcome;
    struct df_freedom freedom;
    while (one->runs < bound && !set->full) {
        if (!sri_branch_next(&judge->branch))
            return !judge->branch.cut && !judge->branch.unsteady;
        df_freedom_set(&freedom, &one->program, &judge->branch);
        judge->sim.chooser = df_freedom_chooser(&freedom);
        df_play(&judge->sim, &one->program, &one->plan, &outcome);
        judge->sim.chooser = (struct sri_chooser){NULL, NULL};
        one->runs++;
        add(set, &outcome);
    }
    return false;
}

static bool knows_both(const struct set *set, const struct df_case *one)
{
    return holds(set, df_outcome_hash(&one->real)) && holds_digest(set, df_outcome_digest(&one->host));
}

/*
 * A worker of the true kernel puts its request away when the CQE has long been seen, and for that joins the list of what the
 * submitter has to do; whoever joins behind it leaves it to the first to say so. Is the worker put to sleep in between, what
 * is woken then waits for it, through any number of calls. Only a ring that defers has a list of its own. Such a difference
 * needs a worker, and is not one when it does not come again.
 */
static bool may_be_held_up(const struct df_program *program)
{
    bool floats = false;
    for (uint32_t i = 0; i < program->entries; i++)
        floats |= program->entry[i].floats;
    return floats && (program->setup_flags & IORING_SETUP_DEFER_TASKRUN) == 0;
}

static bool comes_again(struct df_judge *judge, struct df_case *one, const struct set *set)
{
    static struct df_case again;
    again.program = one->program;
    again.plan = one->plan;
    for (unsigned i = 0; i < AGAIN; i++) {
        if (!play_on_time(&judge->uring, &again, &again.real) ||
            !play_on_time(&judge->engine, &again, &again.host) || !knows_both(set, &again))
            return true;
    }
    return false;
}

static enum df_verdict compare(struct df_judge *judge, struct df_case *one)
{
    static struct set set;
    set.count = 0;
    set.full = false;
    add(&set, &one->kind);
    sri_branch_begin(&judge->branch);
    bool all = explore(judge, one, &set, judge->bound);
    if (!all && !knows_both(&set, one))
        all = explore(judge, one, &set, judge->bound * PATIENCE);
    one->set = set.count;
    one->host_order = holds(&set, df_outcome_hash(&one->host));
    if (!knows_both(&set, one)) {
        one->who = holds(&set, df_outcome_hash(&one->real)) ? df_the_host : df_the_kernel;
        if (all && one->who == df_the_kernel && may_be_held_up(&one->program) &&
            !comes_again(judge, one, &set))
            return DF_HELD_UP;
        return all ? DF_DIFFERS : DF_OPEN;
    }
    return !all ? DF_UNBOUNDED : set.count == 1 ? DF_SAME : DF_IN_SET;
}

void df_judge_program(struct df_judge *judge, struct df_case *one, struct sri_tape *tape)
{
    one->plan = (struct df_plan){.known = false};
    df_program_draw(&one->program, tape, judge->reach);
    one->who = "";
    one->set = one->runs = one->repeated = 0;
    df_play(&judge->sim, &one->program, &one->plan, &one->kind);
    df_play(&judge->sim, &one->program, &one->plan, &one->kind); /* by the plan, as on the others */
    if (!play_on_time(&judge->uring, one, &one->real) || !play_on_time(&judge->engine, one, &one->host))
        one->verdict = DF_LATE;
    else
        one->verdict = compare(judge, one);
}
