/*
 * Giving results up or over: drop, cancel, detach, callbacks, judged (ORPH, CB).
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "oracle/model.h"

static bool makes_descriptor(const struct sri_act *act)
{
    return act->opcode == IORING_OP_ACCEPT || act->opcode == IORING_OP_OPENAT;
}

/* Not consumed: gone at once, as if it had never been (ORPH-2). */
static void judge_withdrawn(struct sri_model *model, struct sri_act *act, uint32_t orphans, uint32_t flying)
{
    sri_judge(model->verdict, SRI_RULE_ORPH_2, act->id,
              sr_ring_orphan_count(model->ring) == orphans && sr_ring_in_flight(model->ring) + 1 == flying,
              "an entry the kernel never saw is in flight after its drop, or an orphan");
    if (act->buffer != NULL)
        sri_model_home(model, act->buffer, SRI_RULE_ORPH_2, act->id);
    model->withdrawn[model->withdrawn_count++ % SRI_RETIRED] = act->id;
    sri_model_retire(model, act);
}

/* Ended and reaped before the drop: disposed of at once, no orphan (ORPH-3, ORPH-4). */
static void judge_disposed(struct sri_model *model, struct sri_act *act, uint32_t orphans, uint32_t flying)
{
    sri_judge(model->verdict, SRI_RULE_ORPH_3, act->id,
              sr_ring_orphan_count(model->ring) == orphans && sr_ring_in_flight(model->ring) + 1 == flying,
              "an operation that had ended was dropped, and is an orphan");
    if (makes_descriptor(act) && act->result >= 0 && act->result < SRI_MODEL_FDS)
        sri_judge(model->verdict, SRI_RULE_ORPH_4, act->id, model->closed[act->result] >= act->closes_due,
                  "an operation that had ended was dropped, and its descriptor %d is open", act->result);
    if (act->buffer != NULL)
        sri_model_home(model, act->buffer, SRI_RULE_ORPH_3, act->id);
    sri_model_retire(model, act);
}

static void judge_orphaned(struct sri_model *model, struct sri_act *act, uint32_t orphans, uint32_t flying)
{
    bool certain = !act->posted;
    bool grew = sr_ring_orphan_count(model->ring) == orphans + 1 && sr_ring_in_flight(model->ring) == flying;
    if (certain)
        sri_judge(model->verdict, SRI_RULE_ORPH_1, act->id, grew,
                  "an operation under way was dropped, and %u orphans of %u in flight are %u of %u", orphans,
                  flying, sr_ring_orphan_count(model->ring), sr_ring_in_flight(model->ring));
    if (certain && act->buffer != NULL && model->heap != NULL && sri_model_sees_home(act->buffer))
        sri_judge(model->verdict, SRI_RULE_ORPH_1, act->id, !sri_model_is_home(model, act->buffer),
                  "a drop freed a buffer that the kernel can reach");
    sri_model_move(model, act, SRI_HAND_DROPPED);
}

void sri_model_drop(struct sri_model *model, struct sri_act *act)
{
    uint32_t orphans = sr_ring_orphan_count(model->ring);
    uint32_t flying = sr_ring_in_flight(model->ring);
    uint64_t enters = model->enters;
    uint64_t id = act->id;
    sri_model_tell(model, "drop id %llx", (unsigned long long)id);
    model->tagged = model->tagged || model->config.cancel_on_drop;
    sr_op_drop(model->ring, &act->op);
    sri_model_code(model, "sr_op_drop(ring, &ops[%u]);", sri_act_number(model, act));
    sri_judge(model->verdict, SRI_RULE_ORPH_1, id, act->op.id == 0 && enters == model->enters,
              "a drop entered the kernel, or left its handle");
    if (act->recalled || (model->sees && sri_model_is_reaped(model, act)))
        judge_disposed(model, act, orphans, flying);
    else if (model->sees && !act->consumed)
        judge_withdrawn(model, act, orphans, flying);
    else if (model->sees)
        judge_orphaned(model, act, orphans, flying);
    else if (sr_ring_orphan_count(model->ring) > orphans)
        sri_model_move(model, act, SRI_HAND_DROPPED);
    else
        judge_disposed(model, act, orphans, flying);
    sri_model_settle(model);
}

