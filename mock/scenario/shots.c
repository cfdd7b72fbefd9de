/*
 * Operations that go on: accepts, polls and receives with buffers that the kernel selects (single reads too), by the queue and by
 * callbacks, stopped, dropped and drained at every stage, providers run dry, completion queues overrun; and zero-copy sends,
 * whose bytes are the kernel's until their notification. Exact bytes both ways.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "scenario/scenarios.h"
#include "scenario/turns.h"

#define TALKS 3u
#define FOUNTS 2u /* the last of the books' is for the end */
#define PATIENCE 400u
#define MOST_FDS (SRI_STAGE_FDS - 24)

/* Callbacks may come late: what they work on stays. */
static struct play {
    struct sri_stage *stage;
    struct sri_shots shots;
    struct sri_conversation talks[TALKS];
    uint32_t made;
    int door; /* a listening socket, -1 none */
    struct sockaddr_storage address;
    uint32_t address_length;
    uint32_t knocks;
    uint32_t let_in;
    bool is_ending;
} play_;

static struct sri_verdict *verdict(void)
{
    return play_.stage->model->verdict;
}

static bool chance(uint32_t per_1024)
{
    return sri_chance(play_.stage, per_1024);
}

static struct sri_conversation *any_talk(void)
{
    struct sri_conversation *talk = &play_.talks[sri_choose(play_.stage, TALKS)];
    return talk->mine >= 0 ? talk : NULL;
}

static struct sri_series *any_series(void)
{
    return &play_.shots.series[sri_choose(play_.stage, SRI_SERIES)];
}

/* ---- Time ---- */

/* So many moments pass, also where time is virtual; callbacks run. */
static void pass(uint32_t moments_log2)
{
    struct sri_shots *shots = &play_.shots;
    struct sr_op_spec spec = sr_spec_timeout(play_.stage->env.moment_ns << moments_log2);
    struct sr_completion done;
    struct sr_op op;
    if (sr_op_start_plain(shots->ring, &spec, &op) != 0) {
        sri_shots_dispatch(shots);
        return;
    }
    for (int again = 0; again < 50; again++) {
        sri_shots_wait_begin(shots);
        int rc = sr_op_await(shots->ring, &op, &done);
        sri_shots_wait_end(shots);
        if (rc == 0) {
            sr_finish(&done);
            return;
        }
    }
    if (sr_op_detach(shots->ring, &op, shots) == 0)
        shots->others++;
}

/* The n-th time in a row; no long time on this machine's clock. */
static void pass_again(uint32_t n)
{
    uint32_t most = play_.stage->env.simulated ? 30 : 4;
    pass(n < most ? n : most);
}

static void step_pass(void)
{
    pass(sri_choose(play_.stage, 4));
}

/* ---- The other side ---- */

static void speak(struct sri_conversation *talk)
{
    const struct sri_env *env = &play_.stage->env;
    uint8_t bytes[700];
    size_t moved = 0;
    if (talk->in.ended)
        return; /* and its end may be closed */
    uint32_t size = 1 + sri_choose(play_.stage, sizeof bytes);
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = sri_flow_byte(talk->in.key, talk->in.given + i);
    if (env->vtable->write(env->self, talk->peer, bytes, size, &moved) == 0)
        talk->in.given += moved;
    sri_model_tell(play_.stage->model, "the peer of %d has said %llu bytes", talk->mine,
                   (unsigned long long)talk->in.given);
}

static bool listen_to(struct sri_conversation *talk)
{
    const struct sri_env *env = &play_.stage->env;
    uint8_t bytes[4096];
    size_t moved = 0;
    if (talk->is_pipe || env->vtable->read(env->self, talk->peer, bytes, sizeof bytes, &moved) != 0)
        return false;
    sri_conversation_heard(&play_.shots, talk, bytes, moved);
    return moved > 0;
}

static void hang_up(struct sri_conversation *talk)
{
    while (listen_to(talk))
        continue;
    talk->in.ended = true;
    talk->out_lost = true; /* what it is sent from now on goes nowhere */
    if (talk->is_pipe) {
        if (talk->peer >= 0)
            sri_stage_close(play_.stage, talk->peer);
        talk->peer = -1;
        return;
    }
    play_.stage->env.vtable->shutdown(play_.stage->env.self, talk->peer);
}

