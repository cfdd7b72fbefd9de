/*
 * Building, submitting and awaiting batches, judged (BATCH-1, BATCH-5 … BATCH-8).
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "oracle/model.h"

#include <string.h>

struct sri_lot *sri_model_lot(struct sri_model *model, const struct sr_batch_options *options)
{
    struct sri_lot *lot = NULL;
    for (uint32_t i = 0; lot == NULL && i < SRI_LOTS; i++)
        if (model->lots[i].stage == SRI_LOT_NONE)
            lot = &model->lots[i];
    if (lot == NULL)
        return NULL;
    memset(lot, 0, sizeof *lot);
    if (sr_batch_new_with(&lot->batch, options) != 0)
        return NULL;
    lot->model = model;
    sri_model_code(model, "/* A batch: what is done with it is not shown. */");
    lot->options = *options;
    lot->stage = SRI_LOT_BUILDING;
    return lot;
}

/* ---- Building ---- */

static struct sri_lot_member *note_member(struct sri_lot *lot, const struct sr_op_spec *spec, uint32_t index)
{
    struct sri_lot_member *member = &lot->members[lot->count];
    sri_judge(lot->model->verdict, SRI_RULE_BATCH_7, 0, index == lot->count,
              "the operation added as number %u has the index %u", lot->count, index);
    memset(member, 0, sizeof *member);
    member->opcode = spec->opcode;
    member->opcode_flags = spec->opcode_flags;
    member->fd = spec->target.number;
    member->begin = spec->range.begin;
    member->duration_ns = spec->duration_ns;
    member->inherits = member->heir = SRI_NO_MEMBER;
    if (spec->opcode == IORING_OP_OPENAT)
        memcpy(member->path, spec->argument, strlen(spec->argument) + 1);
    lot->count++;
    return member;
}

uint32_t sri_model_lot_add(struct sri_lot *lot, const struct sr_op_spec *spec, struct sri_held *held)
{
    uint32_t index = SRI_NO_MEMBER;
    if (lot->count == SRI_LOT_MEMBERS)
        return SRI_NO_MEMBER;
    int rc = held != NULL ? sr_batch_add(lot->batch, spec, &held->handle, &index)
                          : sr_batch_add_plain(lot->batch, spec, &index);
    struct sri_verdict *verdict = lot->model->verdict;
    if (rc != 0) {
        sri_judge(verdict, SRI_RULE_BUF_2, 0,
                  rc == -ENOMEM && (held == NULL || sr_buffer_is_user_owned(held->handle)),
                  "an operation was not added to a batch: %d", rc);
        return SRI_NO_MEMBER;
    }
    struct sri_lot_member *member = note_member(lot, spec, index);
    if (held == NULL)
        return index;
    struct sr_buffer *copy = held->copy;
    sri_judge(verdict, SRI_RULE_BATCH_6, 0, held->handle == NULL && !sr_buffer_is_user_owned(held->copy),
              "a buffer was given to a batch, and is the program's");
    rc = sr_buffer_release(&copy);
    sri_judge(verdict, SRI_RULE_BUF_4, 0, rc == SR_EBUFFER_IN_FLIGHT,
              "a batch's buffer was released by a copied pointer: %d", rc);
    held->handle = NULL;
    member->buffer = held;
    member->has_buffer = true;
    member->length = (uint32_t)(spec->range.given ? spec->range.length : held->size);
    return index;
}

uint32_t sri_model_lot_inherit(struct sri_lot *lot, const struct sr_op_spec *spec, uint32_t from)
{
    uint32_t index = SRI_NO_MEMBER;
    if (lot->count == SRI_LOT_MEMBERS || from >= lot->count)
        return SRI_NO_MEMBER;
    struct sri_lot_member *source = &lot->members[from];
    bool may = source->has_buffer && source->heir == SRI_NO_MEMBER;
    int rc = sr_batch_add_inheriting(lot->batch, spec, from, &index);
    sri_judge(lot->model->verdict, SRI_RULE_BATCH_8, 0, rc == (may ? 0 : -EINVAL) || rc == -ENOMEM,
              "an inheritance that %s be had was answered %d", may ? "can" : "can't", rc);
    if (rc != 0)
        return SRI_NO_MEMBER;
    struct sri_lot_member *member = note_member(lot, spec, index);
    member->inherits = from;
    member->has_buffer = true;
    member->waits_for = 1u << from;
    source->heir = index;
    return index;
}

/* Does it depend on the other, at any distance, by the books? */
static bool depends(const struct sri_lot *lot, uint32_t dependent, uint32_t dependency)
{
    uint32_t all = lot->members[dependent].waits_for;
    for (uint32_t before = 0; before != all;) {
        before = all;
        for (uint32_t i = 0; i < lot->count; i++)
            if ((all >> i & 1) != 0)
                all |= lot->members[i].waits_for;
    }
    return (all >> dependency & 1) != 0;
}

void sri_model_lot_depend(struct sri_lot *lot, uint32_t dependent, uint32_t dependency)
{
    int expected = 0;
    if (dependent >= lot->count || dependency >= lot->count)
        expected = -EINVAL;
    else if (dependent == dependency || depends(lot, dependency, dependent))
        expected = SR_ECYCLE;
    int rc = sr_batch_add_dependency(lot->batch, dependent, dependency);
    sri_judge(lot->model->verdict, SRI_RULE_BATCH_1, 0, rc == expected || (expected == 0 && rc == -ENOMEM),
              "a dependency of %u on %u of %u was answered %d, not %d", dependent, dependency, lot->count, rc,
              expected);
    if (rc == 0 && expected == 0)
        lot->members[dependent].waits_for |= 1u << dependency;
}

