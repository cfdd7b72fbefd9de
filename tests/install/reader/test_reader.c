#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <safer_ring/sim.h>
#include <safer_ring/uring_sim.h>
#include <stdio.h>

/* The code under test: it takes the first count for the whole file. */
static int read_file(struct io_uring *ring, int fd, char *text, unsigned size, unsigned offset)
{
    struct io_uring_cqe *cqe;
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_read(sqe, fd, text, size, offset);
    int rc = io_uring_submit(ring);
    if (rc == 1)
        rc = io_uring_wait_cqe(ring, &cqe);
    if (rc != 0)
        return rc < 0 ? rc : -EIO;
    rc = cqe->res;
    io_uring_cqe_seen(ring, cqe);
    return rc;
}

/* And mended: it reads until there is no more. */
static int read_all(struct io_uring *ring, int fd, char *text, unsigned size)
{
    unsigned length = 0;
    int rc;
    while ((rc = read_file(ring, fd, text + length, size - length, length)) > 0)
        length += (unsigned)rc;
    return rc < 0 ? rc : (int)length;
}

static unsigned count_wrong(int mended)
{
    unsigned wrong = 0;
    SR_SIM_FOR_EACH_SEED (sim, 500) {
        struct io_uring ring;
        char text[64];
        int fd;
        assert(sr_sim_file(sim, "/words", "forty-two", 9) == 0);
        assert(sr_sim_open(sim, "/words", O_RDONLY, &fd) == 0);
        if (sr_sim_queue_init(sim, 4, &ring, 0) != 0)
            continue;
        int length =
            mended ? read_all(&ring, fd, text, sizeof text) : read_file(&ring, fd, text, sizeof text, 0);
        if (length >= 0 && length != 9)
            wrong++;
        io_uring_queue_exit(&ring);
    }
    return wrong;
}

int main(void)
{
    unsigned wrong = count_wrong(0);
    unsigned mended = count_wrong(1);
    printf("a part was taken for the whole in %u of 500 runs, and once mended in %u\n", wrong, mended);
    return wrong == 0 || mended > 0;
}
