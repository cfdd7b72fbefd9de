/*
 * Accepts and receives that complete more than once: the same on every kernel.
 */
#include <stdlib.h>
#include <string.h>

#include "support/conform.h"
#include "support/conform_sockets.h"
#include "support/main.h"

#define GROUP 3
#define SIZE 32u

static char memory[8 * SIZE];

static void provide(struct conform *c, unsigned first, unsigned count, unsigned size)
{
    io_uring_prep_provide_buffers(conform_sqe(c, 100), memory + first * SIZE, (int)size, (int)count, GROUP,
                                  (int)first);
    conform_submit(c);
    conform_take(c, 1);
}

static void start(struct conform *c, unsigned count, unsigned size)
{
    memset(memory, '.', sizeof memory);
    provide(c, 0, count, size);
}

static struct io_uring_sqe *receiver(struct conform *c, uint64_t user_data, int fd)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    return sqe;
}

static struct io_uring_sqe *message_receiver(struct conform *c, uint64_t user_data, int fd,
                                             struct msghdr *message)
{
    struct io_uring_sqe *sqe = conform_sqe(c, user_data);
    io_uring_prep_recvmsg_multishot(sqe, fd, message, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    return sqe;
}

static void cancel(struct conform *c, uint64_t user_data, uint64_t target)
{
    io_uring_prep_cancel64(conform_sqe(c, user_data), target, 0);
    conform_submit(c);
}

static void each_message_is_received(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 4, 4);
    receiver(c, 1, ends[0]);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "ab");
    conform_take(c, 1);
    conform_write(c, ends[1], "cd");
    conform_take(c, 1);
    conform_data(c, memory, 8);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void what_is_there_is_received_at_once(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 4, 4);
    conform_write(c, ends[1], "abcdefghij");
    conform_sqe(c, 1);
    receiver(c, 2, ends[0]);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take(c, 5);
    conform_take_now(c);
    cancel(c, 4, 2);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void the_same_over_a_connection(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    start(c, 4, 4);
    conform_write(c, ends[1], "abcdefghij");
    conform_sqe(c, 1);
    receiver(c, 2, ends[0]);
    conform_sqe(c, 3);
    conform_submit(c);
    conform_take(c, 5);
    conform_take_now(c);
    cancel(c, 4, 2);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void the_end_of_the_stream_ends_it(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 4, 4);
    conform_write(c, ends[1], "ab");
    receiver(c, 1, ends[0]);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, ends[1]);
    conform_take(c, 1);
    io_uring_prep_remove_buffers(conform_sqe(c, 2), 9, GROUP);
    conform_submit(c);
    conform_take(c, 1);
    conform_close(c, ends[0]);
}

static void the_last_buffer_is_not_yet_the_end(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 1, 4);
    conform_write(c, ends[1], "ab");
    receiver(c, 1, ends[0]);
    conform_submit(c);
    conform_take_now(c);
    conform_take_now(c);
    conform_write(c, ends[1], "cd");
    conform_take_now(c);
    conform_close_both(c, ends);
}

