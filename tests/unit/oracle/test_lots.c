/*
 * The model's books of batches: situations in which it once reported a library that was right.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "backend/engine_backend.h"
#include "explore/run.h"
#include "support/main.h"

static struct sri_rig *rig;

static void run(const struct sri_scenario *scenario)
{
    struct sri_run once = {.scenario = scenario, .kind = true};
    struct sri_outcome outcome = sri_rig_run(rig, &once);
    if (sri_verdict_broken(outcome.verdict))
        print_message("%s\n", outcome.verdict->violations[0].text);
    assert_false(sri_verdict_broken(outcome.verdict));
}

static void add_sized(struct sri_lot *lot, struct sr_op_spec spec, size_t size)
{
    struct sri_held *held = sri_model_buffer(lot->model, size);
    assert_non_null(held);
    assert_int_not_equal(sri_model_lot_add(lot, &spec, held), SRI_NO_MEMBER);
}

static void add(struct sri_lot *lot, struct sr_op_spec spec)
{
    add_sized(lot, spec, 64);
}

static void make_pipe(struct sri_stage *stage, int pipe[2])
{
    assert_int_equal(stage->env.vtable->pipe(stage->env.self, pipe), 0);
    sri_stage_own(stage, pipe[0]);
    sri_stage_own(stage, pipe[1]);
}

/* ---- A batch that a drain's books let go of ---- */

static void play_full_of_cancels(struct sri_stage *stage)
{
    struct sri_model *model = stage->model;
    int pipe[2];
    struct sr_config config = sr_config_default();
    config.entries = 4;
    make_pipe(stage, pipe);
    assert_true(sri_stage_open(stage, &config));
    struct sri_lot *lot = sri_model_lot(model, &(struct sr_batch_options){.form = SR_BATCH_CHAINED});
    for (int i = 0; i < 4; i++)
        add(lot, sr_spec_read(sr_fd(pipe[0]), SR_OWN_POSITION, (struct sr_range){0}));
    assert_int_equal(sri_model_lot_run(lot), -EDEADLK);
    assert_int_equal(sri_model_drain(model, 0), -ETIME);
    assert_int_equal(lot->stage, SRI_LOT_NONE);

    /* The cancels of its orphans are all that the SQ has room for, and this kernel takes none of them. */
    model->tap->fail_at = model->tap->calls + 1;
    model->tap->fail_on = true;
    assert_true(sri_model_submit(model) < 0);
    struct sr_op_spec nop = sr_spec_nop();
    assert_int_equal(sri_model_start(model, &nop, NULL, NULL), -EAGAIN);
}

/* A drain lets go of a batch; the cancels of its orphans then take the places of the SQ, as those of any drop. */
static void orphans_of_a_drained_batch_take_places_too(void **state)
{
    (void)state;
    static const struct sri_scenario scenario = {"full of cancels", "", play_full_of_cancels};
    assert_int_equal(sri_rig_new(&rig, NULL, "/tmp", NULL), 0);

    run(&scenario);

    sri_rig_free(&rig);
}

/* ---- Orphans that look like other members ---- */

static int blocking[2];

static void empty_pipe(struct sri_stage *stage)
{
    uint8_t bytes[4096];
    size_t moved;
    while (stage->env.vtable->read(stage->env.self, blocking[0], bytes, sizeof bytes, &moved) == 0 &&
           moved > 0)
        continue;
}

static void fill_pipe(struct sri_stage *stage)
{
    static const uint8_t bytes[4096];
    size_t moved;
    make_pipe(stage, blocking);
    while (stage->env.vtable->write(stage->env.self, blocking[1], bytes, sizeof bytes, &moved) == 0)
        continue;
    stage->wake = empty_pipe;
}

