/*
 * Batches of every shape among other work: right and wrong dependencies, heirs, chains and fans, in both forms, awaited,
 * polled, cancelled, dropped, drained; several at once.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <fcntl.h>
#include <string.h>

#include "scenario/actions.h"
#include "scenario/scenarios.h"

static struct sri_yard yard;

/* ---- What a batch is made of ---- */

static struct sri_held *buffer(struct sri_stage *stage)
{
    static const size_t sizes[] = {64, 1, 7, 512, 100};
    return sri_model_buffer(stage->model, sizes[sri_choose(stage, 5)]);
}

static void add_bytes(struct sri_lot *lot, uint8_t opcode, int fd, uint64_t offset)
{
    struct sri_stage *stage = yard.stage;
    struct sri_held *held = buffer(stage);
    if (held == NULL)
        return;
    struct sr_op_spec spec = sr_spec_read(sr_fd(fd), offset, sr_range(0, held->size));
    spec.opcode = opcode;
    if (sri_chance(stage, 200)) {
        spec.range.begin = sri_choose(stage, (uint32_t)held->size);
        spec.range.length = 1 + sri_choose(stage, (uint32_t)(held->size - spec.range.begin));
    }
    if (opcode == IORING_OP_SEND)
        spec.opcode_flags = MSG_NOSIGNAL;
    if ((opcode == IORING_OP_SEND || opcode == IORING_OP_RECV) && sri_chance(stage, 300))
        spec.opcode_flags |= MSG_WAITALL;
    sri_model_lot_add(lot, &spec, held);
}

/* Each path is another text, by which its entry is known. */
static void add_openat(struct sri_lot *lot)
{
    const struct sri_env *env = &yard.stage->env;
    char path[SRI_LOT_PATH] = {0};
    uint32_t slashes = ++yard.openings % 16;
    memset(path, '/', slashes);
    env->vtable->path(env->self, sri_chance(yard.stage, 300) ? "absent" : "one", path + slashes,
                      sizeof path - slashes);
    if (path[slashes] != '/' || strlen(path) + 1 > yard.stage->model->argument_bytes)
        return;
    struct sr_op_spec spec = sr_spec_openat(sr_fd(AT_FDCWD), path, O_RDONLY | O_CLOEXEC, 0);
    sri_model_lot_add(lot, &spec, NULL);
    memset(path, '?', sizeof path); /* ARG-1 */
}

/* Entries of these look all alike: one at a time, so that it is known which it is. */
static void add_plain(struct sri_lot *lot, struct sr_op_spec spec)
{
    const struct sri_model *model = lot->model;
    for (uint32_t i = 0; i < SRI_LOTS; i++)
        for (uint32_t k = 0; model->lots[i].stage != SRI_LOT_NONE && k < model->lots[i].count; k++)
            if (model->lots[i].members[k].opcode == spec.opcode && spec.opcode != IORING_OP_TIMEOUT)
                return;
    sri_model_lot_add(lot, &spec, NULL);
}

static void add_heir(struct sri_lot *lot)
{
    struct sri_stage *stage = yard.stage;
    struct sr_range none = {0, 0, false};
    struct sr_op_spec spec = sri_chance(stage, 512)
                                 ? sr_spec_write(sr_fd(yard.files[1]), sri_choose(stage, 5000), none)
                                 : sr_spec_send(sr_fd(yard.pair[0]), none, MSG_NOSIGNAL);
    if (lot->count > 0)
        sri_model_lot_inherit(lot, &spec, sri_choose(stage, lot->count));
}

static void add_any(struct sri_lot *lot)
{
    struct sri_stage *stage = yard.stage;
    switch (sri_choose(stage, 14)) {
    case 0:
    case 1: add_bytes(lot, IORING_OP_READ, yard.files[0], sri_choose(stage, 7000)); return;
    case 2:
    case 3: add_bytes(lot, IORING_OP_WRITE, yard.files[1], sri_choose(stage, 7000)); return;
    case 4: add_bytes(lot, IORING_OP_RECV, yard.pair[0], 0); return;
    case 5: add_bytes(lot, IORING_OP_SEND, yard.pair[0], 0); return;
    case 6: add_bytes(lot, IORING_OP_READ, -1, 0); return;
    case 7: add_bytes(lot, IORING_OP_READ, yard.pipe[0], 0); return;
    case 8: add_openat(lot); return;
    case 9: add_plain(lot, sr_spec_timeout(1000 + 1000 * (uint64_t)(++yard.openings))); return;
    case 10: add_plain(lot, sr_spec_fsync(sr_fd(yard.files[1]), 0)); return;
    case 11: add_plain(lot, sr_spec_nop()); return;
    default: add_heir(lot); return;
    }
}

/* One of the first `waiting` entries, of which one more than there are may be asked, waits for another. */
static void add_dependency(struct sri_lot *lot, uint32_t waiting)
{
    struct sri_stage *stage = yard.stage;
    uint32_t dependency = sri_choose(stage, lot->count);
    uint32_t dependent = sri_choose(stage, waiting);
    sri_model_lot_depend(lot, dependent, dependency);
}

