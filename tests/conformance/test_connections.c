/*
 * Stream sockets from SOCKET to the end: made, connected, accepted, shut down, reset. Over AF_UNIX and the loopback.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/un.h>

#include "support/conform.h"
#include "support/conform_register.h"
#include "support/conform_sockets.h"
#include "support/main.h"

static void connect_to(struct conform *c, uint64_t id, int fd, const struct conform_address *address)
{
    io_uring_prep_connect(conform_sqe(c, id), fd, (const struct sockaddr *)&address->storage,
                          address->length);
}

static void receive(struct conform *c, uint64_t id, int fd)
{
    static char bytes[16];
    io_uring_prep_recv(conform_sqe(c, id), fd, bytes, sizeof bytes, 0);
    conform_do(c, 1);
}

static void send_to(struct conform *c, uint64_t id, int fd, const char *text)
{
    io_uring_prep_send(conform_sqe(c, id), fd, text, strlen(text), MSG_NOSIGNAL);
    conform_do(c, 1);
}

static void shut(struct conform *c, uint64_t id, int fd, int how)
{
    io_uring_prep_shutdown(conform_sqe(c, id), fd, how);
    conform_do(c, 1);
}

static void try_socket(struct conform *c, int domain, int type, int protocol)
{
    io_uring_prep_socket(conform_sqe(c, 1), domain, type, protocol, 0);
    conform_submit(c);
    int fd = conform_take_descriptor(c);
    if (fd >= 0)
        conform_close(c, fd);
}

static void sockets_of_six_kinds_are_made(struct conform *c)
{
    static const int domains[] = {AF_UNIX, AF_INET, AF_INET6};
    for (size_t i = 0; i < 3; i++) {
        try_socket(c, domains[i], SOCK_STREAM, 0);
        try_socket(c, domains[i], SOCK_DGRAM | SOCK_CLOEXEC, 0);
    }
    try_socket(c, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);
    try_socket(c, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    try_socket(c, AF_UNIX, SOCK_SEQPACKET, 0);
}

static void a_kind_of_socket_that_is_not_there_is_refused(struct conform *c)
{
    try_socket(c, 12345, SOCK_STREAM, 0);
    try_socket(c, AF_INET, 9, 0);
    try_socket(c, AF_UNIX, 9, 0);
    try_socket(c, AF_INET, SOCK_STREAM, IPPROTO_UDP);
    try_socket(c, AF_INET, SOCK_DGRAM, IPPROTO_TCP);
    try_socket(c, AF_UNIX, SOCK_STREAM, 77);
    try_socket(c, AF_INET, SOCK_SEQPACKET, 0);
    try_socket(c, AF_INET, 0, 0);
    try_socket(c, AF_INET, SOCK_STREAM, 300);
}

static void a_socket_is_checked_when_it_is_taken(struct conform *c)
{
    for (int i = 0; i < 5; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, 1);
        io_uring_prep_socket(sqe, AF_UNIX, SOCK_STREAM, 0, 0);
        sqe->addr = i == 0;
        sqe->rw_flags = i == 1;
        sqe->buf_index = i == 2;
        sqe->ioprio = i == 3;
        if (i == 4)
            sqe->off |= 0x4000;
        conform_do(c, 1);
    }
}

static void a_socket_made_by_the_ring_connects(struct conform *c)
{
    struct conform_address address;
    int listener = conform_listener(c, AF_INET, 4, &address);
    io_uring_prep_socket(conform_sqe(c, 1), AF_INET, SOCK_STREAM, 0, 0);
    conform_submit(c);
    int fd = conform_take_descriptor(c);
    connect_to(c, 2, fd, &address);
    conform_do(c, 1);
    conform_close(c, fd);
    conform_close(c, listener);
}

static void connects(struct conform *c, int domain)
{
    char bytes[4];
    int ends[2];
    conform_connect(c, domain, ends);
    conform_write(c, ends[0], "to");
    io_uring_prep_recv(conform_sqe(c, 1), ends[1], bytes, sizeof bytes, 0);
    conform_do(c, 1);
    conform_data(c, bytes, 2);
    conform_write(c, ends[1], "fro");
    io_uring_prep_recv(conform_sqe(c, 2), ends[0], bytes, sizeof bytes, 0);
    conform_do(c, 1);
    conform_data(c, bytes, 3);
    conform_close_both(c, ends);
}

static void both_ends_of_the_loopback_talk(struct conform *c)
{
    connects(c, AF_INET);
}

static void both_ends_of_the_other_loopback_talk(struct conform *c)
{
    connects(c, AF_INET6);
}

static void nobody_listens(struct conform *c)
{
    struct conform_address address;
    static const int domains[] = {AF_UNIX, AF_INET, AF_INET6};
    for (uint64_t i = 0; i < 3; i++) {
        conform_close(c, conform_listener(c, domains[i], 1, &address));
        int fd = conform_socket(c, domains[i], SOCK_STREAM);
        connect_to(c, i + 1, fd, &address);
        conform_do(c, 1);
        conform_close(c, fd);
    }
}

static void a_name_that_is_not_there_or_only_bound(struct conform *c)
{
    struct conform_address address;
    int bound = conform_bound(c, AF_UNIX, SOCK_STREAM, &address);
    int fd = conform_socket(c, AF_UNIX, SOCK_STREAM);
    connect_to(c, 1, fd, &address);
    conform_do(c, 1);
    ((struct sockaddr_un *)&address.storage)->sun_path[0] = '?';
    connect_to(c, 2, fd, &address);
    conform_do(c, 1);
    conform_close(c, fd);
    conform_close(c, bound);
}

static void one_can_connect_after_a_refusal(struct conform *c)
{
    static const int domains[] = {AF_UNIX, AF_INET};
    for (uint64_t i = 0; i < 2; i++) {
        struct conform_address address;
        int listener = conform_bound(c, domains[i], SOCK_STREAM, &address);
        int fd = conform_socket(c, domains[i], SOCK_STREAM);
        connect_to(c, 1, fd, &address);
        conform_do(c, 1);
        c->objects->sockets->listen(c->self, listener, 1);
        connect_to(c, 2, fd, &address);
        conform_do(c, 1);
        conform_close(c, fd);
        conform_close(c, listener);
    }
}

static void one_connects_once(struct conform *c)
{
    static const int domains[] = {AF_UNIX, AF_INET};
    for (uint64_t i = 0; i < 2; i++) {
        struct conform_address address;
        int listener = conform_listener(c, domains[i], 4, &address);
        int fd = conform_socket(c, domains[i], SOCK_STREAM);
        connect_to(c, 1, fd, &address);
        conform_do(c, 1);
        connect_to(c, 2, fd, &address);
        conform_do(c, 1);
        connect_to(c, 3, listener, &address);
        conform_do(c, 1);
        conform_close(c, fd);
        conform_close(c, listener);
    }
}

static void addresses_are_checked(struct conform *c)
{
    struct conform_address unix_address;
    struct conform_address internet;
    int a = conform_listener(c, AF_UNIX, 4, &unix_address);
    int b = conform_listener(c, AF_INET, 4, &internet);
    int one = conform_socket(c, AF_UNIX, SOCK_STREAM);
    int other = conform_socket(c, AF_INET, SOCK_STREAM);
    connect_to(c, 1, one, &internet);
    conform_do(c, 1);
    connect_to(c, 2, other, &unix_address);
    conform_do(c, 1);
    io_uring_prep_connect(conform_sqe(c, 3), other, (struct sockaddr *)&internet.storage, 1);
    conform_do(c, 1);
    io_uring_prep_connect(conform_sqe(c, 4), other, (struct sockaddr *)&internet.storage, 8);
    conform_do(c, 1);
    io_uring_prep_connect(conform_sqe(c, 5), one, (struct sockaddr *)&unix_address.storage, 2);
    conform_do(c, 1);
    io_uring_prep_connect(conform_sqe(c, 6), one, (struct sockaddr *)&unix_address.storage, 129);
    conform_do(c, 1);
    io_uring_prep_connect(conform_sqe(c, 7), one, (struct sockaddr *)&unix_address.storage, 120);
    conform_do(c, 1);
    io_uring_prep_connect(conform_sqe(c, 8), one, NULL, 8);
    conform_do(c, 1);
    conform_close(c, one);
    conform_close(c, other);
    conform_close(c, a);
    conform_close(c, b);
}

static void a_nonblocking_socket_connects_all_the_same(struct conform *c)
{
    struct conform_address address;
    int listener = conform_listener(c, AF_INET, 4, &address);
    int fd = conform_socket(c, AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
    connect_to(c, 1, fd, &address);
    conform_do(c, 1);
    conform_close(c, fd);
    conform_close(c, listener);
    fd = conform_socket(c, AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
    connect_to(c, 2, fd, &address);
    conform_do(c, 1);
    conform_close(c, fd);
}

static void a_full_backlog_lets_one_wait(struct conform *c)
{
    struct conform_address address;
    int fds[3];
    int listener = conform_listener(c, AF_UNIX, 0, &address);
    for (uint64_t i = 0; i < 2; i++)
        fds[i] = conform_socket(c, AF_UNIX, SOCK_STREAM);
    connect_to(c, 1, fds[0], &address);
    conform_submit(c);
    conform_take(c, 1);
    connect_to(c, 2, fds[1], &address);
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_accept(conform_sqe(c, 3), listener, NULL, NULL, 0);
    conform_submit(c);
    struct io_uring_cqe cqe;
    int accepted = -1;
    for (int i = 0; i < 2; i++) {
        raw_ring_wait(&c->ring, 1, UINT64_C(5000000000));
        if (!raw_ring_take(&c->ring, &cqe))
            conform_say(c, "missing\n");
        else if (cqe.user_data == 3)
            accepted = cqe.res;
        else
            conform_value(c, "connected", cqe.res);
    }
    conform_say(c, "accepted: %s\n", accepted >= 0 ? "yes" : "no");
    conform_close(c, accepted);
    conform_close(c, fds[0]);
    conform_close(c, fds[1]);
    conform_close(c, listener);
}

static void an_accept_tells_who_came(struct conform *c)
{
    static const int domains[] = {AF_UNIX, AF_INET, AF_INET6};
    for (uint64_t i = 0; i < 3; i++) {
        struct conform_address address;
        struct sockaddr_storage peer;
        socklen_t length = sizeof peer;
        int listener = conform_listener(c, domains[i], 4, &address);
        int fd = conform_socket(c, domains[i], SOCK_STREAM);
        connect_to(c, 1, fd, &address);
        conform_do(c, 1);
        memset(&peer, 0, sizeof peer);
        io_uring_prep_accept(conform_sqe(c, 2), listener, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);
        conform_submit(c);
        int accepted = conform_take_descriptor(c);
        conform_say(c, "length %u, family %s\n", length, peer.ss_family == domains[i] ? "as made" : "other");
        conform_close(c, accepted);
        conform_close(c, fd);
        conform_close(c, listener);
    }
}

static void a_bound_client_is_known_by_its_name(struct conform *c)
{
    struct conform_address address;
    struct conform_address own;
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    int listener = conform_listener(c, AF_INET, 4, &address);
    int fd = conform_bound(c, AF_INET, SOCK_STREAM, &own);
    connect_to(c, 1, fd, &address);
    conform_do(c, 1);
    io_uring_prep_accept(conform_sqe(c, 2), listener, (struct sockaddr *)&peer, &length, 0);
    conform_submit(c);
    int accepted = conform_take_descriptor(c);
    conform_value(c, "same name", length == own.length && memcmp(&peer, &own.storage, 8) == 0);
    conform_close(c, accepted);
    conform_close(c, fd);
    conform_close(c, listener);
}

static void a_short_room_for_the_name_cuts_it(struct conform *c)
{
    struct conform_address address;
    unsigned char peer[4] = {9, 9, 9, 9};
    socklen_t length = 2;
    int listener = conform_listener(c, AF_INET, 4, &address);
    int fd = conform_socket(c, AF_INET, SOCK_STREAM);
    connect_to(c, 1, fd, &address);
    conform_do(c, 1);
    io_uring_prep_accept(conform_sqe(c, 2), listener, (struct sockaddr *)(void *)peer, &length, 0);
    conform_submit(c);
    int accepted = conform_take_descriptor(c);
    conform_say(c, "length %u, untouched %u %u\n", length, peer[2], peer[3]);
    conform_close(c, accepted);
    conform_close(c, fd);
    conform_close(c, listener);
}

static void a_bad_place_for_the_name_gives_it_back(struct conform *c)
{
    struct conform_address address;
    struct sockaddr_storage peer;
    int listener = conform_listener(c, AF_INET, 4, &address);
    int fd = conform_socket(c, AF_INET, SOCK_STREAM);
    connect_to(c, 1, fd, &address);
    conform_do(c, 1);
    io_uring_prep_accept(conform_sqe(c, 2), listener, (struct sockaddr *)&peer, (socklen_t *)(uintptr_t)16,
                         0);
    conform_do(c, 1);
    receive(c, 3, fd);
    conform_close(c, fd);
    conform_close(c, listener);
}

static void an_accept_is_checked_when_it_is_taken(struct conform *c)
{
    struct conform_address address;
    int listener = conform_listener(c, AF_UNIX, 4, &address);
    for (int i = 0; i < 3; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, 1);
        io_uring_prep_accept(sqe, listener, NULL, NULL, i == 0 ? 1 : 0);
        sqe->len = i == 1;
        sqe->buf_index = i == 2;
        conform_do(c, 1);
    }
    conform_close(c, listener);
}

static void a_nonblocking_listener_waits_too(struct conform *c)
{
    struct conform_address address;
    int listener = conform_bound(c, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, &address);
    c->objects->sockets->listen(c->self, listener, 4);
    io_uring_prep_accept(conform_sqe(c, 1), listener, NULL, NULL, SOCK_NONBLOCK);
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_cancel64(conform_sqe(c, 2), 1, 0);
    conform_do(c, 2);
    conform_close(c, listener);
}

static void a_closed_listener_drops_who_waits(struct conform *c)
{
    static const int domains[] = {AF_UNIX, AF_INET};
    for (uint64_t i = 0; i < 2; i++) {
        struct conform_address address;
        int listener = conform_listener(c, domains[i], 4, &address);
        int fd = conform_socket(c, domains[i], SOCK_STREAM);
        connect_to(c, 1, fd, &address);
        conform_do(c, 1);
        conform_close(c, listener);
        receive(c, 2, fd);
        receive(c, 3, fd);
        conform_close(c, fd);
    }
}

static void half_closes(struct conform *c, int domain)
{
    int ends[2];
    conform_connect(c, domain, ends);
    conform_write(c, ends[0], "last");
    shut(c, 1, ends[0], SHUT_WR);
    receive(c, 2, ends[1]);
    receive(c, 3, ends[1]);
    send_to(c, 4, ends[0], "x");
    send_to(c, 5, ends[1], "answer");
    receive(c, 6, ends[0]);
    conform_polled(c, ends[0]);
    conform_polled(c, ends[1]);
    conform_close_both(c, ends);
}

static void a_half_closed_connection_goes_one_way(struct conform *c)
{
    half_closes(c, AF_UNIX);
    half_closes(c, AF_INET);
}

static void stops_reading(struct conform *c, int domain)
{
    int ends[2];
    conform_connect(c, domain, ends);
    conform_write(c, ends[1], "before");
    shut(c, 1, ends[0], SHUT_RD);
    receive(c, 2, ends[0]);
    receive(c, 3, ends[0]);
    send_to(c, 4, ends[1], "after");
    send_to(c, 5, ends[0], "x");
    conform_polled(c, ends[0]);
    conform_polled(c, ends[1]);
    conform_close_both(c, ends);
}

static void a_local_socket_that_stops_reading_tells_its_peer(struct conform *c)
{
    stops_reading(c, AF_UNIX);
}

static void a_socket_of_the_loopback_that_stops_reading_does_not(struct conform *c)
{
    stops_reading(c, AF_INET);
}

static void a_shutdown_ends_a_receive_that_waits(struct conform *c)
{
    static const int domains[] = {AF_UNIX, AF_INET};
    for (uint64_t i = 0; i < 2; i++) {
        char bytes[4];
        int ends[2];
        conform_connect(c, domains[i], ends);
        io_uring_prep_recv(conform_sqe(c, 1), ends[0], bytes, sizeof bytes, 0);
        conform_submit(c);
        conform_take_now(c);
        io_uring_prep_shutdown(conform_sqe(c, 2), ends[0], SHUT_RD);
        conform_submit(c);
        struct io_uring_cqe cqe;
        int results[3] = {-1, -1, -1};
        for (int k = 0; k < 2; k++) {
            raw_ring_wait(&c->ring, 1, UINT64_C(5000000000));
            if (raw_ring_take(&c->ring, &cqe) && cqe.user_data < 3)
                results[cqe.user_data] = cqe.res;
        }
        conform_say(c, "received %d, shut %d\n", results[1], results[2]);
        conform_close_both(c, ends);
    }
}

static void what_is_not_connected_can_be_shut_or_not(struct conform *c)
{
    static const int domains[] = {AF_UNIX, AF_INET};
    for (uint64_t i = 0; i < 2; i++) {
        int fd = conform_socket(c, domains[i], SOCK_STREAM);
        shut(c, 1, fd, SHUT_WR);
        conform_close(c, fd);
        fd = conform_socket(c, domains[i], SOCK_DGRAM);
        shut(c, 2, fd, SHUT_RDWR);
        conform_close(c, fd);
    }
}

static void a_shutdown_is_checked(struct conform *c)
{
    int ends[2];
    conform_pair(c, SOCK_STREAM, ends);
    shut(c, 1, ends[0], 3);
    shut(c, 2, ends[0], -1);
    for (int i = 0; i < 5; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, 3);
        io_uring_prep_shutdown(sqe, ends[0], SHUT_RD);
        sqe->off = i == 0;
        sqe->addr = i == 1;
        sqe->rw_flags = i == 2;
        sqe->buf_index = i == 3;
        sqe->splice_fd_in = i == 4;
        conform_do(c, 1);
    }
    shut(c, 4, 12345, SHUT_RD);
    int fd = conform_file(c, "a");
    shut(c, 5, fd, SHUT_RD);
    conform_close(c, fd);
    conform_close_both(c, ends);
}

static void a_listener_that_is_shut_accepts_no_more(struct conform *c)
{
    static const int domains[] = {AF_UNIX, AF_INET};
    for (uint64_t i = 0; i < 2; i++) {
        struct conform_address address;
        int listener = conform_listener(c, domains[i], 4, &address);
        shut(c, 1, listener, SHUT_RD);
        int fd = conform_socket(c, domains[i], SOCK_STREAM);
        connect_to(c, 2, fd, &address);
        conform_do(c, 1);
        io_uring_prep_accept(conform_sqe(c, 3), listener, NULL, NULL, 0);
        conform_do(c, 1);
        conform_close(c, fd);
        conform_close(c, listener);
    }
}

static void unread_bytes_reset(struct conform *c, int domain)
{
    int ends[2];
    conform_connect(c, domain, ends);
    conform_write(c, ends[0], "unread");
    conform_close(c, ends[1]);
    conform_polled(c, ends[0]);
    receive(c, 1, ends[0]);
    receive(c, 2, ends[0]);
    send_to(c, 3, ends[0], "x");
    conform_polled(c, ends[0]);
    conform_close(c, ends[0]);
}

static void a_close_with_unread_bytes_resets(struct conform *c)
{
    unread_bytes_reset(c, AF_UNIX);
    unread_bytes_reset(c, AF_INET);
}

static void a_reset_is_told_to_who_sends(struct conform *c)
{
    static const int domains[] = {AF_UNIX, AF_INET};
    for (uint64_t i = 0; i < 2; i++) {
        int ends[2];
        conform_connect(c, domains[i], ends);
        conform_write(c, ends[0], "unread");
        conform_close(c, ends[1]);
        send_to(c, 1, ends[0], "x");
        send_to(c, 2, ends[0], "x");
        receive(c, 3, ends[0]);
        conform_close(c, ends[0]);
    }
}

static void what_came_before_a_reset_is_read_first(struct conform *c)
{
    static const int domains[] = {AF_UNIX, AF_INET};
    for (uint64_t i = 0; i < 2; i++) {
        int ends[2];
        conform_connect(c, domains[i], ends);
        conform_write(c, ends[1], "hello");
        conform_write(c, ends[0], "unread");
        conform_close(c, ends[1]);
        receive(c, 1, ends[0]);
        receive(c, 2, ends[0]);
        receive(c, 3, ends[0]);
        conform_close(c, ends[0]);
    }
}

static void the_peer_leaves_in_order(struct conform *c, int domain)
{
    int ends[2];
    conform_connect(c, domain, ends);
    conform_close(c, ends[1]);
    conform_polled(c, ends[0]);
    receive(c, 1, ends[0]);
    send_to(c, 2, ends[0], "x");
    conform_polled(c, ends[0]);
    send_to(c, 3, ends[0], "y");
    receive(c, 4, ends[0]);
    conform_polled(c, ends[0]);
    conform_close(c, ends[0]);
}

static void a_local_peer_that_left_is_noticed_at_once(struct conform *c)
{
    the_peer_leaves_in_order(c, AF_UNIX);
}

static void a_peer_of_the_loopback_that_left_resets_what_it_is_sent(struct conform *c)
{
    the_peer_leaves_in_order(c, AF_INET);
}

static void what_is_not_connected_moves_nothing(struct conform *c)
{
    static const int domains[] = {AF_UNIX, AF_INET};
    for (uint64_t i = 0; i < 2; i++) {
        int fd = conform_socket(c, domains[i], SOCK_STREAM);
        receive(c, 1, fd);
        send_to(c, 2, fd, "x");
        conform_polled(c, fd);
        conform_close(c, fd);
    }
}

static void an_empty_receive_waits_for_bytes(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pair(c, SOCK_STREAM, ends);
    io_uring_prep_recv(conform_sqe(c, 1), ends[0], &byte, 0, MSG_DONTWAIT);
    conform_do(c, 1);
    io_uring_prep_read(conform_sqe(c, 2), ends[0], &byte, 0, 0);
    conform_do(c, 1);
    conform_write(c, ends[1], "x");
    io_uring_prep_recv(conform_sqe(c, 3), ends[0], &byte, 0, 0);
    conform_do(c, 1);
    io_uring_prep_send(conform_sqe(c, 4), ends[0], &byte, 0, 0);
    conform_do(c, 1);
    conform_close_both(c, ends);
}

static void polling_first_changes_only_what_must_not_wait(struct conform *c)
{
    char byte;
    int ends[2];
    conform_pair(c, SOCK_STREAM, ends);
    conform_write(c, ends[1], "ab");
    for (int i = 0; i < 4; i++) {
        struct io_uring_sqe *sqe = conform_sqe(c, (uint64_t)i + 1);
        io_uring_prep_recv(sqe, ends[0], &byte, 1, i == 0 ? MSG_DONTWAIT : 0);
        sqe->ioprio = IORING_RECVSEND_POLL_FIRST;
        if (i < 3) {
            conform_do(c, 1);
            continue;
        }
        conform_submit(c);
        conform_take_now(c);
        conform_write(c, ends[1], "c");
        conform_take(c, 1);
    }
    struct io_uring_sqe *sqe = conform_sqe(c, 9);
    io_uring_prep_send(sqe, ends[0], "z", 1, MSG_NOSIGNAL);
    sqe->ioprio = IORING_RECVSEND_POLL_FIRST;
    conform_do(c, 1);
    conform_close_both(c, ends);
}

static void a_socket_goes_into_a_table(struct conform *c)
{
    struct conform_address address;
    int listener = conform_listener(c, AF_INET, 4, &address);
    int none[2] = {-1, -1};
    io_uring_prep_socket_direct(conform_sqe(c, 1), AF_INET, SOCK_STREAM, 0, 1, 0);
    conform_do(c, 1);
    conform_register(c, "files", IORING_REGISTER_FILES, none, 2);
    io_uring_prep_socket_direct(conform_sqe(c, 2), AF_INET, SOCK_STREAM, 0, 1, 0);
    conform_do(c, 1);
    struct io_uring_sqe *sqe = conform_sqe(c, 3);
    io_uring_prep_connect(sqe, 1, (struct sockaddr *)&address.storage, address.length);
    sqe->flags |= IOSQE_FIXED_FILE;
    conform_do(c, 1);
    io_uring_prep_socket_direct_alloc(conform_sqe(c, 4), AF_UNIX, SOCK_DGRAM, 0, 0);
    conform_do(c, 1);
    io_uring_prep_socket_direct_alloc(conform_sqe(c, 5), AF_UNIX, SOCK_DGRAM, 0, 0);
    conform_do(c, 1);
    io_uring_prep_socket_direct(conform_sqe(c, 6), AF_INET, SOCK_STREAM, 0, 9, 0);
    conform_do(c, 1);
    io_uring_prep_socket_direct(conform_sqe(c, 7), AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0);
    conform_do(c, 1);
    io_uring_prep_socket_direct(conform_sqe(c, 8), 12345, SOCK_STREAM, 0, 0, 0);
    conform_do(c, 1);
    conform_close(c, listener);
}

/* What the cancel itself says is the kernel's to choose. */
static void a_handshake_that_waits_is_cancelled(struct conform *c)
{
    struct conform_address address;
    struct io_uring_cqe cqe;
    int fds[2];
    int listener = conform_listener(c, AF_INET, 0, &address);
    fds[0] = conform_socket(c, AF_INET, SOCK_STREAM);
    connect_to(c, 1, fds[0], &address);
    conform_do(c, 1);
    fds[1] = conform_socket(c, AF_INET, SOCK_STREAM);
    connect_to(c, 2, fds[1], &address);
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_cancel64(conform_sqe(c, 3), 2, 0);
    conform_submit(c);
    for (int i = 0; i < 2; i++) {
        raw_ring_wait(&c->ring, 1, UINT64_C(5000000000));
        if (raw_ring_take(&c->ring, &cqe) && cqe.user_data == 2)
            conform_value(c, "connected", cqe.res);
    }
    conform_close_both(c, fds);
    conform_close(c, listener);
}

