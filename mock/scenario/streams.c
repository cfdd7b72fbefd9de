/*
 * Streams over files, sockets and pipes on one ring: read, written, polled, flushed, dropped with work in flight, beside other
 * operations and from callbacks; the ring closed under them and drained away (STR-1 … STR-5).
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "scenario/scenarios.h"
#include "scenario/turns.h"

#define STREAMS 4u
#define PATIENCE 600u /* looks in a row that bring nothing; a small window may let a byte pass at a time */

struct stream {
    struct sri_streamed model;
    char name[16]; /* of a file */
    int peer_in;   /* the scenario's ends: what it writes to, what it reads from; -1 */
    int peer_out;
};

static struct play {
    struct sri_stage *stage;
    struct sr_ring *ring;
    struct stream streams[STREAMS];
    uint32_t made;
    uint32_t nops; /* detached, not returned yet */
    int inside[2]; /* what a callback's calls were answered */
    uint32_t callbacks;
} play_;

static const char nop_mark;

static struct sri_verdict *verdict(void)
{
    return play_.stage->model->verdict;
}

static struct stream *any_stream(void)
{
    struct stream *it = &play_.streams[sri_choose(play_.stage, STREAMS)];
    return it->model.stream != NULL ? it : NULL;
}

/* ---- Time and the other side ---- */

/* So many moments pass, also where time is virtual; callbacks run. */
static void pass(uint32_t moments_log2)
{
    struct sr_op_spec spec = sr_spec_timeout(play_.stage->env.moment_ns << moments_log2);
    struct sr_op op;
    struct sr_completion done;
    int rc = sr_op_start_plain(play_.ring, &spec, &op);
    if (rc != 0) {
        int ignored = sr_ring_dispatch(play_.ring, NULL);
        (void)ignored;
        return;
    }
    for (int again = 0; again < 50; again++)
        if (sr_op_await(play_.ring, &op, &done) == 0) {
            sr_finish(&done);
            return;
        }
    if (sr_op_detach(play_.ring, &op, (void *)(uintptr_t)&nop_mark) == 0)
        play_.nops++;
}

/* The n-th time in a row that one waits for the same thing; no long time on this machine's clock. */
static void pass_again(uint32_t n)
{
    uint32_t most = play_.stage->env.simulated ? 30 : 4;
    pass(n < most ? n : most);
}

static void step_pass(void)
{
    pass(sri_choose(play_.stage, 4));
}

static void speak(struct stream *it)
{
    const struct sri_env *env = &play_.stage->env;
    struct sri_flow *flow = &it->model.in;
    uint8_t bytes[SRI_STREAM_PIECE];
    size_t moved = 0;
    if (it->peer_in < 0 || flow->ended)
        return;
    uint32_t size = 1 + sri_choose(play_.stage, sizeof bytes);
    sri_pattern_fill(flow->key, flow->given, bytes, size);
    if (env->vtable->write(env->self, it->peer_in, bytes, size, &moved) == 0)
        flow->given += moved;
}

static bool listen_to(struct stream *it)
{
    const struct sri_env *env = &play_.stage->env;
    uint8_t bytes[4096];
    size_t moved = 0;
    if (it->peer_out < 0 || env->vtable->read(env->self, it->peer_out, bytes, sizeof bytes, &moved) != 0)
        return false;
    sri_streamed_heard(&it->model, bytes, moved);
    return moved > 0;
}

/* The other side says its last. */
static void hang_up(struct stream *it)
{
    struct sri_stage *stage = play_.stage;
    if (it->peer_in < 0)
        return;
    it->model.in.ended = true;
    if (it->peer_in == it->peer_out) {
        while (listen_to(it))
            continue;
        stage->env.vtable->shutdown(stage->env.self, it->peer_in);
        it->model.broken = true; /* what it is sent from now on goes nowhere */
    } else {
        sri_stage_close(stage, it->peer_in);
        it->peer_in = -1;
    }
}

/* ---- Making ---- */

static bool make_ends(struct stream *it, uint32_t kind, int *fd)
{
    const struct sri_env *env = &play_.stage->env;
    int fds[2];
    it->peer_in = it->peer_out = -1;
    if (kind == 0) {
        it->name[0] = 's';
        it->name[1] = (char)('a' + play_.made % 26);
        it->name[2] = '\0';
        return env->vtable->file(env->self, it->name, NULL, 0, fd) == 0;
    }
    int rc = kind == 1 ? env->vtable->pair(env->self, fds) : env->vtable->pipe(env->self, fds);
    if (rc != 0)
        return false;
    int mine = kind == 2 ? 1 : kind == 1 ? 1 : 0;
    *fd = fds[1 - mine];
    sri_stage_own(play_.stage, fds[mine]);
    if (kind != 3)
        it->peer_in = fds[mine];
    if (kind != 2)
        it->peer_out = fds[mine];
    return true;
}

