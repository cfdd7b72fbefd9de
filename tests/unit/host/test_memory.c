/*
 * Memory runs out at each place where the engine over this machine's descriptors asks for some, one after the other: what was
 * asked for is refused with -ENOMEM and can be asked for again, every operation ends once, and nothing is left behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/engine_backend.h"
#include "support/counting_allocator.h"
#include "support/main.h"
#include "support/raw_ring.h"

#define TRIES 4
#define SECOND UINT64_C(1000000000)

static struct counting_allocator counter;

struct stage {
    struct sr_backend kernel;
    struct raw_ring raw;
    unsigned refused; /* times that memory was missing */
    int pipe[2];
    int pair[2];
    int listening;
    struct sockaddr_in address;
    char path[64];
};

/* What a call answered: again, when memory was missing. */
static bool settled(struct stage *stage, int rc)
{
    if (rc != -ENOMEM && rc != -EAGAIN)
        return true;
    stage->refused++;
    return false;
}

static void open_kernel(struct stage *stage)
{
    int rc = -ENOMEM;
    memset(stage, 0, sizeof *stage);
    for (int i = 0; i < TRIES && !settled(stage, rc = sri_engine_host_backend(&stage->kernel)); i++)
        assert_int_equal(counter.blocks, 0);
    assert_int_equal(rc, 0);
    for (int i = 0; i < TRIES && !settled(stage, rc = raw_ring_open(&stage->raw, stage->kernel, 8, 0)); i++)
        continue;
    assert_int_equal(rc, 0);
}

static void open_stage(struct stage *stage)
{
    socklen_t length = sizeof stage->address;
    open_kernel(stage);
    assert_int_equal(pipe(stage->pipe), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, stage->pair), 0);
    stage->listening = socket(AF_INET, SOCK_STREAM, 0);
    stage->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(stage->listening, (struct sockaddr *)&stage->address, length), 0);
    assert_int_equal(getsockname(stage->listening, (struct sockaddr *)&stage->address, &length), 0);
    assert_int_equal(listen(stage->listening, 8), 0);
    strcpy(stage->path, "/tmp/safer-ring-test-XXXXXX");
    close(mkstemp(stage->path));
}

static void close_stage(struct stage *stage)
{
    raw_ring_close(&stage->raw);
    stage->kernel.vtable->release(stage->kernel.self);
    close(stage->pipe[0]);
    close(stage->pipe[1]);
    close(stage->pair[0]);
    close(stage->pair[1]);
    close(stage->listening);
    unlink(stage->path);
}

/* Submits what is prepared, however often that is refused, with no entry lost. */
static void submit(struct stage *stage)
{
    unsigned left = raw_ring_publish(&stage->raw);
    for (int i = 0; i < TRIES && left > 0; i++) {
        int rc = raw_ring_submit(&stage->raw);
        if (settled(stage, rc))
            assert_true(rc >= 0);
        left = raw_ring_publish(&stage->raw);
    }
    assert_int_equal(left, 0);
}

/* A descriptor's object that could not be held is as if there was none. */
static bool is_refused(int32_t result)
{
    return result == -ENOMEM || result == -EBADF;
}

/* The next completion. */
static struct io_uring_cqe next(struct stage *stage)
{
    struct io_uring_cqe cqe = {0};
    for (int i = 0; i < 100; i++) {
        if (raw_ring_take(&stage->raw, &cqe))
            return cqe;
        int rc = raw_ring_wait(&stage->raw, 1, SECOND);
        assert_true(rc >= 0 || rc == -ETIME || rc == -ENOMEM || rc == -EAGAIN);
        stage->refused += rc == -ENOMEM ? 1 : 0;
    }
    fail_msg("an operation has not ended");
    return cqe;
}

/* The one operation that is prepared, to its end. */
static int32_t outcome(struct stage *stage)
{
    submit(stage);
    struct io_uring_cqe cqe = next(stage);
    stage->refused += is_refused(cqe.res) ? 1 : 0;
    return cqe.res;
}

