/*
 * Keeping the steps of a watched process (steps.h). Nothing where nobody asked for them.
 */
#include "run/steps.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "run/agent.h"

static struct sri_run_steps *kept;

int sri_steps_open(const struct sri_agent *agent)
{
    /* A child's are its own. */
    kept = sri_agent_map_own(agent, SRI_RUN_STEPS_END, sizeof *kept);
    if (kept == NULL)
        return -errno;
    kept->magic = SRI_RUN_STEPS_MAGIC;
    kept->pid = getpid();
    snprintf(kept->program, sizeof kept->program, "%.39s", agent->page->program);
    return 0;
}

/* Findings come from any thread. */
static struct sri_run_step *next(void)
{
    return &kept->steps[__atomic_fetch_add(&kept->count, 1, __ATOMIC_RELAXED) % SRI_RUN_STEPS];
}

void sri_steps_event(const struct sri_event *event)
{
    if (kept == NULL)
        return;
    bool lends = event->segment_count > 0 && event->segments != NULL;
    uint64_t length = lends ? event->segments[0].iov_len : 0;
    *next() = (struct sri_run_step){
        .kind = (uint8_t)event->kind,
        .lending = (uint8_t)event->lending,
        .opcode = event->opcode,
        .last = event->last,
        .ring = event->ring,
        .flags = event->flags,
        .cq_ready = event->cq_ready,
        .request = event->request,
        .result = event->result,
        .now_ns = event->now_ns,
        .more.of = {.user_data = event->user_data,
                    .memory = lends ? (uintptr_t)event->segments[0].iov_base : 0,
                    .length = length < UINT32_MAX ? (uint32_t)length : UINT32_MAX,
                    .sq_ready = event->sq_ready},
    };
}

void sri_steps_fault(uint32_t point)
{
    if (kept != NULL)
        *next() = (struct sri_run_step){.kind = SRI_RUN_STEP_FAULT, .result = point};
}

void sri_steps_finding(const char *name, uint64_t request)
{
    if (kept == NULL)
        return;
    struct sri_run_step step = {.kind = SRI_RUN_STEP_FINDING, .request = request};
    snprintf(step.more.name, sizeof step.more.name, "%s", name);
    *next() = step;
}
