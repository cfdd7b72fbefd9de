/*
 * pattern: 26
 * bug: the loop looks at the completion queue's memory alone; what found no room there stays in the kernel, which gives it
 *      only to who asks.
 * fix: asks, when the queue says that something overflowed.
 * finding: overflow-ignored
 */
#include "buggy.h"

#define REQUESTS 40u

static unsigned reap(struct io_uring *ring)
{
    struct io_uring_cqe *cqe;
    unsigned head;
    unsigned count = 0;
#ifdef FIXED
    if (io_uring_cq_ready(ring) == 0 || io_uring_cq_has_overflow(ring))
        io_uring_get_events(ring);
#endif
    io_uring_for_each_cqe(ring, head, cqe) count++;
    io_uring_cq_advance(ring, count);
    return count;
}

int main(void)
{
    struct io_uring ring;
    unsigned done = 0;
    open_ring(&ring, 8, 0);
    for (unsigned i = 0; i < REQUESTS; i++) {
        io_uring_prep_nop(next_entry(&ring));
        if (io_uring_sq_space_left(&ring) == 0)
            submit_all(&ring);
    }
    submit_all(&ring);
    for (unsigned looks = 0; done < REQUESTS && looks < 100000; looks++)
        done += reap(&ring);
#ifdef FIXED
    CHECK(done == REQUESTS);
#endif
    io_uring_queue_exit(&ring); /* reported */
    return 0;
}
