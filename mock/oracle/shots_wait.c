/*
 * Waiting for whatever comes next, dispatching, draining, judged (OP-8, OP-9, CB-1, CB-4, RING-1, RING-4).
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <string.h>

#include "oracle/shots.h"

void sri_shots_wait_begin(struct sri_shots *shots)
{
    shots->waiting++;
}

void sri_shots_wait_end(struct sri_shots *shots)
{
    shots->waiting--;
    sri_shots_judge_counts(shots);
}

/* Of operations whose handle the program has, and completions in its hands: what may fill a queue without a way out. */
static uint32_t kept(const struct sri_shots *shots)
{
    uint32_t count = sri_shots_held(shots);
    for (uint32_t i = 0; i < SRI_SERIES; i++)
        count += shots->series[i].stage == SRI_SERIES_LIVE && shots->series[i].op.id != 0;
    for (uint32_t i = 0; i < SRI_SENDINGS; i++)
        count += shots->sendings[i].talk != NULL && shots->sendings[i].op.id != 0;
    return count;
}

bool sri_shots_is_unfinished(const struct sri_shots *shots, int rc, int not_yet)
{
    if (rc != SR_EQUEUE_FULL)
        return rc == not_yet || rc == -EAGAIN || rc == -EBUSY || rc == -EDEADLK;
    /* One that is awaited by its handle may stand behind others that nobody takes. */
    bool is_next = not_yet == 0;
    return !is_next || sri_judge(shots->model->verdict, SRI_RULE_OP_9, 0, kept(shots) > 0,
                                 "the queue is said to be full, and the program holds nothing back");
}

/* ---- The queue ---- */

/* What may come out of the queue. */
static uint32_t queued(const struct sri_shots *shots)
{
    uint32_t count = shots->others;
    for (uint32_t i = 0; i < SRI_SERIES; i++)
        count += shots->series[i].stage == SRI_SERIES_LIVE && shots->series[i].claim == SRI_SERIES_BY_QUEUE;
    for (uint32_t i = 0; i < SRI_SENDINGS; i++)
        count += shots->sendings[i].talk != NULL && shots->sendings[i].op.id == 0;
    return count;
}

static uint32_t with_callback(const struct sri_shots *shots)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SRI_SERIES; i++)
        count +=
            shots->series[i].stage == SRI_SERIES_LIVE && shots->series[i].claim == SRI_SERIES_BY_CALLBACK;
    return count;
}

/* All there is are completions in hand: then that is what is in flight (RING-1). */
static void judge_quiet(struct sri_shots *shots)
{
    if (sr_ring_orphan_count(shots->ring) > 0 || with_callback(shots) > 0 ||
        kept(shots) != sri_shots_held(shots))
        return;
    sri_judge(shots->model->verdict, SRI_RULE_RING_1, 0,
              sr_ring_in_flight(shots->ring) == sri_shots_held(shots),
              "nothing is under way, %u completions are held, and %u operations are in flight",
              sri_shots_held(shots), sr_ring_in_flight(shots->ring));
}

static bool is_within(const void *pointer, const void *array, size_t size)
{
    const char *at = pointer;
    const char *begin = array;
    return at >= begin && at < begin + size;
}

static void hand_out(struct sri_shots *shots, struct sr_completion *done)
{
    void *user = done->user;
    if (is_within(user, shots->series, sizeof shots->series)) {
        struct sri_series *series = user;
        sri_judge(shots->model->verdict, SRI_RULE_CB_4, done->id, series->claim == SRI_SERIES_BY_QUEUE,
                  "next returned an operation that has a callback or a handle");
        sri_series_came(series, done);
    } else if (is_within(user, shots->sendings, sizeof shots->sendings)) {
        sri_sending_came(user, done);
    } else {
        sri_judge(shots->model->verdict, SRI_RULE_OP_4, done->id,
                  user == shots && (shots->others > 0 || shots->has_strays),
                  "next returned an operation that nobody detached");
        shots->others -= shots->others > 0;
        sr_finish(done);
    }
}

int sri_shots_next(struct sri_shots *shots, uint64_t timeout_ns)
{
    struct sr_completion done = {0};
    uint32_t runs = shots->callback_runs;
    uint32_t could = queued(shots);
    sri_shots_wait_begin(shots);
    int rc = sr_ring_next_timeout(shots->ring, timeout_ns, &done);
    sri_model_tell(shots->model, "next: %d", rc);
    if (rc == 0)
        hand_out(shots, &done);
    else if (runs == shots->callback_runs && !shots->has_strays &&
             (could == 0 || rc == SR_ENOTHING_IN_FLIGHT))
        sri_judge(shots->model->verdict, SRI_RULE_OP_8, 0, could == 0 && rc == SR_ENOTHING_IN_FLIGHT,
                  "with %u operations that may come out of the queue next answered %d", could, rc);
    else
        sri_judge(shots->model->verdict, SRI_RULE_OP_3, 0,
                  rc == SR_ENOTHING_IN_FLIGHT || rc == -ETIME || sri_shots_is_unfinished(shots, rc, 0),
                  "next answered %d", rc);
    sri_shots_wait_end(shots);
    if (rc == SR_ENOTHING_IN_FLIGHT) {
        shots->has_strays = false;
        judge_quiet(shots);
    }
    return rc;
}

