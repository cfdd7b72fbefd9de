/*
 * The timeline of a replayed run. Keeps numbers and names, never an address.
 */
#include "explore/timeline.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/engine.h"

#define LIMIT ((size_t)64 << 20)

static const char *event_name(enum sri_event_kind kind)
{
    switch (kind) {
    case SRI_EVENT_RING_OPENED: return "ring opened";
    case SRI_EVENT_RING_CLOSED: return "ring closed";
    case SRI_EVENT_ENTER: return "enter";
    case SRI_EVENT_LEAVE: return "leave";
    case SRI_EVENT_CONSUMED: return "consumed";
    case SRI_EVENT_TOUCH: return "writes";
    case SRI_EVENT_TOUCHED: return "has written";
    case SRI_EVENT_COMMITTED: return "attempted";
    case SRI_EVENT_CANCELLING: return "cancel answers";
    case SRI_EVENT_COMPLETED: return "completed";
    case SRI_EVENT_SKIPPED: return "ended silently";
    case SRI_EVENT_WAKE: return "woken";
    case SRI_EVENT_STALL: return "stalled";
    case SRI_EVENT_OPENED: return "descriptor opened";
    case SRI_EVENT_CLOSED: return "descriptor closed";
    case SRI_EVENT_CHOSEN: return "buffer chosen";
    case SRI_EVENT_RETURNED: return "buffer not taken";
    }
    return "?";
}

static void append(struct sri_timeline *timeline, const char *line)
{
    size_t length = strlen(line);
    if (timeline->size + length + 1 > timeline->capacity) {
        size_t capacity = timeline->capacity == 0 ? 65536 : timeline->capacity * 2;
        char *text = capacity <= LIMIT ? sri_realloc(timeline->text, capacity) : NULL;
        if (text == NULL)
            return;
        timeline->text = text;
        timeline->capacity = capacity;
    }
    memcpy(timeline->text + timeline->size, line, length + 1);
    timeline->size += length;
}

static void observe(void *self, const struct sri_event *event)
{
    struct sri_timeline *timeline = self;
    char line[200];
    timeline->now_ns = event->now_ns;
    timeline->steps++;
    int used =
        snprintf(line, sizeof line, "%6llu %14llu ns    kernel: %s", (unsigned long long)timeline->steps,
                 (unsigned long long)event->now_ns, event_name(event->kind));
    char *end = line + used;
    size_t room = sizeof line - (size_t)used;
    if (event->request != 0)
        snprintf(end, room, " #%llu %s id %llx: %lld\n", (unsigned long long)event->request,
                 sri_opcode_name(event->opcode), (unsigned long long)event->user_data,
                 (long long)event->result);
    else if (event->kind == SRI_EVENT_LEAVE)
        snprintf(end, room, ": %lld (%u CQEs ready, %u SQEs left)\n", (long long)event->result,
                 event->cq_ready, event->sq_ready);
    else
        snprintf(end, room, ": %lld\n", (long long)event->result);
    append(timeline, line);
}

void sri_timeline_say(struct sri_timeline *timeline, const char *who, const char *text)
{
    char line[240];
    snprintf(line, sizeof line, "%6llu %14llu ns %8s: %s\n", (unsigned long long)timeline->steps,
             (unsigned long long)timeline->now_ns, who, text);
    append(timeline, line);
}

void sri_timeline_tell(void *self, const char *text)
{
    sri_timeline_say(self, "program", text);
}

void sri_timeline_begin(struct sri_timeline *timeline)
{
    timeline->size = 0;
    timeline->steps = 0;
    timeline->now_ns = 0;
    append(timeline, "");
}

void sri_timeline_fini(struct sri_timeline *timeline)
{
    sri_free(timeline->text);
    memset(timeline, 0, sizeof *timeline);
}

struct sri_observer sri_timeline_observer(struct sri_timeline *timeline)
{
    return (struct sri_observer){.observe = observe, .self = timeline};
}

const char *sri_timeline_tail(const struct sri_timeline *timeline, size_t lines)
{
    if (timeline->text == NULL)
        return "";
    const char *at = timeline->text + timeline->size;
    while (at > timeline->text) {
        if (at[-1] == '\n' && lines-- == 0)
            break;
        at--;
    }
    return at;
}
