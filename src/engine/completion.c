/*
 * The CQ: posting, what finds no room there (NODROP), and what arrives from other threads.
 */
#include <errno.h>

#include "engine/refusal.h"
#include "engine/steps.h"

static uint32_t visible(const struct sri_ring *ring)
{
    return ring->cq_tail - __atomic_load_n(&ring->header->cq_head, __ATOMIC_ACQUIRE);
}

uint32_t sri_cq_ready(const struct sri_ring *ring)
{
    return visible(ring) + ring->overflow_count;
}

/* Room for one more; the program's head is looked at only when the last known room is used up (sri_post() as well). */
static bool has_room(struct sri_ring *ring)
{
    if (ring->cq_tail != ring->cq_limit)
        return true;
    ring->cq_limit = __atomic_load_n(&ring->header->cq_head, __ATOMIC_ACQUIRE) + ring->cq_entries;
    return ring->cq_tail != ring->cq_limit && ring->cq_limit - ring->cq_tail <= ring->cq_entries;
}

bool sri_cq_has_room(struct sri_ring *ring)
{
    return ring->overflow_count == 0 && has_room(ring);
}

/* The block for one more, or NULL without memory. */
static struct sri_overflow *block_for_one(struct sri_ring *ring)
{
    struct sri_overflow *last = ring->overflow_last;
    if (last != NULL && last->end < SRI_OVERFLOW_BLOCK)
        return last;
    struct sri_overflow *block = sri_arena_acquire(&ring->engine->arena, sizeof *block);
    if (block == NULL)
        return NULL;
    block->next = NULL;
    block->begin = 0;
    block->end = 0;
    if (last == NULL)
        ring->overflow_first = block;
    else
        last->next = block;
    ring->overflow_last = block;
    return block;
}

/*
 * Without memory for it the CQE is lost: counted, and the next enter says -EBADR. For timeouts that count, it is posted when it
 * comes into the CQ (measured).
 */
static void keep(struct sri_ring *ring, uint64_t user_data, int32_t result, uint32_t flags)
{
    ring->posted--;
    bool keeps = !sri_hides_feature(ring->engine, IORING_FEAT_NODROP);
    struct sri_overflow *block = keeps ? block_for_one(ring) : NULL;
    if (block == NULL) {
        __atomic_fetch_add(&ring->header->cq_overflow, 1, __ATOMIC_RELAXED);
        ring->dropped = keeps; /* a kernel without IORING_FEAT_NODROP counts it and says no more */
        return;
    }
    if (ring->overflow_count++ == 0)
        __atomic_fetch_or(&ring->header->sq_flags, IORING_SQ_CQ_OVERFLOW, __ATOMIC_SEQ_CST);
    block->entries[block->end++] =
        (struct sri_overflow_entry){.user_data = user_data, .result = result, .flags = flags};
}

void sri_overflow_insert(struct sri_ring *ring, uint32_t index, const struct sri_overflow_entry *entry)
{
    struct sri_overflow_entry carried = *entry;
    uint32_t before = ring->overflow_count;
    keep(ring, carried.user_data, carried.result, carried.flags);
    struct sri_overflow *block = ring->overflow_first;
    while (block != NULL && index >= block->end - block->begin) {
        index -= block->end - block->begin;
        block = block->next;
    }
    if (ring->overflow_count == before)
        return;
    for (uint32_t at = index; block != NULL; block = block->next, at = 0) {
        for (at += block->begin; at < block->end; at++) {
            struct sri_overflow_entry aside = block->entries[at];
            block->entries[at] = carried;
            carried = aside;
        }
    }
}

void sri_post_late(struct sri_ring *ring, uint64_t user_data, int32_t result, uint32_t flags)
{
    if (ring->overflow_count == 0 && has_room(ring))
        sri_write_cqe(ring, user_data, result, flags);
    else
        keep(ring, user_data, result, flags);
}

static void shift_block(struct sri_ring *ring)
{
    struct sri_overflow *block = ring->overflow_first;
    ring->overflow_first = block->next;
    if (block->next == NULL)
        ring->overflow_last = NULL;
    sri_arena_release(&ring->engine->arena, block);
}

static struct sri_overflow_entry shift(struct sri_ring *ring)
{
    struct sri_overflow *block = ring->overflow_first;
    struct sri_overflow_entry entry = block->entries[block->begin++];
    ring->overflow_count--;
    if (block->begin == block->end)
        shift_block(ring);
    return entry;
}

void sri_overflow_flush(struct sri_ring *ring)
{
    if (ring->overflow_count == 0)
        return;
    while (ring->overflow_count > 0 && has_room(ring)) {
        struct sri_overflow_entry entry = shift(ring);
        ring->posted++;
        sri_write_cqe(ring, entry.user_data, entry.result, entry.flags);
    }
    if (ring->overflow_count == 0)
        __atomic_fetch_and(&ring->header->sq_flags, ~IORING_SQ_CQ_OVERFLOW, __ATOMIC_SEQ_CST);
    sri_counting_advance(ring);
}

