/*
 * Memory runs out at each place where the engine over descriptors asks for some, one after the other: whoever needed it is told,
 * the same entry works when it is made again, and no block stays behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/engine_backend.h"
#include "engine/groups.h"
#include "support/counting_allocator.h"
#include "support/main.h"
#include "support/raw_ring.h"

#define ENTRIES 8
#define TRIES 3

struct place {
    struct sr_backend kernel;
    struct raw_ring ring;
    int pipe[2];
    int pair[2]; /* of AF_UNIX */
    char bytes[8];
    struct iovec segments[2]; /* the first two bytes of them, and the next four */
    struct msghdr header;
};

static struct counting_allocator counter;
static unsigned refused;

static bool is_refusal(int result)
{
    return result == -ENOMEM || result == -EAGAIN || result == -EBADF;
}

/* Made again when memory was missing; then it must answer this. */
#define ANSWERS(call, answer)                                   \
    do {                                                        \
        int rc_ = (call);                                       \
        for (int i_ = 1; i_ < TRIES && is_refusal(rc_); i_++) { \
            refused++;                                          \
            rc_ = (call);                                       \
        }                                                       \
        assert_int_equal(rc_, (answer));                        \
    } while (0)

static int ask(struct place *place, unsigned opcode, void *argument, unsigned count)
{
    return place->kernel.vtable->register_(place->kernel.self, place->ring.fd, opcode, argument, count);
}

static int submit(struct raw_ring *ring, unsigned wanted)
{
    int consumed = raw_ring_submit_and_wait(ring, wanted);
    return consumed == -EAGAIN ? raw_ring_submit_and_wait(ring, wanted) : consumed;
}

/* The result of the one entry that was prepared. */
static int32_t outcome(struct raw_ring *ring)
{
    struct io_uring_cqe cqe;
    assert_int_equal(submit(ring, 1), 1);
    assert_true(raw_ring_take(ring, &cqe));
    return cqe.res;
}

static struct io_uring_sqe *entry(struct place *place)
{
    struct io_uring_sqe *sqe = raw_ring_sqe(&place->ring, 1);
    assert_non_null(sqe);
    return sqe;
}

/* ---- one entry, with what it needs copied ---- */

static int32_t send_control(struct place *place)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    place->header.msg_control = control;
    place->header.msg_controllen = sizeof control;
    struct cmsghdr *one = CMSG_FIRSTHDR(&place->header);
    one->cmsg_level = SOL_SOCKET;
    one->cmsg_type = SCM_RIGHTS;
    one->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(one), &place->pipe[0], sizeof(int));
    io_uring_prep_sendmsg(entry(place), place->pair[1], &place->header, 0);
    int32_t result = outcome(&place->ring);
    place->header.msg_control = NULL;
    place->header.msg_controllen = 0;
    return result;
}

static int32_t receive_message(struct place *place)
{
    io_uring_prep_recvmsg(entry(place), place->pair[0], &place->header, 0);
    return outcome(&place->ring);
}

static void messages(struct place *place)
{
    ANSWERS(send_control(place), 6);
    ANSWERS(receive_message(place), 6);
}

static int32_t make_folder(struct place *place)
{
    io_uring_prep_mkdirat(entry(place), AT_FDCWD, "/proc/self/none", 0700);
    return outcome(&place->ring);
}

static void names(struct place *place)
{
    ANSWERS(make_folder(place), -ENOENT);
}

static int32_t ask_status(struct place *place)
{
    struct statx status;
    io_uring_prep_statx(entry(place), AT_FDCWD, "/", 0, STATX_TYPE, &status);
    return outcome(&place->ring);
}

static void status(struct place *place)
{
    ANSWERS(ask_status(place), 0);
}

static int32_t ask_attribute(struct place *place)
{
    io_uring_prep_getxattr(entry(place), "user.none", place->bytes, "/proc/self/none", sizeof place->bytes);
    return outcome(&place->ring);
}

static void attributes(struct place *place)
{
    ANSWERS(ask_attribute(place), -ENOENT);
}