int sri_model_cancel(struct sri_model *model, struct sri_act *act)
{
    uint64_t id = act->id;
    uint32_t flying = sr_ring_in_flight(model->ring);
    int rc = sr_op_cancel(model->ring, &act->op);
    sri_model_code(model, "SHOULD(sr_op_cancel(ring, &ops[%u]), %d);", sri_act_number(model, act), rc);
    sri_model_tell(model, "cancel id %llx: %d", (unsigned long long)id, rc);
    bool ended = act->recalled || (model->sees && sri_model_is_reaped(model, act));
    bool open = !model->sees || (act->posted && !ended);
    sri_judge(model->verdict, SRI_RULE_OP_2, id, open || rc == (ended ? SR_EINVALID_STATE : 0),
              "a cancel of an operation that %s was answered %d", ended ? "has ended" : "is under way", rc);
    sri_judge(model->verdict, SRI_RULE_OP_2, id, act->op.id == id && sr_ring_in_flight(model->ring) == flying,
              "asking for a cancel changed the handle or the count");
    if (rc != 0)
        return rc;
    model->tagged = true;
    act->cancelled = true;
    if (model->sees && !act->consumed)
        act->recalled = true;
    sri_model_settle(model);
    return rc;
}

/* Given over already: whatever the old handle asks for is refused (OP-2). */
static void judge_given_over(struct sri_model *model, uint64_t id)
{
    struct sr_op copy = {id};
    struct sr_completion done;
    int rc = sr_op_detach(model->ring, &copy, NULL);
    sri_judge(model->verdict, SRI_RULE_OP_2, id, rc == SR_EINVALID_STATE && copy.id == id,
              "an operation was given over twice: %d", rc);
    rc = sr_op_peek(model->ring, &copy, &done);
    sri_judge(model->verdict, SRI_RULE_CB_4, id, rc == SR_EINVALID_STATE && copy.id == id,
              "an operation that was given over was asked for by its handle: %d", rc);
}

int sri_model_detach(struct sri_model *model, struct sri_act *act, void *user)
{
    uint64_t id = act->id;
    int rc = sr_op_detach(model->ring, &act->op, user);
    sri_model_code(model, "SHOULD(sr_op_detach(ring, &ops[%u], NULL), %d);", sri_act_number(model, act), rc);
    sri_model_tell(model, "detach id %llx: %d", (unsigned long long)id, rc);
    sri_judge(model->verdict, SRI_RULE_OP_2, id, rc == 0 && act->op.id == 0,
              "a live operation can't be detached: %d", rc);
    if (rc != 0)
        return rc;
    act->user = user;
    act->waited_in_queue = !act->posted && !act->recalled;
    sri_model_move(model, act, SRI_HAND_QUEUE);
    judge_given_over(model, id);
    sri_model_settle(model);
    return 0;
}

/* ---- Callbacks ---- */

static void on_done(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct sri_act *act = user;
    struct sri_model *model = act->model;
    uint64_t id = act->id;
    sri_judge(model->verdict, SRI_RULE_CB_1, id, model->waiting > 0 && model->callback_depth == 0,
              "a callback ran inside a call that does not wait, or inside another callback");
    sri_judge(model->verdict, SRI_RULE_OP_4, done->id,
              act->hand == SRI_HAND_CALLBACK && done->id == id && ring == model->ring,
              "a callback ran for another operation than its own");
    if (act->hand != SRI_HAND_CALLBACK)
        return;
    model->callback_runs++;
    model->callback_depth++;
    sri_model_code(model, "CALLBACK %u", sri_act_number(model, act));
    sri_model_deliver(model, act, done);
    if (model->client.in_callback != NULL)
        model->client.in_callback(model->client.user, act);
    if (act->id == id && act->hand == SRI_HAND_DONE) {
        act->done = *done;
        act->done_at = &act->done;
        sri_model_move(model, act, SRI_HAND_LEFT);
        model->callbacks_left++;
    }
    sri_model_code(model, "RETURN");
    model->callback_depth--;
}

