/*
 * Stream sockets of the simulated world.
 */
#include "world_fixture.h"

static struct sockaddr_in internet(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
}

static int listening(int backlog)
{
    struct sockaddr_in address = internet(80);
    int fd;
    assert_int_equal(sri_sim_world_listen(fixture.world, (struct sockaddr *)&address, sizeof address, backlog,
                                          &fd),
                     0);
    return fd;
}

static void prepare_connect(struct one *one, int fd)
{
    struct sockaddr_in address = internet(80);
    prepare(one, fd, SRI_WORK_CONNECT, NULL, 0);
    memcpy(&one->address.storage, &address, sizeof address);
    one->address.length = sizeof address;
    one->attempt.argument = &one->address;
}

static int client_socket(void)
{
    int fd;
    assert_int_equal(sri_sim_world_socket(fixture.world, AF_INET, &fd), 0);
    return fd;
}

/* A client's and a server's end of one AF_INET connection. */
static void connect_both(int fds[2])
{
    struct one one;
    int listener = listening(4);
    fds[0] = client_socket();
    prepare_connect(&one, fds[0]);
    assert_int_equal(start(&one), 0);
    end(&one);
    fds[1] = (int)at_once(listener, SRI_WORK_ACCEPT, NULL, 0, 0, 0);
    assert_true(fds[1] > 0);
    assert_int_equal(sri_sim_world_close(fixture.world, listener), 0);
}

static int64_t send_to(int fd, size_t size)
{
    static char bytes[65536];
    return at_once(fd, SRI_WORK_SEND, bytes, size, 0, 0);
}

static int64_t receive(int fd, size_t size)
{
    static char bytes[65536];
    return at_once(fd, SRI_WORK_RECV, bytes, size, 0, 0);
}

static void a_window_bounds_what_is_under_way_in_each_direction(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(sri_sim_world_socketpair(fixture.world, fds), 0);

    assert_int_equal(send_to(fds[0], 60), 60);
    assert_int_equal(send_to(fds[0], 60), 40);
    assert_int_equal(send_to(fds[0], 60), WAITS);
    assert_int_equal(at_once(fds[0], SRI_WORK_SEND, "x", 1, 0, MSG_DONTWAIT), -EAGAIN);
    assert_int_equal(send_to(fds[1], 1000), 100);
    assert_int_equal(receive(fds[1], 1000), 100);
    assert_int_equal(send_to(fds[0], 1), 1);
}

static void a_peek_leaves_the_bytes(void **state)
{
    (void)state;
    char bytes[4] = {0};
    int fds[2];
    assert_int_equal(sri_sim_world_socketpair(fixture.world, fds), 0);
    assert_int_equal(at_once(fds[0], SRI_WORK_SEND, "abc", 3, 0, 0), 3);

    assert_int_equal(at_once(fds[1], SRI_WORK_RECV, bytes, 2, 0, MSG_PEEK), 2);
    assert_int_equal(at_once(fds[1], SRI_WORK_READ, bytes, 3, 0, 0), 3);

    assert_string_equal(bytes, "abc");
    assert_int_equal(at_once(fds[1], SRI_WORK_READ, bytes, 3, 7, 0), -ESPIPE);
}

static void half_a_close_ends_one_direction(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(sri_sim_world_socketpair(fixture.world, fds), 0);
    assert_int_equal(send_to(fds[0], 5), 5);

    assert_int_equal(sri_sim_world_shutdown(fixture.world, fds[0], SHUT_WR), 0);

    assert_int_equal(send_to(fds[0], 5), -EPIPE);
    assert_int_equal(receive(fds[1], 10), 5);
    assert_int_equal(receive(fds[1], 10), 0);
    assert_int_equal(send_to(fds[1], 5), 5);
    assert_int_equal(receive(fds[0], 10), 5);
}

static void a_close_is_an_end_and_with_unread_bytes_a_reset(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(sri_sim_world_socketpair(fixture.world, fds), 0);
    assert_int_equal(send_to(fds[0], 5), 5);
    assert_int_equal(sri_sim_world_close(fixture.world, fds[0]), 0);
    assert_int_equal(receive(fds[1], 10), 5);
    assert_int_equal(receive(fds[1], 10), 0);
    assert_int_equal(send_to(fds[1], 1), -EPIPE);
    assert_int_equal(sri_sim_world_close(fixture.world, fds[1]), 0);

    assert_int_equal(sri_sim_world_socketpair(fixture.world, fds), 0);
    assert_int_equal(send_to(fds[1], 5), 5);
    assert_int_equal(sri_sim_world_close(fixture.world, fds[0]), 0);

    assert_int_equal(poll_now(fds[1], POLLIN), POLLIN | POLLHUP | POLLERR | POLLRDHUP);
    assert_int_equal(receive(fds[1], 10), -ECONNRESET);
    assert_int_equal(receive(fds[1], 10), 0);
}

