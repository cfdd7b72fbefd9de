/*
 * What a scenario does next, drawn by weight.
 */
#ifndef SRI_SCENARIO_TURNS_H
#define SRI_SCENARIO_TURNS_H

#include "explore/stage.h"

struct sri_turn {
    void (*act)(void);
    uint32_t weight;
};

/* Draws one, and does it: one choice each. */
static inline void sri_take_turn(struct sri_stage *stage, const struct sri_turn *turns, size_t count)
{
    uint32_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += turns[i].weight;
    uint32_t at = sri_choose(stage, total);
    size_t row = 0;
    while (at >= turns[row].weight)
        at -= turns[row++].weight;
    turns[row].act();
}

#endif
