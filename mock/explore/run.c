/*
 * Setting the stage, playing, judging the end. The same steps for every kernel; what differs is who tells of events.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "explore/run.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "explore/picture.h"
#include "explore/program.h"
#include "sim_internal.h"

/* The library counts in milliseconds; on the host a process may stand still between two looks at a clock. */
#define VIRTUAL_SLACK_NS UINT64_C(2000000)
#define HOST_SLACK_NS UINT64_C(60000000000)

/* A host kernel may open descriptors of its own when it is first used: that happens here, before any is counted. */
static void warm_up(struct sri_rig *rig)
{
    const struct sr_backend *backend = &rig->kernel.backend;
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    int ring = backend->vtable->setup(backend->self, 4, &params);
    if (ring < 0)
        return;
    int rc = backend->vtable->wake(backend->self, ring, 1);
    (void)rc;
    rc = backend->vtable->close(backend->self, ring);
    (void)rc;
}

int sri_rig_new(struct sri_rig **out, const struct sri_kernel *kernel, const char *folder,
                struct sri_verdict *verdict)
{
    struct sri_rig *rig = sri_alloc_zero(1, sizeof *rig);
    if (rig == NULL)
        return -ENOMEM;
    rig->verdict = verdict != NULL ? verdict : &rig->own_verdict;
    rig->heap = sri_alloc_zero(1, sizeof *rig->heap);
    rig->watch = sri_alloc_zero(1, sizeof *rig->watch);
    rig->model = sri_alloc_zero(1, sizeof *rig->model);
    int rc = rig->heap != NULL && rig->watch != NULL && rig->model != NULL ? 0 : -ENOMEM;
    if (rc == 0 && kernel == NULL)
        rc = sr_sim_new(&rig->sim, NULL);
    if (rc != 0) {
        sri_rig_free(&rig);
        return rc;
    }
    sri_heap_init(rig->heap);
    sri_watch_init(rig->watch, rig->verdict, rig->heap);
    struct sr_backend backend;
    if (kernel == NULL) {
        backend = sr_sim_backend(rig->sim);
        rig->env = sri_env_sim(rig->sim);
    } else {
        rig->kernel = *kernel;
        backend = kernel->backend;
        rig->env = sri_env_host(&rig->host, folder);
    }
    if (kernel != NULL)
        warm_up(rig);
    sri_tap_init(&rig->tap, backend, rig->heap);
    sri_model_init(rig->model, rig->verdict, rig->heap, rig->watch, &rig->tap);
    struct sr_allocator allocator = sri_heap_allocator(rig->heap);
    rc = sr_set_allocator(&allocator);
    *out = rig;
    return rc;
}

/* Heaps stay when their rigs go: the library keeps headers of buffers in their pages for good. */
static struct sri_heap *kept;

void sri_rig_free(struct sri_rig **handle)
{
    struct sri_rig *rig = *handle;
    if (rig == NULL)
        return;
    *handle = NULL;
    sr_set_panic_handler(NULL, NULL);
    int rc = sr_set_allocator(NULL);
    (void)rc; /* NULL is always taken */
    sr_sim_free(&rig->sim);
    sri_tape_fini(&rig->tape);
    sri_free(rig->body);
    sri_free(rig->model);
    sri_free(rig->watch);
    if (rig->heap != NULL) {
        rig->heap->kept_next = kept;
        kept = rig->heap;
    }
    sri_free(rig);
}

static void begin_sim(struct sri_rig *rig, const struct sri_run *run)
{
    static const uint8_t nothing[1];
    struct sr_sim_options options = sr_sim_options_default();
    options.seed = run->seed;
    if (run->kind)
        options.flags |= SR_SIM_KIND;
    else if (run->by_body) {
        options.tape = run->body != NULL ? run->body : nothing;
        options.tape_size = run->size;
    }
    int rc = sr_sim_reset(rig->sim, &options);
    if (rc != 0)
        sri_violated(rig->verdict, SRI_RULE_HASH, 0, "the simulation can't be reset: %d", rc);
    if (run->driver != NULL)
        sri_sim_drive(rig->sim, run->driver, run->seed, run->luck);
}

