/*
 * The requests in flight of a watched program, and who is told what. Judges nothing.
 */
#include "run/detect.h"

#include <execinfo.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "run/agent.h"

#define BUCKETS 4096u
#define CHUNK 256u

struct sri_detect sri_detect;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sri_borrowed *buckets[BUCKETS];
static struct sri_borrowed *twins[BUCKETS];
static struct sri_borrowed *spare;

static SRI_DETECT_OF_THREAD bool inside;

void sri_detect_lock(void)
{
    pthread_mutex_lock(&lock);
    inside = true;
}

bool sri_detect_is_inside(void)
{
    return inside;
}

void sri_detect_unlock(void)
{
    inside = false;
    pthread_mutex_unlock(&lock);
}

static struct sri_borrowed *take(void)
{
    if (spare == NULL) {
        struct sri_borrowed *chunk = sri_alloc_zero(CHUNK, sizeof *chunk);
        if (chunk == NULL)
            return NULL;
        for (unsigned i = 0; i < CHUNK; i++) {
            chunk[i].next = spare;
            spare = &chunk[i];
        }
    }
    struct sri_borrowed *taken = spare;
    spare = taken->next;
    memset(taken, 0, sizeof *taken);
    return taken;
}

struct sri_borrowed *sri_detect_find(uint64_t request)
{
    struct sri_borrowed *borrowed = buckets[request % BUCKETS];
    while (borrowed != NULL && borrowed->request != request)
        borrowed = borrowed->next;
    return borrowed;
}

static struct sri_borrowed **twins_of(uint64_t user_data)
{
    return &twins[(user_data * UINT64_C(0x9e3779b97f4a7c15) >> 40) % BUCKETS];
}

struct sri_borrowed *sri_detect_find_user_data(uint64_t user_data)
{
    return *twins_of(user_data);
}

struct sri_watched_ring *sri_detect_ring(int fd)
{
    for (uint32_t i = 0; i < sri_detect.ring_count; i++) {
        if (sri_detect.rings[i].fd == fd)
            return &sri_detect.rings[i];
    }
    return NULL;
}

static void opened(const struct sri_event *event)
{
    if (sri_detect.ring_count == SRI_DETECT_RINGS)
        return;
    sri_detect.rings[sri_detect.ring_count++] = (struct sri_watched_ring){.fd = event->ring, .eventfd = -1};
}

static void forget_ring(int fd)
{
    struct sri_watched_ring *ring = sri_detect_ring(fd);
    if (ring == NULL)
        return;
    sri_stale_forget(ring);
    *ring = sri_detect.rings[--sri_detect.ring_count];
}

static void link_in(struct sri_borrowed *borrowed)
{
    struct sri_borrowed **bucket = &buckets[borrowed->request % BUCKETS];
    borrowed->next = *bucket;
    *bucket = borrowed;
    struct sri_borrowed **twin = twins_of(borrowed->user_data);
    borrowed->twin = *twin;
    *twin = borrowed;
    borrowed->older = sri_detect.newest;
    if (sri_detect.newest != NULL)
        sri_detect.newest->newer = borrowed;
    else
        sri_detect.oldest = borrowed;
    sri_detect.newest = borrowed;
}

static void drop(struct sri_borrowed *borrowed)
{
    struct sri_borrowed **at = &buckets[borrowed->request % BUCKETS];
    while (*at != borrowed)
        at = &(*at)->next;
    *at = borrowed->next;
    for (at = twins_of(borrowed->user_data); *at != borrowed;)
        at = &(*at)->twin;
    *at = borrowed->twin;
    if (borrowed->older != NULL)
        borrowed->older->newer = borrowed->newer;
    else
        sri_detect.oldest = borrowed->newer;
    if (borrowed->newer != NULL)
        borrowed->newer->older = borrowed->older;
    else
        sri_detect.newest = borrowed->older;
    borrowed->next = spare;
    spare = borrowed;
}

