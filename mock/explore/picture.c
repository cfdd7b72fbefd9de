/*
 * Collecting a run's picture: after each event and each call, who has what.
 */
#define SR_NO_OWNERSHIP_ANALYSIS
#include "explore/picture.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/engine.h"
#include "sim_internal.h"

/* Room for one more in an array that grows; NULL when there is no memory. */
static void *grown(void *array, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    uint32_t more = *capacity == 0 ? 16 : *capacity * 2;
    void *larger = sri_realloc(array, more * size);
    if (larger != NULL)
        *capacity = more;
    return larger;
}

struct sri_lane *sri_picture_lane_for(struct sri_picture *picture, uint64_t key, bool buffer)
{
    for (uint32_t i = picture->lane_count; i > 0; i--)
        if (picture->lanes[i - 1].key == key && picture->lanes[i - 1].buffer == buffer)
            return &picture->lanes[i - 1];
    struct sri_lane *lanes =
        grown(picture->lanes, picture->lane_count, &picture->lane_capacity, sizeof *lanes);
    if (lanes == NULL) {
        picture->cut = true;
        return NULL;
    }
    picture->lanes = lanes;
    struct sri_lane *lane = &lanes[picture->lane_count++];
    memset(lane, 0, sizeof *lane);
    lane->key = key;
    lane->buffer = buffer;
    return lane;
}

static struct sri_span *last_span(const struct sri_lane *lane)
{
    return lane->span_count > 0 ? &lane->spans[lane->span_count - 1] : NULL;
}

static void add_span(struct sri_picture *picture, struct sri_lane *lane, enum sri_owner_at owner)
{
    struct sri_span *spans = grown(lane->spans, lane->span_count, &lane->span_capacity, sizeof *spans);
    if (spans == NULL) {
        picture->cut = true;
        return;
    }
    lane->spans = spans;
    spans[lane->span_count++] = (struct sri_span){picture->step, picture->step + 1, owner};
}

static void stay(struct sri_picture *picture, struct sri_lane *lane, enum sri_owner_at owner)
{
    struct sri_span *last = last_span(lane);
    lane->seen = picture->step;
    if (last != NULL && last->owner == owner && last->to == picture->step)
        last->to = picture->step + 1;
    else
        add_span(picture, lane, owner);
}

static void end_open(struct sri_lane *lane, uint64_t step)
{
    struct sri_span *last = last_span(lane);
    if (lane->open && last != NULL && last->from < step)
        last->to = step;
    lane->open = false;
    if (last != NULL)
        lane->seen = last->to - 1;
}

void sri_picture_turn(struct sri_picture *picture, struct sri_lane *lane, enum sri_owner_at owner)
{
    const struct sri_span *last = last_span(lane);
    if (lane->open && last != NULL && last->owner == owner)
        return;
    end_open(lane, picture->step);
    if (owner == SRI_AT_NOBODY)
        return;
    add_span(picture, lane, owner);
    lane->seen = picture->step;
    lane->open = true;
}

void sri_picture_settle(struct sri_picture *picture)
{
    for (uint32_t i = 0; i < picture->lane_count; i++)
        if (picture->lanes[i].open)
            end_open(&picture->lanes[i], picture->step + 1);
}

void sri_picture_mark(struct sri_picture *picture, bool violation, const char *text)
{
    struct sri_mark_at *marks =
        grown(picture->marks, picture->mark_count, &picture->mark_capacity, sizeof *marks);
    if (marks == NULL) {
        picture->cut = true;
        return;
    }
    picture->marks = marks;
    struct sri_mark_at *at = &marks[picture->mark_count++];
    at->step = picture->step;
    at->violation = violation;
    snprintf(at->text, sizeof at->text, "%s", text);
}

static enum sri_owner_at owner_of_act(const struct sri_act *act)
{
    if (act->hand == SRI_HAND_DONE || act->posted || act->recalled)
        return SRI_AT_COMPLETION;
    if (!act->consumed)
        return SRI_AT_QUEUE;
    return act->hand == SRI_HAND_DROPPED ? SRI_AT_ORPHAN : SRI_AT_KERNEL;
}

