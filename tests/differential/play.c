/*
 * The rounds of a program, and its end: everything that still waits is cancelled, one by one, so that each entry is seen
 * to end; then what the objects hold is looked at. Every decision here follows from what was seen so far, so that equal
 * kernels show equal outcomes.
 */
#include "play.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define CANCELS 200 /* user_data of the cancels of the end, from here on */
#define SWEEPS 4
#define DISK_PATIENCE 80
#define TIME_BEFORE_NS (DF_BRIEF_NS * 7 / 10)

struct play {
    struct df_stage *stage;
    const struct df_program *program;
    struct df_plan *plan;
    struct df_outcome *outcome;
    uint32_t round;
    bool prepared[DF_ENTRIES]; /* entries that found room in the SQ */
    uint32_t taken;            /* CQEs, all */
    uint64_t brief_from_ns;    /* when a timeout that will expire may have been armed; 0: none is */
    uint8_t submitted[256];    /* by user_data */
    bool loose[256];           /* a worker does it */
    bool disk;                 /* a worker does something */
    uint8_t ended[256];
    int32_t cancel_result[DF_ENTRIES];
    uint8_t ended_before[DF_ENTRIES]; /* of its user_data, when the cancel was sent */
};

/* The backend over the true kernel has a coarse clock, which may stand while a timeout expires. */
static uint64_t now(const struct play *play)
{
    struct timespec time;
    if (play->stage->sim == NULL && clock_gettime(CLOCK_MONOTONIC, &time) == 0)
        return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
    return play->stage->backend.vtable->now_ns(play->stage->backend.self);
}

/* Descriptors differ between equal kernels. */
static int32_t told(struct play *play, const struct io_uring_cqe *cqe)
{
    struct df_stage *stage = play->stage;
    if (cqe->res < 0 || cqe->user_data == 0 || cqe->user_data > play->program->entries)
        return cqe->res;
    const struct df_entry *entry = &play->program->entry[cqe->user_data - 1];
    if (entry->kind == DF_CLOSE && cqe->res == 0)
        stage->fd[entry->object][entry->end] = -1;
    if (entry->kind != DF_OPENAT && entry->kind != DF_ACCEPT)
        return cqe->res;
    if (stage->opened_count < DF_ENTRIES)
        stage->opened[stage->opened_count++] = cqe->res;
    return 0;
}

static uint32_t take(struct play *play)
{
    struct io_uring_cqe cqe;
    uint32_t count = 0;
    for (; raw_ring_take(&play->stage->ring, &cqe); count++) {
        uint32_t flags = cqe.flags & ~(uint32_t)IORING_CQE_F_SOCK_NONEMPTY;
        enum df_fact_kind kind =
            cqe.user_data < 256 && play->loose[cqe.user_data] ? DF_FACT_LOOSE : DF_FACT_CQE;
        df_fact(play->outcome, kind, play->round, (int64_t)cqe.user_data, told(play, &cqe), flags);
        if (cqe.user_data < 256 && !(cqe.flags & IORING_CQE_F_MORE))
            play->ended[cqe.user_data]++;
        if (cqe.user_data >= CANCELS && cqe.user_data < CANCELS + DF_ENTRIES)
            play->cancel_result[cqe.user_data - CANCELS] = cqe.res;
    }
    play->taken += count;
    return count;
}

static uint32_t visible(const struct play *play)
{
    const struct io_uring_cq *cq = &play->stage->ring.ring.cq;
    return *cq->ktail - *cq->khead;
}

static bool has_overflow(const struct play *play)
{
    return (*play->stage->ring.ring.sq.kflags & IORING_SQ_CQ_OVERFLOW) != 0;
}

/* One more look, after which nothing more is expected. */
static void take_rest(struct play *play)
{
    do
        (void)raw_ring_get_events(&play->stage->ring);
    while (take(play) > 0 && has_overflow(play));
}

/* Waits until `count` more were taken. False: patience is over. */
static bool wait_within(struct play *play, uint32_t count, uint64_t patience_ns)
{
    uint64_t until = now(play) + patience_ns;
    uint32_t wanted = play->taken + count;
    take(play);
    while (play->taken < wanted) {
        uint64_t left = until - now(play);
        if (left == 0 || left > patience_ns)
            return false;
        uint32_t missing = wanted - play->taken;
        int rc = raw_ring_wait(&play->stage->ring, missing < DF_SQ_ENTRIES ? missing : DF_SQ_ENTRIES, left);
        if (take(play) == 0 && rc == -EDEADLK)
            return false;
    }
    return true;
}

/* A sync, and a write to a file, may wait for a disk that others keep busy. */
static bool wait_for(struct play *play, uint32_t count)
{
    return wait_within(play, count, play->stage->patience_ns * (play->disk ? DISK_PATIENCE : 1));
}

/* The timeouts that will expire must not have done so before everything else of the round was done. */
static void check_time(struct play *play)
{
    if (play->brief_from_ns != 0 && now(play) - play->brief_from_ns > TIME_BEFORE_NS)
        play->outcome->late = true;
    play->brief_from_ns = 0;
}