static void a_shutdown_is_seen_by_a_poll(struct conform *c)
{
    int ends[2];
    conform_pair(c, SOCK_STREAM, ends);
    io_uring_prep_poll_add(conform_sqe(c, 1), ends[0], POLLIN);
    conform_submit(c);
    conform_take_now(c);
    io_uring_prep_shutdown(conform_sqe(c, 2), ends[1], SHUT_RDWR);
    conform_submit(c);
    unsigned mask = 0;
    for (int i = 0; i < 2; i++) {
        struct io_uring_cqe cqe;
        raw_ring_wait(&c->ring, 1, UINT64_C(5000000000));
        if (raw_ring_take(&c->ring, &cqe) && cqe.user_data == 1)
            mask = (unsigned)cqe.res;
    }
    conform_say(c, "polled:");
    conform_say_mask(c, mask);
    conform_say(c, "\n");
    conform_close_both(c, ends);
}

static void a_connected_socket_is_connected_anew(struct conform *c)
{
    struct sockaddr nothing = {.sa_family = AF_UNSPEC};
    struct conform_address address;
    int listener = conform_listener(c, AF_INET, 4, &address);
    int fd = conform_socket(c, AF_INET, SOCK_STREAM);
    connect_to(c, 1, fd, &address);
    conform_do(c, 1);
    io_uring_prep_connect(conform_sqe(c, 2), fd, &nothing, sizeof nothing);
    conform_do(c, 1);
    send_to(c, 3, fd, "x");
    connect_to(c, 4, fd, &address);
    conform_do(c, 1);
    send_to(c, 5, fd, "x");
    int local = conform_socket(c, AF_UNIX, SOCK_STREAM);
    io_uring_prep_connect(conform_sqe(c, 6), local, &nothing, sizeof nothing);
    conform_do(c, 1);
    conform_close(c, local);
    conform_close(c, fd);
    conform_close(c, listener);
}

