/*
 * The fallback's descriptor in the loops of programs that know nothing of it: epoll, poll, and another ring's POLL_ADD.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "backend/engine_backend.h"
#include "support/main.h"
#include "support/raw_ring.h"

#define SECOND UINT64_C(1000000000)
#define SECOND_MS 1000

struct fixture {
    struct sr_backend backend;
    struct raw_ring ring;
    int loop;
};

static void begin(struct fixture *f, unsigned events)
{
    struct epoll_event event = {.events = events};
    assert_int_equal(sri_engine_host_backend(&f->backend), 0);
    assert_int_equal(raw_ring_open(&f->ring, f->backend, 8, 0), 0);
    f->loop = epoll_create1(EPOLL_CLOEXEC);
    assert_int_equal(epoll_ctl(f->loop, EPOLL_CTL_ADD, f->ring.fd, &event), 0);
}

static void end(struct fixture *f)
{
    close(f->loop);
    raw_ring_close(&f->ring);
    f->backend.vtable->release(f->backend.self);
}

static int look(struct fixture *f, int timeout_ms)
{
    struct epoll_event event;
    int rc;
    do
        rc = epoll_wait(f->loop, &event, 1, timeout_ms);
    while (rc < 0 && errno == EINTR);
    return rc;
}

static int take(struct raw_ring *ring)
{
    struct io_uring_cqe cqe;
    return raw_ring_take(ring, &cqe) ? (int)cqe.user_data : -1;
}

/* An entry that ends at once shows, until its CQE was taken and the ring entered. */
static void a_loop_hears_of_a_completion(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, EPOLLIN);
    assert_int_equal(look(&f, 0), 0);

    raw_ring_sqe(&f.ring, 7);
    assert_int_equal(raw_ring_submit(&f.ring), 1);

    assert_int_equal(look(&f, SECOND_MS), 1);
    assert_int_equal(take(&f.ring), 7);
    assert_int_equal(raw_ring_get_events(&f.ring), 0);
    assert_int_equal(look(&f, 0), 0);
    end(&f);
}

/* Each completion is an edge of its own, also for a program that enters only to submit. */
static void an_edge_comes_with_each_completion(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, EPOLLIN | EPOLLET);

    for (int i = 1; i < 4; i++) {
        raw_ring_sqe(&f.ring, (uint64_t)i);
        assert_int_equal(raw_ring_submit(&f.ring), 1);
        assert_int_equal(look(&f, SECOND_MS), 1);
        assert_int_equal(look(&f, 0), 0);
        assert_int_equal(take(&f.ring), i);
    }
    end(&f);
}

/* Nobody runs the engine while the program sleeps in its own loop: what an operation waits for wakes it all the same. */
static void a_loop_wakes_for_what_an_operation_waits_for(void **state)
{
    (void)state;
    struct fixture f;
    int ends[2];
    char byte;
    begin(&f, EPOLLIN);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    io_uring_prep_read(raw_ring_sqe(&f.ring, 8), ends[0], &byte, 1, 0);
    assert_int_equal(raw_ring_submit(&f.ring), 1);
    assert_int_equal(look(&f, 0), 0);

    assert_int_equal(write(ends[1], "x", 1), 1);

    assert_int_equal(look(&f, SECOND_MS), 1);
    assert_int_equal(raw_ring_get_events(&f.ring), 0);
    assert_int_equal(take(&f.ring), 8);
    assert_int_equal(raw_ring_get_events(&f.ring), 0);
    assert_int_equal(look(&f, 0), 0);
    close(ends[0]);
    close(ends[1]);
    end(&f);
}

static void a_loop_wakes_for_a_timeout(void **state)
{
    (void)state;
    struct fixture f;
    struct __kernel_timespec soon = {.tv_nsec = 1000000};
    begin(&f, EPOLLIN);
    io_uring_prep_timeout(raw_ring_sqe(&f.ring, 9), &soon, 0, 0);
    assert_int_equal(raw_ring_submit(&f.ring), 1);

    assert_int_equal(look(&f, 5 * SECOND_MS), 1);
    assert_int_equal(raw_ring_get_events(&f.ring), 0);
    assert_int_equal(take(&f.ring), 9);
    end(&f);
}

/* A worker's end wakes the loop too: a regular file is read by one when it is not in memory, and opened always. */
static void a_loop_wakes_for_a_worker(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, EPOLLIN);
    io_uring_prep_openat(raw_ring_sqe(&f.ring, 10), AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
    assert_int_equal(raw_ring_submit(&f.ring), 1);

    struct io_uring_cqe cqe;
    bool taken = false;
    while (!taken) {
        assert_int_equal(look(&f, 5 * SECOND_MS), 1);
        assert_int_equal(raw_ring_get_events(&f.ring), 0);
        taken = raw_ring_take(&f.ring, &cqe);
    }
    assert_true(cqe.res >= 0);
    close(cqe.res);
    end(&f);
}

struct helper {
    struct raw_ring *ring;
    int rc;
};

static void *submit_it(void *argument)
{
    struct helper *helper = argument;
    raw_ring_sqe(helper->ring, 11);
    helper->rc = raw_ring_submit(helper->ring);
    return NULL;
}

/* One ring polls another, and sleeps; a thread submits to that other. */
static void a_ring_that_polls_another_is_woken(void **state)
{
    (void)state;
    struct fixture f;
    struct raw_ring other;
    pthread_t thread;
    begin(&f, EPOLLIN);
    assert_int_equal(raw_ring_open(&other, f.backend, 8, 0), 0);
    io_uring_prep_poll_add(raw_ring_sqe(&f.ring, 12), other.fd, POLLIN);
    assert_int_equal(raw_ring_submit(&f.ring), 1);

    struct helper helper = {.ring = &other};
    assert_int_equal(pthread_create(&thread, NULL, submit_it, &helper), 0);
    assert_int_equal(raw_ring_wait(&f.ring, 1, 10 * SECOND), 0);
    pthread_join(thread, NULL);

    assert_int_equal(helper.rc, 1);
    assert_int_equal(take(&f.ring), 12);
    assert_int_equal(take(&other), 11);
    raw_ring_close(&other);
    end(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_loop_hears_of_a_completion),
    cmocka_unit_test(an_edge_comes_with_each_completion),
    cmocka_unit_test(a_loop_wakes_for_what_an_operation_waits_for),
    cmocka_unit_test(a_loop_wakes_for_a_timeout),
    cmocka_unit_test(a_loop_wakes_for_a_worker),
    cmocka_unit_test(a_ring_that_polls_another_is_woken),
};

SR_TEST_MAIN(tests)
