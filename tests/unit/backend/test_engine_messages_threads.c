/*
 * The fallback: rings of two threads that send each other messages, and a thread that cancels from outside.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "backend/engine_backend.h"
#include "support/main.h"
#include "support/raw_ring.h"

#define SECOND UINT64_C(1000000000)
#define DEFERRED (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
#define MESSAGES 200

struct sender {
    struct sr_backend backend;
    int target;
    unsigned count;
    int failed; /* assertions don't reach cmocka from another thread */
};

static int send_one(struct raw_ring *ring, int target, uint64_t data)
{
    struct io_uring_cqe cqe = {0};
    struct io_uring_sqe *sqe = raw_ring_sqe(ring, 1);
    if (sqe == NULL)
        return -ENOBUFS;
    io_uring_prep_msg_ring(sqe, target, 7, data, 0);
    sqe->user_data = 1;
    int rc = raw_ring_submit_and_wait_for(ring, 1, 10 * SECOND);
    return rc == 1 && raw_ring_take(ring, &cqe) ? cqe.res : -EIO;
}

/* A ring of the thread's own, from which it sends 0, 1, 2, … to the target. */
static void *send_all(void *argument)
{
    struct sender *sender = argument;
    struct raw_ring ring;
    sender->failed = raw_ring_open(&ring, sender->backend, 4, IORING_SETUP_SINGLE_ISSUER);
    if (sender->failed != 0)
        return NULL;
    for (uint64_t i = 0; i < sender->count && sender->failed == 0; i++)
        sender->failed = send_one(&ring, sender->target, i);
    raw_ring_close(&ring);
    return NULL;
}

static uint64_t wait_for_one(struct raw_ring *ring)
{
    struct io_uring_cqe cqe = {0};
    int rc;
    do
        rc = raw_ring_wait(ring, 1, 10 * SECOND);
    while (rc == -EINTR);
    assert_int_equal(rc, 0);
    assert_true(raw_ring_take(ring, &cqe));
    assert_int_equal(cqe.res, 7);
    return cqe.user_data;
}

/* Every message arrives once and in order, and ends a wait of the other thread, whether that defers its work or not. */
static void messages_end_the_waits_of_another_thread(void **state)
{
    (void)state;
    static const unsigned flags[] = {0, DEFERRED};
    for (size_t i = 0; i < 2; i++) {
        struct sender sender = {.count = MESSAGES};
        struct raw_ring ring;
        pthread_t thread;
        assert_int_equal(sri_engine_host_backend(&sender.backend), 0);
        assert_int_equal(raw_ring_open(&ring, sender.backend, 4, flags[i]), 0);
        sender.target = ring.fd;
        assert_int_equal(pthread_create(&thread, NULL, send_all, &sender), 0);

        for (uint64_t n = 0; n < MESSAGES; n++)
            assert_int_equal(wait_for_one(&ring), n);

        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(sender.failed, 0);
        raw_ring_close(&ring);
        sender.backend.vtable->release(sender.backend.self);
    }
}

struct canceller {
    struct sr_backend backend;
    int ring;
    int rc;
};

static void *cancel_it(void *argument)
{
    struct canceller *canceller = argument;
    struct io_uring_sync_cancel_reg reg = {.addr = 9, .fd = -1, .timeout = {.tv_sec = -1, .tv_nsec = -1}};
    canceller->rc = canceller->backend.vtable->register_(canceller->backend.self, canceller->ring,
                                                         IORING_REGISTER_SYNC_CANCEL, &reg, 1);
    return NULL;
}

/* What a thread waits for is cancelled by another, which ends the wait. */
static void a_sync_cancel_of_another_thread_ends_a_wait(void **state)
{
    (void)state;
    struct canceller canceller = {.rc = 1};
    struct raw_ring ring;
    struct io_uring_cqe cqe;
    pthread_t thread;
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(sri_engine_host_backend(&canceller.backend), 0);
    assert_int_equal(raw_ring_open(&ring, canceller.backend, 4, 0), 0);
    canceller.ring = ring.fd;
    io_uring_prep_read(raw_ring_sqe(&ring, 0), ends[0], &byte, 1, 0);
    ring.ring.sq.sqes[0].user_data = 9;
    assert_int_equal(raw_ring_submit(&ring), 1);
    assert_int_equal(pthread_create(&thread, NULL, cancel_it, &canceller), 0);

    int rc;
    do
        rc = raw_ring_wait(&ring, 1, 10 * SECOND);
    while (rc == -EINTR);

    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(canceller.rc, 0);
    assert_int_equal(rc, 0);
    assert_true(raw_ring_take(&ring, &cqe));
    assert_int_equal(cqe.user_data, 9);
    assert_int_equal(cqe.res, -ECANCELED);
    raw_ring_close(&ring);
    canceller.backend.vtable->release(canceller.backend.self);
    close(ends[0]);
    close(ends[1]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(messages_end_the_waits_of_another_thread),
    cmocka_unit_test(a_sync_cancel_of_another_thread_ends_a_wait),
};

SR_TEST_MAIN(tests)
