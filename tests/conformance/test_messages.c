/*
 * SENDMSG and RECVMSG: what goes along with the bytes, what comes back, and what is refused.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/uio.h>

#include "support/conform.h"
#include "support/conform_sockets.h"
#include "support/main.h"

#define NOWHERE ((void *)(uintptr_t)16)

struct message {
    struct msghdr header;
    struct iovec part;
    _Alignas(size_t) unsigned char control[256]; /* a few control messages */
    char bytes[16];
};

static struct cmsghdr *control_of(struct message *message)
{
    return (struct cmsghdr *)(void *)message->control;
}

static struct message *fresh(const char *text)
{
    static struct message message;
    memset(&message, 0, sizeof message);
    if (text != NULL)
        strcpy(message.bytes, text);
    message.part = (struct iovec){message.bytes, text != NULL ? strlen(text) : sizeof message.bytes};
    message.header.msg_iov = &message.part;
    message.header.msg_iovlen = 1;
    return &message;
}

static void pack(struct message *message, int level, int type, const void *data, size_t size)
{
    message->header.msg_control = message->control;
    message->header.msg_controllen = CMSG_SPACE(size);
    struct cmsghdr *first = CMSG_FIRSTHDR(&message->header);
    first->cmsg_level = level;
    first->cmsg_type = type;
    first->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(first), data, size);
}

static void send_message(struct conform *c, uint64_t id, int fd, struct message *message)
{
    io_uring_prep_sendmsg(conform_sqe(c, id), fd, &message->header, MSG_NOSIGNAL | MSG_DONTWAIT);
    conform_do(c, 1);
}

static void send_descriptors(struct conform *c, uint64_t id, int fd, const int *fds, size_t count)
{
    struct message *message = fresh("f");
    pack(message, SOL_SOCKET, SCM_RIGHTS, fds, count * sizeof *fds);
    send_message(c, id, fd, message);
}

/* Receives with `room` bytes for control messages; says what came. The descriptors, at most two; how many. */
static int receive_descriptors(struct conform *c, uint64_t id, int fd, size_t room, unsigned flags,
                               int fds[2])
{
    struct message *message = fresh(NULL);
    message->header.msg_control = room > 0 ? message->control : NULL;
    message->header.msg_controllen = room;
    io_uring_prep_recvmsg(conform_sqe(c, id), fd, &message->header, flags | MSG_DONTWAIT);
    conform_do(c, 1);
    conform_say(c, "flags %x, control %zu", (unsigned)message->header.msg_flags,
                message->header.msg_controllen);
    int count = 0;
    for (struct cmsghdr *one = CMSG_FIRSTHDR(&message->header); one != NULL;
         one = CMSG_NXTHDR(&message->header, one)) {
        size_t size = one->cmsg_len - CMSG_LEN(0);
        conform_say(c, ", level %d type %d size %zu", one->cmsg_level, one->cmsg_type, size);
        for (size_t i = 0; i < size / sizeof(int) && count < 2; i++)
            memcpy(&fds[count++], CMSG_DATA(one) + i * sizeof(int), sizeof(int));
    }
    conform_say(c, "\n");
    return count;
}

static void descriptors_are_passed(struct conform *c, int type)
{
    int ends[2];
    int pipe[2];
    int got[2];
    char byte = '.';
    conform_pair(c, type, ends);
    conform_pipe(c, pipe);
    send_descriptors(c, 1, ends[0], pipe, 2);
    conform_close_both(c, pipe);
    int count = receive_descriptors(c, 2, ends[1], 64, MSG_CMSG_CLOEXEC, got);
    conform_value(c, "descriptors", count);
    if (count == 2) {
        conform_write(c, got[1], "k");
        io_uring_prep_read(conform_sqe(c, 3), got[0], &byte, 1, 0);
        conform_do(c, 1);
        conform_data(c, &byte, 1);
        conform_close_both(c, got);
    }
    conform_close_both(c, ends);
}

static void descriptors_go_through_a_stream(struct conform *c)
{
    descriptors_are_passed(c, SOCK_STREAM);
}

static void descriptors_go_with_a_datagram(struct conform *c)
{
    descriptors_are_passed(c, SOCK_DGRAM);
}