static void begin_tape(struct sri_rig *rig, const struct sri_run *run)
{
    if (run->by_body || run->kind) {
        if (sri_tape_init_body(&rig->tape, run->body, run->kind ? 0 : run->size) != 0)
            sri_violated(rig->verdict, SRI_RULE_HASH, 0, "no memory for a tape");
        return;
    }
    sri_tape_init_seed(&rig->tape, run->seed);
}

static void watch_events(struct sri_rig *rig, struct sri_engine *engine)
{
    int rc = sri_engine_add_observer(engine, sri_watch_observer(rig->watch));
    if (rc == 0 && rig->timeline != NULL)
        rc = sri_engine_add_observer(engine, sri_timeline_observer(rig->timeline));
    if (rc == 0 && rig->picture != NULL)
        rc = sri_engine_add_observer(engine, sri_picture_observer(rig->picture));
    if (rc != 0)
        sri_violated(rig->verdict, SRI_RULE_HASH, 0, "too many observers");
}

static struct sri_tape *begin(struct sri_rig *rig, const struct sri_run *run)
{
    sri_verdict_begin(rig->verdict);
    sri_tap_init(&rig->tap, rig->tap.kernel, rig->heap);
    sri_watch_begin(rig->watch);
    struct sri_engine *engine = rig->kernel.engine;
    struct sri_tape *tape = &rig->tape;
    if (rig->sim != NULL) {
        begin_sim(rig, run);
        engine = sri_sim_engine(rig->sim);
        tape = &sri_sim_adversary(rig->sim)->tape;
    } else {
        begin_tape(rig, run);
        if (engine != NULL)
            sri_engine_remove_observers(engine);
    }
    if (engine != NULL)
        watch_events(rig, engine);
    sri_model_begin(rig->model, engine != NULL);
    rig->model->clock_slack_ns = rig->sim != NULL ? VIRTUAL_SLACK_NS : HOST_SLACK_NS;
    if (rig->timeline != NULL) {
        sri_timeline_begin(rig->timeline);
        rig->model->client.tell = sri_timeline_tell;
        rig->model->client.tell_user = rig->timeline;
    }
    if (rig->program != NULL)
        sri_program_begin(rig->program);
    if (rig->picture != NULL) {
        sri_picture_begin(rig->picture);
        rig->model->client.tell = sri_picture_tell;
        rig->model->client.tell_user = rig->picture;
    }
    return tape;
}

/* From here on what is to fail does; the end of the stage lets go. */
static void fail_on_purpose(struct sri_rig *rig, const struct sri_run *run)
{
    rig->heap->asked = 0;
    rig->heap->failed = 0;
    rig->heap->fail_in = run->allocation;
    rig->heap->fail_on = run->allocation > 0 && run->sticky;
    rig->tap.fail_at = run->call;
    rig->tap.fail_on = run->call > 0 && run->sticky;
}

struct sri_outcome sri_rig_run(struct sri_rig *rig, const struct sri_run *run)
{
    struct sri_stage stage = {.model = rig->model, .kind = run->kind};
    stage.tape = begin(rig, run);
    stage.env = rig->program != NULL ? sri_program_env(rig->program) : rig->env;
    struct sri_owed owed;
    sri_owed_begin(&owed, rig->heap, rig->env.vtable->descriptors(rig->env.self));

    fail_on_purpose(rig, run);
    run->scenario->play(&stage);
    sri_stage_end(&stage);

    uint32_t descriptors = stage.env.vtable->descriptors(stage.env.self);
    sri_owed_judge(&owed, rig->verdict, rig->heap, descriptors);
    stage.env.vtable->end(stage.env.self);
    rig->runs++;
    return (struct sri_outcome){
        .verdict = rig->verdict,
        .points = rig->sim != NULL ? &sri_sim_adversary(rig->sim)->points : NULL,
        .hash = rig->sim != NULL ? sr_sim_trace_hash(rig->sim) : 0,
    };
}

int sri_rig_keep_body(struct sri_rig *rig)
{
    const uint8_t *bytes;
    size_t size;
    sri_tape_body(rig->sim != NULL ? &sri_sim_adversary(rig->sim)->tape : &rig->tape, &bytes, &size);
    if (size > rig->body_capacity) {
        uint8_t *grown = sri_realloc(rig->body, size * 2);
        if (grown == NULL)
            return -ENOMEM;
        rig->body = grown;
        rig->body_capacity = size * 2;
    }
    if (size > 0)
        memcpy(rig->body, bytes, size);
    rig->body_size = size;
    return 0;
}
