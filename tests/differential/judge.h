/*
 * The verdict on a program: what it shows on each kernel, and all that it may show.
 *
 * The true kernel must show one of the engine's outcomes, word by word. So must the engine over the host, but for the order
 * of CQEs and the moment they are seen: it learns of readiness by epoll and does in workers what may block.
 */
#ifndef TESTS_DIFFERENTIAL_JUDGE_H
#define TESTS_DIFFERENTIAL_JUDGE_H

#include "freedom.h"
#include "play.h"

enum {
    DF_SET = 4096
};

struct df_judge {
    struct df_stage uring;
    struct df_stage engine;
    struct df_stage sim;
    struct sri_branch branch;
    enum df_reach reach;
    uint32_t bound; /* runs of the engine per program at most */
};

enum df_verdict {
    DF_SAME,      /* one outcome only, and every kernel showed it */
    DF_IN_SET,    /* several, and every kernel showed one of them */
    DF_UNBOUNDED, /* the set could not be exhausted; what was seen is in it */
    DF_OPEN,      /* the set could not be exhausted, and a kernel showed what is not in it so far */
    DF_LATE,      /* the machine was too slow for the program's timeouts, again and again */
    DF_HELD_UP,   /* a worker that was putting a request away held back what others had to do (judge.c) */
    DF_DIFFERS,
    DF_VERDICTS
};

extern const char df_the_kernel[];
extern const char df_the_host[];

struct df_case {
    struct df_program program;
    struct df_plan plan;
    enum df_verdict verdict;
    const char *who;   /* DF_DIFFERS, DF_OPEN: "the true kernel" or "the engine over the host" */
    uint32_t set;      /* outcomes that differ */
    uint32_t runs;     /* of the engine, to find them */
    bool host_order;   /* the engine over the host kept an order of the set too, which is not asked of it */
    uint32_t repeated; /* runs that were late and made again */
    struct df_outcome kind; /* of the simulated kernel */
    struct df_outcome real;
    struct df_outcome host;
};

/* 0, or -errno with `*name` the kernel that can't be had. */
int df_judge_open(struct df_judge *judge, const char *folder, const char **name);
void df_judge_close(struct df_judge *judge);

void df_judge_program(struct df_judge *judge, struct df_case *one, struct sri_tape *tape);

#endif
