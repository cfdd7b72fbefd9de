/*
 * Forked children that use a ring of their parent's: what a child submits is about its own memory and its own descriptors, and
 * ends with it, or stays, as the true kernel has it. What either takes from the queue the other does not find there.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* execvpe(3), execveat(2) */
#endif
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "program.h"

#define MS 1000000

static void no_more(int signal)
{
    (void)signal;
}

/* What is in a struct io_uring must be shared too: where its user is in the queues. */
static struct io_uring *shared_rings(unsigned count, unsigned entries, unsigned flags)
{
    struct io_uring *rings =
        mmap(NULL, count * sizeof *rings, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(rings != MAP_FAILED);
    for (unsigned i = 0; i < count; i++)
        open_ring(&rings[i], entries, flags);
    return rings;
}

static void close_shared(struct io_uring *rings, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        io_uring_queue_exit(&rings[i]);
    CHECK(munmap(rings, count * sizeof *rings) == 0);
}

typedef void child_fn(struct io_uring *ring, void *self);

static pid_t start_child(struct io_uring *ring, child_fn *work, void *self)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        work(ring, self);
        _exit(0);
    }
    return child;
}

static void finish_child(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        CHECK(errno == EINTR);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A child does this with the ring, and ends well; its parent waits for that in the kernel. */
static void in_child(struct io_uring *ring, child_fn *work, void *self)
{
    finish_child(start_child(ring, work, self));
}

static struct io_uring_sqe *entry(struct io_uring *ring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
    CHECK(sqe != NULL);
    return sqe;
}

/* One read or write, as often as it takes. */
static int move(struct io_uring *ring, int fd, bool writes, void *bytes, unsigned length, unsigned flags)
{
    unsigned done = 0;
    while (done < length) {
        struct io_uring_sqe *sqe = entry(ring);
        io_uring_prep_rw(writes ? IORING_OP_WRITE : IORING_OP_READ, sqe, fd, (char *)bytes + done,
                         length - done, (unsigned long long)-1);
        io_uring_sqe_set_data64(sqe, 77);
        sqe->flags |= (unsigned char)flags;
        submit_all(ring);
        int result = finish_one(ring);
        if (result == -EAGAIN || result == -EINTR)
            continue;
        if (result <= 0)
            return result;
        done += (unsigned)result;
    }
    return (int)done;
}

/* Memory of the same address in both: each has its own. */
static char memory[64];

static void use_own_memory(struct io_uring *ring, void *self)
{
    int ends[2];
    char found[64] = {0};
    (void)self;
    CHECK(pipe(ends) == 0); /* of numbers that the parent has not */
    strcpy(memory, "the child's own bytes");
    CHECK(move(ring, ends[1], true, memory, 22, 0) == 22);
    CHECK(read(ends[0], found, sizeof found) == 22 && strcmp(found, "the child's own bytes") == 0);
    CHECK(write(ends[1], "read by the ring", 17) == 17);
    CHECK(move(ring, ends[0], false, memory, 17, 0) == 17 && strcmp(memory, "read by the ring") == 0);
    CHECK(write(ends[1], "and out of line", 16) == 16);
    CHECK(move(ring, ends[0], false, memory, 16, IOSQE_ASYNC) == 16 &&
          strcmp(memory, "and out of line") == 0);
}

/* A wait that is a wait: what it is for comes later. */
static void wait_for_bytes(struct io_uring *ring, void *self)
{
    int ends[2];
    (void)self;
    CHECK(pipe(ends) == 0);
    io_uring_prep_read(entry(ring), ends[0], memory, 5, 0);
    submit_all(ring);
    pid_t reader = getpid();
    pid_t writer = fork();
    CHECK(writer >= 0);
    if (writer == 0) {
        until_asleep(reader, reader);
        _exit(write(ends[1], "later", 5) == 5 ? 0 : 1);
    }
    int result = finish_one(ring);
    CHECK(result > 0 && result <= 5 && memcmp(memory, "later", (size_t)result) == 0);
    CHECK(waitpid(writer, NULL, 0) == writer);
}

/* Messages: a header, two segments, a name; and MSG_WAITALL, whose rest comes later. */
static void exchange_messages(struct io_uring *ring, void *self)
{
    int pair[2];
    char left[4] = {0};
    char right[8] = {0};
    struct iovec parts[2] = {{left, sizeof left}, {right, 4}};
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
    (void)self;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && write(pair[1], "leftrigh", 8) == 8);
    io_uring_prep_recvmsg(entry(ring), pair[0], &header, MSG_WAITALL);
    submit_all(ring);
    CHECK(finish_one(ring) == 8 && memcmp(left, "left", 4) == 0 && memcmp(right, "righ", 4) == 0);
    parts[1].iov_len = 3;
    io_uring_prep_sendmsg(entry(ring), pair[0], &header, 0);
    submit_all(ring);
    int sent = finish_one(ring);
    CHECK(sent > 0 && sent <= 7 && read(pair[1], memory, 8) == sent &&
          memcmp(memory, "leftrig", (size_t)sent) == 0);

    CHECK(write(pair[1], "one", 3) == 3);
    io_uring_prep_recv(entry(ring), pair[0], memory, 6, MSG_WAITALL);
    submit_all(ring);
    CHECK(write(pair[1], "two", 3) == 3);
    CHECK(finish_one(ring) == 6 && memcmp(memory, "onetwo", 6) == 0);
}

