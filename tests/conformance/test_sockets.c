/*
 * Messages and connections, the same on every kernel.
 */
#include "support/conform.h"
#include "support/main.h"

static void a_socket_knows_two_offsets(struct conform *c)
{
    static const uint64_t offsets[] = {0, UINT64_MAX, 8};
    char byte;
    int ends[2];
    conform_socketpair(c, ends);
    conform_write(c, ends[1], "abc");
    for (uint64_t i = 0; i < 3; i++) {
        io_uring_prep_read(conform_sqe(c, i + 1), ends[0], &byte, 1, offsets[i]);
        conform_submit(c);
        conform_take(c, 1);
    }
    conform_close_both(c, ends);
}

static void what_is_sent_is_received(struct conform *c)
{
    char bytes[8];
    int ends[2];
    conform_socketpair(c, ends);
    io_uring_prep_send(conform_sqe(c, 1), ends[0], "hello", 5, 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_recv(conform_sqe(c, 2), ends[1], bytes, sizeof bytes, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_data(c, bytes, 5);
    conform_close_both(c, ends);
}

static void a_receive_waits_for_its_bytes(struct conform *c)
{
    char bytes[8];
    int ends[2];
    conform_socketpair(c, ends);
    io_uring_prep_recv(conform_sqe(c, 1), ends[1], bytes, sizeof bytes, 0);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[0], "ab");
    conform_take(c, 1);
    conform_data(c, bytes, 2);
    conform_close_both(c, ends);
}

static void a_receive_that_must_not_wait_says_so(struct conform *c)
{
    char byte;
    int ends[2];
    conform_socketpair(c, ends);
    io_uring_prep_recv(conform_sqe(c, 1), ends[1], &byte, 1, MSG_DONTWAIT);
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void a_receive_of_all_gathers(struct conform *c)
{
    char bytes[5];
    int ends[2];
    conform_socketpair(c, ends);
    conform_write(c, ends[0], "ab");
    io_uring_prep_recv(conform_sqe(c, 1), ends[1], bytes, sizeof bytes, MSG_WAITALL);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[0], "cd");
    conform_take_now(c);
    conform_write(c, ends[0], "e");
    conform_take(c, 1);
    conform_data(c, bytes, sizeof bytes);
    conform_close_both(c, ends);
}

static void a_receive_of_all_is_short_at_the_end(struct conform *c)
{
    char bytes[5];
    int ends[2];
    conform_socketpair(c, ends);
    conform_write(c, ends[0], "ab");
    io_uring_prep_recv(conform_sqe(c, 1), ends[1], bytes, sizeof bytes, MSG_WAITALL);
    conform_submit(c);
    conform_close(c, ends[0]);
    conform_take(c, 1);
    conform_close(c, ends[1]);
}

static void a_peek_leaves_the_bytes(struct conform *c)
{
    char bytes[2];
    int ends[2];
    conform_socketpair(c, ends);
    conform_write(c, ends[0], "ab");
    io_uring_prep_recv(conform_sqe(c, 1), ends[1], bytes, sizeof bytes, MSG_PEEK);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_recv(conform_sqe(c, 2), ends[1], bytes, sizeof bytes, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void a_closed_peer_is_the_end(struct conform *c)
{
    char byte;
    int ends[2];
    conform_socketpair(c, ends);
    conform_close(c, ends[0]);
    io_uring_prep_recv(conform_sqe(c, 1), ends[1], &byte, 1, 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_send(conform_sqe(c, 2), ends[1], "x", 1, MSG_NOSIGNAL);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, ends[1]);
}

static void messages_need_a_socket(struct conform *c)
{
    char byte = 'x';
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_recv(conform_sqe(c, 1), ends[0], &byte, 1, 0);
    io_uring_prep_send(conform_sqe(c, 2), ends[1], &byte, 1, 0);
    io_uring_prep_accept(conform_sqe(c, 3), ends[0], NULL, NULL, 0);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void a_connection_is_made_and_accepted(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    char bytes[4];
    int listener = c->objects->listen(c->self, &address, &length);
    int client = c->objects->socket(c->self);
    io_uring_prep_accept(conform_sqe(c, 1), listener, NULL, NULL, 0);
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_connect(conform_sqe(c, 2), client, (struct sockaddr *)&address, length);
    conform_submit(c);
    struct io_uring_cqe cqe;
    int accepted = -1;
    for (int i = 0; i < 2; i++) {
        raw_ring_wait(&c->ring, 1, UINT64_C(5000000000));
        if (!raw_ring_take(&c->ring, &cqe))
            continue;
        if (cqe.user_data == 1)
            accepted = cqe.res;
        else
            conform_value(c, "connect", cqe.res);
    }
    conform_say(c, "accepted: %s\n", accepted >= 0 ? "yes" : "no");
    conform_write(c, client, "hi");
    io_uring_prep_recv(conform_sqe(c, 3), accepted, bytes, sizeof bytes, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_data(c, bytes, 2);
    conform_close(c, accepted);
    conform_close(c, client);
    conform_close(c, listener);
}

static void a_connection_that_waits_is_accepted_at_once(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    int listener = c->objects->listen(c->self, &address, &length);
    int client = c->objects->socket(c->self);
    io_uring_prep_connect(conform_sqe(c, 1), client, (struct sockaddr *)&address, length);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_accept(conform_sqe(c, 2), listener, NULL, NULL, 0);
    conform_submit(c);
    int accepted = conform_take_descriptor(c);
    conform_close(c, accepted);
    conform_close(c, client);
    conform_close(c, listener);
}

static void what_does_not_listen_accepts_nothing(struct conform *c)
{
    int fd = c->objects->socket(c->self);
    io_uring_prep_accept(conform_sqe(c, 1), fd, NULL, NULL, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, fd);
}

static const struct conform_case cases[] = {
    {.name = "a socket knows two offsets",
     .run = a_socket_knows_two_offsets,
     .expected = "written: 3\nsubmit: 1\n1: 1\nsubmit: 1\n2: 1\nsubmit: 1\n3: ESPIPE\n"},
    {.name = "what is sent is received",
     .run = what_is_sent_is_received,
     .expected = "submit: 1\n1: 5\nsubmit: 1\n2: 5\ndata: hello\n"},
    {.name = "a receive waits for its bytes",
     .run = a_receive_waits_for_its_bytes,
     .expected = "submit: 1\nnothing\nwritten: 2\n1: 2\ndata: ab\n"},
    {.name = "a receive that must not wait says so",
     .run = a_receive_that_must_not_wait_says_so,
     .expected = "submit: 1\n1: EAGAIN\n"},
    {.name = "a receive of all gathers",
     .run = a_receive_of_all_gathers,
     .expected = "written: 2\nsubmit: 1\nnothing\nwritten: 2\nnothing\nwritten: 1\n1: 5\ndata: abcde\n"},
    {.name = "a receive of all is short at the end",
     .run = a_receive_of_all_is_short_at_the_end,
     .expected = "written: 2\nsubmit: 1\n1: 2\n"},
    {.name = "a peek leaves the bytes",
     .run = a_peek_leaves_the_bytes,
     .expected = "written: 2\nsubmit: 1\n1: 2\nsubmit: 1\n2: 2\n"},
    {.name = "a closed peer is the end",
     .run = a_closed_peer_is_the_end,
     .expected = "submit: 1\n1: 0\nsubmit: 1\n2: EPIPE\n"},
    {.name = "messages need a socket",
     .run = messages_need_a_socket,
     .expected = "submit: 3\n1: ENOTSOCK\n2: ENOTSOCK\n3: ENOTSOCK\n"},
    {.name = "a connection is made and accepted",
     .run = a_connection_is_made_and_accepted,
     .expected = "submit: 1\nnothing\nsubmit: 1\nconnect: 0\naccepted: yes\nwritten: 2\nsubmit: 1\n"
                 "3: 2\ndata: hi\n"},
    {.name = "a connection that waits is accepted at once",
     .run = a_connection_that_waits_is_accepted_at_once,
     .expected = "submit: 1\n1: 0\nsubmit: 1\n2: a descriptor\n"},
    {.name = "what does not listen accepts nothing",
     .run = what_does_not_listen_accepts_nothing,
     .expected = "submit: 1\n1: EINVAL\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void sockets_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void sockets_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void sockets_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(sockets_on_io_uring),
    cmocka_unit_test(sockets_on_the_engine),
    cmocka_unit_test(sockets_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
