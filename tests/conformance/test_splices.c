/*
 * SPLICE and TEE: between pipes, files and sockets; offsets, waiting, ends, and what is refused. And what a pipe holds.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "support/conform.h"
#include "support/conform_register.h"
#include "support/conform_sockets.h"
#include "support/main.h"

#define OWN (-1)

static void splice_bytes(struct conform *c, uint64_t id, int in, int64_t in_at, int out, int64_t out_at,
                         unsigned count, unsigned flags)
{
    io_uring_prep_splice(conform_sqe(c, id), in, in_at, out, out_at, count, flags);
}

static void read_now(struct conform *c, int fd)
{
    char bytes[32];
    int count = c->objects->read(c->self, fd, bytes, sizeof bytes);
    if (count < 0)
        conform_value(c, "read", count);
    else
        conform_data(c, bytes, (size_t)count);
}

static void read_at(struct conform *c, int fd, uint64_t offset)
{
    char bytes[32];
    io_uring_prep_read(conform_sqe(c, 99), fd, bytes, sizeof bytes, offset);
    conform_submit(c);
    struct io_uring_cqe cqe;
    assert_int_equal(raw_ring_wait(&c->ring, 1, UINT64_C(5000000000)), 0);
    assert_true(raw_ring_take(&c->ring, &cqe));
    if (cqe.res < 0)
        conform_value(c, "read", cqe.res);
    else
        conform_data(c, bytes, (size_t)cqe.res);
}

static void from_a_file_into_a_pipe(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    int fd = conform_file(c, "0123456789");
    splice_bytes(c, 1, fd, 2, ends[1], OWN, 4, 0);
    conform_do(c, 1);
    read_now(c, ends[0]);
    splice_bytes(c, 2, fd, OWN, ends[1], OWN, 3, 0);
    conform_do(c, 1);
    splice_bytes(c, 3, fd, OWN, ends[1], OWN, 3, 0);
    conform_do(c, 1);
    read_now(c, ends[0]);
    splice_bytes(c, 4, fd, 8, ends[1], OWN, 100, 0);
    conform_do(c, 1);
    splice_bytes(c, 5, fd, 10, ends[1], OWN, 100, 0);
    conform_do(c, 1);
    splice_bytes(c, 6, fd, 1000, ends[1], OWN, 100, 0);
    conform_do(c, 1);
    read_now(c, ends[0]);
    conform_close(c, fd);
    conform_close_both(c, ends);
}

static void from_a_pipe_into_a_file(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    int fd = conform_file(c, "0123456789");
    conform_write(c, ends[1], "abcdef");
    splice_bytes(c, 1, ends[0], OWN, fd, 4, 3, 0);
    conform_do(c, 1);
    read_at(c, fd, 0);
    splice_bytes(c, 2, ends[0], OWN, fd, OWN, 2, 0);
    conform_do(c, 1);
    read_at(c, fd, 0);
    splice_bytes(c, 3, ends[0], OWN, fd, 12, 100, 0);
    conform_do(c, 1);
    read_at(c, fd, 0);
    conform_close(c, fd);
    conform_close_both(c, ends);
}

static void from_a_pipe_into_a_pipe(struct conform *c)
{
    int from[2];
    int to[2];
    conform_pipe(c, from);
    conform_pipe(c, to);
    conform_write(c, from[1], "abc");
    conform_write(c, from[1], "def");
    splice_bytes(c, 1, from[0], OWN, to[1], OWN, 4, 0);
    conform_do(c, 1);
    read_now(c, to[0]);
    read_now(c, from[0]);
    conform_close_both(c, from);
    conform_close_both(c, to);
}

static void offsets_of_pipes_are_refused(struct conform *c)
{
    int from[2];
    int to[2];
    conform_pipe(c, from);
    conform_pipe(c, to);
    int fd = conform_file(c, "abc");
    conform_write(c, from[1], "abc");
    splice_bytes(c, 1, from[0], 0, to[1], OWN, 1, 0);
    conform_do(c, 1);
    splice_bytes(c, 2, from[0], OWN, to[1], 0, 1, 0);
    conform_do(c, 1);
    splice_bytes(c, 3, from[0], 0, fd, 0, 1, 0);
    conform_do(c, 1);
    splice_bytes(c, 4, fd, 0, to[1], 0, 1, 0);
    conform_do(c, 1);
    splice_bytes(c, 5, fd, -5, to[1], OWN, 1, 0);
    conform_do(c, 1);
    conform_close(c, fd);
    conform_close_both(c, from);
    conform_close_both(c, to);
}

static void what_cannot_be_spliced(struct conform *c)
{
    int ends[2];
    int pair[2];
    conform_pipe(c, ends);
    conform_pair(c, SOCK_STREAM, pair);
    int fd = conform_file(c, "abc");
    int counter = conform_eventfd(c, 1, false);
    splice_bytes(c, 1, fd, 0, fd, 10, 1, 0);
    conform_do(c, 1);
    splice_bytes(c, 2, ends[0], OWN, ends[1], OWN, 1, 0);
    conform_do(c, 1);
    splice_bytes(c, 3, ends[1], OWN, fd, 0, 1, 0);
    conform_do(c, 1);
    splice_bytes(c, 4, fd, 0, ends[0], OWN, 1, 0);
    conform_do(c, 1);
    splice_bytes(c, 5, 12345, OWN, ends[1], OWN, 1, 0);
    conform_do(c, 1);
    splice_bytes(c, 6, fd, OWN, 12345, OWN, 1, 0);
    conform_do(c, 1);
    splice_bytes(c, 7, fd, OWN, ends[1], OWN, 1, 0x40);
    conform_do(c, 1);
    splice_bytes(c, 8, pair[0], OWN, fd, 0, 1, 0);
    conform_do(c, 1);
    splice_bytes(c, 9, pair[0], 1, ends[1], OWN, 1, 0);
    conform_do(c, 1);
    conform_write(c, ends[1], "12345678");
    splice_bytes(c, 10, ends[0], OWN, counter, OWN, 8, 0);
    conform_do(c, 1);
    splice_bytes(c, 11, counter, OWN, ends[1], OWN, 8, 0);
    conform_do(c, 1);
    conform_close(c, counter);
    conform_close(c, fd);
    conform_close_both(c, pair);
    conform_close_both(c, ends);
}

static void no_bytes_are_no_splice(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    int fd = conform_file(c, "abc");
    splice_bytes(c, 1, ends[0], OWN, fd, 0, 0, 0);
    conform_do(c, 1);
    splice_bytes(c, 2, fd, 0, fd, 0, 0, 0);
    conform_do(c, 1);
    splice_bytes(c, 3, 12345, 0, fd, 0, 0, 0);
    conform_do(c, 1);
    conform_close(c, fd);
    conform_close_both(c, ends);
}

static void a_splice_waits_for_bytes(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    int fd = conform_file(c, "....");
    splice_bytes(c, 1, ends[0], OWN, fd, 0, 100, 0);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "ab");
    conform_take(c, 1);
    read_at(c, fd, 0);
    splice_bytes(c, 2, ends[0], OWN, fd, 0, 100, SPLICE_F_NONBLOCK);
    conform_do(c, 1);
    splice_bytes(c, 3, ends[0], OWN, fd, 0, 100, 0);
    conform_submit(c);
    conform_close(c, ends[1]);
    conform_take(c, 1);
    conform_close(c, fd);
    conform_close(c, ends[0]);
}

static void a_splice_waits_for_room(struct conform *c)
{
    char text[4097];
    int from[2];
    int to[2];
    conform_small_pipe(c, 4096, to);
    conform_pipe(c, from);
    memset(text, 'x', 4096);
    text[4096] = 0;
    conform_write(c, to[1], text);
    conform_write(c, from[1], "abc");
    splice_bytes(c, 1, from[0], OWN, to[1], OWN, 3, SPLICE_F_NONBLOCK);
    conform_do(c, 1);
    splice_bytes(c, 2, from[0], OWN, to[1], OWN, 3, 0);
    conform_submit(c);
    conform_take_now(c);
    conform_value(c, "read", c->objects->read(c->self, to[0], text, 4096));
    conform_take(c, 1);
    read_now(c, to[0]);
    conform_close_both(c, from);
    conform_close_both(c, to);
}

static void a_splice_into_nobody_is_broken(struct conform *c)
{
    int from[2];
    int to[2];
    conform_pipe(c, from);
    conform_pipe(c, to);
    int fd = conform_file(c, "abc");
    conform_write(c, from[1], "abc");
    conform_close(c, to[0]);
    splice_bytes(c, 1, from[0], OWN, to[1], OWN, 3, 0);
    conform_do(c, 1);
    splice_bytes(c, 2, fd, 0, to[1], OWN, 3, 0);
    conform_do(c, 1);
    conform_close(c, fd);
    conform_close_both(c, from);
    conform_close(c, to[1]);
}

static void through_sockets(struct conform *c)
{
    char bytes[8];
    int ends[2];
    int pair[2];
    conform_pipe(c, ends);
    conform_pair(c, SOCK_STREAM, pair);
    conform_write(c, ends[1], "abc");
    splice_bytes(c, 1, ends[0], OWN, pair[0], OWN, 100, 0);
    conform_do(c, 1);
    io_uring_prep_recv(conform_sqe(c, 2), pair[1], bytes, sizeof bytes, 0);
    conform_do(c, 1);
    conform_write(c, pair[1], "wxyz");
    splice_bytes(c, 3, pair[0], OWN, ends[1], OWN, 3, 0);
    conform_do(c, 1);
    read_now(c, ends[0]);
    splice_bytes(c, 4, pair[0], OWN, ends[1], OWN, 3, 0);
    conform_do(c, 1);
    read_now(c, ends[0]);
    conform_close_both(c, pair);
    conform_close_both(c, ends);
}

static void a_short_splice_breaks_a_chain(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    int fd = conform_file(c, "abc");
    for (uint64_t i = 1; i < 4; i += 2) {
        struct io_uring_sqe *sqe = conform_sqe(c, i);
        io_uring_prep_splice(sqe, fd, 0, ends[1], OWN, i == 1 ? 3 : 9, 0);
        sqe->flags |= IOSQE_IO_LINK;
        conform_sqe(c, i + 1);
        conform_submit(c);
        conform_take(c, 2);
    }
    conform_close(c, fd);
    conform_close_both(c, ends);
}

static void a_tee_copies_and_leaves(struct conform *c)
{
    int from[2];
    int to[2];
    conform_pipe(c, from);
    conform_pipe(c, to);
    conform_write(c, from[1], "abcdef");
    io_uring_prep_tee(conform_sqe(c, 1), from[0], to[1], 4, 0);
    conform_do(c, 1);
    io_uring_prep_tee(conform_sqe(c, 2), from[0], to[1], 100, 0);
    conform_do(c, 1);
    read_now(c, to[0]);
    read_now(c, from[0]);
    io_uring_prep_tee(conform_sqe(c, 3), from[0], to[1], 4, SPLICE_F_NONBLOCK);
    conform_do(c, 1);
    io_uring_prep_tee(conform_sqe(c, 4), from[0], to[1], 4, 0);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, from[1], "z");
    conform_take(c, 1);
    conform_close(c, from[1]);
    read_now(c, from[0]);
    io_uring_prep_tee(conform_sqe(c, 5), from[0], to[1], 4, 0);
    conform_do(c, 1);
    conform_close(c, from[0]);
    conform_close_both(c, to);
}

static void what_cannot_be_teed(struct conform *c)
{
    int from[2];
    int to[2];
    conform_pipe(c, from);
    conform_pipe(c, to);
    int fd = conform_file(c, "abc");
    conform_write(c, from[1], "abc");
    io_uring_prep_tee(conform_sqe(c, 1), fd, to[1], 4, 0);
    conform_do(c, 1);
    io_uring_prep_tee(conform_sqe(c, 2), from[0], fd, 4, 0);
    conform_do(c, 1);
    io_uring_prep_tee(conform_sqe(c, 3), from[0], from[1], 4, 0);
    conform_do(c, 1);
    io_uring_prep_tee(conform_sqe(c, 4), from[1], to[1], 4, 0);
    conform_do(c, 1);
    io_uring_prep_tee(conform_sqe(c, 5), 12345, to[1], 4, 0);
    conform_do(c, 1);
    io_uring_prep_tee(conform_sqe(c, 6), from[0], to[1], 0, 0);
    conform_do(c, 1);
    for (int i = 0; i < 3; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, 7);
        io_uring_prep_tee(sqe, from[0], to[1], 1, 0);
        sqe->off = i == 0;
        sqe->splice_off_in = i == 1;
        if (i == 2)
            sqe->splice_flags = 0x40;
        conform_do(c, 1);
    }
    conform_close(c, to[0]);
    io_uring_prep_tee(conform_sqe(c, 8), from[0], to[1], 1, 0);
    conform_do(c, 1);
    conform_close(c, to[1]);
    conform_close(c, fd);
    conform_close_both(c, from);
}

/* Asks for a write that may not wait. */
static void write_now(struct conform *c, int fd, unsigned count)
{
    static char bytes[16384];
    struct io_uring_sqe *sqe = conform_sqe(c, 98);
    io_uring_prep_write(sqe, fd, bytes, count, 0);
    sqe->rw_flags = RWF_NOWAIT;
    conform_do(c, 1);
}

