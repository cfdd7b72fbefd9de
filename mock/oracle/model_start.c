/*
 * Starting and submitting, judged: a buffer moves or nothing does (BUF-2, BUF-3), ids (OP-1), arguments (ARG-1), room in
 * the SQ (OP-6, OP-7), what must be refused (BUF-8, BACK-2).
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "oracle/model.h"

#include <stdio.h>
#include <string.h>

static uint32_t queued(const struct sri_model *model)
{
    uint32_t count = 0;
    for (const struct sri_node *node = model->acts.next; node != &model->acts; node = node->next) {
        const struct sri_act *act = SRI_CONTAINER_OF(node, struct sri_act, node);
        if (!act->consumed && !act->recalled)
            count += act->limited ? 2 : 1;
    }
    return count;
}

/* What the call is given besides the buffer; overwritten as soon as it returns (ARG-1). */
struct scratch {
    char bytes[SRI_PATH_MAX];
    uint32_t length;
};

static void keep_argument(struct scratch *scratch, struct sr_op_spec *spec)
{
    scratch->length = 0;
    if (spec->argument == NULL)
        return;
    size_t length = spec->opcode == IORING_OP_OPENAT ? strlen(spec->argument) + 1 : spec->argument_length;
    if (length > sizeof scratch->bytes)
        return;
    memcpy(scratch->bytes, spec->argument, length);
    scratch->length = (uint32_t)length;
    spec->argument = scratch->bytes;
}

static void judge_nothing_moved(struct sri_model *model, const struct sri_held *buffer, uint32_t flying,
                                int rc)
{
    bool same = sr_ring_in_flight(model->ring) == flying;
    if (buffer != NULL)
        same = same && buffer->handle == buffer->copy && sr_buffer_is_user_owned(buffer->copy) &&
               sr_buffer_size(buffer->copy) == buffer->size;
    sri_judge(model->verdict, SRI_RULE_BUF_2, 0, same, "a start that failed with %d has moved something", rc);
}

static void judge_refusal(struct sri_model *model, int rc, uint32_t entries, uint32_t was_queued)
{
    uint32_t in_flight[2];
    uint32_t orphans[2];
    sri_model_bounds(model, in_flight, orphans);
    switch (rc) {
    case -EBUSY:
        sri_judge(model->verdict, SRI_RULE_OP_1, 0, model->tagged || in_flight[1] >= model->max_in_flight,
                  "a start was refused with %u of %u operations in flight", in_flight[1],
                  model->max_in_flight);
        return;
    case -EAGAIN:
        sri_judge(model->verdict, SRI_RULE_OP_7, 0,
                  model->tagged || !model->sees || was_queued + entries > model->sq_entries ||
                      sri_lots_in(model, SRI_LOT_RUNNING) > 0,
                  "a start was refused for want of room with %u of %u entries queued", was_queued,
                  model->sq_entries);
        return;
    case -E2BIG:
        sri_judge(model->verdict, SRI_RULE_OP_7, 0, entries > model->sq_entries,
                  "%u entries that belong together were refused by an SQ of %u", entries, model->sq_entries);
        return;
    case SR_EINVALID_STATE:
        sri_judge(model->verdict, SRI_RULE_RING_4, 0, model->draining, "a start was refused outside a drain");
        return;
    default: sri_violated(model->verdict, SRI_RULE_OP_2, 0, "a right start was refused: %d", rc); return;
    }
}

static void judge_started(struct sri_model *model, struct sri_act *act)
{
    sri_judge(model->verdict, SRI_RULE_OP_1, act->id, act->id != 0 && sri_model_act(model, act->id) == NULL,
              "a new operation has an id that is in use, or 0");
    uint32_t in_flight[2];
    uint32_t orphans[2];
    sri_model_bounds(model, in_flight, orphans);
    sri_judge(model->verdict, SRI_RULE_OP_1, act->id,
              in_flight[0] - sri_lots_in_flight(model) < model->max_in_flight,
              "%u operations in flight, and one more was started", in_flight[0]);
    struct sri_held *held = act->buffer;
    if (held == NULL)
        return;
    sri_judge(model->verdict, SRI_RULE_BUF_2, act->id, held->handle == NULL,
              "the handle of a buffer that was given away is not NULL");
    sri_judge(model->verdict, SRI_RULE_BUF_3, act->id, !sr_buffer_is_user_owned(held->copy),
              "a buffer was queued for the kernel, and is still the program's");
    sri_judge(model->verdict, SRI_RULE_BUF_1, act->id, held->act == NULL, "a buffer was given away twice");
    held->handle = NULL;
}

