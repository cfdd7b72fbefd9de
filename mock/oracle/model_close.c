/*
 * Opening, draining and closing the ring, judged: the panic and its list, the ring whole after it, nothing left behind
 * (RING-1 … RING-5).
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "oracle/model.h"

#include <setjmp.h>
#include <string.h>

const char *sri_model_kind_name(uint8_t opcode)
{
    switch (opcode) {
    case IORING_OP_NOP: return "NOP";
    case IORING_OP_READ: return "READ";
    case IORING_OP_WRITE: return "WRITE";
    case IORING_OP_READV: return "READV";
    case IORING_OP_WRITEV: return "WRITEV";
    case IORING_OP_SEND: return "SEND";
    case IORING_OP_RECV: return "RECV";
    case IORING_OP_ACCEPT: return "ACCEPT";
    case IORING_OP_CONNECT: return "CONNECT";
    case IORING_OP_FSYNC: return "FSYNC";
    case IORING_OP_OPENAT: return "OPENAT";
    case IORING_OP_CLOSE: return "CLOSE";
    case IORING_OP_TIMEOUT: return "TIMEOUT";
    default: return "?";
    }
}

/* A ring opened disabled takes no work before it is attached, once (RING-6). */
static int attach(struct sri_model *model, struct sr_ring *ring)
{
    struct sr_op_spec nop = sr_spec_nop();
    struct sr_op op;
    int early = sr_op_start_plain(ring, &nop, &op);
    sri_judge(model->verdict, SRI_RULE_RING_6, 0, early == SR_EINVALID_STATE,
              "a ring that belongs to nobody yet took an operation: %d", early);
    int rc = sr_ring_attach(ring);
    if (rc != 0)
        return rc;
    int twice = sr_ring_attach(ring);
    sri_judge(model->verdict, SRI_RULE_RING_6, 0, twice == SR_EINVALID_STATE, "a ring was attached twice: %d",
              twice);
    return 0;
}

/* Opens, and attaches if need be; the ring is not the program's when that fails. */
static int open_attached(struct sri_model *model, struct sr_ring **ring, const struct sr_config *config)
{
    int rc = sr_ring_open_config(ring, config);
    if (rc != 0 || !config->disabled)
        return rc;
    rc = attach(model, *ring);
    if (rc == 0)
        return 0;
    int closed = sr_ring_close(ring);
    sri_judge(model->verdict, SRI_RULE_RING_5, 0, closed == 0,
              "a ring that was not attached can't be closed: %d", closed);
    return rc;
}