static struct io_uring_sqe *entry(struct stage *stage, uint64_t name)
{
    struct io_uring_sqe *sqe = raw_ring_sqe(&stage->raw, name);
    assert_non_null(sqe);
    return sqe;
}

/* Does it once more when memory was missing; the result is then what it should be. */
#define DO(expected, prepare)                                       \
    do {                                                            \
        int32_t result_ = -ENOMEM;                                  \
        for (int i_ = 0; i_ < TRIES && is_refused(result_); i_++) { \
            struct io_uring_sqe *sqe = entry(stage, 1);             \
            prepare;                                                \
            result_ = outcome(stage);                               \
        }                                                           \
        assert_int_equal(result_, expected);                        \
    } while (0)

static void transfers(struct stage *stage)
{
    char bytes[32] = "twelve bytes";
    struct iovec parts[2] = {{bytes, 6}, {bytes + 6, 6}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    DO(0, io_uring_prep_nop(sqe));
    DO(12, io_uring_prep_write(sqe, stage->pipe[1], bytes, 12, 0));
    DO(12, io_uring_prep_read(sqe, stage->pipe[0], bytes, 12, 0));
    DO(12, io_uring_prep_writev(sqe, stage->pipe[1], parts, 2, 0));
    DO(12, io_uring_prep_readv(sqe, stage->pipe[0], parts, 2, 0));
    DO(12, io_uring_prep_sendmsg(sqe, stage->pair[0], &message, 0));
    DO(12, io_uring_prep_recvmsg(sqe, stage->pair[1], &message, 0));
    DO(12, io_uring_prep_send(sqe, stage->pair[0], bytes, 12, 0));
    DO(12, io_uring_prep_recv(sqe, stage->pair[1], bytes, 12, 0));
    DO(12, io_uring_prep_write(sqe, stage->pipe[1], bytes, 12, 0));
    DO(12, io_uring_prep_splice(sqe, stage->pipe[0], -1, stage->pair[0], -1, 12, 0));
    DO(12, io_uring_prep_recv(sqe, stage->pair[1], bytes, 32, 0));
    assert_string_equal(bytes, "twelve bytes");
}

static void files(struct stage *stage)
{
    char bytes[8] = "content";
    struct statx status;
    int fd = -ENOMEM;
    for (int i = 0; i < TRIES && is_refused(fd); i++) {
        io_uring_prep_openat(entry(stage, 1), AT_FDCWD, stage->path, O_RDWR, 0);
        fd = outcome(stage);
    }
    assert_true(fd >= 0);
    DO(8, io_uring_prep_write(sqe, fd, bytes, 8, 0));
    DO(0, io_uring_prep_fsync(sqe, fd, 0));
    DO(0, io_uring_prep_statx(sqe, AT_FDCWD, stage->path, 0, STATX_SIZE, &status));
    assert_int_equal(status.stx_size, 8);
    DO(8, (io_uring_prep_read(sqe, fd, bytes, 8, 0), sqe->flags |= IOSQE_ASYNC));
    DO(0, io_uring_prep_close(sqe, fd));
}

/* Waits for somebody else. */
static void waits(struct stage *stage)
{
    char bytes[8];
    struct __kernel_timespec soon = {.tv_nsec = 1000000};
    int32_t result = -ENOMEM;
    DO(-ETIME, io_uring_prep_timeout(sqe, &soon, 0, 0));
    for (int i = 0; i < TRIES && is_refused(result); i++) {
        io_uring_prep_read(entry(stage, 5), stage->pipe[0], bytes, 8, 0);
        submit(stage);
        assert_int_equal(write(stage->pipe[1], "hello", 5), 5);
        result = next(stage).res;
        stage->refused += is_refused(result) ? 1 : 0;
        if (is_refused(result))
            assert_int_equal(read(stage->pipe[0], bytes, 8), 5);
    }
    assert_int_equal(result, 5);
    assert_memory_equal(bytes, "hello", 5);
}

/* Is cancelled: both end once, also when one of them has no memory. */
static void cancels(struct stage *stage)
{
    char bytes[8];
    bool waiting = true;
    io_uring_prep_poll_add(entry(stage, 5), stage->pipe[0], POLLIN);
    submit(stage);
    for (int i = 0; i < TRIES && waiting; i++) {
        bool asked = true;
        io_uring_prep_cancel64(entry(stage, 6), 5, 0);
        submit(stage);
        while (asked || waiting) {
            struct io_uring_cqe cqe = next(stage);
            stage->refused += is_refused(cqe.res) ? 1 : 0;
            if (cqe.user_data == 5) {
                assert_true(waiting && (cqe.res == -ECANCELED || is_refused(cqe.res)));
                waiting = false;
            } else {
                assert_true(asked && (cqe.res == 0 || cqe.res == -ENOENT || cqe.res == -ENOMEM));
                asked = false;
                if (cqe.res == -ENOMEM)
                    break;
            }
        }
    }
    assert_false(waiting);
    assert_int_equal(write(stage->pipe[1], "x", 1), 1);
    assert_int_equal(read(stage->pipe[0], bytes, 8), 1);
}

static void connections(struct stage *stage)
{
    int client = socket(AF_INET, SOCK_STREAM, 0);
    int made = -ENOMEM;
    DO(0, io_uring_prep_connect(sqe, client, (struct sockaddr *)&stage->address, sizeof stage->address));
    for (int i = 0; i < TRIES && is_refused(made); i++) {
        io_uring_prep_accept(entry(stage, 1), stage->listening, NULL, NULL, 0);
        made = outcome(stage);
    }
    assert_true(made >= 0);
    DO(0, io_uring_prep_shutdown(sqe, made, SHUT_RDWR));
    close(made);
    close(client);
    assert_int_equal(write(stage->pipe[1], "x", 1), 1);
    DO(POLLIN, io_uring_prep_poll_add(sqe, stage->pipe[0], POLLIN));
}

static int ask(struct stage *stage, unsigned opcode, void *argument, unsigned count)
{
    int rc = -ENOMEM;
    for (int i = 0; i < TRIES && is_refused(rc); i++) {
        rc = stage->kernel.vtable->register_(stage->kernel.self, stage->raw.fd, opcode, argument, count);
        stage->refused += is_refused(rc) ? 1 : 0;
    }
    return rc;
}

static void registrations(struct stage *stage)
{
    char bytes[64] = "registered";
    static _Alignas(4096) char provided[4096];
    struct iovec whole = {bytes, sizeof bytes};
    struct io_uring_buf_reg group = {.ring_addr = (uintptr_t)provided, .ring_entries = 4, .bgid = 3};
    int notices = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(ask(stage, IORING_REGISTER_BUFFERS, &whole, 1), 0);
    assert_int_equal(ask(stage, IORING_REGISTER_FILES, stage->pipe, 2), 0);
    assert_int_equal(ask(stage, IORING_REGISTER_PBUF_RING, &group, 1), 0);
    assert_int_equal(ask(stage, IORING_REGISTER_EVENTFD, &notices, 1), 0);
    assert_true(ask(stage, IORING_REGISTER_PERSONALITY, NULL, 0) > 0);

    DO(10, (io_uring_prep_write_fixed(sqe, 1, bytes, 10, 0, 0), sqe->flags |= IOSQE_FIXED_FILE));
    DO(10, (io_uring_prep_read_fixed(sqe, 0, bytes + 10, 10, 0, 0), sqe->flags |= IOSQE_FIXED_FILE));
    assert_memory_equal(bytes + 10, "registered", 10);

    assert_int_equal(ask(stage, IORING_UNREGISTER_EVENTFD, NULL, 0), 0);
    assert_int_equal(ask(stage, IORING_UNREGISTER_PBUF_RING, &group, 1), 0);
    assert_int_equal(ask(stage, IORING_UNREGISTER_FILES, NULL, 0), 0);
    assert_int_equal(ask(stage, IORING_UNREGISTER_BUFFERS, NULL, 0), 0);
    close(notices);
}

static void messages(struct stage *stage)
{
    int fd = -ENOMEM;
    for (int i = 0; i < TRIES && fd == -ENOMEM; i++) {
        fd = stage->kernel.vtable->pollable_fd(stage->kernel.self, stage->raw.fd);
        stage->refused += fd == -ENOMEM ? 1 : 0;
    }
    assert_true(fd >= 0);
    int rc = -ENOMEM;
    for (int i = 0; i < TRIES && rc == -ENOMEM; i++) {
        rc = stage->kernel.vtable->wake(stage->kernel.self, stage->raw.fd, 99);
        stage->refused += rc == -ENOMEM ? 1 : 0;
    }
    assert_int_equal(rc, 0);
    assert_int_equal(next(stage).user_data, 99);
}

/* What is copied in before an operation begins: names, addresses, events, advice, control messages. */
static void arguments(struct stage *stage)
{
    char bytes[16] = "bytes";
    char control[64] = {0};
    char page[8192];
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    struct iovec part = {bytes, 5};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
    struct epoll_event event = {.events = EPOLLIN};
    int watching = epoll_create1(EPOLL_CLOEXEC);
    int made = -ENOMEM;
    for (int i = 0; i < TRIES && is_refused(made); i++) {
        io_uring_prep_socket(entry(stage, 1), AF_INET, SOCK_STREAM, 0, 0);
        made = outcome(stage);
    }
    assert_true(made >= 0);
    assert_int_equal(connect(made, (struct sockaddr *)&stage->address, sizeof stage->address), 0);
    int taken = -ENOMEM;
    for (int i = 0; i < TRIES && is_refused(taken); i++) {
        io_uring_prep_accept(entry(stage, 1), stage->listening, (struct sockaddr *)&peer, &length, 0);
        taken = outcome(stage);
    }
    assert_true(taken >= 0);
    assert_int_equal(peer.ss_family, AF_INET);
    DO(0, io_uring_prep_epoll_ctl(sqe, watching, stage->pipe[0], EPOLL_CTL_ADD, &event));
    DO(0,
       io_uring_prep_madvise(sqe, (void *)(((uintptr_t)page + 4095) & ~(uintptr_t)4095), 4096, MADV_NORMAL));
    struct cmsghdr *rights = (struct cmsghdr *)(void *)control;
    *rights = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(rights), &watching, sizeof watching);
    message.msg_controllen = CMSG_SPACE(sizeof(int));
    DO(5, io_uring_prep_sendmsg(sqe, stage->pair[0], &message, 0));
    message.msg_controllen = sizeof control;
    message.msg_name = &peer;
    message.msg_namelen = sizeof peer;
    DO(5, io_uring_prep_recvmsg(sqe, stage->pair[1], &message, 0));
    int received;
    memcpy(&received, CMSG_DATA(rights), sizeof received);
    assert_true(received >= 0);
    close(received);
    close(taken);
    close(made);
    close(watching);
}

