/*
 * Lent bytes (BUF-3, BUF-4, ORPH-6): a source does not change until it was read, a target holds a sentinel that the
 * kernel alone replaces, no two loans overlap, and nobody frees what is lent. Touches lent bytes by the door only, and
 * writes only the sentinel.
 */
#include "engine/user.h"
#include "oracle/watch.h"

/* Without `whole`, the edges and the middle of what is longer. */
#define EDGE SRI_USER_EDGE

static uint64_t sum_part(const struct iovec *segment, size_t from, size_t to, uint64_t seed, bool whole)
{
    const uint8_t *bytes = segment->iov_base;
    size_t length = to - from;
    if (whole || length <= 3u * EDGE)
        return sri_user_sum(bytes + from, length, seed);
    return sri_user_sum_edges(bytes + from, length, seed);
}

/* Of the leading `limit` bytes over all segments. */
static uint64_t sum_leading(const struct sri_watch *watch, const struct sri_watched *watched, uint64_t limit)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < watched->segment_count && limit > 0; i++) {
        size_t length = watched->segments[i].iov_len;
        size_t part = limit < length ? (size_t)limit : length;
        sum = sum_part(&watched->segments[i], 0, part, sum, watch->whole);
        limit -= part;
    }
    return sum;
}

static bool same_part(const struct iovec *segment, size_t from, bool whole)
{
    const uint8_t *bytes = segment->iov_base;
    size_t length = segment->iov_len - from;
    if (whole || length <= 3u * EDGE)
        return sri_user_same(bytes + from, SRI_SENTINEL, length) == length;
    return sri_user_same(bytes + from, SRI_SENTINEL, EDGE) == EDGE &&
           sri_user_same(bytes + from + length / 2, SRI_SENTINEL, EDGE) == EDGE &&
           sri_user_same(bytes + segment->iov_len - EDGE, SRI_SENTINEL, EDGE) == EDGE;
}

/* Does all behind the leading `moved` bytes still hold the sentinel? */
static bool sentinel_stands(const struct sri_watch *watch, const struct sri_watched *watched)
{
    uint64_t skip = watched->moved;
    for (uint32_t i = 0; i < watched->segment_count; i++) {
        size_t length = watched->segments[i].iov_len;
        size_t from = skip < length ? (size_t)skip : length;
        skip -= from;
        if (from < length && !same_part(&watched->segments[i], from, watch->whole))
            return false;
    }
    return true;
}

static bool overlaps(const struct sri_watched *a, const struct sri_watched *b)
{
    for (uint32_t i = 0; i < a->segment_count; i++)
        for (uint32_t j = 0; j < b->segment_count; j++) {
            const uint8_t *x = a->segments[i].iov_base;
            const uint8_t *y = b->segments[j].iov_base;
            if (x < y + b->segments[j].iov_len && y < x + a->segments[i].iov_len)
                return true;
        }
    return false;
}

static void judge_overlap(struct sri_watch *watch, const struct sri_watched *watched)
{
    for (struct sri_node *node = watch->lending.next; node != &watch->lending; node = node->next) {
        const struct sri_watched *other = SRI_CONTAINER_OF(node, struct sri_watched, lent);
        bool both_read = watched->lending != SRI_LENDS_TARGET && other->lending != SRI_LENDS_TARGET;
        if (!both_read && overlaps(watched, other))
            sri_violated(
                watch->verdict, SRI_RULE_BUF_4, watched->user_data,
                "the kernel was lent bytes that request %llu has already: two operations hold one buffer",
                (unsigned long long)other->request);
    }
}

static void judge_freed(struct sri_watch *watch, const struct sri_watched *watched)
{
    if (watch->heap == NULL)
        return;
    for (uint32_t i = 0; i < watched->segment_count; i++) {
        const struct iovec *segment = &watched->segments[i];
        if (segment->iov_len > 0 && sri_heap_freed(watch->heap, segment->iov_base, segment->iov_len) != NULL)
            sri_violated(watch->verdict, SRI_RULE_BUF_3, watched->user_data,
                         "the kernel consumed an entry whose %llu bytes were released before",
                         (unsigned long long)segment->iov_len);
    }
}

void sri_lent_consumed(struct sri_watch *watch, struct sri_watched *watched)
{
    judge_overlap(watch, watched);
    judge_freed(watch, watched);
    if (watched->lending != SRI_LENDS_TARGET) {
        watched->sum = sum_leading(watch, watched, UINT64_MAX);
        return;
    }
    for (uint32_t i = 0; i < watched->segment_count; i++)
        sri_user_fill(watched->segments[i].iov_base, SRI_SENTINEL, watched->segments[i].iov_len);
}

