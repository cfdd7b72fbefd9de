/*
 * Series: started, delivered to whoever has them, stopped, dropped (OP-3, OP-4, ORPH-1 … ORPH-5, CB).
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "oracle/shots.h"

static struct sri_verdict *verdict_of(const struct sri_series *series)
{
    return series->shots->model->verdict;
}

static bool receives(const struct sri_series *series)
{
    return series->opcode == IORING_OP_RECV || series->opcode == IORING_OP_READ;
}

/* ---- Starting ---- */

static struct sri_series *free_place(struct sri_shots *shots)
{
    for (uint32_t i = 0; i < SRI_SERIES; i++)
        if (shots->series[i].stage == SRI_SERIES_NONE)
            return &shots->series[i];
    return NULL;
}

static struct sri_fount *fount_of(struct sri_shots *shots, const struct sr_op_spec *spec)
{
    for (uint32_t i = 0; i < SRI_FOUNTS && spec->provider != NULL; i++)
        if (shots->founts[i].provider == spec->provider)
            return &shots->founts[i];
    return NULL;
}

static void on_shot(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct sri_series *series = user;
    struct sri_shots *shots = series->shots;
    sri_judge(verdict_of(series), SRI_RULE_CB_1, done->id,
              shots->waiting > 0 && shots->callback_depth == 0 && ring == shots->ring &&
                  series->claim == SRI_SERIES_BY_CALLBACK,
              "a callback ran inside a call that does not wait, or for another operation");
    shots->callback_runs++;
    shots->callback_depth++;
    sri_series_came(series, done);
    shots->callback_depth--;
}

static int start_single(struct sri_series *series, const struct sr_op_spec *spec)
{
    struct sri_shots *shots = series->shots;
    int rc = sr_op_start_plain(shots->ring, spec, &series->op);
    if (rc != 0)
        return rc;
    series->name.id = series->op.id;
    if (series->claim == SRI_SERIES_BY_QUEUE)
        rc = sr_op_detach(shots->ring, &series->op, series);
    else if (series->claim == SRI_SERIES_BY_CALLBACK)
        rc = sr_op_then(shots->ring, &series->op, on_shot, series);
    sri_judge(verdict_of(series), SRI_RULE_OP_2, series->name.id, rc == 0,
              "a live operation can't be handed over: %d", rc);
    return 0;
}

static int start_multishot(struct sri_series *series, const struct sr_op_spec *spec)
{
    return sr_multishot_start(series->shots->ring, spec,
                              series->claim == SRI_SERIES_BY_CALLBACK ? on_shot : NULL, series,
                              &series->name);
}

bool sri_series_start(struct sri_shots *shots, const struct sr_op_spec *spec, struct sri_conversation *talk,
                      enum sri_series_claim claim)
{
    struct sri_series *series = free_place(shots);
    if (series == NULL)
        return false;
    *series = (struct sri_series){.shots = shots,
                                  .claim = claim,
                                  .single = (spec->flags & SR_OP_MULTISHOT) == 0,
                                  .opcode = spec->opcode,
                                  .enters = shots->model->tap->enters,
                                  .fount = fount_of(shots, spec),
                                  .talk = talk};
    int rc = series->single ? start_single(series, spec) : start_multishot(series, spec);
    sri_model_tell(shots->model, "start %s of opcode %u fd %d: %d id %llx",
                   series->single ? "one" : "a series", (unsigned)spec->opcode, spec->target.number, rc,
                   (unsigned long long)series->name.id);
    if (rc != 0) {
        sri_judge(verdict_of(series), SRI_RULE_OP_2, 0,
                  rc == -EBUSY || rc == -EAGAIN || rc == SR_EINVALID_STATE, "a right start was refused: %d",
                  rc);
        return false;
    }
    series->stage = SRI_SERIES_LIVE;
    sri_shots_judge_counts(shots);
    return true;
}

bool sri_shots_receive(const struct sri_shots *shots, const struct sri_conversation *talk)
{
    for (uint32_t i = 0; i < SRI_SERIES; i++)
        if (shots->series[i].stage != SRI_SERIES_NONE && shots->series[i].talk == talk &&
            receives(&shots->series[i]))
            return true;
    return false;
}

/* ---- Delivering ---- */

static bool is_passing(int32_t result)
{
    return result == -ENOBUFS || result == -ECANCELED || result == -EINTR || result == -EAGAIN ||
           result == -ENOMEM;
}