/* Asks, provides, restricts. */
static void tables(struct stage *stage)
{
    char bytes[4][32];
    struct io_uring_probe probe = {0};
    struct io_uring_rsrc_update own = {.offset = UINT32_MAX, .data = (unsigned)stage->raw.fd};
    struct io_uring_restriction only = {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP};
    assert_int_equal(ask(stage, IORING_REGISTER_PROBE, &probe, 0), 0);
    assert_int_equal(ask(stage, IORING_REGISTER_RING_FDS, &own, 1), 1);
    own.data = 0;
    assert_int_equal(ask(stage, IORING_UNREGISTER_RING_FDS, &own, 1), 1);
    assert_int_equal(ask(stage, IORING_REGISTER_RESTRICTIONS, &only, 1), -EBADFD);
    for (int i = 0; i < 4; i++)
        DO(0, io_uring_prep_provide_buffers(sqe, bytes[i], 32, 1, 7 + i % 2, i));
    assert_int_equal(write(stage->pipe[1], "hello", 5), 5);
    DO(5, (io_uring_prep_read(sqe, stage->pipe[0], NULL, 32, 0), sqe->flags |= IOSQE_BUFFER_SELECT,
           sqe->buf_group = 7));
    assert_memory_equal(bytes[0], "hello", 5);
    DO(1, io_uring_prep_remove_buffers(sqe, 4, 7));
    DO(2, io_uring_prep_remove_buffers(sqe, 4, 8));
}

