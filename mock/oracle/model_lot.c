/*
 * Batches by what the kernel tells: which entry is which member, that none starts before its time (BATCH-2, BATCH-3), how many
 * go at once (BATCH-4), that an heir works on what was moved (BATCH-8); and the judgement of a result.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "oracle/model.h"

#include <string.h>

/* ---- The books ---- */

uint32_t sri_lots_in(const struct sri_model *model, enum sri_lot_stage stage)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SRI_LOTS; i++)
        count += model->lots[i].stage == stage;
    return count;
}

struct sri_lot *sri_lot_pick(struct sri_model *model, enum sri_lot_stage stage, uint32_t n)
{
    uint32_t count = sri_lots_in(model, stage);
    if (count == 0)
        return NULL;
    n %= count;
    for (uint32_t i = 0; i < SRI_LOTS; i++)
        if (model->lots[i].stage == stage && n-- == 0)
            return &model->lots[i];
    return NULL;
}

uint32_t sri_lots_in_flight(const struct sri_model *model)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SRI_LOTS; i++)
        if (model->lots[i].stage >= SRI_LOT_RUNNING)
            count += model->lots[i].count;
    return count;
}

uint32_t sri_lots_under_way(const struct sri_model *model)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SRI_LOTS; i++)
        for (uint32_t k = 0; model->lots[i].stage == SRI_LOT_RUNNING && k < model->lots[i].count; k++)
            count += model->lots[i].members[k].consumed && !model->lots[i].members[k].posted;
    return count;
}

struct sri_lot_member *sri_lot_member(struct sri_model *model, uint64_t id, struct sri_lot **lot)
{
    for (uint32_t i = 0; id != 0 && i < SRI_LOTS; i++) {
        *lot = &model->lots[i];
        for (uint32_t k = 0; (*lot)->stage >= SRI_LOT_RUNNING && k < (*lot)->count; k++)
            if ((*lot)->members[k].id == id)
                return &(*lot)->members[k];
    }
    return NULL;
}

bool sri_lot_chains(void *user, uint64_t before)
{
    struct sri_lot *lot;
    return sri_lot_member(user, before, &lot) != NULL;
}

bool sri_member_is_well(const struct sri_lot_member *member, int32_t result)
{
    bool whole = member->opcode == IORING_OP_READ || member->opcode == IORING_OP_WRITE ||
                 ((member->opcode == IORING_OP_SEND || member->opcode == IORING_OP_RECV) &&
                  (member->opcode_flags & MSG_WAITALL) != 0);
    return result >= 0 && (!whole || (uint32_t)result >= member->length);
}

/* Does the set of all it waits for have one that the kernel has not ended well? `but`: this one is not looked at. */
static bool waits(const struct sri_lot *lot, const struct sri_lot_member *member, uint32_t but)
{
    for (uint32_t i = 0; i < lot->count; i++) {
        const struct sri_lot_member *other = &lot->members[i];
        if ((member->waits_for >> i & 1) != 0 && i != but &&
            !(other->posted && sri_member_is_well(other, other->result)))
            return true;
    }
    return false;
}

/* ---- Which member an entry is ---- */

/* Where an heir's bytes are, and how many: as the one before it moved. */
static struct sri_lot_member *learn_heir(struct sri_lot *lot, struct sri_lot_member *member)
{
    struct sri_lot_member *from = &lot->members[member->inherits];
    member->begin = from->begin;
    member->length = from->posted && from->result > 0 ? (uint32_t)from->result : 0;
    return from;
}

static bool matches(struct sri_lot *lot, struct sri_lot_member *member, const struct io_uring_sqe *sqe)
{
    if (member->consumed || member->opcode != sqe->opcode)
        return false;
    const struct sri_held *buffer = member->buffer;
    if (member->inherits != SRI_NO_MEMBER)
        buffer = learn_heir(lot, member)->buffer;
    if (member->has_buffer)
        return buffer != NULL && buffer->bytes != NULL &&
               sqe->addr == (uintptr_t)(buffer->bytes + member->begin);
    if (sqe->opcode == IORING_OP_OPENAT)
        return strncmp((const char *)(uintptr_t)sqe->addr, member->path, SRI_LOT_PATH) == 0;
    if (sqe->opcode == IORING_OP_TIMEOUT) {
        struct __kernel_timespec time;
        memcpy(&time, (const void *)(uintptr_t)sqe->addr, sizeof time);
        return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec == member->duration_ns;
    }
    return sqe->opcode == IORING_OP_NOP || sqe->fd == member->fd;
}