static void descriptors_without_room_are_closed(struct conform *c)
{
    int ends[2];
    int pipe[2];
    int got[2] = {-1, -1};
    conform_pair(c, SOCK_STREAM, ends);
    conform_pipe(c, pipe);
    send_descriptors(c, 1, ends[0], &pipe[1], 1);
    conform_close(c, pipe[1]);
    receive_descriptors(c, 2, ends[1], 0, 0, got);
    conform_polled(c, pipe[0]);
    conform_close(c, pipe[0]);
    conform_pipe(c, pipe);
    send_descriptors(c, 3, ends[0], pipe, 2);
    int count = receive_descriptors(c, 4, ends[1], CMSG_LEN(sizeof(int)), 0, got);
    for (int i = 0; i < count; i++)
        conform_close(c, got[i]);
    send_descriptors(c, 5, ends[0], pipe, 1);
    receive_descriptors(c, 6, ends[1], 4, 0, got);
    conform_close_both(c, pipe);
    conform_close_both(c, ends);
}

static void a_plain_receive_closes_descriptors(struct conform *c)
{
    char bytes[8];
    int ends[2];
    int pipe[2];
    conform_pair(c, SOCK_STREAM, ends);
    conform_pipe(c, pipe);
    send_descriptors(c, 1, ends[0], &pipe[1], 1);
    conform_close(c, pipe[1]);
    conform_polled(c, pipe[0]);
    io_uring_prep_recv(conform_sqe(c, 2), ends[1], bytes, sizeof bytes, 0);
    conform_do(c, 1);
    conform_polled(c, pipe[0]);
    conform_close(c, pipe[0]);
    conform_close_both(c, ends);
}

static void descriptors_on_the_way_die_with_the_socket(struct conform *c)
{
    int ends[2];
    int pipe[2];
    conform_pair(c, SOCK_STREAM, ends);
    conform_pipe(c, pipe);
    send_descriptors(c, 1, ends[0], &pipe[1], 1);
    conform_close(c, pipe[1]);
    conform_close_both(c, ends);
    conform_polled(c, pipe[0]);
    conform_close(c, pipe[0]);
}

static void a_receive_stops_behind_descriptors(struct conform *c)
{
    char bytes[8];
    int ends[2];
    int pipe[2];
    int got[2];
    conform_pair(c, SOCK_STREAM, ends);
    conform_pipe(c, pipe);
    conform_write(c, ends[0], "ab");
    send_descriptors(c, 1, ends[0], pipe, 1);
    conform_write(c, ends[0], "cd");
    int count = receive_descriptors(c, 2, ends[1], 64, 0, got);
    io_uring_prep_recv(conform_sqe(c, 3), ends[1], bytes, sizeof bytes, 0);
    conform_do(c, 1);
    for (int i = 0; i < count; i++)
        conform_close(c, got[i]);
    conform_close_both(c, pipe);
    conform_close_both(c, ends);
}

static void a_peek_passes_descriptors_twice(struct conform *c)
{
    int ends[2];
    int pipe[2];
    int got[2];
    conform_pair(c, SOCK_DGRAM, ends);
    conform_pipe(c, pipe);
    send_descriptors(c, 1, ends[0], pipe, 1);
    for (uint64_t i = 0; i < 2; i++) {
        int count = receive_descriptors(c, 2 + i, ends[1], 64, i == 0 ? MSG_PEEK : 0, got);
        for (int k = 0; k < count; k++)
            conform_close(c, got[k]);
    }
    conform_close_both(c, pipe);
    conform_close_both(c, ends);
}

static void bad_control_messages_are_refused(struct conform *c)
{
    static const int bad[] = {12345};
    int many[256];
    int ends[2];
    conform_pair(c, SOCK_STREAM, ends);
    send_descriptors(c, 1, ends[0], bad, 1);
    struct message *message = fresh("x");
    pack(message, SOL_SOCKET, 99, bad, sizeof bad);
    send_message(c, 2, ends[0], message);
    message = fresh("x");
    pack(message, 12345, 99, bad, sizeof bad);
    send_message(c, 3, ends[0], message);
    message = fresh("x");
    pack(message, SOL_SOCKET, SCM_RIGHTS, ends, sizeof ends);
    control_of(message)->cmsg_len = 3;
    send_message(c, 4, ends[0], message);
    message = fresh("x");
    pack(message, SOL_SOCKET, SCM_RIGHTS, ends, sizeof ends);
    control_of(message)->cmsg_len = 1000;
    send_message(c, 5, ends[0], message);
    message = fresh("x");
    message->header.msg_control = NOWHERE;
    message->header.msg_controllen = 24;
    send_message(c, 6, ends[0], message);
    for (int i = 0; i < 256; i++)
        many[i] = ends[0];
    static _Alignas(size_t) unsigned char large[2048];
    struct cmsghdr *first = (struct cmsghdr *)(void *)large;
    message = fresh("x");
    *first = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
                              .cmsg_type = SCM_RIGHTS,
                              .cmsg_len = CMSG_LEN(254 * sizeof(int))};
    memcpy(CMSG_DATA(first), many, 254 * sizeof(int));
    message->header.msg_control = large;
    message->header.msg_controllen = CMSG_SPACE(254 * sizeof(int));
    send_message(c, 7, ends[0], message);
    char byte;
    io_uring_prep_recv(conform_sqe(c, 8), ends[1], &byte, 1, MSG_DONTWAIT);
    conform_do(c, 1);
    conform_close_both(c, ends);
}

