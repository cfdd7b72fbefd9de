/*
 * Sockets, pipes and counters of a simulation under every kind of luck: whatever happens, bytes keep their order, datagrams
 * their boundaries, and nobody gets a byte that was not sent.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/un.h>

#include "safer_ring/sim.h"
#include "support/main.h"
#include "support/raw_ring.h"

#define RUNS 300
#define MESSAGES 6
#define STEPS 400
#define LONG_NS UINT64_C(1000000000000000) /* longer than the longest delay */

static void open_ring(struct sr_sim *sim, struct raw_ring *ring)
{
    int rc;
    do
        rc = raw_ring_open(ring, sr_sim_backend(sim), 8, 0);
    while (rc < 0);
}

/* Submits one entry, however often an enter is refused, and waits for its result. */
static int32_t result_of(struct raw_ring *ring)
{
    struct io_uring_cqe cqe;
    for (int i = 0; i < STEPS; i++) {
        (void)raw_ring_submit_and_wait_for(ring, 1, LONG_NS);
        if (raw_ring_take(ring, &cqe))
            return cqe.res;
    }
    fail_msg("no end in sight");
    return 0;
}

static int32_t send_one(struct raw_ring *ring, int fd, const void *bytes, unsigned size)
{
    io_uring_prep_send(raw_ring_sqe(ring, 1), fd, bytes, size, MSG_DONTWAIT);
    return result_of(ring);
}

static int32_t receive_one(struct raw_ring *ring, int fd, void *bytes, unsigned size)
{
    io_uring_prep_recv(raw_ring_sqe(ring, 2), fd, bytes, size, MSG_DONTWAIT);
    return result_of(ring);
}

/* A message says its own number and length. */
static unsigned fill(uint8_t *bytes, unsigned number)
{
    unsigned size = 1 + number * 7;
    memset(bytes, (int)number, size);
    return size;
}

/* What came is whole, and none before `last`. */
static unsigned check(const uint8_t *bytes, int32_t size, unsigned last)
{
    unsigned number = bytes[0];
    assert_in_range(number, last + 1, MESSAGES);
    assert_int_equal(size, 1 + number * 7);
    for (int32_t i = 0; i < size; i++)
        assert_int_equal(bytes[i], number);
    return number;
}

/* How many came. */
static unsigned exchange(struct sr_sim *sim, int from, int to)
{
    struct raw_ring ring;
    uint8_t bytes[64];
    unsigned last = 0;
    unsigned came = 0;
    open_ring(sim, &ring);
    for (unsigned number = 1; number <= MESSAGES; number++) {
        unsigned size = fill(bytes, number);
        int32_t sent = send_one(&ring, from, bytes, size);
        assert_true(sent < 0 || (unsigned)sent == size);
        int32_t got = receive_one(&ring, to, bytes, sizeof bytes);
        if (got < 0)
            continue;
        last = check(bytes, got, last);
        came++;
    }
    raw_ring_close(&ring);
    return came;
}

static void local_datagrams_keep_their_boundaries(void **state)
{
    (void)state;
    unsigned came = 0;
    SR_SIM_FOR_EACH_SEED (sim, RUNS) {
        int fds[2];
        assert_int_equal(sr_sim_socketpair_of(sim, SOCK_DGRAM, fds), 0);
        came += exchange(sim, fds[0], fds[1]);
    }
    assert_in_range(came, RUNS, RUNS * MESSAGES - 1);
}