static void consumed(const struct sri_event *event)
{
    struct sri_watched_ring *ring = sri_detect_ring(event->ring);
    struct sri_borrowed *borrowed = take();
    if (borrowed == NULL || ring == NULL) {
        sri_detect.unwatched++;
        return;
    }
    const struct io_uring_sqe *sqe = event->sqe;
    borrowed->request = event->request;
    borrowed->user_data = event->user_data;
    borrowed->ring = event->ring;
    borrowed->opcode = sqe->opcode;
    borrowed->flags = sqe->flags;
    borrowed->fd = (sqe->flags & IOSQE_FIXED_FILE) != 0 ? -1 : sqe->fd;
    borrowed->place = sri_detect.place;
    borrowed->lending = event->lending;
    borrowed->offset = sqe->off;
    borrowed->address = sqe->addr;
    borrowed->makes_slot = sqe->file_index != 0;
    for (uint32_t i = 0; i < event->segment_count; i++) {
        borrowed->length += event->segments[i].iov_len;
        if (i < SRI_DETECT_SEGMENTS)
            borrowed->segments[borrowed->segment_count++] = event->segments[i];
    }
    ring->in_flight++;
    sri_queue_consumed(borrowed, ring, sqe);
    sri_entry_consumed(borrowed, sqe);
    sri_buffers_consumed(borrowed, sqe);
    sri_memory_lent(borrowed);
    sri_short_consumed(borrowed);
    sri_answer_consumed(borrowed, ring);
    sri_order_consumed(borrowed, sqe);
    sri_descriptor_consumed(borrowed, sqe);
    link_in(borrowed);
}

static void ended(const struct sri_event *event, struct sri_borrowed *borrowed)
{
    struct sri_watched_ring *ring = sri_detect_ring(event->ring);
    borrowed->posted = true;
    sri_buffers_completed(event, borrowed);
    sri_short_completed(event, borrowed);
    sri_descriptor_completed(event, borrowed);
    sri_answer_completed(event, borrowed, ring);
    if (!event->last)
        return;
    if (ring != NULL)
        ring->in_flight--;
    drop(borrowed);
}

static void drop_all_of(int ring)
{
    struct sri_borrowed *borrowed = sri_detect.oldest;
    while (borrowed != NULL) {
        struct sri_borrowed *newer = borrowed->newer;
        if (borrowed->ring == ring)
            drop(borrowed);
        borrowed = newer;
    }
}

static void closed(const struct sri_event *event)
{
    struct sri_watched_ring *ring = sri_detect_ring(event->ring);
    if (ring != NULL)
        sri_queue_exits(ring, false);
    drop_all_of(event->ring);
    forget_ring(event->ring);
}

static void left(const struct sri_event *event)
{
    struct sri_watched_ring *ring = sri_detect_ring(event->ring);
    if (ring == NULL)
        return;
    sri_queue_left(event, ring);
    sri_stale_left(ring);
}

static void dispatch(const struct sri_event *event)
{
    if (event->guest != 0)
        return; /* its memory and its descriptors are another process's, which is told what it does itself */
    struct sri_borrowed *borrowed = event->request != 0 ? sri_detect_find(event->request) : NULL;
    if (borrowed != NULL)
        sri_memory_event(event, borrowed);
    switch (event->kind) {
    case SRI_EVENT_RING_OPENED: opened(event); break;
    case SRI_EVENT_RING_CLOSED: closed(event); break;
    case SRI_EVENT_CONSUMED: consumed(event); break;
    case SRI_EVENT_COMPLETED:
        if (borrowed != NULL)
            ended(event, borrowed);
        break;
    case SRI_EVENT_SKIPPED:
        if (borrowed != NULL)
            ended(event, borrowed);
        break;
    case SRI_EVENT_LEAVE: left(event); break;
    case SRI_EVENT_COMMITTED:
        if (borrowed != NULL)
            sri_order_committed(borrowed);
        break;
    case SRI_EVENT_CANCELLING:
        if (borrowed != NULL)
            borrowed->cancelled = true;
        break;
    case SRI_EVENT_ENTER:
    case SRI_EVENT_TOUCH:
    case SRI_EVENT_TOUCHED:
    case SRI_EVENT_WAKE:
    case SRI_EVENT_STALL:
    case SRI_EVENT_OPENED:
    case SRI_EVENT_CLOSED:
    case SRI_EVENT_CHOSEN:
    case SRI_EVENT_RETURNED: break;
    }
}

void sri_detect_event(const struct sri_event *event)
{
    sri_detect_lock();
    dispatch(event);
    sri_detect_unlock();
}

/* Where the program keeps its ring just now: it may move it between two calls. */
static void know(struct io_uring *ring, int fd)
{
    struct sri_watched_ring *watched = sri_detect_ring(ring->ring_fd >= 0 ? ring->ring_fd : fd);
    if (watched == NULL)
        return;
    watched->ring = ring;
    watched->khead = ring->sq.khead;
    watched->cq_entries = ring->cq.ring_entries;
}

