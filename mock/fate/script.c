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
    case SR_SIM_TOO_LATE:
    case SR_SIM_HELD: return true;
    case SR_SIM_BEHIND: return outcome->value >> 40 == 0 && (uint32_t)outcome->value != 0;
    }
    return false;
}

static bool holds(const struct sr_sim_outcome *outcome)
{
    return outcome->kind == SR_SIM_HELD || outcome->kind == SR_SIM_BEHIND;
}

static bool same_kind(const struct sr_sim_outcome *a, const struct sr_sim_outcome *b)
{
    return a->kind == b->kind || (holds(a) && holds(b));
}

static uint8_t other_opcode(const struct sr_sim_outcome *outcome)
{
    return (uint8_t)(outcome->value >> 32);
}

static bool is_over(const struct sri_script *script, const struct sr_sim_outcome *outcome)
{
    return outcome->nth <= script->consumed[outcome->opcode] ||
           (outcome->kind == SR_SIM_BEHIND &&
            (uint32_t)outcome->value <= script->consumed[other_opcode(outcome)]);
}

int sri_script_add(struct sri_script *script, const struct sr_sim_outcome *outcome)
{
    if (!plausible(outcome))
        return -EINVAL;
    if (is_over(script, outcome))
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
            same_kind(&scripted->outcome, outcome))
            return -EEXIST;
    }
    if (free_place == NULL)
        return -ENOSPC;
    *free_place = (struct sri_scripted){.outcome = *outcome, .state = SRI_SCRIPTED_WAITING};
    script->count++;
    return 0;
}

static void spend(struct sri_script *script, struct sri_scripted *scripted)
{
    scripted->state = SRI_SCRIPTED_FREE;
    script->count--;
}

static void let_go(struct sri_script *script, struct sri_scripted *scripted)
{
    if (scripted->state == SRI_SCRIPTED_HELD)
        script->due[script->due_count++] = scripted->request;
    spend(script, scripted);
}

int sri_script_release(struct sri_script *script, uint8_t opcode, uint32_t nth)
{
    for (uint32_t i = 0; i < SR_SIM_OUTCOMES; i++) {
        struct sri_scripted *scripted = &script->scripted[i];
        if (scripted->state == SRI_SCRIPTED_FREE || !holds(&scripted->outcome) ||
            scripted->outcome.opcode != opcode || scripted->outcome.nth != nth)
            continue;
        let_go(script, scripted);
        return 0;
    }
    return -ENOENT;
}

void sri_script_release_all(struct sri_script *script)
{
    for (uint32_t i = 0; i < SR_SIM_OUTCOMES; i++)
        if (script->scripted[i].state != SRI_SCRIPTED_FREE && holds(&script->scripted[i].outcome))
            let_go(script, &script->scripted[i]);
}

/* One that is held may end by a cancel, and may be what another is behind. */
void sri_script_ended(struct sri_script *script, uint64_t request)
{
    if (script->count == 0 || request == 0)
        return;
    for (uint32_t i = 0; i < SR_SIM_OUTCOMES; i++) {
        struct sri_scripted *scripted = &script->scripted[i];
        if (scripted->state == SRI_SCRIPTED_HELD && scripted->request == request)
            spend(script, scripted);
        else if (scripted->state != SRI_SCRIPTED_FREE && scripted->other == request)
            scripted->other_ended = true;
        if (scripted->state == SRI_SCRIPTED_HELD && scripted->other_ended)
            let_go(script, scripted);
    }
}

void sri_script_consumed(struct sri_script *script, const struct sri_event *event)
{
    uint32_t nth = ++script->consumed[event->opcode];
    if (script->count == 0)
        return;
    for (uint32_t i = 0; i < SR_SIM_OUTCOMES; i++) {
        struct sri_scripted *scripted = &script->scripted[i];
        if (scripted->state != SRI_SCRIPTED_FREE && scripted->outcome.kind == SR_SIM_BEHIND &&
            scripted->outcome.value == SR_SIM_NTH(event->opcode, nth))
            scripted->other = event->request;
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
    case SR_SIM_HELD:
    case SR_SIM_BEHIND: *answer = SRI_HOLD; return question->why == SRI_WHY_DELAY;
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
        if (holds(&scripted->outcome) && !scripted->other_ended) {
            scripted->state = SRI_SCRIPTED_HELD;
            return true;
        }
        if (holds(&scripted->outcome))
            *answer = 0;
        spend(script, scripted);
        return true;
    }
    return false;
}
