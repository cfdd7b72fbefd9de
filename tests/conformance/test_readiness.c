/*
 * What POLL_ADD says of every kind of object, epoll instances kept by EPOLL_CTL, counters, and commands no file knows.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>

#include "support/conform.h"
#include "support/conform_sockets.h"
#include "support/main.h"

static void control(struct conform *c, uint64_t id, int epoll, int fd, int operation, unsigned events)
{
    static struct epoll_event event;
    event = (struct epoll_event){.events = events, .data.u64 = id};
    io_uring_prep_epoll_ctl(conform_sqe(c, id), epoll, fd, operation, &event);
    conform_do(c, 1);
}

static void files_are_always_ready(struct conform *c)
{
    int fd = conform_file(c, "a");
    conform_polled(c, fd);
    io_uring_prep_poll_add(conform_sqe(c, 1), fd, POLLIN);
    conform_do(c, 1);
    conform_close(c, fd);
}

static void a_pipe_is_ready_by_its_ends(struct conform *c)
{
    int ends[2];
    conform_small_pipe(c, 4096, ends);
    conform_polled(c, ends[0]);
    conform_polled(c, ends[1]);
    char text[4097];
    memset(text, 'x', 4096);
    text[4096] = 0;
    conform_write(c, ends[1], text);
    conform_polled(c, ends[0]);
    conform_polled(c, ends[1]);
    conform_close(c, ends[1]);
    conform_polled(c, ends[0]);
    conform_value(c, "read", c->objects->read(c->self, ends[0], text, 4096));
    conform_polled(c, ends[0]);
    conform_close(c, ends[0]);
    conform_pipe(c, ends);
    conform_close(c, ends[0]);
    conform_polled(c, ends[1]);
    conform_close(c, ends[1]);
}

static void a_counter_is_ready_by_its_count(struct conform *c)
{
    uint64_t word = UINT64_MAX - 1;
    int fd = conform_eventfd(c, 0, false);
    conform_polled(c, fd);
    io_uring_prep_write(conform_sqe(c, 1), fd, &word, sizeof word, 0);
    conform_do(c, 1);
    conform_polled(c, fd);
    io_uring_prep_read(conform_sqe(c, 2), fd, &word, sizeof word, 0);
    conform_do(c, 1);
    conform_value(c, "all", word == UINT64_MAX - 1);
    conform_polled(c, fd);
    conform_close(c, fd);
}

static void a_semaphore_counts_down(struct conform *c)
{
    uint64_t word = 0;
    int fd = conform_eventfd(c, 2, true);
    for (uint64_t i = 1; i < 3; i++) {
        io_uring_prep_read(conform_sqe(c, i), fd, &word, sizeof word, 0);
        conform_do(c, 1);
        conform_value(c, "word", (int64_t)word);
    }
    io_uring_prep_read(conform_sqe(c, 3), fd, &word, sizeof word, 0);
    conform_submit(c);
    conform_take_now(c);
    word = 5;
    io_uring_prep_write(conform_sqe(c, 4), fd, &word, sizeof word, 0);
    conform_submit(c);
    struct io_uring_cqe cqe;
    int results[5] = {0};
    for (int i = 0; i < 2; i++) {
        raw_ring_wait(&c->ring, 1, UINT64_C(5000000000));
        if (raw_ring_take(&c->ring, &cqe) && cqe.user_data < 5)
            results[cqe.user_data] = cqe.res;
    }
    conform_say(c, "read %d, written %d\n", results[3], results[4]);
    conform_polled(c, fd);
    conform_close(c, fd);
}

static void a_counter_wants_eight_bytes(struct conform *c)
{
    uint64_t words[2] = {UINT64_MAX, 1};
    int fd = conform_eventfd(c, 3, false);
    io_uring_prep_write(conform_sqe(c, 1), fd, words, 8, 0);
    conform_do(c, 1);
    io_uring_prep_write(conform_sqe(c, 2), fd, words, 7, 0);
    conform_do(c, 1);
    io_uring_prep_read(conform_sqe(c, 3), fd, words, 7, 0);
    conform_do(c, 1);
    io_uring_prep_read(conform_sqe(c, 4), fd, words, 16, 0);
    conform_do(c, 1);
    struct io_uring_sqe *sqe = conform_sqe(c, 5);
    io_uring_prep_read(sqe, fd, words, 16, 8);
    sqe->rw_flags = RWF_NOWAIT;
    conform_do(c, 1);
    conform_close(c, fd);
}

static void a_listener_is_ready_by_who_waits(struct conform *c)
{
    static const int domains[] = {AF_UNIX, AF_INET};
    for (uint64_t i = 0; i < 2; i++) {
        struct conform_address address;
        int listener = conform_listener(c, domains[i], 4, &address);
        int fd = conform_socket(c, domains[i], SOCK_STREAM);
        conform_polled(c, listener);
        io_uring_prep_connect(conform_sqe(c, 1), fd, (struct sockaddr *)&address.storage, address.length);
        conform_do(c, 1);
        conform_polled(c, listener);
        conform_polled(c, fd);
        conform_close(c, fd);
        conform_close(c, listener);
    }
}

static void a_connection_is_ready_by_bytes_and_room(struct conform *c)
{
    static const int domains[] = {AF_UNIX, AF_INET};
    for (uint64_t i = 0; i < 2; i++) {
        int ends[2];
        conform_connect(c, domains[i], ends);
        conform_polled(c, ends[0]);
        conform_write(c, ends[1], "a");
        conform_polled(c, ends[0]);
        conform_close_both(c, ends);
    }
}

static void datagram_sockets_are_ready_by_their_queues(struct conform *c)
{
    static const int domains[] = {AF_UNIX, AF_INET};
    for (uint64_t i = 0; i < 2; i++) {
        struct conform_address address;
        int fd = conform_bound(c, domains[i], SOCK_DGRAM, &address);
        int other = conform_socket(c, domains[i], SOCK_DGRAM);
        conform_polled(c, fd);
        conform_polled(c, other);
        io_uring_prep_connect(conform_sqe(c, 1), other, (struct sockaddr *)&address.storage, address.length);
        conform_do(c, 1);
        conform_write(c, other, "a");
        conform_polled(c, fd);
        conform_polled(c, other);
        conform_close(c, fd);
        conform_close(c, other);
    }
}

static void a_poll_waits_for_what_it_asks(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pair(c, SOCK_STREAM, ends);
    io_uring_prep_poll_add(conform_sqe(c, 1), ends[0], POLLIN);
    io_uring_prep_poll_add(conform_sqe(c, 2), ends[0], POLLRDHUP);
    io_uring_prep_poll_add(conform_sqe(c, 3), ends[0], POLLPRI);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "a");
    conform_take(c, 1);
    conform_take_now(c);
    io_uring_prep_shutdown(conform_sqe(c, 4), ends[1], SHUT_WR);
    conform_submit(c);
    int masks[5] = {0};
    for (int i = 0; i < 3; i++) {
        struct io_uring_cqe cqe;
        raw_ring_wait(&c->ring, 1, UINT64_C(5000000000));
        if (raw_ring_take(&c->ring, &cqe) && cqe.user_data < 5)
            masks[cqe.user_data] = cqe.res;
    }
    conform_say(c, "asked for RDHUP:");
    conform_say_mask(c, (unsigned)masks[2]);
    conform_say(c, "\nasked for PRI:");
    conform_say_mask(c, (unsigned)masks[3]);
    conform_say(c, "\n");
    conform_close(c, ends[1]);
    io_uring_prep_recv(conform_sqe(c, 5), ends[0], &byte, 1, 0);
    conform_do(c, 1);
    conform_close(c, ends[0]);
}

static void an_epoll_instance_is_ready_by_what_it_watches(struct conform *c)
{
    int ends[2];
    int epoll = conform_epoll(c);
    conform_pipe(c, ends);
    conform_polled(c, epoll);
    control(c, 1, epoll, ends[0], EPOLL_CTL_ADD, EPOLLIN);
    conform_polled(c, epoll);
    conform_write(c, ends[1], "a");
    conform_polled(c, epoll);
    control(c, 2, epoll, ends[0], EPOLL_CTL_MOD, EPOLLPRI);
    conform_polled(c, epoll);
    control(c, 3, epoll, ends[0], EPOLL_CTL_MOD, EPOLLIN);
    conform_polled(c, epoll);
    control(c, 4, epoll, ends[0], EPOLL_CTL_DEL, 0);
    conform_polled(c, epoll);
    conform_close(c, epoll);
    conform_close_both(c, ends);
}

static void a_poll_of_an_epoll_instance_wakes(struct conform *c)
{
    int ends[2];
    int epoll = conform_epoll(c);
    conform_pipe(c, ends);
    control(c, 1, epoll, ends[0], EPOLL_CTL_ADD, EPOLLIN);
    io_uring_prep_poll_add(conform_sqe(c, 2), epoll, POLLIN);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "a");
    conform_take(c, 1);
    conform_close(c, epoll);
    conform_close_both(c, ends);
}

static void epoll_instances_nest(struct conform *c)
{
    int ends[2];
    int outer = conform_epoll(c);
    int inner = conform_epoll(c);
    conform_pipe(c, ends);
    control(c, 1, outer, inner, EPOLL_CTL_ADD, EPOLLIN);
    control(c, 2, inner, ends[0], EPOLL_CTL_ADD, EPOLLIN);
    conform_polled(c, outer);
    conform_write(c, ends[1], "a");
    conform_polled(c, outer);
    control(c, 3, inner, outer, EPOLL_CTL_ADD, EPOLLIN);
    control(c, 4, inner, inner, EPOLL_CTL_ADD, EPOLLIN);
    conform_close(c, outer);
    conform_close(c, inner);
    conform_close_both(c, ends);
}

static void a_closed_descriptor_leaves_its_epoll_instance(struct conform *c)
{
    int ends[2];
    int epoll = conform_epoll(c);
    conform_pipe(c, ends);
    conform_write(c, ends[1], "a");
    control(c, 1, epoll, ends[0], EPOLL_CTL_ADD, EPOLLIN);
    conform_polled(c, epoll);
    conform_close(c, ends[0]);
    conform_polled(c, epoll);
    conform_close(c, ends[1]);
    conform_close(c, epoll);
}

static void what_epoll_refuses(struct conform *c)
{
    int ends[2];
    int epoll = conform_epoll(c);
    conform_pipe(c, ends);
    int fd = conform_file(c, "a");
    control(c, 1, epoll, ends[0], EPOLL_CTL_ADD, EPOLLIN);
    control(c, 2, epoll, ends[0], EPOLL_CTL_ADD, EPOLLIN);
    control(c, 3, epoll, ends[1], EPOLL_CTL_MOD, EPOLLIN);
    control(c, 4, epoll, ends[1], EPOLL_CTL_DEL, 0);
    control(c, 5, epoll, 12345, EPOLL_CTL_ADD, EPOLLIN);
    control(c, 6, 12345, ends[0], EPOLL_CTL_ADD, EPOLLIN);
    control(c, 7, ends[0], ends[1], EPOLL_CTL_ADD, EPOLLIN);
    control(c, 8, epoll, fd, EPOLL_CTL_ADD, EPOLLIN);
    control(c, 9, epoll, ends[1], 77, EPOLLIN);
    io_uring_prep_epoll_ctl(conform_sqe(c, 10), epoll, ends[1], EPOLL_CTL_ADD,
                            (struct epoll_event *)(uintptr_t)16);
    conform_do(c, 1);
    for (int i = 0; i < 3; i++) {
        struct epoll_event event = {.events = EPOLLIN};
        struct io_uring_sqe *sqe = conform_sqe(c, 11);
        io_uring_prep_epoll_ctl(sqe, epoll, ends[1], EPOLL_CTL_ADD, &event);
        sqe->buf_index = i == 0;
        sqe->splice_fd_in = i == 1;
        sqe->ioprio = i == 2;
        conform_do(c, 1);
    }
    conform_close(c, fd);
    conform_close(c, epoll);
    conform_close_both(c, ends);
}

static void an_epoll_instance_is_no_socket(struct conform *c)
{
    char byte = 0;
    int epoll = conform_epoll(c);
    io_uring_prep_recv(conform_sqe(c, 1), epoll, &byte, 1, 0);
    io_uring_prep_send(conform_sqe(c, 2), epoll, &byte, 1, 0);
    io_uring_prep_accept(conform_sqe(c, 3), epoll, NULL, NULL, 0);
    io_uring_prep_splice(conform_sqe(c, 4), epoll, -1, epoll, -1, 1, 0);
    conform_submit(c);
    conform_take(c, 4);
    conform_close(c, epoll);
}

/* Bytes it never has; but that is told only when it is ready. */
static void an_epoll_instance_has_no_bytes(struct conform *c)
{
    char byte = 0;
    int epoll = conform_epoll(c);
    int fd = conform_eventfd(c, 0, false);
    control(c, 1, epoll, fd, EPOLL_CTL_ADD, EPOLLIN);
    struct io_uring_sqe *sqe = conform_sqe(c, 2);
    io_uring_prep_read(sqe, epoll, &byte, 1, 0);
    sqe->rw_flags = RWF_NOWAIT;
    conform_do(c, 1);
    io_uring_prep_read(conform_sqe(c, 3), epoll, &byte, 1, 0);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, fd, "12345678");
    conform_take(c, 1);
    io_uring_prep_read(conform_sqe(c, 4), epoll, &byte, 1, 0);
    conform_do(c, 1);
    io_uring_prep_write(conform_sqe(c, 5), epoll, &byte, 1, 0);
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_cancel64(conform_sqe(c, 6), 5, 0);
    conform_do(c, 2);
    conform_close(c, fd);
    conform_close(c, epoll);
}

