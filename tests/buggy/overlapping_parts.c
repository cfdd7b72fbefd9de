/*
 * pattern: 3
 * bug: a file is read in parts, each a header longer than the distance between two of them, so that neighbours overlap.
 * fix: the parts lie side by side.
 * finding: overlapping-loans
 * policy: gentle
 */
#include "buggy.h"

#define PART 1000u
#define PARTS 4u

int main(void)
{
    static char whole[PARTS * PART + 64];
    struct io_uring ring;
    int fd = make_file(whole, sizeof whole);
#ifdef FIXED
    unsigned length = PART;
#else
    unsigned length = PART + 16;
#endif
    open_ring(&ring, 8, 0);
    for (unsigned i = 0; i < PARTS; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
        io_uring_prep_read(sqe, fd, whole + i * PART, length, i * PART);
        io_uring_sqe_set_data64(sqe, i);
    }
    submit_all(&ring); /* reported */
    for (unsigned done = 0; done < PARTS;) {
        struct io_uring_cqe *cqe = next_cqe(&ring);
        unsigned part = (unsigned)cqe->user_data & 0xff;
        unsigned have = (unsigned)(cqe->user_data >> 8) + (unsigned)cqe->res;
        CHECK(cqe->res > 0);
        io_uring_cqe_seen(&ring, cqe);
        if (have >= length) {
            done++;
            continue;
        }
        struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
        io_uring_prep_read(sqe, fd, whole + part * PART + have, length - have, part * PART + have);
        io_uring_sqe_set_data64(sqe, part | have << 8);
        submit_all(&ring);
    }
    io_uring_queue_exit(&ring);
    close(fd);
    return 0;
}