int sri_model_then(struct sri_model *model, struct sri_act *act)
{
    uint64_t id = act->id;
    uint32_t runs = model->callback_runs;
    int rc = sr_op_then(model->ring, &act->op, on_done, act);
    sri_model_code(model, "SHOULD(then(%u), %d);", sri_act_number(model, act), rc);
    sri_model_tell(model, "then id %llx: %d", (unsigned long long)id, rc);
    sri_judge(model->verdict, SRI_RULE_OP_2, id, rc == 0 && act->op.id == 0,
              "a live operation can't be given a callback: %d", rc);
    if (rc != 0)
        return rc;
    sri_model_move(model, act, SRI_HAND_CALLBACK);
    sri_judge(model->verdict, SRI_RULE_CB_1, id, runs == model->callback_runs,
              "a callback ran inside the call that set it");
    judge_given_over(model, id);
    sri_model_settle(model);
    return 0;
}

static void judge_dispatch(struct sri_model *model, int rc, bool wait, uint32_t ran, uint32_t before,
                           bool could)
{
    sri_judge(model->verdict, SRI_RULE_CB_1, 0, ran == model->callback_runs - before,
              "dispatch counts %u callbacks, and %u ran", ran, model->callback_runs - before);
    if (rc == SR_ENOTHING_IN_FLIGHT)
        sri_judge(model->verdict, SRI_RULE_OP_8, 0, wait && model->hands[SRI_HAND_CALLBACK] == 0,
                  "a wait for callbacks was refused with %u to come", model->hands[SRI_HAND_CALLBACK]);
    else if (wait && !could && ran == 0)
        sri_judge(model->verdict, SRI_RULE_OP_8, 0, false, "no callback could come, and the wait answered %d",
                  rc);
    else if (rc != 0 && rc != -ETIME && rc != -EAGAIN && rc != -EBUSY && rc != -EDEADLK &&
             rc != SR_EQUEUE_FULL)
        sri_violated(model->verdict, SRI_RULE_CB_1, 0, "dispatching was answered %d", rc);
}

int sri_model_dispatch(struct sri_model *model, bool wait, uint64_t timeout_ns)
{
    uint32_t ran = 0;
    uint32_t before = model->callback_runs;
    bool could = model->hands[SRI_HAND_CALLBACK] > 0;
    sri_model_wait_begin(model);
    int rc =
        wait ? sr_ring_dispatch_wait(model->ring, timeout_ns, &ran) : sr_ring_dispatch(model->ring, &ran);
    if (wait)
        sri_model_code(model, "SHOULD(sr_ring_dispatch_wait(ring, %lluu, &ran), %d);",
                       (unsigned long long)timeout_ns, rc);
    else
        sri_model_code(model, "SHOULD(sr_ring_dispatch(ring, &ran), %d);", rc);
    sri_model_tell(model, "dispatch: %d, %u ran", rc, ran);
    judge_dispatch(model, rc, wait, ran, before, could);
    sri_model_wait_end(model);
    return rc;
}

static int misuse(struct sri_model *model, uint32_t which)
{
    struct sr_completion done;
    struct sri_act *act = sri_model_pick(model, SRI_HAND_HANDLE, which);
    struct sr_op op = {act != NULL ? act->id : 1};
    struct sr_ring *ring = model->ring;
    switch (which % 7) {
    case 0: return act != NULL ? sr_op_await_timeout(ring, &op, 0, &done) : SR_EINVALID_STATE;
    case 1: return sr_ring_next_timeout(ring, 0, &done);
    case 2: return sr_ring_dispatch(ring, NULL);
    case 3: return sr_ring_drain(ring, 0, NULL);
    case 4: return sr_ring_close(&ring);
    case 5: return sr_ring_try_close(&ring);
    default: return sr_ring_cancel_all(ring, 0, NULL);
    }
}

void sri_model_misuse_in_callback(struct sri_model *model, uint32_t which)
{
    uint32_t flying = sr_ring_in_flight(model->ring);
    int rc = misuse(model, which);
    sri_judge(model->verdict, SRI_RULE_CB_2, 0,
              rc == SR_EINVALID_STATE && sr_ring_in_flight(model->ring) == flying,
              "misuse %u inside a callback was answered %d", which % 7, rc);
}
