/*
 * What a program closes and unmaps by its own system calls ends at once: a ring, with what was registered there; a descriptor
 * that is none; memory, of which the kernel knows nothing any more. Also in a thread that has blocked all signals.
 */
#include <signal.h>

#include "own_calls.h"
#include "program.h"

/* The other end of a pipe is told that the last descriptor of this one is gone. */
static void ends_soon(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    char byte;
    CHECK(poll(&one, 1, 10000) == 1);
    CHECK(read(fd, &byte, 1) == 0);
    close(fd);
}

/* Of a pipe's writing end the ring has the only descriptor. */
static int fill_ring(struct io_uring *ring)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK(io_uring_register_files(ring, ends, 2) == 0);
    close(ends[1]);
    return ends[0];
}

static void rings(void)
{
    struct io_uring ring;
    int number = -1;
    for (int round = 0; round < 4; round++) {
        open_ring(&ring, 4, 0);
        CHECK(number < 0 || ring.ring_fd == number);
        number = ring.ring_fd;
        int end = fill_ring(&ring);
        if (round % 2 == 0) {
            io_uring_queue_exit(&ring); /* liburing's own system calls, where it is linked inside */
        } else {
            CHECK(own_close(ring.ring_fd) == 0);
            CHECK(own_munmap(ring.sq.sqes, ring.sq.ring_entries * sizeof(struct io_uring_sqe)) == 0);
            CHECK(own_munmap(ring.sq.ring_ptr, ring.sq.ring_sz) == 0);
        }
        CHECK(own_close(number) == -1 && errno == EBADF);
        ends_soon(end);
    }
}

static void descriptors(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK(own_close(ends[1]) == 0);
    CHECK(own_close(ends[1]) == -1 && errno == EBADF);
    CHECK(own_close(-1) == -1 && errno == EBADF);
    ends_soon(ends[0]);
}

static int read_zeros(struct io_uring *ring, int fd, void *memory)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    io_uring_prep_read(sqe, fd, memory, 4096, 0);
    io_uring_sqe_set_data64(sqe, 1);
    submit_all(ring);
    return finish_one(ring);
}

static void memory(void)
{
    struct io_uring ring;
    int pipe_ends[2];
    static const char bytes[4096];
    open_ring(&ring, 4, 0);
    CHECK(pipe(pipe_ends) == 0);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    CHECK(write(pipe_ends[1], bytes, sizeof bytes) == sizeof bytes);
    CHECK(read_zeros(&ring, pipe_ends[0], page) > 0);
    CHECK(write(pipe_ends[1], bytes, sizeof bytes) == sizeof bytes);
    CHECK(own_munmap(page, 4096) == 0);
    CHECK(read_zeros(&ring, pipe_ends[0], page) == -EFAULT);
    CHECK(own_munmap((char *)page + 1, 4096) == -1 && errno == EINVAL);
    io_uring_queue_exit(&ring);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

int main(void)
{
    sigset_t all;
    sigset_t before;
    rings();
    descriptors();
    memory();
    CHECK(sigfillset(&all) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    rings();
    CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
    CHECK(sigprocmask(SIG_BLOCK, &all, NULL) == 0);
    rings();
    return 0;
}