int sri_model_open(struct sri_model *model, const struct sr_config *config)
{
    struct sr_config mine = *config;
    struct sr_backend backend = sri_tap_backend(model->tap);
    mine.backend = &backend;
    struct sr_ring *ring = NULL;
    uint32_t mappings = model->tap->mappings;
    uint32_t rings = model->tap->rings;
    sri_store_ring_opens(model, &mine);
    uint64_t serial = model->heap != NULL ? model->heap->serial : 0;
    if (model->heap != NULL)
        model->heap->purpose = SRI_PURPOSE_RING;
    int rc = open_attached(model, &ring, &mine);
    uint64_t bytes = 0;
    uint64_t blocks = 0;
    if (model->heap != NULL) {
        model->heap->purpose = SRI_PURPOSE_OTHER;
        blocks = sri_heap_owed(model->heap, SRI_PURPOSE_RING, serial, &bytes);
    }
    sri_model_code(
        model,
        "SHOULD(open_ring((struct sr_config){.entries = %u, .completion_entries = %u, .max_in_flight = %u, "
        ".queue_entries = %u, .argument_bytes = %u, .post_entries = %u, .defer_taskrun = %d, .disabled = %d, "
        ".cancel_on_drop = %d}), %d);",
        mine.entries, mine.completion_entries, mine.max_in_flight, mine.queue_entries, mine.argument_bytes,
        mine.post_entries, mine.defer_taskrun, mine.disabled, mine.cancel_on_drop, rc);
    sri_model_tell(model, "open ring, %u entries: %d", mine.entries, rc);
    if (rc != 0) {
        sri_judge(model->verdict, SRI_RULE_RING_5, 0,
                  ring == NULL && blocks == 0 && model->tap->mappings == mappings &&
                      model->tap->rings == rings,
                  "opening a ring failed with %d, and left %llu blocks of memory, %u mappings, %u rings", rc,
                  (unsigned long long)blocks, model->tap->mappings - mappings, model->tap->rings - rings);
        return rc;
    }
    size_t keep_begin = offsetof(struct sri_model, ring);
    size_t keep_end = offsetof(struct sri_model, opened);
    uint64_t next_post = model->next_post;
    memset((char *)model + keep_begin, 0, keep_end - keep_begin);
    model->next_post = next_post;
    model->ring = ring;
    model->config = mine;
    model->config.backend = NULL;
    model->ring_serial = serial;
    model->sq_entries = 1;
    while (model->sq_entries < mine.entries)
        model->sq_entries *= 2;
    model->cq_entries = 2 * model->sq_entries;
    if (mine.completion_entries != 0)
        for (model->cq_entries = 1; model->cq_entries < mine.completion_entries;)
            model->cq_entries *= 2;
    model->max_in_flight = mine.max_in_flight != 0 ? mine.max_in_flight : model->cq_entries;
    model->queue_entries = mine.queue_entries;
    if (mine.queue_entries == 0)
        model->queue_entries =
            model->max_in_flight > model->cq_entries ? model->max_in_flight : model->cq_entries;
    model->argument_bytes = mine.argument_bytes != 0 ? mine.argument_bytes : 320;
    model->post_entries = mine.post_entries != 0 ? mine.post_entries : 64;
    sri_store_ring_opened(model);
    sri_judge(model->verdict, SRI_RULE_BACK_3, 0, strcmp(sr_ring_backend(ring), backend.vtable->name) == 0,
              "the ring says that its kernel is %s", sr_ring_backend(ring));
    sri_judge(model->verdict, SRI_RULE_BACK_4, 0,
              sr_ring_backend_reason(ring) != NULL && sr_ring_backend_reason(ring)[0] != 0,
              "the ring can't say why it has its kernel");
    return 0;
}

/* ---- The panic ---- */

static struct {
    struct sri_model *model;
    jmp_buf away;
    bool jumps;
    uint32_t panics;
    uint64_t serial; /* of the heap, before the close */
    uint64_t live_bytes;
} panicking;

static const char *state_of(const struct sri_model *model, const struct sri_act *act)
{
    if (!model->sees)
        return NULL;
    if (act->recalled)
        return act->hand == SRI_HAND_DONE ? "delivered" : "completed";
    if (!act->consumed)
        return "queued";
    if (act->hand == SRI_HAND_DONE)
        return "delivered";
    if (sri_model_is_reaped(model, act))
        return "completed";
    if (act->posted || act->cancelled || act->limited || act->hand == SRI_HAND_DROPPED)
        return NULL; /* several are right */
    return "submitted";
}

/* One of a batch: waiting, ended, or with the kernel. */
static bool is_members(struct sri_model *model, const struct sr_panic_operation *line)
{
    static const char *const slotless[] = {"waiting", "ready", "done", "failed", "cancelled"};
    struct sri_lot *lot;
    const struct sri_lot_member *member = sri_lot_member(model, line->id, &lot);
    if (sri_lots_in_flight(model) == 0)
        return false;
    if (member != NULL)
        return sri_judge(model->verdict, SRI_RULE_RING_2, line->id,
                         strcmp(line->kind, sri_model_kind_name(member->opcode)) == 0 && !line->orphaned,
                         "the panic lists an operation of a batch as %s", line->kind);
    for (size_t i = 0; line->id == 0 && i < sizeof slotless / sizeof slotless[0]; i++)
        if (strcmp(line->state, slotless[i]) == 0)
            return true;
    /* Queued, or on a kernel that does not tell. */
    return line->id != 0 && (!model->sees || strcmp(line->state, "queued") == 0) &&
           sri_model_act(model, line->id) == NULL;
}

