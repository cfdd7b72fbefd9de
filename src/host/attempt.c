/*
 * The life of an attempt in the host world: tried, waiting for its object, running on a worker, ended.
 *
 * Most end at their first try and need nothing. The others have an op, which is theirs until they end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "engine/engine.h"
#include "host/call.h"
#include "host/state.h"

static struct sri_host_op *make_op(struct sri_host *host)
{
    struct sri_host_op *op = sri_alloc_zero(1, sizeof *op);
    if (op == NULL)
        return NULL;
    op->next_made = host->made_ops;
    host->made_ops = op;
    return op;
}

struct sri_host_op *sri_host_op_of(struct sri_host *host, struct sri_attempt *attempt)
{
    struct sri_host_op *op = attempt->state;
    if (op != NULL)
        return op;
    op = host->free_ops;
    if (op == NULL)
        op = make_op(host);
    if (op == NULL)
        return NULL;
    host->free_ops = op->next_free;
    op->attempt = attempt;
    attempt->state = op;
    return op;
}

void sri_host_op_end(struct sri_host *host, struct sri_attempt *attempt)
{
    struct sri_host_op *op = attempt->state;
    if (op == NULL)
        return;
    attempt->state = NULL;
    struct sri_host_op *made = op->next_made;
    memset(op, 0, sizeof *op);
    op->next_made = made;
    op->next_free = host->free_ops;
    host->free_ops = op;
}

void sri_host_ops_free(struct sri_host *host)
{
    while (host->made_ops != NULL) {
        struct sri_host_op *op = host->made_ops;
        host->made_ops = op->next_made;
        sri_free(op);
    }
}

/* The engine may drop it instead of trying it again: nothing is kept but what the next try must know. */
void sri_host_ready(struct sri_host *host, struct sri_attempt *attempt)
{
    struct sri_host_op *op = attempt->state;
    op->waiting = false;
    if (!op->connecting)
        sri_host_op_end(host, attempt);
    sri_engine_ready(host->engine, attempt);
}

static enum sri_answer done(int64_t value, int64_t *result)
{
    *result = value;
    return SRI_DONE;
}

/* Waits for the object; what epoll refuses never changes, and goes to a worker. */
enum sri_answer sri_host_hold_on(struct sri_host *host, struct sri_attempt *attempt, struct sri_file *file,
                                 uint32_t mask, int64_t *result)
{
    struct sri_host_op *op = sri_host_op_of(host, attempt);
    if (op == NULL)
        return done(-ENOMEM, result);
    int rc = sri_host_watch(host, attempt, file, mask);
    if (rc == -EPERM)
        return sri_host_run(host, attempt, result);
    if (rc != 0)
        return done(rc, result);
    op->waiting = true;
    return SRI_WAIT;
}

enum sri_answer sri_host_hold(struct sri_host *host, struct sri_attempt *attempt, uint32_t mask,
                              int64_t *result)
{
    return sri_host_hold_on(host, attempt, attempt->file, mask, result);
}

static int64_t accept_blocking(const struct sri_attempt *attempt, int fd)
{
    struct sri_address *address = attempt->argument;
    struct sockaddr *storage = address != NULL ? (struct sockaddr *)&address->storage : NULL;
    return sri_call_result(
        syscall(SYS_accept4, fd, storage, address != NULL ? &address->length : NULL, (int)attempt->flags));
}

