/*
 * Files: reads and writes at an offset and at their own position, opening, closing, syncing.
 */
#include <fcntl.h>

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

/* Its number was a pipe's a moment ago, which has no offsets. */
static void a_number_that_comes_back_is_another_object(struct conform *c)
{
    char bytes[3];
    int ends[2];
    conform_pipe(c, ends);
    conform_write(c, ends[1], "pipe");
    io_uring_prep_read(conform_sqe(c, 1), ends[0], bytes, sizeof bytes, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, ends[0]);
    int fd = conform_file(c, "abcdefgh");
    for (uint64_t i = 2; i <= 3; i++) {
        io_uring_prep_read(conform_sqe(c, i), fd, bytes, sizeof bytes, 4);
        conform_submit(c);
        conform_take(c, 1);
        conform_data(c, bytes, sizeof bytes);
    }
    conform_close(c, fd);
    conform_close(c, ends[1]);
}

/* One submission: it is looked up when its turn comes. */
static void a_number_closed_in_a_chain_is_gone_for_the_next(struct conform *c)
{
    char bytes[3];
    int fd = conform_file(c, "abcdefgh");
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, fd, bytes, sizeof bytes, 0);
    sqe->flags |= IOSQE_IO_LINK;
    sqe = conform_sqe(c, 2);
    io_uring_prep_close(sqe, fd);
    sqe->flags |= IOSQE_IO_LINK;
    io_uring_prep_read(conform_sqe(c, 3), fd, bytes, sizeof bytes, 0);
    conform_submit(c);
    conform_take(c, 3);
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
    {.name = "a sync needs a file",
     .run = a_sync_needs_a_file,
     .expected = "submit: 1\n1: 0\nsubmit: 1\n2: 0\nsubmit: 1\n3: EINVAL\nsubmit: 1\n4: EINVAL\n"},
    {.name = "a file is opened, read and closed",
     .run = a_file_is_opened_read_and_closed,
     .expected = "submit: 1\n1: a descriptor\nsubmit: 1\n2: 3\ndata: abc\nsubmit: 1\n3: EBADF\n"
                 "submit: 1\n4: 0\nsubmit: 1\n5: EBADF\n"},
    {.name = "a number that comes back is another object",
     .run = a_number_that_comes_back_is_another_object,
     .expected = "written: 4\nsubmit: 1\n1: 3\nsubmit: 1\n2: 3\ndata: efg\nsubmit: 1\n3: 3\ndata: efg\n"},
    {.name = "a number closed in a chain is gone for the next",
     .run = a_number_closed_in_a_chain_is_gone_for_the_next,
     .expected = "submit: 3\n1: 3\n2: 0\n3: EBADF\n"},
    {.name = "what is not there is not opened",
     .run = what_is_not_there_is_not_opened,
     .expected = "submit: 1\n1: ENOENT\nsubmit: 1\n2: EEXIST\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void files_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void files_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void files_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(files_on_io_uring),
    cmocka_unit_test(files_on_the_engine),
    cmocka_unit_test(files_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