/* No stream came of it: nobody speaks, and there is no model to tell what is heard. */
static void unmake_ends(struct stream *it, int fd)
{
    int mine = it->peer_in >= 0 ? it->peer_in : it->peer_out;
    play_.stage->env.vtable->close(play_.stage->env.self, fd);
    if (mine >= 0)
        sri_stage_close(play_.stage, mine);
    it->peer_in = it->peer_out = -1;
}

/* kind: 0 file, 1 socket, 2 reader, 3 writer. */
static void make(struct stream *it)
{
    static const size_t sizes[] = {0, 64, 1, 7, 500};
    static int (*const makers[])(struct sr_ring *, int, const struct sr_stream_options *,
                                 struct sr_stream **) = {sr_file, sr_socket, sr_reader, sr_writer};
    struct sri_stage *stage = play_.stage;
    uint32_t kind = sri_choose(stage, 4);
    const struct sr_stream_options options = {.buffer_bytes = sizes[sri_choose(stage, 5)]};
    struct sr_stream *stream = NULL;
    int fd;
    if (it->model.stream != NULL || stage->fd_count > SRI_STAGE_FDS - 8 || !make_ends(it, kind, &fd))
        return;
    if (makers[kind](play_.ring, fd, &options, &stream) != 0) {
        unmake_ends(it, fd);
        return;
    }
    sri_streamed_begin(&it->model, stage->model, stream, fd, ++play_.made);
    it->model.is_file = kind == 0;
    it->model.reads = kind != 3;
    it->model.writes = kind != 2;
}

/* ---- The end of one ---- */

static uint32_t closings(int fd)
{
    return fd < SRI_MODEL_FDS ? play_.stage->model->closings[fd] : 0;
}

/* The descriptor is open as long as an orphan is there, and closed when there is none (STR-5). */
static void see_off(struct stream *it, int fd, uint32_t before)
{
    struct sri_stage *stage = play_.stage;
    bool sees = stage->model->sees;
    uint32_t steps = 0;
    bool had_orphans = sr_ring_orphan_count(play_.ring) > 0;
    for (; sr_ring_orphan_count(play_.ring) > 0 && steps < 40; steps++) {
        if (sees)
            sri_judge(verdict(), SRI_RULE_STR_5, 0, closings(fd) == before,
                      "a dropped stream's descriptor %d was closed with %u orphans on the ring", fd,
                      sr_ring_orphan_count(play_.ring));
        if (steps > 4) {
            speak(it);
            listen_to(it);
        }
        pass_again(steps);
    }
    if (sr_ring_orphan_count(play_.ring) > 0)
        return; /* quiet, and nobody may cancel it: the end of the run sees to it */
    int rc = sees ? 0 : stage->env.vtable->close(stage->env.self, fd);
    sri_judge(verdict(), SRI_RULE_STR_5, 0, sees ? closings(fd) == before + 1 : rc == -EBADF,
              "the descriptor %d of a stream that has ended is still open%s", fd,
              had_orphans ? ", its orphans gone" : "");
}

static void drop(struct stream *it)
{
    struct sr_stream *stream = it->model.stream;
    int fd = it->model.fd;
    uint32_t before = closings(fd);
    uint32_t orphans = sr_ring_orphan_count(play_.ring);
    it->model.stream = NULL;
    int rc = sr_stream_drop(&stream);
    sri_judge(verdict(), SRI_RULE_STR_5, 0, rc == 0 && stream == NULL, "a stream can't be dropped: %d", rc);
    sri_model_tell(play_.stage->model, "drop stream on %d: %d, %u orphans", fd, rc,
                   sr_ring_orphan_count(play_.ring));
    if (orphans == 0)
        see_off(it, fd, before);
}

/* What must be whole at the end of one, luck being over: everything accepted was written, and is there. */
static void compare(struct stream *it)
{
    struct sri_streamed *model = &it->model;
    uint8_t content[SRI_STREAM_FILE_MAX + 1] = {0}; /* a write may land between its bytes and its length */
    size_t length = 0;
    const struct sri_env *env = &play_.stage->env;
    if (model->is_file) {
        if (env->vtable->content(env->self, it->name, content, sizeof content, &length) == 0)
            sri_streamed_content(model, content, length < sizeof content ? length : sizeof content);
        return;
    }
    if (!model->writes || model->broken || model->drained)
        return;
    for (uint32_t i = 0; i < PATIENCE && model->out.got < model->accepted; i++) {
        if (!listen_to(it))
            pass_again(i);
        else
            i = 0;
    }
    sri_judge(verdict(), SRI_RULE_STR_1, 0, model->out.got == model->accepted,
              "of %llu bytes accepted and flushed %llu came out", (unsigned long long)model->accepted,
              (unsigned long long)model->out.got);
}

