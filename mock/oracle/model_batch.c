/*
 * Building, submitting, awaiting and giving up batches, judged (BATCH-1, BATCH-5 … BATCH-8).
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

static void came(struct sri_lot *lot)
{
    lot->stage = SRI_LOT_HANDED;
    sri_lot_judge_result(lot);
}

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
        if (member->consumed && !member->posted && !member->cancel_seen)
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
        came(lot);
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
        came(lot);
    else if (!refused)
        judge_unfinished(lot, rc, true);
    else
        not_submitted(lot, rc);
    sri_model_wait_end(model);
    sri_model_settle(model);
    return rc;
}

/* ---- Giving up ---- */

void sri_model_lot_cancel(struct sri_lot *lot)
{
    struct sri_model *model = lot->model;
    int rc = sr_batch_cancel(model->ring, &lot->future);
    sri_model_tell(model, "cancel a batch: %d", rc);
    sri_judge(model->verdict, SRI_RULE_BATCH_3, 0, rc == 0 || rc == SR_EINVALID_STATE,
              "cancelling a batch that runs was answered %d", rc);
    model->tagged = true;
    lot->given_up = lot->given_up || rc == 0;
    sri_model_settle(model);
}

/* What the kernel has not ended becomes an orphan like any other; the rest is home at once (BATCH-6). */
static void orphan(const struct sri_lot *lot, struct sri_lot_member *member)
{
    struct sri_model *model = lot->model;
    struct sri_act *act = sri_model_new_act(model);
    if (act == NULL) {
        sri_violated(model->verdict, SRI_RULE_BATCH_6, member->id, "too many orphans to be watched");
        return;
    }
    act->id = member->id;
    act->opcode = member->opcode;
    act->fd = member->fd;
    act->begin = member->begin;
    act->length = member->length;
    act->buffer = member->buffer;
    act->consumed = true;
    act->cancelled = lot->given_up || lot->options.fail_fast;
    act->consumed_ns = member->consumed_ns;
    act->posted = member->posted;
    act->result = member->result;
    act->arrival = member->arrival;
    if (act->posted && act->opcode == IORING_OP_OPENAT && act->result >= 0 && act->result < SRI_MODEL_FDS)
        act->closes_due = model->opened[act->result];
    if (act->buffer != NULL)
        act->buffer->act = act;
    sri_model_enlist(model, act, SRI_HAND_DROPPED);
}

static bool is_home_now(const struct sri_model *model, const struct sri_lot_member *member)
{
    return !member->consumed || (member->posted && member->arrival <= model->reaped);
}

/* On a kernel that does not tell: orphans that are in nobody's books yet, as a panic lists them. */
static struct sr_panic_operation strangers[SRI_LOT_MEMBERS];
static uint32_t stranger_count;

static void learn_strangers(const struct sr_panic *panic, void *model)
{
    struct sr_panic_operation line;
    stranger_count = 0;
    for (uint32_t i = 0; sr_panic_at(panic, i, &line) && stranger_count < SRI_LOT_MEMBERS; i++)
        if (line.orphaned && sri_model_act(model, line.id) == NULL)
            strangers[stranger_count++] = line;
}

static bool is_stranger(const struct sri_model *model, const struct sri_lot_member *member,
                        const struct sr_panic_operation *line)
{
    bool no_fd = member->opcode == IORING_OP_NOP || member->opcode == IORING_OP_TIMEOUT;
    size_t size = member->buffer != NULL ? member->buffer->size : 0;
    bool kept = member->buffer == NULL || model->heap == NULL || !sri_model_is_home(model, member->buffer);
    return !member->consumed && kept && line->buffer_size == size && (no_fd || line->fd == member->fd) &&
           strcmp(line->kind, sri_model_kind_name(member->opcode)) == 0;
}

static void adopt_strangers(struct sri_lot *lot)
{
    struct sri_model *model = lot->model;
    stranger_count = 0;
    if (sr_ring_orphan_count(model->ring) > 0)
        sri_model_ask_the_panic(model, learn_strangers);
    for (uint32_t i = 0; i < stranger_count; i++) {
        uint32_t k = 0;
        while (k < lot->count && !is_stranger(model, &lot->members[k], &strangers[i]))
            k++;
        if (!sri_judge(model->verdict, SRI_RULE_BATCH_6, strangers[i].id, k < lot->count,
                       "an orphan of a dropped batch is none of its operations"))
            continue;
        lot->members[k].consumed = true;
        lot->members[k].id = strangers[i].id;
    }
}