/* The last write is with the kernel and the send linked behind it; the heir, a write like it, has not begun. */
static void play_look_alikes(struct sri_stage *stage)
{
    struct sri_model *model = stage->model;
    int pair[2];
    struct sr_config config = sr_config_default();
    config.cancel_on_drop = false;
    fill_pipe(stage);
    assert_int_equal(stage->env.vtable->pair(stage->env.self, pair), 0);
    sri_stage_own(stage, pair[0]);
    sri_stage_own(stage, pair[1]);
    assert_true(sri_stage_open(stage, &config));
    struct sr_op_spec heir = sr_spec_write(sr_fd(blocking[1]), SR_OWN_POSITION, (struct sr_range){0});
    struct sri_lot *lot = sri_model_lot(model, &(struct sr_batch_options){.form = SR_BATCH_CHAINED});
    add(lot, sr_spec_send(sr_fd(pair[0]), (struct sr_range){0}, MSG_NOSIGNAL));
    assert_int_equal(sri_model_lot_inherit(lot, &heir, 0), 1);
    add(lot, heir);
    sri_model_lot_depend(lot, 0, 2);
    assert_int_equal(sri_model_lot_submit(lot), 0);
    assert_int_equal(sri_model_submit(model), 0);
    assert_int_equal(sr_ring_in_flight(model->ring), 3);

    sri_model_lot_drop(lot);
    assert_int_equal(sr_ring_orphan_count(model->ring), 2);
}

/* Places are given out in another order than they are listed in: the two writes have each other's buffers in the books. */
static void play_twins(struct sri_stage *stage)
{
    struct sri_model *model = stage->model;
    struct sri_act *nops[2];
    uint8_t bytes[4096];
    size_t moved;
    struct sr_op_spec nop = sr_spec_nop();
    struct sr_config config = sr_config_default();
    config.cancel_on_drop = false;
    fill_pipe(stage);
    assert_true(sri_stage_open(stage, &config));
    for (int i = 0; i < 2; i++)
        assert_int_equal(sri_model_start(model, &nop, NULL, &nops[i]), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sri_model_await(model, nops[1 - i], SRI_WAIT_FOREVER, 0), 0);
        sri_model_finish(model, nops[1 - i]);
    }
    struct sri_lot *lot = sri_model_lot(model, &(struct sr_batch_options){.form = SR_BATCH_CHAINED});
    for (int i = 0; i < 2; i++)
        add_sized(lot, sr_spec_write(sr_fd(blocking[1]), SR_OWN_POSITION, (struct sr_range){0}), 4096);
    assert_int_equal(sri_model_lot_submit(lot), 0);
    assert_int_equal(sri_model_submit(model), 0);
    sri_model_lot_drop(lot);
    assert_int_equal(sr_ring_orphan_count(model->ring), 2);

    assert_int_equal(stage->env.vtable->read(stage->env.self, blocking[0], bytes, sizeof bytes, &moved), 0);
    assert_int_equal(sri_model_drain(model, stage->env.moment_ns), -ETIME);
    assert_int_equal(sr_ring_orphan_count(model->ring), 1);
}

/* By an engine whose events are not listened to. */
static void run_untold(const struct sri_scenario *scenario)
{
    struct sr_backend backend;
    assert_int_equal(sri_engine_host_backend(&backend), 0);
    struct sri_kernel kernel = {.name = backend.vtable->name, .backend = backend};
    assert_int_equal(sri_rig_new(&rig, &kernel, "/tmp", NULL), 0);

    run(scenario);

    sri_rig_free(&rig);
    backend.vtable->release(backend.self);
}

/* On a kernel that does not tell, an orphan is taken for the heir that looks like it only where no other must be. */
static void orphans_are_matched_to_members_together(void **state)
{
    (void)state;
    static const struct sri_scenario scenario = {"look-alikes", "", play_look_alikes};
    run_untold(&scenario);
}

/* Which of two orphans that look alike has which buffer is seen when the first of them ends. */
static void orphans_that_look_alike_may_change_buffers(void **state)
{
    (void)state;
    static const struct sri_scenario scenario = {"twins", "", play_twins};
    run_untold(&scenario);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(orphans_of_a_drained_batch_take_places_too),
    cmocka_unit_test(orphans_are_matched_to_members_together),
    cmocka_unit_test(orphans_that_look_alike_may_change_buffers),
};

SR_TEST_MAIN(tests)
