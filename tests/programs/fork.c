/*
 * A forked child opens a ring of its own and leaves its parent's alone; the parent goes on with its own. And a child of a
 * parent that had a ring, and has none any more. A child that has its parent's memory (vfork) closes its own descriptors only.
 */
#include <sys/wait.h>

#include "program.h"

static void nops(struct io_uring *ring, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
        CHECK(sqe != NULL);
        io_uring_prep_nop(sqe);
        io_uring_sqe_set_data64(sqe, i + 1);
        submit_all(ring);
        CHECK(finish_one(ring) == 0);
    }
}

static void child_behind_the_end(void)
{
    struct io_uring ring;
    int status = 0;
    open_ring(&ring, 4, 0);
    nops(&ring, 1);
    io_uring_queue_exit(&ring);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        open_ring(&ring, 4, 0);
        nops(&ring, 2);
        io_uring_queue_exit(&ring);
        exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void child_in_the_same_memory(struct io_uring *ring)
{
    int status = 0;
    pid_t child = vfork();
    CHECK(child >= 0);
    if (child == 0) {
        close(ring->ring_fd);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    nops(ring, 3);
}

int main(void)
{
    struct io_uring ring;
    struct io_uring own;
    int status = 0;
    child_behind_the_end();
    open_ring(&ring, 4, 0);
    nops(&ring, 3);
    CHECK(io_uring_ring_dontfork(&ring) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        open_ring(&own, 4, 0);
        nops(&own, 5);
        io_uring_queue_exit(&own);
        exit(0);
    }
    nops(&ring, 3);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    nops(&ring, 3);
    child_in_the_same_memory(&ring);
    io_uring_queue_exit(&ring);
    return 0;
}