static void step_speak(void)
{
    struct sri_conversation *talk = any_talk();
    if (talk == NULL)
        return;
    if (chance(30))
        hang_up(talk);
    else
        speak(talk);
}

/* In many small pieces: more completions than a small queue has places for. */
static void step_chatter(void)
{
    struct sri_conversation *talk = any_talk();
    for (uint32_t i = 2 + sri_choose(play_.stage, 10); talk != NULL && i > 0; i--)
        speak(talk);
}

static void step_listen(void)
{
    struct sri_conversation *talk = any_talk();
    if (talk != NULL)
        listen_to(talk);
}

/* ---- Conversations ---- */

/* Over the network: zero copy is known there. The connection is accepted by the ring. */
static bool make_connection(int fds[2])
{
    struct sri_stage *stage = play_.stage;
    const struct sri_env *env = &stage->env;
    struct sockaddr_storage address;
    struct sr_completion done;
    struct sr_op op;
    uint32_t length = 0;
    int listening;
    int fd = -1;
    if (env->vtable->listen(env->self, true, &listening, &address, &length) != 0)
        return false;
    struct sr_op_spec spec = sr_spec_accept(sr_fd(listening), 0);
    if (env->vtable->socket(env->self, true, &fds[1]) == 0) {
        sri_stage_own(stage, fds[1]);
        int ignored = env->vtable->connect(env->self, fds[1], &address, length);
        (void)ignored; /* -EINPROGRESS is as good as 0 */
        if (sr_op_start_plain(play_.shots.ring, &spec, &op) == 0) {
            for (int again = 0; again < 8 && op.id != 0; again++) {
                sri_shots_wait_begin(&play_.shots);
                int rc = sr_op_await_timeout(play_.shots.ring, &op, env->patience_ns, &done);
                sri_shots_wait_end(&play_.shots);
                if (rc == 0)
                    fd = sr_take_plain(&done);
            }
            if (op.id != 0)
                sr_op_drop(play_.shots.ring, &op);
        }
    }
    env->vtable->close(env->self, listening);
    fds[0] = fd;
    return fd >= 0;
}

static void make_talk(struct sri_conversation *talk)
{
    struct sri_stage *stage = play_.stage;
    int fds[2];
    if (stage->fd_count > MOST_FDS)
        return;
    talk->mine = -1; /* nothing is begun on it meanwhile, not by a callback either */
    bool is_network = chance(350);
    bool is_pipe = !is_network && chance(200);
    if (is_network ? !make_connection(fds)
        : is_pipe  ? stage->env.vtable->pipe(stage->env.self, fds) != 0
                   : stage->env.vtable->pair(stage->env.self, fds) != 0)
        return;
    sri_stage_own(stage, fds[0]);
    if (!is_network)
        sri_stage_own(stage, fds[1]);
    play_.made++;
    *talk = (struct sri_conversation){
        .mine = fds[0], .peer = fds[1], .is_network = is_network, .is_pipe = is_pipe, .out_lost = is_pipe};
    talk->in.key = 2 * play_.made;
    talk->out.key = 2 * play_.made + 1;
}

static bool is_used(const struct sri_conversation *talk)
{
    for (uint32_t i = 0; i < SRI_SERIES; i++)
        if (play_.shots.series[i].stage != SRI_SERIES_NONE && play_.shots.series[i].talk == talk)
            return true;
    for (uint32_t i = 0; i < SRI_SENDINGS; i++)
        if (play_.shots.sendings[i].talk == talk)
            return true;
    return false;
}

/* A new one, or one in the place of another that nobody can follow any more. */
static void step_meet(void)
{
    struct sri_conversation *talk = &play_.talks[sri_choose(play_.stage, TALKS)];
    if (talk->mine >= 0 && (is_used(talk) || !(talk->in_lost || talk->is_broken || talk->in.ended)))
        return;
    if (talk->mine >= 0)
        hang_up(talk); /* which ends orphans of it */
    make_talk(talk);
}