static void a_ring_is_not_passed(struct conform *c)
{
    int ends[2];
    conform_pair(c, SOCK_STREAM, ends);
    send_descriptors(c, 1, ends[0], &c->ring.fd, 1);
    conform_close_both(c, ends);
}

static void the_internet_ignores_descriptors(struct conform *c)
{
    struct conform_address address;
    int ends[2];
    int got[2];
    conform_connect(c, AF_INET, ends);
    send_descriptors(c, 1, ends[0], ends, 1);
    receive_descriptors(c, 2, ends[1], 64, 0, got);
    conform_close_both(c, ends);
    int fd = conform_bound(c, AF_INET, SOCK_DGRAM, &address);
    io_uring_prep_connect(conform_sqe(c, 3), fd, (struct sockaddr *)&address.storage, address.length);
    conform_do(c, 1);
    send_descriptors(c, 4, fd, &fd, 1);
    receive_descriptors(c, 5, fd, 64, 0, got);
    conform_close(c, fd);
}

static void what_comes_back_says_how_it_was(struct conform *c)
{
    int ends[2];
    conform_pair(c, SOCK_DGRAM, ends);
    conform_write(c, ends[0], "lengthy");
    struct message *message = fresh(NULL);
    struct sockaddr_storage name;
    message->part.iov_len = 3;
    message->header.msg_name = &name;
    message->header.msg_namelen = sizeof name;
    message->header.msg_flags = 0x77;
    message->header.msg_controllen = 0;
    io_uring_prep_recvmsg(conform_sqe(c, 1), ends[1], &message->header, 0);
    conform_do(c, 1);
    conform_say(c, "name %u, flags %x, control %zu\n", message->header.msg_namelen,
                (unsigned)message->header.msg_flags, message->header.msg_controllen);
    conform_close_both(c, ends);
}

static void a_failed_receive_leaves_the_message_alone(struct conform *c)
{
    int ends[2];
    conform_pair(c, SOCK_STREAM, ends);
    struct message *message = fresh(NULL);
    message->header.msg_namelen = 77;
    message->header.msg_flags = 0x77;
    io_uring_prep_recvmsg(conform_sqe(c, 1), ends[1], &message->header, MSG_DONTWAIT);
    conform_do(c, 1);
    conform_say(c, "name %u, flags %x\n", message->header.msg_namelen, (unsigned)message->header.msg_flags);
    conform_write(c, ends[0], "a");
    io_uring_prep_recvmsg(conform_sqe(c, 2), ends[1], &message->header, MSG_DONTWAIT);
    conform_do(c, 1);
    conform_say(c, "name %u, flags %x\n", message->header.msg_namelen, (unsigned)message->header.msg_flags);
    conform_close_both(c, ends);
}

static void a_stream_has_no_name_for_its_bytes(struct conform *c)
{
    static const int domains[] = {AF_UNIX, AF_INET};
    for (uint64_t i = 0; i < 2; i++) {
        int ends[2];
        struct sockaddr_storage name;
        conform_connect(c, domains[i], ends);
        conform_write(c, ends[0], "a");
        struct message *message = fresh(NULL);
        message->header.msg_name = &name;
        message->header.msg_namelen = sizeof name;
        io_uring_prep_recvmsg(conform_sqe(c, 1), ends[1], &message->header, 0);
        conform_do(c, 1);
        conform_value(c, "name", message->header.msg_namelen);
        conform_close_both(c, ends);
    }
}