void sri_lent_chosen(struct sri_watch *watch, struct sri_watched *watched, const struct sri_event *event)
{
    if (event->segment_count == 0)
        return;
    watched->provided = true;
    watched->committed = false;
    watched->lending = event->lending;
    watched->segment_count = 1;
    watched->segments[0] = event->segments[0];
    watched->moved = 0;
    watched->sum = 0;
    if (watched->lending != SRI_LENDS_TARGET)
        watched->sum = sum_leading(watch, watched, UINT64_MAX);
    sri_list_append(&watch->lending, &watched->lent);
}

void sri_lent_returned(struct sri_watched *watched)
{
    watched->provided = false;
    watched->lending = SRI_LENDS_NOTHING;
    watched->segment_count = 0;
    sri_list_remove(&watched->lent);
}

static void judge_target(struct sri_watch *watch, struct sri_watched *watched, const char *when)
{
    if (watched->touching)
        return;
    bool holds = (watched->provided || sentinel_stands(watch, watched)) &&
                 sum_leading(watch, watched, watched->moved) == watched->sum;
    sri_judge(watch->verdict, SRI_RULE_BUF_3, watched->user_data, holds,
              "somebody wrote into a buffer the kernel is to fill, %s", when);
}

static void judge_source(struct sri_watch *watch, struct sri_watched *watched)
{
    if (watched->committed)
        return;
    watched->committed = watched->lending == SRI_LENDS_SOURCE;
    sri_judge(watch->verdict, SRI_RULE_BUF_3, watched->user_data,
              sum_leading(watch, watched, UINT64_MAX) == watched->sum,
              "a buffer the kernel is to read was changed before it was read");
}

static void touched(struct sri_watch *watch, struct sri_watched *watched, uint64_t moved)
{
    watched->touching = false;
    watched->moved = moved;
    watched->sum = sum_leading(watch, watched, moved);
}

void sri_lent_event(struct sri_watch *watch, struct sri_watched *watched, const struct sri_event *event)
{
    bool target = watched->lending == SRI_LENDS_TARGET;
    switch (event->kind) {
    case SRI_EVENT_TOUCH:
        judge_target(watch, watched, "before it did");
        watched->touching = true;
        break;
    case SRI_EVENT_TOUCHED: touched(watch, watched, (uint64_t)event->result); break;
    case SRI_EVENT_COMMITTED:
        if (!target)
            judge_source(watch, watched);
        break;
    case SRI_EVENT_COMPLETED:
    case SRI_EVENT_SKIPPED:
        if (target)
            judge_target(watch, watched, "before its completion");
        else
            judge_source(watch, watched);
        break;
    case SRI_EVENT_CONSUMED:
    case SRI_EVENT_CHOSEN:
    case SRI_EVENT_RETURNED:
    case SRI_EVENT_CANCELLING:
    case SRI_EVENT_RING_OPENED:
    case SRI_EVENT_RING_CLOSED:
    case SRI_EVENT_ENTER:
    case SRI_EVENT_LEAVE:
    case SRI_EVENT_WAKE:
    case SRI_EVENT_STALL:
    case SRI_EVENT_OPENED:
    case SRI_EVENT_CLOSED: break;
    }
}

/* A block of the library's is about to be released. */
void sri_lent_release(void *user, const struct sri_block *block)
{
    struct sri_watch *watch = user;
    if (!block->live) {
        sri_violated(watch->verdict, SRI_RULE_BUF_1, 0, "a block of %llu bytes was released twice",
                     (unsigned long long)block->size);
        return;
    }
    const struct sri_watched *lent = sri_watch_lent(watch, block->bytes, block->size);
    if (lent == NULL)
        return;
    /* Both rules say so: of any loan, and of an orphan's. */
    sri_violated(watch->verdict, SRI_RULE_BUF_3, lent->user_data,
                 "freed in flight: %llu bytes that request %llu (%s) has not given back",
                 (unsigned long long)block->size, (unsigned long long)lent->request,
                 lent->lending == SRI_LENDS_SOURCE ? "reads them" : "writes them");
    sri_violated(watch->verdict, SRI_RULE_ORPH_6, lent->user_data,
                 "freed in flight: %llu bytes of request %llu", (unsigned long long)block->size,
                 (unsigned long long)lent->request);
}
