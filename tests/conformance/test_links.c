/*
 * Links and hard links: what starts after what, and what becomes of the rest.
 */
#include "support/conform.h"
#include "support/main.h"

static struct io_uring_sqe *linked(struct conform *c, uint64_t user_data)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    sqe->flags |= IOSQE_IO_LINK;
    return sqe;
}

/* The prep functions clear the flags. */
static void link_on(struct io_uring_sqe *sqe, unsigned flags)
{
    sqe->flags = (uint8_t)flags;
}

/* A read that waits for its pipe, as 1, and what comes next behind it. */
static void linked_read(struct conform *c, int ends[2], char *byte)
{
    conform_pipe(c, ends);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, ends[0], byte, 1, 0);
    link_on(sqe, IOSQE_IO_LINK);
}

static void a_chain_runs_in_order(struct conform *c)
{
    linked(c, 1);
    linked(c, 2);
    conform_sqe(c, 3);
    conform_sqe(c, 4);
    conform_submit(c);
    conform_take(c, 4);
}

static void a_write_is_read_by_the_next(struct conform *c)
{
    char bytes[3];
    int fd = conform_file(c, "...");
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_write(sqe, fd, "abc", 3, 0);
    link_on(sqe, IOSQE_IO_LINK);
    io_uring_prep_read(conform_sqe(c, 2), fd, bytes, 3, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_data(c, bytes, 3);
    conform_close(c, fd);
}

static void an_error_breaks_a_chain(struct conform *c)
{
    char byte;
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, 12345, &byte, 1, 0);
    link_on(sqe, IOSQE_IO_LINK);
    linked(c, 2);
    conform_sqe(c, 3);
    conform_sqe(c, 4);
    conform_submit(c);
    conform_take(c, 4);
}

static void a_hard_link_survives_an_error(struct conform *c)
{
    char byte;
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, 12345, &byte, 1, 0);
    link_on(sqe, IOSQE_IO_HARDLINK);
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 2);
}

static void short_read(struct conform *c, unsigned flags)
{
    char bytes[8];
    int fd = conform_file(c, "abc");
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, fd, bytes, 8, 0);
    link_on(sqe, flags);
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 2);
    conform_close(c, fd);
}

static void a_short_read_breaks_a_chain(struct conform *c)
{
    short_read(c, IOSQE_IO_LINK);
}

static void a_hard_link_survives_a_short_read(struct conform *c)
{
    short_read(c, IOSQE_IO_HARDLINK);
}

static void a_read_of_nothing_breaks_a_chain(struct conform *c)
{
    char byte;
    int fd = conform_file(c, "");
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_read(sqe, fd, &byte, 1, 0);
    link_on(sqe, IOSQE_IO_LINK);
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 2);
    conform_close(c, fd);
}

static void short_receive(struct conform *c, int flags)
{
    char bytes[8];
    int ends[2];
    conform_socketpair(c, ends);
    conform_write(c, ends[1], "ab");
    conform_close(c, ends[1]);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_recv(sqe, ends[0], bytes, sizeof bytes, flags);
    link_on(sqe, IOSQE_IO_LINK);
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 2);
    conform_close(c, ends[0]);
}

static void a_short_receive_does_not_break_a_chain(struct conform *c)
{
    short_receive(c, 0);
}

static void a_short_receive_of_all_breaks_a_chain(struct conform *c)
{
    short_receive(c, MSG_WAITALL);
}

static void a_bad_entry_fails_its_whole_chain(struct conform *c)
{
    linked(c, 1);
    struct io_uring_sqe *sqe = linked(c, 2);
    sqe->opcode = 250;
    conform_sqe(c, 3);
    conform_sqe(c, 4);
    conform_submit(c);
    conform_value(c, "left in the SQ", io_uring_sq_ready(&c->ring.ring));
    conform_take(c, 4);
}

/* Also what is linked hard, which an error of its own would not end. */
static void a_bad_entry_fails_its_hard_links_too(struct conform *c)
{
    conform_sqe(c, 1)->flags = IOSQE_IO_HARDLINK;
    conform_sqe(c, 2)->flags = IOSQE_IO_HARDLINK;
    struct io_uring_sqe *sqe = conform_sqe(c, 3);
    sqe->flags = IOSQE_IO_HARDLINK;
    sqe->opcode = 250;
    conform_sqe(c, 4);
    conform_submit(c);
    conform_take(c, 4);
}

