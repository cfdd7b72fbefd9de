/*
 * Connections in the host world: by sockets that may block and by those that may not.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "unit/host/world_fixture.h"

static int listen_here(struct sockaddr_in *address, int flags)
{
    socklen_t length = sizeof *address;
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)address, length), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &length), 0);
    return fd;
}

/* A connection is made and accepted, with blocking sockets and without, and the flags are what they were. */
static void a_connection_is_made_and_accepted(void **state)
{
    (void)state;
    static const int kinds[] = {0, SOCK_NONBLOCK};
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        struct sockaddr_in address;
        begin(&f);
        int listener = listen_here(&address, kinds[i]);
        int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | kinds[i], 0);
        int flags = fcntl(client, F_GETFL);
        int64_t result;
        struct sri_address peer;
        prepare(&f, SRI_WORK_ACCEPT, listener, NULL, 0);
        f.attempt.argument = &peer;
        assert_int_equal(start(&f, &result), SRI_WAIT);
        struct sri_attempt accepting = f.attempt;
        assert_int_equal(f.world.vtable->cancel(f.world.self, &f.attempt), 0);
        f.world.vtable->file_put(f.world.self, accepting.file);

        struct sri_address to = {.length = sizeof address};
        memcpy(&to.storage, &address, sizeof address);
        prepare(&f, SRI_WORK_CONNECT, client, NULL, 0);
        f.attempt.argument = &to;
        assert_int_equal(complete(&f), 0);
        put(&f);
        prepare(&f, SRI_WORK_ACCEPT, listener, NULL, 0);
        f.attempt.argument = &peer;
        f.attempt.flags = SOCK_CLOEXEC;
        f.engine.finished = NULL;
        int accepted = (int)complete(&f);
        put(&f);

        assert_true(accepted >= 0);
        assert_int_equal(peer.length, sizeof(struct sockaddr_in));
        assert_int_equal(fcntl(client, F_GETFL), flags);
        close(accepted);
        close(client);
        close(listener);
        end(&f);
    }
}

/* An accept that is taken back before a worker has begun with it is in nobody's way: the next one gets the connection. */
static void an_accept_that_was_taken_back_is_in_nobodys_way(void **state)
{
    (void)state;
    struct fixture f;
    struct sockaddr_in address;
    begin(&f);
    int listener = listen_here(&address, 0);
    bool taken_back = false;
    for (int i = 0; i < 1000 && !taken_back; i++) {
        int64_t result;
        int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
        prepare(&f, SRI_WORK_ACCEPT, listener, NULL, 0);
        f.engine.finished = NULL;
        assert_int_equal(start(&f, &result), SRI_RUNNING);
        taken_back = f.world.vtable->cancel(f.world.self, &f.attempt) == 0;
        if (!taken_back) {
            wait_for(&f);
            assert_ptr_equal(f.engine.finished, &f.attempt);
            close((int)f.engine.result);
        }
        put(&f);
        if (taken_back) {
            prepare(&f, SRI_WORK_ACCEPT, listener, NULL, 0);
            f.engine.finished = NULL;
            assert_int_equal(start(&f, &result), SRI_RUNNING);
            wait_for(&f);
            assert_ptr_equal(f.engine.finished, &f.attempt);
            assert_true(f.engine.result >= 0);
            close((int)f.engine.result);
            put(&f);
        }
        close(client);
    }
    assert_true(taken_back);
    close(listener);
    end(&f);
}

/* A connection nobody takes is refused, by both ways of connecting. */
static void a_refused_connection_says_so(void **state)
{
    (void)state;
    static const int kinds[] = {0, SOCK_NONBLOCK};
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        struct sockaddr_in address;
        begin(&f);
        close(listen_here(&address, 0));
        int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | kinds[i], 0);
        struct sri_address to = {.length = sizeof address};
        memcpy(&to.storage, &address, sizeof address);
        prepare(&f, SRI_WORK_CONNECT, client, NULL, 0);
        f.attempt.argument = &to;

        assert_int_equal(complete(&f), -ECONNREFUSED);

        put(&f);
        close(client);
        end(&f);
    }
}

/* What is no socket is not connected. */
static void a_pipe_is_not_connected(void **state)
{
    (void)state;
    struct fixture f;
    struct sri_address to = {.length = sizeof(struct sockaddr_in)};
    int ends[2];
    begin(&f);
    make_pipe(ends, 0);
    prepare(&f, SRI_WORK_CONNECT, ends[0], NULL, 0);
    f.attempt.argument = &to;
    assert_int_equal(complete(&f), -ENOTSOCK);
    put(&f);
    close_both(ends);
    end(&f);
}