static void a_pipe_holds_pages(struct conform *c)
{
    char bytes[8192];
    int ends[2];
    conform_small_pipe(c, 8192, ends);
    write_now(c, ends[1], 10);
    write_now(c, ends[1], 4096);
    conform_polled(c, ends[1]);
    write_now(c, ends[1], 10);
    conform_value(c, "read", c->objects->read(c->self, ends[0], bytes, 9));
    conform_polled(c, ends[1]);
    write_now(c, ends[1], 10);
    conform_value(c, "read", c->objects->read(c->self, ends[0], bytes, 1));
    conform_polled(c, ends[1]);
    write_now(c, ends[1], 10);
    conform_close_both(c, ends);
}

static void a_small_write_joins_the_last_page(struct conform *c)
{
    int ends[2];
    conform_small_pipe(c, 4096, ends);
    write_now(c, ends[1], 10);
    write_now(c, ends[1], 10);
    conform_polled(c, ends[1]);
    write_now(c, ends[1], 4076);
    write_now(c, ends[1], 1);
    conform_close_both(c, ends);
}

static void a_large_write_fills_what_there_is(struct conform *c)
{
    char bytes[8192];
    int ends[2];
    conform_small_pipe(c, 8192, ends);
    write_now(c, ends[1], 16384);
    conform_value(c, "read", c->objects->read(c->self, ends[0], bytes, 4096));
    write_now(c, ends[1], 5000);
    conform_value(c, "read", c->objects->read(c->self, ends[0], bytes, 8192));
    write_now(c, ends[1], 100);
    write_now(c, ends[1], 5000);
    conform_close_both(c, ends);
}

