/*
 * Readiness and sleep in the host world: polls, descriptors of rings, wakes, and what is left at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "unit/host/world_fixture.h"

/* A poll tells what is true, waits for what is not, and always tells of a hang-up. */
static void polls_tell_what_is_true(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    int ends[2];
    int64_t result;
    make_pipe(ends, 0);
    prepare(&f, SRI_WORK_POLL, ends[1], NULL, 0);
    f.attempt.flags = POLLOUT;
    assert_int_equal(complete(&f), POLLOUT);
    put(&f);
    prepare(&f, SRI_WORK_POLL, ends[0], NULL, 0);
    f.attempt.flags = POLLPRI;
    assert_int_equal(start(&f, &result), SRI_WAIT);

    close(ends[1]);
    wait_for(&f);

    assert_int_equal(start(&f, &result), SRI_DONE);
    assert_int_equal(result, POLLHUP);
    put(&f);
    close(ends[0]);
    end(&f);
}

/* A ring takes one number, the lowest; the world's own descriptors lie far above. */
static void a_ring_takes_the_lowest_number_only(void **state)
{
    (void)state;
    struct fixture f;
    int lowest = dup(0);
    close(lowest);
    begin(&f);
    int object;
    int error = 0;

    int ring = f.world.vtable->ring_open(f.world.self, &object);

    assert_int_equal(ring, lowest);
    int next = dup(0);
    assert_int_equal(next, lowest + 1);
    assert_ptr_equal(f.world.vtable->ring_of(f.world.self, ring, &error), &object);
    assert_null(f.world.vtable->ring_of(f.world.self, next, &error));
    assert_int_equal(error, -EOPNOTSUPP);
    close(next);
    assert_null(f.world.vtable->ring_of(f.world.self, next, &error));
    assert_int_equal(error, -EBADF);
    f.world.vtable->ring_close(f.world.self, ring);
    end(&f);
}

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, timeout_ms) == 1;
}

/* A program asleep on a ring's descriptor wakes for a CQE, for an object that is waited for, and for a timeout. */
static void a_rings_descriptor_wakes_for_all_it_waits_for(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    int object;
    int ends[2];
    char byte;
    int64_t result;
    make_pipe(ends, 0);
    int ring = f.world.vtable->ring_open(f.world.self, &object);
    int fd = f.world.vtable->ring_pollable(f.world.self, ring);
    assert_false(is_readable(fd, 0));

    f.world.vtable->ring_notify(f.world.self, ring, true);
    assert_true(is_readable(fd, 0));
    f.world.vtable->ring_notify(f.world.self, ring, false);
    assert_false(is_readable(fd, 0));

    prepare(&f, SRI_WORK_READ, ends[0], &byte, 1);
    assert_int_equal(start(&f, &result), SRI_WAIT);
    assert_false(is_readable(fd, 0));
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_true(is_readable(fd, 0));
    wait_for(&f);
    assert_false(is_readable(fd, 0));
    put(&f);

    f.engine.due_ns = f.world.vtable->now_ns(f.world.self) + 1000;
    leave_and_come_back(&f);
    assert_true(is_readable(fd, 5000));

    f.world.vtable->ring_close(f.world.self, ring);
    close_both(ends);
    end(&f);
}

static void *wake_it(void *argument)
{
    struct fixture *f = argument;
    f->world.vtable->lock(f->world.self);
    f->engine.due_ns = 0; /* what the other waits for */
    f->world.vtable->wake(f->world.self);
    f->world.vtable->unlock(f->world.self);
    return NULL;
}

/* A wait without an end is ended by another thread. */
static void a_wait_is_ended_from_another_thread(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake_it, &f), 0);

    while (f.engine.due_ns != 0)
        assert_int_equal(f.world.vtable->wait(f.world.self, SRI_NEVER, NULL, 0), 0);

    f.world.vtable->unlock(f.world.self);
    pthread_join(thread, NULL);
    f.world.vtable->lock(f.world.self);
    end(&f);
}

static int count_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 2048; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

/* After the end of a world no descriptor is left. */
static void the_end_leaves_no_descriptor(void **state)
{
    (void)state;
    int before = count_descriptors();
    struct fixture f;
    begin(&f);
    int event = eventfd(0, 0);
    uint64_t count;
    int64_t result;
    prepare(&f, SRI_WORK_READ, event, &count, sizeof count);
    assert_int_equal(start(&f, &result), SRI_WAIT);
    assert_int_equal(f.world.vtable->cancel(f.world.self, &f.attempt), 0);
    put(&f);
    close(event);
    end(&f);

    assert_int_equal(count_descriptors(), before);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(polls_tell_what_is_true),
    cmocka_unit_test(a_ring_takes_the_lowest_number_only),
    cmocka_unit_test(a_rings_descriptor_wakes_for_all_it_waits_for),
    cmocka_unit_test(a_wait_is_ended_from_another_thread),
    cmocka_unit_test(the_end_leaves_no_descriptor),
};

SR_TEST_MAIN(tests)