typedef void part(struct stage *stage);

/* Each allocation that a part of a program's life asks for fails once. */
static void fail_each_once(part *body)
{
    unsigned refused = 1;
    size_t nth = 1;
    for (; refused > 0 || counter.allocations >= nth; nth++) {
        struct stage stage;
        counting_allocator_install(&counter);
        counter.fails_at = nth;
        open_stage(&stage);
        if (body != NULL)
            body(&stage);
        refused = stage.refused;
        close_stage(&stage);
        assert_int_equal(counter.blocks, 0);
        assert_int_equal(counter.bytes, 0);
        counting_allocator_remove();
    }
    assert_true(nth > 3);
}

/* A kernel and a ring of it are made, or -ENOMEM and nothing is left. */
static void a_ring_is_made_or_nothing_is_left(void **state)
{
    (void)state;
    fail_each_once(NULL);
}

/* Bytes are moved. */
static void bytes_move_once_there_is_memory(void **state)
{
    (void)state;
    fail_each_once(transfers);
}

/* Files are opened, written by workers, told of, closed. */
static void files_are_used_once_there_is_memory(void **state)
{
    (void)state;
    fail_each_once(files);
}

/* Operations wait for time and for others. */
static void waiting_works_once_there_is_memory(void **state)
{
    (void)state;
    fail_each_once(waits);
}

