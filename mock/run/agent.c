/*
 * The watcher's beginning, its place in the engine, and its end. A joint: it makes and connects.
 */
#include "run/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "engine/user.h"
#include "engine/world.h"
#include "fate/tape_file.h"
#include "host/host.h"
#include "liburing/attend.h"
#include "liburing/descriptor.h"
#include "run/detect.h"
#include "run/environment.h"
#include "run/steps.h"
#include "run/trap.h"

struct sri_agent sri_agent;

static bool finished;

void sri_agent_environment(const char *format, ...)
{
    struct sri_run_page *page = sri_agent.page;
    if (page == NULL || page->environment[0] != 0)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(page->environment, sizeof page->environment, format, arguments);
    va_end(arguments);
}

void sri_agent_go_on(void)
{
    if (sri_agent.on && sri_uring_host_if_made() != NULL)
        sri_uring_go_on(sri_agent.world, sri_agent.engine);
}

/* A descriptor by what it is, for people. */
static void tell_descriptor(const struct sri_question *question)
{
    char path[32];
    char target[100];
    if (sri_agent.page->environment[0] != 0)
        return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", question->fd);
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length > 0 ? length : 0] = 0;
    sri_agent_environment("%s on descriptor %d (%s) is answered by others too",
                          sri_opcode_name(question->opcode), question->fd,
                          length > 0 ? target : "a registered file");
}

/* Around the policy's chooser: what the answer depends on besides the tape is remembered. */
static uint32_t pick(void *self, const struct sri_question *question)
{
    struct sri_chooser *inner = self;
    if (question->has_object && (question->object & SRI_OBJECT_POLLS) != 0 && !sri_environment_replays())
        tell_descriptor(question);
    uint32_t answer = inner->vtable->pick(inner->self, question);
    /* What waits for a peer that never comes would wait for ever, and no kernel leaves it so: it is told that it is too
     * late, and ends all the same. */
    if (question->why == SRI_WHY_CANCEL && answer == 1)
        answer = 2;
    if (answer != 0) {
        enum sri_point point = sri_point_of(sri_freedom_of(question), answer);
        sri_agent.page->fired[point]++;
        sri_steps_fault(point);
    }
    sri_agent.page->asked[sri_freedom_of(question)]++;
    return answer;
}

static bool asks_for_time(const struct sri_event *event)
{
    return event->opcode == IORING_OP_TIMEOUT || event->opcode == IORING_OP_LINK_TIMEOUT;
}

static void observe(void *self, const struct sri_event *event)
{
    struct sri_agent *agent = self;
    struct sri_run_page *page = agent->page;
    switch (event->kind) {
    case SRI_EVENT_CONSUMED: page->consumed++; break;
    case SRI_EVENT_COMPLETED: page->completed++; break;
    case SRI_EVENT_ENTER:
        page->enters++;
        if (__atomic_exchange_n(&agent->unmapped, false, __ATOMIC_ACQ_REL))
            sri_user_init(sri_engine_user(agent->engine));
        break;
    case SRI_EVENT_RING_OPENED: page->rings++; break;
    case SRI_EVENT_RING_CLOSED:
    case SRI_EVENT_LEAVE:
    case SRI_EVENT_TOUCH:
    case SRI_EVENT_TOUCHED:
    case SRI_EVENT_COMMITTED:
    case SRI_EVENT_CANCELLING:
    case SRI_EVENT_SKIPPED:
    case SRI_EVENT_WAKE:
    case SRI_EVENT_STALL:
    case SRI_EVENT_OPENED:
    case SRI_EVENT_CLOSED:
    case SRI_EVENT_CHOSEN:
    case SRI_EVENT_RETURNED: break;
    }
    if (agent->seeded) {
        if (event->kind == SRI_EVENT_CONSUMED && asks_for_time(event)) {
            sri_agent_environment("%s asks for time", sri_opcode_name(event->opcode));
            if (sri_host_world_keep_time(agent->world))
                agent->policy_run.in_time = true;
        }
        sri_trace_observe(&agent->trace, event);
        page->hash = agent->trace.hash;
        page->events = agent->trace.events;
    }
    sri_steps_event(event);
    if (agent->detects)
        sri_detect_event(event);
}