/* ---- Submitting ---- */

/* The books say that it runs before the call: the kernel may be given entries inside it. */
static void begin_run(struct sri_lot *lot)
{
    lot->stage = SRI_LOT_RUNNING;
    lot->fresh = true;
    if (lot->options.fail_fast) /* which cancels, and then slots are held by what the cancels owe */
        lot->model->tagged = true;
}

static int not_submitted(struct sri_lot *lot, int rc)
{
    lot->stage = SRI_LOT_BUILDING;
    int expected = lot->count == 0 ? SR_EBATCH_EMPTY : -ENOMEM;
    sri_judge(lot->model->verdict, lot->count == 0 ? SRI_RULE_BATCH_7 : SRI_RULE_BATCH_6, 0,
              rc == expected && lot->batch != NULL, "a batch of %u was refused with %d", lot->count, rc);
    sri_model_settle(lot->model);
    return rc;
}

int sri_model_lot_submit(struct sri_lot *lot)
{
    struct sri_model *model = lot->model;
    begin_run(lot);
    int rc = sr_batch_submit_standalone(model->ring, &lot->batch, &lot->future);
    sri_model_tell(model, "submit a batch of %u: %d", lot->count, rc);
    if (rc != 0)
        return not_submitted(lot, rc);
    sri_judge(model->verdict, SRI_RULE_BATCH_6, 0, lot->batch == NULL && lot->count > 0,
              "a batch of %u was submitted, and its handle was not taken", lot->count);
    sri_model_settle(model);
    return 0;
}

/* ---- Waiting ---- */

/* Nothing of it can be waited for: another's is still there, a batch's own is handed over once. */
static void judge_stale(struct sri_lot *lot, struct sr_batch_future copy)
{
    struct sr_batch_result again;
    int rc = sr_batch_poll(&copy, lot->model->ring, &again);
    sri_judge(lot->model->verdict, SRI_RULE_BATCH_5, 0, rc == SR_ESTALE,
              "a batch handed its result over twice: %d", rc);
}

void sri_lot_came(struct sri_lot *lot)
{
    lot->stage = SRI_LOT_HANDED;
    sri_lot_judge_result(lot);
}

/* A kernel that has found nothing to cancel so many times is believed. */
#define BELIEVED 8u

static void judge_unfinished(struct sri_lot *lot, int rc, bool waits)
{
    struct sri_model *model = lot->model;
    bool expected = rc == -EAGAIN || rc == -EBUSY || rc == SR_EQUEUE_FULL || (waits && rc == -EDEADLK) ||
                    rc == (waits ? -ETIME : SR_EOPERATION_PENDING);
    sri_judge(model->verdict, SRI_RULE_BATCH_5, 0, expected, "waiting for a batch was answered %d", rc);
    if (rc != -EDEADLK)
        return;
    bool failing = lot->given_up;
    uint64_t spared = 0;
    for (uint32_t i = 0; i < lot->count; i++) {
        const struct sri_lot_member *member = &lot->members[i];
        failing = failing ||
                  (lot->options.fail_fast && member->posted && !sri_member_is_well(member, member->result));
        if (member->consumed && !member->posted && !member->cancel_seen && member->asked < BELIEVED)
            spared = member->id;
    }
    sri_judge(model->verdict, SRI_RULE_BATCH_3, spared, !failing || spared == 0,
              "a batch was given up, and what runs of it is waited for in vain: it was not cancelled");
}

int sri_model_lot_await(struct sri_lot *lot, bool waits, uint64_t timeout_ns)
{
    struct sri_model *model = lot->model;
    struct sr_batch_future copy = lot->future;
    if (waits)
        sri_model_wait_begin(model);
    int rc = !waits ? sr_batch_poll(&lot->future, model->ring, &lot->result)
             : timeout_ns == SR_FOREVER
                 ? sr_batch_await(&lot->future, model->ring, &lot->result)
                 : sr_batch_await_timeout(&lot->future, model->ring, timeout_ns, &lot->result);
    sri_model_tell(model, "%s a batch: %d", waits ? "await" : "poll", rc);
    if (rc == 0) {
        sri_judge(model->verdict, SRI_RULE_BATCH_5, 0, lot->future.id == 0,
                  "a batch has handed its result over, and its future is left");
        judge_stale(lot, copy);
        sri_lot_came(lot);
    } else {
        judge_unfinished(lot, rc, waits);
    }
    if (waits)
        sri_model_wait_end(model);
    sri_model_settle(model);
    return rc;
}

int sri_model_lot_run(struct sri_lot *lot)
{
    struct sri_model *model = lot->model;
    if (lot->stage == SRI_LOT_BUILDING)
        begin_run(lot);
    sri_model_wait_begin(model);
    int rc = sr_batch_submit(model->ring, &lot->batch, &lot->result);
    sri_model_tell(model, "run a batch of %u: %d", lot->count, rc);
    bool refused = rc == SR_EBATCH_EMPTY || rc == -ENOMEM;
    if (rc == 0)
        sri_lot_came(lot);
    else if (!refused)
        judge_unfinished(lot, rc, true);
    else
        not_submitted(lot, rc);
    sri_model_wait_end(model);
    sri_model_settle(model);
    return rc;
}
