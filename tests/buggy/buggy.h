/*
 * What the programs of this folder share with those of ../programs, and the orderly end of an operation, which most of
 * their corrected forms need.
 */
#ifndef BUGGY_H
#define BUGGY_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "program.h"

/* The next entry; the queue is emptied when it is full. */
static inline struct io_uring_sqe *next_entry(struct io_uring *ring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    if (sqe == NULL) {
        submit_all(ring);
        sqe = io_uring_get_sqe(ring);
    }
    CHECK(sqe != NULL);
    return sqe;
}

/* Cancels what has this user_data, and comes back when its last completion was seen, whatever the cancel said. */
static inline int cancel_and_finish(struct io_uring *ring, void *data)
{
    struct io_uring_sqe *sqe = next_entry(ring);
    bool cancelled = false;
    bool finished = false;
    int result = 0;
    io_uring_prep_cancel(sqe, data, 0);
    io_uring_sqe_set_data(sqe, NULL);
    submit_all(ring);
    while (!cancelled || !finished) {
        struct io_uring_cqe *cqe = next_cqe(ring);
        if (io_uring_cqe_get_data(cqe) == data) {
            result = cqe->res;
            finished = (cqe->flags & IORING_CQE_F_MORE) == 0;
        } else {
            cancelled = true;
        }
        io_uring_cqe_seen(ring, cqe);
    }
    return result;
}

/* A file without a name that holds `length` bytes. */
static inline int make_file(const void *bytes, size_t length)
{
    char path[] = "/tmp/buggy.XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0 && unlink(path) == 0);
    CHECK(write(fd, bytes, length) == (ssize_t)length);
    return fd;
}

#endif
