/*
 * Epoll instances of the simulated world: what they tell, how often, and what they refuse.
 */
#include "world_fixture.h"

#define ADD SRI_INTEREST_ADD
#define CHANGE SRI_INTEREST_CHANGE
#define TAKE_OUT SRI_INTEREST_REMOVE
#define ONE_SHOT (UINT32_C(1) << 30)
#define EDGE (UINT32_C(1) << 31)
#define EXCLUSIVE (UINT32_C(1) << 28)

static int new_instance(void)
{
    int fd;
    assert_int_equal(sri_sim_world_epoll(fixture.world, &fd), 0);
    return fd;
}

static int new_counter(uint64_t initial)
{
    int fd;
    assert_int_equal(sri_sim_world_eventfd(fixture.world, initial, &fd), 0);
    return fd;
}

static int64_t control(int instance, int change, int fd, uint32_t events)
{
    struct sri_interest interest = {
        .instance = instance, .fd = fd, .change = change, .events = events, .data = (uint64_t)fd};
    struct sri_attempt attempt = {.work = SRI_WORK_EPOLL_CTL, .argument = &interest};
    int64_t result = 0;
    assert_int_equal(fixture.interface.vtable->start(fixture.interface.self, &attempt, &result), SRI_DONE);
    return result;
}

static void add_one(int fd)
{
    uint64_t one = 1;
    assert_int_equal(at_once(fd, SRI_WORK_WRITE, &one, sizeof one, 0, 0), sizeof one);
}

struct told {
    uint32_t events[8];
    uint64_t data[8];
    unsigned count;
};

static void note(void *self, uint32_t events, uint64_t data)
{
    struct told *told = self;
    assert_in_range(told->count, 0, 7);
    told->events[told->count] = events;
    told->data[told->count++] = data;
}

static struct told collect(int instance, size_t most)
{
    struct told told = {.count = 0};
    assert_int_equal(sri_sim_world_epoll_events(fixture.world, instance, most, note, &told), 0);
    return told;
}

static void a_level_is_told_as_long_as_it_lasts(void **state)
{
    (void)state;
    uint64_t word;
    int instance = new_instance();
    int fd = new_counter(1);
    assert_int_equal(control(instance, ADD, fd, POLLIN), 0);

    for (int i = 0; i < 2; i++) {
        struct told told = collect(instance, 8);
        assert_int_equal(told.count, 1);
        assert_int_equal(told.events[0], POLLIN);
        assert_int_equal(told.data[0], fd);
    }
    assert_int_equal(at_once(fd, SRI_WORK_READ, &word, sizeof word, 0, 0), sizeof word);
    assert_int_equal(collect(instance, 8).count, 0);
    assert_int_equal(poll_now(instance, POLLIN), WAITS);
}

static void an_edge_is_told_once(void **state)
{
    (void)state;
    int instance = new_instance();
    int fd = new_counter(1);
    assert_int_equal(control(instance, ADD, fd, POLLIN | EDGE), 0);

    assert_int_equal(collect(instance, 8).count, 1);
    assert_int_equal(collect(instance, 8).count, 0);
    add_one(fd);
    assert_int_equal(collect(instance, 8).count, 1);
    assert_int_equal(collect(instance, 8).count, 0);
}

static void one_shot_is_silent_until_it_is_changed(void **state)
{
    (void)state;
    int instance = new_instance();
    int fd = new_counter(1);
    assert_int_equal(control(instance, ADD, fd, POLLIN | ONE_SHOT), 0);

    assert_int_equal(collect(instance, 8).count, 1);
    add_one(fd);
    assert_int_equal(collect(instance, 8).count, 0);
    assert_int_equal(poll_now(instance, POLLIN), WAITS);
    assert_int_equal(control(instance, CHANGE, fd, POLLIN | ONE_SHOT), 0);
    assert_int_equal(collect(instance, 8).count, 1);
}

static void who_is_told_stands_behind_the_others(void **state)
{
    (void)state;
    int instance = new_instance();
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = new_counter(1);
        assert_int_equal(control(instance, ADD, fds[i], POLLIN), 0);
    }

    assert_int_equal(collect(instance, 2).data[1], fds[1]);
    struct told told = collect(instance, 2);
    assert_int_equal(told.data[0], fds[2]);
    assert_int_equal(told.data[1], fds[0]);
    assert_int_equal(collect(instance, 8).count, 3);
}

