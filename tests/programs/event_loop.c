/*
 * The ring's descriptor in an event loop: it is readable when there is a completion, and only then; and a program asleep in
 * epoll_wait wakes up when another thread makes what its operation waits for ready. The same with an eventfd that the ring
 * signals, in a read of it; also of a ring whose completions are made when they are asked for. A program that looks at the CQ's
 * memory alone after each sleep finds there what woke it. And a ring that asked for
 * IORING_SQ_TASKRUN has it clear while nothing is left to do but to look at the CQ.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "program.h"

static void *write_later(void *argument)
{
    int fd = *(int *)argument;
    until_asleep(getpid(), getpid()); /* main() waits by now */
    CHECK(write(fd, "x", 1) == 1);
    return NULL;
}

static bool is_readable(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, 0) == 1 && (one.revents & POLLIN) != 0;
}

static void by_eventfd(unsigned flags)
{
    struct io_uring ring;
    int pipe_ends[2];
    pthread_t thread;
    char byte;
    uint64_t signals;
    open_ring(&ring, 8, flags);
    CHECK(pipe(pipe_ends) == 0);
    int told = eventfd(0, 0);
    int rc = io_uring_register_eventfd(&ring, told);
    CHECK(rc == 0 || rc == -ENOMEM || rc == -EINVAL);
    for (int round = 0; rc == 0 && round < 3; round++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
        io_uring_prep_read(sqe, pipe_ends[0], &byte, 1, 0);
        io_uring_sqe_set_data64(sqe, 9);
        submit_all(&ring);
        CHECK(pthread_create(&thread, NULL, write_later, &pipe_ends[1]) == 0);
        CHECK(read(told, &signals, sizeof signals) == sizeof signals);
        CHECK(finish_one(&ring) == 1);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    io_uring_queue_exit(&ring);
    close(told);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

/* What poll() is in a program that was built with _FORTIFY_SOURCE. */
int __poll_chk(struct pollfd *all, nfds_t count, int time_ms, size_t size);

static bool is_readable_fortified(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN, .revents = 0};
    return __poll_chk(&one, 1, 0, sizeof one) == 1;
}

static bool has_work(const struct io_uring *ring)
{
    return (__atomic_load_n(ring->sq.kflags, __ATOMIC_ACQUIRE) & IORING_SQ_TASKRUN) != 0;
}

static void with_flag(unsigned flags)
{
    struct io_uring ring;
    struct io_uring_cqe *cqe;
    int pipe_ends[2];
    char byte;
    open_ring(&ring, 8, flags | IORING_SETUP_TASKRUN_FLAG);
    CHECK(pipe(pipe_ends) == 0);
    for (int round = 0; round < 3; round++) {
        io_uring_prep_read(io_uring_get_sqe(&ring), pipe_ends[0], &byte, 1, 0);
        submit_all(&ring);
        CHECK(io_uring_cq_ready(&ring) == 0);
        CHECK(write(pipe_ends[1], "x", 1) == 1);
        cqe = next_cqe(&ring);
        CHECK(cqe->res == 1 && is_readable(ring.ring_fd) && !has_work(&ring));
        io_uring_cqe_seen(&ring, cqe);
        CHECK(io_uring_peek_cqe(&ring, &cqe) == -EAGAIN);
        CHECK(!(round == 1 ? is_readable_fortified(ring.ring_fd) : is_readable(ring.ring_fd)) &&
              !has_work(&ring));
    }
    io_uring_queue_exit(&ring);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

/*
 * The CQ's memory alone is looked at after each sleep, as event loops do that have no use for a call. `strictly`: no sleep ends
 * without a completion, as long as nothing goes wrong.
 */
#ifndef PROGRAM_LINKED
static void by_memory(unsigned flags, bool strictly)
{
    struct io_uring ring;
    struct epoll_event event = {.events = EPOLLIN};
    struct epoll_event got;
    struct io_uring_cqe *cqe;
    int pipe_ends[2];
    pthread_t thread;
    char byte;
    if ((flags & IORING_SETUP_SQPOLL) != 0 && io_uring_queue_init(8, &ring, flags) == 0)
        io_uring_queue_exit(&ring);
    else if ((flags & IORING_SETUP_SQPOLL) != 0)
        return; /* a privilege on old kernels */
    open_ring(&ring, 8, flags);
    CHECK(pipe(pipe_ends) == 0);
    int loop = epoll_create1(0);
    CHECK(loop >= 0 && epoll_ctl(loop, EPOLL_CTL_ADD, ring.ring_fd, &event) == 0);
    for (int round = 0; round < 5; round++) {
        io_uring_prep_read(io_uring_get_sqe(&ring), pipe_ends[0], &byte, 1, 0);
        io_uring_prep_nop(io_uring_get_sqe(&ring));
        submit_all(&ring);
        CHECK(pthread_create(&thread, NULL, write_later, &pipe_ends[1]) == 0);
        unsigned seen = 0;
        for (int looks = 0; seen < 2 && looks < 1000; looks++) {
            CHECK(epoll_wait(loop, &got, 1, 10000) == 1 || errno == EINTR);
            unsigned head;
            unsigned count = 0;
            io_uring_for_each_cqe(&ring, head, cqe) count++;
            io_uring_cq_advance(&ring, count);
            seen += count;
            CHECK(count > 0 || !strictly);
        }
        CHECK(seen == 2);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    io_uring_queue_exit(&ring);
    close(loop);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}
#endif

int main(int count, char **arguments)
{
    bool strictly = count > 1; /* told so where nothing goes wrong */
    struct io_uring ring;
    struct epoll_event event = {.events = EPOLLIN};
    int pipe_ends[2];
    pthread_t thread;
    char byte[16];
    (void)arguments;
    (void)strictly;
    /* It is the watcher that sees a poll; and before any thread attends to an eventfd. */
#ifndef PROGRAM_LINKED
    by_memory(0, strictly);
    by_memory(IORING_SETUP_SQPOLL, strictly);
#endif
    open_ring(&ring, 8, 0);
    CHECK(pipe(pipe_ends) == 0);
    int loop = epoll_create1(0);
    CHECK(loop >= 0 && epoll_ctl(loop, EPOLL_CTL_ADD, ring.ring_fd, &event) == 0);
    CHECK(!is_readable(ring.ring_fd));

    for (int round = 0; round < 5; round++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
        io_uring_prep_read(sqe, pipe_ends[0], byte, sizeof byte, 0);
        io_uring_sqe_set_data64(sqe, 7);
        submit_all(&ring);
        CHECK(pthread_create(&thread, NULL, write_later, &pipe_ends[1]) == 0);
        struct io_uring_cqe *cqe = NULL;
        while (io_uring_peek_cqe(&ring, &cqe) != 0) {
            struct epoll_event got;
            int ready = epoll_wait(loop, &got, 1, 10000);
            CHECK(ready == 1 || (ready < 0 && errno == EINTR));
        }
        CHECK(cqe->user_data == 7 && cqe->res == 1 && byte[0] == 'x');
        io_uring_cqe_seen(&ring, cqe);
        CHECK(pthread_join(thread, NULL) == 0);
        /* Once more around the loop, as event loops do: nothing is left. */
        CHECK(io_uring_peek_cqe(&ring, &cqe) == -EAGAIN);
        CHECK(!is_readable(ring.ring_fd));
    }
    io_uring_queue_exit(&ring);
    by_eventfd(0);
    by_eventfd(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    with_flag(IORING_SETUP_COOP_TASKRUN);
    with_flag(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    return 0;
}
