/*
 * The fallback from several threads: whoever sleeps in an enter is woken by another's submission, wake or write.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backend/engine_backend.h"
#include "support/main.h"
#include "support/raw_ring.h"

#define SECOND UINT64_C(1000000000)

struct fixture {
    struct sr_backend backend;
    struct raw_ring ring;
};

static void begin(struct fixture *f, unsigned flags)
{
    assert_int_equal(sri_engine_host_backend(&f->backend), 0);
    assert_int_equal(raw_ring_open(&f->ring, f->backend, 8, flags), 0);
}

static void end(struct fixture *f)
{
    raw_ring_close(&f->ring);
    f->backend.vtable->release(f->backend.self);
}

static int wait_for_one(struct fixture *f)
{
    int rc;
    do
        rc = raw_ring_wait(&f->ring, 1, 10 * SECOND);
    while (rc == -EINTR);
    return rc;
}

struct helper {
    struct fixture *f;
    int fd;
    int rc;
};

static void *wake_it(void *argument)
{
    struct helper *helper = argument;
    helper->rc = helper->f->backend.vtable->wake(helper->f->backend.self, helper->f->ring.fd, 77);
    return NULL;
}

static void *submit_it(void *argument)
{
    struct helper *helper = argument;
    raw_ring_sqe(&helper->f->ring, 78);
    helper->rc = raw_ring_submit(&helper->f->ring);
    return NULL;
}

static void *write_it(void *argument)
{
    struct helper *helper = argument;
    helper->rc = (int)write(helper->fd, "x", 1);
    return NULL;
}

static pthread_t start(void *(*run)(void *argument), struct helper *helper)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run, helper), 0);
    return thread;
}

/* A wake from another thread ends a wait, in a default ring and in one that defers its work. */
static void a_wake_ends_a_wait(void **state)
{
    (void)state;
    static const unsigned flags[] = {0, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        begin(&f, flags[i]);
        struct helper helper = {.f = &f};
        pthread_t thread = start(wake_it, &helper);

        int rc = wait_for_one(&f);

        pthread_join(thread, NULL);
        struct io_uring_cqe cqe;
        assert_int_equal(rc, 0);
        assert_int_equal(helper.rc, 0);
        assert_true(raw_ring_take(&f.ring, &cqe));
        assert_int_equal(cqe.user_data, 77);
        end(&f);
    }
}

/* What another thread submits completes in the wait of this one. */
static void a_submission_ends_anothers_wait(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0);
    struct helper helper = {.f = &f};
    pthread_t thread = start(submit_it, &helper);

    int rc = wait_for_one(&f);

    pthread_join(thread, NULL);
    struct io_uring_cqe cqe;
    assert_int_equal(rc, 0);
    assert_int_equal(helper.rc, 1);
    assert_true(raw_ring_take(&f.ring, &cqe));
    assert_int_equal(cqe.user_data, 78);
    end(&f);
}

/* An object that becomes ready while the thread sleeps completes its operation. */
static void a_write_ends_a_wait(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0);
    int ends[2];
    char byte = 0;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    io_uring_prep_read(raw_ring_sqe(&f.ring, 1), ends[0], &byte, 1, 0);
    assert_int_equal(raw_ring_submit(&f.ring), 1);
    struct helper helper = {.fd = ends[1]};
    pthread_t thread = start(write_it, &helper);

    int rc = wait_for_one(&f);

    pthread_join(thread, NULL);
    struct io_uring_cqe cqe;
    assert_int_equal(rc, 0);
    assert_true(raw_ring_take(&f.ring, &cqe));
    assert_int_equal(cqe.res, 1);
    assert_int_equal(byte, 'x');
    close(ends[0]);
    close(ends[1]);
    end(&f);
}

struct reader {
    struct sr_backend backend;
    int fd;
    int rc;
    char byte;
};

static void *read_in_a_ring_of_its_own(void *argument)
{
    struct reader *reader = argument;
    struct raw_ring ring;
    reader->rc = raw_ring_open(&ring, reader->backend, 4, 0);
    if (reader->rc != 0)
        return NULL;
    io_uring_prep_read(raw_ring_sqe(&ring, 1), reader->fd, &reader->byte, 1, 0);
    do
        reader->rc = raw_ring_submit_and_wait_for(&ring, 1, 10 * SECOND);
    while (reader->rc == -EINTR);
    struct io_uring_cqe cqe;
    if (reader->rc == 1 && raw_ring_wait(&ring, 1, 10 * SECOND) == 0 && raw_ring_take(&ring, &cqe))
        reader->rc = cqe.res;
    else
        reader->rc = -ENODATA;
    raw_ring_close(&ring);
    return NULL;
}

/* Two rings of one kernel sleep in two threads: whichever of them is told of an event, both get their own. */
static void two_rings_in_two_threads_each_get_their_own(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0);
    int ends[2][2];
    struct reader readers[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe2(ends[i], O_CLOEXEC), 0);
        readers[i] = (struct reader){.backend = f.backend, .fd = ends[i][0]};
        assert_int_equal(pthread_create(&threads[i], NULL, read_in_a_ring_of_its_own, &readers[i]), 0);
    }

    assert_int_equal(write(ends[1][1], "b", 1), 1);
    assert_int_equal(write(ends[0][1], "a", 1), 1);

    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(readers[i].rc, 1);
        assert_int_equal(readers[i].byte, 'a' + i);
        close(ends[i][0]);
        close(ends[i][1]);
    }
    end(&f);
}

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, timeout_ms) == 1;
}

/* A program that sleeps on the ring's descriptor, and not in an enter, is woken by another's wake. */
static void a_wake_is_seen_by_who_polls(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, 0);
    int fd = f.backend.vtable->pollable_fd(f.backend.self, f.ring.fd);
    assert_true(fd >= 0);
    assert_false(is_readable(fd, 0));
    struct helper helper = {.f = &f};
    pthread_t thread = start(wake_it, &helper);

    bool readable = is_readable(fd, 10000);

    pthread_join(thread, NULL);
    struct io_uring_cqe cqe;
    assert_true(readable);
    assert_int_equal(raw_ring_get_events(&f.ring), 0);
    assert_true(raw_ring_take(&f.ring, &cqe));
    assert_int_equal(raw_ring_get_events(&f.ring), 0);
    assert_false(is_readable(fd, 0));
    end(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_wake_ends_a_wait),
    cmocka_unit_test(a_submission_ends_anothers_wait),
    cmocka_unit_test(a_write_ends_a_wait),
    cmocka_unit_test(two_rings_in_two_threads_each_get_their_own),
    cmocka_unit_test(a_wake_is_seen_by_who_polls),
};

SR_TEST_MAIN(tests)