/* A connection that somebody else took leaves the accept waiting; nothing hangs, the next one is accepted. */
static void a_stolen_connection_leaves_the_accept_pending(void **state)
{
    (void)state;
    struct fixture f;
    struct sockaddr_in address;
    begin(&f);
    int listener = listen_here(&address, SOCK_NONBLOCK);
    int64_t result;
    prepare(&f, SRI_WORK_ACCEPT, listener, NULL, 0);
    assert_int_equal(start(&f, &result), SRI_WAIT);
    int clients[2];
    for (int i = 0; i < 2; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(clients[i], (struct sockaddr *)&address, sizeof address), 0);
        if (i == 0) {
            wait_for(&f);
            close(accept(listener, NULL, NULL));
            assert_int_equal(start(&f, &result), SRI_WAIT);
        }
    }

    wait_for(&f);
    assert_int_equal(start(&f, &result), SRI_DONE);

    assert_true(result >= 0);
    close((int)result);
    put(&f);
    close_both(clients);
    close(listener);
    end(&f);
}

/* Fills a listener's backlog, so that the next one who knocks waits. The clients that got in, to be closed. */
static void fill_backlog(const struct sockaddr_in *address, int listener, int clients[2])
{
    assert_int_equal(listen(listener, 0), 0);
    clients[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(clients[0], (const struct sockaddr *)address, sizeof *address), 0);
    clients[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(clients[1], (const struct sockaddr *)address, sizeof *address), -1);
}

/* A handshake that nobody answers holds no worker, leaves the socket's options as they were, and can be given up. */
static void a_slow_handshake_is_waited_for_and_given_up(void **state)
{
    (void)state;
    struct fixture f;
    struct sockaddr_in address;
    struct timeval limit = {.tv_sec = 77};
    socklen_t length = sizeof limit;
    int64_t result;
    int clients[2];
    begin(&f);
    int listener = listen_here(&address, 0);
    fill_backlog(&address, listener, clients);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, length), 0);
    struct sri_address to = {.length = sizeof address};
    memcpy(&to.storage, &address, sizeof address);
    prepare(&f, SRI_WORK_CONNECT, client, NULL, 0);
    f.attempt.argument = &to;

    assert_int_equal(start(&f, &result), SRI_RUNNING);
    wait_for(&f);
    assert_ptr_equal(f.engine.ready, &f.attempt);
    assert_int_equal(start(&f, &result), SRI_WAIT);

    assert_int_equal(getsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, &length), 0);
    assert_int_equal(limit.tv_sec, 77);
    assert_int_equal(f.world.vtable->cancel(f.world.self, &f.attempt), 0);
    put(&f);
    close(client);
    close_both(clients);
    close(listener);
    end(&f);
}

/* One that is given up while a worker has it ends when the worker is back. */
static void a_handshake_given_up_early_ends_cancelled(void **state)
{
    (void)state;
    struct fixture f;
    struct sockaddr_in address;
    int64_t result;
    int clients[2];
    begin(&f);
    int listener = listen_here(&address, 0);
    fill_backlog(&address, listener, clients);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sri_address to = {.length = sizeof address};
    memcpy(&to.storage, &address, sizeof address);
    prepare(&f, SRI_WORK_CONNECT, client, NULL, 0);
    f.attempt.argument = &to;
    assert_int_equal(start(&f, &result), SRI_RUNNING);

    int rc = f.world.vtable->cancel(f.world.self, &f.attempt);

    if (rc != 0) { /* else no worker had begun */
        assert_int_equal(rc, -EALREADY);
        wait_for(&f);
        assert_ptr_equal(f.engine.finished, &f.attempt);
        assert_int_equal(f.engine.result, -ECANCELED);
    }
    put(&f);
    close(client);
    close_both(clients);
    close(listener);
    end(&f);
}

/* A connection by path whose backlog is full: a worker is in it, and stays there. */
struct stuck {
    struct fixture f;
    struct sri_address to;
    int listener;
    int clients[2];
};

static struct sockaddr_un *path_of(struct stuck *stuck)
{
    return (struct sockaddr_un *)&stuck->to.storage;
}

static void begin_stuck(struct stuck *stuck)
{
    struct sockaddr_un *at = path_of(stuck);
    int64_t result;
    begin(&stuck->f);
    stuck->to.length = sizeof *at;
    memset(&stuck->to.storage, 0, sizeof stuck->to.storage);
    at->sun_family = AF_UNIX;
    close(temporary_file(at->sun_path));
    unlink(at->sun_path);
    stuck->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(stuck->listener, (struct sockaddr *)at, sizeof *at), 0);
    assert_int_equal(listen(stuck->listener, 0), 0);
    for (int i = 0; i < 2; i++)
        stuck->clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(stuck->clients[0], (struct sockaddr *)at, sizeof *at), 0);
    prepare(&stuck->f, SRI_WORK_CONNECT, stuck->clients[1], NULL, 0);
    stuck->f.attempt.argument = &stuck->to;
    assert_int_equal(start(&stuck->f, &result), SRI_RUNNING);
}

static void end_stuck(struct stuck *stuck)
{
    put(&stuck->f);
    end(&stuck->f);
    unlink(path_of(stuck)->sun_path);
    close_both(stuck->clients);
    close(stuck->listener);
}