static void the_last_buffer_is_not_yet_the_end_of_a_connection(struct conform *c)
{
    int ends[2];
    conform_connection(c, ends);
    start(c, 1, 4);
    conform_write(c, ends[1], "ab");
    receiver(c, 1, ends[0]);
    conform_submit(c);
    conform_take_now(c);
    conform_take_now(c);
    conform_write(c, ends[1], "cd");
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void more_than_the_buffers_hold_ends_it(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 2, 4);
    conform_write(c, ends[1], "abcdefghij");
    receiver(c, 1, ends[0]);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void after_many_others_have_their_turn(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    io_uring_prep_provide_buffers(conform_sqe(c, 100), memory, 1, 64, GROUP, 0);
    conform_submit(c);
    conform_take(c, 1);
    conform_write(c, ends[1], "0123456789012345678901234567890123456789");
    receiver(c, 1, ends[0]);
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take(c, 41);
    conform_close_both(c, ends);
}

static void no_buffer_is_the_end(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    receiver(c, 1, ends[0]);
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void buffers_come_back_in_time(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 1, 4);
    receiver(c, 1, ends[0]);
    conform_submit(c);
    for (unsigned i = 0; i < 3; i++) {
        conform_write(c, ends[1], "ab");
        conform_take(c, 1);
        provide(c, i + 1, 1, 4);
    }
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void what_a_receive_refuses(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 4, 4);
    conform_write(c, ends[1], "abcdefghijklmno");
    receiver(c, 1, ends[0])->flags = 0;
    conform_submit(c);
    conform_take(c, 1);
    receiver(c, 2, ends[0])->msg_flags = MSG_WAITALL;
    conform_submit(c);
    conform_take(c, 1);
    receiver(c, 3, ends[0])->ioprio |= IORING_RECVSEND_FIXED_BUF;
    conform_submit(c);
    conform_take(c, 1);
    receiver(c, 4, ends[0])->ioprio |= 64;
    conform_submit(c);
    conform_take(c, 1);
    receiver(c, 5, ends[0])->addr2 = 1;
    conform_submit(c);
    conform_take(c, 1);
    struct iovec vector[2] = {{NULL, 0}, {NULL, 0}};
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = 2};
    message_receiver(c, 6, ends[0], &message);
    conform_submit(c);
    conform_take(c, 1);
    message.msg_iovlen = 1;
    message_receiver(c, 7, ends[0], &message)->flags = 0;
    conform_submit(c);
    conform_take(c, 1);
    message_receiver(c, 8, ends[0], &message)->msg_flags = MSG_WAITALL;
    conform_submit(c);
    conform_take(c, 1);
    message.msg_namelen = (socklen_t)-1;
    message_receiver(c, 9, ends[0], &message);
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void a_length_limits_each(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 4, 4);
    conform_write(c, ends[1], "abcdef");
    receiver(c, 1, ends[0])->len = 3;
    conform_submit(c);
    conform_take(c, 2);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_silent_receiver(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 4, 4);
    conform_write(c, ends[1], "ab");
    receiver(c, 1, ends[0])->flags |= IOSQE_CQE_SKIP_SUCCESS;
    conform_submit(c);
    conform_take_now(c);
    conform_close(c, ends[1]);
    conform_take_now(c);
    conform_close(c, ends[0]);
}

static void the_next_of_a_chain_waits_for_the_end(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 4, 4);
    conform_write(c, ends[1], "ab");
    receiver(c, 1, ends[0])->flags |= IOSQE_IO_LINK;
    conform_sqe(c, 2);
    conform_submit(c);
    conform_take_now(c);
    conform_close(c, ends[1]);
    conform_take(c, 2);
    conform_close(c, ends[0]);
}

static void one_that_must_not_wait(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 4, 4);
    receiver(c, 1, ends[0])->msg_flags = MSG_DONTWAIT;
    conform_submit(c);
    conform_take(c, 1);
    conform_write(c, ends[1], "ab");
    receiver(c, 2, ends[0])->msg_flags = MSG_DONTWAIT;
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void one_that_waits_first(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 4, 4);
    conform_write(c, ends[1], "ab");
    receiver(c, 1, ends[0])->ioprio |= IORING_RECVSEND_POLL_FIRST;
    conform_submit(c);
    conform_take(c, 1);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void waiting_first_and_not_at_all(struct conform *c)
{
    char byte;
    int ends[2];
    conform_socketpair(c, ends);
    conform_write(c, ends[1], "ab");
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_recv(sqe, ends[0], &byte, 1, MSG_DONTWAIT);
    sqe->ioprio = IORING_RECVSEND_POLL_FIRST;
    conform_submit(c);
    conform_take(c, 1);
    sqe = conform_sqe(c, 2);
    io_uring_prep_recv(sqe, ends[0], &byte, 1, 0);
    sqe->ioprio = IORING_RECVSEND_POLL_FIRST;
    conform_submit(c);
    conform_take(c, 1);
    sqe = conform_sqe(c, 3);
    io_uring_prep_send(sqe, ends[0], &byte, 1, 0);
    sqe->ioprio = IORING_RECVSEND_POLL_FIRST;
    conform_submit(c);
    conform_take(c, 1);
    conform_close_both(c, ends);
}

static void a_full_queue_ends_it(struct conform *c)
{
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 8, 4);
    conform_write(c, ends[1], "aaaabbbbccccddddeeee");
    receiver(c, 1, ends[0]);
    conform_submit(c);
    conform_take_now(c);
    conform_take_now(c);
    conform_write(c, ends[1], "ffff");
    conform_take_now(c);
    conform_close_both(c, ends);
}

static void an_error_ends_it(struct conform *c)
{
    int ends[2];
    conform_pipe(c, ends);
    start(c, 4, 4);
    receiver(c, 1, ends[0]);
    receiver(c, 2, -1);
    receiver(c, 3, c->objects->socket(c->self));
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void a_linked_timeout_ends_it(struct conform *c)
{
    struct __kernel_timespec soon = CONFORM_MILLISECOND;
    int ends[2];
    conform_socketpair(c, ends);
    start(c, 4, 4);
    conform_write(c, ends[1], "ab");
    receiver(c, 1, ends[0])->flags |= IOSQE_IO_LINK;
    io_uring_prep_link_timeout(conform_sqe(c, 2), &soon, 0);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, ends);
}

