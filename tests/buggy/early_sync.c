/*
 * pattern: 22
 * bug: a log's write and the sync that is to make it last are submitted together, and nothing says that the sync comes after.
 * fix: links them, and does it again when the chain broke.
 * finding: order-assumed
 * policy: gentle
 */
#include "buggy.h"

static char entry[512];

static bool append(struct io_uring *ring, int fd, unsigned number)
{
    bool good = true;
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_write(sqe, fd, entry, sizeof entry, number * sizeof entry);
    io_uring_sqe_set_data64(sqe, 1);
#ifdef FIXED
    sqe->flags |= IOSQE_IO_LINK;
#endif
    sqe = io_uring_get_sqe(ring);
    io_uring_prep_fsync(sqe, fd, 0);
    io_uring_sqe_set_data64(sqe, 2);
    submit_all(ring); /* reported */
    for (int i = 0; i < 2; i++) {
        struct io_uring_cqe *cqe = next_cqe(ring);
        good = good && cqe->res == (cqe->user_data == 1 ? (int)sizeof entry : 0);
        io_uring_cqe_seen(ring, cqe);
    }
    return good;
}

int main(void)
{
    struct io_uring ring;
    int fd = make_file("", 0);
    open_ring(&ring, 8, 0);
    for (unsigned i = 0; i < 16; i++) {
        while (!append(&ring, fd, i))
            continue;
    }
    io_uring_queue_exit(&ring);
    close(fd);
    return 0;
}