static void settle(struct play *play)
{
    check_time(play);
    uint32_t expected = play->plan->expected[play->round];
    if (!play->plan->known)
        (void)wait_for(play, DF_FACTS);
    else if (expected > play->taken && !wait_for(play, expected - play->taken))
        df_fact(play->outcome, DF_FACT_MISSING, play->round, (int64_t)expected - (int64_t)play->taken, 0, 0);
    take_rest(play);
    if (!play->plan->known)
        play->plan->expected[play->round] = play->taken;
}

static void prepare_round(struct play *play, const struct df_round *round)
{
    for (uint32_t i = 0; i < round->count; i++) {
        uint32_t index = (uint32_t)round->first + i;
        struct io_uring_sqe *sqe = raw_ring_sqe(&play->stage->ring, 0);
        if (sqe == NULL)
            return;
        df_prepare(play->stage, play->program, index, sqe);
        play->submitted[play->program->entry[index].user_data]++;
        play->prepared[index] = true;
        if (play->program->entry[index].brief && play->brief_from_ns == 0)
            play->brief_from_ns = now(play);
    }
}

static int enter(struct play *play, uint32_t left_out, uint32_t flags)
{
    struct df_stage *stage = play->stage;
    uint32_t ready = raw_ring_publish(&stage->ring);
    uint32_t count = left_out < ready ? ready - left_out : ready;
    int rc =
        stage->backend.vtable->enter(stage->backend.self, stage->ring.fd, count, 0, flags, NULL, _NSIG / 8);
    uint32_t left = raw_ring_publish(&stage->ring);
    df_fact(play->outcome, DF_FACT_ENTERED, play->round, rc, left, 0);
    return rc;
}

/* Is something under way in a worker, so that what is visible at a moment is luck? */
static bool round_floats(const struct play *play, const struct df_round *round)
{
    for (uint32_t i = 0; i < round->count; i++) {
        if (play->program->entry[round->first + i].floats)
            return true;
    }
    return false;
}

/* Has its number been closed by an entry, though nobody may have looked? It may be anybody's by now. */
static bool may_be_closed(const struct play *play, const struct df_poke *poke)
{
    for (uint32_t i = 0; i < play->program->entries; i++) {
        const struct df_entry *entry = &play->program->entry[i];
        if (play->prepared[i] && entry->kind == DF_CLOSE && entry->object == poke->object &&
            entry->end == poke->end)
            return true;
    }
    return false;
}

static void poke_all(struct play *play, const struct df_round *round)
{
    for (uint32_t i = 0; i < round->pokes; i++) {
        if (!may_be_closed(play, &round->poke[i]))
            df_fact(play->outcome, DF_FACT_POKED, play->round, df_stage_poke(play->stage, &round->poke[i]), 0,
                    0);
    }
}

static void play_round(struct play *play, const struct df_round *round)
{
    if (round->registration != DF_NO_REGISTRATION)
        df_fact(play->outcome, DF_FACT_POKED, play->round,
                df_stage_registration(play->stage, play->program, round), 0, 0);
    poke_all(play, round);
    prepare_round(play, round);
    enter(play, round->left_out, round->get_events ? IORING_ENTER_GETEVENTS : 0);
    if (!round->settles || !round_floats(play, round))
        df_fact(play->outcome, DF_FACT_READY, play->round, visible(play), has_overflow(play), 0);
    if (round->settles)
        settle(play);
    else if (!round->leaves_cqes)
        take(play);
}

/* What stayed in the SQ; then what will come by itself. */
static void finish_queue(struct play *play)
{
    for (unsigned i = 0; i < DF_SQ_ENTRIES && raw_ring_publish(&play->stage->ring) > 0; i++)
        enter(play, 0, 0);
    settle(play);
}

static bool is_waiting(const struct play *play, uint32_t index)
{
    uint8_t user_data = play->program->entry[index].user_data;
    return play->submitted[user_data] > play->ended[user_data];
}

/* Is another of the same user_data about to be cancelled? One at a time. */
static bool is_among(const struct play *play, uint32_t index, const uint8_t *sent, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (play->program->entry[sent[i]].user_data == play->program->entry[index].user_data)
            return true;
    }
    return false;
}

/* A cancel for each that waits, from `*index` on, as many as there is room for. */
static uint32_t send_cancels(struct play *play, uint32_t *index, uint8_t *sent)
{
    uint32_t count = 0;
    for (; *index < play->program->entries && count < DF_SQ_ENTRIES; (*index)++) {
        if (!play->prepared[*index] || !is_waiting(play, *index) || is_among(play, *index, sent, count))
            continue;
        struct io_uring_sqe *sqe = raw_ring_sqe(&play->stage->ring, 0);
        io_uring_prep_cancel64(sqe, play->program->entry[*index].user_data, 0);
        io_uring_sqe_set_data64(sqe, CANCELS + *index);
        play->cancel_result[*index] = INT32_MIN;
        play->ended_before[*index] = play->ended[play->program->entry[*index].user_data];
        sent[count++] = (uint8_t)*index;
    }
    return count;
}

