/*
 * Zero-copy sends: over when they are notified, and not before; until then nobody but the kernel has the bytes (BUF-3, BUF-4,
 * BUF-5, ORPH-3). As soon as the buffer is back it is written over: bytes that the kernel still sends come out wrong.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "oracle/shots.h"

static struct sri_verdict *verdict_of(const struct sri_sending *sending)
{
    return sending->shots->model->verdict;
}

static void fill(void *user, uint8_t *bytes, size_t size)
{
    const struct sri_flow *flow = user;
    for (size_t i = 0; i < size; i++)
        bytes[i] = sri_flow_byte(flow->key, flow->given + i);
}

static void write_over(void *user, uint8_t *bytes, size_t size)
{
    (void)user;
    memset(bytes, 0xa5, size);
}

static struct sri_sending *free_place(struct sri_shots *shots)
{
    for (uint32_t i = 0; i < SRI_SENDINGS; i++)
        if (shots->sendings[i].talk == NULL)
            return &shots->sendings[i];
    return NULL;
}

/* One at a time in each conversation: how far one got is known when it has ended. */
static bool is_sending(const struct sri_shots *shots, const struct sri_conversation *talk)
{
    for (uint32_t i = 0; i < SRI_SENDINGS; i++)
        if (shots->sendings[i].talk == talk)
            return true;
    return false;
}

bool sri_sending_send(struct sri_shots *shots, struct sri_conversation *talk, uint32_t length, bool detached)
{
    struct sri_model *model = shots->model;
    struct sri_sending *sending = free_place(shots);
    if (sending == NULL || is_sending(shots, talk) || talk->out_lost)
        return false;
    struct sri_held *held = sri_model_buffer(model, length);
    if (held == NULL)
        return false;
    sri_model_access(model, held, false, fill, &talk->out);
    *sending = (struct sri_sending){.shots = shots, .held = held, .length = length};
    struct sr_op_spec spec = sr_spec_send_zc(sr_fd(talk->mine), sr_range(0, length), MSG_NOSIGNAL);
    int rc = sr_op_start(shots->ring, &spec, &held->handle, &sending->op);
    sri_model_tell(model, "send %u by zero copy on %d: %d id %llx", length, talk->mine, rc,
                   (unsigned long long)sending->op.id);
    if (rc != 0) {
        sri_judge(model->verdict, SRI_RULE_BUF_2, 0,
                  (rc == -EBUSY || rc == -EAGAIN || rc == SR_EINVALID_STATE) && held->handle == held->copy,
                  "a send was refused with %d, or has moved its buffer all the same", rc);
        sri_model_release(model, held);
        return false;
    }
    sending->id = sending->op.id;
    sending->talk = talk;
    talk->coming = length;
    if (detached) {
        rc = sr_op_detach(shots->ring, &sending->op, sending);
        sri_judge(model->verdict, SRI_RULE_OP_2, sending->id, rc == 0, "a live send can't be detached: %d",
                  rc);
    }
    sri_sending_probe(sending);
    sri_shots_judge_counts(shots);
    return true;
}

void sri_sending_probe(const struct sri_sending *sending)
{
    struct sr_buffer *copy = sending->held->copy;
    sri_judge(verdict_of(sending), SRI_RULE_BUF_3, sending->id, !sr_buffer_is_user_owned(copy),
              "the buffer of a send that has not ended is the program's");
    int rc = sr_buffer_release(&copy);
    sri_judge(verdict_of(sending), SRI_RULE_BUF_4, sending->id, rc == SR_EBUFFER_IN_FLIGHT,
              "the buffer of a send that has not ended was released by a copied pointer: %d", rc);
}

/* The kernel's result: how many of the bytes are on their way. */
static void note_result(struct sri_sending *sending, int32_t result)
{
    struct sri_conversation *talk = sending->talk;
    sri_judge(verdict_of(sending), SRI_RULE_BUF_7, sending->id, result <= (int32_t)sending->length,
              "%d bytes of %u were sent", result, sending->length);
    talk->coming = 0;
    if (result > 0)
        talk->out.given += (uint32_t)result;
    else if (result < 0 && result != -ECANCELED && result != -EINTR && result != -EAGAIN &&
             result != -ENOBUFS && result != -ENOMEM && result != -EOPNOTSUPP)
        talk->is_broken = true;
}

