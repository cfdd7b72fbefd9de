/*
 * A wrong program, to see that it is found: now and then it writes into a buffer that the kernel has. Not part of a campaign
 * unless it is named.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "scenario/actions.h"
#include "scenario/scenarios.h"

static void write_into_a_lent_buffer(struct sri_yard *yard)
{
    struct sri_model *model = yard->stage->model;
    for (struct sri_node *node = model->helds.next; node != &model->helds; node = node->next) {
        struct sri_held *held = SRI_CONTAINER_OF(node, struct sri_held, node);
        const struct sri_act *act = held->act;
        if (held->bytes == NULL || act == NULL || held->handle != NULL || !act->consumed || act->posted ||
            act->hand != SRI_HAND_HANDLE)
            continue;
        sri_model_tell(model, "writes into the buffer of operation %#llx, which the kernel has",
                       (unsigned long long)act->id);
        sri_model_code(model, "buffers[%u].bytes[0] ^= 0x55; /* which the kernel has */",
                       sri_held_number(model, held));
        held->bytes[0] ^= 0x55;
        return;
    }
}

static const struct sri_step steps[] = {
    {sri_act_start, 300}, {sri_act_submit, 80},          {sri_act_await, 100},   {sri_act_peek, 60},
    {sri_act_drop, 70},   {sri_act_cancel, 50},          {sri_act_dispatch, 60}, {sri_act_poke, 60},
    {sri_act_next, 60},   {write_into_a_lent_buffer, 1},
};

static void play(struct sri_stage *stage)
{
    static struct sri_yard yard; /* callbacks may still run when this function has returned */
    struct sr_config config = sri_any_config(stage);
    if (!sri_yard_open(&yard, stage) || !sri_stage_open(stage, &config))
        return;
    sri_take_steps(&yard, steps, sizeof steps / sizeof steps[0], 200 + sri_choose(stage, 500));
    sri_yard_close(&yard);
}

const struct sri_scenario sri_scenario_faulty = {"faulty", "a wrong program that touches bytes in flight",
                                                 play};
