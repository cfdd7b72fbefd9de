/*
 * What a watched process and the command that started it share: a folder that the environment names, with one page of
 * counts per process, which outlives a crash, and one file of findings.
 */
#ifndef SRI_RUN_SHARED_H
#define SRI_RUN_SHARED_H

#include <stdint.h>

#include "fate/points.h"

/* The environment variable with the folder; in it "settings" and "policy", and of each process PID.N.page and PID.N.tape. */
#define SRI_RUN_VARIABLE "SAFER_RING_RUN"
#define SRI_RUN_SETTINGS "settings"
#define SRI_RUN_POLICY "policy"
#define SRI_RUN_SUPPRESSIONS "suppressions"
#define SRI_RUN_FINDINGS "findings"

/* The knob of a tape with the policy of its run, and what stands in it for a line's end. */
#define SRI_RUN_POLICY_KNOB "policy="
#define SRI_RUN_LINE_END '|'

#define SRI_RUN_MAGIC UINT64_C(0x31676e6972736672)
#define SRI_RUN_TEXT 200
#define SRI_RUN_PENDING 4096

/* The exit code of a program that is ended since it would wait for ever. */
#define SRI_RUN_EXIT_HANGS 124

struct sri_run_page {
    uint64_t magic;
    int32_t pid;
    int32_t parent;
    char program[64];
    uint64_t rings;
    uint64_t enters;
    uint64_t registers;
    uint64_t consumed;  /* SQEs */
    uint64_t completed; /* CQEs */
    uint64_t trapped;   /* system calls caught from below */
    uint64_t answers;   /* of others (sockets, pipes): entries put on the tape, or taken from it */
    uint32_t replayed;  /* … taken */
    uint64_t findings;
    uint64_t suppressed;
    uint64_t seed;
    uint64_t hash;
    uint64_t events;
    uint64_t fired[SRI_POINTS];
    uint64_t asked[SRI_FREEDOMS];
    uint32_t seeded;
    uint32_t finished; /* it came to its end by itself */
    char environment[SRI_RUN_TEXT];
    char pending[SRI_RUN_PENDING]; /* a finding, if the program ends in failure */
    char refused[SRI_RUN_TEXT];    /* the first thing asked for that is not simulated */
};

#endif