static void a_page_of_a_file_is_a_page_of_a_pipe(struct conform *c)
{
    int ends[2];
    conform_small_pipe(c, 8192, ends);
    int fd = conform_file(c, "0123456789");
    splice_bytes(c, 1, fd, 0, ends[1], OWN, 2, 0);
    conform_do(c, 1);
    splice_bytes(c, 2, fd, 2, ends[1], OWN, 2, 0);
    conform_do(c, 1);
    splice_bytes(c, 3, fd, 4, ends[1], OWN, 2, SPLICE_F_NONBLOCK);
    conform_do(c, 1);
    write_now(c, ends[1], 1);
    conform_polled(c, ends[1]);
    read_now(c, ends[0]);
    conform_close(c, fd);
    conform_close_both(c, ends);
}

static void a_registered_file_is_a_source(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    int fds[2] = {conform_file(c, "0123456789"), ends[1]};
    conform_register(c, "files", IORING_REGISTER_FILES, fds, 2);
    conform_close(c, fds[0]);
    for (uint64_t i = 1; i < 5; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, i);
        io_uring_prep_splice(sqe,
                             i == 4   ? 7
                             : i == 3 ? 12345
                                      : 0,
                             OWN, i == 1 ? ends[1] : 1, OWN, 3, SPLICE_F_FD_IN_FIXED);
        if (i != 1)
            sqe->flags |= IOSQE_FIXED_FILE;
        if (i == 3)
            sqe->splice_flags &= ~SPLICE_F_FD_IN_FIXED;
        conform_do(c, 1);
    }
    read_now(c, ends[0]);
    conform_close_both(c, ends);
}