static void two_share_the_buffers(struct conform *c)
{
    int one[2];
    int two[2];
    conform_socketpair(c, one);
    conform_socketpair(c, two);
    start(c, 4, 4);
    receiver(c, 1, one[0]);
    receiver(c, 2, two[0]);
    conform_submit(c);
    conform_write(c, two[1], "ab");
    conform_take(c, 1);
    conform_write(c, one[1], "cd");
    conform_take(c, 1);
    conform_write(c, two[1], "ef");
    conform_take(c, 1);
    io_uring_prep_cancel64(conform_sqe(c, 3), 0, IORING_ASYNC_CANCEL_ANY);
    conform_submit(c);
    conform_take(c, 3);
    conform_close_both(c, one);
    conform_close_both(c, two);
}

static void say_out(struct conform *c, unsigned id)
{
    struct io_uring_recvmsg_out out;
    memcpy(&out, memory + id * SIZE, sizeof out);
    conform_say(c, "out: %u %u %u %u\n", out.namelen, out.controllen, out.payloadlen, out.flags);
}

static void messages_have_a_head(struct conform *c)
{
    int ends[2];
    struct msghdr message = {0};
    conform_socketpair(c, ends);
    start(c, 4, SIZE);
    message_receiver(c, 1, ends[0], &message);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "ab");
    conform_take(c, 1);
    say_out(c, 0);
    conform_data(c, memory + 16, 4);
    conform_write(c, ends[1], "cdefghijklmnopqrstuvwxyz");
    conform_take(c, 2);
    say_out(c, 1);
    say_out(c, 2);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_cut_datagram_is_told_whole_in_its_head(struct conform *c)
{
    int ends[2];
    struct msghdr message = {0};
    conform_pair(c, SOCK_DGRAM, ends);
    start(c, 4, 20);
    message_receiver(c, 1, ends[0], &message)->msg_flags = MSG_TRUNC;
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "abcdefgh");
    conform_take(c, 1);
    say_out(c, 0);
    conform_write(c, ends[1], "ij");
    conform_take(c, 1);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void the_end_of_messages_has_a_head(struct conform *c)
{
    int ends[2];
    struct msghdr message = {0};
    conform_socketpair(c, ends);
    start(c, 4, SIZE);
    message_receiver(c, 1, ends[0], &message);
    conform_submit(c);
    conform_take_now(c);
    conform_close(c, ends[1]);
    conform_take(c, 1);
    say_out(c, 0);
    conform_close(c, ends[0]);
}

