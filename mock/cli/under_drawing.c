/*
 * The timeline of a watched program, as text and as a page: what its processes kept of their steps (run/steps.h), told to the
 * same timeline and picture that a replayed run has. Of a long program the last steps: the text has all that were kept, the
 * page fewer.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/under.h"
#include "engine/engine.h"
#include "explore/picture.h"
#include "run/steps.h"

#define PAGE_STEPS 4000u /* looked at for the lanes, which show the last of them */
#define PAGE_LINES 5000u
#define PAGE_PROCESSES 8u

struct sri_under_process {
    const struct sri_run_steps *steps; /* mapped: the folder may go */
};

/* One that opened no ring has nothing to show. */
void sri_under_drawing_keep(struct sri_under_outcome *outcome, const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *memory = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size == (off_t)sizeof(struct sri_run_steps))
        memory = mmap(NULL, sizeof(struct sri_run_steps), PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (memory == MAP_FAILED)
        return;
    const struct sri_run_steps *steps = memory;
    struct sri_under_process *drawn = NULL;
    if (steps->magic == SRI_RUN_STEPS_MAGIC && steps->count > 0)
        drawn = sri_realloc(outcome->drawn, (outcome->drawn_count + 1) * sizeof *drawn);
    if (drawn == NULL) {
        munmap(memory, sizeof(struct sri_run_steps));
        return;
    }
    outcome->drawn = drawn;
    drawn[outcome->drawn_count++].steps = steps;
}

void sri_under_drawing_fini(struct sri_under_outcome *outcome)
{
    for (uint32_t i = 0; i < outcome->drawn_count; i++)
        munmap((void *)(uintptr_t)outcome->drawn[i].steps, sizeof(struct sri_run_steps));
    sri_free(outcome->drawn);
    outcome->drawn = NULL;
    outcome->drawn_count = 0;
}

static uint64_t first_of(const struct sri_run_steps *steps, uint64_t most)
{
    return steps->count > most ? steps->count - most : 0;
}

static const char *short_name(uint64_t point)
{
    return point < SRI_POINTS ? sri_point_infos[point].name + strlen("safer_ring/") : "?";
}

static void tell_step(struct sri_timeline *timeline, const struct sri_run_step *step)
{
    char text[64];
    if (step->kind == SRI_RUN_STEP_FAULT) {
        snprintf(text, sizeof text, "%s", short_name((uint64_t)step->result));
        sri_timeline_say(timeline, "fault", text);
        return;
    }
    if (step->kind == SRI_RUN_STEP_FINDING) {
        snprintf(text, sizeof text, "%.23s", step->more.name);
        sri_timeline_say(timeline, "FINDING", text);
        return;
    }
    const struct sri_event event = {
        .kind = (enum sri_event_kind)step->kind,
        .lending = (enum sri_lending)step->lending,
        .ring = step->ring,
        .opcode = step->opcode,
        .last = step->last,
        .flags = step->flags,
        .request = step->request,
        .user_data = step->more.of.user_data,
        .result = step->result,
        .now_ns = step->now_ns,
        .cq_ready = step->cq_ready,
        .sq_ready = step->more.of.sq_ready,
    };
    struct sri_observer observer = sri_timeline_observer(timeline);
    observer.observe(observer.self, &event);
}

static void tell_steps(struct sri_timeline *timeline, const struct sri_run_steps *steps, uint64_t first)
{
    sri_timeline_begin(timeline);
    timeline->steps = first;
    for (uint64_t i = first; i < steps->count; i++)
        tell_step(timeline, &steps->steps[i % SRI_RUN_STEPS]);
}