static void a_registered_pipe_is_teed(struct conform *c)
{
    int from[2];
    int to[2];
    conform_pipe(c, from);
    conform_pipe(c, to);
    conform_register(c, "files", IORING_REGISTER_FILES, from, 2);
    conform_write(c, from[1], "abc");
    io_uring_prep_tee(conform_sqe(c, 1), 0, to[1], 9, SPLICE_F_FD_IN_FIXED);
    conform_do(c, 1);
    read_now(c, to[0]);
    io_uring_prep_tee(conform_sqe(c, 2), 2, to[1], 9, SPLICE_F_FD_IN_FIXED);
    conform_do(c, 1);
    conform_close_both(c, from);
    conform_close_both(c, to);
}

/*
 * Nothing is moved. What is told differs from run to run: Linux splices out of line, where a cancel that finds it running
 * says EALREADY, and the splice ends with 512, its own ERESTARTSYS, which no program should see.
 */
static void a_waiting_splice_is_cancelled(struct conform *c)
{
    int from[2];
    int to[2];
    conform_pipe(c, from);
    conform_pipe(c, to);
    splice_bytes(c, 1, from[0], OWN, to[1], OWN, 3, 0);
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    struct io_uring_cqe cqe;
    int failed = 0;
    for (int i = 0; i < 2; i++) {
        raw_ring_wait(&c->ring, 1, UINT64_C(5000000000));
        failed += raw_ring_take(&c->ring, &cqe) && cqe.user_data == 1 && cqe.res < 0;
    }
    conform_value(c, "ended with an error", failed);
    conform_write(c, from[1], "abc");
    read_now(c, from[0]);
    conform_close_both(c, from);
    conform_close_both(c, to);
}

