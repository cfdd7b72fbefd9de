/*
 * The loops of sim.h: which run comes next, and what is said of one that was not ended. There is one loop in a process, in
 * one static place, so that whoever comes after a jump finds it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "fate/branch.h"
#include "fate/libfiu.h"
#include "fate/nth.h"
#include "fate/scarce.h"
#include "fate/tape_file.h"
#include "safer_ring/log.h"
#include "sim_internal.h"
#include "sim_plan.h"

#define IMAGES 8u         /* of each loss of power */
#define REPEAT_EVERY 100u /* runs: one is made twice, and compared */
#define BODY_MAX ((size_t)1 << 20)

enum kind {
    SEEDS,
    POWER_LOSSES,
    SCHEDULES,
    FAULTS,
    ONE /* SAFER_RING_TAPE */
};

enum faults {
    NO_FAULT,
    POINTS,
    ALLOCATIONS,
    ALL_FAILED
};

/* The one loop. A zeroed structure is none. */
static struct {
    struct sr_sim *sim;
    enum kind kind;
    const char *file;
    int line;
    uint64_t limit;
    uint64_t next; /* runs begun, those made a second time not counted */
    bool running;  /* a body is under way, or was left */
    bool all;      /* there is nothing left to run */
    struct sri_plan plan;
    struct sri_branch branch;
    struct sri_nth nth;
    struct sri_driver driver;
    enum faults faults;
    uint64_t fault;
    bool sticky;
    /* The second time of a run. */
    bool repeating;
    uint64_t hash;
    uint8_t *body;
    size_t body_capacity;
    struct sigaction before;
    bool handles;
} loop;

static struct sri_scarce memory; /* of the loop over faults; blocks may outlive it */
static struct sr_sim_seen last;

/* Simulations whose loop was left by a jump, or that a loop inside theirs has taken the place of. */
#define LEFT 16
static struct sr_sim *left[LEFT];

static void say(const char *text)
{
    size_t length = strlen(text);
    while (length > 0) {
        ssize_t written = write(STDERR_FILENO, text, length);
        if (written <= 0)
            return;
        text += written;
        length -= (size_t)written;
    }
}

/* ---- What is said of a run ---- */

/* With the run's own tape, where it is the only one who knows the choices. */
static struct sri_plan told_plan(void)
{
    struct sri_plan plan = loop.plan;
    if (plan.luck == SRI_PLAN_DRIVEN || (sri_libfiu_listens() && plan.luck != SRI_PLAN_BODY)) {
        plan.luck = SRI_PLAN_BODY;
        sr_sim_tape(loop.sim, &plan.body, &plan.size);
    }
    return plan;
}

static void say_command(void)
{
    char arguments[1024];
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, arguments, sizeof arguments - 1) : -1;
    if (fd >= 0)
        close(fd);
    for (ssize_t i = 0; i + 1 < length; i++)
        if (arguments[i] == 0)
            arguments[i] = ' ';
    if (length > 0) {
        arguments[length] = 0;
        say(arguments);
    }
    say("\n");
}

/* `what` happened in the run under way. Allocates nothing. */
static void say_run(const char *what)
{
    static char name[4096];
    char text[512];
    snprintf(text, sizeof text, "safer_ring: %s the loop at %s:%d, in its run %" PRIu64 "\n", what, loop.file,
             loop.line, loop.next);
    say(text);
    if (!loop.running)
        return;
    struct sri_plan plan = told_plan();
    size_t length = sri_plan_name(&plan, name, sizeof name);
    if (length < sizeof name) {
        say("safer_ring: this run again: SAFER_RING_TAPE='");
        say(name);
        say("' ");
        say_command();
        return;
    }
    struct sri_tape_file file = {.semantics = SRI_SEMANTICS_VERSION, .points = sri_points_hash()};
    struct sri_tape_error error;
    char path[64];
    snprintf(path, sizeof path, "./safer-ring-%ld.tape", (long)getpid());
    snprintf(file.program, sizeof file.program, "loop");
    snprintf(file.world, sizeof file.world, "sim");
    file.body = plan.body;
    file.size = plan.size;
    if (sri_tape_file_write(&file, path, &error) != 0) {
        say("safer_ring: its tape can't be written here\n");
        return;
    }
    say("safer_ring: this run again: SAFER_RING_TAPE='");
    say(path);
    say("' ");
    say_command();
}