/* On a worker: system calls only (workers.h). */
static int64_t run_blocking(struct sri_job *job)
{
    const struct sri_host_op *op = (const struct sri_host_op *)(const void *)job;
    const struct sri_attempt *attempt = op->attempt;
    int fd = attempt->file != NULL ? sri_host_fd(attempt->file) : -1;
    switch ((enum sri_work)attempt->work) {
    case SRI_WORK_READ:
    case SRI_WORK_WRITE: return sri_host_transfer_blocking(attempt, fd, op->done);
    case SRI_WORK_ACCEPT: return accept_blocking(attempt, fd);
    case SRI_WORK_CONNECT: return sri_host_connect_blocking(attempt, fd);
    case SRI_WORK_FSYNC:
        return sri_call_result(
            syscall((attempt->flags & IORING_FSYNC_DATASYNC) != 0 ? SYS_fdatasync : SYS_fsync, fd));
    case SRI_WORK_OPEN: return sri_host_open_blocking(attempt->argument);
    case SRI_WORK_CLOSE:
        return sri_call_result(syscall(SYS_close, ((const struct sri_descriptor *)attempt->argument)->fd));
    case SRI_WORK_FALLOCATE:
    case SRI_WORK_SYNC_RANGE:
    case SRI_WORK_FADVISE:
    case SRI_WORK_MADVISE:
    case SRI_WORK_STATX:
    case SRI_WORK_RENAME:
    case SRI_WORK_UNLINK:
    case SRI_WORK_MKDIR:
    case SRI_WORK_SYMLINK:
    case SRI_WORK_LINK:
    case SRI_WORK_SET_XATTR:
    case SRI_WORK_GET_XATTR: return sri_host_storage_blocking(attempt, fd);
    case SRI_WORK_SPLICE: return sri_host_splice_blocking(attempt);
    case SRI_WORK_RECV:
    case SRI_WORK_SEND:
    case SRI_WORK_POLL:
    case SRI_WORK_SOCKET:
    case SRI_WORK_SHUTDOWN:
    case SRI_WORK_TEE:
    case SRI_WORK_EPOLL_CTL:
    case SRI_WORKS: break;
    }
    return -EINVAL;
}

/* Storage takes its time and no more: in a run that must repeat nothing else goes on meanwhile. */
static bool runs_in_line(const struct sri_attempt *attempt)
{
    return attempt->work != SRI_WORK_SPLICE &&
           (attempt->file == NULL || attempt->file->kind == SRI_HOST_STORAGE);
}

enum sri_answer sri_host_run(struct sri_host *host, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_host_op *op = sri_host_op_of(host, attempt);
    if (op == NULL)
        return done(-ENOMEM, result);
    int rc = attempt->file != NULL ? sri_host_file_pin(host, attempt->file) : 0;
    if (rc != 0)
        return done(rc, result);
    op->job.run = run_blocking;
    if (host->clock.logical && runs_in_line(attempt))
        return done(run_blocking(&op->job), result);
    op->running = true;
    rc = sri_workers_add(host->workers, &op->job);
    if (rc != 0) {
        op->running = false;
        return done(rc, result);
    }
    host->running++;
    if (attempt->work == SRI_WORK_ACCEPT)
        host->accepting[attempt->file->object]++;
    return SRI_RUNNING;
}

/* No worker has it any more: it has ended, or was taken back. */
static void left_workers(struct sri_host *host, struct sri_host_op *op)
{
    op->running = false;
    host->running--;
    if (op->attempt->work == SRI_WORK_ACCEPT)
        host->accepting[op->attempt->file->object]--;
}

/* A stream that was ready and was emptied by somebody else goes back to waiting, whatever its O_NONBLOCK. */
static bool must_wait_again(const struct sri_attempt *attempt, int64_t result)
{
    if (result != -EAGAIN)
        return false;
    return attempt->work == SRI_WORK_READ || attempt->work == SRI_WORK_WRITE ||
           attempt->work == SRI_WORK_ACCEPT ||
           (attempt->work == SRI_WORK_SPLICE && sri_host_splice_may_wait(attempt));
}

bool sri_host_collect(struct sri_host *host)
{
    struct sri_job *job;
    bool any = false;
    while (host->running != 0 && (job = sri_workers_take(host->workers)) != NULL) {
        struct sri_host_op *op = (struct sri_host_op *)(void *)job;
        struct sri_attempt *attempt = op->attempt;
        int64_t result = job->result;
        any = true;
        left_workers(host, op);
        if (attempt->work == SRI_WORK_CONNECT && result == -EINPROGRESS) {
            op->connecting = !op->given_up;
            result = op->given_up ? -ECANCELED : result;
        }
        if (op->connecting || must_wait_again(attempt, result)) {
            sri_host_ready(host, attempt);
            continue;
        }
        sri_host_op_end(host, attempt);
        sri_engine_finish(host->engine, attempt, result);
    }
    return any;
}