void sri_sending_came(struct sri_sending *sending, struct sr_completion *done)
{
    struct sri_model *model = sending->shots->model;
    sri_model_tell(model, "came for send %llx: %d flags %x", (unsigned long long)sending->id, done->result,
                   done->flags);
    if (!sri_judge(model->verdict, SRI_RULE_OP_4, done->id,
                   sending->talk != NULL && done->id == sending->id && !done->more &&
                       done->opcode == IORING_OP_SEND_ZC,
                   "a completion came for a send that is over, or another's")) {
        sr_finish(done);
        return;
    }
    struct sr_buffer *back = NULL;
    int32_t result = done->result;
    note_result(sending, result);
    sending->talk = NULL;
    int32_t taken = sr_take(done, &back);
    sri_judge(model->verdict, SRI_RULE_BUF_5, sending->id,
              taken == result && back == sending->held->copy && sr_buffer_is_user_owned(back),
              "a send of result %d gave %d, and not its own buffer", result, taken);
    if (back != sending->held->copy)
        return;
    sending->held->handle = back;
    sri_model_access(model, sending->held, false, write_over, NULL);
    sri_model_release(model, sending->held);
}

void sri_sending_await(struct sri_sending *sending, uint64_t timeout_ns)
{
    struct sri_shots *shots = sending->shots;
    struct sr_completion done = {0};
    int rc;
    sri_sending_probe(sending);
    if (timeout_ns == 0) {
        rc = sr_op_peek(shots->ring, &sending->op, &done);
    } else {
        sri_shots_wait_begin(shots);
        rc = sr_op_await_timeout(shots->ring, &sending->op, timeout_ns, &done);
        sri_shots_wait_end(shots);
    }
    if (rc == 0)
        sri_sending_came(sending, &done);
    else
        sri_judge(verdict_of(sending), SRI_RULE_OP_3, sending->id,
                  sri_shots_is_unfinished(shots, rc, timeout_ns == 0 ? SR_EOPERATION_PENDING : -ETIME),
                  "a wait for a live send was answered %d", rc);
}

/* Whether it was sent nobody will know. Its buffer is the model's to see home, by the end of the run at the latest. */
void sri_sending_drop(struct sri_sending *sending)
{
    struct sri_model *model = sending->shots->model;
    uint32_t orphans = sr_ring_orphan_count(sending->shots->ring);
    bool is_kernels = model->sees && sri_watch_find(model->watch, model->tap->ring, sending->id) != NULL;
    sri_model_tell(model, "drop send %llx", (unsigned long long)sending->id);
    sr_op_drop(sending->shots->ring, &sending->op);
    if (is_kernels)
        sri_judge(
            model->verdict, SRI_RULE_ORPH_1, sending->id,
            sr_ring_orphan_count(sending->shots->ring) == orphans + 1 &&
                !sri_model_is_home(model, sending->held),
            "a send whose notification is to come was dropped, and is no orphan, or its buffer was freed");
    sending->talk->out_lost = true;
    sending->talk = NULL;
    sri_model_forget_buffer(model, sending->held);
    sri_shots_judge_counts(sending->shots);
}

void sri_conversation_heard(struct sri_shots *shots, struct sri_conversation *talk, const uint8_t *bytes,
                            size_t size)
{
    struct sri_flow *flow = &talk->out;
    size_t same = 0;
    if (talk->out_lost)
        return;
    while (same < size && bytes[same] == sri_flow_byte(flow->key, flow->got + same))
        same++;
    flow->got += same;
    sri_judge(shots->model->verdict, SRI_RULE_BUF_3, 0,
              same == size && flow->got <= flow->given + talk->coming,
              "byte %llu that came out at the other end is another than was given to a send, or too many",
              (unsigned long long)flow->got);
}
