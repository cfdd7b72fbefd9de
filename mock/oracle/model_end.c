/*
 * Waiting for completions and ending them, judged: each reaches its own operation, with the kernel's result, once (BUF-5,
 * BUF-7, OP-3, OP-4, OP-8, OP-9, ARG-2, RING-7).
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "oracle/model.h"

#include <string.h>

#include "engine/user.h"

void sri_model_wait_begin(struct sri_model *model)
{
    model->waiting++;
}

/* What a callback left was ended for it (CB-3). */
static void judge_left_by_callbacks(struct sri_model *model)
{
    struct sri_node *next;
    for (struct sri_node *node = model->acts.next; node != &model->acts; node = next) {
        next = node->next;
        struct sri_act *act = SRI_CONTAINER_OF(node, struct sri_act, node);
        if (act->hand != SRI_HAND_LEFT)
            continue;
        bool descriptor =
            (act->opcode == IORING_OP_ACCEPT || act->opcode == IORING_OP_OPENAT) && act->done.result >= 0;
        if (descriptor && model->sees && act->done.result < SRI_MODEL_FDS)
            sri_judge(model->verdict, SRI_RULE_CB_3, act->id,
                      model->closed[act->done.result] >= act->closes_due,
                      "a callback left descriptor %d, and it is open", act->done.result);
        if (act->buffer != NULL)
            sri_model_home(model, act->buffer, SRI_RULE_CB_3, act->id);
        sri_model_retire(model, act);
    }
    if (model->callbacks_left == 0)
        return;
    struct sr_stats stats;
    int rc = sr_ring_stats(model->ring, &stats);
    sri_judge(model->verdict, SRI_RULE_CB_3, 0, rc == 0 && stats.ended_for_callback == model->callbacks_left,
              "%u completions were left by their callbacks, and %llu were counted", model->callbacks_left,
              (unsigned long long)stats.ended_for_callback);
}

void sri_model_wait_end(struct sri_model *model)
{
    model->waiting--;
    if (model->waiting == 0 && model->ring != NULL) {
        judge_left_by_callbacks(model);
        sri_model_judge_unknown(model);
    }
    sri_model_settle(model);
}

/* Nothing that the kernel wrote was changed on the way (BUF-5). */
static void judge_bytes(struct sri_model *model, const struct sri_act *act)
{
    const struct sri_held *held = act->buffer;
    if (held == NULL || held->bytes == NULL || act->moved == 0 || act->sum == 0 || !model->watch->whole)
        return;
    sri_judge(model->verdict, SRI_RULE_BUF_5, act->id,
              sri_user_sum(held->bytes + act->begin, act->moved, 0) == act->sum,
              "the bytes the kernel wrote were changed before the completion was taken");
}

static void judge_result(struct sri_model *model, const struct sri_act *act, const struct sr_completion *done)
{
    if (act->recalled) {
        sri_judge(model->verdict, SRI_RULE_BUF_5, act->id, done->result == -ECANCELED,
                  "an entry that was taken back ended with %d", done->result);
        return;
    }
    if (!model->sees)
        return;
    sri_judge(model->verdict, SRI_RULE_OP_4, act->id, act->posted, "a completion came before the kernel's");
    sri_judge(model->verdict, SRI_RULE_BUF_5, act->id, !act->posted || done->result == act->result,
              "the kernel's result was %d, and %d came out", act->result, done->result);
}

static void judge_count(struct sri_model *model, const struct sri_act *act, const struct sr_completion *done)
{
    if (act->buffer == NULL || done->result <= 0)
        return;
    sri_judge(model->verdict, SRI_RULE_BUF_7, act->id, (uint32_t)done->result <= act->length,
              "%d bytes of %u were transferred", done->result, act->length);
}

/* The peer's address is what the kernel wrote (ARG-2). */
static void judge_peer(struct sri_model *model, const struct sri_act *act)
{
    if (!act->wants_peer)
        return;
    struct sockaddr_storage peer;
    uint32_t length = sizeof peer;
    int rc = sr_completion_peer(act->done_at, (struct sockaddr *)&peer, &length);
    if (act->done_at->result < 0) {
        sri_judge(model->verdict, SRI_RULE_ARG_2, act->id, rc == -ENODATA, "a failed accept has a peer: %d",
                  rc);
        return;
    }
    bool same = rc == 0 && length <= sizeof peer;
    if (same && model->sees)
        same = length == act->peer_length && memcmp(&peer, &act->peer, length) == 0;
    sri_judge(model->verdict, SRI_RULE_ARG_2, act->id, same,
              "the peer's address is not what the kernel wrote: %d", rc);
}