static int32_t splice_pipes(struct place *place)
{
    io_uring_prep_splice(entry(place), place->pipe[0], -1, place->pair[1], -1, 3, 0);
    return outcome(&place->ring);
}

static void splices(struct place *place)
{
    assert_int_equal(write(place->pipe[1], "abc", 3), 3);
    ANSWERS(splice_pipes(place), 3);
}

static int32_t advise(struct place *place, void *page)
{
    io_uring_prep_madvise(entry(place), page, 4096, MADV_NORMAL);
    return outcome(&place->ring);
}

static void advice(struct place *place)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    ANSWERS(advise(place, page), 0);
    munmap(page, 4096);
}

static int32_t add_interest(struct place *place, int instance)
{
    struct epoll_event event = {.events = EPOLLIN};
    io_uring_prep_epoll_ctl(entry(place), instance, place->pipe[0], EPOLL_CTL_ADD, &event);
    return outcome(&place->ring);
}

static void interests(struct place *place)
{
    int instance = epoll_create1(EPOLL_CLOEXEC);
    assert_true(instance >= 0);
    ANSWERS(add_interest(place, instance), 0);
    close(instance);
}

static int32_t open_direct(struct place *place)
{
    io_uring_prep_openat_direct(entry(place), AT_FDCWD, "/dev/null", O_RDONLY, 0, 0);
    return outcome(&place->ring);
}

static void direct_descriptors(struct place *place)
{
    struct io_uring_rsrc_register sparse = {.nr = 4, .flags = IORING_RSRC_REGISTER_SPARSE};
    ANSWERS(ask(place, IORING_REGISTER_FILES2, &sparse, sizeof sparse), 0);
    ANSWERS(open_direct(place), 0);
}

/* ---- what waits ---- */

/* It ends by its cancel, or was refused at once. */
static int32_t watch_until_cancelled(struct place *place, bool many)
{
    struct io_uring_sqe *sqe = entry(place);
    struct io_uring_cqe cqe;
    int32_t result = 0;
    if (many)
        io_uring_prep_poll_multishot(sqe, place->pipe[0], POLLIN);
    else
        io_uring_prep_poll_add(sqe, place->pipe[0], POLLIN);
    sqe->user_data = 1;
    assert_int_equal(submit(&place->ring, 0), 1);
    sqe = entry(place);
    io_uring_prep_cancel64(sqe, 1, 0);
    sqe->user_data = 2;
    assert_int_equal(submit(&place->ring, 1), 1);
    while (raw_ring_take(&place->ring, &cqe))
        result = cqe.user_data == 1 ? cqe.res : result;
    return result;
}

static void polls(struct place *place)
{
    ANSWERS(watch_until_cancelled(place, false), -ECANCELED);
}

static void polls_that_go_on(struct place *place)
{
    assert_int_equal(write(place->pipe[1], "x", 1), 1); /* told of at once, and what follows is watched for */
    ANSWERS(watch_until_cancelled(place, true), -ECANCELED);
}

static int32_t accept_nobody(struct place *place, int listening)
{
    struct io_uring_cqe cqe;
    io_uring_prep_accept(entry(place), listening, NULL, NULL, 0);
    if (submit(&place->ring, 0) != 1 || raw_ring_take(&place->ring, &cqe))
        return cqe.res;
    struct io_uring_sqe *sqe = raw_ring_sqe(&place->ring, 2);
    io_uring_prep_cancel64(sqe, 1, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    return outcome(&place->ring);
}

static void accepts(struct place *place)
{
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr anywhere = {.sa_family = AF_UNIX};
    assert_int_equal(bind(listening, &anywhere, sizeof anywhere.sa_family), 0);
    assert_int_equal(listen(listening, 1), 0);
    ANSWERS(accept_nobody(place, listening), -ECANCELED);
    close(listening);
}

static int32_t connect_there(struct place *place, const struct sockaddr_in *address)
{
    int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    io_uring_prep_connect(entry(place), client, (const struct sockaddr *)address, sizeof *address);
    int32_t result = outcome(&place->ring);
    close(client);
    return result;
}

static void connections(struct place *place)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listening, TRIES), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &length), 0);
    ANSWERS(connect_there(place, &address), 0);
    close(listening);
}

