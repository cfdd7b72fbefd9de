/*
 * A system call of the host world's that the kernel refuses: the operation that needed it ends with the error, and whatever it
 * is, the ring goes on. Each in a child with a filter of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend/engine_backend.h"
#include "support/child.h"
#include "support/main.h"
#include "support/raw_ring.h"
#include "support/refuse.h"

#define SECOND UINT64_C(1000000000)
#define MS UINT64_C(1000000)
#define FILES_MOST (1u << 20)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The calls that poll(2) and epoll_wait(2) are made by. */
#ifdef SYS_poll
#define POLL_NUMBER SYS_poll
#else
#define POLL_NUMBER SYS_ppoll
#endif
#ifdef SYS_epoll_wait
#define EPOLL_WAIT_NUMBER SYS_epoll_wait
#else
#define EPOLL_WAIT_NUMBER SYS_epoll_pwait
#endif

struct place {
    struct sr_backend kernel;
    struct raw_ring ring;
    int pipe[2];
    int pair[2];
};

static void open_place(struct place *place)
{
    child_check(pipe(place->pipe) == 0);
    child_check(socketpair(AF_UNIX, SOCK_STREAM, 0, place->pair) == 0);
    child_check(sri_engine_host_backend(&place->kernel) == 0);
    child_check(raw_ring_open(&place->ring, place->kernel, 8, 0) == 0);
}

static void close_place(struct place *place)
{
    raw_ring_close(&place->ring);
    place->kernel.vtable->release(place->kernel.self);
}

static struct io_uring_sqe *entry(struct place *place, uint64_t user_data)
{
    struct io_uring_sqe *sqe = raw_ring_sqe(&place->ring, user_data);
    child_check(sqe != NULL);
    return sqe;
}

static int ask(struct place *place, unsigned opcode, void *argument, unsigned count)
{
    return place->kernel.vtable->register_(place->kernel.self, place->ring.fd, opcode, argument, count);
}

static int32_t taken(struct place *place, uint64_t user_data)
{
    struct io_uring_cqe cqe;
    child_check(raw_ring_take(&place->ring, &cqe));
    child_check(cqe.user_data == user_data);
    return cqe.res;
}

/* The result of the one entry that was prepared. */
static int32_t outcome(struct place *place)
{
    child_check(raw_ring_submit_and_wait_for(&place->ring, 1, 10 * SECOND) == 1);
    return taken(place, 1);
}

static void nop_works(struct place *place)
{
    (void)entry(place, 1);
    child_check(outcome(place) == 0);
}

static void run_all(void (*const bodies[])(void *argument), size_t count, const struct refusal *refusal)
{
    for (size_t i = 0; i < count; i++)
        assert_refused_in_child(bodies[i], refusal);
}

/* ---- no number for a hold that lasts ---- */

static void wait_without_a_number(void *argument)
{
    const struct refusal *refusal = argument;
    struct place place;
    char byte;
    open_place(&place);
    refuse_or_skip(refusal);
    io_uring_prep_read(entry(&place, 1), place.pipe[0], &byte, 1, 0);
    child_check(outcome(&place) == -refusal->error);
    io_uring_prep_poll_multishot(entry(&place, 1), place.pipe[0], POLLIN);
    child_check(outcome(&place) == -refusal->error);
    nop_works(&place);
    close_place(&place);
}

static void work_without_a_number(void *argument)
{
    const struct refusal *refusal = argument;
    struct place place;
    open_place(&place);
    int folder = open("/", O_RDONLY | O_DIRECTORY);
    child_check(folder >= 0 && write(place.pair[1], "abc", 3) == 3);
    refuse_or_skip(refusal);
    io_uring_prep_fsync(entry(&place, 1), folder, 0);
    child_check(outcome(&place) == -refusal->error);
    io_uring_prep_splice(entry(&place, 1), place.pair[0], -1, place.pipe[1], -1, 3, 0);
    child_check(outcome(&place) == -refusal->error);
    close_place(&place);
}