static void add_act(struct sri_model *model, struct sri_act *act, const struct sr_op_spec *spec,
                    const struct scratch *scratch)
{
    act->opcode = spec->opcode;
    act->fd = spec->target.number;
    if (spec->target.fixed) {
        act->file = sri_store_file_of(model, (uint32_t)spec->target.number, spec->target.generation);
        act->file_index = (uint32_t)spec->target.number;
        act->fd = act->file != NULL ? act->file->fd : -1;
    }
    act->begin = spec->range.begin;
    act->limited = spec->timeout_ns != 0;
    act->wants_peer = (spec->flags & SR_OP_WANT_PEER) != 0;
    act->duration_ns = spec->duration_ns;
    act->argument_length = scratch->length;
    memcpy(act->argument, scratch->bytes, scratch->length);
    if (act->limited)
        model->tagged = true;
    if (act->buffer != NULL) {
        bool whole = !spec->range.given && spec->range.length == 0 && spec->range.begin == 0;
        act->length = (uint32_t)(whole ? act->buffer->size : spec->range.length);
        act->buffer->act = act;
    }
    if (act->pin != NULL)
        act->length = (uint32_t)spec->range.length;
    sri_model_enlist(model, act, SRI_HAND_HANDLE);
}

static void add_field(char *text, size_t size, const char *name, unsigned long long value)
{
    if (value != 0)
        snprintf(text + strlen(text), size - strlen(text), ", .%s = %lluu", name, value);
}

static void code_start(struct sri_model *model, const struct sri_act *act, const struct sr_op_spec *spec,
                       const struct scratch *argument, const struct sri_held *buffer, int rc)
{
    char bytes[512] = "";
    char fields[256] = "";
    if (model->client.code == NULL)
        return;
    for (uint32_t i = 0; i < argument->length && strlen(bytes) + 5 < sizeof bytes; i++)
        snprintf(bytes + strlen(bytes), sizeof bytes - strlen(bytes), "%u,",
                 (unsigned)(uint8_t)argument->bytes[i]);
    add_field(fields, sizeof fields, "flags", spec->flags);
    add_field(fields, sizeof fields, "opcode_flags", spec->opcode_flags);
    add_field(fields, sizeof fields, "mode", spec->mode);
    add_field(fields, sizeof fields, "offset", spec->offset);
    add_field(fields, sizeof fields, "duration_ns", spec->duration_ns);
    add_field(fields, sizeof fields, "timeout_ns", spec->timeout_ns);
    if (spec->range.given)
        snprintf(fields + strlen(fields), sizeof fields - strlen(fields), ", .range = {%zu, %zu, true}",
                 spec->range.begin, spec->range.length);
    sri_model_code(model,
                   "SHOULD(start(%u, %d, (struct sr_op_spec){.opcode = %u, .target = {.number = %d}%s}, "
                   "(const uint8_t[]){%s0}, %u), %d);",
                   sri_act_number(model, act), buffer != NULL ? (int)sri_held_number(model, buffer) : -1,
                   (unsigned)spec->opcode, spec->target.number, fields, bytes, argument->length, rc);
}

