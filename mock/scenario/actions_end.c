/*
 * Waiting, ending, giving up: the steps that work on operations that were started.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <string.h>

#include "scenario/actions.h"

static struct sri_act *any_act(struct sri_yard *yard, enum sri_hand hand)
{
    struct sri_model *model = yard->stage->model;
    uint32_t count = model->hands[hand];
    if (count == 0)
        return NULL;
    return sri_model_pick(model, hand, sri_choose(yard->stage, count));
}

static bool makes_descriptor(const struct sri_act *act)
{
    return act->opcode == IORING_OP_ACCEPT || act->opcode == IORING_OP_OPENAT;
}

/* The descriptor is closed for certain, or is open still. */
static void settle_close(struct sri_yard *yard, const struct sri_act *act)
{
    if (act->opcode != IORING_OP_CLOSE || act->done_at->result != 0)
        return;
    for (uint32_t i = 0; i < yard->doubtful_count; i++)
        if (yard->doubtful[i] == act->fd) {
            yard->doubtful[i] = yard->doubtful[--yard->doubtful_count];
            return;
        }
}

static void put_back(struct sri_yard *yard, struct sri_held *held)
{
    if (held == NULL || !sri_chance(yard->stage, 400))
        return;
    if (held->part_count > 0 && sri_chance(yard->stage, 512))
        sri_model_split(yard->stage->model, held);
    else
        sri_model_release(yard->stage->model, held);
}

void sri_end_act(struct sri_yard *yard, struct sri_act *act)
{
    struct sri_model *model = yard->stage->model;
    if (sri_chance(yard->stage, 100))
        sri_model_misuse_state(model, act, sri_choose(yard->stage, 3));
    if (act->buffer != NULL && sri_chance(yard->stage, 100))
        sri_model_misuse_buffer(model, act->buffer, sri_choose(yard->stage, 6));
    settle_close(yard, act);
    if (sri_chance(yard->stage, 150)) {
        sri_model_finish(model, act);
        return;
    }
    bool descriptor = makes_descriptor(act);
    struct sri_held *held = NULL;
    int32_t result = sri_model_take(model, act, &held);
    if (descriptor && result >= 0)
        sri_stage_own(yard->stage, result);
    put_back(yard, held);
}

/* At once, or later. */
static void arrived(struct sri_yard *yard, struct sri_act *act)
{
    if (yard->stage->model->hands[SRI_HAND_DONE] < 4 && sri_chance(yard->stage, 200))
        return;
    sri_end_act(yard, act);
}

void sri_act_end_one(struct sri_yard *yard)
{
    struct sri_act *act = any_act(yard, SRI_HAND_DONE);
    if (act != NULL)
        sri_end_act(yard, act);
}

void sri_act_submit(struct sri_yard *yard)
{
    sri_model_submit(yard->stage->model);
}

static bool ends_by_itself(const struct sri_yard *yard, const struct sri_act *act)
{
    return act->opcode == IORING_OP_NOP || act->opcode == IORING_OP_FSYNC ||
           act->opcode == IORING_OP_TIMEOUT || act->fd == yard->files[0] || act->fd == yard->files[1];
}

void sri_act_await(struct sri_yard *yard)
{
    struct sri_act *act = any_act(yard, SRI_HAND_HANDLE);
    if (act == NULL)
        return;
    bool forever = ends_by_itself(yard, act) || (yard->stage->env.simulated && sri_chance(yard->stage, 100));
    uint64_t timeout = yard->stage->env.moment_ns
                       << sri_choose(yard->stage, yard->stage->env.simulated ? 20 : 3);
    if (sri_chance(yard->stage, 100))
        timeout = 0;
    if (sri_model_await(yard->stage->model, act, forever ? SRI_WAIT_FOREVER : SRI_WAIT_TIMEOUT, timeout) == 0)
        arrived(yard, act);
}

void sri_act_peek(struct sri_yard *yard)
{
    struct sri_act *act = any_act(yard, SRI_HAND_HANDLE);
    if (act != NULL && sri_model_await(yard->stage->model, act, SRI_WAIT_PEEK, 0) == 0)
        arrived(yard, act);
}

