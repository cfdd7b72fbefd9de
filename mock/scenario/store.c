/*
 * Pools and the registry beside a ring: buffers come from pools and slots, operations go to fixed files, all of it is dropped,
 * cancelled, misused and ended at every stage.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "scenario/actions.h"
#include "scenario/scenarios.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* Callbacks may still run when a scenario has returned: what they work on stays. */
static struct sri_yard yard;

static uint32_t any_place(struct sri_yard *at)
{
    return sri_choose(at->stage, SRI_BASINS);
}

/* A buffer of the program's that is no vector, with an origin of this kind; NULL. */
static struct sri_held *any_idle(struct sri_yard *at, bool plain)
{
    struct sri_model *model = at->stage->model;
    uint32_t skip = sri_choose(at->stage, 6);
    struct sri_held *found = NULL;
    for (struct sri_node *node = model->helds.next; node != &model->helds; node = node->next) {
        struct sri_held *held = SRI_CONTAINER_OF(node, struct sri_held, node);
        bool is_plain = held->basin == NULL && held->slot == NULL;
        if (held->handle == NULL || held->bytes == NULL || is_plain != plain)
            continue;
        found = held;
        if (skip-- == 0)
            break;
    }
    return found;
}

static void act_new_pool(struct sri_yard *at)
{
    static const size_t sizes[] = {64, 512, 1, 100, 4096};
    struct sri_stage *stage = at->stage;
    uint32_t flags = sri_chance(stage, 512) ? SR_POOL_CLEAR : 0;
    uint32_t place = sri_choose(stage, SRI_OWN_BASIN);
    if (sri_chance(stage, 400))
        flags |= SR_POOL_ONE_THREAD;
    size_t size = sizes[sri_choose(stage, 5)];
    uint32_t count = 1 + sri_choose(stage, 4);
    sri_store_new_pool(stage->model, place, count, size, flags);
}

static void act_get(struct sri_yard *at)
{
    (void)sri_store_get(at->stage->model, any_place(at));
}

static void act_put(struct sri_yard *at)
{
    struct sri_held *held = any_idle(at, sri_chance(at->stage, 200));
    if (held == NULL)
        return;
    if (sri_chance(at->stage, 100))
        sri_store_release_elsewhere(at->stage->model, held);
    else
        sri_store_put(at->stage->model, held, sri_chance(at->stage, 300));
}

/* What is in flight is put back by a copied pointer. An orphan's header may be another buffer's by now: nobody can tell. */
static void act_misuse_pooled(struct sri_yard *at)
{
    struct sri_model *model = at->stage->model;
    for (struct sri_node *node = model->helds.next; node != &model->helds; node = node->next) {
        struct sri_held *held = SRI_CONTAINER_OF(node, struct sri_held, node);
        const struct sri_act *act = held->vector != NULL ? held->vector->act : held->act;
        if (held->basin == NULL || held->handle != NULL || (act != NULL && act->hand == SRI_HAND_DROPPED))
            continue;
        sri_store_misuse(model, held);
    }
}

static void act_free_pool(struct sri_yard *at)
{
    sri_store_free_pool(at->stage->model, any_place(at));
}

static void act_register_pool(struct sri_yard *at)
{
    bool on = !sri_chance(at->stage, 300);
    sri_store_register_pool(at->stage->model, any_place(at), on);
}

static void act_threads(struct sri_yard *at)
{
    sri_store_threads(at->stage->model, any_place(at));
}

/* ---- the registry ---- */

static int any_fd(struct sri_yard *at)
{
    const int fds[] = {at->files[0], at->files[1], at->pipe[0], at->pipe[1], at->pair[0]};
    return fds[sri_choose(at->stage, 5)];
}

static void act_register_files(struct sri_yard *at)
{
    int fds[4];
    uint32_t count = 1 + sri_choose(at->stage, 4);
    for (uint32_t i = 0; i < count; i++)
        fds[i] = any_fd(at);
    uint32_t bad = sri_chance(at->stage, 350) ? sri_choose(at->stage, count) : count;
    sri_store_new_registry(at->stage->model);
    sri_store_register_files(at->stage->model, fds, count, bad);
}

static void act_change_file(struct sri_yard *at)
{
    struct sri_model *model = at->stage->model;
    uint32_t n = sri_choose(at->stage, SRI_FILED);
    struct sri_filed *file = model->store.registry != NULL ? sri_store_pick_file(model, n) : NULL;
    if (file == NULL)
        return;
    switch (sri_choose(at->stage, 4)) {
    case 0: sri_store_update_file(model, file, sri_chance(at->stage, 300) ? 4999 : any_fd(at)); return;
    case 1: sri_store_remove_file(model, file, false); return;
    case 2: sri_store_remove_file(model, file, true); return;
    default:
        if (sri_chance(at->stage, 300))
            sri_store_unregister_files(model);
    }
}

