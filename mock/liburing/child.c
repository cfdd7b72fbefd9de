/*
 * What a forked child does with rings of its parent's. Their memory it shares; what would be a system call is an errand to the
 * process that has the kernel. The child's own sleep is its own: on the ring's descriptor, which it shares as well.
 */
#include "liburing/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/io_uring.h>

#include "host/host.h"
#include "liburing/descriptor.h"
#include "liburing/errand.h"

#define PARENTS 8 /* generations that are remembered */
#define NS_PER_S INT64_C(1000000000)
#define NEVER INT64_MAX
#define PAUSE_NS 1000000

struct parent {
    int door;
    int connection; /* of this process; -1: none yet */
    ino_t door_inode;
    ino_t connection_inode;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t parent_of[SRI_URING_DESCRIPTORS]; /* 1 + index; 0: it is no ring of a parent's */
static struct parent parents[PARENTS];
static unsigned generation;
static pid_t connected_pid; /* who made the connections */

/* Programs close what they don't know: then the number is something else's, or nobody's. */
static ino_t socket_inode(int fd)
{
    struct stat status;
    return fd >= 0 && fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

static bool is_ours(int fd, ino_t inode)
{
    return inode != 0 && socket_inode(fd) == inode;
}

/* A connection is one process's: its end tells of that process's. */
static void leave_connections(void)
{
    for (unsigned i = 0; i < PARENTS; i++) {
        if (is_ours(parents[i].connection, parents[i].connection_inode))
            sri_uring_close_own(parents[i].connection);
        parents[i].connection_inode = 0;
    }
}

/* Rings of so many generations ago are no rings any more. */
static void forget_oldest(unsigned index)
{
    if (is_ours(parents[index].door, parents[index].door_inode))
        sri_uring_close_own(parents[index].door);
    for (int fd = 0; fd < SRI_URING_DESCRIPTORS; fd++) {
        if (parent_of[fd] == 1 + index)
            parent_of[fd] = 0;
    }
}

void sri_child_forked(const uint64_t *rings, int words, int door)
{
    pthread_mutex_init(&lock, NULL);
    leave_connections();
    unsigned index = generation % PARENTS;
    if (generation++ >= PARENTS)
        forget_oldest(index);
    parents[index] = (struct parent){.door = door, .connection = -1, .door_inode = socket_inode(door)};
    for (int word = 0; word < words; word++) {
        for (uint64_t left = rings[word]; left != 0; left &= left - 1)
            parent_of[word * 64 + __builtin_ctzll(left)] = (uint8_t)(1 + index);
    }
}

bool sri_child_is_parents(int fd)
{
    return fd >= 0 && fd < SRI_URING_DESCRIPTORS && parent_of[fd] != 0;
}

void sri_child_forget(int fd)
{
    if (sri_child_is_parents(fd))
        parent_of[fd] = 0;
}

static bool hand_in(int door, int end)
{
    char byte = 0;
    struct iovec one = {&byte, 1};
    _Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof end)];
    struct msghdr message = {.msg_iov = &one,
                             .msg_iovlen = 1,
                             .msg_control = room,
                             .msg_controllen = sizeof room};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    memset(room, 0, sizeof room);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof end);
    memcpy(CMSG_DATA(rights), &end, sizeof end);
    return sendmsg(door, &message, MSG_NOSIGNAL) == 1;
}

static bool is_connected(struct parent *parent)
{
    int pair[2];
    if (is_ours(parent->connection, parent->connection_inode))
        return true;
    if (!is_ours(parent->door, parent->door_inode) ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    bool in = hand_in(parent->door, pair[1]);
    sri_uring_close_own(pair[1]);
    if (!in) {
        sri_uring_close_own(pair[0]);
        return false;
    }
    parent->connection = sri_uring_raise(pair[0]);
    parent->connection_inode = socket_inode(parent->connection);
    connected_pid = getpid();
    return true;
}

static bool send_and_hear(int connection, const struct sri_errand *errand, struct sri_errand_answer *answer)
{
    ssize_t length;
    do
        length = send(connection, errand, sizeof *errand, MSG_NOSIGNAL);
    while (length < 0 && errno == EINTR);
    if (length != (ssize_t)sizeof *errand)
        return false;
    do
        length = recv(connection, answer, sizeof *answer, 0);
    while (length < 0 && errno == EINTR);
    return length == (ssize_t)sizeof *answer;
}

/* False: its process can't be asked. It is short: whoever serves never sleeps in it. */
static bool ask(struct sri_errand *errand, struct sri_errand_answer *answer)
{
    int saved = errno;
    bool heard = false;
    errand->thread = (int32_t)syscall(SYS_gettid);
    pthread_mutex_lock(&lock);
    if (sri_child_is_parents(errand->fd)) {
        struct parent *parent = &parents[parent_of[errand->fd] - 1];
        heard = is_connected(parent) && send_and_hear(parent->connection, errand, answer);
    }
    pthread_mutex_unlock(&lock);
    errno = saved;
    return heard;
}

int sri_child_register(int fd, unsigned opcode, const void *arg, unsigned count, bool *asked)
{
    struct sri_errand errand = {
        .kind = SRI_ERRAND_REGISTER, .fd = fd, .count = count, .flags = opcode, .argument = (uintptr_t)arg};
    struct sri_errand_answer answer;
    *asked = ask(&errand, &answer);
    return *asked ? answer.result : -EBADF;
}

void sri_child_leaves(bool leaves)
{
    struct sri_errand errand = {.kind = SRI_ERRAND_LEAVE, .count = leaves};
    struct sri_errand_answer answer;
    /* Also in a child that shares this memory and is another process (vfork(2)). */
    if (generation == 0 || connected_pid != getpid())
        return;
    int saved = errno;
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < PARENTS; i++) {
        if (is_ours(parents[i].connection, parents[i].connection_inode))
            (void)send_and_hear(parents[i].connection, &errand, &answer);
    }
    pthread_mutex_unlock(&lock);
    errno = saved;
}