/* A buffer is known by where it lies, and called by the order in which it was first lent. */
static void turn_buffer(struct sri_picture *picture, const struct sri_run_step *step, enum sri_owner_at owner)
{
    uint64_t memory = step->more.of.memory;
    struct sri_lane *lane = memory != 0 ? sri_picture_lane_for(picture, memory, true) : NULL;
    if (lane == NULL)
        return;
    if (lane->name[0] == 0) {
        unsigned number = 0;
        for (uint32_t i = 0; i < picture->lane_count; i++)
            number += picture->lanes[i].buffer ? 1 : 0;
        snprintf(lane->name, sizeof lane->name, "buffer %u, %u bytes", number, step->more.of.length);
    }
    sri_picture_turn(picture, lane, owner);
}

static struct sri_lane *operation_lane(struct sri_picture *picture, const struct sri_run_step *step)
{
    struct sri_lane *lane = sri_picture_lane_for(picture, step->request, false);
    if (lane == NULL || lane->name[0] != 0)
        return lane;
    lane->ring = step->ring;
    snprintf(lane->name, sizeof lane->name, "%s #%" PRIu64 ", ring %d", sri_opcode_name(step->opcode),
             step->request, step->ring);
    sri_picture_turn(picture, lane, SRI_AT_KERNEL); /* it may have begun before what is drawn */
    return lane;
}

/* The ring has so many that the program has not passed: the others that had ended were taken, the oldest first. */
static void take_passed(struct sri_picture *picture, int ring, uint32_t ready)
{
    uint32_t ended = 0;
    for (uint32_t i = 0; i < picture->lane_count; i++) {
        const struct sri_lane *lane = &picture->lanes[i];
        ended += lane->open && !lane->buffer && lane->ended && lane->ring == ring ? 1 : 0;
    }
    for (uint32_t i = 0; i < picture->lane_count && ended > ready; i++) {
        struct sri_lane *lane = &picture->lanes[i];
        if (!lane->open || lane->buffer || !lane->ended || lane->ring != ring)
            continue;
        sri_picture_turn(picture, lane, SRI_AT_NOBODY);
        ended--;
    }
}

static void draw_operation(struct sri_picture *picture, const struct sri_run_step *step)
{
    struct sri_lane *lane = operation_lane(picture, step);
    if (lane == NULL)
        return;
    switch (step->kind) {
    case SRI_EVENT_CONSUMED:
        lane->consumed = picture->step;
        lane->consumed_ns = step->now_ns;
        turn_buffer(picture, step, SRI_AT_KERNEL);
        break;
    case SRI_EVENT_CHOSEN: turn_buffer(picture, step, SRI_AT_KERNEL); break;
    case SRI_EVENT_CANCELLING: lane->cancelled = picture->step; break;
    case SRI_EVENT_COMPLETED:
        lane->result = (int32_t)step->result;
        lane->ended = step->last != 0;
        if (lane->ended) {
            sri_picture_turn(picture, lane, SRI_AT_COMPLETION);
            turn_buffer(picture, step, SRI_AT_PROGRAM);
        }
        break;
    case SRI_EVENT_SKIPPED:
        sri_picture_turn(picture, lane, SRI_AT_NOBODY);
        turn_buffer(picture, step, SRI_AT_PROGRAM);
        break;
    default: break;
    }
}

static void draw_step(struct sri_picture *picture, const struct sri_run_step *step)
{
    if (step->kind == SRI_EVENT_ENTER || step->kind == SRI_EVENT_LEAVE) {
        take_passed(picture, step->ring, step->cq_ready);
        return;
    }
    picture->step++;
    if (step->kind == SRI_RUN_STEP_FAULT) {
        sri_picture_mark(picture, false, short_name((uint64_t)step->result));
    } else if (step->kind == SRI_RUN_STEP_FINDING) {
        char name[24];
        snprintf(name, sizeof name, "%.23s", step->more.name);
        sri_picture_mark(picture, true, name);
    } else if (step->request != 0) {
        draw_operation(picture, step);
    }
}

