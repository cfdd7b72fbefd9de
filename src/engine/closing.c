/*
 * What ends a little later. A closed number is free at once; what hung on it, and what a request held last, is let go of in the
 * task's own time, as by the true kernel: the rest of a submission still finds the peer there (measured).
 *
 * To the true kernel that is a piece of task work, and so is all together that was woken. What is there is gone through the
 * newest first, then what has come up meanwhile. A ring that defers keeps what was woken apart: there things are let go of
 * when the call ends, or before it begins to wait.
 */
#include "engine/steps.h"

static struct sri_closing take_out(struct sri_engine *engine, uint32_t index)
{
    struct sri_closing closing = engine->closing[index];
    engine->closing_count--;
    for (uint32_t i = index; i < engine->closing_count; i++)
        engine->closing[i] = engine->closing[i + 1];
    return closing;
}

static void let_go(struct sri_engine *engine, uint32_t index)
{
    const struct sri_world_vtable *world = engine->world.vtable;
    world->file_end(engine->world.self, take_out(engine, index).file);
}

static bool has_woken(const struct sri_engine *engine)
{
    return engine->due.count > engine->batch_left;
}

static bool part(struct sri_engine *engine, const struct sri_ring *ring, struct sri_file *file)
{
    if (ring == NULL || engine->closing_count == SRI_CLOSING || !sri_is_orderly(engine))
        return false;
    /* What a request held goes with it, when its batch is published. */
    bool late = !engine->closes && ring->consuming;
    bool first = late ? !sri_list_empty(&ring->followers) : has_woken(engine);
    engine->closing[engine->closing_count++] =
        (struct sri_closing){.file = file, .first = first, .late = late};
    return true;
}

bool sri_engine_part(struct sri_engine *engine, struct sri_file *file)
{
    return part(engine, engine->entered_ring, file);
}

/* Where several threads are inside calls, nothing is put off. */
void sri_closing_enter(struct sri_ring *ring)
{
    struct sri_engine *engine = ring->engine;
    engine->entered_ring = engine->entered == 0 ? ring : NULL;
    engine->entered++;
    engine->closing_deferred = (ring->setup_flags & IORING_SETUP_DEFER_TASKRUN) != 0;
}

void sri_closing_leave(struct sri_engine *engine)
{
    engine->entered--;
    engine->entered_ring = NULL;
    sri_closing_end(engine);
}

void sri_closing_begin(struct sri_request *request)
{
    struct sri_engine *engine = request->ring->engine;
    const struct sri_world_vtable *world = engine->world.vtable;
    engine->closes = (request->marks & SRI_MARK_WORKER) == 0;
    if (!engine->closes || world->file_closing == NULL)
        return;
    sri_look_unless_told(engine); /* what was woken so far */
    struct sri_file *file = world->file_closing(engine->world.self, request->fd);
    if (file != NULL && !part(engine, engine->entered_ring, file))
        world->file_put(engine->world.self, file);
}

void sri_closing_publish(struct sri_engine *engine)
{
    bool woken = has_woken(engine);
    for (uint32_t i = 0, seen = engine->closing_count; seen > 0; seen--) {
        if (!engine->closing[i].late) {
            i++;
            continue;
        }
        struct sri_closing closing = take_out(engine, i);
        closing.first |= woken;
        closing.late = false;
        engine->closing[engine->closing_count++] = closing;
    }
}

static void let_go_of_turn(struct sri_engine *engine)
{
    for (uint32_t i = engine->closing_turn; i-- > 0;)
        let_go(engine, i);
    engine->closing_turn = 0;
}

void sri_closing_turn(struct sri_engine *engine)
{
    if (engine->closing_count == 0 || engine->closing_deferred)
        return;
    let_go_of_turn(engine);
    for (uint32_t i = engine->closing_count; i-- > 0;) {
        if (engine->closing[i].first)
            let_go(engine, i);
    }
    engine->closing_turn = engine->closing_count;
}

bool sri_closing_next(struct sri_engine *engine)
{
    if (engine->closing_count == 0 || engine->closing_deferred)
        return false;
    if (engine->closing_turn > 0)
        let_go_of_turn(engine);
    else
        sri_closing_end(engine);
    return true;
}

void sri_closing_end(struct sri_engine *engine)
{
    engine->closing_turn = 0;
    while (engine->closing_count > 0)
        let_go(engine, engine->closing_count - 1);
}