static void a_cut_connection_is_reset_on_both_ends(void **state)
{
    (void)state;
    int fds[2];
    connect_both(fds);
    assert_int_equal(send_to(fds[0], 5), 5);

    assert_int_equal(sri_sim_world_cut(fixture.world, fds[0]), 0);

    assert_int_equal(send_to(fds[0], 5), -ECONNRESET);
    assert_int_equal(send_to(fds[0], 5), -EPIPE);
    assert_int_equal(receive(fds[1], 10), 5);
    assert_int_equal(receive(fds[1], 10), -ECONNRESET);
    assert_int_equal(sri_sim_world_cut(fixture.world, fds[0]), -ENOTCONN);
}

static void connecting_to_nobody_is_refused(void **state)
{
    (void)state;
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/sock"};
    struct sockaddr_in address = internet(80);
    int fd;
    assert_int_equal(sri_sim_world_connect(fixture.world, client_socket(), (struct sockaddr *)&address,
                                           sizeof address),
                     -ECONNREFUSED);
    assert_int_equal(sri_sim_world_socket(fixture.world, AF_UNIX, &fd), 0);
    assert_int_equal(sri_sim_world_connect(fixture.world, fd, (struct sockaddr *)&name, sizeof name),
                     -ENOENT);

    int listener;
    assert_int_equal(sri_sim_world_listen(fixture.world, (struct sockaddr *)&name, sizeof name, 1, &listener),
                     0);
    int second;
    assert_int_equal(sri_sim_world_listen(fixture.world, (struct sockaddr *)&name, sizeof name, 1, &second),
                     -EADDRINUSE);
    assert_int_equal(sri_sim_world_close(fixture.world, listener), 0);

    assert_int_equal(sri_sim_world_connect(fixture.world, fd, (struct sockaddr *)&name, sizeof name),
                     -ECONNREFUSED);
    assert_int_equal(sri_sim_world_connect(fixture.world, fd, (struct sockaddr *)&address, sizeof address),
                     -EINVAL);
}

static void a_full_backlog_makes_who_connects_wait(void **state)
{
    (void)state;
    struct one knocking;
    struct sri_address from = {.length = 0};
    struct one accepting;
    int listener = listening(0);
    struct sockaddr_in address = internet(80);
    assert_int_equal(sri_sim_world_connect(fixture.world, client_socket(), (struct sockaddr *)&address,
                                           sizeof address),
                     0);
    prepare_connect(&knocking, client_socket());
    assert_int_equal(start(&knocking), WAITS);

    prepare(&accepting, listener, SRI_WORK_ACCEPT, NULL, 0);
    accepting.attempt.argument = &from;
    int64_t accepted = start(&accepting);

    assert_true(accepted > 0);
    assert_int_equal(from.storage.ss_family, AF_INET);
    assert_int_equal(from.length, sizeof(struct sockaddr_in));
    assert_int_equal(fixture.ready_count, 1);
    assert_ptr_equal(fixture.ready[0], &knocking.attempt);
    assert_int_equal(start(&knocking), 0);
    assert_int_equal(start(&knocking), -EISCONN);
    end(&knocking);
    end(&accepting);
}

static void an_accept_waits_for_who_connects(void **state)
{
    (void)state;
    struct one accepting;
    struct sockaddr_in address = internet(80);
    int listener = listening(4);
    int client = client_socket();
    prepare(&accepting, listener, SRI_WORK_ACCEPT, NULL, 0);
    assert_int_equal(start(&accepting), WAITS);

    assert_int_equal(sri_sim_world_connect(fixture.world, client, (struct sockaddr *)&address,
                                           sizeof address),
                     0);

    assert_int_equal(fixture.ready_count, 1);
    int server = (int)start(&accepting);
    bool by_operation = false;
    assert_int_equal(sri_sim_world_next_descriptor(fixture.world, server - 1, &by_operation), server);
    assert_true(by_operation);
    assert_int_equal(send_to(client, 3), 3);
    assert_int_equal(receive(server, 3), 3);
    end(&accepting);
}