static void draw_process(struct sri_text *page, const struct sri_run_steps *steps)
{
    struct sri_timeline timeline = {0};
    struct sri_picture picture = {.timeline = &timeline};
    uint64_t first = first_of(steps, SRI_RUN_STEPS);
    sri_picture_begin(&picture);
    for (uint64_t i = first_of(steps, PAGE_STEPS); i < steps->count; i++)
        draw_step(&picture, &steps->steps[i % SRI_RUN_STEPS]);
    sri_picture_settle(&picture);
    tell_steps(&timeline, steps, steps->count - first > PAGE_LINES ? steps->count - PAGE_LINES : first);
    sri_text_add(page, "<h1>process %" PRId64 " (", steps->pid);
    sri_page_text(page, steps->program);
    sri_text_add(page, ")</h1>\n<p>%" PRIu64 " steps%s</p>\n", steps->count,
                 steps->count > PAGE_STEPS ? ", of which the last are drawn" : "");
    sri_page_picture(page, &picture, PAGE_LINES);
    sri_picture_fini(&picture);
    sri_timeline_fini(&timeline);
}

/* "FINDING name: what\n …" up to an empty line each. */
static void add_findings(struct sri_text *page, const char *findings)
{
    for (const char *at = findings; at != NULL && (at = strstr(at, "FINDING ")) != NULL;) {
        char name[40];
        char what[600];
        at += strlen("FINDING ");
        size_t length = strcspn(at, ":\n");
        snprintf(name, sizeof name, "%.*s", (int)(length < 39 ? length : 39), at);
        at += length + (at[length] == ':' ? 1 : 0);
        length = strcspn(at, "\n");
        snprintf(what, sizeof what, "%.*s", (int)(length < 599 ? length : 599), at);
        sri_page_problem(page, name, what);
        at += length;
    }
}

static void make_page(struct sri_text *page, const struct sri_under *under, uint64_t seed,
                      const struct sri_under_outcome *outcome)
{
    sri_page_begin(page, under->program[0]);
    sri_text_add(page, "<p>");
    for (char **argument = under->program; *argument != NULL; argument++) {
        sri_page_text(page, *argument);
        sri_text_add(page, " ");
    }
    if (under->seeded)
        sri_text_add(page, "&#8212; seed %" PRIu64, seed);
    sri_text_add(page, "</p>\n");
    if (outcome->findings != NULL && outcome->findings[0] != 0)
        add_findings(page, outcome->findings);
    else
        sri_page_fine(page, "no findings");
    for (uint32_t i = 0; i < outcome->drawn_count && i < PAGE_PROCESSES; i++)
        draw_process(page, outcome->drawn[i].steps);
    if (outcome->drawn_count > PAGE_PROCESSES)
        sri_text_add(page, "<p>and %u more processes</p>\n", outcome->drawn_count - PAGE_PROCESSES);
    sri_page_end(page);
}

static void make_trace(struct sri_text *text, const struct sri_under_outcome *outcome)
{
    for (uint32_t i = 0; i < outcome->drawn_count; i++) {
        const struct sri_run_steps *steps = outcome->drawn[i].steps;
        struct sri_timeline timeline = {0};
        uint64_t first = first_of(steps, SRI_RUN_STEPS);
        tell_steps(&timeline, steps, first);
        sri_text_add(text, "process %" PRId64 " (%s): %" PRIu64 " steps", steps->pid, steps->program,
                     steps->count);
        if (first > 0)
            sri_text_add(text, ", of which the first %" PRIu64 " were not kept", first);
        sri_text_add(text, "\n%s", sri_timeline_tail(&timeline, SIZE_MAX));
        sri_timeline_fini(&timeline);
    }
}

int sri_under_drawing_write(const struct sri_under *under, uint64_t seed,
                            const struct sri_under_outcome *outcome)
{
    struct sri_text text = {0};
    int rc = 0;
    if (under->trace != NULL) {
        make_trace(&text, outcome);
        rc = sri_write_result(&text, under->trace, "--trace");
    }
    if (under->html != NULL && rc == 0) {
        make_page(&text, under, seed, outcome);
        rc = sri_write_result(&text, under->html, "--html");
    }
    return rc;
}