static void made(int fd)
{
    play_.let_in++;
    sri_stage_own(play_.stage, fd);
}

/* ---- Steps: series ---- */

static enum sri_series_claim any_claim(bool single)
{
    if (chance(300))
        return SRI_SERIES_BY_CALLBACK;
    return single && !chance(400) ? SRI_SERIES_BY_HANDLE : SRI_SERIES_BY_QUEUE;
}

static struct sri_fount *any_fount(void)
{
    struct sri_fount *fount = &play_.shots.founts[sri_choose(play_.stage, FOUNTS)];
    return fount->provider != NULL ? fount : NULL;
}

static void receive(struct sri_conversation *talk, struct sri_fount *fount, bool single)
{
    struct sr_range whole = {0, 0, false};
    if (talk->is_pipe) {
        struct sr_op_spec read =
            sr_spec_selecting(sr_spec_read(sr_fd(talk->mine), SR_OWN_POSITION, whole), fount->provider);
        sri_series_start(&play_.shots, &read, talk, any_claim(true));
        return;
    }
    struct sr_op_spec spec = sr_spec_selecting(sr_spec_recv(sr_fd(talk->mine), whole, 0), fount->provider);
    if (!single)
        spec = sr_spec_multishot(spec);
    sri_series_start(&play_.shots, &spec, talk, any_claim(single));
}

static void step_receive(void)
{
    struct sri_conversation *talk = any_talk();
    struct sri_fount *fount = any_fount();
    if (talk != NULL && fount != NULL && !talk->in_lost && !sri_shots_receive(&play_.shots, talk))
        receive(talk, fount, chance(300));
}

static void step_poll(void)
{
    struct sri_conversation *talk = any_talk();
    if (talk == NULL)
        return;
    struct sr_op_spec spec = sr_spec_multishot(sr_spec_poll(sr_fd(talk->mine), POLLIN));
    sri_series_start(&play_.shots, &spec, talk, any_claim(false));
}

static void step_accept(void)
{
    if (play_.door < 0)
        return;
    struct sr_op_spec spec = sr_spec_multishot(sr_spec_accept(sr_fd(play_.door), 0));
    sri_series_start(&play_.shots, &spec, NULL, any_claim(false));
}

static void step_knock(void)
{
    struct sri_stage *stage = play_.stage;
    int fd;
    if (play_.door < 0 || stage->fd_count > MOST_FDS ||
        stage->env.vtable->socket(stage->env.self, false, &fd) != 0)
        return;
    sri_stage_own(stage, fd);
    if (stage->env.vtable->connect(stage->env.self, fd, &play_.address, play_.address_length) == 0)
        play_.knocks++;
    sri_judge(verdict(), SRI_RULE_OP_4, 0, play_.let_in <= play_.knocks, "%u connections were accepted of %u",
              play_.let_in, play_.knocks);
}

static void step_await(void)
{
    struct sri_series *series = any_series();
    if (series->stage != SRI_SERIES_LIVE || !series->single || series->op.id == 0)
        return;
    uint32_t moments = sri_choose(play_.stage, 3);
    sri_series_await(series, chance(400) ? 0 : play_.stage->env.moment_ns << moments);
}

static void step_stop(void)
{
    sri_series_stop(any_series());
}

static void step_drop(void)
{
    sri_series_drop(any_series());
}

static void inside(struct sri_series *series)
{
    struct sr_completion done;
    int rc;
    if (play_.is_ending)
        return;
    switch (sri_choose(play_.stage, 8)) {
    case 1: sri_series_stop(series); return;
    case 2: sri_series_drop(series); return;
    case 3: step_receive(); return;
    case 4: step_poll(); return;
    case 5:
        rc = sr_ring_next_timeout(play_.shots.ring, 0, &done);
        sri_judge(verdict(), SRI_RULE_CB_2, 0, rc == SR_EINVALID_STATE,
                  "inside a callback next was answered %d", rc);
        return;
    default: return;
    }
}

/* ---- Steps: what came ---- */

static void step_next(void)
{
    uint32_t most = 1 + sri_choose(play_.stage, 4);
    while (most-- > 0 && sri_shots_next(&play_.shots, play_.stage->env.moment_ns) == 0)
        continue;
}

