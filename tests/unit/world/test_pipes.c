/*
 * Pipes, eventfds, waiting, and the clock of the simulated world.
 */
#include "world_fixture.h"

#include <pthread.h>

static int64_t write_pipe(int fd, size_t size)
{
    static char bytes[65536];
    return at_once(fd, SRI_WORK_WRITE, bytes, size, SRI_OWN_POSITION, 0);
}

static int64_t read_pipe(int fd, size_t size)
{
    static char bytes[65536];
    return at_once(fd, SRI_WORK_READ, bytes, size, SRI_OWN_POSITION, 0);
}

static void bytes_come_out_in_order_across_the_rings_end(void **state)
{
    (void)state;
    uint8_t in = 0;
    uint8_t out = 0;
    int fds[2];
    assert_int_equal(sri_sim_world_pipe(fixture.world, fds), 0);

    for (size_t round = 0; round < 500; round++) {
        uint8_t bytes[997];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = in++;
        assert_int_equal(at_once(fds[1], SRI_WORK_WRITE, bytes, sizeof bytes, 5, 0), sizeof bytes);
        assert_int_equal(at_once(fds[0], SRI_WORK_READ, bytes, round % 7 == 0 ? 600 : 997, 5, 0),
                         round % 7 == 0 ? 600 : 997);
        for (size_t i = 0; i < (round % 7 == 0 ? 600u : 997u); i++)
            assert_int_equal(bytes[i], out++);
        if (round % 7 == 0) {
            assert_int_equal(at_once(fds[0], SRI_WORK_READ, bytes, 997, 0, 0), 397);
            for (size_t i = 0; i < 397; i++)
                assert_int_equal(bytes[i], out++);
        }
    }
}

/* pipe(7): up to a page goes in whole or waits; more goes in as far as there is room (measured). */
static void a_write_of_a_page_is_whole_and_a_larger_one_may_be_short(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(sri_sim_world_pipe(fixture.world, fds), 0);

    assert_int_equal(write_pipe(fds[1], 60000), 8192);
    assert_int_equal(read_pipe(fds[0], 100), 100);
    assert_int_equal(write_pipe(fds[1], 101), WAITS);
    assert_int_equal(write_pipe(fds[1], 4097), WAITS);
    assert_int_equal(poll_now(fds[1], POLLOUT), WAITS);
    assert_int_equal(read_pipe(fds[0], 4096), 4096);
    assert_int_equal(poll_now(fds[1], POLLOUT), POLLOUT);
    assert_int_equal(write_pipe(fds[1], 4096), 4096);
}

static void an_empty_pipe_waits_ends_or_refuses(void **state)
{
    (void)state;
    char byte;
    int fds[2];
    assert_int_equal(sri_sim_world_pipe(fixture.world, fds), 0);

    assert_int_equal(read_pipe(fds[0], 0), 0);
    assert_int_equal(read_pipe(fds[0], 1), WAITS);
    assert_int_equal(at_once(fds[0], SRI_WORK_READ, &byte, 1, 0, 0x8), -EAGAIN);
    assert_int_equal(at_once(fds[0], SRI_WORK_WRITE, &byte, 1, 0, 0), -EBADF);
    assert_int_equal(sri_sim_world_close(fixture.world, fds[1]), 0);
    assert_int_equal(read_pipe(fds[0], 1), 0);
    assert_int_equal(poll_now(fds[0], POLLIN), POLLHUP);
}

static void writing_to_nobody_is_a_broken_pipe(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(sri_sim_world_pipe(fixture.world, fds), 0);
    assert_int_equal(sri_sim_world_close(fixture.world, fds[0]), 0);

    assert_int_equal(write_pipe(fds[1], 1), -EPIPE);
    assert_int_equal(poll_now(fds[1], POLLOUT), POLLOUT | POLLERR);
}

static void who_waits_is_woken_in_order_and_not_when_cancelled(void **state)
{
    (void)state;
    struct one waiting[3];
    char bytes[3];
    int fds[2];
    assert_int_equal(sri_sim_world_pipe(fixture.world, fds), 0);
    for (int i = 0; i < 3; i++) {
        prepare(&waiting[i], fds[0], SRI_WORK_READ, bytes + i, 1);
        assert_int_equal(start(&waiting[i]), WAITS);
    }

    assert_int_equal(fixture.interface.vtable->cancel(fixture.interface.self, &waiting[1].attempt), 0);
    assert_int_equal(fixture.interface.vtable->cancel(fixture.interface.self, &waiting[1].attempt),
                     -EALREADY);
    assert_int_equal(write_pipe(fds[1], 1), 1);

    assert_int_equal(fixture.ready_count, 2);
    assert_ptr_equal(fixture.ready[0], &waiting[2].attempt);
    assert_ptr_equal(fixture.ready[1], &waiting[0].attempt);
    assert_int_equal(start(&waiting[2]), 1);
    assert_int_equal(start(&waiting[0]), WAITS);
    assert_int_equal(sri_sim_world_close(fixture.world, fds[1]), 0);
    assert_int_equal(fixture.ready_count, 3);
    assert_int_equal(start(&waiting[0]), 0);
    for (int i = 0; i < 3; i++)
        end(&waiting[i]);
}

static uint32_t last_one(void *self, const struct sri_question *question)
{
    (void)self;
    return question->n - 1;
}