void sri_model_deliver(struct sri_model *model, struct sri_act *act, struct sr_completion *done)
{
    sri_judge(model->verdict, SRI_RULE_OP_4, act->id,
              done->id == act->id && done->opcode == act->opcode && done->ring == model->ring &&
                  !done->posted,
              "a completion of opcode %u came for an operation of opcode %u", (unsigned)done->opcode,
              (unsigned)act->opcode);
    judge_result(model, act, done);
    judge_count(model, act, done);
    if (act->posted && act->arrival > model->reaped)
        model->reaped = act->arrival;
    if (act->buffer != NULL)
        sri_judge(model->verdict, SRI_RULE_BUF_1, act->id, !sr_buffer_is_user_owned(act->buffer->copy),
                  "a buffer is the program's before its completion was taken");
    act->done_at = done;
    judge_bytes(model, act);
    judge_peer(model, act);
    sri_model_move(model, act, SRI_HAND_DONE);
    sri_model_code(model, "SHOULD(dones[%u].result, %d);", sri_act_number(model, act), done->result);
    sri_model_tell(model, "completion id %llx: %d", (unsigned long long)act->id, done->result);
}

/* Completions that wait to be taken, at most. */
static uint32_t untaken(const struct sri_model *model)
{
    uint32_t count = 0;
    for (const struct sri_node *node = model->acts.next; node != &model->acts; node = node->next) {
        const struct sri_act *act = SRI_CONTAINER_OF(node, struct sri_act, node);
        bool waits =
            act->hand == SRI_HAND_HANDLE || act->hand == SRI_HAND_QUEUE || act->hand == SRI_HAND_CALLBACK;
        if (waits && (act->posted || act->recalled || !model->sees))
            count++;
    }
    return count;
}

/* Whether a wait may end with this; NULL: yes. */
static void judge_unfinished(struct sri_model *model, const struct sri_act *act, int rc, int not_yet)
{
    uint64_t id = act != NULL ? act->id : 0;
    if (rc == not_yet || rc == -ETIME) {
        if (act != NULL && model->sees)
            sri_judge(model->verdict, SRI_RULE_OP_3, id, !sri_model_is_reaped(model, act) && !act->recalled,
                      "an operation that has ended is said to be pending");
        return;
    }
    switch (rc) {
    case SR_EQUEUE_FULL:
        sri_judge(model->verdict, SRI_RULE_OP_9, id, untaken(model) >= model->queue_entries,
                  "the queue of %u completions is said to be full with %u in it", model->queue_entries,
                  untaken(model));
        return;
    case -EDEADLK: /* the deterministic kernel's word; the stall oracle judges whose fault it is */
    case -EAGAIN:
    case -EBUSY: return;
    default:
        sri_violated(model->verdict, SRI_RULE_OP_3, id, "a wait for a live operation was answered %d", rc);
        return;
    }
}

/* A callback that ran meanwhile may have ended the operation that is waited for: then its handle is stale. */
static bool ended_meanwhile(struct sri_model *model, const struct sri_act *act, uint64_t id, int rc)
{
    if (act->id == id && act->hand == SRI_HAND_HANDLE)
        return false;
    sri_judge(model->verdict, SRI_RULE_OP_3, id, rc == SR_ESTALE || rc == SR_EINVALID_STATE,
              "an operation ended while it was waited for, and the wait answered %d", rc);
    return true;
}

static void code_await(struct sri_model *model, const struct sri_act *act, enum sri_waiting how,
                       uint64_t timeout_ns, int rc)
{
    unsigned number = sri_act_number(model, act);
    if (how == SRI_WAIT_PEEK)
        sri_model_code(model, "SHOULD(sr_op_peek(ring, &ops[%u], &dones[%u]), %d);", number, number, rc);
    else if (how == SRI_WAIT_FOREVER)
        sri_model_code(model, "SHOULD(sr_op_await(ring, &ops[%u], &dones[%u]), %d);", number, number, rc);
    else
        sri_model_code(model, "SHOULD(sr_op_await_timeout(ring, &ops[%u], %lluu, &dones[%u]), %d);", number,
                       (unsigned long long)timeout_ns, number, rc);
}