static void register_without_a_number(void *argument)
{
    const struct refusal *refusal = argument;
    struct io_uring_rsrc_register sparse = {.nr = 4, .flags = IORING_RSRC_REGISTER_SPARSE};
    struct io_uring_rsrc_update2 update = {.offset = 1, .nr = 1};
    struct place place;
    struct raw_ring other;
    open_place(&place);
    update.data = (uintptr_t)&place.pipe[0];
    child_check(raw_ring_open(&other, place.kernel, 8, 0) == 0);
    child_check(ask(&place, IORING_REGISTER_FILES2, &sparse, sizeof sparse) == 0);
    child_check(ask(&place, IORING_REGISTER_FILES_UPDATE2, &update, sizeof update) == 1);
    int rc = place.kernel.vtable->register_(place.kernel.self, other.fd, IORING_REGISTER_FILES2, &sparse,
                                            sizeof sparse);
    child_check(rc == 0);
    refuse_or_skip(refusal);

    io_uring_prep_openat_direct(entry(&place, 1), AT_FDCWD, "/dev/null", O_RDONLY, 0, 0);
    child_check(outcome(&place) == -refusal->error);
    struct io_uring_sqe *sqe = entry(&place, 1);
    io_uring_prep_msg_ring(sqe, other.fd, 0, 9, 0);
    sqe->addr = IORING_MSG_SEND_FD;
    sqe->addr3 = 1;
    sqe->file_index = 1;
    child_check(outcome(&place) == -refusal->error);
    raw_ring_close(&other);
    close_place(&place);
}

/* An object that is held for long needs a number of the world's own. */
static void what_cant_be_held_for_long_is_told(void **state)
{
    static void (*const bodies[])(void *argument) = {wait_without_a_number, work_without_a_number,
                                                     register_without_a_number};
    static const struct refusal refusal = {SYS_fcntl, ENFILE, "fcntl"};
    (void)state;
    run_all(bodies, COUNT(bodies), &refusal);
}

/* ---- no worker ---- */

static void work_without_a_worker(void *argument)
{
    const struct refusal *refusal = argument;
    struct place place;
    open_place(&place);
    int folder = open("/", O_RDONLY | O_DIRECTORY);
    child_check(folder >= 0);
    child_check(refuse_system_call(SYS_clone, refusal->error));
    refuse_or_skip(refusal);
    for (int i = 0; i < 2; i++) {
        io_uring_prep_fsync(entry(&place, 1), folder, 0);
        child_check(outcome(&place) == -EAGAIN);
    }
    nop_works(&place);
    close_place(&place);
}

/* What may block is not done in the program's thread instead. */
static void what_finds_no_worker_is_told(void **state)
{
    static const struct refusal refusal = {SYS_clone3, EAGAIN, "clone3"};
    (void)state;
    assert_refused_in_child(work_without_a_worker, &refusal);
}

/* ---- which file is it? ---- */

static void cancel_by_file(void *argument)
{
    const struct refusal *refusal = argument;
    struct place place;
    char byte;
    open_place(&place);
    refuse_or_skip(refusal);
    io_uring_prep_read(entry(&place, 1), place.pair[0], &byte, 1, 0);
    io_uring_prep_read(entry(&place, 2), place.pipe[0], &byte, 1, 0);
    io_uring_prep_cancel_fd(entry(&place, 3), place.pipe[0], 0);
    child_check(raw_ring_submit_and_wait_for(&place.ring, 2, 10 * SECOND) == 3);
    child_check(taken(&place, 3) == 0);
    child_check(taken(&place, 2) == -ECANCELED);
    child_check(write(place.pair[1], "x", 1) == 1);
    child_check(raw_ring_wait(&place.ring, 1, 10 * SECOND) == 0);
    child_check(taken(&place, 1) == 1);
    close_place(&place);
}

/* Where the kernel does not say which files are one, the same number of the same object is. */
static void a_file_is_known_by_its_number_alone(void **state)
{
    static const struct refusal refusal = {SYS_kcmp, EPERM, "kcmp"};
    (void)state;
    assert_refused_in_child(cancel_by_file, &refusal);
}

/* ---- readiness ---- */

