/*
 * Single outcomes fixed by a test: "the 2nd read moves 3 bytes". Finds the request when it is consumed, and answers the
 * one question it is about. Draws nothing.
 */
#ifndef SRI_FATE_SCRIPT_H
#define SRI_FATE_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/chooser.h"
#include "engine/observer.h"
#include "safer_ring/sim.h"

enum sri_scripted_state {
    SRI_SCRIPTED_FREE,
    SRI_SCRIPTED_WAITING, /* its request was not consumed yet */
    SRI_SCRIPTED_FOUND,   /* it was, and the question is to come */
    SRI_SCRIPTED_HELD,    /* it was asked about, and waits to be let go */
};

struct sri_scripted {
    struct sr_sim_outcome outcome;
    enum sri_scripted_state state;
    uint64_t request;
    uint64_t user_data;
    uint64_t other; /* the request that one of SR_SIM_BEHIND is behind, once it was consumed */
    bool other_ended;
};

/* Zeroed is no script, and nothing consumed. */
struct sri_script {
    struct sri_scripted scripted[SR_SIM_OUTCOMES];
    uint32_t count; /* those waiting or found */
    uint64_t exact; /* with the last answer: at most so many bytes; 0 when the answer says all */
    uint32_t consumed[256];
    uint64_t due[SR_SIM_OUTCOMES]; /* held requests to be let go, by whoever may call the engine */
    uint32_t due_count;
};

/* See sr_sim_script(). */
int sri_script_add(struct sri_script *script, const struct sr_sim_outcome *outcome);

/* To be called with every SRI_EVENT_CONSUMED. */
void sri_script_consumed(struct sri_script *script, const struct sri_event *event);

/* … and with every end of a request: its last completion, or that it is skipped. */
void sri_script_ended(struct sri_script *script, uint64_t request);

/* See sr_sim_release(). */
int sri_script_release(struct sri_script *script, uint8_t opcode, uint32_t nth);
void sri_script_release_all(struct sri_script *script);

/* May a script have a say in this question? Then its answer is in *answer, and the outcome is spent. */
bool sri_script_answer(struct sri_script *script, const struct sri_question *question, uint32_t *answer);

#endif
