/*
 * Reads, writes, messages, connections, files: the same on every kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "support/conform.h"
#include "support/main.h"

static void nops_end_in_order(struct conform *c)
{
    for (uint64_t i = 1; i <= 8; i++)
        conform_sqe(c, i);
    conform_submit(c);
    conform_take(c, 8);
}

static void a_file_is_read_at_an_offset(struct conform *c)
{
    char bytes[3];
    int fd = conform_file(c, "abcdefgh");
    io_uring_prep_read(conform_sqe(c, 1), fd, bytes, sizeof bytes, 2);
    conform_submit(c);
    conform_take(c, 1);
    conform_data(c, bytes, 3);
    conform_close(c, fd);
}

static void a_read_across_the_end_is_short(struct conform *c)
{
    char bytes[8] = "........";
    int fd = conform_file(c, "abc");
    io_uring_prep_read(conform_sqe(c, 1), fd, bytes, sizeof bytes, 1);
    conform_submit(c);
    conform_take(c, 1);
    conform_data(c, bytes, sizeof bytes);
    conform_close(c, fd);
}

static void a_read_at_the_end_is_zero(struct conform *c)
{
    char byte;
    int fd = conform_file(c, "abc");
    io_uring_prep_read(conform_sqe(c, 1), fd, &byte, 1, 3);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_read(conform_sqe(c, 2), fd, &byte, 1, 1000);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, fd);
}

static void the_position_moves_only_where_no_offset_is_given(struct conform *c)
{
    static const uint64_t offsets[] = {UINT64_MAX, 4, UINT64_MAX};
    int fd = conform_file(c, "abcdefgh");
    for (uint64_t i = 0; i < 3; i++) {
        char bytes[2];
        io_uring_prep_read(conform_sqe(c, i + 1), fd, bytes, sizeof bytes, offsets[i]);
        conform_submit(c);
        conform_take(c, 1);
        conform_data(c, bytes, sizeof bytes);
    }
    conform_close(c, fd);
}

static void a_write_is_read_back(struct conform *c)
{
    char bytes[8];
    int fd = conform_file(c, "abcdefgh");
    io_uring_prep_write(conform_sqe(c, 1), fd, "XY", 2, 3);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_read(conform_sqe(c, 2), fd, bytes, sizeof bytes, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_data(c, bytes, sizeof bytes);
    conform_close(c, fd);
}

static void a_write_past_the_end_leaves_zeros(struct conform *c)
{
    char bytes[6] = "......";
    int fd = conform_file(c, "a");
    io_uring_prep_write(conform_sqe(c, 1), fd, "z", 1, 4);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_read(conform_sqe(c, 2), fd, bytes, sizeof bytes, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_data(c, bytes, sizeof bytes);
    conform_close(c, fd);
}

static void vectors_scatter_and_gather(struct conform *c)
{
    char first[2];
    char second[4];
    struct iovec out[2] = {{(void *)(uintptr_t) "12", 2}, {(void *)(uintptr_t) "3456", 4}};
    struct iovec in[2] = {{first, 2}, {second, 4}};
    int fd = conform_file(c, "");
    io_uring_prep_writev(conform_sqe(c, 1), fd, out, 2, 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_readv(conform_sqe(c, 2), fd, in, 2, 1);
    conform_submit(c);
    conform_take(c, 1);
    conform_data(c, first, 2);
    conform_data(c, second, 3);
    conform_close(c, fd);
}

static void nothing_is_moved_by_an_empty_read(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    int fd = conform_file(c, "abc");
    io_uring_prep_read(conform_sqe(c, 1), fd, &byte, 0, 0);
    io_uring_prep_write(conform_sqe(c, 2), ends[1], &byte, 0, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_close(c, fd);
    conform_close_both(c, ends);
}

static void a_read_of_an_empty_pipe_waits(struct conform *c)
{
    char bytes[4];
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], bytes, sizeof bytes, 0);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "xy");
    conform_take(c, 1);
    conform_data(c, bytes, 2);
    conform_close_both(c, ends);
}

static void a_pipe_without_writers_is_at_its_end(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], &byte, 1, 0);
    conform_submit(c);
    conform_close(c, ends[1]);
    conform_take(c, 1);
    conform_close(c, ends[0]);
}

static void a_pipe_without_readers_is_broken(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    conform_close(c, ends[0]);
    io_uring_prep_write(conform_sqe(c, 1), ends[1], "x", 1, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, ends[1]);
}

static void a_pipe_ignores_the_offset(struct conform *c)
{
    char bytes[4];
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_write(conform_sqe(c, 1), ends[1], "abcd", 4, 99);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_read(conform_sqe(c, 2), ends[0], bytes, sizeof bytes, 7);
    conform_submit(c);
    conform_take(c, 1);
    conform_data(c, bytes, sizeof bytes);
    conform_close_both(c, ends);
}

static void the_wrong_end_of_a_pipe_is_refused(struct conform *c)
{
    char byte = 'x';
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), ends[1], &byte, 1, 0);
    io_uring_prep_write(conform_sqe(c, 2), ends[0], &byte, 1, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

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

static void a_read_that_must_not_wait_says_so(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pipe(c, ends);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, ends[0], &byte, 1, 0);
    sqe->rw_flags = RWF_NOWAIT;
    conform_submit(c);
    conform_take(c, 1);
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

static void a_sync_needs_a_file(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    int fd = conform_file(c, "abc");
    io_uring_prep_fsync(conform_sqe(c, 1), fd, 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_fsync(conform_sqe(c, 2), fd, IORING_FSYNC_DATASYNC);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_fsync(conform_sqe(c, 3), ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_fsync(conform_sqe(c, 4), fd, 8);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, fd);
    conform_close_both(c, ends);
}

static void a_file_is_opened_read_and_closed(struct conform *c)
{
    char bytes[3];
    int made = conform_file(c, "abc");
    io_uring_prep_openat(conform_sqe(c, 1), AT_FDCWD, c->objects->path(c->self), O_RDONLY, 0);
    conform_submit(c);
    int fd = conform_take_descriptor(c);
    io_uring_prep_read(conform_sqe(c, 2), fd, bytes, sizeof bytes, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_data(c, bytes, 3);
    io_uring_prep_write(conform_sqe(c, 3), fd, bytes, sizeof bytes, 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_close(conform_sqe(c, 4), fd);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_close(conform_sqe(c, 5), fd);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, made);
}

static void what_is_not_there_is_not_opened(struct conform *c)
{
    io_uring_prep_openat(conform_sqe(c, 1), AT_FDCWD, "/no/such/file", O_RDONLY, 0);
    conform_submit(c);
    conform_take(c, 1);
    int made = conform_file(c, "abc");
    io_uring_prep_openat(conform_sqe(c, 2), AT_FDCWD, c->objects->path(c->self), O_CREAT | O_EXCL | O_RDWR,
                         0600);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, made);
}

static void a_closed_descriptor_keeps_its_read(struct conform *c)
{
    char byte = '.';
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_read(conform_sqe(c, 1), ends[0], &byte, 1, 0);
    conform_submit(c);
    conform_close(c, ends[0]);
    conform_take_now(c);
    conform_write(c, ends[1], "k");
    conform_take(c, 1);
    conform_data(c, &byte, 1);
    conform_close(c, ends[1]);
}

static const struct conform_case cases[] = {
    {.name = "nops end in order",
     .run = nops_end_in_order,
     .expected = "submit: 8\n1: 0\n2: 0\n3: 0\n4: 0\n5: 0\n6: 0\n7: 0\n8: 0\n"},
    {.name = "a file is read at an offset",
     .run = a_file_is_read_at_an_offset,
     .expected = "submit: 1\n1: 3\ndata: cde\n"},
    {.name = "a read across the end is short",
     .run = a_read_across_the_end_is_short,
     .expected = "submit: 1\n1: 2\ndata: bc......\n"},
    {.name = "a read at the end is zero",
     .run = a_read_at_the_end_is_zero,
     .expected = "submit: 1\n1: 0\nsubmit: 1\n2: 0\n"},
    {.name = "the position moves only where no offset is given",
     .run = the_position_moves_only_where_no_offset_is_given,
     .expected = "submit: 1\n1: 2\ndata: ab\nsubmit: 1\n2: 2\ndata: ef\nsubmit: 1\n3: 2\ndata: cd\n"},
    {.name = "a write is read back",
     .run = a_write_is_read_back,
     .expected = "submit: 1\n1: 2\nsubmit: 1\n2: 8\ndata: abcXYfgh\n"},
    {.name = "a write past the end leaves zeros",
     .run = a_write_past_the_end_leaves_zeros,
     .expected = "submit: 1\n1: 1\nsubmit: 1\n2: 5\ndata: a\\0\\0\\0z.\n"},
    {.name = "vectors scatter and gather",
     .run = vectors_scatter_and_gather,
     .expected = "submit: 1\n1: 6\nsubmit: 1\n2: 5\ndata: 23\ndata: 456\n"},
    {.name = "nothing is moved by an empty read",
     .run = nothing_is_moved_by_an_empty_read,
     .expected = "submit: 2\n1: 0\n2: 0\n"},
    {.name = "a read of an empty pipe waits",
     .run = a_read_of_an_empty_pipe_waits,
     .expected = "submit: 1\nnothing\nwritten: 2\n1: 2\ndata: xy\n"},
    {.name = "a pipe without writers is at its end",
     .run = a_pipe_without_writers_is_at_its_end,
     .expected = "submit: 1\n1: 0\n"},
    {.name = "a pipe without readers is broken",
     .run = a_pipe_without_readers_is_broken,
     .expected = "submit: 1\n1: EPIPE\n"},
    {.name = "a pipe ignores the offset",
     .run = a_pipe_ignores_the_offset,
     .expected = "submit: 1\n1: 4\nsubmit: 1\n2: 4\ndata: abcd\n"},
    {.name = "the wrong end of a pipe is refused",
     .run = the_wrong_end_of_a_pipe_is_refused,
     .expected = "submit: 2\n1: EBADF\n2: EBADF\n"},
    {.name = "a socket knows two offsets",
     .run = a_socket_knows_two_offsets,
     .expected = "written: 3\nsubmit: 1\n1: 1\nsubmit: 1\n2: 1\nsubmit: 1\n3: ESPIPE\n"},
    {.name = "a read that must not wait says so",
     .run = a_read_that_must_not_wait_says_so,
     .expected = "submit: 1\n1: EAGAIN\n"},
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
    {.name = "a sync needs a file",
     .run = a_sync_needs_a_file,
     .expected = "submit: 1\n1: 0\nsubmit: 1\n2: 0\nsubmit: 1\n3: EINVAL\nsubmit: 1\n4: EINVAL\n"},
    {.name = "a file is opened, read and closed",
     .run = a_file_is_opened_read_and_closed,
     .expected = "submit: 1\n1: a descriptor\nsubmit: 1\n2: 3\ndata: abc\nsubmit: 1\n3: EBADF\n"
                 "submit: 1\n4: 0\nsubmit: 1\n5: EBADF\n"},
    {.name = "what is not there is not opened",
     .run = what_is_not_there_is_not_opened,
     .expected = "submit: 1\n1: ENOENT\nsubmit: 1\n2: EEXIST\n"},
    {.name = "a closed descriptor keeps its read",
     .run = a_closed_descriptor_keeps_its_read,
     .expected = "submit: 1\nnothing\nwritten: 1\n1: 1\ndata: k\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void transfers_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void transfers_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void transfers_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(transfers_on_io_uring),
    cmocka_unit_test(transfers_on_the_engine),
    cmocka_unit_test(transfers_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
