/*
 * The simulation: world, engine and fate assembled as one backend. A joint: it makes and connects, and decides nothing.
 */
#include "sim_internal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "fate/libfiu.h"
#include "fate/scarce.h"
#include "fate/trace.h"
#include "oracle/watch.h"
#include "ring/give_up.h"
#include "safer_ring/log.h"
#include "safer_ring/ring.h"

#define DEFAULT_DESCRIPTORS 1024u
#define DEFAULT_DISK_BYTES ((uint64_t)64 << 20)
#define DEFAULT_BYTES 65536u

/* Rings that sr_sim_ring_open() gave and nobody closed; more are not known. */
#define OPENED 32u
struct opened {
    struct sr_ring *ring;
    int descriptor;
};

struct sr_sim {
    struct sri_sim_world *world;
    struct sri_engine *engine;
    struct sr_backend backend;
    uint32_t flags;
    uint64_t seed;
    bool watched;
    struct sri_trace trace;
    struct sri_adversary adversary;
    struct opened opened[OPENED];
    uint32_t opened_count;
    int newest_ring;
    struct sri_spare_kernel spare;
    struct sri_watch *watch; /* of those rings; NULL until one is opened */
    struct sri_verdict verdict;
};

struct sr_sim_options sr_sim_options_default(void)
{
    return (struct sr_sim_options){
        .max_descriptors = DEFAULT_DESCRIPTORS,
        .disk_bytes = DEFAULT_DISK_BYTES,
        .pipe_bytes = DEFAULT_BYTES,
        .window_bytes = DEFAULT_BYTES,
    };
}

static struct sr_sim_options kind_options(void)
{
    struct sr_sim_options options = sr_sim_options_default();
    options.flags = SR_SIM_KIND;
    return options;
}

static struct sri_sim_world_options world_options(const struct sr_sim_options *options)
{
    return (struct sri_sim_world_options){
        .disk_bytes = options->disk_bytes != 0 ? options->disk_bytes : DEFAULT_DISK_BYTES,
        .max_descriptors = options->max_descriptors != 0 ? options->max_descriptors : DEFAULT_DESCRIPTORS,
        .pipe_bytes = options->pipe_bytes != 0 ? options->pipe_bytes : DEFAULT_BYTES,
        .window_bytes = options->window_bytes != 0 ? options->window_bytes : DEFAULT_BYTES,
    };
}

static int check(const struct sr_sim_options *options)
{
    struct sri_sim_world_options world = world_options(options);
    if ((options->flags & ~(uint32_t)(SR_SIM_KIND | SR_SIM_NO_TRACE | SR_SIM_POWER)) != 0)
        return -EINVAL;
    if (options->tape == NULL && options->tape_size != 0)
        return -EINVAL;
    return sri_sim_world_options_valid(&world) ? 0 : -EINVAL;
}

static void forget_ring(struct sr_sim *sim, int descriptor)
{
    for (uint32_t i = 0; i < sim->opened_count; i++)
        if (sim->opened[i].descriptor == descriptor) {
            sim->opened[i] = sim->opened[--sim->opened_count];
            return;
        }
}

static void let_go(struct sr_sim *sim)
{
    struct sri_script *script = &sim->adversary.script;
    while (script->due_count > 0)
        sri_engine_let_go(sim->engine, script->due[--script->due_count]);
}

static void end_scripted(struct sr_sim *sim, uint64_t request)
{
    if (__builtin_expect(sim->adversary.script.count == 0, 1))
        return;
    sri_script_ended(&sim->adversary.script, request);
    let_go(sim);
}

static bool is_opened(const struct sr_sim *sim, int descriptor)
{
    for (uint32_t i = 0; i < sim->opened_count; i++)
        if (sim->opened[i].descriptor == descriptor)
            return true;
    return false;
}

/*
 * The oracles watch the library's rings (BUF-3, OP-1, OP-8): a plain ring may do what they forbid. What they find ends the
 * program there and then.
 */
