/*
 * A ring whose descriptor has a high number, since the program has thousands of files open; and hundreds of polls that go on
 * under a limit that leaves room for one descriptor each.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include "program.h"

#define FILES 4300
#define POLLS 100
#define SPARE 40

static int ends[POLLS][2];

/* Each has its last completion before the ring is closed, however often that takes. */
static void end_all(struct io_uring *ring)
{
    unsigned left = POLLS + 1;
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_cancel(sqe, NULL, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
    io_uring_sqe_set_data64(sqe, POLLS);
    submit_all(ring);
    while (left > 0) {
        struct io_uring_cqe *cqe = next_cqe(ring);
        left -= (cqe->flags & IORING_CQE_F_MORE) == 0;
        io_uring_cqe_seen(ring, cqe);
    }
}

int main(void)
{
    struct io_uring ring;
    struct rlimit limit;
    int last = -1;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_max < FILES + 3 * POLLS + SPARE)
        return SKIPPED;
    limit.rlim_cur = FILES + 3 * POLLS + SPARE;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    int first = open("/dev/null", O_RDWR);
    CHECK(first >= 0);
    while (last < FILES)
        CHECK((last = dup(first)) >= 0);

    open_ring(&ring, 64, 0);
    CHECK(ring.ring_fd > FILES);
    for (int i = 0; i < POLLS; i++) {
        CHECK(pipe(ends[i]) == 0);
        struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
        io_uring_prep_poll_multishot(sqe, ends[i][0], POLLIN);
        io_uring_sqe_set_data64(sqe, (unsigned)i);
        submit_all(&ring);
    }
    for (int i = 0; i < POLLS; i += 7) {
        CHECK(write(ends[i][1], "x", 1) == 1);
        struct io_uring_cqe *cqe = next_cqe(&ring);
        CHECK(cqe->user_data == (unsigned)i && cqe->res > 0 && (cqe->res & POLLIN) != 0);
        io_uring_cqe_seen(&ring, cqe);
    }
    end_all(&ring);
    io_uring_queue_exit(&ring);
    return 0;
}