/* Operations are cancelled; each ends once. */
static void cancelling_works_once_there_is_memory(void **state)
{
    (void)state;
    fail_each_once(cancels);
}

/* Connections are made and taken. */
static void connections_are_made_once_there_is_memory(void **state)
{
    (void)state;
    fail_each_once(connections);
}

/* What is registered is used. */
static void registering_works_once_there_is_memory(void **state)
{
    (void)state;
    fail_each_once(registrations);
}

/* What is copied in is copied. */
static void arguments_are_copied_once_there_is_memory(void **state)
{
    (void)state;
    fail_each_once(arguments);
}

/* The kernel's tables grow. */
static void tables_grow_once_there_is_memory(void **state)
{
    (void)state;
    fail_each_once(tables);
}

/* A ring is polled and woken. */
static void messages_come_once_there_is_memory(void **state)
{
    (void)state;
    fail_each_once(messages);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_ring_is_made_or_nothing_is_left),
    cmocka_unit_test(bytes_move_once_there_is_memory),
    cmocka_unit_test(files_are_used_once_there_is_memory),
    cmocka_unit_test(waiting_works_once_there_is_memory),
    cmocka_unit_test(cancelling_works_once_there_is_memory),
    cmocka_unit_test(connections_are_made_once_there_is_memory),
    cmocka_unit_test(registering_works_once_there_is_memory),
    cmocka_unit_test(arguments_are_copied_once_there_is_memory),
    cmocka_unit_test(tables_grow_once_there_is_memory),
    cmocka_unit_test(messages_come_once_there_is_memory),
};

SR_TEST_MAIN(tests)