static void watch_rings(void *self, const struct sri_event *event)
{
    struct sr_sim *sim = self;
    if (!is_opened(sim, event->ring))
        return;
    sri_watch_event(sim->watch, event);
    if (__builtin_expect(sim->verdict.kept == 0, 1))
        return;
    char text[400];
    const struct sri_violation *found = &sim->verdict.violations[0];
    int length =
        snprintf(text, sizeof text,
                 "safer_ring: %s: %s\nsafer_ring: operation %#llx (%s), at %llu ns; the line that did it: "
                 "AddressSanitizer, or SAFER_RING_FENCE=pages\n",
                 sri_rule_infos[found->rule].name, found->text, (unsigned long long)found->operation,
                 sri_opcode_name(event->opcode), (unsigned long long)found->now_ns);
    if (write(STDERR_FILENO, text, length < (int)sizeof text ? (size_t)length : sizeof text - 1) > 0)
        sri_verdict_begin(&sim->verdict);
    abort();
}

static void observe(void *self, const struct sri_event *event)
{
    struct sr_sim *sim = self;
    if (event->kind == SRI_EVENT_CONSUMED)
        sri_script_consumed(&sim->adversary.script, event);
    else if (event->kind == SRI_EVENT_RING_OPENED)
        sim->newest_ring = event->ring;
    else if (event->kind == SRI_EVENT_RING_CLOSED)
        forget_ring(sim, event->ring);
    else if (event->kind == SRI_EVENT_SKIPPED || (event->kind == SRI_EVENT_COMPLETED && event->last))
        end_scripted(sim, event->request);
    if ((sim->flags & SR_SIM_NO_TRACE) == 0)
        sri_trace_observe(&sim->trace, event);
}

static void watch(struct sr_sim *sim)
{
    struct sri_observer observer = {.observe = observe, .self = sim, .needless = SRI_TRACE_NEEDLESS};
    sim->watched = sri_engine_add_observer(sim->engine, observer) == 0;
}

static void set_chooser(struct sr_sim *sim, struct sri_chooser chooser)
{
    sri_engine_set_chooser(sim->engine, chooser);
    sri_sim_world_set_chooser(sim->world, chooser);
}

static void limit_next(void *self, uint64_t bytes)
{
    sri_sim_world_limit_next(self, bytes);
}

static void log_refusal(void *self, const char *text)
{
    (void)self;
    sri_log(SR_LOG_WARNING, "sim: %s", text);
}

static void hide(struct sr_sim *sim, const struct sr_sim_options *options)
{
    const struct sri_engine_options hidden = {
        .hidden_features = options->hidden_features,
        .hidden_setup_flags = options->hidden_setup_flags,
        .hidden_operations = options->hidden_operations,
        .hidden_registrations = options->hidden_registrations,
        .refused = log_refusal,
    };
    sri_engine_set_options(sim->engine, &hidden);
}

static void add_watch(struct sr_sim *sim)
{
    struct sri_observer observer = {.observe = watch_rings, .self = sim};
    sri_watch_begin(sim->watch);
    int rc = sri_engine_add_observer(sim->engine, observer);
    (void)rc; /* too many: somebody else watches more closely */
}

/* The driver whom libfiu's tools want in a run that is recorded, or NULL. */
static const struct sri_driver *driver_of(const struct sr_sim_options *options)
{
    bool given = options->tape != NULL && (options->flags & SR_SIM_KIND) == 0;
    return !given && sri_libfiu_listens() ? sri_libfiu_driver() : NULL;
}

static enum sri_luck luck_of(const struct sr_sim_options *options)
{
    if ((options->flags & SR_SIM_KIND) != 0)
        return SRI_LUCK_QUIET;
    return (options->flags & SR_SIM_POWER) != 0 ? SRI_LUCK_POWER : SRI_LUCK_DRIVEN;
}

