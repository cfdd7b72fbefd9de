/*
 * Detector of entries without user_data. An entry is used again and again, and nothing clears it: whoever does not set its
 * user_data submits that of the operation before. So a consumed entry's is replaced by a mark, and found again by it; before
 * the kernel sees the mark, the value is put back.
 *
 * Only where the value before was a pointer or as large: programs that give no names, or small numbers, mean nothing by it.
 */
#include "base/alloc.h"
#include "run/detect.h"

#define LARGEST_TAG 4095u
#define MARK UINT64_C(0x5ae2a9d37ab50000)

/* Entries of one length, taken by nobody else. */
static bool can_mark(const struct sri_watched_ring *ring)
{
    return ring->ring != NULL && ring->ring->sq.khead == ring->khead && ring->ring->ring_fd == ring->fd &&
           (ring->ring->flags & (IORING_SETUP_SQE128 | IORING_SETUP_SQPOLL)) == 0 &&
           ring->ring->sq.ring_entries <= UINT16_MAX;
}

static struct io_uring_sqe *entry_at(const struct io_uring_sq *sq, unsigned position, unsigned *index)
{
    *index = sq->array[position & sq->ring_mask] & sq->ring_mask;
    return &sq->sqes[*index];
}

/* At the end of an enter, before the program can use the entries again. */
void sri_stale_left(struct sri_watched_ring *ring)
{
    if (!can_mark(ring))
        return;
    const struct io_uring_sq *sq = &ring->ring->sq;
    unsigned head = __atomic_load_n(ring->khead, __ATOMIC_ACQUIRE);
    if (ring->stale == NULL)
        ring->stale = sri_alloc_zero(sq->ring_entries, sizeof *ring->stale);
    if (ring->stale == NULL)
        return;
    if (head - ring->stale_from > sq->ring_entries)
        ring->stale_from = head - sq->ring_entries;
    for (; ring->stale_from != head; ring->stale_from++) {
        unsigned index;
        struct io_uring_sqe *sqe = entry_at(sq, ring->stale_from, &index);
        if (sqe->user_data <= LARGEST_TAG || sqe->user_data == (MARK | index))
            continue;
        ring->stale[index] = sqe->user_data;
        sqe->user_data = MARK | index;
    }
}

void sri_stale_enters(struct sri_watched_ring *ring)
{
    if (ring->stale == NULL || !can_mark(ring))
        return;
    const struct io_uring_sq *sq = &ring->ring->sq;
    unsigned tail = *sq->ktail;
    unsigned head = __atomic_load_n(ring->khead, __ATOMIC_ACQUIRE);
    for (; head != tail; head++) {
        unsigned index;
        struct io_uring_sqe *sqe = entry_at(sq, head, &index);
        if (sqe->user_data != (MARK | index))
            continue;
        sqe->user_data = ring->stale[index];
        struct sri_borrowed about = sri_entry_about(ring, sqe);
        sri_finding(
            "user-data-not-set", &about,
            "the entry's user_data was not set: it is that of the operation that used the entry before");
    }
}

void sri_stale_forget(struct sri_watched_ring *ring)
{
    sri_free(ring->stale);
    ring->stale = NULL;
}