static void judge_line(struct sri_model *model, const struct sr_panic_operation *line)
{
    if (is_members(model, line))
        return;
    const struct sri_act *act = sri_model_act(model, line->id);
    if (!sri_judge(model->verdict, SRI_RULE_RING_2, line->id, act != NULL && act->hand != SRI_HAND_NONE,
                   "the panic lists an operation that is not in flight"))
        return;
    const char *state = state_of(model, act);
    bool no_fd = act->opcode == IORING_OP_NOP || act->opcode == IORING_OP_TIMEOUT;
    sri_judge(model->verdict, SRI_RULE_RING_2, line->id,
              strcmp(line->kind, sri_model_kind_name(act->opcode)) == 0 &&
                  (no_fd || line->fd == (line->fixed ? (int)act->file_index : act->fd)) &&
                  line->fixed == (act->file != NULL) &&
                  line->buffer_size == (act->buffer != NULL ? act->buffer->size
                                        : act->pin != NULL  ? act->pin->size
                                                            : 0),
              "the panic lists it as %s of descriptor %d with %zu bytes", line->kind, line->fd,
              line->buffer_size);
    sri_judge(model->verdict, SRI_RULE_RING_2, line->id, state == NULL || strcmp(line->state, state) == 0,
              "the panic says that it is %s; it is %s", line->state, state);
    sri_judge(model->verdict, SRI_RULE_RING_2, line->id, line->orphaned == (act->hand == SRI_HAND_DROPPED),
              "the panic %s it an orphan", line->orphaned ? "calls" : "does not call");
    uint64_t now = model->verdict->now_ns;
    if (model->sees && act->consumed)
        sri_judge(model->verdict, SRI_RULE_RING_2, line->id,
                  line->age_ns <= now - act->consumed_ns + model->clock_slack_ns,
                  "the panic says that it is older than it is");
}

static void on_panic(const struct sr_panic *panic, void *user)
{
    struct sri_model *model = user;
    panicking.panics++;
    uint32_t in_flight[2];
    uint32_t orphans[2];
    sri_model_bounds(model, in_flight, orphans);
    sri_judge(model->verdict, SRI_RULE_RING_1, 0,
              panic->count >= in_flight[0] && panic->count <= in_flight[1],
              "the panic counts %u operations; there are %u to %u", panic->count, in_flight[0], in_flight[1]);
    sri_judge(model->verdict, SRI_RULE_RING_2, 0,
              panic->message != NULL && strncmp(panic->message, "OperationsInFlight { count: ", 28) == 0,
              "the panic's message is another");
    struct sr_panic_operation line;
    uint32_t lines = 0;
    while (sr_panic_at(panic, lines, &line)) {
        judge_line(model, &line);
        lines++;
    }
    sri_judge(model->verdict, SRI_RULE_RING_2, 0, lines == panic->count, "the panic counts %u and lists %u",
              panic->count, lines);
    if (model->heap != NULL)
        sri_judge(model->verdict, SRI_RULE_RING_3, 0,
                  panicking.serial == model->heap->serial && panicking.live_bytes == model->heap->live_bytes,
                  "the panic came after memory was released or taken");
    if (panicking.jumps)
        longjmp(panicking.away, 1);
}

static int close_with_panic(struct sri_model *model, bool jumps)
{
    panicking.model = model;
    panicking.jumps = jumps;
    panicking.panics = 0;
    panicking.serial = model->heap != NULL ? model->heap->serial : 0;
    panicking.live_bytes = model->heap != NULL ? model->heap->live_bytes : 0;
    sr_set_panic_handler(on_panic, model);
    volatile int rc = SR_EOPERATIONS_IN_FLIGHT;
    if (setjmp(panicking.away) == 0)
        rc = sr_ring_close(&model->ring);
    sr_set_panic_handler(sri_model_unexpected_panic, model);
    return rc;
}

/* Everything the ring had is back (RING-5). */
static void judge_nothing_left(struct sri_model *model)
{
    uint64_t bytes = 0;
    uint64_t blocks =
        model->heap != NULL ? sri_heap_owed(model->heap, SRI_PURPOSE_RING, model->ring_serial, &bytes) : 0;
    sri_judge(model->verdict, SRI_RULE_RING_5, 0, blocks == 0 || sri_store_keeps_memory(model),
              "a closed ring keeps %llu blocks, %llu bytes", (unsigned long long)blocks,
              (unsigned long long)bytes);
    sri_judge(model->verdict, SRI_RULE_RING_5, 0, model->tap->mappings == 0 && model->tap->rings == 0,
              "a closed ring keeps %u mappings and %u descriptors", model->tap->mappings, model->tap->rings);
}

