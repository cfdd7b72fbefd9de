/*
 * What every scenario needs, and the end that every run comes to.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "explore/stage.h"

#include <string.h>

/* What the tape asks for to record a choice is not the library's. */
uint32_t sri_choose(struct sri_stage *stage, uint32_t n)
{
    if (stage->kind)
        return 0;
    stage->model->heap->kernel_depth++;
    uint32_t choice = sri_tape_choose(stage->tape, n);
    stage->model->heap->kernel_depth--;
    return choice;
}

bool sri_chance(struct sri_stage *stage, uint32_t per_1024)
{
    if (stage->kind)
        return false;
    stage->model->heap->kernel_depth++;
    bool comes = sri_tape_weighed(stage->tape, 2, per_1024) != 0;
    stage->model->heap->kernel_depth--;
    return comes;
}

void sri_stage_calm(struct sri_stage *stage)
{
    struct sri_model *model = stage->model;
    stage->env.vtable->calm(stage->env.self);
    model->heap->fail_in = 0;
    model->heap->fail_on = false;
    model->tap->fail_at = 0;
    model->tap->fail_on = false;
}

void sri_stage_own(struct sri_stage *stage, int fd)
{
    if (stage->fd_count < SRI_STAGE_FDS)
        stage->fds[stage->fd_count++] = fd;
    else
        stage->env.vtable->close(stage->env.self, fd);
}

void sri_stage_disown(struct sri_stage *stage, int fd)
{
    for (uint32_t i = 0; i < stage->fd_count; i++)
        if (stage->fds[i] == fd) {
            stage->fds[i] = stage->fds[--stage->fd_count];
            return;
        }
}

void sri_stage_close(struct sri_stage *stage, int fd)
{
    sri_stage_disown(stage, fd);
    stage->env.vtable->close(stage->env.self, fd);
}

int sri_stage_fd(struct sri_stage *stage, uint32_t which)
{
    return stage->fd_count == 0 ? -1 : stage->fds[which % stage->fd_count];
}

bool sri_stage_open(struct sri_stage *stage, const struct sr_config *config)
{
    for (int attempt = 0; attempt < 20; attempt++)
        if (sri_model_open(stage->model, config) == 0)
            return true;
    return false;
}

uint8_t sri_pattern(uint64_t key, uint64_t at)
{
    uint64_t z = (key * UINT64_C(0x9e3779b97f4a7c15)) ^ (at >> 3);
    z = (z ^ (z >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (uint8_t)(z >> (8 * (at & 7)));
}

void sri_pattern_fill(uint64_t key, uint64_t at, void *bytes, size_t size)
{
    uint8_t *out = bytes;
    for (size_t i = 0; i < size; i++)
        out[i] = sri_pattern(key, at + i);
}

size_t sri_pattern_match(uint64_t key, uint64_t at, const void *bytes, size_t size)
{
    const uint8_t *in = bytes;
    size_t i = 0;
    while (i < size && in[i] == sri_pattern(key, at + i))
        i++;
    return i;
}

/* ---- The end ---- */

#define STEPS 40

static void finish_all_in_hand(struct sri_model *model)
{
    while (model->hands[SRI_HAND_DONE] > 0)
        sri_model_finish(model, sri_model_pick(model, SRI_HAND_DONE, 0));
}

/* Everything in flight ends within a bounded number of calls, now that nothing goes wrong any more. */
static void drain(struct sri_stage *stage)
{
    struct sri_model *model = stage->model;
    for (int step = 0; step < STEPS && sr_ring_in_flight(model->ring) > 0; step++) {
        /* A kind run has only what ends by itself. */
        if (!stage->kind || step > 0)
            sri_model_cancel_all(model, stage->env.patience_ns);
        finish_all_in_hand(model);
        /* A cancel may have come too late for what waits on a quiet descriptor: then only the world can end it. */
        if (step > 0 && stage->wake != NULL)
            stage->wake(stage);
        if (sr_ring_in_flight(model->ring) > 0)
            sri_model_drain(model, stage->env.patience_ns);
    }
    uint32_t remaining = sr_ring_in_flight(model->ring);
    uint32_t orphans = sr_ring_orphan_count(model->ring);
    sri_judge(model->verdict, orphans > 0 ? SRI_RULE_ORPH_3 : SRI_RULE_RING_4, 0, remaining == 0,
              "owed: with no bad luck left, %u operations (%u orphans) did not end", remaining, orphans);
}

/* Batches that were built and not submitted, or have a result; those that run are drained. */
static void finish_lots(struct sri_model *model)
{
    while (sri_lots_in(model, SRI_LOT_HANDED) > 0)
        sri_model_lot_end(sri_lot_pick(model, SRI_LOT_HANDED, 0), true);
    while (sri_lots_in(model, SRI_LOT_BUILDING) > 0)
        sri_model_lot_free(sri_lot_pick(model, SRI_LOT_BUILDING, 0));
}

static void unpin_all(struct sri_model *model)
{
    for (uint32_t i = 0; i < SRI_PINS; i++)
        if (model->pins[i].pinned != NULL)
            sri_model_unpin(model, &model->pins[i]);
}

static void take_posts(struct sri_model *model)
{
    struct sri_act *act;
    while (model->post_count > 0 && sri_model_next(model, 0, &act) == 0 && act == NULL)
        continue;
    if (model->awaits_posts && sr_ring_await_posts(model->ring, false) == 0)
        model->awaits_posts = false;
}

static void release_buffers(struct sri_model *model)
{
    struct sri_node *next;
    for (struct sri_node *node = model->helds.next; node != &model->helds; node = next) {
        next = node->next;
        struct sri_held *held = SRI_CONTAINER_OF(node, struct sri_held, node);
        if (held->handle == NULL)
            continue;
        sri_model_release(model, held);
        next = model->helds.next; /* a vector takes its parts with it */
    }
}

void sri_stage_end(struct sri_stage *stage)
{
    struct sri_model *model = stage->model;
    stage->ending = true;
    sri_stage_calm(stage);
    if (model->ring != NULL) {
        finish_all_in_hand(model);
        finish_lots(model);
        take_posts(model);
        drain(stage);
        sri_store_end_ring(model);
        sri_model_close(model, SRI_CLOSE_RETURN);
    }
    release_buffers(model);
    unpin_all(model);
    sri_store_end(model);
    while (stage->fd_count > 0)
        sri_stage_close(stage, stage->fds[0]);
}
