/*
 * Three programs of single steps: draining under load, orphans that finish late, and everything mixed.
 */
#include "scenario/actions.h"
#include "scenario/scenarios.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* Callbacks may still run when a scenario has returned: what they work on stays. */
static struct sri_yard yard;

static bool begin(struct sri_stage *stage, struct sr_config config)
{
    return sri_yard_open(&yard, stage) && sri_stage_open(stage, &config);
}

/* ---- drain ---- */

static const struct sri_step load[] = {
    {sri_act_start, 20}, {sri_act_submit, 4}, {sri_act_then, 5}, {sri_act_detach, 4},
    {sri_act_drop, 3},   {sri_act_poke, 4},   {sri_act_peek, 2}, {sri_act_post, 1},
};

static void play_drain(struct sri_stage *stage)
{
    if (!begin(stage, sri_any_config(stage)))
        return;
    uint32_t rounds = 1 + sri_choose(stage, 4);
    for (uint32_t i = 0; i < rounds && !yard.closed; i++) {
        sri_take_steps(&yard, load, ROWS(load), 10 + sri_choose(stage, 30));
        if (sri_chance(stage, 300))
            sri_act_cancel_all(&yard);
        for (int again = 0; again < 6 && sr_ring_in_flight(stage->model->ring) > 0; again++) {
            sri_act_drain(&yard);
            stage->wake(stage);
        }
        if (sri_chance(stage, 300))
            sri_act_close(&yard);
    }
    sri_yard_close(&yard);
}

const struct sri_scenario sri_scenario_drain = {"drain", "draining and cancelling all under load",
                                                play_drain};

/* ---- orphans ---- */

static const struct sri_step leaving[] = {
    {sri_act_start, 20}, {sri_act_submit, 10}, {sri_act_drop, 14}, {sri_act_peek, 4},    {sri_act_poke, 3},
    {sri_act_close, 1},  {sri_act_cancel, 2},  {sri_act_await, 1}, {sri_act_buffers, 2},
};

static const struct sri_step coming_home[] = {
    {sri_act_poke, 6}, {sri_act_dispatch, 6}, {sri_act_submit, 3},
    {sri_act_peek, 2}, {sri_act_close, 2},    {sri_act_start, 1},
};

static void play_orphans(struct sri_stage *stage)
{
    struct sr_config config = sri_any_config(stage);
    config.cancel_on_drop = sri_chance(stage, 300);
    if (!begin(stage, config))
        return;
    uint32_t rounds = 1 + sri_choose(stage, 4);
    for (uint32_t i = 0; i < rounds && !yard.closed; i++) {
        sri_take_steps(&yard, leaving, ROWS(leaving), 10 + sri_choose(stage, 30));
        sri_take_steps(&yard, coming_home, ROWS(coming_home), 5 + sri_choose(stage, 20));
    }
    sri_yard_close(&yard);
}

const struct sri_scenario sri_scenario_orphans = {"orphans",
                                                  "orphans that finish late; their buffers come home",
                                                  play_orphans};

/* ---- mixed ---- */

static const struct sri_step anything[] = {
    {sri_act_start, 60}, {sri_act_submit, 14},   {sri_act_await, 16},   {sri_act_peek, 8},
    {sri_act_drop, 8},   {sri_act_cancel, 6},    {sri_act_detach, 12},  {sri_act_then, 12},
    {sri_act_next, 14},  {sri_act_dispatch, 10}, {sri_act_poke, 12},    {sri_act_buffers, 8},
    {sri_act_misuse, 8}, {sri_act_close, 2},     {sri_act_drain, 2},    {sri_act_cancel_all, 1},
    {sri_act_post, 6},   {sri_act_inject, 3},    {sri_act_end_one, 12},
};

static void play_mixed(struct sri_stage *stage)
{
    struct sr_config config = sr_config_default();
    config.entries = 8u << sri_choose(stage, 4);
    config.completion_entries = config.entries;
    config.max_in_flight = 4 * config.entries;
    config.queue_entries = config.entries;
    if (!begin(stage, config))
        return;
    sri_take_steps(&yard, anything, ROWS(anything), 100 + sri_choose(stage, 200));
    if (!yard.closed && sri_chance(stage, 30))
        sri_act_strangers(&yard);
    sri_yard_close(&yard);
}

const struct sri_scenario sri_scenario_mixed = {"mixed", "long runs of everything on small queues",
                                                play_mixed};