static void poll_in_vain(void *argument)
{
    const struct refusal *refusal = argument;
    struct place place;
    open_place(&place);
    refuse_or_skip(refusal);
    io_uring_prep_poll_add(entry(&place, 1), place.pipe[0], POLLIN);
    child_check(outcome(&place) == -refusal->error);
    io_uring_prep_poll_multishot(entry(&place, 1), place.pipe[0], POLLIN);
    child_check(outcome(&place) == -refusal->error);
    close_place(&place);
}

/* An object that can't be looked at is not waited for. */
static void a_poll_that_fails_is_told(void **state)
{
    static const struct refusal refusal = {POLL_NUMBER, ENOMEM, "poll"};
    (void)state;
    assert_refused_in_child(poll_in_vain, &refusal);
}

static void watch_changes_in_vain(void *argument)
{
    const struct refusal *refusal = argument;
    struct place place;
    open_place(&place);
    refuse_or_skip(refusal);
    io_uring_prep_poll_multishot(entry(&place, 1), place.pipe[0], POLLIN);
    child_check(outcome(&place) == -refusal->error);
    io_uring_prep_poll_add(entry(&place, 1), place.pipe[0], POLLIN);
    child_check(outcome(&place) == -refusal->error);
    close_place(&place);
}

/* One of two that wait for a socket is told; that the other can't be waited for any more leaves it to be cancelled. */
static void watch_again_in_vain(void *argument)
{
    const struct refusal *refusal = argument;
    struct place place;
    open_place(&place);
    child_check(ask(&place, IORING_REGISTER_FILES, place.pair, 1) == 0); /* one hold for both */
    for (uint64_t i = 1; i <= 2; i++) {
        struct io_uring_sqe *sqe = entry(&place, i);
        io_uring_prep_poll_add(sqe, 0, i == 1 ? POLLIN : POLLPRI);
        sqe->flags = IOSQE_FIXED_FILE;
    }
    child_check(raw_ring_submit(&place.ring) == 2);
    refuse_or_skip(refusal);
    child_check(write(place.pair[1], "x", 1) == 1);
    child_check(raw_ring_wait(&place.ring, 1, 10 * SECOND) == 0);
    child_check(taken(&place, 1) == POLLIN);
    io_uring_prep_cancel64(entry(&place, 3), 2, 0);
    child_check(raw_ring_submit_and_wait_for(&place.ring, 2, 10 * SECOND) == 1);
    child_check(taken(&place, 3) == 0);
    child_check(taken(&place, 2) == -ECANCELED);
    close_place(&place);
}

/* epoll has no room for another object. */
static void what_cant_be_watched_is_told(void **state)
{
    static void (*const bodies[])(void *argument) = {watch_changes_in_vain, watch_again_in_vain};
    static const struct refusal refusal = {SYS_epoll_ctl, ENOSPC, "epoll_ctl"};
    (void)state;
    run_all(bodies, COUNT(bodies), &refusal);
}

static void wait_in_vain(void *argument)
{
    const struct refusal *refusal = argument;
    struct place place;
    char byte;
    open_place(&place);
    io_uring_prep_read(entry(&place, 1), place.pipe[0], &byte, 1, 0);
    child_check(raw_ring_submit(&place.ring) == 1);
    refuse_or_skip(refusal);
    child_check(raw_ring_wait(&place.ring, 1, 10 * MS) == -refusal->error);
    close_place(&place);
}