static struct sri_watched_ring *watched_by(const struct io_uring *ring, int fd)
{
    return sri_detect_ring(ring != NULL && ring->ring_fd >= 0 ? ring->ring_fd : fd);
}

void sri_detect_enters(struct io_uring *ring, int fd, unsigned to_submit, const void *frame, const void *site)
{
    sri_detect_lock();
    sri_detect.frame = frame;
    sri_detect.place = sri_place_here(frame, site);
    uintptr_t lowest;
    uintptr_t highest;
    sri_place_stack(&lowest, &highest);
    if ((uintptr_t)frame > lowest && (uintptr_t)frame < highest) {
        sri_memory_stack(lowest, (uintptr_t)frame);
        sri_record_stack(lowest, (uintptr_t)frame);
    }
    if (ring != NULL)
        know(ring, fd);
    struct sri_watched_ring *watched = watched_by(ring, fd);
    if (watched != NULL) {
        sri_stale_enters(watched);
        sri_answer_enters(watched);
        sri_order_submits(watched->fd, to_submit);
    }
    sri_detect_unlock();
}

void sri_detect_registers(struct io_uring *ring, int fd, unsigned opcode, const void *arg, unsigned count)
{
    sri_detect_lock();
    struct sri_watched_ring *watched = watched_by(ring, fd);
    if (watched != NULL && (opcode == IORING_REGISTER_EVENTFD || opcode == IORING_REGISTER_EVENTFD_ASYNC) &&
        arg != NULL)
        watched->eventfd = *(const int *)arg;
    if (watched != NULL)
        sri_descriptor_registers(watched, opcode, arg, count);
    sri_detect_unlock();
}

void sri_detect_returned(struct io_uring *ring, int fd, unsigned to_submit, int result)
{
    sri_detect_lock();
    struct sri_watched_ring *watched = watched_by(ring, fd);
    if (watched != NULL)
        sri_order_submitted(watched->fd);
    if (result < 0)
        sri_queue_returned(watched, fd, result);
    sri_answer_returned(watched, to_submit, result);
    sri_detect_unlock();
}

/* Of a program that fails, or is ended from here, what it left undone is no wonder. */
void sri_detect_finish(int status)
{
    sri_detect_lock();
    if (status == 0)
        sri_short_finish();
    sri_descriptor_finish();
    for (uint32_t i = 0; i < sri_detect.ring_count && status != SRI_RUN_EXIT_HANGS; i++)
        sri_queue_exits(&sri_detect.rings[i], true);
    sri_detect_unlock();
}

void sri_detect_forked(void)
{
    pthread_mutex_init(&lock, NULL);
    while (sri_detect.oldest != NULL)
        drop(sri_detect.oldest);
    sri_detect.ring_count = 0;
}

static void foreign(int fd, bool closes, const void *frame, const void *site)
{
    if (closes)
        return;
    sri_detect_lock();
    sri_detect.place = sri_place_here(frame, site);
    sri_finding(
        "fork", NULL,
        "a forked child uses ring %d, which its parent made: either may take what is the other's from the "
        "queue",
        fd);
    sri_detect_unlock();
}

static void ring_opened(struct io_uring *ring, int fd)
{
    sri_detect_lock();
    know(ring, fd);
    sri_detect_unlock();
}

static void ring_exits(struct io_uring *ring, const void *frame, const void *site)
{
    sri_detect_lock();
    sri_detect.place = sri_place_here(frame, site);
    struct sri_watched_ring *watched = sri_detect_ring(ring->ring_fd);
    if (watched != NULL)
        watched->ring = NULL;
    sri_detect_unlock();
}

static void closes(int fd, const void *frame, const void *site)
{
    if (sri_detect.ring_count == 0 || sri_detect_is_inside())
        return;
    sri_detect_lock();
    const struct sri_place_of_call *place = sri_detect.place;
    sri_detect.place = sri_place_here(frame, site);
    sri_entry_closed(fd);
    sri_short_closed(fd);
    sri_descriptor_closed(fd);
    sri_detect.place = place;
    sri_detect_unlock();
}

void sri_detect_begin(struct sri_uring_hooks *hooks)
{
    void *prime[2];
    (void)backtrace(prime, 2); /* its first call loads a library */
    sri_answer_watch_crash();
    hooks->foreign = foreign;
    hooks->closes = closes;
    hooks->opened = ring_opened;
    hooks->exits = ring_exits;
}
