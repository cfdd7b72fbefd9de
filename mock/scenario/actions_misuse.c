/*
 * Steps that a right program would not take, and the world's own doings.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "scenario/actions.h"

static struct sri_held *any_held(struct sri_yard *yard, bool lent)
{
    struct sri_model *model = yard->stage->model;
    uint32_t skip = sri_choose(yard->stage, 8);
    struct sri_held *found = NULL;
    for (struct sri_node *node = model->helds.next; node != &model->helds; node = node->next) {
        struct sri_held *held = SRI_CONTAINER_OF(node, struct sri_held, node);
        /* An orphan's header may be another buffer's by now: nobody can tell. */
        const struct sri_act *act = held->vector != NULL ? held->vector->act : held->act;
        bool orphaned = act != NULL && act->hand == SRI_HAND_DROPPED;
        if ((held->handle == NULL) != lent || orphaned)
            continue;
        found = held;
        if (skip-- == 0)
            break;
    }
    return found;
}

void sri_act_buffers(struct sri_yard *yard)
{
    struct sri_stage *stage = yard->stage;
    struct sri_model *model = stage->model;
    struct sri_held *held = any_held(yard, true);
    uint32_t which = sri_choose(stage, 6);
    if (held != NULL)
        sri_model_misuse_buffer(model, held, which);
    held = any_held(yard, false);
    if (held != NULL && held->bytes != NULL && sri_chance(stage, 512))
        sri_model_access(model, held, true, NULL, NULL);
    else if (held != NULL && sri_chance(stage, 512))
        sri_model_release(model, held);
}

void sri_act_misuse(struct sri_yard *yard)
{
    struct sri_stage *stage = yard->stage;
    struct sri_model *model = stage->model;
    uint32_t which = sri_choose(stage, 64);
    switch (sri_choose(stage, 4)) {
    case 0: sri_model_misuse_handle(model, which); break;
    case 1: sri_model_bad_start(model, which, any_held(yard, false)); break;
    case 2: sri_model_nothing_in_flight(model, which); break;
    default: sri_model_unknown_backend(model); break;
    }
}

void sri_act_post(struct sri_yard *yard)
{
    struct sri_stage *stage = yard->stage;
    struct sri_model *model = stage->model;
    bool elsewhere = sri_chance(stage, 40);
    sri_model_post(model, elsewhere);
    if (!sri_chance(stage, 600))
        return;
    struct sri_act *act;
    int rc = sri_model_next(model, stage->env.moment_ns, &act);
    if (rc == 0 && act != NULL)
        sri_end_act(yard, act);
}

void sri_act_inject(struct sri_yard *yard)
{
    sri_model_inject(yard->stage->model, sri_choose(yard->stage, 64));
}

void sri_act_strangers(struct sri_yard *yard)
{
    if (sri_choose(yard->stage, 4) == 3)
        sri_model_wrong_process(yard->stage->model);
    else
        sri_model_wrong_thread(yard->stage->model);
}

/* The other ends of the objects move too. */
void sri_act_poke(struct sri_yard *yard)
{
    const struct sri_env *env = &yard->stage->env;
    uint8_t bytes[1024];
    size_t moved;
    uint32_t size = 1 + sri_choose(yard->stage, sizeof bytes);
    sri_pattern_fill(3, 0, bytes, size);
    switch (sri_choose(yard->stage, 4)) {
    case 0: env->vtable->write(env->self, yard->pair[1], bytes, size, &moved); break;
    case 1: env->vtable->write(env->self, yard->pipe[1], bytes, size, &moved); break;
    case 2: env->vtable->read(env->self, yard->pair[1], bytes, size, &moved); break;
    default: env->vtable->read(env->self, yard->pipe[0], bytes, size, &moved); break;
    }
}

/* As the table says; in a swarm some are off, some four times as frequent, some half. */
static uint32_t weight_of(const struct sri_yard *yard, const struct sri_step *table, size_t row)
{
    static const uint32_t halves[4] = {2, 0, 8, 1};
    return table[row].weight * halves[yard->weighs[row % SRI_SWARM_STEPS]];
}

void sri_take_steps(struct sri_yard *yard, const struct sri_step *table, size_t rows, uint32_t count)
{
    uint32_t total = 0;
    for (size_t i = 0; i < rows; i++)
        total += weight_of(yard, table, i);
    while (count-- > 0 && total > 0 && !yard->closed) {
        uint32_t at = sri_choose(yard->stage, total);
        size_t row = 0;
        while (at >= weight_of(yard, table, row))
            at -= weight_of(yard, table, row++);
        table[row].act(yard);
    }
}
