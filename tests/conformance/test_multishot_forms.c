/*
 * Requests that go on, chosen buffers and zero-copy sends together with the other forms of an entry and of a ring: direct
 * descriptors, registered buffers, IOSQE_ASYNC, deferred work, cancels by every key. The same on every kernel.
 */
#include <poll.h>
#include <string.h>

#include "support/conform.h"
#include "support/conform_register.h"
#include "support/main.h"

#define GROUP 3
#define SIZE 4u

static char memory[16 * SIZE];

static void provide(struct conform *c, unsigned count)
{
    memset(memory, '.', sizeof memory);
    io_uring_prep_provide_buffers(conform_sqe(c, 100), memory, SIZE, (int)count, GROUP, 0);
    conform_submit(c);
    conform_take(c, 1);
}

static struct io_uring_sqe *receiver(struct conform *c, uint64_t user_data, int fd)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    return sqe;
}

static struct io_uring_sqe *single(struct conform *c, uint64_t user_data, int fd)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_recv(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    return sqe;
}

static struct io_uring_sqe *poller(struct conform *c, uint64_t user_data, int fd)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_poll_multishot(sqe, fd, POLLIN);
    return sqe;
}

static void cancel(struct conform *c, uint64_t user_data, uint64_t target)
{
    io_uring_prep_cancel64(conform_sqe(c, user_data), target, 0);
    conform_submit(c);
}

/* Takes two, in the order of their names: which comes first is not determined. */
static void take_both(struct conform *c)
{
    uint64_t names[2] = {0, 0};
    int results[2] = {0, 0};
    unsigned flags[2] = {0, 0};
    for (unsigned i = 0; i < 2; i++) {
        struct io_uring_cqe cqe;
        (void)raw_ring_wait(&c->ring, 1, 1000000000);
        if (!raw_ring_take(&c->ring, &cqe)) {
            conform_say(c, "missing\n");
            return;
        }
        unsigned at = i == 1 && cqe.user_data < names[0] ? 0 : i;
        if (at != i) {
            names[1] = names[0];
            results[1] = results[0];
            flags[1] = flags[0];
        }
        names[at] = cqe.user_data;
        results[at] = cqe.res;
        flags[at] = cqe.flags;
    }
    for (unsigned i = 0; i < 2; i++)
        conform_say(c, "%u: %d flags %u\n", (unsigned)names[i], results[i], flags[i]);
}