/* Others come and go between them. */
static void step_nop(void)
{
    struct sr_op_spec spec = sr_spec_nop();
    if (sr_op_start_detached(play_.shots.ring, &spec, NULL, &play_.shots) == 0)
        play_.shots.others++;
}

static void step_dispatch(void)
{
    sri_shots_dispatch(&play_.shots);
}

static void step_submit(void)
{
    int rc = sr_ring_submit(play_.shots.ring);
    (void)rc; /* bad luck may refuse it */
    sri_shots_judge_counts(&play_.shots);
}

static void step_end_held(void)
{
    struct sri_shot *shot = &play_.shots.held[sri_choose(play_.stage, SRI_HELD_SHOTS)];
    if (shot->done.id != 0)
        sri_shot_end(&play_.shots, shot);
}

static void step_release(void)
{
    struct sri_catch *it = &play_.shots.catches[sri_choose(play_.stage, SRI_CATCHES)];
    for (uint32_t i = 0; i < SRI_CATCHES && it->buffer == NULL; i++)
        it = &play_.shots.catches[i];
    if (it->buffer != NULL)
        sri_catch_release(&play_.shots, it);
}

static void make_fount(struct sri_fount *fount)
{
    static const size_t sizes[] = {64, 200, 1, 512};
    uint32_t count = 1u << sri_choose(play_.stage, 4);
    sri_fount_make(&play_.shots, fount, count, sizes[sri_choose(play_.stage, 4)]);
}

static void step_fount(void)
{
    struct sri_fount *fount = &play_.shots.founts[sri_choose(play_.stage, FOUNTS)];
    if (fount->provider == NULL)
        make_fount(fount);
    else if (chance(300))
        sri_fount_free(&play_.shots, fount);
}

/* ---- Steps: zero copy ---- */

static void step_send(void)
{
    struct sri_conversation *talk = any_talk();
    if (talk == NULL)
        return;
    uint32_t length = 1 + sri_choose(play_.stage, SRI_SENDING_BYTES);
    sri_sending_send(&play_.shots, talk, length, chance(300));
}

static void step_sent(void)
{
    struct sri_sending *sending = &play_.shots.sendings[sri_choose(play_.stage, SRI_SENDINGS)];
    if (sending->talk == NULL)
        return;
    if (sending->op.id == 0)
        sri_sending_probe(sending);
    else if (chance(120))
        sri_sending_drop(sending);
    else
        sri_sending_await(sending, chance(400) ? 0 : play_.stage->env.moment_ns);
}

/* ---- Steps: the ring ---- */

/* It is not closed under a provider, nor with anything in flight (RING-5). */
static void step_close(void)
{
    bool held = false;
    for (uint32_t i = 0; i < SRI_FOUNTS; i++)
        held = held || play_.shots.founts[i].provider != NULL;
    uint32_t flying = sr_ring_in_flight(play_.shots.ring);
    if (!held && flying == 0)
        return;
    int rc = sr_ring_try_close(&play_.shots.ring);
    sri_judge(verdict(), SRI_RULE_RING_5, 0, rc == (flying > 0 ? SR_EOPERATIONS_IN_FLIGHT : -EBUSY),
              "a ring with a provider and %u operations in flight was asked to close: %d", flying, rc);
}

static void step_drain(void)
{
    if (chance(200))
        sri_shots_drain(&play_.shots, play_.stage->env.moment_ns);
}

static const struct sri_turn steps[] = {
    {step_receive, 20}, {step_speak, 20},  {step_next, 22},  {step_release, 16}, {step_end_held, 12},
    {step_send, 14},    {step_sent, 14},   {step_listen, 8}, {step_dispatch, 8}, {step_submit, 8},
    {step_pass, 8},     {step_chatter, 6}, {step_knock, 8},  {step_accept, 6},   {step_poll, 5},
    {step_await, 8},    {step_fount, 6},   {step_meet, 6},   {step_stop, 4},     {step_drop, 4},
    {step_nop, 3},      {step_close, 2},   {step_drain, 1},
};

/* ---- The run ---- */

