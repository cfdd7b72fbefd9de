/*
 * The objects around a ring, and the configurations it is opened with.
 */
#include "scenario/actions.h"

#include <string.h>

#define FILE_BYTES 8192u

static bool make_files(struct sri_yard *yard)
{
    const struct sri_env *env = &yard->stage->env;
    static const char *const names[2] = {"one", "two"};
    uint8_t bytes[FILE_BYTES];
    for (uint32_t i = 0; i < 2; i++) {
        sri_pattern_fill(i, 0, bytes, sizeof bytes);
        if (env->vtable->file(env->self, names[i], bytes, sizeof bytes, &yard->files[i]) != 0)
            return false;
        sri_stage_own(yard->stage, yard->files[i]);
    }
    return true;
}

static bool make_sockets(struct sri_yard *yard)
{
    const struct sri_env *env = &yard->stage->env;
    if (env->vtable->pipe(env->self, yard->pipe) != 0)
        return false;
    sri_stage_own(yard->stage, yard->pipe[0]);
    sri_stage_own(yard->stage, yard->pipe[1]);
    if (env->vtable->pair(env->self, yard->pair) != 0)
        return false;
    sri_stage_own(yard->stage, yard->pair[0]);
    sri_stage_own(yard->stage, yard->pair[1]);
    for (uint32_t i = 0; i < 2; i++) {
        if (env->vtable->listen(env->self, i == 1, &yard->listeners[i], &yard->addresses[i],
                                &yard->address_lengths[i]) != 0)
            return false;
        sri_stage_own(yard->stage, yard->listeners[i]);
    }
    return true;
}

/* The other ends go: a small window or a full backlog may want more than there is patience for. */
static void leave(struct sri_yard *yard)
{
    const struct sri_env *env = &yard->stage->env;
    env->vtable->shutdown(env->self, yard->pair[1]);
    for (uint32_t i = 0; i < 2; i++)
        if (yard->listeners[i] >= 0) {
            sri_stage_close(yard->stage, yard->listeners[i]);
            yard->listeners[i] = -1;
        }
}

/* Whoever waits for bytes or a connection gets it, and the next time whoever waits for room. */
static void wake(struct sri_stage *stage)
{
    struct sri_yard *yard = stage->wake_user;
    const struct sri_env *env = &stage->env;
    uint8_t bytes[4096] = {0};
    size_t moved;
    if (yard->wakes++ % 2 == 0) {
        env->vtable->write(env->self, yard->pair[1], bytes, sizeof bytes, &moved);
        env->vtable->write(env->self, yard->pipe[1], bytes, sizeof bytes, &moved);
    } else {
        for (int i = 0;
             i < 32 && env->vtable->read(env->self, yard->pair[1], bytes, sizeof bytes, &moved) == 0; i++)
            continue;
        for (int i = 0;
             i < 32 && env->vtable->read(env->self, yard->pipe[0], bytes, sizeof bytes, &moved) == 0; i++)
            continue;
    }
    if (yard->wakes > 6 && stage->ending) {
        leave(yard);
        return;
    }
    for (uint32_t i = 0; i < 2; i++) {
        int fd;
        if (stage->fd_count == SRI_STAGE_FDS || env->vtable->socket(env->self, i == 1, &fd) != 0)
            continue;
        sri_stage_own(stage, fd);
        env->vtable->connect(env->self, fd, &yard->addresses[i], yard->address_lengths[i]);
    }
}

/* Which steps and operations this run has, and how often. */
static void draw_swarm(struct sri_yard *yard)
{
    yard->swarm = sri_chance(yard->stage, 256);
    for (uint32_t i = 0; yard->swarm && i < SRI_SWARM_STEPS; i++)
        yard->weighs[i] = (uint8_t)sri_choose(yard->stage, 4);
    for (uint32_t i = 0; yard->swarm && i < 16; i++)
        yard->kinds_off |= sri_chance(yard->stage, 256) ? 1u << i : 0;
}

bool sri_yard_open(struct sri_yard *yard, struct sri_stage *stage)
{
    memset(yard, 0, sizeof *yard);
    yard->stage = stage;
    if (!make_files(yard) || !make_sockets(yard))
        return false;
    draw_swarm(yard);
    stage->wake = wake;
    stage->wake_user = yard;
    return true;
}

void sri_yard_close(struct sri_yard *yard)
{
    /* Once nothing is in flight; -EBADF is as good as 0. */
    for (uint32_t i = 0; i < yard->doubtful_count; i++)
        sri_stage_own(yard->stage, yard->doubtful[i]);
    yard->doubtful_count = 0;
}

struct sr_config sri_any_config(struct sri_stage *stage)
{
    static const uint32_t entries[] = {8, 4, 1, 2, 16, 32};
    static const uint32_t argument_bytes[] = {0, 128, 320, 1000};
    struct sr_config config = sr_config_default();
    config.entries = entries[sri_choose(stage, 6)];
    uint32_t completions = 2 * config.entries;
    if (sri_chance(stage, 256)) {
        completions = config.entries << sri_choose(stage, 3);
        config.completion_entries = completions;
    }
    if (sri_chance(stage, 512))
        config.max_in_flight = 1 + sri_choose(stage, 64);
    if (sri_chance(stage, 384))
        config.queue_entries = completions;
    config.argument_bytes = argument_bytes[sri_choose(stage, 4)];
    config.post_entries = sri_chance(stage, 512) ? 1 + sri_choose(stage, 4) : 0;
    config.defer_taskrun = !sri_chance(stage, 256);
    config.disabled = sri_chance(stage, 128);
    config.cancel_on_drop = !sri_chance(stage, 384);
    return config;
}
