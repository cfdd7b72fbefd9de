/*
 * Copying a file with several buffers in flight, as a careful program does it: short reads and writes are continued,
 * interrupted ones repeated, any other error ends the copy and leaves nothing behind. What was copied is compared; where
 * power can be lost it sometimes is, on the way or when all is done and synced.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include <errno.h>
#include <string.h>

#include "scenario/scenarios.h"

#define LANES 8u
#define SIZE_MAX_ 40000u
#define PATIENCE 3000u /* completions, before the copy is given up */

enum phase {
    IDLE,
    READING,
    WRITING
};

struct lane {
    struct sri_held *buffer;
    enum phase phase;
    uint64_t offset; /* in the file, of the buffer's first byte */
    uint32_t wanted; /* bytes of this piece */
    uint32_t have;   /* read */
    uint32_t done;   /* written */
};

struct copy {
    struct sri_stage *stage;
    struct lane lanes[LANES];
    uint32_t lane_count;
    uint32_t piece;
    uint32_t in_flight;
    uint32_t power_after; /* completions; 0: it stays, to the end at least */
    uint64_t size;
    uint64_t next;
    int from;
    int to;
    bool failed;
};

static uint8_t image[SIZE_MAX_];
static uint8_t result_image[SIZE_MAX_ + 1];

static bool start_lane(struct copy *copy, struct lane *lane)
{
    bool reads = lane->phase == READING;
    uint32_t begin = reads ? lane->have : lane->done;
    uint32_t end = reads ? lane->wanted : lane->have;
    struct sr_range range = sr_range(begin, end - begin);
    struct sr_op_spec spec = reads ? sr_spec_read(sr_fd(copy->from), lane->offset + begin, range)
                                   : sr_spec_write(sr_fd(copy->to), lane->offset + begin, range);
    struct sri_act *act = NULL;
    int rc = -EAGAIN;
    for (int again = 0; again < 50 && (rc == -EAGAIN || rc == -EBUSY); again++)
        rc = sri_model_start(copy->stage->model, &spec, lane->buffer, &act);
    if (rc != 0 || sri_model_detach(copy->stage->model, act, lane) != 0) {
        copy->failed = true;
        return false;
    }
    copy->in_flight++;
    return true;
}

/* The next piece of the file, or nothing left to do. */
static void next_piece(struct copy *copy, struct lane *lane)
{
    lane->phase = IDLE;
    if (copy->next >= copy->size || copy->failed)
        return;
    uint64_t left = copy->size - copy->next;
    lane->phase = READING;
    lane->offset = copy->next;
    lane->wanted = left < copy->piece ? (uint32_t)left : copy->piece;
    lane->have = 0;
    lane->done = 0;
    copy->next += lane->wanted;
    start_lane(copy, lane);
}

static bool passes(int32_t result)
{
    return result == -EINTR || result == -EAGAIN || result == -ENOBUFS;
}

static void came(struct copy *copy, struct lane *lane, int32_t result)
{
    copy->in_flight--;
    if (copy->failed)
        return;
    if (result < 0 && !passes(result)) {
        copy->failed = true;
        return;
    }
    uint32_t moved = result > 0 ? (uint32_t)result : 0;
    if (result == 0) { /* the file is not shorter than it was, and a disk takes what it is given */
        copy->failed = true;
        return;
    }
    if (lane->phase == READING) {
        lane->have += moved;
        if (lane->have == lane->wanted)
            lane->phase = WRITING;
        start_lane(copy, lane);
        return;
    }
    lane->done += moved;
    if (lane->done < lane->have)
        start_lane(copy, lane);
    else
        next_piece(copy, lane);
}

/* Waits for one completion. false: it does not come. */
static bool step(struct copy *copy)
{
    struct sri_model *model = copy->stage->model;
    struct sri_act *act = NULL;
    int rc = sri_model_next(model, copy->stage->env.patience_ns, &act);
    if (rc == -EAGAIN || rc == -EBUSY)
        return true;
    if (rc != 0 || act == NULL)
        return false;
    struct lane *lane = act->user;
    struct sri_held *back;
    int32_t result = sri_model_take(model, act, &back);
    came(copy, lane, result);
    return true;
}