static _Noreturn void stop(const char *what)
{
    say_run(what);
    loop.running = false; /* all is said: the handler keeps silent */
    abort();
}

/* ---- Who comes after a jump ---- */

static void on_abort(int signal)
{
    (void)signal;
    if (loop.sim != NULL && loop.running)
        say_run("abort(3) was called in");
    sigaction(SIGABRT, &loop.before, NULL);
    raise(SIGABRT);
}

static void free_left(void)
{
    for (int i = 0; i < LEFT; i++)
        sr_sim_free(&left[i]);
}

static void on_exit_(void)
{
    sr_sim_loop_abandon();
    free_left();
}

static void handle_signals(void)
{
    static bool registered;
    struct sigaction action;
    if (!registered)
        registered = atexit(on_exit_) == 0;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_abort;
    loop.handles = sigaction(SIGABRT, &action, &loop.before) == 0;
}

/* The loop is over, however it ended; its simulation is left to the caller. */
static void let_go(void)
{
    if (loop.handles)
        sigaction(SIGABRT, &loop.before, NULL);
    if (memory.below.allocate != NULL) {
        sri_scarce_remove(&memory);
        memory.below.allocate = NULL;
    }
    sri_branch_fini(&loop.branch);
    sri_free(loop.body);
    memset(&loop, 0, sizeof loop);
}

/* Someone else wants to loop, and this one was not ended: by a jump, as nobody can nest them. */
static void put_aside(void)
{
    struct sr_sim *sim = loop.sim;
    say_run("a jump left");
    sri_sim_give_up_rings(sim);
    let_go();
    for (int i = 0; i < LEFT; i++)
        if (left[i] == NULL) {
            left[i] = sim;
            return;
        }
}

int sr_sim_loop_abandon(void)
{
    if (loop.sim == NULL)
        return 0;
    struct sr_sim *sim = loop.sim;
    say_run("a jump left");
    sri_sim_give_up_rings(sim);
    let_go();
    sr_sim_free(&sim);
    return 1;
}

/* ---- One run ---- */

static void begin_run(void)
{
    struct sr_sim_options options = sr_sim_options_default();
    options.seed = loop.plan.seed;
    if (loop.plan.luck == SRI_PLAN_KIND)
        options.flags = SR_SIM_KIND;
    else if (loop.plan.luck == SRI_PLAN_IMAGE)
        options.flags = SR_SIM_POWER;
    if (loop.plan.luck == SRI_PLAN_BODY || loop.repeating) {
        static const uint8_t nothing[1];
        const uint8_t *body = loop.repeating ? loop.body : loop.plan.body;
        options.flags = 0;
        options.tape = body != NULL ? body : nothing;
        options.tape_size = loop.repeating ? loop.plan.size : body != NULL ? loop.plan.size : 0;
    }
    if (sr_sim_reset(loop.sim, &options) != 0)
        stop("no memory for");
    if (loop.plan.luck == SRI_PLAN_DRIVEN && !loop.repeating)
        sri_sim_drive(loop.sim, &loop.driver, 0, SRI_LUCK_QUIET);
    if (loop.plan.loses_power)
        sr_sim_power_loss_after(loop.sim, loop.plan.power_after);
    if (memory.below.allocate != NULL)
        sri_scarce_begin(&memory, loop.plan.allocation, loop.plan.sticky);
    loop.running = true;
}

