/*
 * The end of batches, judged: given up, dropped, taken apart, drained (BATCH-3, BATCH-6 … BATCH-8, RING-4).
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "oracle/model.h"

#include <string.h>

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

/* In whose entry the books have the buffer that a member works on: its own, or one that it inherits from. */
static struct sri_lot_member *holder_of(struct sri_lot *lot, struct sri_lot_member *member)
{
    while (member->buffer == NULL && member->inherits != SRI_NO_MEMBER)
        member = &lot->members[member->inherits];
    return member;
}

static bool is_stranger(struct sri_lot *lot, struct sri_lot_member *member,
                        const struct sr_panic_operation *line)
{
    const struct sri_model *model = lot->model;
    const struct sri_lot_member *holder = holder_of(lot, member);
    const struct sri_held *buffer = holder->buffer;
    bool no_fd = member->opcode == IORING_OP_NOP || member->opcode == IORING_OP_TIMEOUT;
    size_t size = buffer != NULL ? buffer->size : 0;
    bool kept = buffer == NULL || model->heap == NULL || !sri_model_is_home(model, buffer);
    /* Who inherits has not started while the kernel has the one before. */
    return !member->consumed && !holder->consumed && kept && line->buffer_size == size &&
           (no_fd || line->fd == member->fd) && strcmp(line->kind, sri_model_kind_name(member->opcode)) == 0;
}

/* Which stranger works on each holder's buffer, as which member; as far as has been found out. */
struct matching {
    uint32_t stranger[SRI_LOT_MEMBERS];
    uint32_t member[SRI_LOT_MEMBERS];
};

/*
 * Operations that look alike may be any of several members, but no two work on one buffer: whoever was taken for one that
 * another can only be goes on to its next. `tried`: a set of holders. Called by itself once for each of them at most.
 */
static bool match_stranger(struct sri_lot *lot, struct matching *found, uint32_t stranger, uint32_t *tried)
{
    for (uint32_t k = 0; k < lot->count; k++) {
        uint32_t holder = (uint32_t)(holder_of(lot, &lot->members[k]) - lot->members);
        if ((*tried >> holder & 1) != 0 || !is_stranger(lot, &lot->members[k], &strangers[stranger]))
            continue;
        *tried |= 1u << holder;
        if (found->stranger[holder] != SRI_NO_MEMBER &&
            !match_stranger(lot, found, found->stranger[holder], tried))
            continue;
        found->stranger[holder] = stranger;
        found->member[holder] = k;
        return true;
    }
    return false;
}

static void adopt_strangers(struct sri_lot *lot)
{
    struct sri_model *model = lot->model;
    struct matching found;
    stranger_count = 0;
    memset(&found, 0xff, sizeof found);
    if (sr_ring_orphan_count(model->ring) > 0)
        sri_model_ask_the_panic(model, learn_strangers);
    for (uint32_t i = 0; i < stranger_count; i++) {
        uint32_t tried = 0;
        sri_judge(model->verdict, SRI_RULE_BATCH_6, strangers[i].id, match_stranger(lot, &found, i, &tried),
                  "an orphan of a dropped batch is none of its operations");
    }
    for (uint32_t holder = 0; holder < lot->count; holder++) {
        if (found.stranger[holder] == SRI_NO_MEMBER)
            continue;
        struct sri_lot_member *member = &lot->members[found.member[holder]];
        struct sri_held *buffer = lot->members[holder].buffer;
        lot->members[holder].buffer = NULL;
        member->buffer = buffer;
        member->consumed = true;
        member->id = strangers[found.stranger[holder]].id;
    }
}

/* Each buffer is home, or an orphan's. */
static void let_go(struct sri_lot *lot)
{
    struct sri_model *model = lot->model;
    lot->stage = SRI_LOT_NONE;
    /* By whatever call it was dropped: what asks for the cancels takes places in the SQ. */
    model->tagged = model->tagged || model->config.cancel_on_drop;
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
        sri_lot_came(lot);
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