/* May it start now, or as the next of a chain? */
static bool may_start(struct sri_model *model, const struct sri_lot *lot, const struct sri_lot_member *member)
{
    struct sri_lot *other;
    const struct sri_lot_member *before = sri_lot_member(model, model->chained, &other);
    if (before == NULL)
        return !waits(lot, member, SRI_NO_MEMBER);
    uint32_t index = (uint32_t)(before - other->members);
    return other == lot && (member->waits_for >> index & 1) != 0 && !waits(lot, member, index);
}

/* Of several that look alike one that may start. */
static struct sri_lot_member *recognise(struct sri_model *model, const struct io_uring_sqe *sqe,
                                        struct sri_lot **its)
{
    struct sri_lot_member *found = NULL;
    for (uint32_t i = 0; i < SRI_LOTS; i++) {
        struct sri_lot *lot = &model->lots[i];
        for (uint32_t k = 0; lot->stage == SRI_LOT_RUNNING && k < lot->count; k++) {
            if (!matches(lot, &lot->members[k], sqe))
                continue;
            bool may = may_start(model, lot, &lot->members[k]);
            if (found != NULL && !may)
                continue;
            found = &lot->members[k];
            *its = lot;
            if (may)
                return found;
        }
    }
    return found;
}

/* ---- Events ---- */

static void judge_link(struct sri_model *model, const struct sri_lot *lot,
                       const struct sri_lot_member *member)
{
    sri_judge(model->verdict, SRI_RULE_BATCH_2, member->id, may_start(model, lot, member),
              "an entry is linked behind an operation that is not all it waits for");
}

/* A failure that the library knows of: nothing of a fail-fast batch starts any more. */
static bool has_failed(const struct sri_model *model, const struct sri_lot *lot)
{
    for (uint32_t i = 0; lot->options.fail_fast && i < lot->count; i++) {
        const struct sri_lot_member *member = &lot->members[i];
        if (member->posted && member->arrival <= model->reaped && !sri_member_is_well(member, member->result))
            return true;
    }
    return false;
}

static void member_consumed(struct sri_model *model, struct sri_lot *lot, struct sri_lot_member *member,
                            const struct sri_event *event)
{
    member->consumed = true;
    member->id = event->user_data;
    member->consumed_ns = event->now_ns;
    model->requests++;
    if (model->chained != 0)
        judge_link(model, lot, member);
    else if (member->waits_for != 0)
        sri_judge(model->verdict, SRI_RULE_BATCH_2, member->id, !waits(lot, member, SRI_NO_MEMBER),
                  "the kernel was given an operation before all it depends on had ended well");
    sri_judge(model->verdict, SRI_RULE_BATCH_3, member->id, !lot->given_up && !has_failed(model, lot),
              "the kernel was given an operation of a batch that was given up");
    if (member->inherits != SRI_NO_MEMBER) {
        struct sri_lot_member *from = learn_heir(lot, member);
        member->buffer = from->buffer;
        from->buffer = NULL;
        sri_judge(model->verdict, SRI_RULE_BATCH_8, member->id, event->sqe->len == member->length,
                  "an heir works on %u bytes, and %u were moved", event->sqe->len, member->length);
    }
    if (member->opcode == IORING_OP_OPENAT)
        sri_judge(model->verdict, SRI_RULE_ARG_1, member->id,
                  strcmp((const char *)(uintptr_t)event->sqe->addr, member->path) == 0,
                  "the path of an operation in a batch is not what it was given");
}

static void note_asked(struct sri_model *model, const struct io_uring_sqe *sqe)
{
    struct sri_lot *lot;
    struct sri_lot_member *target =
        sqe->opcode == IORING_OP_ASYNC_CANCEL ? sri_lot_member(model, sqe->addr, &lot) : NULL;
    if (target != NULL)
        target->asked++;
}

