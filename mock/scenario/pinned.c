/*
 * The borrowing calls: one at a time on a ring, among owned ones; buffers touched, freed and lent again at every stage.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "scenario/actions.h"
#include "scenario/scenarios.h"

static struct sri_yard yard;

static struct sri_pin *any(struct sri_yard *at)
{
    return sri_pin_pick(at->stage->model, sri_choose(at->stage, SRI_PINS));
}

static void make(struct sri_yard *at)
{
    static const size_t sizes[] = {64, 1, 7, 512, 4096};
    sri_model_pin(at->stage->model, sizes[sri_choose(at->stage, 5)]);
}

static struct sr_op_spec any_spec(struct sri_yard *at, const struct sri_pin *pin)
{
    struct sri_stage *stage = at->stage;
    struct sr_range range = sr_range(0, pin->size);
    uint64_t offset = sri_choose(stage, 7000);
    switch (sri_choose(stage, 6)) {
    case 1: return sr_spec_write(sr_fd(at->files[1]), offset, range);
    case 2: return sr_spec_recv(sr_fd(at->pair[0]), range, 0);
    case 3: return sr_spec_send(sr_fd(at->pair[0]), range, MSG_NOSIGNAL);
    case 4: return sr_spec_read(sr_fd(at->pipe[0]), SR_OWN_POSITION, range);
    case 5: return sr_spec_write(sr_fd(at->pipe[1]), SR_OWN_POSITION, range);
    default: return sr_spec_read(sr_fd(at->files[0]), offset, range);
    }
}

static void borrow(struct sri_yard *at)
{
    struct sri_pin *pin = any(at);
    if (pin == NULL) {
        make(at);
        return;
    }
    struct sri_act *act;
    struct sr_op_spec spec = any_spec(at, pin);
    if (sri_chance(at->stage, 80))
        spec = sr_spec_within(spec, UINT64_C(1000000));
    sri_model_borrow(at->stage->model, &spec, pin, &act);
}

/* As the calls are meant: to its end before the next. */
static void one_call(struct sri_yard *at)
{
    struct sri_model *model = at->stage->model;
    struct sri_pin *pin = any(at);
    struct sri_act *act;
    if (pin == NULL) {
        make(at);
        return;
    }
    struct sr_op_spec spec = sr_spec_read(sr_fd(at->files[0]), 0, sr_range(0, pin->size));
    if (sri_model_borrow(model, &spec, pin, &act) != 0)
        return;
    sri_model_probe_pin(model, pin);
    if (sri_model_await(model, act, SRI_WAIT_FOREVER, 0) == 0)
        sri_model_take(model, act, NULL);
}

static void probe(struct sri_yard *at)
{
    const struct sri_pin *pin = any(at);
    if (pin != NULL)
        sri_model_probe_pin(at->stage->model, pin);
}

static void unpin(struct sri_yard *at)
{
    struct sri_pin *pin = any(at);
    if (pin != NULL && !sri_model_unpin(at->stage->model, pin))
        sri_model_probe_pin(at->stage->model, pin);
}

static const struct sri_step steps[] = {
    {one_call, 8},
    {borrow, 40},
    {probe, 24},
    {make, 6},
    {unpin, 6},
    {sri_act_await, 16},
    {sri_act_peek, 6},
    {sri_act_drop, 8},
    {sri_act_cancel, 4},
    {sri_act_detach, 3},
    {sri_act_next, 4},
    {sri_act_poke, 8},
    {sri_act_end_one, 16},
    {sri_act_start, 8},
    {sri_act_submit, 6},
    {sri_act_then, 2},
    {sri_act_dispatch, 4},
    {sri_act_close, 2},
    {sri_act_drain, 2},
    {sri_act_cancel_all, 1},
};

static void play(struct sri_stage *stage)
{
    struct sr_config config = sri_any_config(stage);
    if (!sri_yard_open(&yard, stage) || !sri_stage_open(stage, &config))
        return;
    sri_take_steps(&yard, steps, sizeof steps / sizeof steps[0], 40 + sri_choose(stage, 100));
    sri_yard_close(&yard);
}

const struct sri_scenario sri_scenario_pinned = {
    "pinned", "borrowing calls, one at a time; lent buffers touched and freed at every stage", play};