static void a_short_room_for_a_name_cuts_it(struct conform *c)
{
    struct conform_address here;
    struct conform_address there;
    unsigned char name[4] = {9, 9, 9, 9};
    int one = conform_bound(c, AF_INET, SOCK_DGRAM, &here);
    int other = conform_bound(c, AF_INET, SOCK_DGRAM, &there);
    struct message *message = fresh("a");
    message->header.msg_name = &there.storage;
    message->header.msg_namelen = there.length;
    send_message(c, 1, one, message);
    message = fresh(NULL);
    message->header.msg_name = name;
    message->header.msg_namelen = 2;
    io_uring_prep_recvmsg(conform_sqe(c, 2), other, &message->header, 0);
    conform_do(c, 1);
    conform_say(c, "name %u, untouched %u\n", message->header.msg_namelen, name[2]);
    conform_close(c, one);
    conform_close(c, other);
}

static void a_message_is_checked_when_it_is_taken(struct conform *c)
{
    int ends[2];
    conform_pair(c, SOCK_DGRAM, ends);
    struct message *message = fresh("a");
    for (int i = 0; i < 5; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, 1);
        io_uring_prep_sendmsg(sqe, ends[0], &message->header, MSG_DONTWAIT);
        sqe->addr2 = i == 0;
        sqe->file_index = i == 1;
        if (i == 2)
            sqe->addr = 16;
        if (i == 3)
            message->header.msg_iovlen = 1025;
        if (i == 4) {
            message->header.msg_iovlen = 1;
            message->header.msg_iov = NOWHERE;
        }
        conform_do(c, 1);
    }
    message->header.msg_iov = &message->part;
    message->header.msg_name = NOWHERE;
    message->header.msg_namelen = 8;
    send_message(c, 2, ends[0], message);
    message->header.msg_namelen = (socklen_t)-1;
    send_message(c, 3, ends[0], message);
    message->header.msg_namelen = 0;
    send_message(c, 4, ends[0], message);
    conform_close_both(c, ends);
}

static void bad_bytes_are_told_when_they_are_moved(struct conform *c)
{
    int ends[2];
    conform_pair(c, SOCK_STREAM, ends);
    struct message *message = fresh("a");
    message->part.iov_base = NOWHERE;
    send_message(c, 1, ends[0], message);
    conform_write(c, ends[0], "abc");
    io_uring_prep_recvmsg(conform_sqe(c, 2), ends[1], &message->header, MSG_DONTWAIT);
    conform_do(c, 1);
    struct iovec parts[2] = {{message->bytes, 1}, {NOWHERE, 2}};
    message->header.msg_iov = parts;
    message->header.msg_iovlen = 2;
    io_uring_prep_recvmsg(conform_sqe(c, 3), ends[1], &message->header, MSG_DONTWAIT);
    conform_do(c, 1);
    conform_close_both(c, ends);
}

static void a_stream_ignores_the_wish_to_cut(struct conform *c)
{
    char bytes[4] = "....";
    int ends[2];
    conform_pair(c, SOCK_STREAM, ends);
    conform_write(c, ends[0], "abc");
    io_uring_prep_recv(conform_sqe(c, 1), ends[1], bytes, 2, MSG_TRUNC);
    conform_do(c, 1);
    conform_data(c, bytes, 4);
    conform_close_both(c, ends);
    conform_connect(c, AF_INET, ends);
    conform_write(c, ends[0], "abc");
    bytes[0] = '.';
    io_uring_prep_recv(conform_sqe(c, 2), ends[1], bytes, 2, MSG_TRUNC);
    conform_do(c, 1);
    conform_data(c, bytes, 1);
    io_uring_prep_recv(conform_sqe(c, 3), ends[1], bytes, 4, 0);
    conform_do(c, 1);
    conform_close_both(c, ends);
}

static void a_message_of_all_gathers(struct conform *c)
{
    int ends[2];
    conform_pair(c, SOCK_STREAM, ends);
    struct message *message = fresh(NULL);
    message->part.iov_len = 4;
    io_uring_prep_recvmsg(conform_sqe(c, 1), ends[1], &message->header, MSG_WAITALL);
    conform_submit(c);
    conform_write(c, ends[0], "ab");
    conform_take_now(c);
    conform_write(c, ends[0], "cd");
    conform_take(c, 1);
    conform_data(c, message->bytes, 4);
    conform_close_both(c, ends);
}