static void consumed(struct sri_model *model, const struct sri_event *event)
{
    struct sri_lot *lot = NULL;
    struct sri_lot_member *member = NULL;
    if (event->sqe != NULL)
        note_asked(model, event->sqe);
    bool known = sri_model_act(model, event->user_data) != NULL || event->sqe == NULL;
    if (!known)
        member = recognise(model, event->sqe, &lot);
    if (member != NULL)
        member_consumed(model, lot, member, event);
    else if (model->chained != 0 && sri_lot_chains(model, model->chained))
        sri_violated(model->verdict, SRI_RULE_BATCH_2, event->user_data,
                     "an entry is linked behind an operation of a batch that it is no part of");
    model->chained = event->sqe != NULL && (event->sqe->flags & IOSQE_IO_LINK) != 0 ? event->user_data : 0;
}

static void committed(struct sri_model *model, const struct sri_event *event)
{
    struct sri_lot *lot;
    struct sri_lot_member *member = sri_lot_member(model, event->user_data, &lot);
    if (member == NULL)
        return;
    member->committed = true;
    if (member->waits_for != 0)
        sri_judge(model->verdict, SRI_RULE_BATCH_2, member->id, !waits(lot, member, SRI_NO_MEMBER),
                  "an operation had its effect before all it depends on had ended well");
}

static void completed(struct sri_model *model, const struct sri_event *event)
{
    struct sri_lot *lot;
    struct sri_lot_member *member = sri_lot_member(model, event->user_data, &lot);
    if (member == NULL || !event->last || member->posted)
        return;
    model->requests--;
    member->posted = true;
    member->result = (int32_t)event->result;
    member->arrival = model->arrivals;
}

static void cancelling(struct sri_model *model, const struct sri_event *event)
{
    struct sri_lot *lot;
    struct sri_lot_member *member = sri_lot_member(model, event->user_data, &lot);
    if (member != NULL)
        member->cancel_seen = true;
}

/* Room is made for the whole of a chain, with what is queued before it: then it is not known what goes together. */
static bool has_chains(const struct sri_model *model)
{
    for (uint32_t i = 0; i < SRI_LOTS; i++)
        for (uint32_t k = 0; model->lots[i].stage == SRI_LOT_RUNNING && k < model->lots[i].count; k++)
            if (model->lots[i].members[k].waits_for != 0 && !model->lots[i].members[k].consumed)
                return true;
    return false;
}

/* All that is independent is offered at once, as far as there is room in the SQ and among the slots (BATCH-4). */
static void judge_together(struct sri_model *model, struct sri_lot *lot, uint32_t asked)
{
    uint32_t ready = 0;
    if (asked == 0) /* only a look, after the kernel refused one that the engine never saw */
        return;
    lot->fresh = false;
    for (uint32_t i = 0; i < lot->count; i++)
        ready += lot->members[i].waits_for == 0 && !lot->members[i].consumed;
    uint32_t in_flight[2];
    uint32_t orphans[2];
    sri_model_bounds(model, in_flight, orphans);
    uint32_t slots = model->max_in_flight > in_flight[1] ? model->max_in_flight - in_flight[1] : 0;
    if (model->tagged || slots == 0 || ready < 2 || has_chains(model))
        return;
    uint32_t least = ready < model->sq_entries ? ready : model->sq_entries;
    sri_judge(model->verdict, SRI_RULE_BATCH_4, 0, asked >= (least < slots ? least : slots),
              "%u independent operations of a batch, and %u entries in the submission", ready, asked);
}

static void entered(struct sri_model *model, const struct sri_event *event)
{
    model->chained = 0;
    for (uint32_t i = 0; i < SRI_LOTS; i++)
        if (model->lots[i].stage == SRI_LOT_RUNNING && model->lots[i].fresh)
            judge_together(model, &model->lots[i], event->result > 0 ? (uint32_t)event->result : 0);
}

void sri_lot_event(struct sri_model *model, const struct sri_event *event)
{
    if (event->kind == SRI_EVENT_ENTER)
        entered(model, event);
    else if (event->kind == SRI_EVENT_CONSUMED)
        consumed(model, event);
    else if (event->kind == SRI_EVENT_COMMITTED)
        committed(model, event);
    else if (event->kind == SRI_EVENT_COMPLETED)
        completed(model, event);
    else if (event->kind == SRI_EVENT_CANCELLING)
        cancelling(model, event);
}

