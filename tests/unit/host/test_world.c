/*
 * The host world alone: this file stands in for the engine, so that each answer of the world is seen.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/engine.h"
#include "host/host.h"
#include "support/main.h"

#define SECOND UINT64_C(1000000000)

/* ---- In place of the engine: one attempt at a time, and what was said of it. ---- */

struct sri_engine {
    struct sri_attempt *ready;
    struct sri_attempt *finished;
    int64_t result;
    uint64_t due_ns;
};

void sri_engine_ready(struct sri_engine *engine, struct sri_attempt *attempt)
{
    engine->ready = attempt;
}

void sri_engine_finish(struct sri_engine *engine, struct sri_attempt *attempt, int64_t result)
{
    engine->finished = attempt;
    engine->result = result;
}

uint64_t sri_engine_next_due_ns(const struct sri_engine *engine)
{
    return engine->due_ns;
}

struct fixture {
    struct sri_world world;
    struct sri_engine engine;
    struct sri_attempt attempt;
    struct iovec segment;
};

static void begin(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->engine.due_ns = SRI_NEVER;
    assert_int_equal(sri_host_world_new(&f->world), 0);
    sri_host_world_attach(f->world, &f->engine);
    f->world.vtable->lock(f->world.self);
}

static void end(struct fixture *f)
{
    f->world.vtable->unlock(f->world.self);
    f->world.vtable->release(f->world.self);
}

/* The program runs between two visits to the world. */
static void leave_and_come_back(struct fixture *f)
{
    f->world.vtable->unlock(f->world.self);
    f->world.vtable->lock(f->world.self);
}

static void prepare(struct fixture *f, enum sri_work work, int fd, void *memory, size_t length)
{
    memset(&f->attempt, 0, sizeof f->attempt);
    f->segment.iov_base = memory;
    f->segment.iov_len = length;
    f->attempt.segments = &f->segment;
    f->attempt.segment_count = 1;
    f->attempt.limit = UINT64_MAX;
    f->attempt.work = (uint8_t)work;
    if (fd >= 0) {
        f->attempt.file = f->world.vtable->file_get(f->world.self, fd);
        assert_non_null(f->attempt.file);
    }
}

static enum sri_answer start(struct fixture *f, int64_t *result)
{
    return f->world.vtable->start(f->world.self, &f->attempt, result);
}

static void put(struct fixture *f)
{
    f->world.vtable->file_put(f->world.self, f->attempt.file);
}

static void wait_for(struct fixture *f)
{
    uint64_t until = f->world.vtable->now_ns(f->world.self) + 10 * SECOND;
    f->engine.ready = NULL;
    while (f->engine.ready == NULL && f->engine.finished == NULL &&
           f->world.vtable->now_ns(f->world.self) < until)
        assert_int_equal(f->world.vtable->wait(f->world.self, until, NULL, 0), 0);
}

/* To the end, however many times it must wait. */
static int64_t complete(struct fixture *f)
{
    int64_t result = 0;
    enum sri_answer answer = start(f, &result);
    while (answer != SRI_DONE) {
        f->engine.finished = NULL;
        wait_for(f);
        if (f->engine.finished == &f->attempt)
            return f->engine.result;
        assert_ptr_equal(f->engine.ready, &f->attempt);
        answer = start(f, &result);
    }
    return result;
}

static void make_pipe(int ends[2], int flags)
{
    assert_int_equal(pipe2(ends, O_CLOEXEC | flags), 0);
}

static void close_both(const int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

/* ---- The tests. ---- */

/* An empty pipe makes a read wait, whether it is non-blocking or not, and a byte makes it ready. */
static void a_read_of_an_empty_pipe_waits(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        begin(&f);
        int ends[2];
        char byte = 0;
        int64_t result;
        make_pipe(ends, i == 0 ? 0 : O_NONBLOCK);
        prepare(&f, SRI_WORK_READ, ends[0], &byte, 1);

        assert_int_equal(start(&f, &result), SRI_WAIT);
        assert_int_equal(write(ends[1], "x", 1), 1);
        wait_for(&f);
        assert_ptr_equal(f.engine.ready, &f.attempt);
        assert_int_equal(start(&f, &result), SRI_DONE);

        assert_int_equal(result, 1);
        assert_int_equal(byte, 'x');
        put(&f);
        close_both(ends);
        end(&f);
    }
}

/* RWF_NOWAIT asks for -EAGAIN in place of waiting. */
static void a_read_that_must_not_wait_says_so(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    int ends[2];
    char byte;
    int64_t result;
    make_pipe(ends, 0);
    prepare(&f, SRI_WORK_READ, ends[0], &byte, 1);
    f.attempt.flags = RWF_NOWAIT;

    assert_int_equal(start(&f, &result), SRI_DONE);

    assert_int_equal(result, -EAGAIN);
    put(&f);
    close_both(ends);
    end(&f);
}

