/*
 * Scripts: each outcome waits for its request, then for the one question it answers. Draws nothing.
 */
#include "fate/script.h"

#include <errno.h>

static bool plausible(const struct sr_sim_outcome *outcome)
{
    if (outcome->nth == 0)
        return false;
    switch (outcome->kind) {
    case SR_SIM_FAILS: return outcome->value >= 1 && outcome->value <= 4095;
    case SR_SIM_SHORT: return outcome->value >= 1;
    case SR_SIM_DELAYED:
    case SR_SIM_TOO_LATE: return true;
    }
    return false;
}

int sri_script_add(struct sri_script *script, const struct sr_sim_outcome *outcome)
{
    if (!plausible(outcome))
        return -EINVAL;
    if (outcome->nth <= script->consumed[outcome->opcode])
        return -EALREADY;
    struct sri_scripted *free_place = NULL;
    for (uint32_t i = 0; i < SR_SIM_OUTCOMES; i++) {
        struct sri_scripted *scripted = &script->scripted[i];
        if (scripted->state == SRI_SCRIPTED_FREE) {
            if (free_place == NULL)
                free_place = scripted;
            continue;
        }
        if (scripted->outcome.opcode == outcome->opcode && scripted->outcome.nth == outcome->nth &&
            scripted->outcome.kind == outcome->kind)
            return -EEXIST;
    }
    if (free_place == NULL)
        return -ENOSPC;
    free_place->outcome = *outcome;
    free_place->state = SRI_SCRIPTED_WAITING;
    script->count++;
    return 0;
}

void sri_script_consumed(struct sri_script *script, const struct sri_event *event)
{
    uint32_t nth = ++script->consumed[event->opcode];
    if (script->count == 0)
        return;
    for (uint32_t i = 0; i < SR_SIM_OUTCOMES; i++) {
        struct sri_scripted *scripted = &script->scripted[i];
        if (scripted->state != SRI_SCRIPTED_WAITING || scripted->outcome.opcode != event->opcode ||
            scripted->outcome.nth != nth)
            continue;
        scripted->state = SRI_SCRIPTED_FOUND;
        scripted->request = event->request;
        scripted->user_data = event->user_data;
    }
}

static bool about(const struct sri_scripted *scripted, const struct sri_question *question)
{
    if (scripted->state != SRI_SCRIPTED_FOUND)
        return false;
    if (question->request != 0)
        return scripted->request == question->request;
    return scripted->outcome.opcode == question->opcode && scripted->user_data == question->user_data;
}

static bool errno_answer(const struct sri_question *question, uint64_t value, uint32_t *answer)
{
    for (uint32_t i = 1; i < question->n; i++) {
        if (question->errnos[i - 1] == (int16_t)value) {
            *answer = i;
            return true;
        }
    }
    return false;
}

/* All but one byte, and the world is told to stop earlier: the engine itself knows a few cuts only. */
static uint32_t short_answer(struct sri_script *script, uint64_t length, uint64_t value)
{
    if (value >= length)
        return 0;
    script->exact = value;
    return 3;
}

static uint32_t delay_answer(uint64_t value)
{
    for (uint32_t i = 0; i < SRI_DELAYS; i++) {
        if (sri_delay_ns[i] >= value)
            return i;
    }
    return SRI_DELAYS - 1;
}

static bool answers(struct sri_script *script, const struct sr_sim_outcome *outcome,
                    const struct sri_question *question, uint32_t *answer)
{
    switch (outcome->kind) {
    case SR_SIM_FAILS:
        return question->why == SRI_WHY_ERRNO && errno_answer(question, outcome->value, answer);
    case SR_SIM_SHORT:
        if (question->why != SRI_WHY_SHORT)
            return false;
        *answer = short_answer(script, question->length, outcome->value);
        return true;
    case SR_SIM_DELAYED: *answer = delay_answer(outcome->value); return question->why == SRI_WHY_DELAY;
    case SR_SIM_TOO_LATE: *answer = 1; return question->why == SRI_WHY_CANCEL;
    }
    return false;
}

bool sri_script_answer(struct sri_script *script, const struct sri_question *question, uint32_t *answer)
{
    if (script->count == 0)
        return false;
    for (uint32_t i = 0; i < SR_SIM_OUTCOMES; i++) {
        struct sri_scripted *scripted = &script->scripted[i];
        if (!about(scripted, question) || !answers(script, &scripted->outcome, question, answer))
            continue;
        scripted->state = SRI_SCRIPTED_FREE;
        script->count--;
        return true;
    }
    return false;
}