static void names_and_controls_have_room(struct conform *c)
{
    int ends[2];
    struct msghdr message = {.msg_namelen = 4, .msg_controllen = 8};
    conform_socketpair(c, ends);
    start(c, 4, SIZE);
    message_receiver(c, 1, ends[0], &message);
    conform_submit(c);
    conform_take_now(c);
    conform_write(c, ends[1], "abcdefgh");
    conform_take(c, 2);
    say_out(c, 0);
    say_out(c, 1);
    conform_data(c, memory + 28, 4);
    conform_data(c, memory + SIZE + 28, 4);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void a_head_needs_its_room(struct conform *c)
{
    int ends[2];
    struct msghdr message = {0};
    conform_socketpair(c, ends);
    start(c, 2, 15);
    conform_write(c, ends[1], "ab");
    message_receiver(c, 1, ends[0], &message);
    conform_submit(c);
    conform_take(c, 1);
    io_uring_prep_remove_buffers(conform_sqe(c, 2), 9, GROUP);
    conform_submit(c);
    conform_take(c, 1);
    start(c, 1, 16);
    message_receiver(c, 3, ends[0], &message);
    conform_submit(c);
    conform_take_now(c);
    conform_close_both(c, ends);
}

static void messages_ignore_their_vector(struct conform *c)
{
    int ends[2];
    struct iovec vector = {memory, 3};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    conform_socketpair(c, ends);
    start(c, 3, SIZE);
    conform_write(c, ends[1], "ab");
    message_receiver(c, 1, ends[0], &message);
    conform_submit(c);
    conform_take(c, 1);
    vector.iov_len = 20;
    conform_write(c, ends[1], "abcdefgh");
    message_receiver(c, 2, ends[0], &message);
    conform_submit(c);
    conform_take_now(c);
    conform_close_both(c, ends);
}

static void send_datagrams(struct conform *c, int fd, const char *one, const char *two)
{
    io_uring_prep_send(conform_sqe(c, 60), fd, one, strlen(one), 0);
    io_uring_prep_send(conform_sqe(c, 61), fd, two, strlen(two), 0);
    conform_submit(c);
    conform_take(c, 2);
}

static void a_datagram_that_does_not_fit_says_so(struct conform *c)
{
    int ends[2];
    struct msghdr message = {0};
    conform_pair(c, SOCK_DGRAM, ends);
    start(c, 4, 20);
    send_datagrams(c, ends[1], "abcdefgh", "ij");
    message_receiver(c, 1, ends[0], &message);
    conform_submit(c);
    conform_take(c, 2);
    for (unsigned i = 0; i < 2; i++) {
        struct io_uring_recvmsg_out out;
        memcpy(&out, memory + i * 20, sizeof out);
        conform_say(c, "out: %u %u %u %u\n", out.namelen, out.controllen, out.payloadlen, out.flags);
        conform_data(c, memory + i * 20 + 16, 4);
    }
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void an_empty_datagram_ends_it(struct conform *c)
{
    int ends[2];
    conform_pair(c, SOCK_DGRAM, ends);
    start(c, 4, 20);
    send_datagrams(c, ends[1], "ab", "");
    receiver(c, 1, ends[0]);
    conform_submit(c);
    conform_take(c, 2);
    conform_close_both(c, ends);
}

static void names_come_with_datagrams(struct conform *c)
{
    struct conform_address here;
    struct conform_address there;
    struct msghdr message = {.msg_namelen = 8};
    int one = conform_bound(c, AF_INET, SOCK_DGRAM, &here);
    int two = conform_bound(c, AF_INET, SOCK_DGRAM, &there);
    start(c, 2, SIZE);
    struct io_uring_sqe *sqe = conform_sqe(c, 1);
    io_uring_prep_send(sqe, two, "abc", 3, 0);
    io_uring_prep_send_set_addr(sqe, (struct sockaddr *)&here.storage, (uint16_t)here.length);
    conform_submit(c);
    conform_take(c, 1);
    message_receiver(c, 2, one, &message);
    conform_submit(c);
    conform_take(c, 1);
    say_out(c, 0);
    conform_say(c, "name: %s\n", memcmp(memory + 16, &there.storage, 8) == 0 ? "the sender's" : "another");
    conform_data(c, memory + 24, 4);
    cancel(c, 3, 2);
    conform_take(c, 2);
    conform_close(c, one);
    conform_close(c, two);
}

static int connect_one(struct conform *c, const struct sockaddr_storage *address, socklen_t length,
                       uint64_t user_data)
{
    int fd = c->objects->socket(c->self);
    io_uring_prep_connect(conform_sqe(c, user_data), fd, (const struct sockaddr *)address, length);
    conform_submit(c);
    return fd;
}

struct accepted {
    uint64_t user_data;
    int res;
    unsigned flags;
};

static void say_accepted(struct conform *c, const struct accepted *cqe)
{
    unsigned flags = cqe->flags & ~(unsigned)IORING_CQE_F_SOCK_NONEMPTY;
    conform_say(c, "%u: %s flags %u\n", (unsigned)cqe->user_data,
                cqe->res > 0 ? "a descriptor" : strerrorname_np(-cqe->res), flags);
}

/* Takes CQEs, at most four; says those that bring descriptors last: others may come before or behind them. */
static void take_accepted(struct conform *c, unsigned count, int *fds)
{
    struct accepted cqes[4];
    for (unsigned i = 0; i < count; i++) {
        struct io_uring_cqe cqe;
        (void)raw_ring_wait(&c->ring, 1, 1000000000);
        if (!raw_ring_take(&c->ring, &cqe)) {
            conform_say(c, "missing\n");
            return;
        }
        cqes[i] = (struct accepted){cqe.user_data, cqe.res, cqe.flags};
    }
    for (unsigned i = 0; i < count; i++) {
        if (cqes[i].res <= 0)
            say_accepted(c, &cqes[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        if (cqes[i].res <= 0)
            continue;
        say_accepted(c, &cqes[i]);
        *fds++ = cqes[i].res;
    }
}

/* Time passes, whatever is in the ring. */
static void pass_time(struct conform *c)
{
    struct raw_ring other;
    conform_value(c, "open", raw_ring_open(&other, c->ring.backend, 1, 0));
    conform_value(c, "pass", raw_ring_wait(&other, 1, 20000000));
    raw_ring_close(&other);
}

static void each_connection_is_accepted(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    int fds[3];
    int clients[3];
    int listener = c->objects->listen(c->self, &address, &length);
    io_uring_prep_multishot_accept(conform_sqe(c, 1), listener, NULL, NULL, 0);
    conform_submit(c);
    conform_take_now(c);
    for (unsigned i = 0; i < 3; i++) {
        clients[i] = connect_one(c, &address, length, 10 + i);
        take_accepted(c, 2, &fds[i]);
    }
    cancel(c, 2, 1);
    conform_take(c, 2);
    for (unsigned i = 0; i < 3; i++) {
        conform_close(c, fds[i]);
        conform_close(c, clients[i]);
    }
    conform_close(c, listener);
}

static void waiting_connections_are_accepted_at_once(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    int fds[2];
    int clients[2];
    int listener = c->objects->listen(c->self, &address, &length);
    for (unsigned i = 0; i < 2; i++) {
        clients[i] = connect_one(c, &address, length, 10 + i);
        conform_take(c, 1);
    }
    io_uring_prep_multishot_accept(conform_sqe(c, 2), listener, NULL, NULL, 0);
    conform_submit(c);
    take_accepted(c, 2, fds);
    cancel(c, 4, 2);
    conform_take(c, 2);
    for (unsigned i = 0; i < 2; i++) {
        conform_close(c, fds[i]);
        conform_close(c, clients[i]);
    }
    conform_close(c, listener);
}

static void each_accept_tells_the_name(struct conform *c)
{
    struct sockaddr_storage address;
    struct sockaddr_storage peer;
    socklen_t length;
    socklen_t peer_length = sizeof peer;
    int fds[2];
    int clients[2];
    int listener = c->objects->listen(c->self, &address, &length);
    io_uring_prep_multishot_accept(conform_sqe(c, 1), listener, (struct sockaddr *)&peer, &peer_length, 0);
    conform_submit(c);
    for (unsigned i = 0; i < 2; i++) {
        memset(&peer, 0, sizeof peer);
        peer_length = i == 0 ? sizeof peer : 1;
        clients[i] = connect_one(c, &address, length, 10 + i);
        take_accepted(c, 2, &fds[i]);
        conform_value(c, "length", peer_length);
        conform_value(c, "family", peer.ss_family);
    }
    cancel(c, 2, 1);
    conform_take(c, 2);
    for (unsigned i = 0; i < 2; i++) {
        conform_close(c, fds[i]);
        conform_close(c, clients[i]);
    }
    conform_close(c, listener);
}

static void a_listener_closed_goes_on(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    int fd;
    int listener = c->objects->listen(c->self, &address, &length);
    io_uring_prep_multishot_accept(conform_sqe(c, 1), listener, NULL, NULL, 0);
    conform_submit(c);
    conform_close(c, listener);
    int client = connect_one(c, &address, length, 10);
    take_accepted(c, 2, &fd);
    cancel(c, 2, 1);
    conform_take(c, 2);
    conform_close(c, fd);
    conform_close(c, client);
}

static void what_an_accept_refuses(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    int ends[2];
    int listener = c->objects->listen(c->self, &address, &length);
    conform_pipe(c, ends);
    for (unsigned i = 0; i < 8; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, i + 1);
        io_uring_prep_multishot_accept(sqe, i == 0 ? ends[0] : i == 1 ? -1 : listener, NULL, NULL, 0);
        switch (i) {
        case 2: sqe->ioprio |= 16; break;
        case 3: sqe->len = 1; break;
        case 4: sqe->buf_index = 1; break;
        case 5: sqe->accept_flags = 1; break;
        case 6: sqe->flags = IOSQE_BUFFER_SELECT; break;
        case 7: sqe->file_index = 1; break;
        default: break;
        }
        conform_submit(c);
        conform_take(c, 1);
    }
    conform_close_both(c, ends);
    conform_close(c, listener);
}

static void a_full_queue_ends_an_accept(struct conform *c)
{
    struct sockaddr_storage address;
    socklen_t length;
    int fds[3];
    int clients[3];
    int listener = c->objects->listen(c->self, &address, &length);
    for (unsigned i = 0; i < 3; i++) {
        clients[i] = connect_one(c, &address, length, 10 + i);
        conform_take(c, 1);
    }
    io_uring_prep_multishot_accept(conform_sqe(c, 1), listener, NULL, NULL, 0);
    conform_submit(c);
    pass_time(c);
    take_accepted(c, 3, fds);
    conform_take_now(c);
    cancel(c, 2, 1);
    conform_take(c, 1);
    for (unsigned i = 0; i < 3; i++) {
        conform_close(c, fds[i]);
        conform_close(c, clients[i]);
    }
    conform_close(c, listener);
}

static const struct conform_case cases[] = {
    {.name = "each message is received",
     .run = each_message_is_received,
     .expected = "submit: 1\n100: 0\nsubmit: 1\nnothing\nwritten: 2\n1: 2 flags 3\nwritten: 2\n"
                 "1: 2 flags 65539\ndata: ab..cd..\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "what is there is received at once",
     .run = what_is_there_is_received_at_once,
     .expected = "submit: 1\n100: 0\nwritten: 10\nsubmit: 3\n1: 0\n2: 4 flags 3\n2: 4 flags 65539\n"
                 "2: 2 flags 131075\n3: 0\nnothing\nsubmit: 1\n4: 0\n2: ECANCELED\n"},
    {.name = "the same over a connection",
     .run = the_same_over_a_connection,
     .expected = "submit: 1\n100: 0\nwritten: 10\nsubmit: 3\n1: 0\n2: 4 flags 3\n2: 4 flags 65539\n"
                 "2: 2 flags 131075\n3: 0\nnothing\nsubmit: 1\n4: 0\n2: ECANCELED\n"},
    {.name = "the end of the stream ends it",
     .run = the_end_of_the_stream_ends_it,
     .expected = "submit: 1\n100: 0\nwritten: 2\nsubmit: 1\n1: 2 flags 3\n1: 0\nsubmit: 1\n2: 3\n"},
    {.name = "the last buffer is not yet the end",
     .run = the_last_buffer_is_not_yet_the_end,
     .expected = "submit: 1\n100: 0\nwritten: 2\nsubmit: 1\n1: 2 flags 3\nnothing\nwritten: 2\n"
                 "1: ENOBUFS\n"},
    {.name = "the last buffer is not yet the end of a connection",
     .run = the_last_buffer_is_not_yet_the_end_of_a_connection,
     .expected = "submit: 1\n100: 0\nwritten: 2\nsubmit: 1\n1: 2 flags 3\nnothing\nwritten: 2\n"
                 "1: ENOBUFS\n"},
    {.name = "more than the buffers hold ends it",
     .run = more_than_the_buffers_hold_ends_it,
     .expected = "submit: 1\n100: 0\nwritten: 10\nsubmit: 1\n1: 4 flags 3\n1: 4 flags 65539\n1: ENOBUFS\n"},
    {.name = "after many others have their turn",
     .run = after_many_others_have_their_turn,
     .expected = "submit: 1\n100: 0\nwritten: 40\nsubmit: 2\n1: 1 flags 3\n1: 1 flags 65539\n"
                 "1: 1 flags 131075\n1: 1 flags 196611\n1: 1 flags 262147\n1: 1 flags 327683\n"
                 "1: 1 flags 393219\n1: 1 flags 458755\n1: 1 flags 524291\n1: 1 flags 589827\n"
                 "1: 1 flags 655363\n1: 1 flags 720899\n1: 1 flags 786435\n1: 1 flags 851971\n"
                 "1: 1 flags 917507\n1: 1 flags 983043\n1: 1 flags 1048579\n1: 1 flags 1114115\n"
                 "1: 1 flags 1179651\n1: 1 flags 1245187\n1: 1 flags 1310723\n1: 1 flags 1376259\n"
                 "1: 1 flags 1441795\n1: 1 flags 1507331\n1: 1 flags 1572867\n1: 1 flags 1638403\n"
                 "1: 1 flags 1703939\n1: 1 flags 1769475\n1: 1 flags 1835011\n1: 1 flags 1900547\n"
                 "1: 1 flags 1966083\n1: 1 flags 2031619\n1: 1 flags 2097155\n2: 0\n1: 1 flags 2162691\n"
                 "1: 1 flags 2228227\n1: 1 flags 2293763\n1: 1 flags 2359299\n1: 1 flags 2424835\n"
                 "1: 1 flags 2490371\n1: 1 flags 2555907\n",
     .entries = 32},
    {.name = "no buffer is the end", .run = no_buffer_is_the_end, .expected = "submit: 1\n1: ENOBUFS\n"},
    {.name = "buffers come back in time",
     .run = buffers_come_back_in_time,
     .expected = "submit: 1\n100: 0\nsubmit: 1\nwritten: 2\n1: 2 flags 3\nsubmit: 1\n100: 0\nwritten: 2\n"
                 "1: 2 flags 65539\nsubmit: 1\n100: 0\nwritten: 2\n1: 2 flags 131075\nsubmit: 1\n100: 0\n"
                 "submit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "what a receive refuses",
     .run = what_a_receive_refuses,
     .expected = "submit: 1\n100: 0\nwritten: 15\nsubmit: 1\n1: EINVAL\nsubmit: 1\n2: EINVAL\nsubmit: 1\n"
                 "3: EINVAL\nsubmit: 1\n4: EINVAL\nsubmit: 1\n5: EINVAL\nsubmit: 1\n6: EINVAL\nsubmit: 1\n"
                 "7: EINVAL\nsubmit: 1\n8: EINVAL\nsubmit: 1\n9: EOVERFLOW\n"},
    {.name = "a length limits each",
     .run = a_length_limits_each,
     .expected = "submit: 1\n100: 0\nwritten: 6\nsubmit: 1\n1: 3 flags 3\n1: 3 flags 65539\nsubmit: 1\n"
                 "2: 0\n1: ECANCELED\n"},
    {.name = "a silent receiver",
     .run = a_silent_receiver,
     .expected = "submit: 1\n100: 0\nwritten: 2\nsubmit: 1\n1: 2 flags 3\nnothing\n"},
    {.name = "the next of a chain waits for the end",
     .run = the_next_of_a_chain_waits_for_the_end,
     .expected = "submit: 1\n100: 0\nwritten: 2\nsubmit: 2\n1: 2 flags 3\n1: 0\n2: 0\n"},
    {.name = "one that must not wait",
     .run = one_that_must_not_wait,
     .expected = "submit: 1\n100: 0\nsubmit: 1\n1: EAGAIN\nwritten: 2\nsubmit: 1\n2: 2 flags 3\n"
                 "2: EAGAIN\n"},
    {.name = "one that waits first",
     .run = one_that_waits_first,
     .expected = "submit: 1\n100: 0\nwritten: 2\nsubmit: 1\n1: 2 flags 3\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "waiting first and not at all",
     .run = waiting_first_and_not_at_all,
     .expected = "written: 2\nsubmit: 1\n1: EAGAIN\nsubmit: 1\n2: 1\nsubmit: 1\n3: 1\n"},
    {.name = "a full queue ends it",
     .run = a_full_queue_ends_it,
     .expected = "submit: 1\n100: 0\nwritten: 20\nsubmit: 1\n1: 4 flags 3\n1: 4 flags 65539\n"
                 "1: 4 flags 131075\n1: 4 flags 196611\n1: 4 flags 262145\nwritten: 4\nnothing\n",
     .entries = 2},
    {.name = "an error ends it",
     .run = an_error_ends_it,
     .expected = "submit: 1\n100: 0\nsubmit: 3\n1: ENOTSOCK\n2: EBADF\n3: EINVAL\n"},
    {.name = "a linked timeout ends it",
     .run = a_linked_timeout_ends_it,
     .expected = "submit: 1\n100: 0\nwritten: 2\nsubmit: 2\n1: 2 flags 3\n2: ETIME\n1: ECANCELED\n"},
    {.name = "two share the buffers",
     .run = two_share_the_buffers,
     .expected = "submit: 1\n100: 0\nsubmit: 2\nwritten: 2\n2: 2 flags 3\nwritten: 2\n1: 2 flags 65539\n"
                 "written: 2\n2: 2 flags 131075\nsubmit: 1\n3: 2\n1: ECANCELED\n2: ECANCELED\n"},
    {.name = "messages have a head",
     .run = messages_have_a_head,
     .expected = "submit: 1\n100: 0\nsubmit: 1\nnothing\nwritten: 2\n1: 18 flags 3\nout: 0 0 2 0\n"
                 "data: ab..\nwritten: 24\n1: 32 flags 65539\n1: 24 flags 131075\nout: 0 0 16 0\n"
                 "out: 0 0 8 0\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "a cut datagram is told whole in its head",
     .run = a_cut_datagram_is_told_whole_in_its_head,
     .expected = "submit: 1\n100: 0\nsubmit: 1\nnothing\nwritten: 8\n1: 20 flags 3\nout: 0 0 8 32\n"
                 "written: 2\n1: 18 flags 65539\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "the end of messages has a head",
     .run = the_end_of_messages_has_a_head,
     .expected = "submit: 1\n100: 0\nsubmit: 1\nnothing\n1: 16 flags 1\nout: 0 0 0 0\n"},
    {.name = "names and controls have room",
     .run = names_and_controls_have_room,
     .expected = "submit: 1\n100: 0\nsubmit: 1\nnothing\nwritten: 8\n1: 32 flags 3\n1: 32 flags 65539\n"
                 "out: 0 0 4 0\nout: 0 0 4 0\ndata: abcd\ndata: efgh\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "a head needs its room",
     .run = a_head_needs_its_room,
     .expected = "submit: 1\n100: 0\nwritten: 2\nsubmit: 1\n1: EFAULT\nsubmit: 1\n2: 2\nsubmit: 1\n"
                 "100: 0\nsubmit: 1\n3: 16 flags 1\n"},
    {.name = "messages ignore their vector",
     .run = messages_ignore_their_vector,
     .expected = "submit: 1\n100: 0\nwritten: 2\nsubmit: 1\n1: EFAULT\nwritten: 8\nsubmit: 1\n"
                 "2: 20 flags 3\n2: 22 flags 65539\n"},
    {.name = "a datagram that does not fit says so",
     .run = a_datagram_that_does_not_fit_says_so,
     .expected = "submit: 1\n100: 0\nsubmit: 2\n60: 8\n61: 2\nsubmit: 1\n1: 20 flags 3\n"
                 "1: 18 flags 65539\nout: 0 0 4 32\ndata: abcd\nout: 0 0 2 0\ndata: ij..\nsubmit: 1\n"
                 "2: 0\n1: ECANCELED\n"},
    {.name = "an empty datagram ends it",
     .run = an_empty_datagram_ends_it,
     .expected = "submit: 1\n100: 0\nsubmit: 2\n60: 2\n61: 0\nsubmit: 1\n1: 2 flags 3\n1: 0\n"},
    {.name = "names come with datagrams",
     .run = names_come_with_datagrams,
     .expected = "submit: 1\n100: 0\nsubmit: 1\n1: 3\nsubmit: 1\n2: 27 flags 3\nout: 16 0 3 0\n"
                 "name: the sender's\ndata: abc.\nsubmit: 1\n3: 0\n2: ECANCELED\n"},
    {.name = "each connection is accepted",
     .run = each_connection_is_accepted,
     .expected = "submit: 1\nnothing\nsubmit: 1\n10: 0 flags 0\n1: a descriptor flags 2\nsubmit: 1\n"
                 "11: 0 flags 0\n1: a descriptor flags 2\nsubmit: 1\n12: 0 flags 0\n"
                 "1: a descriptor flags 2\nsubmit: 1\n2: 0\n1: ECANCELED\n"},
    {.name = "waiting connections are accepted at once",
     .run = waiting_connections_are_accepted_at_once,
     .expected = "submit: 1\n10: 0\nsubmit: 1\n11: 0\nsubmit: 1\n2: a descriptor flags 2\n"
                 "2: a descriptor flags 2\nsubmit: 1\n4: 0\n2: ECANCELED\n"},
    {.name = "each accept tells the name",
     .run = each_accept_tells_the_name,
     .expected = "submit: 1\nsubmit: 1\n10: 0 flags 0\n1: a descriptor flags 2\nlength: 2\nfamily: 1\n"
                 "submit: 1\n11: 0 flags 0\n1: a descriptor flags 2\nlength: 2\nfamily: 1\nsubmit: 1\n"
                 "2: 0\n1: ECANCELED\n"},
    {.name = "a listener closed goes on",
     .run = a_listener_closed_goes_on,
     .expected = "submit: 1\nsubmit: 1\n10: 0 flags 0\n1: a descriptor flags 2\nsubmit: 1\n2: 0\n"
                 "1: ECANCELED\n"},
    {.name = "what an accept refuses",
     .run = what_an_accept_refuses,
     .expected = "submit: 1\n1: ENOTSOCK\nsubmit: 1\n2: EBADF\nsubmit: 1\n3: EINVAL\nsubmit: 1\n"
                 "4: EINVAL\nsubmit: 1\n5: EINVAL\nsubmit: 1\n6: EINVAL\nsubmit: 1\n7: EOPNOTSUPP\n"
                 "submit: 1\n8: EINVAL\n"},
    {.name = "a full queue ends an accept",
     .run = a_full_queue_ends_an_accept,
     .expected = "submit: 1\n10: 0\nsubmit: 1\n11: 0\nsubmit: 1\n12: 0\nsubmit: 1\nopen: 0\npass: ETIME\n"
                 "1: a descriptor flags 2\n1: a descriptor flags 2\n1: a descriptor flags 0\nnothing\n"
                 "submit: 1\n2: ENOENT\n",
     .entries = 1},
};

/* The true kernel answers as it did when the expectations were written. */
static void multishot_sockets_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void multishot_sockets_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void multishot_sockets_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(multishot_sockets_on_io_uring),
    cmocka_unit_test(multishot_sockets_on_the_engine),
    cmocka_unit_test(multishot_sockets_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
