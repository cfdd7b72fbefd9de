/*
 * The model's own books: acts, what the kernel's events say of them, and the bounds that a ring's counts must keep. Never
 * calls the library except to ask for its counts.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "oracle/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/user.h"

void sri_model_init(struct sri_model *model, struct sri_verdict *verdict, struct sri_heap *heap,
                    struct sri_watch *watch, struct sri_tap *tap)
{
    model->verdict = verdict;
    model->heap = heap;
    model->watch = watch;
    model->tap = tap;
    sri_list_init(&model->acts);
    sri_list_init(&model->spare_acts);
    sri_list_init(&model->helds);
    sri_list_init(&model->spare_helds);
    for (uint32_t i = 0; i < SRI_ACTS; i++)
        sri_list_append(&model->spare_acts, &model->act_pool[i].node);
    for (uint32_t i = 0; i < SRI_HELDS; i++)
        sri_list_append(&model->spare_helds, &model->held_pool[i].node);
    watch->listener = sri_model_event;
    watch->listener_user = model;
    watch->chains = sri_lot_chains;
}

static void move_all(struct sri_node *from, struct sri_node *to)
{
    while (!sri_list_empty(from)) {
        struct sri_node *node = from->next;
        sri_list_remove(node);
        sri_list_append(to, node);
    }
}

void sri_model_begin(struct sri_model *model, bool sees)
{
    move_all(&model->acts, &model->spare_acts);
    move_all(&model->helds, &model->spare_helds);
    memset(&model->ring, 0, offsetof(struct sri_model, acts) - offsetof(struct sri_model, ring));
    model->sees = sees;
    memset(&model->client, 0, sizeof model->client);
    memset(&model->store, 0, sizeof model->store);
    memset(model->pins, 0, sizeof model->pins);
    model->next_post = 1;
    sr_set_panic_handler(sri_model_unexpected_panic, model);
}

void sri_model_tell(struct sri_model *model, const char *format, ...)
{
    if (model->client.tell == NULL)
        return;
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    model->client.tell(model->client.tell_user, text);
}

void sri_model_code(struct sri_model *model, const char *format, ...)
{
    if (model->client.code == NULL)
        return;
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    model->client.code(model->client.code_user, text);
}

static struct sri_act **bucket_of(struct sri_model *model, uint64_t id)
{
    return &model->buckets[SRI_ACT_BUCKET(id)];
}

struct sri_act *sri_model_act(struct sri_model *model, uint64_t id)
{
    for (struct sri_act *act = *bucket_of(model, id); act != NULL; act = act->next)
        if (act->id == id)
            return act;
    return NULL;
}

struct sri_act *sri_model_pick(struct sri_model *model, enum sri_hand hand, uint32_t n)
{
    if (model->hands[hand] == 0)
        return NULL;
    n %= model->hands[hand];
    for (struct sri_node *node = model->acts.next; node != &model->acts; node = node->next) {
        struct sri_act *act = SRI_CONTAINER_OF(node, struct sri_act, node);
        if (act->hand == hand && n-- == 0)
            return act;
    }
    return NULL;
}

struct sri_act *sri_model_new_act(struct sri_model *model)
{
    if (sri_list_empty(&model->spare_acts))
        return NULL;
    struct sri_act *act = SRI_CONTAINER_OF(model->spare_acts.next, struct sri_act, node);
    sri_list_remove(&act->node);
    memset(act, 0, offsetof(struct sri_act, argument));
    act->argument_length = 0;
    act->duration_ns = 0;
    act->user = NULL;
    act->waited_in_queue = false;
    act->listed = false;
    act->model = model;
    sri_list_append(&model->acts, &act->node);
    return act;
}

void sri_model_enlist(struct sri_model *model, struct sri_act *act, enum sri_hand hand)
{
    struct sri_act **bucket = bucket_of(model, act->id);
    act->next = *bucket;
    *bucket = act;
    model->hands[act->hand]++;
    sri_model_move(model, act, hand);
}

void sri_model_move(struct sri_model *model, struct sri_act *act, enum sri_hand hand)
{
    model->hands[act->hand]--;
    act->hand = hand;
    model->hands[hand]++;
}

void sri_model_retire(struct sri_model *model, struct sri_act *act)
{
    struct sri_act **place = bucket_of(model, act->id);
    while (*place != NULL && *place != act)
        place = &(*place)->next;
    if (*place == act)
        *place = act->next;
    sri_model_move(model, act, SRI_HAND_NONE);
    model->hands[SRI_HAND_NONE] = 0;
    model->retired[model->retired_count++ % SRI_RETIRED] = act->id;
    sri_list_remove(&act->node);
    sri_list_append(&model->spare_acts, &act->node);
}

void sri_model_unexpected_panic(const struct sr_panic *panic, void *user)
{
    struct sri_model *model = user;
    sri_violated(model->verdict, SRI_RULE_RING_1, 0,
                 "a panic that nobody asked for, with %u operations in flight", panic->count);
}

/* ---- What the kernel tells ---- */