static void a_chain_ends_with_its_submission(struct conform *c)
{
    char byte;
    int ends[2];
    linked_read(c, ends, &byte);
    conform_submit(c);
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "x");
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void the_next_waits_for_what_is_pending(struct conform *c)
{
    char byte;
    int ends[2];
    linked_read(c, ends, &byte);
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "x");
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void cancelling_the_head_cancels_the_rest(struct conform *c)
{
    char byte;
    int ends[2];
    linked_read(c, ends, &byte);
    linked(c, 2);
    conform_sqe(c, 3);
    conform_submit(c);
    io_uring_prep_cancel64(conform_sqe(c, 4), 1, 0);
    conform_submit(c);
    conform_take(c, 4);
    conform_close_both(c, ends);
}

static void a_member_that_has_not_started_is_not_found(struct conform *c)
{
    char byte;
    int ends[2];
    linked_read(c, ends, &byte);
    conform_sqe(c, 2);
    conform_submit(c);
    io_uring_prep_cancel64(conform_sqe(c, 3), 2, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_write(c, ends[1], "x");
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static const struct conform_case cases[] = {
    {.name = "a chain runs in order",
     .run = a_chain_runs_in_order,
     .expected = "submit: 4\n1: 0\n4: 0\n2: 0\n3: 0\n"},
    {.name = "a write is read by the next",
     .run = a_write_is_read_by_the_next,
     .expected = "submit: 2\n1: 3\n2: 3\ndata: abc\n"},
    {.name = "an error breaks a chain",
     .run = an_error_breaks_a_chain,
     .expected = "submit: 4\n1: EBADF\n4: 0\n2: ECANCELED\n3: ECANCELED\n"},
    {.name = "a hard link survives an error",
     .run = a_hard_link_survives_an_error,
     .expected = "submit: 2\n1: EBADF\n2: 0\n"},
    {.name = "a short read breaks a chain",
     .run = a_short_read_breaks_a_chain,
     .expected = "submit: 2\n1: 3\n2: ECANCELED\n"},
    {.name = "a hard link survives a short read",
     .run = a_hard_link_survives_a_short_read,
     .expected = "submit: 2\n1: 3\n2: 0\n"},
    {.name = "a read of nothing breaks a chain",
     .run = a_read_of_nothing_breaks_a_chain,
     .expected = "submit: 2\n1: 0\n2: ECANCELED\n"},
    {.name = "a short receive does not break a chain",
     .run = a_short_receive_does_not_break_a_chain,
     .expected = "written: 2\nsubmit: 2\n1: 2\n2: 0\n"},
    {.name = "a short receive of all breaks a chain",
     .run = a_short_receive_of_all_breaks_a_chain,
     .expected = "written: 2\nsubmit: 2\n1: 2\n2: ECANCELED\n"},
    {.name = "a bad entry fails its whole chain",
     .run = a_bad_entry_fails_its_whole_chain,
     .expected = "submit: 4\nleft in the SQ: 0\n1: ECANCELED\n4: 0\n2: EINVAL\n3: ECANCELED\n"},
    {.name = "a bad entry fails its hard links too",
     .run = a_bad_entry_fails_its_hard_links_too,
     .expected = "submit: 4\n1: ECANCELED\n2: ECANCELED\n3: EINVAL\n4: ECANCELED\n"},
    {.name = "a chain ends with its submission",
     .run = a_chain_ends_with_its_submission,
     .expected = "submit: 1\nsubmit: 1\n2: 0\nwritten: 1\n1: 1\n"},
    {.name = "the next waits for what is pending",
     .run = the_next_waits_for_what_is_pending,
     .expected = "submit: 2\nnothing\nwritten: 1\n1: 1\n2: 0\n"},
    {.name = "cancelling the head cancels the rest",
     .run = cancelling_the_head_cancels_the_rest,
     .expected = "submit: 3\nsubmit: 1\n4: 0\n1: ECANCELED\n2: ECANCELED\n3: ECANCELED\n"},
    {.name = "a member that has not started is not found",
     .run = a_member_that_has_not_started_is_not_found,
     .expected = "submit: 2\nsubmit: 1\n3: ENOENT\nwritten: 1\n1: 1\n2: 0\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void links_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void links_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void links_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(links_on_io_uring),
    cmocka_unit_test(links_on_the_engine),
    cmocka_unit_test(links_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