/* A quiet run without a script asks nobody, and a kind one without a trace is not watched: both cost time. */
static int begin(struct sr_sim *sim, const struct sr_sim_options *options)
{
    int rc = 0;
    sim->flags = options->flags;
    sim->seed = (options->flags & SR_SIM_KIND) != 0 ? 0 : options->seed;
    hide(sim, options);
    sim->opened_count = 0;
    const struct sri_driver *driver = driver_of(options);
    if (driver != NULL)
        sri_adversary_begin_driven(&sim->adversary, driver, options->seed, luck_of(options));
    else if ((options->flags & SR_SIM_KIND) != 0)
        rc = sri_adversary_begin_body(&sim->adversary, NULL, 0);
    else if (options->tape != NULL)
        rc = sri_adversary_begin_body(&sim->adversary, options->tape, options->tape_size);
    else if ((options->flags & SR_SIM_POWER) != 0)
        sri_adversary_begin_power(&sim->adversary, options->seed);
    else
        sri_adversary_begin_seed(&sim->adversary, options->seed);
    bool quiet = sim->adversary.luck == SRI_LUCK_QUIET && !sim->adversary.driven;
    set_chooser(sim, quiet ? (struct sri_chooser){NULL, NULL} : sri_adversary_chooser(&sim->adversary));
    sri_trace_begin(&sim->trace);
    sri_engine_remove_observers(sim->engine);
    sim->watched = false;
    if (options->flags != (SR_SIM_KIND | SR_SIM_NO_TRACE))
        watch(sim);
    if (sim->watch != NULL && sim->watched && (sim->flags & SR_SIM_NO_TRACE) == 0)
        add_watch(sim);
    return rc;
}

static int assemble(struct sr_sim *sim, const struct sr_sim_options *options)
{
    struct sri_sim_world_options sizes = world_options(options);
    int rc = sri_sim_world_new(&sim->world, &sizes);
    if (rc != 0)
        return rc;
    struct sri_chooser nobody = {NULL, NULL};
    rc = sri_engine_new(&sim->engine, sri_sim_world_interface(sim->world), nobody);
    if (rc != 0) {
        sri_sim_world_free(&sim->world);
        return rc;
    }
    sri_sim_world_attach(sim->world, sim->engine);
    sim->adversary.limit = limit_next;
    sim->adversary.limit_self = sim->world;
    sim->backend = sri_engine_backend(sim->engine, "sim");
    return begin(sim, options);
}

int sr_sim_new(struct sr_sim **out, const struct sr_sim_options *options)
{
    struct sr_sim_options kind = kind_options();
    if (options == NULL)
        options = &kind;
    int rc = check(options);
    if (rc != 0)
        return rc;
    struct sr_sim *sim = sri_alloc_zero(1, sizeof *sim);
    if (sim == NULL)
        return -ENOMEM;
    rc = assemble(sim, options);
    if (rc != 0)
        sr_sim_free(&sim);
    else
        *out = sim;
    return rc;
}

void sr_sim_free(struct sr_sim **handle)
{
    struct sr_sim *sim = *handle;
    if (sim == NULL)
        return;
    *handle = NULL;
    if (sim->engine != NULL)
        sri_engine_free(&sim->engine);
    sri_adversary_fini(&sim->adversary);
    sri_free(sim->watch);
    sri_free(sim);
}

int sr_sim_reset(struct sr_sim *sim, const struct sr_sim_options *options)
{
    SRI_SPARE;
    struct sr_sim_options kind = kind_options();
    if (options == NULL)
        options = &kind;
    int rc = check(options);
    if (rc != 0)
        return rc;
    struct sri_sim_world_options sizes = world_options(options);
    sri_engine_reset(sim->engine);
    rc = sri_sim_world_reset(sim->world, &sizes);
    int began = begin(sim, options);
    return rc != 0 ? rc : began;
}

struct sr_backend sr_sim_backend(struct sr_sim *sim)
{
    return sim->backend;
}

