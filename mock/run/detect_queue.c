/*
 * Detectors of the queues: CQEs that overflowed and were never asked for, chains cut at a submission, two operations with
 * one user_data, the wrong thread, and what is left when a ring or the process ends.
 */
#include <errno.h>

#include "run/agent.h"
#include "run/detect.h"

/*
 * Many programs number what an operation is for, and have several of a kind in flight: that is no mistake. A pointer, or a
 * number as large, means one operation.
 */
#define LARGEST_TAG 4095u

static const struct sri_borrowed *other_of(const struct sri_borrowed *borrowed, uint64_t user_data)
{
    const struct sri_borrowed *other = sri_detect_find_user_data(user_data);
    while (other != NULL &&
           (other == borrowed || other->ring != borrowed->ring || other->user_data != user_data))
        other = other->twin;
    return other;
}

/* Members of one chain end in its order: a program that counts them tells them apart. */
static bool is_of_its_chain(const struct sri_borrowed *borrowed, const struct sri_borrowed *other)
{
    return borrowed->chain != 0 && other->chain == borrowed->chain;
}

static void judge_equal(const struct sri_borrowed *borrowed)
{
    if (borrowed->user_data <= LARGEST_TAG || borrowed->user_data == LIBURING_UDATA_TIMEOUT)
        return;
    const struct sri_borrowed *other = other_of(borrowed, borrowed->user_data);
    if (other != NULL && !is_of_its_chain(borrowed, other))
        sri_finding(
            "duplicate-user-data", borrowed,
            "user_data %#llx is still that of request %llu (%s): completions and cancels can't tell them apart",
            (unsigned long long)borrowed->user_data, (unsigned long long)other->request,
            sri_opcode_name(other->opcode));
}

/* A cancel that means one operation, where two have the name. */
static void judge_cancel(const struct sri_borrowed *borrowed, const struct io_uring_sqe *sqe)
{
    const uint32_t many = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY;
    bool cancels = sqe->opcode == IORING_OP_ASYNC_CANCEL && (sqe->cancel_flags & many) == 0;
    if (!cancels && sqe->opcode != IORING_OP_POLL_REMOVE && sqe->opcode != IORING_OP_TIMEOUT_REMOVE)
        return;
    const struct sri_borrowed *one = other_of(borrowed, sqe->addr);
    const struct sri_borrowed *two = one;
    if (one == NULL)
        return;
    do {
        two = two->twin;
    } while (two != NULL && (two == borrowed || two->ring != borrowed->ring || two->user_data != sqe->addr));
    if (two != NULL)
        sri_finding("duplicate-user-data", borrowed,
                    "%s of user_data %#llx, which requests %llu and %llu both have: one of them is meant",
                    sri_opcode_name(sqe->opcode), (unsigned long long)sqe->addr,
                    (unsigned long long)two->request, (unsigned long long)one->request);
}

void sri_queue_consumed(struct sri_borrowed *borrowed, struct sri_watched_ring *ring,
                        const struct io_uring_sqe *sqe)
{
    const uint8_t links = IOSQE_IO_LINK | IOSQE_IO_HARDLINK;
    bool goes_on = (ring->last_flags & links) != 0;
    if (!goes_on && (borrowed->flags & links) != 0)
        ring->chain++;
    borrowed->chain = goes_on || (borrowed->flags & links) != 0 ? ring->chain : 0;
    ring->last_flags = borrowed->flags;
    ring->last_user_data = borrowed->user_data;
    ring->last_opcode = borrowed->opcode;
    judge_equal(borrowed);
    judge_cancel(borrowed, sqe);
}

/* At the end of an enter: the kernel took all there was, and the last of it announced one more. */
void sri_queue_left(const struct sri_event *event, struct sri_watched_ring *ring)
{
    uint8_t links = ring->last_flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK);
    if (event->result > 0 && event->sq_ready == 0 && links != 0) {
        const struct sri_borrowed about = {.opcode = ring->last_opcode,
                                           .user_data = ring->last_user_data,
                                           .ring = ring->fd,
                                           .fd = -1,
                                           .place = sri_detect.place};
        sri_finding(
            "chain-cut", &about,
            "the last entry of a submission is linked to a next one, which can't be part of its chain any more");
    }
    ring->last_flags = 0;
    ring->overflow =
        event->cq_ready > ring->cq_entries && ring->cq_entries != 0 ? event->cq_ready - ring->cq_entries : 0;
}

void sri_queue_returned(const struct sri_watched_ring *ring, int fd, int result)
{
    if (result == -EEXIST && ring != NULL)
        sri_finding("wrong-thread", NULL,
                    "ring %d belongs to one thread (IORING_SETUP_SINGLE_ISSUER), and another one calls", fd);
}

static void tell_left(const struct sri_watched_ring *ring, bool whole_process)
{
    const struct sri_borrowed *first = NULL;
    const struct sri_borrowed *forgotten = NULL;
    uint32_t count = 0;
    for (const struct sri_borrowed *b = sri_detect.oldest; b != NULL; b = b->newer) {
        if (b->ring != ring->fd)
            continue;
        count++;
        if (b->closed && !b->cancelled)
            forgotten = b;
        if (first == NULL || (first->lending == SRI_LENDS_NOTHING && b->lending != SRI_LENDS_NOTHING))
            first = b;
    }
    if (first == NULL)
        return;
    if (forgotten != NULL) {
        sri_finding(
            "closed-in-flight", forgotten,
            "descriptor %d was closed while the operation was in flight, which ends nothing: it still is "
            "when %s",
            forgotten->fd, whole_process ? "the process ends" : "the ring is closed");
        return;
    }
    sri_finding(whole_process ? "exit-in-flight" : "queue-exit-in-flight", first,
                "%u operation%s still in flight when %s%s", count, count == 1 ? " is" : "s are",
                whole_process ? "the process ends" : "the ring is closed",
                first->lending != SRI_LENDS_NOTHING ? "; the kernel may go on using the memory of this one"
                                                    : "");
}

void sri_queue_exits(struct sri_watched_ring *ring, bool whole_process)
{
    if (ring->overflow > 0)
        sri_finding(
            "overflow-ignored", NULL,
            "%u completions of ring %d found no room in the CQ and were never asked for: they come only to an "
            "enter with IORING_ENTER_GETEVENTS",
            ring->overflow, ring->fd);
    tell_left(ring, whole_process);
    sri_buffers_exits(ring->fd);
}