/* Did every cancel answer, and end whom it found? One that came too late says nothing of the end. */
static bool have_ended(const struct play *play, const uint8_t *sent, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int32_t result = play->cancel_result[sent[i]];
        if (result == INT32_MIN || (result == 0 && play->ended_before[sent[i]] ==
                                                       play->ended[play->program->entry[sent[i]].user_data]))
            return false;
    }
    return true;
}

static void cancel_batch(struct play *play, uint32_t *index)
{
    uint8_t sent[DF_SQ_ENTRIES];
    uint32_t count = send_cancels(play, index, sent);
    if (count == 0)
        return;
    enter(play, 0, 0);
    take(play);
    bool patient = true;
    while (patient && !have_ended(play, sent, count))
        patient = wait_for(play, 1);
    if (!patient)
        df_fact(play->outcome, DF_FACT_MISSING, play->round, 1, 0, 0);
    take_rest(play);
}

static bool has_drain(const struct play *play)
{
    for (uint32_t i = 0; i < play->program->entries; i++) {
        if (play->prepared[i] && (play->program->entry[i].flags & IOSQE_IO_DRAIN) != 0)
            return true;
    }
    return false;
}

static bool drain_waits(const struct play *play)
{
    for (uint32_t i = 0; i < play->program->entries; i++) {
        if (play->prepared[i] && (play->program->entry[i].flags & IOSQE_IO_DRAIN) != 0 && is_waiting(play, i))
            return true;
    }
    return false;
}

/* A cancel would wait behind a drain as well: all that has begun is cancelled by a registration, and what waited behind begins. */
static void sweep_at_once(struct play *play)
{
    struct df_stage *stage = play->stage;
    for (unsigned i = 0; i < SWEEPS; i++) {
        struct io_uring_sync_cancel_reg arg = {.fd = -1,
                                               .flags = IORING_ASYNC_CANCEL_ANY,
                                               .timeout = {-1, -1}};
        int rc = stage->backend.vtable->register_(stage->backend.self, stage->ring.fd,
                                                  IORING_REGISTER_SYNC_CANCEL, &arg, 1);
        df_fact(play->outcome, DF_FACT_POKED, play->round, rc, 0, 0);
        take_rest(play);
        bool stalls = (play->plan->stalls >> i & 1) != 0;
        while (drain_waits(play)) {
            if (stalls ? wait_within(play, 1, play->stage->patience_ns) : wait_for(play, 1))
                continue;
            /* The next sweep may end it: known from the simulated kernel, whose patience takes no time. */
            play->plan->stalls |= UINT32_C(1) << i;
            break;
        }
    }
}

static void sweep(struct play *play)
{
    if (has_drain(play)) {
        sweep_at_once(play);
        return;
    }
    for (unsigned i = 0; i < SWEEPS; i++) {
        uint32_t before = play->taken;
        uint32_t index = 0;
        while (index < play->program->entries)
            cancel_batch(play, &index);
        if (play->taken == before)
            return;
    }
}

static void look(struct play *play)
{
    const struct df_program *program = play->program;
    for (uint32_t i = 0; i < program->entries; i++) {
        if (!play->prepared[i])
            continue;
        const struct df_memory *memory = &play->stage->memory[i];
        uint64_t hash = df_hash(DF_HASH_START, memory->bytes, sizeof memory->bytes);
        uint8_t kind = program->entry[i].kind;
        if (kind == DF_ACCEPT)
            hash = memory->peer_length;
        if (kind == DF_READ || kind == DF_READV || kind == DF_RECV || kind == DF_RECVMSG ||
            kind == DF_ACCEPT || kind == DF_READ_FIXED)
            df_fact(play->outcome, DF_FACT_BUFFER, play->round, i, (int64_t)hash, 0);
    }
    if (program->registers & (DF_HAS_GROUP | DF_HAS_RING))
        df_fact(play->outcome, DF_FACT_BUFFER, play->round, DF_ENTRIES,
                (int64_t)df_hash(DF_HASH_START, play->stage->group, sizeof play->stage->group), 0);
    df_stage_look(play->stage, program, play->outcome, play->round);
    df_fact(play->outcome, DF_FACT_COUNTERS, play->round, *play->stage->ring.ring.sq.kdropped,
            *play->stage->ring.ring.cq.koverflow, 0);
}

void df_play(struct df_stage *stage, const struct df_program *program, struct df_plan *plan,
             struct df_outcome *outcome)
{
    struct play play = {.stage = stage, .program = program, .plan = plan, .outcome = outcome};
    outcome->count = 0;
    outcome->late = false;
    int rc = df_stage_set(stage, program);
    if (rc != 0) {
        df_fact(outcome, DF_FACT_SETUP, 0, rc, 0, 0);
        return;
    }
    for (uint32_t i = 0; i < program->entries; i++) {
        play.loose[program->entry[i].user_data] |= program->entry[i].floats;
        play.disk |= program->entry[i].floats;
    }
    for (; play.round < program->rounds; play.round++)
        play_round(&play, &program->round[play.round]);
    finish_queue(&play);
    sweep(&play);
    look(&play);
    plan->known = true;
    df_stage_strike(stage, program);
}
