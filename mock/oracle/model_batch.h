/*
 * Batches, as the program knows them: what depends on what, what each may answer, who has each buffer. As model.h.
 */
#ifndef SRI_ORACLE_MODEL_BATCH_H
#define SRI_ORACLE_MODEL_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/observer.h"
#include "safer_ring/batch.h"

#define SRI_LOTS 8
#define SRI_LOT_MEMBERS 12
#define SRI_LOT_PATH 300
#define SRI_NO_MEMBER UINT32_MAX

struct sri_model;
struct sri_held;

struct sri_lot_member {
    uint8_t opcode;
    uint32_t opcode_flags;
    int fd;
    size_t begin;
    uint32_t length; /* asked for; of an heir, once it is known */
    uint64_t duration_ns;
    struct sri_held *buffer; /* that is to come back with this entry, as far as things have come */
    uint32_t inherits;       /* from this one, or SRI_NO_MEMBER */
    uint32_t heir;
    uint32_t waits_for; /* a set of members: those it was said to depend on */
    bool has_buffer;
    bool consumed;
    bool committed;
    bool posted;
    bool cancel_seen;
    uint32_t asked; /* cancels that the kernel was given for it, whatever it found */
    uint64_t id;    /* by the kernel's event */
    uint64_t consumed_ns;
    int32_t result;
    uint64_t arrival;
    char path[SRI_LOT_PATH];
};

enum sri_lot_stage {
    SRI_LOT_NONE,
    SRI_LOT_BUILDING,
    SRI_LOT_RUNNING,
    SRI_LOT_HANDED, /* the program holds the result */
};

struct sri_lot {
    struct sri_model *model;
    enum sri_lot_stage stage;
    struct sr_batch *batch; /* building, or running by its handle */
    struct sr_batch_future future;
    struct sr_batch_result result;
    struct sr_batch_options options;
    uint32_t count;
    bool given_up; /* the program asked for its end */
    bool fresh;    /* no enter since it was submitted */
    struct sri_lot_member members[SRI_LOT_MEMBERS];
};

/* ---- model_lot.c: what the kernel tells of members, and what the books say ---- */

void sri_lot_event(struct sri_model *model, const struct sri_event *event);
/* For the order of entries: was the one before a member, behind which another may be linked? */
bool sri_lot_chains(void *model, uint64_t before);
struct sri_lot_member *sri_lot_member(struct sri_model *model, uint64_t id, struct sri_lot **lot);
/* Operations of all that count as in flight, those the kernel has not ended. */
uint32_t sri_lots_in_flight(const struct sri_model *model);
uint32_t sri_lots_under_way(const struct sri_model *model);
uint32_t sri_lots_in(const struct sri_model *model, enum sri_lot_stage stage);
/* The n-th in a stage, counted around; NULL. */
struct sri_lot *sri_lot_pick(struct sri_model *model, enum sri_lot_stage stage, uint32_t n);
/* Ended well, by the rule (BATCH-2). */
bool sri_member_is_well(const struct sri_lot_member *member, int32_t result);
/* Judges a result that was handed over, without taking anything of it (BATCH-2, BATCH-3, BATCH-7). */
void sri_lot_judge_result(struct sri_lot *lot);

/* ---- model_batch.c: the program's calls ---- */

/* NULL when there is no memory (a fault) or too many. */
struct sri_lot *sri_model_lot(struct sri_model *model, const struct sr_batch_options *options);
/* Adds one: with a buffer, without (held NULL), or inheriting. Its index, or SRI_NO_MEMBER when that failed. */
uint32_t sri_model_lot_add(struct sri_lot *lot, const struct sr_op_spec *spec, struct sri_held *held);
uint32_t sri_model_lot_inherit(struct sri_lot *lot, const struct sr_op_spec *spec, uint32_t from);
/* Says a dependency, right or wrong; judged against a walk of the books (BATCH-1). */
void sri_model_lot_depend(struct sri_lot *lot, uint32_t dependent, uint32_t dependency);
/* 0: it runs. An empty one is refused (BATCH-7). */
int sri_model_lot_submit(struct sri_lot *lot);
/* 0: its result is in hand. `waits` false: a poll. */
int sri_model_lot_await(struct sri_lot *lot, bool waits, uint64_t timeout_ns);
/* As both in one, by the handle. */
int sri_model_lot_run(struct sri_lot *lot);
/* Its result was handed over. */
void sri_lot_came(struct sri_lot *lot);

/* ---- model_batch_end.c: giving up, results, draining ---- */

void sri_model_lot_cancel(struct sri_lot *lot);
void sri_model_lot_drop(struct sri_lot *lot);
/* Moves each buffer in the books to who inherits it by now. */
void sri_model_settle_inheritance(struct sri_lot *lot);
/* A result in hand: takes what `keep` says of its buffers, and ends it. */
void sri_model_lot_end(struct sri_lot *lot, bool takes);
/* One that is being built. */
void sri_model_lot_free(struct sri_lot *lot);
/* After a drain: those that were disposed of are stale. */
void sri_model_lots_drained(struct sri_model *model);

#endif