/* Which bytes these are. */
static void note_bytes(const struct sri_series *series, struct sri_shot *shot)
{
    struct sri_conversation *talk = series->talk;
    int32_t result = shot->done.result;
    if (result < 0) {
        talk->is_broken = talk->is_broken || !is_passing(result);
        return;
    }
    if (result == 0) {
        sri_judge(verdict_of(series), SRI_RULE_BACK_1, series->name.id,
                  talk->in_lost || talk->is_broken || talk->is_network ||
                      (talk->in.ended && talk->in.got == talk->in.given),
                  "the end was told after %llu bytes of %llu", (unsigned long long)talk->in.got,
                  (unsigned long long)talk->in.given);
        talk->is_broken = true;
        return;
    }
    sri_judge(verdict_of(series), SRI_RULE_BUF_5, series->name.id, shot->fount != NULL,
              "%d bytes came, and no buffer", result);
    shot->key = talk->in_lost ? 0 : talk->in.key;
    shot->at = talk->in.got;
    talk->in.got += (uint32_t)result;
    if (!talk->in_lost)
        sri_judge(verdict_of(series), SRI_RULE_BUF_5, series->name.id, talk->in.got <= talk->in.given,
                  "%llu bytes came, and %llu were sent", (unsigned long long)talk->in.got,
                  (unsigned long long)talk->in.given);
}

static void judge_poll(const struct sri_series *series, int32_t result)
{
    const struct sri_conversation *talk = series->talk;
    if (result < 0)
        return;
    bool has_cause = talk->in.given > 0 || (result & (POLLERR | POLLHUP | POLLRDHUP)) != 0;
    sri_judge(verdict_of(series), SRI_RULE_BACK_1, series->name.id,
              ((uint32_t)result & ~(uint32_t)(POLLIN | POLLERR | POLLHUP | POLLRDHUP)) == 0 &&
                  (has_cause || (result & POLLIN) == 0),
              "a poll for bytes tells %#x", (unsigned)result);
}

static void judge_identity(const struct sri_series *series, const struct sr_completion *done)
{
    bool is_own = done->more != (done->id == series->name.id);
    sri_judge(verdict_of(series), SRI_RULE_OP_4, done->id,
              is_own && done->opcode == series->opcode && done->ring == series->shots->ring &&
                  !done->posted && !(done->more && series->single),
              "a completion of opcode %u came for an operation of opcode %u", (unsigned)done->opcode,
              (unsigned)series->opcode);
}

static struct sri_shot *place_to_hold(struct sri_shots *shots)
{
    for (uint32_t i = 0; i < SRI_HELD_SHOTS; i++)
        if (shots->held[i].done.id == 0)
            return &shots->held[i];
    return NULL;
}

/* In a callback: ended there, or left to the library, which ends it (CB-3). */
static void end_in_callback(struct sri_series *series, struct sri_shot *shot, struct sr_completion *done)
{
    struct sri_shots *shots = series->shots;
    struct sri_series *last = shot->last;
    if (shots->client.inside != NULL)
        shots->client.inside(series);
    if (shots->client.chance(150)) {
        if (shot->fount != NULL)
            shot->fount->out--;
        if (last != NULL)
            last->stage = SRI_SERIES_NONE;
        return;
    }
    sri_shot_end(shots, shot);
    done->id = 0; /* a copy was ended; this one is stale, and says so */
}

void sri_series_came(struct sri_series *series, struct sr_completion *done)
{
    struct sri_shots *shots = series->shots;
    sri_model_tell(shots->model, "came for %llx: %d flags %x%s", (unsigned long long)series->name.id,
                   done->result, done->flags, done->more ? "" : ", the last");
    if (!sri_judge(verdict_of(series), SRI_RULE_ORPH_3, done->id, series->stage == SRI_SERIES_LIVE,
                   "a completion came for an operation that was dropped or has ended")) {
        sr_finish(done);
        return;
    }
    judge_identity(series, done);
    struct sri_shot shot = {.done = *done, .last = done->more ? NULL : series};
    if ((done->flags & IORING_CQE_F_BUFFER) != 0)
        shot.fount = series->fount;
    if (shot.fount != NULL)
        shot.fount->out++;
    if (receives(series))
        note_bytes(series, &shot);
    else if (series->opcode == IORING_OP_POLL_ADD)
        judge_poll(series, done->result);
    if (!done->more)
        series->stage = SRI_SERIES_LAST_HELD;
    struct sri_shot *place = place_to_hold(shots);
    if (shots->callback_depth > 0)
        end_in_callback(series, &shot, done);
    else if (place != NULL && shots->client.chance(250))
        *place = shot;
    else
        sri_shot_end(shots, &shot);
    /* Over, though a cancel may still be answered: it is stale (OP-3). */
    if (series->stage == SRI_SERIES_NONE && !series->single && shots->callback_depth == 0 &&
        shots->client.chance(200))
        sri_series_drop(series);
}