#define CASE(function, text)                                 \
    {                                                        \
        .name = #function, .run = function, .expected = text \
    }

static const struct conform_case cases[] = {
    CASE(from_a_file_into_a_pipe, "1: 4\ndata: 2345\n2: 3\n3: 3\ndata: 012345\n4: 2\n5: 0\n6: 0\ndata: 89\n"),
    CASE(from_a_pipe_into_a_file,
         "written: 6\n1: 3\nsubmit: 1\ndata: 0123abc789\n2: 2\nsubmit: 1\ndata: de23abc789\n3: 1\n"
         "submit: 1\ndata: de23abc789\\0\\0f\n"),
    CASE(from_a_pipe_into_a_pipe, "written: 3\nwritten: 3\n1: 4\ndata: abcd\ndata: ef\n"),
    CASE(offsets_of_pipes_are_refused, "written: 3\n1: ESPIPE\n2: ESPIPE\n3: ESPIPE\n4: ESPIPE\n5: EINVAL\n"),
    CASE(what_cannot_be_spliced,
         "1: EINVAL\n2: EINVAL\n3: EBADF\n4: EBADF\n5: EBADF\n6: EBADF\n7: EINVAL\n8: EINVAL\n"
         "9: EINVAL\nwritten: 8\n10: EINVAL\n11: EINVAL\n"),
    CASE(no_bytes_are_no_splice, "1: 0\n2: 0\n3: EBADF\n"),
    CASE(a_splice_waits_for_bytes,
         "submit: 1\nnothing\nwritten: 2\n1: 2\nsubmit: 1\ndata: ab..\n2: EAGAIN\nsubmit: 1\n3: 0\n"),
    CASE(a_splice_waits_for_room,
         "written: 4096\nwritten: 3\n1: EAGAIN\nsubmit: 1\nnothing\nread: 4096\n2: 3\ndata: abc\n"),
    CASE(a_splice_into_nobody_is_broken, "written: 3\n1: EPIPE\n2: EPIPE\n"),
    CASE(through_sockets, "written: 3\n1: 3\n2: 3\nwritten: 4\n3: 3\ndata: wxy\n4: 1\ndata: z\n"),
    CASE(a_short_splice_breaks_a_chain, "submit: 2\n1: 3\n2: 0\nsubmit: 2\n3: 3\n4: ECANCELED\n"),
    CASE(a_tee_copies_and_leaves,
         "written: 6\n1: 4\n2: 6\ndata: abcdabcdef\ndata: abcdef\n3: EAGAIN\nsubmit: 1\nnothing\n"
         "written: 1\n4: 1\ndata: z\n5: 0\n"),
    CASE(what_cannot_be_teed,
         "written: 3\n1: EINVAL\n2: EINVAL\n3: EINVAL\n4: EBADF\n5: EBADF\n6: 0\n7: EINVAL\n"
         "7: EINVAL\n7: EINVAL\n8: EPIPE\n"),
    CASE(a_pipe_holds_pages,
         "98: 10\n98: 4096\npolled: nothing\n98: EAGAIN\nread: 9\npolled: nothing\n98: EAGAIN\n"
         "read: 1\npolled: OUT WRNORM\n98: 10\n"),
    CASE(a_small_write_joins_the_last_page, "98: 10\n98: 10\npolled: nothing\n98: 4076\n98: EAGAIN\n"),
    CASE(a_large_write_fills_what_there_is,
         "98: 8192\nread: 4096\n98: 4096\nread: 8192\n98: 100\n98: 5000\n"),
    CASE(a_registered_file_is_a_source, "files: 0\n1: 3\n2: 3\n3: EBADF\n4: EBADF\ndata: 012345\n"),
    CASE(a_registered_pipe_is_teed, "files: 0\nwritten: 3\n1: 3\ndata: abc\n2: EBADF\n"),
    CASE(a_waiting_splice_is_cancelled,
         "submit: 1\nnothing\nsubmit: 1\nended with an error: 1\nwritten: 3\ndata: abc\n"),
    CASE(a_page_of_a_file_is_a_page_of_a_pipe,
         "1: 2\n2: 2\n3: EAGAIN\n98: EAGAIN\npolled: nothing\ndata: 0123\n"),
};

/* The true kernel answers as it did when the expectations were written. */
static void splices_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void splices_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void splices_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(splices_on_io_uring),
    cmocka_unit_test(splices_on_the_engine),
    cmocka_unit_test(splices_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