/* Flushes as long as it takes, the other side listening. */
static void finish(struct stream *it)
{
    struct sri_streamed *model = &it->model;
    int rc = SR_EOPERATION_PENDING;
    for (uint32_t i = 0; i < PATIENCE && rc != 0 && !model->broken && model->writes; i++) {
        rc = sri_streamed_flush(model, false);
        if (listen_to(it))
            i = 0;
        if (rc != 0)
            pass_again(i);
    }
    if (model->writes && !model->broken)
        sri_judge(verdict(), SRI_RULE_STR_4, 0, rc == 0,
                  "with no bad luck left a stream can't be flushed: %d", rc);
    compare(it);
    if (rc != 0 || !sri_chance(play_.stage, 512)) {
        drop(it);
        return;
    }
    int fd = model->fd;
    uint32_t before = closings(fd);
    uint32_t orphans = sr_ring_orphan_count(play_.ring);
    rc = sr_stream_close(&model->stream, NULL);
    sri_judge(verdict(), SRI_RULE_STR_4, 0, rc == 0, "a flushed stream can't be closed: %d", rc);
    if (model->stream != NULL)
        drop(it);
    else if (orphans == 0)
        see_off(it, fd, before);
}

/* ---- Steps ---- */

static void step_make(void)
{
    make(&play_.streams[sri_choose(play_.stage, STREAMS)]);
}

static void step_read(void)
{
    struct stream *it = any_stream();
    if (it == NULL || !it->model.reads)
        return;
    bool waits = it->model.is_file && sri_chance(play_.stage, 512);
    int rc = sri_streamed_read(&it->model, 1 + sri_choose(play_.stage, SRI_STREAM_PIECE), waits);
    sri_judge(verdict(), SRI_RULE_STR_4, 0, !waits || rc != SR_EOPERATION_PENDING,
              "a call that waits answers: pending");
}

static void step_write(void)
{
    struct stream *it = any_stream();
    if (it == NULL || !it->model.writes)
        return;
    bool waits = it->model.is_file && sri_chance(play_.stage, 512);
    sri_streamed_write(&it->model, 1 + sri_choose(play_.stage, SRI_STREAM_PIECE), waits);
}

static void step_flush(void)
{
    struct stream *it = any_stream();
    if (it == NULL || !it->model.writes)
        return;
    sri_streamed_flush(&it->model, it->model.is_file && sri_chance(play_.stage, 512));
    if (it->model.is_file)
        compare(it);
}

static void step_seek(void)
{
    struct stream *it = any_stream();
    if (it != NULL && it->model.is_file)
        sri_streamed_seek(&it->model, sri_choose(play_.stage, it->model.shadow_size + 1));
}

static void step_shutdown(void)
{
    struct stream *it = any_stream();
    if (it != NULL && it->model.writes && !it->model.is_file)
        sri_streamed_shutdown(&it->model);
}

static void step_speak(void)
{
    struct stream *it = any_stream();
    if (it == NULL)
        return;
    if (sri_chance(play_.stage, 40))
        hang_up(it);
    else
        speak(it);
}

static void step_listen(void)
{
    struct stream *it = any_stream();
    if (it != NULL)
        listen_to(it);
}

static void step_dispatch(void)
{
    int rc = sr_ring_dispatch(play_.ring, NULL);
    (void)rc; /* bad luck may refuse it */
}

/* What others wait for is never a stream's (CB-4). */
static void step_next(void)
{
    struct sr_op_spec spec = sr_spec_nop();
    struct sr_completion done;
    void *mark = (void *)(uintptr_t)&nop_mark;
    if (sr_op_start_detached(play_.ring, &spec, NULL, mark) == 0)
        play_.nops++;
    while (sr_ring_next_timeout(play_.ring, play_.stage->env.moment_ns, &done) == 0) {
        sri_judge(verdict(), SRI_RULE_CB_4, done.id, done.user == mark && play_.nops > 0,
                  "next returned an operation of opcode %u, which nobody detached", (unsigned)done.opcode);
        play_.nops -= play_.nops > 0;
        sr_finish(&done);
    }
}

static void from_inside(struct sr_ring *ring, struct sr_completion *done, void *user)
{
    struct stream *it = user;
    (void)ring;
    play_.callbacks++;
    if (it->model.stream != NULL && it->model.reads) {
        uint8_t byte;
        size_t count;
        int rc = sr_stream_read(it->model.stream, &byte, 1, &count);
        sri_judge(verdict(), SRI_RULE_CB_2, 0, rc == SR_EINVALID_STATE,
                  "inside a callback a call that waits answers %d", rc);
        if (it->model.waits) {
            rc = sr_stream_poll_read(it->model.stream, &byte, 1, &count);
            sri_judge(verdict(), SRI_RULE_CB_2, 0, rc == SR_EINVALID_STATE,
                      "a callback used a stream under a call that waits on it: %d", rc);
        } else if (sr_ring_may_start(play_.ring) == 0) {
            sri_streamed_read(&it->model, 100, false);
        }
    }
    sr_take_plain(done);
}