/* What the SQE points to besides the buffer, as the kernel is about to read it (ARG-1). */
static void judge_argument(struct sri_model *model, struct sri_act *act, const struct io_uring_sqe *sqe)
{
    const char *at = (const char *)(uintptr_t)sqe->addr;
    bool same = true;
    switch (sqe->opcode) {
    case IORING_OP_OPENAT: same = strncmp(at, act->argument, SRI_PATH_MAX) == 0; break;
    case IORING_OP_CONNECT:
        same = sqe->off == act->argument_length && memcmp(at, act->argument, act->argument_length) == 0;
        break;
    case IORING_OP_TIMEOUT: {
        struct __kernel_timespec time;
        memcpy(&time, at, sizeof time);
        same = (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec == act->duration_ns;
        break;
    }
    default: return;
    }
    sri_judge(model->verdict, SRI_RULE_ARG_1, act->id, same,
              "what an SQE of opcode %u points to is not what the call was given", (unsigned)sqe->opcode);
}

/* A vector's segments are its parts, in order (ARG-3). */
static void judge_vector(struct sri_model *model, const struct sri_act *act, const struct sri_event *event)
{
    const struct sri_held *vector = act->buffer;
    if (vector == NULL || vector->part_count == 0)
        return;
    bool same = event->segment_count == vector->part_count;
    for (uint32_t i = 0; same && i < vector->part_count; i++)
        same = event->segments[i].iov_base == vector->parts[i]->bytes &&
               event->segments[i].iov_len == vector->parts[i]->size;
    sri_judge(model->verdict, SRI_RULE_ARG_3, act->id, same,
              "the kernel was given other segments than the parts");
}

/* The bytes the kernel was lent are this operation's buffer and no other (BUF-3). */
static void judge_range(struct sri_model *model, const struct sri_act *act, const struct sri_event *event)
{
    const struct sri_held *held = act->buffer;
    if (held == NULL || held->bytes == NULL || event->segment_count != 1 || act->hand == SRI_HAND_DROPPED)
        return;
    sri_judge(model->verdict, SRI_RULE_BUF_3, act->id,
              event->segments[0].iov_base == held->bytes + act->begin &&
                  event->segments[0].iov_len == act->length,
              "the kernel was lent other bytes than the operation's");
}

static void judge_withdrawn(struct sri_model *model, uint64_t user_data)
{
    uint32_t kept = model->withdrawn_count < SRI_RETIRED ? model->withdrawn_count : SRI_RETIRED;
    for (uint32_t i = 0; i < kept; i++)
        if (model->withdrawn[i] == user_data)
            sri_violated(model->verdict, SRI_RULE_ORPH_2, user_data,
                         "the kernel consumed an entry that was dropped before");
}

static void consumed(struct sri_model *model, const struct sri_event *event)
{
    judge_withdrawn(model, event->user_data);
    struct sri_act *act = sri_model_act(model, event->user_data);
    if (act == NULL)
        return;
    if (act->recalled)
        sri_violated(model->verdict, SRI_RULE_OP_6, act->id,
                     "the kernel consumed an entry that was taken back");
    if (act->consumed)
        sri_violated(model->verdict, SRI_RULE_OP_6, act->id,
                     "the kernel consumed an operation's entry twice");
    act->consumed = true;
    model->requests++;
    act->consumed_ns = event->now_ns;
    if (act->left)
        sri_exercised(model->verdict, SRI_RULE_OP_6);
    if (event->sqe == NULL)
        return;
    judge_argument(model, act, event->sqe);
    judge_vector(model, act, event);
    judge_range(model, act, event);
    sri_store_judge_entry(model, act, event->sqe);
    if (event->opcode == IORING_OP_ACCEPT) {
        act->peer_at = event->sqe->addr;
        act->peer_length_at = event->sqe->off;
    }
}

static bool makes_descriptor(const struct sri_act *act)
{
    return act->opcode == IORING_OP_ACCEPT || act->opcode == IORING_OP_OPENAT;
}

/* What the kernel wrote beside the buffer, to be compared with what comes out (ARG-2). */
static void keep_peer(struct sri_act *act)
{
    if (act->peer_at == 0 || act->peer_length_at == 0 || act->result < 0)
        return;
    memcpy(&act->peer_length, (const void *)(uintptr_t)act->peer_length_at, sizeof act->peer_length);
    uint32_t length = act->peer_length < sizeof act->peer ? act->peer_length : (uint32_t)sizeof act->peer;
    memcpy(&act->peer, (const void *)(uintptr_t)act->peer_at, length);
}

static void completed(struct sri_model *model, const struct sri_event *event,
                      const struct sri_watched *watched)
{
    model->arrivals++;
    struct sri_act *act = sri_model_act(model, event->user_data);
    if (act == NULL || !event->last)
        return;
    if (!act->posted)
        model->requests--;
    act->posted = true;
    act->result = (int32_t)event->result;
    act->cqe_flags = event->flags;
    act->arrival = model->arrivals;
    if (watched != NULL && watched->lending == SRI_LENDS_TARGET) {
        act->moved = watched->moved;
        act->sum = watched->segment_count == 1 ? watched->sum : 0;
    }
    if (makes_descriptor(act) && act->result >= 0 && act->result < SRI_MODEL_FDS)
        act->closes_due = model->opened[act->result];
    if (act->wants_peer)
        keep_peer(act);
}

/* A cancel that nobody asked for (ORPH-5). */
static void cancelling(struct sri_model *model, const struct sri_watched *target)
{
    struct sri_act *act = target != NULL ? sri_model_act(model, target->user_data) : NULL;
    if (act == NULL)
        return;
    act->cancel_seen = true;
    if (act->hand == SRI_HAND_DROPPED)
        sri_judge(model->verdict, SRI_RULE_ORPH_5, act->id,
                  model->config.cancel_on_drop || act->cancelled || act->limited,
                  "an orphan was cancelled, which the configuration forbids");
}

static void left(struct sri_model *model, const struct sri_event *event)
{
    model->enters++;
    uint64_t passed =
        model->arrivals - (event->cq_ready < model->arrivals ? event->cq_ready : model->arrivals);
    if (passed > model->reaped)
        model->reaped = passed;
    if (event->sq_ready == 0 && event->result >= 0)
        return;
    for (struct sri_node *node = model->acts.next; node != &model->acts; node = node->next) {
        struct sri_act *act = SRI_CONTAINER_OF(node, struct sri_act, node);
        if (!act->consumed && !act->recalled)
            act->left = true;
    }
}

/* Values that were posted come this way too; they have an id of their own. */
static void woken(struct sri_model *model, uint64_t user_data)
{
    model->arrivals++;
    uint64_t kept = model->injected < SRI_RETIRED ? model->injected : SRI_RETIRED;
    for (uint64_t i = 0; i < kept; i++)
        if (model->injected_ids[i] == user_data) {
            model->injected_seen++;
            model->injected_at = model->arrivals;
            return;
        }
}

void sri_model_event(void *user, const struct sri_event *event, const struct sri_watched *watched)
{
    struct sri_model *model = user;
    switch (event->kind) {
    case SRI_EVENT_CONSUMED: consumed(model, event); break;
    case SRI_EVENT_COMPLETED: completed(model, event, watched); break;
    case SRI_EVENT_WAKE: woken(model, event->user_data); break;
    case SRI_EVENT_CANCELLING: cancelling(model, watched); break;
    case SRI_EVENT_LEAVE: left(model, event); break;
    case SRI_EVENT_OPENED:
        if (event->result >= 0 && event->result < SRI_MODEL_FDS)
            model->opened[event->result]++;
        break;
    case SRI_EVENT_CLOSED:
        if (event->result >= 0 && event->result < SRI_MODEL_FDS) {
            model->closed[event->result] = model->opened[event->result];
            model->closings[event->result]++;
        }
        break;
    case SRI_EVENT_RING_OPENED:
    case SRI_EVENT_RING_CLOSED:
    case SRI_EVENT_ENTER:
    case SRI_EVENT_TOUCH:
    case SRI_EVENT_TOUCHED:
    case SRI_EVENT_COMMITTED:
    case SRI_EVENT_SKIPPED:
    case SRI_EVENT_CHOSEN:
    case SRI_EVENT_RETURNED:
    case SRI_EVENT_STALL: break;
    }
    sri_lot_event(model, event);
}

/* ---- Counts ---- */

bool sri_model_is_reaped(const struct sri_model *model, const struct sri_act *act)
{
    return act->posted && act->arrival <= model->reaped;
}

void sri_model_bounds(const struct sri_model *model, uint32_t in_flight[2], uint32_t orphans[2])
{
    uint32_t held = model->hands[SRI_HAND_HANDLE] + model->hands[SRI_HAND_DONE] +
                    model->hands[SRI_HAND_QUEUE] + model->hands[SRI_HAND_CALLBACK];
    uint32_t certain = 0;
    uint32_t possible = 0;
    for (const struct sri_node *node = model->acts.next; node != &model->acts; node = node->next) {
        const struct sri_act *act = SRI_CONTAINER_OF(node, struct sri_act, node);
        if (act->hand != SRI_HAND_DROPPED)
            continue;
        if (!model->sees || act->posted)
            possible += sri_model_is_reaped(model, act) ? 0 : 1;
        else
            certain++;
    }
    orphans[0] = certain;
    orphans[1] = certain + possible;
    held += sri_lots_in_flight(model);
    in_flight[0] = held + orphans[0];
    in_flight[1] = held + orphans[1];
}

static void judge_orphan(struct sri_model *model, struct sri_act *act)
{
    if (act->buffer != NULL)
        sri_model_home(model, act->buffer, SRI_RULE_ORPH_3, act->id);
    else
        sri_exercised(model->verdict, SRI_RULE_ORPH_3);
    if (makes_descriptor(act) && act->result >= 0 && act->result < SRI_MODEL_FDS)
        sri_judge(model->verdict, SRI_RULE_ORPH_4, act->id, model->closed[act->result] >= act->closes_due,
                  "nobody took an orphan's descriptor %d, and it is still open", act->result);
    sri_model_retire(model, act);
}

/* Under way still: nothing of it is let go, whatever a cancel has answered (ORPH-5, ORPH-6). */
static void judge_waiting_orphan(struct sri_model *model, const struct sri_act *act)
{
    if (!model->sees || act->posted || act->buffer == NULL || model->heap == NULL ||
        !sri_model_sees_home(act->buffer))
        return;
    bool kept = !sri_model_is_home(model, act->buffer);
    sri_judge(model->verdict, SRI_RULE_ORPH_6, act->id, kept,
              "an orphan's buffer was freed before its terminal completion");
    if (act->cancel_seen)
        sri_judge(model->verdict, SRI_RULE_ORPH_5, act->id, kept,
                  "the answer to its cancel ended an orphan, whose own completion is to come");
}

static void end_orphans(struct sri_model *model)
{
    struct sri_node *next;
    for (struct sri_node *node = model->acts.next; node != &model->acts; node = next) {
        next = node->next;
        struct sri_act *act = SRI_CONTAINER_OF(node, struct sri_act, node);
        if (act->hand == SRI_HAND_DROPPED && sri_model_is_reaped(model, act))
            judge_orphan(model, act);
        else if (act->hand == SRI_HAND_DROPPED)
            judge_waiting_orphan(model, act);
    }
}

/* Too few are counted: was it the answer to a cancel that ended one? */
static void judge_lost_orphan(struct sri_model *model)
{
    for (struct sri_node *node = model->acts.next; node != &model->acts; node = node->next) {
        const struct sri_act *act = SRI_CONTAINER_OF(node, struct sri_act, node);
        if (act->hand == SRI_HAND_DROPPED && !act->posted && act->cancel_seen)
            sri_violated(
                model->verdict, SRI_RULE_ORPH_5, act->id,
                "an orphan whose cancel was answered is not counted, and its own completion is to come");
    }
}

void sri_model_settle(struct sri_model *model)
{
    if (model->ring == NULL || model->callback_depth > 0)
        return;
    end_orphans(model);
    sri_store_judge_pools(model);
    sri_store_judge_registry(model);
    uint32_t in_flight[2];
    uint32_t orphans[2];
    sri_model_bounds(model, in_flight, orphans);
    uint32_t counted = sr_ring_orphan_count(model->ring);
    enum sri_rule rule = counted < orphans[0] ? SRI_RULE_ORPH_1 : SRI_RULE_ORPH_3;
    sri_judge(model->verdict, rule, 0, counted >= orphans[0] && counted <= orphans[1],
              "the ring counts %u orphans; there are %u to %u", counted, orphans[0], orphans[1]);
    if (model->sees && counted < orphans[0])
        judge_lost_orphan(model);
    uint32_t flying = sr_ring_in_flight(model->ring);
    sri_model_code(model, "COUNTS(%u, %u);", flying, counted);
    sri_judge(model->verdict, SRI_RULE_RING_1, 0, flying >= in_flight[0] && flying <= in_flight[1],
              "the ring counts %u operations in flight; there are %u to %u", flying, in_flight[0],
              in_flight[1]);
}
