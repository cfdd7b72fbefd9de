/*
 * pattern: 33
 * bug: two threads put their requests into one queue, each believing that a ring is safe for that.
 * fix: a lock around preparing and submitting.
 * finding: concurrent-use
 * tries: 20
 */
#include <pthread.h>

#include "buggy.h"

#define REQUESTS 50

static struct io_uring ring;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static pthread_barrier_t start;

static void *request(void *argument)
{
    pthread_barrier_wait(&start);
    for (unsigned i = 0; i < REQUESTS; i++) {
#ifdef FIXED
        pthread_mutex_lock(&lock);
        struct io_uring_sqe *sqe = next_entry(&ring);
        io_uring_prep_nop(sqe);
        io_uring_sqe_set_data64(sqe, i);
        submit_all(&ring);
        pthread_mutex_unlock(&lock);
#else
        struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
        if (sqe != NULL)
            io_uring_prep_nop(sqe);
        io_uring_submit(&ring); /* reported */
#endif
    }
    return argument;
}

int main(void)
{
    pthread_t threads[2];
    struct io_uring_cqe *cqe;
    (void)lock;
    pthread_barrier_init(&start, NULL, 2);
    open_ring(&ring, 1024, 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, request, NULL) == 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
#ifdef FIXED
    for (int i = 0; i < 2 * REQUESTS; i++)
        finish_one(&ring);
#endif
    io_uring_get_events(&ring);
    while (io_uring_peek_cqe(&ring, &cqe) == 0)
        io_uring_cqe_seen(&ring, cqe);
    io_uring_queue_exit(&ring);
    return 0;
}