void sri_overflow_drop(struct sri_ring *ring)
{
    while (ring->overflow_first != NULL)
        shift_block(ring);
    ring->overflow_count = 0;
}

void sri_inbox_deliver(struct sri_ring *ring)
{
    struct sri_inbox *inbox = &ring->inbox;
    if (atomic_load_explicit(&inbox->count, memory_order_acquire) == 0)
        return;
    uint64_t user_data[SRI_INBOX];
    while (atomic_flag_test_and_set_explicit(&inbox->busy, memory_order_acquire))
        continue;
    unsigned count = atomic_load_explicit(&inbox->count, memory_order_relaxed);
    for (unsigned i = 0; i < count; i++)
        user_data[i] = inbox->user_data[i];
    atomic_store_explicit(&inbox->count, 0, memory_order_relaxed);
    atomic_flag_clear_explicit(&inbox->busy, memory_order_release);
    for (unsigned i = 0; i < count; i++) {
        sri_post(ring, user_data[i], 0, 0);
        if (sri_is_watched(ring->engine)) {
            struct sri_event event = {.kind = SRI_EVENT_WAKE,
                                      .ring = ring->fd,
                                      .user_data = user_data[i],
                                      .last = 1};
            sri_emit(ring->engine, &event);
        }
    }
}

/* Is there anything to see, or would an enter get on? */
static bool has_news(const struct sri_ring *ring)
{
    return sri_cq_ready(ring) > 0 || !sri_list_empty(&ring->held) || ring->letters != NULL ||
           ring->engine->due.count > 0 || atomic_load_explicit(&ring->inbox.count, memory_order_relaxed) > 0;
}

/*
 * One rule for IORING_SQ_TASKRUN: it is set while an enter could get on with a request of this ring, on a ring whose
 * work the true kernel would do by itself (so that whoever peeks, enters) or which asked for the flag. A DEFER_TASKRUN
 * ring without IORING_SETUP_TASKRUN_FLAG is told nothing, as by the true kernel. With the option `shows_readable` it is
 * set too while the ring's descriptor is readable: nobody sees a program take its CQEs, so whoever finds none must enter,
 * and the descriptor is put right. Not so where the program asked for the flag, and may look at what it says.
 */
static void show_taskrun(struct sri_ring *ring)
{
    if ((ring->setup_flags & IORING_SETUP_DEFER_TASKRUN) && !(ring->setup_flags & IORING_SETUP_TASKRUN_FLAG))
        return;
    uint32_t flags = __atomic_load_n(&ring->header->sq_flags, __ATOMIC_RELAXED);
    bool readable = ring->engine->options.shows_readable && ring->notified &&
                    (ring->setup_flags & IORING_SETUP_TASKRUN_FLAG) == 0;
    bool wanted = readable || ring->in_flight > 0 || ring->letters != NULL ||
                  atomic_load_explicit(&ring->inbox.count, memory_order_relaxed) > 0;
    if (wanted == ((flags & IORING_SQ_TASKRUN) != 0))
        return;
    if (wanted)
        __atomic_fetch_or(&ring->header->sq_flags, IORING_SQ_TASKRUN, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(&ring->header->sq_flags, ~IORING_SQ_TASKRUN, __ATOMIC_SEQ_CST);
}

void sri_show_inbox(struct sri_ring *ring)
{
    if ((ring->setup_flags & IORING_SETUP_DEFER_TASKRUN) && !(ring->setup_flags & IORING_SETUP_TASKRUN_FLAG))
        return;
    __atomic_fetch_or(&ring->header->sq_flags, IORING_SQ_TASKRUN, __ATOMIC_SEQ_CST);
}

/*
 * Completions behind those that the program was told of and has taken: a program that waits for edges on the ring's
 * descriptor hears nothing of them otherwise.
 */
static bool is_told_anew(const struct sri_ring *ring)
{
    uint32_t head = __atomic_load_n(&ring->header->cq_head, __ATOMIC_RELAXED);
    return ring->cq_tail != ring->told_tail && (int32_t)(head - ring->told_tail) >= 0;
}

static void show(struct sri_ring *ring, bool readable)
{
    ring->notified = readable;
    __atomic_store_n(&ring->header->readable, readable, __ATOMIC_RELEASE);
    ring->told_tail = ring->cq_tail;
    ring->engine->world.vtable->ring_notify(ring->engine->world.self, ring->fd, readable);
}

void sri_notify_taken(struct sri_ring *ring)
{
    if (ring->notified && !has_news(ring))
        show(ring, false);
}

void sri_notify(struct sri_ring *ring)
{
    if (ring->closed)
        return;
    if (ring->eventfd_due)
        sri_eventfd_signal(ring);
    bool news = has_news(ring);
    if (news != ring->notified || (news && is_told_anew(ring)))
        show(ring, news);
    show_taskrun(ring);
}

void sri_notify_all(struct sri_engine *engine)
{
    for (struct sri_node *node = engine->rings.next; node != &engine->rings; node = node->next)
        sri_notify(SRI_CONTAINER_OF(node, struct sri_ring, node));
}