/* Everything written is on the disk before the copy is said to be done. */
static bool sync_copy(struct copy *copy)
{
    struct sri_model *model = copy->stage->model;
    int32_t result = -EINTR;
    for (int again = 0; again < 50 && passes(result); again++) {
        struct sr_op_spec spec = sr_spec_fsync(sr_fd(copy->to), 0);
        struct sri_act *act;
        int rc = sri_model_start(model, &spec, NULL, &act);
        if (rc != 0)
            continue;
        for (int wait = 0; wait < 50 && (rc = sri_model_await(model, act, SRI_WAIT_FOREVER, 0)) != 0; wait++)
            continue;
        if (rc != 0)
            return false;
        result = sri_model_take(model, act, NULL);
    }
    return result == 0;
}

static void lose_power(const struct copy *copy)
{
    const struct sri_env *env = &copy->stage->env;
    env->vtable->lose_power(env->self);
}

static void compare(struct copy *copy)
{
    const struct sri_env *env = &copy->stage->env;
    size_t length = 0;
    int rc = env->vtable->content(env->self, "target", result_image, sizeof result_image, &length);
    sri_judge(copy->stage->model->verdict, SRI_RULE_BACK_1, 0,
              rc == 0 && length == copy->size && memcmp(image, result_image, length) == 0,
              "a copy of %llu bytes has %zu, or others", (unsigned long long)copy->size, length);
}

static bool prepare(struct copy *copy)
{
    static const uint32_t pieces[] = {4096, 512, 1000, 16384, 1};
    struct sri_stage *stage = copy->stage;
    const struct sri_env *env = &stage->env;
    copy->piece = pieces[sri_choose(stage, 5)];
    copy->size = sri_choose(stage, 8) == 7 ? 0 : sri_choose(stage, copy->piece == 1 ? 200 : SIZE_MAX_);
    copy->lane_count = 1 + sri_choose(stage, LANES);
    sri_pattern_fill(stage->model->verdict->step + 7, 0, image, copy->size);
    if (env->vtable->file(env->self, "source", image, copy->size, &copy->from) != 0)
        return false;
    sri_stage_own(stage, copy->from);
    if (env->vtable->file(env->self, "target", image, 0, &copy->to) != 0)
        return false;
    sri_stage_own(stage, copy->to);
    if (env->vtable->lose_power != NULL && sri_chance(stage, 200))
        copy->power_after = 1 + sri_choose(stage, 30);
    struct sr_config config = sr_config_default();
    config.entries = 1u << sri_choose(stage, 5);
    if (!sri_stage_open(stage, &config))
        return false;
    for (uint32_t i = 0; i < copy->lane_count; i++) {
        copy->lanes[i].buffer = sri_model_buffer(stage->model, copy->piece);
        if (copy->lanes[i].buffer == NULL)
            return false;
    }
    return true;
}

static void play(struct sri_stage *stage)
{
    static struct copy copy;
    memset(&copy, 0, sizeof copy);
    copy.stage = stage;
    if (!prepare(&copy))
        return;
    for (uint32_t i = 0; i < copy.lane_count; i++)
        next_piece(&copy, &copy.lanes[i]);
    uint32_t steps = 0;
    while (copy.in_flight > 0 && steps++ < PATIENCE && step(&copy))
        if (steps == copy.power_after)
            lose_power(&copy);
    if (copy.failed || copy.in_flight != 0 || !sync_copy(&copy))
        return;
    compare(&copy);
    if (stage->env.vtable->lose_power == NULL || !sri_chance(stage, 300))
        return;
    lose_power(&copy);
    compare(&copy);
}

const struct sri_scenario sri_scenario_copy = {"copy",
                                               "a file copied with several buffers in flight, and compared",
                                               play};