int sri_shots_dispatch(struct sri_shots *shots)
{
    uint32_t ran = 0;
    uint32_t runs = shots->callback_runs;
    sri_shots_wait_begin(shots);
    int rc = sr_ring_dispatch(shots->ring, &ran);
    sri_judge(shots->model->verdict, SRI_RULE_CB_1, 0, ran == shots->callback_runs - runs,
              "dispatch counts %u callbacks, and %u ran", ran, shots->callback_runs - runs);
    sri_model_tell(shots->model, "dispatch: %d, %u ran", rc, ran);
    sri_shots_wait_end(shots);
    return rc;
}

/* ---- Draining ---- */

/* Completions in hand are disposed of: out of the books at once, as callbacks run meanwhile. */
static void let_go_of_held(struct sri_shots *shots, struct sr_completion stale[])
{
    for (uint32_t i = 0; i < SRI_HELD_SHOTS; i++) {
        struct sri_shot *shot = &shots->held[i];
        stale[i] = shot->done;
        if (shot->done.id != 0 && shot->fount != NULL)
            shot->fount->out--;
        if (shot->done.id != 0 && shot->last != NULL)
            shot->last->stage = SRI_SERIES_NONE;
        memset(shot, 0, sizeof *shot);
    }
}

static void judge_stale(struct sri_shots *shots, struct sr_completion stale[])
{
    for (uint32_t i = 0; i < SRI_HELD_SHOTS; i++) {
        struct sr_buffer *buffer = NULL;
        uint64_t id = stale[i].id;
        if (id == 0)
            continue;
        int32_t rc = sr_take(&stale[i], &buffer);
        sri_judge(shots->model->verdict, SRI_RULE_RING_4, id, rc == SR_ESTALE && buffer == NULL,
                  "a completion was held over a drain, and can be taken: %d", rc);
    }
}

/* Is there an operation of this id? It is asked to end, as draining has done. */
static bool is_gone(struct sri_shots *shots, uint64_t id)
{
    struct sr_op copy = {id};
    return sr_op_cancel(shots->ring, &copy) == SR_ESTALE;
}

static void settle_series(struct sri_series *series, bool all)
{
    if (series->stage != SRI_SERIES_LIVE)
        return;
    if (series->claim == SRI_SERIES_BY_CALLBACK) {
        sri_judge(series->shots->model->verdict, SRI_RULE_RING_4, series->name.id, !all,
                  "everything was drained, and a callback was not told of its operation's end");
        return;
    }
    if (series->talk != NULL)
        series->talk->in_lost = true;
    bool gone = is_gone(series->shots, series->name.id);
    sri_judge(series->shots->model->verdict, SRI_RULE_RING_4, series->name.id, gone || !all,
              "everything was drained, and an operation is there");
    if (gone)
        series->stage = SRI_SERIES_NONE;
}

static void settle_parcel(struct sri_sending *sending, bool all)
{
    if (sending->talk == NULL)
        return;
    bool gone = is_gone(sending->shots, sending->id);
    struct sri_model *model = sending->shots->model;
    sri_judge(model->verdict, SRI_RULE_RING_4, sending->id, gone || !all,
              "everything was drained, and a send is there");
    if (!gone)
        return;
    sending->talk->out_lost = true;
    sending->talk = NULL;
    sri_model_home(model, sending->held, SRI_RULE_RING_4, sending->id);
}

int sri_shots_drain(struct sri_shots *shots, uint64_t timeout_ns)
{
    struct sr_completion stale[SRI_HELD_SHOTS];
    uint32_t remaining = UINT32_MAX;
    let_go_of_held(shots, stale);
    shots->draining = true;
    shots->waiting++;
    int rc = sr_ring_drain(shots->ring, timeout_ns, &remaining);
    shots->draining = false;
    sri_model_tell(shots->model, "drain: %d, %u remain", rc, remaining);
    sri_judge(shots->model->verdict, SRI_RULE_RING_4, 0,
              remaining == sr_ring_in_flight(shots->ring) && (rc == 0) == (remaining == 0),
              "a drain was answered %d, says that %u remain, and %u are in flight", rc, remaining,
              sr_ring_in_flight(shots->ring));
    judge_stale(shots, stale);
    for (uint32_t i = 0; i < SRI_SERIES; i++)
        settle_series(&shots->series[i], rc == 0);
    for (uint32_t i = 0; i < SRI_SENDINGS; i++)
        settle_parcel(&shots->sendings[i], rc == 0);
    shots->has_strays = rc != 0 && (shots->has_strays || shots->others > 0);
    shots->others = 0;
    sri_shots_wait_end(shots);
    return rc;
}
