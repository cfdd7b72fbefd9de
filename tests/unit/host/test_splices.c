/*
 * Splices, terminals and what epoll refuses, on true descriptors: nothing blocks here but a worker.
 */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <termios.h>

#include "unit/host/world_fixture.h"

#define OWN SRI_OWN_POSITION

struct splice {
    struct fixture f;
    struct sri_splice source;
};

static void prepare_splice(struct splice *s, enum sri_work work, int from, int to, uint64_t length)
{
    prepare(&s->f, work, to, NULL, 0);
    s->source.from = s->f.world.vtable->file_get(s->f.world.self, from);
    assert_non_null(s->source.from);
    s->source.offset = OWN;
    s->f.attempt.argument = &s->source;
    s->f.attempt.segment_count = 0;
    s->f.attempt.offset = OWN;
    s->f.attempt.limit = length;
}

static void put_splice(struct splice *s)
{
    s->f.world.vtable->file_put(s->f.world.self, s->source.from);
    put(&s->f);
}

static void it_waits_for_bytes_and_for_room(void **state)
{
    (void)state;
    struct splice s;
    int64_t result;
    int from[2];
    int to[2];
    char page[4096] = "";
    begin(&s.f);
    make_pipe(from, 0);
    make_pipe(to, 0);
    assert_int_equal(fcntl(to[1], F_SETPIPE_SZ, 4096), 4096);
    assert_int_equal(write(to[1], page, sizeof page), sizeof page);
    prepare_splice(&s, SRI_WORK_SPLICE, from[0], to[1], 10);
    assert_int_equal(start(&s.f, &result), SRI_WAIT);

    assert_int_equal(write(from[1], "abc", 3), 3);
    wait_for(&s.f);
    assert_int_equal(start(&s.f, &result), SRI_WAIT);
    assert_int_equal(read(to[0], page, sizeof page), sizeof page);
    wait_for(&s.f);

    assert_int_equal(start(&s.f, &result), SRI_DONE);
    assert_int_equal(result, 3);
    put_splice(&s);
    close_both(from);
    close_both(to);
    end(&s.f);
}