int sri_host_poll_now(int fd, uint32_t mask)
{
    struct pollfd one = {.fd = fd, .events = (short)(mask & 0xffff), .revents = 0};
    int rc = poll(&one, 1, 0);
    if (rc < 0)
        return -errno;
    if ((one.revents & POLLNVAL) != 0)
        return -EBADF;
    return one.revents & 0xffff;
}

/* What is watched for: the end of a peer unasked (measured); and a ring's eventfd has but one bit for each way. */
uint32_t sri_host_polled_mask(const struct sri_attempt *attempt)
{
    uint32_t mask = (attempt->flags & 0xffff) | POLLRDHUP;
    if (attempt->file->kind == SRI_HOST_RING)
        mask |= ((mask & POLLRDNORM) != 0 ? POLLIN : 0u) | ((mask & POLLWRNORM) != 0 ? POLLOUT : 0u);
    return mask;
}

uint32_t sri_host_polled_result(const struct sri_attempt *attempt, uint32_t mask)
{
    if (attempt->file->kind == SRI_HOST_RING)
        mask |= ((mask & POLLIN) != 0 ? POLLRDNORM : 0u) | ((mask & POLLOUT) != 0 ? POLLWRNORM : 0u);
    return mask & (attempt->flags | POLLERR | POLLHUP | POLLRDHUP);
}

static enum sri_answer poll_object(struct sri_host *host, struct sri_attempt *attempt, int64_t *result)
{
    uint32_t woken = attempt->wait_for;
    attempt->wait_for = 0;
    /* Of an end the true kernel does not say more than that there is something to look at. */
    if ((woken & SRI_WOKEN) && (woken & sri_host_polled_mask(attempt)) != 0 &&
        (woken & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) == 0)
        return done(sri_host_polled_result(attempt, woken & sri_host_polled_mask(attempt)), result);
    int now = sri_host_poll_now(sri_host_fd(attempt->file), sri_host_polled_mask(attempt));
    if (now != 0)
        return done(now < 0 ? now : (int64_t)sri_host_polled_result(attempt, (uint32_t)now), result);
    struct sri_host_op *op = sri_host_op_of(host, attempt);
    if (op == NULL)
        return done(-ENOMEM, result);
    int rc = sri_host_watch(host, attempt, attempt->file, sri_host_polled_mask(attempt));
    if (rc != 0) /* what epoll refuses has nothing to be told by, and the true kernel says so (measured) */
        return done(rc == -EPERM ? -EINVAL : rc, result);
    op->waiting = true;
    return SRI_WAIT;
}

/* Closing may wait for a disk, a terminal or a peer: all but pipes, plain sockets and event descriptors go to a worker. */
static bool close_may_block(int fd, mode_t mode)
{
    struct linger linger = {0, 0};
    socklen_t length = sizeof linger;
    if (S_ISSOCK(mode))
        return getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length) == 0 && linger.l_onoff != 0;
    return S_ISREG(mode) || S_ISCHR(mode) || S_ISBLK(mode);
}

static enum sri_answer close_number(struct sri_host *host, struct sri_attempt *attempt, int64_t *result)
{
    int fd = ((const struct sri_descriptor *)attempt->argument)->fd;
    struct stat status;
    if (fd < 0 || sri_host_ring_at(host, fd) != NULL || fstat(fd, &status) != 0)
        return done(-EBADF, result);
    sri_host_pin_fresh(host);
    if (close_may_block(fd, status.st_mode))
        return sri_host_run(host, attempt, result);
    return done(close(fd) == 0 || errno == EINTR ? 0 : -errno, result);
}

/* What it takes away, others that wait for the object may have been woken by: they are told first. */
static void tell_others(struct sri_host *host, const struct sri_attempt *attempt)
{
    if (attempt->work <= SRI_WORK_ACCEPT && host->watched[attempt->file->object] != 0)
        (void)sri_host_wait(host, 0, NULL, 0);
}

