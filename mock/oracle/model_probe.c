/*
 * Misuse of the ring itself, judged: stale and foreign handles, wrong states, wrong threads and processes, completions of
 * nobody, values posted from elsewhere, waits for nothing (OP-2, OP-3, OP-5, OP-8, RING-6, RING-7, BACK-4).
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "oracle/model.h"

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t stale_id(const struct sri_model *model, uint32_t which)
{
    uint32_t kept = model->retired_count < SRI_RETIRED ? model->retired_count : SRI_RETIRED;
    if (kept == 0 || which % 4 == 3)
        return UINT64_C(0x00ffffff00000001) + which; /* one that never was */
    return model->retired[which % kept];
}

void sri_model_misuse_handle(struct sri_model *model, uint32_t which)
{
    uint64_t id = stale_id(model, which);
    struct sr_op op = {id};
    struct sr_completion done = {0};
    uint32_t flying = sr_ring_in_flight(model->ring);
    int rc = SR_ESTALE;
    switch (which % SRI_STALE_PROBES) {
    case 0: rc = sr_op_peek(model->ring, &op, &done); break;
    case 1: rc = sr_op_cancel(model->ring, &op); break;
    case 2: rc = sr_op_detach(model->ring, &op, NULL); break;
    case 3:
        if (model->callback_depth == 0)
            rc = sr_op_await_timeout(model->ring, &op, 0, &done);
        break;
    case 4:
        sr_op_drop(model->ring, &op);
        model->misuses++;
        break;
    default: {
        struct sr_buffer *back = NULL;
        done.ring = model->ring;
        done.id = id;
        rc = sr_take(&done, &back);
        break;
    }
    }
    sri_judge(model->verdict, SRI_RULE_OP_3, id, rc == SR_ESTALE && op.id == id,
              "misuse %u of a handle that ended was answered %d", which % SRI_STALE_PROBES, rc);
    sri_judge(model->verdict, SRI_RULE_OP_3, id, sr_ring_in_flight(model->ring) == flying,
              "misuse %u of a handle that ended reached an operation", which % SRI_STALE_PROBES);
    struct sr_stats stats;
    if (sr_ring_stats(model->ring, &stats) == 0)
        sri_judge(model->verdict, SRI_RULE_OP_3, id, stats.misuses == model->misuses,
                  "%llu drops of stale handles, and %llu counted", (unsigned long long)model->misuses,
                  (unsigned long long)stats.misuses);
    sri_model_settle(model);
}

/* The operation is delivered and not taken: its handle is past every state that can be asked. */
void sri_model_misuse_state(struct sri_model *model, struct sri_act *act, uint32_t which)
{
    struct sr_op op = {act->id};
    struct sr_completion done = {0};
    uint32_t flying = sr_ring_in_flight(model->ring);
    int rc;
    switch (which % 3) {
    case 0: rc = sr_op_peek(model->ring, &op, &done); break;
    case 1: rc = sr_op_cancel(model->ring, &op); break;
    default: rc = sr_op_detach(model->ring, &op, NULL); break;
    }
    sri_judge(model->verdict, SRI_RULE_OP_2, act->id,
              (rc == SR_EINVALID_STATE || rc == SR_ESTALE) && op.id == act->id &&
                  sr_ring_in_flight(model->ring) == flying,
              "misuse %u of a delivered operation was answered %d", which % 3, rc);
}

void sri_model_judge_unknown(struct sri_model *model)
{
    struct sr_stats stats;
    if (!model->sees || sr_ring_stats(model->ring, &stats) != 0)
        return;
    if (model->injected == 0 && stats.unknown == 0)
        return;
    bool all_seen = model->injected_seen == model->injected && model->reaped >= model->injected_at;
    sri_judge(model->verdict, SRI_RULE_OP_5, 0,
              all_seen ? stats.unknown == model->injected : stats.unknown <= model->injected,
              "%llu completions of no operation came, and %llu were counted",
              (unsigned long long)model->injected, (unsigned long long)stats.unknown);
    if (stats.unknown > model->injected)
        sri_violated(
            model->verdict, SRI_RULE_OP_1, 0,
            "a completion that was owed to an operation found its id gone: the slot was freed before");
}

/* A completion whose id is stale or never was; it is counted when the library next looks. */
void sri_model_inject(struct sri_model *model, uint32_t which)
{
    sri_model_judge_unknown(model);
    uint64_t id = stale_id(model, which);
    if (!model->sees || sri_model_act(model, id) != NULL || sri_tap_inject(model->tap, id) != 0)
        return;
    sri_model_tell(model, "a completion of nobody, id %llx", (unsigned long long)id);
    model->injected_ids[model->injected++ % SRI_RETIRED] = id;
}

/* ---- Values from elsewhere ---- */

struct errand {
    struct sri_model *model;
    uint64_t value;
    uint64_t id;
    int rc[8];
};

static void *post_there(void *user)
{
    struct errand *errand = user;
    errand->rc[0] = sr_ring_post(errand->model->ring, errand->value);
    return NULL;
}

static bool run_there(void *(*work)(void *), struct errand *errand)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, errand) != 0)
        return false;
    pthread_join(thread, NULL);
    return true;
}