static void step_callback(void)
{
    struct sr_op_spec spec = sr_spec_nop();
    struct sr_op op;
    if (sr_op_start_plain(play_.ring, &spec, &op) != 0)
        return;
    if (sr_op_then(play_.ring, &op, from_inside, &play_.streams[sri_choose(play_.stage, STREAMS)]) != 0)
        sr_op_drop(play_.ring, &op);
}

/* A ring is not closed under a stream (RING-5). */
static void step_close_ring(void)
{
    if (any_stream() == NULL)
        return;
    uint32_t flying = sr_ring_in_flight(play_.ring);
    int rc = sr_ring_try_close(&play_.ring);
    sri_judge(verdict(), SRI_RULE_RING_5, 0, rc == (flying > 0 ? SR_EOPERATIONS_IN_FLIGHT : -EBUSY),
              "a ring with a live stream and %u operations in flight was asked to close: %d", flying, rc);
}

static void step_drop(void)
{
    struct stream *it = any_stream();
    if (it != NULL)
        drop(it);
}

static void step_drain(void)
{
    if (!sri_chance(play_.stage, 128))
        return;
    for (uint32_t i = 0; i < STREAMS; i++)
        play_.streams[i].model.drained = true;
    int rc = sr_ring_drain(play_.ring, play_.stage->env.moment_ns, NULL);
    (void)rc; /* a quiet connection may outlast it */
    if (sr_ring_in_flight(play_.ring) == 0)
        play_.nops = 0;
}

static const struct sri_turn steps[] = {
    {step_write, 24},     {step_read, 24},    {step_make, 8},      {step_flush, 10},   {step_speak, 14},
    {step_listen, 8},     {step_pass, 10},    {step_dispatch, 10}, {step_seek, 6},     {step_drop, 3},
    {step_close_ring, 2}, {step_shutdown, 2}, {step_next, 4},      {step_callback, 6}, {step_drain, 1},
};

/* ---- The run ---- */

static bool open_ring(void)
{
    struct sri_stage *stage = play_.stage;
    struct sr_backend backend = sri_tap_backend(stage->model->tap);
    struct sr_config config = sr_config_default();
    config.backend = &backend;
    config.entries = 1u << sri_choose(stage, 5);
    config.max_in_flight = 64; /* more than streams and all else have under way: -EBUSY would not pass */
    config.cancel_on_drop = !sri_chance(stage, 256);
    config.defer_taskrun = !sri_chance(stage, 256);
    config.kernel_polling = sri_chance(stage, 128);
    config.check_lent_bytes = sri_chance(stage, 128);
    for (int again = 0; again < 20; again++)
        if (sr_ring_open_config(&play_.ring, &config) == 0)
            return true;
    return false;
}

static void end(void)
{
    struct sri_stage *stage = play_.stage;
    stage->env.vtable->calm(stage->env.self);
    for (uint32_t i = 0; i < STREAMS; i++)
        if (play_.streams[i].model.stream != NULL)
            finish(&play_.streams[i]);
    for (uint32_t i = 0; i < STREAMS; i++)
        hang_up(&play_.streams[i]);
    int rc = -ETIME;
    for (int again = 0; again < 20 && rc != 0; again++)
        rc = sr_ring_drain(play_.ring, stage->env.patience_ns, NULL);
    sri_judge(verdict(), SRI_RULE_RING_4, 0, rc == 0,
              "owed: with no bad luck left streams' operations did not end: %d", rc);
    rc = sr_ring_close(&play_.ring);
    sri_judge(verdict(), SRI_RULE_RING_5, 0, rc == 0, "a ring whose streams have ended can't be closed: %d",
              rc);
}

static void play(struct sri_stage *stage)
{
    memset(&play_, 0, sizeof play_);
    play_.stage = stage;
    for (uint32_t i = 0; i < STREAMS; i++)
        play_.streams[i].peer_in = play_.streams[i].peer_out = -1;
    if (!open_ring())
        return;
    make(&play_.streams[0]);
    uint32_t count = 30 + sri_choose(stage, 90);
    while (count-- > 0)
        sri_take_turn(stage, steps, sizeof steps / sizeof steps[0]);
    end();
}

const struct sri_scenario sri_scenario_streams = {
    "streams", "streams over files, sockets and pipes, dropped and polled; exact bytes", play};
