/*
 * Pipes: waiting, ends, offsets; and what a closed descriptor keeps.
 */
#include "support/conform.h"
#include "support/main.h"

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
    {.name = "a read that must not wait says so",
     .run = a_read_that_must_not_wait_says_so,
     .expected = "submit: 1\n1: EAGAIN\n"},
    {.name = "a closed descriptor keeps its read",
     .run = a_closed_descriptor_keeps_its_read,
     .expected = "submit: 1\nnothing\nwritten: 1\n1: 1\ndata: k\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void pipes_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void pipes_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void pipes_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(pipes_on_io_uring),
    cmocka_unit_test(pipes_on_the_engine),
    cmocka_unit_test(pipes_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