static void closing_the_listener_resets_who_was_not_accepted(void **state)
{
    (void)state;
    struct one knocking;
    struct sockaddr_in address = internet(80);
    int listener = listening(0);
    int client = client_socket();
    assert_int_equal(sri_sim_world_connect(fixture.world, client, (struct sockaddr *)&address,
                                           sizeof address),
                     0);
    prepare_connect(&knocking, client_socket());
    assert_int_equal(start(&knocking), WAITS);

    assert_int_equal(sri_sim_world_close(fixture.world, listener), 0);

    assert_int_equal(receive(client, 1), -ECONNRESET);
    assert_int_equal(fixture.ready_count, 1);
    assert_int_equal(start(&knocking), -ECONNREFUSED);
    end(&knocking);
}

/* Answers TRANSIT with a millisecond, everything else with 0. */
static uint32_t slow_network(void *self, const struct sri_question *question)
{
    (void)self;
    return question->why == SRI_WHY_WORLD && question->n == 4 && question->length > 0 ? 2 : 0;
}

static void bytes_may_take_their_time_and_an_end_comes_after_them(void **state)
{
    (void)state;
    static const struct sri_chooser_vtable vtable = {.pick = slow_network};
    const struct sri_world_vtable *world = fixture.interface.vtable;
    int fds[2];
    connect_both(fds);
    sri_sim_world_set_chooser(fixture.world, (struct sri_chooser){&vtable, NULL});

    assert_int_equal(send_to(fds[0], 5), 5);
    assert_int_equal(sri_sim_world_close(fixture.world, fds[0]), 0);

    assert_int_equal(receive(fds[1], 10), WAITS);
    assert_int_equal(world->next_ns(fixture.interface.self), 1001000000);
    assert_int_equal(world->wait(fixture.interface.self, SRI_NEVER, NULL, 0), 0);
    assert_int_equal(world->now_ns(fixture.interface.self), 1001000000);
    assert_int_equal(receive(fds[1], 10), 5);
    assert_int_equal(receive(fds[1], 10), 0);
    assert_true(world->next_ns(fixture.interface.self) == SRI_NEVER);
}

static void what_is_not_connected_says_so(void **state)
{
    (void)state;
    int local;
    int fds[2];
    int fd = client_socket();
    assert_int_equal(sri_sim_world_socket(fixture.world, AF_UNIX, &local), 0);
    assert_int_equal(sri_sim_world_pipe(fixture.world, fds), 0);

    assert_int_equal(receive(fd, 1), -ENOTCONN);
    assert_int_equal(send_to(fd, 1), -EPIPE);
    assert_int_equal(receive(local, 1), -EINVAL);
    assert_int_equal(send_to(local, 1), -ENOTCONN);
    assert_int_equal(receive(fds[0], 1), -ENOTSOCK);
    assert_int_equal(at_once(fd, SRI_WORK_ACCEPT, NULL, 0, 0, 0), -EINVAL);
    assert_int_equal(poll_now(fd, POLLIN), POLLHUP);
    assert_int_equal(sri_sim_world_shutdown(fixture.world, fd, SHUT_RD), -ENOTCONN);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_window_bounds_what_is_under_way_in_each_direction, make_world,
                                    end_world),
    cmocka_unit_test_setup_teardown(a_peek_leaves_the_bytes, make_world, end_world),
    cmocka_unit_test_setup_teardown(half_a_close_ends_one_direction, make_world, end_world),
    cmocka_unit_test_setup_teardown(a_close_is_an_end_and_with_unread_bytes_a_reset, make_world, end_world),
    cmocka_unit_test_setup_teardown(a_cut_connection_is_reset_on_both_ends, make_world, end_world),
    cmocka_unit_test_setup_teardown(connecting_to_nobody_is_refused, make_world, end_world),
    cmocka_unit_test_setup_teardown(a_full_backlog_makes_who_connects_wait, make_world, end_world),
    cmocka_unit_test_setup_teardown(an_accept_waits_for_who_connects, make_world, end_world),
    cmocka_unit_test_setup_teardown(closing_the_listener_resets_who_was_not_accepted, make_world, end_world),
    cmocka_unit_test_setup_teardown(bytes_may_take_their_time_and_an_end_comes_after_them, make_world,
                                    end_world),
    cmocka_unit_test_setup_teardown(what_is_not_connected_says_so, make_world, end_world),
};

SR_TEST_MAIN(tests)