static int bound(struct sr_sim *sim, int domain, struct sockaddr_storage *address, uint32_t *length)
{
    int fd;
    memset(address, 0, sizeof *address);
    address->ss_family = (sa_family_t)domain;
    ((struct sockaddr_in *)address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *length = sizeof(struct sockaddr_in);
    assert_int_equal(sr_sim_socket_of(sim, domain, SOCK_DGRAM, &fd), 0);
    assert_int_equal(sr_sim_bind(sim, fd, (struct sockaddr *)address, *length), 0);
    assert_int_equal(sr_sim_name(sim, fd, address, length), 0);
    return fd;
}

static void datagrams_of_the_network_may_be_lost_and_are_never_cut(void **state)
{
    (void)state;
    unsigned came = 0;
    SR_SIM_FOR_EACH_SEED (sim, RUNS) {
        struct sockaddr_storage address;
        uint32_t length;
        int from;
        int to = bound(sim, AF_INET, &address, &length);
        assert_int_equal(sr_sim_socket_of(sim, AF_INET, SOCK_DGRAM, &from), 0);
        assert_int_equal(sr_sim_connect(sim, from, (struct sockaddr *)&address, length), 0);
        came += exchange(sim, from, to);
    }
    assert_in_range(came, RUNS, RUNS * MESSAGES - 1);
}

/* Bytes 0, 1, 2, … through a connection of the loopback, whatever its window and however long they travel. */
static void a_connection_keeps_its_bytes_in_order(void **state)
{
    (void)state;
    unsigned came = 0;
    SR_SIM_FOR_EACH_SEED (sim, RUNS) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
        struct raw_ring ring;
        uint8_t bytes[40];
        uint8_t next_out = 0;
        uint8_t next_in = 0;
        int listener;
        int client;
        open_ring(sim, &ring);
        assert_int_equal(sr_sim_listen(sim, (struct sockaddr *)&address, sizeof address, 1, &listener), 0);
        assert_int_equal(sr_sim_socket(sim, AF_INET, &client), 0);
        io_uring_prep_connect(raw_ring_sqe(&ring, 1), client, (struct sockaddr *)&address, sizeof address);
        int32_t connected = result_of(&ring);
        io_uring_prep_accept(raw_ring_sqe(&ring, 2), listener, NULL, NULL, 0);
        int32_t server = connected == 0 ? result_of(&ring) : -1;
        for (int i = 0; server >= 0 && i < 8; i++) {
            for (size_t k = 0; k < sizeof bytes; k++)
                bytes[k] = (uint8_t)(next_out + k);
            int32_t sent = send_one(&ring, client, bytes, sizeof bytes);
            next_out = (uint8_t)(next_out + (sent > 0 ? sent : 0));
            int32_t got = receive_one(&ring, server, bytes, sizeof bytes);
            for (int32_t k = 0; k < got; k++, came++)
                assert_int_equal(bytes[k], next_in++);
        }
        raw_ring_close(&ring);
    }
    assert_true(came > RUNS * sizeof(uint64_t));
}

/* Through three pipes by splices that may be short, late, failed or cancelled: every byte that comes is the next. */
static void spliced_bytes_keep_their_order(void **state)
{
    (void)state;
    unsigned came = 0;
    SR_SIM_FOR_EACH_SEED (sim, RUNS) {
        struct raw_ring ring;
        int pipes[3][2];
        uint8_t bytes[32];
        uint8_t next_out = 0;
        uint8_t next_in = 0;
        size_t moved;
        open_ring(sim, &ring);
        for (int i = 0; i < 3; i++)
            assert_int_equal(sr_sim_pipe_of(sim, 4096, pipes[i]), 0);
        for (int i = 0; i < 10; i++) {
            for (size_t k = 0; k < sizeof bytes; k++)
                bytes[k] = (uint8_t)(next_out + k);
            if (sr_sim_write(sim, pipes[0][1], bytes, sizeof bytes, &moved) == 0)
                next_out = (uint8_t)(next_out + moved);
            for (int hop = 0; hop < 2; hop++) {
                io_uring_prep_splice(raw_ring_sqe(&ring, 1), pipes[hop][0], -1, pipes[hop + 1][1], -1, 20,
                                     SPLICE_F_NONBLOCK);
                (void)result_of(&ring);
            }
            if (sr_sim_read(sim, pipes[2][0], bytes, sizeof bytes, &moved) != 0)
                continue;
            for (size_t k = 0; k < moved; k++, came++)
                assert_int_equal(bytes[k], next_in++);
        }
        raw_ring_close(&ring);
    }
    assert_true(came > RUNS * sizeof(uint64_t));
}