static void synchronise(struct place *place)
{
    int file = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(file >= 0);
    for (int i = 0; i < TRIES; i++) {
        io_uring_prep_fsync(entry(place), file, 0);
        int32_t result = outcome(&place->ring);
        if (result == 0)
            break;
        assert_true(is_refusal(result));
        refused++;
    }
    close(file);
}

/* Without memory for what is left of them, all of a message is what came at first. */
static void messages_in_two_parts(struct place *place)
{
    struct io_uring_cqe cqe;
    for (int i = 0; i < TRIES; i++) {
        assert_int_equal(write(place->pair[1], "abc", 3), 3);
        io_uring_prep_recvmsg(entry(place), place->pair[0], &place->header, MSG_WAITALL);
        assert_int_equal(submit(&place->ring, 0), 1);
        assert_int_equal(write(place->pair[1], "def", 3), 3);
        assert_true(raw_ring_wait(&place->ring, 1, UINT64_C(10000000000)) >= 0);
        assert_true(raw_ring_take(&place->ring, &cqe));
        char rest[8];
        while (recv(place->pair[0], rest, sizeof rest, MSG_DONTWAIT) > 0)
            continue;
        if (cqe.res == 6)
            break;
        assert_true(cqe.res == 3 || is_refusal(cqe.res));
        refused++;
    }
    assert_int_equal(cqe.res, 6);
    assert_memory_equal(place->bytes, "abcdef", 6);
}

/* ---- messages that go on ---- */

static int32_t provide(struct place *place, char *room)
{
    io_uring_prep_provide_buffers(entry(place), room, 128, 1, 7, 0);
    return outcome(&place->ring);
}

static int32_t receive_many(struct place *place)
{
    struct io_uring_sqe *sqe = entry(place);
    struct msghdr plain = {.msg_controllen = 8};
    io_uring_prep_recvmsg_multishot(sqe, place->pair[0], &plain, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 7;
    return outcome(&place->ring);
}

static void messages_that_go_on(struct place *place)
{
    char room[128];
    ANSWERS(provide(place, room), 0);
    assert_int_equal(write(place->pair[1], "abc", 3), 3);
    ANSWERS(receive_many(place), (int32_t)sizeof(struct io_uring_recvmsg_out) + 8 + 3);
}

/* ---- rings ---- */

static void buffer_rings(struct place *place)
{
    struct io_uring_buf_reg ring = {.ring_entries = 8, .bgid = 7, .pad = SRI_PBUF_MMAP};
    struct io_uring_buf_reg gone = {.bgid = 7};
    ANSWERS(ask(place, IORING_REGISTER_PBUF_RING, &ring, 1), 0);
    assert_int_equal(ask(place, IORING_UNREGISTER_PBUF_RING, &gone, 1), 0);
}

/* A ring that defers keeps what is sent to it until it asks. */
static void letters(struct place *place)
{
    struct raw_ring other;
    struct io_uring_cqe cqe;
    ANSWERS(raw_ring_open(&other, place->kernel, ENTRIES,
                          IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN),
            0);
    int32_t sent = -ENOMEM;
    for (int i = 0; i < TRIES && sent != 0; i++) {
        io_uring_prep_msg_ring(entry(place), other.fd, 5, 9, 0);
        sent = outcome(&place->ring);
        refused += sent != 0;
    }
    assert_int_equal(sent, 0);
    assert_true(raw_ring_get_events(&other) >= 0);
    assert_true(raw_ring_take(&other, &cqe));
    assert_true(cqe.user_data == 9 && cqe.res == 5);
    raw_ring_close(&other);
}

static void restrictions(struct place *place)
{
    struct io_uring_restriction one = {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP};
    struct raw_ring other;
    ANSWERS(raw_ring_open(&other, place->kernel, ENTRIES, IORING_SETUP_R_DISABLED), 0);
    struct sr_backend *kernel = &place->kernel;
    ANSWERS(kernel->vtable->register_(kernel->self, other.fd, IORING_REGISTER_RESTRICTIONS, &one, 1), 0);
    raw_ring_close(&other);
}

/* Each completion is seen or counted as lost, and that some are lost is said once. */
static void completions_without_room(struct place *place)
{
    struct io_uring_cqe cqe;
    const unsigned all = 4 * ENTRIES;
    unsigned seen = 0;
    unsigned told = 0;
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < ENTRIES; i++)
            (void)entry(place);
        int consumed = raw_ring_submit(&place->ring);
        assert_int_equal(consumed == -EAGAIN ? raw_ring_submit(&place->ring) : consumed, ENTRIES);
    }
    for (unsigned round = 0; round < 4; round++) {
        while (raw_ring_take(&place->ring, &cqe))
            seen++;
        told += raw_ring_get_events(&place->ring) == -EBADR;
    }
    unsigned lost = *place->ring.ring.cq.koverflow;
    assert_int_equal(seen + lost, all);
    assert_int_equal(told, lost > 0);
    refused += lost > 0;
}