/* Makes the run that just ended a second time, from its tape. */
static void repeat(void)
{
    SRI_SPARE;
    const uint8_t *body;
    size_t size;
    sr_sim_tape(loop.sim, &body, &size);
    if (size > loop.body_capacity) {
        uint8_t *grown = sri_realloc(loop.body, size * 2);
        if (grown == NULL)
            stop("no memory for");
        loop.body = grown;
        loop.body_capacity = size * 2;
    }
    if (size > 0)
        memcpy(loop.body, body, size);
    loop.plan.size = size;
    loop.hash = sr_sim_trace_hash(loop.sim);
    loop.repeating = true;
    begin_run();
}

/* A body that ended without being left. true: it is made once more. */
static bool end_run(void)
{
    if (loop.repeating) {
        loop.repeating = false;
        if (sr_sim_trace_hash(loop.sim) != loop.hash)
            stop("test not repeatable: the same tape gave another run:");
        return false;
    }
    if (loop.branch.unsteady)
        stop("test not repeatable: the same choices led to other questions:");
    if (loop.kind == POWER_LOSSES || loop.kind == ONE || (loop.next - 1) % REPEAT_EVERY != 0)
        return false;
    repeat();
    return true;
}

/* ---- Which run is next. false: none ---- */

static bool next_seed(void)
{
    if (loop.next >= loop.limit)
        return false;
    loop.plan = (struct sri_plan){.luck = loop.next == 0 ? SRI_PLAN_KIND : SRI_PLAN_SEED, .seed = loop.next};
    return true;
}

/* The first image of each operation is the kind one. The last operation is the one that no run came to. */
static bool next_power_loss(void)
{
    bool first = loop.next % IMAGES == 0;
    if (first && loop.next > 0 && !sri_sim_world_fuse_burnt(sri_sim_world(loop.sim))) {
        loop.all = true;
        return false;
    }
    loop.plan = (struct sri_plan){
        .luck = first ? SRI_PLAN_KIND : SRI_PLAN_IMAGE,
        .seed = loop.next,
        .loses_power = true,
        .power_after = loop.next / IMAGES,
    };
    return true;
}

static uint32_t by_branch(void *self, const struct sri_question *question, uint32_t freedom, uint32_t drawn)
{
    (void)freedom;
    (void)drawn;
    return sri_branch_choose(self, question->n);
}

static bool next_schedule(void)
{
    SRI_SPARE;
    if (loop.next >= loop.limit)
        return false;
    if (loop.next == 0)
        sri_branch_begin(&loop.branch);
    if (!sri_branch_next(&loop.branch)) {
        loop.all = !loop.branch.cut;
        return false;
    }
    loop.driver = (struct sri_driver){.answer = by_branch, .self = &loop.branch};
    loop.plan = (struct sri_plan){.luck = SRI_PLAN_DRIVEN};
    return true;
}

/* Did the fault of the run that just ended come to pass? */
static bool came_to_pass(void)
{
    return loop.faults == POINTS ? loop.nth.struck > 0 : atomic_load(&memory.failed) > 0;
}

/* Each fault once, then sticky; the first that does not come to pass ends its kind. */
static void next_fault(void)
{
    if (loop.faults == NO_FAULT || (loop.fault > 0 && !came_to_pass())) {
        loop.faults++;
        loop.fault = 1;
        loop.sticky = false;
    } else {
        loop.fault += loop.sticky ? 1 : 0;
        loop.sticky = !loop.sticky;
    }
}

static bool next_of_faults(void)
{
    if (loop.next > 0)
        next_fault();
    if (loop.faults == ALL_FAILED) {
        loop.all = true;
        return false;
    }
    bool by_point = loop.faults == POINTS;
    sri_nth_begin(&loop.nth, by_point ? loop.fault : 0, loop.sticky);
    loop.driver = sri_nth_driver(&loop.nth);
    loop.plan = (struct sri_plan){.luck = by_point ? SRI_PLAN_DRIVEN : SRI_PLAN_KIND};
    if (loop.faults == ALLOCATIONS) {
        loop.plan.allocation = loop.fault;
        loop.plan.sticky = loop.sticky;
    }
    return true;
}