/* ---- A result ---- */

/* What the kernel told of it agrees with what the entry says. */
static void judge_told(const struct sri_lot *lot, const struct sri_lot_member *member,
                       const struct sr_batch_entry *entry)
{
    struct sri_verdict *verdict = lot->model->verdict;
    if (member->consumed) {
        sri_judge(verdict, SRI_RULE_BATCH_3, member->id, member->posted,
                  "a batch has ended, and the kernel has not ended one of its operations");
        sri_judge(verdict, SRI_RULE_BATCH_5, member->id, entry->result == member->result,
                  "the kernel's result is %d, and the entry says %d", member->result, entry->result);
    } else {
        sri_judge(verdict, SRI_RULE_BATCH_3, 0, entry->outcome == SR_BATCH_CANCELLED,
                  "an operation that the kernel never saw is not cancelled: %d", entry->result);
    }
}

static void judge_entry(const struct sri_lot *lot, uint32_t index, const struct sr_batch_entry entries[])
{
    struct sri_verdict *verdict = lot->model->verdict;
    const struct sri_lot_member *member = &lot->members[index];
    const struct sr_batch_entry *entry = &entries[index];
    bool free_to_go = true;
    bool failing = lot->given_up;
    for (uint32_t i = 0; i < lot->count; i++) {
        if ((member->waits_for >> i & 1) != 0 && entries[i].outcome != SR_BATCH_SUCCEEDED)
            free_to_go = false;
        if (lot->options.fail_fast && entries[i].outcome == SR_BATCH_FAILED)
            failing = true;
    }
    if (lot->model->sees)
        judge_told(lot, member, entry);
    struct sri_lot_member known = *member;
    if (member->inherits != SRI_NO_MEMBER)
        known.length = entries[member->inherits].result > 0 ? (uint32_t)entries[member->inherits].result : 0;
    sri_judge(verdict, SRI_RULE_BATCH_7, member->id,
              entry->opcode == member->opcode &&
                  (entry->outcome == SR_BATCH_SUCCEEDED) == sri_member_is_well(&known, entry->result) &&
                  (entry->outcome != SR_BATCH_CANCELLED || entry->result == -ECANCELED),
              "entry %u is of opcode %u with outcome %d and result %d", index, (unsigned)entry->opcode,
              (int)entry->outcome, entry->result);
    if (!free_to_go)
        sri_judge(verdict, SRI_RULE_BATCH_3, member->id,
                  entry->outcome == SR_BATCH_CANCELLED && !member->committed,
                  "entry %u ran, and not all it depends on ended well", index);
    else if (!failing)
        sri_judge(verdict, SRI_RULE_BATCH_2, member->id, entry->outcome != SR_BATCH_CANCELLED,
                  "entry %u was cancelled, and all it depends on ended well", index);
}

void sri_lot_judge_result(struct sri_lot *lot)
{
    struct sr_batch_entry entries[SRI_LOT_MEMBERS];
    uint32_t counts[3] = {0};
    struct sri_verdict *verdict = lot->model->verdict;
    if (!sri_judge(verdict, SRI_RULE_BATCH_7, 0, lot->result.count == lot->count,
                   "a batch of %u operations has a result of %u", lot->count, lot->result.count))
        return;
    for (uint32_t i = 0; i < lot->count; i++) {
        int rc = sr_batch_result_at(&lot->result, i, &entries[i]);
        if (!sri_judge(verdict, SRI_RULE_BATCH_7, 0, rc == 0, "an entry of a result can't be read: %d", rc))
            return;
        counts[entries[i].outcome]++;
    }
    sri_judge(verdict, SRI_RULE_BATCH_7, 0,
              counts[SR_BATCH_SUCCEEDED] == lot->result.succeeded &&
                  counts[SR_BATCH_FAILED] == lot->result.failed &&
                  counts[SR_BATCH_CANCELLED] == lot->result.cancelled,
              "a result counts %u, %u and %u, and has %u, %u and %u", lot->result.succeeded,
              lot->result.failed, lot->result.cancelled, counts[0], counts[1], counts[2]);
    for (uint32_t i = 0; i < lot->count; i++)
        judge_entry(lot, i, entries);
}
