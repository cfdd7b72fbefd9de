/*
 * What forked children ask of this process's rings is carried out by a thread of this process, whatever its own threads do just
 * then: they may be asleep until the child ends. It never sleeps in a call itself.
 */
#include "liburing/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "liburing/descriptor.h"
#include "liburing/errand.h"
#include "liburing/kernel.h"
#include "liburing/thread.h"

#define CHILDREN 31 /* as many as an engine has guests */
/* Threads of children among all threads: those of this process are known by an address. */
#define OF_A_CHILD (UINT64_C(1) << 63)

struct child {
    int connection;
    int process; /* pidfd */
    int pid;
    int guest;
    bool leaves; /* to be another program */
};

static struct {
    int inside;  /* this process's end of the door; -1 */
    int outside; /* the children's */
    bool serves;
    struct sri_engine *engine;
    struct child children[CHILDREN];
    unsigned count;
} server = {.inside = -1, .outside = -1};

bool sri_serve_before_fork(void)
{
    int pair[2];
    if (server.inside >= 0)
        return true;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    server.inside = sri_uring_raise(pair[0]);
    server.outside = sri_uring_raise(pair[1]);
    return true;
}

static void close_door(void)
{
    sri_uring_close_own(server.inside);
    sri_uring_close_own(server.outside);
    server.inside = server.outside = -1;
}

/* The connection that a child hands in, or -1. */
static int take_connection(void)
{
    char byte;
    struct iovec one = {&byte, 1};
    _Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int))];
    struct msghdr message = {.msg_iov = &one,
                             .msg_iovlen = 1,
                             .msg_control = room,
                             .msg_controllen = sizeof room};
    int connection = -1;
    if (recvmsg(server.inside, &message, MSG_CMSG_CLOEXEC) != 1)
        return -1;
    const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    if (rights != NULL && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS)
        memcpy(&connection, CMSG_DATA(rights), sizeof connection);
    return sri_uring_raise(connection);
}

/* Who made a pair of sockets is the peer of either. */
static int add_child(int connection)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (connection < 0 || server.count == CHILDREN ||
        getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return -1;
    int process = sri_uring_raise((int)syscall(SYS_pidfd_open, peer.pid, 0));
    int guest = process < 0 ? -1 : sri_engine_guest_new(server.engine, peer.pid, process);
    if (guest < 0) {
        sri_uring_close_own(process);
        return -1;
    }
    server.children[server.count++] = (struct child){connection, process, peer.pid, guest, false};
    return 0;
}

static void admit_child(void)
{
    int connection = take_connection();
    if (add_child(connection) != 0)
        sri_uring_close_own(connection);
}

/* Of /proc/PID/stat; behind a name in parentheses, the second field, which may hold anything. */
#define FLAGS_FIELD 9
#define FORKED_ONLY 0x40u /* among them: it is the program that was forked */

/* Whoever becomes another program says so, or is still there to be looked at. */
static enum sri_guest_end end_of(const struct child *child)
{
    char path[32];
    char text[512];
    unsigned long flags = FORKED_ONLY;
    sri_format(path, sizeof path, "/proc/%d/stat", child->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    text[length > 0 ? length : 0] = 0;
    sri_uring_close_own(fd);
    const char *field = strrchr(text, ')');
    for (int i = 2; i < FLAGS_FIELD && field != NULL; i++)
        field = strchr(field + 1, ' ');
    if (field != NULL)
        flags = strtoul(field, NULL, 10);
    return child->leaves || (flags & FORKED_ONLY) == 0 ? SRI_GUEST_CHANGED : SRI_GUEST_ENDED;
}

static void lose_child(unsigned index)
{
    struct child *child = &server.children[index];
    sri_engine_guest_end(server.engine, child->guest, end_of(child));
    sri_uring_close_own(child->connection);
    sri_uring_close_own(child->process);
    *child = server.children[--server.count];
}

static int carry_out(struct child *child, const struct sri_errand *errand)
{
    const struct sri_guest_call call = {.guest = child->guest,
                                        .fd = errand->fd,
                                        .thread = OF_A_CHILD | (uint32_t)errand->thread};
    void *argument = (void *)(uintptr_t)errand->argument;
    if (errand->kind == SRI_ERRAND_LEAVE) {
        child->leaves = errand->count != 0;
        return 0;
    }
    if (!sri_uring_is_ring(errand->fd))
        return -EBADF;
    if (sri_uring_hooks.serves != NULL)
        sri_uring_hooks.serves(errand->fd, errand->waits != 0);
    if (errand->kind == SRI_ERRAND_REGISTER)
        return sri_engine_guest_register(server.engine, &call, errand->flags, argument, errand->count);
    return sri_engine_guest_enter(server.engine, &call, errand->count, errand->flags, argument,
                                  errand->argument_size);
}

/* False: the child is gone. */
static bool serve(struct child *child)
{
    struct sri_errand errand;
    ssize_t length = recv(child->connection, &errand, sizeof errand, 0);
    if (length != (ssize_t)sizeof errand)
        return length < 0 && errno == EINTR;
    struct sri_errand_answer answer = {.result = carry_out(child, &errand)};
    struct sri_ring_view view = sri_engine_view(server.engine, errand.fd);
    answer.visible = view.visible;
    answer.entries = view.cq_entries;
    answer.expired = view.expired;
    return send(child->connection, &answer, sizeof answer, MSG_NOSIGNAL) == (ssize_t)sizeof answer;
}

static void *run(void *unused)
{
    struct pollfd watched[1 + CHILDREN];
    (void)unused;
    for (;;) {
        unsigned count = server.count;
        watched[0] = (struct pollfd){.fd = server.inside, .events = POLLIN};
        for (unsigned i = 0; i < count; i++)
            watched[1 + i] = (struct pollfd){.fd = server.children[i].connection, .events = POLLIN};
        if (poll(watched, 1 + count, -1) <= 0)
            continue;
        for (unsigned i = count; i-- > 0;) {
            if (watched[1 + i].revents != 0 && !serve(&server.children[i]))
                lose_child(i);
        }
        if ((watched[0].revents & POLLNVAL) != 0)
            return NULL; /* the program closes whatever it finds open */
        if (watched[0].revents != 0)
            admit_child();
    }
}

void sri_serve_after_fork(struct sri_engine *engine)
{
    if (server.inside < 0 || server.serves)
        return;
    server.engine = engine;
    server.serves = sri_uring_thread(run) == 0;
    if (!server.serves)
        close_door(); /* and so a child is refused */
}

int sri_serve_take_door(void)
{
    int door = server.outside;
    sri_uring_close_own(server.inside);
    for (unsigned i = 0; i < server.count; i++) {
        sri_uring_close_own(server.children[i].connection);
        sri_uring_close_own(server.children[i].process);
    }
    server.inside = server.outside = -1;
    server.count = 0;
    server.serves = false;
    return door;
}

bool sri_serve_has_children(void)
{
    siginfo_t info;
    return server.serves && waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}