/* After a refused close: as it was (RING-3, RING-4, ORPH-6). */
static void judge_whole(struct sri_model *model, const struct sr_ring *ring, enum sri_closing how,
                        uint32_t flying, uint32_t orphans)
{
    enum sri_rule rule = how == SRI_CLOSE_TRY ? SRI_RULE_RING_4 : SRI_RULE_RING_3;
    sri_judge(model->verdict, rule, 0,
              model->ring == ring && sr_ring_in_flight(ring) == flying &&
                  sr_ring_orphan_count(ring) == orphans,
              "a refused close has changed the ring");
    sri_judge(model->verdict, how == SRI_CLOSE_TRY ? SRI_RULE_RING_4 : SRI_RULE_RING_1, 0,
              panicking.panics == (how == SRI_CLOSE_TRY ? 0u : 1u),
              "a close with operations in flight panicked %u times", panicking.panics);
}

int sri_model_close(struct sri_model *model, enum sri_closing how)
{
    struct sr_ring *ring = model->ring;
    uint32_t in_flight[2];
    uint32_t orphans[2];
    sri_model_bounds(model, in_flight, orphans);
    uint32_t flying = sr_ring_in_flight(ring);
    uint32_t orphaned = sr_ring_orphan_count(ring);
    panicking.panics = 0;
    int rc = how == SRI_CLOSE_TRY ? sr_ring_try_close(&model->ring)
                                  : close_with_panic(model, how == SRI_CLOSE_JUMP);
    sri_model_code(model, "SHOULD(%s(&ring), %d);",
                   how == SRI_CLOSE_TRY ? "sr_ring_try_close" : "sr_ring_close", rc);
    sri_model_tell(model, "close %d with %u in flight: %d", (int)how, flying, rc);
    sri_judge(model->verdict, SRI_RULE_RING_1, 0,
              rc == 0 ? in_flight[0] == 0 && model->ring == NULL
                      : rc == SR_EOPERATIONS_IN_FLIGHT && in_flight[1] > 0 && model->ring == ring,
              "a close with %u to %u operations in flight was answered %d", in_flight[0], in_flight[1], rc);
    if (rc != 0) {
        judge_whole(model, ring, how, flying, orphaned);
        model->refused_close = how != SRI_CLOSE_TRY;
        sri_model_settle(model);
        return rc;
    }
    model->ring = NULL;
    while (model->hands[SRI_HAND_DROPPED] > 0) {
        struct sri_act *act = sri_model_pick(model, SRI_HAND_DROPPED, 0);
        if (act->buffer != NULL)
            sri_model_home(model, act->buffer, SRI_RULE_ORPH_3, act->id);
        sri_model_retire(model, act);
    }
    sri_judge(model->verdict, SRI_RULE_RING_5, 0, model->requests == 0,
              "a ring was closed with %llu requests of the program in the kernel",
              (unsigned long long)model->requests);
    judge_nothing_left(model);
    sri_store_ring_closed(model);
    return 0;
}

/* ---- Draining ---- */

static bool has_gone_home(const struct sri_model *model, const struct sri_act *act)
{
    return act->buffer != NULL && model->heap != NULL && sri_model_is_home(model, act->buffer);
}

/*
 * On a kernel that does not tell, the books know which operations a dropped batch has left, and not which of those that look
 * alike works on which buffer: that is seen when the first of them ends.
 */
static void settle_look_alikes(struct sri_model *model, struct sri_act *act)
{
    if (model->sees || act->hand != SRI_HAND_DROPPED || act->buffer == NULL || has_gone_home(model, act))
        return;
    for (struct sri_node *node = model->acts.next; node != &model->acts; node = node->next) {
        struct sri_act *other = SRI_CONTAINER_OF(node, struct sri_act, node);
        if (other->hand != SRI_HAND_DROPPED || other->opcode != act->opcode || other->fd != act->fd ||
            !has_gone_home(model, other) || other->buffer->size != act->buffer->size)
            continue;
        struct sri_held *buffer = other->buffer;
        other->buffer = act->buffer;
        act->buffer = buffer;
        other->buffer->act = other;
        act->buffer->act = act;
        return;
    }
}