static enum sri_answer try(struct sri_host *host, struct sri_attempt *attempt, int64_t *result)
{
    if (attempt->file != NULL && attempt->file->lost)
        return done(-EMFILE, result);
    if (attempt->work == SRI_WORK_SPLICE || attempt->work == SRI_WORK_TEE) {
        if (((const struct sri_splice *)attempt->argument)->from->lost)
            return done(-EMFILE, result);
    }
    tell_others(host, attempt);
    switch ((enum sri_work)attempt->work) {
    case SRI_WORK_READ:
    case SRI_WORK_WRITE: return sri_host_transfer(host, attempt, result);
    case SRI_WORK_RECV:
    case SRI_WORK_SEND: return sri_host_message(host, attempt, result);
    case SRI_WORK_ACCEPT: return sri_host_accept(host, attempt, result);
    case SRI_WORK_CONNECT: return sri_host_connect(host, attempt, result);
    case SRI_WORK_POLL:
        return attempt->edge != SRI_EDGE_NONE ? sri_host_edge(host, attempt, result)
                                              : poll_object(host, attempt, result);
    case SRI_WORK_CLOSE: return close_number(host, attempt, result);
    case SRI_WORK_SOCKET: return done(sri_host_socket(attempt->argument), result);
    case SRI_WORK_SHUTDOWN: return done(sri_host_shutdown(attempt), result);
    case SRI_WORK_SPLICE:
    case SRI_WORK_TEE: return sri_host_splice(host, attempt, result);
    case SRI_WORK_EPOLL_CTL: return done(sri_host_interest(host, attempt->argument), result);
    case SRI_WORK_FSYNC: return sri_host_run(host, attempt, result);
    case SRI_WORK_OPEN: return sri_host_open(host, attempt, result);
    case SRI_WORK_FALLOCATE:
    case SRI_WORK_SYNC_RANGE:
    case SRI_WORK_FADVISE:
    case SRI_WORK_MADVISE:
    case SRI_WORK_STATX:
    case SRI_WORK_RENAME:
    case SRI_WORK_UNLINK:
    case SRI_WORK_MKDIR:
    case SRI_WORK_SYMLINK:
    case SRI_WORK_LINK:
    case SRI_WORK_SET_XATTR:
    case SRI_WORK_GET_XATTR: return sri_host_storage(host, attempt, result);
    case SRI_WORKS: break;
    }
    return done(-EINVAL, result);
}

enum sri_answer sri_host_start(void *self, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_host *host = self;
    enum sri_answer answer = try(host, attempt, result);
    if (answer == SRI_DONE && attempt->edge == SRI_EDGE_NONE)
        sri_host_op_end(host, attempt);
    return answer;
}

/* As long as it takes to come back with a handshake under way (sri_host_connect_blocking()), and to be scheduled. */
#define CONNECT_SOON_MS 100u

/*
 * A connection is given up without a wait, as by the true kernel, also while connect(2) is being called by a worker: that
 * call is nearly over. Its outcome, if there is one by then, is told.
 */
static int cancel_connect(struct sri_host *host, struct sri_attempt *attempt)
{
    struct sri_host_op *op = attempt->state;
    const struct sri_address *address = attempt->argument;
    sa_family_t family = address->storage.ss_family;
    if ((family != AF_INET && family != AF_INET6) ||
        !sri_workers_await(host->workers, &op->job, CONNECT_SOON_MS)) {
        op->given_up = true;
        return -EALREADY;
    }
    int64_t result = op->job.result;
    left_workers(host, op);
    sri_host_op_end(host, attempt);
    if (result == -EINPROGRESS)
        return 0;
    sri_engine_finish(host->engine, attempt, result);
    return -EALREADY;
}

int sri_host_cancel(void *self, struct sri_attempt *attempt)
{
    struct sri_host *host = self;
    struct sri_host_op *op = attempt->state;
    if (op == NULL)
        return 0;
    if (op->edge != NULL) {
        sri_host_edge_end(host, attempt);
        return 0;
    }
    if (op->running && !sri_workers_withdraw(host->workers, &op->job)) {
        if (attempt->work == SRI_WORK_CONNECT)
            return cancel_connect(host, attempt);
        op->given_up = true;
        return -EALREADY;
    }
    if (op->running)
        left_workers(host, op);
    if (op->waiting)
        sri_host_unwatch(attempt);
    uint64_t moved = op->done;
    sri_host_op_end(host, attempt);
    if (moved == 0)
        return 0;
    /* What was moved before a worker would have taken over can't be taken back. */
    sri_engine_finish(host->engine, attempt, (int64_t)moved);
    return -EALREADY;
}