/* Mostly a chain, or what the tape says; now and then what must be refused. */
static void add_dependencies(struct sri_lot *lot)
{
    struct sri_stage *stage = yard.stage;
    if (sri_chance(stage, 250))
        return;
    bool chain = sri_chance(stage, 450);
    for (uint32_t i = 1; chain && i < lot->count; i++)
        sri_model_lot_depend(lot, i, i - 1);
    uint32_t more = sri_choose(stage, lot->count + 2);
    for (uint32_t i = 0; !chain && i < more; i++)
        add_dependency(lot, lot->count + 1);
    if (lot->count > 1 && sri_chance(stage, 300))
        add_dependency(lot, lot->count);
}

static void build(struct sri_yard *at)
{
    struct sri_stage *stage = at->stage;
    struct sr_batch_options options = {.form = SR_BATCH_CHAINED};
    if (sri_chance(stage, 400))
        options.form = SR_BATCH_DEFERRED;
    options.fail_fast = sri_chance(stage, 250);
    struct sri_lot *lot = sri_model_lot(stage->model, &options);
    if (lot == NULL)
        return;
    uint32_t count = sri_chance(stage, 60) ? 0 : 1 + sri_choose(stage, 7);
    for (uint32_t i = 0; i < count; i++)
        add_any(lot);
    if (lot->count > 0)
        add_dependencies(lot);
    if (sri_chance(stage, 80)) {
        sri_model_lot_free(lot);
        return;
    }
    /* Where nobody knows that a wait can't end, none is without limit. */
    bool runs = stage->env.simulated && lot->count != 0 && sri_chance(stage, 200);
    int rc = runs ? sri_model_lot_run(lot) : sri_model_lot_submit(lot);
    if (rc != 0 && lot->stage == SRI_LOT_BUILDING)
        sri_model_lot_free(lot);
}

/* Reads and writes that wait for nothing: all of them go together. */
static void build_independent(struct sri_stage *stage)
{
    struct sr_batch_options options = {.form = SR_BATCH_CHAINED};
    struct sri_lot *lot = sri_model_lot(stage->model, &options);
    if (lot == NULL)
        return;
    uint32_t count = 2 + sri_choose(stage, 6);
    for (uint32_t i = 0; i < count; i++)
        add_bytes(lot, i % 2 == 0 ? IORING_OP_READ : IORING_OP_WRITE, yard.files[i % 2], 100 * i);
    if (lot->count == 0 || sri_model_lot_submit(lot) != 0)
        sri_model_lot_free(lot);
}

/* ---- Single steps ---- */

static struct sri_lot *any(struct sri_yard *at, enum sri_lot_stage stage)
{
    return sri_lot_pick(at->stage->model, stage, sri_choose(at->stage, SRI_LOTS));
}

static void await(struct sri_yard *at)
{
    struct sri_lot *lot = any(at, SRI_LOT_RUNNING);
    if (lot == NULL)
        return;
    const struct sri_env *env = &at->stage->env;
    if (lot->batch != NULL)
        sri_model_lot_run(lot);
    else if (sri_chance(at->stage, 300))
        sri_model_lot_await(lot, true, env->moment_ns);
    else
        sri_model_lot_await(lot, sri_chance(at->stage, 512),
                            env->simulated ? env->patience_ns : env->moment_ns);
}

static void cancel(struct sri_yard *at)
{
    struct sri_lot *lot = any(at, SRI_LOT_RUNNING);
    if (lot != NULL && lot->batch == NULL)
        sri_model_lot_cancel(lot);
}

static void drop(struct sri_yard *at)
{
    struct sri_lot *lot = any(at, SRI_LOT_RUNNING);
    if (lot != NULL)
        sri_model_lot_drop(lot);
}

static void end(struct sri_yard *at)
{
    struct sri_lot *lot = any(at, SRI_LOT_HANDED);
    if (lot != NULL)
        sri_model_lot_end(lot, !sri_chance(at->stage, 200));
}

static const struct sri_step steps[] = {
    {build, 24},
    {await, 22},
    {end, 14},
    {drop, 4},
    {cancel, 3},
    {sri_act_start, 8},
    {sri_act_await, 4},
    {sri_act_submit, 4},
    {sri_act_detach, 2},
    {sri_act_next, 2},
    {sri_act_poke, 8},
    {sri_act_dispatch, 3},
    {sri_act_end_one, 4},
    {sri_act_buffers, 2},
    {sri_act_close, 2},
    {sri_act_drain, 1},
    {sri_act_cancel_all, 1},
};

static void play(struct sri_stage *stage)
{
    struct sr_config config = sri_any_config(stage);
    if (config.entries < 2)
        config.entries = 2;
    if (!sri_yard_open(&yard, stage) || !sri_stage_open(stage, &config))
        return;
    if (sri_chance(stage, 900))
        build_independent(stage);
    sri_take_steps(&yard, steps, sizeof steps / sizeof steps[0], 30 + sri_choose(stage, 80));
    sri_yard_close(&yard);
}

const struct sri_scenario sri_scenario_batch = {
    "batch", "batches of every shape, in both forms, awaited, polled, cancelled, dropped", play};
