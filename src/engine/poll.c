/*
 * POLL_ADD's preparation; POLL_REMOVE, which also updates.
 */
#include <errno.h>

#include "engine/steps.h"

#define POLL_BITS 0xffffu
#define EPOLL_ONCE (1u << 30)
#define UPDATES (IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA)

int sri_prepare_poll(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->buf_index != 0 || sqe->off != 0 || sqe->addr != 0)
        return -EINVAL;
    if (sqe->len & ~IORING_POLL_ADD_MULTI) /* level-triggered ones can't be asked for (measured) */
        return -EINVAL;
    bool multishot = sqe->len != 0;
    if (multishot && (sqe->flags & IOSQE_CQE_SKIP_SUCCESS))
        return -EINVAL;
    request->attempt.flags = sqe->poll32_events & POLL_BITS;
    if (multishot && !(sqe->poll32_events & EPOLL_ONCE)) {
        request->shots |= SRI_SHOT_MULTI | SRI_SHOT_FIRST;
        request->attempt.edge = SRI_EDGE_FIRST;
    }
    return 0;
}

/* A ring is polled as it is by now. */
int sri_admit_poll(struct sri_request *request)
{
    struct sri_ring *polled;
    if (!(request->sqe_flags & IOSQE_FIXED_FILE) &&
        sri_ring_find(request->ring->engine, request->fd, &polled) == 0)
        sri_notify_taken(polled);
    return 0;
}

int sri_prepare_poll_remove(struct sri_request *request, const struct io_uring_sqe *sqe)
{
    if (sqe->buf_index != 0 || sqe->splice_fd_in != 0)
        return -EINVAL;
    if ((sqe->len & ~(UPDATES | IORING_POLL_ADD_MULTI)) || sqe->len == IORING_POLL_ADD_MULTI)
        return -EINVAL;
    if (!(sqe->len & IORING_POLL_UPDATE_USER_DATA) && sqe->off != 0)
        return -EINVAL;
    if (!(sqe->len & IORING_POLL_UPDATE_EVENTS) && sqe->poll32_events != 0)
        return -EINVAL;
    request->search = (struct sri_search){.user_data = sqe->addr,
                                          .new_user_data = sqe->off,
                                          .flags = sqe->len,
                                          .events = sqe->poll32_events & POLL_BITS};
    return 0;
}

/* What woke it has it already, though its end is still to come (measured). */
static bool is_woken(const struct sri_request *target)
{
    return sri_is_orderly(target->ring->engine) &&
           (target->place == SRI_PLACE_DUE || target->place == SRI_PLACE_HELD);
}

/* It is not told what woke it any more, but looks what is true when its turn comes (measured). */
static int32_t leave_woken(struct sri_request *target)
{
    target->attempt.wait_for = 0;
    return -EALREADY;
}

static int32_t update(struct sri_request *target, const struct sri_search *search)
{
    if (target->attempt.file == NULL)
        return -ENOENT; /* a worker has not begun with it */
    if (is_woken(target))
        return leave_woken(target);
    if (!sri_withdraw(target))
        return -EALREADY;
    if (search->flags & IORING_POLL_UPDATE_EVENTS)
        target->attempt.flags = search->events;
    if (target->shots & SRI_SHOT_MULTI)
        target->attempt.edge = SRI_EDGE_FIRST; /* what is true by now is told again */
    if (search->flags & IORING_POLL_UPDATE_USER_DATA)
        target->user_data = search->new_user_data;
    if (sri_is_orderly(target->ring->engine)) {
        sri_poll_again(target); /* at once, so that the next update finds it waiting (measured) */
        return 0;
    }
    sri_table_list(target);
    sri_due_push(target, SRI_STEP_ATTEMPT);
    return 0;
}

/* Unlike a cancelled one, a removed one is not found again (measured). */
static int32_t remove_one(struct sri_request *target)
{
    if (target->marks & SRI_MARK_CANCELLED)
        return -EALREADY;
    if (is_woken(target))
        return leave_woken(target);
    int32_t result = sri_cancel_one(target);
    if (target->marks & SRI_MARK_CANCELLED)
        sri_table_unlist(target);
    return result;
}

bool sri_issue_poll_remove(struct sri_request *request)
{
    sri_look_unless_told(request->ring->engine);
    struct sri_request *target = sri_find(request->ring, request->search.user_data, IORING_OP_POLL_ADD);
    if (target == NULL)
        request->result = -ENOENT;
    else if (request->search.flags & UPDATES)
        request->result = update(target, &request->search);
    else
        request->result = remove_one(target);
    return true;
}