static bool open_ring(void)
{
    struct sri_stage *stage = play_.stage;
    struct sr_backend backend = sri_tap_backend(stage->model->tap);
    struct sr_config config = sr_config_default();
    config.backend = &backend;
    config.entries = 8u >> sri_choose(stage, 4);
    if (chance(300))
        config.completion_entries = config.entries;
    config.max_in_flight = 48;
    config.shot_entries = chance(400) ? 1 + sri_choose(stage, 6) : 0;
    config.cancel_on_drop = !chance(256);
    config.defer_taskrun = !chance(256);
    for (int again = 0; again < 20; again++)
        if (sr_ring_open_config(&play_.shots.ring, &config) == 0)
            return true;
    return false;
}

static void end_all_in_hand(void)
{
    struct sri_shots *shots = &play_.shots;
    for (uint32_t i = 0; i < SRI_HELD_SHOTS; i++)
        if (shots->held[i].done.id != 0)
            sri_shot_end(shots, &shots->held[i]);
    for (uint32_t i = 0; i < SRI_CATCHES; i++)
        if (shots->catches[i].buffer != NULL)
            sri_catch_release(shots, &shots->catches[i]);
}

/* Takes whatever comes, for one moment of the world. */
static void take_all(uint32_t n)
{
    struct sri_shots *shots = &play_.shots;
    pass_again(n);
    for (uint32_t i = 0; i < SRI_SERIES; i++)
        if (shots->series[i].stage == SRI_SERIES_LIVE && shots->series[i].op.id != 0)
            sri_series_await(&shots->series[i], 0);
    while (sri_shots_next(shots, 0) == 0)
        continue;
    sri_shots_dispatch(shots);
    end_all_in_hand();
}

static bool is_owed(const struct sri_conversation *talk)
{
    return talk->mine >= 0 && !talk->in_lost && !talk->is_broken && talk->in.got < talk->in.given;
}

/* With no bad luck left, and buffers at home, all that was said is heard (BUF-5). */
static void hear_all(struct sri_conversation *talk)
{
    struct sri_fount *fount = &play_.shots.founts[FOUNTS];
    for (uint32_t i = 0; i < PATIENCE && is_owed(talk); i++) {
        if (sri_fount_make(&play_.shots, fount, 16, 512) && !sri_shots_receive(&play_.shots, talk))
            receive(talk, fount, false);
        take_all(i);
    }
    sri_judge(verdict(), SRI_RULE_BUF_5, 0, !is_owed(talk),
              "with no bad luck left, of %llu bytes sent %llu came in selected buffers",
              (unsigned long long)talk->in.given, (unsigned long long)talk->in.got);
}

/* All sends end, and what they said they sent comes out (BUF-3). */
static void settle_sends(void)
{
    struct sri_shots *shots = &play_.shots;
    uint32_t open = 1;
    for (uint32_t n = 0; n < PATIENCE && open > 0; n++) {
        open = 0;
        for (uint32_t i = 0; i < SRI_SENDINGS; i++) {
            if (shots->sendings[i].talk != NULL && shots->sendings[i].op.id != 0)
                sri_sending_await(&shots->sendings[i], 0);
            open += shots->sendings[i].talk != NULL;
        }
        for (uint32_t i = 0; i < TALKS; i++)
            while (play_.talks[i].mine >= 0 && listen_to(&play_.talks[i]))
                continue;
        if (open > 0)
            take_all(n);
    }
    sri_judge(verdict(), SRI_RULE_OP_4, 0, open == 0, "with no bad luck left %u sends have not ended", open);
    for (uint32_t i = 0; i < TALKS; i++) {
        struct sri_conversation *talk = &play_.talks[i];
        for (uint32_t n = 0; n < 40 && talk->mine >= 0 && talk->out.got < talk->out.given; n++)
            if (!listen_to(talk))
                pass_again(n);
        if (talk->mine >= 0 && !talk->out_lost && !talk->is_broken)
            sri_judge(verdict(), SRI_RULE_BUF_3, 0, talk->out.got == talk->out.given,
                      "of %llu bytes sent by zero copy %llu came out", (unsigned long long)talk->out.given,
                      (unsigned long long)talk->out.got);
    }
}