static void act_register_slots(struct sri_yard *at)
{
    struct sri_model *model = at->stage->model;
    struct sri_held *helds[3];
    uint32_t count = 1 + sri_choose(at->stage, 3);
    sri_store_new_registry(model);
    for (uint32_t i = 0; i < count; i++) {
        helds[i] = sri_model_buffer(model, 64u << sri_choose(at->stage, 4));
        if (helds[i] == NULL)
            return;
    }
    sri_store_register_slots(model, helds, count, sri_chance(at->stage, 250));
}

static void act_take_slot(struct sri_yard *at)
{
    struct sri_model *model = at->stage->model;
    uint32_t n = sri_choose(at->stage, SRI_SLOTTED);
    struct sri_slotted *slot = model->store.registry != NULL ? sri_store_pick_slot(model, n) : NULL;
    if (slot != NULL)
        (void)sri_store_take_slot(model, slot);
}

static void act_change_slot(struct sri_yard *at)
{
    struct sri_model *model = at->stage->model;
    uint32_t n = sri_choose(at->stage, SRI_SLOTTED);
    struct sri_slotted *slot = model->store.registry != NULL ? sri_store_pick_slot(model, n) : NULL;
    struct sri_held *held = any_idle(at, true);
    if (slot == NULL)
        return;
    switch (sri_choose(at->stage, 4)) {
    case 0:
        if (held != NULL)
            sri_store_update_slot(model, slot, held);
        return;
    case 1: sri_store_remove_slot(model, slot, false); return;
    case 2: sri_store_remove_slot(model, slot, true); return;
    default: sri_store_unregister_slots(model); return;
    }
}

static void act_misuse_handles(struct sri_yard *at)
{
    struct sri_held *held = any_idle(at, sri_chance(at->stage, 512));
    sri_store_misuse_handles(at->stage->model, held, sri_choose(at->stage, 48));
}

static void act_free_registry(struct sri_yard *at)
{
    if (sri_chance(at->stage, 400))
        sri_store_free_registry(at->stage->model);
    else
        sri_store_probe_close(at->stage->model);
}

/* ---- the ring ---- */

static struct sr_config any_config(struct sri_stage *stage)
{
    struct sr_config config = sri_any_config(stage);
    config.disabled = false;
    config.fixed_files = 2 + sri_choose(stage, 7);
    config.fixed_buffers = 2 + sri_choose(stage, 7);
    config.pool_buffers = sri_chance(stage, 700) ? 1 + sri_choose(stage, 4) : 0;
    config.pool_buffer_size = 64u << sri_choose(stage, 5);
    config.pool_clear = sri_chance(stage, 512);
    config.pool_registered = sri_chance(stage, 512);
    return config;
}

/* With work in flight, refused; else what stands on the ring goes first. Its own pool's buffers may outlive it. */
static void act_close(struct sri_yard *at)
{
    struct sri_stage *stage = at->stage;
    struct sri_model *model = stage->model;
    if (sr_ring_in_flight(model->ring) == 0)
        sri_store_end_ring(model);
    if (model->store.registry != NULL && sr_ring_in_flight(model->ring) == 0)
        return;
    if (sri_model_close(model, (enum sri_closing)sri_choose(stage, SRI_CLOSINGS)) != 0)
        return;
    struct sr_config config = any_config(stage);
    if (sri_store_keeps_memory(model))
        config.pool_buffers = 0; /* the model knows one own pool at a time */
    at->closed = at->openings++ == 3 || !sri_stage_open(stage, &config);
}

static const struct sri_step steps[] = {
    {act_new_pool, 6},       {act_get, 24},           {act_put, 8},         {act_misuse_pooled, 14},
    {act_free_pool, 4},      {act_register_pool, 5},  {act_threads, 1},     {act_register_files, 8},
    {act_change_file, 7},    {act_register_slots, 7}, {act_take_slot, 12},  {act_change_slot, 8},
    {act_misuse_handles, 7}, {act_free_registry, 2},  {act_close, 2},       {sri_act_start, 40},
    {sri_act_submit, 10},    {sri_act_await, 14},     {sri_act_peek, 5},    {sri_act_drop, 6},
    {sri_act_cancel, 4},     {sri_act_detach, 5},     {sri_act_then, 5},    {sri_act_next, 6},
    {sri_act_dispatch, 5},   {sri_act_poke, 8},       {sri_act_buffers, 6}, {sri_act_misuse, 16},
    {sri_act_drain, 1},      {sri_act_cancel_all, 1}, {sri_act_end_one, 8},
};

static void play(struct sri_stage *stage)
{
    struct sr_config config = any_config(stage);
    if (!sri_yard_open(&yard, stage) || !sri_stage_open(stage, &config))
        return;
    sri_take_steps(&yard, steps, ROWS(steps), 60 + sri_choose(stage, 160));
    sri_yard_close(&yard);
}

const struct sri_scenario sri_scenario_store = {
    "store", "pools, fixed files and buffer slots under operations of all kinds", play};