int sri_model_await(struct sri_model *model, struct sri_act *act, enum sri_waiting how, uint64_t timeout_ns)
{
    int rc;
    uint64_t id = act->id;
    struct sr_op op = act->op;
    struct sr_completion done = {0};
    if (how == SRI_WAIT_PEEK) {
        rc = sr_op_peek(model->ring, &op, &done);
    } else {
        sri_model_wait_begin(model);
        rc = how == SRI_WAIT_FOREVER ? sr_op_await(model->ring, &op, &done)
                                     : sr_op_await_timeout(model->ring, &op, timeout_ns, &done);
    }
    code_await(model, act, how, timeout_ns, rc);
    sri_model_tell(model, "%s id %llx: %d", how == SRI_WAIT_PEEK ? "peek" : "await", (unsigned long long)id,
                   rc);
    sri_judge(model->verdict, SRI_RULE_OP_3, id, op.id == (rc == 0 ? 0 : id),
              "a wait answered %d and left handle %llx", rc, (unsigned long long)op.id);
    if (!ended_meanwhile(model, act, id, rc)) {
        act->op = op;
        act->done = done;
        if (rc == 0)
            sri_model_deliver(model, act, &act->done);
        else
            judge_unfinished(model, act, rc, how == SRI_WAIT_PEEK ? SR_EOPERATION_PENDING : -ETIME);
    }
    if (how == SRI_WAIT_PEEK)
        sri_model_settle(model);
    else
        sri_model_wait_end(model);
    return rc;
}

static struct sri_act *judge_posted(struct sri_model *model, const struct sr_completion *done)
{
    bool expected = model->post_count > 0 && model->posts[model->post_first] == done->value;
    sri_judge(model->verdict, SRI_RULE_RING_7, 0, expected,
              "posted value %llu came out, which is not the next", (unsigned long long)done->value);
    if (model->post_count > 0) {
        model->post_first = (model->post_first + 1) % SRI_POSTS;
        model->post_count--;
    }
    return NULL;
}

/* None that arrived earlier was left waiting (OP-9). One detached after its end joins the queue when it is detached. */
static void judge_order(struct sri_model *model, const struct sri_act *act)
{
    if (!model->sees || !act->posted || !act->waited_in_queue)
        return;
    for (const struct sri_node *node = model->acts.next; node != &model->acts; node = node->next) {
        const struct sri_act *other = SRI_CONTAINER_OF(node, struct sri_act, node);
        if (other != act && other->hand == SRI_HAND_QUEUE && other->posted && other->waited_in_queue)
            sri_judge(model->verdict, SRI_RULE_OP_9, act->id, other->arrival > act->arrival,
                      "a completion overtook one that arrived before it");
    }
}

/* One completion out of next: the act it is for, NULL for a posted value or when it is nobody's. */
static struct sri_act *came_next(struct sri_model *model, struct sr_completion *done)
{
    if (done->posted)
        return judge_posted(model, done);
    struct sri_act *act = sri_model_act(model, done->id);
    sri_judge(model->verdict, SRI_RULE_OP_4, done->id, act != NULL,
              "next returned a completion of no operation");
    if (act == NULL)
        return NULL;
    sri_judge(model->verdict, SRI_RULE_CB_4, act->id, act->hand != SRI_HAND_CALLBACK,
              "next returned an operation with a callback");
    sri_judge(model->verdict, SRI_RULE_OP_4, act->id, act->hand == SRI_HAND_QUEUE && done->user == act->user,
              "next returned an operation that was not detached, or with another's user pointer");
    judge_order(model, act);
    sri_model_code(model, "dones[%u] = *came;", sri_act_number(model, act));
    act->done = *done;
    sri_model_deliver(model, act, &act->done);
    return act;
}

static bool could_come(const struct sri_model *model)
{
    return model->hands[SRI_HAND_QUEUE] > 0 || model->awaits_posts || model->post_count > 0;
}

/* Nothing is in flight, says the ring: then no completion of a detached operation can be missing (OP-4). */
static void judge_nothing_left(struct sri_model *model)
{
    uint64_t lost = 0;
    for (const struct sri_node *node = model->acts.next; node != &model->acts; node = node->next) {
        const struct sri_act *act = SRI_CONTAINER_OF(node, struct sri_act, node);
        if (act->hand == SRI_HAND_QUEUE && act->posted)
            lost = act->id;
    }
    sri_judge(model->verdict, SRI_RULE_OP_4, lost, lost == 0,
              "the completion of a detached operation arrived and was delivered to nobody");
}

/* `runs` callbacks had run before the wait: what they started may have been in flight meanwhile. */
static void judge_nothing(struct sri_model *model, int rc, uint32_t runs)
{
    sri_judge(model->verdict, SRI_RULE_OP_8, 0,
              rc == SR_ENOTHING_IN_FLIGHT && (!could_come(model) || runs != model->callback_runs),
              "nothing detached is in flight (or something is), and next answered %d", rc);
    if (rc == SR_ENOTHING_IN_FLIGHT)
        judge_nothing_left(model);
}