static void another_ring_is_polled(struct conform *c)
{
    struct io_uring_cqe cqe;
    struct raw_ring other;
    assert_int_equal(raw_ring_open(&other, c->ring.backend, 4, 0), 0);
    conform_polled(c, other.fd);
    io_uring_prep_poll_add(conform_sqe(c, 1), other.fd, POLLIN);
    conform_submit(c);
    conform_take_now(c);
    raw_ring_sqe(&other, 7);
    conform_value(c, "other", raw_ring_submit(&other));
    conform_take(c, 1);
    conform_polled(c, other.fd);
    conform_value(c, "taken", raw_ring_take(&other, &cqe));
    raw_ring_get_events(&other);
    conform_polled(c, other.fd);
    raw_ring_close(&other);
}

static void a_file_knows_no_commands(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    int fd = conform_file(c, "a");
    int fds[] = {fd, ends[0], 12345};
    for (uint64_t i = 0; i < 3; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, i + 1);
        sqe->opcode = IORING_OP_URING_CMD;
        sqe->fd = fds[i];
        sqe->cmd_op = 77;
        conform_do(c, 1);
    }
    for (int i = 0; i < 2; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, 4);
        sqe->opcode = IORING_OP_URING_CMD;
        sqe->fd = fd;
        if (i == 0)
            sqe->rw_flags = 0x40;
        else
            sqe->__pad1 = 1;
        conform_do(c, 1);
    }
    conform_close(c, fd);
    conform_close_both(c, ends);
}

