/*
 * The storm: operations of all kinds, dropped, cancelled, awaited, given over, misused, and the ring closed at every
 * stage.
 */
#include "scenario/actions.h"
#include "scenario/scenarios.h"

static const struct sri_step steps[] = {
    {sri_act_start, 30}, {sri_act_submit, 8},   {sri_act_await, 10},  {sri_act_peek, 6},
    {sri_act_drop, 7},   {sri_act_cancel, 5},   {sri_act_detach, 6},  {sri_act_then, 6},
    {sri_act_next, 6},   {sri_act_dispatch, 6}, {sri_act_poke, 6},    {sri_act_buffers, 6},
    {sri_act_misuse, 6}, {sri_act_close, 3},    {sri_act_drain, 1},   {sri_act_cancel_all, 1},
    {sri_act_post, 3},   {sri_act_inject, 2},   {sri_act_end_one, 6},
};

static void play(struct sri_stage *stage)
{
    static struct sri_yard yard; /* callbacks may still run when this function has returned */
    struct sr_config config = sri_any_config(stage);
    if (!sri_yard_open(&yard, stage) || !sri_stage_open(stage, &config))
        return;
    uint32_t count = 30 + sri_choose(stage, 100);
    sri_take_steps(&yard, steps, sizeof steps / sizeof steps[0], count);
    if (!yard.closed && sri_chance(stage, 6))
        sri_act_strangers(&yard);
    sri_yard_close(&yard);
}

const struct sri_scenario sri_scenario_storm = {"storm",
                                                "starts, drops, cancels, misuse, closing at every stage",
                                                play};