static void a_poll_of_an_instance_waits_for_what_it_watches(void **state)
{
    (void)state;
    struct one waiting;
    int inner = new_instance();
    int outer = new_instance();
    int fd = new_counter(0);
    assert_int_equal(control(outer, ADD, inner, POLLIN), 0);
    assert_int_equal(control(inner, ADD, fd, POLLIN), 0);
    prepare(&waiting, outer, SRI_WORK_POLL, NULL, 0);
    waiting.attempt.flags = POLLIN;
    assert_int_equal(start(&waiting), WAITS);

    add_one(fd);

    assert_int_equal(fixture.ready_count, 1);
    assert_int_equal(start(&waiting), POLLIN);
    end(&waiting);
}

static void what_ends_is_watched_no_more(void **state)
{
    (void)state;
    int instance = new_instance();
    int other = new_instance();
    int fd = new_counter(1);
    assert_int_equal(control(instance, ADD, fd, POLLIN), 0);
    assert_int_equal(control(other, ADD, fd, POLLIN), 0);

    assert_int_equal(sri_sim_world_close(fixture.world, other), 0);
    assert_int_equal(collect(instance, 8).count, 1);
    assert_int_equal(sri_sim_world_close(fixture.world, fd), 0);
    assert_int_equal(collect(instance, 8).count, 0);
    assert_int_equal(control(instance, TAKE_OUT, fd, 0), -EBADF);
}

static void instances_nest_so_deep_and_in_no_circle(void **state)
{
    (void)state;
    int fds[7];
    for (int i = 0; i < 7; i++)
        fds[i] = new_instance();
    for (int i = 4; i > 0; i--)
        assert_int_equal(control(fds[i], ADD, fds[i - 1], POLLIN), 0);

    assert_int_equal(control(fds[0], ADD, fds[1], POLLIN), -ELOOP);
    assert_int_equal(control(fds[5], ADD, fds[4], POLLIN), -ELOOP);
    assert_int_equal(control(fds[5], ADD, fds[5], POLLIN), -EINVAL);
    assert_int_equal(control(fds[5], ADD, fds[6], POLLIN), 0);
}

static void who_wants_to_be_woken_alone_stays_as_it_is(void **state)
{
    (void)state;
    int instance = new_instance();
    int fd = new_counter(0);

    assert_int_equal(control(instance, ADD, new_instance(), POLLIN | EXCLUSIVE), -EINVAL);
    assert_int_equal(control(instance, ADD, fd, POLLIN | EXCLUSIVE), 0);
    assert_int_equal(control(instance, CHANGE, fd, POLLIN), -EINVAL);
    assert_int_equal(control(instance, CHANGE, fd, POLLIN | EXCLUSIVE), -EINVAL);
    assert_int_equal(control(instance, TAKE_OUT, fd, EXCLUSIVE), 0);
}

static void only_an_instance_is_asked_what_is_ready(void **state)
{
    (void)state;
    struct told told;
    assert_int_equal(sri_sim_world_epoll_events(fixture.world, 99, 1, note, &told), -EBADF);
    assert_int_equal(sri_sim_world_epoll_events(fixture.world, new_counter(1), 1, note, &told), -EINVAL);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_level_is_told_as_long_as_it_lasts, make_world, end_world),
    cmocka_unit_test_setup_teardown(an_edge_is_told_once, make_world, end_world),
    cmocka_unit_test_setup_teardown(one_shot_is_silent_until_it_is_changed, make_world, end_world),
    cmocka_unit_test_setup_teardown(who_is_told_stands_behind_the_others, make_world, end_world),
    cmocka_unit_test_setup_teardown(a_poll_of_an_instance_waits_for_what_it_watches, make_world, end_world),
    cmocka_unit_test_setup_teardown(what_ends_is_watched_no_more, make_world, end_world),
    cmocka_unit_test_setup_teardown(instances_nest_so_deep_and_in_no_circle, make_world, end_world),
    cmocka_unit_test_setup_teardown(who_wants_to_be_woken_alone_stays_as_it_is, make_world, end_world),
    cmocka_unit_test_setup_teardown(only_an_instance_is_asked_what_is_ready, make_world, end_world),
};

SR_TEST_MAIN(tests)