static bool next_run(void)
{
    switch (loop.kind) {
    case SEEDS: return next_seed();
    case POWER_LOSSES: return next_power_loss();
    case SCHEDULES: return next_schedule();
    case FAULTS: return next_of_faults();
    case ONE: return loop.next == 0;
    }
    return false;
}

/* ---- The parts of the macros ---- */

static void read_tape(const char *name)
{
    static uint8_t room[4096];
    static struct sri_tape_file file; /* its body is kept */
    struct sri_tape_error error = {0};
    char text[400];
    size_t wrong = 0;
    int rc = sri_plan_parse(&loop.plan, name, room, sizeof room, &wrong);
    if (rc == -EINVAL)
        snprintf(text, sizeof text,
                 "safer_ring: SAFER_RING_TAPE: `%.200s` names no run, from character %zu on\n", name,
                 wrong + 1);
    if (rc == -ENOENT) {
        rc = sri_tape_file_read(&file, name, &error);
        if (rc == 0 && file.size > BODY_MAX)
            rc = -EFBIG;
        snprintf(text, sizeof text, "safer_ring: SAFER_RING_TAPE: %.200s, byte %zu: %s\n", name,
                 error.position, error.reason);
        loop.plan = (struct sri_plan){.luck = SRI_PLAN_BODY, .body = file.body, .size = file.size};
    }
    if (rc != 0) {
        say(text);
        abort();
    }
}

static struct sr_sim *begin(enum kind kind, uint64_t limit, const char *file, int line)
{
    if (loop.sim != NULL)
        put_aside();
    loop.kind = kind;
    loop.limit = limit;
    loop.file = file;
    loop.line = line;
    if (sr_sim_new(&loop.sim, NULL) != 0)
        stop("no memory for");
    handle_signals();
    const char *tape = getenv("SAFER_RING_TAPE");
    if (tape != NULL && tape[0] != 0) {
        loop.kind = ONE;
        read_tape(tape);
    }
    if (loop.kind == FAULTS || loop.plan.allocation > 0) {
        sri_scarce_install(&memory);
        sri_sim_spare_kernel(loop.sim, true);
    }
    return loop.sim;
}

struct sr_sim *sr_sim_loop_begin_seeds(uint64_t runs, const char *file, int line)
{
    return begin(SEEDS, runs, file, line);
}

struct sr_sim *sr_sim_loop_begin_power_loss(const char *file, int line)
{
    return begin(POWER_LOSSES, UINT64_MAX, file, line);
}

struct sr_sim *sr_sim_loop_begin_schedules(uint64_t limit, const char *file, int line)
{
    return begin(SCHEDULES, limit, file, line);
}

struct sr_sim *sr_sim_loop_begin_faults(const char *file, int line)
{
    return begin(FAULTS, UINT64_MAX, file, line);
}

int sr_sim_loop_next(struct sr_sim *sim)
{
    if (loop.sim != sim) {
        say("safer_ring: loops do not nest: this one goes on behind a loop inside its body\n");
        abort();
    }
    if (loop.running) {
        if (sri_sim_give_up_rings(sim) > 0)
            stop("a ring was left open at the end of the body of");
        if (end_run())
            return 1;
        loop.running = false;
    }
    if (next_run()) {
        begin_run();
        loop.next++;
        return 1;
    }
    last = (struct sr_sim_seen){.runs = loop.next, .all = loop.all};
    sri_log(SR_LOG_INFO, "the loop at %s:%d: %llu runs%s", loop.file, loop.line,
            (unsigned long long)loop.next, loop.all ? ", all there are" : "");
    return 0;
}

void sr_sim_loop_end(struct sr_sim **sim)
{
    if (loop.sim == *sim) {
        sri_sim_give_up_rings(*sim);
        let_go();
    }
    for (int i = 0; i < LEFT; i++)
        if (left[i] == *sim)
            left[i] = NULL;
    sr_sim_free(sim);
}

struct sr_sim_seen sr_sim_loop_seen(void)
{
    return last;
}