void sri_series_await(struct sri_series *series, uint64_t timeout_ns)
{
    struct sri_shots *shots = series->shots;
    struct sr_completion done = {0};
    int rc;
    if (timeout_ns == 0) {
        rc = sr_op_peek(shots->ring, &series->op, &done);
    } else {
        sri_shots_wait_begin(shots);
        rc = sr_op_await_timeout(shots->ring, &series->op, timeout_ns, &done);
        sri_shots_wait_end(shots);
    }
    sri_model_tell(shots->model, "await %llx: %d", (unsigned long long)series->name.id, rc);
    if (rc == 0)
        sri_series_came(series, &done);
    else
        sri_judge(verdict_of(series), SRI_RULE_OP_3, series->name.id,
                  sri_shots_is_unfinished(shots, rc, timeout_ns == 0 ? SR_EOPERATION_PENDING : -ETIME),
                  "a wait for a live operation was answered %d", rc);
}

/* ---- Giving up ---- */

static int ask_for_end(struct sri_series *series)
{
    struct sr_op copy = {series->name.id};
    return series->single ? sr_op_cancel(series->shots->ring, &copy)
                          : sr_multishot_stop(series->shots->ring, &series->name);
}

/* What has ended or was dropped reaches no operation (OP-3); what is held is over already. */
void sri_series_stop(struct sri_series *series)
{
    if (series->shots == NULL || series->name.id == 0 ||
        (series->single && (series->stage != SRI_SERIES_LIVE || series->claim != SRI_SERIES_BY_HANDLE)))
        return;
    int rc = ask_for_end(series);
    sri_model_tell(series->shots->model, "stop %llx: %d", (unsigned long long)series->name.id, rc);
    bool is_right = series->stage == SRI_SERIES_NONE   ? rc == SR_ESTALE
                    : series->stage == SRI_SERIES_LIVE ? rc == 0 || rc == SR_EINVALID_STATE
                                                       : rc == SR_EINVALID_STATE;
    sri_judge(verdict_of(series), SRI_RULE_OP_3, series->name.id, is_right,
              "an operation in stage %d of the books was asked to end: %d", (int)series->stage, rc);
}

/* Its entry never left: gone as if it had never been (ORPH-2). Else, if the kernel has it, an orphan (ORPH-1). */
static void judge_dropped(const struct sri_series *series, uint64_t id, uint32_t orphans, uint32_t flying)
{
    struct sri_model *model = series->shots->model;
    const struct sr_ring *ring = series->shots->ring;
    uint32_t now = sr_ring_orphan_count(ring);
    if (model->tap->enters == series->enters) {
        sri_judge(model->verdict, SRI_RULE_ORPH_2, id,
                  now == orphans && sr_ring_in_flight(ring) + 1 == flying,
                  "an entry the kernel never saw is in flight after its drop, or an orphan");
        model->withdrawn[model->withdrawn_count++ % SRI_RETIRED] = id;
    } else if (model->sees && sri_watch_find(model->watch, model->tap->ring, id) != NULL) {
        sri_judge(model->verdict, SRI_RULE_ORPH_1, id, now == orphans + 1,
                  "an operation under way was dropped, and %u orphans are %u", orphans, now);
    }
}

void sri_series_drop(struct sri_series *series)
{
    if (series->shots == NULL || series->name.id == 0 ||
        (series->single && (series->stage != SRI_SERIES_LIVE || series->op.id == 0)))
        return;
    struct sri_shots *shots = series->shots;
    uint64_t id = series->name.id;
    uint32_t orphans = sr_ring_orphan_count(shots->ring);
    uint32_t flying = sr_ring_in_flight(shots->ring);
    int rc = 0;
    if (series->single)
        sr_op_drop(shots->ring, &series->op);
    else
        rc = sr_multishot_drop(shots->ring, &series->name);
    sri_model_tell(shots->model, "drop %llx: %d", (unsigned long long)id, rc);
    int expected = series->stage == SRI_SERIES_NONE   ? SR_ESTALE
                   : series->stage == SRI_SERIES_LIVE ? 0
                                                      : SR_EINVALID_STATE;
    sri_judge(verdict_of(series), SRI_RULE_OP_3, id,
              rc == expected && (series->single || (series->name.id == 0) == (rc == 0)),
              "an operation in stage %d of the books was dropped: %d", (int)series->stage, rc);
    if (rc != 0)
        return;
    judge_dropped(series, id, orphans, flying);
    series->stage = SRI_SERIES_NONE;
    if (series->talk != NULL && receives(series))
        series->talk->in_lost = true;
    sri_shots_judge_counts(shots);
}