int sri_model_next(struct sri_model *model, uint64_t timeout_ns, struct sri_act **act)
{
    struct sr_completion done = {0};
    bool could = could_come(model);
    uint32_t runs = model->callback_runs;
    *act = NULL;
    sri_model_wait_begin(model);
    int rc = timeout_ns == SR_FOREVER ? sr_ring_next(model->ring, &done)
                                      : sr_ring_next_timeout(model->ring, timeout_ns, &done);
    sri_model_code(model, "SHOULD(sr_ring_next_timeout(ring, %lluu, came = many), %d);",
                   (unsigned long long)timeout_ns, rc);
    sri_model_tell(model, "next: %d id %llx", rc, (unsigned long long)done.id);
    if (rc == 0)
        *act = came_next(model, &done);
    else if (rc == SR_ENOTHING_IN_FLIGHT || !could)
        judge_nothing(model, rc, runs);
    else
        judge_unfinished(model, NULL, rc, -ETIME);
    sri_model_wait_end(model);
    return rc;
}

int sri_model_next_many(struct sri_model *model, struct sri_act *acts[], size_t room, size_t *count)
{
    struct sr_completion done[8];
    bool could = could_come(model);
    uint32_t runs = model->callback_runs;
    *count = 0;
    sri_model_wait_begin(model);
    int rc = sr_ring_next_many(model->ring, done, room < 8 ? room : 8, count);
    sri_model_code(model, "SHOULD(sr_ring_next_many(ring, many, %zu, &count), %d);", room < 8 ? room : 8, rc);
    if (rc == 0)
        sri_model_code(model, "SHOULD(count, %zu);", *count);
    sri_model_tell(model, "next_many: %d, %zu", rc, *count);
    if (rc == SR_ENOTHING_IN_FLIGHT || (rc != 0 && !could))
        judge_nothing(model, rc, runs);
    else if (rc != 0)
        judge_unfinished(model, NULL, rc, -ETIME);
    for (size_t i = 0; i < *count; i++) {
        sri_model_code(model, "came = &many[%zu];", i);
        acts[i] = came_next(model, &done[i]);
    }
    sri_model_wait_end(model);
    return rc;
}

/* A copy of an ended completion is stale, and gives nothing (OP-3). */
static void judge_second_take(struct sri_model *model, struct sr_completion copy)
{
    struct sr_buffer *back = NULL;
    uint64_t id = copy.id;
    int32_t rc = sr_take(&copy, &back);
    sri_judge(model->verdict, SRI_RULE_OP_3, id, rc == SR_ESTALE && back == NULL,
              "a completion was taken twice: %d", rc);
}

int32_t sri_model_take(struct sri_model *model, struct sri_act *act, struct sri_held **back)
{
    struct sr_completion *done = act->done_at;
    struct sr_completion copy = *done;
    struct sr_buffer *buffer = NULL;
    struct sri_held *held = act->buffer;
    int32_t result = sr_take(done, &buffer);
    sri_model_code(model, "SHOULD(take(%u), %d);", sri_act_number(model, act), result);
    sri_judge(model->verdict, SRI_RULE_BUF_5, act->id, result == copy.result,
              "the completion's result is %d, and taking it returned %d", copy.result, result);
    sri_judge(model->verdict, SRI_RULE_BUF_5, act->id, buffer == (held != NULL ? held->copy : NULL),
              "an operation did not give its own buffer back");
    if (held != NULL) {
        sri_judge(model->verdict, SRI_RULE_BUF_1, act->id,
                  sr_buffer_is_user_owned(held->copy) && sr_buffer_size(held->copy) == held->size,
                  "a buffer that was taken is not the program's");
        held->handle = buffer;
        held->act = NULL;
    }
    judge_second_take(model, copy);
    sri_model_retire(model, act);
    sri_model_settle(model);
    if (back != NULL)
        *back = held;
    return result;
}

void sri_model_finish(struct sri_model *model, struct sri_act *act)
{
    struct sr_completion copy = *act->done_at;
    sr_finish(act->done_at);
    sri_model_code(model, "sr_finish(&dones[%u]);", sri_act_number(model, act));
    bool descriptor =
        (act->opcode == IORING_OP_ACCEPT || act->opcode == IORING_OP_OPENAT) && copy.result >= 0;
    if (descriptor && model->sees && copy.result < SRI_MODEL_FDS)
        sri_judge(model->verdict, SRI_RULE_ORPH_4, act->id, model->closed[copy.result] >= act->closes_due,
                  "a completion was finished, and its descriptor %d is open", copy.result);
    if (act->buffer != NULL)
        sri_model_home(model, act->buffer, SRI_RULE_BUF_9, act->id);
    judge_second_take(model, copy);
    sri_model_retire(model, act);
    sri_model_settle(model);
}