/* A worker that does not come back does not keep the world from its end. */
static void the_world_ends_while_a_worker_is_blocked(void **state)
{
    (void)state;
    struct stuck stuck;
    struct fixture *f = &stuck.f;
    begin_stuck(&stuck);

    assert_int_equal(f->world.vtable->wait(f->world.self, SRI_NEVER, NULL, 0), 0);

    assert_ptr_equal(f->engine.finished, &f->attempt);
    end_stuck(&stuck);
}

/* Jobs begin in their order: once this one is seen to be done, a worker has begun with all before it. Nobody has collected them. */
static void let_workers_begin(struct fixture *f, struct sri_attempt *another, struct sri_names *names,
                              char *path)
{
    int64_t result;
    close(temporary_file(path));
    unlink(path);
    *names = (struct sri_names){.from_directory = AT_FDCWD, .mode = 0700, .from = path};
    memset(another, 0, sizeof *another);
    another->work = SRI_WORK_MKDIR;
    another->argument = names;
    assert_int_equal(f->world.vtable->start(f->world.self, another, &result), SRI_RUNNING);
    while (access(path, F_OK) != 0)
        sched_yield();
    rmdir(path);
}

/* Of a connection by path nothing is known until its worker is back. */
static void a_connection_by_path_is_not_given_up_in_its_call(void **state)
{
    (void)state;
    struct stuck stuck;
    struct fixture *f = &stuck.f;
    struct sri_attempt another;
    struct sri_names names;
    char path[64];
    begin_stuck(&stuck);
    let_workers_begin(f, &another, &names, path);

    assert_int_equal(f->world.vtable->cancel(f->world.self, &f->attempt), -EALREADY);

    int accepted = accept(stuck.listener, NULL, NULL);
    wait_for(f);
    while (f->engine.finished != &f->attempt) {
        f->engine.finished = NULL;
        wait_for(f);
    }
    assert_int_equal(f->engine.result, 0);
    close(accepted);
    end_stuck(&stuck);
}

/* A connection that has its outcome when it is given up tells that. */
static void a_connection_that_has_ended_is_too_late_to_give_up(void **state)
{
    (void)state;
    struct fixture f;
    struct sockaddr_in address;
    struct sri_attempt another;
    struct sri_names names;
    char path[64];
    int64_t result;
    begin(&f);
    close(listen_here(&address, 0)); /* nobody listens there now */
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sri_address to = {.length = sizeof address};
    memcpy(&to.storage, &address, sizeof address);
    prepare(&f, SRI_WORK_CONNECT, client, NULL, 0);
    f.attempt.argument = &to;
    assert_int_equal(start(&f, &result), SRI_RUNNING);
    let_workers_begin(&f, &another, &names, path);

    assert_int_equal(f.world.vtable->cancel(f.world.self, &f.attempt), -EALREADY);

    assert_ptr_equal(f.engine.finished, &f.attempt);
    assert_int_equal(f.engine.result, -ECONNREFUSED);
    put(&f);
    close(client);
    end(&f);
}

/* A socket that was told to wait for its peer at its end is closed by a worker, and nobody else sees that end. */
static void a_socket_that_lingers_is_closed_by_a_worker(void **state)
{
    (void)state;
    static const struct linger linger = {1, 1};
    struct fixture f;
    struct sockaddr_in address;
    int64_t result;
    begin(&f);
    int listener = listen_here(&address, 0);
    for (int lingers = 0; lingers < 2; lingers++) {
        struct sri_descriptor client = {socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        assert_int_equal(connect(client.fd, (struct sockaddr *)&address, sizeof address), 0);
        if (lingers)
            assert_int_equal(setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
        struct sri_file *closing = f.world.vtable->file_closing(f.world.self, client.fd);
        assert_true((closing == NULL) == (lingers != 0));
        prepare(&f, SRI_WORK_CLOSE, -1, NULL, 0);
        f.attempt.argument = &client;

        assert_int_equal(start(&f, &result), lingers ? SRI_RUNNING : SRI_DONE);

        if (lingers)
            wait_for(&f);
        assert_int_equal(lingers ? f.engine.result : result, 0);
        assert_int_equal(fcntl(client.fd, F_GETFD), -1);
        if (closing != NULL)
            f.world.vtable->file_put(f.world.self, closing);
    }
    close(listener);
    end(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_connection_is_made_and_accepted),
    cmocka_unit_test(an_accept_that_was_taken_back_is_in_nobodys_way),
    cmocka_unit_test(a_refused_connection_says_so),
    cmocka_unit_test(a_pipe_is_not_connected),
    cmocka_unit_test(a_stolen_connection_leaves_the_accept_pending),
    cmocka_unit_test(a_slow_handshake_is_waited_for_and_given_up),
    cmocka_unit_test(a_handshake_given_up_early_ends_cancelled),
    cmocka_unit_test(the_world_ends_while_a_worker_is_blocked),
    cmocka_unit_test(a_connection_by_path_is_not_given_up_in_its_call),
    cmocka_unit_test(a_connection_that_has_ended_is_too_late_to_give_up),
    cmocka_unit_test(a_socket_that_lingers_is_closed_by_a_worker),
};

SR_TEST_MAIN(tests)
