/*
 * The steps of a watched process, for whoever draws them: a file of fixed records in the folder, mapped, so that it costs a
 * copy per step and outlives a crash. It is a ring: of a long program the last steps are kept.
 *
 * Addresses stand in it, to tell one buffer from another; nobody prints them.
 */
#ifndef SRI_RUN_STEPS_H
#define SRI_RUN_STEPS_H

#include <stdint.h>

#include "engine/observer.h"

#define SRI_RUN_STEPS UINT64_C(262144)
#define SRI_RUN_STEPS_MAGIC UINT64_C(0x73706574736e7572)
#define SRI_RUN_STEPS_END ".steps"

/* A step's kind: that of an event, or one of these. */
#define SRI_RUN_STEP_FAULT 100u   /* result = the fault point */
#define SRI_RUN_STEP_FINDING 101u /* its name; request = the operation it is about, or 0 */

struct sri_run_step {
    uint8_t kind;
    uint8_t lending;
    uint8_t opcode;
    uint8_t last;
    int32_t ring;
    uint32_t flags;
    uint32_t cq_ready;
    uint64_t request;
    int64_t result;
    uint64_t now_ns;
    union {
        struct {
            uint64_t user_data;
            uint64_t memory; /* of the first segment */
            uint32_t length;
            uint32_t sq_ready;
        } of;
        char name[24];
    } more;
};

struct sri_run_steps {
    uint64_t magic;
    uint64_t count; /* ever; number n is at n % SRI_RUN_STEPS */
    int64_t pid;
    char program[40];
    struct sri_run_step steps[SRI_RUN_STEPS];
};

/* steps.c, in the watched process: makes the file. 0 or -errno. */
struct sri_agent;
int sri_steps_open(const struct sri_agent *agent);
void sri_steps_event(const struct sri_event *event);
void sri_steps_fault(uint32_t point);
void sri_steps_finding(const char *name, uint64_t request);

#endif