static void name_bad_addresses(struct io_uring *ring, void *self)
{
    int ends[2];
    CHECK(munmap(self, 4096) == 0); /* the parent still has it */
    CHECK(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
    CHECK(move(ring, ends[0], false, self, 1, 0) == -EFAULT);
    CHECK(move(ring, ends[1], true, self, 1, 0) == -EFAULT);
    io_uring_prep_readv(entry(ring), ends[0], self, 1, 0);
    submit_all(ring);
    CHECK(finish_one(ring) == -EFAULT);
    CHECK(move(ring, 999, false, memory, 1, 0) == -EBADF);
}

static void keep_time(struct io_uring *ring, void *self)
{
    struct __kernel_timespec time = {0, 5 * MS};
    struct io_uring_cqe *cqe;
    (void)self;
    io_uring_prep_timeout(entry(ring), &time, 0, 0);
    submit_all(ring);
    CHECK(finish_one(ring) == -ETIME);
    int rc;
    do
        rc = io_uring_wait_cqe_timeout(ring, &cqe, &time);
    while (rc == -EINTR || rc == -EAGAIN);
    CHECK(rc == -ETIME);

    struct sigaction action = {.sa_handler = no_more};
    struct itimerval once = {{0, 0}, {0, 10000}};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &once, NULL) == 0);
    CHECK(io_uring_wait_cqe(ring, &cqe) == -EINTR);
}

/* A read of the parent's that never comes is taken back by the child. */
static void cancel_for_parent(struct io_uring *ring, void *self)
{
    int results[2] = {1, 1};
    (void)self;
    struct io_uring_sqe *sqe = entry(ring);
    io_uring_prep_cancel64(sqe, 5, 0);
    io_uring_sqe_set_data64(sqe, 6);
    submit_all(ring);
    for (int i = 0; i < 2; i++) {
        struct io_uring_cqe *cqe = next_cqe(ring);
        CHECK(cqe->user_data == 5 || cqe->user_data == 6);
        results[cqe->user_data - 5] = cqe->res;
        io_uring_cqe_seen(ring, cqe);
    }
    CHECK(results[0] == -ECANCELED || results[0] == -EINTR);
    CHECK(results[1] == 0 || results[1] == -EALREADY);
}

static void register_for_parent(struct io_uring *ring, void *self)
{
    const int *eventfd = self;
    int ends[2];
    CHECK(pipe(ends) == 0);
    int rc;
    do
        rc = io_uring_register_files(ring, ends, 2);
    while (rc == -ENOMEM || rc == -EINVAL);
    CHECK(rc == 0);
    do
        rc = io_uring_register_eventfd(ring, *eventfd);
    while (rc == -ENOMEM || rc == -EINVAL);
    CHECK(rc == 0);
    CHECK(move(ring, 1, true, "registered", 10, IOSQE_FIXED_FILE) == 10);
    uint64_t signals = 0;
    CHECK(read(*eventfd, &signals, sizeof signals) == sizeof signals && signals > 0);
}

static void go_on_in_grandchild(struct io_uring *ring, void *self)
{
    use_own_memory(ring, self);
    struct io_uring *own = shared_rings(1, 4, 0);
    in_child(ring, use_own_memory, self);
    in_child(own, use_own_memory, self);
    use_own_memory(own, self);
    use_own_memory(ring, self);
    close_shared(own, 1);
}

static void leave_ring(struct io_uring *ring, void *self)
{
    struct io_uring own = *ring;
    (void)self;
    io_uring_queue_exit(&own);
    int other = open("/dev/null", O_RDONLY);
    CHECK(other >= 0 && dup2(other, own.ring_fd) == own.ring_fd); /* the number is another object's by now */
    CHECK(io_uring_enter((unsigned)own.ring_fd, 0, 0, 0, NULL) == -EOPNOTSUPP);
}

