/*
 * A campaign: seeds × scenarios × backends, in workers of their own, so that a run that dies is a finding and not the end.
 */
#ifndef SRI_EXPLORE_CAMPAIGN_H
#define SRI_EXPLORE_CAMPAIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "explore/driver.h"
#include "explore/tally.h"

#define SRI_BACKENDS_MAX 3
#define SRI_SCENARIOS_MAX 16
#define SRI_JOBS_MAX 64

/* One kernel to run on. `make` is called in the worker. */
struct sri_backend_choice {
    const char *name;
    bool simulated;
    int (*make)(struct sri_kernel *kernel); /* 0 or -errno; NULL when simulated */
    void (*release)(struct sri_kernel *kernel);
};

struct sri_campaign {
    const struct sri_scenario *scenarios[SRI_SCENARIOS_MAX];
    uint32_t scenario_count;
    struct sri_backend_choice backends[SRI_BACKENDS_MAX];
    uint32_t backend_count;
    uint64_t first;
    uint64_t seeds;
    uint32_t shard; /* of `shards`, each of which takes every shards-th seed; 0 of 0: all */
    uint32_t shards;
    enum sri_driving driving;
    uint64_t
        operations; /* the campaign is over when so many were made, whatever the seeds; 0: by seeds alone */
    bool kind;      /* one run of each, every choice 0 */
    uint32_t jobs;
    const char *tape_dir; /* NULL: no tapes are written */
    const char *folder;   /* for host files */
    /* Called now and then in this process; may be NULL. */
    void (*progress)(void *user, uint64_t done, uint64_t all, bool broken);
    void *progress_user;
    /* Asked between two runs, in workers too: no further one is to begin. May be NULL. */
    bool (*stopped)(void);
    struct sri_rest *rest; /* what a stopped campaign has not run; may be NULL */
};

/* From `seed` on (an offset to `first`) of this backend on, nothing may be taken for run; of what was run some is behind it. */
struct sri_rest {
    bool any;
    uint32_t backend;
    uint64_t seed;
    uint64_t operations; /* that were made */
};

/* 0, or -errno when no worker can be had. What was found is in the tally. */
int sri_campaign_run(const struct sri_campaign *campaign, struct sri_tally *tally);

/* The container's knobs say how a tape's run is made again. */
#define SRI_KNOB_KIND "kind=1\n"
#define SRI_KNOB_SEED "choices=seed\n"

/* Writes the tape of a run; `body` NULL: its seed only. 0 or -errno, with the file's name in `path`. */
int sri_campaign_write_tape(const struct sri_campaign *campaign, const struct sri_run *run,
                            const char *backend, const uint8_t *body, size_t size, char *path,
                            size_t path_size);

#endif