/* Each buffer is home, or an orphan's. */
static void let_go(struct sri_lot *lot)
{
    struct sri_model *model = lot->model;
    lot->stage = SRI_LOT_NONE;
    if (!model->sees)
        adopt_strangers(lot);
    for (uint32_t i = 0; i < lot->count; i++) {
        struct sri_lot_member *member = &lot->members[i];
        if (!is_home_now(model, member))
            orphan(lot, member);
        else if (member->buffer != NULL)
            sri_model_home(model, member->buffer, SRI_RULE_BATCH_6, member->id);
        else
            sri_exercised(model->verdict, SRI_RULE_BATCH_6);
    }
}

void sri_model_lot_drop(struct sri_lot *lot)
{
    struct sri_model *model = lot->model;
    uint64_t enters = model->enters;
    struct sr_batch_future copy = lot->future;
    sri_model_tell(model, "drop a batch of %u", lot->count);
    model->tagged = model->tagged || model->config.cancel_on_drop;
    if (lot->batch != NULL) {
        int rc = sr_batch_free(&lot->batch);
        sri_judge(model->verdict, SRI_RULE_BATCH_6, 0, rc == 0, "a batch that runs was not freed: %d", rc);
    } else {
        sr_batch_drop(model->ring, &lot->future);
        struct sr_batch_result result;
        sri_judge(model->verdict, SRI_RULE_ORPH_1, 0, enters == model->enters,
                  "dropping a batch entered the kernel");
        int rc = sr_batch_poll(&copy, model->ring, &result);
        sri_judge(model->verdict, SRI_RULE_BATCH_6, 0, rc == SR_ESTALE && lot->future.id == 0,
                  "a batch was dropped, and its future is answered %d", rc);
    }
    sri_model_settle_inheritance(lot);
    let_go(lot);
    sri_model_settle(model);
}

void sri_model_lot_free(struct sri_lot *lot)
{
    struct sri_model *model = lot->model;
    int rc = sr_batch_free(&lot->batch);
    sri_judge(model->verdict, SRI_RULE_BATCH_6, 0, rc == 0 && lot->batch == NULL,
              "a batch that does not run was not freed: %d", rc);
    lot->stage = SRI_LOT_NONE;
    for (uint32_t i = 0; i < lot->count; i++)
        if (lot->members[i].buffer != NULL)
            sri_model_home(model, lot->members[i].buffer, SRI_RULE_BATCH_6, 0);
}

/* ---- Results ---- */

/* Who has each buffer: the heir of one that ended well, for as far as that goes (BATCH-8). */
void sri_model_settle_inheritance(struct sri_lot *lot)
{
    for (uint32_t i = 0; i < lot->count; i++) {
        struct sri_lot_member *member = &lot->members[i];
        bool well = member->posted && member->arrival <= lot->model->reaped &&
                    sri_member_is_well(member, member->result);
        if (!well || member->heir == SRI_NO_MEMBER || member->buffer == NULL)
            continue;
        lot->members[member->heir].buffer = member->buffer;
        member->buffer = NULL;
    }
}

static void take_entry(struct sri_lot *lot, uint32_t index, const struct sr_batch_entry *entry)
{
    struct sri_model *model = lot->model;
    struct sri_lot_member *member = &lot->members[index];
    struct sr_buffer *buffer = NULL;
    enum sri_rule rule = member->inherits != SRI_NO_MEMBER || member->heir != SRI_NO_MEMBER ? SRI_RULE_BATCH_8
                                                                                            : SRI_RULE_BUF_5;
    int32_t result = sr_batch_result_take(&lot->result, index, &buffer);
    sri_judge(model->verdict, SRI_RULE_BATCH_7, member->id, result == entry->result,
              "an entry says %d, and taking it returned %d", entry->result, result);
    sri_judge(model->verdict, rule, member->id,
              buffer == (member->buffer != NULL ? member->buffer->copy : NULL),
              "entry %u did not give back the buffer that is its own", index);
    if (member->buffer != NULL && buffer != NULL) {
        sri_judge(model->verdict, SRI_RULE_BUF_1, member->id, sr_buffer_is_user_owned(buffer),
                  "a buffer that was taken from a batch is not the program's");
        member->buffer->handle = buffer;
        member->buffer = NULL;
    }
    result = sr_batch_result_take(&lot->result, index, &buffer);
    sri_judge(model->verdict, SRI_RULE_BATCH_7, member->id, result == SR_ESTALE && buffer == NULL,
              "an entry was taken twice: %d", result);
}

