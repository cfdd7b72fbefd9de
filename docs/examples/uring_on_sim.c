/*
 * A unit test of code that is written against liburing, on the simulated kernel: 500 runs, each with its own luck. The code
 * does not change; the test opens its ring with sr_sim_queue_init() and is linked with safer_ring::uring_sim before liburing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <liburing.h>
#include <safer_ring/sim.h>
#include <safer_ring/uring_sim.h>

/* ---- What is tested: plain liburing. Reads a whole file; its length, or a negative errno. ---- */

static int submit_one(struct io_uring *ring)
{
    while (io_uring_sq_ready(ring) > 0) {
        int rc = io_uring_submit(ring);
        if (rc < 0 && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY)
            return rc;
    }
    return 0;
}

static int read_some(struct io_uring *ring, int fd, size_t offset, char *to, size_t size)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    struct io_uring_cqe *cqe;
    io_uring_prep_read(sqe, fd, to, (unsigned)size, offset);
    int rc = submit_one(ring);
    while (rc == 0 && (rc = io_uring_wait_cqe(ring, &cqe)) != 0) {
        if (rc == -EINTR || rc == -EAGAIN || rc == -EBUSY)
            rc = 0;
    }
    if (rc != 0)
        return rc;
    int moved = cqe->res;
    io_uring_cqe_seen(ring, cqe);
    return moved;
}

static int read_whole(struct io_uring *ring, int fd, char *text, size_t size)
{
    size_t length = 0;
    while (length < size) {
        int moved = read_some(ring, fd, length, text + length, size - length);
        if (moved == -EINTR || moved == -EAGAIN)
            continue;
        if (moved < 0)
            return moved;
        if (moved == 0)
            break;
        length += (size_t)moved;
    }
    return (int)length;
}

/* ---- The test. ---- */

static const char content[] = "Whatever the kernel does, these words come out in this order.";

#define CHECK(condition)                                            \
    do {                                                            \
        if (!(condition)) {                                         \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            abort();                                                \
        }                                                           \
    } while (0)

int main(void)
{
    unsigned whole = 0;
    unsigned refused = 0;
    SR_SIM_FOR_EACH_SEED (sim, 500) {
        struct io_uring ring;
        char text[100];
        int fd;
        CHECK(sr_sim_file(sim, "/words", content, sizeof content) == 0);
        CHECK(sr_sim_open(sim, "/words", O_RDONLY, &fd) == 0);
        int rc = sr_sim_queue_init(sim, 4, &ring, 0);
        if (rc != 0) { /* a kernel may refuse a ring */
            CHECK(rc == -EPERM || rc == -ENOSYS || rc == -ENOMEM);
            refused++;
            continue;
        }
        int length = read_whole(&ring, fd, text, sizeof text);
        io_uring_queue_exit(&ring);
        if (length == (int)sizeof content) {
            CHECK(memcmp(text, content, sizeof content) == 0);
            whole++;
        } else {
            CHECK(length < 0); /* an error, never a part taken for the whole */
        }
    }
    printf("%u of 500 runs read the whole file, %u were refused a ring, the others failed with an error\n",
           whole, refused);
    CHECK(whole > 100);
    return 0;
}
