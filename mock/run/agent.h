/*
 * The watcher inside a program that `safer-ring run` started.
 */
#ifndef SRI_RUN_AGENT_H
#define SRI_RUN_AGENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "fate/policy.h"
#include "fate/trace.h"
#include "liburing/kernel.h"
#include "run/shared.h"

struct sri_agent {
    bool on;     /* started by the command, and its folder can be used */
    bool seeded; /* things go wrong, by a seed or a tape */
    bool detects;
    bool traps;    /* system calls are caught from below too */
    bool draws;    /* its steps are kept (steps.h) */
    bool unmapped; /* memory went: what the engine knows of pages is to be learned again */
    uint64_t seed;
    uint64_t stall_ms;
    char folder[SRI_RUN_TEXT];
    char tape[SRI_RUN_TEXT]; /* a tape to read; empty: the seed */
    struct sri_run_page *page;
    struct sri_engine *engine;
    struct sri_world world;
    struct sri_trace trace;
    struct sri_tape recorded;
    struct sri_points points;
    struct sri_policy policy;
    struct sri_policy_run policy_run;
    uint64_t first_thread;
};

/* The one of this process. */
extern struct sri_agent sri_agent;

/* The program is about to poll, or has found something by it: what can go on does, and the rings show what came of it. */
void sri_agent_go_on(void);

/* The run can't be repeated, and why: the first reason stays. */
void sri_agent_environment(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* settings.c: fills the agent from its folder. 0 or -errno; what it reads was written by the command. */
int sri_agent_read_settings(struct sri_agent *agent);
int sri_agent_open_page(struct sri_agent *agent);
/* Memory that the command reads, in a new file of its folder whose name ends so: a process has one for each program that it
 * becomes. NULL with errno set. */
void *sri_agent_map_own(const struct sri_agent *agent, const char *kind, size_t size);
/* The policy as a knob of a tape, its lines one behind the other; nothing where it is too long. */
void sri_agent_policy_knob(const struct sri_agent *agent, char *knob, size_t size);

/* Takes its place in the engine, where the environment names a folder of the command's. Called when it is loaded. */
void sri_agent_begin(void);

/* The process is about to end: what is only in memory goes to the folder. Once. */
void sri_agent_finish(int status);

#endif