static void a_message_may_be_empty(struct conform *c)
{
    int ends[2];
    conform_pair(c, SOCK_DGRAM, ends);
    struct message *message = fresh("a");
    message->header.msg_iovlen = 0;
    message->header.msg_iov = NULL;
    send_message(c, 1, ends[0], message);
    io_uring_prep_recvmsg(conform_sqe(c, 2), ends[1], &message->header, MSG_DONTWAIT);
    conform_do(c, 1);
    conform_say(c, "flags %x\n", (unsigned)message->header.msg_flags);
    conform_close_both(c, ends);
}

#define CASE(function, text)                                 \
    {                                                        \
        .name = #function, .run = function, .expected = text \
    }

static const struct conform_case cases[] = {
    CASE(descriptors_go_through_a_stream,
         "1: 1\n2: 1\nflags 40000000, control 24, level 1 type 1 size 8\ndescriptors: 2\nwritten: 1\n"
         "3: 1\ndata: k\n"),
    CASE(descriptors_go_with_a_datagram,
         "1: 1\n2: 1\nflags 40000000, control 24, level 1 type 1 size 8\ndescriptors: 2\nwritten: 1\n"
         "3: 1\ndata: k\n"),
    CASE(descriptors_without_room_are_closed,
         "1: 1\n2: 1\nflags 8, control 0\npolled: HUP\n3: 1\n4: 1\n"
         "flags 8, control 20, level 1 type 1 size 4\n5: 1\n6: 1\nflags 8, control 0\n"),
    CASE(a_plain_receive_closes_descriptors, "1: 1\npolled: nothing\n2: 1\npolled: HUP\n"),
    CASE(descriptors_on_the_way_die_with_the_socket, "1: 1\npolled: HUP\n"),
    CASE(a_receive_stops_behind_descriptors,
         "written: 2\n1: 1\nwritten: 2\n2: 3\nflags 0, control 24, level 1 type 1 size 4\n3: 2\n"),
    CASE(a_peek_passes_descriptors_twice, "1: 1\n2: 1\nflags 0, control 24, level 1 type 1 size 4\n3: 1\n"
                                          "flags 0, control 24, level 1 type 1 size 4\n"),
    CASE(bad_control_messages_are_refused,
         "1: EBADF\n2: EINVAL\n3: 1\n4: EINVAL\n5: EINVAL\n6: EFAULT\n7: EINVAL\n8: 1\n"),
    CASE(a_ring_is_not_passed, "1: EINVAL\n"),
    CASE(the_internet_ignores_descriptors,
         "1: 1\n2: 1\nflags 0, control 0\n3: 0\n4: 1\n5: 1\nflags 0, control 0\n"),
    CASE(what_comes_back_says_how_it_was, "written: 7\n1: 3\nname 0, flags 20, control 0\n"),
    CASE(a_failed_receive_leaves_the_message_alone,
         "1: EAGAIN\nname 77, flags 77\nwritten: 1\n2: 1\nname 77, flags 0\n"),
    CASE(a_stream_has_no_name_for_its_bytes, "written: 1\n1: 1\nname: 0\nwritten: 1\n1: 1\nname: 0\n"),
    CASE(a_short_room_for_a_name_cuts_it, "1: 1\n2: 1\nname 16, untouched 9\n"),
    CASE(a_message_is_checked_when_it_is_taken,
         "1: EINVAL\n1: EINVAL\n1: EFAULT\n1: EMSGSIZE\n1: EFAULT\n2: EFAULT\n3: EINVAL\n4: 1\n"),
    CASE(bad_bytes_are_told_when_they_are_moved, "1: EFAULT\nwritten: 3\n2: EFAULT\n3: EFAULT\n"),
    CASE(a_stream_ignores_the_wish_to_cut, "written: 3\n1: 2\ndata: ab..\nwritten: 3\n2: 2\ndata: .\n3: 1\n"),
    CASE(a_message_of_all_gathers, "submit: 1\nwritten: 2\nnothing\nwritten: 2\n1: 4\ndata: abcd\n"),
    CASE(a_message_may_be_empty, "1: 0\n2: 0\nflags 0\n"),
};

/* The true kernel answers as it did when the expectations were written. */
static void messages_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void messages_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void messages_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(messages_on_io_uring),
    cmocka_unit_test(messages_on_the_engine),
    cmocka_unit_test(messages_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