static int start(struct sri_model *model, const struct sr_op_spec *given, struct sri_held *buffer,
                 struct sri_pin *pin, struct sri_act **out)
{
    uint32_t was_queued = queued(model);
    struct sri_act *act = sri_model_new_act(model);
    if (act == NULL)
        return -EBUSY;
    struct sr_op_spec spec = *given;
    struct scratch scratch;
    keep_argument(&scratch, &spec);
    struct scratch kept = scratch;
    uint32_t flying = sr_ring_in_flight(model->ring);
    uint32_t entries = spec.timeout_ns != 0 ? 2 : 1;
    uint64_t enters = model->enters;
    int rc = pin != NULL      ? sr_op_borrow(model->ring, &spec, pin->pinned, &act->op)
             : buffer != NULL ? sr_op_start(model->ring, &spec, &buffer->handle, &act->op)
                              : sr_op_start_plain(model->ring, &spec, &act->op);
    memset(scratch.bytes, '?', sizeof scratch.bytes);
    if (pin != NULL)
        sri_model_judge_borrowed(model, rc);
    else
        code_start(model, act, &spec, &kept, buffer, rc);
    sri_model_tell(model, "start opcode %u fd %d length %zu: %d id %llx", (unsigned)spec.opcode,
                   spec.target.number, spec.range.length, rc,
                   rc == 0 ? (unsigned long long)act->op.id : 0ULL);
    if (rc != 0) {
        sri_list_remove(&act->node);
        sri_list_append(&model->spare_acts, &act->node);
        if (enters == model->enters)
            judge_nothing_moved(model, buffer, flying, rc);
        if (rc != SR_ERING_BORROWED)
            judge_refusal(model, rc, entries, was_queued);
        return rc;
    }
    act->id = act->op.id;
    act->buffer = buffer;
    act->pin = pin;
    if (model->draining)
        sri_violated(model->verdict, SRI_RULE_RING_4, act->id, "a ring that drains took new work");
    if (!model->sees)
        model->verdict->operations++;
    judge_started(model, act);
    if (model->sees && was_queued + entries > model->sq_entries)
        sri_judge(model->verdict, SRI_RULE_OP_7, act->id, model->enters != enters,
                  "the SQ was full, and an entry found room without a submission");
    add_act(model, act, &spec, &kept);
    sri_model_settle(model);
    if (out != NULL)
        *out = act;
    return 0;
}

int sri_model_start(struct sri_model *model, const struct sr_op_spec *spec, struct sri_held *buffer,
                    struct sri_act **act)
{
    return start(model, spec, buffer, NULL, act);
}

int sri_model_borrow(struct sri_model *model, const struct sr_op_spec *spec, struct sri_pin *pin,
                     struct sri_act **act)
{
    return start(model, spec, NULL, pin, act);
}

struct bad {
    struct sr_op_spec spec;
    bool buffer;
    int expected;
    int or_else;
    enum sri_rule rule;
    const char *what;
};

static struct bad bad_spec(const struct sri_model *model, uint32_t which, char *path, size_t path_size)
{
    struct sr_fd nowhere = sr_fd(-1);
    switch (which % SRI_BAD_SPECS) {
    case 0: /* whose low 32 bits would fit */
        return (struct bad){sr_spec_read(nowhere, 0, sr_range(0, (size_t)UINT32_MAX + 2)),
                            true,
                            -E2BIG,
                            -EINVAL,
                            SRI_RULE_BUF_8,
                            "a length above 32 bits"};
    case 1:
        return (struct bad){sr_spec_send(nowhere, sr_range(0, (size_t)1 << 40 | 1), 0),
                            true,
                            -E2BIG,
                            -EINVAL,
                            SRI_RULE_BUF_8,
                            "a length above 32 bits"};
    case 2:
        return (struct bad){sr_spec_write(nowhere, 0, sr_range(1, SIZE_MAX)),
                            true,
                            -EINVAL,
                            -E2BIG,
                            SRI_RULE_BUF_8,
                            "a range that leaves the buffer"};
    case 3: {
        size_t length = model->argument_bytes + 1 < path_size ? model->argument_bytes + 1 : path_size - 1;
        memset(path, 'x', length);
        path[length] = 0;
        return (struct bad){sr_spec_openat(nowhere, path, 0, 0), false, -E2BIG, -E2BIG, SRI_RULE_ARG_1,
                            "a path that does not fit"};
    }
    case 4: {
        size_t length = model->argument_bytes + 1;
        return (struct bad){sr_spec_connect(nowhere, (const struct sockaddr *)(const void *)path,
                                            length < path_size ? length : path_size),
                            false,
                            -E2BIG,
                            -E2BIG,
                            SRI_RULE_ARG_1,
                            "an address that does not fit"};
    }
    case 5: {
        struct bad bad = {sr_spec_nop(), false,           -EOPNOTSUPP,
                          -EOPNOTSUPP,   SRI_RULE_BACK_2, "an unknown opcode"};
        bad.spec.opcode = 250;
        return bad;
    }
    case 6:
        return (struct bad){sr_spec_nop(),   true,
                            -EOPNOTSUPP,     -EOPNOTSUPP,
                            SRI_RULE_BACK_2, "an opcode that takes no buffer"};
    default:
        return (struct bad){sr_spec_read(nowhere, 0, (struct sr_range){0}),
                            false,
                            -EOPNOTSUPP,
                            -EINVAL,
                            SRI_RULE_BACK_2,
                            "an opcode that needs a buffer"};
    }
}