/* The program may close its number and use it again: who waits still waits for the old object. */
static void a_waiting_read_keeps_its_object_when_the_number_is_reused(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    int old[2];
    int other[2];
    char byte = 0;
    int64_t result;
    make_pipe(old, 0);
    make_pipe(other, 0);
    prepare(&f, SRI_WORK_READ, old[0], &byte, 1);
    assert_int_equal(start(&f, &result), SRI_WAIT);

    assert_int_equal(dup2(other[0], old[0]), old[0]);
    assert_int_equal(write(other[1], "n", 1), 1);
    assert_int_equal(write(old[1], "o", 1), 1);
    wait_for(&f);
    assert_int_equal(start(&f, &result), SRI_DONE);

    assert_int_equal(byte, 'o');
    put(&f);
    close_both(old);
    close_both(other);
    end(&f);
}

/* So does what is held and was never tried, as a registered file is. */
static void a_held_file_keeps_its_object_when_the_number_is_reused(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    int old[2];
    int other[2];
    char byte = 0;
    make_pipe(old, 0);
    make_pipe(other, 0);
    assert_int_equal(write(old[1], "o", 1), 1);
    assert_int_equal(write(other[1], "n", 1), 1);
    prepare(&f, SRI_WORK_READ, old[0], &byte, 1);

    leave_and_come_back(&f);
    assert_int_equal(dup2(other[0], old[0]), old[0]);

    assert_int_equal(complete(&f), 1);
    assert_int_equal(byte, 'o');
    put(&f);
    close_both(old);
    close_both(other);
    end(&f);
}

/* A bad number has no object. */
static void a_bad_descriptor_has_no_object(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);

    assert_null(f.world.vtable->file_get(f.world.self, -1));
    assert_null(f.world.vtable->file_get(f.world.self, 123456));

    end(&f);
}

/* A cancel of one that waits wins, and has no effect on the object. */
static void a_cancelled_read_leaves_the_byte(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    int ends[2];
    char byte;
    int64_t result;
    make_pipe(ends, 0);
    prepare(&f, SRI_WORK_READ, ends[0], &byte, 1);
    assert_int_equal(start(&f, &result), SRI_WAIT);
    assert_int_equal(write(ends[1], "x", 1), 1);

    assert_int_equal(f.world.vtable->cancel(f.world.self, &f.attempt), 0);

    put(&f);
    assert_int_equal(f.world.vtable->wait(f.world.self, 0, NULL, 0), 0);
    assert_null(f.engine.ready);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close_both(ends);
    end(&f);
}

/* A pipe without a reader is -EPIPE, and no signal ends the program. */
static void a_broken_pipe_raises_no_signal(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    signal(SIGPIPE, SIG_DFL);
    int ends[2];
    char byte = 'x';
    make_pipe(ends, 0);
    close(ends[0]);
    prepare(&f, SRI_WORK_WRITE, ends[1], &byte, 1);

    assert_int_equal(complete(&f), -EPIPE);

    put(&f);
    close(ends[1]);
    end(&f);
}

/* The same for a socket, by write and by send. */
static void a_closed_peer_raises_no_signal(void **state)
{
    (void)state;
    static const enum sri_work works[] = {SRI_WORK_WRITE, SRI_WORK_SEND};
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        begin(&f);
        signal(SIGPIPE, SIG_DFL);
        int ends[2];
        char byte = 'x';
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        close(ends[0]);
        prepare(&f, works[i], ends[1], &byte, 1);

        assert_int_equal(complete(&f), -EPIPE);

        put(&f);
        close(ends[1]);
        end(&f);
    }
}

