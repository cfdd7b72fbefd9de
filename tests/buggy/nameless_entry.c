/*
 * pattern: 10
 * bug: a sync is submitted without user_data, since nobody wants to know of it; its entry still holds the pointer to the
 *      write that used it before, whose record is told of an end a second time.
 * fix: sets it, to nothing.
 * finding: user-data-not-set
 */
#include "buggy.h"

struct record {
    char bytes[128];
    int ends;
};

int main(void)
{
    struct io_uring ring;
    struct record record = {.ends = 0};
    int fd = make_file("", 0);
    memset(record.bytes, 'x', sizeof record.bytes);
    open_ring(&ring, 1, 0);
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_write(sqe, fd, record.bytes, sizeof record.bytes, 0);
    io_uring_sqe_set_data(sqe, &record);
    submit_all(&ring);
    finish_one(&ring);
    sqe = io_uring_get_sqe(&ring);
    io_uring_prep_fsync(sqe, fd, 0);
#ifdef FIXED
    io_uring_sqe_set_data(sqe, NULL);
#endif
    submit_all(&ring); /* reported */
    struct io_uring_cqe *cqe = next_cqe(&ring);
    struct record *told = io_uring_cqe_get_data(cqe);
    if (told != NULL)
        told->ends++;
    io_uring_cqe_seen(&ring, cqe);
    io_uring_queue_exit(&ring);
    close(fd);
    return 0;
}