static void judge_drained(struct sri_model *model, struct sri_act *act)
{
    settle_look_alikes(model, act);
    if (act->op.id != 0) {
        struct sr_op copy = {act->id};
        struct sr_completion done;
        int rc = sr_op_peek(model->ring, &copy, &done);
        sri_judge(model->verdict, SRI_RULE_OP_3, act->id, rc == SR_ESTALE,
                  "a drained operation's handle is answered %d", rc);
    }
    bool descriptor = (act->opcode == IORING_OP_ACCEPT || act->opcode == IORING_OP_OPENAT) && act->posted &&
                      act->result >= 0 && act->result < SRI_MODEL_FDS;
    if (descriptor)
        sri_judge(model->verdict, SRI_RULE_ORPH_4, act->id, model->closed[act->result] >= act->closes_due,
                  "a drain disposed of an operation, and its descriptor %d is open", act->result);
    if (act->buffer != NULL)
        sri_model_home(model, act->buffer, SRI_RULE_RING_4, act->id);
    sri_model_retire(model, act);
}

/* Marks every act that a panic lists as in flight. */
static void learn_listed(const struct sr_panic *panic, void *user)
{
    struct sr_panic_operation line;
    for (uint32_t i = 0; sr_panic_at(panic, i, &line); i++) {
        struct sri_act *act = sri_model_act(user, line.id);
        if (act != NULL)
            act->listed = true;
    }
}

/* Asks who is in flight, by a close that must be refused. */
void sri_model_ask_the_panic(struct sri_model *model, sr_panic_fn *learn)
{
    struct sr_ring *ring = model->ring;
    sr_set_panic_handler(learn, model);
    int rc = sr_ring_close(&ring);
    sr_set_panic_handler(sri_model_unexpected_panic, model);
    sri_judge(model->verdict, SRI_RULE_RING_3, 0, rc == SR_EOPERATIONS_IN_FLIGHT && ring == model->ring,
              "a close with operations in flight was answered %d", rc);
}

/* One that is not in flight any more: it had ended, and the drain has disposed of it. */
static struct sri_act *next_gone(struct sri_model *model)
{
    for (struct sri_node *node = model->acts.next; node != &model->acts; node = node->next) {
        struct sri_act *act = SRI_CONTAINER_OF(node, struct sri_act, node);
        bool held =
            act->hand != SRI_HAND_NONE && act->hand != SRI_HAND_LEFT && act->hand != SRI_HAND_CALLBACK;
        bool ended = act->posted || act->recalled || act->hand == SRI_HAND_DONE || !model->sees;
        if (held && ended && !act->listed)
            return act;
    }
    return NULL;
}

static void learn_who_is_in_flight(struct sri_model *model)
{
    for (struct sri_node *node = model->acts.next; node != &model->acts; node = node->next)
        SRI_CONTAINER_OF(node, struct sri_act, node)->listed = false;
    if (sr_ring_in_flight(model->ring) > 0)
        sri_model_ask_the_panic(model, learn_listed);
}

static uint32_t held_count(const struct sri_model *model)
{
    return model->hands[SRI_HAND_HANDLE] + model->hands[SRI_HAND_DONE] + model->hands[SRI_HAND_QUEUE] +
           model->hands[SRI_HAND_CALLBACK] + model->hands[SRI_HAND_DROPPED] + sri_lots_in_flight(model);
}