struct share {
    struct io_uring *rings;
    unsigned count;
};

static void *use_in_thread(void *ring)
{
    struct io_uring *own = ring;
    for (int i = 0; i < 50; i++) {
        io_uring_prep_nop(entry(own));
        submit_all(own);
        CHECK(finish_one(own) == 0);
    }
    return NULL;
}

/* Threads of a child, each with a ring of the parent's. */
static void share_out(struct io_uring *ring, void *self)
{
    struct share *share = self;
    pthread_t threads[4];
    (void)ring;
    for (unsigned i = 0; i < share->count; i++)
        CHECK(pthread_create(&threads[i], NULL, use_in_thread, &share->rings[i]) == 0);
    for (unsigned i = 0; i < share->count; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

/* What is still in flight when its process ends, or becomes another program. */
#define LEFT 5

static int ends_of[3][2];

enum becoming {
    NOTHING_ELSE,
    BY_EXECL,
    BY_EXECLP,
    BY_EXECLE,
    BY_EXECV,
    BY_EXECVE,
    BY_EXECVP,
    BY_EXECVPE,
    BY_FEXECVE,
    BY_EXECVEAT,
    BY_SYSTEM_CALL,
    BECOMINGS
};

struct leaving {
    const struct io_uring *quiet; /* a ring in which nothing happens */
    enum becoming becoming;
};

/* A child that lasts ends when its parent closes the other end. */
static int held[2];

/* After one that fails, which changes nothing. */
static void become_another(enum becoming how)
{
    static char program[] = "/proc/self/exe";
    static char name[] = "children";
    static char nothing[] = "nothing";
    static char until_told[] = "until told";
    char *const arguments[] = {name, nothing, NULL};
    char *const lasting[] = {name, until_told, NULL};
    CHECK(execl("/proc/self/no such file", name, nothing, NULL) == -1 && errno == ENOENT);
    switch (how) {
    case BY_EXECL: execl(program, name, nothing, NULL); break;
    case BY_EXECLP: execlp(program, name, nothing, NULL); break;
    case BY_EXECLE: execle(program, name, nothing, NULL, environ); break;
    case BY_EXECV: execv(program, arguments); break;
    case BY_EXECVE: execve(program, arguments, environ); break;
    case BY_EXECVP: execvp(program, arguments); break;
    case BY_EXECVPE: execvpe(program, arguments, environ); break;
    case BY_FEXECVE: fexecve(open(program, O_RDONLY | O_CLOEXEC), arguments, environ); break;
    case BY_EXECVEAT: execveat(AT_FDCWD, program, arguments, environ, 0); break;
    case BY_SYSTEM_CALL: /* seen by nobody before, so that it must be there to be looked at */
        CHECK(dup2(held[0], STDIN_FILENO) == STDIN_FILENO && close(held[1]) == 0);
        syscall(SYS_execve, program, lasting, environ);
        break;
    case NOTHING_ELSE:
    case BECOMINGS: return;
    }
    CHECK(false);
}

static void leave_in_flight(struct io_uring *ring, void *self)
{
    const struct leaving *leaving = self;
    struct __kernel_timespec time = {leaving->becoming == NOTHING_ELSE ? 0 : 1000, 60 * MS};
    struct io_uring_sqe *sqe;
    io_uring_prep_read(sqe = entry(ring), ends_of[0][0], memory, 1, 0);
    io_uring_sqe_set_data64(sqe, 0);
    io_uring_prep_poll_add(sqe = entry(ring), ends_of[1][0], POLLIN);
    io_uring_sqe_set_data64(sqe, 1);
    io_uring_prep_timeout(sqe = entry(ring), &time, 0, 0);
    io_uring_sqe_set_data64(sqe, 2);
    io_uring_prep_poll_add(sqe = entry(ring), leaving->quiet->ring_fd, POLLIN);
    io_uring_sqe_set_data64(sqe, 3);
    io_uring_prep_recv(sqe = entry(ring), ends_of[2][0], memory, 1, 0);
    io_uring_sqe_set_data64(sqe, 4);
    submit_all(ring);
    become_another(leaving->becoming);
}

static void make_ends(void)
{
    CHECK(pipe(ends_of[0]) == 0 && pipe(ends_of[1]) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends_of[2]) == 0);
}

static bool is_there(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, 0) == 1;
}

/* Until these are there: 1 is no result. */
static void take_results(struct io_uring *ring, int *results, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++) {
        while (results[i] == 1) {
            struct io_uring_cqe *cqe = next_cqe(ring);
            CHECK(cqe->user_data < LEFT && results[cqe->user_data] == 1);
            results[cqe->user_data] = cqe->res;
            io_uring_cqe_seen(ring, cqe);
        }
    }
}