/* Descriptors are owed by whoever they were passed to, whatever the luck; none is made for a message that failed. */
static void passed_descriptors_are_counted(void **state)
{
    (void)state;
    uint32_t passed = 0;
    SR_SIM_FOR_EACH_SEED (sim, RUNS) {
        _Alignas(size_t) unsigned char control[CMSG_SPACE(sizeof(int))] = {0};
        struct raw_ring ring;
        uint32_t given = 0;
        int fds[2];
        char byte = 'x';
        open_ring(sim, &ring);
        assert_int_equal(sr_sim_socketpair(sim, fds), 0);
        struct cmsghdr *first = (struct cmsghdr *)(void *)control;
        struct iovec part = {&byte, 1};
        struct msghdr header = {.msg_iov = &part,
                                .msg_iovlen = 1,
                                .msg_control = control,
                                .msg_controllen = sizeof control};
        *first = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
                                  .cmsg_type = SCM_RIGHTS,
                                  .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(first), &fds[0], sizeof(int));
        io_uring_prep_sendmsg(raw_ring_sqe(&ring, 1), fds[0], &header, MSG_DONTWAIT);
        int32_t sent = result_of(&ring);
        header.msg_controllen = sizeof control;
        io_uring_prep_recvmsg(raw_ring_sqe(&ring, 2), fds[1], &header, MSG_DONTWAIT);
        int32_t got = result_of(&ring);
        sr_sim_open_descriptors(sim, NULL, &given);
        assert_true(got < 1 || sent == 1);
        assert_int_equal(given, got == 1 ? 1 : 0);
        passed += given;
        raw_ring_close(&ring);
    }
    assert_in_range(passed, RUNS / 2, RUNS - 1);
}

static void an_instance_is_asked_what_is_ready(void **state)
{
    (void)state;
    struct raw_ring ring;
    struct sr_sim *sim;
    struct sr_sim_ready ready[4];
    size_t count;
    int instance;
    int counter;
    assert_int_equal(sr_sim_new(&sim, NULL), 0);
    open_ring(sim, &ring);
    assert_int_equal(sr_sim_epoll(sim, &instance), 0);
    assert_int_equal(sr_sim_semaphore(sim, 2, &counter), 0);
    struct {
        uint32_t events;
        uint64_t data;
    } __attribute__((packed)) event = {POLLIN, 77};
    io_uring_prep_epoll_ctl(raw_ring_sqe(&ring, 1), instance, counter, 1,
                            (struct epoll_event *)(void *)&event);
    assert_int_equal(result_of(&ring), 0);

    assert_int_equal(sr_sim_epoll_ready(sim, instance, ready, 4, &count), 0);

    assert_int_equal(count, 1);
    assert_int_equal(ready[0].events, POLLIN);
    assert_int_equal(ready[0].data, 77);
    assert_int_equal(sr_sim_epoll_ready(sim, counter, ready, 4, &count), -EINVAL);
    assert_int_equal(sr_sim_epoll_ready(sim, 99, ready, 4, &count), -EBADF);
    raw_ring_close(&ring);
    sr_sim_free(&sim);
}

static void what_cannot_be_made_is_refused(void **state)
{
    (void)state;
    struct sr_sim *sim;
    int fds[2];
    assert_int_equal(sr_sim_new(&sim, NULL), 0);

    assert_int_equal(sr_sim_pipe_of(sim, 0, fds), -EINVAL);
    assert_int_equal(sr_sim_socketpair_of(sim, 9, fds), -ESOCKTNOSUPPORT);
    assert_int_equal(sr_sim_socket_of(sim, 12345, SOCK_STREAM, fds), -EAFNOSUPPORT);
    assert_int_equal(sr_sim_socket_of(sim, AF_INET, SOCK_SEQPACKET, fds), -ESOCKTNOSUPPORT);
    assert_int_equal(sr_sim_pipe_of(sim, 1, fds), 0);
    assert_int_equal(sr_sim_listen_on(sim, fds[0], 1), -ENOTSOCK);
    assert_int_equal(sr_sim_bind(sim, 99, NULL, 0), -EBADF);
    sr_sim_free(&sim);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(local_datagrams_keep_their_boundaries),
    cmocka_unit_test(datagrams_of_the_network_may_be_lost_and_are_never_cut),
    cmocka_unit_test(a_connection_keeps_its_bytes_in_order),
    cmocka_unit_test(spliced_bytes_keep_their_order),
    cmocka_unit_test(passed_descriptors_are_counted),
    cmocka_unit_test(an_instance_is_asked_what_is_ready),
    cmocka_unit_test(what_cannot_be_made_is_refused),
};

SR_TEST_MAIN(tests)
