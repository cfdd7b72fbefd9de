/*
 * pattern: 32
 * bug: a ring that is opened for one thread alone is made in main() and used by the thread that main() starts for it.
 * fix: the thread opens its ring itself.
 * finding: wrong-thread
 */
#include <pthread.h>

#include "buggy.h"

#define ONE_THREAD (1U << 12) /* IORING_SETUP_SINGLE_ISSUER, newer than some headers */

struct io_uring ring;

static void *serve(void *argument)
{
#ifdef FIXED
    open_ring(&ring, 8, ONE_THREAD);
#endif
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    io_uring_prep_nop(sqe);
    int rc;
    do {
        rc = io_uring_submit(&ring); /* reported */
    } while (rc == 0 || rc == -EINTR || rc == -EAGAIN);
    if (rc == 1)
        finish_one(&ring);
#ifdef FIXED
    io_uring_queue_exit(&ring);
#endif
    return argument;
}

int main(void)
{
    pthread_t thread;
#ifndef FIXED
    open_ring(&ring, 8, ONE_THREAD);
#endif
    CHECK(pthread_create(&thread, NULL, serve, NULL) == 0);
    pthread_join(thread, NULL);
#ifndef FIXED
    io_uring_queue_exit(&ring);
#endif
    return 0;
}