#define CASE(function, text)                                 \
    {                                                        \
        .name = #function, .run = function, .expected = text \
    }

/* Nobody takes connections, and the queue is full: the next one has no answer. */
static void a_connect_without_an_answer_is_given_up(struct conform *c)
{
    struct conform_address address;
    struct __kernel_timespec soon = {.tv_nsec = 100000};
    int listener = conform_listener(c, AF_INET, 0, &address);
    int first = conform_socket(c, AF_INET, SOCK_STREAM);
    int second = conform_socket(c, AF_INET, SOCK_STREAM);
    connect_to(c, 1, first, &address);
    conform_do(c, 1);
    struct io_uring_sqe *sqe = conform_sqe(c, 2);
    io_uring_prep_connect(sqe, second, (struct sockaddr *)&address.storage, address.length);
    sqe->flags |= IOSQE_IO_LINK;
    io_uring_prep_link_timeout(conform_sqe(c, 3), &soon, 0);
    conform_submit(c);
    conform_take(c, 2);
    conform_close(c, second);
    conform_close(c, first);
    conform_close(c, listener);
}

static const struct conform_case cases[] = {
    CASE(sockets_of_six_kinds_are_made,
         "submit: 1\n1: a descriptor\nsubmit: 1\n1: a descriptor\nsubmit: 1\n1: a descriptor\n"
         "submit: 1\n1: a descriptor\nsubmit: 1\n1: a descriptor\nsubmit: 1\n1: a descriptor\n"
         "submit: 1\n1: a descriptor\nsubmit: 1\n1: a descriptor\nsubmit: 1\n1: a descriptor\n"),
    CASE(a_kind_of_socket_that_is_not_there_is_refused,
         "submit: 1\n1: EAFNOSUPPORT\nsubmit: 1\n1: ESOCKTNOSUPPORT\nsubmit: 1\n1: ESOCKTNOSUPPORT\n"
         "submit: 1\n1: EPROTONOSUPPORT\nsubmit: 1\n1: EPROTONOSUPPORT\nsubmit: 1\n"
         "1: EPROTONOSUPPORT\nsubmit: 1\n1: ESOCKTNOSUPPORT\nsubmit: 1\n1: ESOCKTNOSUPPORT\n"
         "submit: 1\n1: EINVAL\n"),
    CASE(a_socket_is_checked_when_it_is_taken, "1: EINVAL\n1: EINVAL\n1: EINVAL\n1: EINVAL\n1: EINVAL\n"),
    CASE(a_socket_made_by_the_ring_connects, "submit: 1\n1: a descriptor\n2: 0\n"),
    CASE(both_ends_of_the_loopback_talk, "written: 2\n1: 2\ndata: to\nwritten: 3\n2: 3\ndata: fro\n"),
    CASE(both_ends_of_the_other_loopback_talk, "written: 2\n1: 2\ndata: to\nwritten: 3\n2: 3\ndata: fro\n"),
    CASE(nobody_listens, "1: ECONNREFUSED\n2: ECONNREFUSED\n3: ECONNREFUSED\n"),
    CASE(a_name_that_is_not_there_or_only_bound, "1: ECONNREFUSED\n2: ENOENT\n"),
    CASE(one_can_connect_after_a_refusal, "1: ECONNREFUSED\n2: 0\n1: ECONNREFUSED\n2: 0\n"),
    CASE(one_connects_once, "1: 0\n2: EISCONN\n3: EINVAL\n1: 0\n2: EISCONN\n3: EISCONN\n"),
    CASE(addresses_are_checked,
         "1: EINVAL\n2: EAFNOSUPPORT\n3: EINVAL\n4: EINVAL\n5: EINVAL\n6: EINVAL\n7: EINVAL\n"
         "8: EFAULT\n"),
    CASE(a_nonblocking_socket_connects_all_the_same, "1: 0\n2: ECONNREFUSED\n"),
    CASE(a_connect_without_an_answer_is_given_up, "1: 0\nsubmit: 2\n3: ETIME\n2: ECANCELED\n"),
    CASE(a_full_backlog_lets_one_wait,
         "submit: 1\n1: 0\nsubmit: 1\nnothing\nsubmit: 1\nconnected: 0\naccepted: yes\n"),
    CASE(an_accept_tells_who_came,
         "1: 0\nsubmit: 1\n2: a descriptor\nlength 2, family as made\n1: 0\nsubmit: 1\n"
         "2: a descriptor\nlength 16, family as made\n1: 0\nsubmit: 1\n2: a descriptor\n"
         "length 28, family as made\n"),
    CASE(a_bound_client_is_known_by_its_name, "1: 0\nsubmit: 1\n2: a descriptor\nsame name: 1\n"),
    CASE(a_short_room_for_the_name_cuts_it, "1: 0\nsubmit: 1\n2: a descriptor\nlength 16, untouched 9 9\n"),
    CASE(a_bad_place_for_the_name_gives_it_back, "1: 0\n2: EFAULT\n3: 0\n"),
    CASE(an_accept_is_checked_when_it_is_taken, "1: EINVAL\n1: EINVAL\n1: EINVAL\n"),
    CASE(a_nonblocking_listener_waits_too, "submit: 1\nnothing\n2: 0\n1: ECANCELED\n"),
    CASE(a_closed_listener_drops_who_waits, "1: 0\n2: ECONNRESET\n3: 0\n1: 0\n2: ECONNRESET\n3: 0\n"),
    CASE(a_half_closed_connection_goes_one_way,
         "written: 4\n1: 0\n2: 4\n3: 0\n4: EPIPE\n5: 6\n6: 6\npolled: OUT WRNORM WRBAND\n"
         "polled: IN OUT RDNORM WRNORM WRBAND RDHUP\nwritten: 4\n1: 0\n2: 4\n3: 0\n4: EPIPE\n5: 6\n"
         "6: 6\npolled: OUT WRNORM\npolled: IN OUT RDNORM WRNORM RDHUP\n"),
    CASE(a_local_socket_that_stops_reading_tells_its_peer,
         "written: 6\n1: 0\n2: 6\n3: 0\n4: EPIPE\n5: 1\npolled: IN OUT RDNORM WRNORM WRBAND RDHUP\n"
         "polled: IN OUT RDNORM WRNORM WRBAND\n"),
    CASE(a_socket_of_the_loopback_that_stops_reading_does_not,
         "written: 6\n1: 0\n2: 6\n3: 0\n4: 5\n5: 1\npolled: IN OUT RDNORM WRNORM RDHUP\n"
         "polled: IN OUT RDNORM WRNORM\n"),
    CASE(a_shutdown_ends_a_receive_that_waits,
         "submit: 1\nnothing\nsubmit: 1\nreceived 0, shut 0\nsubmit: 1\nnothing\nsubmit: 1\n"
         "received 0, shut 0\n"),
    CASE(what_is_not_connected_can_be_shut_or_not, "1: 0\n2: 0\n1: ENOTCONN\n2: ENOTCONN\n"),
    CASE(a_shutdown_is_checked,
         "1: EINVAL\n2: EINVAL\n3: EINVAL\n3: EINVAL\n3: EINVAL\n3: EINVAL\n3: EINVAL\n4: EBADF\n"
         "5: ENOTSOCK\n"),
    CASE(a_listener_that_is_shut_accepts_no_more,
         "1: 0\n2: ECONNREFUSED\n3: EINVAL\n1: 0\n2: ECONNREFUSED\n3: EINVAL\n"),
    CASE(a_close_with_unread_bytes_resets,
         "written: 6\npolled: IN OUT ERR HUP RDNORM WRNORM WRBAND RDHUP\n1: ECONNRESET\n2: 0\n"
         "3: EPIPE\npolled: IN OUT HUP RDNORM WRNORM WRBAND RDHUP\nwritten: 6\n"
         "polled: IN OUT ERR HUP RDNORM WRNORM RDHUP\n1: ECONNRESET\n2: 0\n3: EPIPE\n"
         "polled: IN OUT HUP RDNORM WRNORM RDHUP\n"),
    CASE(a_reset_is_told_to_who_sends,
         "written: 6\n1: EPIPE\n2: EPIPE\n3: ECONNRESET\nwritten: 6\n1: ECONNRESET\n2: EPIPE\n3: 0\n"),
    CASE(what_came_before_a_reset_is_read_first,
         "written: 5\nwritten: 6\n1: 5\n2: ECONNRESET\n3: 0\nwritten: 5\nwritten: 6\n1: 5\n"
         "2: ECONNRESET\n3: 0\n"),
    CASE(a_local_peer_that_left_is_noticed_at_once,
         "polled: IN OUT HUP RDNORM WRNORM WRBAND RDHUP\n1: 0\n2: EPIPE\n"
         "polled: IN OUT HUP RDNORM WRNORM WRBAND RDHUP\n3: EPIPE\n4: 0\n"
         "polled: IN OUT HUP RDNORM WRNORM WRBAND RDHUP\n"),
    CASE(a_peer_of_the_loopback_that_left_resets_what_it_is_sent,
         "polled: IN OUT RDNORM WRNORM RDHUP\n1: 0\n2: 1\npolled: IN OUT ERR HUP RDNORM WRNORM RDHUP\n"
         "3: EPIPE\n4: 0\npolled: IN OUT HUP RDNORM WRNORM RDHUP\n"),
    CASE(what_is_not_connected_moves_nothing,
         "1: EINVAL\n2: ENOTCONN\npolled: OUT HUP WRNORM WRBAND\n1: ENOTCONN\n2: EPIPE\n"
         "polled: OUT HUP WRNORM\n"),
    CASE(an_empty_receive_waits_for_bytes, "1: EAGAIN\n2: 0\nwritten: 1\n3: 0\n4: 0\n"),
    CASE(a_socket_goes_into_a_table,
         "1: ENXIO\nfiles: 0\n2: 0\n3: 0\n4: 0\n5: ENFILE\n6: EINVAL\n7: EINVAL\n8: EAFNOSUPPORT\n"),
    CASE(a_handshake_that_waits_is_cancelled, "1: 0\nsubmit: 1\nnothing\nsubmit: 1\nconnected: ECANCELED\n"),
    CASE(a_shutdown_is_seen_by_a_poll, "submit: 1\nnothing\nsubmit: 1\npolled: IN HUP RDHUP\n"),
    CASE(a_connected_socket_is_connected_anew, "1: 0\n2: 0\n3: ECONNRESET\n4: 0\n5: 1\n6: EINVAL\n"),
    CASE(polling_first_changes_only_what_must_not_wait,
         "written: 2\n1: EAGAIN\n2: 1\n3: 1\nsubmit: 1\nnothing\nwritten: 1\n4: 1\n9: 1\n"),
};

/* The true kernel answers as it did when the expectations were written. */
static void connections_on_io_uring(void **state)
{
    (void)state;
    conform_run(&conform_uring, cases, sizeof cases / sizeof cases[0]);
}

/* The engine over this machine's descriptors answers as the true kernel (BACK-1). */
static void connections_on_the_engine(void **state)
{
    (void)state;
    conform_run(&conform_engine, cases, sizeof cases / sizeof cases[0]);
}

/* And so does the simulated kernel when every choice is the kindest (BACK-1). */
static void connections_on_the_simulated_kernel(void **state)
{
    (void)state;
    conform_run(&conform_sim, cases, sizeof cases / sizeof cases[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(connections_on_io_uring),
    cmocka_unit_test(connections_on_the_engine),
    cmocka_unit_test(connections_on_the_simulated_kernel),
};

SR_TEST_MAIN(tests)
