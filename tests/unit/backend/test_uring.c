/*
 * The true kernel behind backend.h: what is special to it. What io_uring answers is the matter of tests/conformance.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/uring.h"
#include "support/main.h"
#include "support/raw_ring.h"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#define SECOND UINT64_C(1000000000)
#define DEFERRED (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

struct fixture {
    struct sr_backend backend;
    struct raw_ring ring;
};

static void open_ring(struct fixture *f, unsigned flags)
{
    assert_int_equal(sri_uring_backend(&f->backend), 0);
    if (raw_ring_open(&f->ring, f->backend, 4, flags) != 0) {
        f->backend.vtable->release(f->backend.self);
        skip();
    }
}

static void close_ring(struct fixture *f)
{
    raw_ring_close(&f->ring);
    f->backend.vtable->release(f->backend.self);
}

static int wake(struct fixture *f, uint64_t user_data)
{
    return f->backend.vtable->wake(f->backend.self, f->ring.fd, user_data);
}

static int pollable(struct fixture *f)
{
    return f->backend.vtable->pollable_fd(f->backend.self, f->ring.fd);
}

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, timeout_ms) == 1;
}

struct waker {
    struct fixture *f;
    int rc;
};

static void *wake_from_elsewhere(void *argument)
{
    struct waker *waker = argument;
    waker->rc = wake(waker->f, 77);
    return NULL;
}

/* valgrind 3.19 lets no other thread run while one is in io_uring_enter. */
static void a_wait_is_ended_by_wake(unsigned flags)
{
    if (RUNNING_ON_VALGRIND)
        skip();
    struct fixture f;
    open_ring(&f, flags);
    struct waker waker = {&f, -1};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake_from_elsewhere, &waker), 0);

    int waited;
    do
        waited = raw_ring_wait(&f.ring, 1, 5 * SECOND);
    while (waited == -EINTR);

    pthread_join(thread, NULL);
    struct io_uring_cqe cqe;
    assert_int_equal(waited, 0);
    assert_int_equal(waker.rc, 0);
    assert_true(raw_ring_take(&f.ring, &cqe));
    assert_int_equal(cqe.user_data, 77);
    assert_int_equal(cqe.res, 0);
    assert_int_equal(cqe.flags, 0);
    close_ring(&f);
}

/* A wait in a default ring ends when another thread wakes the ring, and the CQE is the one that was asked for. */
static void a_wait_is_ended_from_another_thread(void **state)
{
    (void)state;
    a_wait_is_ended_by_wake(0);
}

/* The same holds for a ring that belongs to one thread and defers its work. */
static void a_wait_in_a_deferred_ring_is_ended_from_another_thread(void **state)
{
    (void)state;
    a_wait_is_ended_by_wake(DEFERRED);
}

/* A CQE that wake put there is no operation of the ring: IO_DRAIN still waits for those before it and for no more. */
static void drain_still_holds_after_a_wake(void **state)
{
    (void)state;
    struct fixture f;
    open_ring(&f, DEFERRED);
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    char byte;
    io_uring_prep_read(raw_ring_sqe(&f.ring, 1), ends[0], &byte, 1, 0);
    raw_ring_sqe(&f.ring, 2)->flags |= IOSQE_IO_DRAIN;
    assert_int_equal(raw_ring_submit(&f.ring), 2);

    assert_int_equal(wake(&f, 9), 0);
    struct io_uring_cqe cqe;
    assert_int_equal(raw_ring_wait(&f.ring, 1, SECOND), 0);
    assert_true(raw_ring_take(&f.ring, &cqe));
    assert_int_equal(cqe.user_data, 9);
    assert_false(raw_ring_take(&f.ring, &cqe));

    assert_int_equal(write(ends[1], "a", 1), 1);
    assert_int_equal(raw_ring_wait(&f.ring, 2, 5 * SECOND), 0);
    assert_true(raw_ring_take(&f.ring, &cqe));
    assert_int_equal(cqe.user_data, 1);
    assert_true(raw_ring_take(&f.ring, &cqe));
    assert_int_equal(cqe.user_data, 2);
    close(ends[0]);
    close(ends[1]);
    close_ring(&f);
}

/* A ring that is closed, or never was one, is told apart. */
static void waking_what_is_no_ring_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    open_ring(&f, 0);
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);

    assert_int_equal(f.backend.vtable->wake(f.backend.self, ends[0], 1), -EBADFD);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(f.backend.vtable->wake(f.backend.self, ends[0], 1), -EBADF);
    close_ring(&f);
}

/* A default ring is polled by its own descriptor. */
static void a_default_ring_is_its_own_pollable(void **state)
{
    (void)state;
    struct fixture f;
    open_ring(&f, 0);

    assert_int_equal(pollable(&f), f.ring.fd);

    assert_false(is_readable(pollable(&f), 0));
    assert_int_equal(wake(&f, 1), 0);
    assert_true(is_readable(pollable(&f), 1000));
    close_ring(&f);
}

/* A deferred ring's descriptor is not woken by what comes later; what is polled in its place is, and falls silent again. */
static void a_deferred_ring_is_polled_by_an_eventfd(void **state)
{
    (void)state;
    struct fixture f;
    open_ring(&f, DEFERRED);
    int fd = pollable(&f);
    assert_true(fd >= 0 && fd != f.ring.fd);
    assert_int_equal(pollable(&f), fd);
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    char byte;
    io_uring_prep_read(raw_ring_sqe(&f.ring, 1), ends[0], &byte, 1, 0);
    assert_int_equal(raw_ring_submit(&f.ring), 1);
    assert_int_equal(raw_ring_get_events(&f.ring), 0);
    assert_false(is_readable(fd, 0));

    assert_int_equal(write(ends[1], "a", 1), 1);

    struct io_uring_cqe cqe;
    assert_true(is_readable(fd, 5000));
    assert_int_equal(raw_ring_get_events(&f.ring), 0);
    assert_true(raw_ring_take(&f.ring, &cqe));
    assert_int_equal(raw_ring_get_events(&f.ring), 0);
    assert_false(is_readable(fd, 0));
    close(ends[0]);
    close(ends[1]);
    close_ring(&f);
}