/* A wait as its call asks for it. */
struct wait {
    unsigned most; /* CQEs that are wanted */
    int64_t until_ns;
    const sigset_t *mask;
};

static int64_t now_ns(void)
{
    return (int64_t)sri_host_real_ns();
}

/* Its memory was looked at by whoever served the call before. */
static struct wait wait_of(unsigned min_complete, unsigned flags, const void *arg)
{
    struct wait wait = {.most = min_complete, .until_ns = NEVER, .mask = arg};
    if ((flags & IORING_ENTER_EXT_ARG) == 0)
        return wait;
    const struct io_uring_getevents_arg *ext = arg;
    const struct __kernel_timespec *time = (const void *)(uintptr_t)ext->ts;
    wait.mask = (const void *)(uintptr_t)ext->sigmask;
    int64_t ns;
    if (time == NULL || __builtin_mul_overflow(time->tv_sec, NS_PER_S, &ns) ||
        __builtin_add_overflow(ns, time->tv_nsec, &ns) ||
        __builtin_add_overflow(ns, now_ns(), &wait.until_ns))
        wait.until_ns = NEVER;
    return wait;
}

/* False with errno EINTR. What is there already keeps the descriptor readable: then it is looked at again shortly. */
static bool sleep_on(int fd, const struct wait *wait, bool shortly)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    int64_t left_ns = wait->until_ns == NEVER ? NEVER : wait->until_ns - now_ns();
    if (shortly && left_ns > PAUSE_NS)
        left_ns = PAUSE_NS;
    if (left_ns < 0)
        left_ns = 0;
    const struct timespec left = {.tv_sec = (time_t)(left_ns / NS_PER_S),
                                  .tv_nsec = (long)(left_ns % NS_PER_S)};
    return ppoll(&one, shortly ? 0 : 1, left_ns == NEVER ? NULL : &left, wait->mask) >= 0;
}

static bool is_enough(const struct sri_errand_answer *answer, const struct wait *wait, uint32_t expired)
{
    return answer->visible >= wait->most || answer->visible >= answer->entries || answer->expired != expired;
}

/* 0, or -errno where there is nothing at all. */
static int wait_for(struct sri_errand *errand, struct sri_errand_answer *answer, const struct wait *wait)
{
    uint32_t expired = answer->expired;
    unsigned in_vain = 0;
    while (!is_enough(answer, wait, expired)) {
        uint32_t before = answer->visible;
        bool late = wait->until_ns != NEVER && now_ns() >= wait->until_ns;
        bool interrupted = !late && !sleep_on(errand->fd, wait, before > 0 || in_vain > 2);
        if (!ask(errand, answer))
            return -EBADF;
        if (answer->result < 0)
            return answer->result;
        if ((late || interrupted) && !is_enough(answer, wait, expired))
            return answer->visible > 0 ? 0 : late ? -ETIME : -EINTR;
        in_vain = answer->visible == before ? in_vain + 1 : 0;
    }
    return 0;
}

int sri_child_enter(int fd, unsigned to_submit, unsigned min_complete, unsigned flags, const void *arg,
                    size_t arg_size, bool *asked)
{
    bool waits = (flags & IORING_ENTER_GETEVENTS) != 0 && min_complete > 0;
    struct sri_errand errand = {.kind = SRI_ERRAND_ENTER,
                                .fd = fd,
                                .count = to_submit,
                                .flags = flags,
                                .argument = (uintptr_t)arg,
                                .argument_size = arg_size,
                                .waits = waits};
    struct sri_errand_answer answer;
    *asked = ask(&errand, &answer);
    if (!*asked)
        return -EBADF;
    if (!waits || answer.result != (int32_t)to_submit)
        return answer.result;
    struct wait wait = wait_of(min_complete, flags, arg);
    errand.count = 0;
    errand.flags = IORING_ENTER_GETEVENTS;
    errand.argument = errand.argument_size = 0;
    int rc = wait_for(&errand, &answer, &wait);
    return to_submit > 0 ? (int)to_submit : rc;
}