static void judge_drain(struct sri_model *model, int rc, uint32_t remaining)
{
    uint32_t flying = sr_ring_in_flight(model->ring);
    sri_judge(model->verdict, SRI_RULE_RING_4, 0, remaining == flying && (rc == 0) == (flying == 0),
              "a drain was answered %d, says that %u remain, and %u are in flight", rc, remaining, flying);
    if (rc != 0 && rc != -ETIME && rc != -EAGAIN && rc != -EBUSY && rc != -EDEADLK)
        sri_violated(model->verdict, SRI_RULE_RING_4, 0, "a drain was answered %d", rc);
    sri_model_lots_drained(model);
    flying = sr_ring_in_flight(model->ring);
    learn_who_is_in_flight(model);
    while (held_count(model) > flying) {
        struct sri_act *act = next_gone(model);
        sri_judge(model->verdict, SRI_RULE_RING_4, 0, act != NULL,
                  "after a drain %u operations are in flight; %u have not ended", flying, held_count(model));
        if (act == NULL)
            return;
        judge_drained(model, act);
    }
}

int sri_model_drain(struct sri_model *model, uint64_t timeout_ns)
{
    uint32_t remaining = UINT32_MAX;
    model->draining = true;
    sri_model_wait_begin(model);
    int rc = sr_ring_drain(model->ring, timeout_ns, &remaining);
    model->draining = false;
    sri_model_code(model, "SHOULD(sr_ring_drain(ring, %lluu, &left), %d);", (unsigned long long)timeout_ns,
                   rc);
    sri_model_code(model, "SHOULD(left, %u);", remaining);
    sri_model_tell(model, "drain: %d, %u remain", rc, remaining);
    model->waiting--;
    model->waiting++; /* what callbacks left is judged below, when the books are right again */
    judge_drain(model, rc, remaining);
    sri_model_wait_end(model);
    return rc;
}

/* Of entries that were not consumed, those the panic lists as completed were taken back. */
static void learn_recalled(const struct sr_panic *panic, void *user)
{
    struct sr_panic_operation line;
    for (uint32_t i = 0; sr_panic_at(panic, i, &line); i++) {
        struct sri_act *act = sri_model_act(user, line.id);
        if (act != NULL && !act->consumed && strcmp(line.state, "completed") == 0)
            act->recalled = true;
    }
}

int sri_model_cancel_all(struct sri_model *model, uint64_t timeout_ns)
{
    uint32_t remaining = UINT32_MAX;
    model->tagged = true;
    /* Entries not consumed are taken back by it; which, is seen when it returns. */
    for (struct sri_node *node = model->acts.next; node != &model->acts; node = node->next)
        SRI_CONTAINER_OF(node, struct sri_act, node)->cancelled = true;
    for (uint32_t i = 0; i < SRI_LOTS; i++)
        model->lots[i].given_up = model->lots[i].given_up || model->lots[i].stage == SRI_LOT_RUNNING;
    sri_model_wait_begin(model);
    int rc = sr_ring_cancel_all(model->ring, timeout_ns, &remaining);
    sri_model_code(model, "SHOULD(sr_ring_cancel_all(ring, %lluu, &left), %d);",
                   (unsigned long long)timeout_ns, rc);
    sri_model_code(model, "SHOULD(left, %u);", remaining);
    sri_model_tell(model, "cancel_all: %d, %u remain", rc, remaining);
    if (model->sees && rc == SR_EQUEUE_FULL)
        sri_model_ask_the_panic(model, learn_recalled);
    else if (model->sees)
        for (struct sri_node *node = model->acts.next; node != &model->acts; node = node->next) {
            struct sri_act *act = SRI_CONTAINER_OF(node, struct sri_act, node);
            if (!act->consumed && act->hand != SRI_HAND_NONE)
                act->recalled = true;
        }
    uint32_t open = sri_lots_under_way(model);
    for (struct sri_node *node = model->acts.next; node != &model->acts; node = node->next) {
        const struct sri_act *act = SRI_CONTAINER_OF(node, struct sri_act, node);
        open += !act->posted && !act->recalled ? 1 : 0;
    }
    sri_judge(model->verdict, SRI_RULE_RING_4, 0, (rc == 0) == (remaining == 0),
              "cancelling all was answered %d, and %u remain", rc, remaining);
    if (model->sees)
        sri_judge(model->verdict, SRI_RULE_RING_4, 0, remaining >= open && (rc != 0 || open == 0),
                  "cancelling all says that %u remain; %u have not ended", remaining, open);
    sri_model_wait_end(model);
    return rc;
}
