/*
 * What a program may do with a ring at any moment, as single steps that the tape picks from. Scenarios differ in which
 * they take, how often, and what stands around.
 */
#ifndef SRI_SCENARIO_ACTIONS_H
#define SRI_SCENARIO_ACTIONS_H

#include <sys/socket.h>

#include "explore/stage.h"

#define SRI_DOUBTFUL 64
#define SRI_SWARM_STEPS 32u

/* The objects that actions work on. */
struct sri_yard {
    struct sri_stage *stage;
    int files[2];
    int pipe[2];
    int pair[2];
    int listeners[2]; /* unix, inet; -1 none */
    struct sockaddr_storage addresses[2];
    uint32_t address_lengths[2];
    int doubtful[SRI_DOUBTFUL]; /* descriptors given to a close whose result may never be known */
    uint32_t doubtful_count;
    uint32_t openings;
    uint32_t wakes;
    bool closed; /* there is no ring any more */
    bool swarm;  /* some steps and operations are off in this run, others more frequent */
    uint8_t weighs[SRI_SWARM_STEPS];
    uint32_t kinds_off; /* of 16 kinds of operations */
};

/* Makes the objects. false: they can't be had. */
bool sri_yard_open(struct sri_yard *yard, struct sri_stage *stage);
void sri_yard_close(struct sri_yard *yard);

/* A configuration as the tape has it. */
struct sr_config sri_any_config(struct sri_stage *stage);

/* Single steps. */
void sri_act_start(struct sri_yard *yard);
void sri_act_submit(struct sri_yard *yard);
void sri_act_await(struct sri_yard *yard);
void sri_act_peek(struct sri_yard *yard);
void sri_act_drop(struct sri_yard *yard);
void sri_act_cancel(struct sri_yard *yard);
void sri_act_detach(struct sri_yard *yard);
void sri_act_then(struct sri_yard *yard);
void sri_act_next(struct sri_yard *yard);
void sri_act_dispatch(struct sri_yard *yard);
void sri_act_poke(struct sri_yard *yard);
void sri_act_buffers(struct sri_yard *yard);
void sri_act_misuse(struct sri_yard *yard);
void sri_act_close(struct sri_yard *yard);
void sri_act_drain(struct sri_yard *yard);
void sri_act_cancel_all(struct sri_yard *yard);
void sri_act_post(struct sri_yard *yard);
void sri_act_inject(struct sri_yard *yard);
void sri_act_strangers(struct sri_yard *yard);
void sri_act_end_one(struct sri_yard *yard);

/* Ends a completion in hand: takes it (what it made is the stage's), or finishes it. */
void sri_end_act(struct sri_yard *yard, struct sri_act *act);

/* A step and how often it is taken. */
struct sri_step {
    void (*act)(struct sri_yard *yard);
    uint32_t weight;
};
/* Takes `count` steps of a table, as the tape picks them. */
void sri_take_steps(struct sri_yard *yard, const struct sri_step *table, size_t rows, uint32_t count);

#endif