static int temporary_file(char *path)
{
    strcpy(path, "/tmp/safer-ring-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    return fd;
}

/* A write past the limit of file sizes is -EFBIG, and no signal ends the program. */
static void a_file_that_is_too_large_raises_no_signal(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    char path[64];
    int fd = temporary_file(path);
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit small = {.rlim_cur = 4, .rlim_max = before.rlim_max};
    char bytes[4] = "abc";
    prepare(&f, SRI_WORK_WRITE, fd, bytes, 4);
    f.attempt.offset = 4;
    setrlimit(RLIMIT_FSIZE, &small);

    int64_t result = complete(&f);

    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(result, -EFBIG);
    put(&f);
    unlink(path);
    close(fd);
    end(&f);
}

/* Files are written and read at the offset, and at their own position where none is given; it moves only then. */
static void files_have_offsets_and_a_position(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    char path[64];
    int fd = temporary_file(path);
    char bytes[8] = "abcdefg";
    prepare(&f, SRI_WORK_WRITE, fd, bytes, 7);
    f.attempt.offset = 3;
    assert_int_equal(complete(&f), 7);
    put(&f);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);

    prepare(&f, SRI_WORK_READ, fd, bytes, 8);
    f.attempt.offset = SRI_OWN_POSITION;
    assert_int_equal(complete(&f), 8);
    put(&f);
    assert_memory_equal(bytes, "\0\0\0abcde", 8);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 8);

    prepare(&f, SRI_WORK_READ, fd, bytes, 8);
    f.attempt.offset = 8;
    assert_int_equal(complete(&f), 2);
    put(&f);
    prepare(&f, SRI_WORK_FSYNC, fd, NULL, 0);
    assert_int_equal(complete(&f), 0);
    put(&f);
    unlink(path);
    close(fd);
    end(&f);
}

struct offset_row {
    const char *name;
    uint64_t offset;
    int64_t on_socket;
    int64_t on_pipe;
    int64_t on_eventfd;
};

/* Offsets of objects without one, as measured with the kernel. */
static void offsets_of_streams_are_as_measured(void **state)
{
    (void)state;
    static const struct offset_row rows[] = {
        {"zero", 0, 8, 8, 8},
        {"own position", SRI_OWN_POSITION, 8, 8, 8},
        {"eight", 8, -ESPIPE, 8, 8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        begin(&f);
        int sockets[2];
        int ends[2];
        make_pipe(ends, 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
        int event = eventfd(1, 0);
        const int fds[] = {sockets[0], ends[0], event};
        const int64_t expected[] = {rows[i].on_socket, rows[i].on_pipe, rows[i].on_eventfd};
        assert_int_equal(write(sockets[1], "12345678", 8), 8);
        assert_int_equal(write(ends[1], "12345678", 8), 8);
        for (size_t j = 0; j < 3; j++) {
            char bytes[8];
            prepare(&f, SRI_WORK_READ, fds[j], bytes, 8);
            f.attempt.offset = rows[i].offset;
            int64_t result = complete(&f);
            if (result != expected[j])
                print_error("row \"%s\", object %zu: %lld\n", rows[i].name, j, (long long)result);
            assert_true(result == expected[j]);
            put(&f);
        }
        close(event);
        close_both(ends);
        close_both(sockets);
        end(&f);
    }
}

/* A limit cuts what is moved, across segments. */
static void a_limit_makes_a_transfer_short(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    int ends[2];
    make_pipe(ends, 0);
    assert_int_equal(write(ends[1], "abcdefgh", 8), 8);
    char first[2];
    char second[6] = "......";
    struct iovec segments[2] = {{first, 2}, {second, 6}};
    prepare(&f, SRI_WORK_READ, ends[0], NULL, 0);
    f.attempt.segments = segments;
    f.attempt.segment_count = 2;
    f.attempt.limit = 3;

    assert_int_equal(complete(&f), 3);

    assert_memory_equal(second, "c.....", 6);
    put(&f);
    close_both(ends);
    end(&f);
}

/* A named pipe has no way to be asked without blocking: it is read by a worker, once it is ready. */
static void a_named_pipe_is_read_by_a_worker(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    char path[64];
    int unused = temporary_file(path);
    close(unused);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char byte = 0;
    int64_t result;
    prepare(&f, SRI_WORK_READ, fd, &byte, 1);
    assert_int_equal(start(&f, &result), SRI_WAIT);
    assert_int_equal(write(fd, "f", 1), 1);
    wait_for(&f);

    assert_int_equal(complete(&f), 1);

    assert_int_equal(byte, 'f');
    put(&f);
    unlink(path);
    close(fd);
    end(&f);
}

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

#define PATH_SIZE (sizeof(struct sri_path) + 64)

/* A path to open for reading in `memory`; returns where its text goes. */
static char *path_to_read(char *memory)
{
    struct sri_path *path = (struct sri_path *)(void *)memory;
    memset(memory, 0, PATH_SIZE);
    path->directory = AT_FDCWD;
    path->flags = O_RDONLY;
    return path->path;
}

/* Opening and closing go by path and by number, and say what open(2) and close(2) would. */
static void files_are_opened_and_closed(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    _Alignas(struct sri_path) char where[PATH_SIZE];
    char *path = path_to_read(where);
    strcpy(path, "/dev/null");
    prepare(&f, SRI_WORK_OPEN, -1, NULL, 0);
    f.attempt.argument = where;
    struct sri_descriptor opened = {(int)complete(&f)};
    assert_true(opened.fd >= 0);

    prepare(&f, SRI_WORK_CLOSE, -1, NULL, 0);
    f.attempt.argument = &opened;
    assert_int_equal(complete(&f), 0);

    assert_int_equal(complete(&f), -EBADF);
    assert_int_equal(f.world.vtable->close(f.world.self, opened.fd), -EBADF);
    strcpy(path, "/nowhere/at/all");
    prepare(&f, SRI_WORK_OPEN, -1, NULL, 0);
    f.attempt.argument = where;
    assert_int_equal(complete(&f), -ENOENT);
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

/* A worker that does not come back (a connection whose backlog is full) does not keep the world from its end. */
static void the_world_ends_while_a_worker_is_blocked(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct sri_address to = {.length = sizeof(struct sockaddr_un)};
    struct sockaddr_un *at = (struct sockaddr_un *)&to.storage;
    memset(&to.storage, 0, sizeof to.storage);
    at->sun_family = AF_UNIX;
    close(temporary_file(at->sun_path));
    unlink(at->sun_path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)at, sizeof *at), 0);
    assert_int_equal(listen(listener, 0), 0);
    int clients[2];
    for (int i = 0; i < 2; i++)
        clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(clients[0], (struct sockaddr *)at, sizeof *at), 0);
    int64_t result;
    prepare(&f, SRI_WORK_CONNECT, clients[1], NULL, 0);
    f.attempt.argument = &to;
    assert_int_equal(start(&f, &result), SRI_RUNNING);

    assert_int_equal(f.world.vtable->wait(f.world.self, SRI_NEVER, NULL, 0), 0);

    assert_ptr_equal(f.engine.finished, &f.attempt);
    put(&f);
    end(&f);
    unlink(at->sun_path);
    close_both(clients);
    close(listener);
}