static void world_made(struct sri_world *world)
{
    sri_agent.world = *world;
    if (sri_agent.seeded) {
        sri_host_world_repeat(*world);
        sri_environment_around(world);
    }
    if (sri_agent.detects)
        sri_wait_watch(world);
}

static void refused(void *self, const char *text)
{
    struct sri_agent *agent = self;
    if (agent->page->refused[0] == 0)
        snprintf(agent->page->refused, sizeof agent->page->refused, "%s", text);
}

/* A tape's body: the choices, so many bytes of them; then what others answered (environment.h). */
#define CHOICES "choices"

static int read_tape(struct sri_agent *agent)
{
    struct sri_tape_file file;
    struct sri_tape_error error;
    int rc = sri_tape_file_read(&file, agent->tape, &error);
    if (rc == 0) {
        size_t choices = file.size;
        const char *knob = strstr(file.knobs, CHOICES "=");
        if (knob != NULL && strtoull(knob + sizeof CHOICES, NULL, 10) < file.size)
            choices = strtoull(knob + sizeof CHOICES, NULL, 10);
        agent->seed = file.seed;
        rc = sri_tape_init_body(&agent->recorded, file.body, choices);
        if (rc == 0 && choices < file.size) {
            agent->page->replayed = 1;
            rc = sri_environment_replay(file.body + choices, file.size - choices);
        }
        sri_tape_file_fini(&file);
    }
    if (rc != 0)
        sri_agent_environment("the tape can't be read: %s", error.reason);
    return rc;
}

static void kernel_made(struct sri_engine *engine)
{
    static struct sri_chooser inner;
    static const struct sri_chooser_vtable outer = {.pick = pick};
    struct sri_agent *agent = &sri_agent;
    agent->engine = engine;
    const struct sri_engine_options options = {.shows_readable = agent->traps,
                                               .called_back =
                                                   agent->seeded ? sri_environment_called_back : NULL,
                                               .refused = refused,
                                               .refused_self = agent};
    sri_engine_set_options(engine, &options);
    sri_trace_begin(&agent->trace);
    /* Only the trace's hash and the steps have the time in them. */
    const uint32_t needless = agent->seeded || agent->draws ? 0 : SRI_NEEDLESS_TIME;
    sri_engine_add_observer(engine,
                            (struct sri_observer){.observe = observe, .self = agent, .needless = needless});
    if (!agent->seeded)
        return;
    if (agent->tape[0] == 0 || read_tape(agent) != 0)
        sri_tape_init_seed(&agent->recorded, agent->seed);
    agent->policy_run =
        (struct sri_policy_run){.policy = &agent->policy, .tape = &agent->recorded, .points = &agent->points};
    inner = sri_policy_chooser(&agent->policy_run);
    sri_engine_set_chooser(engine, (struct sri_chooser){.vtable = &outer, .self = &inner});
}

/* The address of something each thread has of its own. */
static uint64_t this_thread(void)
{
    static _Thread_local char mark;
    return (uint64_t)(uintptr_t)&mark;
}

static void note_thread(void)
{
    uint64_t thread = this_thread();
    if (!sri_agent.seeded)
        return;
    if (sri_agent.first_thread == 0)
        sri_agent.first_thread = thread;
    else if (sri_agent.first_thread != thread)
        sri_agent_environment("more than one thread uses io_uring");
}

static void enters(struct io_uring *ring, int fd, unsigned to_submit, const void *frame, const void *site)
{
    note_thread();
    if (sri_agent.seeded && to_submit == 0)
        sri_host_world_hurry(sri_agent.world);
    if (sri_agent.detects)
        sri_detect_enters(ring, fd, to_submit, frame, site);
}

static void registers(struct io_uring *ring, int fd, unsigned opcode, const void *arg, unsigned count,
                      const void *frame, const void *site)
{
    note_thread();
    if (!sri_agent.detects)
        return;
    sri_detect_enters(ring, fd, 0, frame, site);
    sri_detect_registers(ring, fd, opcode, arg, count);
}