/* What was there before the first question is told too. */
static void an_eventfd_asked_for_late_tells_of_what_came_before(void **state)
{
    (void)state;
    struct fixture f;
    open_ring(&f, DEFERRED);
    assert_int_equal(wake(&f, 1), 0);

    assert_true(is_readable(pollable(&f), 0));
    close_ring(&f);
}

/* Closing a ring closes what was opened for it: the lowest free number is the same as before. */
static void closing_leaves_no_descriptor(void **state)
{
    (void)state;
    int before = dup(0);
    close(before);
    struct fixture f;
    open_ring(&f, DEFERRED);
    assert_true(pollable(&f) >= 0);
    assert_int_equal(wake(&f, 1), 0);
    close_ring(&f);

    int after = dup(0);
    close(after);
    assert_int_equal(before, after);
}

/* Any other descriptor is closed as close(2) does, and a bad one is told. */
static void close_works_on_any_descriptor(void **state)
{
    (void)state;
    struct fixture f;
    open_ring(&f, 0);
    int fd = dup(0);

    assert_int_equal(f.backend.vtable->close(f.backend.self, fd), 0);
    assert_int_equal(f.backend.vtable->close(f.backend.self, fd), -EBADF);
    assert_int_equal(f.backend.vtable->close(f.backend.self, -1), -EBADF);
    assert_int_equal(f.backend.vtable->pollable_fd(f.backend.self, fd), -EBADF);
    close_ring(&f);
}

/* Many wakes more than the CQ holds are kept for the ring, in order. */
static void wakes_beyond_the_queue_are_not_lost(void **state)
{
    (void)state;
    struct fixture f;
    open_ring(&f, 0);
    for (uint64_t i = 1; i <= 20; i++) {
        int rc = wake(&f, i);
        assert_true(rc == 0 || rc == -EOVERFLOW);
    }

    struct io_uring_cqe cqe;
    uint64_t next = 1;
    for (int round = 0; round < 4; round++) {
        for (; raw_ring_take(&f.ring, &cqe); next++)
            assert_int_equal(cqe.user_data, next);
        assert_int_equal(raw_ring_get_events(&f.ring), 0);
    }
    assert_true(next > 8);
    close_ring(&f);
}

/* A child has a helper of its own: its wake reaches the ring that it inherited, and the parent's goes on working. */
static void a_forked_child_can_wake_its_parents_ring(void **state)
{
    (void)state;
    struct fixture f;
    open_ring(&f, 0);
    assert_int_equal(wake(&f, 1), 0);

    pid_t child = fork();
    if (child == 0)
        _exit(wake(&f, 2) == 0 && wake(&f, 3) == 0 ? 0 : 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);

    assert_int_equal(status, 0);
    assert_int_equal(wake(&f, 4), 0);
    struct io_uring_cqe cqe;
    for (uint64_t i = 1; i <= 4; i++) {
        assert_true(raw_ring_take(&f.ring, &cqe));
        assert_int_equal(cqe.user_data, i);
    }
    close_ring(&f);
}

/* A refused setup answers the kernel's errno and leaves nothing. */
static void a_refused_setup_leaves_nothing(void **state)
{
    (void)state;
    struct fixture f;
    open_ring(&f, 0);
    struct io_uring_params params;
    memset(&params, 0, sizeof params);

    assert_int_equal(f.backend.vtable->setup(f.backend.self, 0, &params), -EINVAL);
    params.flags = 1u << 31;
    assert_int_equal(f.backend.vtable->setup(f.backend.self, 4, &params), -EINVAL);
    close_ring(&f);
}

/* The clock goes forward. */
static void the_clock_does_not_go_back(void **state)
{
    (void)state;
    struct sr_backend backend;
    assert_int_equal(sri_uring_backend(&backend), 0);
    uint64_t before = backend.vtable->now_ns(backend.self);

    assert_true(before > 0);
    assert_true(backend.vtable->now_ns(backend.self) >= before);
    backend.vtable->release(backend.self);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_wait_is_ended_from_another_thread),
    cmocka_unit_test(a_wait_in_a_deferred_ring_is_ended_from_another_thread),
    cmocka_unit_test(drain_still_holds_after_a_wake),
    cmocka_unit_test(waking_what_is_no_ring_is_refused),
    cmocka_unit_test(a_default_ring_is_its_own_pollable),
    cmocka_unit_test(a_deferred_ring_is_polled_by_an_eventfd),
    cmocka_unit_test(an_eventfd_asked_for_late_tells_of_what_came_before),
    cmocka_unit_test(closing_leaves_no_descriptor),
    cmocka_unit_test(close_works_on_any_descriptor),
    cmocka_unit_test(wakes_beyond_the_queue_are_not_lost),
    cmocka_unit_test(a_forked_child_can_wake_its_parents_ring),
    cmocka_unit_test(a_refused_setup_leaves_nothing),
    cmocka_unit_test(the_clock_does_not_go_back),
};

SR_TEST_MAIN(tests)