/* A named pipe that nobody writes is opened at once, and can then be waited for. */
static void opening_a_named_pipe_does_not_wait(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    _Alignas(struct sri_path) char where[PATH_SIZE];
    char *path = path_to_read(where);
    close(temporary_file(path));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    prepare(&f, SRI_WORK_OPEN, -1, NULL, 0);
    f.attempt.argument = where;

    int fd = (int)complete(&f);

    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    unlink(path);
    close(fd);
    end(&f);
}

/* Bytes nobody may touch are -EFAULT, not a crash. */
static void a_bad_address_is_an_error(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    int ends[2];
    make_pipe(ends, 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    prepare(&f, SRI_WORK_READ, ends[0], (void *)(uintptr_t)16, 1);

    assert_int_equal(complete(&f), -EFAULT);

    put(&f);
    close_both(ends);
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
    cmocka_unit_test(a_read_of_an_empty_pipe_waits),
    cmocka_unit_test(a_read_that_must_not_wait_says_so),
    cmocka_unit_test(a_waiting_read_keeps_its_object_when_the_number_is_reused),
    cmocka_unit_test(a_held_file_keeps_its_object_when_the_number_is_reused),
    cmocka_unit_test(a_bad_descriptor_has_no_object),
    cmocka_unit_test(a_cancelled_read_leaves_the_byte),
    cmocka_unit_test(a_broken_pipe_raises_no_signal),
    cmocka_unit_test(a_closed_peer_raises_no_signal),
    cmocka_unit_test(a_file_that_is_too_large_raises_no_signal),
    cmocka_unit_test(files_have_offsets_and_a_position),
    cmocka_unit_test(offsets_of_streams_are_as_measured),
    cmocka_unit_test(a_limit_makes_a_transfer_short),
    cmocka_unit_test(a_named_pipe_is_read_by_a_worker),
    cmocka_unit_test(a_connection_is_made_and_accepted),
    cmocka_unit_test(a_refused_connection_says_so),
    cmocka_unit_test(a_stolen_connection_leaves_the_accept_pending),
    cmocka_unit_test(polls_tell_what_is_true),
    cmocka_unit_test(files_are_opened_and_closed),
    cmocka_unit_test(a_ring_takes_the_lowest_number_only),
    cmocka_unit_test(a_rings_descriptor_wakes_for_all_it_waits_for),
    cmocka_unit_test(a_wait_is_ended_from_another_thread),
    cmocka_unit_test(the_world_ends_while_a_worker_is_blocked),
    cmocka_unit_test(opening_a_named_pipe_does_not_wait),
    cmocka_unit_test(a_bad_address_is_an_error),
    cmocka_unit_test(the_end_leaves_no_descriptor),
};

SR_TEST_MAIN(tests)