/* ---- all of them ---- */

typedef void part(struct place *place);

static void open_place(struct place *place)
{
    memset(place, 0, sizeof *place);
    assert_int_equal(pipe2(place->pipe, O_CLOEXEC), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, place->pair), 0);
    place->segments[0] = (struct iovec){place->bytes, 2};
    place->segments[1] = (struct iovec){place->bytes + 2, 4};
    place->header.msg_iov = place->segments;
    place->header.msg_iovlen = 2;
    ANSWERS(sri_engine_host_backend(&place->kernel), 0);
    ANSWERS(raw_ring_open(&place->ring, place->kernel, ENTRIES, 0), 0);
}

static void close_place(struct place *place)
{
    raw_ring_close(&place->ring);
    place->kernel.vtable->release(place->kernel.self);
    for (int i = 0; i < 2; i++) {
        close(place->pipe[i]);
        close(place->pair[i]);
    }
}

static void fail_each_once(part *body)
{
    struct place place;
    size_t nth = 1;
    for (size_t asked = nth; asked >= nth; nth++) {
        counting_allocator_install(&counter);
        counter.fails_at = nth;
        refused = 0;
        open_place(&place);
        body(&place);
        close_place(&place);
        asked = counter.allocations;
        assert_true(refused <= 1);
        assert_int_equal(counter.blocks, 0);
        counting_allocator_remove();
    }
    assert_true(nth > 3);
}

/* What an entry points to is copied, or the entry is refused. */
static void an_entry_without_memory_for_its_arguments_is_refused(void **state)
{
    static part *const parts[] = {messages, names,  status,    attributes,
                                  splices,  advice, interests, direct_descriptors};
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        fail_each_once(parts[i]);
}

/* What can't be waited for is told so, and does not wait for ever. */
static void what_cant_wait_for_want_of_memory_ends(void **state)
{
    static part *const parts[] = {polls,       polls_that_go_on, accepts,
                                  connections, synchronise,      messages_in_two_parts};
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        fail_each_once(parts[i]);
}

/* Groups of buffers and what takes from them, letters, restrictions. */
static void what_a_ring_keeps_is_made_once_there_is_memory(void **state)
{
    static part *const parts[] = {messages_that_go_on, buffer_rings, letters, restrictions};
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        fail_each_once(parts[i]);
}

/* A completion that finds neither room nor memory is lost, and the next enter says so (measured). */
static void a_completion_without_room_and_memory_is_counted(void **state)
{
    (void)state;
    fail_each_once(completions_without_room);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_entry_without_memory_for_its_arguments_is_refused),
    cmocka_unit_test(what_cant_wait_for_want_of_memory_ends),
    cmocka_unit_test(what_a_ring_keeps_is_made_once_there_is_memory),
    cmocka_unit_test(a_completion_without_room_and_memory_is_counted),
};

SR_TEST_MAIN(tests)