/* Not for measuring speed. Without memory for it nothing is watched. */
static void make_watch(struct sr_sim *sim)
{
    SRI_SPARE;
    if (sim->watch != NULL || !sim->watched || (sim->flags & SR_SIM_NO_TRACE) != 0)
        return;
    sim->watch = sri_alloc_zero(1, sizeof *sim->watch);
    if (sim->watch == NULL)
        return;
    sri_verdict_begin(&sim->verdict);
    sri_watch_init(sim->watch, &sim->verdict, NULL);
    sim->watch->whole = false;
    sim->watch->any_chain = true;
    add_watch(sim);
}

int sr_sim_ring_open(struct sr_sim *sim, struct sr_ring **ring, uint32_t entries)
{
    struct sr_config config = sr_config_default();
    bool calm = sim->adversary.calm;
    make_watch(sim);
    config.entries = entries;
    config.backend = &sim->backend;
    sri_adversary_calm(&sim->adversary, true);
    int rc = sr_ring_open_config(ring, &config);
    sri_adversary_calm(&sim->adversary, calm);
    if (rc == 0 && sim->watched && sim->opened_count < OPENED)
        sim->opened[sim->opened_count++] = (struct opened){*ring, sim->newest_ring};
    return rc;
}

int sr_sim_file(struct sr_sim *sim, const char *path, const void *data, size_t size)
{
    SRI_SPARE;
    return sri_sim_world_file(sim->world, path, data, size);
}

int sr_sim_directory(struct sr_sim *sim, const char *path)
{
    SRI_SPARE;
    return sri_sim_world_directory(sim->world, path);
}

int sr_sim_file_content(struct sr_sim *sim, const char *path, void *buffer, size_t size, size_t *length)
{
    return sri_sim_world_content(sim->world, path, buffer, size, length);
}

int sr_sim_open(struct sr_sim *sim, const char *path, int flags, int *fd)
{
    SRI_SPARE;
    return sri_sim_world_open(sim->world, path, flags, fd);
}

int sr_sim_pipe(struct sr_sim *sim, int fds[2])
{
    SRI_SPARE;
    return sri_sim_world_pipe(sim->world, fds);
}

int sr_sim_pipe_of(struct sr_sim *sim, uint32_t bytes, int fds[2])
{
    SRI_SPARE;
    return sri_sim_world_pipe_of(sim->world, bytes, fds);
}

int sr_sim_socketpair(struct sr_sim *sim, int fds[2])
{
    SRI_SPARE;
    return sri_sim_world_socketpair(sim->world, fds);
}

int sr_sim_socketpair_of(struct sr_sim *sim, int type, int fds[2])
{
    SRI_SPARE;
    return sri_sim_world_socketpair_of(sim->world, type, fds);
}

int sr_sim_eventfd(struct sr_sim *sim, uint64_t initial, int *fd)
{
    SRI_SPARE;
    return sri_sim_world_eventfd(sim->world, initial, fd);
}

int sr_sim_semaphore(struct sr_sim *sim, uint64_t initial, int *fd)
{
    SRI_SPARE;
    return sri_sim_world_semaphore(sim->world, initial, fd);
}

int sr_sim_epoll(struct sr_sim *sim, int *fd)
{
    SRI_SPARE;
    return sri_sim_world_epoll(sim->world, fd);
}

struct collected {
    struct sr_sim_ready *ready;
    size_t count;
};

static void collect(void *self, uint32_t events, uint64_t data)
{
    struct collected *collected = self;
    collected->ready[collected->count++] = (struct sr_sim_ready){.events = events, .data = data};
}

int sr_sim_epoll_ready(struct sr_sim *sim, int fd, struct sr_sim_ready *ready, size_t most, size_t *count)
{
    SRI_SPARE;
    struct collected collected = {.ready = ready};
    int rc = sri_sim_world_epoll_events(sim->world, fd, most, collect, &collected);
    if (rc == 0)
        *count = collected.count;
    return rc;
}

int sr_sim_listen(struct sr_sim *sim, const struct sockaddr *address, uint32_t length, int backlog, int *fd)
{
    SRI_SPARE;
    return sri_sim_world_listen(sim->world, address, length, backlog, fd);
}