/* What a child does by a ring of this process, and when, is not this process's to repeat. */
static void serves(int fd, bool waits)
{
    if (!sri_agent.seeded)
        return;
    sri_agent_environment("a forked child uses ring %d", fd);
    if (waits)
        sri_host_world_hurry(sri_agent.world);
}

static void returned(struct io_uring *ring, int fd, unsigned to_submit, int result)
{
    if (sri_agent.detects)
        sri_detect_returned(ring, fd, to_submit, result);
}

static void write_tape(struct sri_agent *agent)
{
    char path[SRI_RUN_TEXT + 40];
    const uint8_t *choices;
    const uint8_t *answers;
    size_t size;
    size_t answers_size;
    struct sri_tape_file file = {0};
    snprintf(path, sizeof path, "%s/%d.tape", agent->folder, (int)getpid());
    sri_tape_body(&agent->recorded, &choices, &size);
    sri_environment_bytes(&answers, &answers_size);
    uint8_t *body = sri_alloc(size + answers_size + 1);
    if (body == NULL)
        return;
    if (size > 0)
        memcpy(body, choices, size);
    if (answers_size > 0)
        memcpy(body + size, answers, answers_size);
    size_t used = (size_t)snprintf(file.knobs, sizeof file.knobs, CHOICES "=%zu\n", size);
    sri_agent_policy_knob(agent, file.knobs + used, sizeof file.knobs - used);
    snprintf(file.program, sizeof file.program, "%s", agent->page->program);
    snprintf(file.world, sizeof file.world, "host");
    file.seed = agent->seed;
    file.body = body;
    file.size = size + answers_size;
    file.semantics = SRI_SEMANTICS_VERSION;
    file.points = sri_points_hash();
    struct sri_tape_error ignored;
    (void)sri_tape_file_write(&file, path, &ignored);
    sri_free(body);
}

void sri_agent_finish(int status)
{
    struct sri_agent *agent = &sri_agent;
    if (!agent->on || finished)
        return;
    finished = true;
    if (agent->detects)
        sri_detect_finish(status);
    if (agent->seeded && agent->engine != NULL) {
        sri_environment_finish();
        write_tape(agent);
    }
    agent->page->finished = 1;
}

static void at_exit(int status, void *unused)
{
    (void)unused;
    sri_agent_finish(status);
}

/* A child has its own page, and a kernel of its own once it opens a ring. */
static void after_fork(void)
{
    struct sri_agent *agent = &sri_agent;
    finished = false;
    agent->engine = NULL;
    agent->first_thread = 0;
    memset(&agent->recorded, 0, sizeof agent->recorded);
    memset(&agent->points, 0, sizeof agent->points);
    sri_environment_forget();
    if (agent->detects)
        sri_detect_forked(); /* before anything is closed: the parent's rings may not be mapped here */
    if (sri_agent_open_page(agent) != 0)
        agent->on = false;
    sri_uring_make_room();
}

void sri_agent_begin(void)
{
    struct sri_agent *agent = &sri_agent;
    const char *folder = getenv(SRI_RUN_VARIABLE);
    if (folder == NULL || strlen(folder) >= sizeof agent->folder)
        return;
    snprintf(agent->folder, sizeof agent->folder, "%s", folder);
    if (sri_agent_read_settings(agent) != 0 || sri_agent_open_page(agent) != 0)
        return;
    agent->on = true;
    sri_uring_hooks = (struct sri_uring_hooks){
        .world_made = world_made,
        .kernel_made = kernel_made,
        .enters = enters,
        .registers = registers,
        .returned = returned,
        .serves = serves,
    };
    if (agent->detects)
        sri_detect_begin(&sri_uring_hooks);
    sri_uring_make_room();
    pthread_atfork(NULL, NULL, after_fork);
    on_exit(at_exit, NULL);
    if (!agent->traps)
        return;
    int rc = sri_trap_install();
    if (rc != 0)
        snprintf(agent->page->refused, sizeof agent->page->refused, "--trap can't be had here: %s",
                 strerror(-rc));
}

__attribute__((constructor)) static void loaded(void)
{
    sri_agent_begin();
}
