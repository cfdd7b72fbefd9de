/*
 * pattern: 7
 * bug: the record of a multishot poll is freed at its first completion, as that of any other request is; more come.
 * fix: frees it at the completion without IORING_CQE_F_MORE.
 * finding: record-freed
 */
#include <poll.h>
#include <sys/eventfd.h>

#include "buggy.h"

struct record {
    int fd;
    unsigned long long signals;
};

int main(void)
{
    struct io_uring ring;
    uint64_t one = 1;
    struct record *record = calloc(1, sizeof *record);
    CHECK(record != NULL);
    record->fd = eventfd(0, 0);
    open_ring(&ring, 8, 0);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_poll_multishot(sqe, record->fd, POLLIN);
    io_uring_sqe_set_data(sqe, record);
    submit_all(&ring); /* reported */
    CHECK(write(record->fd, &one, sizeof one) == sizeof one);
    struct io_uring_cqe *cqe = next_cqe(&ring);
    struct record *told = io_uring_cqe_get_data(cqe);
    bool more = (cqe->flags & IORING_CQE_F_MORE) != 0;
    told->signals++;
    io_uring_cqe_seen(&ring, cqe);
#ifdef FIXED
    if (more)
        cancel_and_finish(&ring, record);
    free(record);
#else
    (void)more;
    free(record);
    cancel_and_finish(&ring, told);
#endif
    io_uring_queue_exit(&ring);
    return 0;
}