int sr_sim_socket(struct sr_sim *sim, int domain, int *fd)
{
    SRI_SPARE;
    return sri_sim_world_socket(sim->world, domain, fd);
}

int sr_sim_socket_of(struct sr_sim *sim, int domain, int type, int *fd)
{
    SRI_SPARE;
    return sri_sim_world_socket_of(sim->world, domain, type, fd);
}

int sr_sim_bind(struct sr_sim *sim, int fd, const struct sockaddr *address, uint32_t length)
{
    SRI_SPARE;
    return sri_sim_world_bind(sim->world, fd, address, length);
}

int sr_sim_listen_on(struct sr_sim *sim, int fd, int backlog)
{
    SRI_SPARE;
    return sri_sim_world_listen_on(sim->world, fd, backlog);
}

int sr_sim_name(struct sr_sim *sim, int fd, struct sockaddr_storage *address, uint32_t *length)
{
    return sri_sim_world_name(sim->world, fd, address, length);
}

int sr_sim_connect(struct sr_sim *sim, int fd, const struct sockaddr *address, uint32_t length)
{
    SRI_SPARE;
    return sri_sim_world_connect(sim->world, fd, address, length);
}

int sr_sim_shutdown(struct sr_sim *sim, int fd, int how)
{
    SRI_SPARE;
    return sri_sim_world_shutdown(sim->world, fd, how);
}

int sr_sim_reset_connection(struct sr_sim *sim, int fd)
{
    SRI_SPARE;
    return sri_sim_world_cut(sim->world, fd);
}

int sr_sim_read(struct sr_sim *sim, int fd, void *buffer, size_t size, size_t *moved)
{
    SRI_SPARE;
    return sri_sim_world_read(sim->world, fd, buffer, size, moved);
}

int sr_sim_write(struct sr_sim *sim, int fd, const void *buffer, size_t size, size_t *moved)
{
    SRI_SPARE;
    return sri_sim_world_write(sim->world, fd, buffer, size, moved);
}

int sr_sim_close(struct sr_sim *sim, int fd)
{
    SRI_SPARE;
    return sri_sim_world_close(sim->world, fd);
}

void sr_sim_open_descriptors(struct sr_sim *sim, uint32_t *made, uint32_t *by_operations)
{
    uint32_t counts[2] = {0, 0};
    bool by_operation;
    int fd = -1;
    while ((fd = sri_sim_world_next_descriptor(sim->world, fd, &by_operation)) >= 0)
        counts[by_operation ? 1 : 0]++;
    if (made != NULL)
        *made = counts[0];
    if (by_operations != NULL)
        *by_operations = counts[1];
}

uint64_t sr_sim_now_ns(const struct sr_sim *sim)
{
    return sri_sim_world_now(sim->world);
}

/* When anything next happens by itself. */
static uint64_t next_event_ns(struct sr_sim *sim)
{
    struct sri_world world = sri_sim_world_interface(sim->world);
    uint64_t arrival = world.vtable->next_ns(world.self);
    uint64_t due = sri_engine_next_due_ns(sim->engine);
    return arrival < due ? arrival : due;
}

void sr_sim_advance_ns(struct sr_sim *sim, uint64_t duration_ns)
{
    SRI_SPARE;
    uint64_t now = sri_sim_world_now(sim->world);
    uint64_t end = duration_ns < SRI_HELD_NS - 1 - now ? now + duration_ns : SRI_HELD_NS - 1;
    sri_engine_run_due(sim->engine, 0);
    for (;;) {
        uint64_t next = next_event_ns(sim);
        now = sri_sim_world_now(sim->world);
        if (next > end || next <= now)
            break;
        sri_sim_world_advance(sim->world, next - now);
        sri_engine_run_due(sim->engine, 0);
    }
    sri_sim_world_advance(sim->world, end - now);
    sri_engine_run_due(sim->engine, 0);
}

