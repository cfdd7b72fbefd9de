/*
 * Buffers that the program provides and an operation chooses late, by PROVIDE_BUFFERS: the same on every kernel.
 */
#include <string.h>

#include "support/conform.h"
#include "support/main.h"

#define GROUP 7
#define SIZE 4u

static char memory[16 * SIZE];

static char *buffer_at(unsigned id)
{
    return memory + id * SIZE;
}

/* `count` buffers of SIZE from `first` on, whose ids are their places in memory. */
static void provide(struct conform *c, unsigned first, unsigned count)
{
    io_uring_prep_provide_buffers(conform_sqe(c, 100), buffer_at(first), SIZE, (int)count, GROUP, (int)first);
    conform_submit(c);
    conform_take(c, 1);
}

static void start(struct conform *c, unsigned count)
{
    memset(memory, '.', sizeof memory);
    if (count > 0)
        provide(c, 0, count);
}

static struct io_uring_sqe *select_read(struct conform *c, uint64_t user_data, int fd, unsigned length)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_read(sqe, fd, NULL, length, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    return sqe;
}

static struct io_uring_sqe *select_recv(struct conform *c, uint64_t user_data, int fd, unsigned length)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_recv(sqe, fd, NULL, length, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    return sqe;
}

static void remove_some(struct conform *c, int count)
{
    io_uring_prep_remove_buffers(conform_sqe(c, 101), count, GROUP);
    conform_submit(c);
    conform_take(c, 1);
}

static void providing_answers_zero(struct conform *c)
{
    start(c, 4);
    provide(c, 4, 1);
}

static void one_refused(struct conform *c, struct io_uring_sqe *sqe)
{
    (void)sqe;
    conform_submit(c);
    conform_take(c, 1);
}

static struct io_uring_sqe *provide_sqe(struct conform *c, uint64_t user_data)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_provide_buffers(sqe, memory, SIZE, 1, GROUP, 0);
    return sqe;
}

static void what_providing_refuses(struct conform *c)
{
    struct io_uring_sqe *sqe = provide_sqe(c, 1);
    sqe->fd = 0;
    one_refused(c, sqe);
    sqe = provide_sqe(c, 2);
    sqe->fd = 65537;
    one_refused(c, sqe);
    sqe = provide_sqe(c, 3);
    sqe->len = 0;
    one_refused(c, sqe);
    sqe = provide_sqe(c, 4);
    sqe->off = 65536;
    one_refused(c, sqe);
    sqe = provide_sqe(c, 5);
    sqe->off = 65535;
    sqe->fd = 2;
    one_refused(c, sqe);
    sqe = provide_sqe(c, 6);
    sqe->rw_flags = 1;
    one_refused(c, sqe);
    sqe = provide_sqe(c, 7);
    sqe->splice_fd_in = 1;
    one_refused(c, sqe);
    sqe = provide_sqe(c, 8);
    sqe->ioprio = 1;
    one_refused(c, sqe);
    sqe = provide_sqe(c, 9);
    sqe->addr = UINT64_MAX - 1;
    one_refused(c, sqe);
    sqe = provide_sqe(c, 10);
    sqe->addr = UINT64_C(1) << 63;
    one_refused(c, sqe);
    sqe = provide_sqe(c, 11);
    sqe->flags = IOSQE_BUFFER_SELECT;
    one_refused(c, sqe);
    sqe = provide_sqe(c, 12);
    sqe->fd = -1;
    one_refused(c, sqe);
    sqe = provide_sqe(c, 13);
    sqe->addr3 = 1;
    one_refused(c, sqe);
}