/* What goes on is dropped: it has no other end than the cancel that is asked for it (ORPH-5). */
static void drop_all(bool receives_too)
{
    struct sri_shots *shots = &play_.shots;
    uint32_t orphans = sr_ring_orphan_count(shots->ring);
    for (uint32_t i = 0; i < SRI_SERIES; i++) {
        struct sri_series *series = &shots->series[i];
        if (series->stage == SRI_SERIES_LIVE && !series->single &&
            (receives_too || series->opcode != IORING_OP_RECV)) /* a pipe's are single */
            sri_series_drop(series);
    }
    for (uint32_t n = 0; n < 40 && sr_ring_orphan_count(shots->ring) > orphans; n++)
        take_all(n);
    sri_judge(verdict(), SRI_RULE_ORPH_5, 0, sr_ring_orphan_count(shots->ring) <= orphans,
              "owed: of %u operations that go on and were dropped nothing ended %u",
              sr_ring_orphan_count(shots->ring), sr_ring_orphan_count(shots->ring) - orphans);
}

/* Those that wait for a byte at a time; what they have got they tell. */
static void stop_receives(void)
{
    for (uint32_t i = 0; i < SRI_SERIES; i++)
        if (play_.shots.series[i].stage == SRI_SERIES_LIVE)
            sri_series_stop(&play_.shots.series[i]);
    take_all(0);
}

/* By luck in vain; what the cancels answer is not looked at before the drops that follow. */
static void ask_all_to_end(void)
{
    for (uint32_t i = 0; i < SRI_SERIES; i++)
        if (play_.shots.series[i].stage == SRI_SERIES_LIVE)
            sri_series_stop(&play_.shots.series[i]);
    step_submit();
}

static void end(void)
{
    struct sri_stage *stage = play_.stage;
    struct sri_shots *shots = &play_.shots;
    if (chance(512))
        ask_all_to_end();
    sri_stage_calm(stage);
    play_.is_ending = true;
    drop_all(false);
    end_all_in_hand();
    stop_receives();
    for (uint32_t i = 0; i < TALKS; i++)
        hear_all(&play_.talks[i]);
    settle_sends();
    drop_all(true);
    for (uint32_t i = 0; i < TALKS; i++)
        if (play_.talks[i].mine >= 0)
            hang_up(&play_.talks[i]);
    int rc = -ETIME;
    for (int again = 0; again < 20 && rc != 0; again++)
        rc = sri_shots_drain(shots, stage->env.patience_ns);
    sri_judge(verdict(), SRI_RULE_RING_4, 0, rc == 0,
              "owed: with no bad luck left operations did not end: %d", rc);
    end_all_in_hand(); /* what callbacks have kept */
    for (uint32_t i = 0; i < SRI_FOUNTS; i++)
        sri_fount_free(shots, &shots->founts[i]);
    rc = sr_ring_close(&shots->ring);
    sri_judge(verdict(), SRI_RULE_RING_5, 0, rc == 0, "a ring on which all has ended can't be closed: %d",
              rc);
}

static void play(struct sri_stage *stage)
{
    const struct sri_env *env = &stage->env;
    memset(&play_, 0, sizeof play_);
    play_.stage = stage;
    play_.shots.model = stage->model;
    play_.shots.client = (struct sri_shots_client){.chance = chance, .inside = inside, .made = made};
    for (uint32_t i = 0; i < TALKS; i++)
        play_.talks[i].mine = -1;
    if (!open_ring())
        return;
    if (env->vtable->listen(env->self, false, &play_.door, &play_.address, &play_.address_length) == 0)
        sri_stage_own(stage, play_.door);
    else
        play_.door = -1;
    make_fount(&play_.shots.founts[0]);
    make_talk(&play_.talks[0]);
    make_talk(&play_.talks[1]);
    uint32_t count = 40 + sri_choose(stage, 100);
    while (count-- > 0)
        sri_take_turn(stage, steps, sizeof steps / sizeof steps[0]);
    end();
}

const struct sri_scenario sri_scenario_shots = {
    "shots", "accepts, polls and receives that go on, with provided buffers; zero-copy sends; exact bytes",
    play};
