/*
 * One thread waits for completions and another one submits, under a lock, as a database does it.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
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

int main(void)
{
    char path[] = "/tmp/program_threads.XXXXXX";
    int fd = mkstemp(path);
    unsigned count = 0;
    pthread_t waiter;
    CHECK(fd >= 0 && unlink(path) == 0 && write(fd, "dddddddddddddddd", 16) == 16);
    open_ring(&ring, 16, 0);
    CHECK(pthread_create(&waiter, NULL, wait_for_all, &count) == 0);
    pid_t thread;
    while ((thread = atomic_load(&waiting)) == 0)
        sched_yield();
    until_asleep(thread);
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
    return 0;
}