void sri_model_bad_start(struct sri_model *model, uint32_t which, struct sri_held *buffer)
{
    /* Larger than any room the scenarios configure for arguments. */
    char path[2048];
    memset(path, 0, sizeof path);
    struct bad bad = bad_spec(model, which, path, sizeof path);
    if (bad.buffer && (buffer == NULL || buffer->handle == NULL || buffer->bytes == NULL))
        return;
    uint32_t flying = sr_ring_in_flight(model->ring);
    uint64_t enters = model->enters;
    struct sr_op op = {0};
    int rc = bad.buffer ? sr_op_start(model->ring, &bad.spec, &buffer->handle, &op)
                        : sr_op_start_plain(model->ring, &bad.spec, &op);
    /* A full ring may refuse it first. */
    bool fitting = rc == bad.expected || rc == bad.or_else || rc == -EBUSY || rc == -EAGAIN ||
                   (rc == SR_EINVALID_STATE && model->draining);
    sri_judge(model->verdict, bad.rule, 0, fitting, "%s was answered %d", bad.what, rc);
    if (model->enters == enters)
        judge_nothing_moved(model, bad.buffer ? buffer : NULL, flying, rc);
    sri_model_settle(model);
}

/* What the kernel did not take is queued still: in flight, its buffer not the program's (OP-6). */
static void judge_left(struct sri_model *model)
{
    for (struct sri_node *node = model->acts.next; node != &model->acts; node = node->next) {
        struct sri_act *act = SRI_CONTAINER_OF(node, struct sri_act, node);
        if (!act->left || act->consumed || act->recalled)
            continue;
        bool kept = act->buffer == NULL || !sr_buffer_is_user_owned(act->buffer->copy);
        sri_judge(model->verdict, SRI_RULE_OP_6, act->id, kept,
                  "an entry that the kernel did not take is queued, and its buffer is the program's");
    }
}

/* A ring whose close was refused is whole: what was queued then goes to the kernel like anything else (RING-3). */
static void judge_all_taken(struct sri_model *model)
{
    uint32_t left = queued(model);
    sri_judge(model->verdict, SRI_RULE_OP_6, 0, left == 0,
              "a submission succeeded, and %u entries were not taken", left);
    if (model->refused_close)
        sri_judge(
            model->verdict, SRI_RULE_RING_3, 0, left == 0,
            "after a refused close a submission succeeded, and %u entries that were queued were not taken",
            left);
    model->refused_close = false;
}

int sri_model_submit(struct sri_model *model)
{
    int rc = sr_ring_submit(model->ring);
    sri_model_code(model, "SHOULD(sr_ring_submit(ring), %d);", rc);
    sri_model_tell(model, "submit: %d", rc);
    if (model->sees)
        judge_left(model);
    if (rc == 0 && model->sees)
        judge_all_taken(model);
    sri_model_settle(model);
    return rc;
}