static void look_at_act(struct sri_picture *picture, const struct sri_act *act)
{
    /* One that is just being started has no id yet. */
    struct sri_lane *lane = act->id != 0 ? sri_picture_lane_for(picture, act->id, false) : NULL;
    if (lane == NULL)
        return;
    if (lane->name[0] == 0)
        snprintf(lane->name, sizeof lane->name, "%s %#llx%s", sri_opcode_name(act->opcode),
                 (unsigned long long)act->id, act->limited ? " limited" : "");
    if (act->consumed && lane->consumed == 0) {
        lane->consumed = picture->step;
        lane->consumed_ns = act->consumed_ns;
    }
    if ((act->cancelled || act->hand == SRI_HAND_DROPPED) && lane->cancelled == 0)
        lane->cancelled = picture->step;
    if (act->posted && !lane->ended) {
        lane->ended = true;
        lane->result = act->result;
    }
    stay(picture, lane, owner_of_act(act));
}

static void look_at_buffer(struct sri_picture *picture, const struct sri_held *held)
{
    struct sri_lane *lane = sri_picture_lane_for(picture, held->serial, true);
    if (lane == NULL)
        return;
    if (lane->name[0] == 0)
        snprintf(lane->name, sizeof lane->name, "buffer %llu, %zu bytes", (unsigned long long)held->serial,
                 held->size);
    const struct sri_act *act = held->vector != NULL ? held->vector->act : held->act;
    enum sri_owner_at owner = held->guarded ? SRI_AT_GUARD : SRI_AT_PROGRAM;
    if (held->handle == NULL && act != NULL)
        owner = owner_of_act(act);
    stay(picture, lane, owner);
}

static void look_for_marks(struct sri_picture *picture)
{
    const struct sri_verdict *verdict = picture->rig->verdict;
    if (picture->rig->sim != NULL) {
        const struct sri_points *now = &sri_sim_adversary(picture->rig->sim)->points;
        for (uint32_t i = 0; i < SRI_POINTS; i++)
            if (now->fired[i] > picture->points.fired[i])
                sri_picture_mark(picture, false, sri_point_infos[i].name);
        picture->points = *now;
    }
    for (; picture->violations < verdict->kept; picture->violations++) {
        char text[216];
        const struct sri_violation *violation = &verdict->violations[picture->violations];
        snprintf(text, sizeof text, "%s: %.180s", sri_rule_infos[violation->rule].name, violation->text);
        sri_picture_mark(picture, true, text);
    }
}

static void look(struct sri_picture *picture)
{
    const struct sri_model *model = picture->rig->model;
    picture->step++;
    for (const struct sri_node *node = model->acts.next; node != &model->acts; node = node->next)
        look_at_act(picture, SRI_CONTAINER_OF(node, struct sri_act, node));
    for (const struct sri_node *node = model->helds.next; node != &model->helds; node = node->next)
        look_at_buffer(picture, SRI_CONTAINER_OF(node, struct sri_held, node));
    look_for_marks(picture);
}

static void observe(void *self, const struct sri_event *event)
{
    struct sri_picture *picture = self;
    if (event->kind == SRI_EVENT_ENTER || event->kind == SRI_EVENT_LEAVE)
        return;
    look(picture);
}

struct sri_observer sri_picture_observer(struct sri_picture *picture)
{
    return (struct sri_observer){.observe = observe, .self = picture};
}

void sri_picture_tell(void *self, const char *text)
{
    struct sri_picture *picture = self;
    if (picture->timeline != NULL)
        sri_timeline_tell(picture->timeline, text);
    look(picture);
}

static void forget(struct sri_picture *picture)
{
    for (uint32_t i = 0; i < picture->lane_count; i++)
        sri_free(picture->lanes[i].spans);
    picture->lane_count = 0;
    picture->mark_count = 0;
}

void sri_picture_begin(struct sri_picture *picture)
{
    forget(picture);
    picture->step = 0;
    picture->violations = 0;
    picture->cut = false;
    memset(&picture->points, 0, sizeof picture->points);
}

void sri_picture_fini(struct sri_picture *picture)
{
    forget(picture);
    sri_free(picture->lanes);
    sri_free(picture->marks);
    memset(picture, 0, sizeof *picture);
}

const struct sri_lane *sri_picture_lane(const struct sri_picture *picture, uint64_t operation)
{
    for (uint32_t i = 0; i < picture->lane_count; i++)
        if (!picture->lanes[i].buffer && picture->lanes[i].key == operation)
            return &picture->lanes[i];
    return NULL;
}
