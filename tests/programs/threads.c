/*
 * One thread waits for completions and another one submits, under a lock, as a database does it. And a ring that is closed while
 * a thread is in a wait on it: the wait has the ring still.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "program.h"

#define OPERATIONS 500

static struct io_uring ring;
static _Atomic pid_t waiting; /* the waiter's number, once it has begun */
static pthread_mutex_t submission = PTHREAD_MUTEX_INITIALIZER;
static char buffers[OPERATIONS][16];

static void *wait_for_all(void *argument)
{
    unsigned *count = argument;
    atomic_store(&waiting, (pid_t)syscall(SYS_gettid));
    while (*count < OPERATIONS) {
        struct io_uring_cqe *cqe = next_cqe(&ring);
        char *buffer = io_uring_cqe_get_data(cqe);
        CHECK(cqe->res == 16 || cqe->res == -EAGAIN || (cqe->res > 0 && cqe->res < 16));
        CHECK(cqe->res < 0 || buffer[0] == 'd');
        io_uring_cqe_seen(&ring, cqe);
        (*count)++;
    }
    return NULL;
}

static void until_waiting(void)
{
    pid_t thread;
    while ((thread = atomic_load(&waiting)) == 0)
        sched_yield();
    until_asleep(getpid(), thread);
    atomic_store(&waiting, 0);
}

static _Atomic bool got_it;

static void *wait_for_one(void *argument)
{
    (void)argument;
    atomic_store(&waiting, (pid_t)syscall(SYS_gettid));
    CHECK(next_cqe(&ring)->res == 1);
    atomic_store(&got_it, true);
    return NULL;
}

/* What it waits for is there, whether or not it knows that yet. */
static void close_under_waiter(struct io_uring *own)
{
    int ends[2];
    char byte;
    pthread_t waiter;
    CHECK(pipe(ends) == 0);
    open_ring(&ring, 4, 0);
    atomic_store(&got_it, false);
    io_uring_prep_read(io_uring_get_sqe(&ring), ends[0], &byte, 1, 0);
    submit_all(&ring);
    CHECK(pthread_create(&waiter, NULL, wait_for_one, NULL) == 0);
    until_waiting();
    CHECK(write(ends[1], "x", 1) == 1);
    while (io_uring_cq_ready(&ring) == 0 && !atomic_load(&got_it)) {
        io_uring_prep_nop(io_uring_get_sqe(own));
        submit_all(own);
        CHECK(finish_one(own) == 0);
    }
    CHECK(close(ring.ring_fd) == 0);
    CHECK(pthread_join(waiter, NULL) == 0);
    CHECK(munmap(ring.sq.sqes, ring.sq.ring_entries * sizeof(struct io_uring_sqe)) == 0);
    CHECK(munmap(ring.sq.ring_ptr, ring.sq.ring_sz) == 0);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    char path[] = "/tmp/program_threads.XXXXXX";
    int fd = mkstemp(path);
    unsigned count = 0;
    pthread_t waiter;
    CHECK(fd >= 0 && unlink(path) == 0 && write(fd, "dddddddddddddddd", 16) == 16);
    open_ring(&ring, 16, 0);
    CHECK(pthread_create(&waiter, NULL, wait_for_all, &count) == 0);
    until_waiting();
    for (unsigned i = 0; i < OPERATIONS; i++) {
        pthread_mutex_lock(&submission);
        struct io_uring_sqe *sqe;
        while ((sqe = io_uring_get_sqe(&ring)) == NULL)
            submit_all(&ring);
        io_uring_prep_read(sqe, fd, buffers[i], 16, 0);
        io_uring_sqe_set_data(sqe, buffers[i]);
        submit_all(&ring);
        pthread_mutex_unlock(&submission);
    }
    CHECK(pthread_join(waiter, NULL) == 0);
    io_uring_queue_exit(&ring);
    close(fd);
    struct io_uring own;
    open_ring(&own, 4, 0);
    for (int i = 0; i < 50; i++)
        close_under_waiter(&own);
    io_uring_queue_exit(&own);
    return 0;
}