int sr_sim_step(struct sr_sim *sim)
{
    SRI_SPARE;
    if (sri_engine_run_due(sim->engine, 1) > 0)
        return 1;
    uint64_t next = next_event_ns(sim);
    uint64_t now = sri_sim_world_now(sim->world);
    if (next == SRI_NEVER || next <= now)
        return 0;
    sri_sim_world_advance(sim->world, next - now);
    sri_engine_run_due(sim->engine, 1);
    return 1;
}

void sr_sim_power_loss(struct sr_sim *sim)
{
    SRI_SPARE;
    sri_sim_world_lose_power(sim->world);
}

void sr_sim_power_loss_after(struct sr_sim *sim, uint64_t operations)
{
    sri_sim_world_lose_power_after(sim->world, operations);
}

int sr_sim_power_lost(const struct sr_sim *sim)
{
    return sri_sim_world_is_powerless(sim->world);
}

int sr_sim_reboot(struct sr_sim *sim)
{
    SRI_SPARE;
    return sri_sim_world_reboot(sim->world);
}

void sr_sim_calm(struct sr_sim *sim)
{
    sri_adversary_calm(&sim->adversary, true);
    sri_script_release_all(&sim->adversary.script);
    let_go(sim);
}

int sr_sim_release(struct sr_sim *sim, uint8_t opcode, uint32_t nth)
{
    int rc = sri_script_release(&sim->adversary.script, opcode, nth);
    let_go(sim);
    return rc;
}

int sr_sim_script(struct sr_sim *sim, const struct sr_sim_outcome *outcome)
{
    if (!sim->watched && sri_engine_consumed(sim->engine) > 0)
        return -EALREADY;
    int rc = sri_script_add(&sim->adversary.script, outcome);
    if (rc != 0)
        return rc;
    if (!sim->watched)
        watch(sim);
    set_chooser(sim, sri_adversary_chooser(&sim->adversary));
    return 0;
}

uint32_t sr_sim_script_pending(const struct sr_sim *sim)
{
    return sim->adversary.script.count;
}

uint64_t sr_sim_seed(const struct sr_sim *sim)
{
    return sim->seed;
}

uint64_t sr_sim_trace_hash(const struct sr_sim *sim)
{
    return (sim->flags & SR_SIM_NO_TRACE) != 0 ? 0 : sim->trace.hash;
}

void sr_sim_tape(const struct sr_sim *sim, const uint8_t **tape, size_t *size)
{
    sri_tape_body(&sim->adversary.tape, tape, size);
}

struct sri_engine *sri_sim_engine(struct sr_sim *sim)
{
    return sim->engine;
}

struct sri_sim_world *sri_sim_world(struct sr_sim *sim)
{
    return sim->world;
}

struct sri_adversary *sri_sim_adversary(struct sr_sim *sim)
{
    return &sim->adversary;
}

struct sri_user *sri_sim_user(struct sr_sim *sim)
{
    return sri_engine_user(sim->engine);
}

void sr_sim_listen_to_libfiu(int on)
{
    sri_libfiu_listen(on != 0);
}

void sri_sim_drive(struct sr_sim *sim, const struct sri_driver *driver, uint64_t seed, enum sri_luck luck)
{
    sri_adversary_begin_driven(&sim->adversary, driver, seed, luck);
    set_chooser(sim, sri_adversary_chooser(&sim->adversary));
}

void sri_sim_spare_kernel(struct sr_sim *sim, bool spared)
{
    struct sr_backend kernel = sri_engine_backend(sim->engine, "sim");
    sim->backend = spared ? sri_spare_kernel(&sim->spare, kernel) : kernel;
}

uint32_t sri_sim_give_up_rings(struct sr_sim *sim)
{
    uint32_t count = sim->opened_count;
    sri_adversary_calm(&sim->adversary, true);
    while (sim->opened_count > 0)
        sri_ring_give_up(sim->opened[sim->opened_count - 1].ring);
    return count;
}
