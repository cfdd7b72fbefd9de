/*
 * One run: a tape in, a verdict out. Everything a run needs is made once (the rig) and used again, so that memory does not
 * grow with the number of runs.
 */
#ifndef SRI_EXPLORE_RUN_H
#define SRI_EXPLORE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"
#include "explore/stage.h"
#include "explore/timeline.h"
#include "fate/adversary.h"
#include "fate/points.h"
#include "fate/tape.h"
#include "oracle/owed.h"

struct sri_picture;
struct sri_program;

/* A kernel that is not simulated: made by whoever may see it. */
struct sri_kernel {
    const char *name;
    struct sr_backend backend;
    struct sri_engine *engine; /* NULL: its events can't be seen */
};

struct sri_rig {
    struct sri_heap *heap;
    struct sri_watch *watch;
    struct sri_model *model;
    struct sri_verdict *verdict;
    struct sri_verdict own_verdict;
    struct sri_tap tap;
    struct sr_sim *sim;
    struct sri_kernel kernel; /* backend.vtable NULL: the simulated one */
    struct sri_host_env host;
    struct sri_env env;
    struct sri_tape tape; /* of a run that is not simulated */
    struct sri_timeline *timeline;
    struct sri_picture *picture;
    struct sri_program *program; /* simulated kernel only */
    uint8_t *body;               /* a copy of the last run's, for running it again */
    size_t body_size;
    size_t body_capacity;
    uint64_t runs;
};

/* What is run. With `by_body` the choices are those of `body`, else they are drawn from the seed. */
struct sri_run {
    const struct sri_scenario *scenario;
    uint64_t seed;
    const uint8_t *body;
    size_t size;
    bool by_body;
    bool kind; /* every choice 0 */

    /* One thing that fails, the nth of its kind, once or from there on; the scenario's choices are the seed's. */
    const struct sri_driver *driver; /* of the simulated kernel's choices; NULL: as above */
    enum sri_luck luck;              /* below the driver: quiet, or (SRI_LUCK_DRIVEN) as the seed has it */
    uint64_t allocation;             /* of the library; 0 none */
    uint64_t call;                   /* of the kernel; 0 none */
    bool sticky;
};

struct sri_outcome {
    const struct sri_verdict *verdict;
    const struct sri_points *points; /* NULL: the kernel has none */
    uint64_t hash;                   /* of the trace; 0: not repeatable */
};

/*
 * Puts the campaign's allocator under the library of this process and makes the rest. `kernel` NULL: the simulated one.
 * `folder`: where host files go. `verdict`: where runs are judged, so that it outlives this process; NULL: in the rig. -ENOMEM and the like.
 */
int sri_rig_new(struct sri_rig **out, const struct sri_kernel *kernel, const char *folder,
                struct sri_verdict *verdict);
void sri_rig_free(struct sri_rig **rig);

struct sri_outcome sri_rig_run(struct sri_rig *rig, const struct sri_run *run);

/* Copies the last run's body to rig->body. */
int sri_rig_keep_body(struct sri_rig *rig);

#endif