static void the_chooser_may_wake_another_first(void **state)
{
    (void)state;
    static const struct sri_chooser_vtable vtable = {.pick = last_one};
    struct one waiting[3];
    char byte;
    int fds[2];
    assert_int_equal(sri_sim_world_pipe(fixture.world, fds), 0);
    for (int i = 0; i < 3; i++) {
        prepare(&waiting[i], fds[0], SRI_WORK_READ, &byte, 1);
        assert_int_equal(start(&waiting[i]), WAITS);
    }

    sri_sim_world_set_chooser(fixture.world, (struct sri_chooser){&vtable, NULL});
    assert_int_equal(write_pipe(fds[1], 1), 1);

    assert_int_equal(fixture.ready_count, 3);
    assert_ptr_equal(fixture.ready[0], &waiting[0].attempt);
    assert_ptr_equal(fixture.ready[1], &waiting[2].attempt);
    assert_ptr_equal(fixture.ready[2], &waiting[1].attempt);
    for (int i = 0; i < 3; i++)
        end(&waiting[i]);
}

static void an_eventfd_counts_and_wakes(void **state)
{
    (void)state;
    uint64_t value = 3;
    struct one waiting;
    int fd;
    assert_int_equal(sri_sim_world_eventfd(fixture.world, 0, &fd), 0);
    prepare(&waiting, fd, SRI_WORK_READ, &value, 8);
    assert_int_equal(start(&waiting), WAITS);

    uint64_t added = 5;
    assert_int_equal(at_once(fd, SRI_WORK_WRITE, &added, 8, SRI_OWN_POSITION, 0), 8);
    assert_int_equal(at_once(fd, SRI_WORK_WRITE, &added, 8, SRI_OWN_POSITION, 0), 8);

    assert_int_equal(fixture.ready_count, 1);
    assert_int_equal(start(&waiting), 8);
    assert_int_equal(value, 10);
    assert_int_equal(at_once(fd, SRI_WORK_READ, &value, 7, SRI_OWN_POSITION, 0), -EINVAL);
    assert_int_equal(fixture.interface.vtable->eventfd_add(fixture.interface.self, waiting.attempt.file, 4),
                     0);
    assert_int_equal(at_once(fd, SRI_WORK_READ, &value, 8, SRI_OWN_POSITION, 0), 8);
    assert_int_equal(value, 4);
    end(&waiting);
}

static void time_moves_only_while_somebody_waits(void **state)
{
    (void)state;
    const struct sri_world_vtable *vtable = fixture.interface.vtable;
    void *self = fixture.interface.self;

    assert_int_equal(vtable->now_ns(self), 1000000000);
    assert_int_equal(vtable->wait(self, 1000000500, NULL, 0), 0);
    assert_int_equal(vtable->now_ns(self), 1000000500);
    assert_int_equal(vtable->wait(self, 0, NULL, 0), 0);
    assert_int_equal(vtable->now_ns(self), 1000001500);
    assert_int_equal(vtable->wait(self, 5, NULL, 0), 0);
    assert_int_equal(vtable->now_ns(self), 1000001500);
    assert_int_equal(vtable->wait(self, SRI_NEVER, NULL, 0), -EDEADLK);
    vtable->wake(self);
    assert_int_equal(vtable->wait(self, SRI_NEVER, NULL, 0), 0);
    assert_int_equal(vtable->wait(self, SRI_NEVER, NULL, 0), -EDEADLK);
}

static void *ask_from_elsewhere(void *answer)
{
    *(int *)answer = fixture.interface.vtable->check_thread(fixture.interface.self);
    return NULL;
}

static void a_second_thread_is_refused(void **state)
{
    (void)state;
    pthread_t thread;
    int answer = 0;
    assert_int_equal(fixture.interface.vtable->check_thread(fixture.interface.self), 0);

    assert_int_equal(pthread_create(&thread, NULL, ask_from_elsewhere, &answer), 0);
    pthread_join(thread, NULL);

    assert_int_equal(answer, -EEXIST);
}

static void a_rings_descriptor_is_found_polled_and_closed(void **state)
{
    (void)state;
    const struct sri_world_vtable *vtable = fixture.interface.vtable;
    void *self = fixture.interface.self;
    int ring;
    int error = 0;
    int fds[2];
    assert_int_equal(sri_sim_world_pipe(fixture.world, fds), 0);

    int fd = vtable->ring_open(self, &ring);

    assert_int_equal(fd, 5);
    assert_ptr_equal(vtable->ring_of(self, fd, &error), &ring);
    assert_null(vtable->ring_of(self, fds[0], &error));
    assert_int_equal(error, -EOPNOTSUPP);
    assert_int_equal(poll_now(fd, POLLIN), WAITS);
    vtable->ring_notify(self, fd, true);
    assert_int_equal(poll_now(fd, POLLIN), POLLIN);
    vtable->ring_close(self, fd);
    assert_null(vtable->ring_of(self, fd, &error));
    assert_int_equal(error, -EBADF);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(bytes_come_out_in_order_across_the_rings_end, make_world, end_world),
    cmocka_unit_test_setup_teardown(a_write_of_a_page_is_whole_and_a_larger_one_may_be_short, make_world,
                                    end_world),
    cmocka_unit_test_setup_teardown(an_empty_pipe_waits_ends_or_refuses, make_world, end_world),
    cmocka_unit_test_setup_teardown(writing_to_nobody_is_a_broken_pipe, make_world, end_world),
    cmocka_unit_test_setup_teardown(who_waits_is_woken_in_order_and_not_when_cancelled, make_world,
                                    end_world),
    cmocka_unit_test_setup_teardown(the_chooser_may_wake_another_first, make_world, end_world),
    cmocka_unit_test_setup_teardown(an_eventfd_counts_and_wakes, make_world, end_world),
    cmocka_unit_test_setup_teardown(time_moves_only_while_somebody_waits, make_world, end_world),
    cmocka_unit_test_setup_teardown(a_second_thread_is_refused, make_world, end_world),
    cmocka_unit_test_setup_teardown(a_rings_descriptor_is_found_polled_and_closed, make_world, end_world),
};

SR_TEST_MAIN(tests)
