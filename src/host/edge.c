/*
 * Polls that go on: told what is true at first, and then each change that epoll reports (EPOLLET). Such a poll has a hold of
 * its own on the object, since a descriptor is watched in one way only.
 *
 * A change that came and went between two looks is not seen, and several are one: the true kernel is told of each.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "engine/engine.h"
#include "host/state.h"
#include "host/tags.h"

static int watch(struct sri_host *host, struct sri_file *file, uint32_t mask)
{
    struct epoll_event event = {.events = mask | EPOLLERR | EPOLLHUP | EPOLLET,
                                .data.u64 = sri_host_tag(file->index, file->generation)};
    if (epoll_ctl(host->epoll, EPOLL_CTL_ADD, file->duplicate, &event) != 0)
        return errno == EPERM ? 0 : -errno; /* what epoll refuses never changes: see below */
    file->watched = true;
    sri_host_set_armed(host, file, event.events);
    return 0;
}

/* A duplicate of its own; where nobody else uses the attempt's hold, the one for both: descriptors may be scarce. */
static int hold(struct sri_host *host, struct sri_file *attempted, struct sri_file *edge)
{
    if (attempted->duplicate < 0 || attempted->kept || attempted->watched) {
        int rc = sri_host_file_pin(host, edge);
        if (rc != 0 || attempted->kept || attempted->duplicate >= 0)
            return rc;
    } else {
        edge->duplicate = attempted->duplicate;
        attempted->duplicate = -1;
        sri_list_remove(&edge->fresh);
    }
    sri_list_remove(&attempted->fresh);
    attempted->fd = edge->duplicate;
    attempted->borrows = true;
    return 0;
}

static void give_back(struct sri_host *host, struct sri_file *attempted, struct sri_file *edge)
{
    if (!attempted->borrows)
        return;
    sri_host_forget_file(host, edge);
    attempted->duplicate = edge->duplicate;
    attempted->borrows = false;
    edge->duplicate = -1;
}

/* From here on changes are noted. That it may be ready just now is reported too, and not meant. */
static int begin(struct sri_host *host, struct sri_host_op *op)
{
    struct sri_attempt *attempt = op->attempt;
    struct sri_file *file = sri_host_file_get(host, sri_host_fd(attempt->file));
    if (file == NULL)
        return -ENOMEM;
    op->edge = file;
    file->edge_of = attempt;
    int rc = hold(host, attempt->file, file);
    if (rc == 0)
        rc = watch(host, file, sri_host_polled_mask(attempt));
    if (rc == 0)
        (void)sri_host_wait(host, 0, NULL, 0);
    file->changed = false;
    return rc;
}

static enum sri_answer done(int64_t value, int64_t *result)
{
    *result = value;
    return SRI_DONE;
}

enum sri_answer sri_host_edge(struct sri_host *host, struct sri_attempt *attempt, int64_t *result)
{
    struct sri_host_op *op = sri_host_op_of(host, attempt);
    if (op == NULL)
        return done(-ENOMEM, result);
    int rc = op->edge == NULL ? begin(host, op) : 0;
    if (rc != 0)
        return done(rc, result);
    if (attempt->edge == SRI_EDGE_FIRST || op->edge->changed) {
        op->edge->changed = false;
        int now = sri_host_poll_now(sri_host_fd(op->edge), sri_host_polled_mask(attempt));
        if (now != 0)
            return done(now < 0 ? (int64_t)now : sri_host_polled_result(attempt, (uint32_t)now), result);
    }
    if (!op->edge->watched)
        return done(-EINVAL, result); /* nothing can tell of it (measured) */
    op->waiting = true;
    return SRI_WAIT;
}

void sri_host_edge_report(struct sri_host *host, struct sri_file *file)
{
    struct sri_host_op *op = file->edge_of->state;
    file->changed = true;
    if (!op->waiting)
        return;
    op->waiting = false;
    sri_engine_ready(host->engine, op->attempt);
}

void sri_host_edge_end(void *self, struct sri_attempt *attempt)
{
    struct sri_host *host = self;
    struct sri_host_op *op = attempt->state;
    if (op == NULL)
        return;
    if (op->edge != NULL) {
        give_back(host, attempt->file, op->edge);
        sri_host_file_put(host, op->edge);
    }
    sri_host_op_end(host, attempt);
}
