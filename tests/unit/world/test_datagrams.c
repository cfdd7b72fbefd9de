/*
 * Datagram sockets of the simulated world: queues and windows, and whom they make wait.
 */
#include "world_fixture.h"

static struct sri_address port(uint16_t number)
{
    struct sri_address address = {.length = sizeof(struct sockaddr_in)};
    struct sockaddr_in *internet = (struct sockaddr_in *)&address.storage;
    internet->sin_family = AF_INET;
    internet->sin_port = htons(number);
    internet->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static struct sri_address path(const char *name)
{
    struct sri_address address = {.length = sizeof(struct sockaddr_un)};
    struct sockaddr_un *local = (struct sockaddr_un *)&address.storage;
    local->sun_family = AF_UNIX;
    strcpy(local->sun_path, name);
    return address;
}

static int new_socket(int domain, int type)
{
    int fd;
    assert_int_equal(sri_sim_world_socket_of(fixture.world, domain, type, &fd), 0);
    return fd;
}

static int bind_to(int fd, const struct sri_address *address)
{
    return sri_sim_world_bind(fixture.world, fd, (const struct sockaddr *)&address->storage, address->length);
}

static int bound(const struct sri_address *address)
{
    int fd = new_socket(address->storage.ss_family, SOCK_DGRAM);
    assert_int_equal(bind_to(fd, address), 0);
    return fd;
}

static int64_t connect_to(int fd, const struct sri_address *address)
{
    return sri_sim_world_connect(fixture.world, fd, (const struct sockaddr *)&address->storage,
                                 address->length);
}

static void prepare_send(struct one *one, struct sri_message *message, int fd, void *bytes, size_t size,
                         const struct sri_address *to)
{
    prepare(one, fd, SRI_WORK_SEND, bytes, size);
    *message = (struct sri_message){.address = *to};
    one->attempt.argument = message;
}

static int64_t send_to(int fd, void *bytes, size_t size, const struct sri_address *to)
{
    struct one one;
    struct sri_message message;
    prepare_send(&one, &message, fd, bytes, size, to);
    one.attempt.flags = MSG_DONTWAIT;
    int64_t result = start(&one);
    end(&one);
    return result;
}

static int64_t receive(int fd, void *bytes, size_t size)
{
    return at_once(fd, SRI_WORK_RECV, bytes, size, 0, MSG_DONTWAIT);
}

static char lot[1000];

/* The network's receiver has a window of 100 bytes here; what does not fit behind another is lost, and nobody is told. */
static void a_full_window_loses_what_comes(void **state)
{
    (void)state;
    struct sri_address there = port(7);
    int to = bound(&there);
    int from = new_socket(AF_INET, SOCK_DGRAM);

    assert_int_equal(send_to(from, lot, 60, &there), 60);
    assert_int_equal(send_to(from, lot, 61, &there), 61);
    assert_int_equal(send_to(from, lot, 40, &there), 40);

    assert_int_equal(receive(to, lot, sizeof lot), 60);
    assert_int_equal(receive(to, lot, sizeof lot), 40);
    assert_int_equal(receive(to, lot, sizeof lot), -EAGAIN);
    assert_int_equal(send_to(from, lot, 900, &there), 900);
    assert_int_equal(receive(to, lot, sizeof lot), 900);
}

static uint32_t pick_window(void *self, const struct sri_question *question)
{
    (void)self;
    return question->why == SRI_WHY_WORLD && question->freedom == SRI_FREEDOM_WINDOW ? 1 : 0;
}

static void the_chooser_makes_windows_small(void **state)
{
    (void)state;
    static const struct sri_chooser_vtable vtable = {.pick = pick_window};
    struct sri_address there = port(7);
    sri_sim_world_set_chooser(fixture.world, (struct sri_chooser){&vtable, NULL});
    int to = bound(&there);
    int from = new_socket(AF_INET, SOCK_DGRAM);

    assert_int_equal(send_to(from, lot, 5, &there), 5);
    assert_int_equal(send_to(from, lot, 1, &there), 1);

    assert_int_equal(receive(to, lot, sizeof lot), 5);
    assert_int_equal(receive(to, lot, sizeof lot), -EAGAIN);
}

static uint32_t transit;

static uint32_t pick_transit(void *self, const struct sri_question *question)
{
    (void)self;
    return question->why == SRI_WHY_WORLD && question->freedom == SRI_FREEDOM_TRANSIT ? transit : 0;
}

static void datagrams_under_way_arrive_in_order(void **state)
{
    (void)state;
    static const struct sri_chooser_vtable vtable = {.pick = pick_transit};
    struct sri_address there = port(7);
    int to = bound(&there);
    int from = new_socket(AF_INET, SOCK_DGRAM);
    sri_sim_world_set_chooser(fixture.world, (struct sri_chooser){&vtable, NULL});

    transit = 2;
    assert_int_equal(send_to(from, lot, 3, &there), 3);
    transit = 0;
    assert_int_equal(send_to(from, lot, 4, &there), 4);

    assert_int_equal(receive(to, lot, sizeof lot), -EAGAIN);
    sri_sim_world_advance(fixture.world, 1000000);
    assert_int_equal(receive(to, lot, sizeof lot), 3);
    assert_int_equal(receive(to, lot, sizeof lot), 4);
}

/* Eleven stand in a queue of AF_UNIX; the twelfth waits. */
static void fill_queue(int from, const struct sri_address *to)
{
    for (int i = 0; i < 11; i++)
        assert_int_equal(send_to(from, lot, 1, to), 1);
    assert_int_equal(send_to(from, lot, 1, to), -EAGAIN);
}

static void who_waits_for_room_goes_on_when_there_is_some(void **state)
{
    (void)state;
    struct sri_address there = path("/there");
    int to = bound(&there);
    int from = new_socket(AF_UNIX, SOCK_DGRAM);
    struct one waiting;
    struct sri_message message;
    fill_queue(from, &there);
    prepare_send(&waiting, &message, from, lot, 2, &there);
    assert_int_equal(start(&waiting), WAITS);

    assert_int_equal(receive(to, lot, sizeof lot), 1);

    assert_int_equal(fixture.ready_count, 1);
    assert_ptr_equal(fixture.ready[0], &waiting.attempt);
    assert_int_equal(start(&waiting), 2);
    end(&waiting);
}

static void who_waits_for_room_is_told_when_the_receiver_goes(void **state)
{
    (void)state;
    struct sri_address there = path("/there");
    int to = bound(&there);
    int from = new_socket(AF_UNIX, SOCK_DGRAM);
    struct one waiting;
    struct sri_message message;
    fill_queue(from, &there);
    prepare_send(&waiting, &message, from, lot, 2, &there);
    assert_int_equal(start(&waiting), WAITS);

    assert_int_equal(sri_sim_world_close(fixture.world, to), 0);

    assert_int_equal(fixture.ready_count, 1);
    assert_int_equal(start(&waiting), -ECONNREFUSED);
    end(&waiting);
}

static void a_cancelled_send_leaves_the_queue_as_it_was(void **state)
{
    (void)state;
    struct sri_address there = path("/there");
    int to = bound(&there);
    int from = new_socket(AF_UNIX, SOCK_DGRAM);
    struct one waiting;
    struct sri_message message;
    fill_queue(from, &there);
    prepare_send(&waiting, &message, from, lot, 2, &there);
    assert_int_equal(start(&waiting), WAITS);

    assert_int_equal(fixture.interface.vtable->cancel(fixture.interface.self, &waiting.attempt), 0);
    end(&waiting);

    for (int i = 0; i < 11; i++)
        assert_int_equal(receive(to, lot, sizeof lot), 1);
    assert_int_equal(receive(to, lot, sizeof lot), -EAGAIN);
    assert_int_equal(fixture.ready_count, 0);
}

/* A chooser may make a transfer short; of a datagram that would be another one. */
static void a_datagram_is_moved_whole_whatever_the_limit(void **state)
{
    (void)state;
    int fds[2];
    struct one one;
    assert_int_equal(sri_sim_world_socketpair_of(fixture.world, SOCK_DGRAM, fds), 0);
    prepare(&one, fds[0], SRI_WORK_SEND, lot, 20);
    one.attempt.limit = 1;
    assert_int_equal(start(&one), 20);
    end(&one);

    prepare(&one, fds[1], SRI_WORK_RECV, lot, 50);
    one.attempt.limit = 3;
    assert_int_equal(start(&one), 20);
    assert_true(one.attempt.whole);
    end(&one);
}

/* unix(7): what the old peer sent is dropped, and it hears of that. */
static void who_leaves_its_peer_drops_what_that_sent(void **state)
{
    (void)state;
    struct sri_address nobody = {.length = sizeof(sa_family_t)};
    int fds[2];
    assert_int_equal(sri_sim_world_socketpair_of(fixture.world, SOCK_DGRAM, fds), 0);
    assert_int_equal(at_once(fds[0], SRI_WORK_SEND, lot, 5, 0, 0), 5);

    assert_int_equal(connect_to(fds[1], &nobody), 0);

    assert_int_equal(receive(fds[1], lot, sizeof lot), -EAGAIN);
    assert_int_equal(receive(fds[0], lot, sizeof lot), -ECONNRESET);
    assert_int_equal(receive(fds[0], lot, sizeof lot), -EAGAIN);
    assert_int_equal(at_once(fds[1], SRI_WORK_SEND, lot, 1, 0, MSG_DONTWAIT), -ENOTCONN);
}

static void an_address_is_given_once_for_each_type(void **state)
{
    (void)state;
    struct sri_address there = port(7);
    struct sri_address any = port(0);
    struct sri_address here = path("/here");
    struct sockaddr_storage name;
    uint32_t length;
    int datagram = bound(&there);
    int stream = new_socket(AF_INET, SOCK_STREAM);
    int other = new_socket(AF_INET, SOCK_DGRAM);

    assert_int_equal(bind_to(other, &there), -EADDRINUSE);
    assert_int_equal(bind_to(stream, &there), 0);
    assert_int_equal(bind_to(stream, &any), -EINVAL);
    assert_int_equal(sri_sim_world_close(fixture.world, datagram), 0);
    assert_int_equal(bind_to(other, &there), 0);
    bound(&here);
    assert_int_equal(bind_to(new_socket(AF_UNIX, SOCK_STREAM), &here), -EADDRINUSE);
    int chosen = bound(&any);
    assert_int_equal(sri_sim_world_name(fixture.world, chosen, &name, &length), 0);
    assert_int_equal(ntohs(((struct sockaddr_in *)&name)->sin_port), 49152);
    assert_int_equal(length, sizeof(struct sockaddr_in));
}

static void only_streams_that_have_a_name_listen(void **state)
{
    (void)state;
    assert_int_equal(sri_sim_world_listen_on(fixture.world, new_socket(AF_INET, SOCK_DGRAM), 1), -EOPNOTSUPP);
    assert_int_equal(sri_sim_world_listen_on(fixture.world, new_socket(AF_UNIX, SOCK_STREAM), 1), -EINVAL);
    assert_int_equal(sri_sim_world_listen_on(fixture.world, new_socket(AF_INET, SOCK_STREAM), 1), 0);
    assert_int_equal(sri_sim_world_listen_on(fixture.world, 99, 1), -EBADF);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_full_window_loses_what_comes, make_world, end_world),
    cmocka_unit_test_setup_teardown(the_chooser_makes_windows_small, make_world, end_world),
    cmocka_unit_test_setup_teardown(datagrams_under_way_arrive_in_order, make_world, end_world),
    cmocka_unit_test_setup_teardown(who_waits_for_room_goes_on_when_there_is_some, make_world, end_world),
    cmocka_unit_test_setup_teardown(who_waits_for_room_is_told_when_the_receiver_goes, make_world, end_world),
    cmocka_unit_test_setup_teardown(a_cancelled_send_leaves_the_queue_as_it_was, make_world, end_world),
    cmocka_unit_test_setup_teardown(a_datagram_is_moved_whole_whatever_the_limit, make_world, end_world),
    cmocka_unit_test_setup_teardown(who_leaves_its_peer_drops_what_that_sent, make_world, end_world),
    cmocka_unit_test_setup_teardown(an_address_is_given_once_for_each_type, make_world, end_world),
    cmocka_unit_test_setup_teardown(only_streams_that_have_a_name_listen, make_world, end_world),
};

SR_TEST_MAIN(tests)
