/*
 * Walking a machine's table against an independent statement of its rules: a list of what is allowed and a function that
 * says how everything else is answered.
 */
#ifndef TESTS_UNIT_MACHINE_WALK_H
#define TESTS_UNIT_MACHINE_WALK_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/machine.h"
#include "support/child.h"
#include "support/main.h"

struct allowed {
    uint8_t from;
    uint8_t event;
    uint8_t to;
};

struct rules {
    const struct sri_machine *machine;
    const struct allowed *allowed;
    size_t count;
    uint8_t start;
    int final; /* the one state without a way on; -1: none */
    /* A status, or SRI_IMPOSSIBLE, for a pair that is not allowed. */
    int (*answer)(uint8_t state, uint8_t event);
};

struct cell {
    const struct sri_machine *machine;
    uint8_t state;
    uint8_t event;
};

static inline const struct allowed *find_allowed(const struct rules *rules, uint8_t state, uint8_t event)
{
    for (size_t i = 0; i < rules->count; i++)
        if (rules->allowed[i].from == state && rules->allowed[i].event == event)
            return &rules->allowed[i];
    return NULL;
}

static inline int move(const struct sri_machine *machine, uint8_t *state, uint8_t event)
{
    return sri_machine_move(machine->table + (size_t)*state * machine->event_count, state, event);
}

static inline void say_cell(const struct rules *rules, uint8_t state, uint8_t event)
{
    printf("%s: %s in %s\n", rules->machine->name, rules->machine->events[event],
           rules->machine->states[state]);
}

/* Every allowed cell leads where the rules say. */
static inline void check_allowed_cells(const struct rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        uint8_t state = rules->allowed[i].from;
        say_cell(rules, state, rules->allowed[i].event);
        assert_int_equal(move(rules->machine, &state, rules->allowed[i].event), 0);
        assert_int_equal(state, rules->allowed[i].to);
    }
}

/* Every other cell that is not impossible answers as the rules say, and the state is as it was. */
static inline void check_refused_cells(const struct rules *rules)
{
    for (uint8_t from = 0; from < rules->machine->state_count; from++) {
        for (uint8_t event = 0; event < rules->machine->event_count; event++) {
            if (find_allowed(rules, from, event) != NULL || rules->answer(from, event) == SRI_IMPOSSIBLE)
                continue;
            uint8_t state = from;
            say_cell(rules, from, event);
            assert_int_equal(move(rules->machine, &state, event), rules->answer(from, event));
            assert_int_equal(state, from);
        }
    }
}

static inline void make_cell_happen(void *argument)
{
    const struct cell *cell = argument;
    uint8_t state = cell->state;
    child_check(move(cell->machine, &state, cell->event) != 0);
}

/* Every impossible cell stops the run, and says that it contradicts itself. */
static inline void check_impossible_cells(const struct rules *rules)
{
    for (uint8_t from = 0; from < rules->machine->state_count; from++) {
        for (uint8_t event = 0; event < rules->machine->event_count; event++) {
            if (find_allowed(rules, from, event) != NULL || rules->answer(from, event) != SRI_IMPOSSIBLE)
                continue;
            struct cell cell = {rules->machine, from, event};
            struct child child;
            say_cell(rules, from, event);
            run_in_child(&child, make_cell_happen, &cell);
            assert_true(child_aborted(&child));
            assert_non_null(strstr(child.text, "internal contradiction"));
        }
    }
}

/* Marks what can be reached from `state`, by the machine's own table. */
static inline void reach(const struct sri_machine *machine, uint8_t state, bool reached[])
{
    if (reached[state])
        return;
    reached[state] = true;
    for (uint8_t event = 0; event < machine->event_count; event++) {
        int next = machine->table[(size_t)state * machine->event_count + event];
        if (next >= 0)
            reach(machine, (uint8_t)next, reached);
    }
}

static inline void check_every_state_is_reached(const struct rules *rules)
{
    bool reached[64] = {false};
    assert_true(rules->machine->state_count <= 64);
    reach(rules->machine, rules->start, reached);
    for (uint8_t state = 0; state < rules->machine->state_count; state++) {
        printf("%s: %s\n", rules->machine->name, rules->machine->states[state]);
        assert_true(reached[state]);
    }
}

static inline void check_every_state_has_a_way_on(const struct rules *rules)
{
    for (uint8_t state = 0; state < rules->machine->state_count; state++) {
        bool way_on = false;
        for (uint8_t event = 0; event < rules->machine->event_count; event++) {
            int next = rules->machine->table[(size_t)state * rules->machine->event_count + event];
            way_on = way_on || (next >= 0 && next != state);
        }
        printf("%s: %s\n", rules->machine->name, rules->machine->states[state]);
        assert_int_equal(way_on, state != rules->final);
    }
}

/* Every name stands, and no two are the same: the document and the panic's list are read by people. */
static inline void check_names_differ(const char *const names[], uint8_t count)
{
    for (uint8_t i = 0; i < count; i++) {
        assert_non_null(names[i]);
        for (uint8_t j = 0; j < i; j++)
            assert_string_not_equal(names[i], names[j]);
    }
}

#endif
