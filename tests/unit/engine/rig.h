/*
 * An engine over the simulated world with one plain ring, a chooser that answers what a test wrote down, and a record of
 * the events. For the engine's own tests.
 */
#ifndef TESTS_UNIT_ENGINE_RIG_H
#define TESTS_UNIT_ENGINE_RIG_H

#include "support/main.h"

#include <errno.h>
#include <string.h>

#include "engine/engine.h"
#include "support/raw_ring.h"
#include "world/world.h"

#define RIG_ANSWERS 16
#define RIG_EVENTS 256

struct rig {
    struct sri_engine *engine;
    struct sri_sim_world *world;
    struct raw_ring ring;
    uint32_t answers[SRI_WHYS][RIG_ANSWERS]; /* taken in turn; 0 when none is left */
    uint32_t written[SRI_WHYS];
    uint32_t taken[SRI_WHYS];
    uint32_t asked[SRI_WHYS];
    struct sri_event events[RIG_EVENTS];
    uint32_t event_count;
};

static inline uint32_t rig_pick(void *self, const struct sri_question *question)
{
    struct rig *rig = self;
    rig->asked[question->why]++;
    if (rig->taken[question->why] == rig->written[question->why])
        return 0;
    uint32_t answer = rig->answers[question->why][rig->taken[question->why]++];
    assert_true(answer < question->n);
    return answer;
}

static inline void rig_observe(void *self, const struct sri_event *event)
{
    struct rig *rig = self;
    if (rig->event_count < RIG_EVENTS)
        rig->events[rig->event_count++] = *event;
}

/* What the chooser answers to its next question of this kind that has no answer yet. */
static inline void rig_answer(struct rig *rig, enum sri_why why, uint32_t answer)
{
    rig->answers[why][rig->written[why]++] = answer;
}

static inline void rig_choose(struct rig *rig)
{
    static const struct sri_chooser_vtable vtable = {.pick = rig_pick};
    sri_engine_set_chooser(rig->engine, (struct sri_chooser){&vtable, rig});
}

static inline void rig_watch(struct rig *rig)
{
    assert_int_equal(sri_engine_add_observer(rig->engine,
                                             (struct sri_observer){.observe = rig_observe, .self = rig}),
                     0);
}

static inline void rig_open_flags(struct rig *rig, unsigned entries, unsigned flags)
{
    static const struct sri_sim_world_options options = {.disk_bytes = 1 << 20,
                                                         .max_descriptors = 64,
                                                         .pipe_bytes = 65536,
                                                         .window_bytes = 65536};
    memset(rig, 0, sizeof *rig);
    assert_int_equal(sri_sim_world_new(&rig->world, &options), 0);
    struct sri_chooser kind = {NULL, NULL};
    assert_int_equal(sri_engine_new(&rig->engine, sri_sim_world_interface(rig->world), kind), 0);
    sri_sim_world_attach(rig->world, rig->engine);
    struct sr_backend backend = sri_engine_backend(rig->engine, "test");
    assert_int_equal(raw_ring_open(&rig->ring, backend, entries, flags), 0);
}

static inline void rig_open(struct rig *rig)
{
    rig_open_flags(rig, 8, 0);
}

static inline void rig_close(struct rig *rig)
{
    raw_ring_close(&rig->ring);
    assert_int_equal(sri_engine_in_flight(rig->engine), 0);
    sri_engine_free(&rig->engine);
}

static inline struct io_uring_sqe *rig_nop(struct rig *rig, uint64_t user_data, unsigned flags)
{
    struct io_uring_sqe *sqe = raw_ring_sqe(&rig->ring, user_data);
    assert_non_null(sqe);
    sqe->opcode = IORING_OP_NOP;
    sqe->flags = (uint8_t)flags;
    return sqe;
}

static inline struct io_uring_sqe *rig_rw(struct rig *rig, uint64_t user_data, uint8_t opcode, int fd,
                                          void *buffer, unsigned length)
{
    struct io_uring_sqe *sqe = rig_nop(rig, user_data, 0);
    sqe->opcode = opcode;
    sqe->fd = fd;
    sqe->addr = (uintptr_t)buffer;
    sqe->len = length;
    return sqe;
}

static inline struct io_uring_sqe *rig_timer(struct rig *rig, uint64_t user_data, uint8_t opcode,
                                             const struct __kernel_timespec *time)
{
    struct io_uring_sqe *sqe = rig_nop(rig, user_data, 0);
    sqe->opcode = opcode;
    sqe->addr = (uintptr_t)time;
    sqe->len = 1;
    return sqe;
}

static inline struct io_uring_sqe *rig_cancel(struct rig *rig, uint64_t user_data, uint64_t target,
                                              unsigned flags)
{
    struct io_uring_sqe *sqe = rig_nop(rig, user_data, 0);
    sqe->opcode = IORING_OP_ASYNC_CANCEL;
    sqe->addr = target;
    sqe->cancel_flags = flags;
    return sqe;
}

/* The next CQE is this one. */
static inline void rig_expect(struct rig *rig, uint64_t user_data, int32_t result)
{
    struct io_uring_cqe cqe;
    assert_true(raw_ring_take(&rig->ring, &cqe));
    assert_int_equal(cqe.user_data, user_data);
    assert_int_equal(cqe.res, result);
}

static inline void rig_expect_none(struct rig *rig)
{
    struct io_uring_cqe cqe;
    assert_false(raw_ring_take(&rig->ring, &cqe));
}

/* Which of the recorded events is the first of this kind from `begin` on; rig->event_count when there is none. */
static inline uint32_t rig_event(const struct rig *rig, enum sri_event_kind kind, uint32_t begin)
{
    uint32_t i = begin;
    while (i < rig->event_count && rig->events[i].kind != kind)
        i++;
    return i;
}

#endif