/* By the entries: on a kernel that does not tell, they are all that is known. */
static void inherit_by_entries(struct sri_lot *lot, const struct sr_batch_entry entries[])
{
    for (uint32_t i = 0; i < lot->count; i++) {
        struct sri_lot_member *member = &lot->members[i];
        if (entries[i].outcome != SR_BATCH_SUCCEEDED || member->heir == SRI_NO_MEMBER ||
            member->buffer == NULL)
            continue;
        lot->members[member->heir].buffer = member->buffer;
        member->buffer = NULL;
    }
}

void sri_model_lot_end(struct sri_lot *lot, bool takes)
{
    struct sri_model *model = lot->model;
    struct sr_batch_entry entries[SRI_LOT_MEMBERS];
    struct sr_batch_result copy = lot->result;
    for (uint32_t i = 0; i < lot->count; i++)
        if (sr_batch_result_at(&lot->result, i, &entries[i]) != 0)
            return; /* judged when it came */
    inherit_by_entries(lot, entries);
    for (uint32_t i = 0; takes && i < lot->count; i++)
        if (lot->members[i].opcode != IORING_OP_OPENAT)
            take_entry(lot, i, &entries[i]);
    sr_batch_result_fini(&lot->result);
    lot->stage = SRI_LOT_NONE;
    for (uint32_t i = 0; i < lot->count; i++) {
        const struct sri_lot_member *member = &lot->members[i];
        bool made = member->opcode == IORING_OP_OPENAT && entries[i].result >= 0;
        if (made && model->sees && entries[i].result < SRI_MODEL_FDS)
            sri_judge(model->verdict, SRI_RULE_ORPH_4, member->id,
                      model->closed[entries[i].result] == model->opened[entries[i].result],
                      "a result was ended, and descriptor %d of an entry is open", entries[i].result);
        if (member->buffer != NULL)
            sri_model_home(model, member->buffer, SRI_RULE_BATCH_7, member->id);
    }
    struct sr_buffer *buffer = NULL;
    int32_t rc = sr_batch_result_take(&copy, 0, &buffer);
    sri_judge(model->verdict, SRI_RULE_BATCH_7, 0, rc == SR_ESTALE && buffer == NULL,
              "an ended result can be taken from: %d", rc);
    sri_model_settle(model);
}

/* ---- Draining ---- */

/* One whose handle the program has can only be asked by letting go of it: true, it was gone. */
static bool let_go_by_handle(struct sri_lot *lot)
{
    struct sri_model *model = lot->model;
    uint32_t flying = sr_ring_in_flight(model->ring);
    uint32_t orphans = sr_ring_orphan_count(model->ring);
    int rc = sr_batch_free(&lot->batch);
    sri_judge(model->verdict, SRI_RULE_BATCH_6, 0, rc == 0 && lot->batch == NULL,
              "the handle of a batch was not freed: %d", rc);
    if (flying == sr_ring_in_flight(model->ring) && orphans == sr_ring_orphan_count(model->ring))
        return true;
    sri_model_settle_inheritance(lot);
    let_go(lot);
    return false;
}

/* The look enters the kernel, and may find it ended. */
static int look_again(struct sri_lot *lot)
{
    int rc = sr_batch_poll(&lot->future, lot->model->ring, &lot->result);
    if (rc == 0)
        came(lot);
    return rc;
}

/* Those that had ended, or came to their end, were disposed of, and so were results in hand; others run on. */
void sri_model_lots_drained(struct sri_model *model)
{
    for (uint32_t i = 0; i < SRI_LOTS; i++) {
        struct sri_lot *lot = &model->lots[i];
        struct sr_batch_entry entry;
        bool gone = lot->stage == SRI_LOT_HANDED && sr_batch_result_at(&lot->result, 0, &entry) == SR_ESTALE;
        if (lot->stage == SRI_LOT_RUNNING && lot->batch != NULL)
            gone = let_go_by_handle(lot);
        else if (lot->stage == SRI_LOT_RUNNING)
            gone = look_again(lot) == SR_ESTALE;
        if (!gone)
            continue;
        lot->stage = SRI_LOT_NONE;
        for (uint32_t k = 0; k < lot->count; k++) {
            lot->members[k].posted = true;
            if (lot->members[k].buffer != NULL)
                sri_model_home(model, lot->members[k].buffer, SRI_RULE_RING_4, lot->members[k].id);
        }
    }
}