void sri_act_drop(struct sri_yard *yard)
{
    struct sri_act *act = any_act(yard, SRI_HAND_HANDLE);
    if (act != NULL)
        sri_model_drop(yard->stage->model, act);
}

void sri_act_cancel(struct sri_yard *yard)
{
    struct sri_act *act = any_act(yard, SRI_HAND_HANDLE);
    if (act != NULL)
        sri_model_cancel(yard->stage->model, act);
}

void sri_act_detach(struct sri_yard *yard)
{
    struct sri_act *act = any_act(yard, SRI_HAND_HANDLE);
    if (act != NULL)
        sri_model_detach(yard->stage->model, act, act);
}

static void in_callback(void *user, struct sri_act *act)
{
    struct sri_yard *yard = user;
    struct sri_stage *stage = yard->stage;
    uint32_t choice = stage->ending ? 0 : sri_choose(stage, 8);
    /* While the ring drains, a handle may be over already. */
    if (stage->model->draining && (choice == 3 || choice == 4 || choice == 7))
        choice = 0;
    switch (choice) {
    case 1: sri_model_misuse_in_callback(stage->model, sri_choose(stage, 7)); break;
    case 2: sri_act_start(yard); break;
    case 3: sri_act_drop(yard); break;
    case 4: sri_act_cancel(yard); break;
    case 5: sri_model_misuse_in_callback(stage->model, sri_choose(stage, 7)); return;
    case 6: settle_close(yard, act); return; /* leaves the completion (CB-3) */
    case 7: sri_act_peek(yard); break;
    default: break;
    }
    sri_end_act(yard, act);
}

void sri_act_then(struct sri_yard *yard)
{
    struct sri_model *model = yard->stage->model;
    struct sri_act *act = any_act(yard, SRI_HAND_HANDLE);
    if (act == NULL)
        return;
    model->client.in_callback = in_callback;
    model->client.user = yard;
    sri_model_then(model, act);
}

void sri_act_next(struct sri_yard *yard)
{
    struct sri_stage *stage = yard->stage;
    struct sri_model *model = stage->model;
    struct sri_act *acts[8] = {NULL};
    size_t count = 1;
    int rc;
    if (sri_chance(stage, 200) && stage->env.simulated)
        rc = sri_model_next_many(model, acts, 1 + sri_choose(stage, 8), &count);
    else
        rc = sri_model_next(model, stage->env.moment_ns << sri_choose(stage, stage->env.simulated ? 20 : 3),
                            &acts[0]);
    for (size_t i = 0; rc == 0 && i < count; i++)
        if (acts[i] != NULL)
            arrived(yard, acts[i]);
}

void sri_act_dispatch(struct sri_yard *yard)
{
    struct sri_stage *stage = yard->stage;
    bool wait = sri_chance(stage, 400);
    uint64_t timeout = stage->env.moment_ns << sri_choose(stage, stage->env.simulated ? 20 : 3);
    sri_model_dispatch(stage->model, wait, timeout);
}

void sri_act_drain(struct sri_yard *yard)
{
    struct sri_stage *stage = yard->stage;
    uint64_t timeout =
        sri_chance(stage, 300) ? 0 : stage->env.moment_ns << sri_choose(stage, stage->env.simulated ? 26 : 3);
    sri_model_drain(stage->model, timeout);
}

void sri_act_cancel_all(struct sri_yard *yard)
{
    struct sri_stage *stage = yard->stage;
    uint64_t timeout =
        sri_chance(stage, 300) ? 0 : stage->env.moment_ns << sri_choose(stage, stage->env.simulated ? 26 : 3);
    sri_model_cancel_all(stage->model, timeout);
}

/* Closed at whatever stage it is; if that went through, a new one is opened. */
void sri_act_close(struct sri_yard *yard)
{
    struct sri_stage *stage = yard->stage;
    struct sri_model *model = stage->model;
    if (sri_model_close(model, (enum sri_closing)sri_choose(stage, SRI_CLOSINGS)) != 0) {
        if (sri_chance(stage, 512))
            sri_model_submit(model);
        return;
    }
    struct sr_config config = sri_any_config(stage);
    yard->closed = yard->openings++ == 3 || !sri_stage_open(stage, &config);
}