static void memory_is_looked_at_when_it_is_used(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_provide_buffers(conform_sqe(c, 1), NULL, SIZE, 2, GROUP, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_write(c, ends[1], "ab");
    select_read(c, 2, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    remove_some(c, 9);
    conform_close_both(c, ends);
}

static void memory_of_a_receive_is_looked_at_when_it_is_used(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    io_uring_prep_provide_buffers(conform_sqe(c, 1), NULL, SIZE, 2, GROUP, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_write(c, ends[1], "ab");
    select_recv(c, 2, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    remove_some(c, 9);
    conform_close_both(c, ends);
}

static void removing_answers_how_many(struct conform *c)
{
    remove_some(c, 1);
    start(c, 5);
    remove_some(c, 2);
    remove_some(c, 10);
    remove_some(c, 1);
}

static void what_removing_refuses(struct conform *c)
{
    start(c, 2);
    for (unsigned i = 0; i < 6; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, i);
        io_uring_prep_remove_buffers(sqe, i == 0 ? 0 : i == 1 ? 65537 : 1, GROUP);
        sqe->addr = i == 2;
        sqe->len = i == 3;
        sqe->off = i == 4;
        sqe->splice_fd_in = i == 5;
        one_refused(c, sqe);
    }
    struct io_uring_sqe *sqe = conform_sqe(c, 6);
    io_uring_prep_remove_buffers(sqe, 1, GROUP);
    sqe->rw_flags = 1;
    one_refused(c, sqe);
    remove_some(c, 9);
}

static void the_first_provided_is_chosen_first(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    start(c, 3);
    provide(c, 8, 1);
    conform_write(c, ends[1], "aabbccdde");
    for (unsigned i = 1; i <= 5; i++) {
        select_read(c, i, ends[0], 2);
        conform_submit(c);
        conform_take(c, 1);
    }
    conform_data(c, memory, 9 * SIZE);
    conform_close_both(c, ends);
}

static void the_first_provided_is_removed_first(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    start(c, 3);
    remove_some(c, 2);
    conform_write(c, ends[1], "ab");
    select_read(c, 1, ends[0], 1);
    select_read(c, 2, ends[0], 1);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_length_of_zero_is_the_buffers(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 4);
    conform_write(c, ends[1], "abcdefghijklmno");
    select_recv(c, 1, ends[0], 0);
    select_recv(c, 2, ends[0], 3);
    select_recv(c, 3, ends[0], 9);
    conform_submit(c);
    conform_take(c, 3);
    conform_data(c, memory, 4 * SIZE);
    conform_close_both(c, ends);
}

static void without_a_buffer_nothing_is_attempted(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    select_recv(c, 1, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    start(c, 1);
    remove_some(c, 1);
    select_recv(c, 2, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_write(c, ends[1], "ab");
    select_recv(c, 3, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    select_read(c, 4, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void another_group_does_not_help(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 1);
    conform_write(c, ends[1], "ab");
    select_recv(c, 1, ends[0], 0)->buf_group = GROUP + 1;
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void one_that_waits_holds_no_buffer(struct conform *c)
{
    int one[2];
    int two[2];
    conform_socketpair(c, one);
    conform_socketpair(c, two);
    start(c, 1);
    select_recv(c, 1, one[0], 0);
    select_recv(c, 2, two[0], 0);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, two[1], "ab");
    conform_take(c, 1);
    conform_write(c, one[1], "cd");
    conform_take(c, 1);
    conform_data(c, memory, SIZE);
    conform_close_both(c, one);
    conform_close_both(c, two);
}

static void a_read_that_waits_holds_its_buffer(struct conform *c)
{
    int one[2];
    int two[2];
    conform_pipe(c, one);
    conform_pipe(c, two);
    start(c, 2);
    select_read(c, 1, one[0], 0);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, two[1], "abcdefgh");
    select_read(c, 2, two[0], 0);
    select_read(c, 3, two[0], 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_write(c, one[1], "ij");
    conform_take(c, 1);
    conform_data(c, memory, 2 * SIZE);
    conform_close_both(c, one);
    conform_close_both(c, two);
}

static void a_cancelled_read_uses_its_buffer(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    start(c, 2);
    select_read(c, 1, ends[0], 0);
    conform_submit(c);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    conform_take(c, 2);
    remove_some(c, 9);
    conform_close_both(c, ends);
}

static void a_bad_address_of_a_read(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    io_uring_prep_provide_buffers(conform_sqe(c, 1), (void *)16, SIZE, 2, GROUP, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_write(c, ends[1], "ab");
    select_read(c, 2, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    remove_some(c, 9);
    conform_close_both(c, ends);
}

static void a_bad_address_of_a_receive(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    io_uring_prep_provide_buffers(conform_sqe(c, 1), (void *)16, SIZE, 2, GROUP, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_write(c, ends[1], "ab");
    select_recv(c, 2, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    remove_some(c, 9);
    conform_close_both(c, ends);
}

static void what_is_checked_before_a_buffer(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    select_read(c, 1, -1, 0);
    select_read(c, 2, ends[1], 0);
    select_read(c, 3, ends[0], 0)->rw_flags = 0x40000000;
    select_recv(c, 4, -1, 0);
    select_recv(c, 5, ends[0], 0);
    conform_submit(c);
    conform_take(c, 5);
    start(c, 2);
    select_read(c, 6, ends[0], 0)->rw_flags = 0x40000000;
    conform_submit(c);
    conform_take(c, 1);
    remove_some(c, 9);
    conform_close_both(c, ends);
}

static void sending_chooses_too(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    memcpy(memory, "abcdefgh", 8);
    provide(c, 0, 2);
    for (unsigned i = 0; i < 3; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, i + 1);
        io_uring_prep_send(sqe, ends[0], NULL, i, 0);
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = GROUP;
        conform_submit(c);
        conform_take(c, 1);
    }
    struct iovec vector = {NULL, 0};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    struct io_uring_sqe *sqe = conform_sqe(c, 4);
    io_uring_prep_sendmsg(sqe, ends[0], &message, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void a_refused_send_uses_the_buffer(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    provide(c, 0, 3);
    conform_close(c, ends[1]);
    for (unsigned i = 0; i < 2; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, i + 1);
        io_uring_prep_send(sqe, i == 0 ? ends[0] : -1, NULL, 0, MSG_NOSIGNAL);
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = GROUP;
        conform_submit(c);
        conform_take(c, 1);
    }
    remove_some(c, 9);
    conform_close(c, ends[0]);
}

static void a_receive_of_all_keeps_what_it_began(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 2);
    conform_write(c, ends[1], "ab");
    select_recv(c, 1, ends[0], 0)->msg_flags = MSG_WAITALL;
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    conform_take(c, 2);
    remove_some(c, 9);
    conform_close_both(c, ends);
}

static void a_linked_timeout_gives_the_buffer_back(struct conform *c)
{
    struct __kernel_timespec soon = CONFORM_MILLISECOND;
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 2);
    select_recv(c, 1, ends[0], 0)->flags |= IOSQE_IO_LINK;
    io_uring_prep_link_timeout(conform_sqe(c, 2), &soon, 0);
    conform_submit(c);
    conform_take(c, 2);
    remove_some(c, 9);
    conform_close_both(c, ends);
}

static void a_cancelled_one_keeps_nothing(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 2);
    select_recv(c, 1, ends[0], 0);
    conform_submit(c);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_write(c, ends[1], "ab");
    select_recv(c, 3, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    remove_some(c, 9);
    conform_close_both(c, ends);
}

static void the_end_of_a_stream_keeps_the_buffer(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 2);
    conform_close(c, ends[1]);
    select_recv(c, 1, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    remove_some(c, 9);
    conform_close(c, ends[0]);
}

static void the_end_of_a_read_uses_the_buffer(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    start(c, 2);
    conform_close(c, ends[1]);
    select_read(c, 1, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    remove_some(c, 9);
    conform_close(c, ends[0]);
}

static void a_file_is_read_into_one(struct conform *c)
{
    int fd = conform_file(c, "abcdef");
    start(c, 4);
    select_read(c, 1, fd, 0)->off = 0;
    conform_submit(c);
    conform_take(c, 1);
    select_read(c, 2, fd, 3)->off = 4;
    conform_submit(c);
    conform_take(c, 1);
    select_read(c, 3, fd, 3)->off = 6;
    conform_submit(c);
    conform_take(c, 1);
    conform_data(c, memory, 2 * SIZE);
    remove_some(c, 9);
    conform_close(c, fd);
}

static void a_refused_read_uses_the_buffer(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    start(c, 2);
    select_read(c, 1, ends[1], 0);
    conform_submit(c);
    conform_take(c, 1);
    remove_some(c, 9);
    conform_close_both(c, ends);
}

static void a_refused_receive_keeps_the_buffer(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    int fd = c->objects->socket(c->self);
    start(c, 2);
    select_recv(c, 1, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    select_recv(c, 2, -1, 0);
    conform_submit(c);
    conform_take(c, 1);
    select_recv(c, 3, fd, 0);
    conform_submit(c);
    conform_take(c, 1);
    remove_some(c, 9);
    conform_close(c, fd);
    conform_close_both(c, ends);
}

static void one_that_must_not_wait_keeps_the_buffer(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 2);
    select_recv(c, 1, ends[0], 0)->msg_flags = MSG_DONTWAIT;
    conform_submit(c);
    conform_take(c, 1);
    select_read(c, 2, ends[0], 0)->rw_flags = RWF_NOWAIT;
    conform_submit(c);
    conform_take(c, 1);
    remove_some(c, 9);
    conform_close_both(c, ends);
}

static void a_vector_of_one_is_a_length(struct conform *c)
{
    int ends[2];
    struct iovec vector[2] = {{memory + 3 * SIZE, 3}, {memory, 1}};
    conform_pipe(c, ends);
    start(c, 2);
    conform_write(c, ends[1], "abcdefgh");
    for (unsigned i = 0; i < 4; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, i + 1);
        io_uring_prep_readv(sqe, ends[0], i == 3 ? NULL : vector, i == 1 ? 2 : i == 2 ? 0 : 1, 0);
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = GROUP;
        conform_submit(c);
        conform_take(c, 1);
    }
    conform_data(c, memory, 4 * SIZE);
    conform_close_both(c, ends);
}

static void a_message_of_one_is_a_length(struct conform *c)
{
    int ends[2];
    struct iovec vector[2] = {{memory + 3 * SIZE, 3}, {memory, 1}};
    conform_socketpair(c, ends);
    start(c, 3);
    conform_write(c, ends[1], "abcdefghi");
    for (unsigned i = 0; i < 3; i++) {
        struct msghdr message = {.msg_iov = vector, .msg_iovlen = i == 1 ? 2 : i == 2 ? 0 : 1};
        struct io_uring_sqe *sqe = conform_sqe(c, i + 1);
        io_uring_prep_recvmsg(sqe, ends[0], &message, 0);
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = GROUP;
        conform_submit(c);
        conform_take(c, 1);
    }
    conform_data(c, memory, 4 * SIZE);
    conform_close_both(c, ends);
}

static void who_may_not_choose(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    start(c, 2);
    for (unsigned i = 0; i < 6; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, i + 1);
        switch (i) {
        case 0: io_uring_prep_nop(sqe); break;
        case 1: io_uring_prep_write(sqe, ends[1], memory, 1, 0); break;
        case 2: io_uring_prep_accept(sqe, ends[0], NULL, NULL, 0); break;
        case 3: io_uring_prep_poll_add(sqe, ends[0], 1); break;
        case 4: io_uring_prep_close(sqe, ends[0]); break;
        case 5: io_uring_prep_fsync(sqe, ends[0], 0); break;
        }
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = GROUP;
        conform_submit(c);
        conform_take(c, 1);
    }
    remove_some(c, 9);
    conform_close_both(c, ends);
}

static void no_buffer_breaks_a_chain(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    conform_write(c, ends[1], "ab");
    select_recv(c, 1, ends[0], 0)->flags |= IOSQE_IO_LINK;
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_cut_read_does_not_break_a_chain(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    start(c, 3);
    conform_write(c, ends[1], "abcdefg");
    select_read(c, 1, ends[0], 9)->flags |= IOSQE_IO_LINK;
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 2);
    select_read(c, 3, ends[0], 0)->flags |= IOSQE_IO_LINK;
    conform_sqe(c, 4);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void providing_and_reading_in_one_chain(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    start(c, 0);
    conform_write(c, ends[1], "ab");
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_provide_buffers(sqe, memory, SIZE, 1, GROUP, 5);
    sqe->flags |= IOSQE_IO_LINK;
    select_read(c, 2, ends[0], 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_data(c, memory, SIZE);
    conform_close_both(c, ends);
}

static void providing_may_be_silent(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    start(c, 0);
    conform_write(c, ends[1], "ab");
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_provide_buffers(sqe, memory, SIZE, 1, GROUP, 5);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    select_read(c, 2, ends[0], 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void removing_none_breaks_a_chain(struct conform *c)
{
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_remove_buffers(sqe, 1, GROUP);
    sqe->flags |= IOSQE_IO_LINK;
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 2);
    start(c, 1);
    sqe = conform_sqe(c, 3);
    io_uring_prep_remove_buffers(sqe, 5, GROUP);
    sqe->flags |= IOSQE_IO_LINK;
    conform_sqe(c, 4);
    conform_submit(c);
    conform_take(c, 2);
}

static void an_id_may_be_provided_twice(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    start(c, 1);
    provide(c, 0, 1);
    conform_write(c, ends[1], "ab");
    select_read(c, 1, ends[0], 1);
    select_read(c, 2, ends[0], 1);
    conform_submit(c);
    conform_take(c, 2);
    remove_some(c, 9);
    conform_close_both(c, ends);
}

static void the_largest_id(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    conform_write(c, ends[1], "ab");
    io_uring_prep_provide_buffers(conform_sqe(c, 1), memory, SIZE, 1, 65535, 65535);
    select_read(c, 2, ends[0], 1)->buf_group = 65535;
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_receive_of_all_is_cut_by_its_buffer(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 2);
    conform_write(c, ends[1], "ab");
    select_recv(c, 1, ends[0], 0)->msg_flags = MSG_WAITALL;
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "cdef");
    conform_take(c, 1);
    conform_data(c, memory, 2 * SIZE);
    remove_some(c, 9);
    conform_close_both(c, ends);
}

static void a_peek_uses_a_buffer(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 2);
    conform_write(c, ends[1], "ab");
    select_recv(c, 1, ends[0], 0)->msg_flags = MSG_PEEK;
    select_recv(c, 2, ends[0], 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_data(c, memory, 2 * SIZE);
    conform_close_both(c, ends);
}

static void too_many_are_refused(struct conform *c)
{
    io_uring_prep_provide_buffers(conform_sqe(c, 1), memory, 1, 65536, GROUP, 0);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_provide_buffers(conform_sqe(c, 2), memory, 1, 1, GROUP, 0);
    conform_submit(c);
    conform_take(c, 1);
    remove_some(c, 65536);
    io_uring_prep_provide_buffers(conform_sqe(c, 3), memory, 1, 65535, GROUP, 0);
    io_uring_prep_provide_buffers(conform_sqe(c, 4), memory, 1, 1, GROUP, 0);
    conform_submit(c);
    conform_take(c, 2);
    remove_some(c, 65536);
}

static const struct conform_case cases[] = {
    {.name = "providing answers zero",
     .run = providing_answers_zero,
     .expected = "submit: 1\n100: 0\nsubmit: 1\n100: 0\n"},
    {.name = "what providing refuses",
     .run = what_providing_refuses,
     .expected = "submit: 1\n1: E2BIG\nsubmit: 1\n2: E2BIG\nsubmit: 1\n3: EINVAL\nsubmit: 1\n4: E2BIG\n"
                 "submit: 1\n5: EINVAL\nsubmit: 1\n6: EINVAL\nsubmit: 1\n7: EINVAL\nsubmit: 1\n8: EINVAL\n"
                 "submit: 1\n9: EOVERFLOW\nsubmit: 1\n10: EFAULT\nsubmit: 1\n11: EOPNOTSUPP\nsubmit: 1\n"
                 "12: E2BIG\nsubmit: 1\n13: 0\n"},
    {.name = "memory is looked at when it is used",
     .run = memory_is_looked_at_when_it_is_used,
     .expected = "submit: 1\n1: 0\nwritten: 2\nsubmit: 1\n2: ENOBUFS flags 1\nsubmit: 1\n101: 1\n"},
    {.name = "memory of a receive is looked at when it is used",
     .run = memory_of_a_receive_is_looked_at_when_it_is_used,
     .expected = "submit: 1\n1: 0\nwritten: 2\nsubmit: 1\n2: ENOBUFS\nsubmit: 1\n101: 2\n"},
    {.name = "removing answers how many",
     .run = removing_answers_how_many,
     .expected = "submit: 1\n101: ENOENT\nsubmit: 1\n100: 0\nsubmit: 1\n101: 2\nsubmit: 1\n101: 3\n"
                 "submit: 1\n101: 0\n"},
    {.name = "what removing refuses",
     .run = what_removing_refuses,
     .expected = "submit: 1\n100: 0\nsubmit: 1\n0: EINVAL\nsubmit: 1\n1: EINVAL\nsubmit: 1\n2: EINVAL\n"
                 "submit: 1\n3: EINVAL\nsubmit: 1\n4: EINVAL\nsubmit: 1\n5: EINVAL\nsubmit: 1\n6: EINVAL\n"
                 "submit: 1\n101: 2\n"},
    {.name = "the first provided is chosen first",
     .run = the_first_provided_is_chosen_first,
     .expected = "submit: 1\n100: 0\nsubmit: 1\n100: 0\nwritten: 9\nsubmit: 1\n1: 2 flags 1\nsubmit: 1\n"
                 "2: 2 flags 65537\nsubmit: 1\n3: 2 flags 131073\nsubmit: 1\n4: 2 flags 524289\n"
                 "submit: 1\n5: ENOBUFS\ndata: aa..bb..cc......................dd..\n"},
    {.name = "the first provided is removed first",
     .run = the_first_provided_is_removed_first,
     .expected = "submit: 1\n100: 0\nsubmit: 1\n101: 2\nwritten: 2\nsubmit: 2\n1: 1 flags 131073\n"
                 "2: ENOBUFS\n"},
    {.name = "a length of zero is the buffers",
     .run = a_length_of_zero_is_the_buffers,
     .expected = "submit: 1\n100: 0\nwritten: 15\nsubmit: 3\n1: 4 flags 1\n2: 3 flags 65537\n"
                 "3: 4 flags 131073\ndata: abcdefg.hijk....\n"},
    {.name = "without a buffer nothing is attempted",
     .run = without_a_buffer_nothing_is_attempted,
     .expected = "submit: 1\n1: ENOBUFS\nsubmit: 1\n100: 0\nsubmit: 1\n101: 1\nsubmit: 1\n2: ENOBUFS\n"
                 "written: 2\nsubmit: 1\n3: ENOBUFS\nsubmit: 1\n4: ENOBUFS\n"},
    {.name = "another group does not help",
     .run = another_group_does_not_help,
     .expected = "submit: 1\n100: 0\nwritten: 2\nsubmit: 1\n1: ENOBUFS\n"},
    {.name = "one that waits holds no buffer",
     .run = one_that_waits_holds_no_buffer,
     .expected = "submit: 1\n100: 0\nsubmit: 2\nnothing\nwritten: 2\n2: 2 flags 1\nwritten: 2\n"
                 "1: ENOBUFS\ndata: ab..\n"},
    {.name = "a read that waits holds its buffer",
     .run = a_read_that_waits_holds_its_buffer,
     .expected = "submit: 1\n100: 0\nsubmit: 1\nnothing\nwritten: 8\nsubmit: 2\n2: 4 flags 65537\n"
                 "3: ENOBUFS\nwritten: 2\n1: 2 flags 1\ndata: ij..abcd\n"},
    {.name = "a cancelled read uses its buffer",
     .run = a_cancelled_read_uses_its_buffer,
     .expected = "submit: 1\n100: 0\nsubmit: 1\nsubmit: 1\n2: 0\n1: ECANCELED flags 1\nsubmit: 1\n101: 1\n"},
    {.name = "a bad address of a read",
     .run = a_bad_address_of_a_read,
     .expected = "submit: 1\n1: 0\nwritten: 2\nsubmit: 1\n2: EFAULT flags 1\nsubmit: 1\n101: 1\n"},
    {.name = "a bad address of a receive",
     .run = a_bad_address_of_a_receive,
     .expected = "submit: 1\n1: 0\nwritten: 2\nsubmit: 1\n2: EFAULT\nsubmit: 1\n101: 2\n"},
    {.name = "what is checked before a buffer",
     .run = what_is_checked_before_a_buffer,
     .expected = "submit: 5\n1: EBADF\n2: ENOBUFS\n3: ENOBUFS\n4: EBADF\n5: ENOTSOCK\nsubmit: 1\n100: 0\n"
                 "submit: 1\n6: EOPNOTSUPP flags 1\nsubmit: 1\n101: 1\n"},
    {.name = "sending chooses too",
     .run = sending_chooses_too,
     .expected = "submit: 1\n100: 0\nsubmit: 1\n1: 4 flags 1\nsubmit: 1\n2: 4 flags 65537\nsubmit: 1\n"
                 "3: ENOBUFS\nsubmit: 1\n4: EOPNOTSUPP\n"},
    {.name = "a refused send uses the buffer",
     .run = a_refused_send_uses_the_buffer,
     .expected = "submit: 1\n100: 0\nsubmit: 1\n1: EPIPE flags 1\nsubmit: 1\n2: EBADF\nsubmit: 1\n101: 2\n"},
    {.name = "a receive of all keeps what it began",
     .run = a_receive_of_all_keeps_what_it_began,
     .expected = "submit: 1\n100: 0\nwritten: 2\nsubmit: 1\nnothing\nsubmit: 1\n2: 0\n1: 2 flags 1\n"
                 "submit: 1\n101: 1\n"},
    {.name = "a linked timeout gives the buffer back",
     .run = a_linked_timeout_gives_the_buffer_back,
     .expected = "submit: 1\n100: 0\nsubmit: 2\n2: ETIME\n1: ECANCELED\nsubmit: 1\n101: 2\n"},
    {.name = "a cancelled one keeps nothing",
     .run = a_cancelled_one_keeps_nothing,
     .expected = "submit: 1\n100: 0\nsubmit: 1\nsubmit: 1\n2: 0\n1: ECANCELED\nwritten: 2\nsubmit: 1\n"
                 "3: 2 flags 1\nsubmit: 1\n101: 1\n"},
    {.name = "the end of a stream keeps the buffer",
     .run = the_end_of_a_stream_keeps_the_buffer,
     .expected = "submit: 1\n100: 0\nsubmit: 1\n1: 0\nsubmit: 1\n101: 2\n"},
    {.name = "the end of a read uses the buffer",
     .run = the_end_of_a_read_uses_the_buffer,
     .expected = "submit: 1\n100: 0\nsubmit: 1\n1: 0 flags 1\nsubmit: 1\n101: 1\n"},
    {.name = "a file is read into one",
     .run = a_file_is_read_into_one,
     .expected = "submit: 1\n100: 0\nsubmit: 1\n1: 4 flags 1\nsubmit: 1\n2: 2 flags 65537\nsubmit: 1\n"
                 "3: 0 flags 131073\ndata: abcdef..\nsubmit: 1\n101: 1\n"},
    {.name = "a refused read uses the buffer",
     .run = a_refused_read_uses_the_buffer,
     .expected = "submit: 1\n100: 0\nsubmit: 1\n1: EBADF flags 1\nsubmit: 1\n101: 1\n"},
    {.name = "a refused receive keeps the buffer",
     .run = a_refused_receive_keeps_the_buffer,
     .expected = "submit: 1\n100: 0\nsubmit: 1\n1: ENOTSOCK\nsubmit: 1\n2: EBADF\nsubmit: 1\n3: EINVAL\n"
                 "submit: 1\n101: 2\n"},
    {.name = "one that must not wait keeps the buffer",
     .run = one_that_must_not_wait_keeps_the_buffer,
     .expected = "submit: 1\n100: 0\nsubmit: 1\n1: EAGAIN\nsubmit: 1\n2: EAGAIN flags 1\nsubmit: 1\n"
                 "101: 1\n"},
    {.name = "a vector of one is a length",
     .run = a_vector_of_one_is_a_length,
     .expected = "submit: 1\n100: 0\nwritten: 8\nsubmit: 1\n1: 3 flags 1\nsubmit: 1\n2: EINVAL\n"
                 "submit: 1\n3: EINVAL\nsubmit: 1\n4: EFAULT\ndata: abc.............\n"},
    {.name = "a message of one is a length",
     .run = a_message_of_one_is_a_length,
     .expected = "submit: 1\n100: 0\nwritten: 9\nsubmit: 1\n1: 3 flags 1\nsubmit: 1\n2: EINVAL\n"
                 "submit: 1\n3: 4 flags 65537\ndata: abc.defg........\n"},
    {.name = "who may not choose",
     .run = who_may_not_choose,
     .expected = "submit: 1\n100: 0\nsubmit: 1\n1: EOPNOTSUPP\nsubmit: 1\n2: EOPNOTSUPP\nsubmit: 1\n"
                 "3: EOPNOTSUPP\nsubmit: 1\n4: EOPNOTSUPP\nsubmit: 1\n5: EOPNOTSUPP\nsubmit: 1\n"
                 "6: EOPNOTSUPP\nsubmit: 1\n101: 2\n"},
    {.name = "no buffer breaks a chain",
     .run = no_buffer_breaks_a_chain,
     .expected = "written: 2\nsubmit: 2\n1: ENOBUFS\n2: ECANCELED\n"},
    {.name = "a cut read does not break a chain",
     .run = a_cut_read_does_not_break_a_chain,
     .expected = "submit: 1\n100: 0\nwritten: 7\nsubmit: 2\n1: 4 flags 1\n2: 0\nsubmit: 2\n"
                 "3: 3 flags 65537\n4: ECANCELED\n"},
    {.name = "providing and reading in one chain",
     .run = providing_and_reading_in_one_chain,
     .expected = "written: 2\nsubmit: 2\n1: 0\n2: 2 flags 327681\ndata: ab..\n"},
    {.name = "providing may be silent",
     .run = providing_may_be_silent,
     .expected = "written: 2\nsubmit: 2\n2: 2 flags 327681\n"},
    {.name = "removing none breaks a chain",
     .run = removing_none_breaks_a_chain,
     .expected = "submit: 2\n1: ENOENT\n2: ECANCELED\nsubmit: 1\n100: 0\nsubmit: 2\n3: 1\n4: 0\n"},
    {.name = "an id may be provided twice",
     .run = an_id_may_be_provided_twice,
     .expected = "submit: 1\n100: 0\nsubmit: 1\n100: 0\nwritten: 2\nsubmit: 2\n1: 1 flags 1\n"
                 "2: 1 flags 1\nsubmit: 1\n101: 0\n"},
    {.name = "the largest id",
     .run = the_largest_id,
     .expected = "written: 2\nsubmit: 2\n1: 0\n2: 1 flags 4294901761\n"},
    {.name = "a receive of all is cut by its buffer",
     .run = a_receive_of_all_is_cut_by_its_buffer,
     .expected = "submit: 1\n100: 0\nwritten: 2\nsubmit: 1\nnothing\nwritten: 4\n1: 4 flags 1\n"
                 "data: abcd....\nsubmit: 1\n101: 1\n"},
    {.name = "a peek uses a buffer",
     .run = a_peek_uses_a_buffer,
     .expected = "submit: 1\n100: 0\nwritten: 2\nsubmit: 2\n1: 2 flags 1\n2: 2 flags 65537\n"
                 "data: ab..ab..\n"},
    {.name = "too many are refused",
     .run = too_many_are_refused,
     .expected = "submit: 1\n1: 0\nsubmit: 1\n2: EOVERFLOW\nsubmit: 1\n101: 65535\nsubmit: 2\n3: 0\n"
                 "4: EOVERFLOW\nsubmit: 1\n101: 65535\n"},
};

/* The true kernel answers as it did when the expectations were written. */
static void provided_buffers_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void provided_buffers_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void provided_buffers_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(provided_buffers_on_io_uring),
    cmocka_unit_test(provided_buffers_on_the_engine),
    cmocka_unit_test(provided_buffers_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