/* A socket is no pipe, and is waited for before a worker may try: for its bytes, and for room. */
static void a_socket_is_waited_for_on_either_side(void **state)
{
    (void)state;
    struct splice s;
    int64_t result;
    int ends[2];
    int pair[2];
    char page[4096] = "";
    begin(&s.f);
    make_pipe(ends, 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    prepare_splice(&s, SRI_WORK_SPLICE, pair[0], ends[1], 3);
    assert_int_equal(start(&s.f, &result), SRI_WAIT);
    assert_int_equal(write(pair[1], "abc", 3), 3);
    wait_for(&s.f);
    assert_int_equal(complete(&s.f), 3);
    put_splice(&s);

    while (send(pair[0], page, sizeof page, MSG_DONTWAIT) > 0)
        continue;
    s.f.engine.finished = NULL;
    prepare_splice(&s, SRI_WORK_SPLICE, ends[0], pair[0], 3);
    assert_int_equal(start(&s.f, &result), SRI_WAIT);
    while (recv(pair[1], page, sizeof page, MSG_DONTWAIT) > 0)
        continue;
    wait_for(&s.f);
    assert_int_equal(complete(&s.f), 3);

    assert_int_equal(recv(pair[1], page, sizeof page, MSG_DONTWAIT), 3);
    assert_memory_equal(page, "abc", 3);
    put_splice(&s);
    close_both(ends);
    close_both(pair);
    end(&s.f);
}

static void its_source_stays_when_the_number_is_reused(void **state)
{
    (void)state;
    struct splice s;
    int64_t result;
    int from[2];
    int other[2];
    int to[2];
    char bytes[4];
    begin(&s.f);
    make_pipe(from, 0);
    make_pipe(to, 0);
    make_pipe(other, 0);
    prepare_splice(&s, SRI_WORK_SPLICE, from[0], to[1], 10);
    assert_int_equal(start(&s.f, &result), SRI_WAIT);

    leave_and_come_back(&s.f);
    assert_int_equal(dup2(other[0], from[0]), from[0]);
    assert_int_equal(write(other[1], "no", 2), 2);
    assert_int_equal(write(from[1], "yes", 3), 3);

    wait_for(&s.f);
    assert_int_equal(start(&s.f, &result), SRI_DONE);
    assert_int_equal(result, 3);
    assert_int_equal(read(to[0], bytes, sizeof bytes), 3);
    assert_memory_equal(bytes, "yes", 3);
    put_splice(&s);
    close_both(from);
    close_both(other);
    close_both(to);
    end(&s.f);
}

static void a_cancelled_one_leaves_the_bytes(void **state)
{
    (void)state;
    struct splice s;
    int64_t result;
    int from[2];
    int to[2];
    char bytes[4];
    begin(&s.f);
    make_pipe(from, 0);
    make_pipe(to, 0);
    prepare_splice(&s, SRI_WORK_TEE, from[0], to[1], 10);
    assert_int_equal(start(&s.f, &result), SRI_WAIT);
    assert_int_equal(write(from[1], "abc", 3), 3);

    assert_int_equal(s.f.world.vtable->cancel(s.f.world.self, &s.f.attempt), 0);

    put_splice(&s);
    assert_int_equal(read(from[0], bytes, sizeof bytes), 3);
    assert_int_equal(fcntl(to[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(read(to[0], bytes, sizeof bytes), -1);
    close_both(from);
    close_both(to);
    end(&s.f);
}

/* Here alone O_NONBLOCK counts: splice(2) takes a pipe's for its own. */
static void a_pipe_that_must_not_wait_says_so(void **state)
{
    (void)state;
    struct splice s;
    int64_t result;
    int from[2];
    int to[2];
    begin(&s.f);
    make_pipe(from, O_NONBLOCK);
    make_pipe(to, 0);
    prepare_splice(&s, SRI_WORK_SPLICE, from[0], to[1], 10);

    assert_int_equal(start(&s.f, &result), SRI_DONE);
    assert_int_equal(result, -EAGAIN);

    put_splice(&s);
    close_both(from);
    close_both(to);
    end(&s.f);
}

/* SIGPIPE is at its default here, and would end the test. */
static void a_broken_pipe_raises_no_signal(void **state)
{
    (void)state;
    struct splice s;
    int64_t result;
    int from[2];
    int to[2];
    sigset_t pending;
    signal(SIGPIPE, SIG_DFL);
    begin(&s.f);
    make_pipe(from, 0);
    make_pipe(to, 0);
    assert_int_equal(write(from[1], "abc", 3), 3);
    close(to[0]);
    prepare_splice(&s, SRI_WORK_SPLICE, from[0], to[1], 10);

    assert_int_equal(start(&s.f, &result), SRI_DONE);

    assert_int_equal(result, -EPIPE);
    assert_int_equal(sigpending(&pending), 0);
    assert_int_equal(sigismember(&pending, SIGPIPE), 0);
    put_splice(&s);
    close_both(from);
    close(to[1]);
    end(&s.f);
}

static void storage_is_spliced_by_a_worker(void **state)
{
    (void)state;
    struct splice s;
    int64_t result;
    char path[64];
    char bytes[16];
    int ends[2];
    begin(&s.f);
    make_pipe(ends, 0);
    int fd = temporary_file(path);
    assert_int_equal(pwrite(fd, "0123456789", 10, 0), 10);
    prepare_splice(&s, SRI_WORK_SPLICE, fd, ends[1], 4);
    s.source.offset = 3;

    assert_int_equal(start(&s.f, &result), SRI_RUNNING);
    wait_for(&s.f);

    assert_ptr_equal(s.f.engine.finished, &s.f.attempt);
    assert_int_equal(s.f.engine.result, 4);
    assert_int_equal(read(ends[0], bytes, sizeof bytes), 4);
    assert_memory_equal(bytes, "3456", 4);
    put_splice(&s);
    close_both(ends);
    close(fd);
    unlink(path);
    end(&s.f);
}

/* A terminal does not know RWF_NOWAIT: it is looked at, and read by a worker, whatever its O_NONBLOCK. */
static void terminal_reads(int flags)
{
    struct fixture f;
    int64_t result;
    char bytes[8];
    int master;
    int slave;
    if (openpty(&master, &slave, NULL, NULL, NULL) != 0)
        skip(); /* a system without /dev/pts, as a bare one in a folder may be */
    begin(&f);
    assert_int_equal(fcntl(slave, F_SETFL, O_RDWR | flags), 0);
    prepare(&f, SRI_WORK_READ, slave, bytes, sizeof bytes);
    f.attempt.offset = OWN;
    assert_int_equal(start(&f, &result), SRI_WAIT);

    assert_int_equal(write(master, "hi\n", 3), 3);
    wait_for(&f);

    assert_int_equal(complete(&f), 3);
    assert_memory_equal(bytes, "hi\n", 3);
    put(&f);
    close(master);
    close(slave);
    end(&f);
}

static void a_terminal_is_waited_for(void **state)
{
    (void)state;
    terminal_reads(0);
    terminal_reads(O_NONBLOCK);
}

/* epoll refuses a regular file: what it is not now, it never becomes, so a poll for it is refused. */
static void what_epoll_refuses_never_changes(void **state)
{
    (void)state;
    struct fixture f;
    int64_t result;
    char path[64];
    int fd = temporary_file(path);
    begin(&f);
    prepare(&f, SRI_WORK_POLL, fd, NULL, 0);
    f.attempt.flags = POLLPRI;

    assert_int_equal(start(&f, &result), SRI_DONE);

    assert_int_equal(result, -EINVAL);
    put(&f);
    close(fd);
    unlink(path);
    end(&f);
}

/* A ring is an epoll instance only here: nobody may add to it, or pass it on. */
static void a_ring_takes_no_interests(void **state)
{
    (void)state;
    struct fixture f;
    int64_t result;
    int object;
    int ends[2];
    begin(&f);
    make_pipe(ends, 0);
    struct sri_interest interest = {.instance = f.world.vtable->ring_open(f.world.self, &object),
                                    .fd = ends[0],
                                    .change = EPOLL_CTL_ADD};
    prepare(&f, SRI_WORK_EPOLL_CTL, -1, NULL, 0);
    f.attempt.argument = &interest;

    assert_int_equal(start(&f, &result), SRI_DONE);

    assert_int_equal(result, -EINVAL);
    f.world.vtable->ring_close(f.world.self, interest.instance);
    close_both(ends);
    end(&f);
}

/* Nor is one spliced. */
static void a_ring_is_not_spliced(void **state)
{
    (void)state;
    struct splice s;
    int64_t result;
    int object;
    int ends[2];
    begin(&s.f);
    make_pipe(ends, 0);
    int ring = s.f.world.vtable->ring_open(s.f.world.self, &object);
    prepare_splice(&s, SRI_WORK_SPLICE, ring, ends[1], 1);

    assert_int_equal(start(&s.f, &result), SRI_DONE);

    assert_int_equal(result, -EINVAL);
    put_splice(&s);
    s.f.world.vtable->ring_close(s.f.world.self, ring);
    close_both(ends);
    end(&s.f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_ring_is_not_spliced),
    cmocka_unit_test(it_waits_for_bytes_and_for_room),
    cmocka_unit_test(a_socket_is_waited_for_on_either_side),
    cmocka_unit_test(its_source_stays_when_the_number_is_reused),
    cmocka_unit_test(a_cancelled_one_leaves_the_bytes),
    cmocka_unit_test(a_pipe_that_must_not_wait_says_so),
    cmocka_unit_test(a_broken_pipe_raises_no_signal),
    cmocka_unit_test(storage_is_spliced_by_a_worker),
    cmocka_unit_test(a_terminal_is_waited_for),
    cmocka_unit_test(what_epoll_refuses_never_changes),
    cmocka_unit_test(a_ring_takes_no_interests),
};

SR_TEST_MAIN(tests)