static void a_direct_descriptor_is_polled(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    conform_register(c, "files", IORING_REGISTER_FILES, &ends[0], 1);
    poller(c, 1, 0)->flags |= IOSQE_FIXED_FILE;
    poller(c, 2, 0)->flags |= IOSQE_FIXED_FILE;
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "a");
    take_both(c);
    cancel(c, 3, 1);
    conform_take(c, 2);
    conform_write(c, ends[1], "b");
    conform_take(c, 1);
    cancel(c, 4, 2);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_poll_outlives_its_table(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    conform_register(c, "files", IORING_REGISTER_FILES, &ends[0], 1);
    poller(c, 1, 0)->flags |= IOSQE_FIXED_FILE;
    conform_submit(c);
    conform_register(c, "unregister", IORING_UNREGISTER_FILES, NULL, 0);
    conform_write(c, ends[1], "a");
    conform_take(c, 1);
    conform_write(c, ends[1], "b");
    conform_take(c, 1);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_poll_outlives_its_descriptor(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    poller(c, 1, ends[0]);
    conform_submit(c);
    conform_close(c, ends[0]);
    conform_write(c, ends[1], "a");
    conform_take(c, 1);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close(c, ends[1]);
}

static void a_receiver_outlives_its_descriptor(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    provide(c, 4);
    receiver(c, 1, ends[0]);
    conform_submit(c);
    conform_close(c, ends[0]);
    conform_write(c, ends[1], "ab");
    conform_take(c, 1);
    conform_write(c, ends[1], "cd");
    conform_take(c, 1);
    conform_close(c, ends[1]);
    conform_take(c, 1);
}

static void a_direct_socket_is_received_from(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    provide(c, 4);
    conform_register(c, "files", IORING_REGISTER_FILES, &ends[0], 1);
    receiver(c, 1, 0)->flags |= IOSQE_FIXED_FILE;
    conform_submit(c);
    conform_write(c, ends[1], "ab");
    conform_take(c, 1);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static int connect_one(struct conform *c, const struct sockaddr_storage *address, socklen_t length)
{
    int fd = c->objects->socket(c->self);
    struct io_uring_sqe *sqe = conform_sqe(c, 50);
    io_uring_prep_connect(sqe, fd, (const struct sockaddr *)address, length);
    conform_submit(c);
    conform_take(c, 1);
    return fd;
}

static void connections_go_into_the_table(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    int fds[2] = {-1, -1};
    int clients[3];
    int listener = c->objects->listen(c->self, &address, &length);
    conform_register(c, "files", IORING_REGISTER_FILES, fds, 2);
    for (unsigned i = 0; i < 3; i++)
        clients[i] = connect_one(c, &address, length);
    io_uring_prep_multishot_accept_direct(conform_sqe(c, 1), listener, NULL, NULL, 0);
    conform_submit(c);
    conform_take(c, 3);
    for (unsigned i = 0; i < 3; i++)
        conform_close(c, clients[i]);
    conform_close(c, listener);
}

static void what_goes_into_the_table_has_no_place(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    int listener = c->objects->listen(c->self, &address, &length);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_multishot_accept_direct(sqe, listener, NULL, NULL, 0);
    sqe->file_index = 1;
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_multishot_accept_direct(conform_sqe(c, 2), listener, NULL, NULL, SOCK_CLOEXEC);
    conform_submit(c);
    conform_take(c, 1);
    int client = connect_one(c, &address, length);
    io_uring_prep_multishot_accept_direct(conform_sqe(c, 3), listener, NULL, NULL, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, client);
    conform_close(c, listener);
}

static void a_registered_buffer_is_sent(struct conform *c)
{
    char into[16];
    int ends[2];
    struct iovec vector = {memory, sizeof memory};
    memcpy(memory, "abcdefgh", 8);
    conform_connection(c, ends);
    conform_register(c, "buffers", IORING_REGISTER_BUFFERS, &vector, 1);
    io_uring_prep_send_zc_fixed(conform_sqe(c, 1), ends[0], memory + 2, 3, 0, 0, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_value(c, "read", c->objects->read(c->self, ends[1], into, sizeof into));
    conform_data(c, into, 3);
    io_uring_prep_send_zc_fixed(conform_sqe(c, 2), ends[0], memory + 2, 3, 0, 0, 1);
    conform_submit(c);
    conform_take(c, 2);
    io_uring_prep_send_zc_fixed(conform_sqe(c, 3), ends[0], memory + sizeof memory, 3, 0, 0, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_worker_polls(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    poller(c, 1, ends[0])->flags |= IOSQE_ASYNC;
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "a");
    conform_take(c, 1);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_worker_receives(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    provide(c, 4);
    conform_write(c, ends[1], "abcdef");
    receiver(c, 1, ends[0])->flags |= IOSQE_ASYNC;
    conform_submit(c);
    conform_take(c, 2);
    conform_write(c, ends[1], "gh");
    conform_take(c, 1);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_worker_chooses(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    provide(c, 2);
    conform_write(c, ends[1], "abcdef");
    single(c, 1, ends[0])->flags |= IOSQE_ASYNC;
    conform_submit(c);
    conform_take(c, 1);
    single(c, 2, ends[0])->flags |= IOSQE_ASYNC;
    conform_submit(c);
    conform_take(c, 1);
    conform_data(c, memory, 2 * SIZE);
    conform_close_both(c, ends);
}

static void a_worker_provides(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    conform_write(c, ends[1], "ab");
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_provide_buffers(sqe, memory, SIZE, 2, GROUP, 0);
    sqe->flags |= IOSQE_ASYNC | IOSQE_IO_LINK;
    single(c, 2, ends[0]);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_worker_sends(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_send_zc(sqe, ends[0], memory, 5, 0, 0);
    sqe->flags |= IOSQE_ASYNC;
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void deferred_receives_wait_to_be_asked_for(struct conform *c)
{
    struct io_uring_cqe cqe;
    int ends[2];
    conform_socketpair(c, ends);
    provide(c, 4);
    receiver(c, 1, ends[0]);
    conform_submit(c);
    conform_write(c, ends[1], "abcdef");
    conform_say(c, "seen: %s\n", raw_ring_take(&c->ring, &cqe) ? "yes" : "no");
    conform_take_now(c);
    conform_write(c, ends[1], "gh");
    conform_write(c, ends[1], "ij");
    conform_take_now(c);
    conform_close(c, ends[1]);
    conform_take_now(c);
    conform_close(c, ends[0]);
}

static void deferred_accepts_wait_to_be_asked_for(struct conform *c)
{
    struct io_uring_cqe cqe;
    struct sockaddr_storage address;
    socklen_t length;
    int listener = c->objects->listen(c->self, &address, &length);
    io_uring_prep_multishot_accept(conform_sqe(c, 1), listener, NULL, NULL, 0);
    conform_submit(c);
    conform_take_now(c);
    cancel(c, 2, 1);
    conform_say(c, "seen: %s\n", raw_ring_take(&c->ring, &cqe) ? "yes" : "no");
    conform_take_now(c);
    conform_close(c, listener);
}

static void all_of_a_descriptor_are_cancelled(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    provide(c, 4);
    receiver(c, 1, ends[0]);
    poller(c, 2, ends[0]);
    poller(c, 3, ends[1]);
    conform_submit(c);
    io_uring_prep_cancel_fd(conform_sqe(c, 4), ends[0], IORING_ASYNC_CANCEL_ALL);
    conform_submit(c);
    conform_take(c, 3);
    conform_take_now(c);
    cancel(c, 5, 3);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_receiver_that_received_is_cancelled(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    provide(c, 4);
    conform_write(c, ends[1], "ab");
    receiver(c, 1, ends[0]);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void what_sends_is_not_cancelled_any_more(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    io_uring_prep_send_zc(conform_sqe(c, 1), ends[0], memory, 5, 0, 0);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void a_tag_and_a_shot(struct conform *c)
{
    int ends[2];
    int none = -1;
    uint64_t tag = 77;
    conform_socketpair(c, ends);
    provide(c, 4);
    conform_register_tagged(c, "files", IORING_REGISTER_FILES2, &ends[0], &tag, 1, 0);
    conform_write(c, ends[1], "ab");
    conform_sqe(c, 1);
    receiver(c, 2, ends[0]);
    io_uring_prep_files_update(conform_sqe(c, 3), &none, 1, 0);
    conform_submit(c);
    conform_take(c, 4);
    cancel(c, 4, 2);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void counters_are_polled(struct conform *c)
{
    int fd = c->objects->eventfd(c->self);
    uint64_t value = 1;
    uint64_t got = 0;
    poller(c, 1, fd);
    conform_submit(c);
    conform_take_now(c);
    for (unsigned i = 0; i < 2; i++) {
        io_uring_prep_write(conform_sqe(c, 2), fd, &value, sizeof value, 0);
        conform_submit(c);
        take_both(c);
    }
    io_uring_prep_read(conform_sqe(c, 3), fd, &got, sizeof got, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_take_now(c);
    cancel(c, 4, 1);
    conform_take(c, 2);
    conform_close(c, fd);
}

static int connect_polled(struct conform *c, const struct sockaddr_storage *address, socklen_t length)
{
    int fd = c->objects->socket(c->self);
    io_uring_prep_connect(conform_sqe(c, 50), fd, (const struct sockaddr *)address, length);
    conform_submit(c);
    take_both(c);
    return fd;
}

static void connections_are_polled_for(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    int listener = c->objects->listen(c->self, &address, &length);
    poller(c, 1, listener);
    conform_submit(c);
    conform_take_now(c);
    int one = connect_polled(c, &address, length);
    int two = connect_polled(c, &address, length);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close(c, one);
    conform_close(c, two);
    conform_close(c, listener);
}

static void a_closed_ring_ends_all_of_them(struct conform *c)
{
    struct raw_ring other;
    int ends[2];
    conform_socketpair(c, ends);
    conform_value(c, "open", raw_ring_open(&other, c->ring.backend, 8, 0));
    io_uring_prep_provide_buffers(raw_ring_sqe(&other, 1), memory, SIZE, 4, GROUP, 0);
    struct io_uring_sqe *sqe = raw_ring_sqe(&other, 2);
    io_uring_prep_recv_multishot(sqe, ends[0], NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    io_uring_prep_poll_multishot(raw_ring_sqe(&other, 3), ends[1], POLLOUT);
    conform_value(c, "submit", raw_ring_submit(&other));
    raw_ring_close(&other);
    conform_close_both(c, ends);
}

static const struct conform_case cases[] = {
    {.name = "a direct descriptor is polled",
     .run = a_direct_descriptor_is_polled,
     .expected = "files: 0\nsubmit: 2\nnothing\nwritten: 1\n1: 1 flags 2\n2: 1 flags 2\nsubmit: 1\n3: 0\n"
                 "1: ECANCELED\nwritten: 1\n2: 1 flags 2\nsubmit: 1\n4: 0\n2: ECANCELED\n"},
    {.name = "a poll outlives its table",
     .run = a_poll_outlives_its_table,
     .expected = "files: 0\nsubmit: 1\nunregister: 0\nwritten: 1\n1: 1 flags 2\nwritten: 1\n1: 1 flags 2\n"
                 "submit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "a poll outlives its descriptor",
     .run = a_poll_outlives_its_descriptor,
     .expected = "submit: 1\nwritten: 1\n1: 1 flags 2\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "a receiver outlives its descriptor",
     .run = a_receiver_outlives_its_descriptor,
     .expected = "submit: 1\n100: 0\nsubmit: 1\nwritten: 2\n1: 2 flags 3\nwritten: 2\n1: 2 flags 65539\n"
                 "1: 0\n"},
    {.name = "a direct socket is received from",
     .run = a_direct_socket_is_received_from,
     .expected = "submit: 1\n100: 0\nfiles: 0\nsubmit: 1\nwritten: 2\n1: 2 flags 3\nsubmit: 1\n2: 0\n"
                 "1: ECANCELED\n"},
    {.name = "connections go into the table",
     .run = connections_go_into_the_table,
     .expected = "files: 0\nsubmit: 1\n50: 0\nsubmit: 1\n50: 0\nsubmit: 1\n50: 0\nsubmit: 1\n"
                 "1: 0 flags 2\n1: 1 flags 2\n1: ENFILE\n"},
    {.name = "what goes into the table has no place",
     .run = what_goes_into_the_table_has_no_place,
     .expected = "submit: 1\n1: EINVAL\nsubmit: 1\n2: EINVAL\nsubmit: 1\n50: 0\nsubmit: 1\n3: ENFILE\n"},
    {.name = "a registered buffer is sent",
     .run = a_registered_buffer_is_sent,
     .expected = "buffers: 0\nsubmit: 1\n1: 3 flags 2\n1: 0 flags 8\nread: 3\ndata: cde\nsubmit: 1\n"
                 "2: EFAULT flags 2\n2: 0 flags 8\nsubmit: 1\n3: EFAULT flags 2\n3: 0 flags 8\n"},
    {.name = "a worker polls",
     .run = a_worker_polls,
     .expected = "submit: 1\nnothing\nwritten: 1\n1: 1 flags 2\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "a worker receives",
     .run = a_worker_receives,
     .expected = "submit: 1\n100: 0\nwritten: 6\nsubmit: 1\n1: 4 flags 3\n1: 2 flags 65539\nwritten: 2\n"
                 "1: 2 flags 131075\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "a worker chooses",
     .run = a_worker_chooses,
     .expected = "submit: 1\n100: 0\nwritten: 6\nsubmit: 1\n1: 4 flags 1\nsubmit: 1\n2: 2 flags 65537\n"
                 "data: abcdef..\n"},
    {.name = "a worker provides",
     .run = a_worker_provides,
     .expected = "written: 2\nsubmit: 2\n1: 0\n2: 2 flags 1\n"},
    {.name = "a worker sends", .run = a_worker_sends, .expected = "submit: 1\n1: 5 flags 2\n1: 0 flags 8\n"},
    {.name = "deferred receives wait to be asked for",
     .run = deferred_receives_wait_to_be_asked_for,
     .expected = "submit: 1\n100: 0\nsubmit: 1\nwritten: 6\nseen: no\n1: 4 flags 3\n1: 2 flags 65539\n"
                 "written: 2\nwritten: 2\n1: 4 flags 131075\n1: 0\n",
     .setup_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN},
    {.name = "deferred accepts wait to be asked for",
     .run = deferred_accepts_wait_to_be_asked_for,
     .expected = "submit: 1\nnothing\nsubmit: 1\nseen: yes\n1: ECANCELED\n",
     .setup_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN},
    {.name = "all of a descriptor are cancelled",
     .run = all_of_a_descriptor_are_cancelled,
     .expected = "submit: 1\n100: 0\nsubmit: 3\nsubmit: 1\n4: 2\n1: ECANCELED\n2: ECANCELED\nnothing\n"
                 "submit: 1\n5: 0\n3: ECANCELED\n"},
    {.name = "a receiver that received is cancelled",
     .run = a_receiver_that_received_is_cancelled,
     .expected = "submit: 1\n100: 0\nwritten: 2\nsubmit: 2\n1: 2 flags 3\n2: 0\n1: ECANCELED\n"},
    {.name = "what sends is not cancelled any more",
     .run = what_sends_is_not_cancelled_any_more,
     .expected = "submit: 2\n1: 5 flags 2\n2: ENOENT\n1: 0 flags 8\n"},
    {.name = "a tag and a shot",
     .run = a_tag_and_a_shot,
     .expected = "submit: 1\n100: 0\nfiles: 0\nwritten: 2\nsubmit: 3\n1: 0\n2: 2 flags 3\n77: 0\n3: 1\n"
                 "submit: 1\n4: 0\n2: ECANCELED\n"},
    {.name = "counters are polled",
     .run = counters_are_polled,
     .expected = "submit: 1\nnothing\nsubmit: 1\n1: 1 flags 2\n2: 8 flags 0\nsubmit: 1\n1: 1 flags 2\n"
                 "2: 8 flags 0\nsubmit: 1\n3: 8\nnothing\nsubmit: 1\n4: 0\n1: ECANCELED\n"},
    {.name = "connections are polled for",
     .run = connections_are_polled_for,
     .expected = "submit: 1\nnothing\nsubmit: 1\n1: 1 flags 2\n50: 0 flags 0\nsubmit: 1\n1: 1 flags 2\n"
                 "50: 0 flags 0\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "a closed ring ends all of them",
     .run = a_closed_ring_ends_all_of_them,
     .expected = "open: 0\nsubmit: 3\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void multishot_forms_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void multishot_forms_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void multishot_forms_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(multishot_forms_on_io_uring),
    cmocka_unit_test(multishot_forms_on_the_engine),
    cmocka_unit_test(multishot_forms_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