/* It has no one to read for any more: bytes that come are left where they are. */
static void lose_a_child(struct io_uring *ring, const struct io_uring *quiet)
{
    struct leaving leaving = {quiet, NOTHING_ELSE};
    int results[LEFT] = {1, 1, 1, 1, 1};
    make_ends();
    in_child(ring, leave_in_flight, &leaving);
    take_results(ring, results, 2, 3);
    CHECK(results[2] == -ETIME && results[3] == -ECANCELED);
    for (int i = 0; i < 3; i++)
        CHECK(write(ends_of[i][1], "x", 1) == 1);
    take_results(ring, results, 0, LEFT - 1);
    CHECK(results[0] == -ECANCELED && results[1] == -ECANCELED && results[4] == -ECANCELED);
    for (int i = 0; i < 3; i++)
        CHECK(is_there(ends_of[i][0]));
}

static void see_a_child_become_another(struct io_uring *ring, const struct io_uring *quiet, enum becoming how)
{
    struct leaving leaving = {quiet, how};
    int results[LEFT] = {1, 1, 1, 1, 1};
    make_ends();
    CHECK(pipe(held) == 0);
    pid_t child = start_child(ring, leave_in_flight, &leaving);
    take_results(ring, results, 0, LEFT - 1);
    for (int i = 0; i < LEFT; i++)
        CHECK(results[i] == -ECANCELED);
    CHECK(close(held[0]) == 0 && close(held[1]) == 0);
    finish_child(child);
}

static void expect_refusal(struct io_uring *ring, void *self)
{
    (void)self;
    io_uring_prep_nop(entry(ring));
    int rc;
    do
        rc = io_uring_submit(ring);
    while (rc == -EAGAIN || rc == -EINTR || rc == -EBUSY);
    CHECK(rc == -EEXIST);
}

/* Both may use it while it runs, and neither loses what is its own. */
static void use_at_once(struct io_uring *rings)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        use_in_thread(&rings[0]);
        use_own_memory(&rings[0], NULL);
        _exit(0);
    }
    use_in_thread(&rings[1]);
    use_own_memory(&rings[1], NULL);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void take_turns(struct io_uring *ring)
{
    strcpy(memory, "the parent's");
    in_child(ring, use_own_memory, NULL);
    in_child(ring, wait_for_bytes, NULL);
    in_child(ring, exchange_messages, NULL);
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    strcpy(page, "the parent's");
    in_child(ring, name_bad_addresses, page);
    CHECK(strcmp(page, "the parent's") == 0 && munmap(page, 4096) == 0);
    in_child(ring, keep_time, NULL);
    in_child(ring, go_on_in_grandchild, NULL);
    in_child(ring, leave_ring, NULL);
    CHECK(strcmp(memory, "the parent's") == 0);
}

static void take_back(struct io_uring *ring)
{
    make_ends();
    struct io_uring_sqe *sqe = entry(ring);
    io_uring_prep_read(sqe, ends_of[0][0], memory, 1, 0);
    io_uring_sqe_set_data64(sqe, 5);
    submit_all(ring);
    in_child(ring, cancel_for_parent, NULL);
}

static void use_what_child_registered(struct io_uring *ring)
{
    int event = eventfd(0, 0);
    CHECK(event >= 0);
    in_child(ring, register_for_parent, &event);
    CHECK(move(ring, 0, false, memory, 10, IOSQE_FIXED_FILE) == 10 && memcmp(memory, "registered", 10) == 0);
}

int main(int argc, char **argv)
{
    char byte;
    if (argc > 1) /* what a child becomes */
        return strcmp(argv[1], "until told") == 0 ? (int)read(STDIN_FILENO, &byte, 1) : 0;
    struct io_uring *ring = shared_rings(1, 16, 0);
    struct share share = {shared_rings(3, 8, 0), 3};
    take_turns(ring);
    in_child(ring, share_out, &share);
    use_at_once(share.rings);
    take_back(ring);
    lose_a_child(ring, &share.rings[0]);
    for (enum becoming how = BY_EXECL; how < BECOMINGS; how++)
        see_a_child_become_another(ring, &share.rings[0], how);
    use_what_child_registered(ring);
    close_shared(ring, 1);
    close_shared(share.rings, 3);
    ring = shared_rings(1, 4, IORING_SETUP_SINGLE_ISSUER);
    in_child(ring, expect_refusal, NULL);
    close_shared(ring, 1);
    return 0;
}
