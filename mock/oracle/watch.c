/*
 * The table of what is in flight, and the order in which the oracles hear of an event. Judges nothing itself.
 */
#include "oracle/watch.h"

#include <string.h>

static struct sri_node *bucket_of(struct sri_watch *watch, uint64_t request)
{
    return &watch->buckets[request % SRI_WATCH_BUCKETS];
}

static uint32_t twin_index(uint64_t user_data)
{
    return (uint32_t)((user_data * UINT64_C(0x9e3779b97f4a7c15)) >> 54) % SRI_WATCH_BUCKETS;
}

void sri_watch_init(struct sri_watch *watch, struct sri_verdict *verdict, struct sri_heap *heap)
{
    watch->verdict = verdict;
    watch->heap = heap;
    watch->whole = true;
    if (heap != NULL) {
        heap->on_release = sri_lent_release;
        heap->on_release_user = watch;
    }
    sri_list_init(&watch->spare);
    for (uint32_t i = 0; i < SRI_WATCHED; i++)
        sri_list_append(&watch->spare, &watch->entries[i].node);
    for (uint32_t i = 0; i < SRI_WATCH_BUCKETS; i++) {
        sri_list_init(&watch->buckets[i]);
        sri_list_init(&watch->twins[i]);
    }
    sri_list_init(&watch->lending);
}

static void forget(struct sri_watch *watch, struct sri_watched *watched)
{
    sri_list_remove(&watched->lent);
    sri_list_remove(&watched->twin);
    sri_list_remove(&watched->node);
    sri_list_append(&watch->spare, &watched->node);
    watch->live--;
}

void sri_watch_begin(struct sri_watch *watch)
{
    for (uint32_t i = 0; i < SRI_WATCH_BUCKETS && watch->live > 0; i++)
        while (!sri_list_empty(&watch->buckets[i]))
            forget(watch, SRI_CONTAINER_OF(watch->buckets[i].next, struct sri_watched, node));
    watch->linked = 0;
    watch->in_link = false;
    watch->stalls = 0;
    watch->idle = 0;
}

static struct sri_watched *find(struct sri_watch *watch, uint64_t request)
{
    struct sri_node *head = bucket_of(watch, request);
    for (struct sri_node *node = head->next; node != head; node = node->next) {
        struct sri_watched *watched = SRI_CONTAINER_OF(node, struct sri_watched, node);
        if (watched->request == request)
            return watched;
    }
    return NULL;
}

static struct sri_watched *consumed(struct sri_watch *watch, const struct sri_event *event)
{
    watch->verdict->operations++;
    sri_ledger_consumed(watch, event);
    if (sri_list_empty(&watch->spare)) {
        watch->unwatched++;
        return NULL;
    }
    struct sri_watched *watched = SRI_CONTAINER_OF(watch->spare.next, struct sri_watched, node);
    sri_list_remove(&watched->node);
    memset(watched, 0, sizeof *watched);
    sri_list_init(&watched->lent);
    sri_list_append(bucket_of(watch, event->request), &watched->node);
    sri_list_append(&watch->twins[twin_index(event->user_data)], &watched->twin);
    watch->live++;
    watched->request = event->request;
    watched->user_data = event->user_data;
    watched->consumed_ns = event->now_ns;
    watched->ring = event->ring;
    watched->opcode = event->opcode;
    watched->lending = event->segment_count > 0 ? event->lending : SRI_LENDS_NOTHING;
    watched->segment_count =
        event->segment_count < SRI_WATCHED_SEGMENTS ? event->segment_count : SRI_WATCHED_SEGMENTS;
    if (watched->lending != SRI_LENDS_NOTHING) {
        memcpy(watched->segments, event->segments, watched->segment_count * sizeof(struct iovec));
        sri_lent_consumed(watch, watched);
        sri_list_append(&watch->lending, &watched->lent);
    }
    return watched;
}

/* What a closed ring leaves in the kernel is still lent, but its ids may be another ring's. */
static void ring_closed(struct sri_watch *watch, int ring)
{
    for (uint32_t i = 0; i < SRI_WATCH_BUCKETS && watch->live > 0; i++) {
        const struct sri_node *head = &watch->buckets[i];
        for (const struct sri_node *node = head->next; node != head; node = node->next) {
            struct sri_watched *watched = SRI_CONTAINER_OF(node, struct sri_watched, node);
            if (watched->ring == ring)
                watched->ring = -1;
        }
    }
}

static void observe(void *self, const struct sri_event *event)
{
    struct sri_watch *watch = self;
    watch->verdict->now_ns = event->now_ns;
    watch->verdict->step++;
    if (event->kind == SRI_EVENT_RING_CLOSED)
        ring_closed(watch, event->ring);
    sri_order_event(watch, event);
    sri_stall_event(watch, event);
    struct sri_watched *watched =
        event->kind == SRI_EVENT_CONSUMED ? consumed(watch, event) : find(watch, event->request);
    if (watched != NULL && event->kind == SRI_EVENT_CHOSEN)
        sri_lent_chosen(watch, watched, event);
    if (watched != NULL && watched->lending != SRI_LENDS_NOTHING)
        sri_lent_event(watch, watched, event);
    bool ends = event->kind == SRI_EVENT_SKIPPED || (event->kind == SRI_EVENT_COMPLETED && event->last);
    if (event->kind == SRI_EVENT_COMPLETED)
        sri_ledger_completed(watch, watched, event);
    if (watch->listener != NULL)
        watch->listener(watch->listener_user, event, watched);
    if (watched != NULL && watched->provided &&
        (event->kind == SRI_EVENT_COMPLETED || event->kind == SRI_EVENT_RETURNED))
        sri_lent_returned(watched);
    if (ends && watched != NULL)
        forget(watch, watched);
}

void sri_watch_event(struct sri_watch *watch, const struct sri_event *event)
{
    observe(watch, event);
}

struct sri_observer sri_watch_observer(struct sri_watch *watch)
{
    return (struct sri_observer){.observe = observe, .self = watch};
}

const struct sri_watched *sri_watch_lent(const struct sri_watch *watch, const void *address, size_t length)
{
    const uint8_t *begin = address;
    for (const struct sri_node *node = watch->lending.next; node != &watch->lending; node = node->next) {
        const struct sri_watched *watched = SRI_CONTAINER_OF(node, struct sri_watched, lent);
        for (uint32_t i = 0; i < watched->segment_count; i++) {
            const uint8_t *lent = watched->segments[i].iov_base;
            if (begin < lent + watched->segments[i].iov_len && lent < begin + length)
                return watched;
        }
    }
    return NULL;
}

const struct sri_watched *sri_watch_find(const struct sri_watch *watch, int ring, uint64_t user_data)
{
    const struct sri_node *head = &watch->twins[twin_index(user_data)];
    for (const struct sri_node *node = head->next; node != head; node = node->next) {
        const struct sri_watched *watched = SRI_CONTAINER_OF(node, struct sri_watched, twin);
        if (watched->user_data == user_data && watched->ring == ring)
            return watched;
    }
    return NULL;
}