int sri_model_post(struct sri_model *model, bool from_thread)
{
    struct errand errand = {.model = model, .value = model->next_post};
    if (!from_thread)
        post_there(&errand);
    else if (!run_there(post_there, &errand))
        return -EAGAIN;
    int rc = errand.rc[0];
    sri_model_code(model, "SHOULD(sr_ring_post(ring, %lluu), %d);", (unsigned long long)errand.value, rc);
    sri_model_tell(model, "post %llu: %d", (unsigned long long)errand.value, rc);
    bool full = model->post_count >= model->post_entries;
    sri_judge(model->verdict, SRI_RULE_RING_7, 0, rc == (full ? -EAGAIN : 0) || (!full && rc == -EOPNOTSUPP),
              "posting with %u of %u values waiting was answered %d", model->post_count, model->post_entries,
              rc);
    if (rc == 0 || rc == -EOPNOTSUPP) {
        model->posts[(model->post_first + model->post_count++) % SRI_POSTS] = errand.value;
        model->next_post++;
    }
    return rc;
}

/* ---- Where a ring does not belong (RING-6) ---- */

static void *use_there(void *user)
{
    struct errand *errand = user;
    struct sr_ring *ring = errand->model->ring;
    struct sr_op op = {errand->id};
    struct sr_op started;
    struct sr_completion done;
    struct sr_op_spec nop = sr_spec_nop();
    errand->rc[0] = sr_ring_submit(ring);
    errand->rc[1] = sr_op_start_plain(ring, &nop, &started);
    errand->rc[2] = sr_op_peek(ring, &op, &done);
    errand->rc[3] = sr_op_cancel(ring, &op);
    errand->rc[4] = sr_ring_next_timeout(ring, 0, &done);
    errand->rc[5] = sr_ring_drain(ring, 0, NULL);
    errand->rc[6] = sr_ring_dispatch(ring, NULL);
    errand->rc[7] = sr_ring_close(&ring);
    sr_op_drop(errand->model->ring, &op);
    return NULL;
}

void sri_model_wrong_thread(struct sri_model *model)
{
    const struct sri_act *act = sri_model_pick(model, SRI_HAND_HANDLE, 0);
    struct errand errand = {.model = model, .id = act != NULL ? act->id : 1};
    uint32_t flying = sr_ring_in_flight(model->ring);
    uint32_t orphans = sr_ring_orphan_count(model->ring);
    uint64_t enters = model->enters;
    if (!run_there(use_there, &errand))
        return;
    for (uint32_t i = 0; i < 8; i++)
        sri_judge(model->verdict, SRI_RULE_RING_6, errand.id, errand.rc[i] == SR_EWRONG_THREAD,
                  "call %u from another thread was answered %d", i, errand.rc[i]);
    sri_judge(model->verdict, SRI_RULE_RING_6, errand.id,
              sr_ring_in_flight(model->ring) == flying && sr_ring_orphan_count(model->ring) == orphans &&
                  model->enters == enters,
              "calls from another thread changed the ring");
    sri_model_settle(model);
}

/* In the child: which call was answered wrongly, from 1 on; 0 none. */
static int use_in_child(struct sri_model *model)
{
    struct sr_op started;
    struct sr_op_spec nop = sr_spec_nop();
    uint64_t enters = model->tap->enters;
    if (sr_ring_submit(model->ring) != SR_EWRONG_PROCESS)
        return 1;
    if (sr_op_start_plain(model->ring, &nop, &started) != SR_EWRONG_PROCESS)
        return 2;
    if (sr_ring_post(model->ring, 1) != SR_EWRONG_PROCESS)
        return 3;
    if (sr_ring_drain(model->ring, 0, NULL) != SR_EWRONG_PROCESS)
        return 4;
    if (model->heap != NULL)
        model->heap->on_release = NULL; /* the child's copy of lent bytes is its own */
    if (sr_ring_close(&model->ring) != 0 || model->ring != NULL)
        return 5;
    return model->tap->enters == enters ? 0 : 6;
}

void sri_model_wrong_process(struct sri_model *model)
{
    pid_t child = fork();
    if (child < 0)
        return;
    if (child == 0)
        _exit(use_in_child(model));
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return;
    sri_judge(model->verdict, SRI_RULE_RING_6, 0, WIFEXITED(status) && WEXITSTATUS(status) == 0,
              "in a forked child, call %d was answered wrongly (or signal %d)",
              WIFEXITED(status) ? WEXITSTATUS(status) : 0, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    sri_model_settle(model);
}

/* ---- Waits for nothing, backends of no name ---- */

void sri_model_nothing_in_flight(struct sri_model *model, uint32_t which)
{
    struct sri_act *act = NULL;
    int rc = SR_ENOTHING_IN_FLIGHT;
    bool blocked = model->awaits_posts || model->post_count > 0;
    if (which % 2 == 0 && model->hands[SRI_HAND_QUEUE] == 0 && model->hands[SRI_HAND_CALLBACK] == 0 &&
        !blocked) {
        rc = sri_model_next(model, SR_FOREVER, &act);
        sri_judge(model->verdict, SRI_RULE_OP_8, 0, rc == SR_ENOTHING_IN_FLIGHT,
                  "nothing detached is in flight, and next answered %d", rc);
    } else if (which % 2 == 1 && model->hands[SRI_HAND_CALLBACK] == 0) {
        rc = sri_model_dispatch(model, true, SR_FOREVER);
        sri_judge(model->verdict, SRI_RULE_OP_8, 0, rc == SR_ENOTHING_IN_FLIGHT,
                  "no callback can come, and waiting for one answered %d", rc);
    }
}

void sri_model_unknown_backend(struct sri_model *model)
{
    struct sr_config config = sr_config_default();
    struct sr_ring *ring = NULL;
    config.backend_name = "no-such-kernel";
    uint32_t failed = model->heap->failed;
    int rc = sr_ring_open_config(&ring, &config);
    bool without_memory = rc == -ENOMEM && model->heap->failed > failed;
    sri_judge(model->verdict, SRI_RULE_BACK_4, 0, (rc == -EINVAL || without_memory) && ring == NULL,
              "a backend that does not exist was answered %d", rc);
}