#define CASE(function, text)                                 \
    {                                                        \
        .name = #function, .run = function, .expected = text \
    }

static const struct conform_case cases[] = {
    CASE(files_are_always_ready, "polled: IN OUT RDNORM WRNORM\n1: 1\n"),
    CASE(a_pipe_is_ready_by_its_ends,
         "polled: nothing\npolled: OUT WRNORM\nwritten: 4096\npolled: IN RDNORM\npolled: nothing\n"
         "polled: IN HUP RDNORM\nread: 4096\npolled: HUP\npolled: OUT ERR WRNORM\n"),
    CASE(a_counter_is_ready_by_its_count, "polled: OUT\n1: 8\npolled: IN\n2: 8\nall: 1\npolled: OUT\n"),
    CASE(a_semaphore_counts_down,
         "1: 8\nword: 1\n2: 8\nword: 1\nsubmit: 1\nnothing\nsubmit: 1\nread 8, written 8\n"
         "polled: IN OUT\n"),
    CASE(a_counter_wants_eight_bytes, "1: EINVAL\n2: EINVAL\n3: EINVAL\n4: 8\n5: EAGAIN\n"),
    CASE(a_listener_is_ready_by_who_waits,
         "polled: nothing\n1: 0\npolled: IN RDNORM\npolled: OUT WRNORM WRBAND\npolled: nothing\n1: 0\n"
         "polled: IN RDNORM\npolled: OUT WRNORM\n"),
    CASE(a_connection_is_ready_by_bytes_and_room,
         "polled: OUT WRNORM WRBAND\nwritten: 1\npolled: IN OUT RDNORM WRNORM WRBAND\n"
         "polled: OUT WRNORM\nwritten: 1\npolled: IN OUT RDNORM WRNORM\n"),
    CASE(datagram_sockets_are_ready_by_their_queues,
         "polled: OUT WRNORM WRBAND\npolled: OUT WRNORM WRBAND\n1: 0\nwritten: 1\n"
         "polled: IN OUT RDNORM WRNORM WRBAND\npolled: OUT WRNORM WRBAND\npolled: OUT WRNORM WRBAND\n"
         "polled: OUT WRNORM WRBAND\n1: 0\nwritten: 1\npolled: IN OUT RDNORM WRNORM WRBAND\n"
         "polled: OUT WRNORM WRBAND\n"),
    CASE(a_poll_waits_for_what_it_asks,
         "submit: 3\nnothing\nwritten: 1\n1: 1\nnothing\nsubmit: 1\nasked for RDHUP: RDHUP\n"
         "asked for PRI: RDHUP\n5: 1\n"),
    CASE(an_epoll_instance_is_ready_by_what_it_watches,
         "polled: nothing\n1: 0\npolled: nothing\nwritten: 1\npolled: IN RDNORM\n2: 0\n"
         "polled: nothing\n3: 0\npolled: IN RDNORM\n4: 0\npolled: nothing\n"),
    CASE(a_poll_of_an_epoll_instance_wakes, "1: 0\nsubmit: 1\nnothing\nwritten: 1\n2: 1\n"),
    CASE(epoll_instances_nest,
         "1: 0\n2: 0\npolled: nothing\nwritten: 1\npolled: IN RDNORM\n3: ELOOP\n4: EINVAL\n"),
    CASE(a_closed_descriptor_leaves_its_epoll_instance,
         "written: 1\n1: 0\npolled: IN RDNORM\npolled: nothing\n"),
    CASE(what_epoll_refuses,
         "1: 0\n2: EEXIST\n3: ENOENT\n4: ENOENT\n5: EBADF\n6: EBADF\n7: EINVAL\n8: EPERM\n9: EINVAL\n"
         "10: EFAULT\n11: EINVAL\n11: EINVAL\n11: EINVAL\n"),
    CASE(an_epoll_instance_is_no_socket, "submit: 4\n1: ENOTSOCK\n2: ENOTSOCK\n3: ENOTSOCK\n4: EINVAL\n"),
    CASE(an_epoll_instance_has_no_bytes,
         "1: 0\n2: EOPNOTSUPP\nsubmit: 1\nnothing\nwritten: 8\n3: EINVAL\n4: EINVAL\nsubmit: 1\n"
         "nothing\n6: 0\n5: ECANCELED\n"),
    CASE(another_ring_is_polled,
         "polled: OUT WRNORM\nsubmit: 1\nnothing\nother: 1\n1: 1\npolled: IN OUT RDNORM WRNORM\n"
         "taken: 1\npolled: OUT WRNORM\n"),
    CASE(a_file_knows_no_commands, "1: EOPNOTSUPP\n2: EOPNOTSUPP\n3: EBADF\n4: EINVAL\n4: EINVAL\n"),
};

/* The true kernel answers as it did when the expectations were written. */
static void readiness_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void readiness_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void readiness_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(readiness_on_io_uring),
    cmocka_unit_test(readiness_on_the_engine),
    cmocka_unit_test(readiness_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