/* Whatever the kernel ends a sleep by. */
static void a_wait_that_is_broken_off_says_so(void **state)
{
    static const struct refusal refusals[] = {
        {SYS_ppoll, ENOMEM, "ppoll"},
        {EPOLL_WAIT_NUMBER, ENOMEM, "epoll_wait"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++)
        assert_refused_in_child(wait_in_vain, &refusals[i]);
}

/* ---- sockets ---- */

static void connect_without_an_outcome(void *argument)
{
    const struct refusal *refusal = argument;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    struct place place;
    open_place(&place);
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    int connecting = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (listening < 0 || bind(listening, (struct sockaddr *)&address, sizeof address) != 0)
        _exit(77);
    child_check(listen(listening, 1) == 0);
    child_check(getsockname(listening, (struct sockaddr *)&address, &length) == 0);
    refuse_or_skip(refusal);
    io_uring_prep_connect(entry(&place, 1), connecting, (struct sockaddr *)&address, sizeof address);
    int32_t result = outcome(&place);
    child_check(result == -refusal->error || result == 0); /* 0: the kernel was done with it at once */
    close_place(&place);
}

static void send_zero_copy(void *argument)
{
    const struct refusal *refusal = argument;
    struct place place;
    open_place(&place);
    int socket_number = socket(AF_INET, SOCK_DGRAM, 0);
    if (socket_number < 0)
        _exit(77);
    refuse_or_skip(refusal);
    io_uring_prep_send_zc(entry(&place, 1), socket_number, "abc", 3, 0, 0);
    child_check(outcome(&place) == -EOPNOTSUPP);
    close_place(&place);
}

/* A socket that does not say what it is, nor how its connection ended. */
static void a_socket_that_tells_nothing_is_taken_for_little(void **state)
{
    static void (*const bodies[])(void *argument) = {connect_without_an_outcome, send_zero_copy};
    static const struct refusal refusal = {SYS_getsockopt, ENOBUFS, "getsockopt"};
    (void)state;
    run_all(bodies, COUNT(bodies), &refusal);
}

/* ---- opening, closing, limits ---- */

static void close_in_vain(void *argument)
{
    const struct refusal *refusal = argument;
    struct place place;
    open_place(&place);
    refuse_or_skip(refusal);
    io_uring_prep_close(entry(&place, 1), place.pipe[0]);
    child_check(outcome(&place) == -refusal->error);
    close_place(&place);
}

/* The disk did not take what it had promised. */
static void a_close_that_fails_is_told(void **state)
{
    static const struct refusal refusal = {SYS_close, EIO, "close"};
    (void)state;
    assert_refused_in_child(close_in_vain, &refusal);
}

static void open_in_vain(void *argument)
{
    const struct refusal *refusal = argument;
    struct place place;
    open_place(&place);
    child_check(refuse_system_call(SYS_openat2, refusal->error));
    refuse_or_skip(refusal);
    io_uring_prep_openat(entry(&place, 1), AT_FDCWD, "/dev/null", O_RDONLY, 0);
    child_check(outcome(&place) == -refusal->error);
    /* The place is left open: at a worker's end the C library opens another one. */
}

/* What would wait, as for a lease, is asked once more in the way that may, and its answer is told. */
static void an_open_that_would_wait_is_asked_for_again(void **state)
{
    static const struct refusal refusal = {SYS_openat, EAGAIN, "openat"};
    (void)state;
    assert_refused_in_child(open_in_vain, &refusal);
}

static void register_without_a_limit(void *argument)
{
    const struct refusal *refusal = argument;
    struct io_uring_rsrc_register sparse = {.nr = FILES_MOST + 1, .flags = IORING_RSRC_REGISTER_SPARSE};
    struct place place;
    open_place(&place);
    refuse_or_skip(refusal);
    child_check(ask(&place, IORING_REGISTER_FILES2, &sparse, sizeof sparse) == -EMFILE);
    sparse.nr = FILES_MOST;
    child_check(ask(&place, IORING_REGISTER_FILES2, &sparse, sizeof sparse) == 0);
    close_place(&place);
}

/* Without a limit of descriptors a table has the kernel's own. */
static void a_table_has_a_limit_of_its_own(void **state)
{
    static const struct refusal refusal = {SYS_prlimit64, ENOSYS, "prlimit64"};
    (void)state;
    assert_refused_in_child(register_without_a_limit, &refusal);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_cant_be_held_for_long_is_told),
    cmocka_unit_test(what_finds_no_worker_is_told),
    cmocka_unit_test(a_file_is_known_by_its_number_alone),
    cmocka_unit_test(a_poll_that_fails_is_told),
    cmocka_unit_test(what_cant_be_watched_is_told),
    cmocka_unit_test(a_wait_that_is_broken_off_says_so),
    cmocka_unit_test(a_socket_that_tells_nothing_is_taken_for_little),
    cmocka_unit_test(a_close_that_fails_is_told),
    cmocka_unit_test(an_open_that_would_wait_is_asked_for_again),
    cmocka_unit_test(a_table_has_a_limit_of_its_own),
};

SR_TEST_MAIN(tests)
